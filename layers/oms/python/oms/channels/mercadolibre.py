"""Mercado Libre: a notice names an order, which is fetched with its shipment and the refunds of its payments.

Rules: https://developers.mercadolibre.com.ar/en_us/products-receive-notifications (200 within 500 ms, else the notice
comes again for an hour; the topic `orders_v2`). Notices are not signed, and whose they are is no secret: the URL that
is registered ends in `?token=`, and a notice for another seller is refused. A secret is `<user_id>:<token>`. What a
notice says of an order is not believed: it is read from the API with the seller's authorization.

https://developers.mercadolibre.com.ar/en_us/manage-sales (orders),
https://developers.mercadolibre.com.ar/en_us/shipment-handling (shipments, in the form of `x-format-new`),
https://www.mercadopago.com.br/developers/en/reference/chargebacks/_payments_id_refunds/get (refunds).
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from oms.channels import signatures
from oms.channels.base import FetchRequest
from oms.channels.mercadolibre_order import is_refunded, read_order
from oms.channels.payload import Fields, clean, parse_object
from oms.domain.errors import InvalidInputError, MalformedPayloadError, SignatureError
from oms.domain.frozen import frozen
from oms.domain.inbound import TOKEN_HEADER, Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from oms.domain.canonical import Normalized
    from oms.domain.inbound import InboundRequest

source = "mercadolibre"

_TOPICS: Final = frozenset({"orders_v2", "orders", "created_orders"})
"""After these the order is read again; payments, shipments and claims change it, and are told of as orders too."""
_RESOURCE: Final = re.compile(r"/orders/([0-9]{1,20})", re.ASCII)
_ID: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
_ORDER: Final = "order"


@frozen
class _Step(FetchRequest):
    """What is fetched after the order, as its document says, and the paths that come after that."""

    rest: tuple[str, ...] = ()


def verify(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:  # noqa: ARG001 - no time is told
    """The token of the URL, for the seller whom the notice is for."""
    token = request.headers.get(TOKEN_HEADER, "")
    if not token:
        raise SignatureError("the token of the URL is missing")
    try:
        user_id = parse_object(request.body).identifier("user_id")
    except InvalidInputError:
        raise SignatureError("the notice names no seller") from None
    signatures.check(f"{user_id}:{token}", _expected(secrets))


def _expected(secrets: Sequence[str]) -> Iterator[bytes]:
    for secret in secrets:
        user_id, _, token = secret.partition(":")
        if user_id and token:
            yield secret.encode("utf-8", "surrogatepass")


def identify(request: InboundRequest) -> Notice:
    """What the notice is about; without an `_id` it is known by its resource and when it was sent."""
    body = parse_object(request.body)
    topic, resource = clean(body.identifier("topic"), 40), clean(body.identifier("resource"))
    told, sent = clean(body.optional_identifier("_id")), body.text("sent", 40)
    event_id = f"{topic}:{told or (f'{resource}:{sent}' if sent else hashlib.sha256(request.body).hexdigest())}"
    occurred_at = body.moment("sent")
    if topic not in _TOPICS:
        return Notice(kind=NoticeKind.IGNORED, topic=topic, event_id=event_id, occurred_at=occurred_at)
    match = _RESOURCE.fullmatch(resource)
    if not match:
        raise body.refuse("resource", "the notice names no order")
    return Notice(kind=NoticeKind.FETCH, topic=topic, event_id=event_id, external_id=match[1], occurred_at=occurred_at)


def normalize(request: InboundRequest, notice: Notice) -> Normalized:  # noqa: ARG001 - the interface of connectors
    """Notices carry no order; raises MalformedPayloadError."""
    raise MalformedPayloadError("orders of this channel must be fetched", topic=notice.topic)


def fetches(notice: Notice) -> Sequence[FetchRequest]:
    """The order; what follows it is in its document."""
    if notice.kind is not NoticeKind.FETCH:
        return ()
    if not _ID.fullmatch(notice.external_id or ""):
        raise MalformedPayloadError("the order id is not a number")
    return (FetchRequest(name=_ORDER, path=f"/orders/{notice.external_id}"),)


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
    """Behind the order its shipment, and the refunds of each payment that has some."""
    paths = request.rest if isinstance(request, _Step) else _paths(Fields(document))
    return _Step(name=request.name, path=paths[0], rest=paths[1:]) if paths else None


def _paths(order: Fields) -> tuple[str, ...]:
    shipment = _number(order.child("shipping"))
    paths = [f"/shipments/{shipment}"] if shipment else []
    paths.extend(f"/v1/payments/{_number(each)}/refunds" for each in order.children("payments") if is_refunded(each))
    return tuple(paths)


def _number(entry: Fields) -> str:
    """Its id, empty when it has none."""
    found = entry.optional_identifier("id")
    if found and not _ID.fullmatch(found):
        raise entry.refuse("id", "an id is not a number")
    return found


def assemble(account: str, notice: Notice, documents: Mapping[str, Sequence[Mapping[str, Any]]]) -> Normalized:
    """The fetched order; raises the InvalidInputError family."""
    pages = documents.get(_ORDER) or ()
    if not pages:
        raise MalformedPayloadError("the order document is missing")
    body = Fields(pages[0])
    if body.identifier("id") != notice.external_id:
        raise MalformedPayloadError("the document is of another order")
    refunds: list[Fields] = []
    shipment = Fields({})
    for page in map(Fields, pages[1:]):
        if page.has("items"):
            refunds.extend(page.children("items"))
        elif page.identifier("id") == body.child("shipping").optional_identifier("id"):
            shipment = page
        else:
            raise MalformedPayloadError("a document is of another order")
    return read_order(body, shipment, refunds, source=source, account=account)
