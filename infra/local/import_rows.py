"""Rows of the files that `make import` reads: columns, what each may hold, and what it becomes."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any, Final

from infra.local import import_taxes
from oms.adapters.gazetteer import PackagedGazetteer
from oms.domain.entities import read_entities
from oms.domain.errors import OmsError, SourcingInputError
from oms.domain.kits import MAX_COMPONENTS, MAX_PER_KIT, kit_problems
from oms.domain.lots import day
from oms.domain.money import to_minor
from oms.domain.movements import MovementKind, ReasonCode
from oms.domain.offers import segment_named
from oms.domain.places import COUNTRY, find_place
from oms.domain.pools import read_pools
from oms.domain.segments import SEPARATOR
from oms.domain.sourcing.check import check_calendar, check_tariff
from oms.domain.sourcing.network import read_tariff
from oms.domain.sourcing.request import Calendar
from oms.domain.stock import StockMovement, check_movement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

COLUMNS: Final = {
    "products": ("sku", "title", "weight_g", "length_mm", "width_mm", "height_mm"),
    "nodes": ("node_id", "name", "country", "handling_days"),
    "tariff": ("zone", "up_to_km", "transit_days", "base"),
    "stock": ("sku", "node_id", "quantity"),
    "buffers": ("sku", "node_id", "channel", "units"),
    "pools": ("pool", "channel"),
    "entities": ("entity_id", "series", "name", "country"),
    import_taxes.KIND: import_taxes.COLUMNS,
}
OTHERS: Final = {
    "products": ("needs", "duty", "components", "list_prices", "serials", "tax_class", "category"),
    "nodes": ("latitude", "longitude", "postal_code", "region", "city", "street", "active"),
    "stock": ("kind", "code", "to_node_id", "reason", "pool", "lot", "best_before"),
    "pools": ("account", "until", "only"),
    "entities": (
        *("address", "tax_ids", "channels", "countries", "rates", "notes"),
        *("rounding", "digits", "time_zone", "region"),
    ),
    import_taxes.KIND: import_taxes.OTHERS,
}
"""Columns that may be left out; docs/sourcing.md has more. A node has coordinates, or a postal code or a city."""
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_COST: Final = 10**9
_CAPABILITY: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
MAX_SKU: Final = 200
_GAZETTEER: Final = PackagedGazetteer()


class RowError(ValueError):
    """What is wrong with a row."""


def _whole(row: dict[str, str], name: str, low: int, high: int) -> int:
    text = (row.get(name) or "").strip()
    try:
        value = int(text)
    except ValueError:
        raise RowError(f"{name} is not a whole number: {text[:20]!r}") from None
    if not low <= value <= high:
        raise RowError(f"{name} must be {low} to {high}")
    return value


def _degrees(row: dict[str, str], name: str, limit: float) -> float:
    try:
        value = float(row.get(name) or "")
    except ValueError:
        raise RowError(f"{name} is not a number") from None
    if not -limit <= value <= limit:
        raise RowError(f"{name} must lie between -{limit:g} and {limit:g}")
    return value


def _text(row: dict[str, str], name: str, most: int = MAX_SKU) -> str:
    text = (row.get(name) or "").strip()
    if not 0 < len(text) <= most:
        raise RowError(f"{name} must have 1 to {most} characters")
    return text


def _optional(row: dict[str, str], name: str, low: int, high: int) -> dict[str, int]:
    """The number under its name; nothing when the column is not there or empty."""
    return {name: _whole(row, name, low, high)} if (row.get(name) or "").strip() else {}


def _words(row: dict[str, str], name: str) -> list[str]:
    """Words between `|`."""
    return [word.strip() for word in (row.get(name) or "").split("|") if word.strip()]


def _capabilities(row: dict[str, str], name: str) -> dict[str, list[str]]:
    words = _words(row, name)
    if wrong := [word for word in words if not _CAPABILITY.fullmatch(word)]:
        raise RowError(f"{name} are small letters, digits and _: {wrong[0][:40]!r}")
    return {name: sorted(set(words))} if words else {}


def read_product(row: dict[str, str]) -> dict[str, Any]:
    """A product; weight in grams, dimensions in millimetres; `needs` between `|`; duty in minor units per unit.

    One with `components` is a kit, and has no stock of its own.
    """
    sizes = {name: _whole(row, name, 0, 10_000_000) for name in COLUMNS["products"][2:]}
    more = {**_capabilities(row, "needs"), **_optional(row, "duty", 0, MAX_COST), **_components(row), **_prices(row)}
    more |= {**_serials(row), **_tax_class(row)}
    if (row.get("category") or "").strip():
        more["category"] = _text(row, "category")
    if "components" in more and "serials" in more:
        raise RowError("a kit has no serial numbers: its components have")
    return {"sku": _text(row, "sku"), "title": _text(row, "title", 500), **sizes, **more}


def _tax_class(row: dict[str, str]) -> dict[str, str]:
    """What rates of taxes call it."""
    told = (row.get("tax_class") or "").strip()
    if told and not _CAPABILITY.fullmatch(told):
        raise RowError(f"tax_class has small letters, digits and _: {told[:40]!r}")
    return {"tax_class": told} if told else {}


def _serials(row: dict[str, str]) -> dict[str, bool]:
    """`true` where each unit has a serial number of its own."""
    told = (row.get("serials") or "").strip().lower()
    if told not in ("", "true", "false"):
        raise RowError(f"serials is true or false: {told[:20]!r}")
    return {"serials": True} if told == "true" else {}


def _prices(row: dict[str, str]) -> dict[str, Any]:
    """`EUR 19.90|USD 21.00`: what a unit costs by the list, once for each currency."""
    prices: dict[str, int] = {}
    for word in _words(row, "list_prices"):
        currency, _, amount = word.partition(" ")
        try:
            price = to_minor(amount.strip(), currency)
        except OmsError as error:
            raise RowError(f"list_prices are amounts like EUR 19.90|JPY 2000: {word[:40]!r}") from error
        if currency in prices or price < 0:
            raise RowError(f"list_prices have one amount of 0 or more for each currency: {word[:40]!r}")
        prices[currency] = price
    return {"list_prices": prices} if prices else {}


def _components(row: dict[str, str]) -> dict[str, Any]:
    """`SKU:units|SKU:units`, units of each in one kit; a SKU may have colons of its own."""
    parts: dict[str, int] = {}
    for word in _words(row, "components"):
        sku, _, units = word.rpartition(":")
        if not 0 < len(sku) <= MAX_SKU or not (units.isascii() and units.isdecimal()) or len(units) > len("1000"):
            raise RowError(f"components are SKU:units|SKU:units: {word[:40]!r}")
        if sku in parts or not 1 <= int(units) <= MAX_PER_KIT:
            raise RowError(f"components are named once, with 1 to {MAX_PER_KIT} units of each: {word[:40]!r}")
        parts[sku] = int(units)
    if len(parts) > MAX_COMPONENTS:
        raise RowError(f"a kit has {MAX_COMPONENTS} components at most")
    return {"components": parts} if parts else {}


def read_node(row: dict[str, str]) -> dict[str, Any]:
    """A node; costs in minor units. What is left out has its default, so that files of fewer columns go on working.

    One without coordinates is found as a destination is, but for the middle of its country.
    """
    country = _text(row, "country", 2).upper()
    node_id = _text(row, "node_id", 60)
    if SEPARATOR in node_id:
        raise RowError(f"node_id has no {SEPARATOR}")
    node = {
        "node_id": node_id,
        "name": _text(row, "name"),
        "country": country,
        **_located(row, country),
        "handling_days": _whole(row, "handling_days", 0, 60),
        "active": (row.get("active") or "true").strip().lower() != "false",
        **_capabilities(row, "capabilities"),
        **_calendar(row),
        **_optional(row, "daily_orders", 0, 10**6),
        **({"zone": row["zone"].strip()} if (row.get("zone") or "").strip() else {}),
        **({"street": _text(row, "street")} if (row.get("street") or "").strip() else {}),
    }
    for name in ("per_parcel", "per_line", "per_unit"):
        node |= _optional(row, name, 0, MAX_COST)
    return node


def _calendar(row: dict[str, str]) -> dict[str, Any]:
    """When it hands over: all of it in the node's time zone, and nothing of it without one."""
    named = {name: (row.get(name) or "").strip() for name in ("time_zone", "cut_off", "workdays", "holidays")}
    if not named["time_zone"]:
        if any(named.values()):
            raise RowError("cut_off, workdays and holidays need a time_zone")
        return {}
    days = _words(row, "workdays") or list(WEEKDAYS[:5])
    if wrong := [day for day in days if day not in WEEKDAYS]:
        raise RowError(f"workdays are {'|'.join(WEEKDAYS)}: {wrong[0][:20]!r}")
    calendar: dict[str, Any] = {
        "time_zone": named["time_zone"],
        "cut_off": named["cut_off"] or "15:00",
        "workdays": sorted({WEEKDAYS.index(day) for day in days}),
        "holidays": sorted(set(_words(row, "holidays"))),
    }
    made = Calendar(
        time_zone=calendar["time_zone"],
        cut_off=calendar["cut_off"],
        workdays=tuple(calendar["workdays"]),
        holidays=tuple(calendar["holidays"]),
    )
    try:
        check_calendar(made, "")
    except SourcingInputError as error:
        raise RowError(str(error)) from None
    return calendar


