"""The code as it is, and the code with one thing wrong."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from oms.domain.order import events as ev
from oms.domain.order.evolve import fold
from oms.domain.stock import DecidedDelta, StockCounted, StockDelta, StockMoved, counted_delta, event_deltas
from tests.proof.protocol.automaton import Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tests.proof.protocol.automaton import Automaton, Step

    Deltas = Callable[[object], list[StockDelta]]
    """What an event does to stock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What transitions are made of. As it stands by default."""

    deltas: Deltas = event_deltas
    store: Mapping[str, Any] = field(default_factory=dict)
    """Checks of the store that are switched off."""
    apart: bool = False
    """Movements of one transaction are checked each by itself."""
    blind: bool = False
    """A position that is short binds all the same."""
    absolute: bool = False
    """A count says what is for sale, whoever has bound units."""
    stale: bool = False
    """A command that was decided one state ago is written too."""

    def steps(self, made: Automaton, state: int) -> list[Step]:
        """All that can happen to an order."""
        before = made.before[state]
        if not self.stale or before is None:
            return made.steps(state)
        return [*made.steps(state), *(_late(made, state, before[0], step) for step in made.steps(before[0]))]

    def summed(self, events: Iterable[object]) -> list[StockDelta]:
        """The movements of one transaction: one per position, as `stock_deltas` has it."""
        deltas = [delta for event in events for delta in self.deltas(event)]
        if self.apart:
            return deltas
        found: dict[str, StockDelta] = {}
        for each in deltas:
            found[each.node_id] = found[each.node_id].plus(each) if each.node_id in found else each
        return [each for each in found.values() if each.changes]

    def counted(self, event: StockCounted, at: StockDelta) -> DecidedDelta:
        """What a count writes, and on what condition."""
        delta = counted_delta(event)
        if self.absolute:
            units = event.counted - at.available
            delta = StockDelta(sku=at.sku, node_id=at.node_id, on_hand=units, available=units, counts=1)
        changes = {name: getattr(delta, name) for name in delta.changes}
        return DecidedDelta(sku=at.sku, node_id=at.node_id, seen=at, **changes)


def _wrong(event_type: type, change: Callable[[Any, StockDelta], Mapping[str, int]], **only: object) -> Code:
    """The code with another effect of one type of event."""

    def deltas(event: object) -> list[StockDelta]:
        right = event_deltas(event)
        if not isinstance(event, event_type) or any(getattr(event, name) != value for name, value in only.items()):
            return right
        return [replace(each, **dict[str, Any](change(event, each))) for each in right]

    return Code(deltas=deltas)


def _scrap_enters(event: object) -> list[StockDelta]:
    if isinstance(event, ev.LinesReturned) and event.disposition is ev.Disposition.SCRAP:
        return event_deltas(replace(event, disposition=ev.Disposition.RESTOCK))
    return event_deltas(event)


def _qc_for_sale(event: object) -> list[StockDelta]:
    if isinstance(event, ev.LinesReturned) and event.disposition is ev.Disposition.QC:
        return event_deltas(replace(event, disposition=ev.Disposition.RESTOCK))
    return event_deltas(event)


def _late(made: Automaton, state: int, earlier: int, step: Step) -> Step:
    """A step that was decided on an earlier state, written on this one."""
    order = made.orders[state]
    try:
        after = fold(order.order_id, step.events, order) or order
    except Exception:  # noqa: BLE001 - what cannot be folded leaves the order as it is; stock has moved all the same
        after = order
    now, then, was = made.asked[state], made.asked[step.after], made.asked[earlier]
    told = Asked(*(here + there - before for here, there, before in zip(now, then, was, strict=True)))
    return step._replace(after=made.add(after, told))


MUTANTS: Final[Mapping[str, Code]] = {
    "units are bound whether they are there or not": Code(store={"checks_stock": False}),
    "a count is written whatever came or left since": Code(store={"checks_seen": False}),
    "a count says what is for sale over what is bound": Code(absolute=True),
    "what is short is bound again": Code(blind=True),
    "two lines that share a SKU are checked apart": Code(apart=True),
    "a command that was decided on an older state is written": Code(stale=True),
    "bound units are counted twice": _wrong(ev.LinesReserved, lambda _, d: {"reserved": 2 * d.reserved}),
    "bound units stay available": _wrong(ev.LinesReserved, lambda _, _d: {"available": 0}),
    "bound units are not reserved": _wrong(ev.LinesReserved, lambda _, _d: {"reserved": 0}),
    "what is cancelled is freed twice": _wrong(ev.LinesCancelled, lambda _, d: {"available": 2 * d.available}),
    "what is cancelled stays reserved": _wrong(ev.LinesCancelled, lambda _, _d: {"reserved": 0}),
    "what is cancelled is not freed": _wrong(ev.LinesCancelled, lambda _, _d: {"available": 0, "reserved": 0}),
    "what moves stays bound where it was": _wrong(
        ev.LinesMoved, lambda _, d: {"available": min(0, d.available), "reserved": max(0, d.reserved)}
    ),
    "what moves is bound nowhere": _wrong(
        ev.LinesMoved, lambda _, d: {"available": max(0, d.available), "reserved": min(0, d.reserved)}
    ),
    "what ships stays on hand": _wrong(ev.ShipmentShipped, lambda _, _d: {"on_hand": 0}),
    "what ships stays reserved": _wrong(ev.ShipmentShipped, lambda _, d: {"reserved": 0, "available": d.on_hand}),
    "what ships leaves twice": _wrong(
        ev.ShipmentShipped, lambda _, d: {"on_hand": 2 * d.on_hand, "reserved": 2 * d.reserved}
    ),
    "what nobody found is for sale again": _wrong(
        ev.FulfillmentOrderRejected, lambda _, d: {"on_hand": 0, "available": -d.reserved}, reason="not_found"
    ),
    "what is damaged is gone": _wrong(
        ev.FulfillmentOrderRejected, lambda _, d: {"damaged": 0, "on_hand": d.reserved}, reason="damaged"
    ),
    "a warehouse without capacity keeps its units bound": _wrong(
        ev.FulfillmentOrderRejected, lambda _, _d: {"available": 0, "reserved": 0}, reason="no_capacity"
    ),
    "what came back is for sale twice": _wrong(ev.LinesReturned, lambda _, d: {"available": 2 * d.available}),
    "what came back for sale was never away": _wrong(ev.LinesReturned, lambda _, d: {"on_hand": 0, "available": 0}),
    "what was thrown away is in stock": Code(deltas=_scrap_enters),
    "what is to be looked at is for sale": Code(deltas=_qc_for_sale),
    "goods come in and are not for sale": _wrong(StockMoved, lambda _, _d: {"available": 0}),
}
