"""Rates of taxes as data: which of a merchant's rates a thing bears, where it goes and when.

A rate belongs to a *tax*, which a thing bears once: of the rates of one tax, the one for the narrowest place that it
goes to counts (the longest `postal_prefix`, then a `region`, then the country), so that the Canary Islands replace
Spain. Rates of different taxes add up: state, county and city; GST and PST. In that place, a class that has no rate of
its own bears the standard one; `zero` bears none.

`when` asks where it comes from: `within` the region it goes to (India's CGST and SGST), or `across` (IGST). `shipping`
says what shipping bears of the tax: as the `goods` it is for, in proportion; the `standard` rate; or `none`.

The policy `tax_rates` is {"places": {country: [region that has rates of its own]}}; `tax_rates/DE` and
`tax_rates/US-CA` are {"rates": [rate]}, of a country as a whole and of a region of it.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, fields, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import InvalidInputError
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

POLICY: Final = "tax_rates"
STANDARD: Final = "standard"
ZERO: Final = "zero"
KINDS: Final = ("vat", "sales", "gst", "consumption")
SHIPPING: Final = ("goods", "standard", "none")
WHEN: Final = ("", "within", "across")
MAX_RATES: Final = 2000
"""Of one place: they are one item of master data, and fit into it."""
_SHAPES: Final = {
    "country": re.compile(r"[A-Z]{2}", re.ASCII),
    "tax": re.compile(r"\S.{0,59}"),
    "rate": re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,6})?", re.ASCII),
    "kind": re.compile("|".join(KINDS)),
    "region": re.compile(r"[A-Z0-9 .'-]{0,40}", re.ASCII),
    "postal_prefix": re.compile(r"[A-Z0-9]{0,12}", re.ASCII),
    "tax_class": re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII),
    "jurisdiction": re.compile(r".{0,80}"),
    "shipping": re.compile("|".join(SHIPPING)),
    "when": re.compile("|".join(WHEN)),
}
_DAYS: Final = ("valid_from", "valid_to")


@frozen
class TaxRate:
    """One rate of one tax, for one class, in one place, for a time."""

    country: str
    tax: str
    """Its name: `VAT`, `CA state`, `GST`."""
    rate: str
    """In percent, exactly: `8.875`."""
    kind: str = "vat"
    region: str = ""
    postal_prefix: str = ""
    tax_class: str = STANDARD
    jurisdiction: str = ""
    """Who levies it, as it is shown."""
    valid_from: date | None = None
    valid_to: date | None = None
    """The last day."""
    shipping: str = "goods"
    when: str = ""

    @property
    def levied_by(self) -> str:
        """The jurisdiction; its place where it has no name."""
        return self.jurisdiction or "-".join(filter(None, (self.country, self.region, self.postal_prefix)))


@frozen
class TaxPlace:
    """Where a thing goes; `origin` is the region it comes from, of the same country, or ''."""

    country: str
    region: str = ""
    postal_code: str = ""
    origin: str = ""


def plain_region(country: str, region: str) -> str:
    """A region as it is compared: `us-ca` and ` CA ` of US are `CA`."""
    return region.strip().upper().removeprefix(f"{country}-")


def plain_postal_code(postal_code: str) -> str:
    """A postal code as its beginning is compared: letters and digits."""
    return "".join(each for each in postal_code.upper() if each.isalnum())


def rates_for(rates: Iterable[TaxRate], place: TaxPlace, tax_class: str, on: date) -> tuple[TaxRate, ...]:
    """One rate for each tax that a thing of this class bears, in the order in which the taxes are first named."""
    near: dict[str, list[TaxRate]] = {}
    for rate in rates:
        if _covers(rate, place, on):
            best = near.setdefault(rate.tax, [])
            if best and _narrow(rate) > _narrow(best[0]):
                best.clear()
            if not best or _narrow(rate) == _narrow(best[0]):
                best.append(rate)
    return tuple(found for each in near.values() if (found := _of_class(each, tax_class)) is not None)


def _covers(rate: TaxRate, place: TaxPlace, on: date) -> bool:
    within = bool(place.origin) and place.origin == place.region
    return (
        rate.country == place.country
        and rate.region in ("", place.region)
        and place.postal_code.startswith(rate.postal_prefix)
        and (rate.valid_from is None or rate.valid_from <= on)
        and (rate.valid_to is None or on <= rate.valid_to)
        and (not rate.when or (rate.when == "within") == within)
    )


def _narrow(rate: TaxRate) -> tuple[int, bool]:
    return len(rate.postal_prefix), bool(rate.region)


def _of_class(rates: Iterable[TaxRate], tax_class: str) -> TaxRate | None:
    known = {each.tax_class: each for each in rates}
    if tax_class not in known and tax_class == ZERO and STANDARD in known:
        return replace(known[STANDARD], rate="0", tax_class=ZERO)
    return known.get(tax_class) or known.get(STANDARD)


# ---------------------------------------------------------------- as they are kept


def policy_of(place: str) -> str:
    """The name under which a place's rates are kept."""
    return f"{POLICY}/{place}"


