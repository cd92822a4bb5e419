"""One position in several rows, so that many may bind its units at the same time. Escrow: each row may be sold alone.

The rows of a spread position are small positions: in each of them on hand is the sum of its parts, and the position is
their sum. What is `in_transit`, `short` and how often it was counted stand in the lead row, which is row 0. Events know
the position only: which row a unit is taken from, or put back to, is decided here, on the rows as somebody has read
them, and written on the condition that they still have what is taken. Units of a position are alike, so what an order
has bound may be shipped out of any row that has units bound.

A unit is never stranded in a row: when the first row that an order tries is short, others give, several together if
one has too little, and a row that is out pulls half of what another has.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final
from zlib import crc32

from oms.domain.frozen import frozen
from oms.domain.stock import COMPONENTS, PARTS, KeepingDelta, StockDelta

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

MAX_SHARDS: Final = 64
"""With the commit, all rows fit into one transaction (100 items) and into one read (100)."""
HEAT: Final = 3
"""So many transactions in the way of one reservation, and its position is spread further."""
COOL_S: Final = 0.25
"""Seconds after a position was spread in which it is not spread again: what is heard then is of before."""
CALM_S: Final = 900
"""Seconds after which a position is put together again. If it is still hot, it is spread anew within a second."""
PULL: Final = 16
"""A row that has at least so many units left gives half of them to the row that had too few. Those that have fewer keep
theirs: so nobody who reads the rows one after the other can miss all of what is on its way between two."""
CHOICES: Final = 4
"""Rows among which the richest gives when the first has too little. All of them would be one: everybody's."""
_LEAD: Final = ("in_transit", "short", "counts")
_ON_HAND: Final = "on_hand"
_COUNTS: Final = attrgetter(*COMPONENTS)


@frozen
class ShardsChanged:
    """A position was spread over more rows, or put together. No unit came or left."""

    sku: str
    node_id: str
    before: int
    after: int


@frozen
class Row:
    """What one transaction does to one row of a position.

    `was` is how many rows the position must still have, `becomes` how many it has from then on, `at` since when;
    `opens` a row that is not one of the position's, `closes` one for good, if it is in all as it was `seen`.
    """

    delta: StockDelta
    shard: int = 0
    was: int = 0
    becomes: int = 0
    at: datetime | None = None
    opens: bool = False
    seen: StockDelta | None = None

    @property
    def closes(self) -> bool:
        """The row is emptied, and no longer one of the position's."""
        return self.seen is not None


def path(key: str, shards: int, turn: int = 0) -> tuple[int, ...]:
    """All rows in the order in which `key` (an order's stream) tries them, begun at the `turn`-th.

    `shards` is a power of two, so that every odd stride meets each row once.
    """
    digest = crc32(key.encode("utf-8", "surrogatepass"))
    first, stride = digest % shards, (digest >> 16) | 1
    return tuple([(first + (turn + step) * stride) % shards for step in range(shards)])


def total(rows: Sequence[StockDelta]) -> StockDelta:
    """The position."""
    if len(rows) == 1:
        return rows[0]
    counts = map(sum, zip(*map(_COUNTS, rows), strict=True))
    return StockDelta(sku=rows[0].sku, node_id=rows[0].node_id, **dict(zip(COMPONENTS, counts, strict=True)))


def further(shards: int, collisions: int, available: int) -> int:
    """Of how many rows a position should be when a reservation in one of `shards` met so many others in its way.

    Whoever collides `n` times, waiting twice as long each time, has about 2^n before him; twice as many rows, and as
    good as each of them finds its own free. Not so many that a row would have less than two units.
    """
    wanted = min(MAX_SHARDS, shards << min(collisions + 1, 6))
    while wanted > shards and available < 2 * wanted:
        wanted //= 2
    return wanted


