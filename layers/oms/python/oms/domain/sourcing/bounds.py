"""A lower bound for plans in which lines may be split and share limits: dual ascent with prices on the limits.

Each line offers a price V for all of its units. A site that may give `most` of the `need` earns, from that line,

    max(0, most × V / need − (most × unit + piece))

and each limit has a price per unit, which adds to the unit costs of its lines, as often as a unit of them counts, and
is paid back for `limit.most` units.
For whatever prices, Σ V + Σ sites min(0, fixed − earned − paid back) is a lower bound (Lagrange). Divisions are rounded
so that the bound stays one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.domain.sourcing.terms import Cell

NEVER: Final = 1 << 400
"""Over every objective."""
_ROUNDS: Final = 4


@frozen(kw_only=False)
class Room:
    """A limit as it is now: its site, the lines under it, and the units that are left of it.

    `weights` says by line as how many of them a unit counts; None when each counts once.
    """

    site: int
    lines: frozenset[int]
    left: int
    weights: Mapping[int, int] | None = None

    def fits(self, line: int) -> int:
        """Units of a line that there is room for."""
        return self.left // self.weights[line] if self.weights else self.left

    def less(self, line: int, units: int) -> Room:
        """The limit when so many units of a line are given."""
        taken = units * self.weights[line] if self.weights else units
        return Room(self.site, self.lines, self.left - taken, self.weights)

    def priced(self, line: int, price: int) -> int:
        """What a price of the limit adds to a unit of a line."""
        return price * self.weights[line] if self.weights else price


@frozen(kw_only=False)
class Bound:
    """No plan is below `value`; the prices that say so: of lines, of limits, and what sites lack to their cost."""

    value: int
    offers: list[int]
    prices: list[int]
    slack: list[int]
    earning: list[list[tuple[int, int]]]
    """By line: (earned, site) where the line pays."""


class _Ascent:
    def __init__(
        self,
        need: Sequence[int],
        cells: Sequence[Sequence[Cell]],
        fixed: Sequence[int],
        rooms: Sequence[Room],
    ) -> None:
        self.need = need
        self.fixed = fixed
        self.rooms = rooms
        self.prices = [0] * len(rooms)
        self.cells = cells
        self.lines = [line for line, units in enumerate(need) if units]
        self.offers = [0] * len(need)
        self.slack: list[int] = []
        self.rows: list[list[tuple[int, int, int, int]]] = []
        """By line, ascending: (the last offer that earns nothing, site, most, its whole cost)."""

    def price(self) -> None:
        """Take the limits' prices into the costs of the cells, and see what the offers leave each site lacking."""
        extra: dict[tuple[int, int], int] = {}
        slack = list(self.fixed)
        for room, price in zip(self.rooms, self.prices, strict=True):
            if price:
                slack[room.site] -= price * room.left
                for line in room.lines:
                    extra[line, room.site] = extra.get((line, room.site), 0) + room.priced(line, price)
        self.rows = []
        for line, row in enumerate(self.cells):
            need, offer = self.need[line], self.offers[line]
            priced = []
            for site, most, unit, piece in row if need else ():
                whole = most * (unit + extra.get((line, site), 0)) + piece if extra else most * unit + piece
                if most == need:
                    priced.append((whole, site, most, whole))
                    earned = offer - whole
                else:
                    priced.append((whole * need // most, site, most, whole))
                    earned = -(-most * offer // need) - whole
                if earned > 0:
                    slack[site] -= earned
            priced.sort()
            self.rows.append(priced)
        self.slack = slack

    def climb(self) -> bool:
        """Raise offers while the bound rises with them; False when it rises without end: there is no plan."""
        active = self.lines
        while active:
            still = []
            for line in active:
                moved = self._raise(line)
                if moved is None:
                    return False
                if moved:
                    still.append(line)
            active = still
        return True

    def _raise(self, line: int) -> bool | None:
        """Raise one offer to the next point where something changes; None when nothing ever does."""
        need, offer, slack = self.need[line], self.offers[line], self.slack
        blocked = 0
        step = -1
        within = []
        for cell in self.rows[line]:
            start, site, most, _ = cell
            if start > offer:
                if step < 0 or start - offer < step:
                    step = start - offer
                break
            lacking = slack[site]
            if lacking <= 0:
                blocked += most
                if blocked >= need:
                    return False
            else:
                free = lacking if most == need else lacking * need // most
                if step < 0 or free < step:
                    step = free
            within.append(cell)
        if step < 0:
            return None
        raised = offer + step
        for _, site, most, whole in within:
            if most == need:
                slack[site] -= step
            else:
                before = -(-most * offer // need) - whole
                slack[site] -= max(0, -(-most * raised // need) - whole) - max(0, before)
        self.offers[line] = raised
        return True

    def _earning(self, line: int) -> list[tuple[int, int]]:
        need, offer = self.need[line], self.offers[line]
        earned = []
        for start, site, most, whole in self.rows[line]:
            if start > offer:
                break
            earned.append((-(-most * offer // need) - whole, site))
        return earned

    def reprice(self) -> bool:
        """Set the price of each limit to what its last unit is worth at these offers; False when nothing changes.

        Limits of different SKUs or sites do not meet, but for those of kits, where the prices are only less good: they
        are priced together, then those of whole sites.
        """
        changed = False
        for whole in (False, True):
            before = self.prices.copy()
            for number, room in enumerate(self.rooms):
                if (len(room.lines) == len(self.need)) is whole:
                    self.prices[number] = self._worth(room, self.prices[number])
            if self.prices != before:
                self.price()
                changed = True
        return changed

    def _worth(self, room: Room, price: int) -> int:
        """What one unit more of this limit would earn: 0 when it has more than its lines would take."""
        asked = []
        total = 0
        for line in room.lines:
            need, offer = self.need[line], self.offers[line]
            for _, site, most, whole in self.rows[line]:
                if site == room.site:
                    each = (most * offer // need - whole) // most + room.priced(line, price)
                    weight = room.priced(line, 1)
                    if each > 0:
                        asked.append((each // weight, most * weight))
                        total += most * weight
                    break
        if total <= room.left:
            return 0
        asked.sort(reverse=True)
        left = room.left
        for each, most in asked:
            left -= most
            if left < 0:
                return each
        return 0

    def value(self) -> int:
        return sum(self.offers) + sum([each for each in self.slack if each < 0])

    def bound(self) -> Bound:
        earning = [self._earning(line) if units else [] for line, units in enumerate(self.need)]
        return Bound(self.value(), self.offers.copy(), self.prices.copy(), self.slack.copy(), earning)


def bound(
    need: Sequence[int],
    cells: Sequence[Sequence[Cell]],
    fixed: Sequence[int],
    rooms: Sequence[Room],
    offers: Sequence[int] = (),
) -> Bound | None:
    """The best bound found from these offers on; None when there is no plan."""
    ascent = _Ascent(need, cells, fixed, rooms)
    if offers:
        ascent.offers = [offer if units else 0 for offer, units in zip(offers, need, strict=True)]
    ascent.price()
    if offers and rooms:
        ascent.reprice()
    best = None
    for _ in range(_ROUNDS):
        if not ascent.climb():
            return None
        value = ascent.value()
        if best is not None and value <= best.value:
            break
        best = ascent.bound()
        if not rooms or not ascent.reprice():
            break
    return best