def read_rates(document: Mapping[str, Any]) -> tuple[TaxRate, ...]:
    """The rates of a place; raises InvalidInputError, naming the fields that cannot be what they are."""
    rows = document.get("rates", [])
    if not isinstance(rows, list) or len(rows) > MAX_RATES:
        raise InvalidInputError("rates of taxes are a list", limit=MAX_RATES)
    return tuple([read_rate(row) for row in rows])


def read_rate(row: Any) -> TaxRate:
    """A rate as it is kept: texts by field, defaults left out, days as `2026-01-31`. Raises InvalidInputError."""
    known = {each.name: each for each in fields(TaxRate)}
    if not isinstance(row, dict) or not row.keys() <= known.keys():
        raise InvalidInputError("a rate has other fields", fields=sorted(known))
    needed = {name for name, each in known.items() if each.default is MISSING}
    wrong = sorted(needed - row.keys())
    wrong += [each for each, shape in _SHAPES.items() if each in row and not _fits(shape, row[each])]
    days = {name: _day(row[name]) for name in _DAYS if name in row}
    wrong += [name for name, day in days.items() if day is None]
    first, last = (days.get(name) for name in _DAYS)
    if first and last and last < first:
        wrong.append("valid_to")
    if wrong:
        raise InvalidInputError(f"a rate's {', '.join(wrong)} cannot be that", fields=wrong)
    return TaxRate(**{**row, **days})


def _fits(shape: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and bool(shape.fullmatch(value))


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def by_place(rows: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every document that rows of a file become, by its name: the list of places is the last.

    Raises InvalidInputError, also for two rates of one class of one tax in one place at one time.
    """
    documents: dict[str, dict[str, Any]] = {}
    places: dict[str, list[str]] = {}
    for row in rows:
        rate = read_rate(row)
        regions = places.setdefault(rate.country, [])
        if rate.region and rate.region not in regions:
            regions.append(rate.region)
        place = f"{rate.country}-{rate.region}" if rate.region else rate.country
        documents.setdefault(policy_of(place), {"rates": []})["rates"].append(row)
    for document in documents.values():
        _check_apart(read_rates(document))
    return {**documents, POLICY: {"places": {each: sorted(regions) for each, regions in sorted(places.items())}}}


def _check_apart(rates: Iterable[TaxRate]) -> None:
    """No two of them say different things of the same."""
    found: dict[tuple[str, ...], list[TaxRate]] = {}
    for rate in rates:
        same = found.setdefault((rate.tax, rate.postal_prefix, rate.tax_class, rate.when), [])
        for other in same:
            first, second = sorted((rate, other), key=lambda each: each.valid_from or date.min)
            if (first.valid_to or date.max) >= (second.valid_from or date.min):
                raise InvalidInputError("two rates are for the same", tax=rate.tax, place=rate.levied_by)
        same.append(rate)
