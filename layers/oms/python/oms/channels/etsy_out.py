"""Etsy, told of parcels: tracking of a receipt, which marks it as shipped and tells the buyer.

https://developers.etsy.com/documentation/tutorials/fulfillment (a receipt may have several; it names no lines, so the
first parcel of an order completes it there) and https://developers.etsy.com/documentation/essentials/rate-limits (ten
calls a second for an application, 10,000 a day by default).

The API has no method for cancellations and refunds (https://developers.etsy.com/documentation/reference). Stock it
takes by the listing, whose ids are not known here, and never all of it (https://github.com/etsy/open-api/issues/560).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.channels.outward import Again, Call, Done, Later, found, refuse, rows
from oms.channels.parcels_out import among, taken
from oms.domain.channel_dues import Kind
from oms.domain.gate import Limit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.channels.outward import Reply
    from oms.domain.channel_message import Message

limit = Limit(interval_ms=200, burst=5)
"""Half of what an application may: it also reads orders."""


def again(message: Message) -> Again:  # noqa: ARG001 - of all the same
    """A parcel is looked for."""
    return Again.QUERY


def asks(message: Message, settings: Mapping[str, Any]) -> Sequence[Call]:  # noqa: ARG001 - others need them
    """The receipt."""
    if message.kind is not Kind.FULFILLMENT or not message.tracking_number:
        raise refuse("a fulfillment here has a tracking number")
    return [Call(name="receipt", method="GET", path=f"/receipts/{message.external_id}")]


def tell(message: Message, settings: Mapping[str, Any], answers: Mapping[str, Reply]) -> Call | Done:  # noqa: ARG001 - as above
    """One parcel; carriers by Etsy's names, in lower case."""
    known = among(message, rows(found(answers, "receipt"), "shipments"), "tracking_code", "receipt_shipping_id")
    if known:
        return known
    body = {"tracking_code": message.tracking_number, "carrier_name": message.carrier.lower()}
    return Call(name="told", method="POST", path=f"/receipts/{message.external_id}/tracking", body=body)


def read(message: Message, reply: Reply) -> Done | Later:
    """The receipt with its parcels."""

    def ref(receipt: Mapping[str, Any]) -> str:
        known = among(message, rows(receipt, "shipments"), "tracking_code", "receipt_shipping_id")
        return known.ref if known else ""

    return taken(reply, ref)
