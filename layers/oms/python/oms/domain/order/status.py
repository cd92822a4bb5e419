"""Statuses, derived from quantities and money; nothing stores them but views.

`LIFECYCLE` says which order status may follow which; `docs/lifecycle.md` is drawn from it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from oms.domain.canonical import PaymentState
from oms.domain.order.charging import due_captures, due_refunds, money_due, owed, payable, settled_back, void_due
from oms.domain.order.covering import paid
from oms.domain.order.ledger import Place
from oms.domain.order.return_state import label_due, pays_returns, replacement_due
from oms.domain.order.tenders import held_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from oms.domain.order.state import Hold, Line, Order


class OrderStatus(StrEnum):
    """The order as a whole."""

    PENDING = "pending"
    """Taken; some live unit is not promised yet."""
    CONFIRMED = "confirmed"
    """Every live unit is promised: allocated, or backordered."""
    CLOSED = "closed"
    """Every live unit is with the customer or came back, and the money is settled."""
    CANCELLED = "cancelled"
    """No unit is live."""


LIFECYCLE: Final[Mapping[OrderStatus, frozenset[OrderStatus]]] = {
    OrderStatus.PENDING: frozenset({OrderStatus.CONFIRMED, OrderStatus.CLOSED, OrderStatus.CANCELLED}),
    OrderStatus.CONFIRMED: frozenset({OrderStatus.PENDING, OrderStatus.CLOSED, OrderStatus.CANCELLED}),
    OrderStatus.CLOSED: frozenset({OrderStatus.CONFIRMED}),
    OrderStatus.CANCELLED: frozenset(),
}
"""CONFIRMED to PENDING: a node rejected what it was given, or an edit added units. PENDING to CLOSED: nothing had to be
shipped. CLOSED to CONFIRMED: a refund was asked for later, and is not settled yet."""


class FulfillmentStatus(StrEnum):
    """Where the goods are."""

    UNFULFILLED = "unfulfilled"
    BACKORDERED = "backordered"
    ALLOCATED = "allocated"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    PARTIALLY_DELIVERED = "partially_delivered"
    DELIVERED = "delivered"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class PaymentStatus(StrEnum):
    """Where the money is."""

    PENDING = "pending"
    DECLINED = "declined"
    AUTHORIZED = "authorized"
    PARTIALLY_CAPTURED = "partially_captured"
    CAPTURED = "captured"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    VOIDED = "voided"
    DISPUTED = "disputed"
    NOT_NEEDED = "not_needed"


class Stage(StrEnum):
    """The one word that lists are kept by."""

    PLACED = "placed"
    AWAITING_PAYMENT = "awaiting_payment"
    ON_HOLD = "on_hold"
    BACKORDERED = "backordered"
    PLANNED = "planned"
    """Bound at nodes; its release waits."""
    RELEASED = "released"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class NextStep(StrEnum):
    """What the system can do for the order now, without anybody."""

    NONE = ""
    PROMISE = "promise"
    CANCEL = "cancel"
    """Go on cancelling what one transaction could not free."""
    SETTLE = "settle"
    RETURN = "return"
    """Go on with its returns: nothing but money of theirs is due, a label, or the order that one pays for."""


def units_at(order: Order, place: Place) -> int:
    """Units of all lines in `place`."""
    return sum(line.ledger.at(place) for line in order.lines.values())


def payment_cleared(order: Order) -> bool:
    """The goods may be promised: the money is held by all tenders together, taken, granted, or not needed."""
    return owed(order) == 0 or _money_held(order)


def _money_held(order: Order) -> bool:
    payment = order.payment
    if order.placed.payment.in_channel:
        return payment.channel_state in (
            PaymentState.AUTHORIZED,
            PaymentState.PAID,
            PaymentState.PARTIALLY_REFUNDED,
        )
    if len(payment.tenders) > 1 or any(each.lapsed or each.exchange for each in payment.tenders):
        return sum(held_of(payment, each) for each in payment.tenders) >= owed(order)
    return not payment.voided and max(payment.authorized, payment.captured) > 0


def order_status(order: Order) -> OrderStatus:
    """See OrderStatus."""
    live = sum(line.ledger.live for line in order.lines.values())
    if live == 0:
        return OrderStatus.CANCELLED
    if units_at(order, Place.DELIVERED) + units_at(order, Place.RETURNED) == live and settled(order):
        return OrderStatus.CLOSED
    return OrderStatus.PENDING if units_at(order, Place.OPEN) else OrderStatus.CONFIRMED


def settled(order: Order) -> bool:
    """Nobody owes anybody: what is due was captured and no refund is open."""
    payment = order.payment
    if any(refund.open for refund in payment.refunds.values()) or payment.submitted or money_due(order):
        return False
    return order.placed.payment.in_channel or paid(order) >= min(owed(order), payment.authorized - settled_back(order))


def fulfillment_status(order: Order) -> FulfillmentStatus:
    """See FulfillmentStatus."""
    return _goods(order.lines.values())


def _goods(lines: Collection[Line]) -> FulfillmentStatus:
    at = {place: sum(line.ledger.at(place) for line in lines) for place in Place}
    live = sum(at.values()) - at[Place.CANCELLED]
    gone = at[Place.SHIPPED] + at[Place.DELIVERED] + at[Place.RETURNED]
    if live == 0:
        return FulfillmentStatus.CANCELLED
    if at[Place.RETURNED] == live:
        return FulfillmentStatus.RETURNED
    if at[Place.DELIVERED] + at[Place.RETURNED] == live:
        return FulfillmentStatus.DELIVERED
    if at[Place.DELIVERED]:
        return FulfillmentStatus.PARTIALLY_DELIVERED
    if gone:
        return FulfillmentStatus.SHIPPED if gone == live else FulfillmentStatus.PARTIALLY_SHIPPED
    if at[Place.BACKORDERED]:
        return FulfillmentStatus.BACKORDERED
    return FulfillmentStatus.ALLOCATED if at[Place.ALLOCATED] == live else FulfillmentStatus.UNFULFILLED


def payment_status(order: Order) -> PaymentStatus:
    """See PaymentStatus."""
    payment = order.payment
    if order.disputes.open:
        return PaymentStatus.DISPUTED
    if payment.voided or payment.channel_state is PaymentState.VOIDED:
        return PaymentStatus.VOIDED
    if payment.refunded:
        whole = payment.refunded >= payment.captured
        return PaymentStatus.REFUNDED if whole else PaymentStatus.PARTIALLY_REFUNDED
    if payment.captured:
        whole = paid(order) >= owed(order)
        return PaymentStatus.CAPTURED if whole else PaymentStatus.PARTIALLY_CAPTURED
    if payable(order.placed) and _money_held(order):
        return PaymentStatus.AUTHORIZED
    if payment.declined or payment.channel_state is PaymentState.FAILED:
        return PaymentStatus.DECLINED
    return PaymentStatus.PENDING if owed(order) else PaymentStatus.NOT_NEEDED


_BY_FULFILLMENT: Final[Mapping[FulfillmentStatus, Stage]] = {
    FulfillmentStatus.BACKORDERED: Stage.BACKORDERED,
    FulfillmentStatus.ALLOCATED: Stage.RELEASED,
    FulfillmentStatus.PARTIALLY_SHIPPED: Stage.PARTIALLY_SHIPPED,
    FulfillmentStatus.SHIPPED: Stage.SHIPPED,
    FulfillmentStatus.DELIVERED: Stage.DELIVERED,
    FulfillmentStatus.RETURNED: Stage.DELIVERED,
}


_NOTHING_LEFT: Final = frozenset(
    {FulfillmentStatus.UNFULFILLED, FulfillmentStatus.BACKORDERED, FulfillmentStatus.ALLOCATED}
)


def _stops(hold: Hold, order: Order) -> bool:
    """Units that the hold is about have not left."""
    return not hold.lines or any(order.lines[line_id].ledger.cancellable for line_id in hold.lines)


def stage(order: Order) -> Stage:
    """The order's one word for lists: what it waits for, or how far it has come."""
    status = order_status(order)
    if status in (OrderStatus.CLOSED, OrderStatus.CANCELLED):
        return Stage(status.value)
    # What needs no shipping says nothing of how far the parcels are.
    to_ship = [line for line in order.lines.values() if line.placed.requires_shipping and line.ledger.live]
    lines = to_ship or list(order.lines.values())
    goods = _goods(lines)
    if goods in _NOTHING_LEFT and any(_stops(hold, order) for hold in order.active_holds):
        return Stage.ON_HOLD
    if goods is FulfillmentStatus.PARTIALLY_DELIVERED:
        return Stage.PARTIALLY_SHIPPED if any(line.ledger.cancellable for line in lines) else Stage.SHIPPED
    if goods in _BY_FULFILLMENT:
        word = _BY_FULFILLMENT[goods]
        return _at_nodes(order) if word is Stage.RELEASED else word
    if units_at(order, Place.ALLOCATED):
        return _at_nodes(order)
    return Stage.PLACED if payment_cleared(order) else Stage.AWAITING_PAYMENT


def _at_nodes(order: Order) -> Stage:
    """Whether any warehouse has been told of what is bound."""
    waits = [known.planned for known in order.fulfillment_orders.values() if known.remaining]
    return Stage.PLANNED if waits and all(waits) else Stage.RELEASED


def next_step(order: Order) -> NextStep:
    """What can be done now. Payments that we hold are verified by the promise step itself."""
    if order.cancelling is not None:
        return NextStep.CANCEL
    if money_due(order):
        only = not due_captures(order) and not void_due(order)
        returns = only and pays_returns(order, due_refunds(order))
        return NextStep.RETURN if returns else NextStep.SETTLE
    held = order.held_lines
    waiting = any(line.ledger.open and line_id not in held for line_id, line in order.lines.items())
    verifiable = not order.placed.payment.in_channel and not order.payment.declined and not order.payment.voided
    if waiting and (payment_cleared(order) or verifiable):
        return NextStep.PROMISE
    return NextStep.RETURN if label_due(order) or replacement_due(order) else NextStep.NONE
