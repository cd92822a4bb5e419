"""eBay's list of orders: GET /sell/fulfillment/v1/order.

Rules: https://developer.ebay.com/api-docs/sell/fulfillment/resources/order/methods/getOrders (200 on a page at most,
counted; times with milliseconds; orders of the last two years). Pages are counted and their order is not documented, so
that an order that leaves the list between two pages would hide another one. None leaves it: there is no upper bound on
the time of change, and each poll begins before the end of the last one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.channels.base import FetchRequest
from oms.channels.ebay import DETAILED
from oms.channels.ebay_order import CANCELLED, read_refunds
from oms.channels.listing import LISTING, By, Listed, Span, Told
from oms.channels.payload import Fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PATH: Final = "/sell/fulfillment/v1/order"
_LIMIT: Final = 200

longest = timedelta(days=3650)
"""A list has no end but now."""


def requests(by: By, span: Span) -> Sequence[FetchRequest]:
    """One list."""
    since = f"{span.since:%Y-%m-%dT%H:%M:%S}.000Z"
    if by is By.PLACED:  # when it was placed does not change, so that nothing leaves this list
        limits = f"creationdate:[{since}..{span.until:%Y-%m-%dT%H:%M:%S}.999Z]"
    else:
        limits = f"lastmodifieddate:[{since}..]"
    query = {"filter": limits, "limit": str(_LIMIT), "offset": "0", **DETAILED}
    return (FetchRequest(name=LISTING, path=_PATH, query=query),)


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """By the count of all."""
    offset = int(request.query["offset"]) + len(entries(document))
    if not entries(document) or offset >= Fields(document).integer("total"):
        return None
    return FetchRequest(name=request.name, path=_PATH, query={**request.query, "offset": str(offset)})


def entries(document: Mapping[str, Any]) -> Sequence[Fields]:
    """`orders`, beside the count of all."""
    fields = Fields(document)
    if not fields.has("total"):
        raise fields.refuse("total", "the page has no count")
    return fields.children("orders")


def listed(entry: Fields) -> Listed:
    """Every entry is an order."""
    placed_at = entry.moment("creationDate")
    if placed_at is None:
        raise entry.refuse("creationDate", "the order has no time of creation")
    return Listed(
        external_id=entry.identifier("orderId"),
        placed_at=placed_at,
        updated_at=entry.moment("lastModifiedDate") or placed_at,
    )


def told(entry: Fields) -> Told:
    """An entry is the whole order."""
    summary = entry.child("pricingSummary")
    currency = summary.child("total").currency("currency")
    return Told(
        currency=currency,
        total=summary.child("total").money("value", currency, None),
        cancelled=entry.child("cancelStatus").word("cancelState") == CANCELLED,
        refunded=sum(refund.amount for refund in read_refunds(entry, currency)),
    )
