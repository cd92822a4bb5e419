"""An imitation of Walmart's Marketplace API: one purchase order, and lists of them.

The token of 15 minutes is checked. Orders are kept from `<samples>/walmart/<id>.json`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from infra.local.sandbox.core import Reply
from infra.local.sandbox.levels_told import LevelsTold
from infra.local.sandbox.lists import Shelf, moment
from infra.local.sandbox.parcels_told import ParcelsTold
from infra.local.sandbox.refunds_told import RefundsTold
from infra.local.sandbox.tokens import Tokens, is_basic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.local.sandbox.core import Clock, Request, Settings
    from infra.local.sandbox.lists import Document
    from infra.local.sandbox.record import Record

_TOKEN: Final = "/v3/token"  # noqa: S105 - a path
_ORDERS: Final = re.compile(r"/v3/orders(?:/(\d{1,30}))?")
_LIFETIME: Final = 900
_MOST: Final = 200
_LIMITED: Final = 429


class WalmartVendor:
    """One seller."""

    name = "walmart"

    def __init__(self, settings: Settings, clock: Clock, record: Record) -> None:
        self._settings = settings
        self.tokens = Tokens(clock, _LIFETIME, settings.account)
        self.shelf = Shelf(self._samples)
        self.stock = LevelsTold("walmart", record)
        self.refunds = RefundsTold("walmart", record, self.shelf.get)
        self.told = ParcelsTold("walmart", record, self.refunds.shown)

    def handles(self, path: str) -> bool:
        """The login, the orders and the stock."""
        return path == _TOKEN or path.startswith(("/v3/orders", "/v3/inventory"))

    def answer(self, request: Request) -> Reply:
        """Log in, or read an order or a page of orders; a list of nothing is 404."""
        settings = self._settings
        if not request.headers.get("wm_qos.correlation_id") or not request.headers.get("wm_svc.name"):
            return _error(400, "INVALID_REQUEST_HEADER.GMP_GATEWAY_API")
        if request.path == _TOKEN and request.method == "POST":
            if not is_basic(request, settings.walmart_client_id, settings.walmart_client_secret):
                return _error(401, "UNAUTHORIZED.GMP_GATEWAY_API")
            token = {"access_token": self.tokens.issue("seller"), "token_type": "Bearer", "expires_in": _LIFETIME}  # nosec B105 # a kind
            return Reply(document=token)
        if not self.tokens.holds(request.headers.get("wm_sec.access_token", ""), "seller"):
            return _error(401, "UNAUTHORIZED.GMP_GATEWAY_API")
        told = self.stock.answer(request) or self.refunds.answer(request) or self.told.answer(request)
        if told is not None:
            return told
        match = _ORDERS.fullmatch(request.path)
        if request.method != "GET" or not match:
            return _error(404, "CONTENT_NOT_FOUND.GMP_ORDER_API")
        if match[1] is None:
            return self._list(request.query)
        order = self.refunds.shown(match[1])
        return Reply(document={"order": order}) if order else _error(404, "CONTENT_NOT_FOUND.GMP_ORDER_API")

    def problem(self, status: int) -> Mapping[str, Any]:
        """An error list."""
        code = "REQUEST_THRESHOLD_VIOLATED" if status == _LIMITED else "SYSTEM_ERROR"
        return {"error": [{"code": f"{code}.GMP_GATEWAY_API", "severity": "ERROR"}]}

    def _list(self, query: Mapping[str, str]) -> Reply:
        node, size = query.get("shipNodeType", "SellerFulfilled"), int(query.get("limit", "100"))
        if size > _MOST:
            return _error(400, "INVALID_REQUEST_PARAM.GMP_ORDER_API")
        orders = sorted(self.shelf.all().values(), key=lambda order: str(order["purchaseOrderId"]))
        found = [order for order in orders if order["shipNode"]["type"] == node and _in_span(order, query)]
        if not found:
            return _error(404, "CONTENT_NOT_FOUND.GMP_ORDER_API")
        size, first = min(size, self._settings.list_page), int(query.get("poIndex", "0"))
        meta: dict[str, Any] = {"totalCount": len(found), "limit": size}
        if first + size < len(found):
            more = {**query, "hasMoreElements": "true", "soIndex": str(len(found)), "poIndex": str(first + size)}
            meta["nextCursor"] = f"?{urlencode(more)}"
        return Reply(document={"list": {"meta": meta, "elements": {"order": found[first : first + size]}}})

    def _samples(self) -> Iterator[tuple[str, Document]]:
        folder = self._settings.samples / self.name if self._settings.samples else None
        for file in sorted(folder.glob("*.json")) if folder and folder.is_dir() else ():
            yield file.stem, json.loads(file.read_bytes())


def _in_span(order: Document, query: Mapping[str, str]) -> bool:
    changed = max(int(line["statusDate"]) for line in order["orderLines"]["orderLine"])
    for name, at in (("created", int(order["orderDate"])), ("lastModified", changed)):
        if f"{name}StartDate" in query and at < moment(query[f"{name}StartDate"]).timestamp() * 1000:
            return False
        if f"{name}EndDate" in query and at >= moment(query[f"{name}EndDate"]).timestamp() * 1000:
            return False
    return True


def _error(status: int, code: str) -> Reply:
    return Reply(status=status, document={"error": [{"code": code, "severity": "ERROR"}]})
