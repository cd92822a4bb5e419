"""Races over one order, one position, one payment: every order of the steps, with faults in between.

`make bench NAME=interleave`: each scenario is run depth first, with any one fault anywhere (an answer lost, a request
sent twice, a worker killed, an input delivered again), until every schedule of it was run; then at random with up to
four faults, until `--schedules` distinct ones were run in all. Each runs once more without the mechanism that makes it
right, and must then fail. `--slice N` runs an N-th of all that; `--scenarios a,b` only those. Violations are told on
stderr with the shortest schedule that shows them; the last line of stdout is JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time

from tests.proof.interleave.campaign import MOST, SCENARIOS, Part, campaign

SCHEDULES = 1_050_000


def main() -> int:
    """Run, say what was found; 1 when a promise was broken or a missing guard went unseen."""
    parser = argparse.ArgumentParser(prog="make bench NAME=interleave")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--schedules", type=int, default=SCHEDULES)
    parser.add_argument("--slice", type=int, default=1)
    parser.add_argument("--scenarios", default="")
    options = parser.parse_args()
    names = [each for each in options.scenarios.split(",") if each] or list(SCENARIOS)
    if unknown := [name for name in names if name not in SCENARIOS]:
        parser.error(f"no such scenario: {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    began = time.monotonic()
    wanted = options.schedules * len(names) // len(SCENARIOS)
    tallies = campaign(
        names, jobs=options.jobs, wanted=wanted // options.slice, limit=MOST // options.slice, tell=_tell
    )
    rows = {name: tally.row() for name, tally in tallies.items()}
    violations = sum(row["violations"] for row in rows.values())
    missed = [name for name, row in rows.items() if not row["violations_guard_removed"]]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = {
        "schedules": sum(row["distinct_schedules"] for row in rows.values()),
        "violations": violations,
        "exhaustive_with_faults": 1,
        "at_random_with_faults": 4,
        "seconds": round(time.monotonic() - began, 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "scenarios": rows,
    }
    print(json.dumps(report))
    return 1 if violations or missed else 0


def _tell(part: Part) -> None:
    task = part.task
    what = "without its guard" if not task.guarded else "at random" if task.walk else "depth first"
    print(f"{task.scenario} {what}: {len(part.seen) // 8} schedules, {part.violations} violations", file=sys.stderr)
    if task.guarded and part.first:
        print(part.first, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
