"""Corner Shop: a till for small shops that nobody has; its connector shows what one is made of (docs/connectors.md).

Rules: https://cornershop.example/docs/webhooks (made up). `X-Corner-Signature: t=<unix>,v1=<hex>` is the HMAC-SHA256 of
`<t>.<body>` under the shop's secret, within 300 s. Deliveries carry the sale as it is now; `event_id` is that of
redeliveries. A sale that was never delivered is fetched: `GET /sales/<id>`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from oms.channels import signatures
from oms.channels.base import FetchRequest
from oms.channels.payload import Fields, clean, parse_object
from oms.domain.errors import MalformedPayloadError, ReplayWindowError, SignatureError
from oms.domain.inbound import Notice, NoticeKind
from tests.support.corner_shop.sale import read_sale

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oms.domain.canonical import Normalized
    from oms.domain.inbound import InboundRequest

source = "corner-shop"

_SIGNATURE: Final = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})", re.ASCII)
_TOPIC: Final = re.compile(r"sale\.[a-z_]{1,30}", re.ASCII)
_ID: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
_ORDER: Final = "order"


def verify(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:
    """`X-Corner-Signature` over the raw body, within 300 s."""
    given = _SIGNATURE.fullmatch(request.headers.get("x-corner-signature", ""))
    if not given:
        raise SignatureError("the signature is missing")
    signed_at, mac = given.groups()
    message = f"{signed_at}.".encode() + request.body
    signatures.check(mac, (signatures.hmac_sha256(secret, message).hex().encode() for secret in secrets if secret))
    if abs(now.timestamp() - int(signed_at)) > signatures.TOLERANCE_SECONDS:
        raise ReplayWindowError("the signature is too old or from the future")


def identify(request: InboundRequest) -> Notice:
    """What the delivery is about."""
    body = parse_object(request.body)
    topic = clean(body.identifier("event"), 40)
    event_id = f"{topic}:{body.identifier('event_id')}"
    if topic == "ping":
        return Notice(kind=NoticeKind.PING, topic=topic, event_id=event_id)
    if not _TOPIC.fullmatch(topic):
        return Notice(kind=NoticeKind.IGNORED, topic=topic, event_id=event_id)
    return Notice(
        kind=NoticeKind.ORDER,
        topic=topic,
        event_id=event_id,
        external_id=_sale_id(body.child("sale")),
        occurred_at=body.moment("sent_at"),
    )


def normalize(request: InboundRequest, notice: Notice) -> Normalized:
    """The sale that the delivery carries."""
    if notice.kind is not NoticeKind.ORDER:
        raise MalformedPayloadError("this topic carries no order", topic=notice.topic)
    return read_sale(parse_object(request.body).child("sale"), source=source, account=request.account)


def fetches(notice: Notice) -> Sequence[FetchRequest]:
    """The sale that was found in a list."""
    if notice.kind is not NoticeKind.FETCH:
        return ()
    if not _ID.fullmatch(notice.external_id or ""):
        raise MalformedPayloadError("the sale id is not a number")
    return (FetchRequest(name=_ORDER, path=f"/sales/{notice.external_id}"),)


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """Nothing is paged."""
    return None


def assemble(account: str, notice: Notice, documents: Mapping[str, Sequence[Mapping[str, Any]]]) -> Normalized:
    """The fetched sale, which the API words as deliveries do."""
    pages = documents.get(_ORDER) or ()
    if len(pages) != 1:
        raise MalformedPayloadError("the order document is missing")
    sale = Fields(pages[0]).child("sale")
    if _sale_id(sale) != notice.external_id:
        raise MalformedPayloadError("the document is of another order")
    return read_sale(sale, source=source, account=account)


def _sale_id(sale: Fields) -> str:
    found = sale.identifier("id")
    if not _ID.fullmatch(found):
        raise sale.refuse("id", "the sale id is not a number")
    return found
