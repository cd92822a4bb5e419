from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oms.domain.errors import InsufficientStockError, InvalidInputError
from oms.domain.movements import REASONS, Into, MovementKind, ReasonCode
from oms.domain.order import events as ev
from oms.domain.stock import (
    COMPONENTS,
    PARTS,
    StockCounted,
    StockDelta,
    StockMoved,
    StockMovement,
    check_movement,
    event_deltas,
    freed_skus,
    movement_deltas,
    stock_deltas,
)
from tests.support.builders import Positions, minutes


def moved(kind: MovementKind, quantity: int, sku: str = "A") -> StockMovement:
    pool = "pool:vip" if kind.value.startswith("pool_") else ""
    return StockMovement(sku=sku, node_id="WH1", kind=kind, quantity=quantity, segment=pool)


def units(quantity: int, line_id: str = "1", node_id: str = "WH1", sku: str = "A") -> ev.NodeUnits:
    return ev.NodeUnits(line_id=line_id, sku=sku, node_id=node_id, quantity=quantity)


def reserved(*parts: ev.NodeUnits) -> ev.LinesReserved:
    return ev.LinesReserved(units=parts, fulfillment_orders={"ful_1": "WH1"}, promised_by=minutes(0))


@pytest.mark.parametrize(
    ("kind", "quantity", "changes"),
    [
        (MovementKind.RECEIPT, 5, {"on_hand": 5, "available": 5}),
        (MovementKind.ADJUSTMENT, -2, {"on_hand": -2, "available": -2}),
        (MovementKind.DAMAGE, 2, {"available": -2, "damaged": 2}),
        (MovementKind.WRITE_OFF, 2, {"on_hand": -2, "damaged": -2}),
        (MovementKind.SAFETY, 3, {"available": -3, "safety": 3}),
        (MovementKind.SAFETY, -3, {"available": 3, "safety": -3}),
        (MovementKind.QC_HOLD, 2, {"available": -2, "qc": 2}),
        (MovementKind.QC_RELEASE, 2, {"available": 2, "qc": -2}),
        (MovementKind.QC_REJECT, 2, {"damaged": 2, "qc": -2}),
        (MovementKind.TRANSFER_IN, 2, {"on_hand": 2, "available": 2, "in_transit": -2}),
        (MovementKind.TRANSFER_LOSS, 2, {"in_transit": -2}),
    ],
)
def test_a_movement_keeps_the_balance(kind: MovementKind, quantity: int, changes: dict[str, int]) -> None:
    (delta,) = movement_deltas(moved(kind, quantity))
    assert dict(delta.changes) == changes
    assert delta.balanced


@pytest.mark.parametrize("kind", MovementKind)
@pytest.mark.parametrize("quantity", [0, -1])
def test_a_quantity_that_its_kind_does_not_allow(kind: MovementKind, quantity: int) -> None:
    if quantity and kind in (MovementKind.ADJUSTMENT, MovementKind.SAFETY):
        assert all(each.balanced for each in movement_deltas(moved(kind, quantity)))
        return
    with pytest.raises(InvalidInputError):
        movement_deltas(moved(kind, quantity))


@pytest.mark.parametrize("into", Into)
def test_units_come_into_a_state(into: Into) -> None:
    for kind, transit in ((MovementKind.RECEIPT, 0), (MovementKind.TRANSFER_IN, -4)):
        (delta,) = movement_deltas(replace(moved(kind, 4), into=into))
        assert delta == StockDelta(sku="A", node_id="WH1", on_hand=4, in_transit=transit, **{into.value: 4})


def test_a_transfer_leaves_one_node_and_is_in_transit_to_the_other() -> None:
    out = replace(moved(MovementKind.TRANSFER_OUT, 3), to_node_id="WH2")
    assert movement_deltas(out) == (
        StockDelta(sku="A", node_id="WH1", on_hand=-3, available=-3),
        StockDelta(sku="A", node_id="WH2", in_transit=3),
    )


@pytest.mark.parametrize(
    ("disposition", "changes"),
    [
        (ev.Disposition.RESTOCK, {"on_hand": 2, "available": 2}),
        (ev.Disposition.QC, {"on_hand": 2, "qc": 2}),
        (ev.Disposition.REFURBISH, {"on_hand": 2, "qc": 2}),
        (ev.Disposition.DAMAGED, {"on_hand": 2, "damaged": 2}),
        (ev.Disposition.SCRAP, None),
        (ev.Disposition.VENDOR, None),
    ],
)
def test_where_units_that_came_back_stand(disposition: ev.Disposition, changes: dict[str, int] | None) -> None:
    deltas = event_deltas(ev.LinesReturned(units=(units(2),), disposition=disposition))
    assert [dict(each.changes) for each in deltas] == ([changes] if changes else [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": ReasonCode.SCRAPPED},
        {"code": ReasonCode.CYCLE},
        {"to_node_id": "WH2"},
        {"kind": MovementKind.TRANSFER_OUT},
        {"kind": MovementKind.TRANSFER_OUT, "to_node_id": "WH1"},
        {"kind": MovementKind.DAMAGE, "into": Into.QC},
        {"reason": "for jane@example.com"},
        {"quantity": 0},
    ],
)
def test_fields_that_do_not_fit_the_kind_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        check_movement(replace(moved(MovementKind.RECEIPT, 1), **wrong))


