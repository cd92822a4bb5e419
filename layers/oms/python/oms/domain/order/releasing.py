"""Deciding on what is planned: bound at nodes, and not yet its warehouses'. It is released, or moves before."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from oms.domain.errors import InvalidTransitionError
from oms.domain.ids import fulfillment_order_id
from oms.domain.order.events import FulfillmentOrderReleased, LinesMoved, OrderEvent
from oms.domain.order.status import payment_cleared

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from oms.domain.order.commands import MoveLines, ReleaseFulfillmentOrders
    from oms.domain.order.events import NodeUnits
    from oms.domain.order.state import FulfillmentOrder, Order


def releasable(order: Order) -> tuple[FulfillmentOrder, ...]:
    """What is planned and waits for its time alone: none of its lines is held, and the payment stands."""
    planned = tuple(known for known in order.fulfillment_orders.values() if known.planned)
    if not planned or not payment_cleared(order):
        return ()
    held = order.held_lines
    return tuple(known for known in planned if held.isdisjoint(known.remaining))


def release_at(order: Order) -> datetime | None:
    """When the first of it is to be released."""
    return min((known.release_at for known in releasable(order) if known.release_at), default=None)


def release(order: Order, command: ReleaseFulfillmentOrders) -> tuple[OrderEvent, ...]:
    """Each that is due, once."""
    return tuple(
        FulfillmentOrderReleased(fulfillment_order_id=known.fulfillment_order_id, node_id=known.node_id)
        for known in releasable(order)
        if known.release_at and known.release_at <= command.at
    )


def movable(order: Order) -> tuple[FulfillmentOrder, ...]:
    """Its fulfillment orders, when all that it has bound is planned and may be released; else none."""
    live = tuple(known for known in order.fulfillment_orders.values() if known.remaining or known.shipments)
    free = releasable(order)
    return free if len(free) == len(live) else ()


def planned_units(order: Order) -> tuple[NodeUnits, ...]:
    """Where what may move is bound, in the order of its lines."""
    known = movable(order)
    return tuple(
        order.bound_at(each, line_id, each.remaining[line_id])
        for line_id in order.lines
        for each in known
        if line_id in each.remaining
    )


def move(order: Order, command: MoveLines) -> tuple[OrderEvent, ...]:
    """What changes its node is freed where it is, and bound where it goes; the promise to the customer stands.

    Raises InvalidTransitionError when something of it was released, held, cancelled or promised since planning.
    """
    known = movable(order)
    at = {(line_id, each.node_id): each for each in known for line_id in each.remaining}
    before = {(line_id, node): each.remaining[line_id] for (line_id, node), each in at.items()}
    after: dict[tuple[str, str], NodeUnits] = {(part.line_id, part.node_id): part for part in command.units}
    if len(at) < sum(len(each.remaining) for each in known) or len(after) < len(command.units):
        raise InvalidTransitionError("a line stands twice at a node", order_id=order.order_id)
    to = {place: part.quantity for place, part in after.items()}
    if not before or _by_line(before) != _by_line(to):
        raise InvalidTransitionError("the order changed since the plan was made", order_id=order.order_id)
    gone = {place: units - to.get(place, 0) for place, units in before.items() if units > to.get(place, 0)}
    come = {place: units - before.get(place, 0) for place, units in to.items() if units > before.get(place, 0)}
    if not come:
        return ()
    work = {each.node_id: each.fulfillment_order_id for each in known}
    fresh = count(len(order.fulfillment_orders) + 1)
    nodes = dict.fromkeys(node for _, node in come)
    return (
        LinesMoved(
            freed=tuple(order.bound_at(at[place], place[0], units, last=True) for place, units in gone.items()),
            out_of=tuple(at[place].fulfillment_order_id for place in gone),
            units=tuple(order.lines[place[0]].at(place[1], units, after[place].drawn) for place, units in come.items()),
            fulfillment_orders={
                work.get(node) or fulfillment_order_id(order.order_id, next(fresh)): node for node in nodes
            },
            promised_by=min(each.promised_by for each in known),
            release_at=min([command.release_at, *(each.release_at for each in known if each.release_at)]),
            decision=dict(command.decision),
        ),
    )


def _by_line(units: Mapping[tuple[str, str], int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for (line_id, _), quantity in units.items():
        found[line_id] = found.get(line_id, 0) + quantity
    return found
