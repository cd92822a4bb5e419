"""What a plan costs and whether it may be, worked out from the request alone: no code of the engine.

Weights are spelled out by docs/sourcing.md; the two agree or one of them is wrong.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from oms.domain.geo import CENTROIDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.sourcing.policy import SourcingPolicy
    from oms.domain.sourcing.request import Candidate, SourcingRequest, WantedLine, Zone

Units = "Mapping[tuple[str, str], int]"
"""(line id, node id) to units."""


@dataclass(frozen=True)
class Verdict:
    """`problems` is empty for a plan that may be. `money` is exact minor units; `arrives` is None without parcels."""

    problems: tuple[str, ...]
    money: Fraction
    objective: Fraction
    parcels: int
    arrives: datetime | None


def evaluate(request: SourcingRequest, policy: SourcingPolicy, units: Mapping[tuple[str, str], int]) -> Verdict:
    """Of these units; lines that are not named wait."""
    lines = {line.line_id: line for line in request.lines}
    nodes = {node.node_id: node for node in request.candidates}
    given = {key: count for key, count in units.items() if count}
    used = sorted({node_id for _, node_id in given})
    money = Fraction(request.extra_parcel * max(0, len(used) - 1))
    other = 0
    arrivals = []
    for node_id in used:
        node = nodes[node_id]
        km = kilometres(request, node)
        zone = zone_of(request, node, km)
        own = {lines[line_id]: count for (line_id, at), count in given.items() if at == node_id}
        grams = sum(line.grams * count for line, count in own.items())
        money += zone.base + node.costs.per_parcel + freight(zone, grams)
        other += policy.weights.parcel + policy.weights.reach * round(km * 1000)
        for line, count in own.items():
            money += node.costs.per_line
            money += sum(node.costs.per_unit.get(sku, 0) * units * count for sku, units in goods(line))
            money += line.duty * count if crosses(request, node) else 0
            other += policy.weights.piece + policy.weights.carry * round(km * 1000)
            other += policy.weights.load * node.load * count
        leaving = departure(request.at, node)
        if leaving is not None:
            arrivals.append((leaving + timedelta(days=zone.transit_days)).astimezone(UTC))
    return Verdict(
        problems=tuple(problems(request, policy, given)),
        money=money,
        objective=policy.weights.money * money * 1000 + other,
        parcels=len(used),
        arrives=max(arrivals, default=None),
    )


def problems(request: SourcingRequest, policy: SourcingPolicy, given: Mapping[tuple[str, str], int]) -> list[str]:
    """Every rule that these units break."""
    lines = {line.line_id: line for line in request.lines}
    nodes = {node.node_id: node for node in request.candidates}
    found = [f"{count} of {key}" for key, count in given.items() if count < 0]
    found += [
        f"{at} cannot handle {line}" for line, at in given if set(lines[line].needs) - set(nodes[at].capabilities)
    ]
    for line_id in {line_id for line_id, _ in given}:
        parts = [count for (each, _), count in given.items() if each == line_id]
        if sum(parts) != lines[line_id].quantity:
            found.append(f"{line_id} is not whole")
        if len(parts) > 1 and not policy.split_lines:
            found.append(f"{line_id} is split")
    for node_id in {node_id for _, node_id in given}:
        here = {lines[line_id]: count for (line_id, at), count in given.items() if at == node_id}
        found += _node_problems(request, nodes[node_id], here)
    if policy.max_parcels is not None and len({node_id for _, node_id in given}) > policy.max_parcels:
        found.append("too many parcels")
    return found


def _node_problems(request: SourcingRequest, node: Candidate, here: Mapping[WantedLine, int]) -> list[str]:
    found = []
    if node.excluded or node.orders_left == 0 or departure(request.at, node) is None:
        found.append(f"{node.node_id} may not be used")
    if node.units_left is not None and sum(here.values()) > node.units_left:
        found.append(f"{node.node_id} is over its capacity")
    asked: Counter[str] = Counter()
    for line, count in here.items():
        for sku, units in goods(line):
            asked[sku] += units * count
    found += [f"{node.node_id} lacks {sku}" for sku, count in asked.items() if count > node.available.get(sku, 0)]
    return found


def goods(line: WantedLine) -> list[tuple[str, int]]:
    """What a unit of the line takes from a shelf: itself, or of a kit each component so often."""
    return [(each.sku, each.units) for each in line.components] or [(line.sku, 1)]


def kilometres(request: SourcingRequest, node: Candidate) -> float:
    """Great-circle distance to the customer; half the equator when nobody knows."""
    there = request.ship_to
    if there is None:
        return 20_038.0
    if there.latitude is not None and there.longitude is not None:
        latitude, longitude = there.latitude, there.longitude
    elif there.country in CENTROIDS:
        latitude, longitude = CENTROIDS[there.country]
    else:
        return 20_038.0
    one, other = math.radians(node.latitude), math.radians(latitude)
    across = math.radians(longitude - node.longitude)
    half = math.sin((other - one) / 2) ** 2 + math.cos(one) * math.cos(other) * math.sin(across / 2) ** 2
    return 2 * 6371.0088 * math.asin(min(1.0, math.sqrt(half)))


def zone_of(request: SourcingRequest, node: Candidate, km: float) -> Zone:
    """The zone that a node names, else the first that reaches as far."""
    if node.zone:
        return next(zone for zone in request.tariff if zone.name == node.zone)
    return next((zone for zone in request.tariff if km <= zone.up_to_km), request.tariff[-1])


def freight(zone: Zone, grams: int) -> Fraction:
    """By weight, without the base: each gram at the rate of its bracket."""
    total = Fraction(0)
    begun = 0
    for up_to, rate in zone.per_kg:
        end = up_to or grams
        total += Fraction(max(0, min(end, grams) - begun) * rate, 1000)
        begun = end
    return total


def crosses(request: SourcingRequest, node: Candidate) -> bool:
    """Whether duty is due between the node and the customer."""
    if request.ship_to is None or request.ship_to.country == node.country:
        return False
    return not {request.ship_to.country, node.country} <= set(request.union)


def departure(at: datetime, node: Candidate) -> datetime | None:
    """When a parcel leaves the node: counted day by day."""
    calendar = node.calendar
    if calendar is None:
        return at + timedelta(days=node.handling_days)
    here = at.astimezone(ZoneInfo(calendar.time_zone))
    hour, minute = (int(part) for part in calendar.cut_off.split(":"))
    late = (here.hour, here.minute, here.second, here.microsecond) > (hour, minute, 0, 0)
    days = [here.date() + timedelta(days=number) for number in range(int(late), 400 + 8 * node.handling_days)]
    working = [day for day in days if day.weekday() in calendar.workdays and str(day) not in calendar.holidays]
    if len(working) <= node.handling_days:
        return None
    day = working[node.handling_days]
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(calendar.time_zone))
