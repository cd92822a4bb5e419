"""Outbound webhooks: who wants which public event, what is sent, when again, and when no more.

Standard Webhooks, https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: the body
is `type`, `timestamp` (when it happened), `data`; 2xx is success and all else failure, 3xx included; 410 Gone ends the
subscription; `Retry-After` is heeded; retries follow its example schedule, 75 hours and a half in all.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from oms.domain import ids
from oms.domain.errors import InvalidInputError
from oms.domain.frozen import frozen
from oms.domain.public_events import DETAIL_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WAITS_S: Final = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds before each attempt, after the one before it failed."""
JITTER: Final = 10
"""Per cent of a wait that is added at most, so that what failed together does not come back together."""
MOST_WAIT: Final = timedelta(days=1)
"""Of what `Retry-After` may ask for."""
DISABLE_AFTER: Final = timedelta(days=3)
"""Of nothing but failures, `DISABLE_FAILURES` of them at least."""
DISABLE_FAILURES: Final = 10
OPEN_AFTER: Final = 5
"""Failures in a row after which an endpoint is left alone for a while: half a minute, then twice as long each time."""
FIRST_OPEN: Final = timedelta(seconds=30)
LONGEST_OPEN: Final = timedelta(minutes=15)
SUCCESS_EVERY: Final = timedelta(minutes=10)
"""A success is noted this often while all goes well."""
GONE: Final = 410
MAX_EXCERPT: Final = 160
PING: Final = "ping"


class State(StrEnum):
    """Of a subscription."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class Why(StrEnum):
    """A subscription is disabled."""

    STAFF = "staff"
    GONE = "gone"
    FAILING = "failing"


@frozen
class Health:
    """How an endpoint does. `failures` in a row; `open_until` it is left alone."""

    failures: int = 0
    failing_since: datetime | None = None
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None
    last_error: str = ""
    open_until: datetime | None = None


@frozen
class Subscription:
    """Who wants what. `channels` and `node_ids`, where given, leave out events that name another one."""

    subscription_id: str
    url: str
    event_types: tuple[str, ...]
    channels: tuple[str, ...] = ()
    node_ids: tuple[str, ...] = ()
    description: str = ""
    integration: str = ""
    state: State = State.ENABLED
    reason: str = ""
    generation: int = 1
    """Of the secret."""
    previous_until: datetime | None = None
    """Until then the secret of the generation before signs too."""
    rotated_by: str = ""
    """The key of the last rotation, so that it is made once."""
    created_at: datetime
    changed_at: datetime
    changed_by: str
    version: int = 1
    key: str
    """Of the write that made this version, with the hash of what it asked."""

    def wants(self, kind: str, detail: Mapping[str, Any]) -> bool:
        """The event is one of those that are asked for."""
        if kind not in self.event_types:
            return False
        channel, nodes = detail.get("channel"), nodes_of(detail)
        if self.channels and channel is not None and channel not in self.channels:
            return False
        return not (self.node_ids and nodes and nodes.isdisjoint(self.node_ids))

    def secrets(self, master: str, now: datetime) -> list[str]:
        """Those that sign now, the current one first."""
        generations = [self.generation]
        if self.previous_until is not None and now < self.previous_until:
            generations.append(self.generation - 1)
        return [secret_of(master, self.subscription_id, each) for each in generations]


@frozen
class Delivery:
    """An event on its way to one subscription. Its `webhook_id` is the same at every attempt, and when replayed."""

    subscription_id: str
    event_id: str
    body: str
    attempt: int = 1
    due: datetime | None = None

    @property
    def webhook_id(self) -> str:
        """Of Standard Webhooks' header."""
        return webhook_id(self.subscription_id, self.event_id)


def delivery_to_plain(delivery: Delivery) -> dict[str, Any]:
    """JSON values."""
    return {**vars(delivery), "due": delivery.due.isoformat() if delivery.due else None}


def delivery_from_plain(plain: Mapping[str, Any]) -> Delivery:
    """The delivery that `delivery_to_plain` gave."""
    due = plain["due"]
    return Delivery(**{**plain, "due": datetime.fromisoformat(due) if due else None})


def webhook_id(subscription_id: str, event_id: str) -> str:
    """What a receiver knows an event by, however often it comes."""
    return ids.derive("whm", subscription_id, event_id)


def secret_of(master: str, subscription_id: str, generation: int) -> str:
    """`whsec_<base64 of 32 bytes>`: derived, so that a lost answer can be asked for again, and nothing is kept."""
    message = f"webhook {subscription_id} {generation}".encode()
    return f"whsec_{base64.b64encode(hmac.new(master.encode(), message, hashlib.sha256).digest()).decode()}"


def body_of(kind: str, detail: Mapping[str, Any]) -> str:
    """The body that tells an event, the same ASCII text each time; `detail` as the bus has it, with its `event_id`."""
    told = {"type": kind, "timestamp": detail["occurred_at"], "data": detail}
    return json.dumps(told, sort_keys=True, separators=(",", ":"))


def nodes_of(detail: Mapping[str, Any]) -> set[str]:
    """The nodes that an event names."""
    parts = [detail, *detail.get("movements", ()), *detail.get("fulfillment_orders", ())]
    return {each[name] for each in parts for name in ("node_id", "to_node_id") if each.get(name)}


def asked_for(subscriptions: Iterable[Subscription]) -> list[str]:
    """Event types that somebody is sent, in order."""
    return sorted({kind for each in subscriptions if each.state is State.ENABLED for kind in each.event_types})


def next_due(delivery: Delivery, now: datetime, retry_after: float | None = None) -> datetime | None:
    """When to try again after the delivery's attempt failed; None when that was the last one."""
    if delivery.attempt >= len(WAITS_S):
        return None
    wait = timedelta(seconds=WAITS_S[delivery.attempt])
    spread = _spread(f"{delivery.webhook_id} {delivery.attempt}")
    wait += wait * JITTER * spread / (100 * 1024)
    if retry_after is not None:
        wait = max(wait, min(timedelta(seconds=retry_after), MOST_WAIT))
    return now + wait


def deferred(delivery: Delivery, until: datetime) -> Delivery:
    """The same attempt, when the endpoint is no longer left alone: within the minute after, not all at once."""
    return replace(delivery, due=until + timedelta(seconds=60) * _spread(delivery.webhook_id) / 1024)


def opened(failures: int, now: datetime) -> datetime | None:
    """Until when an endpoint is left alone after so many failures in a row."""
    if failures < OPEN_AFTER:
        return None
    wait: timedelta = min(FIRST_OPEN * 2 ** min(failures - OPEN_AFTER, 10), LONGEST_OPEN)
    return now + wait


def is_hopeless(health: Health, now: datetime) -> bool:
    """For days there was nothing but failure."""
    since = health.failing_since
    return since is not None and now - since >= DISABLE_AFTER and health.failures >= DISABLE_FAILURES


def excerpt(body: bytes) -> str:
    """The beginning of an answer, for a person: printable, in one line."""
    text = body[: MAX_EXCERPT * 4].decode("utf-8", "replace")
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:MAX_EXCERPT]


def check_kinds(kinds: Sequence[str]) -> tuple[str, ...]:
    """Event types, each once; raises InvalidInputError for one that is never published."""
    unknown = sorted(set(kinds) - set(DETAIL_TYPES))
    if unknown or not kinds:
        raise InvalidInputError("event types are 1 or more of those that are published", unknown=unknown[:20])
    return tuple(dict.fromkeys(kinds))


def _spread(name: str) -> int:
    """0 to 1023, by name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:2], "big") >> 6
