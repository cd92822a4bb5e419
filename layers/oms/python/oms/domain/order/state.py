"""The order as a fold of its events. Immutable; changed only by `evolve`."""

from __future__ import annotations

from dataclasses import field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from oms.domain.canonical import ContactKey, PaymentState
from oms.domain.frozen import frozen
from oms.domain.kits import parts_of
from oms.domain.order.dispute_state import Disputes
from oms.domain.order.events import NodeUnits, OnExpiry
from oms.domain.segments import less, taken
from oms.domain.tracking import ParcelStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from oms.domain.order.events import OrderEdited, OrderPlaced, OrderScored, PlacedLine
    from oms.domain.order.ledger import LineLedger
    from oms.domain.order.return_state import Return
    from oms.domain.order.tenders import Tendered
    from oms.domain.segments import Drawn, Parts
    from oms.domain.serials import Serial


@frozen
class Line:
    """A line and where its units stand. `refunded` counts units whose price went back, or is going to."""

    placed: PlacedLine
    ledger: LineLedger
    conflicted: int = 0
    """Units that the channel cancelled too late."""
    refunded: int = 0
    cancel_at: datetime | None = None
    """From when on units of it that are backordered are cancelled."""
    expected_at: datetime | None = None
    """When what is backordered of it can be with the customer, as far as anybody knows."""
    serials: tuple[Serial, ...] = ()
    """Of its units that have serial numbers, those that left and are not back."""
    named_late: tuple[Serial, ...] = ()
    """Those that were named after they had come back."""

    @property
    def channel_line(self) -> str:
        """What its channel calls it: of units that were added to a line, that line."""
        return self.placed.adds_to or self.placed.line_id

    def at(self, node_id: str, quantity: int, drawn: tuple[Drawn, ...] = ()) -> NodeUnits:
        """Units of it at a node."""
        placed = self.placed
        return NodeUnits(
            line_id=placed.line_id,
            sku=placed.sku,
            node_id=node_id,
            quantity=quantity,
            components=placed.components,
            drawn=drawn,
        )

    def parts(self, quantity: int) -> Parts:
        """(SKU, units) of it as they are kept in stock."""
        return parts_of(self.placed.sku, self.placed.components, quantity)


CANCELLING: Final = "cancelling"
"""Kind of the hold that an order has while all of it is being cancelled, in more transactions than one."""


@frozen
class Hold:
    """Why the order, or only some lines, may not progress."""

    hold_id: str
    kind: str
    reason: str
    lines: tuple[str, ...]
    active: bool = True
    expires_at: datetime | None = None
    on_expiry: OnExpiry = OnExpiry.ESCALATE
    release_by: tuple[str, ...] = ()
    second_person: bool = False
    by: str = ""
    escalated: bool = False
    """Its time is over and a person was told: it ends by a person's word only."""
    released_by: str = ""
    release_reason: str = ""

    def is_due(self, at: datetime) -> bool:
        """Its time is over at `at`, and nobody has decided."""
        return self.active and not self.escalated and self.expires_at is not None and self.expires_at <= at


class FulfillmentOrderStatus(StrEnum):
    """A fulfillment order's own life."""

    PLANNED = "planned"
    RELEASED = "released"
    ACCEPTED = "accepted"
    SHIPPED = "shipped"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


FULFILLMENT_ORDER_MOVES: Final[Mapping[FulfillmentOrderStatus, frozenset[FulfillmentOrderStatus]]] = {
    FulfillmentOrderStatus.PLANNED: frozenset({FulfillmentOrderStatus.RELEASED, FulfillmentOrderStatus.CANCELLED}),
    FulfillmentOrderStatus.RELEASED: frozenset(
        {
            FulfillmentOrderStatus.ACCEPTED,
            FulfillmentOrderStatus.SHIPPED,
            FulfillmentOrderStatus.REJECTED,
            FulfillmentOrderStatus.CANCELLED,
        }
    ),
    FulfillmentOrderStatus.ACCEPTED: frozenset(
        {FulfillmentOrderStatus.SHIPPED, FulfillmentOrderStatus.REJECTED, FulfillmentOrderStatus.CANCELLED}
    ),
    FulfillmentOrderStatus.SHIPPED: frozenset(),
    FulfillmentOrderStatus.REJECTED: frozenset(),
    FulfillmentOrderStatus.CANCELLED: frozenset(),
}
"""PLANNED: its units are bound, and its warehouse has not been told. SHIPPED: nothing remains and something left;
CANCELLED: nothing remains and nothing left."""


