"""The payment providers whose webhooks this system understands, by source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from oms.domain.errors import NotFoundError
from oms.domain.inbound import Sender
from oms.payments.adyen import Adyen
from oms.payments.paypal import PayPal
from oms.payments.stripe import Stripe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.domain.inbound import InboundRequest
    from oms.domain.payment_events import PaymentEvent


class Provider(Sender, Protocol):
    """A sender of payment events. `answers`: it can be asked how a payment stands; else its events alone tell."""

    answers: bool

    def read_events(self, request: InboundRequest) -> Sequence[PaymentEvent]:
        """Read the events that the delivery (kind PAYMENT) carries; raises MalformedPayloadError."""


_PROVIDERS: Final[Mapping[str, Provider]] = {known.source: known for known in (Stripe(), Adyen(), PayPal())}


def provider(source: str) -> Provider:
    """The provider behind `source`; raises NotFoundError."""
    try:
        return _PROVIDERS[source]
    except KeyError:
        raise NotFoundError("no such payment provider", source=source[:32]) from None


def sources() -> tuple[str, ...]:
    """Every known source, in order."""
    return tuple(sorted(_PROVIDERS))
