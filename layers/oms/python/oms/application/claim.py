"""An order takes over the units of the hold of stock that was made for its buyer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from oms.application.orders import Beside
from oms.domain import ids
from oms.domain.frozen import frozen
from oms.domain.holding import HeldUnits, claim, due_marks, fold_hold, positions_of
from oms.domain.order.events import LinesReserved
from oms.domain.segments import taken
from oms.domain.sourcing.request import SourcingRequest
from oms.domain.sourcing.terms import sites

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oms.application.holds import StockHolds
    from oms.application.ports import Reference
    from oms.domain.history import History
    from oms.domain.holding import StockHold
    from oms.domain.order.events import NodeUnits, OrderEvent
    from oms.domain.order.state import Order


@frozen
class Claim:
    """A live hold, and what an order takes over of it: `units`, which can be with the customer at `promised_by`."""

    order_id: str
    hold: StockHold
    history: History
    units: tuple[NodeUnits, ...]
    promised_by: datetime

    @property
    def positions(self) -> int:
        """Positions that the claim may free."""
        return positions_of(self.hold.units)

    @property
    def decision(self) -> dict[str, Any]:
        """Why these nodes."""
        return {"hold": self.hold.hold_id, "held_at": sorted({part.node_id for part in self.units})}

    def left(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """What is wanted beyond it, by line."""
        mine: Counter[str] = Counter()
        for part in self.units:
            mine[part.line_id] += part.quantity
        return {line_id: units - mine[line_id] for line_id, units in wanted.items() if units > mine[line_id]}

    def beside(self, events: Sequence[OrderEvent]) -> Beside | None:
        """The hold's own commit, if these events take its units over."""
        reserved = next((each for each in events if isinstance(each, LinesReserved)), None)
        if reserved is None:
            return None
        mine = [
            HeldUnits(
                sku=part.sku,
                node_id=part.node_id,
                quantity=part.quantity,
                components=part.components,
                drawn=part.drawn,
            )
            for part in reserved.taken_over
        ]
        event = claim(self.hold, self.order_id, mine)
        after = fold_hold([event], self.hold)
        return Beside(
            history=self.history,
            command_id=ids.command_id("claim_hold", self.hold.hold_id, self.order_id),
            events=(event,),
            due=due_marks(self.hold, after) if after else (),
        )


def find_claim(
    order: Order, wanted: Mapping[str, int], holds: StockHolds, reference: Reference, now: datetime
) -> Claim | None:
    """What the order may take over now: nothing once its hold's time is over, whoever has written that down or not."""
    hold_id = order.placed.stock_hold
    if not hold_id:
        return None
    loaded = holds.load(hold_id)
    if loaded.hold is None or not loaded.hold.is_live(now):
        return None
    request = SourcingRequest(lines=(), ship_to=order.placed.ship_to, candidates=reference.nodes({}), at=now)
    arrives = {
        site.node.node_id: site.arrives for site in sites(request)[0] if site.node.node_id not in order.rejected_nodes
    }
    units = _take(order, wanted, loaded.hold, frozenset(arrives))
    promised_by = max((arrives[part.node_id] for part in units), default=now)
    return Claim(
        order_id=order.order_id, hold=loaded.hold, history=loaded.history, units=units, promised_by=promised_by
    )


def _take(order: Order, wanted: Mapping[str, int], hold: StockHold, nodes: frozenset[str]) -> tuple[NodeUnits, ...]:
    """Held units by line, in the order of the lines; none of nodes that may not be used.

    A kit is taken as what it was held as: one that the catalogue made of something else meanwhile is another thing.
    What was drawn from pools is taken first.
    """
    left = {(each.sku, each.components, each.node_id): each for each in hold.units if each.node_id in nodes}
    found = []
    for line_id, units in wanted.items():
        line, open_ = order.lines[line_id], units
        for place in [place for place in left if place[:2] == (line.placed.sku, line.placed.components)]:
            held = left[place]
            count = min(open_, held.quantity)
            if count:
                drawn = taken(held.drawn, line.parts(count), of=held.parts)
                found.append(line.at(place[2], count, drawn))
                left[place] = held.without(count, drawn)
                open_ -= count
    return tuple(found)
