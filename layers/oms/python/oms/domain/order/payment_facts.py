"""What can happen to an order's payment. Part of `events`, by whose name they are known."""

from __future__ import annotations

from oms.domain.frozen import frozen


@frozen
class PaymentAuthorized:
    """The provider holds `amount` for us."""

    amount: int


@frozen
class PaymentDeclined:
    """The provider will not pay."""

    reason: str


@frozen
class PaymentCaptured:
    """`amount` was taken. `shipment_id` is empty when it was not for a shipment of ours."""

    capture_id: str
    amount: int
    shipment_id: str = ""


@frozen
class CaptureSubmitted:
    """The provider was asked for `amount` and says later whether it was taken."""

    capture_id: str
    amount: int
    shipment_id: str = ""


@frozen
class PaymentUndone:
    """A capture came to nothing: the provider refused it later, or the bank took back what had been taken."""

    capture_id: str
    amount: int
    shipment_id: str = ""
    reason: str = ""


@frozen
class PaymentVoided:
    """What was authorized and not captured was let go."""
