"""The event log on DynamoDB: one item per commit, appended under the next number."""

from __future__ import annotations

import json
import random
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from oms.adapters import keys
from oms.adapters.commit_item import commit_from_item, commit_to_items, in_parts, joined, readable
from oms.adapters.feed_marks import add_mark
from oms.adapters.refusals import decided, moved_on, refusal_of
from oms.adapters.reshape import Reshape
from oms.adapters.shards import COLLISIONS, Choice, Shards, is_lead, places_in_the_way, shape
from oms.domain.commit import GENESIS
from oms.domain.errors import (
    ContentionError,
    InsufficientStockError,
    StockChangedError,
)
from oms.domain.feed import FedDelta
from oms.domain.history import History
from oms.domain.holding import DueHold
from oms.domain.stock import COMPONENTS, KeepingDelta, StockDelta
from oms.domain.supply import Lot, LotStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from oms.domain.commit import Commit, StoredCommit, Unreadable
    from oms.domain.shards import Row

ABREAST: Final = 10
"""Queries made at the same time: as many as a client keeps connections."""
_BACKOFF_S: Final = 0.02
_OF_STOCK: Final = (InsufficientStockError, StockChangedError)


class DynamoLog:
    """Log port. `stock_table` is written only together with a commit."""

    def __init__(
        self,
        client: Any,
        table: str,
        stock_table: str,
        shards: Shards | None = None,
        wait: Callable[[float], None] | None = None,
    ) -> None:
        self._client = client
        self._table = table
        self._stock_table = stock_table
        self._shards = shards or Shards(client, stock_table)
        self.reshape = Reshape(self._shards, self.read, lambda commit, rows: self._append((commit,), rows))
        self._wait = wait or _sleep

    def read(self, stream: str) -> History:
        """All commits of a stream, by one consistent Query (more when it is over 1 MB)."""
        commits: list[Commit] = []
        head = GENESIS
        for item in joined(self._items(stream, keys.COMMIT_PREFIX)):
            commits.append(commit_from_item(item))
            head = item["h"]["S"]
        return History(stream=stream, commits=tuple(commits), head=head)

    def stored(self, stream: str) -> list[StoredCommit | Unreadable]:
        """All commits of a stream as they are stored, read like `read`, also those that cannot be read any more."""
        return [readable(item) for item in joined(self._items(stream, keys.COMMIT_PREFIX))]

    def whole(self, item: Mapping[str, Any]) -> Mapping[str, Any]:
        """The commit's item with the parts that stand apart, if there are any: one Query."""
        if not in_parts(item):
            return item
        parts = self._items(item["pk"]["S"], keys.parts_prefix(item["sk"]["S"]))
        return next(iter(joined([item, *parts])))

    def append(
        self,
        commit: Commit,
        *,
        stock: Sequence[StockDelta] = (),
        unique: Sequence[str] = (),
        released: Sequence[str] = (),
        lots: Sequence[Lot] = (),
        due: Sequence[DueHold] = (),
        beside: Sequence[Commit] = (),
    ) -> None:
        """See the port. A plain conditional put when the commit stands alone, else one transaction."""
        kept = [*[self._lot(lot) for lot in lots], *[self._due(hold) for hold in due]]
        kept += [{"Put": self._let_go(key, commit.stream)} for key in released]
        if not stock and not unique and not kept and not beside:
            item, *parts = commit_to_items(commit)
            if not parts:
                self._put(item, commit)
                return
        self._append((commit, *beside), Choice(self._shards, stock, commit.stream), unique, kept)

    def _append(
        self, commits: Sequence[Commit], choice: Choice, unique: Sequence[str] = (), kept: Sequence[dict[str, Any]] = ()
    ) -> None:
        if_absent = {"TableName": self._table, "ConditionExpression": "attribute_not_exists(pk)"}
        stored = [commit_to_items(each) for each in commits]
        puts = [{"Put": {**if_absent, "Item": item}} for item, *_ in stored]
        parts = [{"Put": {**if_absent, "Item": part}} for _, *rest in stored for part in rest]
        guards = [{"Put": self._guard(key, commits[0].stream)} for key in unique]
        self._transact(
            lambda rows: [*puts, *guards, *[{"Update": self._move(row)} for row in rows], *kept, *parts],
            commits,
            choice,
            unique,
        )

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
                raise moved_on(commit) from error
            except self._client.exceptions.TransactionConflictException:
                # A transaction is writing the same number: wait for how it ends.
                self._wait(_BACKOFF_S * 2**attempt * random.random())  # nosec B311 # noqa: S311 - jitter, not a secret
            else:
                return
        raise ContentionError("a transaction kept colliding", stream=commit.stream)

    def _let_go(self, key: str, stream: str) -> dict[str, Any]:
        """The guard of nobody: nothing of this table is ever deleted."""
        guard = self._guard(key, stream)
        return {**guard, "Item": {**guard["Item"], "of": {"S": keys.NOBODY}}}

    def _guard(self, key: str, stream: str) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Item": {"pk": {"S": keys.unique_pk(key)}, "sk": {"S": keys.OWNER}, "of": {"S": stream}},
            "ConditionExpression": "attribute_not_exists(pk) OR #of = :of OR #of = :nobody",
            "ExpressionAttributeNames": {"#of": "of"},
            "ExpressionAttributeValues": {":of": {"S": stream}, ":nobody": {"S": keys.NOBODY}},
        }

    def _move(self, row: Row) -> dict[str, Any]:
        """The update of one row of a position, conditional on every component that it lowers."""
        delta = row.delta
        changes = delta.changes
        names = {f"#{name}": name for name in changes}
        values: dict[str, Any] = {":zero": {"N": "0"}} if changes else {}
        conditions = []
        for name, units in changes.items():
            values[f":{name}"] = {"N": str(units)}
            if units < 0:
                values[f":least_{name}"] = {"N": str(_kept(delta, name) - units)}
                conditions.append(f"#{name} >= :least_{name}")
        if delta.reserved > 0 or row.becomes > 1:  # nothing is bound where units that orders have bound were not found
            names["#short"] = "short"
            values[":zero"] = {"N": "0"}
            conditions.append(_none_of("#short"))
        for name, units in _seen(row).items():
            names[f"#{name}"] = name
            conditions.append(f"#{name} = :seen_{name}" if units else _none_of(f"#{name}"))
            values[f":seen_{name}" if units else ":zero"] = {"N": str(units)}
        form = shape(row)
        sets = [*[f"#{name} = if_not_exists(#{name}, :zero) + :{name}" for name in changes], *form.sets]
        clauses = [*(["SET " + ", ".join(sets)] if sets else []), *form.removes]
        update: dict[str, Any] = {
            "TableName": self._stock_table,
            "Key": {
                "pk": {"S": keys.position_pk(delta.sku, row.shard)},
                "sk": {"S": keys.position_sk(delta.node_id, row.shard)},
            },
            "UpdateExpression": " ".join(clauses),
            "ExpressionAttributeNames": {**names, **form.names},
        }
        if values or form.values:
            update["ExpressionAttributeValues"] = {**values, **form.values}
        if conditions or form.conditions:
            update["ConditionExpression"] = " AND ".join([*conditions, *form.conditions])
            update["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if isinstance(delta, FedDelta):
            add_mark(delta, update)
        return update

    def _transact(
        self,
        items: Callable[[Sequence[Row]], list[dict[str, Any]]],
        commits: Sequence[Commit],
        choice: Choice,
        unique: Sequence[str],
    ) -> None:
        now = commits[0].at
        attempt = 0
        while attempt < choice.tries:
            for place in choice.whole():
                self.reshape.gather(place, now)
            rows = self._chosen(choice, commits)
            try:
                self._client.transact_write_items(TransactItems=items(rows))
            except ClientError as error:
                if error.response["Error"]["Code"] != "TransactionCanceledException":
                    raise
                reasons = error.response.get("CancellationReasons", [])
                before = len(commits) + len(unique)
                of_rows = reasons[before : before + len(rows)]
                refusal = refusal_of(reasons, commits, [row.delta for row in rows], unique)
                if refusal is not None:
                    if not (isinstance(refusal, _OF_STOCK) and choice.again(rows, of_rows)):
                        raise refusal from error
                    continue
                self.reshape.heat(choice.collided(places_in_the_way(rows, of_rows)), now)
            else:
                self.reshape.calm(choice.written(rows, now), now)
                return
            self._wait(_BACKOFF_S * 2**attempt * random.random())  # nosec B311 # noqa: S311 - jitter, not a secret
            attempt += 1
        raise ContentionError("transactions kept colliding", stream=commits[0].stream)

    def _chosen(self, choice: Choice, commits: Sequence[Commit]) -> list[Row]:
        """The rows; as in a transaction, that a number is taken comes before anything else that is wrong."""
        try:
            return choice.rows()
        except InsufficientStockError:
            for commit in commits:
                if self.read(commit.stream).number >= commit.number:
                    raise moved_on(commit) from None
            raise


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def _none_of(name: str) -> str:
    """Units that a position never had are no attribute of it."""
    return f"(attribute_not_exists({name}) OR {name} = :zero)"


def _kept(delta: StockDelta, name: str) -> int:
    """Units that must stay."""
    return delta.keep if isinstance(delta, KeepingDelta) and name == "available" else 0


def _seen(row: Row) -> dict[str, int]:
    """What a row must still be for a change that was decided on it."""
    if row.seen is not None:
        return {name: getattr(row.seen, name) for name in COMPONENTS}
    return decided(row.delta)


class DynamoStock:
    """Stock port. One Query per SKU gives every node of it, and one BatchGetItem the further rows of what is spread."""

    def __init__(self, client: Any, table: str, shards: Shards | None = None) -> None:
        self._client = client
        self._table = table
        self._shards = shards or Shards(client, table)

    def positions(self, skus: Iterable[str]) -> list[StockDelta]:
        """One Query after the other."""
        return [each for sku in dict.fromkeys(skus) for each in self._of(sku, consistent=True)]

    def to_promise(self, units: Mapping[str, int]) -> list[StockDelta]:
        """As `positions`, but what is remembered of a spread position serves for a second."""
        found: list[StockDelta] = []
        for sku, wanted in units.items():
            remembered = self._shards.remembered(sku, wanted)
            found.extend(self._of(sku, consistent=True) if remembered is None else remembered)
        return found

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
        return [_lot(sku, item) for item in self._items(keys.lots_pk(sku), consistent=True) if "due" in item]

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
        leads = [item for item in self._items(sku, consistent=consistent) if is_lead(item)]
        return self._shards.positions(sku, leads, consistent=consistent)

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
