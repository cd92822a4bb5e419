"""Where an address lies, as near as its postal code, its city or its country says: no street, no map service.

What is known of places is asked by key of a `Look`: the packaged gazetteer, in which points are to 1/100 degree.

    zip|02134           a ZIP code of the United States or its territories
    area|021            the middle of those that begin so
    city|DE||munchen    the largest place of that name in the country
    city|US|IL|springfield  and in its state, where countries have many of one name
    country|GA          the middle of where people live

A name is compared by its letters alone: no case, accents, spaces or punctuation, and `St.`, `Ste.`, `Mt.` written out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.domain.geo import CENTROIDS, Point, distance_km

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oms.domain.canonical import ShipTo

Look = Callable[[str], Point | None]
"""The point kept under a key, None when there is none."""

POSTAL_CODE: Final = "postal_code"
CITY: Final = "city"
POSTAL_AREA: Final = "postal_area"
COUNTRY: Final = "country"

CONTRADICTED_KM: Final = 200.0
"""A ZIP code this far from the city and state beside it is taken for mistyped: these are two against one."""

TERRITORIES: Final = {
    "PR": ("006", "007", "009"),
    "VI": ("008",),
    "AS": ("96799",),
    "GU": ("969",),
    "MP": ("969",),
    "FM": ("969",),
    "MH": ("969",),
    "PW": ("969",),
}
"""Places with ZIP codes and a country code of their own, and how their ZIP codes begin."""

_NAMED: Final = {
    "US": (
        "AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|DE Delaware|"
        "DC District of Columbia|FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois|IN Indiana|IA Iowa|KS Kansas|"
        "KY Kentucky|LA Louisiana|ME Maine|MD Maryland|MA Massachusetts|MI Michigan|MN Minnesota|MS Mississippi|"
        "MO Missouri|MT Montana|NE Nebraska|NV Nevada|NH New Hampshire|NJ New Jersey|NM New Mexico|NY New York|"
        "NC North Carolina|ND North Dakota|OH Ohio|OK Oklahoma|OR Oregon|PA Pennsylvania|RI Rhode Island|"
        "SC South Carolina|SD South Dakota|TN Tennessee|TX Texas|UT Utah|VT Vermont|VA Virginia|WA Washington|"
        "WV West Virginia|WI Wisconsin|WY Wyoming|PR Puerto Rico|VI US Virgin Islands|AS American Samoa|GU Guam|"
        "MP Northern Mariana Islands|FM Federated States of Micronesia|MH Marshall Islands|PW Palau"
    ),
    "CA": (
        "AB Alberta|BC British Columbia|MB Manitoba|NB New Brunswick|NL Newfoundland and Labrador|NS Nova Scotia|"
        "NT Northwest Territories|NU Nunavut|ON Ontario|PE Prince Edward Island|QC Quebec|SK Saskatchewan|YT Yukon"
    ),
    "AU": (
        "ACT Australian Capital Territory|NSW New South Wales|NT Northern Territory|QLD Queensland|SA South Australia|"
        "TAS Tasmania|VIC Victoria|WA Western Australia"
    ),
}
REGIONS: Final[dict[str, dict[str, str]]] = {
    country: {code: name for code, _, name in (entry.partition(" ") for entry in text.split("|"))}
    for country, text in _NAMED.items()
}
"""Countries of which places are told apart by state: code to name."""

_ZIP: Final = re.compile(r"(?:US|[A-Z]{2})?[- ]?([0-9]{3,5})(?:[- ]([0-9]{4}))?(?:\.0)?", re.ASCII)
_ZIP_PLUS_4: Final = re.compile(r"[0-9]{7,9}", re.ASCII)
_SHORT: Final = {"st": "saint", "sankt": "saint", "ste": "sainte", "mt": "mount", "ft": "fort"}
_WINDS: Final = {"n": "north", "s": "south", "e": "east", "w": "west"}
"""First words of names: `N. Las Vegas`."""
_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t"}
)
_ASIDE: Final = re.compile(r"[,(/;]|\s[0-9]")


def fold(name: str) -> str:
    """The letters of a name by which it is compared; empty when it has none."""
    plain = unicodedata.normalize("NFKD", name.casefold()).translate(_LETTERS)
    words = "".join([each if each.isalnum() else "" if unicodedata.combining(each) else " " for each in plain]).split()
    if len(words) > 1:
        words[0] = _WINDS.get(words[0], words[0])
    return "".join([*[_SHORT.get(word, word) for word in words[:-1]], *words[-1:]])


def zip_code(text: str) -> str:
    """The five digits of a ZIP code, zeros that a spreadsheet lost put back; empty when it is none."""
    told = unicodedata.normalize("NFKC", text).strip().upper()
    found = _ZIP.fullmatch(told)
    if found:
        return found[1].zfill(5)
    return told.zfill(9)[:5] if _ZIP_PLUS_4.fullmatch(told) else ""


def region_code(country: str, region: str) -> str:
    """The code of a state, told by its code, with or without the country's, or its name; empty when it is none."""
    names = REGIONS.get(country, {})
    told = region.strip().upper().replace(".", "")
    code = told.removeprefix(f"{country}-")
    if code in names:
        return code
    folded = fold(region)
    return next((code for code, name in names.items() if folded and fold(name) == folded), "")