@frozen
class FulfillmentOrder:
    """The part of the order that one node ships: `remaining` units by line, not yet shipped."""

    fulfillment_order_id: str
    node_id: str
    status: FulfillmentOrderStatus
    remaining: Mapping[str, int]
    promised_by: datetime
    shipments: tuple[str, ...] = ()
    drawn: Mapping[str, tuple[Drawn, ...]] = field(default_factory=dict)
    """Of what remains of a line, what comes from segments of the node's stock."""
    release_at: datetime | None = None
    """When it is to be released at the latest; None once it is."""

    @property
    def planned(self) -> bool:
        """Its release waits."""
        return self.status is FulfillmentOrderStatus.PLANNED

    def without(self, gone: Iterable[NodeUnits]) -> FulfillmentOrder:
        """What is left of it."""
        remaining, drawn = dict(self.remaining), dict(self.drawn)
        for units in gone:
            remaining[units.line_id] -= units.quantity
            if not remaining[units.line_id]:
                del remaining[units.line_id]
            if units.drawn:
                drawn[units.line_id] = less(drawn[units.line_id], units.drawn)
            if not drawn.get(units.line_id):
                drawn.pop(units.line_id, None)
        return replace(self, remaining=remaining, drawn=drawn)


@frozen
class Parcel:
    """What was handed to the carrier."""

    parcel_id: str
    shipment_id: str
    carrier: str
    tracking_number: str
    units: tuple[NodeUnits, ...]
    status: ParcelStatus = ParcelStatus.UNKNOWN
    status_at: datetime | None = None
    estimated_delivery_at: datetime | None = None


class RefundStatus(StrEnum):
    """A refund's life: requested, then perhaps submitted, then one of the last two."""

    REQUESTED = "requested"
    SUBMITTED = "submitted"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


REFUND_MOVES: Final[Mapping[RefundStatus, frozenset[RefundStatus]]] = {
    RefundStatus.REQUESTED: frozenset({RefundStatus.SUBMITTED, RefundStatus.SUCCEEDED, RefundStatus.FAILED}),
    RefundStatus.SUBMITTED: frozenset({RefundStatus.SUCCEEDED, RefundStatus.FAILED}),
    RefundStatus.SUCCEEDED: frozenset({RefundStatus.FAILED}),
    RefundStatus.FAILED: frozenset(),
}
"""SUCCEEDED to FAILED: the bank sent the money back."""


EXCHANGED: Final = "exchange"
"""Origin of what does not go back, but pays for other goods."""


@frozen
class Refund:
    """Money going back, in minor units."""

    refund_id: str
    amount: int
    status: RefundStatus
    reason: str = ""
    refund_ref: str = ""
    origin: str = "oms"
    lines: Mapping[str, int] = field(default_factory=dict)
    dear: Mapping[str, int] = field(default_factory=dict)
    """Of `lines`, the units that were valued one minor unit above the others of their line; see `charging`."""
    removed: Mapping[str, int] = field(default_factory=dict)
    """Units that a channel's refund took back before they left."""
    returned: Mapping[str, int] = field(default_factory=dict)
    """Units that came back with a channel's refund."""
    tender: int = 1
    request: str = ""
    goodwill: str = ""
    """What it makes up for, of one that is for no units."""
    out_of: str = ""
    """The exchange that it is given back of: it was taken off what may go back when that was made."""

    @property
    def moved(self) -> bool:
        """It pays for another order: the tender has it still."""
        return self.origin == EXCHANGED

    @property
    def counts(self) -> bool:
        """It has taken money back, or still may."""
        return self.status is not RefundStatus.FAILED

    @property
    def open(self) -> bool:
        """Its outcome is not known yet."""
        return self.status in (RefundStatus.REQUESTED, RefundStatus.SUBMITTED)


