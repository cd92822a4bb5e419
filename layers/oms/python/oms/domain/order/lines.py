"""Units of lines going from place to place, as events say it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oms.domain.order import events as ev
    from oms.domain.order.ledger import Place
    from oms.domain.order.state import Line, Order


def out_of(order_ids: Iterable[str], freed: Iterable[ev.NodeUnits]) -> dict[str, list[ev.NodeUnits]]:
    """What was taken out of each fulfillment order."""
    found: dict[str, list[ev.NodeUnits]] = {}
    for order_id, units in zip(order_ids, freed, strict=True):
        found.setdefault(order_id, []).append(units)
    return found


def moved(line: Line, source: Place, target: Place, units: int) -> Line:
    """The line after `units` of it went from one place to another."""
    return replace(line, ledger=line.ledger.move(source, target, units))


def drained(line: Line, sources: tuple[Place, Place], target: Place, units: ev.LineUnits | ev.NodeUnits) -> Line:
    """`units` moved out of the first source as far as it reaches, the rest out of the second."""
    first = min(units.quantity, line.ledger.at(sources[0]))
    if first:
        line = moved(line, sources[0], target, first)
    rest = units.quantity - first
    return moved(line, sources[1], target, rest) if rest else line


def summed(parts: Iterable[ev.LineUnits | ev.NodeUnits]) -> dict[str, int]:
    """Units by line."""
    units: dict[str, int] = {}
    for part in parts:
        units[part.line_id] = units.get(part.line_id, 0) + part.quantity
    return units


def move_lines(state: Order, parts: Iterable[ev.LineUnits], source: Place, target: Place) -> Order:
    """The order after units of several lines went from one place to another."""
    lines = dict(state.lines)
    for units in parts:
        lines[units.line_id] = moved(lines[units.line_id], source, target, units.quantity)
    return replace(state, lines=lines)
