"""Meta's shops, told: an order is acknowledged, shipped parcel by parcel, cancelled in part or whole, refunded.

Rules, all below https://developers.facebook.com/documentation/ads-commerce/commerce-platform/order-management:

- `using-api` (every POST has an `idempotency_key` of letters and digits, up to 100: the same request with it acts once,
  another with it is refused) and `acknowledgement-api` (an order in FB_PROCESSING cannot be acknowledged yet; what was
  refused is refused again under its key, and takes a new one)
- `fulfillment-api` (one tracking number for each shipment; carriers by codes; where it ships from, for taxes)
- `cancellation-refund-api` (what was not shipped is cancelled, what was is refunded: whole, by units, or by an amount
  for each item before its tax. The answer names no refund: its id comes with the order)

A refund is exact only where Meta adds nothing to it: of the whole order, or of an order without tax. Another is put
before a person. https://developers.facebook.com/docs/graph-api/overview/rate-limiting is by the business, over hours:
the limit here is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.channels.carriers_out import known_as
from oms.channels.meta_refunds import FIELDS, refunded
from oms.channels.outward import Again, Call, Done, Later, found, part, refuse, rows
from oms.channels.parcels_out import among, plain
from oms.domain.channel_dues import Kind
from oms.domain.errors import UpstreamError
from oms.domain.gate import Limit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oms.channels.outward import Reply
    from oms.domain.channel_message import Message

limit = Limit(interval_ms=200, burst=10)

_VENDOR: Final = "meta-commerce"
_CODES: Final = frozenset({"dhl", "dhl_ecommerce_us", "eagle", "fedex", "ontrac", "tnt", "ups", "usps"})
"""Carriers that need no setting: Meta's codes for them are their names."""
_OTHER: Final = "CANCEL_REASON_OTHER"
_PROCESSING: Final = "FB_PROCESSING"
_CREATED: Final = "CREATED"
_PROCESSING_S: Final = 900.0
_PAGE: Final = "100"
_EDGES: Final = {
    Kind.ACKNOWLEDGEMENT: ("", "id,order_status"),
    Kind.FULFILLMENT: ("/shipments", "id,external_shipment_id,tracking_info"),
    Kind.CANCELLATION: ("/cancellations", "id,items.limit(500){id,quantity}"),
    Kind.REFUND: ("", FIELDS),
}
_TOLD: Final = {
    Kind.ACKNOWLEDGEMENT: "acknowledge_order",
    Kind.FULFILLMENT: "shipments",
    Kind.CANCELLATION: "cancellations",
    Kind.REFUND: "refunds",
}


def again(message: Message) -> Again:  # noqa: ARG001 - of all the same
    """Everything has a key."""
    return Again.KEY


def asks(message: Message, settings: Mapping[str, Any]) -> Sequence[Call]:
    """What the order has of it already."""
    if message.kind is Kind.FULFILLMENT:
        if not message.tracking_number:
            raise refuse("a fulfillment here has a tracking number")
        _carrier(message, settings)
    edge, fields = _EDGES[message.kind]
    query = {"fields": fields, **({"limit": _PAGE} if edge else {})}
    return [Call(name="known", method="GET", path=f"/{message.external_id}{edge}", query=query)]


def tell(message: Message, settings: Mapping[str, Any], answers: Mapping[str, Reply]) -> Call | Done | Later:
    """One thing under its key."""
    known = found(answers, "known")
    match message.kind:
        case Kind.ACKNOWLEDGEMENT:
            state = part(known, "order_status").get("state")
            if state == _PROCESSING:
                return Later(wait_s=_PROCESSING_S, alone=True)
            return _told(message, {}) if state == _CREATED else Done(ref=message.external_id, already=True)
        case Kind.FULFILLMENT:
            return _ship(message, settings, rows(known, "data"))
        case Kind.CANCELLATION:
            return _cancel(message, str(settings.get("cancellation_reason") or _OTHER), rows(known, "data"))
    return _told(message, refunded(message, known))


def read(message: Message, reply: Reply) -> Done | Later:
    """`success`, or the order's state; a refund's id comes with the order."""
    if not reply.ok:
        raise refuse("the channel refused", reply, vendor_code=str(part(reply.document, "error").get("code") or ""))
    if reply.document.get("success") is not True and not reply.document.get("state"):
        raise UpstreamError("the vendor's answer cannot be read", vendor=_VENDOR, vendor_field="success")
    refs = {Kind.REFUND: "", Kind.FULFILLMENT: message.message_id}
    return Done(ref=refs.get(message.kind, message.external_id))


def _told(message: Message, body: Mapping[str, Any]) -> Call:
    path = f"/{message.external_id}/{_TOLD[message.kind]}"
    return Call(name="told", method="POST", path=path, body={**body, "idempotency_key": _key(message)})


def _key(message: Message) -> str:
    """The same on every attempt; another for what a person has sent once more after it was refused."""
    return plain(message.message_id) + (f"R{message.fresh}" if message.fresh else "")


def _ship(message: Message, settings: Mapping[str, Any], shipments: Sequence[Mapping[str, Any]]) -> Call | Done:
    ours = next((each for each in shipments if each.get("external_shipment_id") == message.message_id), None)
    if ours is not None:
        return Done(ref=str(ours.get("id") or ""), already=True)
    parcels = [{**part(each, "tracking_info"), "id": each.get("id")} for each in shipments]
    known = among(message, parcels, "tracking_number", "id")
    if known:
        return known
    body: dict[str, Any] = {
        "external_shipment_id": message.message_id,
        "items": _items((each.line_id, each.quantity) for each in message.lines),
        "tracking_info": {"carrier": _carrier(message, settings), "tracking_number": message.tracking_number},
    }
    if location := settings.get("location"):
        body["fulfillment"] = {"fulfillment_location_id": str(location)}
    return _told(message, body)


def _carrier(message: Message, settings: Mapping[str, Any]) -> str:
    code = known_as(message.carrier, settings)
    if not code and message.carrier.lower() in _CODES:
        code = message.carrier.lower()
    if not code:
        raise refuse("the account does not say which carrier it is there", vendor_field="carriers")
    return code


def _cancel(message: Message, reason: str, cancellations: Sequence[Mapping[str, Any]]) -> Call | Done:
    """Units of each item beyond those that are cancelled there: it comes to the same in whichever order it is told."""
    gone: dict[str, int] = {}
    for each in cancellations:
        for item in rows(part(each, "items"), "data"):
            quantity = item.get("quantity")
            gone[str(item.get("id"))] = gone.get(str(item.get("id")), 0) + (
                quantity if isinstance(quantity, int) else 0
            )
    left = [(line_id, units - gone.get(line_id, 0)) for line_id, units in message.cancelled]
    left = [(line_id, units) for line_id, units in left if units > 0]
    if not left:
        return Done(ref=message.external_id, already=True)
    body: dict[str, Any] = {"cancel_reason": {"reason_code": reason}}
    if gone or not message.whole:
        body["items"] = _items(left)
    return _told(message, body)


def _items(units: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    return [{"item_id": line_id, "quantity": quantity} for line_id, quantity in units]
