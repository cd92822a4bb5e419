"""Exploring schedules: all of them within the bounds, then a seeded random walk over wider ones.

The exhaustive part runs the schedule again from the start for each leaf of the tree. Of schedules that differ only in
the order of neighbouring independent operations it needs one: sleep sets (Godefroid 1996) leave out the others, and
nothing that an invariant could tell apart.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from tests.proof.interleave.kernel import Act, Move, Op, Schedule, undisturbed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.proof.interleave.kernel import Strategy

FAULT_CHANCES: Final = (0.05, 0.2, 0.5)
"""How likely the walk disturbs an operation that can be, one of these for a whole schedule."""
STICKINESS: Final = (0.0, 0.4, 0.7, 0.85)
"""How likely the walk stays with the worker that moved last, one of these for a whole schedule."""


SPAWNED: Final = Op("delivered again", (), write=False)
"""What a second delivery does by itself: nothing that others see."""


class Run(Protocol):
    """Runs one schedule from a fresh world and checks it: what is wrong with it, None when nothing is."""

    def __call__(self, strategy: Strategy, *, readable: bool = False) -> tuple[Schedule, str | None]:
        """`readable` keeps the operations behind the moves."""


class PrunedError(Exception):
    """Every move from here leads to schedules that were run in another order of independent operations."""


@dataclass(slots=True)
class _Node:
    """A choice made: what is still to be tried here, and what sleeps."""

    todo: list[Move]
    sleep: dict[Move, Op]
    tried: list[tuple[Move, Op]] = field(default_factory=list)


@dataclass(slots=True)
class DepthFirst:
    """Every schedule once, replaying the path to each. A strategy for one schedule at a time; see `schedules`."""

    reduce: bool = True
    path: list[_Node] = field(default_factory=list)
    _at: int = 0

    def choose(self, moves: Sequence[Move], schedule: Schedule) -> Move:
        """Along the path, then the first move that does not sleep."""
        if self._at < len(self.path):
            node = self.path[self._at]
        else:
            sleep = self._inherited()
            node = _Node([move for move in moves if move not in sleep], sleep)
            if not node.todo:
                raise PrunedError
            self.path.append(node)
        self._at += 1
        move = node.todo[0]
        if len(node.tried) == 0 or node.tried[-1][0] != move:
            node.tried.append((move, SPAWNED if move.act is Act.DUPLICATE else schedule.pending(move.worker)))
        return move

    def _inherited(self) -> dict[Move, Op]:
        """What sleeps at a new node: what slept or was tried at its parent, and does not depend on the move made."""
        if not self.path or not self.reduce:
            return {}
        parent = self.path[-1]
        move, op = parent.tried[-1]
        asleep = {**parent.sleep, **dict(parent.tried[:-1])}
        return {each: its for each, its in asleep.items() if _commute(each, its, move, op)}

    def next(self) -> bool:
        """Turn to the next schedule; False when all were run."""
        self._at = 0
        while self.path:
            node = self.path[-1]
            node.todo.pop(0)
            if node.todo:
                return True
            self.path.pop()
        return False


def _commute(one: Move, its: Op, other: Move, op: Op) -> bool:
    """Moves of two workers on different things. Two faults share a budget: the first may leave none for the second."""
    return one.worker != other.worker and (one.act is Act.GO or other.act is Act.GO) and its.independent(op)


@dataclass(slots=True)
class RandomWalk:
    """Any move, seeded."""

    rng: random.Random
    stickiness: float = 0.0
    faults: float = 0.1

    def choose(self, moves: Sequence[Move], schedule: Schedule) -> Move:
        """Faulty by its chance; else the worker that moved last by its stickiness, or any."""
        faulty = [move for move in moves if move.act is not Act.GO]
        if faulty and self.rng.random() < self.faults:
            return self.rng.choice(faulty)
        going = len(moves) - len(faulty)
        if moves[0].worker == schedule.last and self.rng.random() < self.stickiness:
            return moves[0]
        return moves[int(self.rng.random() * going)]


@dataclass(slots=True)
class Scripted:
    """The moves of a list as far as they are possible, then the first of what is."""

    script: Sequence[Move]
    _at: int = 0

    def choose(self, moves: Sequence[Move], schedule: Schedule) -> Move:
        """A move of the script that is not possible here is passed over."""
        while self._at < len(self.script):
            wanted = self.script[self._at]
            self._at += 1
            if wanted in moves:
                return wanted
        return moves[0]


@dataclass(slots=True, kw_only=True)
class Explored:
    """What was run, and what was wrong."""

    seen: set[int] = field(default_factory=set)
    """The hashes of the schedules that were run."""
    exhaustive: bool = False
    violations: int = 0
    first: str = ""
    """The first violation's schedule, made as short as it gets, one line per move."""

    @property
    def distinct(self) -> int:
        """Schedules that differ."""
        return len(self.seen)


