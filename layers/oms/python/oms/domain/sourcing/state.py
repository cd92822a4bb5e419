"""What is left to decide of a model after some units were committed to sites: the same problem again, smaller."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.domain.frozen import frozen
from oms.domain.sourcing.bounds import Room

if TYPE_CHECKING:
    from oms.domain.sourcing.terms import Cell, Curve, Limit, Model

SCALE: Final = 12
"""Bits below the objective, so that what the bound loses by rounding never hides a proof."""

Units = dict[tuple[int, int], int]
"""(line, site) to units."""


@frozen(kw_only=False)
class State:
    """What is left to decide. `paid` is what is decided, but for freight that bends: `grams` has its weight."""

    need: tuple[int, ...]
    cells: tuple[tuple[Cell, ...], ...]
    fixed: tuple[int, ...]
    rooms: tuple[Room, ...]
    used: int
    paid: int
    grams: dict[int, int]
    units: Units
    offers: tuple[int, ...] = ()
    bound: int = 0


def begun(model: Model) -> State:
    """Nothing is decided yet."""
    cells = [[(site, most, unit << SCALE, piece << SCALE) for site, most, unit, piece in row] for row in model.cells]
    return State(
        model.need,
        tuple([tuple(row) for row in cells]),
        tuple([each << SCALE for each in model.fixed]),
        tuple([_room(each) for each in model.limits]),
        0,
        0,
        dict.fromkeys(model.curves, 0),
        {},
    )


def _room(limit: Limit) -> Room:
    weights = dict(zip(limit.lines, limit.weights, strict=True)) if limit.weights else None
    return Room(limit.site, frozenset(limit.lines), limit.most, weights)


def trimmed(state: State, model: Model) -> State | None:
    """Without what no plan can take any more; None when some line cannot be filled."""
    if min(state.need) < 0 or state.used.bit_count() > model.most or any(room.left < 0 for room in state.rooms):
        return None
    left: dict[tuple[int, int], int] = {}
    for room in state.rooms:
        for line in room.lines:
            key = line, room.site
            fits = room.fits(line)
            left[key] = min(left.get(key, fits), fits)
    full = state.used.bit_count() >= model.most
    rows = []
    for line, row in enumerate(state.cells):
        need = state.need[line]
        kept: list[Cell] = []
        able = 0
        for cell in row if need else ():
            site, most, unit, piece = cell
            can = min(most, need, left.get((line, site), need))
            if can <= 0 or (full and not state.used >> site & 1) or (can < need and not model.split):
                continue
            kept.append(cell if can == most else (site, can, unit, piece))
            able += can
        if able < need:
            return None
        rows.append(tuple(kept))
    return replace(state, cells=tuple(rows))


def opened(state: State, site: int) -> State:
    """The site is used: its fixed costs are paid."""
    fixed = list(state.fixed)
    paid = state.paid + fixed[site]
    fixed[site] = 0
    return replace(state, fixed=tuple(fixed), paid=paid, used=state.used | 1 << site)


def closed(state: State, site: int) -> State:
    """The site gives nothing (more)."""
    return replace(state, cells=tuple([tuple([cell for cell in row if cell[0] != site]) for row in state.cells]))


def capped(state: State, line: int, site: int, most: int) -> State:
    """The site gives `most` more units of the line at most."""
    row = [(s, min(m, most) if s == site else m, u, p) for s, m, u, p in state.cells[line] if s != site or most]
    return replace(state, cells=(*state.cells[:line], tuple(row), *state.cells[line + 1 :]))


def committed(state: State, model: Model, line: int, site: int, units: int) -> State:
    """The site gives these units of the line, and perhaps more."""
    if not state.used >> site & 1:
        state = opened(state, site)
    cell = next(cell for cell in state.cells[line] if cell[0] == site)
    row = [(s, m - units, u, 0) if s == site else (s, m, u, p) for s, m, u, p in state.cells[line]]
    need = list(state.need)
    need[line] -= units
    rooms = tuple(
        [room.less(line, units) if room.site == site and line in room.lines else room for room in state.rooms]
    )
    grams = state.grams
    if site in grams:
        grams = {**grams, site: grams[site] + units * model.grams[line]}
    given = {**state.units, (line, site): state.units.get((line, site), 0) + units}
    return replace(
        state,
        need=tuple(need),
        cells=(*state.cells[:line], tuple(row), *state.cells[line + 1 :]),
        rooms=rooms,
        paid=state.paid + units * cell[2] + cell[3],
        grams=grams,
        units=given,
    )


def bent(state: State, model: Model) -> tuple[State, int]:
    """With freight that bends as a line below it, in unit and fixed costs; and what used sites pay for sure."""
    paid = 0
    fixed = list(state.fixed)
    slopes = {}
    for site, curve in model.curves.items():
        least = state.grams[site]
        more = sum([m * model.grams[line] for line, row in enumerate(state.cells) for s, m, _, _ in row if s == site])
        slope, start = _below(curve, least, least + more)
        slopes[site] = slope << SCALE
        if state.used >> site & 1:
            paid += start << SCALE
        else:
            fixed[site] += start << SCALE
    cells = tuple(
        [
            tuple([(s, m, u + slopes[s] * model.grams[line], p) if s in slopes else (s, m, u, p) for s, m, u, p in row])
            for line, row in enumerate(state.cells)
        ]
    )
    return replace(state, cells=cells, fixed=tuple(fixed)), paid


def _below(curve: Curve, least: int, most: int) -> tuple[int, int]:
    """(slope, value at `least`) of a line that is nowhere above the curve between these weights."""
    start = curve.at(least)
    if most == least:
        return 0, start
    slope = (curve.at(most) - start) // (most - least)
    bends = [least, most, *[up_to for up_to, _ in curve.rates if least < up_to < most]]
    return slope, min([curve.at(grams) - slope * (grams - least) for grams in bends])
