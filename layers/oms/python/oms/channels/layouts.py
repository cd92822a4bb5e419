"""How a channel's documents lie in a file: one record per channel, read by `oms.channels.files` alone.

A delivery is known by what every delivery of the channel has; an order by its id and by a field that an order has and a
delivery has not. What an API answers is an order, a list of them, or the parts of one side by side. The documents that
`Connector.assemble` takes are made of what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from oms.domain.frozen import frozen

Documents = dict[str, "list[Mapping[str, Any]]"]
"""The pages of what is fetched, by `FetchRequest.name`."""
Parts = Mapping[str, Any]
"""An order as `order`, and what belongs to it, by name."""


def _alone(parts: Parts) -> Documents:
    return {"order": [parts["order"]]}


@frozen
class Layout:
    """Of one kind of order document of a channel."""

    identity: str
    """The field in which an order says who it is."""
    mark: str
    """A field that an order has, and that nothing else has which says who it is the same way."""
    others: frozenset[str] = frozenset()
    """Fields of documents that look like orders and are none: carts, drafts."""
    delivery: frozenset[str] = frozenset()
    """Every delivery has one of these. Empty where deliveries carry orders: a header says what they are."""
    topic: tuple[str, str] | None = None
    """The header that says what a delivery is, and what an order alone is."""
    refund: str = ""
    """A field of a refund that is delivered alone, and the topic that it then is of."""
    refund_topic: str = ""
    wrapped: Sequence[tuple[str, ...]] = ()
    """The paths under which answers of an API hold an order or lists of them, where they do not begin with it."""
    beside: tuple[str, ...] = ()
    """Documents of their own that belong to an order."""
    needed: str = ""
    """Without this one of them there is no order."""
    link: str = ""
    """A field of what stands in an order in place of such a document, and only says where that is."""
    spelled: Mapping[str, str] | None = None
    """Other names of parts."""
    documents: Callable[[Parts], Documents] = _alone
    """What would have been fetched."""

    def is_order(self, document: Mapping[str, Any]) -> bool:
        """It says who it is, and is not about to become an order, or to tell of one."""
        return self.identity in document and self.mark in document and not self.others & document.keys()


def page(part: object, name: str) -> Mapping[str, Any]:
    """A page of a list, or the list itself."""
    return part if isinstance(part, dict) else {name: part or []}


def _pages(part: object, name: str) -> list[Mapping[str, Any]]:
    """Pages of an answer under `name`, or the only one, with or without it."""
    several = part if isinstance(part, list) else [part]
    return [each if isinstance(each, dict) and name in each else {name: each} for each in several]


def _tiktok(parts: Parts) -> Documents:
    return {"orders": [{"code": 0, "data": {"orders": [parts["order"]]}}]}


def _whole(parts: Parts) -> Documents:
    return {"order": [{"order": parts["order"]}]}


def _amazon(parts: Parts) -> Documents:
    order = parts["order"]
    there = {name: _pages(parts[name], "payload") for name in ("address", "buyerInfo") if name in parts}
    items = parts["items"]
    if isinstance(items, list) and all(isinstance(each, dict) and "OrderItemId" in each for each in items):
        items = {"OrderItems": items}  # the items alone, without the answer that they came in
    if isinstance(items, dict) and "OrderItems" in items:
        items = {"AmazonOrderId": order.get("AmazonOrderId"), **items}
    return {"order": [{"payload": order}], "items": _pages(items, "payload"), **there}


def _bigcommerce(parts: Parts) -> Documents:
    beside: Documents = {name: [page(parts.get(name), "items")] for name in ("products", "addresses")}
    return {"order": [parts["order"]], **beside, "refunds": [page(parts.get("refunds"), "data")]}


def _magento(parts: Parts) -> Documents:
    return {"order": [parts["order"]], "creditmemos": [page(parts.get("creditmemos"), "items")]}


def _mercadolibre(parts: Parts) -> Documents:
    more = [parts["shipment"]] if "shipment" in parts else []
    return {"order": [parts["order"], *more, {"items": parts.get("refunds", [])}]}


def _meta(parts: Parts) -> Documents:
    edges = ("items", "cancellations", "refunds")
    return {"order": [parts["order"]], **{name: [page(parts.get(name), "data")] for name in edges}}


LAYOUTS: Final[Mapping[str, tuple[Layout, ...]]] = {
    "shopify": (
        Layout(
            identity="id",
            mark="line_items",
            # Drafts are payable by an invoice's URL, checkouts are gone back to by theirs; fulfillments and the orders
            # of fulfillment tell of an order by `order_id`.
            others=frozenset({"invoice_url", "invoice_sent_at", "abandoned_checkout_url", "order_id"}),
            topic=("x-shopify-topic", "orders/updated"),
            refund="refund_line_items",
            refund_topic="refunds/create",
            wrapped=(("order",), ("orders",), ("refund",)),
        ),
    ),
    "woocommerce": (
        Layout(
            identity="id",
            mark="line_items",
            topic=("x-wc-webhook-topic", "order.updated"),
            wrapped=(("order",), ("orders",), ("create",), ("update",)),
        ),
    ),
    "tiktok-shop": (
        Layout(
            identity="id",
            mark="line_items",
            delivery=frozenset({"type"}),
            wrapped=(("data", "orders"),),
            documents=_tiktok,
        ),
    ),
    "amazon": (
        Layout(
            identity="AmazonOrderId",
            mark="OrderStatus",
            delivery=frozenset({"NotificationType", "notificationType"}),
            wrapped=(("payload",), ("payload", "Orders")),
            beside=("items", "address", "buyerInfo"),
            needed="items",
            spelled={"orderItems": "items", "OrderItems": "items"},
            documents=_amazon,
        ),
        Layout(  # version 2026-01-01 of the API, which has an order whole
            identity="orderId",
            mark="orderItems",
            delivery=frozenset({"NotificationType", "notificationType"}),
            wrapped=(("order",), ("orders",)),
            documents=_whole,
        ),
    ),
    "bigcommerce": (
        Layout(
            identity="id",
            mark="total_inc_tax",
            others=frozenset({"order_id"}),  # a product of an order has totals too
            delivery=frozenset({"scope"}),
            beside=("products", "addresses", "refunds"),
            needed="products",
            link="resource",
            documents=_bigcommerce,
        ),
    ),
    "magento": (
        Layout(
            identity="entity_id",
            mark="grand_total",
            others=frozenset({"order_id"}),  # invoices and credit memos have totals too
            delivery=frozenset({"type", "event"}),
            wrapped=(("items",),),
            beside=("creditmemos",),
            documents=_magento,
        ),
    ),
    "ebay": (
        Layout(
            identity="orderId",
            mark="lineItems",
            delivery=frozenset({"metadata", "notification"}),
            wrapped=(("orders",),),
        ),
    ),
    "walmart": (
        Layout(
            identity="purchaseOrderId",
            mark="orderLines",
            delivery=frozenset({"source"}),
            wrapped=(("order",), ("list", "elements", "order")),
            documents=_whole,
        ),
    ),
    "etsy": (
        Layout(
            identity="receipt_id",
            mark="transactions",
            delivery=frozenset({"event_type"}),
            wrapped=(("results",),),
        ),
    ),
    "mercadolibre": (
        Layout(
            identity="id",
            mark="order_items",
            delivery=frozenset({"topic", "resource"}),
            wrapped=(("results",),),
            beside=("shipment", "refunds"),
            documents=_mercadolibre,
        ),
    ),
    "meta-commerce": (
        Layout(
            identity="id",
            mark="order_status",
            delivery=frozenset({"entry"}),
            wrapped=(("data",),),
            beside=("items", "cancellations", "refunds"),
            needed="items",
            documents=_meta,
        ),
    ),
}
"""Those of every channel but our own, whose deliveries say all that they are."""
