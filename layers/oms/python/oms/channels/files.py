"""An order in a file, as somebody saved it: a delivery, with or without its headers, or what a vendor's API answered.

A delivery is read as it would be when it came. What an API answers is an order, a list of them, or the parts of one
side by side ({"order": ..., "items": ...}); it is read as if it had been fetched. What is not all there is refused.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from oms.channels.payload import parse
from oms.channels.registry import CONNECTORS, connector
from oms.domain.canonical import Normalized
from oms.domain.errors import MalformedPayloadError
from oms.domain.frozen import frozen
from oms.domain.inbound import InboundRequest, Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from oms.domain.canonical import CanonicalOrder

ACCOUNT: Final = "file"
_IDS: Final = {
    "shopify": "id",
    "woocommerce": "id",
    "tiktok-shop": "id",
    "amazon": "AmazonOrderId",
    "bigcommerce": "id",
    "magento": "entity_id",
    "ebay": "orderId",
    "walmart": "purchaseOrderId",
    "etsy": "receipt_id",
    "mercadolibre": "id",
    "meta-commerce": "id",
}
"""Where an order of a channel says who it is."""
_WRAPPED: Final = {
    "shopify": (("order",), ("orders",), ("refund",)),
    "woocommerce": (("order",), ("orders",), ("create",), ("update",)),
    "tiktok-shop": (("data", "orders"),),
    "amazon": (("payload",),),
    "bigcommerce": (),
    "magento": (("items",),),
    "ebay": (("orders",),),
    "walmart": (("order",), ("list", "elements", "order")),
    "etsy": (("results",),),
    "mercadolibre": (("results",),),
    "meta-commerce": (("data",),),
}
"""The paths under which answers of an API hold an order or a list of them, where they do not begin with it."""
_BESIDE: Final = {
    "amazon": ("items", "address"),
    "bigcommerce": ("products", "addresses", "refunds"),
    "magento": ("creditmemos",),
    "mercadolibre": ("shipment", "refunds"),
    "meta-commerce": ("items", "cancellations", "refunds"),
}
"""Documents of their own that belong to an order."""
_NEEDED: Final = {"amazon": "items", "bigcommerce": "products", "meta-commerce": "items"}
"""Without this there is no order."""
_OTHERWISE: Final = {"orderItems": "items"}
_BODY: Final = re.compile(rb'"body"\s*:\s*')
_TOPICS: Final = {
    "shopify": ("x-shopify-topic", "orders/updated"),
    "woocommerce": ("x-wc-webhook-topic", "order.updated"),
}
"""Channels whose deliveries carry the order: the header that says what a delivery is, and what an order alone is."""
_REFUND: Final = "refund_line_items"


_Documents = dict[str, "list[Mapping[str, Any]]"]


class NoOrderError(Exception):
    """There is no whole order in a file. `code`:

    `no_order`: the channel tells of something else; `needs_fetch`: a delivery that names an order, whose detail is
    fetched; `incomplete_order`: a part of one, whose other parts are documents of their own.
    """

    def __init__(self, code: str, detail: str, **context: object) -> None:
        super().__init__(detail)
        self.code = code
        self.context = context


@frozen
class Saved:
    """What was delivered: headers in lower case, and the body as it came."""

    headers: Mapping[str, str]
    body: bytes
    document: object


def read_saved(raw: bytes) -> Saved:
    """A body, or `{"headers": ..., "topic": ..., "body": ...}`; raises MalformedPayloadError."""
    document = parse(raw)
    if not isinstance(document, dict) or "body" not in document or not ({"headers", "topic"} & document.keys()):
        return Saved(headers={}, body=raw, document=document)
    told = document.get("headers")
    headers = {str(name).lower(): str(value) for name, value in told.items()} if isinstance(told, dict) else {}
    if isinstance(document.get("topic"), str):
        headers.setdefault("topic", document["topic"])
    body = document["body"]
    text = body.encode() if isinstance(body, str) else _as_written(raw, body)
    return Saved(headers=headers, body=text, document=parse(text) if isinstance(body, str) else body)


def _as_written(raw: bytes, body: object) -> bytes:
    """The bytes of the body within the file: a signature is over them, and numbers are as they were spelled."""
    for found in _BODY.finditer(raw):
        text = raw[found.end() :].decode()
        end = json.JSONDecoder().raw_decode(text)[1]
        part = text[:end].encode()
        if parse(part) == body:
            return part
    raise MalformedPayloadError("the body was not found in the file")


def orders_in(source: str, raw: bytes) -> list[CanonicalOrder]:
    """Every order of the file.

    Raises NoOrderError, NotFoundError for an unknown channel, the InvalidInputError family.
    """
    who = connector(source)
    saved = read_saved(raw)
    if source not in _IDS:
        return [_carried(source, InboundRequest(account=ACCOUNT, headers=saved.headers, body=saved.body))]
    found = _whole(source, saved.document)
    if source in _TOPICS:
        return [_delivered(source, saved, each) for each in found]
    if _is_order(source, found[0]) or set(found[0]) & {"order", *_BESIDE.get(source, ())}:
        return [_fetched(source, each) for each in found]
    if not isinstance(saved.document, dict):
        raise NoOrderError("no_order", "a list of something else")
    notice = who.identify(InboundRequest(account=ACCOUNT, headers=saved.headers, body=saved.body))
    if notice.kind is NoticeKind.FETCH:
        paths = [each.path for each in who.fetches(notice)]
        detail = "the delivery names an order, which is fetched"
        raise NoOrderError("needs_fetch", detail, order=notice.external_id, paths=paths)
    raise NoOrderError("no_order", "the channel tells of something else", topic=notice.topic)


def _delivered(source: str, saved: Saved, order: Mapping[str, Any]) -> CanonicalOrder:
    """Of a channel whose deliveries carry the whole order; its API spells orders the same way."""
    header, topic = _TOPICS[source]
    if source == "shopify" and _REFUND in order:
        topic = "refunds/create"
    headers = {**saved.headers, header: saved.headers.get(header) or saved.headers.get("topic") or topic}
    body = saved.body if saved.document is order else json.dumps(order, default=_number).encode()
    return _carried(source, InboundRequest(account=ACCOUNT, headers=headers, body=body))


def _carried(source: str, request: InboundRequest) -> CanonicalOrder:
    """The order that a delivery carries."""
    who = connector(source)
    notice = who.identify(request)
    if notice.kind is not NoticeKind.ORDER:
        raise NoOrderError("no_order", "the channel tells of something else", topic=notice.topic)
    normalized = who.normalize(request, notice)
    if not isinstance(normalized, Normalized):
        raise NoOrderError("no_order", "a refund apart from its order", topic=notice.topic)
    return normalized.order


def _number(value: object) -> str:
    """Numbers with a fraction as texts, which both channels write too."""
    return str(value)


def _whole(source: str, document: object) -> list[Mapping[str, Any]]:
    """The orders, or what they are in; at least one."""
    found: object = document
    if isinstance(document, dict) and not _is_order(source, document):
        found = next((each for path in _WRAPPED.get(source, ()) if (each := _at(document, path)) is not None), document)
        if set(document) & {*_BESIDE.get(source, ())} and "order" in document:
            found = document
    several: list[Any] = found if isinstance(found, list) else [found]
    if not several or not all(isinstance(each, dict) for each in several):
        raise MalformedPayloadError("there is no order in it")
    return several


def _at(document: Mapping[str, Any], path: Iterable[str]) -> object:
    found: object = document
    for name in path:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found if isinstance(found, dict | list) else None


def _is_order(source: str, document: Mapping[str, Any]) -> bool:
    """It says who it is, and that it has lines or a place of its own: a webhook has neither."""
    return _IDS[source] in document and _LINES[source](document)


_LINES: Final = {
    "shopify": lambda it: "line_items" in it,
    "woocommerce": lambda it: "line_items" in it,
    "tiktok-shop": lambda it: "line_items" in it,
    "amazon": lambda it: "OrderStatus" in it,
    "bigcommerce": lambda it: "total_inc_tax" in it,
    "magento": lambda it: "grand_total" in it,
    "ebay": lambda it: "lineItems" in it,
    "walmart": lambda it: "orderLines" in it,
    "etsy": lambda it: "transactions" in it,
    "mercadolibre": lambda it: "order_items" in it,
    "meta-commerce": lambda it: "order_status" in it,
}


def _fetched(source: str, document: Mapping[str, Any]) -> CanonicalOrder:
    """Of a channel whose orders are fetched: the order with what belongs to it, as the documents of a fetch."""
    parts = {_OTHERWISE.get(name, name): part for name, part in document.items()}
    if _is_order(source, document):
        there = [name for name in _BESIDE.get(source, ()) if isinstance(document.get(name), dict | list)]
        parts = {"order": document, **{name: document[name] for name in there}}
    order = parts.get("order")
    order = order.get("payload", order) if isinstance(order, dict) else order
    if not isinstance(order, dict) or not order.get(_IDS[source]):
        raise MalformedPayloadError("there is no order in it")
    needed = _NEEDED.get(source, "")
    if needed and needed not in parts:
        raise NoOrderError("incomplete_order", "a part of the order is a document of its own", missing=needed)
    external_id = str(order[_IDS[source]])
    notice = Notice(kind=NoticeKind.FETCH, topic="file", event_id=external_id, external_id=external_id)
    documents = _documents(source, order, parts)
    if not all(isinstance(page, dict) for pages in documents.values() for page in pages):
        raise MalformedPayloadError("a part of the order is no object")
    return connector(source).assemble(ACCOUNT, notice, documents).order


def _documents(source: str, order: Mapping[str, Any], parts: Mapping[str, Any]) -> _Documents:
    match source:
        case "tiktok-shop":
            return {"orders": [{"code": 0, "data": {"orders": [order]}}]}
        case "walmart":
            return {"order": [{"order": order}]}
        case "amazon":
            there = [name for name in _BESIDE[source] if name in parts]
            return {"order": [{"payload": order}], **{name: _payloads(parts[name]) for name in there}}
        case "bigcommerce":
            beside: _Documents = {name: [{"items": parts.get(name, [])}] for name in ("products", "addresses")}
            return {"order": [order], **beside, "refunds": [_page(parts.get("refunds"), "data")]}
        case "magento":
            return {"order": [order], "creditmemos": [_page(parts.get("creditmemos"), "items")]}
        case "mercadolibre":
            more = [parts["shipment"]] if "shipment" in parts else []
            return {"order": [order, *more, {"items": parts.get("refunds", [])}]}
        case "meta-commerce":
            return {"order": [order], **{name: [_page(parts.get(name), "data")] for name in _BESIDE[source]}}
    return {"order": [order]}


def _page(part: object, name: str) -> Mapping[str, Any]:
    """A page of a list, or the list itself."""
    return part if isinstance(part, dict) else {name: part or []}


def _payloads(part: object) -> list[Mapping[str, Any]]:
    """Pages of an answer, or the only one."""
    pages = part if isinstance(part, list) else [part]
    return [page if isinstance(page, dict) and "payload" in page else {"payload": page} for page in pages]


def supports(source: str) -> dict[str, str]:
    """What a channel does, in words."""
    who = connector(source)
    asked = [name for name in ("challenge", "prove", "confirm", "key_paths") if hasattr(who, name)]
    carries = source in _TOPICS or source not in CONNECTORS
    return {
        "source": source,
        "deliveries": "carry the order" if carries else "name an order, which is fetched",
        "beside_the_signature": ", ".join(asked),
        "listed": "by last change, by day of placing" if source in CONNECTORS else "",
    }
