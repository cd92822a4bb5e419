"""A slice of `make bench NAME=sourcing`: the engine's plans cost what HiGHS's do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oms.domain.sourcing.engine import source
from oms.domain.sourcing.policy import CHEAPEST
from tests.proof.sourcing import highs, known
from tests.proof.sourcing.evaluator import evaluate
from tests.proof.sourcing.instances import instance


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(("lines", "nodes", "count"), [(3, 10, 12), (5, 20, 12), (10, 20, 6), (20, 20, 2)])
def test_plans_cost_what_those_of_highs_do(lines: int, nodes: int, count: int, *, split: bool) -> None:
    policy = replace(CHEAPEST, split_lines=split)
    for seed in range(1000, 1000 + count):
        request = instance(seed, lines, nodes, joint=split)
        plan = source(request, policy)
        assert not plan.short
        ours = evaluate(request, policy, {(part.line_id, part.node_id): part.quantity for part in plan.units})
        theirs = evaluate(request, policy, highs.solve(request, split=split).units)
        assert ours.problems == theirs.problems == ()
        assert plan.proof.proved
        assert ours.money == theirs.money


LINEAR = [name for name in known.names() if name.startswith(("large/plain/", "large/split/"))]


@pytest.mark.parametrize("name", [name for name in LINEAR if known.asked(name)[1].max_parcels is None])
def test_large_known_plans_cost_what_those_of_highs_do(name: str) -> None:
    request, policy = known.asked(name)
    answer = known.read()[name]
    theirs = evaluate(request, policy, highs.solve(request, split=policy.split_lines).units)
    assert answer["proof"][0] == answer["proof"][1] == theirs.objective
