"""Nodes, freight and products as reference data: read into what the engine takes.

A row that lacks a field has its default, so that rows of an earlier import go on working. A node whose row cannot be
read is not used, and says so: it must not stop the others.

    node     node_id, country, latitude, longitude, handling_days, active; and if there: capabilities, time_zone,
             cut_off, workdays, holidays, daily_orders, per_parcel, per_line, per_unit, zone
    tariff   {"zones": [{"name", "up_to_km", "transit_days", "base", "per_kg": [[up to grams, minor units], …],
             "price"}]}
    product  sku, weight_g, needs, duty
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import SourcingInputError
from oms.domain.frozen import frozen
from oms.domain.sourcing.request import DAY_OPEN, ESTIMATE, FREE, Calendar, Candidate, NodeCosts, Zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

UNREADABLE: Final = "its reference data cannot be read"
NO_ZONE: Final = "the tariff does not have its zone"
FULL: Final = 1000
"""A load, in thousandths."""


@frozen
class Product:
    """What sourcing needs of a product: grams, capabilities a node must have, duty per unit over a border."""

    grams: int = 0
    needs: tuple[str, ...] = ()
    duty: int = 0

    def made_of(self, parts: Iterable[tuple[Product, int]]) -> Product:
        """A kit of so many units of each: what is not said of the kit itself is their sum; it needs what they need."""
        told = list(parts)
        return Product(
            grams=self.grams or sum(part.grams * units for part, units in told),
            needs=tuple(dict.fromkeys((*self.needs, *(need for part, _ in told for need in part.needs)))),
            duty=self.duty or sum(part.duty * units for part, units in told),
        )


PLAIN: Final = Product()


@frozen
class KnownNode:
    """A node as a candidate that has nothing yet; `per_unit` is what giving any unit away costs.

    `daily_orders` is the most fulfillment orders that may be open there at once, None without limit.
    """

    candidate: Candidate
    per_unit: int = 0
    daily_orders: int | None = None

    def having(self, available: Mapping[str, int], open_orders: int = 0) -> Candidate:
        """The candidate with what it has, and what of its day is left."""
        costs = self.candidate.costs
        if self.per_unit:
            costs = replace(costs, per_unit=dict.fromkeys(available, self.per_unit))
        changed: dict[str, Any] = {"available": available, "costs": costs}
        if self.daily_orders is not None:
            changed["orders_left"] = max(0, self.daily_orders - open_orders)
            changed["load"] = min(FULL, open_orders * FULL // self.daily_orders) if self.daily_orders else FULL
        return replace(self.candidate, **changed)


@frozen
class Network:
    """All nodes and the freight table. `network_id` names their content: the same data has the same id."""

    network_id: str
    nodes: tuple[KnownNode, ...]
    tariff: tuple[Zone, ...]
    prices: Mapping[str, int] = field(default_factory=dict)
    """What a customer is asked for a delivery out of a zone, in minor units, of zones that say so. Decides nothing."""

    @property
    def has_capabilities(self) -> bool:
        """Some node says what it can handle: until then nobody is asked for it."""
        return any(known.candidate.capabilities for known in self.nodes)

    def limited(self) -> tuple[str, ...]:
        """Nodes of which the open work has to be known."""
        return tuple(
            known.candidate.node_id
            for known in self.nodes
            if known.daily_orders is not None and not known.candidate.excluded
        )

    def candidates(
        self, available: Mapping[str, Mapping[str, int]], open_orders: Mapping[str, int] | None = None
    ) -> tuple[Candidate, ...]:
        """Every node as a candidate; `available` is by node and SKU, `open_orders` by node."""
        opened = open_orders or {}
        return tuple(
            known.having(available.get(known.candidate.node_id, {}), opened.get(known.candidate.node_id, 0))
            for known in self.nodes
        )


def read_network(rows: Sequence[Mapping[str, Any]], tariff: Mapping[str, Any] | None) -> Network:
    """Rows as imported, in the order of their ids, and the tariff's document."""
    zones = read_tariff(tariff)
    names = {"", *(zone.name for zone in zones)}
    nodes = tuple(known if known.candidate.zone in names else _excluded(known, NO_ZONE) for known in read_nodes(rows))
    prices = {zone["name"]: zone["price"] for zone in (tariff or {}).get("zones", ()) if _is_price(zone.get("price"))}
    return Network(network_id=network_id(rows, tariff), nodes=nodes, tariff=zones, prices=prices)


