"""An order in a file, as somebody saved it: a delivery, with or without its headers, or what a vendor's API answered.

A delivery is read as it would be when it came. What an API answers is an order, a list of them, or the parts of one
side by side ({"order": ..., "items": ...}); it is read as if it had been fetched. What is not all there is refused. How
documents of a channel are told apart is in `oms.channels.layouts`.
"""

from __future__ import annotations

import json
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any, Final

from oms.channels.layouts import LAYOUTS
from oms.channels.payload import parse
from oms.channels.registry import CONNECTORS, connector
from oms.domain.canonical import Normalized
from oms.domain.errors import InvalidInputError, MalformedPayloadError
from oms.domain.frozen import frozen
from oms.domain.inbound import InboundRequest, Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oms.channels.base import Connector
    from oms.channels.layouts import Layout
    from oms.domain.canonical import CanonicalOrder

ACCOUNT: Final = "file"
_BLANK: Final = " \t\n\r"
_NAMED: Final = frozenset({"order", "orders"})
"""What stands under such a name is an order, however little of it is there."""


class NoOrderError(Exception):
    """There is no whole order in a file. `code`:

    `no_order`: the channel tells of something else; `needs_fetch`: a delivery that names an order, whose detail is
    fetched; `incomplete_order`: a part of one, whose other parts are documents of their own.
    """

    def __init__(self, code: str, detail: str, **context: object) -> None:
        super().__init__(detail)
        self.code = code
        self.context = context


@frozen
class Saved:
    """What was delivered: headers in lower case, and the body as it came."""

    headers: Mapping[str, str]
    body: bytes
    document: object


def read_saved(raw: bytes) -> Saved:
    """A body, or `{"headers": ..., "topic": ..., "body": ...}`; raises MalformedPayloadError."""
    document = parse(raw)
    if not isinstance(document, dict) or "body" not in document or not ({"headers", "topic"} & document.keys()):
        return Saved(headers={}, body=raw, document=document)
    told = document.get("headers")
    headers = {str(name).lower(): str(value) for name, value in told.items()} if isinstance(told, dict) else {}
    if isinstance(document.get("topic"), str):
        headers.setdefault("topic", document["topic"])
    body = document["body"]
    text = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else _as_written(raw.decode("utf-8-sig"))
    return Saved(headers=headers, body=text, document=parse(text) if isinstance(body, str) else body)


def _as_written(text: str) -> bytes:
    """The bytes of the object's `body`: a signature is over them, and numbers are as they were spelled.

    `text` is an object that was read once, so that what follows a name is a value.
    """
    at = _past(text, _past(text, 0) + 1)
    while True:
        name, at = scanstring(text, at + 1)
        begin = _past(text, _past(text, at) + 1)
        end = json.JSONDecoder().raw_decode(text, begin)[1]
        if name == "body":
            return text[begin:end].encode()
        at = _past(text, _past(text, end) + 1)


def _past(text: str, at: int) -> int:
    """The first place from `at` on that is not blank."""
    while text[at] in _BLANK:
        at += 1
    return at


def orders_in(source: str, raw: bytes) -> list[CanonicalOrder]:
    """Every order of the file.

    Raises NoOrderError, NotFoundError for an unknown channel, the InvalidInputError family.
    """
    return read_orders(connector(source), LAYOUTS.get(source, ()), raw)


def read_orders(who: Connector, layouts: Sequence[Layout], raw: bytes) -> list[CanonicalOrder]:
    """Every order of a file of one channel; raises as `orders_in`."""
    try:
        saved = read_saved(raw)
        if not layouts:
            return [_carried(who, saved.headers, saved.body)]
        for layout in layouts:
            if found := _found(layout, saved.document):
                return _all_read(who, layout, saved, found)
        return [_otherwise(who, layouts, saved)]
    except RecursionError:
        raise MalformedPayloadError("the body is nested too deeply") from None


def _all_read(
    who: Connector, layout: Layout, saved: Saved, orders: Sequence[Mapping[str, Any]]
) -> list[CanonicalOrder]:
    """All of them; the refusal of one among several says which, from 0."""
    read = []
    for at, order in enumerate(orders):
        try:
            read.append(_read(who, layout, saved, order))
        except (InvalidInputError, NoOrderError) as refusal:
            if len(orders) > 1:
                refusal.context["at"] = at
            raise
    return read


def _read(who: Connector, layout: Layout, saved: Saved, order: Mapping[str, Any]) -> CanonicalOrder:
    if not layout.topic:
        return _fetched(who, layout, order)
    # The deliveries carry the whole order, and the API spells orders the same way.
    body = saved.body if saved.document is order else json.dumps(order, default=str).encode()
    return _carried(who, _with_topic(layout, saved, layout.topic[1]), body)


def _with_topic(layout: Layout, saved: Saved, otherwise: str) -> Mapping[str, str]:
    if not layout.topic:
        return saved.headers
    header = layout.topic[0]
    return {**saved.headers, header: saved.headers.get(header) or saved.headers.get("topic") or otherwise}


def _carried(who: Connector, headers: Mapping[str, str], body: bytes) -> CanonicalOrder:
    """The order that a delivery carries."""
    request = InboundRequest(account=ACCOUNT, headers=headers, body=body)
    notice = who.identify(request)
    if notice.kind is not NoticeKind.ORDER:
        raise _told_of(who, notice)
    normalized = who.normalize(request, notice)
    if not isinstance(normalized, Normalized):
        raise NoOrderError("no_order", "a refund apart from its order", topic=notice.topic)
    return normalized.order


