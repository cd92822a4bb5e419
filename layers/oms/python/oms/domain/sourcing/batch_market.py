"""What orders of a batch share: stock, units and orders that nodes can do today; and who holds how much of it.

Resources are told by number: SKU × nodes + node, then each node's units, then each node's orders. `price` is what a
unit of a resource is worth to those that do not get it; 0 while some is left.
"""

from __future__ import annotations

from operator import add
from typing import TYPE_CHECKING, Any

from oms.domain.sourcing.batch_jobs import choose, cost_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from oms.domain.sourcing.batch_jobs import Job, Row
    from oms.domain.sourcing.request import Candidate

Needs = dict[int, int]
"""Resource to units."""


class Market:
    """Jobs, and the nodes that each has now (None: none). A resource may be overdrawn between two steps of a caller."""

    def __init__(self, jobs: Sequence[Job], skus: Sequence[str], nodes: Sequence[Candidate], never: int) -> None:
        self.jobs = list(jobs)
        self.never = never
        self.nodes = len(nodes)
        stock = [node.available.get(sku, 0) for sku in skus for node in nodes]
        self.units_at = len(stock)
        self.orders_at = self.units_at + self.nodes
        self.bound_units = frozenset([place for place, node in enumerate(nodes) if node.units_left is not None])
        self.bound_orders = frozenset([place for place, node in enumerate(nodes) if node.orders_left is not None])
        self.units_bind, self.orders_bind = bool(self.bound_units), bool(self.bound_orders)
        self.left = [
            *stock,
            *[never if node.units_left is None else node.units_left for node in nodes],
            *[never if node.orders_left is None else node.orders_left for node in nodes],
        ]
        self.price = [0] * len(self.left)
        self.holders: list[dict[int, int]] = [{} for _ in self.left]
        """By resource: job to what it bid."""
        self.at: list[tuple[int, ...] | None] = [None] * len(jobs)
        self.needs: list[Needs] = [{} for _ in jobs]
        """By job: what it holds."""
        self.cost = [never] * len(jobs)
        self.asked = 0

    def needed(self, number: int, nodes: Sequence[int]) -> Needs:
        """What a job needs for its lines to come from these nodes."""
        job = self.jobs[number]
        needs: Needs = {}
        for node, sku, units in zip(nodes, job.skus, job.units, strict=True):
            stock = sku * self.nodes + node
            needs[stock] = needs.get(stock, 0) + units
            if self.units_bind and node in self.bound_units:
                needs[self.units_at + node] = needs.get(self.units_at + node, 0) + units
        if self.orders_bind:
            for node in self.bound_orders.intersection(nodes):
                needs[self.orders_at + node] = 1
        return needs

    def place(self, number: int, nodes: tuple[int, ...]) -> None:
        """The job has these nodes, though something may be overdrawn by it."""
        self.at[number] = nodes
        needs = self.needs[number] = self.needed(number, nodes)
        for resource, units in needs.items():
            self.left[resource] -= units
            self.holders[resource][number] = 0
        self.cost[number] = cost_of(self.jobs[number], nodes)

    def release(self, number: int) -> None:
        """The job has none."""
        for resource, units in self.needs[number].items():
            self.left[resource] += units
            del self.holders[resource][number]
        self.needs[number] = {}
        self.at[number] = None
        self.cost[number] = self.never

    def stock_of(self, number: int) -> set[int]:
        """Stock that the job holds some of, without what it takes of nodes' days."""
        return {resource for resource in self.needs[number] if resource < self.units_at}

    def overdrawn(self, number: int) -> list[int]:
        """What the job holds of which there is not enough."""
        return [resource for resource in self.needs[number] if self.left[resource] < 0]

    def priced(self, number: int) -> tuple[Row, list[Row]]:
        """The job's costs with all prices."""
        job, price, nodes = self.jobs[number], self.price, self.nodes
        fixed: list[Any] = job.fixed
        if self.orders_bind:
            fixed = list(map(add, fixed, price[self.orders_at :]))
        rows = []
        for row, sku, units in zip(job.rows, job.skus, job.units, strict=True):
            more: list[Any] = price[sku * nodes : sku * nodes + nodes]
            if self.units_bind:
                more = list(map(add, more, price[self.units_at : self.orders_at]))
            if units > 1:
                more = [units * each for each in more]
            rows.append(list(map(add, row, more)))
        return fixed, rows

    def best(self, number: int, blocked: Collection[int], *, hard: bool) -> tuple[int, tuple[int, ...]]:
        """(cost, nodes) over what is left: what is short cannot be (`hard`), or has its price; `blocked` never."""
        self.asked += 1
        job, left, nodes, never = self.jobs[number], self.left, self.nodes, self.never
        price = [never] * len(left) if hard else self.price
        fixed = job.fixed
        if self.orders_bind:
            at = self.orders_at
            fixed = [
                cost if room >= 1 else cost + worth
                for cost, room, worth in zip(fixed, left[at:], price[at:], strict=True)
            ]
        rows = []
        for row, sku, units in zip(job.rows, job.skus, job.units, strict=True):
            rows.append(self._open(row, sku * nodes, units, price))
            if self.units_bind:
                rows[-1] = self._open(rows[-1], self.units_at, units, price)
        for resource in blocked:
            at, node = divmod(resource, nodes)
            for line, sku in enumerate(job.skus):
                if sku == at or resource >= self.units_at:
                    rows[line] = [*rows[line][:node], never, *rows[line][node + 1 :]]
        tables = self._together(job) if hard and job.twice else job.tables
        value, chosen = choose(fixed, rows, tables, job.most)
        return value - job.first, chosen

    def _together(self, job: Job) -> list[Row]:
        """The job's tables, without parcels that have more of a SKU in several parts than is left."""
        tables = list(job.tables or ())
        for subset, sku, units in job.twice:
            at = sku * self.nodes
            tables[subset] = [
                cost if room >= units else self.never
                for cost, room in zip(tables[subset], self.left[at : at + self.nodes], strict=True)
            ]
        return tables

    def _open(self, row: Row, at: int, units: int, price: Sequence[int]) -> Row:
        end = at + self.nodes
        return [
            cost if room >= units else cost + units * worth
            for cost, room, worth in zip(row, self.left[at:end], price[at:end], strict=True)
        ]
