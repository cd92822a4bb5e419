"""What can happen to an order's payment. Part of `events`, by whose name they are known.

`tender` is the number, from 1, of the payment that it is about, in the order in which they were named.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - the codec resolves these annotations at run time

from oms.domain.frozen import frozen


@frozen
class Tender:
    """One of several payments of an order: who holds `amount`, or grants it.

    `terms_days`: of a payment on invoice, days until it is to be paid.
    """

    provider: str
    reference: str = ""
    amount: int = 0
    terms_days: int = 0


@frozen
class TenderAdded:
    """A payment was named after the order was placed. It counts once its provider says that it holds the money."""

    tender: Tender


@frozen
class TenderChecked:
    """The provider was asked of an added payment, and says later."""

    tender: int


@frozen
class PaymentAuthorized:
    """The provider holds `amount` for us, until `expires_at` as far as is known."""

    amount: int
    tender: int = 1
    expires_at: datetime | None = None


@frozen
class ExtensionSubmitted:
    """The provider was asked to hold the money longer, and says later."""

    tender: int


@frozen
class AuthorizationExtended:
    """The provider holds the money longer."""

    tender: int
    expires_at: datetime


@frozen
class ExtensionRefused:
    """It does not. What it holds, it holds until the end that is known."""

    tender: int
    reason: str = ""


@frozen
class AuthorizationLapsed:
    """What was held and not captured is held no longer, and nobody of ours let it go."""

    tender: int
    reason: str = ""


@frozen
class PaymentDeclined:
    """The provider will not pay."""

    reason: str
    tender: int = 1


@frozen
class PaymentCaptured:
    """`amount` was taken. `shipment_id` is empty when it was not for a shipment of ours."""

    capture_id: str
    amount: int
    shipment_id: str = ""
    tender: int = 1


@frozen
class CaptureSubmitted:
    """The provider was asked for `amount` and says later whether it was taken."""

    capture_id: str
    amount: int
    shipment_id: str = ""
    tender: int = 1


@frozen
class PaymentUndone:
    """A capture came to nothing: the provider refused it later, or the bank took back what had been taken."""

    capture_id: str
    amount: int
    shipment_id: str = ""
    reason: str = ""
    tender: int = 1


@frozen
class PaymentVoided:
    """What was authorized and not captured was let go."""

    tender: int = 1


PaymentFact = (
    PaymentAuthorized
    | PaymentDeclined
    | PaymentCaptured
    | CaptureSubmitted
    | PaymentUndone
    | PaymentVoided
    | TenderAdded
    | TenderChecked
    | ExtensionSubmitted
    | AuthorizationExtended
    | ExtensionRefused
    | AuthorizationLapsed
)
