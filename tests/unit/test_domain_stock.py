from __future__ import annotations

import pytest

from oms.domain.errors import InsufficientStockError, InvalidInputError
from oms.domain.order import events as ev
from oms.domain.stock import (
    COMPONENTS,
    MovementKind,
    StockDelta,
    StockMoved,
    StockMovement,
    event_deltas,
    freed_skus,
    movement_delta,
    stock_deltas,
)
from tests.support.builders import Positions, minutes


def moved(kind: MovementKind, quantity: int, sku: str = "A") -> StockMovement:
    return StockMovement(sku=sku, node_id="WH1", kind=kind, quantity=quantity)


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
    ],
)
def test_a_movement_keeps_the_balance(kind: MovementKind, quantity: int, changes: dict[str, int]) -> None:
    delta = movement_delta(moved(kind, quantity))
    assert dict(delta.changes) == changes
    assert delta.balanced


@pytest.mark.parametrize("kind", MovementKind)
@pytest.mark.parametrize("quantity", [0, -1])
def test_a_quantity_that_its_kind_does_not_allow(kind: MovementKind, quantity: int) -> None:
    if quantity and kind in (MovementKind.ADJUSTMENT, MovementKind.SAFETY):
        assert movement_delta(moved(kind, quantity)).balanced
        return
    with pytest.raises(InvalidInputError):
        movement_delta(moved(kind, quantity))


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


def test_every_component_counts() -> None:
    assert set(COMPONENTS) == {"on_hand", "available", "reserved", "safety", "damaged"}
    both = StockDelta(sku="A", node_id="W", on_hand=2, available=1, reserved=1)
    assert both.plus(both) == StockDelta(sku="A", node_id="W", on_hand=4, available=2, reserved=2)


def test_the_last_unit_goes_once() -> None:
    stock = Positions()
    stock.receive("A", "WH1", 1)
    stock.apply(stock_deltas([reserved(units(1))]))
    with pytest.raises(InsufficientStockError):
        stock.apply(stock_deltas([reserved(units(1))]))
