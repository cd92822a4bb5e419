"""Many orders sourced at once over the stock and the capacity that they share.

    objective = Σ orders: objective (docs/sourcing.md), over plans that together take no more than there is

What each order can do is what `source` lets it do: nodes by its promise, and what they may give. Its cheapest ways are
listed (`batch_ways`), prices found for what orders share, and a first plan by them (`batch_prices`); then orders trade
while that lowers the sum (`batch_chains`). The rest, whose lines must be split further, or wait, or come late, are
sourced one by one by the engine: those that have no way even alone before, those that were left without after. The same
batch gives the same plan; the search is bounded by counts, not by time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import field, replace
from typing import TYPE_CHECKING, Final

from oms.domain.errors import SourcingInputError
from oms.domain.frozen import frozen
from oms.domain.order.events import LineUnits, NodeUnits
from oms.domain.sourcing.batch_chains import improve
from oms.domain.sourcing.batch_jobs import cost_of, draft, job, largest
from oms.domain.sourcing.batch_market import Market
from oms.domain.sourcing.batch_prices import begin, find_prices
from oms.domain.sourcing.check import check_offered, check_policy, check_wanted
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.policy import CHEAPEST
from oms.domain.sourcing.request import ESTIMATE, Candidate, SourcingRequest, WantedLine, Zone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oms.domain.canonical import ShipTo
    from oms.domain.sourcing.batch_chains import Before
    from oms.domain.sourcing.batch_jobs import Draft, Job
    from oms.domain.sourcing.policy import SourcingPolicy


@frozen
class BatchOrder:
    """An order as `source` would have it, without the nodes: all orders of a batch have the same."""

    order_id: str
    lines: tuple[WantedLine, ...]
    ship_to: ShipTo | None
    promise: datetime | None = None


@frozen
class Batch:
    """Orders, first come first; nodes with all that they have and can do today; rates; the instant of deciding."""

    orders: tuple[BatchOrder, ...]
    candidates: tuple[Candidate, ...]
    at: datetime
    tariff: tuple[Zone, ...] = ESTIMATE
    extra_parcel: int = 0
    union: tuple[str, ...] = ()

    def request(self, order: BatchOrder) -> SourcingRequest:
        """One order, as if it had everything for itself."""
        return SourcingRequest(
            lines=order.lines,
            ship_to=order.ship_to,
            candidates=self.candidates,
            at=self.at,
            promise=order.promise,
            tariff=self.tariff,
            extra_parcel=self.extra_parcel,
            union=self.union,
        )


@frozen
class BatchPlan:
    """By order: units at nodes, and lines that wait. `objective` is the sum; `asked` is how much was looked at."""

    units: dict[str, tuple[NodeUnits, ...]] = field(default_factory=dict)
    short: dict[str, tuple[LineUnits, ...]] = field(default_factory=dict)
    objective: int = 0
    asked: int = 0


@frozen
class Move:
    """An order's units, before and after; `saved` in units of the objective, less than zero when it gives way."""

    order_id: str
    before: tuple[NodeUnits, ...]
    after: tuple[NodeUnits, ...]
    saved: int


@frozen
class Exchange:
    """Moves that belong together: one order takes a place, who had it goes elsewhere. `saved` is positive."""

    moves: tuple[Move, ...]
    saved: int


def plan_batch(batch: Batch, policy: SourcingPolicy = CHEAPEST) -> BatchPlan:
    """A plan for all orders. Raises a SourcingInputError for what no plan can be made of."""
    rest = _Rest(batch, policy)
    drafts, skus, never = _drafts(batch, policy)
    nodes = len(batch.candidates)
    jobs = []
    for drawn in drafts:
        made = job(drawn, nodes, never, split=True) if drawn.several else None
        made = made or job(drawn, nodes, never, split=False)
        if made is None:
            rest.source(drawn.number)
        else:
            jobs.append(made)
    market = Market(jobs, skus, rest.candidates(), never)
    find_prices(market)
    begin(market)
    deque(improve(market), maxlen=0)
    units: dict[str, tuple[NodeUnits, ...]] = {}
    for each, way in zip(market.jobs, market.way, strict=True):
        if way is not None:
            order = batch.orders[each.number]
            units[order.order_id] = _units(order, each, [batch.candidates[node].node_id for node in way[2]])
            rest.take(units[order.order_id])
    for each, way in zip(market.jobs, market.way, strict=True):
        if way is None:
            rest.source(each.number)
    units.update(rest.units)
    return BatchPlan(
        units={order.order_id: units[order.order_id] for order in batch.orders},
        short=rest.short,
        objective=rest.objective + sum([cost for cost in market.cost if cost < never]),
        asked=market.asked,
    )


