"""What an order's holds and its risk are after its events."""

from __future__ import annotations

from dataclasses import replace

from oms.domain.order import events as ev
from oms.domain.order.folding import evolve
from oms.domain.order.state import Hold, Order


@evolve.register(ev.HoldPlaced)
def _(event: ev.HoldPlaced, state: Order) -> Order:
    hold = Hold(
        hold_id=event.hold_id,
        kind=event.kind,
        reason=event.reason,
        lines=event.lines,
        expires_at=event.expires_at,
        on_expiry=event.on_expiry,
        release_by=event.release_by,
        second_person=event.second_person,
        by=event.by,
    )
    return replace(state, holds={**state.holds, hold.hold_id: hold})


@evolve.register(ev.HoldReleased)
def _(event: ev.HoldReleased, state: Order) -> Order:
    hold = state.holds[event.hold_id]
    lines = dict(state.lines)
    for line_id in hold.lines if event.components or event.serialized else ():
        placed = replace(lines[line_id].placed, components=event.components, serialized=event.serialized)
        lines[line_id] = replace(lines[line_id], placed=placed)
    ended = replace(hold, active=False, released_by=event.by, release_reason=event.reason)
    return replace(state, lines=lines, holds={**state.holds, event.hold_id: ended})


@evolve.register(ev.HoldEscalated)
def _(event: ev.HoldEscalated, state: Order) -> Order:
    hold = replace(state.holds[event.hold_id], escalated=True)
    return replace(state, holds={**state.holds, event.hold_id: hold})


@evolve.register(ev.OrderScored)
def _(event: ev.OrderScored, state: Order) -> Order:
    return replace(state, scored=event)
