"""Stock of eBay's listings, of those that were made by the Inventory API or moved to it.

https://developer.ebay.com/api-docs/sell/inventory/resources/inventory_item/methods/bulkUpdatePriceQuantity
sets how many of a SKU there are and how many of them an offer has; a listing shows the lesser of the two, so that both
are set. Its pages differ on how many SKUs one call may have; one is certain. Offers are asked for by SKU first
(`getOffers`): what has no published offer of a fixed price sells nothing, and is left out; 404 says so, too.

A level of 0 keeps a listing, hidden, where the seller turned on the out-of-stock control, and is refused otherwise
(https://developer.ebay.com/api-docs/user-guides/static/trading-user-guide/out-of-stock-enable.html). A listing may be
revised 250 times a day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.channels.outward import Call, Later, found, refuse, rows
from oms.channels.parcels_out import taken
from oms.domain.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.channels.outward import Level, Reply

most = 5

_PATH: Final = "/sell/inventory/v1"
_UNKNOWN: Final = 404
_SERVER_ERROR: Final = 500


def asks_levels(levels: Sequence[Level], settings: Mapping[str, Any]) -> Sequence[Call]:  # noqa: ARG001 - others need them
    """The offers of each SKU."""
    return [Call(name=each.sku, method="GET", path=f"{_PATH}/offer", query={"sku": each.sku}) for each in levels]


def tell_levels(
    levels: Sequence[Level],
    settings: Mapping[str, Any],  # noqa: ARG001 - others need them
    answers: Mapping[str, Reply],
    key: str,  # noqa: ARG001 - a level set twice is set
) -> Sequence[Call]:
    """A call for each SKU that is offered."""
    told = []
    for each in levels:
        offers = _offered(answers, each.sku)
        if offers:
            request = {
                "sku": each.sku,
                "shipToLocationAvailability": {"quantity": each.units},
                "offers": [{"offerId": offer, "availableQuantity": each.units} for offer in offers],
            }
            path = f"{_PATH}/bulk_update_price_quantity"
            told.append(Call(name=each.sku, method="POST", path=path, body={"requests": [request]}))
    return told


def _offered(answers: Mapping[str, Reply], sku: str) -> list[str]:
    if answers[sku].status == _UNKNOWN:
        return []
    return [
        str(offer.get("offerId"))
        for offer in rows(found(answers, sku), "offers")
        if offer.get("status") == "PUBLISHED" and offer.get("format", "FIXED_PRICE") == "FIXED_PRICE"
    ]


def read_levels(reply: Reply) -> Later | None:
    """Each SKU and offer has a status of its own."""
    taken(reply, lambda _: "")
    for each in rows(reply.document, "responses"):
        status = each.get("statusCode")
        if isinstance(status, int) and status >= _SERVER_ERROR:
            raise UpstreamError("the vendor failed", vendor="ebay", vendor_status=status)
        errors = rows(each, "errors")
        if errors or status not in range(200, 300):
            code = str(errors[0].get("errorId") or "")[:60] if errors else ""
            raise refuse("the channel refused", reply, vendor_code=code)
    return None
