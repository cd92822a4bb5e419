"""eBay: notifications of the Notification API name an order, which is fetched (Fulfillment API).

Rules: https://developer.ebay.com/api-docs/commerce/notification/overview.html and eBay's own SDK,
https://github.com/eBay/event-notification-nodejs-sdk: `X-EBAY-SIGNATURE` is base64 of a JSON object with a signature
(ECDSA on P-256, SHA-1 unless it says otherwise) and the id of the key, which eBay publishes to applications. The SDK
signs the body in its compact form; eBay sends it so, and either form is taken. A URL is registered once it answers a
challenge with a hash that only who knows our verification token can make: the keys are the same for every application,
so that this is what ties an URL to its account.

ORDER_CONFIRMATION comes for every line of an order, after its payment. eBay notifies of no later change: polling finds
those. The notice that an eBay user's account was deleted (which every application must take) is acknowledged; orders
are kept under no eBay user.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from oms.channels.base import FetchRequest
from oms.channels.ebay_order import read_order
from oms.channels.payload import Fields, clean, parse_object
from oms.domain.errors import InvalidInputError, MalformedPayloadError, NotFoundError, SignatureError
from oms.domain.frozen import frozen
from oms.domain.inbound import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from oms.domain.canonical import Normalized
    from oms.domain.inbound import InboundRequest

source = "ebay"

_ORDER_CONFIRMATION: Final = "ORDER_CONFIRMATION"
_ORDER: Final = "order"
_ID: Final = re.compile(r"[0-9]{1,20}(-[0-9]{1,20}){0,2}", re.ASCII)
_KEY_ID: Final = re.compile(r"[A-Za-z0-9-]{1,80}", re.ASCII)
_CHALLENGE: Final = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
_MAX_HEADER: Final = 4096
_BEGIN, _END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
_HASHES: Final = ("SHA1", "SHA256")
_CURVE: Final = "secp256r1"
DETAILED: Final = {"fieldGroups": "TAX_BREAKDOWN"}
"""Without it the totals leave out the taxes that eBay collects."""


@frozen
class _Told:
    """What the signature's header says."""

    key_id: str
    signature: bytes
    hashed_by: str


def key_paths(request: InboundRequest) -> Sequence[str]:
    """The key that the signature's header names."""
    try:
        told = _told(request)
    except SignatureError:
        return []
    return [f"/commerce/notification/v1/public_key/{told.key_id}"]


def prove(query: Mapping[str, str], url: str, secrets: Sequence[str]) -> Mapping[str, str]:
    """What eBay wants to read when the URL is registered; raises NotFoundError."""
    code = query.get("challenge_code", "")
    if not secrets or not _CHALLENGE.fullmatch(code):
        raise NotFoundError("no such route")
    text = f"{code}{secrets[0]}{url}".encode("utf-8", "surrogatepass")
    return {"challengeResponse": hashlib.sha256(text).hexdigest()}


def verify(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:  # noqa: ARG001 - no time is signed
    """A signature of one of the published keys among `secrets`."""
    told = _told(request)
    keys = [secret for secret in secrets if secret.startswith(_BEGIN)]
    if not any(_signed(key, told, body) for key in keys for body in _forms(request.body)):
        raise SignatureError("the signature does not match the body")


def _told(request: InboundRequest) -> _Told:
    header = request.headers.get("x-ebay-signature", "")
    if not header:
        raise SignatureError("the signature is missing")
    try:
        if len(header) > _MAX_HEADER:
            raise MalformedPayloadError("the signature is too long")
        fields = parse_object(base64.b64decode(header.encode("ascii"), validate=True))
        key_id, hashed_by = fields.text("kid"), (fields.text("digest") or _HASHES[0]).upper().replace("-", "")
        signature = base64.b64decode(fields.text("signature", _MAX_HEADER).encode("ascii"), validate=True)
    except (ValueError, InvalidInputError):
        raise SignatureError("the signature cannot be read") from None
    if not _KEY_ID.fullmatch(key_id) or hashed_by not in _HASHES:
        raise SignatureError("the signature cannot be read")
    return _Told(key_id=key_id, signature=signature, hashed_by=hashed_by)


def _forms(body: bytes) -> Iterator[bytes]:
    """The body as it came, and as the SDK writes it again."""
    yield body
    try:
        yield json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError):  # no JSON, or text that UTF-8 has no form of
        return


def _signed(key: str, told: _Told, body: bytes) -> bool:
    """ECDSA on P-256. The library is loaded by the first delivery of this channel alone."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        der = base64.b64decode("".join(key.replace(_BEGIN, "").replace(_END, "").split()), validate=True)
        public = load_der_public_key(der)
        if not isinstance(public, EllipticCurvePublicKey) or public.curve.name != _CURVE:
            return False
        hashing = SHA256() if told.hashed_by == "SHA256" else SHA1()  # noqa: S303 # nosec B303 # eBay's own choice
        public.verify(told.signature, body, ECDSA(hashing))
    except (ValueError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def identify(request: InboundRequest) -> Notice:
    """What the notification is about; its id is that of the notification, the same in every attempt."""
    body = parse_object(request.body)
    topic = clean(body.child("metadata").identifier("topic"), 40)
    notification = body.child("notification")
    event_id = f"{topic}:{clean(notification.identifier('notificationId'))}"
    occurred_at = notification.moment("eventDate")
    if topic != _ORDER_CONFIRMATION:
        return Notice(kind=NoticeKind.IGNORED, topic=topic, event_id=event_id, occurred_at=occurred_at)
    data = notification.child("data")
    named = data if data.has("orderId") else data.child(_ORDER)
    order = named.identifier("orderId")
    if not _ID.fullmatch(order):
        raise named.refuse("orderId", "the order id is not of eBay's form")
    return Notice(kind=NoticeKind.FETCH, topic=topic, event_id=event_id, external_id=order, occurred_at=occurred_at)


def normalize(request: InboundRequest, notice: Notice) -> Normalized:  # noqa: ARG001 - the interface of connectors
    """Notifications carry no order; raises MalformedPayloadError."""
    raise MalformedPayloadError("orders of this channel must be fetched", topic=notice.topic)


def fetches(notice: Notice) -> Sequence[FetchRequest]:
    """The order with its taxes."""
    if notice.kind is not NoticeKind.FETCH:
        return ()
    if not _ID.fullmatch(notice.external_id or ""):
        raise MalformedPayloadError("the order id is not of eBay's form")
    return (FetchRequest(name=_ORDER, path=f"/sell/fulfillment/v1/order/{notice.external_id}", query=DETAILED),)


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:  # noqa: ARG001 - the interface
    """Nothing is paged."""
    return None


def assemble(account: str, notice: Notice, documents: Mapping[str, Sequence[Mapping[str, Any]]]) -> Normalized:
    """The fetched order; raises the InvalidInputError family."""
    pages = documents.get(_ORDER) or ()
    if len(pages) != 1:
        raise MalformedPayloadError("the order document is missing")
    body = Fields(pages[0])
    if body.identifier("orderId") != notice.external_id:
        raise MalformedPayloadError("the document is of another order")
    return read_order(body, source=source, account=account)
