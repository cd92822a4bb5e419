"""Amazon Selling Partner API: ORDER_CHANGE notifications on our SQS queue, the order fetched (Orders API v0).

Rules: https://developer-docs.amazon.com/sp-api/docs/notifications-api-v1-use-case-guide and
https://developer-docs.amazon.com/sp-api/docs/orders-api-v0-reference. Notifications are not signed: the queue's policy
lets Amazon's principal alone send to it. Answers of version 2026-01-01, which have an order whole, are read as well.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from oms.channels.amazon_order import PENDING, read_order
from oms.channels.base import FetchRequest
from oms.channels.payload import Fields, parse_object
from oms.domain.errors import MalformedPayloadError
from oms.domain.inbound import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oms.domain.canonical import Normalized
    from oms.domain.inbound import InboundRequest

source = "amazon"

_ORDER_CHANGE: Final = "ORDER_CHANGE"
_ID: Final = re.compile(r"[A-Z0-9]{3}-[0-9]{7}-[0-9]{7}", re.ASCII)
_ORDER: Final = "order"
_ITEMS: Final = "items"
_ADDRESS: Final = "address"
_BUYER: Final = "buyerInfo"
_TOKEN: Final = "NextToken"  # noqa: S105 - a page's name


def verify(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:
    """Always accepts: who may send to the queue is decided by its policy, before anything reaches us."""


def identify(request: InboundRequest) -> Notice:
    """What the notification is about.

    An order that awaits its payment has no prices yet; another ORDER_CHANGE follows when it is Unshipped: ignored.
    """
    body = parse_object(request.body)
    topic = body.text(_spelled(body, "NotificationType"))
    if not topic:
        raise body.refuse("NotificationType", "the notification has no type")
    metadata = body.child(_spelled(body, "NotificationMetadata"))
    event_id = f"{topic}:{metadata.identifier(_spelled(metadata, 'NotificationId'))}"
    occurred_at = body.moment(_spelled(body, "EventTime"))
    if topic != _ORDER_CHANGE:
        return Notice(kind=NoticeKind.IGNORED, topic=topic, event_id=event_id, occurred_at=occurred_at)
    change = body.child("Payload").child("OrderChangeNotification")
    external_id = change.identifier("AmazonOrderId")
    if not _ID.fullmatch(external_id):
        raise change.refuse("AmazonOrderId", "the order id is not of Amazon's form")
    status = change.child("Summary").word("OrderStatus")
    waiting = status in PENDING
    return Notice(
        kind=NoticeKind.IGNORED if waiting else NoticeKind.FETCH,
        topic=f"{topic}:{status}" if waiting else topic,
        event_id=event_id,
        external_id=external_id,
        occurred_at=occurred_at,
    )


def _spelled(fields: Fields, key: str) -> str:
    """`key` as this notification spells it: some types begin their fields in lower case."""
    return key if fields.has(key) else key[0].lower() + key[1:]


def normalize(request: InboundRequest, notice: Notice) -> Normalized:  # noqa: ARG001 - the interface of connectors
    """Notifications hold a summary only; raises MalformedPayloadError."""
    raise MalformedPayloadError("orders of this channel must be fetched", topic=notice.topic)


def fetches(notice: Notice) -> Sequence[FetchRequest]:
    """The order, its items, and (with a restricted data token) its address and buyer."""
    if notice.kind is not NoticeKind.FETCH:
        return ()
    if not _ID.fullmatch(notice.external_id or ""):
        raise MalformedPayloadError("the order id is not of Amazon's form")
    path = f"/orders/v0/orders/{notice.external_id}"
    parts = {_ORDER: "", _ITEMS: "/orderItems", _ADDRESS: "/address", _BUYER: "/buyerInfo"}
    return tuple(FetchRequest(name=name, path=path + end) for name, end in parts.items())


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """The next page of items, by `payload.NextToken`; raises MalformedPayloadError when a page names itself."""
    token = Fields(document).child("payload").text(_TOKEN, 4000)
    if request.name != _ITEMS or not token:
        return None
    if request.query.get(_TOKEN) == token:
        raise MalformedPayloadError("the vendor's paging does not advance")
    return FetchRequest(name=request.name, path=request.path, query={_TOKEN: token})


def assemble(account: str, notice: Notice, documents: Mapping[str, Sequence[Mapping[str, Any]]]) -> Normalized:
    """The fetched order, of either version of the API; raises the InvalidInputError family."""
    for page in documents.get(_ORDER) or ():
        whole = Fields(page)
        if whole.has(_ORDER):
            return _of_2026(whole.child(_ORDER), account, notice)
    pages = {name: [Fields(page).child("payload") for page in found] for name, found in documents.items()}
    if not pages.get(_ORDER) or not pages.get(_ITEMS):
        raise MalformedPayloadError("the order or its items were not fetched")
    for payload in (*pages[_ORDER], *pages[_ITEMS]):
        if payload.identifier("AmazonOrderId") != notice.external_id:
            raise payload.refuse("AmazonOrderId", "the document is of another order")
    return read_order(
        pages[_ORDER][0],
        [item for page in pages[_ITEMS] for item in page.children("OrderItems")],
        address=next(iter(pages.get(_ADDRESS, ())), None),
        buyer=next(iter(pages.get(_BUYER, ())), None),
        source=source,
        account=account,
    )


def _of_2026(order: Fields, account: str, notice: Notice) -> Normalized:
    """`getOrder` of version 2026-01-01. The reader is loaded by the first of them alone."""
    from oms.channels.amazon_order_2026 import read_order_2026

    if order.identifier("orderId") != notice.external_id:
        raise order.refuse("orderId", "the document is of another order")
    return read_order_2026(order, source=source, account=account)
