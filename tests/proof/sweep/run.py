"""Play stories with faults.

A case is a branch: the process forks at the invocation that it makes fail, so that what came before is played once for
all cases of a story.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.proof.invariants import check
from tests.proof.sweep import defects
from tests.proof.sweep.cases import Case, cases, distinct, site
from tests.proof.sweep.evidence import evidence
from tests.proof.sweep.facts import differences, facts
from tests.proof.sweep.forks import Violation, fork, tell
from tests.proof.sweep.stories import STORIES
from tests.proof.sweep.world import World, world

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tests.proof.sweep.cases import Site
    from tests.proof.sweep.facts import Facts

CHUNK: Final = 60
"""Cases that share one play of what came before them."""


class UnsoundError(AssertionError):
    """A story breaks promises without any fault."""

    def __init__(self, story: str, violations: Sequence[Violation]) -> None:
        super().__init__(story, violations)  # as given: it comes out of another process
        self.violations = tuple(violations)


@dataclass(kw_only=True)
class Report:
    """What became of a sweep."""

    sites: list[Site]
    cases: int = 0
    violations: list[tuple[Case, Violation]] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        per_function = Counter(site.function for site in self.sites)
        shown = [
            {
                "story": case.site.story,
                "function": case.site.function,
                "call": f"{case.site.name} #{case.site.place}",
                "invocation": case.site.invocation,
                "origin": " ".join(case.site.origin),
                "fault": case.fault.value,
                "invariant": violation[0],
                "detail": violation[1][:600],
            }
            for case, violation in self.violations
        ]
        return {
            "sites": len(self.sites),
            "cases": self.cases,
            "violations": len({case for case, _ in self.violations}),
            "faults": dict(sorted(self.faults.items())),
            "functions": dict(sorted(per_function.items())),
            "operations": len({(site.function, site.name) for site in self.sites}),
            "stories": len(STORIES),
            "found": shown,
        }


def finish(w: World) -> Facts:
    """The end of a story: nothing waits; after a fault, the watchdog has had its turns."""
    w.settle()
    return facts(w)


def unsound(w: World) -> list[Violation]:
    """What must hold of a world at rest whatever happened."""
    return [(each.invariant, each.detail) for each in check(evidence(w))]


def branches(story: str, wanted: Sequence[Case], clean: Facts) -> list[tuple[Case, Violation]]:
    """The violations of these cases of one story, which ends as `clean` without them."""
    found: list[tuple[Case, Violation]] = []
    mine: list[tuple[Case, int]] = []
    by_invocation: dict[int, list[Case]] = {}
    for case in wanted:
        by_invocation.setdefault(case.site.invocation, []).append(case)
    try:
        with world() as w:

            def branch(function: str, invocation: int) -> None:
                for case in by_invocation.pop(invocation, []):
                    told: list[Violation] = []
                    out = fork(told)
                    if out is not None:
                        mine.append((case, out))
                        w.before = lambda *_: None
                        w.tap.arm(invocation, case.site.place, case.fault)
                        return
                    found.extend((case, violation) for violation in told)

            w.before, w.tap.short = branch, True
            STORIES[story](w)
            if mine:
                tell(mine[0][1], _judge(w, clean))
    except BaseException:
        if not mine:
            raise
        text = traceback.format_exc(limit=-6)
        tell(mine[0][1], [("I8", text)])
    left = [case for each in by_invocation.values() for case in each]
    return found + [(case, ("determinism", "the story took another way")) for case in left]


def _judge(w: World, clean: Facts) -> list[Violation]:
    if not w.tap.fired:
        return [("determinism", "the call was never made")]
    return [*differences(clean, finish(w)), *unsound(w)]


def good_run(story: str) -> tuple[list[Site], Facts]:
    """The sites of a story, and what becomes of it without faults; it must be sound by itself."""
    with world() as w:
        STORIES[story](w)
        clean = finish(w)
        problems = [*unsound(w), *(("I13", each) for each in clean["views"])]
        if problems:
            raise UnsoundError(story, problems)
        return distinct(site(story, call) for call in w.tap.calls), clean


def _task(given: tuple[str, str, Facts, list[Case]]) -> list[tuple[Case, Violation]]:
    defect, story, clean, wanted = given
    with defects.planted(defect):
        return branches(story, wanted, clean)


def sweep(
    *,
    jobs: int = 2,
    every: int = 1,
    stories: Iterable[str] = (),
    functions: Collection[str] = (),
    faults: Collection[str] = (),
    defect: str = "",
) -> Report:
    """Enumerate the sites of the stories and play every `every`-th case, of the functions and faults that are named."""
    names = list(stories) or list(STORIES)
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        good = dict(zip(names, pool.map(good_run, names, chunksize=1), strict=True))
        found = distinct(each for seen, _ in good.values() for each in seen)
        wanted = [case for case in cases(found) if not functions or case.site.function in functions]
        chosen = [case for case in wanted if not faults or case.fault.value in faults][::every]
        report = Report(sites=found, cases=len(chosen), faults=Counter(case.fault.value for case in chosen))
        tasks = []
        for name in names:
            own = [case for case in chosen if case.site.story == name]
            tasks += [(defect, name, good[name][1], own[part : part + CHUNK]) for part in range(0, len(own), CHUNK)]
        for done in pool.imap_unordered(_task, tasks):
            report.violations += done
            for each in Report(sites=[], violations=done).document()["found"]:
                print(json.dumps(each, ensure_ascii=False), file=sys.stderr, flush=True)
    return report
