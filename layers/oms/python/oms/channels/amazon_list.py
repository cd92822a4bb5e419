"""Amazon's list of orders: GET /orders/v0/orders.

Rules: https://developer-docs.amazon.com/sp-api/docs/orders-api-v0-reference (one call a minute after a burst of 20, 100
orders a page; the upper limit must lie two minutes back) and
https://developer-docs.amazon.com/sp-api/docs/get-orders-with-filtering-criteria (updates are listed two minutes late).
The adapter adds `MarketplaceIds`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.channels.amazon_order import PENDING
from oms.channels.base import FetchRequest
from oms.channels.listing import LISTING, By, Listed, Span, Told, instant
from oms.channels.payload import Fields
from oms.domain.errors import MalformedPayloadError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PATH: Final = "/orders/v0/orders"
_TOKEN: Final = "NextToken"  # noqa: S105 - a page's name
_TIMES: Final = {By.UPDATED: "LastUpdated", By.PLACED: "Created"}
_CANCELED: Final = "Canceled"

longest = timedelta(hours=1)
"""2,000 orders an hour use up the burst of calls."""


def requests(by: By, span: Span) -> Sequence[FetchRequest]:
    """One list."""
    time = _TIMES[by]
    query = {f"{time}After": instant(span.since), f"{time}Before": instant(span.until), "MaxResultsPerPage": "100"}
    return (FetchRequest(name=LISTING, path=_PATH, query=query),)


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """By `NextToken`, in place of all else; raises MalformedPayloadError when a page names itself."""
    token = Fields(document).child("payload").text(_TOKEN, 4000)
    if not token:
        return None
    if request.query.get(_TOKEN) == token:
        raise MalformedPayloadError("the vendor's paging does not advance")
    return FetchRequest(name=request.name, path=_PATH, query={_TOKEN: token})


def entries(document: Mapping[str, Any]) -> Sequence[Fields]:
    """`payload.Orders`."""
    payload = Fields(document).child("payload")
    if not payload.has("Orders"):
        raise payload.refuse("Orders", "the page has no orders")
    return payload.children("Orders")


def listed(entry: Fields) -> Listed | None:
    """None for an order that awaits its payment: it has no prices, and its notices are ignored too."""
    if entry.word("OrderStatus") in PENDING:
        return None
    placed_at = entry.moment("PurchaseDate")
    if placed_at is None:
        raise entry.refuse("PurchaseDate", "the order has no time of purchase")
    return Listed(
        external_id=entry.identifier("AmazonOrderId"),
        placed_at=placed_at,
        updated_at=entry.moment("LastUpdateDate") or placed_at,
    )


def told(entry: Fields) -> Told:
    """Refunds are not in the list, and of a cancelled order no total."""
    total = entry.child("OrderTotal")
    cancelled = entry.word("OrderStatus") == _CANCELED
    if cancelled or not total.has("Amount"):
        return Told(currency="", total=None, cancelled=cancelled, refunded=None)
    currency = total.currency("CurrencyCode")
    return Told(currency=currency, total=total.money("Amount", currency, None), cancelled=False, refunded=None)
