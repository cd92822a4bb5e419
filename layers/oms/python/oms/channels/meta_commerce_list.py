"""Meta's list of orders: GET /{commerce account}/commerce_orders.

Rules: https://developers.facebook.com/documentation/ads-commerce/commerce-platform/order-management/order-api (only
orders in CREATED, unless states are named; limited by the time of change alone) and
https://developers.facebook.com/docs/graph-api/results (cursors). The adapter adds the account. What an order was placed
after it was also changed after, so that the list of a day is of all that changed since it began; none leaves the list
while it is read, since it has no end.

Nothing is asked for that names a buyer.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.channels.base import FetchRequest
from oms.channels.listing import LISTING, By, Listed, Span, Told
from oms.channels.meta_commerce import next_page as following
from oms.channels.meta_order import amount, cancelled_units, is_cancelled
from oms.channels.payload import Fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATH: Final = "/commerce_orders"
_LIMIT: Final = "25"
_STATES: Final = "FB_PROCESSING,CREATED,IN_PROGRESS,COMPLETED"
_FIELDS: Final = (
    "id,created,last_updated,estimated_payment_details{total_amount},items.limit(500){id,quantity},"
    "cancellations.limit(100){items.limit(500){id,quantity}}"
)

longest = timedelta(days=3650)
"""A list has no end but now."""


def requests(by: By, span: Span) -> Sequence[FetchRequest]:  # noqa: ARG001 - it knows one time
    """One list; its beginning is outside."""
    query = {
        "fields": _FIELDS,
        "state": _STATES,
        "updated_after": str(int(span.since.timestamp()) - 1),
        "limit": _LIMIT,
    }
    return (FetchRequest(name=LISTING, path=PATH, query=query),)


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """By the cursor; raises MalformedPayloadError when a page names itself."""
    return following(request, document)


def entries(document: Mapping[str, Any]) -> Sequence[Fields]:
    """`data`."""
    fields = Fields(document)
    if not fields.has("data"):
        raise fields.refuse("data", "the page has no data")
    return fields.children("data")


def listed(entry: Fields) -> Listed:
    """Every entry is an order."""
    placed_at = entry.moment("created")
    if placed_at is None:
        raise entry.refuse("created", "the order has no time of creation")
    return Listed(
        external_id=entry.identifier("id"),
        placed_at=placed_at,
        updated_at=entry.moment("last_updated") or placed_at,
    )


def told(entry: Fields) -> Told:
    """Refunds are not asked for: a list of orders with all that belongs to them is refused as too much."""
    details = entry.child("estimated_payment_details")
    currency = details.child("total_amount").currency("currency")
    items = entry.child("items").children("data")
    units = cancelled_units(items, entry.child("cancellations").children("data"))
    return Told(
        currency=currency,
        total=amount(details, "total_amount", currency, needed=True),
        cancelled=is_cancelled(items, units),
        refunded=None,
    )
