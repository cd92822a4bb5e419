"""Deciding on units that somebody looked at: to stock, to their money, or to a person."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from oms.domain.errors import InvalidInputError, InvalidTransitionError, TooManyPositionsError
from oms.domain.order.events import LinesReturned
from oms.domain.order.return_facts import Condition, InspectedUnits, ReturnInspected, ReturnSettled
from oms.domain.order.return_money import credited
from oms.domain.order.return_state import ReturnStatus, find
from oms.domain.order.returning import return_to_node
from oms.domain.order.returns import after, received
from oms.domain.order.scanning import came_back
from oms.domain.stock import MAX_POSITIONS

if TYPE_CHECKING:
    from oms.domain.movements import Disposition
    from oms.domain.order.events import NodeUnits, OrderEvent
    from oms.domain.order.return_commands import InspectReturn
    from oms.domain.order.return_state import Return
    from oms.domain.order.state import Order
    from oms.domain.serials import Serial

_LOOKABLE = (ReturnStatus.REQUESTED, ReturnStatus.APPROVED, ReturnStatus.IN_TRANSIT, ReturnStatus.RECEIVED)
_NOT_HERE = (Condition.WRONG_ITEM, Condition.MISSING)


def inspect(order: Order, command: InspectReturn) -> tuple[OrderEvent, ...]:
    """Units come back to stock as they were found, and those that are sound are paid for; one commit says it all.

    What was not received before is received with it. The return is settled when nothing of it is doubtful and all was
    looked at. Raises InvalidInputError, InvalidTransitionError (an ended return, more units than are left of it),
    TooManyPositionsError, SerialNotShippedError, SerialsDoNotFitError.
    """
    known = find(order, command.return_id)
    if known.status not in _LOOKABLE:
        raise InvalidTransitionError(f"the return is {known.status}", status=known.status.value)
    lines = _lines(known, command)
    events: list[OrderEvent] = []
    if known.status is not ReturnStatus.RECEIVED:
        events += received(order, known, command.node_id)
    events.append(ReturnInspected(return_id=known.return_id, node_id=command.node_id, lines=lines))
    events += _come_back(order, command, lines)
    state = after(order, events)
    known = state.returns[known.return_id]
    pays = known.approved and known.pays
    doubtful = any(line.doubtful for line in known.lines.values())
    whole = known.status is ReturnStatus.INSPECTED and not doubtful
    # One order is placed for an exchange: once all of it is here.
    if pays and (whole or not known.exchanges):
        units = {line_id: max(0, line.sound - line.credited) for line_id, line in known.lines.items()}
        events += credited(state, known, units, command.command_id)
    if pays and whole:
        events.append(ReturnSettled(return_id=known.return_id))
    return tuple(events)


def _lines(known: Return, command: InspectReturn) -> tuple[InspectedUnits, ...]:
    left = {line_id: line.to_inspect for line_id, line in known.lines.items()}
    for each in command.lines:
        if each.line_id not in left or each.quantity <= 0:
            raise InvalidInputError("the return has no such line, or no units are told", line=each.line_id)
        if (each.disposition is None) is not (each.condition in _NOT_HERE):
            raise InvalidInputError("of what is here, and of nothing else, say what becomes of it", line=each.line_id)
        left[each.line_id] -= each.quantity
        if left[each.line_id] < 0:
            raise InvalidTransitionError("more than is left of the return", line=each.line_id)
    lines = command.lines
    if command.last:
        missing = [
            InspectedUnits(line_id=line_id, quantity=units, condition=Condition.MISSING)
            for line_id, units in left.items()
            if units
        ]
        lines = (*lines, *missing)
    if not lines:
        raise InvalidInputError("nothing was looked at")
    return lines


def _come_back(order: Order, command: InspectReturn, lines: tuple[InspectedUnits, ...]) -> list[LinesReturned]:
    """By disposition, at the node that has them: wherever they were shipped from."""
    found: dict[Disposition, list[NodeUnits]] = {}
    named = dict(command.serials)
    state = order
    for each in lines:
        if each.disposition is None:
            continue
        line = state.lines[each.line_id]
        serials = came_back(line, each.quantity, _of(named, each))
        back = [
            replace(part, node_id=command.node_id)
            for part in return_to_node(state, each.line_id, each.quantity, serials)
        ]
        found.setdefault(each.disposition, []).extend(back)
        state = after(state, [LinesReturned(units=tuple(back), disposition=each.disposition)])
    if any(named.values()):
        raise InvalidInputError("serial numbers are of lines that are here", lines=sorted(named))
    parts = [part for back in found.values() for part in back]
    positions = {place for part in parts for place in part.places}
    if len(positions) + sum(len(part.serials) for part in parts) > MAX_POSITIONS:
        raise TooManyPositionsError("too much at once: look at fewer lines at a time", limit=MAX_POSITIONS)
    return [LinesReturned(units=tuple(back), disposition=kind) for kind, back in found.items()]


def _of(named: dict[str, tuple[Serial, ...]], each: InspectedUnits) -> tuple[Serial, ...]:
    """So many of a line's serial numbers as it has units; the rest is of its other units."""
    serials = named.pop(each.line_id, ())
    if len(serials) > each.quantity:
        named[each.line_id] = serials[each.quantity :]
    return serials[: each.quantity]
