"""What outbound webhooks need from the outside: who subscribed, the way out, the queue of deliveries, the log by time.

Structural, as `ports.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from oms.domain.commit import StoredCommit, Unreadable
    from oms.domain.outbound import Delivery, Health, Subscription


class Subscriptions(Protocol):
    """Who wants which events, and how their endpoints do."""

    def all(self) -> list[Subscription]:
        """Every subscription, by its id, read consistently."""

    def known(self) -> list[Subscription]:
        """The same as it was a few seconds ago."""

    def get(self, subscription_id: str) -> Subscription:
        """One, read consistently; raises WebhookNotFoundError."""

    def save(self, subscription: Subscription) -> None:
        """Keep this version, if the one before it is there; raises VersionConflictError.

        An earlier try of the same call may have saved it: read again.
        """

    def health(self, subscription_id: str) -> Health:
        """How its endpoint did a few seconds ago."""

    def failed(
        self, subscription_id: str, attempt_id: str, now: datetime, error: str, open_until: datetime | None
    ) -> Health:
        """Note the failure of an attempt, once; how the endpoint does with it."""

    def succeeded(self, subscription_id: str, now: datetime) -> None:
        """Note a success: no failure counts any more."""

    def forgiven(self, subscription_id: str) -> None:
        """No failure counts any more."""


class Answered(Protocol):
    """What an endpoint said."""

    @property
    def status(self) -> int:
        """Of HTTP."""

    @property
    def excerpt(self) -> str:
        """The beginning of its body, cleaned."""

    @property
    def retry_after(self) -> float | None:
        """Seconds that it asks for."""


class Sender(Protocol):
    """The way out."""

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """One attempt, whatever its status; no redirect is followed.

        Raises EndpointRefusedError before anything is sent, UpstreamError (`cause`) when no answer came in time.
        """


class DeliveryQueue(Protocol):
    """Deliveries on their way, and replays that go on."""

    def deliver(self, deliveries: Sequence[Delivery], now: datetime) -> None:
        """Return only when each is durably queued. One that is due later comes when it is, or before."""

    def replay(self, message: Mapping[str, Any], delay_s: int = 0) -> None:
        """Return only when it is durably queued."""


class Rule(Protocol):
    """The rule of the bus that feeds the queue."""

    def ask_for(self, kinds: Sequence[str]) -> None:
        """Have events of these types, and no others, put on the bus and into the queue; none: nothing is."""


class LogSince(Protocol):
    """The log by time, without an index."""

    def pages(
        self, since: datetime, until: datetime, after: Sequence[str] | None
    ) -> Iterator[tuple[list[StoredCommit | Unreadable], Sequence[str] | None]]:
        """(commits of a while, the mark behind them) a page at a time; the mark is None on the last page.

        Commits of a stream are in the order of their numbers; those that were written meanwhile may be missing.
        """
