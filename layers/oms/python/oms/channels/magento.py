"""Adobe Commerce (Magento 2): events of Adobe I/O name an order, which is fetched with its credit memos.

Rules: https://developer.adobe.com/events/docs/guides/sdk/sdk-signature-verification (two RSA-SHA256 signatures of the
raw body, either is enough; the keys are published by Adobe, their paths in headers; `recipient_client_id` is ours,
since the keys are the same for every customer), https://developer.adobe.com/events/docs/guides (a challenge is to be
echoed; at least once; the event's `id` is that of its redeliveries) and
https://developer.adobe.com/commerce/extensibility/events. An event carries the fields that the merchant subscribed to:
`entity_id` of an order, `order_id` of an invoice, shipment or credit memo. The registration delivers events singly.

Magento Open Source has no such events: polling finds its orders.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from typing import TYPE_CHECKING, Any, Final

from oms.channels.base import FetchRequest
from oms.channels.magento_order import read_order
from oms.channels.payload import Fields, clean, parse_object
from oms.domain.errors import InvalidInputError, MalformedPayloadError, NotFoundError, SignatureError
from oms.domain.inbound import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from oms.domain.canonical import Normalized
    from oms.domain.inbound import InboundRequest

source = "magento"

_IDS: Final = {
    **dict.fromkeys(
        ("sales_order_save_after", "sales_order_save_commit_after", "sales_order_place_after"), ("entity_id", "id")
    ),
    **{
        f"sales_order_{what}_save_{when}": ("order_id",)
        for what in ("invoice", "shipment", "creditmemo")
        for when in ("after", "commit_after")
    },
}
"""Where the order's id is, by the observed event."""
_ORDER, _MEMOS = "order", "creditmemos"
_ID: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
_KEY: Final = "-----BEGIN PUBLIC KEY-----"
_KEY_PATH: Final = re.compile(r"/prod/keys/pub-key-[A-Za-z0-9_-]{1,80}\.pem", re.ASCII)
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9._~-]{1,200}", re.ASCII)
_SMALLEST_BITS: Final = 2048
_PAGE_SIZE: Final = 100
_MEMO_FIELDS: Final = (
    "items[entity_id,order_id,state,grand_total,order_currency_code,items[order_item_id,qty]],total_count"
)


def key_paths(request: InboundRequest) -> Sequence[str]:
    """Where Adobe publishes the keys that signed this delivery; of its domain, which the headers cannot change."""
    named = [request.headers.get(f"x-adobe-public-key{number}-path", "") for number in (1, 2)]
    return [path for path in dict.fromkeys(named) if _KEY_PATH.fullmatch(path)]


def challenge(query: Mapping[str, str]) -> str:
    """What Adobe wants to read back when the URL is registered; raises NotFoundError."""
    asked = query.get("challenge", "")
    if not _CHALLENGE.fullmatch(asked):
        raise NotFoundError("no such route")
    return asked


