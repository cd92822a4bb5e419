"""Amazon, told of parcels: `confirmShipment` of the Orders API v0, a call for each package; and of stock levels.

- https://developer-docs.amazon.com/sp-api/docs/confirm-the-shipment-status (several packages are several calls, each
  with a reference of its own; the same reference again edits the package, so that the same words twice are one)
- https://github.com/amzn/selling-partner-api-models/blob/main/models/orders-api-model/ordersV0.json (the reference a
  positive number within the order; the marketplace is needed; two calls a second and ten at once, `getOrder` one in two
  seconds and thirty at once; 204 without a body)
- https://github.com/amzn/selling-partner-api-models/issues/5094 (the reference is a string)

A carrier is told by Amazon's code where the account's `carriers` have it, else as `Other` with its name. References
begin at 1001, out of the way of packages that somebody confirms by hand. Amazon makes cancellations and refunds of
sellers known by feeds alone, which answer later: a person tells it of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.channels.amazon_levels import asks_levels, most, read_levels, tell_levels
from oms.channels.carriers_out import known_as
from oms.channels.outward import Again, Call, Done, Later, found, part, refuse
from oms.channels.parcels_out import taken
from oms.domain.channel_dues import Kind
from oms.domain.errors import UpstreamError
from oms.domain.gate import Limit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.channels.outward import Reply
    from oms.domain.channel_message import Message

__all__ = ["again", "asks", "asks_levels", "limit", "most", "read", "read_levels", "tell", "tell_levels"]

limit = Limit(interval_ms=1000, burst=20)
"""Each parcel is two calls, of which the slower may be made every two seconds, and the other ten at once."""

_ORDER: Final = "order"
_FIRST: Final = 1000


def again(message: Message) -> Again:  # noqa: ARG001 - of all the same
    """The same package again is the same package."""
    return Again.KEY


def asks(message: Message, settings: Mapping[str, Any]) -> Sequence[Call]:  # noqa: ARG001 - others need them
    """The order, which says in which marketplace it was bought."""
    if message.kind is not Kind.FULFILLMENT or not message.tracking_number:
        raise refuse("a fulfillment here has a tracking number")
    return [Call(name=_ORDER, method="GET", path=f"/orders/v0/orders/{message.external_id}")]


def tell(message: Message, settings: Mapping[str, Any], answers: Mapping[str, Reply]) -> Call | Done:
    """One package."""
    marketplace = part(found(answers, _ORDER), "payload").get("MarketplaceId")
    if not isinstance(marketplace, str) or not marketplace:
        raise UpstreamError("the vendor's answer cannot be read", vendor="amazon", field="MarketplaceId")
    code = known_as(message.carrier, settings)
    carrier = {"carrierCode": code} if code else {"carrierCode": "Other", "carrierName": message.carrier}
    package = {
        "packageReferenceId": _reference(message),
        **carrier,
        "trackingNumber": message.tracking_number,
        "shipDate": f"{message.shipped_at[:19]}Z",
        "orderItems": [{"orderItemId": each.line_id, "quantity": each.quantity} for each in message.lines],
    }
    path = f"/orders/v0/orders/{message.external_id}/shipmentConfirmation"
    return Call(name="told", method="POST", path=path, body={"marketplaceId": marketplace, "packageDetail": package})


def read(message: Message, reply: Reply) -> Done | Later:
    """204; it is called by its reference."""
    return taken(reply, lambda _: _reference(message))


def _reference(message: Message) -> str:
    return str(_FIRST + message.parcel)
