"""What Mercado Libre is told: shipments of modes me1 and custom, and the stock of listings."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

from infra.local.sandbox.core import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.sandbox.core import Request
    from infra.local.sandbox.lists import Document
    from infra.local.sandbox.record import Record

_SHIPMENT_OF = re.compile(r"/orders/(\d{1,20})/shipments")
_NOTIFY = re.compile(r"/v2/shipments/(\d{1,20})/seller_notifications")
_CHANGE = re.compile(r"/shipments/(\d{1,20})")
_ITEM = re.compile(r"/items(?:/([A-Z]{3}\d{1,15}))?")
_MOST = 20


class MercadoLibreTold:
    """One seller's. `orders` gives those that it has, each with its shipment."""

    def __init__(self, record: Record, orders: Callable[[], dict[str, Document]]) -> None:
        self._record = record
        self._orders = orders
        self._lock = threading.Lock()
        self._shipped: dict[str, Document] = {}
        """By shipment, what it shows since it was told."""
        self.listings: dict[str, Document] = {}
        """Listings that are there, by id, with what is special of them: `shipping`, `variations`."""
        self.levels: dict[str, int] = {}
        """By listing."""
        self.bodies: list[Document] = []
        """Everything of shipments that was taken, as it was sent."""

    def handles(self, path: str) -> bool:
        """Shipments by their order, notifications, listings."""
        return any(each.fullmatch(path) for each in (_SHIPMENT_OF, _NOTIFY, _ITEM))

    def answer(self, request: Request) -> Reply | None:
        """The answer; None for what is not told but read."""
        if (found := _SHIPMENT_OF.fullmatch(request.path)) and request.method == "GET":
            order = self._orders().get(found[1])
            return Reply(document=self._shown(found[1], order)) if order else _error(404, "order_not_found")
        if (found := _NOTIFY.fullmatch(request.path)) and request.method == "POST":
            return self._notify(found[1], request.json())
        if (found := _CHANGE.fullmatch(request.path)) and request.method == "PUT":
            return self._change(found[1], request.json())
        if found := _ITEM.fullmatch(request.path):
            return self._item(found[1], request)
        return None

    def _shown(self, order_id: str, order: Document) -> Document:
        """As it is shown without `x-format-new`."""
        shipment = order["shipment"]
        shown = {name: shipment.get(name) for name in ("id", "status", "substatus", "tracking_number")}
        of = {"mode": shipment["logistic"]["mode"], "site_id": shipment["source"]["site_id"], "order_id": order_id}
        receiver = {"receiver_id": shipment["destination"]["receiver_id"]}
        return {**shown, **of, **receiver, **self._shipped.get(str(shipment["id"]), {})}

    def _of(self, shipment_id: str) -> tuple[str, Document] | None:
        shown = ((order_id, self._shown(order_id, order)) for order_id, order in self._orders().items())
        return next((each for each in shown if str(each[1]["id"]) == shipment_id), None)

    def _notify(self, shipment_id: str, body: Document) -> Reply:
        found, payload = self._of(shipment_id), body.get("payload") or {}
        if found is None or found[1]["mode"] != "me1":
            return _error(400, "shipment_mode_is_not_me1")
        if "substatus" not in body or body["substatus"] is not None or body.get("status") != "shipped":
            return _error(403, "bad_request")
        tracked = [bool(body.get(name)) for name in ("tracking_number", "tracking_url")]
        if not payload.get("service_id") or not payload.get("date") or any(tracked) != all(tracked):
            return _error(400, "invalid_seller_json_format")
        self._ship(found, shipment_id, body)
        return Reply(document={"status": "OK"})

    def _change(self, shipment_id: str, body: Document) -> Reply:
        found = self._of(shipment_id)
        if found is None or found[1]["mode"] != "custom" or body.get("receiver_id") != found[1]["receiver_id"]:
            return _error(400, "bad_request")
        self._ship(found, shipment_id, body)
        return Reply(document={"id": int(shipment_id), "status": "shipped"})

    def _ship(self, found: tuple[str, Document], shipment_id: str, body: Document) -> None:
        """As often as it is told: it is for the teller to know that it told it."""
        number = body.get("tracking_number")
        with self._lock:
            self._shipped[shipment_id] = {"status": "shipped", "tracking_number": number}
            self.bodies.append(body)
        what: dict[str, Any] = {"order": found[0], "tracking": number}
        self._record.tell(vendor="mercadolibre", kind="fulfillment", **what)

    def _item(self, item_id: str | None, request: Request) -> Reply | None:
        if item_id is None:
            ids = request.query.get("ids", "").split(",")
            if request.method != "GET" or len(ids) > _MOST:
                return _error(400, "bad_request")
            return Reply(document=[self._listed(each) for each in ids])
        if request.method != "PUT":
            return None
        if item_id not in self.listings or self.listings[item_id].get("variations"):
            return _error(404, "not_found")
        with self._lock:
            self.levels[item_id] = request.json()["available_quantity"]
        self._record.tell(vendor="mercadolibre", kind="stock", listing=item_id, units=self.levels[item_id])
        return Reply(document={"id": item_id, "available_quantity": self.levels[item_id]})

    def _listed(self, item_id: str) -> Document:
        if item_id not in self.listings:
            return {"code": 404, "body": {"id": item_id, "error": "not_found"}}
        return {"code": 200, "body": {"id": item_id, "variations": [], **self.listings[item_id]}}


def _error(status: int, message: str) -> Reply:
    return Reply(status=status, document={"message": message, "error": message, "status": status, "cause": []})
