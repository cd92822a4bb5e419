"""Ten million random operations on stock, and no unit of difference.

`make bench NAME=stock_drift`: promises of several lines, shipments, cancellations, rejections, returns, movements of
every kind, transfers and counts on 120 positions; the code's positions against an account that counts by hand, each
refusal included. JSON: `operations`, `refused`, `disagreements`, `drift` (units, summed over positions and components),
`operations_per_s`. `--operations N`, `--jobs N`.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from tests.proof.drift.run import Drift, Play

PART: Final = 250_000


def play(seed: int, operations: int) -> Drift:
    """One run."""
    return Play(seed).run(operations)


def main() -> None:
    """Play, and say what is different."""
    parser = argparse.ArgumentParser(prog="make bench NAME=stock_drift")
    parser.add_argument("--operations", type=int, default=10_000_000)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    began = time.monotonic()
    parts = [PART] * (options.operations // PART) or [options.operations]
    with ProcessPoolExecutor(options.jobs) as pool:
        runs = list(pool.map(play, range(len(parts)), parts))
    seconds, operations = time.monotonic() - began, sum(run.operations for run in runs)
    report = {
        "operations": operations,
        "refused": sum(run.refused for run in runs),
        "disagreements": sum(run.disagreements for run in runs),
        "drift": sum(run.units for run in runs),
        "kinds": len(set.union(*(run.kinds for run in runs))),
        "operations_per_s": round(operations / seconds),
        "seconds": round(seconds, 1),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
