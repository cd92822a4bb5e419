"""Kits in the engine: against every plan there is, where lines share components in whatever way."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from oms.domain.kits import Component
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.policy import POLICIES, SourcingPolicy, Weights
from oms.domain.sourcing.request import Candidate, NodeCosts, SourcingRequest, WantedLine, Zone
from tests.proof.sourcing.brute import best
from tests.proof.sourcing.evaluator import evaluate, goods
from tests.support.builders import BERLIN, T0

if TYPE_CHECKING:
    from oms.domain.kits import Components

PARTS = ("A", "B", "C")
ZONES = (
    Zone(name="near", up_to_km=300.0, transit_days=1, base=200),
    Zone(name="rest", up_to_km=20_038.0, transit_days=3, base=450, per_kg=((1000, 90), (0, 30))),
)
KITS: dict[str, Components] = {
    "PAIR": (Component(sku="A", units=1), Component(sku="B", units=1)),
    "PACK": (Component(sku="A", units=2),),
    "SET": (Component(sku="A", units=1), Component(sku="B", units=2), Component(sku="C", units=1)),
    "TWO": (Component(sku="B", units=1), Component(sku="C", units=2)),
    "A": (),
    "B": (),
    "C": (),
}


@st.composite
def nodes(draw: st.DrawFn, number: int) -> Candidate:
    latitude, longitude = draw(st.sampled_from([(52.5, 13.4), (48.9, 2.3), (40.4, -3.7)]))
    return Candidate(
        node_id=f"N{number}",
        country="DE",
        latitude=latitude,
        longitude=longitude,
        available={sku: draw(st.sampled_from([2, 3, 1, 4, 5, 0])) for sku in PARTS},
        units_left=draw(st.sampled_from([None, None, None, 3, 1])),
        costs=NodeCosts(per_parcel=draw(st.integers(0, 400)), per_unit={"A": draw(st.integers(0, 400))}),
    )


@st.composite
def requests(draw: st.DrawFn) -> SourcingRequest:
    lines = []
    for number in range(draw(st.sampled_from([3, 2, 4]))):
        sku = draw(st.sampled_from([*KITS]))
        quantity = draw(st.sampled_from([1, 2, 3]))
        grams = draw(st.integers(0, 900))
        lines.append(WantedLine(line_id=str(number), sku=sku, quantity=quantity, grams=grams, components=KITS[sku]))
    return SourcingRequest(
        lines=tuple(lines),
        ship_to=BERLIN,
        candidates=tuple([draw(nodes(number)) for number in range(draw(st.sampled_from([2, 3, 1])))]),
        at=T0,
        tariff=ZONES,
        extra_parcel=draw(st.integers(0, 300)),
    )


@st.composite
def policies(draw: st.DrawFn) -> SourcingPolicy:
    weights = Weights(money=draw(st.integers(1, 3)), parcel=draw(st.integers(0, 50)), piece=draw(st.integers(0, 50)))
    policy = draw(st.sampled_from([*POLICIES.values(), SourcingPolicy(name="drawn", version=1, weights=weights)]))
    most = draw(st.sampled_from([None, None, 1, 2]))
    return replace(policy, split_lines=draw(st.booleans()), max_parcels=most, effort=10**6)


@given(requests(), policies())
def test_no_plan_is_better(request: SourcingRequest, policy: SourcingPolicy) -> None:
    plan = source(request, policy)
    verdict = evaluate(request, policy, {(part.line_id, part.node_id): part.quantity for part in plan.units})
    wanted = best(request, policy)
    assert not verdict.problems
    assert tuple(line.line_id for line in plan.short) == wanted.short
    assert (verdict.objective, verdict.parcels) == (wanted.objective, wanted.parcels)
    assert plan.proof.proved
    assert plan.proof.objective == verdict.objective
    assert abs(plan.cost - verdict.money) * 2 <= verdict.parcels
    made = {line.line_id: line.components for line in request.lines}
    assert all(part.components == made[part.line_id] for part in plan.units)


@given(requests())
def test_what_one_node_can_fill_is_never_left_waiting(request: SourcingRequest) -> None:
    """Under every policy there is, with the effort it has in use: whole orders from one node, found by counting."""
    asked = dict.fromkeys(PARTS, 0)
    for line in request.lines:
        for sku, units in goods(line):
            asked[sku] += units * line.quantity
    total = sum(line.quantity for line in request.lines)
    fits = [
        node
        for node in request.candidates
        if all(node.available[sku] >= count for sku, count in asked.items()) and (node.units_left or total) >= total
    ]
    for policy in POLICIES.values():
        assert not (fits and source(request, policy).short)


@given(st.lists(st.sampled_from([*KITS]), min_size=1, max_size=4), st.data())
def test_a_kit_is_its_components_in_one_parcel(skus: list[str], data: st.DataObject) -> None:
    """Where each line must come whole from the one node there is, kits and their expansion are filled alike."""
    available = {sku: data.draw(st.integers(0, 6)) for sku in PARTS}
    node = Candidate(node_id="N", country="DE", latitude=52.5, longitude=13.4, available=available)
    wanted = [WantedLine(line_id=str(n), sku=sku, quantity=1, components=KITS[sku]) for n, sku in enumerate(skus)]
    request = SourcingRequest(lines=tuple(wanted), ship_to=BERLIN, candidates=(node,), at=T0)
    left, filled = dict(available), []
    for line in wanted:
        if all(left[sku] >= units for sku, units in goods(line)):
            left |= {sku: left[sku] - units for sku, units in goods(line)}
            filled.append(line.line_id)
    for policy, split in product(POLICIES.values(), (True, False)):
        plan = source(request, replace(policy, split_lines=split))
        assert [part.line_id for part in plan.units] == filled
