"""Everything delivered several times, shuffled, eight at once, on the real engine, while functions are killed and fail.

`make bench NAME=chaos`: 200 seeds; `--seeds N`, `--first N`; `--defect NAME` plants a defect in the functions
(`reserved_twice`: a reservation is counted twice; `acknowledged`: a delivery is acknowledged and not queued;
`told_twice`: what channels were told is forgotten, and not recognized). Each seed sends every sample of every channel,
carrier and payment provider and every site order to accounts of its own, ships, cancels and gives back orders of every
channel, whose APIs fail too, and must end in the facts of one clean delivery, what channels were told among them by
their own record. Violations are listed on stderr; the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from tests.proof.chaos.run import DEFECTS, run


def main() -> None:
    """Play, and say what was found."""
    parser = argparse.ArgumentParser(prog="make bench NAME=chaos")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rates", type=float, default=1.0, help="faults, as a multiple of the usual")
    parser.add_argument("--defect", default="", choices=("", *DEFECTS))
    parser.add_argument("--collected", action="store_true", help="send ../shared/payloads too, where they are")
    options = parser.parse_args()
    began = time.monotonic()
    seeds = range(options.first, options.first + options.seeds)
    report = run(
        seeds,
        defect=options.defect,
        factor=options.rates,
        collected=options.collected,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    print(json.dumps({**report.document(), "seconds": round(time.monotonic() - began, 1)}))


if __name__ == "__main__":
    main()
