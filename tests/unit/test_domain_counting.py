"""What a count makes of a position."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oms.domain.counting import CountSeen, PositionCount, check_count, decide_count
from oms.domain.errors import CountOutdatedError, InvalidInputError
from oms.domain.movements import COUNT_REASONS, ReasonCode
from oms.domain.stock import StockDelta, counted_delta

AT = StockDelta(
    sku="A", node_id="WH1", on_hand=20, available=8, reserved=5, safety=3, damaged=2, qc=2, in_transit=4, counts=7
)
KNOWN = CountSeen(on_hand=20, counts=7)


def count(units: int) -> PositionCount:
    return PositionCount(sku="A", node_id="WH1", counted=units, code=ReasonCode.CYCLE, reason="aisle 4")


def after(units: int, at: StockDelta = AT, seen: CountSeen = KNOWN) -> StockDelta:
    return at.plus(counted_delta(decide_count(count(units), at, seen)))


@pytest.mark.parametrize(
    ("found", "available", "safety", "qc", "damaged", "short"),
    [
        (23, 11, 3, 2, 2, 0),
        (20, 8, 3, 2, 2, 0),
        (12, 0, 3, 2, 2, 0),
        (10, 0, 1, 2, 2, 0),
        (8, 0, 0, 1, 2, 0),
        (6, 0, 0, 0, 1, 0),
        (5, 0, 0, 0, 0, 0),
        (3, 0, 0, 0, 0, 2),
        (0, 0, 0, 0, 0, 5),
    ],
)
def test_what_is_found_belongs_first_to_orders_and_last_to_buyers(
    found: int, available: int, safety: int, qc: int, damaged: int, short: int
) -> None:
    there = after(found)
    assert there == replace(
        AT,
        on_hand=max(found, 5),
        counts=8,
        available=available,
        safety=safety,
        qc=qc,
        damaged=damaged,
        short=short,
    )
    assert there.balanced


def test_what_is_told_of_a_count() -> None:
    event = decide_count(count(3), AT, KNOWN)
    assert (event.counted, event.book, event.missing, event.short) == (3, 20, 2, 2)
    assert (event.code, event.reason) == (ReasonCode.CYCLE, "aisle 4")
    assert (event.sku, event.node_id) == ("A", "WH1")


def test_what_came_or_left_since_the_counter_looked_is_not_undone() -> None:
    shipped = AT.plus(StockDelta(sku="A", node_id="WH1", on_hand=-4, reserved=-4))
    assert after(18, shipped) == replace(shipped, on_hand=14, available=6, counts=8)
    received = AT.plus(StockDelta(sku="A", node_id="WH1", on_hand=9, available=9))
    assert after(18, received) == replace(received, on_hand=27, available=15, counts=8)


def test_a_second_count_settles_what_was_short() -> None:
    short = after(3)
    assert (short.on_hand, short.reserved, short.short) == (5, 5, 2)
    seen = CountSeen(on_hand=5, counts=8)
    assert after(5, short, seen) == replace(short, short=0, counts=9)
    assert after(4, short, seen) == replace(short, short=1, counts=9)
    assert after(9, short, seen) == replace(short, on_hand=9, available=4, short=0, counts=9)
    rejected = short.plus(StockDelta(sku="A", node_id="WH1", on_hand=-2, reserved=-2))
    assert after(3, rejected, CountSeen(on_hand=3, counts=8)) == replace(rejected, short=0, counts=9)


def test_a_count_that_is_not_of_this_position_any_more_is_refused() -> None:
    with pytest.raises(CountOutdatedError) as meanwhile:
        decide_count(count(20), AT, CountSeen(on_hand=20, counts=6))
    assert meanwhile.value.context == {"sku": "A", "node": "WH1", "counts": 7}
    nearly_empty = replace(AT, on_hand=4, available=0, reserved=0, safety=0)
    with pytest.raises(CountOutdatedError) as left:
        decide_count(count(15), nearly_empty, KNOWN)
    assert left.value.context == {"sku": "A", "node": "WH1", "on_hand": 4, "counts": 7}
    assert after(16, nearly_empty).on_hand == 0


def test_fields_that_do_not_fit_are_refused() -> None:
    for wrong in (
        replace(count(1), counted=-1),
        replace(count(1), reason="ask tom@example.com"),
        *(replace(count(1), code=each) for each in set(ReasonCode) - COUNT_REASONS),
    ):
        with pytest.raises(InvalidInputError):
            check_count(wrong)
    for code in COUNT_REASONS:
        check_count(replace(count(0), code=code))
