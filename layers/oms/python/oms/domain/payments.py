"""What a payment provider answers when it is asked, in canonical words. Amounts in ISO 4217 minor units."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from oms.domain.payment_events import RefundState


class AuthorizationState(StrEnum):
    """How far a payment has come."""

    AUTHORIZED = "authorized"
    """The money is bound and may be captured."""
    CAPTURED = "captured"
    """The provider captured by itself (automatic capture)."""
    PENDING = "pending"
    """The shopper or the bank has still to act; an event will tell."""
    DECLINED = "declined"
    """This payment cannot pay for this order; `reason` says why."""


@frozen
class AuthorizationResult:
    """The state of a payment held against what an order needs.

    `amount` is what is bound (authorized), what was taken (captured), and for a refusal what the provider holds.
    """

    state: AuthorizationState
    amount: int
    reason: str = ""


@frozen
class CaptureResult:
    """One capture that stands at the provider."""

    capture_ref: str
    amount: int


@frozen
class RefundResult:
    """One refund that exists at the provider, whether or not it has reached the shopper.

    `our_refund_id` is empty for a refund that was not asked for by us.
    """

    refund_ref: str
    state: RefundState
    amount: int
    our_refund_id: str = ""
    reason: str = ""
