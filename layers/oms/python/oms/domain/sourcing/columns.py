"""Better offers by linear programming: each site is a mixture of parcels, made up when they would pay.

The master problem chooses how much of each parcel known so far is used, so that lines are filled and no site counts for
more than one; its duals are offers. A parcel that would pay at these offers joins it, until none would (Dantzig-Wolfe).
It is in floating point and decides nothing: its offers are made whole numbers, and the bound is worked out from those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.domain.sourcing.bounds import Room
    from oms.domain.sourcing.terms import Cell

_TINY: Final = 1e-9
_ZERO: Final = 1e-12
_PAYS: Final = -1e-8
"""Reduced cost at which a parcel joins."""
_SLACK: Final = -1
_UNFILLED: Final = -2
MOST_LINES: Final = 40
"""With more, a look costs more than it finds: the plan stands for the mixture."""
_PASSES: Final = 60
_PIVOTS: Final = 400


@frozen(kw_only=False)
class Mixture:
    """Offers by line for all its units, and how much of each site and of each (line, site) is used."""

    offers: list[int]
    sites: dict[int, float]
    units: dict[tuple[int, int], float]


Item = tuple[int, int, float]
"""(line, units at most, cost per unit with its share of what is due once)."""


def _added(values: Sequence[float]) -> float:
    """In their order. `sum` rounds in another way from Python 3.12 on, and plans must not depend on that."""
    total = 0.0
    for each in values:
        total += each
    return total


class _Sites:
    """Which parcel of a site earns most at given offers per unit."""

    def __init__(
        self, need: Sequence[int], cells: Sequence[Sequence[Cell]], rooms: Sequence[Room], scale: float
    ) -> None:
        self.items: dict[int, list[Item]] = {}
        for line, row in enumerate(cells):
            if need[line]:
                for site, most, unit, piece in row:
                    self.items.setdefault(site, []).append((line, most, (unit + piece / most) / scale))
        self.rooms: dict[int, list[Room]] = {}
        for room in rooms:
            self.rooms.setdefault(room.site, []).append(room)

    def parcel(self, site: int, offers: Sequence[float]) -> tuple[float, list[tuple[int, float]], float]:
        """(earned at these offers, units by line, their cost)."""
        asked = []
        for line, most, cost in self.items[site]:
            each = offers[line] - cost
            if each > _TINY:
                asked.append((each, line, most, cost))
        rooms = self.rooms.get(site)
        if not rooms:
            earned = _added([each * most for each, _, most, _ in asked])
            paid = _added([most * cost for _, _, most, cost in asked])
            return earned, [(line, float(most)) for _, line, most, _ in asked], paid
        asked.sort(reverse=True)
        left: list[float] = [room.left for room in rooms]
        taken: list[tuple[int, float]] = []
        earned = paid = 0.0
        for each, line, most, cost in asked:
            under = [(number, room.priced(line, 1)) for number, room in enumerate(rooms) if line in room.lines]
            count = min([most, *[left[number] if weight == 1 else left[number] / weight for number, weight in under]])
            if count > 0:
                for number, weight in under:
                    left[number] -= count * weight
                earned += count * each
                paid += count * cost
                taken.append((line, count))
        return earned, taken, paid


class _Master:
    """The simplex method with an explicit inverse; rows are lines, then sites."""

    def __init__(self, need: Sequence[int], lines: list[int], sites: list[int], dear: list[float]) -> None:
        self.row = {line: at for at, line in enumerate(lines)}
        self.site_row = {site: len(lines) + at for at, site in enumerate(sites)}
        size = len(lines) + len(sites)
        self.lines = len(lines)
        self.inverse = [[1.0 if at == other else 0.0 for other in range(size)] for at in range(size)]
        self.values = [float(need[line]) for line in lines] + [1.0] * len(sites)
        self.costs = dear + [0.0] * len(sites)
        self.basis: list[int] = [_UNFILLED] * len(lines) + [_SLACK] * len(sites)
        self.columns: list[tuple[float, list[tuple[int, float]], int]] = []
        self.duals: list[float] = []
        self.pivots = 0

    def add(self, cost: float, taken: list[tuple[int, float]], site: int) -> None:
        entries = [(self.row[line], count) for line, count in taken]
        entries.append((self.site_row[site], 1.0))
        self.columns.append((cost, entries, site))

    def solve(self) -> None:
        """The best mixture of the columns there are."""
        self._price()
        while self.pivots < _PIVOTS:
            duals = self.duals
            best, entering = -_TINY, -1
            for number, (cost, entries, _) in enumerate(self.columns):
                reduced = cost
                for row, count in entries:
                    reduced -= duals[row] * count
                if reduced < best:
                    best, entering = reduced, number
            lowest = min(duals[: self.lines])
            highest = max(duals[self.lines :])
            if lowest < best and lowest <= -highest:
                self._pivot(0.0, [(duals.index(lowest), -1.0)], _SLACK, lowest)
            elif -highest < best:
                self._pivot(0.0, [(duals.index(highest, self.lines), 1.0)], _SLACK, -highest)
            elif entering >= 0:
                cost, entries, _ = self.columns[entering]
                self._pivot(cost, entries, entering, best)
            else:
                return

    def dearer(self) -> bool:
        """Let units that no parcel fills cost more; False when there are none."""
        unfilled = False
        for at, number in enumerate(self.basis):
            if number == _UNFILLED and self.values[at] > _TINY:
                self.costs[at] *= 4
                unfilled = True
        return unfilled

    def _price(self) -> None:
        duals = [0.0] * len(self.costs)
        for cost, row in zip(self.costs, self.inverse, strict=True):
            if cost:
                duals = [dual + cost * each for dual, each in zip(duals, row, strict=True)]
        self.duals = duals

    def _pivot(self, cost: float, entries: list[tuple[int, float]], number: int, reduced: float) -> None:
        self.pivots += 1
        step = [_added([row[at] * count for at, count in entries]) for row in self.inverse]
        leaving, least = -1, 0.0
        for at, each in enumerate(step):
            if each > _TINY:
                ratio = self.values[at] / each
                if leaving < 0 or ratio < least - _ZERO:
                    leaving, least = at, ratio
        if leaving < 0:
            self.pivots = _PIVOTS
            return
        factor = step[leaving]
        pivot = [each / factor for each in self.inverse[leaving]]
        self.inverse[leaving] = pivot
        self.values[leaving] = least
        for at, each in enumerate(step):
            if at != leaving and not -_ZERO <= each <= _ZERO:
                self.inverse[at] = [mine - each * other for mine, other in zip(self.inverse[at], pivot, strict=True)]
                self.values[at] = max(0.0, self.values[at] - each * least)
        self.duals = [dual + reduced * each for dual, each in zip(self.duals, pivot, strict=True)]
        self.costs[leaving] = cost
        self.basis[leaving] = number


def mix(
    need: Sequence[int],
    cells: Sequence[Sequence[Cell]],
    fixed: Sequence[int],
    rooms: Sequence[Room],
    offers: Sequence[int],
    plan: Mapping[tuple[int, int], int],
    enough: int,
) -> Mixture:
    """The best mixture of parcels, from these offers and this plan on; it stops when its bound is `enough`."""
    whole = [most * unit + piece for line, row in enumerate(cells) if need[line] for _, most, unit, piece in row]
    scale = float(max(1, *fixed, *whole))
    lines = [line for line, units in enumerate(need) if units]
    if len(lines) > MOST_LINES:
        return Mixture(list(offers), {}, {key: float(count) for key, count in plan.items()})
    parcels = _Sites(need, cells, rooms, scale)
    starts = {site: fixed[site] / scale for site in sorted(parcels.items)}
    per_unit = [offers[line] / need[line] / scale if need[line] else 0.0 for line in range(len(need))]
    master = _Master(need, lines, list(starts), [per_unit[line] * 1.5 + 0.01 for line in lines])
    _begin(master, parcels, starts, per_unit, plan)
    best, reached = per_unit.copy(), -1.0
    for _ in range(_PASSES):
        master.solve()
        for line, at in master.row.items():
            per_unit[line] = master.duals[at]
        bound = _added([per_unit[line] * need[line] for line in lines])
        found = False
        for site, start in starts.items():
            earned, taken, paid = parcels.parcel(site, per_unit)
            bound += min(0.0, start - earned)
            if taken and start - earned - master.duals[master.site_row[site]] < _PAYS:
                master.add(start + paid, taken, site)
                found = True
        if bound > reached:
            best, reached = per_unit.copy(), bound
        if not found and master.dearer():
            continue
        if not found or master.pivots >= _PIVOTS or reached * scale >= enough:
            break
    return _mixture(
        master, lines, [int(max(0.0, each) * count * scale) for each, count in zip(best, need, strict=True)]
    )


def _begin(
    master: _Master,
    parcels: _Sites,
    starts: Mapping[int, float],
    per_unit: Sequence[float],
    plan: Mapping[tuple[int, int], int],
) -> None:
    """The first columns: what earns most at these offers, and what the plan has."""
    for site, start in starts.items():
        _, taken, paid = parcels.parcel(site, per_unit)
        if taken:
            master.add(start + paid, taken, site)
        given = [(line, plan[line, site]) for line, _, _ in parcels.items[site] if (line, site) in plan]
        if given:
            costs = {line: cost for line, _, cost in parcels.items[site]}
            master.add(
                start + _added([count * costs[line] for line, count in given]),
                [(line, float(count)) for line, count in given],
                site,
            )


def _mixture(master: _Master, lines: list[int], offers: list[int]) -> Mixture:
    used: dict[int, float] = {}
    units: dict[tuple[int, int], float] = {}
    for number, value in zip(master.basis, master.values, strict=True):
        if number >= 0 and value > _TINY:
            _, entries, site = master.columns[number]
            used[site] = used.get(site, 0.0) + value
            for row, count in entries[:-1]:
                key = lines[row], site
                units[key] = units.get(key, 0.0) + value * count
    return Mixture(offers, used, units)
