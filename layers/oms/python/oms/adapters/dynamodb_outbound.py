"""Subscriptions to outbound webhooks, how their endpoints do, and the log by time, on DynamoDB.

A subscription is master data (`reference`); how its endpoint does is derived, changes often, and may be lost (`views`).
"""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import keys
from oms.adapters.commit_item import readable
from oms.adapters.dynamodb_log import DynamoLog
from oms.domain.errors import VersionConflictError, WebhookNotFoundError
from oms.domain.outbound import Health, State, Subscription

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from oms.domain.commit import StoredCommit, Unreadable

KEEP_S: Final = 5.0
"""How long a warm function may use what it read."""
_MOMENTS: Final = ("previous_until", "created_at", "changed_at")
_LISTS: Final = ("event_types", "channels", "node_ids")
_NO_HEALTH: Final = Health()


class DynamoSubscriptions:
    """Subscriptions port."""

    def __init__(self, client: Any, reference_table: str, views_table: str) -> None:
        self._client = client
        self._reference = reference_table
        self._views = views_table
        self._known: list[Subscription] = []
        self._known_at = float("-inf")
        self._health: dict[str, Health] = {}
        self._health_at = float("-inf")

    def all(self) -> list[Subscription]:
        """By one Query."""
        items = self._query(self._reference, keys.WEBHOOK, consistent=True)
        return [_subscription(json.loads(item["body"]["S"])) for item in items]

    def known(self) -> list[Subscription]:
        """As it was at most `KEEP_S` ago."""
        if time.monotonic() - self._known_at > KEEP_S:
            self._known, self._known_at = self.all(), time.monotonic()
        return self._known

    def get(self, subscription_id: str) -> Subscription:
        """Read consistently."""
        key = {"pk": {"S": keys.WEBHOOK}, "sk": {"S": subscription_id}}
        item = self._client.get_item(TableName=self._reference, Key=key, ConsistentRead=True).get("Item")
        if item is None:
            raise WebhookNotFoundError("no such subscription")
        return _subscription(json.loads(item["body"]["S"]))

    def save(self, subscription: Subscription) -> None:
        """Conditional on the version before."""
        number = subscription.version
        if number == 1:
            condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        else:
            values = {":n": {"N": str(number - 1)}}
            condition = {"ConditionExpression": "n = :n", "ExpressionAttributeValues": values}
        item = {
            "pk": {"S": keys.WEBHOOK},
            "sk": {"S": subscription.subscription_id},
            "n": {"N": str(number)},
            "body": {"S": json.dumps(_plain(subscription), ensure_ascii=False, sort_keys=True)},
        }
        try:
            self._client.put_item(TableName=self._reference, Item=item, **condition)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise VersionConflictError("the subscription was changed meanwhile", version=number) from error
        self._known_at = float("-inf")

    # ---------------------------------------------------------------- how endpoints do

    def health(self, subscription_id: str) -> Health:
        """As it was at most `KEEP_S` ago."""
        if time.monotonic() - self._health_at > KEEP_S:
            items = self._query(self._views, keys.WEBHOOK_HEALTH, consistent=False)
            self._health = {item["sk"]["S"]: _health(item) for item in items}
            self._health_at = time.monotonic()
        return self._health.get(subscription_id, _NO_HEALTH)

    def failed(
        self, subscription_id: str, attempt_id: str, now: datetime, error: str, open_until: datetime | None
    ) -> Health:
        """Once for an attempt: a lost acknowledgement meets itself, unless another one failed in between."""
        values = {":one": {"N": "1"}, ":now": _at(now), ":error": {"S": error}, ":id": {"S": attempt_id}}
        sets = "SET failing_since = if_not_exists(failing_since, :now), last_failure_at = :now, last_error = :error"
        sets += ", last_attempt = :id"
        if open_until is not None:
            sets += ", open_until = :open"
            values[":open"] = _at(open_until)
        once = {"ConditionExpression": "attribute_not_exists(last_attempt) OR last_attempt <> :id"}
        try:
            return self._note(subscription_id, f"{sets} ADD failures :one", values, **once)
        except self._client.exceptions.ConditionalCheckFailedException:
            self._health_at = float("-inf")
            return self.health(subscription_id)

    def succeeded(self, subscription_id: str, now: datetime) -> None:
        """The last error stays to be seen."""
        forget = "REMOVE failures, failing_since, open_until"
        self._note(subscription_id, f"SET last_success_at = :now {forget}", {":now": _at(now)})

    def forgiven(self, subscription_id: str) -> None:
        """As if it had never failed."""
        self._note(subscription_id, "REMOVE failures, failing_since, open_until", {})

    def _note(self, subscription_id: str, update: str, values: Mapping[str, Any], **condition: str) -> Health:
        answer = self._client.update_item(
            TableName=self._views,
            Key={"pk": {"S": keys.WEBHOOK_HEALTH}, "sk": {"S": subscription_id}},
            UpdateExpression=update,
            ReturnValues="ALL_NEW",
            **({"ExpressionAttributeValues": values} if values else {}),
            **condition,
        )
        health = _health(answer["Attributes"])
        self._health = {**self._health, subscription_id: health}
        return health

    def _query(self, table: str, pk: str, *, consistent: bool) -> list[dict[str, Any]]:
        query: dict[str, Any] = {
            "TableName": table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}},
            "ConsistentRead": consistent,
        }
        items: list[dict[str, Any]] = []
        while True:
            page = self._client.query(**query)
            items.extend(page["Items"])
            if "LastEvaluatedKey" not in page:
                return items
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


