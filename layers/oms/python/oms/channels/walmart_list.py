"""Walmart's lists of orders: GET /v3/orders, one for each kind of warehouse that ships.

Rules: https://developer.walmart.com/us-marketplace/reference/getallorders (200 on a page at most; `nextCursor` is the
query of the next page; an order of Walmart's warehouses is listed only when it is asked for). A list of nothing is
404, which the adapter makes an empty one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from oms.channels.base import FetchRequest
from oms.channels.listing import LISTING, By, Listed, Span, Told, instant
from oms.channels.payload import Fields
from oms.channels.walmart_order import (
    is_cancelled,
    line_total,
    order_currency,
    order_lines,
    read_refunds,
    times,
)
from oms.domain.errors import MalformedPayloadError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PATH: Final = "/v3/orders"
_TIMES: Final = {By.UPDATED: "lastModified", By.PLACED: "created"}
_NODES: Final = ("SellerFulfilled", "WFSFulfilled", "3PLFulfilled")
_MAX_CURSOR: Final = 4000

longest = timedelta(hours=6)


def requests(by: By, span: Span) -> Sequence[FetchRequest]:
    """One list for each kind of warehouse."""
    time = _TIMES[by]
    # An end lies outside, where it is said to be a day; a second more does no harm.
    limits = {f"{time}StartDate": instant(span.since), f"{time}EndDate": instant(span.until + timedelta(seconds=1))}
    return [
        FetchRequest(name=f"{LISTING}{node}", path=_PATH, query={**limits, "shipNodeType": node, "limit": "200"})
        for node in _NODES
    ]


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """By `nextCursor`, in place of all else; raises MalformedPayloadError when a page names itself."""
    cursor = Fields(document).child("list").child("meta").text("nextCursor", _MAX_CURSOR)
    query = dict(parse_qsl(cursor.removeprefix("?")))
    if query.get("hasMoreElements", "").lower() != "true":
        return None
    if query == request.query:
        raise MalformedPayloadError("the vendor's paging does not advance")
    return FetchRequest(name=request.name, path=_PATH, query=query)


def entries(document: Mapping[str, Any]) -> Sequence[Fields]:
    """`list.elements.order`, which an empty page leaves out."""
    fields = Fields(document)
    if not fields.has("list"):
        raise fields.refuse("list", "the page has no orders")
    return fields.child("list").child("elements").children("order")


def listed(entry: Fields) -> Listed:
    """Every entry is an order."""
    placed_at, changed = times(entry)
    return Listed(external_id=entry.identifier("purchaseOrderId"), placed_at=placed_at, updated_at=changed)


def told(entry: Fields) -> Told:
    """An entry is the whole order, which tells no total but its charges."""
    lines = order_lines(entry)
    currency = order_currency(lines)
    return Told(
        currency=currency,
        total=sum(line_total(line, currency) for line in lines),
        cancelled=is_cancelled(lines),
        refunded=sum(refund.amount for refund in read_refunds(lines, currency)),
    )
