"""Is the domain tested, or only run? Each of its functions is changed in every small way that mutmut knows.

`make bench NAME=mutation`: the share of the mutants that some test notices; below the gate, the exit status is 1.
`--module order/placing` (repeatable) measures a part. The last line is JSON; what no test noticed is on stderr, and for
the whole domain in `tests/bench/survivors.txt`, which keeps the reasons that people gave there.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.proof.mutation.measure import BUDGET, measure, noticed
from tests.proof.mutation.stage import ROOT, Plan

if TYPE_CHECKING:
    from tests.proof.mutation.measure import Measured

SURVIVORS: Final = Path(__file__).with_name("survivors.txt")
_REASON: Final = " || "
_NO_REASON: Final = "survived"
_HEAD: Final = """\
# Mutants of the domain that no test killed, written by `make bench NAME=mutation`.
# <module>.<function>: <code> ==> <what it was changed to> || <`survived`, or why the change is none>
"""


def main() -> int:
    """Measure, list, and say whether the gate was passed."""
    parser = argparse.ArgumentParser(prog="make bench NAME=mutation")
    parser.add_argument("--module", action="append", default=[], help="a module below the domain, as order/placing")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--budget", type=float, default=BUDGET, help="CPU seconds of tests for one mutant")
    options = parser.parse_args()
    name = "+".join(each.replace("/", ".") for each in options.module) or "all"
    plan = Plan(where=ROOT / ".local" / "mutation" / name, modules=tuple(options.module))
    measured = measure(plan, jobs=options.jobs, budget=options.budget)
    reasons = read_reasons(SURVIVORS)
    lines = [f"{change}{_REASON}{reasons.get(str(change), _NO_REASON)}" for change in measured.left]
    print(*lines, sep="\n", file=sys.stderr)
    _print_modules(measured)
    if not options.module:
        SURVIVORS.write_text("\n".join([_HEAD.rstrip(), *lines, ""]), encoding="utf-8")
    print(json.dumps({**measured.document(), "explained": sum(str(each) in reasons for each in measured.left)}))
    return 0 if measured.passed else 1


def read_reasons(path: Path) -> dict[str, str]:
    """Reasons by the line of their survivor; that it survived is none."""
    if not path.exists():
        return {}
    parts = [line.rpartition(_REASON) for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    return {change: reason for change, _, reason in parts if reason not in (_NO_REASON, "")}


def _print_modules(measured: Measured) -> None:
    for module, counts in measured.verdicts.items():
        share = noticed(counts) / counts.total()
        print(f"{module:24} {counts.total():5} mutants, {share:.1%} killed", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
