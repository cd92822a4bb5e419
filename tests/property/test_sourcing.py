from __future__ import annotations

import math
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from oms.domain.canonical import ShipTo
from oms.domain.codec import to_plain
from oms.domain.geo import distance_km, locate
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.request import Candidate, SourcingPlan, SourcingRequest, WantedLine
from tests.support.builders import BERLIN, PARIS, T0

SKUS = ("A", "B", "C")
PLACES = st.sampled_from([(52.5, 13.4), (48.9, 2.3), (40.4, -3.7), (35.7, 139.7), (-33.9, 151.2)])
WHERE = st.sampled_from([BERLIN, PARIS, ShipTo(country="US"), ShipTo(country="ZZ"), None])


@st.composite
def requests(draw: st.DrawFn) -> SourcingRequest:
    nodes = []
    for number in range(draw(st.integers(0, 6))):
        latitude, longitude = draw(PLACES)  # few places, so that distances tie
        nodes.append(
            Candidate(
                node_id=f"N{number}",
                country="DE",
                latitude=latitude,
                longitude=longitude,
                available={sku: draw(st.integers(0, 6)) for sku in SKUS if draw(st.booleans())},
                handling_days=draw(st.integers(0, 3)),
                excluded=draw(st.sampled_from(["", "", "", "closed"])),
            )
        )
    lines = [
        WantedLine(line_id=str(number), sku=draw(st.sampled_from(SKUS)), quantity=draw(st.integers(1, 6)))
        for number in range(draw(st.integers(1, 4)))
    ]
    return SourcingRequest(lines=tuple(lines), ship_to=draw(WHERE), candidates=tuple(nodes), at=T0)


def usable(request: SourcingRequest) -> list[Candidate]:
    return [node for node in request.candidates if not node.excluded]


def covered(request: SourcingRequest, plan: SourcingPlan) -> list[WantedLine]:
    short = {part.line_id for part in plan.short}
    return [line for line in request.lines if line.line_id not in short]


def fills(lines: list[WantedLine], nodes: tuple[Candidate, ...]) -> bool:
    return all(
        sum(line.quantity for line in lines if line.sku == sku) <= sum(node.available.get(sku, 0) for node in nodes)
        for sku in SKUS
    )


def kilometres(request: SourcingRequest, node: Candidate) -> float:
    there, _ = locate(request.ship_to)
    return 0.0 if there is None else distance_km((node.latitude, node.longitude), there)


@given(requests())
def test_a_line_is_sourced_whole_or_waits_whole_and_only_when_it_must(request: SourcingRequest) -> None:
    plan = source(request)
    planned: dict[str, int] = {}
    for part in plan.units:
        assert part.quantity > 0
        planned[part.line_id] = planned.get(part.line_id, 0) + part.quantity
    left = {sku: sum(node.available.get(sku, 0) for node in usable(request)) for sku in SKUS}
    for line in request.lines:
        fit = line.quantity <= left[line.sku]
        left[line.sku] -= line.quantity if fit else 0
        assert planned.get(line.line_id, 0) == (line.quantity if fit else 0)
    assert {part.line_id: part.quantity for part in plan.short} == {
        line.line_id: line.quantity for line in request.lines if line.line_id not in planned
    }


@given(requests())
def test_no_node_is_asked_for_more_than_it_has_and_none_that_is_excluded(request: SourcingRequest) -> None:
    """Lines that share a SKU count together."""
    plan = source(request)
    asked: dict[tuple[str, str], int] = {}
    for part in plan.units:
        asked[(part.node_id, part.sku)] = asked.get((part.node_id, part.sku), 0) + part.quantity
    nodes = {node.node_id: node for node in usable(request)}
    for (node_id, sku), units in asked.items():
        assert units <= nodes[node_id].available[sku]


@given(requests())
def test_the_fewest_nodes_the_nearest_of_those(request: SourcingRequest) -> None:
    plan = source(request)
    lines = covered(request, plan)
    chosen = {part.node_id for part in plan.units}
    if not lines:
        assert not chosen
        return
    nodes = usable(request)
    fewest = next(
        count for count in range(1, len(nodes) + 1) if any(fills(lines, each) for each in combinations(nodes, count))
    )
    assert len(chosen) == fewest
    best = min(
        sum(kilometres(request, node) for node in each) for each in combinations(nodes, fewest) if fills(lines, each)
    )
    total = sum(kilometres(request, node) for node in nodes if node.node_id in chosen)
    assert math.isclose(total, best, abs_tol=1e-6)


@given(requests(), st.randoms(use_true_random=False))
def test_the_same_request_in_any_order_of_nodes_is_the_same_plan(request: SourcingRequest, draw: object) -> None:
    nodes = list(request.candidates)
    draw.shuffle(nodes)  # type: ignore[attr-defined]
    shuffled = SourcingRequest(lines=request.lines, ship_to=request.ship_to, candidates=tuple(nodes), at=request.at)
    one, other = source(request), source(shuffled)
    assert (one.units, one.short, one.promised_by) == (other.units, other.short, other.promised_by)
    excluded = one.decision["excluded"], other.decision["excluded"]
    assert {**one.decision, "excluded": 0} == {**other.decision, "excluded": 0}
    assert excluded[0] == excluded[1]


@given(requests())
def test_the_decision_names_every_node_and_is_plain_json(request: SourcingRequest) -> None:
    plan = source(request)
    decision = plan.decision
    assert to_plain(decision) == decision
    named = {each["node"] for each in decision["candidates"]}
    assert named == {node.node_id for node in usable(request)}
    assert decision["excluded"] == {node.node_id: node.excluded for node in request.candidates if node.excluded}
    assert decision["chosen"] == sorted({part.node_id for part in plan.units})
    lines = covered(request, plan)
    for each in decision["candidates"]:
        node = next(node for node in request.candidates if node.node_id == each["node"])
        assert each["has_all"] == fills(lines, (node,))
        assert isinstance(each["km"], int)
    assert plan.promised_by >= request.at
