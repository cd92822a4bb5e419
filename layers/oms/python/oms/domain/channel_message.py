"""What a channel is told, with all that a connector needs to word it: read from the order's whole stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.domain.channel_dues import OURS, Due, Kind
from oms.domain.frozen import frozen
from oms.domain.order import events as ev
from oms.domain.order.evolve import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oms.domain.history import History
    from oms.domain.order.state import Order


@frozen
class Message:
    """What is told. Units by the channel's own line ids; `amount` in minor units of the order's currency."""

    message_id: str
    kind: Kind
    source: str
    account: str
    order_id: str
    external_id: str
    number: str
    currency: str
    lines: tuple[ev.LineUnits, ...] = ()
    whole: bool = False
    """Fulfillment: nothing is left to ship of the order. Cancellation: nothing is left of it at all."""
    parcel: int = 0
    """Of a fulfillment: which parcel of the order it is, as they were handed over, from 1."""
    tracking_number: str = ""
    carrier: str = ""
    reason: str = ""
    refund_id: str = ""
    amount: int = 0
    skus: tuple[tuple[str, str], ...] = ()
    """(line, SKU) of `lines`."""
    ordered: tuple[tuple[str, int], ...] = ()
    """(line, units) as the order was placed."""
    cancelled: tuple[tuple[str, int], ...] = ()
    """(line, units) that had been cancelled once `lines` were, of their lines."""
    shipped_at: str = ""
    """ISO 8601, of a fulfillment."""
    fresh: int = 0
    """How often the channel refused it for sure, and a person had it sent once more: a key is no longer the same."""
    doubtful: bool = False
    """It may have arrived, and nobody has looked."""


def message_of(told: Due, history: History) -> Message | None:
    """The message, as the order is now; None when there is nothing to tell any more.

    Nothing is: of a refund that the channel does not pay, or that has an outcome; of a part of a cancellation when the
    rest followed, which is then told with the last part as a whole.
    """
    order = fold(told.order_id, history.events())
    commit = next((each for each in history.commits if each.number == told.commit), None)
    if order is None or commit is None or told.event >= len(commit.events):
        return None
    event = commit.events[told.event]
    known = _known(event, told, order, history)
    if known is None or (isinstance(event, ev.LinesCancelled) and _followed(told, history, whole=known["whole"])):
        return None
    lines: tuple[ev.LineUnits, ...] = known["lines"]
    placed = order.placed
    return Message(
        message_id=told.message_id,
        kind=told.kind,
        source=placed.channel,
        account=placed.account,
        order_id=order.order_id,
        external_id=placed.external_id,
        number=placed.number,
        currency=placed.currency,
        skus=tuple((each.line_id, order.lines[each.line_id].placed.sku) for each in lines),
        ordered=tuple(_summed(order, ((line.line_id, line.quantity) for line in placed.lines)).items()),
        shipped_at=commit.at.isoformat() if told.kind is Kind.FULFILLMENT else "",
        **known,
    )


def _known(event: Any, told: Due, order: Order, history: History) -> dict[str, Any] | None:
    match event:
        case ev.OrderPlaced():
            placed = [ev.LineUnits(line_id=each.line_id, quantity=each.quantity) for each in event.lines]
            return {"lines": tuple(placed)}
        case ev.ShipmentShipped():
            parcel = event.parcels[told.part]
            lines = _by_line(order, parcel.units)
            left = any(line.ledger.gone < line.ledger.live for line in order.lines.values())
            what = {"tracking_number": parcel.tracking_number, "carrier": parcel.carrier}
            return {"lines": lines, "whole": not left, "parcel": _place(told, history), **what}
        case ev.LinesCancelled():
            whole = all(line.ledger.live == 0 for line in order.lines.values())
            off = {"lines": _by_line(order, event.lines), "cancelled": _so_far(told, order, history)}
            return {**off, "whole": whole, "reason": event.reason}
        case ev.RefundRequested():
            refund = order.payment.refunds.get(event.refund_id)
            if refund is None or not refund.open or not order.placed.payment.in_channel:
                return None
            of = {"refund_id": event.refund_id, "reason": event.reason}
            return {"lines": _by_line(order, event.lines), "amount": event.amount, **of}
    return None


def _by_line(order: Order, units: Iterable[ev.LineUnits | ev.NodeUnits]) -> tuple[ev.LineUnits, ...]:
    """Units by the channel's own lines: it does not know that some of them were added later."""
    summed = _summed(order, ((each.line_id, each.quantity) for each in units))
    return tuple(ev.LineUnits(line_id=line_id, quantity=count) for line_id, count in summed.items())


def _summed(order: Order, units: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for line_id, count in units:
        name = order.lines[line_id].channel_line
        found[name] = found.get(name, 0) + count
    return found


def _place(told: Due, history: History) -> int:
    """Which of the order's parcels it is: the log never changes, nor does this."""
    before = [
        len(event.parcels)
        for commit in history.commits
        for index, event in enumerate(commit.events)
        if isinstance(event, ev.ShipmentShipped) and (commit.number, index) < (told.commit, told.event)
    ]
    return sum(before) + told.part + 1


def _so_far(told: Due, order: Order, history: History) -> tuple[tuple[str, int], ...]:
    """Units by line that were cancelled, by whomever, up to and with this commit."""
    units = [
        (each.line_id, each.quantity)
        for commit in history.commits
        if commit.number <= told.commit
        for event in commit.events
        if isinstance(event, ev.LinesCancelled)
        for each in event.lines
    ]
    return tuple(_summed(order, units).items())


def _followed(told: Due, history: History, *, whole: bool) -> bool:
    """Of an order that is cancelled as a whole, another part of the cancellation comes later."""
    return whole and any(
        isinstance(event, ev.LinesCancelled) and event.origin == OURS
        for commit in history.commits
        if commit.number > told.commit
        for event in commit.events
    )
