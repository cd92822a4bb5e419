"""What can happen to an order. Past tense, immutable, additive only: a new field needs a default.

Money is integer minor units of the order's currency. None of these holds personal data.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime  # noqa: TC003 - the codec resolves these annotations at run time
from typing import Any

from oms.domain.canonical import PaymentState, ShipTo  # noqa: TC001 - the same
from oms.domain.frozen import frozen
from oms.domain.movements import Disposition as Disposition  # noqa: PLC0414 - its name here is what others know it by
from oms.domain.order import dispute_facts, edit_facts, fraud_facts, hold_facts, parts, payment_facts, return_facts
from oms.domain.priced import Countervalue, TaxesReckoned  # noqa: TC001 - the same
from oms.domain.serials import Serial  # noqa: TC001 - the same
from oms.domain.tracking import ParcelStatus  # noqa: TC001 - the same

OrderScored = fraud_facts.OrderScored
ScoredBy = fraud_facts.ScoredBy
Verdict = fraud_facts.Verdict

HoldEscalated = hold_facts.HoldEscalated
HoldPlaced = hold_facts.HoldPlaced
HoldReleased = hold_facts.HoldReleased
OnExpiry = hold_facts.OnExpiry

LineUnits = parts.LineUnits
NodeUnits = parts.NodeUnits
OrderEdited = edit_facts.OrderEdited
PlacedLine = parts.PlacedLine
CaptureSubmitted = payment_facts.CaptureSubmitted
PaymentAuthorized = payment_facts.PaymentAuthorized
PaymentCaptured = payment_facts.PaymentCaptured
PaymentDeclined = payment_facts.PaymentDeclined
PaymentUndone = payment_facts.PaymentUndone
PaymentVoided = payment_facts.PaymentVoided


@frozen
class PaymentPlan:
    """How the order is paid: `provider` names who holds the money ('in_channel' when the channel does)."""

    provider: str
    reference: str = ""

    @property
    def in_channel(self) -> bool:
        """Nothing is captured or refunded by us."""
        return self.provider == "in_channel"


@frozen
class OrderPlaced:
    """A channel or the merchant's own site placed the order."""

    channel: str
    account: str
    external_id: str
    number: str
    placed_at: datetime
    currency: str
    total: int
    lines: tuple[PlacedLine, ...]
    payment: PaymentPlan
    tax_included: bool = False
    shipping: int = 0
    shipping_tax: int = 0
    fees: int = 0
    fee_tax: int = 0
    tips: int = 0
    duties: int = 0
    gift_cards: int = 0
    ship_to: ShipTo | None = None
    shipping_method: str = ""
    customer_id: str = ""
    request_hash: str = ""
    """Of the `POST /orders` body: the same key with another body is refused."""
    stock_hold: str = ""
    """The hold of stock whose units the order takes over when it is promised."""
    tenders: tuple[payment_facts.Tender, ...] = ()
    """Of an order that is paid by several, or on invoice, all of them; `payment` is the first."""
    taxes: TaxesReckoned | None = None
    countervalue: Countervalue | None = None


@frozen
class ChannelRevisionSeen:
    """The channel's snapshot of `revision` has been taken in; older ones change nothing but what only grows."""

    revision: datetime
    digest: str


@frozen
class ChannelPaymentReported:
    """The channel told how its payment stands; `captured` is before refunds."""

    state: PaymentState
    captured: int


@frozen
class ShipToChanged:
    """The customer's destination changed before anything left."""

    ship_to: ShipTo


@frozen
class LinesReserved:
    """Units were bound at nodes, and released to their warehouses unless that waits until `release_at`: the promise.

    One fulfillment order per node: `fulfillment_orders` maps its id to the node. `decision` says why these nodes. Of
    `units`, a hold of stock had bound those that were `taken_over`.
    """

    units: tuple[NodeUnits, ...]
    fulfillment_orders: dict[str, str]
    promised_by: datetime
    decision: dict[str, Any] = field(default_factory=dict)
    taken_over: tuple[NodeUnits, ...] = ()
    release_at: datetime | None = None


@frozen
class LinesMoved:
    """Units whose release waits were bound elsewhere: `freed` are so no longer, `units` are now; the promise stands.

    `out_of` says of each freed entry which fulfillment order it was taken out of; the rest is as with LinesReserved.
    """

    freed: tuple[NodeUnits, ...]
    out_of: tuple[str, ...]
    units: tuple[NodeUnits, ...]
    fulfillment_orders: dict[str, str]
    promised_by: datetime
    release_at: datetime
    decision: dict[str, Any] = field(default_factory=dict)


@frozen
class FulfillmentOrderReleased:
    """It was planned, and is its warehouse's now."""

    fulfillment_order_id: str
    node_id: str


