"""Whole lines: the branch and bound against all plans of small numbers, and the prices by their definition."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import TYPE_CHECKING

import pytest

from oms.domain.sourcing.plain import NEVER, Found, ascend, solve

if TYPE_CHECKING:
    from collections.abc import Iterator

Problem = tuple[list[int], list[list[tuple[int, int]]], int]
"""Costs of nodes, (cost, node) by line, and how many nodes there may be."""


def problems(seed: int, count: int, most: int) -> Iterator[Problem]:
    """Costs up to `most`: small ones are often equal."""
    draw = Random(seed)
    for _ in range(count):
        nodes = draw.randint(1, 5)
        lines = [
            [(draw.randint(0, most), node) for node in sorted(draw.sample(range(nodes), draw.randint(1, nodes)))]
            for _ in range(draw.randint(1, 4))
        ]
        yield [draw.randint(0, 2 * most) for _ in range(nodes)], lines, draw.choice((nodes, 1, 2, 3))


def worth(problem: Problem, plan: tuple[int, ...]) -> int:
    fixed, lines, _ = problem
    return sum(fixed[node] for node in set(plan)) + sum(
        next(cost for cost, at in line if at == node) for line, node in zip(lines, plan, strict=True)
    )


def least(problem: Problem) -> int | None:
    _, lines, most = problem
    plans = product(*[[node for _, node in line] for line in lines])
    return min([worth(problem, plan) for plan in plans if len(set(plan)) <= most], default=None)


@pytest.mark.parametrize("most", [3, 10, 1000])
def test_no_plan_is_better(most: int) -> None:
    for problem in problems(most, 150, most):
        found = solve(*problem, 1000)
        optimum = least(problem)
        if optimum is None:
            assert (found.nodes, found.value, found.bound) == ((), NEVER, NEVER)
            continue
        assert found.value == found.bound == optimum == worth(problem, found.nodes)
        assert len(set(found.nodes)) <= problem[2]


def test_a_search_that_is_cut_short_has_a_bound() -> None:
    for problem in problems(7, 300, 40):
        whole = solve(*problem, 1000)
        for limit in (1, 2):
            cut = solve(*problem, limit)
            assert cut.effort == min(limit, whole.effort)
            assert cut.bound <= whole.value <= cut.value
            if whole.effort <= limit:
                assert cut == whole


def test_prices_are_as_high_as_they_can_be_together() -> None:
    for fixed, lines, _ in problems(3, 300, 12):
        rows = [([cost for cost, _ in sorted(line)], [node for _, node in sorted(line)]) for line in lines]
        prices, slack = ascend(fixed, rows)
        earned = [0] * len(fixed)
        for price, (costs, nodes) in zip(prices, rows, strict=True):
            assert price >= costs[0]
            for cost, node in zip(costs, nodes, strict=True):
                earned[node] += max(0, price - cost)
            assert any(not slack[node] for cost, node in zip(costs, nodes, strict=True) if cost <= price)
        assert slack == [cost - each for cost, each in zip(fixed, earned, strict=True)]
        assert min(slack) >= 0


def test_prices_rise_in_turns_to_the_next_cost() -> None:
    """Two lines at three nodes: 1 and 2 to begin; then 4 (both nodes of that cost) and 4; then node 0 is paid."""
    rows = [([1, 4, 4, 9], [0, 1, 2, 3]), ([2, 4], [0, 1])]
    assert ascend([6, 9, 9, 9], rows) == ([5, 4], [0, 8, 8, 9])
    assert ascend([5, 9, 9, 9], rows) == ([4, 4], [0, 9, 9, 9])
    assert ascend([0, 0], [([3, 3, 5], [0, 1, 2])]) == ([3], [0, 0])


def test_where_a_line_has_no_place_there_is_no_plan() -> None:
    nowhere = Found((), NEVER, NEVER, 0)
    assert solve([1], [[(1, 0)], []], 1, 9) == nowhere
    assert solve([1], [[(1, 0)]], 0, 9) == nowhere
    assert solve([1, 1], [[(1, 0)], [(1, 1)]], 1, 9) == Found((), NEVER, NEVER, 1)
    assert solve([5], [[(7, 0)]], 1, 9) == Found((0,), 12, 12, 1)
