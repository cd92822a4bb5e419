"""Whole lines, no shared limits: each line from one node, each node used costs once. Facility location, solved exactly.

Lower bounds by dual ascent (Erlenkotter 1978, DUALOC): each line offers a price, raised as long as no node earns more
than opening it costs; the prices together are a bound. Nodes that earn all of it suggest a plan. What remains is
decided by branch and bound: a node is used, or it is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

NEVER: Final = 1 << 400
"""Over every objective."""

Row = tuple[list[int], list[int]]
"""A line's costs in ascending order, and the nodes they stand for."""


@frozen(kw_only=False)
class Found:
    """The node of each line (empty without a plan), its value, what no plan is below, and subproblems looked at."""

    nodes: tuple[int, ...]
    value: int
    bound: int
    effort: int


@frozen(kw_only=False)
class _Branch:
    bound: int
    paid: int
    """Fixed costs of nodes that must be used: theirs are 0 in `fixed`."""
    used: int
    """These nodes, as bits."""
    fixed: list[int]
    rows: list[Row]


def solve(fixed: Sequence[int], costs: Sequence[Sequence[tuple[int, int]]], most: int, limit: int) -> Found:
    """The least Σ fixed[node used] + Σ cost of each line, with at most `most` nodes.

    Args:
        fixed: By node, not negative.
        costs: By line, one at least: (cost, node) where it may come from, not negative.
        most: Nodes that may be used together.
        limit: Subproblems to look at, at most.
    """
    rows = []
    for line in costs:
        ordered = sorted(line)
        rows.append(([cost for cost, _ in ordered], [node for _, node in ordered]))
    if most < 1 or not all(nodes for _, nodes in rows):
        return Found((), NEVER, NEVER, 0)
    return _Search(most, limit).run(_Branch(0, 0, 0, list(fixed), rows), rows, fixed)


class _Search:
    def __init__(self, most: int, limit: int) -> None:
        self.most = most
        self.limit = limit
        self.value = NEVER
        self.nodes: tuple[int, ...] = ()

    def run(self, root: _Branch, rows: list[Row], fixed: Sequence[int]) -> Found:
        waiting = [root]
        effort = 0
        while waiting:
            branch = waiting.pop()
            if branch.bound >= self.value:
                continue
            if effort == self.limit:
                waiting.append(branch)
                break
            effort += 1
            waiting.extend(self._look(branch, rows, fixed))
        left = [each.bound for each in waiting if each.bound < self.value]
        return Found(self.nodes, self.value, min(left, default=self.value), effort)

    def _look(self, branch: _Branch, rows: list[Row], fixed: Sequence[int]) -> list[_Branch]:
        """Bound a branch, try the plan that its bound suggests, and say what is left to decide."""
        prices, slack = ascend(branch.fixed, branch.rows)
        bound = branch.paid + sum(prices)
        if bound >= self.value:
            return []
        chosen, doubtful = _suggested(branch, prices, slack)
        self._try(chosen, rows, fixed)
        if bound >= self.value:
            return []
        if doubtful < 0:  # the plan meets its bound, and has too many nodes
            doubtful = max([node for node in chosen if not branch.used >> node & 1], key=branch.fixed.__getitem__)
        without, within = _without(branch, doubtful, bound), self._within(branch, doubtful, bound)
        return [each for each in (without, within) if each is not None]

    def _try(self, chosen: list[int], rows: list[Row], fixed: Sequence[int]) -> None:
        allowed = set(chosen)
        picks = []
        value = 0
        for costs, nodes in rows:
            for at, node in enumerate(nodes):
                if node in allowed:
                    value += costs[at]
                    picks.append(node)
                    break
        used = set(picks)
        value += sum([fixed[node] for node in used])
        if value < self.value and len(used) <= self.most:
            self.value, self.nodes = value, tuple(picks)

    def _within(self, branch: _Branch, node: int, bound: int) -> _Branch | None:
        used = branch.used | 1 << node
        fixed = branch.fixed.copy()
        paid = branch.paid + fixed[node]
        fixed[node] = 0
        rows = branch.rows
        if used.bit_count() >= self.most:
            rows = [_only(row, used) for row in rows]
            if not all(nodes for _, nodes in rows):
                return None
        return _Branch(bound, paid, used, fixed, rows)


def _only(row: Row, used: int) -> Row:
    kept = [(cost, node) for cost, node in zip(*row, strict=True) if used >> node & 1]
    return [cost for cost, _ in kept], [node for _, node in kept]


def _without(branch: _Branch, node: int, bound: int) -> _Branch | None:
    rows = []
    for row in branch.rows:
        costs, nodes = row
        if node not in nodes:
            rows.append(row)
            continue
        if len(nodes) == 1:
            return None
        at = nodes.index(node)
        rows.append((costs[:at] + costs[at + 1 :], nodes[:at] + nodes[at + 1 :]))
    return _Branch(bound, branch.paid, branch.used, branch.fixed, rows)


def ascend(fixed: Sequence[int], rows: Sequence[Row]) -> tuple[list[int], list[int]]:
    """Prices of the lines that no node earns more from than it costs, and what each node lacks to its cost."""
    slack = list(fixed)
    prices = []
    reach = []
    active = []
    for line, (costs, _) in enumerate(rows):
        price = costs[0]
        at, count = 1, len(costs)
        while at < count and costs[at] == price:
            at += 1
        prices.append(price)
        reach.append(at)
        active.append(line)
    while active:
        still = []
        for line in active:
            costs, nodes = rows[line]
            at = reach[line]
            within = nodes[:at]
            step = min([slack[node] for node in within])
            if not step:
                continue
            if at < len(costs):
                rise = costs[at] - prices[line]
                if rise <= step:
                    step = rise
                    target = costs[at]
                    while at < len(costs) and costs[at] == target:
                        at += 1
                    reach[line] = at
                    still.append(line)
            prices[line] += step
            for node in within:
                slack[node] -= step
        active = still
    return prices, slack


def _suggested(branch: _Branch, prices: list[int], slack: list[int]) -> tuple[list[int], int]:
    """Nodes to use by the prices, and one of which it is doubtful (-1: none, the plan meets its bound)."""
    earning = []
    chosen: list[int] = [node for node in range(len(slack)) if branch.used >> node & 1]
    for price, (costs, nodes) in zip(prices, branch.rows, strict=True):
        tight = [(cost, node) for cost, node in zip(costs, nodes, strict=True) if cost <= price and not slack[node]]
        earning.append(tight)
        if len(tight) == 1 and tight[0][1] not in chosen:
            chosen.append(tight[0][1])
    for tight in earning:
        if not any(node in chosen for _, node in tight):
            chosen.append(min(tight)[1])
    doubtful, most = -1, 0
    for price, tight in zip(prices, earning, strict=True):
        paying = [(price - cost, node) for cost, node in tight if cost < price and node in chosen]
        if len(paying) > 1:
            for over, node in paying:
                if over > most and not branch.used >> node & 1:
                    doubtful, most = node, over
    return chosen, doubtful