@frozen
class Payment:
    """The money of the order, in minor units: sums over its tenders, where it has several.

    `captures` maps a shipment (or '' for a whole capture) to its amount; of tenders but the first, see `capture_key`.
    `submitted`: captures that the provider has not decided, by shipment. `undone`: what was refused or taken back of a
    shipment's capture; it is not asked for again by itself. `capture_ids`: the provider's id of a capture that
    it did not decide at once to its shipment.
    """

    authorized: int = 0
    captured: int = 0
    declined: str = ""
    voided: bool = False
    channel_state: PaymentState = PaymentState.PENDING
    captures: Mapping[str, int] = field(default_factory=dict)
    submitted: Mapping[str, int] = field(default_factory=dict)
    undone: Mapping[str, int] = field(default_factory=dict)
    capture_ids: Mapping[str, str] = field(default_factory=dict)
    refunds: Mapping[str, Refund] = field(default_factory=dict)
    tenders: tuple[Tendered, ...] = ()
    """What pays for the order, in the order in which it is used."""
    settled: int = 0
    """Of what refunds took, what had been paid too much before an edit raised the price; see `covering`."""

    @property
    def refunded(self) -> int:
        """What went back for certain."""
        found = (each for each in self.refunds.values() if not each.out_of)
        return sum(refund.amount for refund in found if refund.status is RefundStatus.SUCCEEDED)

    @property
    def refunding(self) -> int:
        """What went back or may still."""
        return sum(refund.amount for refund in self.refunds.values() if refund.counts and not refund.out_of)


@frozen
class Order:
    """An order. Maps keep the order in which things happened.

    `placed` is what it is of now: as it was placed, and edited since.
    """

    order_id: str
    placed: OrderPlaced
    lines: Mapping[str, Line]
    payment: Payment = Payment()
    disputes: Disputes = Disputes()
    holds: Mapping[str, Hold] = field(default_factory=dict)
    scored: OrderScored | None = None
    """What was answered when its risk was asked for; None when nobody asked."""
    fulfillment_orders: Mapping[str, FulfillmentOrder] = field(default_factory=dict)
    parcels: Mapping[str, Parcel] = field(default_factory=dict)
    handovers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Units by line of each shipment, and of what was provided without one, in the order they left."""
    returns: Mapping[str, Return] = field(default_factory=dict)
    rejected_nodes: tuple[str, ...] = ()
    revision: tuple[datetime, str] | None = None
    """The newest channel snapshot taken in: its time and digest."""
    promised_by: datetime | None = None
    retry_at: datetime | None = None
    """When to look again for what is backordered, at the latest."""
    edits: tuple[OrderEdited, ...] = ()
    addressed_by: str = ""
    """The edit that the address where it goes is kept for."""

    @property
    def contact_key(self) -> ContactKey:
        """Where its contact is, whatever e-mail address a later snapshot brought."""
        placed = self.placed
        return ContactKey(customer_id=placed.customer_id, placed_at=placed.placed_at, order_id=self.order_id)

    @property
    def address_key(self) -> ContactKey:
        """Where the contact with the address is to which it goes."""
        return replace(self.contact_key, edit_id=self.addressed_by)

    @property
    def active_holds(self) -> tuple[Hold, ...]:
        """Holds not yet released."""
        return tuple(hold for hold in self.holds.values() if hold.active)

    @property
    def held_lines(self) -> frozenset[str]:
        """Lines of which `line_held` holds."""
        active = self.active_holds
        if any(not hold.lines for hold in active):
            return frozenset(self.lines)
        return frozenset(line_id for hold in active for line_id in hold.lines)

    @property
    def cancelling(self) -> Hold | None:
        """The hold that stands until what is being cancelled is cancelled."""
        return next((hold for hold in self.holds.values() if hold.active and hold.kind == CANCELLING), None)

    def bound_at(self, known: FulfillmentOrder, line_id: str, quantity: int, *, last: bool = False) -> NodeUnits:
        """So many units of a line that remain of a fulfillment order, with the segments they come from.

        Those drawn first are the first to go; `last`: they stay, and others are let go of before them.
        """
        line, drawn = self.lines[line_id], known.drawn.get(line_id, ())
        if drawn:
            drawn = taken(drawn, line.parts(quantity), of=line.parts(known.remaining[line_id]), last=last)
        return line.at(known.node_id, quantity, drawn)

    def line_held(self, line_id: str) -> bool:
        """A hold of the whole order or of this line is active."""
        return any(not hold.lines or line_id in hold.lines for hold in self.active_holds)
