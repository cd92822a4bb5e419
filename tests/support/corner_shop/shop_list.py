"""Corner Shop's list of sales: https://cornershop.example/docs/list (made up).

`GET /sales`, a hundred a page, the next one by `next`; limited by the time of the last change or of the sale.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.channels.base import FetchRequest
from oms.channels.listing import LISTING, By, Listed, Span, Told, instant
from oms.channels.payload import Fields
from oms.domain.errors import MalformedPayloadError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TIMES: Final = {By.UPDATED: "changed", By.PLACED: "placed"}

longest = timedelta(hours=6)


def requests(by: By, span: Span) -> Sequence[FetchRequest]:
    """One list."""
    time = _TIMES[by]
    query = {f"{time}_from": instant(span.since), f"{time}_to": instant(span.until)}
    return (FetchRequest(name=LISTING, path="/sales", query=query),)


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """By the cursor; raises MalformedPayloadError when a page names itself."""
    cursor = Fields(document).text("next", 4000)
    if not cursor:
        return None
    if request.query.get("cursor") == cursor:
        raise MalformedPayloadError("the vendor's paging does not advance")
    return FetchRequest(name=request.name, path="/sales", query={**request.query, "cursor": cursor})


def entries(document: Mapping[str, Any]) -> Sequence[Fields]:
    """`sales`."""
    fields = Fields(document)
    if not fields.has("sales"):
        raise fields.refuse("sales", "the page has no sales")
    return fields.children("sales")


def listed(entry: Fields) -> Listed | None:
    """Every entry is an order."""
    placed_at, changed_at = entry.moment("placed"), entry.moment("changed")
    if placed_at is None or changed_at is None:
        raise entry.refuse("changed", "the order has no time of change")
    return Listed(external_id=entry.identifier("id"), placed_at=placed_at, updated_at=changed_at)


def told(entry: Fields) -> Told:
    """Its money."""
    currency = entry.currency("currency")
    return Told(
        currency=currency,
        total=entry.money("total", currency, None),
        cancelled=entry.word("state") == "void",
        refunded=sum(each.money("amount", currency, None) for each in entry.children("returns")),
    )
