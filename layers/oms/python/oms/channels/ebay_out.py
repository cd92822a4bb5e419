"""eBay, told of parcels, a shipping fulfillment for each package, of cancellations, refunds and stock levels.

The method `createShippingFulfillment` of https://developer.ebay.com/api-docs/sell/fulfillment/resources/methods
(201 without a body, its place in a header; a tracking number of letters and digits alone, carrier codes of the Trading
API's `ShippingCarrierCodeType`). Calls are limited by day only, 100,000 and more
(https://developer.ebay.com/develop/get-started/api-call-limits); the limit by second is ours.

A refund is of the whole order, or of one of its lines: `issueRefund` of
https://developer.ebay.com/api-docs/sell/fulfillment/resources/order/methods/issueRefund
(PENDING is what succeeds, since eBay pays later; reasons of its `ReasonForRefundEnum`). It has no key, and the order
shows no more of it than eBay's own id and the seller's share: after a call that nobody answered an order without
refunds shows that none arrived, one with a refund does not tell whose it is. Taxes that eBay collects it gives back
itself (https://developer.ebay.com/api-docs/sell/fulfillment/types/sel:OrderRefund), so that the seller's share of such
an order is a person's to say. Calls for sellers of the EU and the United Kingdom have to be signed, which is not done
here: eBay refuses them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.channels.ebay_cancel import REASON, is_cancelled, made, tell_cancellation
from oms.channels.ebay_levels import asks_levels, most, read_levels, tell_levels
from oms.channels.outward import Again, Call, Done, Later, doubt, found, part, refuse, rows
from oms.channels.parcels_out import among, plain, taken
from oms.domain.channel_dues import Kind
from oms.domain.gate import Limit
from oms.domain.money import format_minor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.channels.outward import Reply
    from oms.domain.channel_message import Message

__all__ = [
    "again",
    "asks",
    "asks_levels",
    "limit",
    "most",
    "read",
    "read_levels",
    "tell",
    "tell_levels",
]

limit = Limit(interval_ms=200, burst=10)

_FAILED: Final = "FAILED"
_REASON: Final = "OTHER_ADJUSTMENT"
"""eBay's word for a refund for no specific reason."""


def again(message: Message) -> Again:  # noqa: ARG001 - of all the same
    """A parcel or a refund is looked for."""
    return Again.QUERY


def asks(message: Message, settings: Mapping[str, Any]) -> Sequence[Call]:
    """The order's fulfillments, or the order."""
    if message.kind is Kind.CANCELLATION:
        if not message.whole:
            raise refuse("the channel has no word for the cancellation of some units", units=len(message.lines))
        if not settings.get(REASON):
            raise refuse("the account does not say which reason a cancellation has")
    if message.kind in (Kind.REFUND, Kind.CANCELLATION):
        return [Call(name="order", method="GET", path=_order(message))]
    if message.kind is not Kind.FULFILLMENT or not message.tracking_number:
        raise refuse("a fulfillment here has a tracking number")
    return [Call(name="parcels", method="GET", path=_path(message))]


def tell(message: Message, settings: Mapping[str, Any], answers: Mapping[str, Reply]) -> Call | Done:
    """One package, one refund, or one cancellation."""
    if message.kind is Kind.CANCELLATION:
        return tell_cancellation(message, found(answers, "order"), str(settings[REASON]))
    if message.kind is Kind.REFUND:
        return _refund(message, settings, found(answers, "order"))
    known = among(message, rows(found(answers, "parcels"), "fulfillments"), "shipmentTrackingNumber", "fulfillmentId")
    if known:
        return known
    body = {
        "lineItems": [{"lineItemId": each.line_id, "quantity": each.quantity} for each in message.lines],
        "shippedDate": f"{message.shipped_at[:19]}.000Z",
        "shippingCarrierCode": message.carrier,
        "trackingNumber": plain(message.tracking_number),
    }
    return Call(name="told", method="POST", path=_path(message), body=body)


def read(message: Message, reply: Reply) -> Done | Later:
    """201; a parcel is called by its number."""
    if message.kind is Kind.CANCELLATION:
        return made(reply)
    if message.kind is Kind.REFUND:
        if reply.document.get("refundStatus") == _FAILED:
            raise refuse("the channel could not pay", reply)
        return taken(reply, lambda document: document.get("refundId"))
    return taken(reply, lambda _: plain(message.tracking_number))


def _order(message: Message) -> str:
    return f"/sell/fulfillment/v1/order/{message.external_id}"


def _path(message: Message) -> str:
    return f"{_order(message)}/shipping_fulfillment"


def _refund(message: Message, settings: Mapping[str, Any], order: Mapping[str, Any]) -> Call:
    items = rows(order, "lineItems")
    shown = [
        *rows(part(order, "paymentSummary"), "refunds"),
        *(each for item in items for each in rows(item, "refunds")),
    ]
    if message.doubtful and any(each.get("refundStatus") != _FAILED for each in shown):
        raise doubt("the order shows a refund, and not whose it is", vendor="ebay")
    if is_cancelled(order):
        raise refuse("the channel gives the money of a cancelled order back itself")
    if any(rows(item, "ebayCollectAndRemitTaxes") for item in items):
        raise refuse("the channel collected taxes of the order, and gives them back itself")
    amount = {"value": format_minor(message.amount, message.currency), "currency": message.currency}
    of_a_line = len(message.lines) == 1 and len(items) > 1
    what = (
        {"refundItems": [{"lineItemId": message.lines[0].line_id, "refundAmount": amount}]}
        if of_a_line
        else {"orderLevelRefundAmount": amount}
    )
    body = {"reasonForRefund": str(settings.get("refund_reason") or _REASON), **what}
    return Call(name="told", method="POST", path=f"{_order(message)}/issue_refund", body=body)
