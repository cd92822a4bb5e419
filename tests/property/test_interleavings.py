"""Races in every order of their steps, with faults in between; and the explorer itself held to what can be counted."""

from __future__ import annotations

import random
from math import comb
from typing import TYPE_CHECKING, Final

import pytest

from tests.proof.interleave.campaign import SCENARIOS, Task, play
from tests.proof.interleave.explore import DepthFirst, PrunedError, RandomWalk, Scripted, explore
from tests.proof.interleave.kernel import Act, Budget, CrashedError, Ended, Op, Schedule, Worker
from tests.proof.interleave.remember import remembering
from tests.proof.interleave.scenario import retryable, runners

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proof.interleave.explore import Run
    from tests.proof.interleave.kernel import Strategy

DEPTH_FIRST: Final = 100
AT_RANDOM: Final = 150
UNTIL_SEEN: Final = 2000
INVARIANTS: Final = tuple(f"I{number}: " for number in range(1, 14))


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_order_of_the_steps_breaks_a_promise(name: str) -> None:
    found = play(Task(name, DEPTH_FIRST, AT_RANDOM, seed=7))
    assert found.violations == 0, found.first
    assert found.exhaustive or len(found.seen) // 8 > DEPTH_FIRST + AT_RANDOM // 3


@pytest.mark.parametrize("name", SCENARIOS)
def test_without_its_guard_a_race_breaks_a_named_invariant(name: str) -> None:
    with remembering():
        found = explore(*runners(SCENARIOS[name], guarded=False), limit=UNTIL_SEEN, seed=7, walk=0, stop_at=1)
    assert found.violations == 1
    assert found.first.startswith(INVARIANTS), found.first
    assert "\n   1. " in found.first


def test_what_is_remembered_changes_nothing() -> None:
    for name in ("cancel-ship", "refund-webhook"):
        task = Task(name, 150, 50, seed=3)
        run, wide = runners(SCENARIOS[name])
        computed = explore(run, wide, limit=task.limit, walk=task.walk, seed=task.seed)
        remembered = play(task)
        assert computed.violations == remembered.violations == 0
        assert {each.to_bytes(8, "little") for each in computed.seen} == {
            remembered.seen[at : at + 8] for at in range(0, len(remembered.seen), 8)
        }


# ---- the explorer


class Counter:
    """Workers that each add one to a number: by reading it and writing it back, or in one step."""

    def __init__(self, *, workers: int = 2, apart: bool = True, faults: Budget | None = None) -> None:
        self.value = 0
        self.workers = workers
        self.apart = apart
        self.budget = faults or Budget(faults=0)
        self.schedule: Schedule | None = None

    def reach(self, op: Op) -> Act:
        assert self.schedule is not None
        return self.schedule.reach(op)

    def write(self, value: Callable[[], int], touched: str) -> None:
        act = self.reach(Op("write", (touched,), write=True))
        self.value = value()
        if act is Act.RESENT:
            self.value = value()
        if act is Act.CRASH:
            raise CrashedError

    def add(self, touched: str) -> None:
        if not self.apart:
            self.write(lambda: self.value + 1, touched)
            return
        self.reach(Op("read", (touched,), write=False))
        seen = self.value
        self.write(lambda: seen + 1, touched)

    def run(self, strategy: Strategy, *, readable: bool = False, own: bool = False) -> tuple[Schedule, str | None]:
        self.value = 0

        def body(index: int) -> Worker:
            return Worker(name=f"w{index}", body=lambda _try, _last: self.add(f"n{index}" if own else "n"))

        workers = [body(index) for index in range(self.workers)]
        self.schedule = Schedule(workers, self.budget, strategy, retryable)
        if readable:
            self.schedule.ops = []
        ended = self.schedule.run()
        assert all(isinstance(each, Ended) and each.error is None for each in ended)
        return self.schedule, None if self.value == self.workers else f"I1: {self.value}"


def all_of(run: Run, *, reduce: bool) -> list[Schedule]:
    strategy = DepthFirst(reduce=reduce)
    found = []
    while True:
        try:
            found.append(run(strategy)[0])
        except PrunedError:
            assert reduce
        if not strategy.next():
            return found


def test_every_order_of_two_workers_is_run_once() -> None:
    for workers, orders in ((1, 1), (2, comb(4, 2)), (3, comb(6, 2) * comb(4, 2))):
        found = all_of(Counter(workers=workers).run, reduce=False)
        assert len(found) == len({each.hash() for each in found}) == orders


def test_orders_of_independent_steps_are_run_once() -> None:
    counter = Counter(workers=3)

    def own(strategy: Strategy, *, readable: bool = False) -> tuple[Schedule, str | None]:
        return counter.run(strategy, readable=readable, own=True)

    assert len(all_of(own, reduce=False)) == comb(6, 2) * comb(4, 2)
    assert len(all_of(own, reduce=True)) == 1


def test_reducing_loses_no_outcome() -> None:
    outcomes: list[set[int]] = []
    for reduce in (False, True):
        counter = Counter(workers=2, faults=Budget(crash=1, duplicate=1, faults=1))
        seen: set[int] = set()

        def noted(
            strategy: Strategy, *, readable: bool = False, counter: Counter = counter, seen: set[int] = seen
        ) -> tuple[Schedule, str | None]:
            result = counter.run(strategy, readable=readable)
            seen.add(counter.value)
            return result

        all_of(noted, reduce=reduce)
        outcomes.append(seen)
    assert outcomes[0] == outcomes[1] == {1, 2, 3}


def test_a_lost_update_is_found_shortened_and_told() -> None:
    counter = Counter(workers=3)
    found = explore(counter.run, counter.run, limit=1000, seed=1, walk=0)
    assert found.exhaustive
    assert 0 < found.violations < found.distinct
    assert found.first.splitlines()[0].startswith("I1: ")
    assert len(found.first.splitlines()) == 7
    whole = Counter(workers=3, apart=False)
    assert explore(whole.run, whole.run, limit=1000, seed=1, walk=100).violations == 0


def test_each_fault_is_made_and_none_beyond_the_budget() -> None:
    for act, budget in (
        (Act.RESENT, Budget(resent=1)),
        (Act.CRASH, Budget(crash=1)),
        (Act.DUPLICATE, Budget(duplicate=1)),
    ):
        counter = Counter(workers=2, apart=False, faults=budget)
        made = [[move.act for move in each.made if move.act is not Act.GO] for each in all_of(counter.run, reduce=True)]
        assert {len(each) for each in made} == {0, 1}
        assert {each[0] for each in made if each} == {act}


def test_the_same_moves_give_the_same_run() -> None:
    run, wide = runners(SCENARIOS["place-cancel"])
    for seed in range(20):
        schedule, wrong = wide(RandomWalk(random.Random(seed), 0.4, 0.2))
        again, same = wide(Scripted(schedule.made))
        assert (again.hash(), same) == (schedule.hash(), wrong)
    assert run(DepthFirst())[1] is None