def verify(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:  # noqa: ARG001 - no time is signed
    """A signature of one of the published keys among `secrets`, for the client id that the others are."""
    signatures = [request.headers.get(f"x-adobe-digital-signature-{number}", "") for number in (1, 2)]
    if not any(signatures):
        raise SignatureError("the signature is missing")
    given = [raw for raw in map(_decoded, signatures) if raw]
    keys = [secret for secret in secrets if secret.startswith(_KEY)]
    if not any(_signed(key, raw, request.body) for key in keys for raw in given):
        raise SignatureError("the signature does not match the body")
    try:
        body = parse_object(request.body)
        recipient = body.text("recipient_client_id") or body.text("recipientclientid")
    except InvalidInputError:
        raise SignatureError("the event names no recipient") from None
    ours = [secret.encode() for secret in secrets if secret and not secret.startswith(_KEY)]
    if not any([hmac.compare_digest(each, recipient.encode("utf-8", "surrogatepass")) for each in ours]):  # noqa: C419 - all
        raise SignatureError("the event is for somebody else")


def _decoded(signature: str) -> bytes:
    try:
        return base64.b64decode(signature.encode("utf-8", "surrogatepass"), validate=True)
    except binascii.Error:
        return b""


def _signed(pem: str, signature: bytes, body: bytes) -> bool:
    """RSASSA-PKCS1-v1_5 with SHA-256. The library is loaded by the first delivery of this channel alone."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
        if not isinstance(key, RSAPublicKey) or key.key_size < _SMALLEST_BITS:
            return False
        key.verify(signature, body, PKCS1v15(), SHA256())
    except (ValueError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def identify(request: InboundRequest) -> Notice:
    """What the event is about."""
    body = parse_object(request.body)
    event_id, kind = clean(body.identifier("id")), body.identifier("type")
    topic = clean(kind.rpartition("observer.")[2], 40)
    occurred_at = body.moment("time")
    if topic not in _IDS:
        return Notice(kind=NoticeKind.IGNORED, topic=topic, event_id=event_id, occurred_at=occurred_at)
    value = body.child("data").child("value")
    order = next((found for key in _IDS[topic] if (found := value.optional_identifier(key))), "")
    if not _ID.fullmatch(order):
        raise value.refuse(_IDS[topic][0], "the event does not tell this field, or not as a number")
    return Notice(kind=NoticeKind.FETCH, topic=topic, event_id=event_id, external_id=order, occurred_at=occurred_at)


def normalize(request: InboundRequest, notice: Notice) -> Normalized:  # noqa: ARG001 - the interface of connectors
    """Events carry what the merchant chose of an order; raises MalformedPayloadError."""
    raise MalformedPayloadError("orders of this channel must be fetched", topic=notice.topic)


def fetches(notice: Notice) -> Sequence[FetchRequest]:
    """The order, and its credit memos."""
    if notice.kind is not NoticeKind.FETCH:
        return ()
    if not _ID.fullmatch(notice.external_id or ""):
        raise MalformedPayloadError("the order id is not a number")
    memos = search([("order_id", "eq", notice.external_id or "")], _PAGE_SIZE) | {"fields": _MEMO_FIELDS}
    return (
        FetchRequest(name=_ORDER, path=f"/rest/V1/orders/{notice.external_id}"),
        FetchRequest(name=_MEMOS, path="/rest/V1/creditmemos", query=memos),
    )


def search(filters: Sequence[tuple[str, str, str]], size: int) -> dict[str, str]:
    """The first page of what meets all (field, condition, value), by id.

    https://developer.adobe.com/commerce/webapi/rest/use-rest/performing-searches
    """
    return dict(_criteria(filters)) | {
        "searchCriteria[sortOrders][0][field]": "entity_id",
        "searchCriteria[sortOrders][0][direction]": "ASC",
        "searchCriteria[pageSize]": str(size),
        CURRENT: "1",
    }


CURRENT: Final = "searchCriteria[currentPage]"
_SIZE: Final = "searchCriteria[pageSize]"


def _criteria(filters: Sequence[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    for number, parts in enumerate(filters):
        for name, part in zip(("field", "condition_type", "value"), parts, strict=True):
            yield f"searchCriteria[filter_groups][{number}][filters][0][{name}]", part


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """By the count of all: behind the last page the API gives the last one again."""
    if CURRENT not in request.query:
        return None
    page, size = int(request.query[CURRENT]), int(request.query[_SIZE])
    if page * size >= Fields(document).integer("total_count"):
        return None
    return FetchRequest(name=request.name, path=request.path, query={**request.query, CURRENT: str(page + 1)})


def assemble(account: str, notice: Notice, documents: Mapping[str, Sequence[Mapping[str, Any]]]) -> Normalized:
    """The fetched order; raises the InvalidInputError family."""
    pages = documents.get(_ORDER) or ()
    if len(pages) != 1:
        raise MalformedPayloadError("the order document is missing")
    body = Fields(pages[0])
    if body.identifier("entity_id") != notice.external_id:
        raise MalformedPayloadError("the document is of another order")
    memos = [memo for page in documents.get(_MEMOS) or () for memo in Fields(page).children("items")]
    if any(memo.identifier("order_id") != notice.external_id for memo in memos):
        raise MalformedPayloadError("a document is of another order")
    return read_order(body, memos, source=source, account=account)
