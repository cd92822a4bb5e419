"""Cooperative schedules: workers that run in one thread and stop before every operation on what they share.

Each worker is a greenlet. Before an operation it hands the operation over and waits; the scheduler says who goes on
and how: normally, or with a fault. So a schedule is nothing but the list of moves made, and the same list gives the
same run.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from greenlet import GreenletExit, getcurrent, greenlet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_MOVES: Final = 400
"""A schedule that is longer does not end: every worker has a bounded number of tries."""
MAX_WORKERS: Final = 24


class Act(StrEnum):
    """How an operation goes."""

    GO = "go"
    LOST = "lost"
    """It is done, and the caller gets the error of a connection that broke before the answer."""
    RESENT = "resent"
    """It is done, its answer is lost, and the client library sends it again by itself: done twice, one answer."""
    CRASH = "crash"
    """It is done, and the worker dies before it learns so."""
    DUPLICATE = "duplicate"
    """The input that the worker works on is delivered a second time, to another worker."""


class Op(NamedTuple):
    """An operation that a worker is about to make: `touches` names what it reads or writes."""

    name: str
    touches: tuple[str, ...]
    write: bool

    def independent(self, other: Op) -> bool:
        """Done in either order they give the same state and the same answers."""
        return not ((self.write or other.write) and any(each in other.touches for each in self.touches))


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """One step of a schedule: `worker` makes its pending operation the way `act` says. There is one object of each."""

    worker: int
    act: Act
    code: int
    """The move as one byte."""


_ACTS: Final = tuple(Act)
MOVES: Final = tuple(
    tuple(Move(worker, act, worker * len(_ACTS) + place) for place, act in enumerate(_ACTS))
    for worker in range(MAX_WORKERS)
)
"""By worker, then in the order of `Act`."""
_GO, _LOST, _RESENT, _CRASH, _DUPLICATE = range(len(_ACTS))


def undisturbed(worker: int) -> Move:
    """The worker goes on."""
    return MOVES[worker][_GO]


@dataclass(frozen=True, slots=True)
class Budget:
    """How many faults of each kind a schedule may hold, and in all; `tries` of one input before it counts as stuck."""

    lost: int = 0
    resent: int = 0
    crash: int = 0
    duplicate: int = 0
    faults: int = 1
    tries: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Something that runs beside others. `body` is given the number of the try (1-based) and whether it is the last."""

    name: str
    body: Callable[[int, bool], object]
    delivered: bool = True
    """Its input comes from a queue or a stream, so it may come twice."""
    when: Callable[[], bool] | None = None
    """It cannot begin before this holds (a webhook tells of what has happened); when it never does, it does not run."""
    impatient: bool = False
    """It is tried again although nothing has changed: redeliveries that use up its tries."""


BEGIN: Final = Op("begin", (), write=False)


class CrashedError(BaseException):
    """Ends a worker where it stands; nothing in the product can catch it."""


@dataclass(slots=True)
class _Task:
    index: int
    worker: Worker
    moves: tuple[Move, ...]
    fiber: Any = None
    pending: Op | None = None
    tries: int = 0
    copies: int = 0
    moved: int = 0
    """Operations made in this try."""
    began_at: int = 0
    """Writes of all when this try began."""
    parked_at: int = -1
    """Writes of all when a try failed during which nobody wrote: until somebody does, the next would fail the same."""
    answer: object = None
    error: BaseException | None = None
    done: bool = False
    waits: bool = False


class Strategy(Protocol):
    """Who decides."""

    def choose(self, moves: Sequence[Move], schedule: Schedule) -> Move:
        """One of `moves`; never empty."""


class Ended(NamedTuple):
    """How a worker ended: its answer, or the error of its last try."""

    name: str
    answer: object
    error: BaseException | None
    tries: int


