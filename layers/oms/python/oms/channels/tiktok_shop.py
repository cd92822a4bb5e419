"""TikTok Shop: thin webhooks, the order fetched.

Rules: https://partner.tiktokshop.com/docv2/page/tts-webhooks-overview (Authorization header) and
https://partner.tiktokshop.com/docv2/page/get-order-detail-202309 (the order). A secret is `<app_key>:<app_secret>`.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from oms.channels import signatures
from oms.channels.base import FetchRequest
from oms.channels.payload import Fields, clean, parse_object
from oms.channels.tiktok_order import read_order
from oms.domain.errors import MalformedPayloadError
from oms.domain.inbound import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from oms.domain.canonical import Normalized
    from oms.domain.inbound import InboundRequest

source = "tiktok-shop"

_TOPICS: Final = {
    1: "order_status",
    3: "recipient_address",
    4: "package_update",
    11: "cancellation_status",
    12: "return_status",
    67: "refund_success",
}
"""Types after which the order is read again; all others (6: the seller withdrew the app) are ignored."""
_ORDERS: Final = "orders"
_ID: Final = re.compile(r"[0-9]{1,30}", re.ASCII)


def verify(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:  # noqa: ARG001 - no time is signed
    """Lower-case hex of HMAC-SHA256(app_secret, app_key + raw body)."""
    signatures.check(request.headers.get("authorization"), _expected(secrets, request.body))


def _expected(secrets: Sequence[str], body: bytes) -> Iterator[bytes]:
    for secret in secrets:
        key, _, app_secret = secret.partition(":")
        if key and app_secret:
            message = key.encode("utf-8", "surrogatepass") + body
            yield signatures.hmac_sha256(app_secret, message).hex().encode()


def identify(request: InboundRequest) -> Notice:
    """What the delivery is about; a body without `tts_notification_id` (published for type 3) is known by its hash."""
    body = parse_object(request.body)
    number = body.integer("type")
    told = clean(body.optional_identifier("tts_notification_id"))
    event_id = f"{number}:{told or hashlib.sha256(request.body).hexdigest()}"
    occurred_at = body.unix("timestamp")
    orders = _orders(body.child("data")) if number in _TOPICS else frozenset()
    topic = _TOPICS.get(number, f"type_{number}")[:40]
    if len(orders) != 1:
        if number in _TOPICS and not orders:
            raise body.refuse("data.order_id", "an id is missing")
        # Parcels of several orders at once: each order's own type 1 notice follows.
        return Notice(kind=NoticeKind.IGNORED, topic=topic, event_id=event_id, occurred_at=occurred_at)
    (order,) = orders
    return Notice(kind=NoticeKind.FETCH, topic=topic, event_id=event_id, external_id=order, occurred_at=occurred_at)


def _orders(data: Fields) -> frozenset[str]:
    """The orders that a notice is about: `order_id`, or (package update) those of its packages."""
    found = {data.optional_identifier("order_id")}
    for package in data.children("package_list"):
        ids = package.values.get("order_id_list")
        if isinstance(ids, list):
            found.update(Fields({"id": each}, package.at("order_id_list")).optional_identifier("id") for each in ids)
    found.discard("")
    if not all(_ID.fullmatch(each) for each in found):
        raise data.refuse("order_id", "an order id is not a number")
    return frozenset(found)


def normalize(request: InboundRequest, notice: Notice) -> Normalized:  # noqa: ARG001 - the interface of connectors
    """Notices carry no order; raises MalformedPayloadError."""
    raise MalformedPayloadError("orders of this channel must be fetched", topic=notice.topic)


def fetches(notice: Notice) -> Sequence[FetchRequest]:
    """`GET /order/202309/orders?ids=`; the adapter adds what signs the call (app_key, timestamp, shop_cipher, sign)."""
    if notice.kind is not NoticeKind.FETCH:
        return ()
    order = notice.external_id or ""
    if not _ID.fullmatch(order):
        raise MalformedPayloadError("the order id is not a number")
    return (FetchRequest(name=_ORDERS, path="/order/202309/orders", query={"ids": order}),)


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:  # noqa: ARG001 - the interface
    """Nothing is paged."""
    return None


def assemble(account: str, notice: Notice, documents: Mapping[str, Sequence[Mapping[str, Any]]]) -> Normalized:
    """The fetched order; raises the InvalidInputError family."""
    for page in documents.get(_ORDERS) or ():
        envelope = Fields(page)
        if envelope.integer("code", 0) != 0:
            raise MalformedPayloadError("the vendor answered with an error", code=envelope.integer("code"))
        for order in envelope.child("data").children("orders"):
            if order.identifier("id") == notice.external_id:
                return read_order(order, source=source, account=account)
    raise MalformedPayloadError("the order is not in the fetched document")
