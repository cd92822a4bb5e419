"""An imitation of BigCommerce's REST Management API: one order with its parts, and a list of orders.

The token is checked. An order is kept with its parts, `{"order", "products", "addresses", "refunds"}`, from
`<samples>/bigcommerce/<id>.json`.
"""

from __future__ import annotations

import hmac
import json
import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from infra.local.sandbox.core import Reply
from infra.local.sandbox.levels_told import LevelsTold
from infra.local.sandbox.lists import Shelf, moment
from infra.local.sandbox.parcels_told import ParcelsTold
from infra.local.sandbox.refunds_told import RefundsTold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.local.sandbox.core import Request, Settings
    from infra.local.sandbox.lists import Document
    from infra.local.sandbox.record import Record

_V2 = re.compile(r"/stores/(\w+)/v2/orders(?:/(\d{1,20})(?:/(products|shipping_addresses))?)?")
_REFUNDS = re.compile(r"/stores/(\w+)/v3/orders/(\d{1,20})/payment_actions/refunds")
_PARTS = {"products": "products", "shipping_addresses": "addresses"}
_LIMITED = 429


class BigCommerceVendor:
    """One store."""

    name = "bigcommerce"

    def __init__(self, settings: Settings, record: Record) -> None:
        self._settings = settings
        self.shelf = Shelf(self._samples)
        self.stock = LevelsTold("bigcommerce", record)
        self.refunds = RefundsTold("bigcommerce", record, self.shelf.get)
        self.told = ParcelsTold("bigcommerce", record, self.refunds.shown)

    def handles(self, path: str) -> bool:
        """Everything under /stores."""
        return path.startswith("/stores/")

    def answer(self, request: Request) -> Reply:
        """An order, a part of it, or a page of orders; an empty list of the v2 API is 204."""
        token = request.headers.get("x-auth-token", "")
        if not hmac.compare_digest(token.encode(), self._settings.bigcommerce_token.encode()):
            return _error(401, "X-Auth-Token header is required")
        told = self.stock.answer(request) or self.refunds.answer(request) or self.told.answer(request)
        if told is not None:
            return told
        refunds, match = _REFUNDS.fullmatch(request.path), _V2.fullmatch(request.path)
        found = refunds or match
        if request.method != "GET" or not found:
            return _error(404, "The requested resource was not found.")
        if found[1] != self._settings.bigcommerce_store:
            return _error(403, "The token is of another store.")
        if found[2] is None:
            return self._list(request.query)
        order = self.refunds.shown(found[2])
        if order is None:
            return _error(404, "The requested resource was not found.")
        if refunds:
            every, shown = order["refunds"], _page(order["refunds"], request.query)
            pages = -(-len(every) // int(request.query.get("limit", "50"))) or 1
            return Reply(document={"data": shown, "meta": {"pagination": {"total_pages": pages}}})
        if found[3]:
            return _listed(_page(order[_PARTS[found[3]]], request.query))
        kept = order["order"] if "fees" in request.query.get("include", "") else {**order["order"], "fees": {"url": ""}}
        return Reply(document=kept)

    def problem(self, status: int) -> Mapping[str, Any]:
        """A titled error."""
        title = "You've exceeded your request limit." if status == _LIMITED else "Internal error"
        return {"status": status, "title": title}

    def _list(self, query: Mapping[str, str]) -> Reply:
        orders = [each["order"] for each in self.shelf.all().values() if _in_span(each["order"], query)]
        orders.sort(key=lambda order: int(order["id"]))
        return _listed(_page(orders, query))

    def _samples(self) -> Iterator[tuple[str, Document]]:
        folder = self._settings.samples / self.name if self._settings.samples else None
        for file in sorted(folder.glob("*.json")) if folder and folder.is_dir() else ():
            yield file.stem, json.loads(file.read_bytes())


def _page(entries: list[Any], query: Mapping[str, str]) -> list[Any]:
    size, number = min(int(query.get("limit", "50")), 250), int(query.get("page", "1"))
    return entries[size * (number - 1) : size * number]


def _listed(entries: list[Any]) -> Reply:
    return Reply(document=entries) if entries else Reply(status=204, document=[], raw=b"")


def _in_span(order: Document, query: Mapping[str, str]) -> bool:
    for name in ("date_created", "date_modified"):
        at = parsedate_to_datetime(order[name])
        if f"min_{name}" in query and at < moment(query[f"min_{name}"]):
            return False
        if f"max_{name}" in query and at > moment(query[f"max_{name}"]):
            return False
    return True


def _error(status: int, title: str) -> Reply:
    return Reply(status=status, document=[{"status": status, "message": title}])
