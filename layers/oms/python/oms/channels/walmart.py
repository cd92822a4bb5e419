"""Walmart Marketplace: notifications name a purchase order, which is fetched.

Rules: https://developer.walmart.com/us-marketplace/reference/createsubscription (authentication HMAC: the header that
the subscription names holds the HMAC-SHA256 of the body under its client secret; the header is `Authorization` here)
and https://developer.walmart.com/us-marketplace/docs/security-and-authenticity (`WM_SEC.SIGNATURE` over method, path,
`WM_SEC.TIMESTAMP` and the body's hash, within five minutes): a delivery that has the latter is checked by it.
Walmart does not say how the first is spelled; base64 and hex are the same bytes, and both are taken.

Events: https://developer.walmart.com/us-marketplace/docs/order-management-event. ORDER_UPDATES says what happened in
its `subEventType`; until December 2026 the same come as events of their own. `source.eventId` is that of redeliveries.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from oms.channels import signatures
from oms.channels.base import FetchRequest
from oms.channels.payload import Fields, clean, parse_object
from oms.channels.walmart_order import read_order
from oms.domain.errors import MalformedPayloadError, ReplayWindowError, SignatureError
from oms.domain.inbound import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from oms.domain.canonical import Normalized
    from oms.domain.inbound import InboundRequest

source = "walmart"

_ORDER_UPDATES: Final = "ORDER_UPDATES"
_TOPICS: Final = frozenset({"PO_CREATED", "PO_LINE_AUTOCANCELLED", "INTENT_TO_CANCEL", "FRAUD_CANCEL"})
"""Events of their own after which the order is read again; after any of ORDER_UPDATES it is."""
_ORDER: Final = "order"
_ID: Final = re.compile(r"[0-9]{1,30}", re.ASCII)
_SIGNED_AT: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


def verify(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:
    """`WM_SEC.SIGNATURE` within 300 s where there is one, else the HMAC of the body in `Authorization`."""
    given = request.headers.get("wm_sec.signature", "")
    if not given:
        signatures.check(request.headers.get("authorization"), _spellings(secrets, request.body))
        return
    signed_at = request.headers.get("wm_sec.timestamp", "")
    if not _SIGNED_AT.fullmatch(signed_at):
        raise SignatureError("the signature is missing")
    path, digest = f"/webhooks/{source}/{request.account}", hashlib.sha256(request.body).hexdigest()
    message = f"POST\n{path}\n{signed_at}\n{digest}".encode("utf-8", "surrogatepass")
    signatures.check_base64(given, secrets, message)
    if abs(now.timestamp() - int(signed_at)) > signatures.TOLERANCE_SECONDS:
        raise ReplayWindowError("the signature is too old or from the future")


def _spellings(secrets: Sequence[str], body: bytes) -> Iterator[bytes]:
    for secret in secrets:
        if secret:
            mac = signatures.hmac_sha256(secret, body)
            yield base64.b64encode(mac)
            yield mac.hex().encode()


def identify(request: InboundRequest) -> Notice:
    """What the notification is about."""
    body = parse_object(request.body)
    origin, payload = body.child("source"), body.child("payload")
    kind = clean(origin.identifier("eventType"), 40)
    event_id = f"{kind}:{clean(origin.identifier('eventId'))}"
    occurred_at = origin.moment("eventTime")
    topic = payload.word("subEventType") or payload.child("meta").word("subEventType") or kind
    if kind != _ORDER_UPDATES and kind not in _TOPICS:
        return Notice(kind=NoticeKind.IGNORED, topic=topic[:40], event_id=event_id, occurred_at=occurred_at)
    named = payload.child(_ORDER) if payload.has(_ORDER) else payload
    order = named.identifier("purchaseOrderId")
    if not _ID.fullmatch(order):
        raise named.refuse("purchaseOrderId", "an order id is not a number")
    return Notice(
        kind=NoticeKind.FETCH, topic=topic[:40], event_id=event_id, external_id=order, occurred_at=occurred_at
    )


def normalize(request: InboundRequest, notice: Notice) -> Normalized:  # noqa: ARG001 - the interface of connectors
    """Notifications carry no prices; raises MalformedPayloadError."""
    raise MalformedPayloadError("orders of this channel must be fetched", topic=notice.topic)


def fetches(notice: Notice) -> Sequence[FetchRequest]:
    """The purchase order."""
    if notice.kind is not NoticeKind.FETCH:
        return ()
    if not _ID.fullmatch(notice.external_id or ""):
        raise MalformedPayloadError("the order id is not a number")
    return (FetchRequest(name=_ORDER, path=f"/v3/orders/{notice.external_id}"),)


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:  # noqa: ARG001 - the interface
    """Nothing is paged."""
    return None


def assemble(account: str, notice: Notice, documents: Mapping[str, Sequence[Mapping[str, Any]]]) -> Normalized:
    """The fetched order; raises the InvalidInputError family."""
    pages = documents.get(_ORDER) or ()
    if len(pages) != 1:
        raise MalformedPayloadError("the order document is missing")
    body = Fields(pages[0]).child(_ORDER)
    if body.identifier("purchaseOrderId") != notice.external_id:
        raise MalformedPayloadError("the document is of another order")
    return read_order(body, source=source, account=account)
