"""Rows of a stock feed: read, and decided on a position as it stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oms.domain.errors import InsufficientStockError, InvalidInputError, MalformedRowError, StaleRowError
from oms.domain.feed import NO_MARK, Fed, FeedRow, Mark, check_source, decide_row, read_row
from oms.domain.stock import StockCounted, StockDelta, StockMoved
from tests.support.builders import minutes

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAID = {"sku": "A", "node_id": "N", "on_hand": 5, "as_of": "2026-03-01T11:00:00Z"}


def snapshot(on_hand: int, minute: int = 10) -> FeedRow:
    return FeedRow(number=1, sku="A", node_id="N", as_of=minutes(minute), on_hand=on_hand)


def delta(change: int, minute: int = 10, row_id: str = "r1") -> FeedRow:
    return FeedRow(number=1, sku="A", node_id="N", as_of=minutes(minute), change=change, row_id=row_id)


def fed(mark: Mark = NO_MARK, **units: int) -> Fed:
    return Fed(position=StockDelta(sku="A", node_id="N", **units), mark=mark)


# ---------------------------------------------------------------- read


@pytest.mark.parametrize("on_hand", [5, "5", " 5 ", "+5"])
def test_a_snapshot_is_read_from_text_and_from_json(on_hand: object) -> None:
    row = read_row(7, {**SAID, "on_hand": on_hand, "change": "", "row_id": "", "colour": "red"}, NOW)
    assert row == FeedRow(number=7, sku="A", node_id="N", as_of=datetime(2026, 3, 1, 11, tzinfo=UTC), on_hand=5)


def test_a_delta_is_read_with_its_id_and_in_its_zone() -> None:
    said = {"sku": " A ", "node_id": "N", "change": "-3", "as_of": "2026-03-01T13:00:00+02:00", "row_id": "x"}
    row = read_row(1, said, NOW)
    assert (row.change, row.row_id, row.on_hand, row.sku) == (-3, "x", None, "A")
    assert row.as_of == datetime(2026, 3, 1, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sku": ""}, "sku is missing"),
        ({"sku": None}, "sku is missing"),
        ({"sku": 5}, "sku is missing"),
        ({"sku": "x" * 201}, "sku has"),
        ({"sku": "\ud800"}, "sku has"),
        ({"node_id": " "}, "node_id is missing"),
        ({"on_hand": "five"}, "on_hand is not"),
        ({"on_hand": 5.0}, "on_hand is not"),
        ({"on_hand": True}, "on_hand is not"),
        ({"on_hand": "٥"}, "on_hand is not"),
        ({"on_hand": -1}, "on_hand lies"),
        ({"on_hand": 1_000_000_001}, "on_hand lies"),
        ({"on_hand": None}, "either on_hand or change"),
        ({"change": 1}, "either on_hand or change"),
        ({"on_hand": "", "change": 1}, "needs its row_id"),
        ({"on_hand": "", "change": 0, "row_id": "x"}, "a change of none"),
        ({"as_of": None}, "as_of is missing"),
        ({"as_of": "yesterday"}, "as_of is not"),
        ({"as_of": "2026-03-01T11:00:00"}, "as_of is not"),
        ({"as_of": "0001-01-01T00:00:00+14:00"}, "as_of is not"),
        ({"as_of": "1999-12-31T23:59:59Z"}, "as_of lies"),
        ({"as_of": "2026-03-01T12:05:01Z"}, "as_of lies"),
        ({"row_id": "x" * 201}, "row_id has"),
        ({"node_id": "N~lot:9999-12-31:L"}, "no node has"),
        ({"lot": "L 1"}, "a lot's number"),
        ({"lot": 7}, "lot is missing"),
        ({"lot": "L1", "best_before": "soon"}, "not a day"),
        ({"best_before": "2026-05-01"}, "best_before is of a lot"),
    ],
)
def test_what_no_row_may_say_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(MalformedRowError, match=why):
        read_row(1, {**SAID, **change}, NOW)


def test_a_row_of_a_lot() -> None:
    row = read_row(1, {**SAID, "lot": " L-1 ", "best_before": "2026-05-01"}, NOW)
    assert (row.node_id, row.place) == ("N", "N~lot:2026-05-01:L-1")
    assert read_row(1, {**SAID, "lot": "L-1", "best_before": ""}, NOW).place == "N~lot:9999-12-31:L-1"
    assert read_row(1, {**SAID, "lot": "", "best_before": None}, NOW).place == "N"


def test_a_clock_may_be_a_little_ahead() -> None:
    at = NOW + timedelta(minutes=5)
    assert read_row(1, {**SAID, "as_of": at.isoformat()}, NOW).as_of == at


@pytest.mark.parametrize("source", ["erp", "wms-2", "0", "a" * 40])
def test_sources_have_plain_names(source: str) -> None:
    assert check_source(source) == source


@pytest.mark.parametrize("source", ["", "ERP", "-erp", "e|p", "e#p", "a" * 41, "erp\n"])
def test_other_names_are_refused(source: str) -> None:
    with pytest.raises(InvalidInputError):
        check_source(source)


# ---------------------------------------------------------------- snapshots


def test_what_stands_there_is_unchanged_even_when_it_is_old() -> None:
    assert decide_row("erp", snapshot(5), fed(on_hand=5, available=2, reserved=3)) is None
    newer = Mark(at=minutes(20), said=5)
    assert decide_row("erp", snapshot(5), fed(newer, on_hand=5, available=5)) is None


def test_a_snapshot_is_decided_as_a_count_is_and_touches_no_reservation() -> None:
    change = decide_row("erp", snapshot(4), fed(on_hand=9, available=6, reserved=3, counts=2))
    assert change is not None
    assert isinstance(change.event, StockCounted)
    assert (change.event.counted, change.event.book, change.event.as_of) == (4, 9, minutes(10))
    assert change.delta.changes == {"on_hand": -5, "available": -5, "counts": 1}
    assert change.delta.mark == Mark(at=minutes(10), said=4)
    assert (change.delta.marked, change.delta.source) == (NO_MARK, "erp")
    assert change.delta.seen == StockDelta(sku="A", node_id="N", on_hand=9, available=6, reserved=3, counts=2)


def test_fewer_than_orders_have_bound_are_short_and_found_again() -> None:
    change = decide_row("erp", snapshot(1), fed(on_hand=9, available=6, reserved=3))
    assert change is not None
    assert change.delta.changes == {"on_hand": -6, "available": -6, "short": 2, "counts": 1}
    missing = {"on_hand": 3, "reserved": 3, "short": 2, "counts": 1}
    assert decide_row("erp", snapshot(1, 20), fed(change.delta.mark, **missing)) is None
    found = decide_row("erp", snapshot(3, 20), fed(change.delta.mark, **missing))
    assert found is not None
    assert found.delta.changes == {"short": -2, "counts": 1}


@pytest.mark.parametrize("mark", [Mark(at=minutes(10), said=9), Mark(at=minutes(11)), Mark(moved=minutes(10))])
def test_a_snapshot_that_is_not_newer_is_stale(mark: Mark) -> None:
    with pytest.raises(StaleRowError):
        decide_row("erp", snapshot(5), fed(mark, on_hand=9, available=9))


def test_what_was_said_before_changes_nothing_whatever_has_moved_since() -> None:
    assert decide_row("erp", snapshot(5), fed(Mark(at=minutes(10), said=5), on_hand=3, available=3)) is None


def test_a_snapshot_keeps_the_mark_of_deltas() -> None:
    change = decide_row("erp", snapshot(5, 30), fed(Mark(moved=minutes(20)), on_hand=3, available=3))
    assert change is not None
    assert change.delta.mark == Mark(at=minutes(30), said=5, moved=minutes(20))


# ---------------------------------------------------------------- deltas


def test_a_delta_is_an_adjustment() -> None:
    change = decide_row("wms", delta(-2), fed(on_hand=9, available=6, reserved=3))
    assert change is not None
    assert isinstance(change.event, StockMoved)
    assert change.event.movements[0].reason == "r1"
    assert change.delta.changes == {"on_hand": -2, "available": -2}
    assert change.delta.mark == Mark(moved=minutes(10))


def test_deltas_may_overtake_each_other() -> None:
    change = decide_row("wms", delta(-2), fed(Mark(moved=minutes(20)), on_hand=9, available=9))
    assert change is not None
    assert change.delta.mark == Mark(moved=minutes(20))


def test_a_delta_that_the_last_snapshot_knew_of_is_stale() -> None:
    with pytest.raises(StaleRowError):
        decide_row("wms", delta(-2), fed(Mark(at=minutes(10), said=9), on_hand=9, available=9))


def test_a_delta_takes_no_unit_that_orders_have_bound() -> None:
    with pytest.raises(InsufficientStockError):
        decide_row("wms", delta(-7), fed(on_hand=9, available=6, reserved=3))
    assert decide_row("wms", delta(-6), fed(on_hand=9, available=6, reserved=3)) is not None


def test_a_row_id_that_looks_like_an_address_is_no_note() -> None:
    change = decide_row("wms", delta(2, row_id="a@example.com"), fed())
    assert change is not None
    assert isinstance(change.event, StockMoved)
    assert change.event.movements[0].reason == ""
