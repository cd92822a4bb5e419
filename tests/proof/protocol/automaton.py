"""One small order: every state that it can reach, and what each step does to stock, told by the code itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple

from oms.domain import ids
from oms.domain.errors import OmsError
from oms.domain.order import commands as cmd
from oms.domain.order.decider import decide
from oms.domain.order.events import Disposition, LineUnits, NodeUnits
from oms.domain.order.evolve import fold
from oms.domain.order.promising import wanted_units
from oms.domain.order.releasing import planned_units
from oms.domain.order.state import FulfillmentOrderStatus
from tests.support.builders import line, minutes, paid, snapshot, sync_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from oms.domain.order.events import OrderEvent
    from oms.domain.order.state import Order

SKU: Final = "SKU"
NODES: Final = ("N1", "N2")
_WORKABLE: Final = (FulfillmentOrderStatus.RELEASED, FulfillmentOrderStatus.ACCEPTED)
_REASONS: Final = ("no_capacity", "not_found", "damaged")


class Asked(NamedTuple):
    """Units, as commands told of them: an account that no event takes part in."""

    shipped: int = 0
    not_found: int = 0
    restocked: int = 0
    damaged: int = 0
    """Found damaged, or come back so."""
    back_damaged: int = 0
    qc: int = 0

    @property
    def left(self) -> int:
        """Units that are on hand no more."""
        return self.shipped + self.not_found - self.restocked - self.back_damaged - self.qc


class Step(NamedTuple):
    """A command that was accepted: the state after it, and its events."""

    name: str
    after: int
    events: tuple[OrderEvent, ...]


@dataclass(slots=True)
class Automaton:
    """The states of one order, as far as somebody came; state 0 is as it was placed."""

    waits: bool = False
    """Its release waits, and until then it may be bound elsewhere."""
    orders: list[Order] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    before: list[tuple[int, Step] | None] = field(default_factory=list)
    """The state from which each was first reached, and by what."""
    _steps: dict[int, list[Step]] = field(default_factory=dict)
    _index: dict[object, int] = field(default_factory=dict)

    def add(self, order: Order, asked: Asked) -> int:
        """The number of this state."""
        key = (shape(order), asked)
        if key not in self._index:
            self._index[key] = len(self.orders)
            self.orders.append(order)
            self.asked.append(asked)
            self.before.append(None)
        return self._index[key]

    def steps(self, state: int) -> list[Step]:
        """All that can be done in a state."""
        if state not in self._steps:
            self._steps[state] = list(self._taken(state))
        return self._steps[state]

    def _taken(self, state: int) -> Iterator[Step]:
        order = self.orders[state]
        for name, command, told in _commands(order, self.asked[state], waits=self.waits):
            try:
                events = decide(order.order_id, order, replace(command, command_id=ids.command_id(name, str(state))))
            except OmsError:
                continue
            after = fold(order.order_id, events, order)
            if not events or after is None:
                continue
            step = Step(name, self.add(after, told), events)
            if self.before[step.after] is None:
                self.before[step.after] = (state, step)
            yield step

    def reserved(self, state: int, node: str) -> int:
        """Units that the order has bound at a node."""
        works = (
            each for each in self.orders[state].fulfillment_orders.values() if each.planned or each.status in _WORKABLE
        )
        return sum(sum(each.remaining.values()) for each in works if each.node_id == node)


def shape(order: Order) -> object:
    """What of an order decides on its further life; ids are left out."""
    return (
        tuple((each.ledger, each.conflicted, each.refunded) for each in order.lines.values()),
        tuple((each.node_id, each.status, tuple(each.remaining.items())) for each in order.fulfillment_orders.values()),
        tuple(
            tuple((part.line_id, part.node_id, part.quantity) for part in each.units) for each in order.parcels.values()
        ),
        tuple(tuple(each.items()) for each in order.handovers.values()),
        order.rejected_nodes,
        order.payment.captured,
        tuple(
            sorted(
                (each.amount, *(tuple(part.items()) for part in (each.lines, each.removed, each.returned)))
                for each in order.payment.refunds.values()
            )
        ),
    )


@cache
def automaton(*quantities: int, waits: bool = False) -> Automaton:
    """An order of so many units in each line, of one SKU, paid in its channel; what became known of it is kept."""
    order_id = ids.order_id("shopify", "shop-1", "1001")
    lines = [line(str(number), quantity=units, sku=SKU) for number, units in enumerate(quantities, 1)]
    placed = fold(order_id, decide(order_id, None, sync_command(paid(snapshot(*lines)))))
    assert placed is not None
    made = Automaton(waits=waits)
    made.add(placed, Asked())
    return made


def _commands(order: Order, asked: Asked, *, waits: bool) -> Iterator[tuple[str, cmd.Command, Asked]]:
    """Everything that may be asked of the order, with the account after it."""
    for command in _promises(order, minutes(5) if waits else None):
        yield "promise", command, asked
    yield "release", cmd.ReleaseFulfillmentOrders(command_id="", at=minutes(5)), asked
    for command in _moves(order):
        yield "move", command, asked
    for known in order.fulfillment_orders.values():
        if known.status not in _WORKABLE:
            continue
        here = known.fulfillment_order_id
        units = sum(known.remaining.values())
        yield "accept", cmd.AcceptFulfillmentOrder(command_id="", fulfillment_order_id=here), asked
        for reason in _REASONS:
            told = {
                "no_capacity": asked,
                "not_found": asked._replace(not_found=asked.not_found + units),
                "damaged": asked._replace(damaged=asked.damaged + units),
            }[reason]
            yield "reject", cmd.RejectFulfillmentOrder(command_id="", fulfillment_order_id=here, reason=reason), told
        for lines in _some(known.remaining):
            parcel = cmd.ParcelToShip(carrier="dhl", tracking_number=f"T{len(order.parcels)}", lines=lines)
            told = asked._replace(shipped=asked.shipped + sum(part.quantity for part in lines))
            yield "ship", cmd.ShipFulfillmentOrder(command_id="", fulfillment_order_id=here, parcels=(parcel,)), told
    for lines in _some({ref: each.ledger.cancellable for ref, each in order.lines.items()}):
        yield "cancel", cmd.CancelLines(command_id="", lines=lines), asked
    yield from _returns(order, asked)


def _moves(order: Order) -> Iterator[cmd.Command]:
    """Every spread of what may move over the nodes. Not without end: a move leaves a fulfillment order behind."""
    if len(order.fulfillment_orders) > len(NODES):
        return
    bound: dict[str, int] = {}
    for part in planned_units(order):
        bound[part.line_id] = bound.get(part.line_id, 0) + part.quantity
    spreads = [
        [spread for spread in product(range(units + 1), repeat=len(NODES)) if sum(spread) == units]
        for units in bound.values()
    ]
    for chosen in product(*spreads) if bound else ():
        parts = [
            order.lines[ref].at(node, count)
            for ref, spread in zip(bound, chosen, strict=True)
            for node, count in zip(NODES, spread, strict=True)
            if count
        ]
        yield cmd.MoveLines(command_id="", units=tuple(parts), release_at=minutes(5))


def _promises(order: Order, release_at: datetime | None) -> Iterator[cmd.Command]:
    """Every plan that anybody could have made of what is wanted, whatever stock was there when it was made."""
    wanted = wanted_units(order)
    nodes = [node for node in NODES if node not in order.rejected_nodes]
    spreads = [
        [spread for spread in product(range(units + 1), repeat=len(nodes)) if sum(spread) <= units]
        for units in wanted.values()
    ]
    for chosen in product(*spreads):
        parts, short = [], []
        for (ref, units), spread in zip(wanted.items(), chosen, strict=True):
            parts += [
                NodeUnits(line_id=ref, sku=SKU, node_id=node, quantity=count)
                for node, count in zip(nodes, spread, strict=True)
                if count
            ]
            if units > sum(spread):
                short.append(LineUnits(line_id=ref, quantity=units - sum(spread)))
        yield cmd.PromiseOrder(
            command_id="", units=tuple(parts), short=tuple(short), promised_by=minutes(9), release_at=release_at
        )


def _returns(order: Order, asked: Asked) -> Iterator[tuple[str, cmd.Command, Asked]]:
    back = {ref: each.ledger.gone - each.ledger.returned for ref, each in order.lines.items()}
    for lines in _some(back):
        units = sum(part.quantity for part in lines)
        for disposition, told in (
            (Disposition.RESTOCK, asked._replace(restocked=asked.restocked + units)),
            (Disposition.QC, asked._replace(qc=asked.qc + units)),
            (
                Disposition.DAMAGED,
                asked._replace(damaged=asked.damaged + units, back_damaged=asked.back_damaged + units),
            ),
            (Disposition.SCRAP, asked),
        ):
            command = cmd.RequestRefund(command_id="", reason="back", lines=lines, disposition=disposition)
            yield "return", command, told


def _some(units: Mapping[str, int]) -> Iterator[tuple[LineUnits, ...]]:
    """Every choice of units, at least one."""
    for counts in product(*(range(count + 1) for count in units.values())):
        chosen = tuple(
            LineUnits(line_id=ref, quantity=count) for ref, count in zip(units, counts, strict=True) if count
        )
        if chosen:
            yield chosen
