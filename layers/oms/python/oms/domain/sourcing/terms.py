"""The terms of a request under a policy: what each node may give, when, and what it adds to the objective.

The objective of a plan is a sum over its parcels and the lines in them, exact and in whole numbers:

    Σ parcels (fixed + freight by weight) + Σ lines in a parcel (piece + units × unit) − one extra parcel

Freight by weight is grams × (minor units per kg): thousandths of a minor unit, so nothing is rounded in it. Each term
is shifted left by `shift` bits, and the bits below hold the tie-break: fewer parcels, then nearer nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.frozen import frozen
from oms.domain.geo import distance_km, locate
from oms.domain.sourcing.dates import arrives, leaves
from oms.domain.sourcing.request import NodeTerms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oms.domain.sourcing.policy import SourcingPolicy
    from oms.domain.sourcing.request import Candidate, SourcingRequest, WantedLine, Zone

FAR_KM: Final = 20_038.0
"""Half the equator: stands for a distance nobody knows."""
MILLS: Final = 1000
"""Thousandths of a minor unit."""


@frozen(kw_only=False)
class Site:
    """A candidate that may be used, as seen from the customer."""

    node: Candidate
    km: float
    zone: Zone
    arrives: datetime
    abroad: bool


def sites(request: SourcingRequest) -> tuple[list[Site], dict[str, str], str]:
    """Sites that may be used, nearest first (ties by id); why others are not; where the destination came from."""
    there, located_by = locate(request.ship_to)
    zones = {zone.name: zone for zone in request.tariff}
    home = request.ship_to.country if request.ship_to else ""
    union = frozenset(request.union)
    found, excluded = [], {}
    kept: dict[tuple[int, int], datetime | None] = {}
    for node in request.candidates:
        why = node.excluded or _full(node)
        if why:
            excluded[node.node_id] = why
            continue
        key = (id(node.calendar), node.handling_days)
        if key not in kept:
            kept[key] = leaves(request.at, node.calendar, node.handling_days)
        leaving = kept[key]
        if leaving is None:
            excluded[node.node_id] = "closed"
            continue
        km = FAR_KM if there is None else distance_km((node.latitude, node.longitude), there)
        zone = zones[node.zone] if node.zone else zone_at(request.tariff, km)
        abroad = bool(home) and node.country != home and not (node.country in union and home in union)
        found.append(Site(node, km, zone, arrives(leaving, zone.transit_days), abroad))
    found.sort(key=lambda site: (site.km, site.node.node_id))
    return found, excluded, located_by


def _full(node: Candidate) -> str:
    if node.orders_left == 0 or node.units_left == 0:
        return "no capacity left today"
    return ""


def zone_at(tariff: Sequence[Zone], km: float) -> Zone:
    """The first zone that reaches so far, else the last."""
    for zone in tariff:
        if km <= zone.up_to_km:
            return zone
    return tariff[-1]


Cell = tuple[int, int, int, int]
"""What a site may give of a line: (site, units at most, objective per unit, objective once)."""


@frozen(kw_only=False)
class Limit:
    """These lines may have so many units together from a site: its capacity, or what it has of a SKU they share.

    A unit of a line counts as many as `weights` says, as the lines stand; empty when each counts once.
    """

    site: int
    lines: tuple[int, ...]
    most: int
    weights: tuple[int, ...] = ()


@frozen(kw_only=False)
class Curve:
    """Freight of a site by weight, where rates change with it: ((up to grams, objective per gram), …), the last 0."""

    rates: tuple[tuple[int, int], ...]

    def at(self, grams: int) -> int:
        """Freight of a parcel of this weight, without its base."""
        total = begun = 0
        for up_to, rate in self.rates:
            end = grams if not up_to or grams < up_to else up_to
            total += (end - begun) * rate
            begun = end
            if begun == grams:
                break
        return total


@frozen(kw_only=False)
class Model:
    """A request as numbers. Lines and sites are told by their place."""

    need: tuple[int, ...]
    grams: tuple[int, ...]
    fixed: tuple[int, ...]
    cells: tuple[tuple[Cell, ...], ...]
    limits: tuple[Limit, ...]
    curves: dict[int, Curve]
    """Sites whose freight is no line through the weights of this order; others have it in their cells."""
    split: bool
    most: int
    """Parcels at most."""
    shift: int
    first: int
    """What the first parcel is spared of `fixed`: the extra parcel's cost."""


