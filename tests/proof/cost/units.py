"""What DynamoDB bills for one call, worked out from the call and from the items before and after it.

The rules, all documented (`Capacity` in the developer guide):
- a write: 1 unit per 1 kB of the larger of the item before and after; twice that in a transaction;
- a condition that fails is charged as the write would have been, and so is a transaction that is cancelled: every item;
- a global secondary index: nothing when no attribute in it changed; 1 write when the entry appears, goes or changes; 2
  (a delete and a put) when one of its key attributes changed. Indexes follow later: transactions do not double them;
- a read: 1 unit per 4 kB, half that without consistency, twice in a transaction. A Query sums what it read before it
  rounds; what a batch or transaction asks for is rounded item by item. Nothing found still costs the least.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.proof.cost.sizes import item_bytes, read_units, write_units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Item = Mapping[str, Any]
    Look = Callable[[str, Item], "Item | None"]

WRITES: Final = ("Put", "Update", "Delete", "ConditionCheck")
SINGLE: Final = {"PutItem": "Put", "UpdateItem": "Update", "DeleteItem": "Delete"}


class UnknownOperationError(Exception):
    """A call whose price this module does not know: it must learn it, not leave it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A global secondary index: its key attributes, and what it holds (None: everything)."""

    name: str
    keys: tuple[str, ...]
    holds: frozenset[str] | None

    def entry(self, item: Item | None) -> Item | None:
        """What the index keeps of an item; None when the item has not all of its keys."""
        if not item or any(name not in item for name in self.keys):
            return None
        return item if self.holds is None else {name: item[name] for name in self.holds if name in item}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as its bill sees it. `name` is for people: `events`, `views`."""

    name: str
    keys: tuple[str, ...]
    indexes: tuple[Index, ...] = ()

    def key(self, item: Item) -> Item:
        """An item's primary key."""
        return {name: item[name] for name in self.keys}


