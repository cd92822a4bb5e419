"""Legal entities: who sells, and how its invoices are numbered and reckoned.

The policy `entities` is {"rules": [entity]}, each as `make import KIND=entities` reads it. The first entity that sells
for an order's channel (or account, `channel/account`) and country is its seller; an order that none sells gets no
invoice from here: marketplaces make their own.

A `series` begins the numbers of an entity's documents, `<series>-<year>-<number, 6 digits or more>`. Its years have
numbers of their own, without a gap. Years are those of the entity's time zone.

`rounding`: `line` keeps tax as it was charged; `invoice` reckons it anew from what a document says in all at each rate,
rounded once by `digits` (`down`, `up`, `half_up`, `half_even`). Japan's qualified invoices ask for that: one rounding
for each rate of a document, in whichever way, tax of single lines being no more than a hint (National Tax Agency, Q&A
on the invoice system, Q46); their registration number is a T and 13 digits. Amounts that are paid never change by it.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from oms.domain.errors import InvalidInputError
from oms.domain.frozen import frozen
from oms.domain.money import rounded

if TYPE_CHECKING:
    from collections.abc import Mapping

POLICY: Final = "entities"
MAX_ENTITIES: Final = 100
MAX_TEXT: Final = 200
MAX_PARTS: Final = 250
"""Countries, channels, rates, lines of an address."""
ROUNDINGS: Final = ("line", "invoice")
DIGITS: Final = ("half_up", "down", "up", "half_even")
_SERIES: Final = re.compile(r"[A-Z][A-Z0-9]{0,9}", re.ASCII)
_ID: Final = re.compile(r"[a-z0-9_-]{1,40}", re.ASCII)
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_QUALIFIED: Final = re.compile(r"T[0-9]{13}", re.ASCII)
_RATE: Final = re.compile(r"[0-9]{1,2}(?:\.[0-9]{1,4})?", re.ASCII)
_LISTS: Final = ("address", "tax_ids", "channels", "countries", "rates", "notes")
_TEXTS: Final = ("entity_id", "series", "name", "country", "region", "time_zone", "rounding", "digits")
_FIELDS: Final = frozenset({*_TEXTS, *_LISTS})


@frozen
class Entity:
    """Who sells. None of it is personal data: it is on every invoice."""

    entity_id: str
    series: str
    name: str
    country: str
    region: str = ""
    """Of its country, where it ships from: India's taxes ask for it."""
    address: tuple[str, ...] = ()
    tax_ids: tuple[str, ...] = ()
    """As they are printed: `VAT DE123456789`, `T1234567890123`."""
    channels: tuple[str, ...] = ()
    """`shopify`, or `shopify/main`; none: all."""
    countries: tuple[str, ...] = ()
    """Where the goods go; none: anywhere."""
    rates: tuple[str, ...] = ()
    """`DE 19`: a rate in percent of the country where the goods go."""
    notes: tuple[str, ...] = ()
    """Printed on documents without tax, by country: `FR Reverse charge`."""
    time_zone: str = "Etc/UTC"
    rounding: str = "line"
    digits: str = "half_up"

    def sells(self, channel: str, account: str, country: str) -> bool:
        """An order of this account, going to this country, is its."""
        known = not self.channels or channel in self.channels or f"{channel}/{account}" in self.channels
        return known and (not self.countries or country in self.countries)

    def rate_of(self, country: str, net: int, tax: int, units: int) -> str:
        """The rate in percent by which this tax is reckoned; '' when it is none of the country's, '0' without tax.

        Channels say what tax they charged, rarely at which rate: it is the known one that comes nearest, and not
        further than its rounding explains, a minor unit for each unit.
        """
        if not tax:
            return "0"
        known = [each.partition(" ")[2] for each in self.rates if each.startswith(f"{country} ")]
        off = [(abs(tax - net * Fraction(rate) / 100), number, rate) for number, rate in enumerate(known)]
        near = min(off, default=None)
        return near[2] if near and near[0] <= max(1, units) else ""

    def tax_in(self, gross: int, rate: str) -> int:
        """The tax in `gross` at a rate in percent, rounded once."""
        exact = gross * Fraction(rate) / (100 + Fraction(rate))
        return rounded(exact, self.digits)

    def notes_for(self, country: str, tax: int) -> tuple[str, ...]:
        """What a document says below its totals."""
        return () if tax else tuple(each[3:] for each in self.notes if each.startswith(f"{country} "))


def seller(entities: tuple[Entity, ...], channel: str, account: str, country: str) -> Entity | None:
    """The first that sells it."""
    return next((each for each in entities if each.sells(channel, account, country)), None)


def read_entities(document: Mapping[str, Any]) -> tuple[Entity, ...]:
    """The entities of the policy; raises InvalidInputError."""
    rows = document.get("rules", [])
    if not isinstance(rows, list) or len(rows) > MAX_ENTITIES:
        raise InvalidInputError("entities are a list", limit=MAX_ENTITIES)
    found = tuple([_read(row) for row in rows])
    for name in ("entity_id", "series"):
        if len({getattr(each, name) for each in found}) < len(found):
            raise InvalidInputError(f"two entities have the same {name}")
    return found


def _read(row: Any) -> Entity:
    if not isinstance(row, dict) or not row.keys() <= _FIELDS:
        raise InvalidInputError("an entity has other fields", fields=sorted(_FIELDS))
    texts: dict[str, Any] = {name: value for name, value in row.items() if name not in _LISTS}
    parts: dict[str, Any] = {name: tuple(row.get(name, ())) for name in _LISTS}
    for value in (*texts.values(), *[each for held in parts.values() for each in held]):
        if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
            raise InvalidInputError(f"what an entity says is text of 1 to {MAX_TEXT} characters")
    if missing := [name for name in ("entity_id", "series", "name", "country") if name not in texts]:
        raise InvalidInputError("an entity has no such field", missing=missing)
    if any(len(held) > MAX_PARTS for held in parts.values()):
        raise InvalidInputError("too many parts", limit=MAX_PARTS)
    entity = Entity(**texts, **parts)
    _check(entity)
    return entity


def _check(entity: Entity) -> None:
    wrong = {
        "entity_id": not _ID.fullmatch(entity.entity_id),
        "series": not _SERIES.fullmatch(entity.series),
        "country": not _COUNTRY.fullmatch(entity.country),
        "countries": not all(map(_COUNTRY.fullmatch, entity.countries)),
        "rates": not all(map(_is_rate, entity.rates)),
        "notes": not all(_COUNTRY.fullmatch(each[:2]) and each[2:3] == " " and each[3:] for each in entity.notes),
        "rounding": entity.rounding not in ROUNDINGS,
        "digits": entity.digits not in DIGITS,
        "time_zone": not _is_zone(entity.time_zone),
        "tax_ids": entity.country == "JP" and not any(map(_QUALIFIED.fullmatch, entity.tax_ids)),
    }
    if named := [name for name, is_wrong in wrong.items() if is_wrong]:
        raise InvalidInputError(f"an entity's {', '.join(named)} cannot be that", entity=entity.entity_id, fields=named)


def _is_rate(text: str) -> bool:
    country, _, rate = text.partition(" ")
    if not _COUNTRY.fullmatch(country) or not _RATE.fullmatch(rate):
        return False
    try:
        return Decimal(rate) > 0
    except InvalidOperation:
        return False


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
