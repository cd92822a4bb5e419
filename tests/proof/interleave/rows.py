"""The log and stock as their adapters have them, row by row, over tables that a world can put back.

Every request is a stop; of rows that are read in one request, each is one, since such a read is of no one instant. A
worker's try is a cold process: it remembers what it has read itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from greenlet import getcurrent

from oms.adapters import keys
from oms.adapters.commit_item import commit_from_item
from oms.adapters.dynamodb_log import DynamoLog, DynamoStock
from oms.adapters.shards import Shards, row_from_item
from oms.domain.shards import total
from tests.proof.memory.log import MemoryLog, MemoryStock, stored_form, with_commit
from tests.proof.memory.store import Port, step
from tests.proof.memory.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oms.domain.commit import Commit
    from oms.domain.history import History
    from oms.domain.holding import DueHold
    from oms.domain.stock import StockDelta
    from oms.domain.supply import Lot
    from tests.proof.memory.store import Pause, Store
    from tests.proof.memory.tables import Item, Key

_PROCESSES: Final[WeakKeyDictionary[Any, Shards]] = WeakKeyDictionary()
STOCK: Final = "stock"


class _Stops(Port):
    """Where requests are made."""

    __slots__ = ()

    @step("tables.read")
    def read(self, keys_: tuple[str, ...]) -> None:
        """From here on the answer is of the past."""

    @step("tables.write")
    def write(self, keys_: tuple[str, ...], call: Any) -> Any:
        """All of it, or nothing."""
        return call()


class StoreTables(Tables):
    """A client over a store. What stands in the rows of stock and in streams is told to the store's own tables."""

    def __init__(self, store: Store, pause: Pause | None) -> None:
        super().__init__()
        self.store = store
        self.data = store.tables
        self.stops = _Stops(store, pause)

    def query(self, **asked: Any) -> Item:
        """Streams are read by those alone who write them here."""
        if asked["TableName"] == STOCK:
            self.stops.read((f"stock {asked['ExpressionAttributeValues'][':pk']['S']}",))
        return super().query(**asked)

    def batch_get_item(self, **asked: Any) -> Item:
        """Row by row."""
        ((table, request),) = asked["RequestItems"].items()
        found = []
        for each in request["Keys"]:
            self.stops.read((f"stock {each['pk']['S']}",))
            found += super().batch_get_item(RequestItems={table: {"Keys": [each]}})["Responses"][table]
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def put_item(self, **asked: Any) -> Item:
        """A commit by itself."""
        answer: Item = self.stops.write((asked["Item"]["pk"]["S"],), lambda: super(StoreTables, self).put_item(**asked))
        return answer

    def transact_write_items(self, **asked: Any) -> Item:
        """A commit with what moves."""
        writes = [next(iter(each.values())) for each in asked["TransactItems"]]
        names = [(each["TableName"], (each.get("Key") or each["Item"])["pk"]["S"]) for each in writes]
        touched = tuple([f"stock {pk}" if table == STOCK else pk for table, pk in names])
        answer: Item = self.stops.write(touched, lambda: super(StoreTables, self).transact_write_items(**asked))
        return answer

    def _write(self, key: Key, item: Item | None) -> None:
        table, pk, sk = key
        if item is None:
            self.store.drop_in(self.store.tables, (table, pk), sk)
            return
        self.store.put_in(self.store.tables, (table, pk), sk, item)
        if table == STOCK:
            self._sum(*keys.position_of(pk, sk)[:2])
        elif sk.startswith(keys.COMMIT_PREFIX):
            commit = commit_from_item(item)
            known = self.store.streams.get(pk)
            self.store.put(self.store.streams, pk, with_commit(known, stored_form(commit)))

    def _sum(self, sku: str, node: str) -> None:
        rows = [
            row_from_item(item)
            for (table, pk), kept in self.store.tables.items()
            for sk, item in kept.items()
            if table == STOCK and keys.position_of(pk, sk)[:2] == (sku, node) and ("open" in item or sk.endswith("#0"))
        ]
        self.store.put_in(self.store.positions, sku, node, total(rows))


def process(tables: StoreTables) -> Shards:
    """What the worker that runs remembers; outside of workers nothing is."""
    running = getcurrent()
    if tables.stops.pause is None or running.parent is None:
        return Shards(tables, STOCK, lambda: 0.0)
    found = _PROCESSES.get(running)
    if found is None:
        found = _PROCESSES[running] = Shards(tables, STOCK, lambda: 0.0)
    return found


class RowsLog(MemoryLog):
    """The adapter, as each worker's process has it."""

    __slots__ = ()
    tables: type[StoreTables] = StoreTables

    @property
    def adapter(self) -> DynamoLog:
        """As this worker has it."""
        client = self.tables(self.store, self.pause)
        return DynamoLog(client, "events", STOCK, process(client), lambda _: None)

    def read(self, stream: str) -> History:
        """See the port."""
        return self.adapter.read(stream)

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
        """See the port."""
        self.adapter.append(commit, stock=stock, unique=unique, released=released, lots=lots, due=due, beside=beside)


class RowsStock(MemoryStock):
    """The adapter, as each worker's process has it."""

    __slots__ = ()

    @property
    def adapter(self) -> DynamoStock:
        """As this worker has it."""
        client = StoreTables(self.store, self.pause)
        return DynamoStock(client, STOCK, process(client))

    def positions(self, skus: Iterable[str]) -> list[StockDelta]:
        """See the port."""
        return self.adapter.positions(skus)

    def to_promise(self, units: Mapping[str, int]) -> list[StockDelta]:
        """See the port."""
        return self.adapter.to_promise(units)
