"""What no plan can be made of is refused, by name: nothing is guessed, nothing passes silently."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from oms.domain.canonical import MAX_QUANTITY
from oms.domain.errors import (
    EmptyPolicyError,
    NaiveTimeError,
    SourcingInputError,
    SourcingRangeError,
    UnknownNodeError,
    UnknownSkuError,
)
from oms.domain.kits import MAX_PER_KIT
from oms.domain.sourcing.policy import Weights

if TYPE_CHECKING:
    from oms.domain.sourcing.policy import SourcingPolicy
    from oms.domain.sourcing.request import Calendar, Candidate, SourcingRequest, WantedLine, Zone

MAX_COST: Final = 10**9
"""Minor units of one cost; a plan of them all stays under `policy.OVER_MONEY`."""
MAX_UNITS: Final = 10**9
MAX_GRAMS: Final = 10**7
MAX_DAYS: Final = 365
MAX_WEIGHT: Final = 10**40
MAX_EFFORT: Final = 10**7
_CUT_OFF: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_WEIGHTS: Final = ("money", "parcel", "reach", "piece", "carry", "load")


def check_policy(policy: SourcingPolicy) -> None:
    """Raises EmptyPolicyError, SourcingRangeError."""
    if not isinstance(policy.name, str) or not policy.name or not isinstance(policy.weights, Weights):
        raise EmptyPolicyError("a policy has a name and weights")
    weights = [getattr(policy.weights, name) for name in _WEIGHTS]
    for name, weight in zip(_WEIGHTS, weights, strict=True):
        _whole(weight, 0, MAX_WEIGHT, f"weights.{name}")
    if not any(weights):
        raise EmptyPolicyError("a policy in which nothing counts decides nothing", policy=policy.name)
    _whole(policy.version, 1, 10**6, "version")
    _whole(policy.effort, 1, MAX_EFFORT, "effort")
    if policy.max_parcels is not None:
        _whole(policy.max_parcels, 1, MAX_QUANTITY, "max_parcels")


def check_node(node: Candidate) -> None:
    """A node by itself; raises a SourcingInputError."""
    _check_node(node, set(), frozenset())
    check_calendar(node.calendar, node.node_id)


def check_request(request: SourcingRequest) -> None:
    """Raises a SourcingInputError that says what is wrong, and where."""
    check_wanted(request)
    check_offered(request, {sku for line in request.lines for sku, _ in line.each})


def check_wanted(request: SourcingRequest) -> None:
    """The order by itself: lines, destination, promise; raises a SourcingInputError."""
    _aware(request.at, "at")
    if request.promise is not None:
        _aware(request.promise, "promise")
    if request.ship_to is not None:
        for degrees in (request.ship_to.latitude, request.ship_to.longitude):
            if degrees is not None:
                _finite(degrees, "ship_to")
    seen: set[str] = set()
    for line in request.lines:
        if line.line_id in seen:
            raise SourcingInputError("two lines of one id", line=line.line_id)
        seen.add(line.line_id)
        _check_line(line)


def check_offered(request: SourcingRequest, skus: set[str]) -> None:
    """Rates and nodes, with what these have of `skus`; raises a SourcingInputError."""
    _whole(request.extra_parcel, 0, MAX_COST, "extra_parcel")
    zones = check_tariff(request.tariff)
    nodes: set[str] = set()
    for node in request.candidates:
        if not node.node_id or node.node_id in nodes:
            raise UnknownNodeError("a node without an id, or twice", node=str(node.node_id))
        nodes.add(node.node_id)
        _check_node(node, skus, zones)
    calendars = {id(node.calendar): node for node in request.candidates}
    for node in calendars.values():
        check_calendar(node.calendar, node.node_id)


def _check_line(line: WantedLine) -> None:
    if not isinstance(line.sku, str) or not line.sku:
        raise UnknownSkuError("a line without a SKU", line=line.line_id)
    _whole(line.quantity, 1, MAX_QUANTITY, "quantity", line=line.line_id)
    _whole(line.grams, 0, MAX_GRAMS, "grams", line=line.line_id)
    _whole(line.duty, 0, MAX_COST, "duty", line=line.line_id)
    for each in line.components:
        if not isinstance(each.sku, str) or not each.sku:
            raise UnknownSkuError("a component without a SKU", line=line.line_id)
        _whole(each.units, 1, MAX_PER_KIT, "components", line=line.line_id)
    if len({each.sku for each in line.components}) != len(line.components):
        raise SourcingInputError("a component twice", line=line.line_id)


def _check_node(node: Candidate, skus: set[str], zones: frozenset[str]) -> None:
    name = node.node_id
    _finite(node.latitude, "latitude")
    _finite(node.longitude, "longitude")
    _whole(node.handling_days, 0, MAX_DAYS, "handling_days", node=name)
    for left in (node.units_left, node.orders_left):
        if left is not None:
            _whole(left, 0, MAX_UNITS, "capacity", node=name)
    if node.load:
        _whole(node.load, 0, 1000, "load", node=name)
    if node.zone and node.zone not in zones:
        raise SourcingInputError("a zone that the tariff does not have", node=name, zone=node.zone)
    available, costs = node.available, node.costs
    per_unit = costs.per_unit
    for sku in skus:  # most of all values there are: looked at before a call is made of it
        have, cost = available.get(sku, 0), per_unit.get(sku, 0)
        if type(have) is not int or not 0 <= have <= MAX_UNITS:
            _whole(have, 0, MAX_UNITS, "available", node=name, sku=sku)
        if type(cost) is not int or not 0 <= cost <= MAX_COST:
            _whole(cost, 0, MAX_COST, "per_unit", node=name, sku=sku)
    _whole(costs.per_parcel, 0, MAX_COST, "per_parcel", node=name)
    _whole(costs.per_line, 0, MAX_COST, "per_line", node=name)


def check_calendar(calendar: Calendar | None, node: str) -> None:
    """When a node hands over; raises a SourcingInputError."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if calendar is None:
        return
    try:
        ZoneInfo(calendar.time_zone)
        readable = _CUT_OFF.fullmatch(calendar.cut_off)
        for day in calendar.holidays:
            date.fromisoformat(day)
    except (ZoneInfoNotFoundError, TypeError, ValueError, OSError) as error:
        raise SourcingInputError("a calendar that cannot be read", node=node) from error
    if not readable:
        raise SourcingInputError("a cut-off time that is not HH:MM", node=node)
    for weekday in calendar.workdays:
        _whole(weekday, 0, 6, "workdays", node=node)


