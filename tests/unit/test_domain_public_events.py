"""What the merchant's other systems are told, word for word."""

from __future__ import annotations

from typing import Any

import pytest

from oms.domain.commit import Cause, Commit
from oms.domain.movements import MovementKind
from oms.domain.order import events as ev
from oms.domain.order import return_facts as ret
from oms.domain.public_events import DETAIL_TYPES, public_events
from oms.domain.stock import StockMoved, StockMovement
from oms.domain.tracking import ParcelStatus
from tests.support.builders import PARIS, STRIPE, T0, minutes, units_of

UNIT = ev.NodeUnits(line_id="1", sku="A", node_id="WH1", quantity=2)
ROW = {"order_id": "ord_1", "number": "#1001", "channel": "shopify", "stage": "placed", "total": 5}
ABOUT = {"order_id": "ord_1", "number": "#1001", "channel": "shopify"}
LINES = [{"line_id": "1", "quantity": 2}]


def told(*events: Any, row: dict[str, Any] | None = None) -> list[tuple[str, str, dict[str, Any]]]:
    commit = Commit(
        stream="order#ord_1",
        number=7,
        command_id="cmd_1",
        cause=Cause(kind="api", ref="r"),
        at=T0,
        events=events,
        previous="",
        summary=ROW if row is None else row,
    )
    return list(public_events(commit))


PLACED = ev.OrderPlaced(
    channel="shopify",
    account="shop-1",
    external_id="1001",
    number="#1001",
    placed_at=T0,
    currency="EUR",
    total=2000,
    lines=(ev.PlacedLine(line_id="1", sku="A", quantity=2, unit_price=1000),),
    payment=STRIPE,
)
SHIPPED = ev.ShipmentShipped(
    shipment_id="shp_1",
    fulfillment_order_id="ful_1",
    node_id="WH1",
    parcels=(ev.ShippedParcel(parcel_id="pcl_1", carrier="dhl", tracking_number="T1", units=(UNIT,)),),
)

