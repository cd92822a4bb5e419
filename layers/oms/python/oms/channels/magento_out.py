"""Adobe Commerce (Magento 2), told of parcels, cancellations, refunds and stock levels.

- https://developer.adobe.com/commerce/webapi/rest/tutorials/orders/order-create-shipment (by order items, with tracks;
  the answer is the shipment's number alone)
- `POST /V1/orders/{id}/cancel` cancels what is not invoiced of an order and answers `true`
  (https://developer.adobe.com/commerce/webapi/rest/quick-reference/)
- a refund is a credit memo of units: of an invoice, which the shop pays back where that was paid online, or of the
  order, which only writes it down (https://developer.adobe.com/commerce/webapi/rest/tutorials/orders/order-issue-refund,
  https://developer.adobe.com/commerce/webapi/rest/modules/sales); `magento_refunds` says how it comes to the amount
- a level is the quantity of a source, `default` where the account names none, of what is assigned to it
  (https://developer.adobe.com/commerce/webapi/rest/inventory/manage-source-items; an empty list is the answer). The
  shop takes units of its own orders off that until they are shipped there: it sells fewer than it is told, never more

Shops set their own limits (https://developer.adobe.com/commerce/webapi/get-started/rate-limiting); this one is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.channels.magento_refunds import asks_refund, tell_refund
from oms.channels.outward import Again, Call, Done, Later, found, refuse, rows
from oms.channels.parcels_out import same, taken
from oms.domain.channel_dues import Kind
from oms.domain.gate import Limit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.channels.outward import Level, Reply
    from oms.domain.channel_message import Message

limit = Limit(interval_ms=200, burst=10)
most = 50

_CANCELLED: Final = frozenset({"canceled", "closed"})
_FILTER: Final = "searchCriteria[filter_groups][0][filters][0]"
_LEVEL: Final = "levels"
_SOURCE_ITEMS: Final = "/rest/V1/inventory/source-items"
_CARRIERS: Final = frozenset({"ups", "usps", "fedex", "dhl"})
"""Codes that the shop itself knows; others are `custom`, by their title."""


def again(message: Message) -> Again:  # noqa: ARG001 - of all the same
    """The order, its shipments and its credit memos show what arrived."""
    return Again.QUERY


def asks(message: Message, settings: Mapping[str, Any]) -> Sequence[Call]:  # noqa: ARG001 - others need them
    """The order's shipments, its state, or its money."""
    if message.kind is Kind.REFUND:
        return asks_refund(message)
    if message.kind is Kind.CANCELLATION:
        if not message.whole:
            raise refuse("the channel has no word for the cancellation of some units", units=len(message.lines))
        return [Call(name="order", method="GET", path=f"/rest/V1/orders/{message.external_id}")]
    query = {f"{_FILTER}[field]": "order_id", f"{_FILTER}[value]": message.external_id}
    return [Call(name="parcels", method="GET", path="/rest/V1/shipments", query=query)]


def tell(message: Message, settings: Mapping[str, Any], answers: Mapping[str, Reply]) -> Call | Done:
    """One shipment with one track, or one credit memo."""
    if message.kind is Kind.REFUND:
        return tell_refund(message, settings, answers)
    if message.kind is Kind.CANCELLATION:
        if found(answers, "order").get("state") in _CANCELLED:
            return Done(ref=message.external_id, already=True)
        return Call(name="told", method="POST", path=f"/rest/V1/orders/{message.external_id}/cancel")
    for shipment in rows(found(answers, "parcels"), "items"):
        if any(same(str(each.get("track_number") or ""), message.tracking_number) for each in rows(shipment, "tracks")):
            return Done(ref=str(shipment.get("entity_id") or ""), already=True)
    code = message.carrier.lower()
    track = {
        "track_number": message.tracking_number,
        "title": message.carrier,
        "carrier_code": code if code in _CARRIERS else "custom",
    }
    body = {
        "items": [{"order_item_id": int(each.line_id), "qty": each.quantity} for each in message.lines],
        "notify": settings.get("notify") is not False,
        "tracks": [track],
    }
    return Call(name="told", method="POST", path=f"/rest/V1/order/{message.external_id}/ship", body=body)


def read(message: Message, reply: Reply) -> Done | Later:  # noqa: ARG001 - every answer says the same
    """The number of the shipment or credit memo, or `true`."""
    return taken(reply, lambda document: number if (number := document.get("value")) is not True else "")


def _source(settings: Mapping[str, Any]) -> str:
    return str(settings.get("location") or "default")


def asks_levels(levels: Sequence[Level], settings: Mapping[str, Any]) -> Sequence[Call]:
    """What is assigned to the source. Values of `in` stand between commas: a SKU that has one is asked by itself."""
    plain = [each.sku for each in levels if "," not in each.sku]
    named = [each.sku for each in levels if "," in each.sku]
    asked = [(_LEVEL, "in", ",".join(plain)), *((f"{_LEVEL}:{sku}", "eq", sku) for sku in named)]
    return [
        Call(name=name, method="GET", path=_SOURCE_ITEMS, query=_criteria(_source(settings), condition, value))
        for name, condition, value in asked
        if value
    ]


def _criteria(source: str, condition: str, value: str) -> dict[str, str]:
    filters = (("source_code", "eq", source), ("sku", condition, value))
    return {
        f"searchCriteria[filter_groups][{at}][filters][0][{name}]": text
        for at, each in enumerate(filters)
        for name, text in zip(("field", "condition_type", "value"), each, strict=True)
    }


def tell_levels(
    levels: Sequence[Level],
    settings: Mapping[str, Any],
    answers: Mapping[str, Reply],
    key: str,  # noqa: ARG001 - a level set twice is set
) -> Sequence[Call]:
    """All quantities in one call."""
    known = {str(each.get("sku")) for name in answers for each in rows(found(answers, name), "items")}
    items = [
        {"sku": each.sku, "source_code": _source(settings), "quantity": each.units, "status": int(each.units > 0)}
        for each in levels
        if each.sku in known
    ]
    return [Call(name=_LEVEL, method="POST", path=_SOURCE_ITEMS, body={"sourceItems": items})] if items else ()


def read_levels(reply: Reply) -> Later | None:
    """An empty list."""
    taken(reply, lambda _: "")
    return None
