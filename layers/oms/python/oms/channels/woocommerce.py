"""WooCommerce: full-payload webhooks, and a thin one when an order is moved to the trash.

Rules: https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks and `WC_Webhook` of WooCommerce: the signature
is base64(HMAC-SHA256(webhook secret, raw body)); activation sends an unsigned form `webhook_id=N`; nothing is retried.
`X-WC-Webhook-Delivery-ID` is a hash of the webhook's id and the second (`get_new_delivery_id`): two orders of one
second share it, so it cannot tell events apart.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from oms.channels import signatures
from oms.channels.base import FetchRequest
from oms.channels.payload import Fields, clean, parse_object
from oms.channels.woocommerce_order import read_order, revision, unwrap
from oms.domain.errors import MalformedPayloadError
from oms.domain.inbound import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oms.domain.canonical import Normalized
    from oms.domain.inbound import InboundRequest

source = "woocommerce"

_PING: Final = re.compile(rb"webhook_id=[0-9]{1,20}")
_FORM: Final = "application/x-www-form-urlencoded"
_TOPICS: Final = frozenset({"order.created", "order.updated", "order.restored", "order.deleted"})
DRAFTS: Final = frozenset({"checkout-draft", "auto-draft"})
"""Statuses of carts that the block checkout keeps as orders until the buyer confirms."""
_ORDER: Final = "order"
_ID: Final = re.compile(r"[0-9]{1,20}", re.ASCII)


def verify(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:  # noqa: ARG001 - no time is signed
    """The signature; the activation ping alone is let through unsigned, since it has no effects."""
    given = request.headers.get("x-wc-webhook-signature")
    if not given and _is_ping(request):
        return
    signatures.check_base64(given, secrets, request.body)


def identify(request: InboundRequest) -> Notice:
    """What the delivery is about. The event's id is its topic and content: a redelivery repeats the very body."""
    digest = hashlib.sha256(request.body).hexdigest()
    if _is_ping(request):
        return Notice(kind=NoticeKind.PING, topic="ping", event_id=f"ping:{digest}")
    topic = clean(request.headers.get("x-wc-webhook-topic", "")).lower()
    if not topic:
        raise MalformedPayloadError("the topic header is missing")
    if topic not in _TOPICS:
        return Notice(kind=NoticeKind.IGNORED, topic=topic, event_id=f"{topic}:{digest}")
    body = unwrap(parse_object(request.body))
    external_id = body.identifier("id")
    thin = topic == "order.deleted" and not body.has("line_items")
    kind = NoticeKind.FETCH if thin else NoticeKind.ORDER
    return Notice(
        kind=NoticeKind.IGNORED if body.text("status") in DRAFTS else kind,
        topic=topic,
        event_id=f"{topic}:{external_id}:{digest}",
        external_id=external_id,
        occurred_at=None if thin else revision(body),
    )


def normalize(request: InboundRequest, notice: Notice) -> Normalized:
    """The order that the delivery carries; its refunds are part of it."""
    if notice.kind is not NoticeKind.ORDER:
        raise MalformedPayloadError("this topic carries no order", topic=notice.topic)
    return read_order(unwrap(parse_object(request.body)), source=source, account=request.account)


def fetches(notice: Notice) -> Sequence[FetchRequest]:
    """The order in the trash: `order.deleted` carries its id alone, `GET` still answers with status `trash`."""
    if notice.kind is not NoticeKind.FETCH:
        return ()
    if not _ID.fullmatch(notice.external_id or ""):
        raise MalformedPayloadError("the order id is not a number")
    return (FetchRequest(name=_ORDER, path=f"/wp-json/wc/v3/orders/{notice.external_id}"),)


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:  # noqa: ARG001 - the interface
    """Nothing is paged."""
    return None


def assemble(account: str, notice: Notice, documents: Mapping[str, Sequence[Mapping[str, Any]]]) -> Normalized:
    """The fetched order."""
    pages = documents.get(_ORDER) or ()
    if len(pages) != 1:
        raise MalformedPayloadError("the order document is missing")
    body = unwrap(Fields(pages[0]))
    if body.identifier("id") != notice.external_id:
        raise MalformedPayloadError("the document is of another order")
    return read_order(body, source=source, account=account)


def _is_ping(request: InboundRequest) -> bool:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return content_type == _FORM and _PING.fullmatch(request.body) is not None