@dataclass(slots=True)
class Schedule:
    """One run. `retryable` says which errors bring an input again; any other ends its worker with that error."""

    workers: list[Worker]
    budget: Budget
    strategy: Strategy
    retryable: Callable[[BaseException], bool]
    made: list[Move] = field(default_factory=list)
    ops: list[Op] | None = None
    """The operations behind the moves, kept when somebody wants to read them."""
    last: int = -1
    """The worker that moved last."""
    _tasks: list[_Task] = field(default_factory=list)
    _hub: Any = field(default_factory=getcurrent)
    _writes: int = 0
    _left: list[int] = field(default_factory=list)
    """Faults that may still come, by kind; the first is how many in all."""

    def run(self) -> list[Ended]:
        """Run all workers to their ends."""
        budget = self.budget
        self._left = [budget.faults, budget.lost, budget.resent, budget.crash, budget.duplicate]
        for worker in self.workers:
            self._spawn(worker)
        try:
            while moves := self.moves():
                if len(self.made) >= MAX_MOVES:
                    raise RuntimeError("a schedule without end")
                self._make(self.strategy.choose(moves, self))
        finally:
            self._clear()
        return [Ended(task.worker.name, task.answer, task.error, task.tries) for task in self._tasks]

    def moves(self) -> list[Move]:
        """All that could come next: the worker that moved last first, undisturbed before faulty."""
        alive = [task for task in self._tasks if not task.done]
        enabled = [task for task in alive if self._may_go(task)] or [task for task in alive if not task.waits]
        if len(enabled) > 1 and self.last >= 0:
            for place, task in enumerate(enabled):
                if task.index == self.last:
                    enabled.insert(0, enabled.pop(place))
                    break
        moves = [task.moves[_GO] for task in enabled]
        if self._left[_GO] > 0:
            for task in enabled:
                self._add_faults(task, moves)
        return moves

    def pending(self, index: int) -> Op:
        """The operation that a worker waits before."""
        op = self._tasks[index].pending
        if op is None:
            raise RuntimeError("the worker waits for nothing")
        return op

    def reach(self, op: Op) -> Act:
        """Called by a worker before an operation: how it is to be made. Outside of workers all is undisturbed."""
        if getcurrent() is self._hub:
            return Act.GO
        act: Act = self._hub.switch(op)
        return act

    def hash(self) -> int:
        """64 bits over the moves made."""
        codes = bytes([move.code for move in self.made])
        return int.from_bytes(hashlib.blake2b(codes, digest_size=8).digest(), "big")

    def name(self, index: int) -> str:
        """The worker's name."""
        return self._tasks[index].worker.name

    def _add_faults(self, task: _Task, moves: list[Move]) -> None:
        left = self._left
        if task.pending is not None and task.pending.write:
            # The last try is one that goes through: what keeps failing is another promise (parked, shown).
            last = task.tries >= self.budget.tries
            if left[_LOST] and not last:
                moves.append(task.moves[_LOST])
            if left[_RESENT]:
                moves.append(task.moves[_RESENT])
            if left[_CRASH] and not last:
                moves.append(task.moves[_CRASH])
        if left[_DUPLICATE] and task.tries == 1 and not task.moved and not task.copies and task.worker.delivered:
            moves.append(task.moves[_DUPLICATE])

    def _may_go(self, task: _Task) -> bool:
        if task.waits:
            return task.worker.when is not None and task.worker.when()
        return task.worker.impatient or task.moved > 0 or task.parked_at != self._writes

    def _spawn(self, worker: Worker, copies: int = 0) -> None:
        index = len(self._tasks)
        task = _Task(index=index, worker=worker, moves=MOVES[index], copies=copies)
        self._tasks.append(task)
        if worker.when is None:
            self._begin(task)
        else:
            task.waits, task.pending = True, BEGIN

    def _begin(self, task: _Task) -> None:
        """Start a try, up to its first operation."""
        task.tries += 1
        task.moved = 0
        task.began_at = self._writes
        task.fiber = greenlet(task.worker.body, self._hub)
        self._resume(task, task.tries, task.tries >= self.budget.tries)

    def _make(self, move: Move) -> None:
        self.made.append(move)
        self.last = move.worker
        task = self._tasks[move.worker]
        op = self.pending(move.worker)
        if self.ops is not None:
            self.ops.append(op)
        if move.act is not Act.GO:
            self._left[_GO] -= 1
            self._left[move.code % len(_ACTS)] -= 1
        if move.act is Act.DUPLICATE:
            task.copies = 1
            self._spawn(replace(task.worker, name=f"{task.worker.name} (again)", when=None), copies=1)
            return
        if task.waits:
            task.waits = False
            self._begin(task)
            return
        self._writes += op.write
        task.moved += 1
        self._resume(task, move.act)

    def _resume(self, task: _Task, *args: object) -> None:
        if task.fiber is None:
            raise RuntimeError("the worker has not begun")
        task.pending = None
        try:
            given: Any = task.fiber.switch(*args)
        except CrashedError as error:
            self._again(task, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the worker's outcome
            if self.retryable(error):
                self._again(task, error)
            else:
                self._end(task, None, error)
        else:
            if task.fiber.dead:
                self._end(task, given, None)
            else:
                task.pending = given

    def _again(self, task: _Task, error: BaseException) -> None:
        if task.tries >= self.budget.tries:
            self._end(task, None, error)
            return
        task.parked_at = self._writes if task.began_at == self._writes else -1
        self._begin(task)

    @staticmethod
    def _end(task: _Task, answer: object, error: BaseException | None) -> None:
        task.done, task.answer, task.error, task.fiber = True, answer, error, None

    def _clear(self) -> None:
        """Nothing stays suspended behind a run that broke off."""
        for task in self._tasks:
            if task.fiber is not None and not task.fiber.dead:
                task.fiber.throw(GreenletExit)
