"""Outbound webhooks sent: an event to each who wants it, each attempt by itself, and what follows when it fails.

A delivery is at least once, with the same `webhook-id` each time. What is tried again is queued before the message that
it came by is dropped, so that a crash repeats it and never loses it.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from oms.application.outbound_manage import become
from oms.application.relay import KEEP_ALERT_DAYS
from oms.channels import signatures
from oms.domain.errors import EndpointRefusedError, UpstreamError, WebhookNotFoundError
from oms.domain.frozen import frozen
from oms.domain.outbound import (
    GONE,
    PING,
    SUCCESS_EVERY,
    Delivery,
    State,
    Subscription,
    Why,
    body_of,
    deferred,
    is_hopeless,
    next_due,
    opened,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from oms.application.outbound_ports import DeliveryQueue, Sender, Subscriptions
    from oms.application.ports import Clock, Views

AGENT: Final = "oms-webhooks/1"
ALERT: Final = "webhook_stopped"


class Outcome(StrEnum):
    """Of a message."""

    DELIVERED = "delivered"
    WAITING = "waiting"
    """It is not due, or the endpoint is left alone."""
    FAILED = "failed"
    """It will be tried again."""
    GIVEN_UP = "given_up"
    DISABLED = "disabled"
    """It failed, and with it the subscription ended."""
    DROPPED = "dropped"
    """Nobody wants it any more."""


@frozen
class Attempt:
    """What came of sending. `status` 0: no answer, or nothing was sent."""

    status: int
    error: str = ""
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        """2xx; a redirect is a failure."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP


@frozen(kw_only=False)
class SignAndSend:
    """One signed attempt."""

    sender: Sender
    master: Callable[[], str]
    now: Clock

    def __call__(self, subscription: Subscription, webhook_id: str, body: str) -> Attempt:
        """Raises nothing of the endpoint's making."""
        now = self.now()
        raw, signed_at = body.encode(), int(now.timestamp())
        secrets = list(signatures.standard_keys(subscription.secrets(self.master(), now)))
        headers = {
            "content-type": "application/json",
            "user-agent": AGENT,
            "webhook-id": webhook_id,
            "webhook-timestamp": str(signed_at),
            "webhook-signature": signatures.sign_standard(webhook_id, signed_at, raw, secrets),
        }
        try:
            answered = self.sender.send(subscription.url, headers, raw)
        except EndpointRefusedError as error:
            return Attempt(status=0, error=f"not sent: {error}")
        except UpstreamError as error:
            return Attempt(status=0, error=f"no answer: {error.context.get('cause', '')}")
        told = f"HTTP {answered.status}: {answered.excerpt}"
        return Attempt(status=answered.status, error=told, retry_after=answered.retry_after)


@frozen(kw_only=False)
class FanOut:
    """An event of the bus: one delivery for each subscription that wants it."""

    subscriptions: Subscriptions
    queue: DeliveryQueue
    now: Clock

    def __call__(self, kind: str, detail: Mapping[str, Any]) -> int:
        """How many want it."""
        event_id = str(detail["event_id"])
        wanting = [each for each in self.subscriptions.known() if each.state is State.ENABLED]
        deliveries = [
            Delivery(subscription_id=each.subscription_id, event_id=event_id, body=body_of(kind, detail))
            for each in wanting
            if each.wants(kind, detail)
        ]
        if deliveries:
            self.queue.deliver(deliveries, self.now())
        return len(deliveries)


