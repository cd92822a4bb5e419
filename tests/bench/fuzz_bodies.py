"""Damaged bodies of every sender, read in process: how many, how they ended, and how many broke what reads them.

`make bench NAME=fuzz_bodies`: `--bodies` of them (a million), `--salt` for others, `--source` for those of one sender,
`--jobs` processes. A body that is neither read to something sound nor refused with a type of ours is a crash, and so is
one that takes over two seconds; each kind of crash is told on stderr with a body that shows it. Where atheris is
installed, `--guided` lets it choose the bodies by the branches that they reach. The last line is JSON; the exit code is
1 when anything crashed.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.proof.bodies.corpus import seeds
from tests.proof.bodies.guided import guided
from tests.proof.bodies.run import CRASHED, IGNORED, NAMED, NORMALIZED, REFUSED, Tally, campaign

BODIES = 1_000_000


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="make bench NAME=fuzz_bodies")
    parser.add_argument("--bodies", type=int, default=BODIES)
    parser.add_argument("--salt", default="0")
    parser.add_argument("--source", default="", choices=["", *sorted({seed.source for seed in seeds()})])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--guided", action="store_true", help="by atheris, which must be installed")
    asked = parser.parse_args()
    began = time.monotonic()
    tally = (
        guided(asked.bodies, asked.salt)
        if asked.guided
        else _spread(asked.bodies, asked.salt, asked.source, asked.jobs)
    )
    for crash in tally.crashes:
        print(crash, file=sys.stderr)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    report = {
        "bodies": sum(tally.kinds.values()),
        "refused": tally.kinds[REFUSED],
        "normalized": tally.kinds[NORMALIZED],
        "ignored": tally.kinds[IGNORED],
        "named": tally.kinds[NAMED],
        "crashes": tally.kinds[CRASHED],
        "endings": len(tally.endings),
        "guided": asked.guided,
        "slowest_ms": round(1000 * tally.slowest_s, 1),
        "peak_mb": round(max(each.ru_maxrss for each in used) / 1024),
        "seconds": round(time.monotonic() - began, 1),
        "cpu_s": round(sum(each.ru_utime + each.ru_stime for each in used), 1),
        "sources": dict(sorted(tally.sources.items())),
    }
    print(json.dumps(report))
    return 1 if tally.kinds[CRASHED] else 0


def _spread(bodies: int, salt: str, source: str, jobs: int) -> Tally:
    """Over so many processes, each with a salt of its own."""
    whole, tally = bodies // jobs, Tally()
    parts = [whole + (1 if job < bodies % jobs else 0) for job in range(jobs)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for part in pool.map(campaign, parts, [f"{salt}.{job}" for job in range(jobs)], [source] * jobs):
            tally.add(part)
    return tally


if __name__ == "__main__":
    sys.exit(main())
