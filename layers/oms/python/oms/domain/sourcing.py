"""Choosing nodes for lines: the nearest node that has all, else the fewest nodes, nearer ones first.

A line is sourced whole or waits whole; one SKU's line may be split over nodes only when no single node has it. Ties go
to the node id. The decision record holds every candidate, its distance, why it was left out, and what was chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from oms.domain.geo import distance_km, locate
from oms.domain.order.events import LineUnits, NodeUnits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from oms.domain.canonical import ShipTo

FAR_KM: Final = 20_038.0
"""Half the equator: stands for a distance nobody knows."""
MAX_CONSIDERED: Final = 12
"""Nodes considered together: 2^12 subsets at most."""
TRANSIT_DAYS: Final = ((300.0, 1), (1500.0, 3), (4000.0, 5), (FAR_KM, 8))
"""(up to km, days in transit): a carrier-free estimate until rates and services are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A node and what it can promise now, by SKU."""

    node_id: str
    country: str
    latitude: float
    longitude: float
    available: Mapping[str, int]
    handling_days: int = 1
    excluded: str = ""
    """Why it may not be used, empty when it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedLine:
    """Units of a SKU that want a node."""

    line_id: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcingRequest:
    """What is wanted, where it goes, who may ship it, and the instant of deciding."""

    lines: tuple[WantedLine, ...]
    ship_to: ShipTo | None
    candidates: tuple[Candidate, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcingPlan:
    """Units by node, lines that must wait, the date all planned units can be with the customer, and why."""

    units: tuple[NodeUnits, ...]
    short: tuple[LineUnits, ...]
    promised_by: datetime
    decision: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Near:
    node: Candidate
    km: float


def source(request: SourcingRequest) -> SourcingPlan:
    """The plan for `request`; the same request always gives the same plan."""
    there, located_by = locate(request.ship_to)
    near = sorted(
        (_Near(node, _distance(node, there)) for node in request.candidates if not node.excluded),
        key=lambda each: (each.km, each.node.node_id),
    )
    covered, short = _coverable(request.lines, [each.node for each in near])
    chosen = _fewest(covered, near)
    units = _assign(covered, chosen)
    used = {part.node_id for part in units}
    promised_by = request.at + timedelta(
        days=max(
            (each.node.handling_days + _transit_days(each.km) for each in chosen if each.node.node_id in used),
            default=0,
        )
    )
    decision = {
        "policy": "nearest-complete/1",
        "located_by": located_by,
        "candidates": [
            {"node": each.node.node_id, "km": round(each.km), "has_all": _has_all(covered, [each.node])}
            for each in near
        ],
        "excluded": {node.node_id: node.excluded for node in request.candidates if node.excluded},
        "chosen": sorted(used),
        "short": sorted({line.sku for line in short}),
    }
    waiting = tuple(LineUnits(line_id=line.line_id, quantity=line.quantity) for line in short)
    return SourcingPlan(units=units, short=waiting, promised_by=promised_by, decision=decision)


def _distance(node: Candidate, there: tuple[float, float] | None) -> float:
    return FAR_KM if there is None else distance_km((node.latitude, node.longitude), there)


def _transit_days(km: float) -> int:
    return next((days for limit, days in TRANSIT_DAYS if km <= limit), TRANSIT_DAYS[-1][1])


def _coverable(lines: Sequence[WantedLine], nodes: Sequence[Candidate]) -> tuple[list[WantedLine], list[WantedLine]]:
    """Lines that all nodes together can fill, taken in their order, and those that must wait."""
    left: dict[str, int] = {}
    covered: list[WantedLine] = []
    short: list[WantedLine] = []
    for line in lines:
        have = left.setdefault(line.sku, sum(node.available.get(line.sku, 0) for node in nodes))
        if have >= line.quantity:
            left[line.sku] = have - line.quantity
            covered.append(line)
        else:
            short.append(line)
    return covered, short


def _need(lines: Iterable[WantedLine]) -> dict[str, int]:
    need: dict[str, int] = {}
    for line in lines:
        need[line.sku] = need.get(line.sku, 0) + line.quantity
    return need


def _has_all(lines: Iterable[WantedLine], nodes: Sequence[Candidate]) -> bool:
    need = _need(lines)
    return all(sum(node.available.get(sku, 0) for node in nodes) >= units for sku, units in need.items())


def _fewest(lines: Sequence[WantedLine], near: Sequence[_Near]) -> list[_Near]:
    """The smallest set of nodes that fills the lines; among those the one of least total distance."""
    if not lines:
        return []
    skus = {line.sku for line in lines}
    useful = [each for each in near if any(each.node.available.get(sku, 0) for sku in skus)]
    for count in range(1, min(len(useful), MAX_CONSIDERED) + 1):
        sets = [
            each
            for each in combinations(useful[:MAX_CONSIDERED], count)
            if _has_all(lines, [member.node for member in each])
        ]
        if sets:
            return list(min(sets, key=lambda each: (sum(member.km for member in each), [m.node.node_id for m in each])))
    return useful


def _assign(lines: Sequence[WantedLine], chosen: Sequence[_Near]) -> tuple[NodeUnits, ...]:
    """Each line from one node where one has it whole, else from the nearest on."""
    left = {each.node.node_id: dict(each.node.available) for each in chosen}
    units: list[NodeUnits] = []
    for line in sorted(lines, key=lambda each: -each.quantity):
        whole = next((each for each in chosen if left[each.node.node_id].get(line.sku, 0) >= line.quantity), None)
        rest = line.quantity
        for each in [whole] if whole else chosen:
            have = left[each.node.node_id]
            here = min(rest, have.get(line.sku, 0))
            if here:
                have[line.sku] -= here
                rest -= here
                units.append(NodeUnits(line_id=line.line_id, sku=line.sku, node_id=each.node.node_id, quantity=here))
    return tuple(units)