def table_of(name: str, described: Mapping[str, Any]) -> Table:
    """From what the template, CreateTable or DescribeTable says of a table."""
    keys = tuple(each["AttributeName"] for each in described["KeySchema"])
    indexes = []
    for each in described.get("GlobalSecondaryIndexes") or ():
        own = tuple(key["AttributeName"] for key in each["KeySchema"])
        projection = each["Projection"]
        every = projection["ProjectionType"] == "ALL"
        holds = None if every else frozenset((*keys, *own, *projection.get("NonKeyAttributes", ())))
        indexes.append(Index(name=each["IndexName"], keys=own, holds=holds))
    return Table(name=name, keys=keys, indexes=tuple(indexes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What one item of a call costs. `kind` is Put, Update, Delete, ConditionCheck, Get or Query."""

    table: str
    kind: str
    key: Item
    item: Item
    bytes: int
    write: float = 0
    indexes: Mapping[str, float] = field(default_factory=dict)
    read: float = 0
    failed: bool = False
    transaction: bool = False

    @property
    def units(self) -> float:
        """Write units, those of indexes included."""
        return self.write + sum(self.indexes.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An item that a call would write."""

    table: str
    kind: str
    key: Item
    put: Item | None


@dataclass(slots=True)
class Meter:
    """Prices calls over `tables` (by physical name); `look` gives the stored item of a key, for nothing."""

    tables: Mapping[str, Table]
    look: Look

    def before(self, operation: str, request: Mapping[str, Any]) -> list[tuple[Target, Item | None]]:
        """What the call is about to write, with what is there now; to be asked for before the call runs."""
        return [(each, self._copy(each)) for each in self._targets(operation, request)]

    def after(
        self,
        operation: str,
        request: Mapping[str, Any],
        answer: Mapping[str, Any] | None,
        stood: Sequence[tuple[Target, Item | None]],
    ) -> list[Charge]:
        """The call's price. `answer` is None when it was refused."""
        if operation in {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}:
            transaction = operation == "TransactWriteItems"
            return [self._written(target, old, transaction=transaction, failed=answer is None) for target, old in stood]
        if answer is None:
            return []
        match operation:
            case "GetItem":
                consistent = bool(request.get("ConsistentRead"))
                return [self._got(request["TableName"], request["Key"], 1.0 if consistent else 0.5)]
            case "BatchGetItem":
                return list(self._got_batch(request, answer))
            case "TransactGetItems":
                gets = [each["Get"] for each in request["TransactItems"]]
                return [self._got(get["TableName"], get["Key"], 2.0) for get in gets]
            case "Query":
                return [self._queried(request, answer)]
        raise UnknownOperationError(operation)

    # ---------------------------------------------------------------- writes

    def _targets(self, operation: str, request: Mapping[str, Any]) -> Iterable[Target]:
        if operation in SINGLE:
            yield self._target(SINGLE[operation], request)
        elif operation == "BatchWriteItem":
            for table, asked in request["RequestItems"].items():
                for each in asked:
                    kind = "Put" if "PutRequest" in each else "Delete"
                    yield self._target(kind, {"TableName": table, **each[f"{kind}Request"]})
        elif operation == "TransactWriteItems":
            for each in request["TransactItems"]:
                ((kind, asked),) = each.items()
                yield self._target(kind, asked)

    def _target(self, kind: str, asked: Mapping[str, Any]) -> Target:
        put = asked.get("Item")
        key = self.tables[asked["TableName"]].key(put) if put else asked["Key"]
        return Target(table=asked["TableName"], kind=kind, key=key, put=put)

    def _copy(self, target: Target) -> Item | None:
        found = self.look(target.table, target.key)
        return dict(found) if found else None

    def _written(self, target: Target, old: Item | None, *, transaction: bool, failed: bool) -> Charge:
        table = self.tables[target.table]
        new = target.put if failed and target.kind == "Put" else self._copy(target)
        bytes_ = max(item_bytes(old), item_bytes(new))
        changed = not failed and target.kind != "ConditionCheck"
        indexes = {each.name: index_units(each, old, new) for each in table.indexes} if changed else {}
        return Charge(
            table=table.name,
            kind=target.kind,
            key=target.key,
            item=new or old or target.key,
            bytes=bytes_,
            write=write_units(bytes_) * (2 if transaction else 1),
            indexes={name: units for name, units in indexes.items() if units},
            failed=failed,
            transaction=transaction,
        )

    # ---------------------------------------------------------------- reads

    def _got(self, table: str, key: Item, rate: float) -> Charge:
        item = self.look(table, key)
        bytes_ = item_bytes(item)
        units = read_units(bytes_, consistent=True) * rate
        return Charge(
            table=self.tables[table].name, kind="Get", key=key, item=item or key, bytes=bytes_, read=units,
            transaction=rate == 2,
        )  # fmt: skip

    def _got_batch(self, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterable[Charge]:
        for table, asked in request["RequestItems"].items():
            left = [*answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", ())]
            for key in asked["Keys"]:
                if key not in left:
                    yield self._got(table, key, 1.0 if asked.get("ConsistentRead") else 0.5)

    def _queried(self, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Charge:
        table = self.tables[request["TableName"]]
        if request.get("Select") == "COUNT" or "ProjectionExpression" in request:
            raise UnknownOperationError("a Query whose answer does not hold what it read")
        found = answer["Items"]
        bytes_ = sum(map(item_bytes, found))
        scanned = answer.get("ScannedCount", len(found))
        if scanned > len(found) > 0:  # a filter dropped some: they are taken to be as large as the others
            bytes_ = round(bytes_ * scanned / len(found))
        values = request.get("ExpressionAttributeValues", {})
        return Charge(
            table=table.name,
            kind=f"Query {request['IndexName']}" if "IndexName" in request else "Query",
            key=table.key(found[0]) if found else {},
            item=next(iter(found), {table.keys[0]: next(iter(values.values()), {"S": ""})}),
            bytes=bytes_,
            read=read_units(bytes_, consistent=bool(request.get("ConsistentRead"))),
        )


def index_units(index: Index, old: Item | None, new: Item | None) -> int:
    """Write units of an index when an item becomes another."""
    before, after = index.entry(old), index.entry(new)
    if before == after:
        return 0
    if before is None or after is None:
        return write_units(item_bytes(before or after))
    if any(before[name] != after[name] for name in index.keys):
        return write_units(item_bytes(before)) + write_units(item_bytes(after))
    return write_units(max(item_bytes(before), item_bytes(after)))
