"""TikTok Shop's list of orders: POST /order/202309/orders/search.

Rules: https://partner.tiktokshop.com/docv2/page/get-order-list-202309 (pages of 100 at most, `page_token`; the limits
are in the body). The adapter adds what signs the call.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.channels.base import FetchRequest
from oms.channels.listing import LISTING, By, Listed, Span, Told
from oms.channels.payload import Fields
from oms.channels.tiktok_order import CANCELLED
from oms.domain.errors import MalformedPayloadError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PATH: Final = "/order/202309/orders/search"
_TIMES: Final = {By.UPDATED: "update_time", By.PLACED: "create_time"}

longest = timedelta(hours=6)


def requests(by: By, span: Span) -> Sequence[FetchRequest]:
    """One list, the earliest time first; its end is outside."""
    time = _TIMES[by]
    body = {f"{time}_ge": int(span.since.timestamp()), f"{time}_lt": int(span.until.timestamp()) + 1}
    query = {"page_size": "100", "sort_field": time, "sort_order": "ASC"}
    return (FetchRequest(name=LISTING, path=_PATH, query=query, body=body),)


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """By `page_token`; raises MalformedPayloadError when a page names itself."""
    token = Fields(document).child("data").text("next_page_token", 4000)
    if not token:
        return None
    if request.query.get("page_token") == token:
        raise MalformedPayloadError("the vendor's paging does not advance")
    query = {**request.query, "page_token": token}
    return FetchRequest(name=request.name, path=_PATH, query=query, body=request.body)


def entries(document: Mapping[str, Any]) -> Sequence[Fields]:
    """`data.orders`, which an empty page leaves out."""
    fields = Fields(document)
    if not fields.has("data"):
        raise fields.refuse("data", "the page has no data")
    return fields.child("data").children("orders")


def listed(entry: Fields) -> Listed:
    """Every entry is an order."""
    placed_at = entry.unix("create_time")
    if placed_at is None:
        raise entry.refuse("create_time", "the order has no time of creation")
    return Listed(
        external_id=entry.identifier("id"), placed_at=placed_at, updated_at=entry.unix("update_time") or placed_at
    )


def told(entry: Fields) -> Told:
    """As the snapshot has it: a cancelled order that was paid was paid back."""
    payment = entry.child("payment")
    currency = payment.currency("currency")
    total = payment.money("total_amount", currency, None)
    cancelled = entry.word("status") in CANCELLED
    paid = entry.unix("paid_time") is not None
    return Told(currency=currency, total=total, cancelled=cancelled, refunded=total if cancelled and paid else 0)
