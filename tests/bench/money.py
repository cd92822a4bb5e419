"""`make bench NAME=money`: random orders against an oracle in exact fractions, and defects that have to show.

The last line is JSON: sequences, drift (minor units, summed over every account of every order after every step),
sequences_per_s of all processes, planted and planted_caught.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor

from tests.proof.money.drive import play
from tests.proof.money.planted import DEFECTS, caught

CHUNK = 5_000


def run(first: int) -> tuple[int, list[int]]:
    """(drift, the first seeds with any) of a chunk of sequences."""
    found = {seed: drift for seed in range(first, first + CHUNK) if (drift := play(seed))}
    return sum(found.values()), list(found)[:3]


def main() -> int:
    """1 when anything drifted, or a defect did not show."""
    options = argparse.ArgumentParser(prog="make bench NAME=money")
    options.add_argument("--sequences", type=int, default=1_000_000)
    options.add_argument("--processes", type=int, default=2)
    asked = options.parse_args()
    begun = time.monotonic()
    drift, sequences = 0, 0
    with ProcessPoolExecutor(asked.processes) as pool:
        for found, seeds in pool.map(run, range(0, asked.sequences, CHUNK)):
            drift += found
            sequences += CHUNK
            if seeds:
                print(f"drift of {found} in sequences {seeds}")
            if not sequences % 100_000:
                print(f"{sequences} sequences, drift {drift}", flush=True)
    took = time.monotonic() - begun
    shown = [name for name in DEFECTS if caught(name)]
    print(
        json.dumps(
            {
                "sequences": sequences,
                "drift": drift,
                "sequences_per_s": round(sequences / took),
                "planted": len(DEFECTS),
                "planted_caught": len(shown),
                "missed": sorted(set(DEFECTS) - set(shown)),
            }
        )
    )
    return int(drift > 0 or len(shown) < len(DEFECTS))


if __name__ == "__main__":
    raise SystemExit(main())
