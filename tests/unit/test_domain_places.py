"""Where an address lies: which key is asked first, how names and codes are read, and what of it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oms.domain.canonical import ShipTo
from oms.domain.places import CONTRADICTED_KM, find_place, fold, place, region_code, zip_code
from tests.support.builders import nowhere

if TYPE_CHECKING:
    from oms.domain.geo import Point

ALLSTON, BOSTON, AREA = (42.35, -71.13), (42.36, -71.06), (42.37, -71.1)
KNOWN: dict[str, Point] = {
    "zip|02134": ALLSTON,
    "area|021": AREA,
    "zip|94105": (37.79, -122.39),
    "zip|00901": (18.47, -66.1),
    "city|US|MA|boston": BOSTON,
    "city|US||springfield": (37.22, -93.3),
    "city|US|IL|springfield": (39.8, -89.64),
    "city|DE||munchen": (48.14, 11.58),
    "city|DE||halle": (51.48, 11.98),
    "city|DE||hallewestf": (52.06, 8.36),
    "city|PR||sanjuan": (18.47, -66.11),
    "city|IE||dublin": (53.33, -6.25),
    "country|GA": (-0.16, 10.36),
    "country|DE": (1.0, 1.0),
}


def look(key: str) -> Point | None:
    return KNOWN.get(key)


def found(country: str, region: str = "", postal_code: str = "", city: str = "") -> tuple[Point, str] | None:
    return find_place(country, region=region, postal_code=postal_code, city=city, look=look)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (("US", "MA", "02134", "Boston"), (ALLSTON, "postal_code")),
        (("US", "MA", "2134-0001", ""), (ALLSTON, "postal_code")),
        (("US", "MA", "02199", "Boston"), (BOSTON, "city")),
        (("US", "MA", "02199", "Nowhereville"), (AREA, "postal_area")),
        (("US", "MA", "99999", "Nowhereville"), ((39.8, -98.6), "country")),
        (("US", "MA", "not one", "BOSTON, Mass."), (BOSTON, "city")),
        (("US", "Illinois", "", "Springfield"), ((39.8, -89.64), "city")),
        (("US", "us-il", "", "Springfield (Sangamon)"), ((39.8, -89.64), "city")),
        (("US", "", "", "Springfield"), ((37.22, -93.3), "city")),
        (("US", "VT", "", "Springfield"), ((39.8, -98.6), "country")),
        (("DE", "BY", "02134", "München"), ((48.14, 11.58), "city")),
        (("DE", "", "", "Halle (Saale)"), ((51.48, 11.98), "city")),
        (("DE", "", "", "Halle (Westf.)"), ((52.06, 8.36), "city")),
        (("IE", "", "D04", "Dublin 4"), ((53.33, -6.25), "city")),
        (("DE", "", "", ""), ((51.1, 10.4), "country")),
        (("GA", "", "", "Libreville"), ((-0.16, 10.36), "country")),
        (("PR", "", "901", ""), ((18.47, -66.1), "postal_code")),
        (("US", "Puerto Rico", "00901", ""), ((18.47, -66.1), "postal_code")),
        (("PR", "", "02134", "San Juan"), ((18.47, -66.11), "city")),
        (("US", "PR", "02134", "San Juan"), ((18.47, -66.11), "city")),
        (("ZZ", "", "", ""), None),
    ],
)
def test_the_nearest_that_is_known_is_taken(
    address: tuple[str, str, str, str], expected: tuple[Point, str] | None
) -> None:
    assert found(*address) == expected


def test_nothing_is_asked_that_cannot_be() -> None:
    asked: list[str] = []

    def listen(key: str) -> Point | None:
        asked.append(key)
        return None

    find_place("DE", region="BE", postal_code="02134", city="Berlin, Mitte", look=listen)
    find_place("GU", region="", postal_code="02134", city="", look=listen)
    find_place("ZZ", region="", postal_code="", city="...", look=listen)
    assert asked == ["city|DE||berlinmitte", "city|DE||berlin", "country|GU", "country|ZZ"]


def test_a_zip_code_far_from_city_and_state_is_mistyped() -> None:
    assert found("US", "MA", "94105", "Boston") == (BOSTON, "city")
    assert found("US", "MA", "94105") == ((37.79, -122.39), "postal_code"), "one against one"
    assert found("US", "", "94105", "Springfield") == ((37.79, -122.39), "postal_code"), "a city of many states"


@pytest.mark.parametrize(("degrees", "by"), [(1.79, "postal_code"), (1.81, "city")])
def test_how_far_is_mistyped(degrees: float, by: str) -> None:
    """A degree of latitude is 111.195 km."""
    assert 1.79 * 111.195 < CONTRADICTED_KM < 1.81 * 111.195
    points = {"zip|02134": (42.0 + degrees, -71.0), "city|US|MA|boston": (42.0, -71.0)}

    def far(key: str) -> Point | None:
        return points.get(key)

    told = find_place("US", region="MA", postal_code="02134", city="Boston", look=far)
    assert told is not None
    assert told[1] == by


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("02134", "02134"),
        (" 02134 ", "02134"),
        ("2134", "02134"),
        ("601", "00601"),
        ("2134.0", "02134"),
        ("02134-1234", "02134"),
        ("02134 1234", "02134"),
        ("2134-1234", "02134"),
        ("021341234", "02134"),
        ("21341234", "02134"),
        ("6011234", "00601"),
        ("US-02134", "02134"),
        ("MA 02134", "02134"),
        ("０２１３４", "02134"),  # as a Japanese keyboard writes them
        ("", ""),
        ("12", ""),
        ("123456", ""),
        ("O2134", ""),
        ("10115 Berlin", ""),
        ("02134-12", ""),
    ],
)
def test_zip_codes_are_read_as_people_and_spreadsheets_write_them(text: str, code: str) -> None:
    assert zip_code(text) == code


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("München", "MUNCHEN"),
        ("St. Louis", "Saint Louis"),
        ("Ste-Foy", "SAINTE FOY"),
        ("Sankt Pölten", "St.Pölten"),
        ("Mt. Vernon", "Mount Vernon"),
        ("Ft Worth", "Fort Worth"),
        ("N. Las Vegas", "North Las Vegas"),
        ("Łódź", "Lodz"),
        ("København", "Kobenhavn"),
        ("Großenhain", "Grossenhain"),
        ("İstanbul", "ISTANBUL"),
        ("L'Hospitalet", "l hospitalet"),
        ("  Winston--Salem ", "Winston Salem"),
        ("ﾖｺﾊﾏ", "ヨコハマ"),
    ],
)
def test_names_are_compared_by_their_letters(one: str, other: str) -> None:
    assert fold(one) == fold(other) != ""


def test_what_is_short_for_a_saint_is_a_word_of_its_own_and_not_the_last() -> None:
    assert fold("Bad St") == "badst"
    assert fold("Stade") == "stade"
    assert fold("Rothenburg N") == "rothenburgn"
    assert fold("N Vegas") == "northvegas"
    assert fold("N") == "n"
    assert fold("Ñuñoa Sur") == "nunoasur", "a mark over a letter ends no word"
    assert fold("...") == fold("") == ""


@pytest.mark.parametrize(
    ("country", "region", "code"),
    [
        ("US", "MA", "MA"),
        ("US", " ma ", "MA"),
        ("US", "US-MA", "MA"),
        ("US", "N.Y.", "NY"),
        ("US", "new york", "NY"),
        ("CA", "Québec", "QC"),
        ("CA", "CA-ON", "ON"),
        ("AU", "Western Australia", "WA"),
        ("US", "Bavaria", ""),
        ("US", "", ""),
        ("DE", "BY", ""),
    ],
)
def test_states_are_told_by_code_or_name(country: str, region: str, code: str) -> None:
    assert region_code(country, region) == code


class TestPlace:
    def test_the_channels_own_coordinates_come_first_and_name_no_house(self) -> None:
        told = ShipTo(country="US", region="MA", postal_code="02134", latitude=42.348912, longitude=-71.123499)
        kept = place(told, "Boston", look)
        assert (kept.latitude, kept.longitude, kept.located_by) == (42.35, -71.12, "")

    def test_all_of_the_address_is_looked_at(self) -> None:
        for told, city, point in (
            (ShipTo(country="US", region="MA", postal_code="02134"), "Boston", (*ALLSTON, "postal_code")),
            (ShipTo(country="US", region="IL"), "Springfield", (39.8, -89.64, "city")),
        ):
            kept = place(told, city, look)
            assert (kept.latitude, kept.longitude, kept.located_by) == point

    def test_no_zero_is_negative(self) -> None:
        kept = place(ShipTo(country="GB", latitude=51.4779, longitude=-0.0014), "Greenwich", look)
        assert str(kept.longitude) == "0.0"

    def test_half_a_place_is_none(self) -> None:
        kept = place(ShipTo(country="DE", latitude=48.1), "München", look)
        assert (kept.latitude, kept.longitude, kept.located_by) == (48.14, 11.58, "city")

    def test_a_middle_that_is_known_anyway_is_not_kept(self) -> None:
        told = ShipTo(country="DE")
        assert place(told, "", look) is told
        assert place(ShipTo(country="GA"), "", look).located_by == "country"
        assert place(ShipTo(country="ZZ"), "", look) == ShipTo(country="ZZ")

    def test_without_a_gazetteer_nothing_is_lost(self) -> None:
        told = ShipTo(country="US", region="MA", postal_code="02134")
        assert place(told, "Boston", nowhere) is told
