"""What a delivery from outside is made of, before anybody trusts it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


TOKEN_HEADER: Final = "x-webhook-token"  # noqa: S105 - a name
"""Under this name of a header is the `token` of the URL's query: that of a sender which does not sign."""


class NoticeKind(StrEnum):
    """What a delivery asks of us."""

    ORDER = "order"
    """Carries the whole order."""
    REFUND = "refund"
    """Carries one refund of an order."""
    FETCH = "fetch"
    """Names an order; its detail must be fetched from the vendor."""
    TRACKING = "tracking"
    """Carries the state of one parcel."""
    PAYMENT = "payment"
    """Carries a payment provider's event."""
    RISK = "risk"
    """Carries what a scorer of fraud decided on an order."""
    PING = "ping"
    """A liveness or activation call: answer 2xx, nothing to do."""
    IGNORED = "ignored"
    """A topic that this system does not act on: answer 2xx, count it."""


@frozen
class InboundRequest:
    """One HTTP delivery: header names in lower case, the body exactly as it came."""

    account: str
    headers: Mapping[str, str]
    body: bytes


@frozen
class Notice:
    """What a delivery is about, read without trusting more than its identity.

    `event_id` is the same for every redelivery of one event. `external_id` is the vendor's id of the order (or of the
    parcel or payment); `occurred_at` the vendor's time of the event when it says one.
    """

    kind: NoticeKind
    topic: str
    event_id: str
    external_id: str | None = None
    occurred_at: datetime | None = None


class Sender(Protocol):
    """The part every webhook sender has in common. Implementations are modules or stateless objects."""

    source: str

    def verify(self, request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:
        """Raise SignatureError or ReplayWindowError unless one of `secrets` signed this very body.

        Several secrets are valid while one is being rotated. Compares in constant time.
        """

    def identify(self, request: InboundRequest) -> Notice:
        """Say what the delivery is about; raises MalformedPayloadError."""


@runtime_checkable
class KeyedSender(Sender, Protocol):
    """A sender that publishes the keys with which its signatures are checked. `verify` gets them among the secrets."""

    def key_paths(self, request: InboundRequest) -> Sequence[str]:
        """The keys that the delivery names, relative to the place where the sender publishes them."""


@runtime_checkable
class ChallengedSender(Sender, Protocol):
    """A sender that asks a URL for something before it delivers there."""

    def challenge(self, query: Mapping[str, str]) -> str:
        """What it wants to read back; raises NotFoundError for what is no challenge."""


@runtime_checkable
class ProvingSender(Sender, Protocol):
    """A sender that asks who answers at a URL to prove that it knows the account's secret."""

    def prove(self, query: Mapping[str, str], url: str, secrets: Sequence[str]) -> Mapping[str, str]:
        """What it wants to read; raises NotFoundError for what is no challenge, and where nobody is connected."""


@runtime_checkable
class SubscribedSender(Sender, Protocol):
    """A sender that asks a URL for something before it delivers there, and proves by a secret that it is the one."""

    def confirm(self, query: Mapping[str, str], secrets: Sequence[str]) -> str:
        """What it wants to read back, as plain text; raises NotFoundError for who knows none of `secrets`."""
