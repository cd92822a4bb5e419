"""Subscriptions to outbound webhooks: made, changed, rotated, ended and tried out, each write once by its key."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.domain import ids
from oms.domain.egress import read_endpoint
from oms.domain.errors import (
    IdempotencyKeyReusedError,
    InvalidInputError,
    VersionConflictError,
    WebhookNotFoundError,
    WebhookOutdatedError,
)
from oms.domain.frozen import frozen
from oms.domain.outbound import State, Subscription, Why, asked_for, check_kinds, secret_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from oms.application.outbound_ports import Rule, Subscriptions
    from oms.application.ports import Clock

MOST: Final = 50
"""Subscriptions: each event is held against all of them."""
OVERLAP: Final = timedelta(hours=24)
LONGEST_OVERLAP: Final = timedelta(days=7)
TRIES: Final = 4
RULE_TRIES: Final = 8


@frozen
class Wanted:
    """What the author of a subscription says."""

    url: str
    event_types: Sequence[str]
    channels: Sequence[str] = ()
    node_ids: Sequence[str] = ()
    description: str = ""
    integration: str = ""


@frozen(kw_only=False)
class KeepRule:
    """The bus is asked for what is subscribed to: no more, or each event costs, and no less, or it is missed."""

    subscriptions: Subscriptions
    rule: Rule

    def __call__(self) -> list[str]:
        """What it is asked for. Who writes last has read after it wrote, so that two at once leave what both want."""
        kinds: list[str] | None = None
        for _ in range(RULE_TRIES):
            wanted = asked_for(self.subscriptions.all())
            if wanted == kinds:
                break
            self.rule.ask_for(wanted)
            kinds = wanted
        return kinds or []


@frozen(kw_only=False)
class ManageSubscriptions:
    """What is saved takes effect within the seconds for which the bus's rules and the subscriptions are kept."""

    subscriptions: Subscriptions
    keep_rule: KeepRule
    master: Callable[[], str]
    """The key from which secrets are derived."""
    allowed: str
    """See `egress.read_endpoint`."""
    now: Clock

    def create(self, key: str, wanted: Wanted, actor: str) -> tuple[Subscription, str, bool]:
        """(subscription, secret, whether this key did so before).

        Raises EndpointRefusedError, InvalidInputError, IdempotencyKeyReusedError.
        """
        subscription_id = ids.derive("whs", key)
        secret = secret_of(self.master(), subscription_id, 1)
        now = self.now()
        made = Subscription(
            subscription_id=subscription_id,
            **self._checked(wanted),
            created_at=now,
            changed_at=now,
            changed_by=actor,
            key=_asked(key, wanted),
        )
        found = self._first(made)
        self.keep_rule()
        return found or made, self._secret(found) if found else secret, found is not None

    def _first(self, made: Subscription) -> Subscription | None:
        """The subscription as this key made it before, if it did; else it is made."""
        known = {each.subscription_id: each for each in self.subscriptions.all()}
        found = known.get(made.subscription_id)
        if found is None and len(known) >= MOST:
            raise InvalidInputError("there are as many subscriptions as there may be", limit=MOST)
        if found is None:
            try:
                self.subscriptions.save(made)
            except VersionConflictError:
                found = self.subscriptions.get(made.subscription_id)
        if found is not None and found.version == 1 and found.key != made.key:
            raise IdempotencyKeyReusedError("this Idempotency-Key was used for another subscription")
        return found

    def change(self, key: str, subscription_id: str, wanted: Wanted, expected: int, actor: str) -> Subscription:
        """Version `expected` + 1; raises what `create` raises, and WebhookOutdatedError when another one is current."""
        found = self.subscriptions.get(subscription_id)
        asked = _asked(key, wanted)
        if found.version == expected + 1 and found.key == asked:
            self.keep_rule()
            return found
        changed = replace(
            found,
            **self._checked(wanted),
            version=expected + 1,
            changed_at=self.now(),
            changed_by=actor,
            key=asked,
        )
        if found.version != expected:
            raise WebhookOutdatedError("this is not the version that holds: look at it again", version=found.version)
        try:
            self.subscriptions.save(changed)
        except VersionConflictError:
            found = self.subscriptions.get(subscription_id)
            if found.version != expected + 1 or found.key != asked:
                raise WebhookOutdatedError(
                    "it was changed meanwhile: look at it again", version=found.version
                ) from None
        self.keep_rule()
        return changed

    def enable(self, subscription_id: str, actor: str) -> Subscription:
        """Send again, and hold no failure against it. What happened meanwhile is not sent: see `ReplayWebhooks`."""
        self.subscriptions.forgiven(subscription_id)
        return self._become(subscription_id, State.ENABLED, "", actor)

    def disable(self, subscription_id: str, actor: str) -> Subscription:
        """Send nothing more; what waits is dropped."""
        return self._become(subscription_id, State.DISABLED, Why.STAFF.value, actor)

    def _become(self, subscription_id: str, state: State, reason: str, actor: str) -> Subscription:
        become(self.subscriptions, subscription_id, state, reason, actor, self.now)
        self.keep_rule()
        return self.subscriptions.get(subscription_id)

    def rotate(self, key: str, subscription_id: str, overlap: timedelta, actor: str) -> tuple[Subscription, str]:
        """(subscription, its new secret). The one before signs beside it for `overlap`, so that nothing is refused."""
        if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
            raise InvalidInputError("two secrets are valid for 0 to 168 hours")
        for _ in range(TRIES):
            found = self.subscriptions.get(subscription_id)
            if found.rotated_by == key:
                return found, self._secret(found)
            now = self.now()
            rotated = replace(
                found,
                generation=found.generation + 1,
                previous_until=now + overlap if overlap else None,
                rotated_by=key,
                version=found.version + 1,
                changed_at=now,
                changed_by=actor,
            )
            try:
                self.subscriptions.save(rotated)
            except VersionConflictError:
                continue
            return rotated, self._secret(rotated)
        raise WebhookOutdatedError("it keeps being changed by others", subscription_id=subscription_id)

    def _secret(self, found: Subscription) -> str:
        return found.secrets(self.master(), self.now())[0]

    def _checked(self, wanted: Wanted) -> dict[str, Any]:
        read_endpoint(wanted.url, self.allowed)
        return {
            "url": wanted.url,
            "event_types": check_kinds(wanted.event_types),
            "channels": tuple(dict.fromkeys(wanted.channels)),
            "node_ids": tuple(dict.fromkeys(wanted.node_ids)),
            "description": wanted.description,
            "integration": wanted.integration,
        }


def become(
    subscriptions: Subscriptions, subscription_id: str, state: State, reason: str, actor: str, now: Clock
) -> bool:
    """Have a subscription in this state; False when it was, or is gone. Raises WebhookOutdatedError."""
    for _ in range(TRIES):
        try:
            found = subscriptions.get(subscription_id)
        except WebhookNotFoundError:
            if actor:
                raise
            return False
        if found.state is state:
            return False
        changed = replace(
            found, state=state, reason=reason, version=found.version + 1, changed_at=now(), changed_by=actor
        )
        try:
            subscriptions.save(changed)
        except VersionConflictError:
            continue
        return True
    raise WebhookOutdatedError("it keeps being changed by others", subscription_id=subscription_id)


def _asked(key: str, wanted: Wanted) -> str:
    """The key, and what it asked for: it may not come back for something else."""
    text = json.dumps(vars(wanted), sort_keys=True)
    return f"{key}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
