"""What would have been under another policy: past orders, each sourced again from what was known when it was decided.

Each order stands by itself, at the stock of its day: that other plans leave other stock for those that come after is
not followed. Per order five whole numbers, before and after:

    cost       minor units, by the scenario's rates
    parcels    nodes that send one
    late       1 when something waits, or comes after the date that the customer was told
    metres     from nodes to the customer, Σ parcels
    waiting    units without a node

A `Tally` has sums of them, of the differences, and of the squares of these: whole numbers, so that neither the order
of the orders nor how they are shared out among workers changes anything. Constant memory.

Intervals are those of the mean of paired differences (NIST/SEMATECH e-Handbook of Statistical Methods, 7.3.1.1):

    d̄ ± z √(s² / n),  s² = (Σd² − (Σd)² / n) / (n − 1)

with the normal quantile z, which Student's t meets for large n. They say how sure a mean is for orders like these,
drawn independently; not that next season's orders are like these.
"""

from __future__ import annotations

import math
from dataclasses import field
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Final

from oms.domain.codec import from_plain
from oms.domain.errors import RecordAlteredError, UnknownEventError, UnknownNodeError
from oms.domain.frozen import frozen
from oms.domain.geo import distance_km, locate
from oms.domain.order.events import NodeUnits
from oms.domain.sourcing.dates import arrives, leaves
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.policy import NEAREST_COMPLETE, SourcingPolicy
from oms.domain.sourcing.record import digest
from oms.domain.sourcing.request import ESTIMATE, NodeCosts, SourcingRequest, Zone
from oms.domain.sourcing.terms import FAR_KM, Site, node_terms, zone_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

CONFIDENCE: Final = 0.95
METRICS: Final = ("cost", "parcels", "late", "metres", "waiting")


@frozen
class Past:
    """An order as it was decided on. `units` is what was done, None when that is not known; `due` what was promised."""

    request: SourcingRequest
    units: tuple[NodeUnits, ...] | None = None
    due: datetime | None = None


@frozen
class Scenario:
    """The policy to try. `before` is what stands in for what was done where that is not known.

    The rest is for orders out of the log, which holds no rates: both plans are priced by these. `grams` by SKU, `costs`
    by node.
    """

    policy: SourcingPolicy
    before: SourcingPolicy = NEAREST_COMPLETE
    tariff: tuple[Zone, ...] = ESTIMATE
    extra_parcel: int = 0
    union: tuple[str, ...] = ()
    grams: dict[str, int] = field(default_factory=dict)
    costs: dict[str, NodeCosts] = field(default_factory=dict)


@frozen(kw_only=False)
class Figures:
    """Of one order under one policy; see the module."""

    cost: int
    parcels: int
    late: int
    metres: int
    waiting: int


class Tally:
    """Sums over orders; `add` as they come, `merge` what another worker has."""

    __slots__ = ("changed", "orders", "sums")

    def __init__(self) -> None:
        self.orders = 0
        self.changed = 0
        """Orders of which some unit comes from another node."""
        self.sums = {name: [0] * 4 for name in METRICS}
        """Before, after, after less before, and the square of this."""

    def add(self, before: Figures, after: Figures, *, changed: bool) -> None:
        """One order more."""
        self.orders += 1
        self.changed += changed
        for name in METRICS:
            was, now = getattr(before, name), getattr(after, name)
            change = now - was
            kept = self.sums[name]
            for place, more in enumerate((was, now, change, change * change)):
                kept[place] += more

    def merge(self, other: Tally) -> None:
        """Those of `other` too."""
        self.orders += other.orders
        self.changed += other.changed
        for name, more in other.sums.items():
            self.sums[name] = [mine + theirs for mine, theirs in zip(self.sums[name], more, strict=True)]

    def report(self, confidence: float = CONFIDENCE) -> dict[str, Any]:
        """{'orders', 'changed', 'confidence', metric: {'before', 'after', 'change': sums, 'mean', 'low', 'high'}}.

        `mean` is the change per order, `low` and `high` its interval, None for fewer than two orders.
        """
        told: dict[str, Any] = {"orders": self.orders, "changed": self.changed, "confidence": confidence}
        for name in METRICS:
            before, after, change, squared = self.sums[name]
            mean, half = interval(self.orders, change, squared, confidence)
            told[name] = {
                "before": before,
                "after": after,
                "change": change,
                "mean": mean,
                "low": None if mean is None or half is None else mean - half,
                "high": None if mean is None or half is None else mean + half,
            }
        return told


