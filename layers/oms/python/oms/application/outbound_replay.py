"""Send a subscription again what happened since some point: read from the log, so from any point there ever was.

The log has no index by time, which would cost each order; it is read through, a page after the other, and the message
that a slice ends with is where the next one begins. What is sent again has the `webhook-id` that it had at first.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.domain import ids
from oms.domain.commit import StoredCommit
from oms.domain.errors import (
    IdempotencyKeyReusedError,
    InvalidInputError,
    WebhookDisabledError,
    WebhookNotFoundError,
)
from oms.domain.frozen import frozen
from oms.domain.outbound import Delivery, State, Subscription, body_of
from oms.domain.public_events import public_events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from oms.application.outbound_ports import DeliveryQueue, LogSince, Subscriptions
    from oms.application.ports import Clock, Log, Views
    from oms.domain.commit import Unreadable

ROW: Final = "webhook_replay"
KEEP_DAYS: Final = 90
SLICE: Final = 500
"""Deliveries after which a slice ends: what is live has its turn between."""
PAUSE_S: Final = 5
PAUSE_ALONE_S: Final = 300
"""Between slices, while the endpoint is left alone."""
CLOCKS: Final = timedelta(minutes=5)
"""By how much the clocks of those who write commits may be ahead of ours."""


@frozen(kw_only=False)
class AskReplay:
    """Begin one, once by its key."""

    subscriptions: Subscriptions
    log: Log
    queue: DeliveryQueue
    views: Views
    now: Clock

    def __call__(self, key: str, subscription_id: str, since: datetime | str, actor: str) -> Mapping[str, Any]:
        """The replay's row. `since`: an instant, or the id of an event, which is the first that is sent again.

        Raises WebhookNotFoundError, WebhookDisabledError, InvalidInputError, IdempotencyKeyReusedError.
        """
        found = self.subscriptions.get(subscription_id)
        if found.state is not State.ENABLED:
            raise WebhookDisabledError("enable it first: nothing is sent to a disabled subscription")
        now = self.now()
        begin = self._when(since) if isinstance(since, str) else since
        if begin > now:
            raise InvalidInputError("nothing happened yet since then")
        row = {
            "replay_id": ids.derive("whr", subscription_id, key),
            "subscription_id": subscription_id,
            "since": begin.isoformat(),
            "until": now.isoformat(),
            "state": "asked",
            "sent": 0,
            "unreadable": 0,
            "asked_by": actor,
        }
        key = str(row["replay_id"])
        if not self.views.put_row(ROW, key, row, keep_days=KEEP_DAYS):
            known = self.views.get_row(ROW, key) or row
            if known["since"] != row["since"]:
                raise IdempotencyKeyReusedError("this Idempotency-Key was used for another replay")
            row = dict(known)
        if row["state"] == "asked":  # of an earlier try of this call, which perhaps did not come as far as this
            self.queue.replay({"replay_id": key, "mark": None})
        return row

    def show(self, subscription_id: str, replay_id: str) -> Mapping[str, Any]:
        """The replay's row; raises WebhookNotFoundError."""
        row = self.views.get_row(ROW, replay_id)
        if row is None or row["subscription_id"] != subscription_id:
            raise WebhookNotFoundError("no such replay")
        return row

    def _when(self, event_id: str) -> datetime:
        """When an event happened: `<stream>:<commit>:<n>`."""
        stream, _, rest = event_id.partition(":")
        number = rest.partition(":")[0]
        commits = self.log.read(stream).commits if number.isdigit() and len(number) < 9 else ()  # noqa: PLR2004 - digits of a commit's number
        found = next((each for each in commits if each.number == int(number)), None)
        if found is None:
            raise InvalidInputError("no such event")
        return found.at


@frozen(kw_only=False)
class ReplayWebhooks:
    """A slice of a replay."""

    subscriptions: Subscriptions
    log: LogSince
    queue: DeliveryQueue
    views: Views
    now: Clock

    def __call__(self, replay_id: str, mark: Sequence[str] | None, more: Callable[[], bool]) -> Mapping[str, Any]:
        """Send what stands behind `mark`, and have the rest sent after that; the row as it is now."""
        row = self.views.get_row(ROW, replay_id)
        if row is None:  # a replay that was asked for so long ago that nobody remembers it
            raise WebhookNotFoundError("no such replay")
        try:
            subscription = self.subscriptions.get(row["subscription_id"])
        except WebhookNotFoundError:
            return self._note(row, "ended", 0, 0)
        if subscription.state is not State.ENABLED:
            return self._note(row, "ended", 0, 0)
        open_until = self.subscriptions.health(subscription.subscription_id).open_until
        if open_until is not None and open_until > self.now():
            self.queue.replay({"replay_id": replay_id, "mark": mark}, PAUSE_ALONE_S)
            return row
        since, until = datetime.fromisoformat(row["since"]), datetime.fromisoformat(row["until"])
        sent = unreadable = 0
        for commits, behind in self.log.pages(since, until + CLOCKS, mark):
            deliveries = list(_deliveries(subscription, commits))
            for start in range(0, len(deliveries), SLICE):
                self.queue.deliver(deliveries[start : start + SLICE], self.now())
            sent, mark = sent + len(deliveries), behind
            unreadable += sum(not isinstance(each, StoredCommit) for each in commits)
            if sent >= SLICE or not more():
                break
        if mark is None:
            return self._note(row, "finished", sent, unreadable)
        told = self._note(row, "running", sent, unreadable)
        self.queue.replay({"replay_id": replay_id, "mark": list(mark)}, PAUSE_S if sent else 0)
        return told

    def _note(self, row: Mapping[str, Any], state: str, sent: int, unreadable: int) -> Mapping[str, Any]:
        """How far it came. A slice that is made again is counted again: as often as it sent."""
        sums = {"sent": row["sent"] + sent, "unreadable": row["unreadable"] + unreadable}
        told = {**row, **sums, "state": state, "at": self.now().isoformat()}
        self.views.put_row(ROW, row["replay_id"], told, keep_days=KEEP_DAYS, replace=True)
        return told


def _deliveries(subscription: Subscription, commits: Sequence[StoredCommit | Unreadable]) -> Iterator[Delivery]:
    """What the subscription wants of these commits, the oldest first."""
    stored = [each.commit for each in commits if isinstance(each, StoredCommit)]
    for commit in sorted(stored, key=lambda each: (each.at, each.stream, each.number)):
        for event_id, kind, detail in public_events(commit):
            shown = {**detail, "event_id": event_id}
            if subscription.wants(kind, shown):
                yield Delivery(
                    subscription_id=subscription.subscription_id, event_id=event_id, body=body_of(kind, shown)
                )
