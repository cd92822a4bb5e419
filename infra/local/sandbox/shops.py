"""Imitations of a Shopify shop's REST Admin API and a WooCommerce shop's REST API: one order, and lists of orders."""

from __future__ import annotations

import base64
import hmac
import json
import re
from typing import TYPE_CHECKING, Any

from infra.local.sandbox.core import Reply
from infra.local.sandbox.lists import Shelf, moment, page, seal, unseal
from infra.local.sandbox.shopify_told import ShopifyTold
from infra.local.sandbox.woocommerce_told import WooCommerceTold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.local.sandbox.core import Request, Settings
    from infra.local.sandbox.lists import Document
    from infra.local.sandbox.record import Record

_SHOPIFY = re.compile(r"/admin/api/\d{4}-\d{2}/orders(?:/(\d{1,20}))?\.json")
_PART = re.compile(r"/admin/api/\d{4}-\d{2}/orders/(\d{1,20})/(fulfillment_orders|transactions)\.json")
_GRAPHQL = re.compile(r"/admin/api/\d{4}-\d{2}/graphql\.json")
_WOOCOMMERCE = re.compile(r"/wp-json/wc/v3/orders(?:/(\d{1,20}))?")
_ALONE = frozenset({"limit", "fields", "page_info"})
_LIMITED = 429


def _samples(settings: Settings, vendor: str) -> Iterator[tuple[str, Document]]:
    folder = settings.samples / vendor if settings.samples else None
    for file in sorted(folder.glob("*.json")) if folder and folder.is_dir() else ():
        yield file.stem, json.loads(file.read_bytes())


class ShopifyVendor:
    """One shop. Orders are worded as its webhooks word them."""

    name = "shopify"

    def __init__(self, settings: Settings, record: Record) -> None:
        self._settings = settings
        self.shelf = Shelf(lambda: _samples(settings, self.name))
        self.told = ShopifyTold(record, self.shelf.get)

    def handles(self, path: str) -> bool:
        """Everything under /admin/api."""
        return path.startswith("/admin/api/")

    def answer(self, request: Request) -> Reply:
        """An order, or a page of them."""
        token = request.headers.get("x-shopify-access-token", "")
        if not hmac.compare_digest(token.encode(), self._settings.shopify_access_token.encode()):
            return Reply(status=401, document={"errors": "[API] Invalid API key or access token"})
        if _GRAPHQL.fullmatch(request.path) and request.method == "POST":
            return self.told.graphql(request.json())
        if part := _PART.fullmatch(request.path):
            found = self.told.part(part[1], part[2])
            return Reply(document=found) if found else Reply(status=404, document={"errors": "Not Found"})
        match = _SHOPIFY.fullmatch(request.path)
        if not match or request.method != "GET":
            return Reply(status=404, document={"errors": "Not Found"})
        if match[1] is None:
            return self._list(request)
        order = self.told.order(match[1]) if "fields" in request.query else self.shelf.get(match[1])
        return Reply(document={"order": order}) if order else Reply(status=404, document={"errors": "Not Found"})

    def problem(self, status: int) -> Mapping[str, Any]:
        """A text."""
        return {"errors": "Exceeded 2 calls per second for api client." if status == _LIMITED else "Internal error"}

    def _list(self, request: Request) -> Reply:
        query, after = dict(request.query), ""
        if "page_info" in query:
            cursor = unseal(query["page_info"])
            if cursor is None or set(query) - _ALONE:
                return Reply(status=400, document={"errors": {"page_info": "Invalid value."}})
            query, after = {**cursor["query"], **query}, cursor["after"]
        size = min(int(query.get("limit", "50")), self._settings.list_page)
        time = query.get("order", "processed_at desc").partition(" ")[0]
        rows = [
            (f"{moment(order[time]).timestamp():020.6f}#{order['id']}", order)
            for order in self.shelf.all().values()
            if _in_span(order, query) and (query.get("status") == "any" or not order.get("cancelled_at"))
        ]
        orders, last = page(rows, size, after)
        wanted = query.get("fields", "").split(",") if query.get("fields") else None
        shown = [{key: value for key, value in order.items() if not wanted or key in wanted} for order in orders]
        kept = {name: value for name, value in query.items() if name not in _ALONE}
        link = f'<https://shop.example/next?page_info={seal({"query": kept, "after": last})}>; rel="next"'
        return Reply(document={"orders": shown}, headers={"link": link} if last else {})


def _in_span(order: Document, query: Mapping[str, str]) -> bool:
    for name in ("updated_at", "processed_at", "created_at"):
        at = moment(order[name])
        if f"{name}_min" in query and at < moment(query[f"{name}_min"]):
            return False
        if f"{name}_max" in query and at > moment(query[f"{name}_max"]):
            return False
    return True


class WooCommerceVendor:
    """One shop. Orders are worded as its webhooks word them; `status` says which are in the trash."""

    name = "woocommerce"

    def __init__(self, settings: Settings, record: Record) -> None:
        self._settings = settings
        self.shelf = Shelf(lambda: _samples(settings, self.name))
        self.told = WooCommerceTold(record, self.shelf.get)

    def handles(self, path: str) -> bool:
        """Everything under /wp-json."""
        return path.startswith("/wp-json/")

    def answer(self, request: Request) -> Reply:
        """An order, or a page of them."""
        key = f"{self._settings.woocommerce_key}:{self._settings.woocommerce_secret}"
        expected = f"Basic {base64.b64encode(key.encode()).decode()}"
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), expected.encode()):
            return _woo_error(401, "woocommerce_rest_cannot_view")
        told = self.told.answer(request)
        if told is not None:
            return told
        match = _WOOCOMMERCE.fullmatch(request.path)
        if not match or request.method != "GET":
            return _woo_error(404, "rest_no_route")
        if match[1] is None:
            return self._list(request.query)
        order = self.shelf.get(match[1])
        return Reply(document=order) if order else _woo_error(404, "woocommerce_rest_shop_order_invalid_id")

    def problem(self, status: int) -> Mapping[str, Any]:
        """A coded error."""
        return {"code": "sandbox", "message": f"sandbox answers {status}", "data": {"status": status}}

    def _list(self, query: Mapping[str, str]) -> Reply:
        size, number = min(int(query.get("per_page", "10")), 100), int(query.get("page", "1"))
        orders = [order for order in self.shelf.all().values() if _woo_fits(order, query)]
        orders.sort(key=lambda order: int(order["id"]))
        wanted = query.get("_fields", "").split(",") if query.get("_fields") else None
        shown = [
            {key: value for key, value in order.items() if not wanted or key in wanted}
            for order in orders[size * (number - 1) : size * number]
        ]
        return Reply(document=shown, headers={"x-wp-total": str(len(orders))})


def _woo_fits(order: Document, query: Mapping[str, str]) -> bool:
    trashed = order["status"] == "trash"
    if trashed != (query.get("status") == "trash"):
        return False
    placed = moment(order["date_created_gmt"], naive=True)
    changed = moment(order["date_modified_gmt"], naive=True)
    bounds = {"after": placed, "modified_after": changed}
    if any(name in query and at <= moment(query[name], naive=True) for name, at in bounds.items()):
        return False
    return "before" not in query or placed < moment(query["before"], naive=True)


def _woo_error(status: int, code: str) -> Reply:
    return Reply(status=status, document={"code": code, "message": "Refused.", "data": {"status": status}})
