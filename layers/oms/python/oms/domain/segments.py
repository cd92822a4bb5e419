"""Segments of a position: units of it that are told apart, by the pool or the lot that they belong to.

A segment has a row of its own beside the position's, at the place `<node>~<segment>`:

- `pool:<name>` are units ring-fenced for some channels or accounts (`oms.domain.pools`). The position counts them as
  `pooled`, apart from what is available to all; the row says how many of them are `free`.
- `lot:<best before>:<lot>` are the units of one lot (`oms.domain.lots`). The row says of the lot what the position says
  of all: whatever changes the position by units of the lot changes the row by the same.

What binds units says which it has drawn from segments (`Drawn`), and what lets go of them puts them back where they
were drawn. Everything here counts units as they are kept in stock: of a kit, its components.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SEPARATOR: Final = "~"
"""No node id has it."""
POOL: Final = "pool:"
LOT: Final = "lot:"
Parts = tuple[tuple[str, int], ...]
"""(SKU, units) as they are kept in stock."""


@frozen(kw_only=False)
class Drawn:
    """So many units of a SKU came from a segment of the position."""

    sku: str
    segment: str
    units: int

    @property
    def pooled(self) -> bool:
        """From a pool."""
        return self.segment.startswith(POOL)


def place_of(node_id: str, segment: str) -> str:
    """Where a segment's row is kept; of no segment, the position itself."""
    return f"{node_id}{SEPARATOR}{segment}" if segment else node_id


def split_place(place: str) -> tuple[str, str]:
    """The node, and the segment or nothing."""
    node_id, _, segment = place.partition(SEPARATOR)
    return node_id, segment


def taken(drawn: tuple[Drawn, ...], units: Parts, *, of: Parts, last: bool = False) -> tuple[Drawn, ...]:
    """Of what was drawn for the units `of`, what goes with some of them: the first drawn goes first.

    `last`: what stays is what was drawn first, and what goes is first of all what was drawn from no segment.
    """
    if not drawn:
        return ()
    had = dict(of)
    found: list[Drawn] = []
    for sku, count in units:
        mine = [each for each in drawn if each.sku == sku]
        if last:
            mine.reverse()
            count -= min(count, had.get(sku, 0) - sum(each.units for each in mine))  # noqa: PLW2901 - what is left of it
        found.extend(_up_to(mine, count))
    return tuple(found)


def _up_to(drawn: Iterable[Drawn], units: int) -> Iterator[Drawn]:
    for each in drawn:
        count = min(each.units, units)
        if count:
            yield Drawn(each.sku, each.segment, count)
            units -= count


def together(drawn: Iterable[Drawn]) -> tuple[Drawn, ...]:
    """Each segment of a SKU once, in the order in which they were drawn first."""
    summed: dict[tuple[str, str], int] = {}
    for each in drawn:
        summed[each.sku, each.segment] = summed.get((each.sku, each.segment), 0) + each.units
    return tuple([Drawn(sku, segment, units) for (sku, segment), units in summed.items() if units])


def less(drawn: tuple[Drawn, ...], gone: tuple[Drawn, ...]) -> tuple[Drawn, ...]:
    """What is left of what was drawn."""
    return together([*drawn, *[Drawn(each.sku, each.segment, -each.units) for each in gone]]) if gone else drawn
