"""All scenarios, explored by several processes: each depth first, then at random, and once without its guard."""

from __future__ import annotations

from array import array
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.proof.interleave import (
    contacts_race,
    dispute_race,
    edits_race,
    holds_race,
    money_race,
    move_race,
    orders_race,
    overdue_race,
    recovery_race,
    returns_race,
    serials_race,
    shards_race,
    stock_race,
)
from tests.proof.interleave.explore import explore
from tests.proof.interleave.remember import remembering
from tests.proof.interleave.scenario import runners

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.proof.interleave.scenario import Scenario

_MODULES: Final = (
    money_race,
    recovery_race,
    orders_race,
    overdue_race,
    stock_race,
    holds_race,
    shards_race,
    serials_race,
    returns_race,
    move_race,
    edits_race,
    contacts_race,
    dispute_race,
)
"""Those with the most schedules first: they take the longest."""
SCENARIOS: Final[dict[str, Scenario]] = {each.name: each for module in _MODULES for each in module.SCENARIOS}
MOST: Final = 400_000
"""Schedules of one scenario depth first, after which it does not count as exhaustive."""
CHUNK: Final = 10_000
"""Schedules of one walk."""
FRESH: Final = 0.2
"""A walk of which less was new has seen what there is."""
UNGUARDED: Final = (1500, 500)
"""Without the guard: so many depth first, so many at random."""


class Task(NamedTuple):
    """A part of a scenario: so many schedules depth first, then so many at random."""

    scenario: str
    limit: int
    walk: int
    seed: int = 0
    guarded: bool = True


class Part(NamedTuple):
    """What a task found; `seen` are the hashes, 8 bytes each."""

    task: Task
    seen: bytes
    exhaustive: bool
    violations: int
    first: str


@dataclass(slots=True)
class Tally:
    """What is known of a scenario."""

    seen: set[int] = field(default_factory=set)
    exhaustive: bool = False
    violations: int = 0
    unguarded: int = 0
    first: str = ""
    walks: int = 0
    tired: bool = False
    """Its last walk brought little that is new."""

    def take(self, part: Part) -> None:
        """Add what a task found."""
        if not part.task.guarded:
            self.unguarded += part.violations
            return
        before = len(self.seen)
        hashes = array("Q", part.seen)
        self.seen.update(hashes)
        self.violations += part.violations
        self.first = self.first or part.first
        if part.task.walk:
            self.tired = len(self.seen) - before < FRESH * part.task.walk
        else:
            self.exhaustive = part.exhaustive

    def row(self) -> dict[str, Any]:
        """As the report has it."""
        return {
            "distinct_schedules": len(self.seen),
            "exhaustive": self.exhaustive,
            "violations": self.violations,
            "violations_guard_removed": self.unguarded,
        }


def play(task: Task) -> Part:
    """Run one task."""
    run, wide = runners(SCENARIOS[task.scenario], guarded=task.guarded)
    with remembering():
        found = explore(run, wide, limit=task.limit, seed=task.seed, walk=task.walk)
    return Part(task, array("Q", found.seen).tobytes(), found.exhaustive, found.violations, found.first)


def campaign(
    names: Iterable[str], *, jobs: int, wanted: int, limit: int = MOST, tell: Callable[[Part], None]
) -> dict[str, Tally]:
    """Every scenario depth first and without its guard, then walks in turn until `wanted` distinct schedules were run.

    Walks end too when no scenario has anything new to show. `tell` hears of every task that is done.
    """
    tallies = {name: Tally() for name in names}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:

        def done(tasks: Iterable[Task]) -> Iterator[Part]:
            for future in as_completed([pool.submit(play, task) for task in tasks]):
                yield future.result()

        first = [Task(name, limit, 0) for name in tallies]
        first += [Task(name, *UNGUARDED, guarded=False) for name in tallies]
        for part in done(first):
            tallies[part.task.scenario].take(part)
            tell(part)
        while (missing := wanted - sum(len(each.seen) for each in tallies.values())) > 0:
            turn = sorted((tally.walks, name) for name, tally in tallies.items() if not tally.tired)
            if not turn:
                break
            count = min(len(turn), max(jobs, -(-missing // CHUNK)))
            walks = []
            for number, name in turn[:count]:
                tallies[name].walks += 1
                walks.append(Task(name, 0, min(CHUNK, missing), seed=number + 1))
            for part in done(walks):
                tallies[part.task.scenario].take(part)
                tell(part)
    return tallies
