"""Deciding on the promise: payment verified, units bound at nodes and released, now or later, or backordered."""

from __future__ import annotations

from datetime import UTC
from itertools import count
from typing import TYPE_CHECKING, Final

from oms.domain.errors import InvalidTransitionError
from oms.domain.ids import derive, fulfillment_order_id
from oms.domain.order.changing import cancel_units
from oms.domain.order.charging import owed, payable
from oms.domain.order.events import (
    HoldPlaced,
    LinesBackordered,
    LinesDelivered,
    LinesReserved,
    LineUnits,
    MovedDate,
    NodeUnits,
    OrderEvent,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentDeclined,
    PromiseDateMoved,
    RefundRequested,
)
from oms.domain.order.evolve import fold
from oms.domain.order.state import FulfillmentOrderStatus
from oms.domain.order.status import payment_cleared
from oms.domain.order.tendering import PAYMENT_EXPIRED, goes_on
from oms.domain.order.tenders import FIRST, captured_of, of_tender, tender_at
from oms.domain.payments import AuthorizationState
from oms.domain.stock import MAX_POSITIONS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from oms.domain.order.commands import PromiseOrder, RecordAuthorization
    from oms.domain.order.state import Order
    from oms.domain.order.tenders import Tendered
    from oms.domain.payments import AuthorizationResult


WAITED: Final = "backordered for too long"


def wanted_units(order: Order) -> dict[str, int]:
    """Units by line that want a promise and may have one: open or backordered, to be shipped, not held."""
    held = order.held_lines
    return {
        line_id: line.ledger.open + line.ledger.backordered
        for line_id, line in order.lines.items()
        if line.placed.requires_shipping and line_id not in held and line.ledger.open + line.ledger.backordered > 0
    }


def promise(order: Order, command: PromiseOrder) -> tuple[OrderEvent, ...]:
    """Bind the planned units and backorder the short ones; the payment that was just verified is recorded with them.

    Units that were cancelled or held since planning raise InvalidTransitionError: plan again.
    """
    events = list(authorize(order, command.authorization)) if command.authorization else []
    state = fold(order.order_id, events, order) or order
    if not payment_cleared(state):
        return tuple(events)
    wanted = wanted_units(order)
    planned: dict[str, int] = {}
    for units in command.units:
        planned[units.line_id] = planned.get(units.line_id, 0) + units.quantity
    if any(count > wanted.get(line_id, 0) for line_id, count in planned.items()):
        raise InvalidTransitionError("the order changed since the plan was made", order_id=order.order_id)
    events.extend(_without_shipping(order))
    if command.units:
        events.append(
            LinesReserved(
                units=command.units,
                fulfillment_orders=fulfillment_orders_of(order, command.units),
                promised_by=command.promised_by,
                decision=dict(command.decision),
                taken_over=command.taken_over,
                release_at=command.release_at,
            )
        )
    # Planned units are taken from the open ones first; a line held or cancelled since planning waits for the next plan.
    left = {line_id: max(0, order.lines[line_id].ledger.open - planned.get(line_id, 0)) for line_id in wanted}
    short = tuple(
        LineUnits(line_id=units.line_id, quantity=min(units.quantity, left[units.line_id]))
        for units in command.short
        if left.get(units.line_id)
    )
    decision = {} if command.units else dict(command.decision)
    if command.hold and command.hold[0] not in order.holds:
        hold_id, kind, reason = command.hold
        lines = tuple(wanted)
        events.append(HoldPlaced(hold_id=hold_id, kind=kind, reason=reason, lines=lines, decision=decision))
        return tuple(events)
    if short:
        told = command.expected or {}
        backordered = LinesBackordered(
            lines=short,
            decision=decision,
            retry_at=command.retry_at,
            cancel_at=command.cancel_at,
            expected_at={units.line_id: told[units.line_id] for units in short if units.line_id in told},
        )
        events.append(backordered)
    events.extend(_waited_too_long(order, events, command))
    return (*events, *_moved_dates(order, events, command))


def _moved_dates(order: Order, events: list[OrderEvent], command: PromiseOrder) -> tuple[OrderEvent, ...]:
    """Of lines that wait still, those of which the day moved. Within a day nothing is told: nobody plans by it."""
    if command.expected is None:
        return ()
    after = fold(order.order_id, events, order) or order
    moved = []
    for line_id in dict.fromkeys(units.line_id for units in command.short):
        before, now = after.lines[line_id].expected_at, command.expected.get(line_id)
        if after.lines[line_id].ledger.backordered and _day(before) != _day(now):
            moved.append(MovedDate(line_id=line_id, before=before, after=now))
    return (PromiseDateMoved(lines=tuple(moved)),) if moved else ()