@frozen(kw_only=False)
class DeliverWebhook:
    """One attempt of one delivery, when it is due and its endpoint is not left alone."""

    subscriptions: Subscriptions
    send: SignAndSend
    queue: DeliveryQueue
    views: Views
    now: Clock

    def __call__(self, delivery: Delivery) -> Outcome:
        """Raises what our own stores raise: the message comes again."""
        subscription = self._wanted(delivery)
        if subscription is None:
            return Outcome.DROPPED
        now = self.now()
        health = self.subscriptions.health(delivery.subscription_id)
        if delivery.due is not None and delivery.due > now:
            self.queue.deliver([delivery], now)
            return Outcome.WAITING
        if health.open_until is not None and health.open_until > now:
            self.queue.deliver([deferred(delivery, health.open_until)], now)
            return Outcome.WAITING
        attempt = self.send(subscription, delivery.webhook_id, delivery.body)
        if not attempt.ok:
            return self._failed(subscription, delivery, attempt)
        since = health.last_success_at
        if health.failures or since is None or now - since >= SUCCESS_EVERY:
            self.subscriptions.succeeded(delivery.subscription_id, now)
        return Outcome.DELIVERED

    def _wanted(self, delivery: Delivery) -> Subscription | None:
        """Its subscription, if it is enabled. One that was made a moment ago is looked up."""
        known = next((e for e in self.subscriptions.known() if e.subscription_id == delivery.subscription_id), None)
        if known is None or known.state is not State.ENABLED:
            try:
                known = self.subscriptions.get(delivery.subscription_id)
            except WebhookNotFoundError:
                return None
        return known if known.state is State.ENABLED else None

    def _failed(self, subscription: Subscription, delivery: Delivery, attempt: Attempt) -> Outcome:
        now = self.now()
        before = self.subscriptions.health(delivery.subscription_id).failures
        attempt_id = f"{delivery.webhook_id}#{delivery.attempt}"
        until = opened(before + 1, now)
        health = self.subscriptions.failed(delivery.subscription_id, attempt_id, now, attempt.error, until)
        if attempt.status == GONE:
            return self._disable(subscription, Why.GONE, attempt, now)
        if is_hopeless(health, now):
            return self._disable(subscription, Why.FAILING, attempt, health.failing_since or now)
        due = next_due(delivery, now, attempt.retry_after)
        if due is None:
            self._alert(subscription, "given_up", attempt, now, delivery)
            return Outcome.GIVEN_UP
        self.queue.deliver([replace(delivery, attempt=delivery.attempt + 1, due=due)], now)
        return Outcome.FAILED

    def _disable(self, subscription: Subscription, why: Why, attempt: Attempt, since: datetime) -> Outcome:
        """A person is told first: who finds it disabled later can no longer know whether somebody was."""
        self._alert(subscription, why.value, attempt, since, None)
        become(self.subscriptions, subscription.subscription_id, State.DISABLED, why.value, "", self.now)
        return Outcome.DISABLED

    def _alert(
        self, subscription: Subscription, why: str, attempt: Attempt, since: datetime, delivery: Delivery | None
    ) -> None:
        """`since`: from when on to replay."""
        about = delivery.event_id if delivery else f"version {subscription.version}"
        row = {
            "alert_id": f"{subscription.subscription_id}:{why}:{about}",
            "kind": ALERT,
            "subscription_id": subscription.subscription_id,
            "problem": why,
            "detail": attempt.error,
            "since": since.isoformat(),
            "raised_at": self.now().isoformat(),
            **({"event_id": delivery.event_id} if delivery else {}),
        }
        key = f"{self.now():%Y-%m-%d}#webhook#{row['alert_id']}"
        self.views.put_row("alert", key, row, keep_days=KEEP_ALERT_DAYS)


@frozen(kw_only=False)
class PingSubscription:
    """A test message, sent while the caller waits. A disabled subscription is pinged too: that is when it is needed."""

    subscriptions: Subscriptions
    send: SignAndSend

    def __call__(self, subscription_id: str, key: str) -> dict[str, Any]:
        """{'webhook_id', 'delivered', 'status', 'error'}; raises WebhookNotFoundError."""
        found = self.subscriptions.get(subscription_id)
        message_id = Delivery(subscription_id=subscription_id, event_id=f"ping:{key}", body="").webhook_id
        detail = {"occurred_at": self.send.now().isoformat(), "subscription_id": subscription_id}
        attempt = self.send(found, message_id, body_of(PING, detail))
        error = "" if attempt.ok else attempt.error
        return {"webhook_id": message_id, "delivered": attempt.ok, "status": attempt.status or None, "error": error}
