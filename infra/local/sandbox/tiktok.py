"""An imitation of TikTok Shop's order detail API: GET /order/202309/orders?ids=..., signature and token checked."""

from __future__ import annotations

import hmac
import json
import re
from typing import TYPE_CHECKING, Any

from infra.local.sandbox.core import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.sandbox.core import Clock, Request, Settings

_ORDERS = re.compile(r"/order/\d{6}/orders")
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_OLDEST, _NEWEST = 300, 30
_LIMITED = 429


class TikTokVendor:
    """One shop's orders, from `<samples>/tiktok-shop/<id>.json`."""

    name = "tiktok-shop"

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def handles(self, path: str) -> bool:
        """Everything under /order."""
        return path.startswith("/order/")

    def answer(self, request: Request) -> Reply:
        """The orders whose ids are asked for."""
        if refusal := self._refuse(request):
            return refusal
        if request.method != "GET" or not _ORDERS.fullmatch(request.path):
            return _error(404, 36009009, "Invalid path.")
        orders = [order for ref in request.query.get("ids", "").split(",") for order in self._orders(ref)]
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

    def _orders(self, ref: str) -> list[dict[str, Any]]:
        """The order of a sample, which may be the whole answer, its data, or the order alone."""
        if not self._settings.samples or not _ID.fullmatch(ref):
            return []
        file = self._settings.samples / "tiktok-shop" / f"{ref}.json"
        if not file.is_file():
            return []
        document = json.loads(file.read_bytes())
        data = document.get("data", document)
        return list(data["orders"]) if "orders" in data else [data]


def _error(status: int, code: int, message: str) -> Reply:
    return Reply(status=status, document={"code": code, "message": message, "request_id": "sandbox"})
