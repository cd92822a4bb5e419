"""Events for the merchant's other systems: business facts, versioned, additive only, without personal data.

Each has a JSON schema in `infra/schemas/` and a sample in `events/public/`. They are not the log's events: those may
change with the code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.domain import public_returns
from oms.domain.order import events as ev
from oms.domain.stock import StockCounted, StockMoved
from oms.domain.tracking import ParcelStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from oms.domain.commit import Commit
    from oms.domain.stock import StockMovement

SOURCE: Final = "oms.orders"
MAX_TOLD: Final = 1000
"""Lines that one event tells of: a bus takes no more than 256 kB at once."""
DETAIL_TYPES: Final = (
    "OrderPlaced.v1",
    "OrderPromised.v1",
    "FulfillmentOrderReleased.v1",
    "OrderBackordered.v1",
    "PromiseDateMoved.v1",
    "OrderCancelled.v1",
    "OrderEdited.v1",
    "OrderHeld.v1",
    "ShipmentShipped.v1",
    "ParcelDelivered.v1",
    "RefundSucceeded.v1",
    "StockMoved.v1",
    *public_returns.DETAIL_TYPES,
)


def public_events(commit: Commit) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(event id, detail type, detail) of a commit. The id is the same on every attempt: `<stream>:<commit>:<n>`."""
    for index, event in enumerate(commit.events):
        shown = _shown(event, commit.summary)
        if shown is not None:
            kind, detail = shown
            head = {"occurred_at": commit.at.isoformat(), "commit": commit.number}
            yield f"{commit.stream}:{commit.number}:{index}", kind, {**head, **detail}


def _lines(units: Any) -> list[dict[str, Any]]:
    return [{"line_id": part.line_id, "quantity": part.quantity} for part in units]


def _dates(**known: datetime | None) -> dict[str, str]:
    """Those that are known."""
    return {name: at.isoformat() for name, at in known.items() if at}


def _expected(event: ev.LinesBackordered | ev.PromiseDateMoved, about: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if isinstance(event, ev.PromiseDateMoved):
        lines = [
            {"line_id": each.line_id, **_dates(before=each.before, expected_at=each.after)} for each in event.lines
        ]
        return "PromiseDateMoved.v1", {**about, "lines": lines}
    waits = [{**line, **_dates(expected_at=event.expected_at.get(line["line_id"]))} for line in _lines(event.lines)]
    return "OrderBackordered.v1", {**about, "lines": waits}


def _promised(
    event: ev.LinesReserved | ev.FulfillmentOrderReleased, about: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    if isinstance(event, ev.FulfillmentOrderReleased):
        work = {"fulfillment_order_id": event.fulfillment_order_id, "node_id": event.node_id}
        return "FulfillmentOrderReleased.v1", {**about, **work}
    works = [{"fulfillment_order_id": each, "node_id": node} for each, node in event.fulfillment_orders.items()]
    dates = _dates(promised_by=event.promised_by, release_at=event.release_at)
    return "OrderPromised.v1", {**about, **dates, "fulfillment_orders": works}


def _changed(event: ev.LinesCancelled | ev.OrderEdited, about: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What an edit took off is told by the OrderCancelled of the same commit."""
    if isinstance(event, ev.LinesCancelled):
        return "OrderCancelled.v1", {**about, "origin": event.origin, "lines": _lines(event.lines)}
    lines = [{"line_id": line.line_id, "sku": line.sku, "quantity": line.quantity} for line in event.added]
    taken_from = list(dict.fromkeys(event.out_of))
    detail = {
        **about,
        "edit_id": event.edit_id,
        "origin": event.origin,
        "total": event.total,
        "added": lines,
        "destination_changed": event.ship_to is not None,
        "fulfillment_orders_freed": taken_from,
    }
    return "OrderEdited.v1", detail


def _movement(moved: StockMovement) -> dict[str, Any]:
    shown = {"sku": moved.sku, "node_id": moved.node_id, "kind": moved.kind.value, "quantity": moved.quantity}
    return {**shown, "to_node_id": moved.to_node_id} if moved.to_node_id else shown


def _movements(event: StockMoved | StockCounted) -> list[dict[str, Any]]:
    """What moved; nothing when a count found what the book says."""
    if isinstance(event, StockMoved):
        return [_movement(each) for each in event.movements]
    counted = {"sku": event.sku, "node_id": event.node_id, "kind": "count", "quantity": event.on_hand}
    return [counted] if event.on_hand else []


def _shown(event: Any, row: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    about = {"order_id": row.get("order_id", ""), "number": row.get("number", ""), "channel": row.get("channel", "")}
    match event:
        case ev.OrderPlaced():
            lines = [{"line_id": line.line_id, "sku": line.sku, "quantity": line.quantity} for line in event.lines]
            head = {**about, "currency": event.currency, "total": event.total}
            left = {"lines_left": len(lines) - MAX_TOLD} if len(lines) > MAX_TOLD else {}
            return "OrderPlaced.v1", {**head, "lines": lines[:MAX_TOLD], **left}
        case ev.LinesReserved() | ev.FulfillmentOrderReleased():
            return _promised(event, about)
        case ev.LinesBackordered() | ev.PromiseDateMoved():
            return _expected(event, about)
        case ev.LinesCancelled() | ev.OrderEdited():
            return _changed(event, about)
        case ev.HoldPlaced():
            return "OrderHeld.v1", {**about, "hold_id": event.hold_id, "kind": event.kind}
        case ev.ShipmentShipped():
            parcels = [
                {"carrier": parcel.carrier, "tracking_number": parcel.tracking_number, "lines": _lines(parcel.units)}
                for parcel in event.parcels
            ]
            detail = {**about, "shipment_id": event.shipment_id, "node_id": event.node_id, "parcels": parcels}
            return "ShipmentShipped.v1", detail
        case ev.ParcelStatusChanged(status=ParcelStatus.DELIVERED):
            return "ParcelDelivered.v1", {**about, "parcel_id": event.parcel_id}
        case ev.RefundSucceeded():
            return "RefundSucceeded.v1", {**about, "refund_id": event.refund_id}
        case StockMoved() | StockCounted():
            movements = _movements(event)
            return ("StockMoved.v1", {"movements": movements}) if movements else None
        case _:
            return public_returns.shown(event, about)