def _day(at: datetime | None) -> date | None:
    return at.astimezone(UTC).date() if at else None


def fulfillment_orders_of(order: Order, units: Iterable[NodeUnits]) -> dict[str, str]:
    """The fulfillment order of each node: a new one, but for orders that are bound in several transactions.

    Those add to the one that the node has not begun, or each node would get one of every transaction.
    """
    open_: dict[str, str] = {}
    if len(order.lines) > MAX_POSITIONS:
        for known in order.fulfillment_orders.values():
            begun = not known.planned and known.status is not FulfillmentOrderStatus.RELEASED
            if not begun and known.remaining and not known.shipments:
                open_[known.node_id] = known.fulfillment_order_id
    fresh = count(len(order.fulfillment_orders) + 1)
    nodes = dict.fromkeys(part.node_id for part in units)
    return {open_.get(node) or fulfillment_order_id(order.order_id, next(fresh)): node for node in nodes}


def _waited_too_long(order: Order, events: list[OrderEvent], command: PromiseOrder) -> tuple[OrderEvent, ...]:
    """The end of what is short still and has waited as long as its rule allows."""
    after = fold(order.order_id, events, order) or order
    short = {units.line_id for units in command.short}
    held = after.held_lines
    over = {
        line_id: line.ledger.backordered
        for line_id, line in after.lines.items()
        if line_id in short
        and line_id not in held
        and line.ledger.backordered
        and not line.ledger.open
        and line.cancel_at
        and command.at
        and line.cancel_at <= command.at
    }
    return cancel_units(after, over, origin="oms", reason=WAITED, cause=command.command_id) if over else ()


def _without_shipping(order: Order) -> list[OrderEvent]:
    held = order.held_lines
    lines = tuple(
        LineUnits(line_id=line_id, quantity=line.ledger.open)
        for line_id, line in order.lines.items()
        if not line.placed.requires_shipping and line.ledger.open and line_id not in held
    )
    return [LinesDelivered(lines=lines)] if lines else []


def authorize(order: Order, result: AuthorizationResult, number: int = FIRST) -> tuple[OrderEvent, ...]:
    """What the provider's word on a tender changes; the same word twice changes nothing."""
    tender = tender_at(order.payment, number)
    if order.placed.payment.in_channel or tender is None:
        return ()
    if result.state is AuthorizationState.CAPTURED:
        return _going_on(order, _captured(order, result.amount, tender))
    if result.state is AuthorizationState.AUTHORIZED:
        amount = min(result.amount, tender.amount) if len(order.payment.tenders) > 1 else result.amount
        if tender.authorized >= amount or tender.voided:
            return ()
        held = PaymentAuthorized(amount=amount, tender=number, expires_at=result.expires_at)
        return _going_on(order, (held,))
    if result.state is AuthorizationState.DECLINED and not tender.declined and not _covered(order, tender):
        return (PaymentDeclined(reason=result.reason or "declined", tender=number),)
    return ()


def _covered(order: Order, tender: Tendered) -> bool:
    """A refusal comes too late: its money was held, or is not needed."""
    return payment_cleared(order) and not tender.unasked


def needed(order: Order, tender: Tendered) -> int:
    """What a tender has to hold."""
    return tender.amount if len(order.payment.tenders) > 1 else payable(order.placed)


def _going_on(order: Order, events: tuple[OrderEvent, ...]) -> tuple[OrderEvent, ...]:
    """With the money held, an order that waited for it goes on."""
    if not events or not any(hold.kind == PAYMENT_EXPIRED for hold in order.active_holds):
        return events
    return (*events, *goes_on(fold(order.order_id, events, order) or order))


def _captured(order: Order, amount: int, tender: Tendered) -> tuple[OrderEvent, ...]:
    """The provider captured by itself; what it took for units that were cancelled before goes back."""
    payment, number = order.payment, tender.number
    fresh = amount - captured_of(payment, number)
    if fresh <= 0 or any(of_tender(asked, number) for asked in (payment.captures, payment.submitted, payment.undone)):
        return ()
    reference = tender.reference
    captured = PaymentCaptured(capture_id=reference, amount=fresh, tender=number)
    taken = payment.captured + fresh
    most = taken if order.edits else min(taken, payable(order.placed))  # what it is to pay may have fallen since
    over = most - owed(order) - payment.refunding
    refund_id = derive("rfd", order.order_id, reference, "captured")
    if over <= 0 or refund_id in payment.refunds:
        return (captured,)
    back = RefundRequested(refund_id=refund_id, amount=min(over, fresh), reason="cancelled", tender=number)
    return (captured, back)


def record_authorization(order: Order, command: RecordAuthorization) -> tuple[OrderEvent, ...]:
    """See `authorize`."""
    return authorize(order, command.authorization, command.tender)
