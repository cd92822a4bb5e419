"""What a Shopify shop is told: fulfillments, cancellations, refunds and stock levels, each kept and recorded.

As its mutations do it: a fulfillment takes what is open, an order is cancelled once, a refund and a level are made once
by their key. Every SKU that is asked for is a product of the shop.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any
from zlib import crc32

from infra.local.sandbox.core import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.local.sandbox.lists import Document
    from infra.local.sandbox.record import Record

_FIELD = re.compile(r"\b(fulfillmentCreate|orderCancel|refundCreate|inventorySetQuantities|productVariants)\(")
_SKU = re.compile(r'sku:"((?:[^"\\]|\\.)*)"')
LOCATION = 4242
_PAID = frozenset({"paid", "partially_refunded", "refunded"})


def _tail(gid: Any) -> str:
    return str(gid).rpartition("/")[2]


def _line_id(line: Mapping[str, Any]) -> str:
    return _tail(line.get("admin_graphql_api_id") or line["id"])


class ShopifyTold:
    """Beside the orders of the shop, what became of them."""

    def __init__(self, record: Record, order: Callable[[str], Document | None]) -> None:
        self._record = record
        self._order = order
        self._lock = threading.Lock()
        self._fulfillments: dict[str, list[Document]] = {}
        self._refunds: dict[str, list[Document]] = {}
        self._cancelled: set[str] = set()
        self._keys: dict[str, Document] = {}
        self.levels: dict[str, int] = {}
        """By SKU."""
        self._items: dict[str, str] = {}

    def order(self, order_id: str) -> Document | None:
        """The order with what was told of it."""
        order = self._order(order_id)
        if order is None:
            return None
        with self._lock:
            return {
                **order,
                "fulfillments": [*(order.get("fulfillments") or []), *self._fulfillments.get(order_id, [])],
                "refunds": [*(order.get("refunds") or []), *self._refunds.get(order_id, [])],
                "cancelled_at": order.get("updated_at") if order_id in self._cancelled else order.get("cancelled_at"),
            }

    def part(self, order_id: str, what: str) -> Document | None:
        """`fulfillment_orders` or `transactions` of an order."""
        order = self.order(order_id)
        if order is None:
            return None
        return {what: self._open(order) if what == "fulfillment_orders" else self._transactions(order)}

    def graphql(self, body: Mapping[str, Any]) -> Reply:
        """The answer to a query or mutation that is known here."""
        found = _FIELD.search(str(body.get("query", "")))
        if found is None:
            return Reply(document={"errors": [{"message": "unknown field", "extensions": {"code": "undefinedField"}}]})
        variables = dict(body.get("variables") or {})
        steps = {
            "fulfillmentCreate": self._fulfill,
            "orderCancel": self._cancel,
            "refundCreate": self._refund,
            "inventorySetQuantities": self._set,
            "productVariants": self._variants,
        }
        key = str(variables.get("key") or "")
        with self._lock:
            if key and key in self._keys:
                return Reply(document={"data": {found[1]: self._keys[key]}}, headers={"idempotent-replayed": "true"})
        answer = steps[found[1]](variables)
        if key:
            self._keys[key] = answer
        return Reply(document={"data": {found[1]: answer}})

    # ---------------------------------------------------------------- what is there

    def _left(self, order: Document) -> dict[str, int]:
        """Units by line that are neither fulfilled nor taken back."""
        left = {_line_id(line): int(line["quantity"]) for line in order["line_items"]}
        for fulfillment in order["fulfillments"]:
            for line in fulfillment.get("line_items", []):
                left[_line_id(line)] = left.get(_line_id(line), 0) - int(line["quantity"])
        for refund in order["refunds"]:
            for line in refund.get("refund_line_items", []):
                if line.get("restock_type") == "cancel":
                    left[str(line["line_item_id"])] -= int(line["quantity"])
        return left

    def _open(self, order: Document) -> list[Document]:
        left = self._left(order)
        lines = [
            {"id": int(line_id) + 1, "line_item_id": int(line_id), "fulfillable_quantity": max(0, units)}
            for line_id, units in left.items()
        ]
        closed = order["cancelled_at"] or not any(each["fulfillable_quantity"] for each in lines)
        of = {"id": int(order["id"]) + 1, "order_id": order["id"], "assigned_location_id": LOCATION}
        return [{**of, "status": "closed" if closed else "open", "line_items": lines}]

    @staticmethod
    def _transactions(order: Document) -> list[Document]:
        if order.get("financial_status") not in _PAID:
            return []
        sale = {"id": int(order["id"]) + 5, "kind": "sale", "status": "success", "gateway": "sandbox"}
        back = [each for refund in order["refunds"] for each in refund.get("transactions", [])]
        return [{**sale, "amount": order["total_price"], "currency": order["currency"], "parent_id": None}, *back]

    # ---------------------------------------------------------------- what is done

    def _fulfill(self, variables: Mapping[str, Any]) -> Document:
        asked = variables["fulfillment"]
        groups = asked["lineItemsByFulfillmentOrder"]
        order = self.order(str(int(_tail(groups[0]["fulfillmentOrderId"])) - 1))
        if order is None:
            return {"fulfillment": None, "userErrors": [{"field": ["fulfillment"], "message": "not found"}]}
        left = self._left(order)
        units = {
            str(int(_tail(line["id"])) - 1): int(line["quantity"])
            for group in groups
            for line in group["fulfillmentOrderLineItems"]
        }
        if order["cancelled_at"] or any(left.get(line_id, 0) < count for line_id, count in units.items()):
            message = "Invalid fulfillment order line item quantity requested."
            return {"fulfillment": None, "userErrors": [{"field": ["fulfillment"], "message": message}]}
        order_id, tracking = str(order["id"]), asked["trackingInfo"]
        with self._lock:
            known = self._fulfillments.setdefault(order_id, [])
            number = int(order["id"]) * 10 + len(known)
            lines = [{"id": int(line_id), "quantity": count} for line_id, count in units.items()]
            numbers = {"tracking_number": tracking["number"], "tracking_numbers": [tracking["number"]]}
            known.append({"id": number, "status": "success", "line_items": lines, **numbers})
        self._record.tell(
            vendor="shopify",
            kind="fulfillment",
            order=order_id,
            tracking=tracking["number"],
            carrier=tracking["company"],
            units=sum(units.values()),
        )
        return {"fulfillment": {"id": f"gid://shopify/Fulfillment/{number}"}, "userErrors": []}

    def _cancel(self, variables: Mapping[str, Any]) -> Document:
        order = self.order(_tail(variables["orderId"]))
        if order is None or order["cancelled_at"]:
            error = {"field": ["orderId"], "message": "cannot be cancelled", "code": "INVALID"}
            return {"job": None, "orderCancelUserErrors": [error]}
        with self._lock:
            self._cancelled.add(str(order["id"]))
        self._record.tell(vendor="shopify", kind="cancellation", order=str(order["id"]), whole=True)
        return {"job": {"id": f"gid://shopify/Job/{order['id']}"}, "orderCancelUserErrors": []}

    def _refund(self, variables: Mapping[str, Any]) -> Document:
        asked = variables["input"]
        order = self.order(_tail(asked["orderId"]))
        if order is None:
            return {"refund": None, "userErrors": [{"field": ["orderId"], "message": "not found"}]}
        with self._lock:
            known = self._refunds.setdefault(str(order["id"]), [])
            number = int(order["id"]) * 10 + 100 + len(known)
            money = [
                {
                    "id": number * 10 + place,
                    "kind": "refund",
                    "status": "success",
                    "gateway": each["gateway"],
                    "amount": each["amount"],
                    "currency": order["currency"],
                    "parent_id": int(_tail(each["parentId"])),
                }
                for place, each in enumerate(asked.get("transactions") or [])
            ]
            lines = [
                {
                    "line_item_id": int(_tail(each["lineItemId"])),
                    "quantity": each["quantity"],
                    "restock_type": each["restockType"].lower(),
                }
                for each in asked.get("refundLineItems") or []
            ]
            noted = {"id": number, "note": asked.get("note"), "transactions": money, "refund_line_items": lines}
            known.append(noted)
        amounts = [each["amount"] for each in money]
        kind = "refund" if money else "cancellation"
        self._record.tell(vendor="shopify", kind=kind, order=str(order["id"]), amounts=amounts, note=asked.get("note"))
        return {"refund": {"id": f"gid://shopify/Refund/{number}"}, "userErrors": []}

    def _variants(self, variables: Mapping[str, Any]) -> Document:
        nodes = []
        for found in _SKU.findall(str(variables["query"])):
            sku = found.replace('\\"', '"').replace("\\\\", "\\")
            item = f"gid://shopify/InventoryItem/{crc32(sku.encode())}"
            self._items[item] = sku
            nodes.append({"sku": sku, "inventoryItem": {"id": item, "tracked": True}})
        return {"nodes": nodes}

    def _set(self, variables: Mapping[str, Any]) -> Document:
        for each in variables["input"]["quantities"]:
            sku = self._items[each["inventoryItemId"]]
            self.levels[sku] = each["quantity"]
            self._record.tell(vendor="shopify", kind="stock", sku=sku, units=each["quantity"])
        return {"userErrors": []}
