"""What a position offers to somebody, and from which of its segments what is bound of it is drawn.

    offered = available - units of lots that are over - the channel's buffer + free units of its pools

None where units that orders have bound were not found. Of what is then bound, units of pools are drawn first, in the
order of the pools, for nobody else may have them; others are of the lots that are over first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from oms.domain.errors import InvalidInputError
from oms.domain.lots import first_expired, lot_segment
from oms.domain.pools import NO_ACCESS, pool_segment
from oms.domain.segments import LOT, POOL, Drawn, split_place, together

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from oms.domain.holding import HeldUnits
    from oms.domain.order.events import NodeUnits
    from oms.domain.pools import Access
    from oms.domain.stock import StockDelta

Place = tuple[str, str]
"""SKU and node."""


def has_pools(positions: Iterable[StockDelta]) -> bool:
    """Some of these rows are of pools: only then their rules need to be read."""
    return any(split_place(each.node_id)[1].startswith(POOL) for each in positions)


class Offer:
    """Positions as somebody may plan on them."""

    def __init__(self, rows: Iterable[StockDelta], now: datetime, access: Access = NO_ACCESS) -> None:
        self._pools: dict[Place, dict[str, int]] = {}
        self._lots: dict[Place, dict[str, int]] = {}
        self._access = access
        self._now = now
        whole = [each for each in rows if not self._segment(each)]
        self.positions: list[StockDelta] = [self._offered(each) for each in whole]
        """`available` is what may be taken in all, but for what the channel must leave."""

    def _segment(self, row: StockDelta) -> bool:
        node_id, segment = split_place(row.node_id)
        if segment.startswith(POOL):
            if segment in self._access.pools:
                self._pools.setdefault((row.sku, node_id), {})[segment] = row.free
        elif segment.startswith(LOT):
            self._lots.setdefault((row.sku, node_id), {})[segment] = row.available
        return bool(segment)

    def _offered(self, at: StockDelta) -> StockDelta:
        place = (at.sku, at.node_id)
        lots, pools = self._lots.get(place), self._pools.get(place, {})
        if lots:
            good = first_expired(list(lots), self._now)
            at = replace(at, available=max(0, at.available - sum(lots.values()) + sum(lots[each] for each in good)))
            self._lots[place] = {each: lots[each] for each in good}
        if not self._access.only.isdisjoint(pools):
            at = replace(at, available=0)
        return at

    def pooled(self, at: StockDelta) -> int:
        """Units of its pools that may be taken beside what is available."""
        return 0 if at.short else sum(self._pools.get((at.sku, at.node_id), {}).values())

    def draw(self, units: Iterable[NodeUnits], *, pools: bool = True) -> tuple[NodeUnits, ...]:
        """The units, with the segments that they come from; each call goes on where the last one ended.

        Without `pools`, of units that were bound before for the same buyer: those that were drawn from pools then are
        of them still, and the others are of what is for all.
        """
        if not self._pools and not self._lots:
            return tuple(units)
        return tuple([self._drawn(each, self._access.pools if pools else ()) for each in units])

    def hold(self, units: Iterable[HeldUnits]) -> list[HeldUnits]:
        """The units, with the pools that they come from; lots are drawn by the order that takes them over."""
        held = []
        for each in units:
            place = each.node_id
            drawn = [
                one
                for sku, count in each.parts
                for one in self._take(sku, self._pools.get((sku, place), {}), self._access.pools, count)
            ]
            held.append(replace(each, drawn=together(drawn)) if drawn else each)
        return held

    def _drawn(self, part: NodeUnits, pools: tuple[str, ...]) -> NodeUnits:
        drawn: list[Drawn] = []
        for sku, count in part.parts:
            place = (sku, part.node_id)
            before = [each for each in part.drawn if each.sku == sku]
            pooled = before or self._take(sku, self._pools.get(place, {}), pools, count)
            lots = self._lots.get(place, {})
            rest = count - sum(each.units for each in pooled)
            drawn += [*pooled, *self._take(sku, lots, lots, rest)]
        return replace(part, drawn=together(drawn)) if drawn else part

    @staticmethod
    def _take(sku: str, left: dict[str, int], order: Iterable[str], count: int) -> list[Drawn]:
        found = []
        for segment in order:
            units = min(count, left.get(segment, 0))
            if units:
                left[segment] -= units
                count -= units
                found.append(Drawn(sku, segment, units))
        return found


def segment_named(pool: str, lot: str, best_before: date | None) -> str:
    """The segment that a movement names, if it names one; raises InvalidInputError."""
    if (pool and lot) or (best_before and not lot):
        raise InvalidInputError("units are of a pool, or of a lot, which may be best before a day")
    if pool:
        return pool_segment(pool)
    return lot_segment(lot, best_before) if lot else ""
