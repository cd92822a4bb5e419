"""Batches: what orders get together is there, costs what it says, and is near what a solver proves possible."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oms.domain.sourcing.batch import Batch, exchanges, plan_batch
from oms.domain.sourcing.policy import CHEAPEST, FEWEST_SPLITS, NEAREST
from oms.domain.sourcing.request import Zone
from tests.bench.sourcing_batch import one_by_one
from tests.proof.sourcing import highs_batch
from tests.proof.sourcing.batches import batch
from tests.proof.sourcing.evaluator import evaluate
from tests.proof.sourcing.shared import weigh

if TYPE_CHECKING:
    from oms.domain.sourcing.policy import SourcingPolicy

BENT = (Zone(name="all", up_to_km=20_038.0, transit_days=2, base=500, per_kg=((1500, 90), (4000, 40), (0, 120))),)
POLICIES = (
    CHEAPEST,
    NEAREST,
    FEWEST_SPLITS,
    replace(CHEAPEST, split_lines=False),
    replace(CHEAPEST, max_parcels=1),
    replace(CHEAPEST, max_parcels=2),
)


def small(seed: int, orders: int, nodes: int, *, bent: bool = False) -> Batch:
    made = batch(seed, orders, nodes, skus=max(6, orders // 2))
    return replace(made, tariff=BENT) if bent else made


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 25), st.integers(2, 8), st.sampled_from(POLICIES), st.booleans())
def test_a_plan_takes_what_there_is_and_costs_what_it_says(
    seed: int,
    orders: int,
    nodes: int,
    policy: SourcingPolicy,
    bent: bool,  # noqa: FBT001 - hypothesis gives it by place
) -> None:
    made = small(seed, orders, nodes, bent=bent)
    plan = plan_batch(made, policy)
    _, objective, problems = weigh(made, policy, plan.units)
    assert not problems
    assert objective == plan.objective
    for order in made.orders:
        filled = {part.line_id for part in plan.units[order.order_id]}
        waiting = {part.line_id for part in plan.short.get(order.order_id, ())}
        assert filled | waiting == {line.line_id for line in order.lines}
        assert not filled & waiting


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 25), st.integers(2, 8))
def test_the_same_batch_gives_the_same_plan(seed: int, orders: int, nodes: int) -> None:
    assert plan_batch(small(seed, orders, nodes)) == plan_batch(small(seed, orders, nodes))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_is_near_what_the_relaxation_allows(seed: int) -> None:
    made = batch(seed, 150, 12)
    plan = plan_batch(made, CHEAPEST)
    money, _, problems = weigh(made, CHEAPEST, plan.units)
    bound = highs_batch.solve(highs_batch.program(made, split=True), whole=False).value
    assert not problems
    assert not plan.short
    assert bound - 1 <= money <= 1.04 * bound


def test_together_costs_less_than_one_by_one() -> None:
    made = batch(7, 150, 12)
    together, _, _ = weigh(made, CHEAPEST, plan_batch(made, CHEAPEST).units)
    apart, _, _ = weigh(made, CHEAPEST, one_by_one(made)[0])
    assert together < apart


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 30), st.integers(3, 8))
def test_exchanges_lower_the_sum_and_break_no_promise(seed: int, orders: int, nodes: int) -> None:
    made = small(seed, orders, nodes)
    units, left = one_by_one(made)
    before, _, _ = weigh(made, CHEAPEST, units)
    for exchange in exchanges(left, units, CHEAPEST):
        assert exchange.saved == sum(move.saved for move in exchange.moves) > 0
        for move in exchange.moves:
            assert units[move.order_id] == move.before
            units[move.order_id] = move.after
        after, _, problems = weigh(made, CHEAPEST, units)
        assert not problems
        assert (before - after) * 1000 == exchange.saved
        before = after
        for order in made.orders:
            given_units = {(part.line_id, part.node_id): part.quantity for part in units[order.order_id]}
            arrives = evaluate(made.request(order), CHEAPEST, given_units).arrives
            if order.order_id in {move.order_id for move in exchange.moves} and order.promise is not None:
                assert arrives is not None
                assert arrives <= order.promise