def _is_price(value: object) -> bool:
    return type(value) is int and value >= 0


def _excluded(known: KnownNode, why: str) -> KnownNode:
    return replace(known, candidate=replace(known.candidate, zone="", excluded=known.candidate.excluded or why))


def network_id(rows: Sequence[Mapping[str, Any]], tariff: Mapping[str, Any] | None) -> str:
    """16 hexadecimal digits of the content's SHA-256."""
    text = json.dumps([list(rows), tariff or {}], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_nodes(rows: Iterable[Mapping[str, Any]]) -> tuple[KnownNode, ...]:
    """Every node; what cannot be read is excluded."""
    return tuple(_node(row) for row in rows)


def _node(row: Mapping[str, Any]) -> KnownNode:
    try:
        known = _read(row)
    except (KeyError, TypeError, ValueError):
        known = None
    if known is None or not _sound(known):
        nothing = Candidate(
            node_id=str(row["node_id"]), country="", latitude=0.0, longitude=0.0, available={}, excluded=UNREADABLE
        )
        return KnownNode(candidate=nothing)
    return known


def _read(row: Mapping[str, Any]) -> KnownNode:
    costs = NodeCosts(per_parcel=int(row.get("per_parcel", 0)), per_line=int(row.get("per_line", 0)))
    daily = row.get("daily_orders")
    candidate = Candidate(
        node_id=row["node_id"],
        country=row.get("country", ""),
        latitude=float(row["latitude"]),
        longitude=float(row["longitude"]),
        handling_days=int(row.get("handling_days", 1)),
        available={},
        excluded="" if row.get("active", True) else "inactive",
        capabilities=tuple(row.get("capabilities", ())),
        calendar=_calendar(row),
        zone=row.get("zone", ""),
        located_by=row.get("located_by", ""),
        costs=FREE if costs == FREE else costs,
    )
    per_unit = int(row.get("per_unit", 0))
    return KnownNode(candidate=candidate, per_unit=per_unit, daily_orders=None if daily is None else int(daily))


def _calendar(row: Mapping[str, Any]) -> Calendar | None:
    if not row.get("time_zone"):
        return None
    return Calendar(
        time_zone=row["time_zone"],
        cut_off=row.get("cut_off", "15:00"),
        workdays=tuple(row.get("workdays", DAY_OPEN)),
        holidays=tuple(row.get("holidays", ())),
    )


def _sound(known: KnownNode) -> bool:
    """The engine would take it."""
    from oms.domain.sourcing.check import MAX_COST, check_node

    if not 0 <= known.per_unit <= MAX_COST or (known.daily_orders or 0) < 0:
        return False
    try:
        check_node(replace(known.candidate, zone=""))
    except SourcingInputError:
        return False
    return True


def read_tariff(document: Mapping[str, Any] | None) -> tuple[Zone, ...]:
    """The freight table, as `check_tariff` takes it; the estimate when there is none."""
    zones = (document or {}).get("zones", ())
    if not zones:
        return ESTIMATE
    return tuple(
        Zone(
            name=zone["name"],
            up_to_km=float(zone["up_to_km"]),
            transit_days=int(zone["transit_days"]),
            base=int(zone.get("base", 0)),
            per_kg=tuple((int(up_to), int(rate)) for up_to, rate in zone.get("per_kg", ())),
        )
        for zone in zones
    )


def read_product(row: Mapping[str, Any]) -> Product:
    """A product's row; what is missing, or cannot be, is as if nothing were known."""
    grams, needs, duty = row.get("weight_g", 0), row.get("needs", ()), row.get("duty", 0)
    sound = all(type(each) is int and each >= 0 for each in (grams, duty)) and isinstance(needs, (list, tuple))
    return Product(grams=grams, needs=tuple(needs), duty=duty) if sound else PLAIN
