"""Spread positions on tables in memory: when they are spread, how they are read and written, when put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import pytest

from oms.adapters import keys
from oms.adapters.commit_item import commit_from_item
from oms.adapters.dynamodb_log import DynamoLog, DynamoStock
from oms.adapters.shards import REFUSALS, Shards
from oms.domain.commit import GENESIS, Cause, Commit
from oms.domain.errors import ContentionError, InsufficientStockError, StockChangedError, VersionConflictError
from oms.domain.shards import CALM_S, HEAT, MAX_SHARDS, ShardsChanged, further, path, spread
from oms.domain.stock import DecidedDelta, StockDelta
from tests.proof.memory.tables import Tables, failed
from tests.support.builders import minutes

PLACE: Final = ("A", "N")


class Busy(Tables):
    """Somebody is in the way of the next `times` transactions of orders, at every row; every request is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0
        self.asked: list[str] = []
        self.sent: list[list[dict[str, Any]]] = []

    def query(self, **asked: Any) -> Any:
        self.asked.append("Query")
        return super().query(**asked)

    def batch_get_item(self, **asked: Any) -> Any:
        self.asked.append("BatchGetItem")
        return super().batch_get_item(**asked)

    def transact_write_items(self, **asked: Any) -> Any:
        items = asked["TransactItems"]
        self.asked.append("TransactWriteItems")
        self.sent.append(items)
        hit = ["Update" in each for each in items]
        of_order = items[0]["Put"]["Item"]["pk"]["S"].startswith("order#")
        if self.times and any(hit) and of_order:
            self.times -= 1
            reasons = [{"Code": "TransactionConflict" if each else "None"} for each in hit]
            raise failed("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)
        return super().transact_write_items(**asked)


@dataclass
class Process:
    """A process with what it remembers."""

    tables: Tables
    seconds: float = 0.0
    minute: float = 0.0
    serial: int = 0
    name: str = "p"
    shards: Shards = field(init=False)
    log: DynamoLog = field(init=False)
    stock: DynamoStock = field(init=False)

    def __post_init__(self) -> None:
        self.shards = Shards(self.tables, "stock", lambda: self.seconds)
        self.log = DynamoLog(self.tables, "events", "stock", self.shards, lambda _: None)
        self.stock = DynamoStock(self.tables, "stock", self.shards)

    def move(self, *deltas: StockDelta, stream: str = "") -> None:
        self.serial += 1
        name = stream or f"order#{self.name}{self.serial}"
        commit = Commit(
            stream=name,
            number=1,
            command_id=name,
            cause=Cause(kind="api", ref="r"),
            at=minutes(self.minute),
            events=(),
            previous=GENESIS,
        )
        self.log.append(commit, stock=deltas)

    def receive(self, units: int) -> None:
        self.move(change(on_hand=units, available=units))

    def bind(self, units: int = 1, stream: str = "") -> None:
        self.move(change(available=-units, reserved=units), stream=stream)

    def spread(self, rows: int) -> None:
        """The position, in so many rows."""
        (lead,) = self.shards.read_again(PLACE)
        self.log.reshape.write(PLACE, spread(lead, 1, rows, minutes(self.minute)), minutes(self.minute))

    def at(self) -> StockDelta:
        (found,) = self.stock.positions(["A"])
        return found

    def rows(self) -> int:
        return len(self.shards.read_again(PLACE))


def change(**units: int) -> StockDelta:
    return StockDelta(sku="A", node_id="N", **units)


def stocked(units: int, rows: int = 1, tables: Tables | None = None) -> Process:
    process = Process(tables or Tables())
    process.receive(units)
    if rows > 1:
        process.spread(rows)
    return process


def test_an_ordinary_position_costs_what_it_did() -> None:
    tables = Busy()
    process = stocked(5, tables=tables)
    tables.asked.clear()
    process.stock.to_promise({"A": 1})
    process.bind()
    process.move(change(on_hand=-1, reserved=-1))
    assert tables.asked == ["Query", "TransactWriteItems", "TransactWriteItems"]
    update = tables.sent[-2][1]["Update"]
    assert update["Key"] == {"pk": {"S": "A"}, "sk": {"S": "N#0"}}
    assert update["ConditionExpression"] == (
        "#available >= :least_available AND (attribute_not_exists(#short) OR #short = :zero)"
    )
    with pytest.raises(InsufficientStockError):
        process.bind(9)
    assert tables.asked[3:] == ["TransactWriteItems"]


@pytest.mark.parametrize(("collisions", "rows"), [(HEAT - 1, 1), (HEAT, 16), (HEAT + 1, 16)])
def test_what_collides_is_spread(collisions: int, rows: int) -> None:
    tables = Busy()
    process = stocked(200, tables=tables)
    tables.times = collisions
    process.bind()
    assert process.rows() == rows
    assert process.at() == change(on_hand=200, available=199, reserved=1)
    told = [each for (_, pk), kept in tables.data.items() if pk.startswith("shards#") for each in kept.values()]
    assert [commit_from_item(each).events for each in told] == [
        (ShardsChanged(sku="A", node_id="N", before=1, after=rows),) for _ in told
    ]
    assert len(told) == (rows > 1)


def test_a_transaction_that_is_always_in_somebodys_way_ends() -> None:
    tables = Busy()
    process = stocked(5, tables=tables)
    tables.times = 10**6
    with pytest.raises(ContentionError):
        process.bind()
    assert tables.asked.count("TransactWriteItems") < 20


def test_few_units_are_not_spread_thin() -> None:
    assert further(1, 6, 10_000) == MAX_SHARDS
    assert further(1, 6, 9) == 4
    assert further(8, 6, 9) == 8
    assert further(MAX_SHARDS, 6, 10_000) == MAX_SHARDS


def test_the_next_try_passes_by_the_row_that_somebody_writes() -> None:
    tables = Busy()
    process = stocked(64, 4, tables)
    process.at()
    stream = next(f"order#{number}" for number in range(99) if path(f"order#{number}", 4)[0] == 0)
    tables.times = 1
    process.bind(stream=stream)
    (update,) = [each["Update"] for each in tables.sent[-1][1:]]
    assert update["Key"]["pk"]["S"] == keys.position_pk("A", path(stream, 4, 1)[0])


def test_all_rows_are_looked_at_before_anybody_is_sent_away() -> None:
    process = stocked(4, 4)
    other = Process(process.tables, name="q")
    for _ in range(4):
        other.bind()  # remembers nothing, and begins with row 0
    assert process.at() == change(on_hand=4, reserved=4)
    with pytest.raises(InsufficientStockError) as refused:
        other.bind()
    assert refused.value.context["positions"] == [
        {"sku": "A", "node": "N", "needs": {"available": -1, "reserved": 1}, "has": {"available": 0, "reserved": 4}}
    ]


def test_the_same_command_twice_is_told_that_it_has_run_not_that_nothing_is_left() -> None:
    process = stocked(4, 4)
    process.at()
    process.bind(4, stream="order#x")
    with pytest.raises(VersionConflictError):
        process.bind(4, stream="order#x")
    with pytest.raises(VersionConflictError):
        Process(process.tables, name="q").bind(4, stream="order#x")


def test_one_order_may_take_the_last_units_of_many_rows() -> None:
    process = stocked(8, 8)
    process.bind(8)
    assert process.at() == change(on_hand=8, reserved=8)


def test_what_is_bound_leaves_whatever_row_has_it() -> None:
    process = stocked(64, 8)
    process.bind(6)
    for cold in (Process(process.tables, name="q"), process):
        cold.move(change(on_hand=-2, reserved=-2))
        cold.move(change(available=1, reserved=-1))
    assert process.at() == change(on_hand=60, available=60)


@pytest.mark.parametrize("cold", [True, False])
def test_a_count_is_of_the_whole_position_which_it_puts_together(cold: bool) -> None:  # noqa: FBT001
    process = stocked(64, 8)
    seen = process.at()
    counter = Process(process.tables, name="q") if cold else process
    found = DecidedDelta(sku="A", node_id="N", seen=seen, on_hand=-4, available=-4, counts=1)
    counter.move(found)
    assert counter.at() == process.at() == change(on_hand=60, available=60, counts=1)
    assert process.rows() == 1
    process.spread(4)
    with pytest.raises(StockChangedError):
        counter.move(found)
    assert process.at().on_hand == 60


def test_where_units_are_missing_nothing_is_spread() -> None:
    tables = Busy()
    process = stocked(100, tables=tables)
    seen = process.at()
    process.move(DecidedDelta(sku="A", node_id="N", seen=seen, short=1, counts=1))
    process.log.reshape.heat({PLACE: 6}, minutes(1))
    assert process.rows() == 1
    with pytest.raises(InsufficientStockError):
        process.bind()


def test_long_after_it_was_spread_a_calm_position_is_put_together() -> None:
    process = stocked(64, 8)
    process.bind()
    assert process.rows() == 8
    process.minute += CALM_S / 60 + 1
    process.bind()
    assert process.rows() == 1
    assert process.at() == change(on_hand=64, available=62, reserved=2)


def test_it_is_not_spread_twice_for_the_same_crowd() -> None:
    process = stocked(2000, 4)
    process.at()
    process.log.reshape.heat({PLACE: 3}, minutes(0))
    assert process.rows() == 4
    process.log.reshape.heat({PLACE: 3}, minutes(0) + timedelta(seconds=1))
    assert process.rows() == MAX_SHARDS


def test_who_missed_that_it_was_put_together_finds_out() -> None:
    process = stocked(64, 8)
    late = Process(process.tables, name="late")
    late.at()
    process.log.reshape.gather(PLACE, minutes(1))
    late.bind(5)
    late.receive(3)
    assert late.at() == process.at() == change(on_hand=67, available=62, reserved=5)
    assert late.rows() == 1


def test_a_position_that_is_put_together_while_it_is_read_is_read_again() -> None:
    tables = Tables()
    process = stocked(64, 8, tables)
    process.bind(1)

    reader = Process(tables, name="r")
    batch = tables.batch_get_item
    todo = [lambda: process.log.reshape.gather(PLACE, minutes(1))]

    def meanwhile(**asked: Any) -> Any:
        if todo:
            todo.pop()()
        return batch(**asked)

    tables.batch_get_item = meanwhile  # type: ignore[method-assign]
    assert reader.at() == change(on_hand=64, available=63, reserved=1)


def test_keys_that_were_not_answered_are_asked_again() -> None:
    tables = Tables()
    process = stocked(64, 8, tables)
    batch = tables.batch_get_item

    def few(**asked: Any) -> Any:
        request = asked["RequestItems"]["stock"]
        left = request["Keys"][3:]
        answer = batch(RequestItems={"stock": {**request, "Keys": request["Keys"][:3]}})
        return {**answer, "UnprocessedKeys": {"stock": {"Keys": left}} if left else {}}

    tables.batch_get_item = few  # type: ignore[method-assign]
    assert process.at().available == 64


def test_units_that_are_always_taken_first_end_the_append() -> None:
    process = stocked(64, 8)
    process.at()
    sent = []

    def refused(**asked: Any) -> Any:
        sent.append(asked)
        reasons = [{"Code": "None"}] + [{"Code": "ConditionalCheckFailed"} for _ in asked["TransactItems"][1:]]
        raise failed("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)

    process.tables.transact_write_items = refused  # type: ignore[method-assign]
    with pytest.raises(InsufficientStockError):
        process.bind()
    assert len(sent) == REFUSALS


def test_what_is_remembered_serves_a_second_and_never_says_sold_out() -> None:
    tables = Busy()
    process = stocked(64, 8, tables)
    process.at()
    tables.asked.clear()
    assert sum(each.available for each in process.stock.to_promise({"A": 1})) == 64
    assert tables.asked == []
    process.stock.to_promise({"A": 65})
    assert tables.asked == ["Query", "BatchGetItem"]
    process.seconds += 2
    process.stock.to_promise({"A": 1})
    assert tables.asked == ["Query", "BatchGetItem"] * 2


@pytest.mark.parametrize(
    ("sku", "node", "shard"), [("A", "N", 0), ("A", "N", 7), ("A#7", "N#7", 0), ("A#7", "N", 7), ("A#0", "N", 10)]
)
def test_keys_of_rows_are_read_as_they_were_written(sku: str, node: str, shard: int) -> None:
    assert keys.position_of(keys.position_pk(sku, shard), keys.position_sk(node, shard)) == (sku, node, shard)
