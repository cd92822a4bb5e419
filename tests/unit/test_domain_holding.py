"""Holds of stock: made, extended, released, expired, claimed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from oms.domain.errors import HoldExpiredError, InvalidInputError, InvalidTransitionError, StockHoldNotFoundError
from oms.domain.holding import (
    LONGEST,
    MAX_HELD,
    DueHold,
    HeldUnits,
    HoldKind,
    HoldStatus,
    StockHold,
    StockHoldClaimed,
    StockHoldExpired,
    StockHoldExtended,
    StockHoldReleased,
    claim,
    due_marks,
    expire,
    extend,
    fold_hold,
    make_hold,
    release,
)
from oms.domain.stock import freed_skus, stock_deltas
from tests.support.builders import minutes

A1, B2 = HeldUnits(sku="A", node_id="N1", quantity=2), HeldUnits(sku="B", node_id="N2", quantity=3)
HOUR = timedelta(hours=1)


def made(*units: HeldUnits, kind: HoldKind = HoldKind.CHECKOUT, lasts: timedelta = HOUR) -> StockHold:
    hold = fold_hold([make_hold("sth_1", kind, "site", units or (A1, B2), minutes(0), lasts)])
    assert hold is not None
    return hold


def ended(status: HoldStatus) -> StockHold:
    return replace(made(), status=status, order_id="ord_1" if status is HoldStatus.CLAIMED else "")


def test_a_position_is_named_once() -> None:
    event = make_hold("sth_1", HoldKind.CHECKOUT, "site", [B2, A1, A1], minutes(0), HOUR)
    assert event.units == (replace(A1, quantity=4), B2)
    assert (event.held_at, event.expires_at) == (minutes(0), minutes(60))


def test_units_are_reserved_until_the_end() -> None:
    event = make_hold("sth_1", HoldKind.CHECKOUT, "site", [A1], minutes(0), HOUR)
    (bound,) = stock_deltas([event])
    assert bound.changes == {"available": -2, "reserved": 2}
    for end in (StockHoldReleased(freed=(A1,)), StockHoldExpired(freed=(A1,))):
        assert stock_deltas([event, end]) == ()
        assert freed_skus([end]) == ("A",)
    assert freed_skus([StockHoldClaimed(order_id="ord_1")]) == ()
    assert stock_deltas([StockHoldClaimed(order_id="ord_1", freed=(A1,))])[0].changes == {
        "available": 2,
        "reserved": -2,
    }


@pytest.mark.parametrize(
    ("kind", "lasts", "units"),
    [
        (HoldKind.CHECKOUT, timedelta(0), [A1]),
        (HoldKind.CHECKOUT, LONGEST[HoldKind.CHECKOUT] + timedelta(seconds=1), [A1]),
        (HoldKind.QUOTE, LONGEST[HoldKind.QUOTE] + timedelta(seconds=1), [A1]),
        (HoldKind.CHECKOUT, HOUR, []),
        (HoldKind.CHECKOUT, HOUR, [replace(A1, quantity=0)]),
        (HoldKind.CHECKOUT, HOUR, [A1, replace(A1, sku="B", quantity=-1)]),
        (HoldKind.CHECKOUT, HOUR, [replace(A1, sku=f"S{number}") for number in range(MAX_HELD + 1)]),
    ],
)
def test_what_no_hold_can_be(kind: HoldKind, lasts: timedelta, units: list[HeldUnits]) -> None:
    with pytest.raises(InvalidInputError):
        make_hold("sth_1", kind, "site", units, minutes(0), lasts)


def test_the_longest_and_the_largest_hold() -> None:
    units = [replace(A1, sku=f"S{number}") for number in range(MAX_HELD)]
    for kind, lasts in LONGEST.items():
        assert len(make_hold("sth_1", kind, "site", units, minutes(0), lasts).units) == MAX_HELD


def test_it_is_over_at_its_very_end_whoever_has_written_that_down() -> None:
    hold = made()
    assert hold.is_live(minutes(59.99))
    assert not hold.is_due(minutes(59.99))
    assert hold.is_due(minutes(60))
    assert not hold.is_live(minutes(60))
    assert [hold.status_at(minutes(at)) for at in (59.99, 60)] == [HoldStatus.OPEN, HoldStatus.EXPIRED]
    for status in set(HoldStatus) - {HoldStatus.OPEN}:
        assert not ended(status).is_due(minutes(99))
        assert not ended(status).is_live(minutes(1))
        assert ended(status).status_at(minutes(99)) is status


def test_more_time() -> None:
    hold = made()
    assert extend(hold, minutes(30), HOUR) == (StockHoldExtended(expires_at=minutes(90)),)
    assert fold_hold(extend(hold, minutes(30), HOUR), hold) == replace(hold, expires_at=minutes(90))
    assert extend(hold, minutes(30), timedelta(minutes=30)) == ()
    assert extend(hold, minutes(59), timedelta(minutes=61)) == (StockHoldExtended(expires_at=minutes(120)),)
    with pytest.raises(InvalidInputError):
        extend(hold, minutes(59), timedelta(minutes=62))
    for late in (hold, ended(HoldStatus.EXPIRED)):
        with pytest.raises(HoldExpiredError):
            extend(late, minutes(60), HOUR)
    for status in (HoldStatus.RELEASED, HoldStatus.CLAIMED):
        with pytest.raises(InvalidTransitionError):
            extend(ended(status), minutes(1), HOUR)
    with pytest.raises(StockHoldNotFoundError):
        extend(None, minutes(1), HOUR)


def test_letting_go() -> None:
    hold = made()
    assert release(hold, minutes(1)) == (StockHoldReleased(freed=(A1, B2)),)
    assert release(hold, minutes(60)) == (StockHoldExpired(freed=(A1, B2)),)
    assert release(ended(HoldStatus.RELEASED), minutes(1)) == release(ended(HoldStatus.EXPIRED), minutes(1)) == ()
    with pytest.raises(InvalidTransitionError):
        release(ended(HoldStatus.CLAIMED), minutes(1))
    with pytest.raises(StockHoldNotFoundError):
        release(None, minutes(1))


def test_the_sweep_ends_what_is_due_and_nothing_else() -> None:
    hold = made()
    assert expire(hold, minutes(59.99)) == ()
    assert expire(hold, minutes(60)) == (StockHoldExpired(freed=(A1, B2)),)
    assert expire(None, minutes(60)) == ()
    assert all(expire(ended(status), minutes(60)) == () for status in set(HoldStatus) - {HoldStatus.OPEN})


def test_an_order_takes_what_it_needs_and_frees_the_rest() -> None:
    hold = made()
    assert claim(hold, "ord_1", [A1, B2]) == StockHoldClaimed(order_id="ord_1")
    taken = [replace(A1, quantity=1), replace(B2, quantity=1), replace(B2, quantity=2)]
    event = claim(hold, "ord_1", taken)
    assert event.freed == (replace(A1, quantity=1),)
    after = fold_hold([event], hold)
    assert after is not None
    assert (after.status, after.order_id) == (HoldStatus.CLAIMED, "ord_1")
    with pytest.raises(InvalidTransitionError):
        claim(hold, "ord_1", [replace(A1, quantity=3)])
    with pytest.raises(InvalidTransitionError):
        claim(hold, "ord_1", [replace(A1, node_id="N2", quantity=1)])
    with pytest.raises(InvalidTransitionError):
        claim(ended(HoldStatus.EXPIRED), "ord_1", [A1])


def test_where_the_sweep_finds_it() -> None:
    hold = made()
    first = DueHold(hold_id="sth_1", due=minutes(60), skus=("A", "B"))
    assert due_marks(None, hold) == (first,)
    later = replace(hold, expires_at=minutes(90))
    gone = DueHold(hold_id="sth_1", due=minutes(60), open=False)
    assert due_marks(hold, later) == (gone, replace(first, due=minutes(90)))
    assert due_marks(hold, replace(hold, status=HoldStatus.CLAIMED)) == (gone,)
    assert due_marks(hold, hold) == ()


def test_a_stream_without_its_beginning_is_no_hold() -> None:
    assert fold_hold([StockHoldExtended(expires_at=minutes(1))]) is None
    assert fold_hold([object()], made()) == made()