def interval(count: int, total: int, squares: int, confidence: float) -> tuple[float | None, float | None]:
    """Mean, and half of the width of its interval, from exact sums."""
    if not count:
        return None, None
    if count == 1:
        return float(total), None
    spread = (count * squares - total * total) / (count * (count - 1))
    return total / count, NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt(spread / count)


def replay(pasts: Iterable[Past], scenario: Scenario) -> Tally:
    """Every order under the scenario, against what was done."""
    tally = Tally()
    for past in pasts:
        units = source(past.request, scenario.policy).units
        was = source(past.request, scenario.before).units if past.units is None else past.units
        after = weigh(past, units)
        before = after if was == units else weigh(past, was)
        tally.add(before, after, changed=_given(was) != _given(units))
    return tally


def _given(units: Sequence[NodeUnits]) -> dict[tuple[str, str], int]:
    given: dict[tuple[str, str], int] = {}
    for part in units:
        given[part.line_id, part.node_id] = given.get((part.line_id, part.node_id), 0) + part.quantity
    return given


def weigh(past: Past, units: Sequence[NodeUnits]) -> Figures:
    """What these units cost, and the rest of it. Raises UnknownNodeError for a node that the request does not have."""
    request = past.request
    places = {line.line_id: place for place, line in enumerate(request.lines)}
    numbers = {node: number for number, node in enumerate(dict.fromkeys([part.node_id for part in units]))}
    given = {(places[line], numbers[node]): count for (line, node), count in _given(units).items() if line in places}
    waiting = sum([line.quantity for line in request.lines]) - sum(given.values())
    cost, metres, late = request.extra_parcel * max(0, len(numbers) - 1), 0, waiting > 0
    nodes = {node.node_id: node for node in request.candidates if node.node_id in numbers}
    there, _ = locate(request.ship_to)
    for node_id, number in numbers.items():
        node = nodes.get(node_id)
        if node is None:
            raise UnknownNodeError("units from a node that was no candidate", node=node_id)
        km = FAR_KM if there is None else distance_km((node.latitude, node.longitude), there)
        zone = next((zone for zone in request.tariff if zone.name == node.zone), None) or zone_at(request.tariff, km)
        home = request.ship_to.country if request.ship_to else ""
        abroad = bool(home) and node.country != home and not {node.country, home} <= set(request.union)
        leaving = leaves(request.at, node.calendar, node.handling_days)
        there_at = arrives(leaving, zone.transit_days) if leaving else None
        terms = node_terms(Site(node, km, zone, there_at or request.at, abroad), number, given, request.lines)
        cost += terms.freight + terms.handling + terms.duty + terms.stock
        metres += round(km * 1000)
        late = late or there_at is None or (past.due is not None and there_at > past.due)
    return Figures(cost, len(numbers), int(late), metres, waiting)


def past_of(kept: Mapping[str, Any]) -> Past:
    """The order of a decision record (`record.py`), with what was done. Raises RecordAlteredError."""
    try:
        if digest(kept["inputs"]) != kept["digest"]:
            raise RecordAlteredError("the inputs are not those of the digest")
        request: SourcingRequest = from_plain(SourcingRequest, kept["inputs"]["request"])
        units = tuple([from_plain(NodeUnits, part) for part in kept["outcome"]["units"]])
    except (KeyError, TypeError, UnknownEventError) as error:
        raise RecordAlteredError("not a decision record") from error
    return Past(request=request, units=units, due=request.promise)