@frozen
class LinesBackordered:
    """No node has these units; they wait for supply.

    `retry_at`: when to look again at the latest. `cancel_at`: from when on units that still wait are cancelled.
    `expected_at`: by line, when they can be with the customer, of lines for which supply is expected.
    """

    lines: tuple[LineUnits, ...]
    decision: dict[str, Any] = field(default_factory=dict)
    retry_at: datetime | None = None
    cancel_at: datetime | None = None
    expected_at: dict[str, datetime] = field(default_factory=dict)


@frozen
class MovedDate:
    """When a line's units can be with the customer, as it was told and as it is; None when nobody knows."""

    line_id: str
    before: datetime | None = None
    after: datetime | None = None


@frozen
class PromiseDateMoved:
    """What is expected for units that wait comes on another day. Told once for each change."""

    lines: tuple[MovedDate, ...]


@frozen
class LinesDelivered:
    """Lines that need no shipping were provided."""

    lines: tuple[LineUnits, ...]


@frozen
class FulfillmentOrderAccepted:
    """The warehouse works on it."""

    fulfillment_order_id: str


@frozen
class FulfillmentOrderRejected:
    """The warehouse cannot ship what remains of it; the units are open again, elsewhere."""

    fulfillment_order_id: str
    node_id: str
    reason: str
    units: tuple[NodeUnits, ...]


@frozen
class ShippedParcel:
    """A parcel as handed to the carrier."""

    parcel_id: str
    carrier: str
    tracking_number: str
    units: tuple[NodeUnits, ...]


@frozen
class ShipmentShipped:
    """Parcels left a node; the stock left on hand."""

    shipment_id: str
    fulfillment_order_id: str
    node_id: str
    parcels: tuple[ShippedParcel, ...]


@frozen
class ParcelStatusChanged:
    """The carrier's word moved a parcel on; `delivered` puts its units with the customer."""

    parcel_id: str
    status: ParcelStatus
    occurred_at: datetime
    estimated_delivery_at: datetime | None = None


@frozen
class LinesCancelled:
    """Units will not be shipped. `freed` are those that were bound at a node and are available again."""

    lines: tuple[LineUnits, ...]
    origin: str
    reason: str = ""
    freed: tuple[NodeUnits, ...] = ()
    fulfillment_orders: tuple[str, ...] = ()
    """Of each freed entry, the fulfillment order it was taken out of."""


@frozen
class ChannelCancelConflicted:
    """The channel cancelled units that had already left: a person decides."""

    lines: tuple[LineUnits, ...]


@frozen
class LinesReturned:
    """Units came back to a node."""

    units: tuple[NodeUnits, ...]
    refund_id: str = ""
    disposition: Disposition = Disposition.RESTOCK


@frozen
class SerialsReturned:
    """Which units came back, by line, of those that came back unnamed: channels do not say it."""

    serials: dict[str, tuple[Serial, ...]]


@frozen
class RefundRequested:
    """Money is to go back, by the channel or a tender's provider; a `request` of several tenders is several.

    `goodwill` is the code of what it makes up for, of one that is for no units.
    """

    refund_id: str
    amount: int
    reason: str = ""
    lines: tuple[LineUnits, ...] = ()
    origin: str = "oms"
    tender: int = 1
    request: str = ""
    goodwill: str = ""


@frozen
class RefundSubmitted:
    """The provider took the refund and will tell its outcome."""

    refund_id: str
    refund_ref: str


@frozen
class RefundSucceeded:
    """The money went back. Of a channel's refund also which units it took back: before they left, or after."""

    refund_id: str
    refund_ref: str = ""
    removed: tuple[LineUnits, ...] = ()
    returned: tuple[LineUnits, ...] = ()


@frozen
class RefundFailed:
    """The money did not go back."""

    refund_id: str
    reason: str


OrderEvent = (
    OrderPlaced
    | OrderEdited
    | ChannelRevisionSeen
    | ChannelPaymentReported
    | ShipToChanged
    | HoldPlaced
    | HoldReleased
    | HoldEscalated
    | OrderScored
    | payment_facts.PaymentFact
    | LinesReserved
    | LinesMoved
    | FulfillmentOrderReleased
    | LinesBackordered
    | PromiseDateMoved
    | LinesDelivered
    | FulfillmentOrderAccepted
    | FulfillmentOrderRejected
    | ShipmentShipped
    | ParcelStatusChanged
    | LinesCancelled
    | ChannelCancelConflicted
    | LinesReturned
    | SerialsReturned
    | RefundRequested
    | RefundSubmitted
    | RefundSucceeded
    | RefundFailed
    | dispute_facts.DisputeEvent
    | return_facts.ReturnEvent
)
