"""Deciding on a change of what was ordered: lines, units, destination, method, in one commit with all that follows.

The order as it was placed stays in its log. What was priced, charged or shipped keeps its price: more units of a line
are a line of their own (`adds_to`), so that what each unit is worth (`charging`) never moves.

The commit: `OrderEdited`; `LinesCancelled` for units taken off; a refund, when money that was taken is more than is to
be paid now; a `payment_due` hold, when what is held or was taken is less; and `LinesReserved` for what was planned.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.domain.errors import (
    EditInChannelError,
    InvalidInputError,
    InvalidTransitionError,
    InWorkError,
    NothingToCancelError,
    TooManyPositionsError,
)
from oms.domain.ids import derive
from oms.domain.money import check_minor, format_minor
from oms.domain.order.changing import taken_off
from oms.domain.order.charging import chargeable, line_total, owed
from oms.domain.order.covering import PAYMENT_DUE, freed_by, uncovered
from oms.domain.order.events import (
    HoldPlaced,
    LinesCancelled,
    LinesReserved,
    OrderEdited,
    OrderEvent,
)
from oms.domain.order.evolve import fold
from oms.domain.order.promising import fulfillment_orders_of
from oms.domain.order.refunding import requested
from oms.domain.order.stakes import free_to_refund
from oms.domain.order.state import FulfillmentOrderStatus
from oms.domain.order.status import OrderStatus, order_status, payment_cleared
from oms.domain.stock import MAX_POSITIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from oms.domain.order.edit_commands import EditOrder, EditPlan, OrderEdit
    from oms.domain.order.events import NodeUnits, PlacedLine
    from oms.domain.order.state import FulfillmentOrder, Order

OURS: Final = "oms"
MAX_ADDED: Final = 90
"""Lines that one edit adds."""


def edit(order: Order, command: EditOrder) -> tuple[OrderEvent, ...]:
    """The commit of an edit; nothing that it asks is done in part.

    Raises InvalidInputError, NothingToCancelError (units that have left, or are cancelled), InWorkError (a warehouse
    has begun on what would go elsewhere), InvalidTransitionError (something has left; the order is at its end),
    EditInChannelError, TooManyPositionsError.
    """
    asked = command.edit
    _check(order, asked)
    wanted = _taken_off(order, asked)
    off = taken_off(order, wanted, origin=OURS, reason=asked.reason) if wanted else None
    kept_off: tuple[OrderEvent, ...] = (off,) if off else ()
    if off and sum(part.quantity for part in off.lines) < sum(wanted.values()):
        raise TooManyPositionsError("more is taken off than one transaction can free", limit=MAX_POSITIONS)
    rest = fold(order.order_id, kept_off, order) or order
    freed = _freed(rest, command) if asked.moves else []
    fact = OrderEdited(
        edit_id=command.edit_id,
        origin=OURS,
        total=order.placed.total,
        reason=asked.reason,
        added=asked.add,
        ship_to=asked.ship_to,
        addressed=asked.addressed,
        shipping_method=asked.shipping_method,
        shipping=asked.shipping,
        shipping_tax=asked.shipping_tax,
        line_taxes=dict(asked.line_taxes),
        taxes=asked.taxes,
        freed=tuple(part for part, _ in freed),
        out_of=tuple(known.fulfillment_order_id for _, known in freed),
    )
    after = fold(order.order_id, (fact, *kept_off), order) or order
    if order_status(after) is OrderStatus.CANCELLED:
        raise InvalidInputError("nothing would be left of the order: cancel it instead")
    fact = replace(fact, total=chargeable(after), change=owed(after) - owed(order))
    events: list[OrderEvent] = [fact, *kept_off]
    after = fold(order.order_id, events, order) or order
    events += _money(order, after, fact, command.command_id)
    after = fold(order.order_id, events, order) or order
    events += _bound(after, command.plan, fact)
    _fits(events)
    return tuple(events)


def _check(order: Order, asked: OrderEdit) -> None:
    if order.placed.payment.in_channel and not order.placed.request_hash:
        raise EditInChannelError("this order is edited in its channel", channel=order.placed.channel)
    if order_status(order) in (OrderStatus.CLOSED, OrderStatus.CANCELLED) or order.cancelling:
        raise InvalidTransitionError("the order is at its end", status=order_status(order).value)
    if not (asked.add or asked.remove or asked.moves or asked.shipping is not None):
        raise InvalidInputError("the edit changes nothing")
    if len(asked.add) > MAX_ADDED:
        raise TooManyPositionsError("too many lines are added at once", limit=MAX_ADDED)
    for placed in asked.add:
        _check_added(order, placed)
    if len({placed.line_id for placed in asked.add}) < len(asked.add):
        raise InvalidInputError("two lines share one id")
    _check_destination(order, asked)


def _check_destination(order: Order, asked: OrderEdit) -> None:
    """What changes with where the order goes, and how."""
    for amount in (asked.shipping or 0, asked.shipping_tax or 0, *asked.line_taxes.values()):
        if check_minor(amount) < 0:
            raise InvalidInputError("an amount is negative")
    if order.handovers and (asked.shipping is not None or asked.shipping_tax is not None):
        raise InvalidTransitionError("shipping was charged with the first hand-over")
    if asked.moves and order.handovers:
        raise InvalidTransitionError("something has left: where the order goes, and how, cannot change any more")
    if not order.lines.keys() >= asked.line_taxes.keys() or (asked.line_taxes and not asked.moves):
        raise InvalidInputError("taxes change with the destination, of lines that the order has")


def _check_added(order: Order, placed: PlacedLine) -> None:
    if placed.line_id in order.lines or placed.quantity <= 0:
        raise InvalidInputError("the order has such a line, or the quantity is not positive", line=placed.line_id)
    if placed.adds_to and placed.adds_to not in order.lines:
        raise InvalidInputError("the order has no such line", line=placed.adds_to)
    amounts = (placed.unit_price, placed.discount, placed.tax, line_total(placed, tax_included=True))
    if min(amounts) < 0:
        raise InvalidInputError("an amount is negative, or a discount more than the price", line=placed.line_id)
    check_minor(line_total(placed, tax_included=False))


def _taken_off(order: Order, asked: OrderEdit) -> dict[str, int]:
    wanted: Counter[str] = Counter()
    for units in asked.remove:
        if units.line_id not in order.lines or units.quantity <= 0:
            raise InvalidInputError("the order has no such line or the quantity is not positive", line=units.line_id)
        wanted[units.line_id] += units.quantity
    short = [line_id for line_id, units in wanted.items() if units > order.lines[line_id].ledger.cancellable]
    if short:
        raise NothingToCancelError("units have been handed over or were cancelled before", lines=short)
    return dict(wanted)


def _freed(order: Order, command: EditOrder) -> list[tuple[NodeUnits, FulfillmentOrder]]:
    """What is bound and would come from elsewhere, or at another time, by the plan. Raises InWorkError."""
    begun = [
        known.fulfillment_order_id
        for known in order.fulfillment_orders.values()
        if known.remaining and known.status is FulfillmentOrderStatus.ACCEPTED
    ]
    if begun:
        raise InWorkError("a warehouse works on it already", fulfillment_orders=begun)
    return [
        (order.bound_at(known, line_id, units), known)
        for known in order.fulfillment_orders.values()
        if known.remaining and not stays(known, command.plan)
        for line_id, units in known.remaining.items()
    ]


def stays(known: FulfillmentOrder, plan: EditPlan | None) -> bool:
    """What is bound is what would be planned again for where the order goes now: same units, same node, no later."""
    if plan is None or plan.promised_by > known.promised_by:
        return False
    there: Counter[str] = Counter()
    for part in plan.units:
        if part.node_id == known.node_id:
            there[part.line_id] += part.quantity
    return all(there[line_id] == units for line_id, units in known.remaining.items())


def _money(order: Order, after: Order, fact: OrderEdited, cause: str) -> list[OrderEvent]:
    """What follows for money that we hold or have taken."""
    if order.placed.payment.in_channel:
        if chargeable(after) != chargeable(order):
            raise EditInChannelError(
                "the channel holds the money of this order: what it costs cannot change here",
                change=chargeable(after) - chargeable(order),
            )
        return []
    back = min(freed_by(order, after), free_to_refund(order))
    if back > 0:
        refund_id = derive("rfd", order.order_id, cause)
        return list(requested(order, refund_id, back, reason="edited", origin=OURS))
    missing = uncovered(after)
    held = order.payment.authorized or order.payment.captured
    if not held or missing <= uncovered(order):
        return []  # what nobody has verified yet is verified for the new price
    return [payment_due(order, fact, missing, cause)]


def payment_due(order: Order, fact: OrderEdited, missing: int, cause: str) -> HoldPlaced:
    """The hold of what was added until it is paid; of the whole order, when not only that is to be paid."""
    currency = order.placed.currency
    only_added = bool(fact.added) and not order_costs_more(order, fact)
    return HoldPlaced(
        hold_id=derive("hld", PAYMENT_DUE, order.order_id, cause),
        kind=PAYMENT_DUE,
        reason=f"{format_minor(missing, currency)} {currency} more has to be paid",
        lines=tuple(line.line_id for line in fact.added) if only_added else (),
    )


def order_costs_more(order: Order, fact: OrderEdited) -> bool:
    """Something else than the lines that were added costs more."""
    placed = order.placed
    taxes = [tax > order.lines[line_id].placed.tax for line_id, tax in fact.line_taxes.items()]
    shipping = fact.shipping is not None and fact.shipping > placed.shipping
    shipping_tax = fact.shipping_tax is not None and fact.shipping_tax > placed.shipping_tax
    return shipping or shipping_tax or any(taxes)


def _bound(order: Order, plan: EditPlan | None, fact: OrderEdited) -> list[OrderEvent]:
    """The promise of what the edit opened; what may not go on yet is promised when it may."""
    if plan is None or not payment_cleared(order):
        return []
    held, left = order.held_lines, _open(order, fact)
    stay = {(line_id, known.node_id) for known in order.fulfillment_orders.values() for line_id in known.remaining}
    units = [part for part in plan.units if part.line_id not in held and (part.line_id, part.node_id) not in stay]
    for part in units:
        left[part.line_id] -= part.quantity
    if min(left.values(), default=0) < 0:
        raise InvalidTransitionError("the order changed since the plan was made", order_id=order.order_id)
    if not units:
        return []
    reserved = LinesReserved(
        units=tuple(units),
        fulfillment_orders=fulfillment_orders_of(order, units),
        promised_by=plan.promised_by,
        # Of a plan of which some is bound already, the record would not be what was decided here.
        decision=dict(plan.decision) if len(units) == len(plan.units) else {},
        release_at=plan.release_at,
    )
    return [reserved]


def _open(order: Order, fact: OrderEdited) -> Counter[str]:
    """Units that the edit opened, by line."""
    opened: Counter[str] = Counter({line.line_id: line.quantity for line in fact.added if line.requires_shipping})
    for part in fact.freed:
        opened[part.line_id] += part.quantity
    return Counter({line_id: min(units, order.lines[line_id].ledger.open) for line_id, units in opened.items()})


def _fits(events: Sequence[OrderEvent]) -> None:
    places: set[tuple[str, str]] = set()
    for part in _touched(events):
        places |= part.places
    if len(places) > MAX_POSITIONS:
        raise TooManyPositionsError("the edit moves more than one transaction can", limit=MAX_POSITIONS)


def _touched(events: Iterable[OrderEvent]) -> Iterable[NodeUnits]:
    for event in events:
        match event:
            case OrderEdited():
                yield from event.freed
            case LinesCancelled():
                yield from event.freed
            case LinesReserved():
                yield from event.units
