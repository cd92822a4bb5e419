"""Etsy: thin webhooks name a receipt, which is fetched.

Rules: https://developers.etsy.com/documentation/essentials/webhooks (Standard Webhooks: the key is what stands behind
`whsec_` of the endpoint's secret, in base64; the signature may come bare). `webhook-id` is that of redeliveries. The
URL in the body names the receipt and is not called: our own is.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from oms.channels import signatures
from oms.channels.base import FetchRequest
from oms.channels.etsy_order import read_order
from oms.channels.payload import Fields, clean, parse_object
from oms.domain.errors import MalformedPayloadError
from oms.domain.inbound import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oms.domain.canonical import Normalized
    from oms.domain.inbound import InboundRequest

source = "etsy"

_TOPIC: Final = re.compile(r"order\.[a-z_]{1,30}", re.ASCII)
_RECEIPT: Final = re.compile(r"/receipts/([0-9]{1,20})/?$", re.ASCII)
_ID: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
_ORDER: Final = "order"


def verify(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:
    """Standard Webhooks over the raw body, within 300 s."""
    given = request.headers.get("webhook-signature", "")
    parts = [part if "," in part else f"v1,{part}" for part in given.split(" ") if part]
    headers = {**request.headers, "webhook-signature": " ".join(parts)}
    signatures.check_standard(headers, request.body, list(signatures.standard_keys(secrets)), now)


def identify(request: InboundRequest) -> Notice:
    """What the event is about. It tells no time of its own but that of its signature."""
    body = parse_object(request.body)
    topic = clean(body.identifier("event_type"), 40)
    told = clean(request.headers.get("webhook-id", ""))
    event_id = f"{topic}:{told or hashlib.sha256(request.body).hexdigest()}"
    if not _TOPIC.fullmatch(topic):
        return Notice(kind=NoticeKind.IGNORED, topic=topic, event_id=event_id)
    match = _RECEIPT.search(body.text("resource_url", 2000))
    if not match:
        raise body.refuse("resource_url", "the URL is of no receipt")
    return Notice(kind=NoticeKind.FETCH, topic=topic, event_id=event_id, external_id=match[1])


def normalize(request: InboundRequest, notice: Notice) -> Normalized:  # noqa: ARG001 - the interface of connectors
    """Events carry no order; raises MalformedPayloadError."""
    raise MalformedPayloadError("orders of this channel must be fetched", topic=notice.topic)


def fetches(notice: Notice) -> Sequence[FetchRequest]:
    """The receipt; the adapter knows the shop."""
    if notice.kind is not NoticeKind.FETCH:
        return ()
    if not _ID.fullmatch(notice.external_id or ""):
        raise MalformedPayloadError("the receipt id is not a number")
    return (FetchRequest(name=_ORDER, path=f"/receipts/{notice.external_id}"),)


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:  # noqa: ARG001 - the interface
    """Nothing is paged."""
    return None


def assemble(account: str, notice: Notice, documents: Mapping[str, Sequence[Mapping[str, Any]]]) -> Normalized:
    """The fetched receipt; raises the InvalidInputError family."""
    pages = documents.get(_ORDER) or ()
    if len(pages) != 1:
        raise MalformedPayloadError("the order document is missing")
    body = Fields(pages[0])
    if body.identifier("receipt_id") != notice.external_id:
        raise MalformedPayloadError("the document is of another order")
    return read_order(body, source=source, account=account)
