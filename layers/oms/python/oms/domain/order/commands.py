"""What may be asked of an order. Imperative; each carries the id of its cause, so that asking twice is asking once."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from oms.domain.frozen import frozen
from oms.domain.order.hold_facts import OnExpiry
from oms.domain.payment_events import CaptureState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from oms.domain.canonical import CanonicalOrder, ChannelRefund
    from oms.domain.kits import Components
    from oms.domain.order.events import Disposition, HoldPlaced, LineUnits, NodeUnits, OrderScored, PaymentPlan, Verdict
    from oms.domain.order.goodwill import GoodwillCode, GoodwillLimit
    from oms.domain.order.payment_facts import Tender
    from oms.domain.payment_events import PaymentEvent
    from oms.domain.payments import AuthorizationResult
    from oms.domain.serials import ByLine, Serialized
    from oms.domain.tracking import ParcelStatus


@frozen
class Command:
    """Base. `command_id` is derived from the cause."""

    command_id: str


@frozen
class SyncOrder(Command):
    """Take in a channel's snapshot of an order: place it when new, else move to what the snapshot says.

    `unknown_skus` are lines' SKUs that the catalogue does not have; `digest` identifies the snapshot's content.
    """

    snapshot: CanonicalOrder
    payment: PaymentPlan
    digest: str
    customer_id: str = ""
    unknown_skus: frozenset[str] = frozenset()
    request_hash: str = ""
    tenders: tuple[Tender, ...] = ()
    """Of an order that is paid by several, or on invoice, all of them; `payment` is the first."""
    kits: tuple[tuple[str, Components], ...] = ()
    """Of those that are kits, what they are made of now; it counts when the order is placed by this command."""
    serialized: Serialized = ()
    """Of those that have serial numbers, the SKUs in stock that do; likewise."""


@frozen
class RecordChannelRefund(Command):
    """Take in a refund that a channel delivered apart from its order; `currency` is empty when it does not say."""

    refund: ChannelRefund
    currency: str = ""


@frozen
class ScreenOrder(Command):
    """Place the holds that the screening rules ask for, and release unknown-SKU holds that the catalogue settled."""

    holds: tuple[HoldPlaced, ...] = ()
    """Of each rule that matched."""
    known_skus: frozenset[str] = frozenset()
    kits: tuple[tuple[str, Components], ...] = ()
    """What those of them that are kits are made of."""
    serialized: Serialized = ()
    """Of those of them that have serial numbers, the SKUs in stock that do."""


@frozen
class PromiseOrder(Command):
    """Bind units at nodes and release them, backorder what no node has. `authorization` was verified just before.

    `hold` (hold id, kind, reason) puts what is short before a person instead. What is short still, and was to wait
    until `at` at the longest, is cancelled. `expected` is when short lines can be with the customer, those of which
    anybody knows; None when nobody looked.
    """

    units: tuple[NodeUnits, ...]
    short: tuple[LineUnits, ...]
    promised_by: datetime
    authorization: AuthorizationResult | None = None
    decision: Mapping[str, Any] = field(default_factory=dict)
    taken_over: tuple[NodeUnits, ...] = ()
    """Of `units`, those that a hold of stock has bound already."""
    at: datetime | None = None
    hold: tuple[str, str, str] | None = None
    retry_at: datetime | None = None
    cancel_at: datetime | None = None
    expected: Mapping[str, datetime] | None = None
    release_at: datetime | None = None
    """Until when the release of what is bound waits; None when it does not."""


@frozen
class ReleaseFulfillmentOrders(Command):
    """Hand to their warehouses what was to wait until `at` at the longest."""

    at: datetime


@frozen
class MoveLines(Command):
    """Bind what is planned at other nodes. `units` are all of it, as they are to be; `release_at` as with a promise."""

    units: tuple[NodeUnits, ...]
    release_at: datetime
    decision: Mapping[str, Any] = field(default_factory=dict)


@frozen
class RecordAuthorization(Command):
    """The provider told, unasked or asked, how the payment stands."""

    authorization: AuthorizationResult
    tender: int = 1


@frozen
class AcceptFulfillmentOrder(Command):
    """The warehouse takes the work."""

    fulfillment_order_id: str


@frozen
class RejectFulfillmentOrder(Command):
    """The warehouse cannot. `reason`: 'no_capacity' keeps its stock, 'not_found' and 'damaged' correct it."""

    fulfillment_order_id: str
    reason: str


@frozen
class ParcelToShip:
    """A parcel as the warehouse packed it."""

    carrier: str
    tracking_number: str
    lines: tuple[LineUnits, ...]
    serials: ByLine = ()
    """Which they are, of lines whose units have serial numbers."""


@frozen
class ShipFulfillmentOrder(Command):
    """Parcels were handed to the carrier."""

    fulfillment_order_id: str
    parcels: tuple[ParcelToShip, ...]


@frozen
class RecordTracking(Command):
    """The carrier's word on a parcel, already reduced to its status and that status' time."""

    tracking_number: str
    status: ParcelStatus
    occurred_at: datetime
    estimated_delivery_at: datetime | None = None


@frozen
class RecordCapture(Command):
    """The provider captured `amount` for a shipment, or (`state`) has still to decide, or refused."""

    shipment_id: str
    capture_id: str
    amount: int
    state: CaptureState = CaptureState.SUCCEEDED
    reason: str = ""
    tender: int = 1


@frozen
class RecordVoid(Command):
    """The provider let go of the authorization."""

    tender: int = 1


@frozen
class RecordRefundOutcome(Command):
    """The provider's answer to a refund of ours: `state` submitted, succeeded or failed."""

    refund_id: str
    state: str
    refund_ref: str = ""
    reason: str = ""


