"""Walmart, told: an order is acknowledged within four hours; lines are shipped, cancelled, refunded; stock is told.

- https://developer.walmart.com/us-marketplace/docs/acknowledge-a-created-order (may be said again)
- https://developer.walmart.com/us-marketplace/docs/ship-an-order (which charges the customer; carriers by their
  names there, others as `otherCarrier`)
- https://developer.walmart.com/us-marketplace/docs/cancel-one-or-more-order-lines (with a reason, by which Walmart
  judges the seller: which one is for the account to say)
- https://developer.walmart.com/us-marketplace/docs/refund-orders (`walmart_refunds` says how)
- https://developer.walmart.com/us-marketplace/docs/update-single-item-inventory (at the default node, SKU by SKU; one
  that Walmart does not have is 404, https://developer.walmart.com/us-marketplace/docs/error-codes). Walmart takes units
  that are sold and not shipped off what it is told: it sells fewer, never more
  (https://developer.walmart.com/global-marketplace/docs/update-item-inventory-per-ship-node)
- https://developer.walmart.com/us-marketplace/docs/rate-limiting (60 calls a minute)

Units are told apart by the statuses of a line: what the order shows as shipped with the tracking number, or as
cancelled, is not told again.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from oms.channels.outward import Again, Call, Done, Later, found, part, refuse, rows
from oms.channels.parcels_out import same, taken
from oms.channels.walmart_refunds import REASON, made, tell_refund
from oms.domain.channel_dues import Kind
from oms.domain.gate import Limit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from oms.channels.outward import Level, Reply
    from oms.domain.channel_message import Message

limit = Limit(interval_ms=1000, burst=20)
most = 10

_CARRIERS: Final = {name.upper(): name for name in ("UPS", "USPS", "FedEx", "Airborne", "OnTrac", "DHL", "LS", "UDS")}
_EACH: Final = "EACH"
_UNKNOWN: Final = 404
_REASON: Final = "cancellation_reason"


def again(message: Message) -> Again:
    """An acknowledgement may be said again; the rest is looked for."""
    return Again.KEY if message.kind is Kind.ACKNOWLEDGEMENT else Again.QUERY


def asks(message: Message, settings: Mapping[str, Any]) -> Sequence[Call]:
    """The order."""
    if message.kind is Kind.CANCELLATION and not settings.get(_REASON):
        raise refuse("the account does not say which reason a cancellation has")
    if message.kind is Kind.REFUND and not settings.get(REASON):
        raise refuse("the account does not say which reason a refund has")
    return [Call(name="order", method="GET", path=f"/v3/orders/{message.external_id}")]


def tell(message: Message, settings: Mapping[str, Any], answers: Mapping[str, Reply]) -> Call | Done:
    """What its lines do not show yet."""
    order = part(found(answers, "order"), "order")
    path = f"/v3/orders/{message.external_id}"
    if message.kind is Kind.REFUND:
        return tell_refund(message, order, str(settings[REASON]))
    statuses = list(_statuses(order))
    if message.kind is Kind.ACKNOWLEDGEMENT:
        if statuses and not any(each.get("status") == "Created" for _, each in statuses):
            return Done(ref=message.external_id, already=True)
        return Call(name="told", method="POST", path=f"{path}/acknowledge", body={})
    if message.kind is Kind.CANCELLATION:
        return _cancel(message, path, statuses, str(settings[_REASON]))
    if any(
        same(str(part(each, "trackingInfo").get("trackingNumber") or ""), message.tracking_number)
        for _, each in statuses
    ):
        return Done(ref=message.tracking_number, already=True)
    tracking = {
        "shipDateTime": int(datetime.fromisoformat(message.shipped_at).timestamp() * 1000),
        "carrierName": _carrier(message.carrier),
        "methodCode": "Standard",
        "trackingNumber": message.tracking_number,
    }
    lines = [_line(each.line_id, "Shipped", each.quantity, {"trackingInfo": tracking}) for each in message.lines]
    return Call(name="told", method="POST", path=f"{path}/shipping", body={"orderShipment": _lines(lines)})


def _cancel(message: Message, path: str, statuses: Sequence[tuple[str, Mapping[str, Any]]], reason: str) -> Call | Done:
    """Units of each line beyond those that are cancelled there: it comes to the same in whichever order it is told."""
    gone: dict[str, int] = {}
    for line_id, each in statuses:
        if each.get("status") == "Cancelled":
            amount = str(part(each, "statusQuantity").get("amount") or "0")
            gone[line_id] = gone.get(line_id, 0) + (int(amount) if amount.isdigit() else 0)
    left = [(line_id, units - gone.get(line_id, 0)) for line_id, units in message.cancelled]
    lines = [_line(line_id, "Cancelled", units, {"cancellationReason": reason}) for line_id, units in left if units > 0]
    if not lines:
        return Done(ref=message.external_id, already=True)
    return Call(name="told", method="POST", path=f"{path}/cancel", body={"orderCancellation": _lines(lines)})


def read(message: Message, reply: Reply) -> Done | Later:
    """The order as it is now."""
    if message.kind is Kind.REFUND:
        return taken(reply, lambda document: made(message, part(document, "order")))
    return taken(reply, lambda _: message.tracking_number or message.external_id)


def _statuses(order: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(line, status) of every part of every line."""
    for line in rows(part(order, "orderLines"), "orderLine"):
        for each in rows(part(line, "orderLineStatuses"), "orderLineStatus"):
            yield str(line.get("lineNumber")), each


def _carrier(name: str) -> dict[str, str]:
    known = _CARRIERS.get(name.upper())
    return {"carrier": known} if known else {"otherCarrier": name}


def _line(line_id: str, status: str, units: int, more: Mapping[str, Any]) -> dict[str, Any]:
    quantity = {"unitOfMeasurement": _EACH, "amount": str(units)}
    return {
        "lineNumber": line_id,
        "orderLineStatuses": {"orderLineStatus": [{"status": status, "statusQuantity": quantity, **more}]},
    }


def _lines(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"orderLines": {"orderLine": list(lines)}}


def asks_levels(levels: Sequence[Level], settings: Mapping[str, Any]) -> Sequence[Call]:  # noqa: ARG001 - others ask
    """Nothing: a SKU is called by itself."""
    return ()


def tell_levels(
    levels: Sequence[Level],
    settings: Mapping[str, Any],  # noqa: ARG001 - others need them
    answers: Mapping[str, Reply],  # noqa: ARG001 - as above
    key: str,  # noqa: ARG001 - a level set twice is set
) -> Sequence[Call]:
    """A call for each SKU."""
    return [
        Call(
            name=each.sku,
            method="PUT",
            path="/v3/inventory",
            query={"sku": each.sku},
            body={"sku": each.sku, "quantity": {"unit": _EACH, "amount": each.units}},
        )
        for each in levels
    ]


def read_levels(reply: Reply) -> Later | None:
    """The level as it is now; a SKU that Walmart does not have is left out."""
    if reply.status != _UNKNOWN:
        taken(reply, lambda document: document.get("sku"))
    return None
