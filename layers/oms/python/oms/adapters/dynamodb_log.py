"""The event log on DynamoDB: one item per commit, appended under the next number."""

from __future__ import annotations

import json
import random
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from oms.adapters import keys
from oms.adapters.commit_item import commit_from_item, commit_to_item, readable
from oms.adapters.feed_marks import add_mark, mark_moved
from oms.domain.commit import GENESIS
from oms.domain.errors import (
    ContentionError,
    DuplicateOrderNumberError,
    InsufficientStockError,
    PaymentAlreadyUsedError,
    StockChangedError,
    VersionConflictError,
)
from oms.domain.feed import FedDelta
from oms.domain.history import History
from oms.domain.holding import DueHold
from oms.domain.stock import COMPONENTS, SEEN, DecidedDelta, KeepingDelta, StockDelta
from oms.domain.supply import Lot, LotStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oms.domain.commit import Commit, StoredCommit, Unreadable

COLLISIONS: Final = 8
"""Tries of a transaction that DynamoDB cancelled because another one touched the same item."""
ABREAST: Final = 10
"""Queries made at the same time: as many as a client keeps connections."""
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

    def stored(self, stream: str) -> list[StoredCommit | Unreadable]:
        """All commits of a stream as they are stored, read like `read`, also those that cannot be read any more."""
        return [readable(item) for item in self._items(stream, keys.COMMIT_PREFIX)]

    def append(
        self,
        commit: Commit,
        *,
        stock: Sequence[StockDelta] = (),
        unique: Sequence[str] = (),
        lots: Sequence[Lot] = (),
        due: Sequence[DueHold] = (),
        beside: Sequence[Commit] = (),
    ) -> None:
        """See the port. A plain conditional put when the commit stands alone, else one transaction."""
        rows = [*[self._lot(lot) for lot in lots], *[self._due(hold) for hold in due]]
        if not stock and not unique and not rows and not beside:
            self._put(commit_to_item(commit), commit)
            return
        commits = (commit, *beside)
        if_absent = {"TableName": self._table, "ConditionExpression": "attribute_not_exists(pk)"}
        puts = [{"Put": {**if_absent, "Item": commit_to_item(each)}} for each in commits]
        guards = [{"Put": self._guard(key, commit.stream)} for key in unique]
        moves = [{"Update": self._move(delta)} for delta in stock]
        self._transact([*puts, *guards, *moves, *rows], commits, stock, unique)

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

    def _lot(self, lot: Lot) -> dict[str, Any]:
        """A lot as its commit leaves it: the commit's number is what makes that the newest."""
        key = {"pk": {"S": keys.lots_pk(lot.sku)}, "sk": {"S": keys.lot_sk(lot.supply_id)}}
        if lot.status is not LotStatus.EXPECTED:
            return {"Delete": {"TableName": self._stock_table, "Key": key}}
        fields = {"node": {"S": lot.node_id}, "quantity": {"N": str(lot.quantity)}, "due": {"S": keys.instant(lot.due)}}
        return {"Put": {"TableName": self._stock_table, "Item": {**key, **fields}}}

    def _due(self, hold: DueHold) -> dict[str, Any]:
        """Where the sweep finds an open hold: written with the commit, so that none is missed."""
        key = {"pk": {"S": keys.held_pk(hold.hold_id)}, "sk": {"S": keys.at_sk(keys.instant(hold.due), hold.hold_id)}}
        if not hold.open:
            return {"Delete": {"TableName": self._stock_table, "Key": key}}
        fields = {"due": {"S": keys.instant(hold.due)}, "skus": {"SS": list(hold.skus)}}
        return {"Put": {"TableName": self._stock_table, "Item": {**key, **fields}}}

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
                values[f":least_{name}"] = {"N": str(_kept(delta, name) - units)}
                conditions.append(f"#{name} >= :least_{name}")
        if delta.reserved > 0:  # nothing is bound where units that orders have bound were not found
            names["#short"] = "short"
            conditions.append(_none_of("#short"))
        for name, units in _seen(delta).items():
            names[f"#{name}"] = name
            conditions.append(f"#{name} = :seen_{name}" if units else _none_of(f"#{name}"))
            if units:
                values[f":seen_{name}"] = {"N": str(units)}
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
        if isinstance(delta, FedDelta):
            add_mark(delta, update)
        return update

    def _transact(
        self, items: list[dict[str, Any]], commits: Sequence[Commit], stock: Sequence[StockDelta], unique: Sequence[str]
    ) -> None:
        for attempt in range(COLLISIONS):
            try:
                self._client.transact_write_items(TransactItems=items)
                return
            except ClientError as error:
                if error.response["Error"]["Code"] != "TransactionCanceledException":
                    raise
                reasons = error.response.get("CancellationReasons", [])
                refusal = _refusal(reasons, commits, stock, unique)
                if refusal is not None:
                    raise refusal from error
            _step_back(attempt)
        raise ContentionError("transactions kept colliding", stream=commits[0].stream)


def _none_of(name: str) -> str:
    """Units that a position never had are no attribute of it."""
    return f"(attribute_not_exists({name}) OR {name} = :zero)"


def _step_back(attempt: int) -> None:
    time.sleep(_BACKOFF_S * 2**attempt * random.random())  # nosec B311 # noqa: S311 - jitter, not a secret


def _moved_on(commit: Commit) -> VersionConflictError:
    return VersionConflictError("the stream moved on", stream=commit.stream, number=commit.number)


