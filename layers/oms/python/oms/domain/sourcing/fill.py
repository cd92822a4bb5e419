"""A plan from what a bound suggests: lines filled one after the other, from sites in use where they can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.domain.sourcing.bounds import Room
    from oms.domain.sourcing.terms import Cell


@frozen(kw_only=False)
class Filled:
    """(line, site) to units, and the sites they come from as bits."""

    units: dict[tuple[int, int], int]
    used: int


class _Filling:
    """What is given so far, and what is left of the limits."""

    def __init__(self, rooms: Sequence[Room], prices: Sequence[int]) -> None:
        self.left = [room.left for room in rooms]
        self.under: dict[tuple[int, int], list[tuple[int, int]]] = {}
        """By (line, site): limits by their number, and as how many units of each a unit counts."""
        self.extra: dict[tuple[int, int], int] = {}
        for number, room in enumerate(rooms):
            for line in room.lines:
                key = line, room.site
                self.under.setdefault(key, []).append((number, room.priced(line, 1)))
                if prices and prices[number]:
                    self.extra[key] = self.extra.get(key, 0) + room.priced(line, prices[number])
        self.units: dict[tuple[int, int], int] = {}

    def room(self, line: int, site: int, most: int) -> int:
        return min([most, *[self.left[number] // weight for number, weight in self.under.get((line, site), ())]])

    def give(self, line: int, site: int, count: int) -> None:
        self.units[line, site] = self.units.get((line, site), 0) + count
        for number, weight in self.under.get((line, site), ()):
            self.left[number] -= count * weight


def fill(
    need: Sequence[int],
    cells: Sequence[Sequence[Cell]],
    fixed: Sequence[int],
    rooms: Sequence[Room],
    suggested: int,
    *,
    split: bool,
    prices: Sequence[int] = (),
    guide: Mapping[tuple[int, int], float] | None = None,
) -> Filled | None:
    """Every line from suggested sites where they can, the rest from others; None when a line finds no place.

    Args:
        need: Units by line.
        cells: By line, what sites may give.
        fixed: By site.
        rooms: Limits, with what is left of them.
        suggested: Sites as bits.
        split: May a line come from several sites?
        prices: Of the limits, to count as costs.
        guide: Units by (line, site), whole parts of which are given first.
    """
    filling = _Filling(rooms, prices)
    rest = list(need)
    for (line, site), amount in sorted(guide.items()) if guide else ():
        whole = filling.room(line, site, int(amount + 1e-6))
        if 0 < whole <= rest[line] and (split or whole == rest[line]):
            filling.give(line, site, whole)
            rest[line] -= whole
    order = range(len(need))
    for line in sorted(order, key=lambda line: (len(cells[line]) > 1, -need[line])) if rooms else order:
        while rest[line]:
            found = _cheapest(filling, line, rest[line], cells[line], fixed, suggested, split=split)
            if found is None:
                return None
            _, _, site, count = found
            filling.give(line, site, count)
            rest[line] -= count
            suggested |= 1 << site
    used = 0
    for _, site in filling.units:
        used |= 1 << site
    return Filled(filling.units, used)


def _cheapest(
    filling: _Filling,
    line: int,
    rest: int,
    cells: Sequence[Cell],
    fixed: Sequence[int],
    suggested: int,
    *,
    split: bool,
) -> tuple[bool, int, int, int] | None:
    """(is only a part, cost, site, units) of the best site for what is left of a line."""
    best = None
    for site, most, unit, piece in cells:
        given = filling.units.get((line, site), 0)
        count = filling.room(line, site, min(rest, most - given))
        if count <= 0 or (count < rest and not split):
            continue
        cost = count * (unit + filling.extra.get((line, site), 0))
        if not given:
            cost += piece
        if not suggested >> site & 1:
            cost += fixed[site]
        option = (count < rest, cost * rest // count, site, count)
        if best is None or option < best:
            best = option
    return best