def zip_key(code: str) -> str:
    """Where a ZIP code is kept."""
    return f"zip|{code}"


def area_key(code: str) -> str:
    """Where the area of a ZIP code is kept."""
    return f"area|{code[:3]}"


def city_key(country: str, region: str, folded: str) -> str:
    """Where a place is kept."""
    return f"city|{country}|{region}|{folded}"


def country_key(country: str) -> str:
    """Where the middle of a country is kept."""
    return f"country|{country}"


def find_place(
    country: str, *, region: str = "", postal_code: str = "", city: str = "", look: Look
) -> tuple[Point, str] | None:
    """The point of an address, and what it was found by: postal_code, city, postal_area or country."""
    if country == "US" and (territory := region_code("US", region)) in TERRITORIES:
        country, region = territory, ""
    code = _zip_of(country, postal_code)
    state = region_code(country, region)
    by_zip = look(zip_key(code)) if code else None
    by_city = _find_city(country, state, city, look)
    if by_zip and not (state and by_city and distance_km(by_zip, by_city) > CONTRADICTED_KM):
        return by_zip, POSTAL_CODE
    if by_city:
        return by_city, CITY
    if code and (area := look(area_key(code))):
        return area, POSTAL_AREA
    middle = CENTROIDS.get(country) or look(country_key(country))
    return (middle, COUNTRY) if middle else None


def _zip_of(country: str, postal_code: str) -> str:
    if country != "US" and country not in TERRITORIES:
        return ""
    code = zip_code(postal_code)
    return code if code.startswith(TERRITORIES.get(country, "")) else ""


def _find_city(country: str, state: str, city: str, look: Look) -> Point | None:
    for name in _spellings(city):
        point = look(city_key(country, state, name))
        if point:
            return point
    return None


def _spellings(city: str) -> Iterator[str]:
    """A name as it came, then without what is set aside in it: `Springfield, IL`, `Halle (Saale)`, `Dublin 4`."""
    whole = fold(city)
    if whole:
        yield whole
    short = fold(_ASIDE.split(city)[0])
    if short and short != whole:
        yield short


def place(ship_to: ShipTo, city: str, look: Look) -> ShipTo:
    """`ship_to` with its point, to 1/100 degree, about a kilometre: finer ones would name a house.

    The channel's own coordinates come first. The middle of a country is left out where `geo.locate` knows it.
    """
    if ship_to.latitude is not None and ship_to.longitude is not None:
        return replace(ship_to, latitude=_rough(ship_to.latitude), longitude=_rough(ship_to.longitude))
    found = find_place(ship_to.country, region=ship_to.region, postal_code=ship_to.postal_code, city=city, look=look)
    if found is None or (found[1] == COUNTRY and ship_to.country in CENTROIDS):
        return ship_to
    (latitude, longitude), by = found
    return replace(ship_to, latitude=latitude, longitude=longitude, located_by=by)


def _rough(degrees: float) -> float:
    return round(degrees, 2) + 0.0