def read_rate(row: dict[str, str]) -> dict[str, Any]:
    """A line of the tariff: a zone, or one more bracket of the zone above it; `per_kg` minor units up to `up_to_g`."""
    bracket: dict[str, Any] = {}
    if (row.get("per_kg") or "").strip():
        up_to = _optional(row, "up_to_g", 1, 10**7).get("up_to_g", 0)
        bracket = {"per_kg": [up_to, _whole(row, "per_kg", 0, MAX_COST)]}
    return {
        "zone": _text(row, "zone", 60),
        "up_to_km": _whole(row, "up_to_km", 1, 21_000),
        "transit_days": _whole(row, "transit_days", 0, 365),
        "base": _whole(row, "base", 0, MAX_COST),
        **_optional(row, "price", 0, MAX_COST),
        **bracket,
    }


def tariff_of(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The tariff's document; raises RowError when zones or brackets do not ascend."""
    zones: dict[str, dict[str, Any]] = {}
    for row in rows:
        told = {"name": row["zone"], **{name: row.get(name) for name in ("up_to_km", "transit_days", "base", "price")}}
        zone = zones.setdefault(row["zone"], {**told, "per_kg": []})
        if any(zone[name] != value for name, value in told.items()):
            raise RowError(f"zone {row['zone']} is told in two ways")
        zone["per_kg"] += [row["per_kg"]] if "per_kg" in row else []
    document = {"zones": [{name: each for name, each in zone.items() if each is not None} for zone in zones.values()]}
    try:
        check_tariff(read_tariff(document))
    except SourcingInputError as error:
        raise RowError(f"{error}: {error.context.get('zone', '')}") from None
    return document


def _located(row: dict[str, str], country: str) -> dict[str, Any]:
    told = {name: (row.get(name) or "").strip() for name in ("postal_code", "region", "city")}
    if (row.get("latitude") or row.get("longitude") or "").strip() or not (told["postal_code"] or told["city"]):
        return {"latitude": _degrees(row, "latitude", 90), "longitude": _degrees(row, "longitude", 180)}
    found = find_place(country, **told, look=_GAZETTEER)
    if found is None or found[1] == COUNTRY:
        raise RowError("neither the postal code nor the city is known: latitude and longitude are needed")
    (latitude, longitude), by = found
    return {"latitude": latitude, "longitude": longitude, "located_by": by}


def read_movement(row: dict[str, str]) -> dict[str, Any]:
    """A stock movement; a receipt unless `kind` says otherwise. All but SKU, node and quantity may be left out."""
    kind = (row.get("kind") or "receipt").strip()
    if kind not in set(MovementKind):
        raise RowError(f"kind must be one of {', '.join(MovementKind)}")
    code = (row.get("code") or "unspecified").strip()
    if code not in set(ReasonCode):
        raise RowError(f"code must be one of {', '.join(ReasonCode)}")
    pool, lot, best_before = [(row.get(name) or "").strip() for name in ("pool", "lot", "best_before")]
    try:
        movement = StockMovement(
            sku=_text(row, "sku"),
            node_id=_text(row, "node_id", 60),
            kind=MovementKind(kind),
            quantity=_whole(row, "quantity", -(10**9), 10**9),
            reason=(row.get("reason") or "import").strip()[:500],
            code=ReasonCode(code),
            to_node_id=(row.get("to_node_id") or "").strip(),
            segment=segment_named(pool, lot, day(best_before)),
        )
        check_movement(movement)
    except OmsError as error:
        raise RowError(str(error)) from None
    return {"movement": movement}


def read_buffer(row: dict[str, str]) -> dict[str, Any]:
    """A channel's buffer; `*` stands for all."""
    names = {name: _text(row, name) for name in COLUMNS["buffers"][:3]}
    return {**names, "units": _whole(row, "units", 0, 10**9)}


def read_pool(row: dict[str, str]) -> dict[str, Any]:
    """Who may draw from a pool; `*` stands for all."""
    names = {name: _text(row, name) for name in COLUMNS["pools"]}
    told = {name: row[name].strip() for name in ("account", "until") if (row.get(name) or "").strip()}
    rule = {**names, **told, **({"only": True} if (row.get("only") or "").strip().lower() == "true" else {})}
    try:
        read_pools({"rules": [rule]})
    except OmsError as error:
        raise RowError(str(error)) from None
    return rule


def read_entity(row: dict[str, str]) -> dict[str, Any]:
    """A legal entity; lists between `|`."""
    lists, texts = OTHERS["entities"][:6], (*COLUMNS["entities"], *OTHERS["entities"][6:])
    entity: dict[str, Any] = {name: row[name].strip() for name in texts if (row.get(name) or "").strip()}
    entity |= {name: words for name in lists if (words := _words(row, name))}
    try:
        read_entities({"rules": [entity]})
    except OmsError as error:
        raise RowError(str(error)) from None
    return entity


def read_tax_rate(row: dict[str, str]) -> dict[str, Any]:
    """A rate of a tax."""
    try:
        return import_taxes.read_tax_rate(row)
    except OmsError as error:
        raise RowError(str(error)) from None


READERS: Final[dict[str, Callable[[dict[str, str]], dict[str, Any]]]] = {
    "products": read_product,
    "nodes": read_node,
    "tariff": read_rate,
    "stock": read_movement,
    "buffers": read_buffer,
    "pools": read_pool,
    "entities": read_entity,
    import_taxes.KIND: read_tax_rate,
}


def read_rows(kind: str, lines: Iterable[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """(rows, problems by line)."""
    reader = csv.DictReader(lines)
    missing = set(COLUMNS[kind]) - set(reader.fieldnames or ())
    if missing:
        return [], [f"line 1: columns are missing: {', '.join(sorted(missing))}"]
    rows: list[dict[str, Any]] = []
    problems: list[str] = []
    for row in reader:
        try:
            rows.append(READERS[kind](row))
        except RowError as problem:
            problems.append(f"line {reader.line_num}: {problem}")
    if kind == "products" and not problems:
        problems += [f"{sku}: {problem}" for sku, problem in kit_problems(kits(rows), {})]
    if kind == "tariff" and not problems:
        try:
            tariff_of(rows)
        except RowError as problem:
            problems.append(str(problem))
    if kind == import_taxes.KIND and not problems:
        problems += import_taxes.problems_of(rows)
    return rows, problems


def kits(rows: Iterable[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Those of the products that are kits: their components."""
    return {row["sku"]: row["components"] for row in rows if "components" in row}
