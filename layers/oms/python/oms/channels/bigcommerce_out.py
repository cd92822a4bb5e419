"""BigCommerce, told of parcels and cancellations.

https://docs.bigcommerce.com/developer/docs/admin/checkout-and-cart/orders/overview (a shipment is of one shipping
address, by the order's own product ids; the order becomes shipped by itself) and
https://docs.bigcommerce.com/docs/start/best-practices/api-rate-limits (150 calls in 30 seconds on the smallest plan).
An order is cancelled by its status id, 5; for units of it there is no word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.channels.outward import Again, Call, Done, Later, found, refuse, rows
from oms.channels.parcels_out import among, taken
from oms.domain.channel_dues import Kind
from oms.domain.gate import Limit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.channels.outward import Reply
    from oms.domain.channel_message import Message

limit = Limit(interval_ms=200, burst=30)

_CANCELLED: Final = 5
_PAGE: Final = {"limit": "250"}


def again(message: Message) -> Again:
    """A status set twice is set; a parcel is looked for."""
    return Again.KEY if message.kind is Kind.CANCELLATION else Again.QUERY


def asks(message: Message, settings: Mapping[str, Any]) -> Sequence[Call]:  # noqa: ARG001 - others need them
    """The order's shipments, and which address its lines go to."""
    if message.kind is Kind.CANCELLATION:
        if not message.whole:
            raise refuse("the channel has no word for the cancellation of some units", units=len(message.lines))
        return []
    order = f"/v2/orders/{message.external_id}"
    return [
        Call(name="parcels", method="GET", path=f"{order}/shipments", query=_PAGE),
        Call(name="lines", method="GET", path=f"{order}/products", query=_PAGE),
    ]


def tell(message: Message, settings: Mapping[str, Any], answers: Mapping[str, Reply]) -> Call | Done:  # noqa: ARG001 - as above
    """One shipment; raises for a parcel whose lines go to several addresses, which is none."""
    order = f"/v2/orders/{message.external_id}"
    if message.kind is Kind.CANCELLATION:
        return Call(name="told", method="PUT", path=order, body={"status_id": _CANCELLED})
    known = among(message, _listed(answers, "parcels"), "tracking_number", "id")
    if known:
        return known
    wanted = {each.line_id: each.quantity for each in message.lines}
    lines = [each for each in _listed(answers, "lines") if str(each.get("id")) in wanted]
    addresses = {str(each.get("order_address_id")): each.get("order_address_id") for each in lines}
    if len(lines) != len(wanted) or len(addresses) != 1:
        raise refuse("the parcel's lines are not of one address of the order", missing=len(wanted) - len(lines))
    body = {
        "order_address_id": next(iter(addresses.values())),
        "tracking_number": message.tracking_number,
        "shipping_method": message.carrier,
        "shipping_provider": "",
        "items": [{"order_product_id": each["id"], "quantity": wanted[str(each["id"])]} for each in lines],
    }
    return Call(name="told", method="POST", path=f"{order}/shipments", body=body)


def _listed(answers: Mapping[str, Reply], name: str) -> Sequence[Mapping[str, Any]]:
    """Entries of a list, which is 204 and nothing when it is empty."""
    return rows(found(answers, name), "items")


def read(message: Message, reply: Reply) -> Done | Later:  # noqa: ARG001 - every answer says the same
    """The shipment, or the order."""
    return taken(reply, lambda document: document.get("id"))
