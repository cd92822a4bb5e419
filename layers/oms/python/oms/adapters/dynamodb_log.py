"""The event log on DynamoDB: one item per commit, appended under the next number."""

from __future__ import annotations

import json
import random
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from oms.adapters import keys
from oms.domain.codec import event_from_plain, event_to_plain
from oms.domain.commit import GENESIS, Cause, Commit, chain_hash
from oms.domain.errors import (
    ContentionError,
    DuplicateOrderNumberError,
    InsufficientStockError,
    PaymentAlreadyUsedError,
    VersionConflictError,
)
from oms.domain.history import History
from oms.domain.stock import COMPONENTS, StockDelta

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

COLLISIONS: Final = 8
"""Tries of a transaction that DynamoDB cancelled because another one touched the same item."""
_BACKOFF_S: Final = 0.02


class DynamoLog:
    """Log port. `stock_table` is written only together with a commit."""

    def __init__(self, client: Any, table: str, stock_table: str) -> None:
        self._client = client
        self._table = table
        self._stock_table = stock_table

    def read(self, stream: str) -> History:
        """All commits of a stream, by one consistent Query (more when it is over 1 MB)."""
        commits: list[Commit] = []
        head = GENESIS
        for item in self._items(stream, keys.COMMIT_PREFIX):
            commits.append(commit_from_item(item))
            head = item["h"]["S"]
        return History(stream=stream, commits=tuple(commits), head=head)

    def append(self, commit: Commit, *, stock: Sequence[StockDelta] = (), unique: Sequence[str] = ()) -> None:
        """See the port. A plain conditional put when the commit stands alone, else one transaction."""
        item = commit_to_item(commit)
        if not stock and not unique:
            self._put(item, commit)
            return
        put = {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
        guards = [{"Put": self._guard(key, commit.stream)} for key in unique]
        moves = [{"Update": self._move(delta)} for delta in stock]
        self._transact([{"Put": put}, *guards, *moves], commit, stock, unique)

    def image(self, pk: str, sk: str) -> Mapping[str, Any] | None:
        """The stored form of one item, as a stream would carry it."""
        answer = self._client.get_item(
            TableName=self._table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
        )
        image: Mapping[str, Any] | None = answer.get("Item")
        return image

    def put_fact(self, stream: str, fact_id: str, fact: Mapping[str, Any]) -> bool:
        """See the port."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": stream},
                    "sk": {"S": keys.fact_sk(fact_id)},
                    "f": {"S": json.dumps(fact, separators=(",", ":"), sort_keys=True)},
                },
                ConditionExpression="attribute_not_exists(pk)",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def facts(self, stream: str) -> list[Mapping[str, Any]]:
        """See the port."""
        return [json.loads(item["f"]["S"]) for item in self._items(stream, keys.FACT_PREFIX)]

    def _items(self, stream: str, prefix: str) -> Iterable[dict[str, Any]]:
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
            "ExpressionAttributeValues": {":pk": {"S": stream}, ":prefix": {"S": prefix}},
            "ConsistentRead": True,
        }
        while True:
            page = self._client.query(**query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _put(self, item: dict[str, Any], commit: Commit) -> None:
        for attempt in range(COLLISIONS):
            try:
                self._client.put_item(TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)")
            except self._client.exceptions.ConditionalCheckFailedException as error:
                raise _moved_on(commit) from error
            except self._client.exceptions.TransactionConflictException:
                _step_back(attempt)  # a transaction is writing the same number: wait for how it ends
            else:
                return
        raise ContentionError("a transaction kept colliding", stream=commit.stream)

    def _guard(self, key: str, stream: str) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Item": {"pk": {"S": keys.unique_pk(key)}, "sk": {"S": keys.OWNER}, "of": {"S": stream}},
            "ConditionExpression": "attribute_not_exists(pk) OR #of = :of",
            "ExpressionAttributeNames": {"#of": "of"},
            "ExpressionAttributeValues": {":of": {"S": stream}},
        }

    def _move(self, delta: StockDelta) -> dict[str, Any]:
        """The update of one position, conditional on every component that it lowers."""
        changes = delta.changes
        names = {f"#{name}": name for name in changes}
        values: dict[str, Any] = {":zero": {"N": "0"}}
        conditions = []
        for name, units in changes.items():
            values[f":{name}"] = {"N": str(units)}
            if units < 0:
                values[f":least_{name}"] = {"N": str(-units)}
                conditions.append(f"#{name} >= :least_{name}")
        sets = [f"#{name} = if_not_exists(#{name}, :zero) + :{name}" for name in changes]
        update: dict[str, Any] = {
            "TableName": self._stock_table,
            "Key": {"pk": {"S": delta.sku}, "sk": {"S": keys.position_sk(delta.node_id)}},
            "UpdateExpression": "SET " + ", ".join(sets),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        if conditions:
            update["ConditionExpression"] = " AND ".join(conditions)
            update["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return update

    def _transact(
        self, items: list[dict[str, Any]], commit: Commit, stock: Sequence[StockDelta], unique: Sequence[str]
    ) -> None:
        for attempt in range(COLLISIONS):
            try:
                self._client.transact_write_items(TransactItems=items)
                return
            except ClientError as error:
                if error.response["Error"]["Code"] != "TransactionCanceledException":
                    raise
                reasons = error.response.get("CancellationReasons", [])
                refusal = _refusal(reasons, commit, stock, unique)
                if refusal is not None:
                    raise refusal from error
            _step_back(attempt)
        raise ContentionError("transactions kept colliding", stream=commit.stream)


def _step_back(attempt: int) -> None:
    time.sleep(_BACKOFF_S * 2**attempt * random.random())  # noqa: S311 - jitter, not a secret


def _moved_on(commit: Commit) -> VersionConflictError:
    return VersionConflictError("the stream moved on", stream=commit.stream, number=commit.number)


def _refusal(
    reasons: Sequence[Mapping[str, Any]], commit: Commit, stock: Sequence[StockDelta], unique: Sequence[str]
) -> Exception | None:
    """Why a transaction was cancelled; None when only other transactions were in the way.

    The commit's own condition comes first: when the number is taken, nothing else that the plan said still counts.
    """
    failed = [index for index, reason in enumerate(reasons) if reason.get("Code") == "ConditionalCheckFailed"]
    if 0 in failed:
        return _moved_on(commit)
    if not failed:
        return None
    first = failed[0]
    if first <= len(unique):
        if unique[first - 1].startswith("payment#"):
            return PaymentAlreadyUsedError("this payment pays for another order")
        return DuplicateOrderNumberError("another order has this number")
    short = []
    for index in failed:
        delta = stock[index - 1 - len(unique)]
        old = reasons[index].get("Item") or {}
        have = {name: int(old[name]["N"]) for name in delta.changes if name in old}
        short.append({"sku": delta.sku, "node": delta.node_id, "needs": dict(delta.changes), "has": have})
    return InsufficientStockError("not enough stock", positions=short)


def commit_to_item(commit: Commit) -> dict[str, Any]:
    """The stored form of a commit; raises nothing. Names are short because every byte of every commit is billed."""
    plain = [event_to_plain(event) for event in commit.events]
    item = {
        "pk": {"S": commit.stream},
        "sk": {"S": keys.commit_sk(commit.number)},
        "id": {"S": commit.command_id},
        "by": {"S": f"{commit.cause.kind}|{commit.cause.actor}|{commit.cause.ref}"},
        "at": {"S": keys.instant(commit.at)},
        "ev": {"S": json.dumps(plain, separators=(",", ":"), ensure_ascii=False)},
        "ph": {"S": commit.previous},
        "h": {"S": chain_hash(commit, plain)},
    }
    if commit.summary:
        item["sm"] = {"S": json.dumps(commit.summary, separators=(",", ":"), ensure_ascii=False)}
    return item


def commit_from_item(item: Mapping[str, Any]) -> Commit:
    """The commit of a stored item or stream image; raises UnknownEventError."""
    kind, actor, ref = item["by"]["S"].split("|", 2)
    return Commit(
        stream=item["pk"]["S"],
        number=int(item["sk"]["S"].removeprefix(keys.COMMIT_PREFIX)),
        command_id=item["id"]["S"],
        cause=Cause(kind=kind, ref=ref, actor=actor),
        at=datetime.fromisoformat(item["at"]["S"]),
        events=tuple(event_from_plain(plain) for plain in json.loads(item["ev"]["S"])),
        previous=item["ph"]["S"],
        summary=json.loads(item["sm"]["S"]) if "sm" in item else {},
    )


class DynamoStock:
    """Stock port: positions, read consistently."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def positions(self, skus: Iterable[str]) -> list[StockDelta]:
        """One Query per SKU gives every node of it."""
        found: list[StockDelta] = []
        for sku in dict.fromkeys(skus):
            query: dict[str, Any] = {
                "TableName": self._table,
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": {":pk": {"S": sku}},
                "ConsistentRead": True,
            }
            while True:
                page = self._client.query(**query)
                found.extend(_position(item) for item in page["Items"])
                if "LastEvaluatedKey" not in page:
                    break
                query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        return found


def _position(item: Mapping[str, Any]) -> StockDelta:
    node_id, _, _shard = item["sk"]["S"].rpartition("#")
    counts = {name: int(item[name]["N"]) for name in COMPONENTS if name in item}
    return StockDelta(sku=item["pk"]["S"], node_id=node_id, **counts)
