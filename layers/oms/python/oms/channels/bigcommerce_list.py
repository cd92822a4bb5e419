"""BigCommerce's list of orders: GET /v2/orders.

Rules: https://docs.bigcommerce.com/docs/rest-management/orders#list-orders (limits of time include their own second;
250 on a page at most; an empty list is 204, which the adapter makes a list of nothing). Pages are counted, so that an
order that leaves the list between two pages would hide another one. None leaves it: there is no upper bound on the time
of change, and the order is by id. One that enters moves others to a later page, where they are read twice.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.channels.base import FetchRequest
from oms.channels.bigcommerce_order import CANCELLED, date
from oms.channels.listing import LISTING, By, Listed, Span, Told, instant
from oms.channels.payload import Fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PATH: Final = "/v2/orders"
_LIMIT: Final = 250

longest = timedelta(days=3650)
"""A list has no end but now."""


def requests(by: By, span: Span) -> Sequence[FetchRequest]:
    """One list."""
    query = {"sort": "id:asc", "limit": str(_LIMIT), "page": "1"}
    if by is By.PLACED:  # when it was placed does not change, so that nothing leaves this list
        query |= {"min_date_created": instant(span.since), "max_date_created": instant(span.until)}
    else:
        query["min_date_modified"] = instant(span.since)
    return (FetchRequest(name=LISTING, path=_PATH, query=query),)


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """There is one behind every full page."""
    if len(entries(document)) < _LIMIT:
        return None
    page = str(int(request.query["page"]) + 1)
    return FetchRequest(name=request.name, path=_PATH, query={**request.query, "page": page})


def entries(document: Mapping[str, Any]) -> Sequence[Fields]:
    """The list itself, which the adapter puts under `items`."""
    fields = Fields(document)
    if not fields.has("items"):
        raise fields.refuse("items", "the page is not a list")
    return fields.children("items")


def listed(entry: Fields) -> Listed:
    """Every entry is an order."""
    placed_at = date(entry, "date_created")
    updated_at = date(entry, "date_modified") if entry.text("date_modified") else placed_at
    return Listed(external_id=entry.identifier("id"), placed_at=placed_at, updated_at=updated_at)


def told(entry: Fields) -> Told:
    """Refunds are not in the list: `refunded_amount` is always 0."""
    currency = entry.currency("currency_code")
    total = entry.money("total_inc_tax", currency, None)
    return Told(currency=currency, total=total, cancelled=entry.integer("status_id") in CANCELLED, refunded=None)
