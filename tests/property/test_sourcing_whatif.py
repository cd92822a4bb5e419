"""What-if: nothing changes nothing, and neither the order of orders nor the number of workers matters."""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oms.domain.errors import RecordAlteredError, UnknownNodeError
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.policy import CHEAPEST, FEWEST_SPLITS, NEAREST, NEAREST_COMPLETE
from oms.domain.sourcing.record import record
from oms.domain.sourcing.whatif import METRICS, Past, Scenario, Tally, interval, past_of, replay, weigh
from tests.proof.sourcing.evaluator import evaluate
from tests.proof.sourcing.instances import instance

if TYPE_CHECKING:
    from oms.domain.sourcing.policy import SourcingPolicy

POLICIES = (CHEAPEST, NEAREST, NEAREST_COMPLETE, FEWEST_SPLITS, replace(CHEAPEST, split_lines=False))
policies = st.sampled_from(POLICIES)


@st.composite
def pasts(draw: st.DrawFn) -> Past:
    request = instance(draw(st.integers(0, 10**6)), draw(st.integers(1, 3)), draw(st.integers(1, 6)), joint=True)
    plan = source(request, draw(policies))
    return Past(request=request, units=plan.units if draw(st.booleans()) else None, due=plan.promised_by)


@settings(max_examples=40, deadline=None)
@given(st.lists(pasts(), max_size=8), policies)
def test_the_same_policy_changes_nothing(orders: list[Past], policy: SourcingPolicy) -> None:
    done = [replace(past, units=source(past.request, policy).units) for past in orders]
    told = replay(done, Scenario(policy=policy)).report()
    unknown = replay([replace(past, units=None) for past in orders], Scenario(policy=policy, before=policy)).report()
    for report in (told, unknown):
        assert report["orders"] == len(orders)
        assert report["changed"] == 0
        assert all(report[name]["change"] == 0 for name in METRICS)
        assert all(report[name]["mean"] in (None, 0) and report[name]["low"] in (None, 0) for name in METRICS)


@settings(max_examples=30, deadline=None)
@given(st.lists(pasts(), min_size=1, max_size=8), policies, st.randoms(use_true_random=False), st.integers(1, 5))
def test_order_and_workers_do_not_matter(orders: list[Past], policy: SourcingPolicy, random: object, of: int) -> None:
    scenario = Scenario(policy=policy)
    whole = replay(orders, scenario).report()
    shuffled = list(orders)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert replay(shuffled, scenario).report() == whole
    merged = Tally()
    for worker in range(of):
        merged.merge(replay(shuffled[worker::of], scenario))
    assert merged.report() == whole


@settings(max_examples=60, deadline=None)
@given(pasts(), policies)
def test_figures_are_those_of_the_evaluator(past: Past, policy: SourcingPolicy) -> None:
    plan = source(past.request, policy)
    figures = weigh(past, plan.units)
    verdict = evaluate(past.request, policy, {(part.line_id, part.node_id): part.quantity for part in plan.units})
    assert figures.cost == plan.cost
    assert abs(figures.cost - verdict.money) <= figures.parcels
    assert figures.parcels == verdict.parcels
    assert figures.waiting == sum(part.quantity for part in plan.short)
    on_time = verdict.arrives is None or (past.due is not None and verdict.arrives <= past.due)
    assert figures.late == int(not on_time or figures.waiting > 0)


@given(st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=50))
def test_the_interval_is_that_of_the_textbook(changes: list[int]) -> None:
    mean, half = interval(len(changes), sum(changes), sum(each * each for each in changes), 0.95)
    assert mean is not None
    assert half is not None
    assert math.isclose(mean, statistics.fmean(changes), abs_tol=1e-6)
    error = statistics.stdev(changes) / math.sqrt(len(changes))
    assert math.isclose(half, 1.959963984540054 * error, rel_tol=1e-9, abs_tol=1e-6)


def test_no_interval_from_one_order() -> None:
    assert interval(0, 0, 0, 0.95) == (None, None)
    assert interval(1, 7, 49, 0.95) == (7.0, None)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_an_order_out_of_its_decision_record(seed: int) -> None:
    request = instance(seed, 2, 4, joint=False)
    plan = source(request, NEAREST)
    kept = json.loads(json.dumps(record(request, NEAREST, plan)))
    past = past_of(kept)
    assert past.units == plan.units
    assert weigh(past, plan.units).cost == plan.cost
    kept["inputs"]["request"]["at"] = "2026-03-04T15:30:00+00:00"
    with pytest.raises(RecordAlteredError):
        past_of(kept)
    with pytest.raises(RecordAlteredError):
        past_of({})


def test_units_from_nowhere_are_refused() -> None:
    request = instance(1, 1, 2, joint=False)
    units = source(request, CHEAPEST).units
    with pytest.raises(UnknownNodeError):
        weigh(Past(request=request), (replace(units[0], node_id="gone"),))
