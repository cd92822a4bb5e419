"""Etsy's list of receipts: GET /v3/application/shops/<shop>/receipts.

Rules: https://developers.etsy.com/documentation/reference#operation/getShopReceipts (100 on a page at most, counted;
limits of time include their own second). Pages are counted, so that a receipt that leaves the list between two pages
would hide another one. None leaves it: there is no upper bound on the time of change, and the order is by id.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.channels.base import FetchRequest
from oms.channels.etsy_order import CANCELLED, amount, read_refunds, status_of, times
from oms.channels.listing import LISTING, By, Listed, Span, Told
from oms.channels.payload import Fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PATH: Final = "/receipts"
_LIMIT: Final = 100

longest = timedelta(days=3650)
"""A list has no end but now."""


def requests(by: By, span: Span) -> Sequence[FetchRequest]:
    """One list."""
    since, until = str(int(span.since.timestamp())), str(int(span.until.timestamp()))
    query = {"sort_on": "receipt_id", "sort_order": "asc", "limit": str(_LIMIT), "offset": "0"}
    if by is By.PLACED:  # when it was placed does not change, so that nothing leaves this list
        query |= {"min_created": since, "max_created": until}
    else:
        query["min_last_modified"] = since
    return (FetchRequest(name=LISTING, path=_PATH, query=query),)


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """By the count of all."""
    found = len(entries(document))
    offset = int(request.query["offset"]) + found
    if not found or offset >= Fields(document).integer("count"):
        return None
    return FetchRequest(name=request.name, path=_PATH, query={**request.query, "offset": str(offset)})


def entries(document: Mapping[str, Any]) -> Sequence[Fields]:
    """`results`."""
    fields = Fields(document)
    if not fields.has("results"):
        raise fields.refuse("results", "the page has no receipts")
    return fields.children("results")


def listed(entry: Fields) -> Listed:
    """Every entry is an order."""
    placed_at, changed = times(entry)
    return Listed(external_id=entry.identifier("receipt_id"), placed_at=placed_at, updated_at=changed)


def told(entry: Fields) -> Told:
    """An entry is the whole receipt."""
    currency = entry.child("grandtotal").currency("currency_code")
    return Told(
        currency=currency,
        total=amount(entry, "grandtotal", currency, required=True),
        cancelled=status_of(entry) == CANCELLED,
        refunded=sum(refund.amount for refund in read_refunds(entry, currency)),
    )
