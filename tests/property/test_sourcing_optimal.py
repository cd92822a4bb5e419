"""The engine against every plan there is, on requests small enough to look at them all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from oms.domain.canonical import ShipTo
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.policy import POLICIES, SourcingPolicy, Weights
from oms.domain.sourcing.request import Calendar, Candidate, NodeCosts, SourcingRequest, WantedLine, Zone
from tests.proof.sourcing.brute import best
from tests.proof.sourcing.evaluator import evaluate
from tests.support.builders import BERLIN, PARIS, T0

if TYPE_CHECKING:
    from oms.domain.sourcing.request import SourcingPlan

SKUS = ("A", "B", "C")
PLACES = st.sampled_from([(52.5, 13.4), (48.9, 2.3), (40.4, -3.7), (47.4, 8.5)])
COSTS = st.integers(0, 400)
NEEDS = st.sampled_from([(), (), (), ("cold",), ("cold", "hazmat")])
CALENDARS = st.sampled_from(
    [
        None,
        None,
        Calendar(time_zone="Europe/Berlin", cut_off="09:00"),
        Calendar(time_zone="America/New_York", holidays=("2026-03-02", "2026-03-03"), workdays=(0, 1, 2, 3, 4, 5)),
    ]
)


@st.composite
def rates(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    count = draw(st.sampled_from([0, 1, 1, 2, 3]))
    limits = sorted(draw(st.lists(st.integers(100, 3000), min_size=count, max_size=count, unique=True)))
    return tuple((limit if n < count else 0, draw(st.integers(0, 300))) for n, limit in enumerate(limits, start=1))


@st.composite
def tariffs(draw: st.DrawFn) -> tuple[Zone, ...]:
    return tuple(
        Zone(name=name, up_to_km=km, transit_days=draw(st.integers(1, 4)), base=draw(COSTS), per_kg=draw(rates()))
        for name, km in (("near", 300.0), ("far", 1200.0), ("rest", 20_038.0))
    )


@st.composite
def nodes(draw: st.DrawFn, number: int) -> Candidate:
    latitude, longitude = draw(PLACES)
    return Candidate(
        node_id=f"N{number}",
        country=draw(st.sampled_from(["DE", "DE", "CH"])),
        latitude=latitude,
        longitude=longitude,
        available={sku: draw(st.sampled_from([4, 5, 3, 2, 1, 0])) for sku in SKUS},
        handling_days=draw(st.integers(0, 2)),
        excluded=draw(st.sampled_from(["", "", "", "", "", "", "closed"])),
        capabilities=draw(st.sampled_from([("cold", "hazmat"), ("cold", "hazmat"), ("cold",), ()])),
        calendar=draw(CALENDARS),
        units_left=draw(st.sampled_from([None, None, 5, 3, 2, 1, 0])),
        orders_left=draw(st.sampled_from([None, None, None, 1, 0])),
        load=draw(st.integers(0, 1000)),
        costs=NodeCosts(per_parcel=draw(COSTS), per_line=draw(COSTS), per_unit={"A": draw(COSTS)}),
    )


@st.composite
def requests(draw: st.DrawFn) -> SourcingRequest:
    lines = [
        WantedLine(
            line_id=str(number),
            sku=draw(st.sampled_from(SKUS)),
            quantity=draw(st.sampled_from([2, 3, 1, 4])),
            grams=draw(st.integers(0, 1500)),
            needs=draw(NEEDS),
            duty=draw(COSTS),
        )
        for number in range(draw(st.sampled_from([3, 2, 1])))
    ]
    return SourcingRequest(
        lines=tuple(lines),
        ship_to=draw(st.sampled_from([BERLIN, PARIS, ShipTo(country="DE"), None])),
        candidates=tuple([draw(nodes(number)) for number in range(draw(st.sampled_from([3, 3, 2, 1, 0])))]),
        at=T0,
        promise=draw(st.sampled_from([None, T0 + timedelta(days=2), T0 + timedelta(days=4), T0 + timedelta(days=7)])),
        tariff=draw(tariffs()),
        extra_parcel=draw(COSTS),
        union=draw(st.sampled_from([(), ("DE", "CH", "FR")])),
    )


@st.composite
def policies(draw: st.DrawFn) -> SourcingPolicy:
    if draw(st.booleans()):
        policy = draw(st.sampled_from(list(POLICIES.values())))
    else:
        names = ("parcel", "reach", "piece", "carry", "load")
        weights = Weights(money=draw(st.integers(1, 3)), **{name: draw(st.integers(0, 50)) for name in names})
        policy = SourcingPolicy(name="drawn", version=1, weights=weights)
    return replace(
        policy, split_lines=draw(st.booleans()), max_parcels=draw(st.sampled_from([None, None, 1, 2])), effort=10**6
    )


def units(plan: SourcingPlan) -> dict[tuple[str, str], int]:
    return {(part.line_id, part.node_id): part.quantity for part in plan.units}


@given(requests(), policies())
def test_no_plan_is_better(request: SourcingRequest, policy: SourcingPolicy) -> None:
    plan = source(request, policy)
    verdict = evaluate(request, policy, units(plan))
    wanted = best(request, policy)
    assert not verdict.problems
    assert tuple(line.line_id for line in plan.short) == wanted.short
    assert plan.kept == wanted.kept
    assert (verdict.objective, verdict.parcels) == (wanted.objective, wanted.parcels)
    assert plan.proof.proved
    assert plan.proof.objective == verdict.objective
    assert plan.promised_by == (verdict.arrives or request.at)
    assert abs(plan.cost - verdict.money) * 2 <= verdict.parcels
