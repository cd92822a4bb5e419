"""Anybody's own system: orders in our own words, signed as Standard Webhooks are.

Signed: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, with the secret that
`make connect` made (`whsec_<base64>`), within 300 s. `webhook-id` is that of redeliveries. The body is

    type        `order.created`, `order.updated`, ...: whatever begins so is a whole order as it is now
    timestamp   instant: when the order last changed. An older one changes nothing that a newer one said.
    data        the order: what `POST /orders` takes (`oms.channels.site`) but `hold_id`, and
        id              text, required: the sender's own id of the order
        lines[].cancelled   units that were taken off since it was placed
        payment         {"provider": "in_channel", "state": ..., "captured": ...}: the sender has the buyer's money
        cancelled       boolean; cancel_reason: text
        on_hold         text: why it may not be shipped yet
        refunds         made there: id, amount, reason, lines: line_ref, quantity, restock (none, cancel, return)
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from oms.channels import signatures, site
from oms.channels.contract import amount, only, required, text
from oms.channels.payload import Fields, clean, parse_object
from oms.channels.site_payments import IN_CHANNEL
from oms.domain.canonical import ChannelRefund, Normalized, RefundedLine, Restock, check_order
from oms.domain.errors import MalformedPayloadError
from oms.domain.inbound import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oms.channels.base import FetchRequest
    from oms.domain.inbound import InboundRequest

source = "webhook"

BODY: Final = frozenset({"type", "timestamp", "data"})
MORE: Final = frozenset({"id", "cancelled", "cancel_reason", "on_hold", "refunds"})
REFUND: Final = frozenset({"id", "amount", "reason", "lines"})
REFUNDED_LINE: Final = frozenset({"line_ref", "quantity", "restock"})
_TOPIC: Final = re.compile(r"order\.[a-z_.]{1,40}", re.ASCII)
_MAX_REFUNDS: Final = 1000


def verify(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:
    """Standard Webhooks over the raw body, within 300 s."""
    signatures.check_standard(request.headers, request.body, list(signatures.standard_keys(secrets)), now)


def identify(request: InboundRequest) -> Notice:
    """What the delivery is about."""
    body = parse_object(request.body)
    topic = clean(body.identifier("type"), 60)
    event_id = clean(request.headers.get("webhook-id", "")) or f"{topic}:{body.text('timestamp')}"
    if topic == "ping":
        return Notice(kind=NoticeKind.PING, topic=topic, event_id=event_id)
    if not _TOPIC.fullmatch(topic):
        return Notice(kind=NoticeKind.IGNORED, topic=topic, event_id=event_id)
    external_id = required(body.child("data"), "id")
    return Notice(
        kind=NoticeKind.ORDER, topic=topic, event_id=event_id, external_id=external_id, occurred_at=_changed(body)
    )


def normalize(request: InboundRequest, notice: Notice) -> Normalized:  # noqa: ARG001 - the interface of connectors
    """The order that the delivery carries; totals checked."""
    body = parse_object(request.body)
    only(body, BODY)
    data = body.child("data")
    external_id = required(data, "id")
    plain = {name: value for name, value in data.values.items() if name not in MORE}
    lines = plain.get("lines")
    if isinstance(lines, list):
        plain["lines"] = [_without(each, "cancelled") for each in lines]
    if plain.get("hold_id") is not None:
        raise data.refuse("hold_id", "a hold of stock is for orders of the merchant's own site")
    if plain.get("taxes") is not None:
        raise data.refuse("taxes", "taxes of a channel's orders are the channel's")
    found, instruction = site.read_order(plain, account=request.account, external_id=external_id, now=_changed(body))
    if instruction.provider != IN_CHANNEL:
        raise data.refuse("payment", "the sender has the buyer's money: the provider is in_channel")
    order = replace(
        found.order,
        source=source,
        lines=tuple(
            replace(line, cancelled=_units(told, "cancelled"))
            for line, told in zip(found.order.lines, data.children("lines"), strict=True)
        ),
        cancelled=data.flag("cancelled"),
        cancel_reason=text(data, "cancel_reason"),
        on_hold=text(data, "on_hold"),
        refunds=_refunds(data),
        status_words=(("type", clean(body.text("type"), 60)),),
    )
    return Normalized(order=check_order(order), contact=found.contact)


def fetches(notice: Notice) -> Sequence[FetchRequest]:  # noqa: ARG001 - the interface of connectors
    """Nothing: deliveries carry the order."""
    return ()


def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:  # noqa: ARG001 - the same
    """Nothing is fetched."""
    return None


def assemble(
    account: str,  # noqa: ARG001 - the interface of connectors
    notice: Notice,
    documents: Mapping[str, Sequence[Mapping[str, Any]]],  # noqa: ARG001 - the same
) -> Normalized:
    """Nothing is fetched; raises MalformedPayloadError."""
    raise MalformedPayloadError("orders of this channel come whole", topic=notice.topic)


def _changed(body: Fields) -> datetime:
    at = body.moment("timestamp")
    if at is None:
        raise body.refuse("timestamp", "a required field is missing")
    return at


def _without(told: Any, name: str) -> Any:
    return {each: value for each, value in told.items() if each != name} if isinstance(told, dict) else told


def _units(line: Fields, key: str) -> int:
    units = line.integer(key, 0)
    if units < 0:
        raise line.refuse(key, "a quantity is negative")
    return units


def _refunds(data: Fields) -> tuple[ChannelRefund, ...]:
    refunds = data.children("refunds") if data.has("refunds") else ()
    if len(refunds) > _MAX_REFUNDS:
        raise data.refuse("refunds", "too many refunds")
    found = tuple([_refund(each) for each in refunds])
    if len({each.refund_ref for each in found}) != len(found):
        raise data.refuse("refunds", "two refunds share one id")
    return found


def _refund(refund: Fields) -> ChannelRefund:
    only(refund, REFUND)
    lines = refund.children("lines") if refund.has("lines") else ()
    return ChannelRefund(
        refund_ref=required(refund, "id"),
        amount=amount(refund, "amount", needed=True),
        lines=tuple([_refunded(each) for each in lines]),
        reason=text(refund, "reason"),
    )


def _refunded(line: Fields) -> RefundedLine:
    only(line, REFUNDED_LINE)
    word = text(line, "restock") or Restock.NONE.value
    if word not in set(Restock):
        raise line.refuse("restock", "restock is none, cancel or return")
    units = _units(line, "quantity")
    if not units:
        raise line.refuse("quantity", "a quantity is not positive")
    return RefundedLine(line_ref=required(line, "line_ref"), quantity=units, restock=Restock(word))
