"""What a payment provider reports, in canonical words."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from datetime import datetime

    from oms.domain.disputes import DisputeTold


class PaymentEventKind(StrEnum):
    """What changed at the provider."""

    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    """The cumulative captured amount of a payment, without saying by which captures."""
    CAPTURE = "capture"
    """One capture's state (`capture_ref`, `capture_state`)."""
    FAILED = "failed"
    VOIDED = "voided"
    EXTENDED = "extended"
    """What is held is held longer."""
    NOT_EXTENDED = "not_extended"
    """It is not, though it was asked for."""
    REFUND = "refund"
    """One refund's state (`refund_ref`, `refund_state`)."""
    REFUND_TOTAL = "refund_total"
    """The cumulative refunded amount of a charge, without saying by which refunds."""
    DISPUTE = "dispute"
    """What became of a dispute, or of money that was taken for one (`dispute`)."""
    FRAUD_REPORT = "fraud_report"
    """The card's issuer says that the payment was fraud."""
    OTHER = "other"
    """Nothing to act on."""


class CaptureState(StrEnum):
    """A capture as the provider tells it."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Refused, or taken back after it had succeeded."""


class RefundState(StrEnum):
    """A refund as the provider tells it."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REVERSED = "reversed"


@frozen
class PaymentEvent:
    """A provider's event, amounts in minor units.

    `payment_ref` is the provider's id of the payment (Stripe: the payment intent, else the charge; Adyen: the PSP
    reference of the authorisation; PayPal: the order); `order_ref` is our order id when the provider's metadata, or the
    reference that we gave it, carries it.
    """

    source: str
    account: str
    event_id: str
    kind: PaymentEventKind
    occurred_at: datetime
    payment_ref: str = ""
    charge_ref: str = ""
    order_ref: str = ""
    currency: str = ""
    amount: int = 0
    refund_ref: str = ""
    refund_state: RefundState | None = None
    our_refund_id: str = ""
    """Our own refund id when the provider's metadata carries it."""
    capture_ref: str = ""
    capture_state: CaptureState | None = None
    our_shipment_id: str = ""
    """Our own shipment, of a capture that was made for it, when the provider's reference carries it."""
    reason: str = ""
    dispute: DisputeTold | None = None
