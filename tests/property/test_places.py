"""Distances are a metric, addresses never fail to be read, and a decision is the same wherever its point is from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.domain.canonical import ShipTo
from oms.domain.geo import EARTH_RADIUS_KM, Point, distance_km
from oms.domain.places import CITY, COUNTRY, POSTAL_AREA, POSTAL_CODE, find_place, fold, place, zip_code
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.policy import NEAREST_COMPLETE
from oms.domain.sourcing.record import recompute, record
from tests.property.test_sourcing_optimal import requests

if TYPE_CHECKING:
    from oms.domain.sourcing.request import SourcingRequest

KNOWN: Final[dict[str, Point]] = {"zip|02134": (42.35, -71.13), "area|021": (42.36, -71.1), "city|DE||0": (52.5, 13.4)}
HALF_ROUND: Final = EARTH_RADIUS_KM * 3.141592653589794
ROUNDED_KM: Final = 0.79
"""Half of 1/100 degree both ways, where degrees are largest."""
ROUNDING: Final = 1e-3
"""A metre: near the far side of the globe the haversine formula has ten centimetres."""

POINTS: Final = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
TEXTS: Final = st.one_of(st.text(max_size=20), st.from_regex(r"[0-9]{3,5}(-[0-9]{4})?", fullmatch=True))
COUNTRIES: Final = st.sampled_from(["US", "PR", "GU", "CA", "AU", "DE", "JP", "GA", "ZZ", ""])


def look(key: str) -> Point | None:
    """Some places, and of what is not among them every second."""
    return KNOWN.get(key) or ((10.0, 10.0) if len(key) % 2 else None)


@given(POINTS, POINTS)
def test_a_distance_is_the_same_both_ways_and_at_most_half_round(one: Point, other: Point) -> None:
    km = distance_km(one, other)
    assert km == pytest.approx(distance_km(other, one), abs=ROUNDING)
    assert 0 <= km <= HALF_ROUND
    assert distance_km(one, one) == 0


@given(POINTS, POINTS, POINTS)
def test_no_way_round_is_shorter(one: Point, other: Point, between: Point) -> None:
    assert distance_km(one, other) <= distance_km(one, between) + distance_km(between, other) + ROUNDING


@given(POINTS)
def test_what_is_rounded_away_is_less_than_a_kilometre(point: Point) -> None:
    kept = place(ShipTo(country="DE", latitude=point[0], longitude=point[1]), "", look)
    assert kept.latitude is not None
    assert kept.longitude is not None
    assert distance_km(point, (kept.latitude, kept.longitude)) <= ROUNDED_KM
    assert place(kept, "", look) == kept


@given(COUNTRIES, TEXTS, TEXTS, TEXTS)
def test_any_address_is_read(country: str, region: str, postal_code: str, city: str) -> None:
    found = find_place(country, region=region, postal_code=postal_code, city=city, look=look)
    if found is not None:
        (latitude, longitude), by = found
        assert -90 <= latitude <= 90
        assert -180 <= longitude <= 180
        assert by in (POSTAL_CODE, CITY, POSTAL_AREA, COUNTRY)


@given(st.text(max_size=30))
def test_case_and_spaces_make_no_other_name(name: str) -> None:
    assert fold(f" {name}\t") == fold(name)
    assert fold(name.casefold()) == fold(name)


@given(st.integers(0, 99999), st.integers(0, 9999))
def test_a_zip_code_is_the_same_in_each_of_its_forms(number: int, plus: int) -> None:
    code = f"{number:05d}"
    for text in (code, f"{code}-{plus:04d}", f"{code} {plus:04d}", f"{code}{plus:04d}", f" {code} "):
        assert zip_code(text) == code
    if number >= 100:
        assert zip_code(str(number)) == code


@given(requests(), st.sampled_from([POSTAL_CODE, CITY, POSTAL_AREA, COUNTRY]))
def test_a_decision_stands_by_itself_whatever_its_point_was_found_by(request: SourcingRequest, by: str) -> None:
    if request.ship_to is None or request.ship_to.latitude is None:
        return
    found = replace(request, ship_to=replace(request.ship_to, located_by=by))
    kept = json.loads(json.dumps(record(found, NEAREST_COMPLETE, source(found))))
    assert kept["located_by"] == by
    assert recompute(kept) == source(found)
    assert source(found).units == source(request).units