@frozen
class RecordProviderEvent(Command):
    """A provider's webhook event, in canonical words."""

    event: PaymentEvent


@frozen
class RequestRefund(Command):
    """Give money back. Amount in minor units; None means the value of `lines`.

    `disposition` says that the units came back to the node that shipped them, and what becomes of them there, and
    `serials` which they are, if they have serial numbers. `goodwill` says that it is for no units, but makes up for
    something; `limit` is what whoever asks may give, None: as much as was paid.
    """

    reason: str
    amount: int | None = None
    currency: str = ""
    lines: tuple[LineUnits, ...] = ()
    disposition: Disposition | None = None
    serials: ByLine = ()
    goodwill: GoodwillCode | None = None
    limit: GoodwillLimit | None = None


@frozen
class NameReturned(Command):
    """Which units they were that came back without anybody saying so."""

    serials: ByLine


@frozen
class CancelLines(Command):
    """Cancel units that have not been handed over; no lines means all that can be."""

    reason: str = ""
    lines: tuple[LineUnits, ...] = ()


@frozen
class CancelRest(Command):
    """Go on with a cancellation of everything, until nothing of it is left."""


@frozen
class PlaceHold(Command):
    """Stop the order, or only some lines, until released."""

    hold_id: str
    kind: str
    reason: str = ""
    lines: tuple[str, ...] = ()
    expires_at: datetime | None = None
    on_expiry: OnExpiry = OnExpiry.ESCALATE
    release_by: tuple[str, ...] = ()
    second_person: bool = False
    by: str = ""


@frozen
class ReleaseHold(Command):
    """Let it go on. `role` and `by` are of the person who asks: a role and a pseudonym; '' for the system itself."""

    hold_id: str
    reason: str = ""
    role: str = ""
    by: str = ""


@frozen
class RecordScore(Command):
    """Take in what was answered when the order's risk was asked for; `cancels`: all that has not left is cancelled."""

    scored: OrderScored
    holds: tuple[HoldPlaced, ...] = ()
    cancels: bool = False


@frozen
class DecideFraud(Command):
    """Take in what the provider decided later on the answer that it calls `reference`."""

    verdict: Verdict
    reference: str


@frozen
class ExpireHold(Command):
    """Do what is to happen to a hold whose time is over at `at`."""

    hold_id: str
    at: datetime