def _refusal(
    reasons: Sequence[Mapping[str, Any]],
    commits: Sequence[Commit],
    stock: Sequence[StockDelta],
    unique: Sequence[str],
) -> Exception | None:
    """Why a transaction was cancelled; None when only other transactions were in the way.

    The commits' own conditions come first: when a number is taken, nothing else that the plan said still counts.
    """
    failed = [index for index, reason in enumerate(reasons) if reason.get("Code") == "ConditionalCheckFailed"]
    if not failed:
        return None
    first = failed[0]
    if first < len(commits):
        return _moved_on(commits[first])
    before = len(commits) + len(unique)
    if first < before:
        if unique[first - len(commits)].startswith("payment#"):
            return PaymentAlreadyUsedError("this payment pays for another order")
        return DuplicateOrderNumberError("another order has this number")
    refused = [(stock[index - before], reasons[index].get("Item") or {}) for index in failed]
    changed = [delta for delta, old in refused if _moved(delta, old)]
    if changed:
        places = [{"sku": delta.sku, "node": delta.node_id} for delta in changed]
        return StockChangedError("units came or left since the position was read", positions=places)
    short = [
        {"sku": delta.sku, "node": delta.node_id, "needs": dict(delta.changes), "has": _has(delta, old)}
        for delta, old in refused
    ]
    return InsufficientStockError("not enough stock", positions=short)


def _kept(delta: StockDelta, name: str) -> int:
    """Units that must stay."""
    return delta.keep if isinstance(delta, KeepingDelta) and name == "available" else 0


def _has(delta: StockDelta, old: Mapping[str, Any]) -> dict[str, int]:
    """What there was of what changes, and of what stood in the way."""
    names = (*delta.changes, "short") if delta.reserved > 0 else delta.changes
    return {name: int(old[name]["N"]) for name in names if name in old}


def _seen(delta: StockDelta) -> dict[str, int]:
    """What a position must still be for a change that was decided on it."""
    return {name: getattr(delta.seen, name) for name in SEEN} if isinstance(delta, DecidedDelta) else {}


def _moved(delta: StockDelta, old: Mapping[str, Any]) -> bool:
    if isinstance(delta, FedDelta) and mark_moved(delta, old):
        return True
    return any(int(old.get(name, {"N": "0"})["N"]) != units for name, units in _seen(delta).items())


class DynamoStock:
    """Stock port. One Query per SKU gives every node of it."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def positions(self, skus: Iterable[str]) -> list[StockDelta]:
        """One Query after the other."""
        return [each for sku in dict.fromkeys(skus) for each in self._of(sku, consistent=True)]

    def look(self, skus: Iterable[str]) -> list[StockDelta]:
        """`ABREAST` Queries at a time, at half the price. For few, threads take longer to start than they save."""
        wanted = list(dict.fromkeys(skus))
        if len(wanted) < ABREAST:
            return [each for sku in wanted for each in self._of(sku, consistent=False)]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(ABREAST) as threads:
            answers = threads.map(lambda sku: self._of(sku, consistent=False), wanted)
            return [each for answer in answers for each in answer]

    def inbound(self, sku: str) -> list[Lot]:
        """One Query."""
        return [_lot(sku, item) for item in self._items(keys.lots_pk(sku), consistent=True) if not is_position(item)]

    def due_holds(self, now: datetime, limit: int) -> list[DueHold]:
        """One Query per partition."""
        found: list[DueHold] = []
        for pk in keys.held_pks():
            page = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND sk < :until",
                FilterExpression="attribute_exists(due)",
                ExpressionAttributeValues={
                    ":pk": {"S": pk},
                    ":until": {"S": keys.at_sk(keys.instant(now), "~")},
                },
                ConsistentRead=True,
                Limit=limit,
            )
            found.extend(_due_hold(item) for item in page["Items"])
        return found

    def _of(self, sku: str, *, consistent: bool) -> list[StockDelta]:
        return [position_from_item(item) for item in self._items(sku, consistent=consistent) if is_position(item)]

    def _items(self, pk: str, *, consistent: bool) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}},
            "ConsistentRead": consistent,
        }
        while True:
            page = self._client.query(**query)
            found.extend(page["Items"])
            if "LastEvaluatedKey" not in page:
                return found
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _lot(sku: str, item: Mapping[str, Any]) -> Lot:
    return Lot(
        supply_id=item["sk"]["S"].removeprefix(keys.LOT_PREFIX),
        sku=sku,
        node_id=item["node"]["S"],
        quantity=int(item["quantity"]["N"]),
        due=datetime.fromisoformat(item["due"]["S"]),
    )


def _due_hold(item: Mapping[str, Any]) -> DueHold:
    _, _, hold_id = item["sk"]["S"].rpartition("#")
    return DueHold(
        hold_id=hold_id, due=datetime.fromisoformat(item["due"]["S"]), skus=tuple(sorted(item["skus"]["SS"]))
    )


def is_position(item: Mapping[str, Any]) -> bool:
    """Beside positions, the table of stock has lots that are to come, and open holds by when they end."""
    return "due" not in item


def position_from_item(item: Mapping[str, Any]) -> StockDelta:
    """The position of a stored row."""
    node_id, _, _shard = item["sk"]["S"].rpartition("#")
    counts = {name: int(item[name]["N"]) for name in COMPONENTS if name in item}
    return StockDelta(sku=item["pk"]["S"], node_id=node_id, **counts)