def allot(delta: StockDelta, rows: Sequence[StockDelta], key: str, turn: int = 0) -> tuple[Row, ...] | None:
    """The change of a position as changes of its rows, as few of them as will do; None when they have too little.

    `turn` says how many rows on the way of `key` others were writing.
    """
    if isinstance(delta, KeepingDelta) and total(rows).available + delta.available < delta.keep:
        return None
    way = path(key, len(rows), turn)
    lead = {name: getattr(delta, name) for name in _LEAD if getattr(delta, name)}
    if lead:
        way = (0, *[shard for shard in way if shard])
    taken = _taken({part: -getattr(delta, part) for part in PARTS if getattr(delta, part) < 0}, rows, way)
    if taken is None:
        return None
    changes = _placed({part: getattr(delta, part) for part in PARTS if getattr(delta, part) > 0}, taken)
    if delta.available < 0 < delta.reserved and len(taken) == 1:
        _pull(changes, rows, way[0])
    for change in changes.values():
        change[_ON_HAND] = sum(change.values())
    # A delta that does not balance has the rest of its on_hand where it begins.
    first = changes.setdefault(0, {}) if lead else changes[next(iter(changes))]
    rest = delta.on_hand - sum(change.get(_ON_HAND, 0) for change in changes.values())
    first[_ON_HAND] = first.get(_ON_HAND, 0) + rest
    first.update(lead)
    made = [
        Row(delta=StockDelta(sku=delta.sku, node_id=delta.node_id, **change), shard=shard)
        for shard, change in sorted(changes.items())
        if any(change.values())
    ]
    after = [rows[each.shard].plus(each.delta) for each in made]
    return None if any(getattr(each, name) < 0 for each in after for name in COMPONENTS) else tuple(made)


def _taken(
    needs: Mapping[str, int], rows: Sequence[StockDelta], way: Sequence[int]
) -> dict[int, dict[str, int]] | None:
    """Units by row and part: all from the first row, or the richest of the next that have them, else from several."""
    able = [shard for shard in way if all(getattr(rows[shard], part) >= units for part, units in needs.items())]
    if able:
        first = able[0] if able[0] == way[0] else max(able[:CHOICES], key=lambda shard: rows[shard].available)
        return {first: dict(needs)}
    taken: dict[int, dict[str, int]] = {}
    for part, needed in needs.items():
        left = needed
        for shard in way:
            units = min(left, getattr(rows[shard], part))
            if units > 0:
                taken.setdefault(shard, {})[part] = units
                left -= units
        if left:
            return None
    return taken


def _placed(gains: Mapping[str, int], taken: Mapping[int, Mapping[str, int]]) -> dict[int, dict[str, int]]:
    """What was taken leaves its row; what is gained comes where as many were taken, the rest into the first."""
    changes = {shard: {part: -units for part, units in parts.items()} for shard, parts in taken.items()}
    left = dict(gains)
    for shard, parts in taken.items():
        room = sum(parts.values())
        for part in gains:
            units = min(room, left[part])
            changes[shard][part] = changes[shard].get(part, 0) + units
            left[part] -= units
            room -= units
    first = changes[next(iter(changes))]
    for part, units in left.items():
        first[part] = first.get(part, 0) + units
    return changes


def _pull(changes: dict[int, dict[str, int]], rows: Sequence[StockDelta], home: int) -> None:
    """The row that was tried first gets half of what is left in the one that had enough."""
    (giver,) = changes
    left = rows[giver].available + changes[giver]["available"]
    if giver == home or left < PULL:
        return
    changes[giver]["available"] -= left // 2
    changes[home] = {"available": left // 2}


def spread(lead: StockDelta, before: int, after: int, at: datetime) -> tuple[Row, ...]:
    """A position of `before` rows gets `after`: the lead row shares what it has available with the new ones."""
    share = lead.available // (after - before + 1)

    def units(number: int) -> StockDelta:
        return StockDelta(sku=lead.sku, node_id=lead.node_id, on_hand=number, available=number)

    first = Row(delta=units(-share * (after - before)), was=before, becomes=after, at=at)
    return (first, *[Row(delta=units(share), shard=shard, opens=True) for shard in range(before, after)])


def gather(rows: Sequence[StockDelta]) -> tuple[Row, ...]:
    """All rows become the lead row."""
    lead, *others = rows
    nothing = StockDelta(sku=lead.sku, node_id=lead.node_id)
    first = Row(delta=total([nothing, *others]), was=len(rows), becomes=1)
    emptied = [
        Row(delta=nothing.plus(_minus(each)), shard=shard, seen=each) for shard, each in enumerate(others, start=1)
    ]
    return (first, *emptied)


def _minus(row: StockDelta) -> StockDelta:
    return StockDelta(sku=row.sku, node_id=row.node_id, **{name: -units for name, units in row.changes.items()})
