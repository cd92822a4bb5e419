"""Tables under DynamoDB's limits, in virtual time.

Documented (Developer Guide: "Designing partition keys", "DynamoDB transactions: how it works", "Quotas"):

- a partition takes 1,000 write and 3,000 read units a second, and so does one item; a write unit is 1 kB, a consistent
  read unit 4 kB. Held here for each partition key, as if each had a partition to itself;
- a write in a transaction counts double, once to prepare and once to commit; one that is cancelled has prepared;
- a transaction is cancelled when another is under way on one of its items (`TransactionConflict`); nobody waits;
- what exceeds a limit is refused. The SDK tries reads again (standard mode: three tries), not cancelled transactions.

Unused capacity may be saved for five minutes by the service; here for a tenth of a second, so that a sale cannot live
on savings. Not documented, and so chosen: times. AWS promises "single-digit milliseconds" for an item's read or write,
and nothing for transactions, which make two rounds; an item is taken here to be under way for `UNDER_WAY_S` of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.proof.memory.tables import Tables, failed, holds
from tests.proof.memory.tables import after as left_by

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

    from tests.proof.hot.moments import Moments
    from tests.proof.memory.tables import Item, Key

WRITES_PER_S: Final = 1000
READS_PER_S: Final = 3000
SAVED_S: Final = 0.1
READ_S: Final = 0.004
WRITE_S: Final = 0.006
BEFORE_S: Final = 0.003
UNDER_WAY_S: Final = 0.005
AFTER_S: Final = 0.002
TRIES: Final = 3
RETRY_S: Final = 0.05
TOGETHER: Final = 8
"""Items of a BatchGetItem that are looked at in one instant."""


class Bucket:
    """Units of one partition."""

    __slots__ = ("at", "left", "per_s")

    def __init__(self, per_s: int, now: float) -> None:
        self.per_s = per_s
        self.left = per_s * SAVED_S
        self.at = now

    def take(self, units: float, now: float) -> bool:
        """False when there are none left; what is taken last may be owed."""
        self.left = min(self.per_s * SAVED_S, self.left + (now - self.at) * self.per_s)
        self.at = now
        if self.left <= 0:
            return False
        self.left -= units
        return True


class LimitedTables(Tables):
    """`placed` gives the commits of an order's stream before its buyer has written any."""

    def __init__(self, moments: Moments, chance: random.Random, placed: Callable[[str], Mapping[str, Item]]) -> None:
        super().__init__()
        self.moments = moments
        self.chance = chance
        self.placed = placed
        self.under_way: set[Key] = set()
        self.spent: dict[str, int] = {"conflicts": 0, "throttled_writes": 0, "throttled_reads": 0, "transactions": 0}
        self.watch: Callable[[Key, Item | None], None] = lambda _key, _item: None
        self.sent: Callable[[Sequence[Key]], None] = lambda _keys: None
        self._writes: dict[tuple[str, str], Bucket] = {}
        self._reads: dict[tuple[str, str], Bucket] = {}

    def _pass(self, seconds: float) -> None:
        self.moments.wait(seconds * (0.7 + 0.6 * self.chance.random()))

    # ---------------------------------------------------------------- reads

    def query(self, **asked: Any) -> Item:
        """As it is when the request arrives."""
        pk = asked["ExpressionAttributeValues"][":pk"]["S"]
        self._read([(asked["TableName"], pk)], "Query", consistent=asked.get("ConsistentRead", False))
        answer = super().query(**asked)
        self._pass(READ_S / 2)
        return answer

    def batch_get_item(self, **asked: Any) -> Item:
        """Items as they are when they are looked at, some after the others."""
        ((table, request),) = asked["RequestItems"].items()
        keys = [(table, each["pk"]["S"]) for each in request["Keys"]]
        self._read(keys, "BatchGetItem", consistent=request.get("ConsistentRead", False))
        found = []
        for place, each in enumerate(request["Keys"]):
            if place % TOGETHER == 0:
                self.moments.wait(READ_S / 2 * TOGETHER / len(keys))
            item = self._at((table, each["pk"]["S"], each["sk"]["S"]))
            found += [item] if item else []
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def _read(self, partitions: Sequence[tuple[str, str]], operation: str, *, consistent: bool) -> None:
        self._pass(READ_S / 2)
        for attempt in range(TRIES):
            if all(
                self._bucket(self._reads, each, READS_PER_S).take(1.0 if consistent else 0.5, self.moments.now)
                for each in partitions
            ):
                return
            self.spent["throttled_reads"] += 1
            self.moments.wait(RETRY_S * 2**attempt * self.chance.random())
        raise failed("ProvisionedThroughputExceededException", operation)

    def _bucket(self, of: dict[tuple[str, str], Bucket], partition: tuple[str, str], per_s: int) -> Bucket:
        bucket = of.get(partition)
        if bucket is None:
            bucket = of[partition] = Bucket(per_s, self.moments.now)
        return bucket

    def _partition(self, table: str, pk: str) -> Mapping[str, Item]:
        kept = self.data.get((table, pk))
        if kept is None and table == "events":
            return self.placed(pk)
        return kept or {}

    # ---------------------------------------------------------------- writes

    def put_item(self, **asked: Any) -> Item:
        """Refused while a transaction is under way on the item."""
        self._pass(WRITE_S / 2)
        key = (asked["TableName"], asked["Item"]["pk"]["S"], asked["Item"]["sk"]["S"])
        if key in self.under_way:
            raise failed("TransactionConflictException", "PutItem")
        answer = super().put_item(**asked)
        self._pass(WRITE_S / 2)
        return answer

    def transact_write_items(self, **asked: Any) -> Item:
        """Prepared, then under way for a while, then done."""
        writes = [next(iter(each.items())) for each in asked["TransactItems"]]
        keys = [_key(each) for _, each in writes]
        self.sent(keys)
        self.spent["transactions"] += 1
        self._pass(BEFORE_S)
        reasons = self.reasons(writes, keys)
        if reasons:
            self._pass(AFTER_S)
            raise failed("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)
        self.under_way.update(keys)
        self._pass(UNDER_WAY_S)
        self.under_way.difference_update(keys)
        for (verb, each), key in zip(writes, keys, strict=True):
            self._write(key, left_by(verb, each, self._at(key)))
        self._pass(AFTER_S)
        return {}

    def reasons(self, writes: Sequence[tuple[str, Item]], keys: Sequence[Key]) -> list[Item]:
        """Who is in the way, which limit is reached, and what does not hold, item by item."""
        found = [self._reason(each, key) for (_, each), key in zip(writes, keys, strict=True)]
        return found if any(each["Code"] != "None" for each in found) else []

    def _reason(self, write: Item, key: Key) -> Item:
        bucket = self._bucket(self._writes, key[:2], WRITES_PER_S)
        if not bucket.take(1, self.moments.now):
            self.spent["throttled_writes"] += 1
            return {"Code": "ThrottlingError"}
        if key in self.under_way:
            self.spent["conflicts"] += 1
            return {"Code": "TransactionConflict"}
        old = self._at(key)
        if not holds(write, old):
            told = old and write.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            return {"Code": "ConditionalCheckFailed", **({"Item": old} if told else {})}
        bucket.left -= 1
        return {"Code": "None"}

    def _write(self, key: Key, item: Item | None) -> None:
        self.watch(key, item)
        super()._write(key, item)


def _key(write: Item) -> Key:
    at = write.get("Key") or write["Item"]
    return write["TableName"], at["pk"]["S"], at["sk"]["S"]