def _told_of(who: Connector, notice: Notice) -> NoOrderError:
    """What a delivery is that carries no order."""
    if notice.kind is not NoticeKind.FETCH:
        return NoOrderError("no_order", "the channel tells of something else", topic=notice.topic)
    paths = [each.path for each in who.fetches(notice)]
    return NoOrderError(
        "needs_fetch", "the delivery names an order, which is fetched", order=notice.external_id, paths=paths
    )


def _otherwise(who: Connector, layouts: Sequence[Layout], saved: Saved) -> CanonicalOrder:
    """What does not look like an order, as the delivery that it is or says to be; raises what it is else."""
    document, first = saved.document, layouts[0]
    if not isinstance(document, dict):
        if isinstance(document, list) and document:
            raise NoOrderError("no_order", "a list of something else")
        raise MalformedPayloadError("there is no order in it")
    if first.topic and (first.topic[0] in saved.headers or "topic" in saved.headers):
        return _carried(who, _with_topic(first, saved, first.topic[1]), saved.body)
    if any(each.delivery & document.keys() for each in layouts):
        return _carried(who, saved.headers, saved.body)
    if first.refund:
        refund = document if first.refund in document else document.get("refund")
        if isinstance(refund, dict):
            body = json.dumps(refund, default=str).encode()
            return _carried(who, _with_topic(first, saved, first.refund_topic), body)
    if any(each.mark in document and not each.others & document.keys() for each in layouts):
        raise MalformedPayloadError("an order says who it is", path=first.identity)
    raise NoOrderError("no_order", "neither an order nor a delivery of this channel")


def _found(layout: Layout, document: object) -> list[Mapping[str, Any]]:
    """The orders, or what each is in; none where there are none of this layout."""
    if isinstance(document, dict):
        if layout.is_order(document) or _has_parts(layout, document):
            return [document]
        under = [(path[-1], found) for path in layout.wrapped if (found := _at(document, path)) is not None]
    else:
        under = [("", document)]
    for name, found in under:
        several = found if isinstance(found, list) else [found]
        orders = [each for each in several if isinstance(each, dict) and _fits(layout, each)]
        named = name.lower() in _NAMED and all(isinstance(each, dict) and each for each in several)
        if (orders or named) and several:
            return _all_of(layout, document, several)
    return []


def _all_of(layout: Layout, document: object, several: list[Any]) -> list[Mapping[str, Any]]:
    """All of a list in which there is an order, and of the document's other lists; raises MalformedPayloadError."""
    if isinstance(document, dict):
        lists = [found for path in layout.wrapped if isinstance(found := _at(document, path), list)]
        several = [each for found in lists for each in found] if lists else several
    if not all(isinstance(each, dict) for each in several):
        raise MalformedPayloadError("there is no order in it")
    return several


def _fits(layout: Layout, document: Mapping[str, Any]) -> bool:
    return layout.is_order(document) or _has_parts(layout, document)


def _has_parts(layout: Layout, document: Mapping[str, Any]) -> bool:
    """`{"order": ..., "items": ...}`."""
    order = _inner(document)
    return bool(layout.beside and order is not None and layout.is_order(order))


def _inner(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The order of such a document; an answer of an API may have it under `payload`."""
    order = document.get("order")
    if isinstance(order, dict) and isinstance(order.get("payload"), dict):
        order = order["payload"]
    return order if isinstance(order, dict) else None


def _at(document: Mapping[str, Any], path: Iterable[str]) -> object:
    found: object = document
    for name in path:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found if isinstance(found, dict | list) else None


def _fetched(who: Connector, layout: Layout, document: Mapping[str, Any]) -> CanonicalOrder:
    """Of a channel whose orders are fetched: the order with what belongs to it, as the documents of a fetch."""
    spelled = layout.spelled or {}
    if _has_parts(layout, document):
        parts = {spelled.get(name, name): part for name, part in document.items() if part is not None}
        order = _inner(document)
    else:
        there = [name for name in (*layout.beside, *spelled) if _is_there(layout, document.get(name))]
        parts = {spelled.get(name, name): document[name] for name in there}
        order = document
    if order is None or not order.get(layout.identity):
        raise MalformedPayloadError("there is no order in it")
    if layout.needed and layout.needed not in parts:
        raise NoOrderError("incomplete_order", "a part of the order is a document of its own", missing=layout.needed)
    external_id = str(order[layout.identity])
    notice = Notice(kind=NoticeKind.FETCH, topic="file", event_id=external_id, external_id=external_id)
    documents = layout.documents({**parts, "order": order})
    if not all(isinstance(page, dict) for pages in documents.values() for page in pages):
        raise MalformedPayloadError("a part of the order is no object")
    return who.assemble(ACCOUNT, notice, documents).order


def _is_there(layout: Layout, part: object) -> bool:
    return isinstance(part, dict | list) and not (layout.link and isinstance(part, dict) and layout.link in part)


def supports(source: str) -> dict[str, str]:
    """What a channel does, in words."""
    who = connector(source)
    asked = [name for name in ("challenge", "prove", "confirm", "key_paths") if hasattr(who, name)]
    carries = all(each.topic for each in LAYOUTS.get(source, ()))
    return {
        "source": source,
        "deliveries": "carry the order" if carries else "name an order, which is fetched",
        "beside_the_signature": ", ".join(asked),
        "listed": "by last change, by day of placing" if source in CONNECTORS else "",
    }
