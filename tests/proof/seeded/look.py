"""Run one check, and say what it found: `python -m tests.proof.seeded.look <check>`; the last line is JSON.

| check | what |
|---|---|
| `story <name>` | a story of the sweep without a fault, then every invariant |
| `sweep <story> <function> <fault>` | the story with this fault at each call of the function |
| `duel <name>` | two that act at once, over the real adapters |
| `interleave <scenario>` | a scenario of the interleaver, depth first |
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Final

import oms
from tests.proof.interleave.campaign import Task, play
from tests.proof.sweep import run
from tests.proof.sweep.cases import cases
from tests.proof.sweep.duels import DUELS, duel
from tests.proof.sweep.stories import STORIES
from tests.proof.sweep.world import world
from tests.support.template import LAYER

if TYPE_CHECKING:
    from tests.proof.sweep.forks import Violation

SCHEDULES: Final = 3000
"""Of a scenario, depth first."""


def look(check: str) -> list[Violation]:
    """Everything that the check finds."""
    match check.split():
        case ["story", name]:
            return told(name)
        case ["sweep", story, function, fault]:
            return swept(story, function, fault)
        case ["duel", name]:
            return duel(DUELS[name])
        case ["interleave", name]:
            return explored(name)
    raise ValueError(f"no such check: {check}")


def told(story: str) -> list[Violation]:
    """A story, to its end or to where it cannot go on."""
    broke: list[Violation] = []
    with world() as w:
        try:
            STORIES[story](w)
            run.finish(w)
        except AssertionError as error:
            broke = [("story", str(error))]
        return [*run.unsound(w), *broke]


def swept(story: str, function: str, fault: str) -> list[Violation]:
    """A story with a fault, as it differs from the same without."""
    try:
        sites, clean = run.good_run(story)
    except run.UnsoundError as error:
        return list(error.violations)
    wanted = [case for case in cases(sites) if case.site.function == function and case.fault.value == fault]
    return [violation for _, violation in run.branches(story, wanted, clean)]


def explored(scenario: str) -> list[Violation]:
    """The first schedule that ends wrong."""
    part = play(Task(scenario, SCHEDULES, 0))
    if not part.violations:
        return []
    named = re.search(r"\bI\d+(?=: )", part.first)
    return [(named[0] if named else "unnamed", part.first)]


def main() -> None:
    """Look, and tell."""
    if not str(oms.__file__).startswith(str(LAYER)):
        raise SystemExit(f"this is the product of another tree: {oms.__file__}")
    print(json.dumps(look(" ".join(sys.argv[1:]))))


if __name__ == "__main__":
    main()
