"""Bugs planted on purpose, one at a time in a copy of the tree: does the promise that each breaks say so?

`make bench NAME=seeded_bugs`: each patch of `tests/proof/seeded` is applied to a copy of the working tree and its check
is run there; the bug is caught when the check finds the very invariant that the table names. The same checks find
nothing in a copy without a bug. `--only a,b`: only those. What was found is told on stderr; the last line of stdout is
JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tests.proof.seeded.bugs import BUGS
from tests.proof.seeded.plant import Found, found_in, hunt, planted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.proof.seeded.bugs import Bug


def main() -> int:
    """Plant and look; 1 when a bug went unseen, or something was seen where there is none."""
    parser = argparse.ArgumentParser(prog="make bench NAME=seeded_bugs")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    names = [each for each in options.only.split(",") if each]
    if unknown := set(names) - {bug.name for bug in BUGS}:
        parser.error(f"no such bug: {', '.join(sorted(unknown))}")
    bugs = [bug for bug in BUGS if not names or bug.name in names]
    checks = sorted({bug.check for bug in bugs})
    with planted(None) as sound, ThreadPoolExecutor(options.jobs) as pool:
        without = pool.map(lambda check: found_in(sound, check), checks)
        rows = dict(zip((bug.name for bug in bugs), pool.map(_row, bugs), strict=True))
        false = _told(checks, list(without))
    caught = sum(row["caught"] for row in rows.values())
    report = {"planted": len(bugs), "caught": caught, "found_without_a_bug": false, "bugs": rows}
    print(json.dumps(report))
    return 1 if false or caught < len(bugs) else 0


def _row(bug: Bug) -> dict[str, Any]:
    found = hunt(bug)
    caught = bug.invariant in found.counts
    shown = found.first.get(bug.invariant) or json.dumps(found.first)
    word = "caught" if caught else "NOT CAUGHT"
    print(f"{bug.name}: {word} by {bug.check}: {bug.invariant}: {shown[:400]}", file=sys.stderr, flush=True)
    return {
        "invariant": bug.invariant,
        "check": bug.check,
        "caught": caught,
        "found": found.counts,
        "seconds": found.seconds,
    }


def _told(checks: Sequence[str], without: Sequence[Found]) -> int:
    """How many checks find something in the product as it is."""
    wrong = [(check, found.first) for check, found in zip(checks, without, strict=True) if found.counts]
    for check, first in wrong:
        print(f"without a bug: {check}: {json.dumps(first)[:1500]}", file=sys.stderr)
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main())
