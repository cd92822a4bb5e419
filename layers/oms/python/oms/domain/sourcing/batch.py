"""Many orders sourced at once over the stock and the capacity that they share.

    objective = the sum of the orders' objectives (docs/sourcing.md), over plans that together take no more than there is

What each order can do is what `source` lets it do: nodes by its promise, and what they may give. Orders whose lines
have whole places bid for them (`batch_auction`), then trade them while that lowers the sum (`batch_chains`). The rest,
whose lines must be split, or wait, or come late, are sourced one by one by the engine: those that have no whole places
even alone before, those that were left without after. The same batch gives the same plan; the search is bounded by
counts, not by time.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Final

from oms.domain.errors import SourcingInputError
from oms.domain.frozen import frozen
from oms.domain.order.events import LineUnits, NodeUnits
from oms.domain.sourcing.batch_auction import auction
from oms.domain.sourcing.batch_chains import better_alone, improve
from oms.domain.sourcing.batch_jobs import cost_of, draft, job, largest
from oms.domain.sourcing.batch_market import Market
from oms.domain.sourcing.check import check_policy, check_request
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.policy import CHEAPEST
from oms.domain.sourcing.request import ESTIMATE, Candidate, SourcingRequest, WantedLine, Zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from oms.domain.canonical import ShipTo
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
    """By order: units at nodes, and lines that wait. `objective` is the sum over all; `asked` how much was looked at."""

    units: dict[str, tuple[NodeUnits, ...]] = field(default_factory=dict)
    short: dict[str, tuple[LineUnits, ...]] = field(default_factory=dict)
    objective: int = 0
    asked: int = 0


@frozen
class Move:
    """An order's units, before and after; `saved` in units of the objective."""

    order_id: str
    before: tuple[NodeUnits, ...]
    after: tuple[NodeUnits, ...]
    saved: int


def plan_batch(batch: Batch, policy: SourcingPolicy = CHEAPEST) -> BatchPlan:
    """A plan for all orders. Raises a SourcingInputError for what no plan can be made of."""
    rest = _Rest(batch, policy)
    drafts, skus, never = _drafts(batch, policy)
    nodes = len(batch.candidates)
    jobs = []
    for each in drafts:
        made = job(each, nodes, never, split=False) or job(each, nodes, never, split=True)
        if made is None:
            rest.source(each.number)
        else:
            jobs.append(made)
    market = Market(jobs, skus, rest.candidates(), never)
    auction(market, never >> _QUITS)
    improve(market)
    if _divide(market, drafts):
        improve(market)
    units: dict[str, tuple[NodeUnits, ...]] = {}
    for each, at in zip(market.jobs, market.at, strict=True):
        if at is not None:
            order = batch.orders[each.number]
            units[order.order_id] = _units(order, each, [batch.candidates[node].node_id for node in at])
            rest.take(units[order.order_id])
    for each, at in zip(market.jobs, market.at, strict=True):
        if at is None:
            rest.source(each.number)
    units.update(rest.units)
    return BatchPlan(
        units={order.order_id: units[order.order_id] for order in batch.orders},
        short=rest.short,
        objective=rest.objective + sum([cost for cost in market.cost if cost < never]),
        asked=market.asked,
    )


def _divide(market: Market, drafts: Sequence[Draft]) -> bool:
    """Orders that found no place whole may have their units from several; were there any?"""
    by_number = {each.number: each for each in drafts}
    divided = False
    for place, each in enumerate(market.jobs):
        if market.at[place] is None and not each.divided:
            parts = job(by_number[each.number], market.nodes, market.never, split=True)
            if parts is not None:
                market.jobs[place] = parts
                divided = True
    return divided


def better_moves(
    batch: Batch, current: Mapping[str, Sequence[NodeUnits]], policy: SourcingPolicy = CHEAPEST
) -> list[Move]:
    """Moves of orders that have units, one after the other, each of which alone lowers the sum of all costs.

    `batch.candidates` have what is left beside what the orders hold. An order's new nodes keep its promise, and are
    free when its turn comes: what moves before it let go counts. So whoever stops after some of the moves has what
    these saved, and nothing is overdrawn in between. Orders with a line from two nodes stay, and so do those that are
    late where they are, or not in `current`.
    """
    held = {order.order_id: _nodes_of(order, current.get(order.order_id, ())) for order in batch.orders}
    rest = _Rest(batch, policy)
    for order in batch.orders:
        if held[order.order_id]:
            rest.give(current[order.order_id])
    nodes = rest.candidates()
    drafts, skus, never = _drafts(replace(batch, candidates=nodes), policy)
    jobs = [made for each in drafts if (made := job(each, len(nodes), never, split=False)) is not None]
    market = Market(jobs, skus, nodes, never)
    places = {node.node_id: place for place, node in enumerate(nodes)}
    tied = {order.order_id for order in batch.orders if held[order.order_id]}
    for number, each in enumerate(jobs):
        order = batch.orders[each.number]
        at = tuple([places[node] for node in held[order.order_id]])
        if at and cost_of(each, at) < never:
            market.place(number, at)
            tied.discard(order.order_id)
    for order_id in tied:  # cannot move, and keep what they have
        for part in current[order_id]:
            market.withhold(skus.index(part.sku), places[part.node_id], part.quantity)
    return list(_moves(batch, market, nodes))


def _moves(batch: Batch, market: Market, nodes: Sequence[Candidate]) -> Iterator[Move]:
    """Until no order alone finds better."""
    found = True
    while found:
        found = False
        for number, each in enumerate(market.jobs):
            better = better_alone(market, number)
            if better is None:
                continue
            found = True
            order, before, cost = batch.orders[each.number], market.at[number] or (), market.cost[number]
            market.release(number)
            market.place(number, better)
            yield Move(
                order_id=order.order_id,
                before=_units(order, each, [nodes[node].node_id for node in before]),
                after=_units(order, each, [nodes[node].node_id for node in better]),
                saved=cost - market.cost[number],
            )


_QUITS: Final = 20
"""Bits: an order gives up bidding at sixteen times the largest cost of one parcel or line."""


def _drafts(batch: Batch, policy: SourcingPolicy) -> tuple[list[Draft], list[str], int]:
    """Orders as numbers; SKUs by number; a number over every cost."""
    check_policy(policy)
    numbers: dict[str, int] = {}
    drafts = []
    for number, order in enumerate(batch.orders):
        request = batch.request(order)
        check_request(request)
        drafts.append(draft(number, request, policy, numbers))
    never = max([largest(each.made) for each in drafts], default=0) + 1 << _QUITS + 4
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