def explore(run: Run, wide: Run, *, limit: int, seed: int, walk: int, stop_at: int = 0) -> Explored:
    """Depth first up to `limit` schedules, then `walk` more at random over `wide`, the same with wider bounds.

    Ends after `stop_at` violations when that is not 0.
    """
    result = Explored()

    def take(schedule: Schedule, wrong: str | None, how: Run) -> bool:
        """Count it; True when it is enough."""
        result.seen.add(schedule.hash())
        if wrong is not None:
            result.violations += 1
            if not result.first:
                result.first = explain(how, schedule.made, wrong)
        return bool(stop_at) and result.violations >= stop_at

    for schedule, wrong in _all(run, limit, result):
        if take(schedule, wrong, run):
            break
    else:
        rng = random.Random(seed)
        for _ in range(walk):
            strategy = RandomWalk(rng, rng.choice(STICKINESS), rng.choice(FAULT_CHANCES))
            if take(*wide(strategy), wide):
                break
    return result


def _all(run: Run, limit: int, result: Explored) -> Iterator[tuple[Schedule, str | None]]:
    """Schedules depth first; marks the result exhaustive when none is left."""
    strategy = DepthFirst()
    left = limit
    while left > 0:
        try:
            yield run(strategy)
            left -= 1
        except PrunedError:
            pass
        if not strategy.next():
            result.exhaustive = True
            return


def shorten(run: Run, made: Sequence[Move], wrong: str) -> list[Move]:
    """Fewer moves that still go wrong the same way: each is taken out when the rest does without it."""
    kind = wrong.partition(":")[0]

    def fails(script: Sequence[Move]) -> list[Move] | None:
        schedule, found = run(Scripted(script))
        return schedule.made if found is not None and found.partition(":")[0] == kind else None

    script = list(made)
    shorter = True
    while shorter:
        shorter = False
        for index in reversed(range(len(script))):
            calm = undisturbed(script[index].worker)
            for rest in (script[:index] + script[index + 1 :], [*script[:index], calm, *script[index + 1 :]]):
                if rest != script and fails(rest) is not None:
                    script, shorter = rest, True
                    break
    return fails(script) or list(made)


def explain(run: Run, made: Sequence[Move], wrong: str) -> str:
    """The schedule as people read it, shortened."""
    script = shorten(run, made, wrong)
    schedule, found = run(Scripted(script), readable=True)
    lines = [found or wrong]
    for number, (move, op) in enumerate(zip(schedule.made, schedule.ops or [], strict=True), start=1):
        how = "" if move.act is Act.GO else f"   <- {_WORDS[move.act]}"
        lines.append(f"{number:4}. {schedule.name(move.worker):<24} {op.name}{how}")
    return "\n".join(lines)


_WORDS: Final[dict[Act, str]] = {
    Act.LOST: "done, but its answer is lost: an error",
    Act.RESENT: "done, its answer is lost, sent again by the client library",
    Act.CRASH: "done, and the worker dies",
    Act.DUPLICATE: "its input is delivered once more",
}