@pytest.mark.parametrize("kind", MovementKind)
def test_each_kind_takes_its_own_reason_codes(kind: MovementKind) -> None:
    to = "WH2" if kind is MovementKind.TRANSFER_OUT else ""
    for code in ReasonCode:
        movement = replace(moved(kind, 1), code=code, to_node_id=to)
        if code in REASONS[kind]:
            check_movement(movement)
        else:
            with pytest.raises(InvalidInputError):
                check_movement(movement)


def test_a_note_may_say_where() -> None:
    check_movement(replace(moved(MovementKind.RECEIPT, 12), reason="12 pallets @ dock 3"))


def test_nothing_is_bound_where_units_are_missing() -> None:
    stock = Positions()
    stock.receive("A", "WH1", 5)
    stock.apply([StockDelta(sku="A", node_id="WH1", short=1, counts=1)])
    assert stock.of["A", "WH1"].promisable == 0
    with pytest.raises(InsufficientStockError):
        stock.apply(stock_deltas([reserved(units(1))]))
    stock.apply([StockDelta(sku="A", node_id="WH1", short=-1, counts=1)])
    stock.apply(stock_deltas([reserved(units(1))]))
    assert stock.of["A", "WH1"].promisable == 4


def test_every_event_keeps_the_balance_of_each_position() -> None:
    parcel = ev.ShippedParcel(parcel_id="p", carrier="c", tracking_number="t", units=(units(2), units(1, "2")))
    rejections = [
        ev.FulfillmentOrderRejected(fulfillment_order_id="f", node_id="WH1", reason=reason, units=(units(1),))
        for reason in ("no_capacity", "not_found", "damaged")
    ]
    moving = [
        reserved(units(2)),
        ev.LinesCancelled(lines=(), origin="oms", freed=(units(1),), fulfillment_orders=("f",)),
        ev.ShipmentShipped(shipment_id="s", fulfillment_order_id="f", node_id="WH1", parcels=(parcel,)),
        ev.LinesReturned(units=(units(1),)),
        StockMoved(movements=tuple(moved(kind, 1) for kind in MovementKind)),
        *rejections,
    ]
    for event in moving:
        deltas = event_deltas(event)
        assert deltas
        assert all(delta.balanced for delta in deltas), event
    assert event_deltas(ev.PaymentVoided()) == []


def test_one_entry_per_position_summed_in_a_fixed_order() -> None:
    """A transaction may name an item once."""
    parts = (units(1, sku="B"), units(2), units(3, "2"), units(4, node_id="WH2"))
    deltas = stock_deltas([reserved(*parts), reserved(units(1))])
    assert [(each.sku, each.node_id, each.reserved) for each in deltas] == [
        ("A", "WH1", 6),
        ("A", "WH2", 4),
        ("B", "WH1", 1),
    ]


def test_what_cancels_out_is_no_movement() -> None:
    there = reserved(units(2))
    back = ev.LinesCancelled(lines=(), origin="oms", freed=(units(2),), fulfillment_orders=("f",))
    assert stock_deltas([there, back]) == ()
    assert freed_skus([there, back]) == ()


def test_skus_of_which_more_can_be_promised() -> None:
    assert freed_skus([StockMoved(movements=(moved(MovementKind.RECEIPT, 1, "B"), moved(MovementKind.DAMAGE, 1)))]) == (
        "B",
    )
    found_again = StockCounted(sku="C", node_id="WH1", counted=5, book=5, short=-2)
    assert freed_skus([found_again]) == ("C",)
    assert freed_skus([replace(found_again, short=1)]) == ()


def test_every_component_counts() -> None:
    parts = {"available", "reserved", "safety", "damaged", "qc", "pooled"}
    assert set(PARTS) == parts
    assert set(COMPONENTS) == {"on_hand", *parts, "in_transit", "short", "counts", "free"}
    both = StockDelta(sku="A", node_id="W", on_hand=2, available=1, reserved=1)
    assert both.plus(both) == StockDelta(sku="A", node_id="W", on_hand=4, available=2, reserved=2)


def test_the_last_unit_goes_once() -> None:
    stock = Positions()
    stock.receive("A", "WH1", 1)
    stock.apply(stock_deltas([reserved(units(1))]))
    with pytest.raises(InsufficientStockError):
        stock.apply(stock_deltas([reserved(units(1))]))
