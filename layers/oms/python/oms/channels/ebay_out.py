"""eBay, told of parcels: a shipping fulfillment for each package.

The method `createShippingFulfillment` of https://developer.ebay.com/api-docs/sell/fulfillment/resources/methods
(201 without a body, its place in a header; a tracking number of letters and digits alone, carrier codes of the Trading
API's `ShippingCarrierCodeType`). Calls are limited by day only, 100,000 and more
(https://developer.ebay.com/develop/get-started/api-call-limits); the limit by second is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.channels.outward import Again, Call, Done, Later, found, refuse, rows
from oms.channels.parcels_out import among, plain, taken
from oms.domain.channel_dues import Kind
from oms.domain.gate import Limit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.channels.outward import Reply
    from oms.domain.channel_message import Message

limit = Limit(interval_ms=200, burst=10)


def again(message: Message) -> Again:  # noqa: ARG001 - of all the same
    """A parcel is looked for."""
    return Again.QUERY


def asks(message: Message, settings: Mapping[str, Any]) -> Sequence[Call]:  # noqa: ARG001 - others need them
    """The order's fulfillments."""
    if message.kind is not Kind.FULFILLMENT or not message.tracking_number:
        raise refuse("a fulfillment here has a tracking number")
    return [Call(name="parcels", method="GET", path=_path(message))]


def tell(message: Message, settings: Mapping[str, Any], answers: Mapping[str, Reply]) -> Call | Done:  # noqa: ARG001 - as above
    """One package."""
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
    """201; it is called by its number."""
    return taken(reply, lambda _: plain(message.tracking_number))


def _path(message: Message) -> str:
    return f"/sell/fulfillment/v1/order/{message.external_id}/shipping_fulfillment"
