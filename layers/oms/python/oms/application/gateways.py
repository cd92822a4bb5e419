"""Whom the use cases speak to: queues, workflows, the bus, payment providers, channels. Structural, as `ports.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from oms.channels.base import Connector, FetchRequest
    from oms.channels.listing import Lister
    from oms.channels.outward import Call
    from oms.domain.fraud import FraudAnswer, FraudQuestion
    from oms.domain.inbound import Notice
    from oms.domain.order.dispute_evidence import Evidence
    from oms.domain.payments import AuthorizationResult, CaptureResult, ExtensionResult, RefundResult
    from oms.domain.taxes import TaxAnswer, TaxQuestion


class Queue(Protocol):
    """Deliveries on their way to be processed."""

    def send(self, message: Mapping[str, Any], delay_s: int = 0) -> None:
        """Return only when the message is durably queued; large ones go by claim check. It comes `delay_s` later."""


class Claims(Protocol):
    """Bodies too large for a queue."""

    def get(self, key: str) -> bytes:
        """The body kept under `key`."""


class Workflows(Protocol):
    """Short workflows."""

    def start(self, name: str, payload: Mapping[str, Any]) -> None:
        """Start one execution; it may run twice, or die: every step is idempotent and the watchdog looks after it."""


class Bus(Protocol):
    """Public events."""

    def publish(self, events: Sequence[tuple[str, str, Mapping[str, Any]]]) -> None:
        """Publish (event id, detail type, detail); raises ContentionError when the bus kept refusing any of them."""


class PaymentProvider(Protocol):
    """Who holds the money of an order. Every call may be repeated with its key and moves money once.

    `key_life`: after so long a key may be forgotten, and what may have been made must be found before it is sent again.
    """

    key_life: timedelta

    def verify_authorization(
        self, payment_ref: str, amount: int, currency: str, idempotency_key: str
    ) -> AuthorizationResult:
        """How the payment stands against the amount that must be held."""

    def capture(
        self,
        payment_ref: str,
        amount: int,
        currency: str,
        idempotency_key: str,
        *,
        final: bool,
        metadata: Mapping[str, str],
    ) -> CaptureResult:
        """Take `amount`; `final` lets go of the rest. A capture that is pending is decided by an event later."""

    def void(self, payment_ref: str, idempotency_key: str) -> None:
        """Let go of an authorization; nothing when that happened before."""

    def refund(
        self,
        payment_ref: str,
        amount: int,
        currency: str,
        *,
        refund_id: str,
        order_id: str,
        reason: str,
        idempotency_key: str,
    ) -> RefundResult:
        """Give `amount` back."""

    def find_refund(self, payment_ref: str, refund_id: str) -> RefundResult | None:
        """The refund that we made under our id, if it arrived at the provider.

        Raises UpstreamRefusedError when the provider cannot tell.
        """

    def list_refunds(self, payment_ref: str) -> list[RefundResult]:
        """Every refund of the payment that the provider knows of."""


@runtime_checkable
class Extends(Protocol):
    """A provider that may hold money longer than it did."""

    def extend(self, payment_ref: str, amount: int, currency: str, idempotency_key: str) -> ExtensionResult:
        """Ask for what is held, of which `amount` is still to be taken, to be held longer; once by its key.

        That it is not possible is an answer (REFUSED), no error.
        """


@runtime_checkable
class PaymentLookup(Protocol):
    """A provider whose events may name a capture without its payment."""

    def payment_of(self, charge_ref: str) -> str:
        """The payment that a capture belongs to; '' when the provider does not tell."""


@runtime_checkable
class AnswersDisputes(Protocol):
    """A provider that takes answers to disputes. Every call may be repeated with its key and is one answer."""

    def defend_dispute(
        self,
        dispute_ref: str,
        told: Evidence,
        answer_id: str,
        *,
        defense: str,
        document: Callable[[], bytes],
    ) -> str:
        """Give evidence, final; the provider's reference. `document` makes a PDF of it, `defense` is why, where asked.

        Raises UpstreamError, UpstreamRefusedError.
        """

    def accept_dispute(self, dispute_ref: str, answer_id: str) -> str:
        """Let the dispute be; the provider's reference. Raises as above."""


class FraudScorer(Protocol):
    """Who knows how likely it is that an order is a fraud. It may decide later, by a webhook."""

    def score(self, account: str, question: FraudQuestion, key: str) -> FraudAnswer:
        """The answer; the same key has the same answer, and is one question to whoever counts them.

        Raises UpstreamError, its `cause` one of unreachable, limited, refused, unreadable.
        """


class TaxPort(Protocol):
    """Who knows what taxes an order bears: tables of rates, or a provider of them. It keeps nothing of a question."""

    def reckon(self, question: TaxQuestion) -> TaxAnswer:
        """The taxes; parts sum, and the same question on the same rates has the same answer.

        Raises InvalidInputError for a question that cannot be answered, UpstreamError when a provider is away.
        """


class VendorApi(Protocol):
    """Channels' own APIs."""

    def fetch(self, source: str, account: str, connector: Connector, notice: Notice) -> dict[str, list[dict[str, Any]]]:
        """The documents that a thin notice needs, pages in order."""

    def pages(
        self, source: str, account: str, lister: Lister, requests: Sequence[FetchRequest]
    ) -> Iterator[Mapping[str, Any]]:
        """The pages of these lists, each asked for when it is taken; raises UpstreamError, UpstreamRefusedError."""


class Told(Protocol):
    """Channels' own APIs, for what they are told."""

    def tell(self, source: str, account: str, call: Call) -> tuple[int, Mapping[str, Any], float | None]:
        """(status, document, seconds to wait if the vendor said so), whatever the status.

        Raises UpstreamError when nobody answered (`sent` False when nothing can have arrived), UpstreamRefusedError
        when a credential is missing.
        """


class Documents(Protocol):
    """Files for people and other systems."""

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """Write a file; the same key again replaces it."""
