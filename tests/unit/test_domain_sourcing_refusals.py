"""What is said when no plan can be made of a request, and the last values that are let pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

import pytest

from oms.domain.canonical import MAX_QUANTITY, ShipTo
from oms.domain.errors import (
    EmptyPolicyError,
    NaiveTimeError,
    SourcingInputError,
    SourcingRangeError,
    UnknownNodeError,
    UnknownSkuError,
)
from oms.domain.sourcing.check import check_policy, check_request
from oms.domain.sourcing.policy import CHEAPEST, Weights
from oms.domain.sourcing.request import Calendar, Candidate, NodeCosts, SourcingRequest, WantedLine, Zone
from tests.support.builders import BERLIN, T0
from tests.support.refusals import refusal

if TYPE_CHECKING:
    from tests.support.refusals import Refusal

LINE = WantedLine(line_id="7", sku="A", quantity=1)
NODE = Candidate(node_id="x", country="DE", latitude=52.5, longitude=13.4, available={"A": 1})
ZONE = Zone(name="z", up_to_km=100.0, transit_days=1)
WIDER = replace(ZONE, name="w", up_to_km=200.0)
REQUEST = SourcingRequest(lines=(LINE,), ship_to=BERLIN, candidates=(NODE,), at=T0, tariff=(ZONE, WIDER))
CALENDAR = Calendar(time_zone="Europe/Berlin")
BILLION = 10**9
TOO_MUCH = BILLION + 1


class Timeless(tzinfo):
    """A zone that does not know how far it is from UTC."""

    def utcoffset(self, _: datetime | None) -> timedelta | None:
        return None

    def dst(self, _: datetime | None) -> timedelta | None:
        return None

    def tzname(self, _: datetime | None) -> str | None:
        return None


def whole(what: str, value: object, **where: object) -> Refusal:
    return (
        SourcingRangeError,
        "not a whole number in range",
        {"what": what, "value": repr(value), **where},
    )


def finite(what: str, value: object) -> Refusal:
    return SourcingRangeError, "not a finite number", {"what": what, "value": repr(value)}


def berlin(longitude: Any) -> ShipTo:
    return replace(BERLIN, longitude=longitude)


def numbered() -> Candidate:
    node_id: Any = 0
    return replace(NODE, node_id=node_id)


def lined(**changed: Any) -> dict[str, Any]:
    return {"lines": (LINE, replace(LINE, line_id="8", **changed))}


def noded(**changed: Any) -> dict[str, Any]:
    return {"candidates": (NODE, replace(NODE, node_id="y", **changed))}


def zoned(**changed: Any) -> dict[str, Any]:
    return {"tariff": (ZONE, replace(WIDER, **changed))}


def costing(**changed: Any) -> dict[str, Any]:
    return noded(costs=NodeCosts(**changed))


def closing(**changed: Any) -> dict[str, Any]:
    return noded(calendar=replace(CALENDAR, **changed))


NAIVE = datetime(2026, 3, 1, 12, 0)  # noqa: DTZ001 - what is refused
UNREADABLE: Refusal = (SourcingInputError, "a calendar that cannot be read", {"node": "y"})
NO_TIME: Refusal = (SourcingInputError, "a cut-off time that is not HH:MM", {"node": "y"})
TWICE: Refusal = (SourcingInputError, "a zone without a name, or twice", {})
RATES: Refusal = (SourcingInputError, "rates ascend, and the last has no end", {"zone": "w"})
LONG = "1" * 60
"""A value of which the beginning is told."""

REFUSED: list[tuple[dict[str, Any], Refusal]] = [
    ({"at": NAIVE}, (NaiveTimeError, "a time without its zone", {"what": "at"})),
    ({"at": NAIVE.replace(tzinfo=Timeless())}, (NaiveTimeError, "a time without its zone", {"what": "at"})),
    ({"promise": NAIVE}, (NaiveTimeError, "a time without its zone", {"what": "promise"})),
    ({"extra_parcel": -1}, whole("extra_parcel", -1)),
    ({"extra_parcel": TOO_MUCH}, whole("extra_parcel", TOO_MUCH)),
    ({"ship_to": replace(BERLIN, latitude=float("nan"))}, finite("ship_to", float("nan"))),
    ({"ship_to": replace(BERLIN, longitude=float("inf"))}, finite("ship_to", float("inf"))),
    ({"ship_to": berlin("13")}, finite("ship_to", "13")),
    (
        {"ship_to": berlin(LONG)},
        (*finite("", "")[:2], {"what": "ship_to", "value": repr(LONG)[:40]}),
    ),
    ({"lines": (LINE, LINE)}, (SourcingInputError, "two lines of one id", {"line": "7"})),
    (lined(sku=""), (UnknownSkuError, "a line without a SKU", {"line": "8"})),
    (lined(sku=5), (UnknownSkuError, "a line without a SKU", {"line": "8"})),
    (lined(quantity=0), whole("quantity", 0, line="8")),
    (lined(quantity=MAX_QUANTITY + 1), whole("quantity", MAX_QUANTITY + 1, line="8")),
    (lined(quantity=2.0), whole("quantity", 2.0, line="8")),
    (lined(quantity=LONG), (*whole("", "")[:2], {"what": "quantity", "value": repr(LONG)[:40], "line": "8"})),
    (lined(grams=-1), whole("grams", -1, line="8")),
    (lined(grams=10**7 + 1), whole("grams", 10**7 + 1, line="8")),
    (lined(duty=-1), whole("duty", -1, line="8")),
    (lined(duty=TOO_MUCH), whole("duty", TOO_MUCH, line="8")),
    ({"candidates": (NODE, NODE)}, (UnknownNodeError, "a node without an id, or twice", {"node": "x"})),
    ({"candidates": (replace(NODE, node_id=""),)}, (UnknownNodeError, "a node without an id, or twice", {"node": ""})),
    ({"candidates": (numbered(),)}, (UnknownNodeError, "a node without an id, or twice", {"node": "0"})),
    (noded(latitude=float("nan")), finite("latitude", float("nan"))),
    (noded(latitude=None), finite("latitude", None)),
    (noded(longitude=float("-inf")), finite("longitude", float("-inf"))),
    (noded(handling_days=-1), whole("handling_days", -1, node="y")),
    (noded(handling_days=366), whole("handling_days", 366, node="y")),
    (noded(units_left=-1), whole("capacity", -1, node="y")),
    (noded(units_left=TOO_MUCH), whole("capacity", TOO_MUCH, node="y")),
    (noded(orders_left=1.5), whole("capacity", 1.5, node="y")),
    (noded(load=-1), whole("load", -1, node="y")),
    (noded(load=1001), whole("load", 1001, node="y")),
    (noded(zone="q"), (SourcingInputError, "a zone that the tariff does not have", {"node": "y", "zone": "q"})),
    (noded(available={"A": -1}), whole("available", -1, node="y", sku="A")),
    (noded(available={"A": TOO_MUCH}), whole("available", TOO_MUCH, node="y", sku="A")),
    (noded(available={"A": 1.0}), whole("available", 1.0, node="y", sku="A")),
    (costing(per_unit={"A": -1}), whole("per_unit", -1, node="y", sku="A")),
    (costing(per_unit={"A": TOO_MUCH}), whole("per_unit", TOO_MUCH, node="y", sku="A")),
    (costing(per_unit={"A": 1.0}), whole("per_unit", 1.0, node="y", sku="A")),
    (costing(per_parcel=-1), whole("per_parcel", -1, node="y")),
    (costing(per_parcel=TOO_MUCH), whole("per_parcel", TOO_MUCH, node="y")),
    (costing(per_line=-1), whole("per_line", -1, node="y")),
    (costing(per_line=TOO_MUCH), whole("per_line", TOO_MUCH, node="y")),
    (closing(time_zone="Europe/Nowhere"), UNREADABLE),
    ({"candidates": tuple(reversed(closing(time_zone="Europe/Nowhere")["candidates"]))}, UNREADABLE),
    (closing(time_zone="../etc"), UNREADABLE),
    (closing(cut_off=None), UNREADABLE),
    (closing(holidays=("2026-02-30",)), UNREADABLE),
    (closing(cut_off="24:00"), NO_TIME),
    (closing(cut_off="12:60"), NO_TIME),
    (closing(cut_off="12:00:00"), NO_TIME),
    (closing(workdays=(0, 7)), whole("workdays", 7, node="y")),
    (closing(workdays=(-1,)), whole("workdays", -1, node="y")),
    ({"tariff": ()}, (SourcingInputError, "a tariff without zones", {})),
    (zoned(up_to_km=100.0), (SourcingInputError, "zones stand in ascending order", {"zone": "w"})),
    (
        {"tariff": (replace(ZONE, up_to_km=-1.0),)},
        (SourcingInputError, "zones stand in ascending order", {"zone": "z"}),
    ),
    (zoned(up_to_km=float("nan")), finite("up_to_km", float("nan"))),
    (zoned(base=-1), whole("base", -1, zone="w")),
    (zoned(base=TOO_MUCH), whole("base", TOO_MUCH, zone="w")),
    (zoned(transit_days=-1), whole("transit_days", -1, zone="w")),
    (zoned(transit_days=366), whole("transit_days", 366, zone="w")),
    (zoned(name="z"), TWICE),
    (zoned(name=""), TWICE),
    (zoned(per_kg=((0, -1),)), whole("per_kg", -1, zone="w")),
    (zoned(per_kg=((0, TOO_MUCH),)), whole("per_kg", TOO_MUCH, zone="w")),
    (zoned(per_kg=((-1, 1), (0, 1))), whole("up_to_grams", -1, zone="w")),
    (zoned(per_kg=((10**13 + 1, 1), (0, 1))), whole("up_to_grams", 10**13 + 1, zone="w")),
    (zoned(per_kg=((5, 1),)), RATES),
    (zoned(per_kg=((0, 1), (0, 1))), RATES),
    (zoned(per_kg=((5, 1), (5, 1), (0, 1))), RATES),
    (zoned(per_kg=((5, 1), (4, 1), (0, 1))), RATES),
]


@pytest.mark.parametrize(("changed", "said"), REFUSED)
def test_what_is_said_of_a_request_that_is_refused(changed: dict[str, Any], said: Refusal) -> None:
    assert refusal(lambda: check_request(replace(REQUEST, **changed))) == said


PASSED: list[dict[str, Any]] = [
    {"at": T0, "promise": T0},
    {"extra_parcel": 0},
    {"extra_parcel": BILLION},
    {"ship_to": None},
    {"ship_to": replace(BERLIN, latitude=None, longitude=None)},
    {"ship_to": replace(BERLIN, latitude=53)},
    {"lines": ()},
    {"candidates": ()},
    lined(quantity=1),
    lined(quantity=MAX_QUANTITY, grams=10**7, duty=BILLION),
    lined(grams=0, duty=0),
    noded(latitude=1, handling_days=0, units_left=0, orders_left=0, load=1),
    noded(handling_days=365, units_left=BILLION, orders_left=BILLION, load=1000),
    noded(zone="w", available={"A": BILLION}),
    noded(available={"B": -1}),
    costing(per_unit={"A": BILLION}, per_parcel=BILLION, per_line=BILLION),
    costing(per_unit={"B": -1}, per_parcel=0, per_line=0),
    closing(cut_off="00:00", workdays=(0, 6), holidays=("2026-02-28",)),
    closing(cut_off="23:59", workdays=()),
    {"tariff": (replace(ZONE, up_to_km=0.0), WIDER)},
    zoned(base=0, transit_days=0),
    zoned(base=BILLION, transit_days=365),
    zoned(per_kg=((1, 0), (2, BILLION), (10**13, 1), (0, 1))),
]


@pytest.mark.parametrize("changed", PASSED)
def test_the_last_values_that_pass(changed: dict[str, Any]) -> None:
    check_request(replace(REQUEST, **changed))


NAMELESS: Refusal = (EmptyPolicyError, "a policy has a name and weights", {})
POLICIES_REFUSED: list[tuple[dict[str, Any], Refusal]] = [
    ({"name": ""}, NAMELESS),
    ({"name": 3}, NAMELESS),
    ({"weights": {"money": 1}}, NAMELESS),
    (
        {"weights": Weights()},
        (EmptyPolicyError, "a policy in which nothing counts decides nothing", {"policy": "cheapest"}),
    ),
    *[
        ({"weights": Weights(**{name: value})}, whole(f"weights.{name}", value))
        for name in ("money", "parcel", "reach", "piece", "carry", "load")
        for value in (-1, 10**40 + 1)
    ],
    ({"version": 0}, whole("version", 0)),
    ({"version": 10**6 + 1}, whole("version", 10**6 + 1)),
    ({"effort": 0}, whole("effort", 0)),
    ({"effort": 10**7 + 1}, whole("effort", 10**7 + 1)),
    ({"max_parcels": 0}, whole("max_parcels", 0)),
    ({"max_parcels": MAX_QUANTITY + 1}, whole("max_parcels", MAX_QUANTITY + 1)),
]


@pytest.mark.parametrize(("changed", "said"), POLICIES_REFUSED)
def test_what_is_said_of_a_policy_that_is_refused(changed: dict[str, Any], said: Refusal) -> None:
    kind, text, context = said
    context = {name: value[:40] if isinstance(value, str) else value for name, value in context.items()}
    assert refusal(lambda: check_policy(replace(CHEAPEST, **changed))) == (kind, text, context)


@pytest.mark.parametrize(
    "changed",
    [
        {"version": 1, "effort": 1, "max_parcels": 1},
        {"version": 10**6, "effort": 10**7, "max_parcels": MAX_QUANTITY},
        {"weights": Weights(load=1)},
        {"weights": Weights(money=10**40, parcel=10**40)},
    ],
)
def test_the_last_policies_that_pass(changed: dict[str, Any]) -> None:
    check_policy(replace(CHEAPEST, **changed))
