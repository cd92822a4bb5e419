"""An imitation of TikTok Shop's order API: GET /order/202309/orders?ids=..., POST /order/202309/orders/search.

Signature and token are checked.
"""

from __future__ import annotations

import hmac
import json
import re
from typing import TYPE_CHECKING, Any

from infra.local.sandbox.core import Reply
from infra.local.sandbox.levels_told import LevelsTold
from infra.local.sandbox.lists import Shelf, page, seal, unseal
from infra.local.sandbox.tiktok_told import TikTokTold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.local.sandbox.core import Clock, Request, Settings
    from infra.local.sandbox.record import Record

_ORDERS = re.compile(r"/order/\d{6}/orders")
_SEARCH = re.compile(r"/order/\d{6}/orders/search")
_OLDEST, _NEWEST = 300, 30
_LIMITED = 429


class TikTokVendor:
    """One shop's orders, from `<samples>/tiktok-shop/<id>.json`."""

    name = "tiktok-shop"

    def __init__(self, settings: Settings, clock: Clock, record: Record) -> None:
        self._settings = settings
        self._clock = clock
        self.shelf = Shelf(self._samples)
        self.told = TikTokTold(record, self.shelf.all)
        self.stock = LevelsTold("tiktok-shop", record)

    def handles(self, path: str) -> bool:
        """Everything of orders, their packages and cancellations, and of stock."""
        return path.startswith(("/order/", "/fulfillment/", "/return_refund/", "/product/"))

    def answer(self, request: Request) -> Reply:
        """The orders whose ids are asked for; or what the shop is told."""
        if refusal := self._refuse(request):
            return refusal
        told = self.told.answer(request) or self.stock.answer(request)
        if told is not None:
            return told
        if request.method == "POST" and _SEARCH.fullmatch(request.path):
            return self._search(request)
        if request.method != "GET" or not _ORDERS.fullmatch(request.path):
            return _error(404, 36009009, "Invalid path.")
        asked = [self.shelf.get(ref) for ref in request.query.get("ids", "").split(",")]
        orders = [self.told.shown(order) for order in asked if order]
        if not orders:
            return _error(404, 21001001, "Order not found.")
        return Reply(document={"code": 0, "data": {"orders": orders}, "message": "Success", "request_id": "sandbox"})

    def problem(self, status: int) -> Mapping[str, Any]:
        """A general error."""
        code, message = (36009002, "Too many requests.") if status == _LIMITED else (36009003, "Internal error.")
        return {"code": code, "message": message, "request_id": "sandbox"}

    def _refuse(self, request: Request) -> Reply | None:
        settings, query = self._settings, request.query
        if query.get("app_key") != settings.tiktok_app_key:
            return _error(401, 36009004, "Invalid credentials. Invalid app_key query parameter.")
        if request.headers.get("x-tts-access-token") != settings.tiktok_access_token:
            return _error(401, 105002, "Expired credentials.")
        at = query.get("timestamp", "")
        if not at.isdigit() or not -_NEWEST <= self._clock.now() - int(at) <= _OLDEST:
            return _error(401, 36009004, "Invalid timestamp.")
        pairs = "".join(f"{key}{query[key]}" for key in sorted(query) if key not in ("sign", "access_token"))
        secret = settings.tiktok_app_secret
        message = f"{secret}{request.path}{pairs}{request.body.decode()}{secret}"
        expected = hmac.new(secret.encode(), message.encode(), "sha256").hexdigest()
        if not hmac.compare_digest(expected.encode(), query.get("sign", "").encode()):
            return _error(401, 106001, "Invalid credentials. The sign query parameter is invalid.")
        return None

    def _search(self, request: Request) -> Reply:
        """A page of the orders that the body's limits and the query's order name."""
        query, limits = request.query, request.json()
        time = query.get("sort_field", "create_time")
        size = min(int(query.get("page_size", "0")), self._settings.list_page)
        cursor = unseal(query["page_token"]) if "page_token" in query else {"after": ""}
        if size < 1 or cursor is None:
            return _error(400, 36009004, "Invalid parameter.")
        rows = [
            (f"{order[time]:012d}#{order['id']}", order)
            for order in self.shelf.all().values()
            if all(
                limits.get(f"{each}_ge", 0) <= order[each] < limits.get(f"{each}_lt", 1 << 40)
                for each in ("create_time", "update_time")
            )
        ]
        orders, last = page(rows, size, cursor["after"])
        data = {"orders": orders, "next_page_token": seal({"after": last}) if last else "", "total_count": len(rows)}
        return Reply(document={"code": 0, "data": data, "message": "Success", "request_id": "sandbox"})

    def _samples(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The orders of the samples, which may be the whole answer, its data, or the order alone."""
        folder = self._settings.samples / "tiktok-shop" if self._settings.samples else None
        for file in sorted(folder.glob("*.json")) if folder and folder.is_dir() else ():
            document = json.loads(file.read_bytes())
            data = document.get("data", document)
            for order in data.get("orders", [data]):
                yield str(order["id"]), order


def _error(status: int, code: int, message: str) -> Reply:
    return Reply(status=status, document={"code": code, "message": message, "request_id": "sandbox"})
