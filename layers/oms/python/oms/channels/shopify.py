"""Shopify: full-payload webhooks; an order that was never delivered is fetched.

Rules: https://shopify.dev/docs/apps/build/webhooks/subscribe/https (HMAC over the raw body, header names with and
without `x-`), https://shopify.dev/apps/build/webhooks/ignore-duplicates (X-Shopify-Event-Id). Headers are not signed,
so a topic only chooses how the signed body is read.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from oms.channels import signatures
from oms.channels.base import FetchRequest
from oms.channels.payload import Fields, clean, parse_moment, parse_object
from oms.channels.shopify_order import read_order
from oms.channels.shopify_refunds import read_id, read_refund
from oms.domain.canonical import NormalizedRefund, check_refund
from oms.domain.errors import MalformedPayloadError
from oms.domain.inbound import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oms.domain.canonical import Normalized
    from oms.domain.inbound import InboundRequest

source = "shopify"

_ORDER_TOPICS: Final = frozenset(
    f"orders/{word}" for word in ("create", "updated", "cancelled", "paid", "fulfilled", "partially_fulfilled")
)
"""All of these carry the whole order as it is now. `orders/edited` carries the edit alone and is followed by
`orders/updated`; `orders/delete` can only follow an archived, cancelled or test order: both are ignored."""
_REFUND_TOPIC: Final = "refunds/create"
_ORDER: Final = "order"
_ID: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
API: Final = "/admin/api/2026-01"


def verify(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:  # noqa: ARG001 - no time is signed
    """base64(HMAC-SHA256(app client secret, raw body)); nothing dates the signature, so there is no replay window."""
    signatures.check_base64(_header(request, "hmac-sha256"), secrets, request.body)


def identify(request: InboundRequest) -> Notice:
    """What the delivery is about.

    One merchant event may reach several topics and orders under one X-Shopify-Event-Id, so topic and order are part of
    our id; X-Shopify-Webhook-Id and a hash of the body stand in where that header is missing.
    """
    topic = clean(_header(request, "topic")).lower()
    if not topic:
        raise MalformedPayloadError("the topic header is missing")
    told = _header(request, "event-id") or _header(request, "webhook-id")
    event = clean(told) or hashlib.sha256(request.body).hexdigest()
    occurred_at = parse_moment(_header(request, "triggered-at"))
    if topic not in _ORDER_TOPICS and topic != _REFUND_TOPIC:
        return Notice(kind=NoticeKind.IGNORED, topic=topic, event_id=f"{topic}:{event}", occurred_at=occurred_at)
    body = parse_object(request.body)
    refund = topic == _REFUND_TOPIC
    external_id = body.identifier("order_id") if refund else read_id(body, "id")
    return Notice(
        kind=NoticeKind.REFUND if refund else NoticeKind.ORDER,
        topic=topic,
        event_id=f"{topic}:{external_id}:{event}",
        external_id=external_id,
        occurred_at=occurred_at or body.moment("created_at" if refund else "updated_at"),
    )


def normalize(request: InboundRequest, notice: Notice) -> Normalized | NormalizedRefund:
    """The order, or the refund, that the delivery carries."""
    body = parse_object(request.body)
    if notice.kind is NoticeKind.ORDER:
        return read_order(body, source=source, account=request.account)
    if notice.kind is not NoticeKind.REFUND:
        raise MalformedPayloadError("this topic carries no order", topic=notice.topic)
    refund, currency = read_refund(body)
    return NormalizedRefund(
        source=source,
        account=request.account,
        external_id=body.identifier("order_id"),
        currency=currency,
        refund=check_refund(refund),
    )


def fetches(notice: Notice) -> Sequence[FetchRequest]:
    """Nothing for a delivery, which carries the whole order; the order for one that was found in a list."""
    if notice.kind is not NoticeKind.FETCH:
        return ()
    if not _ID.fullmatch(notice.external_id or ""):
        raise MalformedPayloadError("the order id is not a number")
    return (FetchRequest(name=_ORDER, path=f"{API}/orders/{notice.external_id}.json"),)


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:  # noqa: ARG001 - the interface
    """Nothing is paged."""
    return None


def assemble(account: str, notice: Notice, documents: Mapping[str, Sequence[Mapping[str, Any]]]) -> Normalized:
    """The fetched order, which the API words as webhooks do."""
    pages = documents.get(_ORDER) or ()
    if len(pages) != 1:
        raise MalformedPayloadError("the order document is missing")
    body = Fields(pages[0]).child("order")
    if read_id(body, "id") != notice.external_id:
        raise MalformedPayloadError("the document is of another order")
    return read_order(body, source=source, account=account)


def _header(request: InboundRequest, name: str) -> str:
    return request.headers.get(f"x-shopify-{name}") or request.headers.get(f"shopify-{name}") or ""
