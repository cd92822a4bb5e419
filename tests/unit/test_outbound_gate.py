"""What a vendor allows, held by all workers together; and how far a message came."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.application.gates import ATTEMPTS, CROWDED_MS, Gates
from oms.domain.gate import (
    LONGEST_SHUT_MS,
    PROBE_MS,
    SHUT_MS,
    THRESHOLD,
    Gate,
    Limit,
    admit,
    answered,
    failed,
    read_gate,
    told_to_wait,
)
from oms.domain.outbox import (
    FIRST_WAIT_S,
    LEASE,
    LONGEST_WAIT_S,
    MAX_TRIES,
    Progress,
    State,
    begin,
    read_progress,
    wait_s,
)
from tests.proof.memory import MemoryMarks, Store
from tests.support.builders import T0

LIMIT = Limit(interval_ms=500, burst=4)
NOW = 1_795_000_000_000


@given(
    interval=st.integers(1, 5000),
    burst=st.integers(1, 50),
    steps=st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 5)), max_size=60),
)
def test_no_span_of_time_holds_more_calls_than_the_vendor_allows(
    interval: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    limit, gate, now = Limit(interval_ms=interval, burst=burst), Gate(), NOW
    made: list[tuple[int, int]] = []
    for pause, calls in steps:
        now += pause
        gate, wait = admit(gate, limit, now, min(calls, burst))
        if not wait:
            made.append((now, min(calls, burst)))
    for place, (start, _) in enumerate(made):
        total = 0
        for at, calls in made[place:]:
            total += calls
            assert total <= burst + (at - start) / interval


@given(waits=st.lists(st.integers(1, 3), min_size=1, max_size=20))
def test_who_waits_as_long_as_told_is_let_in(waits: list[int]) -> None:
    gate, now = Gate(), NOW
    for calls in waits * 3:
        gate, wait = admit(gate, LIMIT, now, calls)
        if wait:
            now += wait
            gate, wait = admit(gate, LIMIT, now, calls)
        assert wait == 0


def test_more_calls_than_the_bucket_holds_are_let_in_when_it_is_full() -> None:
    gate, wait = admit(Gate(), LIMIT, NOW, 7)
    assert wait == 0
    assert admit(gate, LIMIT, NOW, 1)[1] == 4 * LIMIT.interval_ms


def test_a_vendor_that_asks_to_wait_is_not_called_before() -> None:
    gate = told_to_wait(Gate(), LIMIT, NOW, 3000)
    assert admit(gate, LIMIT, NOW, 1)[1] == 3000
    assert admit(gate, LIMIT, NOW + 3000, 1)[1] == 0
    longer = told_to_wait(gate, LIMIT, NOW, 10)
    assert longer == gate, "a shorter wait takes nothing back"


def test_a_vendor_that_is_down_is_left_alone_and_then_tried_once() -> None:
    gate = Gate()
    for _ in range(THRESHOLD - 1):
        gate = failed(gate, NOW)
    assert admit(gate, LIMIT, NOW, 1)[1] == 0
    gate = failed(gate, NOW)
    assert admit(gate, LIMIT, NOW, 1) == (gate, SHUT_MS)
    probing, wait = admit(gate, LIMIT, NOW + SHUT_MS, 1)
    assert wait == 0
    assert admit(probing, LIMIT, NOW + SHUT_MS, 1)[1] == PROBE_MS, "one alone may try"
    again = failed(probing, NOW + SHUT_MS)
    assert admit(again, LIMIT, NOW + SHUT_MS, 1)[1] == 2 * SHUT_MS
    assert answered(probing) == replace(probing, failures=0, shut_until=0)
    for _ in range(40):
        again = failed(again, NOW)
    assert again.shut_until == NOW + LONGEST_SHUT_MS
    assert answered(Gate(full_at=7)) == Gate(full_at=7)


def test_a_gate_is_kept_as_it_is() -> None:
    gate = Gate(full_at=NOW, failures=3, shut_until=5)
    assert read_gate(gate.document()) == gate
    assert read_gate(None) == Gate()


class Crowded(MemoryMarks):
    """Somebody else is always faster."""

    __slots__ = ()

    def save(self, name: str, mark: Any, seen: Any) -> bool:
        return False


def test_workers_share_one_gate() -> None:
    outbox, clock = MemoryMarks(Store()), [T0]
    one, other = Gates(outbox, lambda: clock[0]), Gates(outbox, lambda: clock[0])
    waits = [(one if turn % 2 else other).enter("shopify", "main", LIMIT, 1) for turn in range(6)]
    assert waits == [0, 0, 0, 0, 500, 500]
    assert one.enter("shopify", "second", LIMIT, 1) == 0, "each account has its own"
    for _ in range(THRESHOLD):
        one.failed("shopify", "main")
    assert other.enter("shopify", "main", LIMIT, 1) == SHUT_MS
    clock[0] += timedelta(milliseconds=SHUT_MS)
    assert other.enter("shopify", "main", LIMIT, 1) == 0
    other.answered("shopify", "main")
    assert one.enter("shopify", "main", LIMIT, 1) == 0
    one.told_to_wait("shopify", "main", LIMIT, 2.0)
    assert other.enter("shopify", "main", LIMIT, 1) == 2000


def test_who_cannot_get_at_the_gate_makes_no_call() -> None:
    crowded = Crowded(Store())
    assert Gates(crowded, lambda: T0).enter("shopify", "main", LIMIT, 1) == CROWDED_MS
    assert ATTEMPTS > 1


# ---------------------------------------------------------------- how far a message came


def sending(**changes: Any) -> Progress:
    return replace(Progress(state=State.SENDING, by="a:1", at=T0, tries=1), **changes)


def test_a_message_is_begun_once() -> None:
    first = begin(None, "a:1", T0)
    assert first == sending()
    assert begin(first, "b:1", T0 + LEASE / 2) is None
    assert begin(replace(sending(), state=State.SENT), "b:1", T0 + 9 * LEASE) is None


def test_whoever_died_while_sending_leaves_a_doubt_that_stays() -> None:
    second = begin(sending(), "b:1", T0 + LEASE)
    assert second == sending(by="b:1", at=T0 + LEASE, tries=2, doubtful=True)
    third = begin(replace(sending(doubtful=True), state=State.WAITING), "c:1", T0)
    assert third is not None
    assert third.doubtful


def test_a_message_that_waits_was_not_sent() -> None:
    again = begin(replace(sending(), state=State.WAITING), "b:1", T0)
    assert again is not None
    assert (again.tries, again.doubtful) == (2, False)


def test_a_parked_message_is_sent_once_for_each_word_of_a_person() -> None:
    parked = replace(sending(), state=State.PARKED, tries=3)
    assert begin(parked, "b:1", T0) is None
    assert begin(parked, "b:1", T0, after=2) is None
    again = begin(parked, "b:1", T0, after=3)
    assert again is not None
    assert begin(replace(again, state=State.SENT), "c:1", T0, after=3) is None
    assert begin(replace(again, state=State.PARKED), "c:1", T0, after=3) is None, "that word was heard"


def test_progress_is_kept_as_it_is() -> None:
    progress = sending(doubtful=True, ref="77")
    assert read_progress(progress.document()) == progress
    assert read_progress(None) is None


@pytest.mark.parametrize(("tries", "wait"), [(0, 5), (1, 5), (2, 15), (3, 45), (4, 135), (5, 405), (6, 900), (60, 900)])
def test_each_wait_is_longer(tries: int, wait: int) -> None:
    assert wait_s(tries) == wait
    assert FIRST_WAIT_S <= wait <= LONGEST_WAIT_S


def test_a_message_is_tried_for_more_than_an_hour() -> None:
    assert sum(wait_s(tries) for tries in range(1, MAX_TRIES)) > 3600
