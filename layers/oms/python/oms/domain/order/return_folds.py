"""What an order's returns are after its events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from oms.domain.order import return_facts as ev
from oms.domain.order.folding import evolve
from oms.domain.order.return_state import Return, ReturnLine, ReturnStatus

if TYPE_CHECKING:
    from oms.domain.order.state import Order


def _with(state: Order, return_id: str, **changes: Any) -> Order:
    known = replace(state.returns[return_id], **changes)
    return replace(state, returns={**state.returns, return_id: known})


@evolve.register(ev.ReturnRequested)
def _(event: ev.ReturnRequested, state: Order) -> Order:
    lines = {
        each.line_id: ReturnLine(
            line_id=each.line_id,
            quantity=each.quantity,
            reason=each.reason,
            rule=each.rule,
            fee_basis_points=each.fee_basis_points,
        )
        for each in event.lines
    }
    known = Return(
        return_id=event.return_id,
        number=event.number,
        lines=lines,
        terms=event.terms,
        resolution=event.resolution,
        origin=event.origin,
        wanted=event.wanted,
    )
    return replace(state, returns={**state.returns, event.return_id: known})


@evolve.register(ev.ReturnApproved)
def _(event: ev.ReturnApproved, state: Order) -> Order:
    # One that came before anybody approved it is where it is.
    waits = state.returns[event.return_id].status is ReturnStatus.REQUESTED
    moved = {"status": ReturnStatus.APPROVED} if waits else {}
    return _with(state, event.return_id, approved=True, expires_at=event.expires_at, **moved)


@evolve.register(ev.ReturnRejected)
def _(event: ev.ReturnRejected, state: Order) -> Order:
    return _with(state, event.return_id, status=ReturnStatus.REJECTED)


@evolve.register(ev.ReturnLabelled)
def _(event: ev.ReturnLabelled, state: Order) -> Order:
    return _with(state, event.return_id, carrier=event.carrier, tracking_number=event.tracking_number)


@evolve.register(ev.ReturnInTransit)
def _(event: ev.ReturnInTransit, state: Order) -> Order:
    return _with(state, event.return_id, status=ReturnStatus.IN_TRANSIT)


@evolve.register(ev.ReturnReceived)
def _(event: ev.ReturnReceived, state: Order) -> Order:
    return _with(state, event.return_id, status=ReturnStatus.RECEIVED, node_id=event.node_id)


@evolve.register(ev.ReturnInspected)
def _(event: ev.ReturnInspected, state: Order) -> Order:
    known = state.returns[event.return_id]
    lines = dict(known.lines)
    for each in event.lines:
        line, units = lines[each.line_id], each.quantity
        lines[each.line_id] = replace(
            line,
            inspected=line.inspected + units,
            back=line.back + (units if each.disposition else 0),
            doubtful=line.doubtful + (units if each.condition is not ev.Condition.OK else 0),
        )
    done = not any(line.to_inspect for line in lines.values())
    status = ReturnStatus.INSPECTED if done else ReturnStatus.RECEIVED
    return _with(state, event.return_id, lines=lines, status=status, node_id=event.node_id)


@evolve.register(ev.ReturnCredited)
def _(event: ev.ReturnCredited, state: Order) -> Order:
    known = state.returns[event.return_id]
    lines = dict(known.lines)
    for each in event.lines:
        line = lines[each.line_id]
        lines[each.line_id] = replace(line, credited=line.credited + each.quantity)
    return _with(
        state,
        event.return_id,
        lines=lines,
        refunds=(*known.refunds, *(each for each in (event.refund_id, event.shipping_refund_id) if each)),
        fees=known.fees + event.fee,
        shipping=known.shipping + event.shipping,
        withheld=known.withheld + event.withheld,
    )


@evolve.register(ev.ReturnSettled)
def _(event: ev.ReturnSettled, state: Order) -> Order:
    return _with(state, event.return_id, status=ReturnStatus.SETTLED)


@evolve.register(ev.ReturnCancelled)
def _(event: ev.ReturnCancelled, state: Order) -> Order:
    return _with(state, event.return_id, status=ReturnStatus.CANCELLED)


@evolve.register(ev.ReturnExpired)
def _(event: ev.ReturnExpired, state: Order) -> Order:
    return _with(state, event.return_id, status=ReturnStatus.EXPIRED)


@evolve.register(ev.ReturnShrunk)
def _(event: ev.ReturnShrunk, state: Order) -> Order:
    lines = dict(state.returns[event.return_id].lines)
    for each in event.lines:
        line = lines[each.line_id]
        lines[each.line_id] = replace(line, quantity=line.quantity - each.quantity)
    return _with(state, event.return_id, lines=lines)
