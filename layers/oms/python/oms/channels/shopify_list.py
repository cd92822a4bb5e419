"""Shopify's list of orders: GET orders.json of the REST Admin API.

Rules: https://shopify.dev/docs/api/admin-rest/latest/resources/order (`status=any`, or open ones alone are listed;
orders of the last 60 days without the scope `read_all_orders`) and
https://shopify.dev/docs/api/admin-rest/usage/pagination (the next page is named by the `Link` header, which the adapter
puts into the document as `next_page_info`; with it only `limit` and `fields` may be said). Cursors are positions in the
order asked for: an order that changes while pages are read moves behind them, and is read again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.channels.base import FetchRequest
from oms.channels.listing import LISTING, By, Listed, Span, Told, instant
from oms.channels.payload import Fields
from oms.channels.shopify import API
from oms.channels.shopify_refunds import read_id, read_refunds
from oms.domain.errors import MalformedPayloadError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PATH: Final = f"{API}/orders.json"
_LIMIT: Final = "250"
_FIELDS: Final = (
    "id,admin_graphql_api_id,created_at,processed_at,updated_at,cancelled_at,currency,taxes_included,total_price,"
    "refunds"
)
_SHOWN: Final = {"limit": _LIMIT, "fields": _FIELDS}
_TIMES: Final = {By.UPDATED: "updated_at", By.PLACED: "processed_at"}
NEXT: Final = "next_page_info"

longest = timedelta(hours=6)


def requests(by: By, span: Span) -> Sequence[FetchRequest]:
    """One list of orders in any state, the earliest time first."""
    time = _TIMES[by]
    query = {
        "status": "any",
        f"{time}_min": instant(span.since),
        f"{time}_max": instant(span.until),
        "order": f"{time} asc",
        **_SHOWN,
    }
    return (FetchRequest(name=LISTING, path=_PATH, query=query),)


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """By `page_info`; raises MalformedPayloadError when a page names itself."""
    cursor = Fields(document).text(NEXT, 4000)
    if not cursor:
        return None
    if request.query.get("page_info") == cursor:
        raise MalformedPayloadError("the vendor's paging does not advance")
    return FetchRequest(name=request.name, path=_PATH, query={"page_info": cursor, **_SHOWN})


def entries(document: Mapping[str, Any]) -> Sequence[Fields]:
    """`orders`."""
    fields = Fields(document)
    if not fields.has("orders"):
        raise fields.refuse("orders", "the page has no orders")
    return fields.children("orders")


def listed(entry: Fields) -> Listed:
    """Every entry is an order."""
    updated_at = entry.moment("updated_at") or entry.moment("created_at")
    placed_at = entry.moment("processed_at") or entry.moment("created_at")
    if updated_at is None or placed_at is None:
        raise entry.refuse("updated_at", "the order has no time of change")
    return Listed(external_id=read_id(entry, "id"), placed_at=placed_at, updated_at=updated_at)


def told(entry: Fields) -> Told:
    """In shop currency, as the snapshot has it."""
    currency = entry.currency("currency")
    refunds = read_refunds(entry, currency, tax_included=entry.flag("taxes_included"))
    return Told(
        currency=currency,
        total=entry.money("total_price", currency, None),
        cancelled=entry.has("cancelled_at"),
        refunded=sum(refund.amount for refund in refunds),
    )
