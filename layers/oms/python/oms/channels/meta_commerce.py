"""Meta's shops on Facebook and Instagram: a webhook names an order, which is fetched with its parts.

Rules: https://developers.facebook.com/docs/graph-api/webhooks/getting-started (hex HMAC-SHA256 of the raw body with the
app secret; a URL is subscribed once it reads back a challenge, for who knows the verify token) and
https://developers.facebook.com/documentation/ads-commerce/commerce-platform/order-management/order-api (the order and
its edges). A secret is `<app_secret>:<verify_token>`.

https://developers.facebook.com/documentation/ads-commerce/commerce-platform/best-practices/orders says of webhooks that
they come more than once, with the same `id` and `time` of the entry. What a change of an order holds is not published:
its id is looked for where the Graph API puts one. Meta has orders polled in the first place, every 5 to 15 minutes, and
what comes in no webhook, or with others in one, is found so.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, Any, Final

from oms.channels import signatures
from oms.channels.base import FetchRequest
from oms.channels.meta_order import Documents, read_order
from oms.channels.payload import Fields, clean, parse_object
from oms.domain.errors import MalformedPayloadError, NotFoundError
from oms.domain.inbound import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from oms.domain.canonical import Normalized
    from oms.domain.inbound import InboundRequest

source = "meta-commerce"

_SIGNED: Final = "sha256="
_FIELD: Final = re.compile(r"(commerce_)?orders?(_[a-z_]{1,40})?", re.ASCII)
"""Changes after which the order is read again."""
_ID: Final = re.compile(r"[0-9]{1,40}", re.ASCII)
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9._~-]{1,200}", re.ASCII)
_PAGE: Final = "100"
_ORDER, _ITEMS, _CANCELLATIONS, _REFUNDS = "order", "items", "cancellations", "refunds"
_PROMOTION: Final = "promotion_details.limit(100){applied_amount,sponsor,promotion_id}"
_FIELDS: Final = {
    _ORDER: (
        "id,order_status,created,last_updated,channel,is_test_order,selected_shipping_option,shipping_address,"
        f"estimated_payment_details,buyer_details,{_PROMOTION}"
    ),
    _ITEMS: (
        "id,retailer_id,product_id,product_name,quantity,price_per_unit,tax_details,selected_shipping_option,"
        f"{_PROMOTION}"
    ),
    _CANCELLATIONS: "id,cancel_reason,items.limit(500){id,retailer_id,quantity}",
    _REFUNDS: "id,refund_amount{amount,currency},refund_reason,items.limit(500){id,retailer_id,quantity}",
}


def verify(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:  # noqa: ARG001 - no time is signed
    """`X-Hub-Signature-256: sha256=<hex>` over the raw body, in which letters beyond ASCII are escaped."""
    signatures.check(request.headers.get("x-hub-signature-256"), _expected(secrets, request.body))


def _expected(secrets: Sequence[str], body: bytes) -> Iterator[bytes]:
    for secret in secrets:
        if app_secret := secret.partition(":")[0]:
            yield f"{_SIGNED}{signatures.hmac_sha256(app_secret, body).hex()}".encode()


def confirm(query: Mapping[str, str], secrets: Sequence[str]) -> str:
    """The challenge, for who subscribes with a verify token of ours; raises NotFoundError."""
    given = query.get("hub.verify_token", "").encode("utf-8", "surrogatepass")
    tokens = [token.encode("utf-8", "surrogatepass") for _, _, token in (each.partition(":") for each in secrets)]
    known = [hmac.compare_digest(token, given) for token in tokens if token]
    challenge = query.get("hub.challenge", "")
    if query.get("hub.mode") != "subscribe" or not any(known) or not _CHALLENGE.fullmatch(challenge):
        raise NotFoundError("no such route")
    return challenge


def identify(request: InboundRequest) -> Notice:
    """What the delivery is about; one about several orders is ignored: polling finds them."""
    body = parse_object(request.body)
    entries = body.children("entry")
    if not entries:
        raise body.refuse("entry", "the delivery has no entry")
    first = entries[0]
    changes = [change for entry in entries for change in entry.children("changes")]
    about = [change for change in changes if _FIELD.fullmatch(change.word("field"))]
    orders = {_order_of(change) for change in about}
    topic = clean((about or changes or [body])[0].word("field") or body.word("object") or "unknown", 40)
    occurred_at = first.unix("time")
    event_id = f"{clean(first.identifier('id'))}:{first.integer('time', 0)}"
    if len(orders) != 1:
        return Notice(kind=NoticeKind.IGNORED, topic=topic, event_id=event_id, occurred_at=occurred_at)
    (order,) = orders
    return Notice(
        kind=NoticeKind.FETCH,
        topic=topic,
        event_id=f"{event_id}:{topic}:{order}",
        external_id=order,
        occurred_at=occurred_at,
    )


def _order_of(change: Fields) -> str:
    """`order_id`, the id of `order`, or that of the object itself."""
    value = change.child("value")
    found = value.optional_identifier("order_id")
    if not found:
        inner = value.child("order") if isinstance(value.values.get("order"), dict) else value
        found = inner.optional_identifier("id")
    if not _ID.fullmatch(found):
        raise value.refuse("order_id", "the change names no order")
    return found


def normalize(request: InboundRequest, notice: Notice) -> Normalized:  # noqa: ARG001 - the interface of connectors
    """Webhooks carry no order; raises MalformedPayloadError."""
    raise MalformedPayloadError("orders of this channel must be fetched", topic=notice.topic)


def fetches(notice: Notice) -> Sequence[FetchRequest]:
    """The order, and its edges."""
    if notice.kind is not NoticeKind.FETCH:
        return ()
    if not _ID.fullmatch(notice.external_id or ""):
        raise MalformedPayloadError("the order id is not a number")
    edges = (_ITEMS, _CANCELLATIONS, _REFUNDS)
    order = FetchRequest(name=_ORDER, path=f"/{notice.external_id}", query={"fields": _FIELDS[_ORDER]})
    parts = [
        FetchRequest(name=edge, path=f"{order.path}/{edge}", query={"fields": _FIELDS[edge], "limit": _PAGE})
        for edge in edges
    ]
    return (order, *parts)


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """By the cursor, where a page says that there is a next one; raises MalformedPayloadError when it stands still.

    https://developers.facebook.com/docs/graph-api/results (of the URL of the next page only the cursor is taken)
    """
    paging = Fields(document).child("paging")
    if request.name == _ORDER or not paging.text("next", 8000):
        return None
    after = paging.child("cursors").text("after", 4000)
    if not after or request.query.get("after") == after:
        raise MalformedPayloadError("the vendor's paging does not advance")
    return FetchRequest(name=request.name, path=request.path, query={**request.query, "after": after})


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
        items=_all(documents, _ITEMS),
        cancellations=_all(documents, _CANCELLATIONS),
        refunds=_all(documents, _REFUNDS),
    )
    return read_order(found, source=source, account=account)


def _all(documents: Mapping[str, Sequence[Mapping[str, Any]]], name: str) -> list[Fields]:
    return [entry for page in documents.get(name) or () for entry in Fields(page).children("data")]