class DynamoLogSince:
    """LogSince port: a Scan, since an index by time would cost every commit a write."""

    def __init__(self, client: Any, events_table: str, stock_table: str) -> None:
        self._client = client
        self._events = events_table
        self._log = DynamoLog(client, events_table, stock_table)

    def pages(
        self, since: datetime, until: datetime, after: Sequence[str] | None
    ) -> Iterator[tuple[list[StoredCommit | Unreadable], Sequence[str] | None]]:
        """See the port. Consistent: every commit that was there when its page was asked for."""
        scan: dict[str, Any] = {
            "TableName": self._events,
            "ConsistentRead": True,
            "FilterExpression": "begins_with(sk, :commit) AND #at BETWEEN :since AND :until",
            "ExpressionAttributeNames": {"#at": "at"},
            "ExpressionAttributeValues": {
                ":commit": {"S": keys.COMMIT_PREFIX},
                ":since": {"S": keys.instant(since)},
                ":until": {"S": keys.instant(until)},
            },
        }
        mark = after
        while True:
            if mark is not None:
                pk, sk = mark
                scan["ExclusiveStartKey"] = {"pk": {"S": pk}, "sk": {"S": sk}}
            page = self._client.scan(**scan)
            last = page.get("LastEvaluatedKey")
            mark = (last["pk"]["S"], last["sk"]["S"]) if last else None
            # A part of a long commit has no `at`, so that what is found are commits alone.
            yield [readable(self._log.whole(item)) for item in page["Items"]], mark
            if mark is None:
                return


def _plain(subscription: Subscription) -> dict[str, Any]:
    plain: dict[str, Any] = dict(vars(subscription))
    for name in _MOMENTS:
        plain[name] = plain[name].isoformat() if plain[name] else None
    return {**plain, "state": subscription.state.value}


def _subscription(plain: dict[str, Any]) -> Subscription:
    for name in _MOMENTS:
        plain[name] = datetime.fromisoformat(plain[name]) if plain[name] else None
    for name in _LISTS:
        plain[name] = tuple(plain[name])
    return Subscription(**{**plain, "state": State(plain["state"])})


def _at(at: datetime) -> dict[str, str]:
    return {"S": at.isoformat()}


def _health(item: Mapping[str, Any]) -> Health:
    def moment(name: str) -> datetime | None:
        return datetime.fromisoformat(item[name]["S"]) if name in item else None

    return Health(
        failures=int(item["failures"]["N"]) if "failures" in item else 0,
        failing_since=moment("failing_since"),
        last_success_at=moment("last_success_at"),
        last_failure_at=moment("last_failure_at"),
        last_error=item["last_error"]["S"] if "last_error" in item else "",
        open_until=moment("open_until"),
    )
