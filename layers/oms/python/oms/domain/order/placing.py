"""Deciding on what a channel tells: placing, and moving to what a later snapshot says.

A snapshot's facts are of two kinds. Some only ever grow (paid, cancelled, refunded): they are taken from any snapshot,
however late it comes. The others (destination, channel hold, which lines and how many) are taken only from a snapshot
newer than the newest taken in; two of the same time are ordered by their digest. So any order of arrival ends in the
same facts: units that the channel adds after placing are an edit to whoever placed the order from an older snapshot
(`channel_edits`), and whoever places it from the newer one has them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from oms.domain.canonical import PaymentState, Restock
from oms.domain.errors import CurrencyMismatchError, IdempotencyKeyReusedError, RefundBeforePaymentError
from oms.domain.ids import derive
from oms.domain.order import channel_edits
from oms.domain.order.changing import cancel_units, unknown_sku_hold
from oms.domain.order.charging import refundable
from oms.domain.order.events import (
    ChannelCancelConflicted,
    ChannelPaymentReported,
    ChannelRevisionSeen,
    HoldPlaced,
    HoldReleased,
    LinesReturned,
    LineUnits,
    OrderEvent,
    OrderPlaced,
    PlacedLine,
    RefundFailed,
    RefundRequested,
    RefundSucceeded,
    ShipToChanged,
)
from oms.domain.order.evolve import fold, place
from oms.domain.order.returning import return_to_node
from oms.domain.order.scanning import all_back
from oms.domain.order.state import RefundStatus
from oms.domain.stock import MAX_POSITIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from oms.domain.canonical import CanonicalOrder, ChannelRefund
    from oms.domain.order.commands import RecordChannelRefund, SyncOrder
    from oms.domain.order.events import NodeUnits
    from oms.domain.order.state import Order, Refund

CHANNEL_HOLD: Final = "channel_hold"

_PROGRESS: Final = {
    PaymentState.PENDING: 0,
    PaymentState.FAILED: 1,
    PaymentState.AUTHORIZED: 2,
    PaymentState.PAID: 3,
    PaymentState.PARTIALLY_REFUNDED: 4,
    PaymentState.REFUNDED: 5,
    PaymentState.VOIDED: 6,
}


def sync(order_id: str, order: Order | None, command: SyncOrder) -> tuple[OrderEvent, ...]:
    """Everything that the snapshot changes.

    Raises IdempotencyKeyReusedError when a `POST /orders` key comes back with another body, RefundBeforePaymentError
    when a refund overtook its payment, CurrencyMismatchError when the snapshot's money is in another currency.
    """
    if order is not None and command.request_hash:
        if command.request_hash != order.placed.request_hash:
            raise IdempotencyKeyReusedError("this Idempotency-Key was used for another order", order_id=order_id)
        return ()
    events: list[OrderEvent] = []
    if order is None:
        placed, *holds = _placing(command)
        events += [placed, *holds]
        order = place(order_id, placed)
        order = fold(order_id, holds, order) or order
    elif command.snapshot.currency != order.placed.currency and _tells_money(command.snapshot):
        raise CurrencyMismatchError("the order was placed in another currency", currency=order.placed.currency)
    newer = order.revision is None or (command.snapshot.revision, command.digest) > order.revision
    steps: list[Callable[[Order], tuple[OrderEvent, ...]]] = [
        lambda state: _payment_progress(state, command.snapshot),
        lambda state: channel_edits.added(state, command) if newer else (),
        lambda state: _cancellations(state, command.snapshot, command.command_id, newer=newer),
        lambda state: _refunds(state, command.snapshot),
    ]
    if newer:
        steps.append(lambda state: _replaceable(state, command.snapshot))
    elif order.placed.ship_to is None:
        steps.append(lambda state: _destination(state, command.snapshot))
    for step in steps:
        fresh = step(order)
        events.extend(fresh)
        order = fold(order_id, fresh, order) or order
    if newer and not command.request_hash:
        events.append(ChannelRevisionSeen(revision=command.snapshot.revision, digest=command.digest))
    return tuple(events)


def _tells_money(snapshot: CanonicalOrder) -> bool:
    return bool(snapshot.payment.captured or snapshot.refunds)


def _placing(command: SyncOrder) -> tuple[OrderPlaced, *tuple[HoldPlaced, ...]]:
    snapshot, kits, serialized = command.snapshot, dict(command.kits), dict(command.serialized)
    lines = tuple(
        PlacedLine(
            line_id=line.line_ref,
            sku=line.sku,
            quantity=line.quantity,
            unit_price=line.unit_price,
            discount=line.discount,
            tax=line.tax,
            title=line.title,
            requires_shipping=line.requires_shipping,
            tax_class=line.tax_class,
            components=kits.get(line.sku, ()) if line.requires_shipping else (),
            serialized=serialized.get(line.sku, ()) if line.requires_shipping else (),
        )
        for line in snapshot.lines
    )
    placed = OrderPlaced(
        channel=snapshot.source,
        account=snapshot.account,
        external_id=snapshot.external_id,
        number=snapshot.number,
        placed_at=snapshot.placed_at,
        currency=snapshot.currency,
        total=snapshot.total,
        lines=lines,
        payment=command.payment,
        tax_included=snapshot.tax_included,
        shipping=snapshot.shipping,
        shipping_tax=snapshot.shipping_tax,
        fees=snapshot.fees,
        fee_tax=snapshot.fee_tax,
        tips=snapshot.tips,
        duties=snapshot.duties,
        gift_cards=snapshot.gift_cards,
        ship_to=snapshot.ship_to,
        shipping_method=snapshot.shipping_method,
        customer_id=command.customer_id,
        request_hash=command.request_hash,
        stock_hold=snapshot.stock_hold,
        tenders=command.tenders,
        taxes=snapshot.taxes,
        countervalue=snapshot.countervalue,
    )
    holds = [unknown_sku_hold(line.line_id, line.sku) for line in lines if line.sku in command.unknown_skus]
    return (placed, *holds)


def _payment_progress(order: Order, snapshot: CanonicalOrder) -> tuple[OrderEvent, ...]:
    if not order.placed.payment.in_channel:
        return ()
    known = order.payment
    state = max(snapshot.payment.state, known.channel_state, key=_PROGRESS.__getitem__)
    captured = max(snapshot.payment.captured, known.captured)
    if (state, captured) == (known.channel_state, known.captured):
        return ()
    return (ChannelPaymentReported(state=state, captured=captured),)


def _cancellations(order: Order, snapshot: CanonicalOrder, cause: str, *, newer: bool) -> tuple[OrderEvent, ...]:
    late: list[LineUnits] = []
    if snapshot.cancelled:
        wanted = {line_id: line.ledger.cancellable for line_id, line in order.lines.items() if line.ledger.cancellable}
        for line_id, line in order.lines.items():
            ledger = line.ledger
            missing = ledger.ordered - ledger.returned - ledger.cancelled - line.conflicted
            # A whole cancellation after hand-over is a conflict; units that a refund brings back are not.
            if missing > wanted.get(line_id, 0):
                late.append(LineUnits(line_id=line_id, quantity=missing - wanted.get(line_id, 0)))
    else:
        wanted = channel_edits.removed(order, snapshot, newer=newer)
    events: list[OrderEvent] = []
    if wanted:
        reason = snapshot.cancel_reason if snapshot.cancelled else "removed in the channel"
        events.extend(cancel_units(order, wanted, origin="channel", reason=reason, cause=cause))
    if late:
        events.append(ChannelCancelConflicted(lines=tuple(late)))
    return tuple(events)


def _refunds(order: Order, snapshot: CanonicalOrder) -> tuple[OrderEvent, ...]:
    events: list[OrderEvent] = []
    for refund in snapshot.refunds:
        fresh = record_refund(order, refund, cancels=False)
        events.extend(fresh)
        order = fold(order.order_id, fresh, order) or order
    return tuple(events)


def _destination(order: Order, snapshot: CanonicalOrder) -> tuple[OrderEvent, ...]:
    if snapshot.ship_to and snapshot.ship_to != order.placed.ship_to and not order.parcels:
        return (ShipToChanged(ship_to=snapshot.ship_to),)
    return ()


def _replaceable(order: Order, snapshot: CanonicalOrder) -> tuple[OrderEvent, ...]:
    events = [*_destination(order, snapshot), *channel_edits.holds(order, snapshot)]
    active = [hold for hold in order.active_holds if hold.kind == CHANNEL_HOLD]
    if snapshot.on_hold and not active:
        hold_id = derive("hld", CHANNEL_HOLD, snapshot.revision.isoformat())
        events.append(HoldPlaced(hold_id=hold_id, kind=CHANNEL_HOLD, reason=snapshot.on_hold))
    if not snapshot.on_hold:
        events.extend(HoldReleased(hold_id=hold.hold_id) for hold in active)
    return tuple(events)


def record_channel_refund(order: Order, command: RecordChannelRefund) -> tuple[OrderEvent, ...]:
    """A refund delivered apart from its order; see `record_refund`. Raises CurrencyMismatchError."""
    if command.currency and command.currency != order.placed.currency:
        raise CurrencyMismatchError("the refund is in another currency", currency=command.currency)
    return record_refund(order, command.refund, cancels=True)


def record_refund(order: Order, refund: ChannelRefund, *, cancels: bool) -> tuple[OrderEvent, ...]:
    """A channel's refund, once by its reference: it completes a request of ours for the same amount, or stands alone.

    `cancels`: units it took back before shipping are cancelled (a snapshot says that by itself). Raises
    RefundBeforePaymentError when more would have gone back than was captured.
    """
    known = order.payment.refunds.values()
    if any(each.refund_ref == refund.refund_ref and each.counts for each in known):
        return ()
    refund = channel_edits.by_our_lines(order, refund)
    ours = next(
        (each for each in known if each.status is RefundStatus.REQUESTED and each.amount == refund.amount), None
    )
    removed, returned = _units_taken_back(order, refund)
    events: list[OrderEvent] = []
    if ours and order.placed.payment.in_channel:
        refund_id = ours.refund_id
    else:
        refund_id = derive("rfd", order.order_id, refund.refund_ref)
        events.extend(_standing_alone(order, refund, refund_id))
    events.append(
        RefundSucceeded(
            refund_id=refund_id, refund_ref=refund.refund_ref, removed=_parts(removed), returned=_parts(returned)
        )
    )
    state = fold(order.order_id, events, order) or order
    events.extend(_moved_units(state, refund, refund_id, cancels=cancels))
    return tuple(events)


def _standing_alone(order: Order, refund: ChannelRefund, refund_id: str) -> list[OrderEvent]:
    if order.payment.refunded + refund.amount > order.payment.captured:
        raise RefundBeforePaymentError(
            "the channel refunded more than was captured so far",
            refund_ref=refund.refund_ref,
            amount=refund.amount,
            refundable=order.payment.captured - order.payment.refunded,
        )
    requested = RefundRequested(refund_id=refund_id, amount=refund.amount, reason=refund.reason, origin="channel")
    return [*_displaced(order, refund.amount), requested]


def _displaced(order: Order, amount: int) -> list[OrderEvent]:
    """Requests of ours that no longer fit beside what the channel has already given back."""
    over = amount - refundable(order)
    failed: list[OrderEvent] = []
    waiting: list[Refund] = [each for each in order.payment.refunds.values() if each.open]
    for each in reversed(waiting):
        if over <= 0:
            break
        failed.append(RefundFailed(refund_id=each.refund_id, reason="refunded in the channel"))
        over -= each.amount
    return failed


def _units_taken_back(order: Order, refund: ChannelRefund) -> tuple[dict[str, int], dict[str, int]]:
    """Units by line that the refund took back before they left, and those that came back after."""
    removed: dict[str, int] = {}
    returned: dict[str, int] = {}
    for part in refund.lines:
        line = order.lines.get(part.line_ref)
        if line is None:
            continue
        away = line.ledger.gone - _refund_units(order, "returned", part.line_ref) - returned.get(part.line_ref, 0)
        back = max(0, min(part.quantity, away)) if part.restock is Restock.RETURN else 0
        returned[part.line_ref] = returned.get(part.line_ref, 0) + back
        # Money only, for a line of which something has left: which unit is meant, a later snapshot says.
        vague = part.restock is Restock.NONE and line.ledger.gone > 0
        rest = 0 if vague else part.quantity - back
        removed[part.line_ref] = removed.get(part.line_ref, 0) + rest
    return removed, returned


def _refund_units(order: Order, what: Literal["removed", "returned"], line_id: str) -> int:
    refunds = [each for each in order.payment.refunds.values() if each.counts]
    return sum((each.removed if what == "removed" else each.returned).get(line_id, 0) for each in refunds)


def _parts(units: dict[str, int]) -> tuple[LineUnits, ...]:
    return tuple(LineUnits(line_id=line_id, quantity=count) for line_id, count in units.items() if count)


def _moved_units(order: Order, refund: ChannelRefund, refund_id: str, *, cancels: bool) -> list[OrderEvent]:
    """The units of all the channel's refunds together, as far as they have not been moved before.

    Counted over all, because a snapshot may have told of the same units, or we may have asked for this very refund.
    """
    back: list[NodeUnits] = []
    dropped: dict[str, int] = {}
    for line_id in dict.fromkeys(part.line_ref for part in refund.lines if part.line_ref in order.lines):
        line = order.lines[line_id]
        returned = _refund_units(order, "returned", line_id) - line.ledger.returned
        here = min(returned, line.ledger.gone - line.ledger.returned)
        back.extend(return_to_node(order, line_id, here, all_back(line, here)))
        removed = _refund_units(order, "removed", line_id) - line.ledger.cancelled - line.conflicted
        if cancels and min(removed, line.ledger.cancellable) > 0:
            dropped[line_id] = min(removed, line.ledger.cancellable)
    events: list[OrderEvent] = []
    if back:
        events.append(LinesReturned(units=_fitting(back), refund_id=refund_id))
    if dropped:
        events.extend(cancel_units(order, dropped, origin="channel", reason=refund.reason, cause=refund.refund_ref))
    return events


def _fitting(back: list[NodeUnits]) -> tuple[NodeUnits, ...]:
    """Too many to be named in one transaction come back unnamed; they can be named later."""
    named = sum(len(units.serials) for units in back)
    if named and named + len({place for units in back for place in units.places}) > MAX_POSITIONS:
        return tuple([replace(units, serials=()) for units in back])
    return tuple(back)