def exchanges(
    batch: Batch, current: Mapping[str, Sequence[NodeUnits]], policy: SourcingPolicy = CHEAPEST
) -> list[Exchange]:
    """What orders that have units could trade, one exchange after the other; each lowers the sum of all costs.

    `batch.candidates` have what is left beside what the orders hold. New nodes keep the order's promise. An exchange
    takes no more than is left when those before it are done, so whoever stops after some has what these saved. Orders
    with a line from two nodes stay, and so do those that are late where they are, or not in `current`.
    """
    held = {order.order_id: _nodes_of(order, current.get(order.order_id, ())) for order in batch.orders}
    movable = tuple([order for order in batch.orders if held[order.order_id]])
    rest = _Rest(batch, policy)
    for order in movable:
        rest.give(current[order.order_id])
    nodes = rest.candidates()
    freed = replace(batch, orders=movable, candidates=nodes)
    places = {node.node_id: place for place, node in enumerate(nodes)}
    drafts, skus, never = _drafts(freed, policy)
    jobs, starts, stay = [], [], []
    for each, order in zip(drafts, movable, strict=True):
        made = job(each, len(nodes), never, split=False)
        at = tuple([places[node] for node in held[order.order_id]])
        if made is None or cost_of(made, at) >= never:
            stay.append(order)
        else:
            jobs.append(made)
            starts.append(at)
    for order in stay:
        rest.take(current[order.order_id])
    market = Market(jobs, skus, rest.candidates(), never)
    find_prices(market)
    for number, at in enumerate(starts):
        market.place(number, market.way_of(number, at))
    return [_exchange(freed, market, before) for before in improve(market)]


def _exchange(batch: Batch, market: Market, before: Before) -> Exchange:
    """What a chain did, when it is the last that was done."""
    moves = []
    for number, was in before.items():
        each, now = market.jobs[number], market.way[number]
        if was is not None and now is not None:
            order = batch.orders[each.number]
            names = [[batch.candidates[node].node_id for node in way[2]] for way in (was, now)]
            saved = was[0] - now[0]
            moves.append(
                Move(
                    order_id=order.order_id,
                    before=_units(order, each, names[0]),
                    after=_units(order, each, names[1]),
                    saved=saved,
                )
            )
    return Exchange(moves=tuple(moves), saved=sum([move.saved for move in moves]))


_OVER: Final = 24
"""Bits by which `never` is over the largest cost of one parcel or line."""


def _drafts(batch: Batch, policy: SourcingPolicy) -> tuple[list[Draft], list[str], int]:
    """Orders as numbers; SKUs by number; a number over every cost."""
    check_policy(policy)
    numbers: dict[str, int] = {}
    drafts = []
    requests = [batch.request(order) for order in batch.orders]
    for request in requests:
        check_wanted(request)
    if requests:
        check_offered(requests[0], {sku for each in requests for line in each.lines for sku, _ in line.each})
    for number, request in enumerate(requests):
        drafts.append(draft(number, request, policy, numbers))
    never = max([largest(each.made) for each in drafts], default=0) + 1 << _OVER
    return drafts, list(numbers), never


class _Rest:
    """What nodes have left, and the engine for orders that are sourced by themselves."""

    def __init__(self, batch: Batch, policy: SourcingPolicy) -> None:
        if len({order.order_id for order in batch.orders}) < len(batch.orders):
            raise SourcingInputError("an order twice in a batch")
        self.batch = batch
        self.policy = policy
        self.nodes = {node.node_id: node for node in batch.candidates}
        self.units: dict[str, tuple[NodeUnits, ...]] = {}
        self.short: dict[str, tuple[LineUnits, ...]] = {}
        self.objective = 0

    def candidates(self) -> tuple[Candidate, ...]:
        return tuple(self.nodes.values())

    def source(self, number: int) -> None:
        order = self.batch.orders[number]
        plan = source(replace(self.batch.request(order), candidates=self.candidates()), self.policy)
        self.units[order.order_id] = plan.units
        if plan.short:
            self.short[order.order_id] = plan.short
        self.objective += plan.proof.objective
        self.take(plan.units)

    def take(self, units: Sequence[NodeUnits]) -> None:
        self._change(units, -1)

    def give(self, units: Sequence[NodeUnits]) -> None:
        self._change(units, 1)

    def _change(self, units: Sequence[NodeUnits], sign: int) -> None:
        """One order's units."""
        for node_id in dict.fromkeys([part.node_id for part in units]):
            node = self.nodes[node_id]
            here = [part for part in units if part.node_id == node_id]
            available = dict(node.available)
            for part in here:
                available[part.sku] = available.get(part.sku, 0) + sign * part.quantity
            count = sum([part.quantity for part in here])
            self.nodes[node_id] = replace(
                node,
                available=available,
                units_left=None if node.units_left is None else node.units_left + sign * count,
                orders_left=None if node.orders_left is None else node.orders_left + sign,
            )


def _units(order: BatchOrder, of: Job, nodes: Sequence[str]) -> tuple[NodeUnits, ...]:
    given: dict[tuple[int, str], int] = {}
    for line, units, node in zip(of.lines, of.units, nodes, strict=True):
        given[line, node] = given.get((line, node), 0) + units
    return tuple(
        [
            NodeUnits(line_id=order.lines[line].line_id, sku=order.lines[line].sku, node_id=node, quantity=units)
            for (line, node), units in given.items()
        ]
    )


def _nodes_of(order: BatchOrder, units: Sequence[NodeUnits]) -> tuple[str, ...]:
    """The node of each line; empty when a line is not whole at one."""
    parts = {(part.line_id, part.quantity): part.node_id for part in units}
    nodes = [parts.get((line.line_id, line.quantity), "") for line in order.lines]
    return tuple(nodes) if all(nodes) and len(units) == len(nodes) else ()
