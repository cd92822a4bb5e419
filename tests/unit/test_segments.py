"""Pools and lots: who may draw from what, in which order, and what goes back to where it was drawn from."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from oms.domain.errors import InvalidInputError
from oms.domain.kits import Component
from oms.domain.lots import day, first_expired, is_over, lot_of, lot_segment
from oms.domain.movements import Into, MovementKind
from oms.domain.offers import Offer, has_pools, segment_named
from oms.domain.order import events as ev
from oms.domain.pools import MAX_RULES, NO_ACCESS, NO_POOLS, Access, pool_segment, read_pools
from oms.domain.segments import Drawn, less, place_of, split_place, taken, together
from oms.domain.stock import StockDelta, StockMovement, check_movement, freed_skus, movement_deltas, stock_deltas

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
TODAY = NOW.date()
SOON, LATER, OVER, NEVER = (f"lot:{each}" for each in ("2026-12-01:S", "2027-01-01:L", "2026-11-26:O", "9999-12-31:N"))
VIP = Access(pools=("pool:vip",))


def rule(pool: str = "vip", **fields: Any) -> dict[str, Any]:
    return {"pool": pool, **fields}


def row(segment: str = "", sku: str = "A", **units: int) -> StockDelta:
    return StockDelta(sku=sku, node_id=place_of("N1", segment), **units)


def part(quantity: int, *drawn: Drawn, sku: str = "A", node: str = "N1") -> ev.NodeUnits:
    return ev.NodeUnits(line_id="1", sku=sku, node_id=node, quantity=quantity, drawn=drawn)


# ---------------------------------------------------------------- who may draw


@pytest.mark.parametrize(
    ("rules", "channel", "account", "pools"),
    [
        ([], "site", "main", ()),
        ([rule(channel="site")], "site", "main", ("pool:vip",)),
        ([rule(channel="site")], "amazon", "main", ()),
        ([rule(channel="*")], "amazon", "main", ("pool:vip",)),
        ([rule(channel="site", account="b2b")], "site", "main", ()),
        ([rule(channel="site", account="b2b")], "site", "b2b", ("pool:vip",)),
        ([rule("two"), rule("one", account="main"), rule("two")], "site", "main", ("pool:two", "pool:one")),
    ],
)
def test_a_rule_is_for_its_channel_and_account(
    rules: list[dict[str, Any]], channel: str, account: str, pools: tuple[str, ...]
) -> None:
    assert read_pools({"rules": rules}).access(channel, account, NOW).pools == pools


def test_from_its_end_on_a_pool_is_for_all_behind_their_own() -> None:
    until = (NOW + timedelta(hours=1)).isoformat()
    pools = read_pools({"rules": [rule("launch", channel="app", until=until, only=True), rule("shop", channel="shop")]})
    assert pools.access("app", "a", NOW) == Access(pools=("pool:launch",), only=frozenset({"pool:launch"}))
    assert pools.access("shop", "a", NOW) == Access(pools=("pool:shop",))
    end = NOW + timedelta(hours=1)
    assert pools.access("shop", "a", end) == Access(pools=("pool:shop", "pool:launch"))
    assert pools.access("app", "a", end) == Access(pools=("pool:launch",))
    assert read_pools({}) is NO_POOLS
    assert NO_POOLS.access("shop", "a", NOW) == NO_ACCESS


@pytest.mark.parametrize(
    "document",
    [
        {"rules": {}},
        {"rules": [rule()] * (MAX_RULES + 1)},
        {"rules": [None]},
        {"rules": [{}]},
        {"rules": [rule(node="N1")]},
        {"rules": [rule("VIP")]},
        {"rules": [rule("")]},
        {"rules": [rule("x" * 61)]},
        {"rules": [rule(channel=1)]},
        {"rules": [rule(account=1)]},
        {"rules": [rule(only="true")]},
        {"rules": [rule(until="tomorrow")]},
        {"rules": [rule(until="2026-11-26T09:00:00")]},
        {"rules": [rule(until=5)]},
    ],
)
def test_a_policy_that_says_nothing_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        read_pools(document)


def test_as_many_rules_as_may_be() -> None:
    assert len(read_pools({"rules": [rule("x" * 60)] * MAX_RULES}).rules) == MAX_RULES


# ---------------------------------------------------------------- names


def test_a_segments_row_has_a_place_of_its_own() -> None:
    assert split_place(place_of("N1", pool_segment("vip"))) == ("N1", "pool:vip")
    assert split_place(place_of("N1", "")) == ("N1", "")
    assert place_of("N1", "") == "N1"
    assert has_pools([row(), row("pool:vip")])
    assert not has_pools([row(), row(SOON)])


def test_a_lot_is_named_by_its_day_and_number() -> None:
    assert lot_segment("B/7", date(2026, 12, 1)) == "lot:2026-12-01:B/7"
    assert lot_of("lot:2026-12-01:B/7") == ("B/7", date(2026, 12, 1))
    assert lot_of(lot_segment("B", None)) == ("B", None)
    assert (day("2026-12-01"), day(""), day(None)) == (date(2026, 12, 1), None, None)
    for number in ("", "a b", "a~b", "x" * 61, "a:b"):
        with pytest.raises(InvalidInputError):
            lot_segment(number, None)
    with pytest.raises(InvalidInputError):
        day("2026-13-01")


def test_what_a_movement_names() -> None:
    assert segment_named("", "", None) == ""
    assert segment_named("vip", "", None) == "pool:vip"
    assert segment_named("", "B", date(2026, 12, 1)) == "lot:2026-12-01:B"
    for pool, lot, best_before in (("vip", "B", None), ("", "", TODAY), ("vip", "", TODAY)):
        with pytest.raises(InvalidInputError):
            segment_named(pool, lot, best_before)


def test_first_expired_first_out_and_nothing_from_its_day_on() -> None:
    assert [is_over(each, TODAY) for each in (OVER, SOON, NEVER)] == [True, False, False]
    assert first_expired([NEVER, LATER, OVER, SOON], NOW) == [SOON, LATER, NEVER]
    assert first_expired([NEVER, LATER, OVER, SOON], NOW - timedelta(days=1)) == [OVER, SOON, LATER, NEVER]


# ---------------------------------------------------------------- what is offered and drawn


def test_units_of_a_pool_are_for_those_who_may() -> None:
    rows = [row(on_hand=9, available=4, pooled=5), row("pool:vip", free=5)]
    for access, units in ((NO_ACCESS, 0), (Access(pools=("pool:other",)), 0), (VIP, 5)):
        offer = Offer(rows, NOW, access)
        (at,) = offer.positions
        assert (at.promisable, offer.pooled(at)) == (4, units)
    offer = Offer(rows, NOW, VIP)
    assert offer.draw([part(3), part(4)]) == (
        part(3, Drawn("A", "pool:vip", 3)),
        part(4, Drawn("A", "pool:vip", 2)),
    )
    assert offer.draw([part(1)]) == (part(1),)
    assert Offer(rows, NOW, VIP).draw([part(3)], pools=False) == (part(3),)
    assert Offer(rows, NOW).draw([part(3)]) == (part(3),)


def test_who_has_only_its_pool_takes_nothing_else_where_there_is_one() -> None:
    only = Access(pools=("pool:vip",), only=frozenset({"pool:vip"}))
    rows = [row(on_hand=9, available=4, pooled=5), row("pool:vip", free=5), row(sku="B", on_hand=3, available=3)]
    assert [each.available for each in Offer(rows, NOW, only).positions] == [0, 3]


def test_nothing_of_a_pool_where_units_were_not_found() -> None:
    offer = Offer([row(on_hand=5, pooled=5, short=1), row("pool:vip", free=5)], NOW, VIP)
    assert offer.pooled(offer.positions[0]) == 0


def test_lots_are_drawn_by_their_day_and_those_that_are_over_are_nobodys() -> None:
    rows = [
        row(on_hand=20, available=12, pooled=2),
        row("pool:vip", free=2),
        *(row(lot, on_hand=units, available=units) for lot, units in ((NEVER, 2), (OVER, 3), (LATER, 4), (SOON, 1))),
    ]
    offer = Offer(rows, NOW, VIP)
    assert [each.available for each in offer.positions] == [9]
    (units,) = offer.draw([part(10)])
    # two of the pool, then the lots by their day; one more is of no lot
    assert units.drawn == tuple(
        Drawn("A", segment, count) for segment, count in (("pool:vip", 2), (SOON, 1), (LATER, 4), (NEVER, 2))
    )


def test_more_in_lots_than_there_is_offers_what_there_is() -> None:
    rows = [row(on_hand=3, available=3), row(SOON, available=4), row(OVER, available=2)]
    assert Offer(rows, NOW).positions[0].available == 1
    assert Offer([row(), row(OVER, available=2)], NOW).positions[0].available == 0


def test_a_kit_is_drawn_by_its_components() -> None:
    offer = Offer([row(available=9), row(SOON, available=3), row(sku="B", available=9)], NOW)
    kit = ev.NodeUnits(
        line_id="1",
        sku="KIT",
        node_id="N1",
        quantity=2,
        components=(Component(sku="A", units=2), Component(sku="B", units=1)),
    )
    (units,) = offer.draw([kit])
    assert units.drawn == (Drawn("A", SOON, 3),)


# ---------------------------------------------------------------- what goes back


def test_some_of_what_was_drawn() -> None:
    drawn = (Drawn("A", "pool:vip", 2), Drawn("A", SOON, 3), Drawn("B", SOON, 1))
    of = (("A", 6), ("B", 1))
    assert taken((), (("A", 1),), of=of) == ()
    assert taken(drawn, (("A", 1),), of=of) == (Drawn("A", "pool:vip", 1),)
    assert taken(drawn, (("A", 4), ("B", 1)), of=of) == (
        Drawn("A", "pool:vip", 2),
        Drawn("A", SOON, 2),
        Drawn("B", SOON, 1),
    )
    # last: one of A was of no segment and goes first, then of the lot, the pool's stay
    assert taken(drawn, (("A", 1),), of=of, last=True) == ()
    assert taken(drawn, (("A", 3),), of=of, last=True) == (Drawn("A", SOON, 2),)
    assert taken(drawn, (("A", 6),), of=of, last=True) == (Drawn("A", SOON, 3), Drawn("A", "pool:vip", 2))
    assert less(drawn, (Drawn("A", SOON, 3),)) == (Drawn("A", "pool:vip", 2), Drawn("B", SOON, 1))
    assert less(drawn, ()) is drawn
    assert together([Drawn("A", SOON, 1), Drawn("A", SOON, 1)]) == (Drawn("A", SOON, 2),)


def test_what_is_bound_of_a_pool_was_not_available_and_goes_back_to_it() -> None:
    units = (part(3, Drawn("A", "pool:vip", 2)),)
    reserved = ev.LinesReserved(units=units, fulfillment_orders={"f": "N1"}, promised_by=NOW)
    freed = ev.LinesCancelled(lines=(), origin="oms", freed=units, fulfillment_orders=("f",))
    assert {each.node_id: each for each in stock_deltas([reserved])} == {
        "N1": row(available=-1, reserved=3, pooled=-2),
        "N1~pool:vip": row("pool:vip", free=-2),
    }
    assert stock_deltas([reserved, freed]) == ()
    assert freed_skus([freed]) == ("A",)


def test_a_lot_is_told_what_its_position_is_told() -> None:
    units = (part(3, Drawn("A", SOON, 2)),)
    parcel = ev.ShippedParcel(parcel_id="p", carrier="c", tracking_number="t", units=units)
    shipped = ev.ShipmentShipped(shipment_id="s", fulfillment_order_id="f", node_id="N1", parcels=(parcel,))
    assert {each.node_id: each for each in stock_deltas([shipped])} == {
        "N1": row(on_hand=-3, reserved=-3),
        f"N1~{SOON}": row(SOON, on_hand=-2, reserved=-2),
    }
    back = ev.LinesReturned(units=units, disposition=ev.Disposition.QC)
    assert {each.node_id: each for each in stock_deltas([back])} == {
        "N1": row(on_hand=3, qc=3),
        f"N1~{SOON}": row(SOON, on_hand=2, qc=2),
    }


def moved(kind: MovementKind, segment: str, **fields: Any) -> StockMovement:
    return StockMovement(sku="A", node_id="N1", kind=kind, quantity=2, segment=segment, **fields)


def test_movements_of_pools_and_lots() -> None:
    assert movement_deltas(moved(MovementKind.POOL_FILL, "pool:vip")) == (
        row(available=-2, pooled=2),
        row("pool:vip", free=2),
    )
    assert movement_deltas(moved(MovementKind.POOL_RELEASE, "pool:vip")) == (
        row(available=2, pooled=-2),
        row("pool:vip", free=-2),
    )
    assert movement_deltas(moved(MovementKind.RECEIPT, SOON, into=Into.QC)) == (
        row(on_hand=2, qc=2),
        row(SOON, on_hand=2, qc=2),
    )
    there = StockDelta(sku="A", node_id="N2", in_transit=2)
    assert movement_deltas(moved(MovementKind.TRANSFER_OUT, SOON, to_node_id="N2")) == (
        row(on_hand=-2, available=-2),
        there,
        row(SOON, on_hand=-2, available=-2),
        StockDelta(sku="A", node_id=place_of("N2", SOON), in_transit=2),
    )
    for kind, segment in (
        (MovementKind.RECEIPT, "pool:vip"),
        (MovementKind.POOL_FILL, SOON),
        (MovementKind.POOL_FILL, ""),
    ):
        with pytest.raises(InvalidInputError):
            check_movement(moved(kind, segment))
