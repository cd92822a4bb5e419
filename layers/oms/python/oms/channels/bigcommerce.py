"""BigCommerce: thin webhooks; the order, its products, addresses and refunds are fetched.

Rules: https://docs.bigcommerce.com/docs/integrations/webhooks (Standard Webhooks with the app's client secret as the
key, replays refused by the signed timestamp; `hash` is the same for duplicates of one event) and
https://docs.bigcommerce.com/docs/integrations/webhooks/events (scopes). A hook may be of one channel
(`store/channel/<id>/order/...`), whose data has other names. Incomplete checkouts are orders here (status 0): nothing
is paid, nothing ships.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from oms.channels import signatures
from oms.channels.base import FetchRequest
from oms.channels.bigcommerce_order import Documents, read_order
from oms.channels.payload import Fields, clean, parse_object
from oms.domain.errors import MalformedPayloadError
from oms.domain.inbound import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oms.domain.canonical import Normalized
    from oms.domain.inbound import InboundRequest

source = "bigcommerce"

_SCOPE: Final = re.compile(
    r"store/(?:channel/[0-9]{1,12}/)?"
    r"order/(created|updated|archived|statusUpdated|refund/created|transaction/created|transaction/updated)",
    re.ASCII,
)
"""After these the order is read again. Messages and metafields change nothing of ours; shipments change the status."""
_ID: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
_PER_PAGE: Final = 250
_ORDER, _PRODUCTS, _ADDRESSES, _REFUNDS = "order", "products", "addresses", "refunds"


def verify(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:
    """Standard Webhooks over the raw body, within 300 s."""
    keys = [secret.encode("utf-8", "surrogatepass") for secret in secrets]
    signatures.check_standard(request.headers, request.body, keys, now)


def identify(request: InboundRequest) -> Notice:
    """What the delivery is about; its id is the scope and the vendor's hash of the payload."""
    body = parse_object(request.body)
    scope = body.identifier("scope")
    told = clean(body.optional_identifier("hash"))
    event_id = f"{scope}:{told or hashlib.sha256(request.body).hexdigest()}"
    occurred_at = body.unix("created_at")
    match = _SCOPE.fullmatch(scope)
    topic = clean(match[1] if match else scope.removeprefix("store/"), 40)
    if not match:
        return Notice(kind=NoticeKind.IGNORED, topic=topic, event_id=event_id, occurred_at=occurred_at)
    data = body.child("data")
    order = data.optional_identifier("order_id") or data.identifier("id")
    if not _ID.fullmatch(order):
        raise data.refuse("id", "an order id is not a number")
    return Notice(kind=NoticeKind.FETCH, topic=topic, event_id=event_id, external_id=order, occurred_at=occurred_at)


def normalize(request: InboundRequest, notice: Notice) -> Normalized:  # noqa: ARG001 - the interface of connectors
    """Notices carry no order; raises MalformedPayloadError."""
    raise MalformedPayloadError("orders of this channel must be fetched", topic=notice.topic)


def fetches(notice: Notice) -> Sequence[FetchRequest]:
    """The order with its fees, and what the API keeps apart of it; the adapter knows the store."""
    if notice.kind is not NoticeKind.FETCH:
        return ()
    if not _ID.fullmatch(notice.external_id or ""):
        raise MalformedPayloadError("the order id is not a number")
    order, pages = f"/v2/orders/{notice.external_id}", {"limit": str(_PER_PAGE), "page": "1"}
    return (
        FetchRequest(name=_ORDER, path=order, query={"include": "fees"}),
        FetchRequest(name=_PRODUCTS, path=f"{order}/products", query=pages),
        FetchRequest(name=_ADDRESSES, path=f"{order}/shipping_addresses", query=pages),
        FetchRequest(name=_REFUNDS, path=f"/v3/orders/{notice.external_id}/payment_actions/refunds", query=pages),
    )


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """There is one behind every full page of a list of v2; v3 says how many there are."""
    fields = Fields(document)
    page = int(request.query.get("page", "0"))
    if request.name == _REFUNDS:
        more = page < fields.child("meta").child("pagination").integer("total_pages", 1)
    else:
        more = request.name != _ORDER and len(fields.children("items")) >= _PER_PAGE
    if not more:
        return None
    return FetchRequest(name=request.name, path=request.path, query={**request.query, "page": str(page + 1)})


def assemble(account: str, notice: Notice, documents: Mapping[str, Sequence[Mapping[str, Any]]]) -> Normalized:
    """The fetched order; raises the InvalidInputError family."""
    pages = documents.get(_ORDER) or ()
    if len(pages) != 1:
        raise MalformedPayloadError("the order document is missing")
    body = Fields(pages[0])
    if body.identifier("id") != notice.external_id:
        raise MalformedPayloadError("the document is of another order")
    found = Documents(
        order=body,
        products=_own(body, _all(documents, _PRODUCTS, "items")),
        addresses=_own(body, _all(documents, _ADDRESSES, "items")),
        refunds=_all(documents, _REFUNDS, "data"),
    )
    return read_order(found, source=source, account=account)


def _all(documents: Mapping[str, Sequence[Mapping[str, Any]]], name: str, key: str) -> list[Fields]:
    return [entry for page in documents.get(name) or () for entry in Fields(page).children(key)]


def _own(body: Fields, parts: list[Fields]) -> list[Fields]:
    """The parts, all of them of this order."""
    if any(part.has("order_id") and part.identifier("order_id") != body.identifier("id") for part in parts):
        raise MalformedPayloadError("a document is of another order")
    return parts