def model(
    request: SourcingRequest, policy: SourcingPolicy, lines: Sequence[WantedLine], found: Sequence[Site]
) -> Model:
    """The terms of these lines at these sites (nearest first)."""
    weights = policy.weights
    rank = len(lines) * len(found) + 1
    """Tie-break: a parcel more is worse than anything that lines can add."""
    shift = (rank * len(found) + rank * len(found)).bit_length()
    weight = sum([line.grams * line.quantity for line in lines])
    money = weights.money * MILLS << shift
    fixed, curves = [], {}
    rows: list[list[Cell]] = [[] for _ in lines]
    wanted = [(row, line, frozenset(line.needs) if line.needs else None) for row, line in zip(rows, lines, strict=True)]
    split = policy.split_lines
    for place, site in enumerate(found):
        node, costs, zone = site.node, site.node.costs, site.zone
        metres = round(site.km * 1000)
        parcel = zone.base + costs.per_parcel + request.extra_parcel
        fixed.append(money * parcel + (weights.parcel + weights.reach * metres << shift) + rank)
        per_gram, curve = _rates(zone, weight, weights.money << shift)
        if curve is not None:
            curves[place] = curve
        piece = money * costs.per_line + (weights.piece + weights.carry * metres << shift) + place
        loaded = weights.load * node.load << shift
        able = node.capabilities
        for row, line, needs in wanted:
            have = line.able(node) if line.components else node.available.get(line.sku, 0)
            quantity = line.quantity
            if have < quantity:
                if not have or not split:
                    continue
                most = have
            else:
                most = quantity
            if needs and not needs.issubset(able):
                continue
            stock = _given_away(line, site) + (line.duty if site.abroad else 0)
            row.append((place, most, money * stock + loaded + per_gram * line.grams, piece))
    return Model(
        need=tuple([line.quantity for line in lines]),
        grams=tuple([line.grams for line in lines]),
        fixed=tuple(fixed),
        cells=tuple([tuple(row) for row in rows]),
        limits=_limits(lines, found),
        curves=curves,
        split=split,
        most=len(found) if policy.max_parcels is None else min(policy.max_parcels, len(found)),
        shift=shift,
        first=money * request.extra_parcel,
    )


def _rates(zone: Zone, weight: int, money: int) -> tuple[int, Curve | None]:
    """The objective per gram where one rate holds for parcels of up to this weight, else the curve."""
    if not zone.per_kg:
        return 0, None
    up_to, rate = zone.per_kg[0]
    if up_to and weight > up_to:
        return 0, Curve(tuple([(end, money * each) for end, each in zone.per_kg]))
    return money * rate, None


def _limits(lines: Sequence[WantedLine], found: Sequence[Site]) -> tuple[Limit, ...]:
    """Limits that these lines could meet."""
    by_sku: dict[str, dict[int, int]] = {}
    for place, line in enumerate(lines):
        for sku, units in line.each:
            by_sku.setdefault(sku, {})[place] = units
    total = sum([line.quantity for line in lines])
    shared = [(sku, tuple(weights), tuple(weights.values())) for sku, weights in by_sku.items() if len(weights) > 1]
    limits = []
    for place, site in enumerate(found):
        left = site.node.units_left
        if left is not None and left < total:
            limits.append(Limit(place, tuple(range(len(lines))), left))
        for sku, places, weights in shared:
            have = site.node.available.get(sku, 0)
            if have < sum([lines[each].quantity * units for each, units in zip(places, weights, strict=True)]):
                limits.append(Limit(place, places, have, weights if max(weights) > 1 else ()))
    return tuple(limits)


def _given_away(line: WantedLine, site: Site) -> int:
    """What giving one unit of a line away costs the site, apart from freight."""
    per_unit = site.node.costs.per_unit
    if not line.components:
        return per_unit.get(line.sku, 0)
    return sum([per_unit.get(sku, 0) * units for sku, units in line.each])


def node_terms(site: Site, place: int, given: Mapping[tuple[int, int], int], lines: Sequence[WantedLine]) -> NodeTerms:
    """What the parcel of one site costs in minor units, by kind."""
    costs = site.node.costs
    grams = duty = stock = count = 0
    for (line, at), units in given.items():
        if at == place:
            wanted = lines[line]
            count += 1
            grams += units * wanted.grams
            duty += units * wanted.duty if site.abroad else 0
            stock += units * _given_away(wanted, site)
    mills = Curve(site.zone.per_kg).at(grams)
    return NodeTerms(
        node_id=site.node.node_id,
        freight=site.zone.base + (mills * 2 + MILLS) // (2 * MILLS),
        handling=costs.per_parcel + costs.per_line * count,
        duty=duty,
        stock=stock,
    )
