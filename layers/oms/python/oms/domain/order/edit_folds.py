"""What an order is of after it was edited."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from oms.domain.order import events as ev
from oms.domain.order.charging import owed
from oms.domain.order.covering import overpaid_back
from oms.domain.order.folding import evolve
from oms.domain.order.ledger import LineLedger, Place
from oms.domain.order.lines import moved, out_of
from oms.domain.order.state import FulfillmentOrderStatus, Line

if TYPE_CHECKING:
    from oms.domain.order.state import Order


@evolve.register(ev.OrderEdited)
def _(event: ev.OrderEdited, state: Order) -> Order:
    after = _reopened(event, _of_something_else(event, state))
    if owed(after) <= owed(state):
        return after
    # What was given back before was more than was to be paid then: the higher price is not paid with it.
    return replace(after, payment=replace(after.payment, settled=overpaid_back(state)))


def _of_something_else(event: ev.OrderEdited, state: Order) -> Order:
    taxes = event.line_taxes
    lines = {
        line_id: replace(line, placed=replace(line.placed, tax=taxes[line_id])) if line_id in taxes else line
        for line_id, line in state.lines.items()
    }
    for added in event.added:
        lines[added.line_id] = Line(placed=added, ledger=LineLedger(ordered=added.quantity, open=added.quantity))
    told: dict[str, Any] = {
        "ship_to": event.ship_to,
        "shipping_method": event.shipping_method,
        "shipping": event.shipping,
        "shipping_tax": event.shipping_tax,
        "taxes": event.taxes if event.line_taxes else None,
    }
    changes = {name: value for name, value in told.items() if value is not None}
    placed = replace(state.placed, total=event.total, lines=tuple(each.placed for each in lines.values()), **changes)
    addressed = event.edit_id if event.addressed else state.addressed_by
    return replace(state, placed=placed, lines=lines, edits=(*state.edits, event), addressed_by=addressed)


def _reopened(event: ev.OrderEdited, state: Order) -> Order:
    lines, orders = dict(state.lines), dict(state.fulfillment_orders)
    for units in event.freed:
        lines[units.line_id] = moved(lines[units.line_id], Place.ALLOCATED, Place.OPEN, units.quantity)
    for order_id, gone in out_of(event.out_of, event.freed).items():
        known = orders[order_id].without(gone)
        status = known.status if known.remaining else FulfillmentOrderStatus.CANCELLED
        orders[order_id] = replace(known, status=status, release_at=known.release_at if known.remaining else None)
    return replace(state, lines=lines, fulfillment_orders=orders)
