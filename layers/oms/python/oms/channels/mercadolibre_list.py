"""Mercado Libre's list of orders: GET /orders/search.

Rules: https://developers.mercadolibre.com.ar/en_us/manage-sales#search-orders (50 on a page at most; sellers are not
shown cancelled orders unless they ask for that status; `order.date_last_updated` and `order.date_created`). The adapter
adds the seller.

Pages are counted, so that an order that leaves the list between two of them would hide another one. There is no upper
bound on the time of change, and the order is by creation: but for those that are cancelled meanwhile none leaves. Pages
overlap by more than are cancelled in the time of one; what is read twice does no harm.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.channels.base import FetchRequest
from oms.channels.listing import LISTING, By, Listed, Span, Told
from oms.channels.mercadolibre_order import CANCELLED, read_total, times, told_refunds
from oms.channels.payload import Fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

PATH: Final = "/orders/search"
_LIMIT: Final = 50
_OVERLAP: Final = 5

longest = timedelta(days=3650)
"""A list has no end but now."""


def requests(by: By, span: Span) -> Sequence[FetchRequest]:
    """Two lists: all orders but the cancelled ones, and those."""
    query = {"sort": "date_asc", "limit": str(_LIMIT), "offset": "0"}
    if by is By.PLACED:
        query |= {"order.date_created.from": _instant(span.since), "order.date_created.to": _instant(span.until)}
    else:
        query["order.date_last_updated.from"] = _instant(span.since)
    return (
        FetchRequest(name=LISTING, path=PATH, query=query),
        FetchRequest(name=f"{LISTING}-cancelled", path=PATH, query={**query, "order.status": "cancelled"}),
    )


def _instant(at: datetime) -> str:
    """As the vendor writes it."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.000-00:00"


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """By the count of all."""
    offset = int(request.query["offset"])
    if not entries(document) or offset + _LIMIT >= Fields(document).child("paging").integer("total"):
        return None
    query = {**request.query, "offset": str(offset + _LIMIT - _OVERLAP)}
    return FetchRequest(name=request.name, path=request.path, query=query)


def entries(document: Mapping[str, Any]) -> Sequence[Fields]:
    """`results`."""
    fields = Fields(document)
    if not fields.has("results"):
        raise fields.refuse("results", "the page has no results")
    return fields.children("results")


def listed(entry: Fields) -> Listed:
    """Every entry is an order."""
    placed_at, updated_at = times(entry)
    return Listed(external_id=entry.identifier("id"), placed_at=placed_at, updated_at=updated_at)


def told(entry: Fields) -> Told:
    """As the snapshot has it: an entry is a whole order."""
    currency = entry.currency("currency_id")
    return Told(
        currency=currency,
        total=read_total(entry, currency),
        cancelled=entry.word("status") in CANCELLED,
        refunded=told_refunds(entry, currency),
    )
