"""Stock of Amazon listings that the seller ships itself, SKU by SKU.

- https://developer-docs.amazon.com/sp-api/docs/merge-a-listing (`merge` sets the quantity of `fulfillment_availability`
  and leaves lead time and restock date as they are; the channel code `DEFAULT` is the seller's own stock)
- https://developer-docs.amazon.com/sp-api/reference/patchlistingsitem-1 (the product type has to be named, which
  `getListingsItem` tells; each five calls a second and ten at once; role Product Listing)
- https://developer-docs.amazon.com/sp-api/docs/listings-items-api-v2021-08-01-model (`ACCEPTED`, or `INVALID` with its
  issues; what was accepted is processed within minutes)

The account says which `seller` it is, and in which `marketplace` its listings are: the stock of a SKU is one for the
marketplaces that share the seller's account. A SKU that Amazon does not have, or that Amazon itself keeps and ships, is
left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from oms.channels.outward import Call, Later, found, refuse, rows
from oms.channels.parcels_out import taken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.channels.outward import Level, Reply

most = 5

_OWN: Final = "DEFAULT"
_ANY: Final = "PRODUCT"
"""The product type that every product has."""
_UNKNOWN: Final = 404
_MAX_CODE: Final = 60


def asks_levels(levels: Sequence[Level], settings: Mapping[str, Any]) -> Sequence[Call]:
    """The listing of each SKU; raises UpstreamRefusedError when the account does not say whose."""
    query = {**_marketplace(settings), "includedData": "fulfillmentAvailability,productTypes"}
    return [Call(name=each.sku, method="GET", path=_path(each.sku, settings), query=query) for each in levels]


def tell_levels(
    levels: Sequence[Level],
    settings: Mapping[str, Any],
    answers: Mapping[str, Reply],
    key: str,  # noqa: ARG001 - a level set twice is set
) -> Sequence[Call]:
    """A call for each SKU that the seller ships."""
    told = []
    for each in levels:
        kind = _product_type(answers, each.sku)
        if kind:
            value = [{"fulfillment_channel_code": _OWN, "quantity": each.units}]
            patch = {"op": "merge", "path": "/attributes/fulfillment_availability", "value": value}
            body = {"productType": kind, "patches": [patch]}
            path, query = _path(each.sku, settings), _marketplace(settings)
            told.append(Call(name=each.sku, method="PATCH", path=path, query=query, body=body))
    return told


def _product_type(answers: Mapping[str, Reply], sku: str) -> str:
    """What kind of product the SKU is there; empty when its stock is not the seller's to tell."""
    if answers[sku].status == _UNKNOWN:
        return ""
    listing = found(answers, sku)
    kept_by = [each.get("fulfillmentChannelCode") for each in rows(listing, "fulfillmentAvailability")]
    if kept_by and _OWN not in kept_by:
        return ""
    kinds = [str(each["productType"]) for each in rows(listing, "productTypes") if each.get("productType")]
    return kinds[0] if kinds else _ANY


def _path(sku: str, settings: Mapping[str, Any]) -> str:
    seller = settings.get("seller")
    if not isinstance(seller, str) or not seller:
        raise refuse("the account does not say which seller it is")
    return f"/listings/2021-08-01/items/{quote(seller, safe='')}/{quote(sku, safe='')}"


def _marketplace(settings: Mapping[str, Any]) -> dict[str, str]:
    where = settings.get("marketplace")
    if not isinstance(where, str) or not where:
        raise refuse("the account does not say in which marketplace its listings are")
    return {"marketplaceIds": where}


def read_levels(reply: Reply) -> Later | None:
    """It was accepted; raises UpstreamRefusedError with the first issue when it was not."""
    status = taken(reply, lambda document: document.get("status")).ref
    if status != "ACCEPTED":
        issues = rows(reply.document, "issues")
        code = str(issues[0].get("code") or "")[:_MAX_CODE] if issues else ""
        raise refuse("the channel refused", reply, vendor_code=code)
    return None
