"""Every call of every function, made to fail in every way, in process over moto.

`make bench NAME=sweep`: stories reach every call that any function makes to AWS (and to vendors); each of these sites
meets each fault, then everybody who would try again does, and the world must end as it would have without. Two
processes; `--every N` plays every N-th case; `--stories`, `--functions` and `--faults` (`a,b`) only those; `--defect
NAME` plants a defect. Violations are listed on stderr as they are found; the last line of stdout is JSON.
"""

from __future__ import annotations

import argparse
import json
import time

from tests.proof.sweep.defects import DEFECTS
from tests.proof.sweep.run import sweep


def main() -> None:
    """Sweep, and say what was found."""
    parser = argparse.ArgumentParser(prog="make bench NAME=sweep")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--stories", default="")
    parser.add_argument("--faults", default="")
    parser.add_argument("--functions", default="")
    parser.add_argument("--defect", default="", choices=("", *DEFECTS))
    parser.add_argument("--calls", action="store_true", help="list where calls were made")
    options = parser.parse_args()
    began = time.monotonic()
    report = sweep(
        jobs=options.jobs,
        every=options.every,
        stories=_names(options.stories),
        faults=_names(options.faults),
        functions=_names(options.functions),
        defect=options.defect,
    )
    document = report.document()
    document.pop("found")
    if options.calls:
        document["calls"] = sorted({(*site.origin, site.name) for site in report.sites})
    print(json.dumps({**document, "seconds": round(time.monotonic() - began, 1)}))


def _names(given: str) -> list[str]:
    return [each for each in given.split(",") if each]


if __name__ == "__main__":
    main()
