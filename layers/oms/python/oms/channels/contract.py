"""How bodies of our own contracts are read: types are strict, null is absent, and what is not listed is refused.

Everything raises MalformedPayloadError with the path of the field. Read by functions that start for one call, which
have no time to load a library of models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.channels.payload import clean
from oms.channels.places import read_country
from oms.domain.canonical import ShipTo
from oms.domain.errors import MalformedPayloadError
from oms.domain.money import check_minor

if TYPE_CHECKING:
    from oms.channels.payload import Fields

SHIP_TO: Final = frozenset({"country", "region", "postal_code", "latitude", "longitude"})


def only(fields: Fields, known: frozenset[str]) -> None:
    """Refuses a field that is not known, so that none is lost which is misspelled."""
    for key in fields.values:
        if key not in known:
            raise fields.refuse(clean(str(key), 60), "the field is not part of the contract")


def text(fields: Fields, key: str) -> str:
    """A text; empty when it is not there."""
    if fields.has(key) and not isinstance(fields.values[key], str):
        raise fields.refuse(key, "a field must be a text")
    return fields.text(key)


def required(fields: Fields, key: str) -> str:
    """A text that has to be there."""
    found = text(fields, key)
    if not found:
        raise fields.refuse(key, "a required field is missing")
    return found


def amount(fields: Fields, key: str, *, needed: bool = False) -> int:
    """An amount of minor units, 0 or more; 0 when it is not there and need not be."""
    units = fields.integer(key, None if needed else 0)
    if units < 0:
        raise fields.refuse(key, "an amount is negative")
    try:
        return check_minor(units)
    except MalformedPayloadError:
        raise fields.refuse(key, "an amount is out of range") from None


def ship_to(place: Fields) -> ShipTo:
    """Where it goes: `SHIP_TO`, of which the country is required, and both coordinates or none."""
    latitude, longitude = _degrees(place, "latitude", 90), _degrees(place, "longitude", 180)
    if (latitude is None) != (longitude is None):
        raise place.refuse("longitude" if longitude is None else "latitude", "one coordinate is missing")
    required(place, "country")
    return ShipTo(
        country=read_country(place, "country"),
        region=text(place, "region"),
        postal_code=text(place, "postal_code").upper(),
        latitude=latitude,
        longitude=longitude,
    )


def _degrees(place: Fields, key: str, bound: int) -> float | None:
    degrees = place.coordinate(key, bound)
    if place.has(key) and (degrees is None or isinstance(place.values[key], str)):
        raise place.refuse(key, "a coordinate must be a number of degrees")
    return degrees
