"""WooCommerce's lists of orders: GET /wp-json/wc/v3/orders, those in the trash by themselves.

Rules: https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-orders (`modified_after`, `dates_are_gmt`; a
page holds 100 at most; `any` leaves out the trash). Pages are counted, so that an order that leaves the list between
two pages would hide another one. None leaves it: there is no upper bound, and the order is by id. One that enters moves
others to a later page, where they are read twice.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.channels.base import FetchRequest
from oms.channels.listing import LISTING, By, Listed, Span, Told
from oms.channels.payload import Fields
from oms.channels.woocommerce import DRAFTS
from oms.channels.woocommerce_order import CANCELLED, read_refunds, revision

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PATH: Final = "/wp-json/wc/v3/orders"
_PER_PAGE: Final = 100
_FIELDS: Final = "id,status,currency,total,date_created_gmt,date_modified_gmt,refunds"
_TIMES: Final = {By.UPDATED: "modified_after", By.PLACED: "after"}
_STATUSES: Final = ("any", "trash")

longest = timedelta(days=3650)
"""A list has no end but now."""


def requests(by: By, span: Span) -> Sequence[FetchRequest]:
    """Two lists. `after` leaves out its own second."""
    since = span.since - timedelta(seconds=1)
    query = {
        _TIMES[by]: f"{since:%Y-%m-%dT%H:%M:%S}",
        "dates_are_gmt": "true",
        "orderby": "id",
        "order": "asc",
        "per_page": str(_PER_PAGE),
        "page": "1",
        "_fields": _FIELDS,
    }
    if by is By.PLACED:  # when it was placed does not change, so that nothing leaves this list
        query["before"] = f"{span.until + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}"
    return [
        FetchRequest(name=f"{LISTING}:{status}", path=_PATH, query={**query, "status": status}) for status in _STATUSES
    ]


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """There is one behind every full page."""
    if len(entries(document)) < _PER_PAGE:
        return None
    page = str(int(request.query["page"]) + 1)
    return FetchRequest(name=request.name, path=_PATH, query={**request.query, "page": page})


def entries(document: Mapping[str, Any]) -> Sequence[Fields]:
    """The list itself, which the adapter puts under `items`."""
    fields = Fields(document)
    if not fields.has("items"):
        raise fields.refuse("items", "the page is not a list")
    return fields.children("items")


def listed(entry: Fields) -> Listed | None:
    """None for a cart that the block checkout keeps as an order."""
    if entry.text("status") in DRAFTS:
        return None
    updated_at = revision(entry)
    placed_at = entry.moment("date_created_gmt", naive_is_utc=True)
    return Listed(external_id=entry.identifier("id"), placed_at=placed_at or updated_at, updated_at=updated_at)


def told(entry: Fields) -> Told:
    """As the snapshot has it."""
    currency = entry.currency("currency")
    return Told(
        currency=currency,
        total=entry.money("total", currency, None),
        cancelled=entry.word("status") in CANCELLED,
        refunded=sum(refund.amount for refund in read_refunds(entry, currency)),
    )
