"""What every better plan has in common, by reduced costs: sites it uses or not, units of a line at a site.

The bound is a sum, so forcing one choice raises it by what that choice loses at the present offers and prices. A choice
that raises it over what a better plan may cost is in none, and its opposite can be taken as decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.sourcing.state import capped, closed, committed, opened, trimmed

if TYPE_CHECKING:
    from oms.domain.sourcing.bounds import Bound
    from oms.domain.sourcing.state import State
    from oms.domain.sourcing.terms import Model


def decided(state: State, lined: State, model: Model, found: Bound, spare: int) -> State | None:
    """The subproblem with what is decided; itself when nothing is, None when no plan is better.

    Args:
        state: The subproblem.
        lined: The same with freight as lines, which is what the bound is of.
        model: What it is a part of.
        found: Its bound.
        spare: By how much a better plan may be over the bound.
    """
    after = _units(_sites(state, found, spare), lined, model, found, spare)
    return after if after is state else trimmed(after, model)


def _sites(state: State, found: Bound, spare: int) -> State:
    for site, slack in enumerate(found.slack):
        if state.used >> site & 1:
            continue
        if slack > spare:
            if any(cell[0] == site for row in state.cells for cell in row):
                state = closed(state, site)
        elif -slack > spare:
            state = opened(state, site)
    return state


def _units(state: State, lined: State, model: Model, found: Bound, spare: int) -> State:
    extra: dict[tuple[int, int], int] = {}
    for room, price in zip(lined.rooms, found.prices, strict=True):
        for line in room.lines if price else ():
            extra[line, room.site] = extra.get((line, room.site), 0) + room.priced(line, price)
    after = state
    for line, row in enumerate(lined.cells):
        need, offer = lined.need[line], found.offers[line]
        for site, most, unit, piece in row if need else ():
            if state.used >> site & 1 == 0 and found.slack[site] > spare:
                continue
            margin = offer - need * (unit + extra.get((line, site), 0))
            lacking = max(0, found.slack[site]) if not state.used >> site & 1 else 0
            able = _at_most(margin, need, most, piece, spare - lacking)
            if able < most and (able == 0 or model.split):
                after = capped(after, line, site, able)
            elif state.used >> site & 1 and (least := _at_least(margin, need, most, piece, spare)):
                after = committed(after, model, line, site, least if model.split else need)
    return after


def _at_most(margin: int, need: int, most: int, piece: int, spare: int) -> int:
    """Units of a line that a better plan may have from a site: those that lose no more than there is to spare.

    `margin` is what a line's offer leaves over the cost of all its units at the site, `need` their number.
    """
    room = (spare - piece) * need
    if margin >= 0:
        return most if most * margin + room >= 0 else 0
    return min(most, max(0, room // -margin))


def _at_least(margin: int, need: int, most: int, piece: int, spare: int) -> int:
    """Units of a line that a better plan must have from a site in use; 0 when it may do without."""
    if margin <= 0 or most * margin - (piece + spare) * need <= 0:
        return 0
    return max(1, most - spare * need // margin)
