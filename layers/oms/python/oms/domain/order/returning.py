"""Where units that come back go to: the nodes that shipped them, and the lots they were of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from oms.domain.kits import parts_of
from oms.domain.segments import less, taken

if TYPE_CHECKING:
    from oms.domain.order.events import NodeUnits
    from oms.domain.order.state import Order
    from oms.domain.serials import Serial


class _Shipped:
    """Units of a line in a parcel: how many of them came back before, and which are out."""

    __slots__ = ("out", "part", "passed")

    def __init__(self, part: NodeUnits) -> None:
        self.part = part
        self.out: list[Serial] = []
        self.passed = 0

    @property
    def room(self) -> int:
        """Units that have not come back."""
        return self.part.quantity - self.passed


def return_to_node(order: Order, line_id: str, units: int, serials: tuple[Serial, ...] = ()) -> list[NodeUnits]:
    """`units` of a line, put back to the nodes that shipped them; nothing when there are none.

    Those that are named go back to where they were shipped from; of others, what was shipped first is taken to be
    what comes back first.
    """
    if units <= 0:
        return []
    shipped = _shipped(order, line_id)
    named: list[list[Serial]] = [[each for each in serials if each in at.out] for at in shipped]
    takes = [0] * len(shipped)
    for place, at in enumerate(shipped):
        # Of a kit, several numbers are of one unit.
        each_unit = max(1, len(at.part.serials) // at.part.quantity)
        takes[place] = min(units, at.room, -(-len(named[place]) // each_unit))
        units -= takes[place]
    for place, at in enumerate(shipped):
        more = min(units, at.room - takes[place])
        takes[place] += more
        units -= more
    back: list[NodeUnits] = []
    displaced: list[Serial] = []
    for at, here, which in zip(shipped, takes, named, strict=True):
        if not here:
            displaced += which
            continue
        back.append(replace(_out_of(at.part, at.passed, here), serials=tuple(which)))
    if displaced and back:
        # Of their parcel, as many came back unnamed before: those were others, of the parcels that are left.
        back[-1] = replace(back[-1], serials=(*back[-1].serials, *displaced))
    return back


def _shipped(order: Order, line_id: str) -> list[_Shipped]:
    """In the order in which they left. What came back named is told by what is out; what came back unnamed fills up."""
    line = order.lines[line_id]
    found = [_Shipped(part) for parcel in order.parcels.values() for part in parcel.units if part.line_id == line_id]
    back = line.ledger.returned
    if line.serials or line.named_late or any(at.part.serials for at in found):
        out = [*line.serials, *line.named_late]
        for at in reversed(found):  # what left twice is out of the later parcel
            for serial in at.part.serials:
                if serial in out:
                    out.remove(serial)
                    at.out.append(serial)
            if at.part.serials:
                each_unit = max(1, len(at.part.serials) // at.part.quantity)
                at.passed = min(back, (len(at.part.serials) - len(at.out)) // each_unit)
                back -= at.passed
    for at in found:
        more = min(back, at.room)
        at.passed += more
        back -= more
    return found


def _out_of(part: NodeUnits, passed: int, quantity: int) -> NodeUnits:
    """Units of a parcel's line, after those that came back before. They return to their lots, but to no pool."""
    if not part.drawn:
        return replace(part, quantity=quantity)
    before, until = (parts_of(part.sku, part.components, count) for count in (passed, passed + quantity))
    drawn = less(taken(part.drawn, until, of=part.parts), taken(part.drawn, before, of=part.parts))
    return replace(part, quantity=quantity, drawn=tuple(each for each in drawn if not each.pooled))
