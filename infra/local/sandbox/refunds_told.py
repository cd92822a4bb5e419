"""What channels are told of refunds, besides Shopify and WooCommerce: each shown by its order, and recorded."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from infra.local.sandbox.core import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.sandbox.core import Request
    from infra.local.sandbox.lists import Document
    from infra.local.sandbox.record import Record

_EBAY = re.compile(r"/sell/fulfillment/v1/order/([\w-]{1,40})/issue_refund")
_WALMART = re.compile(r"/v3/orders/(\d{1,20})/refund")
_BIGCOMMERCE = re.compile(r"/stores/\w+/v3/orders/(\d{1,20})/payment_actions/(refunds|refund_quotes)")
_MAGENTO = re.compile(r"/rest/V1/(order|invoice)/(\d{1,20})/refund")
_MAGENTO_INVOICES = "/rest/V1/invoices"
_FILTERED = "searchCriteria[filter_groups][0][filters][0][value]"
_WITHOUT_TAX = ("row_total", "tax_amount", "discount_tax_compensation_amount")


@dataclass
class RefundsTold:
    """One vendor's. `order` gives what it has of an order; `answer` is asked once the caller is let in."""

    vendor: str
    record: Record
    order: Callable[[str], Document | None]
    refunds: dict[str, list[Document]] = field(default_factory=dict)
    """By order, as the vendor keeps them."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Reply | None:
        """The answer; None for what is no refund, or is of an order that is not there."""
        return getattr(self, f"_{self.vendor}")(request)  # type: ignore[no-any-return]

    def shown(self, order_id: str) -> Document | None:
        """The order with its refunds."""
        order, kept = self.order(order_id), self.refunds.get(order_id, [])
        if order is None or not kept:
            return order
        return getattr(self, f"_{self.vendor}_order")(order, kept)  # type: ignore[no-any-return]

    def _keep(self, order_id: str, refund: Document, number: str, amounts: list[str]) -> Document:
        """The refund with its id, which is the vendor's own."""
        with self._lock:
            known = self.refunds.setdefault(order_id, [])
            kept = {**refund, number: len(known) + 1 + int(re.sub(r"\D", "", order_id)[-9:] or 0) * 10}
            known.append(kept)
        self.record.tell(vendor=self.vendor, kind="refund", order=order_id, amounts=amounts)
        return kept

    # ---------------------------------------------------------------- by vendor

    def _ebay(self, request: Request) -> Reply | None:
        found = _EBAY.fullmatch(request.path)
        if found is None or self.order(found[1]) is None:
            return None
        body = request.json()
        lines = body.get("refundItems") or []
        amounts = [each["refundAmount"] for each in lines] or [body["orderLevelRefundAmount"]]
        shown = {"refundStatus": "PENDING", "amount": amounts[0], "lines": [each["lineItemId"] for each in lines]}
        kept = self._keep(found[1], shown, "refundId", [each["value"] for each in amounts])
        return Reply(document={"refundId": str(kept["refundId"]), "refundStatus": "PENDING"})

    def _ebay_order(self, order: Document, kept: list[Document]) -> Document:
        shown = [{name: str(each[name]) for name in ("refundId", "refundStatus")} for each in kept]
        paid = {**order.get("paymentSummary", {}), "refunds": shown}
        return {**order, "paymentSummary": paid}

    def _walmart(self, request: Request) -> Reply | None:
        found = _WALMART.fullmatch(request.path)
        if found is None or self.order(found[1]) is None:
            return None
        lines = request.json()["orderRefund"]["orderLines"]["orderLine"]
        by_line = {each["lineNumber"]: each["refunds"]["refund"][0] for each in lines}
        amounts = [str(-_walmart_sum(each)) for each in by_line.values()]
        self._keep(found[1], {"lines": by_line}, "refundId", amounts)
        return Reply(document={"order": self.shown(found[1])})

    def _walmart_order(self, order: Document, kept: list[Document]) -> Document:
        """A line shows its last refund."""
        shown = {
            line: {**refund, "refundId": str(each["refundId"])}
            for each in kept
            for line, refund in each["lines"].items()
        }
        lines = [{**each, "refund": shown.get(each["lineNumber"])} for each in order["orderLines"]["orderLine"]]
        return {**order, "orderLines": {"orderLine": lines}}

    def _bigcommerce(self, request: Request) -> Reply | None:
        found = _BIGCOMMERCE.fullmatch(request.path)
        if found is None or request.method != "POST" or self.order(found[1]) is None:
            return None
        body = request.json()
        (item,) = body["items"]
        if found[2] == "refund_quotes":
            ways = [{"provider_id": name, "amount": item["amount"], "offline": name == "custom"} for name in _WAYS]
            quote = {"total_refund_amount": item["amount"], "refund_methods": [[way] for way in ways]}
            return Reply(status=201, document={"data": quote, "meta": {}})
        if sum(Decimal(str(each["amount"])) for each in body["payments"]) != Decimal(str(item["amount"])):
            return Reply(status=422, document={"status": 422, "title": "The amount is not that of the quote."})
        payments = [{**each, "is_declined": False} for each in body["payments"]]
        shown = {"reason": item["reason"], "items": body["items"], "payments": payments, "total_amount": item["amount"]}
        return Reply(
            status=201, document={"data": self._keep(found[1], shown, "id", [str(item["amount"])]), "meta": {}}
        )

    def _bigcommerce_order(self, order: Document, kept: list[Document]) -> Document:
        return {**order, "refunds": [*order.get("refunds", []), *kept]}

    def _magento(self, request: Request) -> Reply | None:
        if request.path == _MAGENTO_INVOICES and request.method == "GET":
            order = self.order(request.query.get(_FILTERED, ""))
            return Reply(document={"items": order.get("invoices", []) if order else []})
        found = _MAGENTO.fullmatch(request.path)
        if found is None:
            return None
        order_id = found[2] if found[1] == "order" else str(int(found[2]) // 10)
        order = self.order(order_id)
        if order is None:
            return None
        body = request.json()
        items = {each["item_id"]: each for each in order["order"]["items"]}
        total = sum(_magento_value(items[each["order_item_id"]], each["qty"]) for each in body["items"])
        adjusted = [Decimal(str(body["arguments"][f"adjustment_{sign}"])) for sign in ("positive", "negative")]
        total += adjusted[0] - adjusted[1]
        memo: Document = {
            "order_id": int(order_id),
            "invoice_id": int(found[2]) if found[1] == "invoice" else None,
            "state": 2,
            "grand_total": float(total),
            "items": body["items"],
            "comments": [body["comment"]],
        }
        kept = self._keep(order_id, memo, "entity_id", [f"{total:.2f}"])
        return Reply(document={}, raw=str(kept["entity_id"]).encode())

    def _magento_order(self, order: Document, kept: list[Document]) -> Document:
        return {**order, "creditmemos": [*order["creditmemos"], *kept]}


_WAYS = ("storecredit", "custom", "stripe")


def _walmart_sum(refund: Document) -> Decimal:
    charges = [each["charge"] for each in refund["refundCharges"]["refundCharge"]]
    parts: list[Any] = [each["chargeAmount"]["amount"] for each in charges]
    parts += [each["tax"]["taxAmount"]["amount"] for each in charges if "tax" in each]
    return sum((Decimal(str(each)) for each in parts), Decimal())


def _magento_value(item: Document, units: int) -> Decimal:
    whole = sum(Decimal(str(item.get(name, 0))) for name in _WITHOUT_TAX) - Decimal(str(item.get("discount_amount", 0)))
    return (whole * units / int(item["qty_ordered"])).quantize(Decimal("0.01"))
