"""What sourcing is asked and what it answers. Quantities are whole units, weights grams, money minor units.

Values only, and little to import: functions that never source carry `Candidate` about.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the codec resolves these annotations at run time
from dataclasses import field
from datetime import datetime  # noqa: TC003 - the same
from typing import Any

from oms.domain.canonical import ShipTo  # noqa: TC001 - the same
from oms.domain.frozen import frozen
from oms.domain.kits import Components, able, parts_of
from oms.domain.order.events import LineUnits, NodeUnits  # noqa: TC001 - the same

DAY_OPEN = (0, 1, 2, 3, 4)


@frozen
class Calendar:
    """When a node hands parcels over: on working days, at the cut-off time of its own time zone.

    `cut_off` is `HH:MM`, `holidays` are ISO dates, `workdays` counts Monday as 0. An order decided after the cut-off,
    or on a day off, counts from the next working day.
    """

    time_zone: str
    cut_off: str = "15:00"
    workdays: tuple[int, ...] = DAY_OPEN
    holidays: tuple[str, ...] = ()


@frozen
class Zone:
    """What a carrier asks and how long it takes, from nodes up to `up_to_km` away.

    `per_kg` are marginal rates, `((up to grams, minor units per kg), …)` in ascending order, the last without end:
    a parcel of 3 kg under `((2000, 100), (0, 80))` costs base + 2 × 100 + 1 × 80. The last limit is written 0.
    """

    name: str
    up_to_km: float
    transit_days: int
    base: int = 0
    per_kg: tuple[tuple[int, int], ...] = ()


ESTIMATE: tuple[Zone, ...] = (
    Zone(name="local", up_to_km=300.0, transit_days=1),
    Zone(name="regional", up_to_km=1500.0, transit_days=3),
    Zone(name="national", up_to_km=4000.0, transit_days=5),
    Zone(name="far", up_to_km=20_038.0, transit_days=8),
)
"""A carrier-free estimate until rates and services are known."""


@frozen
class NodeCosts:
    """What using a node costs, beside freight: per parcel, per line in it, and per unit of a SKU.

    `per_unit` is the node's own cost of giving a unit away: the markdown or the lost sale of a store, the risk of a
    stock-out.
    """

    per_parcel: int = 0
    per_line: int = 0
    per_unit: Mapping[str, int] = field(default_factory=dict)


FREE = NodeCosts()


@frozen
class Candidate:
    """A node, what it can promise now by SKU, and what it can do today.

    `zone` names a zone of the request's tariff; empty means by distance. `units_left` and `orders_left` are what is
    left of today's capacity, None without limit. `load` is how much of it is taken, in thousandths.
    """

    node_id: str
    country: str
    latitude: float
    longitude: float
    available: Mapping[str, int]
    handling_days: int = 1
    excluded: str = ""
    """Why it may not be used, empty when it may."""
    capabilities: tuple[str, ...] = ()
    calendar: Calendar | None = None
    units_left: int | None = None
    orders_left: int | None = None
    load: int = 0
    zone: str = ""
    costs: NodeCosts = FREE
    located_by: str = ""
    """What its coordinates were found by (`places.find_place`); empty when they were given."""


@frozen
class WantedLine:
    """Units of a SKU that want a node. `needs` are capabilities; `duty` is per unit, due when it crosses a border."""

    line_id: str
    sku: str
    quantity: int
    grams: int = 0
    needs: tuple[str, ...] = ()
    duty: int = 0
    components: Components = ()
    """What a unit of a kit is made of. It comes whole from one node; nodes have its components."""

    def able(self, node: Candidate) -> int:
        """Units of it that a node has, for this line alone."""
        return able(node.available, self.sku, self.components)

    @property
    def each(self) -> tuple[tuple[str, int], ...]:
        """(SKU kept in stock, units of it in one unit of the line)."""
        return parts_of(self.sku, self.components)


@frozen
class SourcingRequest:
    """What is wanted, where it goes, who may ship it, at what rates, and the instant of deciding.

    `promise` is the date that was given to the customer, None when none was. `extra_parcel` is what each parcel after
    the first costs beside freight. `union` are countries among which no duty is due.
    """

    lines: tuple[WantedLine, ...]
    ship_to: ShipTo | None
    candidates: tuple[Candidate, ...]
    at: datetime
    promise: datetime | None = None
    tariff: tuple[Zone, ...] = ESTIMATE
    extra_parcel: int = 0
    union: tuple[str, ...] = ()


@frozen
class Proof:
    """How good the plan is: no plan has an objective below `bound`. `objective` == `bound` is a proof of optimality.

    `effort` is how many subproblems were looked at; it stops at the policy's limit.
    """

    objective: int
    bound: int
    effort: int

    @property
    def gap(self) -> int:
        """By how much a better plan could be better, in units of the objective."""
        return self.objective - self.bound

    @property
    def proved(self) -> bool:
        """No plan is better."""
        return self.objective == self.bound


@frozen
class NodeTerms:
    """What one node's parcel costs, in minor units; `freight` is rounded half up, once."""

    node_id: str
    freight: int
    handling: int
    duty: int
    stock: int


@frozen
class SourcingPlan:
    """Units by node, lines that must wait, the date all planned units can be with the customer, and why.

    `kept` says whether the promised date is kept (always, when none was given). `cost` is in minor units: the sum of
    `terms` and of the extra parcels.
    """

    units: tuple[NodeUnits, ...]
    short: tuple[LineUnits, ...]
    promised_by: datetime
    decision: Mapping[str, Any] = field(default_factory=dict)
    kept: bool = True
    cost: int = 0
    terms: tuple[NodeTerms, ...] = ()
    proof: Proof = Proof(objective=0, bound=0, effort=0)
