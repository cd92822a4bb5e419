"""What a WooCommerce shop is told: updates of orders, refunds and stock, each kept and recorded.

Every SKU that is asked for is a product of the shop.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any
from zlib import crc32

from infra.local.sandbox.core import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.local.sandbox.core import Request
    from infra.local.sandbox.lists import Document
    from infra.local.sandbox.record import Record

_ORDER = re.compile(r"/wp-json/wc/v3/orders/(\d{1,20})(/refunds)?")
_PRODUCTS = "/wp-json/wc/v3/products"


def _error(status: int, code: str) -> Reply:
    return Reply(status=status, document={"code": code, "message": "Refused.", "data": {"status": status}})


class WooCommerceTold:
    """Beside the orders of the shop, what became of them."""

    def __init__(self, record: Record, order: Callable[[str], Document | None]) -> None:
        self._record = record
        self._order = order
        self._lock = threading.Lock()
        self._changes: dict[str, Document] = {}
        self._refunds: dict[str, list[Document]] = {}
        self._skus: dict[int, str] = {}
        self.whole: set[str] = set()
        """SKUs that have a comma."""
        self.levels: dict[str, int] = {}
        """By SKU."""

    def answer(self, request: Request) -> Reply | None:
        """The answer; None for what is not told but read."""
        if request.path == _PRODUCTS and request.method == "GET":
            return Reply(document=[self._product(sku) for sku in self._asked(request.query.get("sku", ""))])
        if request.path == f"{_PRODUCTS}/batch" and request.method == "POST":
            return Reply(document={"update": [self._set(each) for each in request.json().get("update", [])]})
        found = _ORDER.fullmatch(request.path)
        if found is None or (request.method == "GET" and not found[2]):
            return None
        order = self._order(found[1])
        if order is None:
            return _error(404, "woocommerce_rest_shop_order_invalid_id")
        if found[2] is None:
            return self._update(found[1], order, request.json()) if request.method == "PUT" else None
        if request.method == "GET":
            return Reply(document=list(self._refunds.get(found[1], [])))
        return self._refund(found[1], request.json())

    def _update(self, order_id: str, order: Document, asked: Mapping[str, Any]) -> Reply:
        with self._lock:
            before = self._changes.get(order_id, {"status": order["status"], "meta": {}})
            meta = {**before["meta"], **{each["key"]: each["value"] for each in asked.get("meta_data", [])}}
            after = {"status": asked.get("status", before["status"]), "meta": meta}
            self._changes[order_id] = after
        for key in meta.keys() - before["meta"].keys():
            parcel = meta[key]
            self._record.tell(
                vendor="woocommerce",
                kind="fulfillment",
                order=order_id,
                tracking=parcel["tracking_number"],
                carrier=parcel["carrier"],
                units=sum(each["quantity"] for each in parcel["lines"]),
            )
        if after["status"] == "cancelled" != before["status"]:
            self._record.tell(vendor="woocommerce", kind="cancellation", order=order_id, whole=True)
        return Reply(document={**order, "status": after["status"]})

    def _refund(self, order_id: str, asked: Mapping[str, Any]) -> Reply:
        with self._lock:
            known = self._refunds.setdefault(order_id, [])
            refund = {**asked, "id": int(order_id) * 100 + len(known)}
            known.append(refund)
        self._record.tell(vendor="woocommerce", kind="refund", order=order_id, amounts=[asked["amount"]])
        return Reply(status=201, document=refund)

    def _asked(self, skus: str) -> list[str]:
        """Those between the commas, and all of it as one, if that is a product."""
        return [skus] if skus in self.whole else [sku for sku in skus.split(",") if sku]

    def _product(self, sku: str) -> Document:
        number = crc32(sku.encode())
        self._skus[number] = sku
        return {"id": number, "parent_id": 0, "sku": sku, "type": "simple"}

    def _set(self, asked: Mapping[str, Any]) -> Document:
        sku = self._skus.get(asked["id"])
        if sku is None:
            return {"id": asked["id"], "error": {"code": "woocommerce_rest_product_invalid_id", "message": "Refused."}}
        self.levels[sku] = asked["stock_quantity"]
        self._record.tell(vendor="woocommerce", kind="stock", sku=sku, units=asked["stock_quantity"])
        return {"id": asked["id"], "stock_quantity": asked["stock_quantity"]}
