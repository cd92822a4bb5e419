"""What a TikTok shop is told: packages of line items and cancellations, neither of them twice the same there."""

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

PROVIDERS = {"UPS": "7117858858072016686", "DHL": "7132708441138530050"}
"""The shop's carriers: their ids are made up here."""
_MARK = re.compile(r"/fulfillment/202309/orders/(\d{1,40})/packages")
_SHIP = re.compile(r"/fulfillment/202309/packages/(\d{1,40})/ship")
_CANCEL = "/return_refund/202309/cancellations"


class TikTokTold:
    """One shop's packages and cancellations. `orders` gives those that it has."""

    def __init__(self, record: Record, orders: Callable[[], dict[str, Document]]) -> None:
        self._record = record
        self._orders = orders
        self._lock = threading.Lock()
        self._parcels: dict[str, Document] = {}
        """What a line item shows of its parcel."""
        self._cancelled: list[Document] = []
        self.bodies: list[Document] = []
        """Everything that was taken, as it was sent."""

    def shown(self, order: Document) -> Document:
        """The order with what it was told of its line items."""
        items = [{**each, **self._parcels.get(str(each["id"]), {})} for each in order.get("line_items", [])]
        return {**order, "line_items": items}

    def answer(self, request: Request) -> Reply | None:
        """The answer; None for what is not told but read."""
        if request.method != "POST":
            return None
        body = request.json()
        if found := _MARK.fullmatch(request.path):
            return self._mark(found[1], body)
        if found := _SHIP.fullmatch(request.path):
            return self._ship(found[1], body)
        if request.path == f"{_CANCEL}/search":
            known = [each for each in self._cancelled if each["order_id"] in body.get("order_ids", [])]
            return _fine({"cancellations": known, "total_count": len(known)})
        return self._cancel(body) if request.path == _CANCEL else None

    def _mark(self, order_id: str, body: Document) -> Reply:
        order, wanted = self._orders().get(order_id), body.get("order_line_item_ids") or []
        items = {str(each["id"]) for each in (order or {}).get("line_items", [])}
        if order is None or not wanted or not set(wanted) <= items:
            return _error(21011001, "Order line item not found.")
        return self._keep(order_id, wanted, f"115{order_id[-9:]}{len(self.bodies)}", body, body)

    def _ship(self, package: str, body: Document) -> Reply:
        for order_id, order in self._orders().items():
            inside = [str(each["id"]) for each in order.get("line_items", []) if each.get("package_id") == package]
            if inside:
                return self._keep(order_id, inside, package, body.get("self_shipment") or {}, body)
        return _error(21011002, "Package not found.")

    def _keep(self, order_id: str, items: list[str], package: str, parcel: Document, body: Document) -> Reply:
        """As often as it is told: it is for the teller to know that it told it."""
        if not parcel.get("tracking_number") or not parcel.get("shipping_provider_id"):
            return _error(21011003, "Shipping provider or tracking number is missing.")
        shown = {"package_id": package, **{name: parcel[name] for name in ("tracking_number", "shipping_provider_id")}}
        with self._lock:
            self._parcels |= dict.fromkeys(items, shown)
            self.bodies.append(body)
        what: dict[str, Any] = {"order": order_id, "tracking": parcel["tracking_number"], "units": len(items)}
        self._record.tell(vendor="tiktok-shop", kind="fulfillment", **what)
        return _fine({"order_id": order_id, "order_line_item_ids": items, "package_id": package})

    def _cancel(self, body: Document) -> Reply:
        order_id = str(body.get("order_id"))
        order = self._orders().get(order_id)
        if order is None or not body.get("cancel_reason"):
            return _error(25001021, "Reason not match order status")
        items = body.get("order_line_item_ids") or [str(each["id"]) for each in order.get("line_items", [])]
        with self._lock:
            cancel_id = f"403{order_id[-9:]}{len(self._cancelled)}"
            self._cancelled.append(
                {
                    "cancel_id": cancel_id,
                    "cancel_line_items": [{"order_line_item_id": each} for each in items],
                    "cancel_reason": body["cancel_reason"],
                    "cancel_status": "CANCELLATION_REQUEST_COMPLETE",
                    "cancel_type": "CANCEL",
                    "order_id": order_id,
                    "role": "SELLER",
                }
            )
            self.bodies.append(body)
        whole = "order_line_item_ids" not in body
        self._record.tell(vendor="tiktok-shop", kind="cancellation", order=order_id, units=len(items), whole=whole)
        return _fine({"cancel_id": cancel_id, "cancel_status": "CANCELLATION_REQUEST_SUCCESS"})


def _fine(data: Document) -> Reply:
    return Reply(document={"code": 0, "data": data, "message": "Success", "request_id": "sandbox"})


def _error(code: int, message: str) -> Reply:
    """TikTok refuses with the status 200."""
    return Reply(document={"code": code, "message": message, "request_id": "sandbox"})