SHOWN: list[tuple[Any, str, dict[str, Any]]] = [
    (
        PLACED,
        "OrderPlaced.v1",
        {**ABOUT, "currency": "EUR", "total": 2000, "lines": [{"line_id": "1", "sku": "A", "quantity": 2}]},
    ),
    (
        ev.LinesReserved(units=(UNIT,), fulfillment_orders={"ful_1": "WH1"}, promised_by=minutes(60)),
        "OrderPromised.v1",
        {
            **ABOUT,
            "promised_by": "2026-03-01T13:00:00+00:00",
            "fulfillment_orders": [{"fulfillment_order_id": "ful_1", "node_id": "WH1"}],
        },
    ),
    (
        ev.LinesReserved(
            units=(UNIT,), fulfillment_orders={"ful_1": "WH1"}, promised_by=minutes(60), release_at=minutes(9)
        ),
        "OrderPromised.v1",
        {
            **ABOUT,
            "promised_by": "2026-03-01T13:00:00+00:00",
            "release_at": "2026-03-01T12:09:00+00:00",
            "fulfillment_orders": [{"fulfillment_order_id": "ful_1", "node_id": "WH1"}],
        },
    ),
    (
        ev.FulfillmentOrderReleased(fulfillment_order_id="ful_1", node_id="WH1"),
        "FulfillmentOrderReleased.v1",
        {**ABOUT, "fulfillment_order_id": "ful_1", "node_id": "WH1"},
    ),
    (ev.LinesBackordered(lines=units_of({"1": 2})), "OrderBackordered.v1", {**ABOUT, "lines": LINES}),
    (
        ev.LinesBackordered(lines=units_of({"1": 2}), expected_at={"1": minutes(60)}),
        "OrderBackordered.v1",
        {**ABOUT, "lines": [{**LINES[0], "expected_at": "2026-03-01T13:00:00+00:00"}]},
    ),
    (
        ev.PromiseDateMoved(
            lines=(ev.MovedDate(line_id="1", before=T0, after=minutes(60)), ev.MovedDate(line_id="2", before=T0))
        ),
        "PromiseDateMoved.v1",
        {
            **ABOUT,
            "lines": [
                {
                    "line_id": "1",
                    "before": "2026-03-01T12:00:00+00:00",
                    "expected_at": "2026-03-01T13:00:00+00:00",
                },
                {"line_id": "2", "before": "2026-03-01T12:00:00+00:00"},
            ],
        },
    ),
    (
        ev.LinesCancelled(lines=units_of({"1": 2}), origin="channel"),
        "OrderCancelled.v1",
        {**ABOUT, "origin": "channel", "lines": LINES},
    ),
    (
        ev.OrderEdited(
            edit_id="edt_1",
            origin="oms",
            total=500,
            change=-500,
            reason="Mrs. Miller called",
            added=(ev.PlacedLine(line_id="e1-1", sku="A", quantity=2, unit_price=100),),
            ship_to=PARIS,
            freed=(ev.NodeUnits(line_id="1", sku="A", node_id="WH1", quantity=1),) * 2,
            out_of=("ful_1", "ful_1"),
        ),
        "OrderEdited.v1",
        {
            **ABOUT,
            "edit_id": "edt_1",
            "origin": "oms",
            "total": 500,
            "added": [{"line_id": "e1-1", "sku": "A", "quantity": 2}],
            "destination_changed": True,
            "fulfillment_orders_freed": ["ful_1"],
        },
    ),
    (
        ev.HoldPlaced(hold_id="hld_1", kind="manual", reason="Mrs. Miller called"),
        "OrderHeld.v1",
        {**ABOUT, "hold_id": "hld_1", "kind": "manual"},
    ),
    (
        SHIPPED,
        "ShipmentShipped.v1",
        {
            **ABOUT,
            "shipment_id": "shp_1",
            "node_id": "WH1",
            "parcels": [{"carrier": "dhl", "tracking_number": "T1", "lines": LINES}],
        },
    ),
    (
        ev.ParcelStatusChanged(parcel_id="pcl_1", status=ParcelStatus.DELIVERED, occurred_at=T0),
        "ParcelDelivered.v1",
        {**ABOUT, "parcel_id": "pcl_1"},
    ),
    (ev.RefundSucceeded(refund_id="rfd_1"), "RefundSucceeded.v1", {**ABOUT, "refund_id": "rfd_1"}),
    (
        StockMoved(
            movements=(StockMovement(sku="A", node_id="WH1", kind=MovementKind.RECEIPT, quantity=3, reason="PO 12"),)
        ),
        "StockMoved.v1",
        {"movements": [{"sku": "A", "node_id": "WH1", "kind": "receipt", "quantity": 3}]},
    ),
    (
        ret.ReturnRequested(
            return_id="rma_1_1",
            number="#1001-R1",
            lines=(ret.ReturnedLine(line_id="1", quantity=2, reason="size", rule="all"),),
            terms=ret.ReturnTerms(fee=300),
        ),
        "ReturnRequested.v1",
        {
            **ABOUT,
            "return_id": "rma_1_1",
            "return_number": "#1001-R1",
            "resolution": "refund",
            "lines": [{"line_id": "1", "quantity": 2, "reason": "size"}],
        },
    ),
    (
        ret.ReturnApproved(return_id="rma_1_1", expires_at=T0),
        "ReturnApproved.v1",
        {**ABOUT, "return_id": "rma_1_1", "expires_at": "2026-03-01T12:00:00+00:00"},
    ),
    (
        ret.ReturnReceived(return_id="rma_1_1", node_id="WH2"),
        "ReturnReceived.v1",
        {**ABOUT, "return_id": "rma_1_1", "node_id": "WH2"},
    ),
    (
        ret.ReturnInspected(
            return_id="rma_1_1",
            node_id="WH2",
            lines=(
                ret.InspectedUnits(line_id="1", quantity=1, disposition=ev.Disposition.REFURBISH),
                ret.InspectedUnits(line_id="1", quantity=1, condition=ret.Condition.MISSING),
            ),
        ),
        "ReturnInspected.v1",
        {
            **ABOUT,
            "return_id": "rma_1_1",
            "node_id": "WH2",
            "lines": [
                {"line_id": "1", "quantity": 1, "condition": "ok", "disposition": "refurbish"},
                {"line_id": "1", "quantity": 1, "condition": "missing"},
            ],
        },
    ),
    (
        ret.ReturnSettled(return_id="rma_1_1", reason="a note of staff"),
        "ReturnSettled.v1",
        {**ABOUT, "return_id": "rma_1_1"},
    ),
]


@pytest.mark.parametrize(("event", "kind", "detail"), SHOWN)
def test_an_event_is_told_so(event: Any, kind: str, detail: dict[str, Any]) -> None:
    head = {"occurred_at": "2026-03-01T12:00:00+00:00", "commit": 7}
    assert told(event) == [("order#ord_1:7:0", kind, {**head, **detail})]


def test_every_kind_is_told() -> None:
    assert {kind for _, kind, _ in SHOWN} == set(DETAIL_TYPES)


@pytest.mark.parametrize(
    "event",
    [
        ev.HoldReleased(hold_id="hld_1"),
        ev.PaymentVoided(),
        *(
            ev.ParcelStatusChanged(parcel_id="pcl_1", status=status, occurred_at=T0)
            for status in ParcelStatus
            if status is not ParcelStatus.DELIVERED
        ),
    ],
)
def test_what_is_the_systems_own_is_not_told(event: Any) -> None:
    assert told(event) == []


def test_the_number_in_the_id_is_the_events_place_in_the_commit() -> None:
    """What is not told counts too: a kind that is told later changes no id."""
    refund = ev.RefundSucceeded(refund_id="rfd_1")
    assert [name for name, _, _ in told(refund, ev.PaymentVoided(), refund)] == ["order#ord_1:7:0", "order#ord_1:7:2"]


def test_a_commit_without_a_row_says_nothing_of_the_order() -> None:
    ((_, _, detail),) = told(ev.RefundSucceeded(refund_id="rfd_1"), row={})
    assert [detail[name] for name in ("order_id", "number", "channel")] == ["", "", ""]