def check_tariff(tariff: tuple[Zone, ...]) -> frozenset[str]:
    """Its zones' names; raises a SourcingInputError."""
    if not tariff:
        raise SourcingInputError("a tariff without zones")
    before = -1.0
    for zone in tariff:
        _finite(zone.up_to_km, "up_to_km")
        if zone.up_to_km <= before:
            raise SourcingInputError("zones stand in ascending order", zone=zone.name)
        before = zone.up_to_km
        _whole(zone.base, 0, MAX_COST, "base", zone=zone.name)
        _whole(zone.transit_days, 0, MAX_DAYS, "transit_days", zone=zone.name)
        _check_rates(zone)
    names = frozenset([zone.name for zone in tariff])
    if len(names) != len(tariff) or "" in names:
        raise SourcingInputError("a zone without a name, or twice")
    return names


def _check_rates(zone: Zone) -> None:
    reached = 0
    for number, (up_to, rate) in enumerate(zone.per_kg, start=1):
        last = number == len(zone.per_kg)
        _whole(rate, 0, MAX_COST, "per_kg", zone=zone.name)
        _whole(up_to, 0, MAX_GRAMS * MAX_QUANTITY, "up_to_grams", zone=zone.name)
        if (up_to == 0) != last or (not last and up_to <= reached):
            raise SourcingInputError("rates ascend, and the last has no end", zone=zone.name)
        reached = up_to


def _whole(value: Any, least: int, most: int, what: str, **where: object) -> None:
    if type(value) is not int or not least <= value <= most:
        raise SourcingRangeError("not a whole number in range", what=what, value=repr(value)[:40], **where)


def _finite(value: Any, what: str) -> None:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise SourcingRangeError("not a finite number", what=what, value=repr(value)[:40])


def _aware(at: datetime, what: str) -> None:
    if at.tzinfo is None or at.utcoffset() is None:
        raise NaiveTimeError("a time without its zone", what=what)
