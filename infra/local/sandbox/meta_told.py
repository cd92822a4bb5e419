"""What Meta is told of orders: each request once by its key; the same key with another body is refused."""

from __future__ import annotations

import re
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from infra.local.sandbox.core import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.sandbox.core import Request
    from infra.local.sandbox.lists import Document
    from infra.local.sandbox.record import Record

_TELL = re.compile(r"/v\d{1,3}\.0/(\d{1,40})/(acknowledge_order|shipments|cancellations|refunds)")
_KEY = re.compile(r"[A-Za-z0-9]{1,100}")
_KINDS = {
    "acknowledge_order": "acknowledgement",
    "shipments": "fulfillment",
    "cancellations": "cancellation",
    "refunds": "refund",
}


class MetaTold:
    """Of one commerce account, what its orders became."""

    def __init__(self, record: Record, order: Callable[[str], Document | None]) -> None:
        self._record = record
        self._order = order
        self._lock = threading.Lock()
        self._keys: dict[str, tuple[tuple[str, Document], Reply]] = {}
        self._edges: dict[tuple[str, str], list[Document]] = {}
        self._acknowledged: set[str] = set()
        self.bodies: list[Document] = []
        """Everything that was taken, as it was sent."""

    def shown(self, order_id: str, kept: Document) -> Document:
        """The order with its edges, as they are after what was told."""
        order = dict(kept["order"])
        if order_id in self._acknowledged:
            order["order_status"] = {"state": "IN_PROGRESS"}
        for edge in ("items", "shipments", "cancellations", "refunds"):
            order[edge] = {"data": [*kept.get(edge, []), *self._edges.get((order_id, edge), [])]}
        return order

    def answer(self, request: Request) -> Reply | None:
        """The answer; None for what is not told but read."""
        found = _TELL.fullmatch(request.path)
        kept = self._order(found[1]) if found else None
        if request.method != "POST" or found is None or kept is None:
            return None
        body = request.json()
        key = body.get("idempotency_key")
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            return _error(100, "idempotency_key is missing or none.")
        with self._lock:
            asked = (request.path, body)
            if key in self._keys:
                before, reply = self._keys[key]
                return reply if before == asked else _error(2361000, "The key was used for another request.")
            reply = self._take(found[1], found[2], kept, body)
            self._keys[key] = (asked, reply)
            return reply

    def _take(self, order_id: str, what: str, kept: Document, body: Document) -> Reply:
        facts: dict[str, Any] = {"order": order_id}
        if what == "acknowledge_order":
            if self.shown(order_id, kept)["order_status"]["state"] != "CREATED":
                return _error(2361001, "The order cannot be acknowledged.")
            self._acknowledged.add(order_id)
        else:
            items = self._items(kept, body)
            if items is None or (what == "shipments" and not body.get("tracking_info", {}).get("carrier")):
                return _error(2361003, "Invalid item or carrier.")
            entry, told = _entry(what, items, body)
            facts |= told
            edge = self._edges.setdefault((order_id, what), [])
            edge.append({"id": f"49{order_id[-9:]}{len(self.bodies)}", **entry})
        self.bodies.append(body)
        self._record.tell(vendor="meta-commerce", kind=_KINDS[what], **facts)
        return Reply(
            document={"id": order_id, "state": "IN_PROGRESS"} if what == "acknowledge_order" else {"success": True}
        )

    def _items(self, kept: Document, body: Document) -> list[Document] | None:
        """Those that are named, else all; None when the order does not have one."""
        known = {str(each["id"]): each for each in kept["items"]}
        if "items" not in body:
            return [{"item_id": name, "quantity": each["quantity"]} for name, each in known.items()]
        return body["items"] if all(each.get("item_id") in known for each in body["items"]) else None


def _entry(what: str, items: list[Document], body: Document) -> tuple[Document, Document]:
    """What the edge shows, and what is recorded of it."""
    shown = [{"id": each["item_id"], "quantity": each.get("quantity", 0)} for each in items]
    units = sum(each["quantity"] for each in shown)
    if what == "shipments":
        tracking = {"tracking_info": body["tracking_info"], "external_shipment_id": body.get("external_shipment_id")}
        return {"items": {"data": shown}, **tracking}, {
            "tracking": body["tracking_info"]["tracking_number"],
            "units": units,
        }
    if what == "cancellations":
        return {"items": {"data": shown}, "cancel_reason": body.get("cancel_reason")}, {"units": units}
    amounts = [each["item_refund_amount"] for each in items if "item_refund_amount" in each]
    given = [{"id": each["item_id"], "refund_subtotal": each.get("item_refund_amount")} for each in items]
    total = sum((Decimal(each["amount"]) for each in amounts), Decimal(0))
    return {"items": {"data": given if amounts else []}}, {"amount": str(total) if amounts else "whole"}


def _error(code: int, message: str) -> Reply:
    error = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "sandbox"}
    return Reply(status=400, document={"error": error})
