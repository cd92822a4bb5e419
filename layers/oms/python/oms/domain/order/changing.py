"""Deciding on changes from outside the flow: screening and cancellations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.errors import InvalidInputError, NothingToCancelError
from oms.domain.ids import derive
from oms.domain.order.charging import overpaid_by
from oms.domain.order.covering import freed_by
from oms.domain.order.events import (
    HoldPlaced,
    HoldReleased,
    LinesCancelled,
    LineUnits,
    OrderEvent,
)
from oms.domain.order.evolve import evolve
from oms.domain.order.refunding import requested
from oms.domain.order.stakes import free_to_refund
from oms.domain.order.state import CANCELLING, FulfillmentOrderStatus
from oms.domain.stock import MAX_POSITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oms.domain.order.commands import CancelLines, CancelRest, ScreenOrder
    from oms.domain.order.events import NodeUnits
    from oms.domain.order.state import FulfillmentOrder, Order

UNKNOWN_SKU = "unknown_sku"
MAX_CANCELLED: Final = 500
"""Lines that one commit cancels: each may leave a list of those that wait, and lists are written line by line."""


def unknown_sku_hold(line_id: str, sku: str) -> HoldPlaced:
    """The hold that a line gets whose SKU the catalogue does not have."""
    return HoldPlaced(
        hold_id=derive("hld", UNKNOWN_SKU, line_id), kind=UNKNOWN_SKU, reason=f"unknown SKU {sku}", lines=(line_id,)
    )


def screen(order: Order, command: ScreenOrder) -> tuple[OrderEvent, ...]:
    """Holds that rules ask for, each at most once in the order's life; unknown-SKU holds end when the SKU is known."""
    placed = tuple(hold for hold in command.holds if hold.hold_id not in order.holds)
    released = []
    for hold in order.active_holds:
        skus = [order.lines[line_id].placed.sku for line_id in hold.lines]
        if hold.kind == UNKNOWN_SKU and all(sku in command.known_skus for sku in skus):
            made_of = next((components for sku, components in command.kits if sku in skus), ())
            serialized = next((parts for sku, parts in command.serialized if sku in skus), ())
            released.append(HoldReleased(hold_id=hold.hold_id, components=made_of, serialized=serialized))
    return (*placed, *released)


def cancel(order: Order, command: CancelLines) -> tuple[OrderEvent, ...]:
    """Cancel what is asked, all of it or nothing.

    An order that one transaction cannot free is held, and cancelled bit by bit (`cancel_rest`): nothing more of it is
    promised or shipped meanwhile. Raises InvalidInputError for unknown lines, NothingToCancelError when a unit asked
    for has left or is cancelled.
    """
    wanted = {units.line_id: 0 for units in command.lines}
    for units in command.lines:
        if units.line_id not in order.lines or units.quantity <= 0:
            raise InvalidInputError("the order has no such line or the quantity is not positive", line=units.line_id)
        wanted[units.line_id] += units.quantity
    if not command.lines:
        if order.cancelling is not None:
            return ()
        wanted = _cancellable(order)
    short = [line_id for line_id, units in wanted.items() if units > order.lines[line_id].ledger.cancellable]
    if short or not wanted:
        raise NothingToCancelError("units have been handed over or were cancelled before", lines=short)
    events = cancel_units(order, wanted, origin="oms", reason=command.reason, cause=command.command_id)
    if command.lines or not _left(events, wanted):
        return events
    hold_id = derive("hld", CANCELLING, command.command_id)
    return (HoldPlaced(hold_id=hold_id, kind=CANCELLING, reason=command.reason), *events)


def cancel_rest(order: Order, command: CancelRest) -> tuple[OrderEvent, ...]:
    """As much again of a cancellation of everything as one transaction can free; its hold ends with the last unit."""
    hold = order.cancelling
    if hold is None:
        return ()
    wanted = _cancellable(order)
    if not wanted:
        return (HoldReleased(hold_id=hold.hold_id),)
    events = cancel_units(order, wanted, origin="oms", reason=hold.reason, cause=command.command_id)
    return events if _left(events, wanted) else (*events, HoldReleased(hold_id=hold.hold_id))


def _cancellable(order: Order) -> dict[str, int]:
    return {line_id: line.ledger.cancellable for line_id, line in order.lines.items() if line.ledger.cancellable}


def _left(events: tuple[OrderEvent, ...], wanted: dict[str, int]) -> bool:
    """One transaction could not free all that was wanted."""
    done = sum(part.quantity for event in events if isinstance(event, LinesCancelled) for part in event.lines)
    return done < sum(wanted.values())


def _freed(order: Order, line_id: str, rest: int, ranked: list[FulfillmentOrder]) -> Iterator[tuple[NodeUnits, str]]:
    """From where so many allocated units of a line are freed, with the fulfillment order each part is taken out of."""
    for known in ranked:
        here = min(rest, known.remaining.get(line_id, 0))
        if here:
            yield order.bound_at(known, line_id, here, last=True), known.fulfillment_order_id
            rest -= here


def _fitting(parts: list[tuple[NodeUnits, str]], positions: set[tuple[str, str]]) -> list[tuple[NodeUnits, str]]:
    """Those at the beginning that one transaction can still touch; their positions are added to those it touches."""
    for index, (part, _) in enumerate(parts):
        if len(positions | part.places) > MAX_POSITIONS:
            return parts[:index]
        positions |= part.places
    return parts


def cancel_units(
    order: Order, wanted: dict[str, int], *, origin: str, reason: str, cause: str
) -> tuple[OrderEvent, ...]:
    """The cancellation of units known to be cancellable, and the refund that follows when they were paid before.

    A cancellation that came from the channel brings its refund from there.
    """
    event = taken_off(order, wanted, origin=origin, reason=reason)
    after = evolve(event, order)
    # Since it was edited, perhaps not all of its price was paid.
    amount = min(freed_by(order, after) if order.edits else overpaid_by(order, after), free_to_refund(order))
    if origin == "channel" or amount <= 0:
        return (event,)
    refund_id = derive("rfd", order.order_id, cause)
    return (event, *requested(order, refund_id, amount, reason="cancelled", origin=origin))


def taken_off(order: Order, wanted: dict[str, int], *, origin: str, reason: str) -> LinesCancelled:
    """The cancellation of units known to be cancellable.

    Open units go first, then backordered, then allocated ones (planned fulfillment orders before released, and those
    before accepted ones). What would free more positions than one transaction can touch is left for the next command.
    """
    freed: list[tuple[NodeUnits, str]] = []
    cancelled: list[LineUnits] = []
    positions: set[tuple[str, str]] = set()
    ranked = sorted(
        order.fulfillment_orders.values(),
        key=lambda known: (known.status is FulfillmentOrderStatus.ACCEPTED, not known.planned),
    )
    for line_id, units in wanted.items():
        ledger = order.lines[line_id].ledger
        rest = units - min(units, ledger.open + ledger.backordered)
        parts = list(_freed(order, line_id, rest, ranked)) if rest else []
        fitting = _fitting(parts, positions)
        if cancelled and (len(fitting) < len(parts) or len(cancelled) == MAX_CANCELLED):
            break
        left = sum(part.quantity for part, _ in parts[len(fitting) :])
        cancelled.append(LineUnits(line_id=line_id, quantity=units - left))
        freed.extend(fitting)
    return LinesCancelled(
        lines=tuple(cancelled),
        origin=origin,
        reason=reason,
        freed=tuple(part for part, _ in freed),
        fulfillment_orders=tuple(out_of for _, out_of in freed),
    )
