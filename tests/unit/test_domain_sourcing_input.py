"""What no plan can be made of is refused by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from oms.domain.errors import (
    EmptyPolicyError,
    NaiveTimeError,
    OmsError,
    SourcingInputError,
    SourcingRangeError,
    UnknownNodeError,
    UnknownSkuError,
)
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.policy import CHEAPEST, SourcingPolicy, Weights
from oms.domain.sourcing.request import Calendar, Candidate, NodeCosts, SourcingRequest, WantedLine, Zone
from tests.support.builders import BERLIN, T0

NAN, ENDLESS = float("nan"), float("inf")
LINE = WantedLine(line_id="1", sku="A", quantity=1)
NODE = Candidate(node_id="x", country="DE", latitude=52.5, longitude=13.4, available={"A": 1})
REQUEST = SourcingRequest(lines=(LINE,), ship_to=BERLIN, candidates=(NODE,), at=T0)
ZONE = Zone(name="z", up_to_km=100.0, transit_days=1)


def refused(kind: type[OmsError], request: SourcingRequest = REQUEST, policy: SourcingPolicy = CHEAPEST) -> None:
    with pytest.raises(kind) as raised:
        source(request, policy)
    assert type(raised.value) is kind


@pytest.mark.parametrize("quantity", [0, -1, 10**6 + 1, 1.0, NAN, True, "1", None])
def test_quantities_are_whole_and_positive(quantity: Any) -> None:
    refused(SourcingRangeError, replace(REQUEST, lines=(replace(LINE, quantity=quantity),)))


@pytest.mark.parametrize("field", ["grams", "duty"])
@pytest.mark.parametrize("value", [-1, 10**12, 0.5, NAN])
def test_weights_and_duties_are_whole_and_not_negative(field: str, value: Any) -> None:
    changed: dict[str, Any] = {field: value}
    refused(SourcingRangeError, replace(REQUEST, lines=(replace(LINE, **changed),)))


@pytest.mark.parametrize(
    "changed",
    [
        {"available": {"A": -1}},
        {"available": {"A": NAN}},
        {"available": {"A": 10**10}},
        {"latitude": NAN},
        {"longitude": ENDLESS},
        {"handling_days": -1},
        {"handling_days": 1000},
        {"units_left": -1},
        {"orders_left": 1.5},
        {"load": 1001},
        {"load": -1},
        {"costs": NodeCosts(per_parcel=-1)},
        {"costs": NodeCosts(per_line=10**10)},
        {"costs": NodeCosts(per_unit={"A": -5})},
        {"costs": NodeCosts(per_unit={"A": NAN})},  # type: ignore[dict-item]
        {"calendar": Calendar(time_zone="Europe/Berlin", workdays=(7,))},
    ],
)
def test_numbers_of_nodes_are_in_range(changed: dict[str, Any]) -> None:
    refused(SourcingRangeError, replace(REQUEST, candidates=(replace(NODE, **changed),)))


@pytest.mark.parametrize(
    "changed",
    [
        {"zone": "nowhere"},
        {"calendar": Calendar(time_zone="Europe/Nowhere")},
        {"calendar": Calendar(time_zone="Europe/Berlin", cut_off="25:00")},
        {"calendar": Calendar(time_zone="Europe/Berlin", cut_off="9")},
        {"calendar": Calendar(time_zone="Europe/Berlin", holidays=("2026-02-30",))},
    ],
)
def test_calendars_and_zones_can_be_read(changed: dict[str, Any]) -> None:
    refused(SourcingInputError, replace(REQUEST, candidates=(replace(NODE, **changed),)))


def test_nodes_have_an_id_of_their_own() -> None:
    refused(UnknownNodeError, replace(REQUEST, candidates=(NODE, NODE)))
    refused(UnknownNodeError, replace(REQUEST, candidates=(replace(NODE, node_id=""),)))


def test_lines_have_an_id_of_their_own_and_a_sku() -> None:
    refused(SourcingInputError, replace(REQUEST, lines=(LINE, LINE)))
    refused(UnknownSkuError, replace(REQUEST, lines=(replace(LINE, sku=""),)))


def test_times_say_their_zone() -> None:
    naive = datetime(2026, 3, 1, 12, 0)  # noqa: DTZ001 - what is refused
    refused(NaiveTimeError, replace(REQUEST, at=naive))
    refused(NaiveTimeError, replace(REQUEST, promise=naive))


@pytest.mark.parametrize(
    "tariff",
    [
        (),
        (ZONE, ZONE),
        (ZONE, replace(ZONE, up_to_km=200.0)),
        (replace(ZONE, name=""),),
        (replace(ZONE, per_kg=((100, 5),)),),
        (replace(ZONE, per_kg=((0, 5), (0, 6))),),
        (replace(ZONE, per_kg=((200, 5), (100, 6), (0, 7))),),
    ],
)
def test_tariffs_are_in_order(tariff: tuple[Zone, ...]) -> None:
    refused(SourcingInputError, replace(REQUEST, tariff=tariff))


@pytest.mark.parametrize("changed", [{"base": -1}, {"base": NAN}, {"up_to_km": NAN}, {"per_kg": ((0, -1),)}])
def test_rates_are_in_range(changed: dict[str, Any]) -> None:
    refused(SourcingRangeError, replace(REQUEST, tariff=(replace(ZONE, **changed),)))


def test_extra_parcels_and_places_are_in_range() -> None:
    refused(SourcingRangeError, replace(REQUEST, extra_parcel=-1))
    refused(SourcingRangeError, replace(REQUEST, ship_to=replace(BERLIN, latitude=NAN)))


def test_a_policy_has_a_name_and_something_that_counts() -> None:
    refused(EmptyPolicyError, policy=replace(CHEAPEST, name=""))
    refused(EmptyPolicyError, policy=replace(CHEAPEST, weights=Weights()))


@pytest.mark.parametrize(
    "changed",
    [
        {"version": 0},
        {"effort": 0},
        {"max_parcels": 0},
        {"weights": Weights(money=-1)},
        {"weights": Weights(money=NAN)},  # type: ignore[arg-type]
        {"weights": Weights(parcel=10**41)},
    ],
)
def test_policies_are_in_range(changed: dict[str, Any]) -> None:
    refused(SourcingRangeError, policy=replace(CHEAPEST, **changed))
