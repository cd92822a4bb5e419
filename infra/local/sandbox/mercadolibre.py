"""An imitation of Mercado Libre's API: login, one order, its shipment, a list of orders; of Mercado Pago's the refunds.

An order is kept with its parts, `{"order", "shipment", "refunds"}`, from `<samples>/mercadolibre/<id>.json`. The token
is checked, and ends when its time is over.
"""

from __future__ import annotations

import hmac
import json
import re
from typing import TYPE_CHECKING, Any

from infra.local.sandbox.core import Reply
from infra.local.sandbox.lists import Shelf, moment
from infra.local.sandbox.mercadolibre_told import MercadoLibreTold
from infra.local.sandbox.tokens import marked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.local.sandbox.core import Clock, Request, Settings
    from infra.local.sandbox.lists import Document
    from infra.local.sandbox.record import Record

SELLER = "1122334455"
"""Whose the samples are."""
_LOGIN = "/oauth/token"
_ORDER = re.compile(r"/orders/(search|\d{1,20})")
_SHIPMENT = re.compile(r"/shipments/(\d{1,20})")
_REFUNDS = re.compile(r"/v1/payments/(\d{1,20})/refunds")
_MOST = 50
_LIFETIME = 21_600
_LIMITED = 429


class MercadoLibreVendor:
    """One seller's orders."""

    name = "mercadolibre"

    def __init__(self, settings: Settings, clock: Clock, record: Record) -> None:
        self._settings = settings
        self._clock = clock
        self._tokens: dict[str, float] = {}
        self.shelf = Shelf(self._samples)
        self.told = MercadoLibreTold(record, self.shelf.all)

    def handles(self, path: str) -> bool:
        """The login, orders by number, shipments, refunds, and what is told."""
        return (
            path == _LOGIN
            or self.told.handles(path)
            or any(each.fullmatch(path) for each in (_ORDER, _SHIPMENT, _REFUNDS))
        )

    def answer(self, request: Request) -> Reply:
        """A token, an order, a part of it, or a page of orders; or what is told."""
        if request.path == _LOGIN:
            return self._login(request)
        until = self._tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "), 0.0)
        if self._clock.now() >= until:
            return _error(401, "invalid access token")
        told = self.told.answer(request)
        if told is not None:
            return told
        if request.method != "GET":
            return _error(405, "method not allowed")
        if request.path == "/orders/search":
            return self._search(request.query)
        return self._one(request)

    def problem(self, status: int) -> Mapping[str, Any]:
        """A message."""
        return {"message": "local_rate_limited" if status == _LIMITED else "internal_error", "status": status}

    def _login(self, request: Request) -> Reply:
        form, settings = request.form(), self._settings
        wanted = {"client_id": settings.mercadolibre_client_id, "client_secret": settings.mercadolibre_client_secret}
        known = [hmac.compare_digest(form.get(name, "").encode(), value.encode()) for name, value in wanted.items()]
        if request.method != "POST" or form.get("grant_type") != "client_credentials" or not all(known):
            return _error(400, "invalid_client")
        token = marked(f"APP_USR-sandbox-{len(self._tokens) + 1}", settings.account)
        self._tokens[token] = self._clock.now() + _LIFETIME
        return Reply(document={"access_token": token, "token_type": "bearer", "expires_in": _LIFETIME})  # nosec B105 # a kind

    def _one(self, request: Request) -> Reply:
        kept = self.shelf.all()
        if match := _ORDER.fullmatch(request.path):
            return Reply(document=kept[match[1]]["order"]) if match[1] in kept else _error(404, "order_not_found")
        if match := _SHIPMENT.fullmatch(request.path):
            found = next((each["shipment"] for each in kept.values() if str(each["shipment"]["id"]) == match[1]), None)
            if found is None or request.headers.get("x-format-new") != "true":
                return _error(404, "shipment_not_found")
            return Reply(document=found)
        match = _REFUNDS.fullmatch(request.path)
        refunds = [each for order in kept.values() for each in order["refunds"]]
        return Reply(document=[each for each in refunds if match and str(each["payment_id"]) == match[1]])

    def _search(self, query: Mapping[str, str]) -> Reply:
        """By creation; cancelled orders only for whom asks for them."""
        if query.get("seller") != SELLER:
            return _error(403, "caller is not the seller")
        if int(query.get("limit", "50")) > _MOST:
            return _error(400, "invalid limit")
        orders = [each["order"] for each in self.shelf.all().values()]
        found = sorted((each for each in orders if _fits(each, query)), key=lambda each: moment(each["date_created"]))
        offset, limit = int(query.get("offset", "0")), int(query.get("limit", "50"))
        paging = {"total": len(found), "offset": offset, "limit": limit}
        return Reply(document={"results": found[offset : offset + limit], "paging": paging})

    def _samples(self) -> Iterator[tuple[str, Document]]:
        folder = self._settings.samples / self.name if self._settings.samples else None
        for file in sorted(folder.glob("*.json")) if folder and folder.is_dir() else ():
            yield file.stem, json.loads(file.read_bytes())


def _fits(order: Document, query: Mapping[str, str]) -> bool:
    if (order["status"] == "cancelled") != (query.get("order.status") == "cancelled"):
        return False
    for name in ("date_created", "date_last_updated"):
        at = moment(order[name])
        if f"order.{name}.from" in query and at < moment(query[f"order.{name}.from"]):
            return False
        if f"order.{name}.to" in query and at > moment(query[f"order.{name}.to"]):
            return False
    return True


def _error(status: int, message: str) -> Reply:
    return Reply(status=status, document={"message": message, "error": message, "status": status, "cause": []})
