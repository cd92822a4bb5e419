"""What each policy prefers, on requests small enough to see it; dates, ties, and the limit of the search."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from oms.domain.sourcing.dates import leaves
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.policy import BALANCE, CHEAPEST, FEWEST_SPLITS, NEAREST, NEAREST_COMPLETE, POLICIES
from oms.domain.sourcing.request import Calendar, Candidate, NodeCosts, SourcingRequest, WantedLine, Zone
from tests.proof.sourcing.evaluator import evaluate
from tests.proof.sourcing.instances import instance
from tests.support.builders import BERLIN, T0

TARIFF = (
    Zone(name="near", up_to_km=300.0, transit_days=1, base=500, per_kg=((1000, 100), (0, 50))),
    Zone(name="far", up_to_km=20_038.0, transit_days=3, base=600, per_kg=((0, 200),)),
)
LINES = (
    WantedLine(line_id="1", sku="A", quantity=1, grams=1500),
    WantedLine(line_id="2", sku="B", quantity=1, grams=1500),
)


def node(
    node_id: str, latitude: float = 52.4, load: int = 0, costs: NodeCosts | None = None, **available: int
) -> Candidate:
    return Candidate(
        node_id=node_id,
        country="DE",
        latitude=latitude,
        longitude=13.1,
        available=available,
        load=load,
        costs=costs or NodeCosts(),
    )


def request(*nodes: Candidate, extra: int = 0) -> SourcingRequest:
    return SourcingRequest(lines=LINES, ship_to=BERLIN, candidates=nodes, at=T0, tariff=TARIFF, extra_parcel=extra)


def chosen(made: SourcingRequest, policy: object) -> dict[str, str]:
    plan = source(made, policy)  # type: ignore[arg-type]
    assert plan.proof.proved
    assert plan.decision["policy"] == policy.label  # type: ignore[attr-defined]
    return {part.line_id: part.node_id for part in plan.units}


def test_cheapest_weighs_a_parcel_against_what_it_saves() -> None:
    dear = NodeCosts(per_unit={"B": 800})
    nodes = (node("both", A=1, B=1, costs=dear), node("far", 48.1, B=1))
    assert chosen(request(*nodes), CHEAPEST) == {"1": "both", "2": "both"}
    dearer = replace(nodes[0], costs=NodeCosts(per_unit={"B": 850}))
    assert chosen(request(dearer, nodes[1]), CHEAPEST) == {
        "1": "both",
        "2": "far",
    }
    assert chosen(request(dearer, nodes[1], extra=200), CHEAPEST) == {"1": "both", "2": "both"}


def test_nearest_and_fewest_differ_over_a_parcel() -> None:
    nodes = (node("near", A=1), node("mid", 51.0, A=1, B=1))
    assert chosen(request(*nodes), NEAREST) == {"1": "near", "2": "mid"}
    assert chosen(request(*nodes), FEWEST_SPLITS) == {"1": "mid", "2": "mid"}
    assert chosen(request(*nodes), NEAREST_COMPLETE) == {"1": "mid", "2": "mid"}


def test_balance_spares_a_full_node() -> None:
    nodes = (node("full", load=900, A=1, B=1), node("idle", 51.0, load=0, A=1, B=1, costs=NodeCosts(per_parcel=300)))
    assert chosen(request(*nodes), CHEAPEST) == {"1": "full", "2": "full"}
    assert chosen(request(*nodes), BALANCE) == {"1": "idle", "2": "idle"}


def test_terms_are_rounded_half_up_once_per_parcel() -> None:
    plan = source(replace(request(node("x", A=1)), lines=(replace(LINES[0], grams=1010),)), CHEAPEST)
    assert plan.terms[0].freight == 500 + 101  # 100 for the first kilogram, 0.5 for the rest
    assert (plan.cost, plan.proof.objective) == (601, 600_500)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda policy: policy.label)
def test_the_order_of_nodes_changes_nothing(policy: object) -> None:
    made = instance(7, 5, 10, joint=True)
    plans = []
    for seed in range(4):
        nodes = list(made.candidates)
        Random(seed).shuffle(nodes)
        plan = source(replace(made, candidates=tuple(nodes)), policy)  # type: ignore[arg-type]
        plans.append((plan.units, plan.short, plan.promised_by, plan.cost, plan.terms, plan.proof))
    assert all(plan == plans[0] for plan in plans)


def test_a_promise_is_kept_at_a_price_or_missed_by_as_little_as_can_be() -> None:
    quick, cheap = node("quick", A=1, B=1, costs=NodeCosts(per_parcel=5000)), node("cheap", 48.1, A=1, B=1)
    made = replace(request(quick, cheap), promise=T0 + timedelta(days=2))
    assert chosen(made, CHEAPEST) == {"1": "quick", "2": "quick"}
    missed = source(replace(made, promise=T0 + timedelta(days=1)), CHEAPEST)
    assert (missed.kept, missed.promised_by) == (False, T0 + timedelta(days=2))
    assert chosen(replace(made, promise=None), CHEAPEST) == {"1": "cheap", "2": "cheap"}


@pytest.mark.parametrize(
    ("at", "handling", "left"),
    [
        ("2026-03-06T13:59:00", 0, "2026-03-06T14:00:00"),  # a Friday
        ("2026-03-06T14:00:00", 0, "2026-03-06T14:00:00"),
        ("2026-03-06T14:00:01", 0, "2026-03-10T14:00:00"),  # Monday is a holiday
        ("2026-03-06T10:00:00", 1, "2026-03-10T14:00:00"),
        ("2026-03-27T15:00:00", 0, "2026-03-30T14:00:00"),  # over the change to summer time
    ],
)
def test_a_parcel_leaves_at_the_cut_off_of_a_working_day(at: str, handling: int, left: str) -> None:
    calendar = Calendar(time_zone="Europe/Berlin", cut_off="14:00", holidays=("2026-03-09",))
    found = leaves(berlin(at), calendar, handling)
    assert found is not None
    assert found.replace(tzinfo=None) == datetime.fromisoformat(left)
    assert found.astimezone(UTC) == berlin(left)


def berlin(text: str) -> datetime:
    """In UTC; Berlin is one hour ahead until 29 March 2026, then two."""
    wall = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return wall - timedelta(hours=2 if wall >= datetime(2026, 3, 29, 1, tzinfo=UTC) else 1)


def test_a_node_that_never_opens_is_excluded() -> None:
    shut = replace(node("x", A=1, B=1), calendar=Calendar(time_zone="UTC", workdays=()))
    plan = source(request(shut), CHEAPEST)
    assert plan.decision["excluded"] == {"x": "closed"}
    assert len(plan.short) == 2


def test_when_the_search_is_cut_short_the_gap_is_told() -> None:
    made = instance(14, 20, 20, joint=True)
    short, full = source(made, replace(CHEAPEST, effort=1)), source(made, CHEAPEST)
    assert not short.proof.proved
    assert full.proof.proved
    assert short.proof.bound <= full.proof.objective <= short.proof.objective
    assert short.proof.effort == 1
    verdict = evaluate(made, CHEAPEST, {(part.line_id, part.node_id): part.quantity for part in short.units})
    assert not verdict.problems
    assert verdict.objective == short.proof.objective
