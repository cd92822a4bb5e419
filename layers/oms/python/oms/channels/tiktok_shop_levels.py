"""Stock of TikTok Shop listings, product by product.

- https://partner.tiktokshop.com/docv2/page/search-products-202309 (by `seller_skus`: products with their SKUs' ids, and
  the warehouses that have each)
- https://partner.tiktokshop.com/docv2/page/update-inventory-202309 (sets what a warehouse has of SKUs of one product;
  an answer whose code is 0 may still name SKUs that were refused)

Units are set in the only warehouse that has the SKU, or in the account's `location`, a warehouse's id; of a SKU in
several warehouses without that, a person is asked. A seller's SKU that stands in several listings is set in each: what
one of them sells is off the others when the level is told next. SKUs that the shop does not have are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.channels.outward import Call, Later, found, part, refuse, rows
from oms.domain.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from oms.channels.outward import Level, Reply

most = 5

_SEARCH: Final = "/product/202309/products/search"
_UPDATE: Final = "/product/202309/products/{product}/inventory/update"
_PAGE: Final = 20
_GONE: Final = frozenset({"DELETED", "PLATFORM_DEACTIVATED", "FREEZE", "FAILED"})


def asks_levels(levels: Sequence[Level], settings: Mapping[str, Any]) -> Sequence[Call]:  # noqa: ARG001 - others need them
    """The products that have each SKU."""
    query = {"page_size": str(_PAGE)}
    return [
        Call(name=each.sku, method="POST", path=_SEARCH, query=query, body={"status": "ALL", "seller_skus": [each.sku]})
        for each in levels
    ]


def tell_levels(
    levels: Sequence[Level],
    settings: Mapping[str, Any],
    answers: Mapping[str, Reply],
    key: str,  # noqa: ARG001 - a level set twice is set
) -> Sequence[Call]:
    """A call for each product that has one of the SKUs."""
    wanted: dict[str, list[dict[str, Any]]] = {}
    for each in levels:
        found(answers, each.sku)
        data = data_of(answers[each.sku])
        for product, sku in _listed(data, each.sku):
            stock = {"warehouse_id": _warehouse(sku, settings), "quantity": each.units}
            wanted.setdefault(product, []).append({"id": str(sku.get("id")), "inventory": [stock]})
    return [
        Call(
            name=product,
            method="POST",
            path=f"/product/202309/products/{product}/inventory/update",
            body={"skus": skus},
        )
        for product, skus in wanted.items()
    ]


def _listed(data: Mapping[str, Any], seller_sku: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(product, SKU there) of each listing that has the seller's SKU and can have stock."""
    if data.get("next_page_token"):
        raise refuse("the channel has more listings of one SKU than are looked at", vendor_field="next_page_token")
    for product in rows(data, "products"):
        product_id = str(product.get("id") or "")
        if not product_id.isdigit() or product.get("status") in _GONE:
            continue
        for sku in rows(product, "skus"):
            if sku.get("seller_sku") == seller_sku:
                yield product_id, sku


def _warehouse(sku: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    known = [str(each.get("warehouse_id") or "") for each in rows(sku, "inventory")]
    wanted = str(settings.get("location") or "")
    if wanted:
        return wanted
    if len(known) != 1 or not known[0]:
        raise refuse("the account does not say which warehouse its stock is in", vendor_field="warehouse_id")
    return known[0]


def read_levels(reply: Reply) -> Later | None:
    """Code 0, and no SKU that was refused within it."""
    errors = rows(data_of(reply), "errors")
    if errors:
        raise refuse("the channel refused", reply, vendor_code=str(errors[0].get("code") or "")[:60])
    return None


def data_of(reply: Reply) -> Mapping[str, Any]:
    """`data` of an answer whose code is 0; raises for another, and for what is no answer."""
    code = reply.document.get("code")
    if reply.ok and not isinstance(code, int):
        raise UpstreamError("the vendor's answer cannot be read", vendor="tiktok-shop", vendor_field="code")
    if not reply.ok or code != 0:
        raise refuse("the channel refused", reply, vendor_code=str(code) if isinstance(code, int) else "")
    return part(reply.document, "data")
