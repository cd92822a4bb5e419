"""What orders of a batch share: stock, units and orders that nodes can do today; and who holds how much of it.

Resources are told by number: SKU × nodes + node, then each node's units, then each node's orders. `price` is what a
unit of a resource is worth to those that do not get it.
"""

from __future__ import annotations

from operator import add
from typing import TYPE_CHECKING, Any

from oms.domain.sourcing.batch_jobs import choose, cost_of
from oms.domain.sourcing.batch_ways import cheapest, listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.domain.sourcing.batch_jobs import Job, Row
    from oms.domain.sourcing.batch_ways import Needs, Way
    from oms.domain.sourcing.request import Candidate


class Market:
    """Jobs, and the way that each has now (None: none). A resource may be overdrawn between two steps of a caller."""

    def __init__(self, jobs: Sequence[Job], skus: Sequence[str], nodes: Sequence[Candidate], never: int) -> None:
        self.jobs = tuple(jobs)
        self.never = never
        self.nodes = len(nodes)
        stock = [node.available.get(sku, 0) for sku in skus for node in nodes]
        self.units_at = len(stock)
        self.orders_at = self.units_at + self.nodes
        self.bound_units = frozenset([place for place, node in enumerate(nodes) if node.units_left is not None])
        self.bound_orders = frozenset([place for place, node in enumerate(nodes) if node.orders_left is not None])
        self.left = [
            *stock,
            *[never if node.units_left is None else node.units_left for node in nodes],
            *[never if node.orders_left is None else node.orders_left for node in nodes],
        ]
        self.price = [0] * len(self.left)
        self.holders: list[dict[int, int]] = [{} for _ in self.left]
        """By resource: job to units."""
        self.way: list[Way | None] = [None] * len(self.jobs)
        self.cost = [never] * len(self.jobs)
        self.ways: list[list[Way]] = []
        """By job, cheapest first."""
        self.unlisted = frozenset([number for number, job in enumerate(self.jobs) if not listed(job)])
        """Jobs whose ways are met as prices change."""
        self.asked = 0
        for number, job in enumerate(self.jobs):
            found = [] if number in self.unlisted else cheapest(job, never)
            self.ways.append(self._distinct([(cost, self.needs(number, nodes), nodes) for cost, nodes in found]))
        for number in self.unlisted:
            self.seek(number, hard=False)

    def way_of(self, number: int, nodes: Sequence[int]) -> Way:
        """What it costs and needs for a job's parts to come from these nodes."""
        return cost_of(self.jobs[number], nodes), self.needs(number, nodes), tuple(nodes)

    def needs(self, number: int, nodes: Sequence[int]) -> Needs:
        """What a job needs for its parts to come from these nodes."""
        job = self.jobs[number]
        needs: dict[int, int] = {}
        for node, sku, units in zip(nodes, job.skus, job.units, strict=True):
            stock = sku * self.nodes + node
            needs[stock] = needs.get(stock, 0) + units
            if node in self.bound_units:
                needs[self.units_at + node] = needs.get(self.units_at + node, 0) + units
        for node in self.bound_orders.intersection(nodes):
            needs[self.orders_at + node] = 1
        return tuple(needs.items())

    def _distinct(self, ways: Sequence[Way]) -> list[Way]:
        """Those that are possible at all; of two units of a line it does not matter which is where."""
        found: dict[frozenset[tuple[int, int]], Way] = {}
        for way in ways:
            if self.fits(way):
                found.setdefault(frozenset(way[1]), way)
        return list(found.values())

    def add(self, number: int, way: Way) -> None:
        """One more way of a job, if it is not there."""
        if way not in self.ways[number]:
            self.ways[number].append(way)
            self.ways[number].sort()

    def place(self, number: int, way: Way) -> None:
        """The job has this, though something may be overdrawn by it."""
        for resource, units in way[1]:
            self.left[resource] -= units
            self.holders[resource][number] = units
        self.way[number] = way
        self.cost[number] = way[0]

    def release(self, number: int) -> Way | None:
        """The job has none; what it had."""
        was = self.way[number]
        if was is not None:
            for resource, units in was[1]:
                self.left[resource] += units
                del self.holders[resource][number]
            self.way[number] = None
            self.cost[number] = self.never
        return was

    def fits(self, way: Way) -> bool:
        """There is enough for it."""
        left = self.left
        for resource, units in way[1]:  # noqa: SIM110 - all() takes three times as long
            if left[resource] < units:
                return False
        return True

    def priced(self, way: Way) -> int:
        """What it costs with all prices."""
        price = self.price
        return way[0] + sum([units * price[resource] for resource, units in way[1]])

    def seek(self, number: int, *, hard: bool) -> None:
        """Among a job's ways from now on: the best with all prices or, `hard`, of which there is some of each left.

        Looked for among all that it could have, not among its ways.
        """
        fixed, rows = self._priced(number, hard=hard)
        self._found(number, fixed, rows)

    def widen(self, number: int) -> None:
        """Among a job's ways from now on: for each part and each node that has it, the best with all prices."""
        fixed, rows = self._priced(number, hard=False)
        for part, row in enumerate(rows):
            for node, cost in enumerate(row):
                if cost < self.never:
                    only = [self.never] * self.nodes
                    only[node] = cost
                    self._found(number, fixed, [*rows[:part], only, *rows[part + 1 :]])

    def _priced(self, number: int, *, hard: bool) -> tuple[Row, list[Row]]:
        """A job's costs by node, for a parcel and for each part, with what `seek` adds to them."""
        job, nodes = self.jobs[number], self.nodes
        worth = [0 if room > 0 else self.never for room in self.left] if hard else self.price
        fixed: list[Any] = list(map(add, job.fixed, worth[self.orders_at :]))
        day = worth[self.units_at : self.orders_at]
        return fixed, [
            [
                cost + units * (stock + packing)
                for cost, stock, packing in zip(row, worth[sku * nodes : sku * nodes + nodes], day, strict=True)
            ]
            for row, sku, units in zip(job.rows, job.skus, job.units, strict=True)
        ]

    def _found(self, number: int, fixed: Row, rows: Sequence[Row]) -> None:
        job = self.jobs[number]
        value, chosen = choose(fixed, rows, job.tables, job.most)
        if value < self.never:
            self.add(number, self.way_of(number, chosen))
