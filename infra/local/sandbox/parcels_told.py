"""What shops and markets are told of parcels, besides Shopify and WooCommerce: each kept by its order, and recorded."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.local.sandbox.core import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.sandbox.core import Request
    from infra.local.sandbox.lists import Document
    from infra.local.sandbox.record import Record

_EBAY = re.compile(r"/sell/fulfillment/v1/order/([\w-]{1,40})/shipping_fulfillment")
_EBAY_CANCEL = "/post-order/v2/cancellation"
_ETSY = re.compile(r"/v3/application/shops/\d+/receipts/(\d{1,20})(/tracking)?")
_BIGCOMMERCE = re.compile(r"/stores/\w+/v2/orders/(\d{1,20})(/shipments)?")
_WALMART = re.compile(r"/v3/orders/(\d{1,20})(?:/(acknowledge|shipping|cancel))?")
_WALMART_OPEN = frozenset({"Created", "Acknowledged"})
_MAGENTO_SHIP = re.compile(r"/rest/V1/order/(\d{1,20})/ship")
_MAGENTO = re.compile(r"/rest/V1/orders/(\d{1,20})(/cancel)?")
_MAGENTO_LIST = "/rest/V1/shipments"
_FILTERED = "searchCriteria[filter_groups][0][filters][0][value]"


@dataclass
class ParcelsTold:
    """One vendor's. `order` gives what it has of an order; `answer` is asked once the caller is let in."""

    vendor: str
    record: Record
    order: Callable[[str], Document | None]
    parcels: dict[str, list[Document]] = field(default_factory=dict)
    """By order, as the vendor shows them."""
    states: dict[str, str] = field(default_factory=dict)
    """`cancelled`, `acknowledged`, by order."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Reply | None:
        """The answer; None for what is not told but read, or is of an order that is not there."""
        return getattr(self, f"_{self.vendor}")(request)  # type: ignore[no-any-return]

    def _keep(self, order_id: str, tracking: str, units: int, parcel: Document, number: str) -> Document:
        """The parcel with its id, which is the vendor's own."""
        with self._lock:
            known = self.parcels.setdefault(order_id, [])
            kept = {**parcel, number: len(known) + 1 + int(re.sub(r"\D", "", order_id)[-9:] or 0) * 10}
            known.append(kept)
        self.record.tell(vendor=self.vendor, kind="fulfillment", order=order_id, tracking=tracking, units=units)
        return kept

    def _cancel(self, order_id: str) -> None:
        self.states[order_id] = "cancelled"
        self.record.tell(vendor=self.vendor, kind="cancellation", order=order_id, whole=True)

    def _known(self, found: re.Match[str] | None) -> str:
        return found[1] if found and self.order(found[1]) is not None else ""

    # ---------------------------------------------------------------- by vendor

    def _ebay(self, request: Request) -> Reply | None:
        if request.path == _EBAY_CANCEL:
            return self._ebay_cancel(request.json()["legacyOrderId"])
        order_id = self._known(_EBAY.fullmatch(request.path))
        if not order_id:
            return None
        if request.method == "GET":
            kept = self.parcels.get(order_id, [])
            return Reply(document={"fulfillments": kept, "total": len(kept)})
        body = request.json()
        shown = {"shipmentTrackingNumber": body["trackingNumber"], "shippingCarrierCode": body["shippingCarrierCode"]}
        units = sum(each["quantity"] for each in body["lineItems"])
        self._keep(order_id, body["trackingNumber"], units, shown, "fulfillmentId")
        return Reply(status=201, document={}, raw=b"")

    def _ebay_cancel(self, order_id: str) -> Reply | None:
        if self.order(order_id) is None:
            return None
        if self.states.get(order_id) == "cancelled":
            why = {"eligible": False, "failureReason": ["CANCELLATION_EXIST"]}
            return Reply(document={"orderEligibilityResult": why})
        self._cancel(order_id)
        return Reply(status=201, document={"cancelId": f"5{order_id}"})

    def ebay_order(self, order_id: str) -> Document | None:
        """The order, with its seller's cancellation."""
        order = self.order(order_id)
        if order is None or self.states.get(order_id) != "cancelled":
            return order
        request = {"cancelInitiator": "Seller", "cancelRequestId": f"5{order_id}", "cancelRequestState": "COMPLETED"}
        return {**order, "cancelStatus": {"cancelState": "CANCELED", "cancelRequests": [request]}}

    def _etsy(self, request: Request) -> Reply | None:
        found = _ETSY.fullmatch(request.path)
        order_id = self._known(found)
        receipt = self.order(order_id) if order_id else None
        if found is None or receipt is None:
            return None
        if found[2] and request.method == "POST":
            body = request.json()
            shown = {"tracking_code": body["tracking_code"], "carrier_name": body["carrier_name"]}
            self._keep(order_id, body["tracking_code"], 0, shown, "receipt_shipping_id")
        elif found[2] or order_id not in self.parcels:
            return None
        shipments = [*(receipt.get("shipments") or []), *self.parcels.get(order_id, [])]
        return Reply(document={**receipt, "shipments": shipments})

    def _bigcommerce(self, request: Request) -> Reply | None:
        found = _BIGCOMMERCE.fullmatch(request.path)
        order_id = self._known(found)
        if found is None or not order_id:
            return None
        if found[2] and request.method == "GET":
            kept = self.parcels.get(order_id, [])
            return Reply(document=list(kept)) if kept else Reply(status=204, document=[], raw=b"")
        if found[2]:
            body = request.json()
            units = sum(each["quantity"] for each in body["items"])
            return Reply(status=201, document=self._keep(order_id, body["tracking_number"], units, body, "id"))
        if request.method == "PUT" and request.json().get("status_id") == 5:  # noqa: PLR2004 - cancelled
            if self.states.get(order_id) != "cancelled":
                self._cancel(order_id)
            return Reply(document={"id": int(order_id), "status_id": 5})
        return None

    def _walmart(self, request: Request) -> Reply | None:
        found = _WALMART.fullmatch(request.path)
        order_id = self._known(found)
        order = self.order(order_id) if order_id else None
        if found is None or order is None:
            return None
        if found[2] == "acknowledge":
            self.states[order_id] = "acknowledged"
            self.record.tell(vendor="walmart", kind="acknowledgement", order=order_id)
        elif found[2]:
            body = request.json()
            (told,) = body.values()
            lines = told["orderLines"]["orderLine"]
            statuses = [(each["lineNumber"], each["orderLineStatuses"]["orderLineStatus"][0]) for each in lines]
            units = sum(int(status["statusQuantity"]["amount"]) for _, status in statuses)
            kept = [{"line": line, **status} for line, status in statuses]
            if found[2] == "shipping":
                tracking = statuses[0][1]["trackingInfo"]["trackingNumber"]
                self._keep(order_id, tracking, units, {"statuses": kept}, "id")
            else:
                self.parcels.setdefault(order_id, []).append({"statuses": kept})
                self.record.tell(vendor="walmart", kind="cancellation", order=order_id, units=units)
        elif order_id not in self.parcels and order_id not in self.states:
            return None
        return Reply(document={"order": self._walmart_order(order_id, order)})

    def _walmart_order(self, order_id: str, order: Document) -> Document:
        """The order with what its lines became."""
        lines = []
        for line in order["orderLines"]["orderLine"]:
            told = [
                status
                for parcel in self.parcels.get(order_id, [])
                for status in parcel["statuses"]
                if status["line"] == line["lineNumber"]
            ]
            before = line["orderLineStatuses"]["orderLineStatus"]
            done = [each for each in before if each["status"] not in _WALMART_OPEN]
            if told:
                before = [*done, *told]
            elif order_id in self.states and not done:
                before = [{"status": "Acknowledged", "statusQuantity": line["orderLineQuantity"]}]
            lines.append({**line, "orderLineStatuses": {"orderLineStatus": before}})
        return {**order, "orderLines": {"orderLine": lines}}

    def _magento(self, request: Request) -> Reply | None:
        if request.path == _MAGENTO_LIST and request.method == "GET":
            return Reply(document={"items": self.parcels.get(request.query.get(_FILTERED, ""), [])})
        if order_id := self._known(_MAGENTO_SHIP.fullmatch(request.path)):
            body = request.json()
            units = sum(each["qty"] for each in body["items"])
            kept = self._keep(order_id, body["tracks"][0]["track_number"], units, body, "entity_id")
            return Reply(document={}, raw=str(kept["entity_id"]).encode())
        found = _MAGENTO.fullmatch(request.path)
        order_id = self._known(found)
        order: Any = self.order(order_id) if order_id else None
        if found is None or order is None or self._left_alone(found, order_id):
            return None
        if found[2]:
            self._cancel(order_id)
            return Reply(document={}, raw=b"true")
        return Reply(document={**order["order"], "state": "canceled"})

    def _left_alone(self, found: re.Match[str], order_id: str) -> bool:
        """A read of an order that nothing was told of."""
        return not found[2] and self.states.get(order_id) != "cancelled"
