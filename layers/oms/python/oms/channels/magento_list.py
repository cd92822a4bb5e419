"""Magento's list of orders: GET /rest/V1/orders with search criteria.

Rules: https://developer.adobe.com/commerce/webapi/rest/use-rest/performing-searches (times are UTC; behind the last
page the last one comes again, so that the count of all says where to end). Pages are counted, so that an order that
leaves the list between two pages would hide another one. None leaves it: there is no upper bound on the time of change,
and the order is by id. One that enters moves others to a later page, where they are read twice.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.channels.base import FetchRequest
from oms.channels.listing import LISTING, By, Listed, Span, Told
from oms.channels.magento import next_page as following
from oms.channels.magento import search
from oms.channels.magento_order import CANCELLED, TENDERS, times
from oms.channels.payload import Fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

_PATH: Final = "/rest/V1/orders"
_PAGE_SIZE: Final = 100
_FIELDS: Final = (
    "items[entity_id,state,created_at,updated_at,order_currency_code,grand_total,total_refunded,"
    f"extension_attributes[{','.join(TENDERS)}]],total_count"
)

longest = timedelta(days=3650)
"""A list has no end but now."""


def requests(by: By, span: Span) -> Sequence[FetchRequest]:
    """One list."""
    filters = [("updated_at", "gteq", _written(span.since))]
    if by is By.PLACED:  # when it was placed does not change, so that nothing leaves this list
        filters = [("created_at", "gteq", _written(span.since)), ("created_at", "lteq", _written(span.until))]
    query = search(filters, _PAGE_SIZE) | {"fields": _FIELDS}
    return (FetchRequest(name=LISTING, path=_PATH, query=query),)


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """By the count of all."""
    return following(request, document)


def entries(document: Mapping[str, Any]) -> Sequence[Fields]:
    """`items`, which an empty page has as null."""
    fields = Fields(document)
    fields.integer("total_count")
    return fields.children("items")


def listed(entry: Fields) -> Listed:
    """Every entry is an order."""
    placed_at, updated_at = times(entry)
    return Listed(external_id=entry.identifier("entity_id"), placed_at=placed_at, updated_at=updated_at)


def told(entry: Fields) -> Told:
    """As the snapshot has it: with what was paid by gift card, store credit and points."""
    currency = entry.currency("order_currency_code")
    more = entry.child("extension_attributes")
    tenders = sum((more if more.has(key) else entry).money(key, currency) for key in TENDERS)
    return Told(
        currency=currency,
        total=entry.money("grand_total", currency, None) + tenders,
        cancelled=entry.word("state") == CANCELLED,
        refunded=entry.money("total_refunded", currency),
    )
