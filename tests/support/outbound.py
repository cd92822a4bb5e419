"""Outbound webhooks in memory: subscriptions, their queue with its delays, a clock, and endpoints that obey."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.adapters.outbound_http import Answered
from oms.adapters.outbound_queue import MOST_DELAY
from oms.application.outbound_deliver import DeliverWebhook, FanOut, Outcome, PingSubscription, SignAndSend
from oms.application.outbound_manage import KeepRule, ManageSubscriptions, Wanted
from oms.application.outbound_replay import AskReplay, ReplayWebhooks
from oms.channels import signatures
from oms.domain.errors import UpstreamError, VersionConflictError, WebhookNotFoundError
from oms.domain.outbound import Delivery, Health, Subscription, delivery_from_plain, delivery_to_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from oms.domain.commit import StoredCommit, Unreadable

START: Final = datetime(2026, 11, 27, 9, tzinfo=UTC)
MASTER: Final = "a master key"
URL: Final = "https://erp.example.com/hook"


class Subscriptions:
    """Subscriptions port."""

    def __init__(self) -> None:
        self.kept: dict[str, Subscription] = {}
        self.healths: dict[str, Health] = {}
        self.before_save: Callable[[Subscription], None] = lambda _: None

    def all(self) -> list[Subscription]:
        return [self.kept[each] for each in sorted(self.kept)]

    def known(self) -> list[Subscription]:
        return self.all()

    def get(self, subscription_id: str) -> Subscription:
        if subscription_id not in self.kept:
            raise WebhookNotFoundError("no such subscription")
        return self.kept[subscription_id]

    def save(self, subscription: Subscription) -> None:
        self.before_save(subscription)
        known = self.kept.get(subscription.subscription_id)
        if subscription.version != (known.version + 1 if known else 1):
            raise VersionConflictError("another version was saved meanwhile")
        self.kept[subscription.subscription_id] = subscription

    def health(self, subscription_id: str) -> Health:
        return self.healths.get(subscription_id, Health())

    def failed(
        self, subscription_id: str, attempt_id: str, now: datetime, error: str, open_until: datetime | None
    ) -> Health:
        assert attempt_id
        known = self.health(subscription_id)
        self.healths[subscription_id] = replace(
            known,
            failures=known.failures + 1,
            failing_since=known.failing_since or now,
            last_failure_at=now,
            last_error=error,
            open_until=open_until or known.open_until,
        )
        return self.healths[subscription_id]

    def succeeded(self, subscription_id: str, now: datetime) -> None:
        self.forgiven(subscription_id)
        self.healths[subscription_id] = replace(self.health(subscription_id), last_success_at=now)

    def forgiven(self, subscription_id: str) -> None:
        known = self.health(subscription_id)
        self.healths[subscription_id] = replace(known, failures=0, failing_since=None, open_until=None)


@dataclass
class Received:
    """A request at an endpoint."""

    at: datetime
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def event_id(self) -> str:
        """Of the event that it tells."""
        return str(json.loads(self.body)["data"].get("event_id", ""))


@dataclass
class World:
    """All of it. `answer` says what an endpoint answers; `waiting` is the queue: (visible at, message)."""

    now: datetime = START
    subscriptions: Subscriptions = field(default_factory=Subscriptions)
    answer: Callable[[str], Answered | None] = lambda _: Answered(status=204)
    waiting: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    rows: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    asked: list[list[str]] = field(default_factory=list)
    log: list[tuple[list[StoredCommit | Unreadable], Sequence[str] | None]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        clock = lambda: self.now  # noqa: E731 - a port
        send = SignAndSend(self, lambda: MASTER, clock)
        keep_rule = KeepRule(self.subscriptions, self)
        self.manage = ManageSubscriptions(self.subscriptions, keep_rule, lambda: MASTER, "", clock)
        self.fan_out = FanOut(self.subscriptions, self, clock)
        views: Any = self
        self.deliver_one = DeliverWebhook(self.subscriptions, send, self, views, clock)
        self.ping = PingSubscription(self.subscriptions, send)
        self.replay_slice = ReplayWebhooks(self.subscriptions, self, self, views, clock)
        self.ask_replay = AskReplay(self.subscriptions, views, self, views, clock)

    # ---- ports

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """Sender."""
        self.received.append(Received(self.now, url, dict(headers), body))
        answered = self.answer(url)
        if answered is None:
            raise UpstreamError("no answer", cause="TimeoutError")
        return answered

    def deliver(self, deliveries: Sequence[Delivery], now: datetime) -> None:
        """DeliveryQueue."""
        for each in deliveries:
            delay = min(max(each.due - now, timedelta(0)), MOST_DELAY) if each.due else timedelta(0)
            self.waiting.append((now + delay, json.loads(json.dumps({"deliver": delivery_to_plain(each)}))))

    def replay(self, message: Mapping[str, Any], delay_s: int = 0) -> None:
        """DeliveryQueue."""
        self.waiting.append((self.now + timedelta(seconds=delay_s), json.loads(json.dumps({"replay": message}))))

    def ask_for(self, kinds: Sequence[str]) -> None:
        """Rule."""
        self.asked.append(list(kinds))

    def put_row(
        self, kind: str, key: str, row: Mapping[str, Any], *, keep_days: int = 0, replace: bool = False
    ) -> bool:
        """Views."""
        if (kind, key) in self.rows and not replace:
            return False
        self.rows[kind, key] = json.loads(json.dumps(row))
        return True

    def get_row(self, kind: str, key: str) -> Mapping[str, Any] | None:
        """Views."""
        return self.rows.get((kind, key))

    def pages(
        self, since: datetime, until: datetime, after: Sequence[str] | None
    ) -> Iterator[tuple[list[StoredCommit | Unreadable], Sequence[str] | None]]:
        """LogSince."""
        marks = [None if mark is None else list(mark) for _, mark in self.log]
        begin = 0 if after is None else marks.index(list(after)) + 1
        for commits, mark in self.log[begin:]:
            yield [each for each in commits if since <= each.commit.at <= until], mark  # type: ignore[union-attr]

    # ---- what happens

    def subscribe(self, key: str = "k1", **wanted: Any) -> Subscription:
        """A subscription."""
        given = {"url": URL, "event_types": ("OrderPlaced.v1",), **wanted}
        return self.manage.create(key, Wanted(**given), "admin")[0]

    def publish(self, event_id: str, kind: str = "OrderPlaced.v1", **detail: Any) -> int:
        """The bus has an event."""
        told = {"occurred_at": self.now.isoformat(), "commit": 1, **detail, "event_id": event_id}
        return self.fan_out(kind, told)

    def step(self) -> bool:
        """The next message that is visible, taken once; False when none is."""
        found = next((each for each in self.waiting if each[0] <= self.now), None)
        if found is None:
            return False
        self.waiting.remove(found)
        if "replay" in found[1]:
            self.replay_slice(found[1]["replay"]["replay_id"], found[1]["replay"]["mark"], lambda: True)
        else:
            self.outcomes.append(self.deliver_one(delivery_from_plain(found[1]["deliver"])))
        return True

    def settle(self, most: timedelta = timedelta(days=30)) -> None:
        """Let time pass until nothing waits, or for so long."""
        until = self.now + most
        while self.waiting and self.now <= until:
            while self.step():
                pass
            if self.waiting:
                self.now = max(self.now, min(at for at, _ in self.waiting))

    def alerts(self) -> list[dict[str, Any]]:
        """What people see."""
        return [row for (kind, _), row in self.rows.items() if kind == "alert"]

    def verify(self, secret: str) -> None:
        """Every request that was received is signed by this secret, at the time it was sent."""
        for each in self.received:
            keys = list(signatures.standard_keys([secret]))
            signatures.check_standard(each.headers, each.body, keys, each.at)
