"""Deciding on changes from outside the flow: holds and cancellations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.errors import InvalidInputError, InvalidTransitionError, NothingToCancelError
from oms.domain.ids import derive
from oms.domain.order.charging import cancelled_value, captured_upfront, refundable
from oms.domain.order.events import (
    HoldPlaced,
    HoldReleased,
    LinesCancelled,
    LineUnits,
    OrderEvent,
    RefundRequested,
)
from oms.domain.order.evolve import evolve
from oms.domain.order.state import FulfillmentOrderStatus
from oms.domain.stock import MAX_POSITIONS

if TYPE_CHECKING:
    from oms.domain.order.commands import CancelLines, PlaceHold, ReleaseHold, ScreenOrder
    from oms.domain.order.events import NodeUnits
    from oms.domain.order.state import Order

UNKNOWN_SKU = "unknown_sku"


def unknown_sku_hold(line_id: str, sku: str) -> HoldPlaced:
    """The hold that a line gets whose SKU the catalogue does not have."""
    return HoldPlaced(
        hold_id=derive("hld", UNKNOWN_SKU, line_id), kind=UNKNOWN_SKU, reason=f"unknown SKU {sku}", lines=(line_id,)
    )


def place_hold(order: Order, command: PlaceHold) -> tuple[OrderEvent, ...]:
    """A hold; nothing when it is there already. Raises InvalidInputError for a line the order does not have."""
    unknown = [line_id for line_id in command.lines if line_id not in order.lines]
    if unknown:
        raise InvalidInputError("the order has no such line", lines=unknown)
    if command.hold_id in order.holds:
        return ()
    hold = HoldPlaced(hold_id=command.hold_id, kind=command.kind, reason=command.reason, lines=command.lines)
    return (hold,)


def release_hold(order: Order, command: ReleaseHold) -> tuple[OrderEvent, ...]:
    """The release; nothing when it was released. Raises InvalidTransitionError when there is no such hold."""
    hold = order.holds.get(command.hold_id)
    if hold is None:
        raise InvalidTransitionError("the order has no such hold", hold_id=command.hold_id)
    return (HoldReleased(hold_id=hold.hold_id),) if hold.active else ()


def screen(order: Order, command: ScreenOrder) -> tuple[OrderEvent, ...]:
    """Holds that rules ask for, each at most once in the order's life; unknown-SKU holds end when the SKU is known."""
    placed = tuple(
        HoldPlaced(hold_id=hold_id, kind=kind, reason=reason)
        for hold_id, kind, reason in command.holds
        if hold_id not in order.holds
    )
    released = []
    for hold in order.active_holds:
        skus = [order.lines[line_id].placed.sku for line_id in hold.lines]
        if hold.kind == UNKNOWN_SKU and all(sku in command.known_skus for sku in skus):
            made_of = next((components for sku, components in command.kits if sku in skus), ())
            released.append(HoldReleased(hold_id=hold.hold_id, components=made_of))
    return (*placed, *released)


def cancel(order: Order, command: CancelLines) -> tuple[OrderEvent, ...]:
    """Cancel what is asked, all of it or nothing.

    Raises InvalidInputError for unknown lines, NothingToCancelError when a unit asked for has left or is cancelled.
    """
    wanted = {units.line_id: 0 for units in command.lines}
    for units in command.lines:
        if units.line_id not in order.lines or units.quantity <= 0:
            raise InvalidInputError("the order has no such line or the quantity is not positive", line=units.line_id)
        wanted[units.line_id] += units.quantity
    if not command.lines:
        wanted = {line_id: line.ledger.cancellable for line_id, line in order.lines.items() if line.ledger.cancellable}
    short = [line_id for line_id, units in wanted.items() if units > order.lines[line_id].ledger.cancellable]
    if short or not wanted:
        raise NothingToCancelError("units have been handed over or were cancelled before", lines=short)
    return cancel_units(order, wanted, origin="oms", reason=command.reason, cause=command.command_id)


def cancel_units(
    order: Order, wanted: dict[str, int], *, origin: str, reason: str, cause: str
) -> tuple[OrderEvent, ...]:
    """The cancellation of units known to be cancellable, and the refund that follows when they were paid before.

    Open units go first, then backordered, then allocated ones (fulfillment orders not yet accepted before accepted).
    A cancellation that came from the channel brings its refund from there. What would free more positions than one
    transaction can touch is left for the next command.
    """
    freed: list[NodeUnits] = []
    out_of: list[str] = []
    cancelled: list[LineUnits] = []
    positions = 0
    for line_id, units in wanted.items():
        each = max(1, len(order.lines[line_id].placed.components))
        if positions + len(order.fulfillment_orders) * each > MAX_POSITIONS and cancelled:
            break
        ledger = order.lines[line_id].ledger
        rest = units - min(units, ledger.open + ledger.backordered)
        ranked = sorted(
            order.fulfillment_orders.values(), key=lambda known: known.status is FulfillmentOrderStatus.ACCEPTED
        )
        for known in ranked:
            here = min(rest, known.remaining.get(line_id, 0))
            if here and positions + each <= MAX_POSITIONS:
                freed.append(order.lines[line_id].at(known.node_id, here))
                out_of.append(known.fulfillment_order_id)
                rest -= here
                positions += each
        cancelled.append(LineUnits(line_id=line_id, quantity=units - rest))
    event = LinesCancelled(
        lines=tuple(cancelled),
        origin=origin,
        reason=reason,
        freed=tuple(freed),
        fulfillment_orders=tuple(out_of),
    )
    after = evolve(event, order)
    amount = min(cancelled_value(order, after), refundable(order)) if captured_upfront(order) else 0
    if origin == "channel" or amount <= 0:
        return (event,)
    refund = RefundRequested(
        refund_id=derive("rfd", order.order_id, cause), amount=amount, reason="cancelled", origin=origin
    )
    return (event, refund)
