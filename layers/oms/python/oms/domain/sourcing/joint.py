"""Lines that may be split, share limits, or travel at rates that change with weight: solved exactly by branching.

A subproblem is what is left to decide after some units were committed to sites: the same problem again, smaller. First
it is decided which sites are used, then how many units of a line a site gives: all it may, none, or something between.
Freight that bends is bounded from below by a line through the weights that are still possible.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.domain.frozen import frozen
from oms.domain.sourcing.bounds import NEVER, bound
from oms.domain.sourcing.columns import mix
from oms.domain.sourcing.fill import fill
from oms.domain.sourcing.fixing import decided
from oms.domain.sourcing.state import SCALE, begun, bent, capped, closed, committed, opened, trimmed

if TYPE_CHECKING:
    from oms.domain.sourcing.bounds import Bound
    from oms.domain.sourcing.columns import Mixture
    from oms.domain.sourcing.fill import Filled
    from oms.domain.sourcing.state import State, Units
    from oms.domain.sourcing.terms import Model

_HALF: Final = 0.5
_SOME: Final = 1e-6
_ROUNDS: Final = 6


@frozen(kw_only=False)
class Split:
    """The plan found (None when none was), its value, what no plan is below, and the subproblems looked at."""

    units: Units | None
    value: int
    bound: int
    effort: int


def solve(model: Model, limit: int, suggested: int = 0) -> Split:
    """The least plan of `model`, looking at `limit` subproblems at most; sites suggested as bits are tried first."""
    start = trimmed(begun(model), model)
    if start is None:
        return Split(None, NEVER, NEVER, 0)
    search = _Search(model, limit)
    if suggested:
        search.suggest(start, suggested)
    return search.run(start)


@frozen(kw_only=False)
class _Looked:
    """A subproblem's freight as lines, its bound and the mixture behind it.

    No plan in it is below `own`, by this bound, nor below `least`, by this or a larger subproblem's.
    """

    lined: State
    found: Bound
    mixture: Mixture
    own: int
    least: int


class _Search:
    def __init__(self, model: Model, limit: int) -> None:
        self.model = model
        self.limit = limit
        self.value = NEVER
        self.units: Units | None = None

    def suggest(self, state: State, sites: int) -> None:
        """Try the plan that uses these sites."""
        cells = [[cell for cell in row if sites >> cell[0] & 1] for row in state.cells]
        filled = fill(state.need, cells, state.fixed, state.rooms, sites, split=self.model.split)
        if filled is not None:
            self._keep(state, filled)

    def run(self, root: State) -> Split:
        waiting = [root]
        effort = 0
        while waiting:
            state = waiting.pop()
            if self._beaten(state.bound):
                continue
            if effort == self.limit:
                waiting.append(state)
                break
            effort += 1
            waiting.extend(reversed(self._look(state)))
        left = [each.bound for each in waiting if not self._beaten(each.bound)]
        value = self.value >> SCALE if self.units is not None else NEVER
        return Split(self.units, value, min([-(-each >> SCALE) for each in left], default=value), effort)

    def _beaten(self, least: int) -> bool:
        return least > self.value - (1 << SCALE)

    def _look(self, state: State) -> list[State]:
        """Bound a subproblem, try the plans its bound suggests; the parts of it that are left, likelier first."""
        for _ in range(_ROUNDS):
            looked = self._bound(state)
            if looked is None:
                return []
            bounded = replace(state, bound=looked.least, offers=tuple(looked.found.offers))
            spare = self.value - (1 << SCALE) - looked.own
            smaller = decided(bounded, looked.lined, self.model, looked.found, spare)
            if smaller is None:
                return []
            if smaller is bounded:
                break
            state = smaller
        else:
            return [state]
        parts = self._parts(bounded, looked)
        return [each for each in [trimmed(part, self.model) for part in parts] if each is not None]

    def _bound(self, state: State) -> _Looked | None:
        """The best bound of a subproblem; None when nothing in it is better than the plan there is."""
        lined, sure = bent(state, self.model) if self.model.curves else (state, 0)
        given = state.need, lined.cells, lined.fixed, state.rooms
        base = state.paid + sure
        found = bound(*given)
        if found is None or self._beaten(base + found.value):
            return None
        if state.offers:
            again = bound(*given, state.offers)
            if again is None or self._beaten(base + again.value):
                return None
            found = again if again.value > found.value else found
        filled = self._try(state, lined, found, None)
        if self._beaten(base + found.value):
            return None
        enough = self.value - (1 << SCALE) - base
        mixture = mix(*given, found.offers, filled.units if filled else {}, enough)
        again = bound(*given, mixture.offers)
        if again is None:
            return None
        found = again if again.value > found.value else found
        least = max(state.bound, base + found.value)
        if self._beaten(least):
            return None
        self._try(state, lined, found, mixture)
        return None if self._beaten(least) else _Looked(lined, found, mixture, base + found.value, least)

    def _try(self, state: State, lined: State, found: Bound, mixture: Mixture | None) -> Filled | None:
        """Plans that the bound or the mixture suggests; the first of them."""
        tries: list[Filled | None] = []
        given = state.need, lined.cells, lined.fixed, state.rooms
        split = self.model.split
        if mixture is None:
            suggested = _suggested(found, state.used)
            tries.append(fill(*given, suggested, split=split))
            if any(found.prices):
                tries.append(fill(*given, suggested, split=split, prices=found.prices))
        else:
            suggested = state.used
            for site, much in mixture.sites.items():
                suggested |= 1 << site if much > _HALF else 0
            tries.append(fill(*given, suggested, split=split, prices=found.prices, guide=mixture.units))
            tries.append(fill(*given, suggested, split=split, prices=found.prices))
        for filled in tries:
            if filled is not None:
                self._keep(state, filled)
        return tries[0]

    def _keep(self, state: State, filled: Filled) -> None:
        value = self._worth(state, filled)
        if value < self.value and (state.used | filled.used).bit_count() <= self.model.most:
            units = dict(state.units)
            for key, count in filled.units.items():
                units[key] = units.get(key, 0) + count
            self.value, self.units = value, units

    def _worth(self, state: State, filled: Filled) -> int:
        """The value of the committed units together with these, exactly."""
        value = state.paid
        grams = dict(state.grams)
        seen = state.used
        for (line, site), count in filled.units.items():
            unit, piece = next((u, p) for s, _, u, p in state.cells[line] if s == site)
            value += count * unit + piece
            if site in grams:
                grams[site] += count * self.model.grams[line]
            if not seen >> site & 1:
                seen |= 1 << site
                value += state.fixed[site]
        return value + sum([self.model.curves[site].at(weight) << SCALE for site, weight in grams.items() if weight])

    def _parts(self, state: State, looked: _Looked) -> list[State]:
        site, much = _doubtful(state, looked.found, looked.mixture)
        if site >= 0:
            parts = [opened(state, site), closed(state, site)]
            return parts if much > _HALF else parts[::-1]
        line, site = _undecided(state, looked.lined, looked.mixture)
        if line < 0:
            return []
        most, piece = next((m, p) for s, m, _, p in state.cells[line] if s == site)
        if not self.model.split:
            return [committed(state, self.model, line, site, most), capped(state, line, site, 0)]
        least = 1 if piece else (most + 1) // 2
        return [committed(state, self.model, line, site, least), capped(state, line, site, least - 1)]


def _suggested(found: Bound, used: int) -> int:
    """Sites that earn all they cost, so many that each line pays one of them where it can."""
    chosen = used
    rows = [[(earned, site) for earned, site in row if found.slack[site] <= 0] for row in found.earning]
    for row in rows:
        if len(row) == 1:
            chosen |= 1 << row[0][1]
    for row in rows:
        if row and not any(chosen >> site & 1 for _, site in row):
            chosen |= 1 << max(row)[1]
    return chosen


def _doubtful(state: State, found: Bound, mixture: Mixture) -> tuple[int, float]:
    """A site whose use is not decided, and how much of it is in the mixture: the one nearest to half, first."""
    best, rank = -1, 1.0
    for site, much in sorted(mixture.sites.items()):
        if not state.used >> site & 1 and (distance := abs(much - _HALF)) < rank:
            best, rank = site, distance
    if best >= 0:
        return best, mixture.sites[best]
    earned: dict[int, int] = {}
    for row in found.earning:
        for each, site in row:
            if not state.used >> site & 1 and found.slack[site] <= 0:
                earned[site] = earned.get(site, 0) + each
    return max(earned, key=lambda site: (earned[site], -site), default=-1), 1.0


def _undecided(state: State, lined: State, mixture: Mixture) -> tuple[int, int]:
    """(line, site) whose share of what is due once the mixture saves most on; (-1, -1) when all is decided."""
    best, most = (-1, -1), (-1.0, -1.0)
    for line, row in enumerate(lined.cells):
        for site, can, _, piece in row if state.need[line] else ():
            much = mixture.units.get((line, site), 0.0)
            share = min(much, can - much) / can
            worth = (share * piece if share > _SOME else 0.0, much)
            if worth > most:
                best, most = (line, site), worth
    return best
