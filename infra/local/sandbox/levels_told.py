"""What channels are told of stock, besides Shopify and WooCommerce: kept by SKU, and recorded.

Every SKU that is asked for is a product of the shop, but those in `missing`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote
from zlib import crc32

from infra.local.sandbox.core import Reply

if TYPE_CHECKING:
    from infra.local.sandbox.core import Request
    from infra.local.sandbox.record import Record

_BIGCOMMERCE = re.compile(r"/stores/\w+/v3/inventory/(items|adjustments/absolute)")
_MAGENTO = "/rest/V1/inventory/source-items"
_WALMART = "/v3/inventory"
_EBAY_OFFERS = "/sell/inventory/v1/offer"
_EBAY = "/sell/inventory/v1/bulk_update_price_quantity"
_AMAZON = re.compile(r"/listings/2021-08-01/items/[^/]+/([^/]+)")
_TIKTOK_SEARCH = "/product/202309/products/search"
_TIKTOK = re.compile(r"/product/202309/products/(\d+)/inventory/update")
WAREHOUSE = "7000714532876273420"
"""The only one of the TikTok shop; made up here."""
_ASKED = "searchCriteria[filter_groups][1][filters][0]"


@dataclass
class LevelsTold:
    """One vendor's; `answer` is asked once the caller is let in."""

    vendor: str
    record: Record
    levels: dict[str, int] = field(default_factory=dict)
    """By SKU."""
    missing: set[str] = field(default_factory=set)
    _listed: dict[tuple[str, str], str] = field(default_factory=dict)
    """SKU by TikTok's ids of its product and of itself."""

    def answer(self, request: Request) -> Reply | None:
        """The answer; None for what is not about stock."""
        return getattr(self, f"_{self.vendor.replace('-', '_')}")(request)  # type: ignore[no-any-return]

    def _keep(self, sku: str, units: int) -> None:
        self.levels[sku] = units
        self.record.tell(vendor=self.vendor, kind="stock", sku=sku, units=units)

    def _has(self, skus: str) -> list[str]:
        return [sku for sku in skus.split(",") if sku and sku not in self.missing]

    def _bigcommerce(self, request: Request) -> Reply | None:
        found = _BIGCOMMERCE.fullmatch(request.path)
        if found is None:
            return None
        if found[1] == "items":
            known = self._has(request.query["sku:in"])
            return Reply(document={"data": [{"identity": {"sku": sku}} for sku in known], "meta": {}})
        items = request.json()["items"]
        if any(each["sku"] in self.missing for each in items):
            return Reply(status=422, document={"status": 422, "title": "One of the items is not there."})
        for each in items:
            self._keep(each["sku"], each["quantity"])
        return Reply(document={"transaction_id": f"{crc32(request.body):08x}"})

    def _magento(self, request: Request) -> Reply | None:
        if request.path != _MAGENTO:
            return None
        if request.method == "GET":
            value = request.query[f"{_ASKED}[value]"]
            one = request.query[f"{_ASKED}[condition_type]"] == "eq"
            known = [value] if one and value not in self.missing else [] if one else self._has(value)
            return Reply(document={"items": [{"sku": sku} for sku in known]})
        for each in request.json()["sourceItems"]:
            self._keep(each["sku"], each["quantity"])
        return Reply(document=[])

    def _walmart(self, request: Request) -> Reply | None:
        if request.path != _WALMART or request.method != "PUT":
            return None
        body = request.json()
        if body["sku"] in self.missing:
            return Reply(status=404, document={"errors": [{"code": "CONTENT_NOT_FOUND"}]})
        self._keep(body["sku"], body["quantity"]["amount"])
        return Reply(document=body)

    def _ebay(self, request: Request) -> Reply | None:
        if request.path == _EBAY_OFFERS:
            sku = request.query["sku"]
            if sku in self.missing:
                return Reply(status=404, document={"errors": [{"errorId": 25713}]})
            offer = {"offerId": str(crc32(sku.encode())), "status": "PUBLISHED", "format": "FIXED_PRICE"}
            return Reply(document={"offers": [offer], "total": 1})
        if request.path != _EBAY:
            return None
        told = request.json()["requests"]
        for each in told:
            self._keep(
                each["sku"], min(each["shipToLocationAvailability"]["quantity"], each["offers"][0]["availableQuantity"])
            )
        return Reply(document={"responses": [{"sku": each["sku"], "statusCode": 200} for each in told]})

    def _amazon(self, request: Request) -> Reply | None:
        found = _AMAZON.fullmatch(request.path)
        if found is None:
            return None
        sku = unquote(found[1])
        if sku in self.missing:
            error = {"code": "NOT_FOUND", "message": f"SKU '{sku}' not found.", "details": ""}
            return Reply(status=404, document={"errors": [error]})
        if request.method == "GET":
            kept = [{"fulfillmentChannelCode": "DEFAULT", "quantity": self.levels.get(sku, 0)}]
            kind = {"marketplaceId": request.query["marketplaceIds"], "productType": "HOME"}
            return Reply(document={"sku": sku, "productTypes": [kind], "fulfillmentAvailability": kept})
        body = request.json()
        (patch,) = body["patches"]
        if not body.get("productType") or patch["op"] not in {"merge", "replace"}:
            return Reply(status=400, document={"errors": [{"code": "InvalidInput", "message": "", "details": ""}]})
        self._keep(sku, patch["value"][0]["quantity"])
        return Reply(document={"sku": sku, "status": "ACCEPTED", "submissionId": f"{crc32(request.body):08x}"})

    def _tiktok_shop(self, request: Request) -> Reply | None:
        if request.path == _TIKTOK_SEARCH:
            products = [self._product(sku) for sku in request.json()["seller_skus"] if sku not in self.missing]
            return self._tiktok_fine({"products": products, "total_count": len(products)})
        found = _TIKTOK.fullmatch(request.path)
        if found is None:
            return None
        for each in request.json()["skus"]:
            (stock,) = each["inventory"]
            sku = self._listed.get((found[1], each["id"]))
            if sku is None or stock["warehouse_id"] != WAREHOUSE:
                error = {"code": 12052023, "message": "Invalid SKU or warehouse.", "detail": {"sku_id": each["id"]}}
                return self._tiktok_fine({"errors": [error]})
            self._keep(sku, stock["quantity"])
        return self._tiktok_fine({})

    def _product(self, sku: str) -> dict[str, object]:
        number = str(crc32(sku.encode()))
        self._listed[number, f"{number}1"] = sku
        stock = [{"warehouse_id": WAREHOUSE, "quantity": self.levels.get(sku, 0)}]
        return {
            "id": number,
            "status": "ACTIVATE",
            "skus": [{"id": f"{number}1", "seller_sku": sku, "inventory": stock}],
        }

    @staticmethod
    def _tiktok_fine(data: dict[str, object]) -> Reply:
        return Reply(document={"code": 0, "data": data, "message": "Success", "request_id": "sandbox"})
