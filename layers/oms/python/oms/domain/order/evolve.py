"""Fold an order from its events. Total: it never refuses what `decide` once allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.domain.errors import LedgerImbalanceError
from oms.domain.order import dispute_folds, edit_folds, exchange_folds, hold_folds, payment_folds, return_folds
from oms.domain.order import events as ev
from oms.domain.order.charging import WITHOUT_SHIPMENT
from oms.domain.order.folding import evolve as evolve  # noqa: PLC0414 - known by this name here, with all folds
from oms.domain.order.ledger import LineLedger, Place
from oms.domain.order.lines import drained, move_lines, moved, out_of, summed
from oms.domain.order.state import (
    FulfillmentOrder,
    FulfillmentOrderStatus,
    Line,
    Order,
    Parcel,
    Payment,
)
from oms.domain.order.tenders import begun
from oms.domain.segments import together
from oms.domain.serials import without
from oms.domain.tracking import ParcelStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FOLDS: Final = (edit_folds, hold_folds, payment_folds, dispute_folds, return_folds, exchange_folds)
"""What folds the events that are not folded here: it registers when it is imported."""


def place(order_id: str, event: ev.OrderPlaced) -> Order:
    """The order as its first event makes it."""
    lines = {
        line.line_id: Line(placed=line, ledger=LineLedger(ordered=line.quantity, open=line.quantity))
        for line in event.lines
    }
    tenders = begun(event)
    payment = Payment(tenders=tenders, authorized=sum(each.authorized for each in tenders))
    return Order(order_id=order_id, placed=event, lines=lines, payment=payment)


def fold(order_id: str, events: Iterable[ev.OrderEvent], state: Order | None = None) -> Order | None:
    """The order after `events`, starting from `state`; None before its first event."""
    for event in events:
        if state is None:
            if not isinstance(event, ev.OrderPlaced):
                raise LedgerImbalanceError("an order's log must begin with its placing", order_id=order_id)
            state = place(order_id, event)
        else:
            state = evolve(event, state)
    return state


@evolve.register(ev.ChannelRevisionSeen)
def _(event: ev.ChannelRevisionSeen, state: Order) -> Order:
    return replace(state, revision=(event.revision, event.digest))


@evolve.register(ev.ShipToChanged)
def _(event: ev.ShipToChanged, state: Order) -> Order:
    return replace(state, placed=replace(state.placed, ship_to=event.ship_to), addressed_by="")


@evolve.register(ev.LinesReserved)
def _(event: ev.LinesReserved, state: Order) -> Order:
    lines = dict(state.lines)
    for units in event.units:
        lines[units.line_id] = drained(lines[units.line_id], (Place.OPEN, Place.BACKORDERED), Place.ALLOCATED, units)
    orders = _bound(state.fulfillment_orders, event)
    promised_by = max(event.promised_by, state.promised_by) if state.promised_by else event.promised_by
    return replace(state, lines=lines, fulfillment_orders=orders, promised_by=promised_by, retry_at=None)


@evolve.register(ev.LinesMoved)
def _(event: ev.LinesMoved, state: Order) -> Order:
    orders = dict(state.fulfillment_orders)
    for order_id, gone in out_of(event.out_of, event.freed).items():
        known = orders[order_id].without(gone)
        status = known.status if known.remaining else FulfillmentOrderStatus.CANCELLED
        orders[order_id] = replace(known, status=status, release_at=known.release_at if known.remaining else None)
    return replace(state, fulfillment_orders=_bound(orders, event))


@evolve.register(ev.FulfillmentOrderReleased)
def _(event: ev.FulfillmentOrderReleased, state: Order) -> Order:
    known = state.fulfillment_orders[event.fulfillment_order_id]
    return _with_fulfillment_order(state, replace(known, status=FulfillmentOrderStatus.RELEASED, release_at=None))


@evolve.register(ev.LinesBackordered)
def _(event: ev.LinesBackordered, state: Order) -> Order:
    waited = {line_id for line_id, line in state.lines.items() if line.ledger.backordered and line.cancel_at}
    state = move_lines(state, event.lines, Place.OPEN, Place.BACKORDERED)
    lines = dict(state.lines)
    for line_id in {units.line_id for units in event.lines} - waited:  # who waits already keeps the time it has
        lines[line_id] = replace(lines[line_id], cancel_at=event.cancel_at)
    for line_id in {units.line_id for units in event.lines}:
        lines[line_id] = replace(lines[line_id], expected_at=event.expected_at.get(line_id))
    return replace(state, lines=lines, retry_at=event.retry_at)


@evolve.register(ev.PromiseDateMoved)
def _(event: ev.PromiseDateMoved, state: Order) -> Order:
    moved = {each.line_id: replace(state.lines[each.line_id], expected_at=each.after) for each in event.lines}
    return replace(state, lines={**state.lines, **moved})


@evolve.register(ev.LinesDelivered)
def _(event: ev.LinesDelivered, state: Order) -> Order:
    provided = sum(key.startswith(WITHOUT_SHIPMENT) for key in state.handovers)
    key = f"{WITHOUT_SHIPMENT}-{provided + 1}" if provided else WITHOUT_SHIPMENT
    handovers = {**state.handovers, key: summed(event.lines)}
    return replace(move_lines(state, event.lines, Place.OPEN, Place.DELIVERED), handovers=handovers)


@evolve.register(ev.FulfillmentOrderAccepted)
def _(event: ev.FulfillmentOrderAccepted, state: Order) -> Order:
    known = state.fulfillment_orders[event.fulfillment_order_id]
    return _with_fulfillment_order(state, replace(known, status=FulfillmentOrderStatus.ACCEPTED))


@evolve.register(ev.FulfillmentOrderRejected)
def _(event: ev.FulfillmentOrderRejected, state: Order) -> Order:
    lines = dict(state.lines)
    known = state.fulfillment_orders[event.fulfillment_order_id]
    for units in event.units:
        lines[units.line_id] = moved(lines[units.line_id], Place.ALLOCATED, Place.OPEN, units.quantity)
    known = known.without(event.units)
    remaining = known.remaining
    status = known.status if remaining else FulfillmentOrderStatus.REJECTED
    state = _with_fulfillment_order(state, replace(known, status=status))
    # A large one is rejected bit by bit; from the first on, nothing more is sourced from the node.
    fresh = not remaining or event.node_id not in state.rejected_nodes
    rejected = (*state.rejected_nodes, *((event.node_id,) if fresh else ()))
    return replace(state, lines=lines, rejected_nodes=rejected)


@evolve.register(ev.ShipmentShipped)
def _(event: ev.ShipmentShipped, state: Order) -> Order:
    lines = dict(state.lines)
    parcels = dict(state.parcels)
    known = state.fulfillment_orders[event.fulfillment_order_id]
    for parcel in event.parcels:
        for units in parcel.units:
            line = moved(lines[units.line_id], Place.ALLOCATED, Place.SHIPPED, units.quantity)
            lines[units.line_id] = replace(line, serials=(*line.serials, *units.serials)) if units.serials else line
        known = known.without(parcel.units)
        parcels[parcel.parcel_id] = Parcel(
            parcel_id=parcel.parcel_id,
            shipment_id=event.shipment_id,
            carrier=parcel.carrier,
            tracking_number=parcel.tracking_number,
            units=parcel.units,
        )
    status = known.status if known.remaining else FulfillmentOrderStatus.SHIPPED
    known = replace(known, status=status, shipments=(*known.shipments, event.shipment_id))
    units_of_all = summed(units for parcel in event.parcels for units in parcel.units)
    handovers = {**state.handovers, event.shipment_id: units_of_all}
    return replace(_with_fulfillment_order(state, known), lines=lines, parcels=parcels, handovers=handovers)


@evolve.register(ev.ParcelStatusChanged)
def _(event: ev.ParcelStatusChanged, state: Order) -> Order:
    parcel = state.parcels[event.parcel_id]
    lines = dict(state.lines)
    if event.status is ParcelStatus.DELIVERED and parcel.status is not ParcelStatus.DELIVERED:
        for units in parcel.units:
            line = lines[units.line_id]
            # A unit that was returned before its scan came is not delivered again.
            delivered = min(units.quantity, line.ledger.shipped)
            if delivered:
                lines[units.line_id] = moved(line, Place.SHIPPED, Place.DELIVERED, delivered)
    parcel = replace(
        parcel,
        status=event.status,
        status_at=event.occurred_at,
        estimated_delivery_at=event.estimated_delivery_at or parcel.estimated_delivery_at,
    )
    return replace(state, lines=lines, parcels={**state.parcels, parcel.parcel_id: parcel})


@evolve.register(ev.LinesCancelled)
def _(event: ev.LinesCancelled, state: Order) -> Order:
    lines = dict(state.lines)
    orders = dict(state.fulfillment_orders)
    freed = summed(event.freed)
    for line_id, units in freed.items():
        lines[line_id] = moved(lines[line_id], Place.ALLOCATED, Place.CANCELLED, units)
    for order_id, gone in out_of(event.fulfillment_orders, event.freed).items():
        known = orders[order_id].without(gone)
        emptied = FulfillmentOrderStatus.SHIPPED if known.shipments else FulfillmentOrderStatus.CANCELLED
        orders[order_id] = replace(known, status=known.status if known.remaining else emptied)
    for cancelled in event.lines:
        rest = replace(cancelled, quantity=cancelled.quantity - freed.get(cancelled.line_id, 0))
        line = lines[cancelled.line_id]
        lines[cancelled.line_id] = drained(line, (Place.OPEN, Place.BACKORDERED), Place.CANCELLED, rest)
    return replace(state, lines=lines, fulfillment_orders=orders)


@evolve.register(ev.ChannelCancelConflicted)
def _(event: ev.ChannelCancelConflicted, state: Order) -> Order:
    lines = dict(state.lines)
    for units in event.lines:
        line = lines[units.line_id]
        lines[units.line_id] = replace(line, conflicted=line.conflicted + units.quantity)
    return replace(state, lines=lines)


@evolve.register(ev.LinesReturned)
def _(event: ev.LinesReturned, state: Order) -> Order:
    lines = dict(state.lines)
    for units in event.units:
        line = drained(lines[units.line_id], (Place.DELIVERED, Place.SHIPPED), Place.RETURNED, units)
        lines[units.line_id] = replace(line, serials=without(line.serials, units.serials)) if units.serials else line
    return replace(state, lines=lines)


@evolve.register(ev.SerialsReturned)
def _(event: ev.SerialsReturned, state: Order) -> Order:
    lines = dict(state.lines)
    for line_id, serials in event.serials.items():
        line = lines[line_id]
        lines[line_id] = replace(line, serials=without(line.serials, serials), named_late=(*line.named_late, *serials))
    return replace(state, lines=lines)


def _bound(
    known: Mapping[str, FulfillmentOrder], event: ev.LinesReserved | ev.LinesMoved
) -> dict[str, FulfillmentOrder]:
    """Fulfillment orders with the units that the event binds; what is released already does not wait again."""
    orders = dict(known)
    by_node = {node: order_id for order_id, node in event.fulfillment_orders.items()}
    parts: dict[str, list[ev.NodeUnits]] = {}
    for units in event.units:
        parts.setdefault(by_node[units.node_id], []).append(units)
    for order_id, added in parts.items():
        at = orders.get(order_id) or FulfillmentOrder(
            fulfillment_order_id=order_id,
            node_id=event.fulfillment_orders[order_id],
            status=FulfillmentOrderStatus.PLANNED if event.release_at else FulfillmentOrderStatus.RELEASED,
            remaining={},
            promised_by=event.promised_by,
            release_at=event.release_at,
        )
        remaining, drawn = dict(at.remaining), dict(at.drawn)
        for units in added:
            remaining[units.line_id] = remaining.get(units.line_id, 0) + units.quantity
            if units.drawn:
                drawn[units.line_id] = together((*drawn.get(units.line_id, ()), *units.drawn))
        soonest = min(at.release_at, event.release_at) if at.release_at and event.release_at else at.release_at
        orders[order_id] = replace(at, remaining=remaining, drawn=drawn, release_at=soonest)
    return orders


def _with_fulfillment_order(state: Order, known: FulfillmentOrder) -> Order:
    return replace(state, fulfillment_orders={**state.fulfillment_orders, known.fulfillment_order_id: known})
