"""What a payment provider answers when it is asked, in canonical words. Amounts in ISO 4217 minor units."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from oms.domain.frozen import frozen
from oms.domain.ids import is_order_id
from oms.domain.payment_events import CaptureState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from oms.domain.payment_events import RefundState


EXCHANGE: Final = "exchange"
"""Provider of a tender that is the value of a return, its reference: taken before the order is placed."""
_SEPARATOR: Final = "."

AUTHORIZATION_LIFE: Final[Mapping[str, timedelta]] = {
    "stripe": timedelta(days=7),
    "adyen": timedelta(days=28),
    "paypal": timedelta(days=29),
}
"""How long a provider holds money that it does not say the end of (docs.stripe.com/payments/place-a-hold-on-a-payment-
method, docs.adyen.com/online-payments/adjust-authorisation, developer.paypal.com/api/payments/v2)."""


def authorization_end(provider: str, at: datetime) -> datetime | None:
    """Until when what a provider began to hold at `at` is held, as far as is known of it."""
    life = AUTHORIZATION_LIFE.get(provider)
    return at + life if life else None


def reference_of(order_id: str, part: str) -> str:
    """What a provider is given as our reference of a capture (`part`: the shipment) or a refund, and sends back."""
    return f"{order_id}{_SEPARATOR}{part}"


def read_reference(text: str) -> tuple[str, str]:
    """(order, shipment or refund) of a reference that we gave; empty for those of others."""
    order_id, _, part = text.partition(_SEPARATOR)
    return (order_id, part) if is_order_id(order_id) else ("", "")


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
    expires_at: datetime | None = None
    """Until when it is bound, where the provider says so."""


class ExtensionState(StrEnum):
    """What became of the request to hold money longer."""

    EXTENDED = "extended"
    PENDING = "pending"
    """An event will tell."""
    REFUSED = "refused"
    """It is not possible, or not allowed any more."""


@frozen
class ExtensionResult:
    """The answer to such a request; `expires_at` is the new end."""

    state: ExtensionState
    expires_at: datetime | None = None
    reason: str = ""


@frozen
class CaptureResult:
    """One capture that stands at the provider, or that it has taken on and decides later."""

    capture_ref: str
    amount: int
    state: CaptureState = CaptureState.SUCCEEDED
    reason: str = ""


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
