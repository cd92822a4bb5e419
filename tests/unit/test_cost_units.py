"""DynamoDB's prices, rule by rule."""

from __future__ import annotations

from typing import Any

import pytest

from tests.proof.cost.sizes import item_bytes, number_bytes, read_units, write_units
from tests.proof.cost.units import Charge, Index, Meter, Table, UnknownOperationError, index_units, table_of

Item = dict[str, Any]
BY_LIST = Index(name="by_list", keys=("lpk", "lsk"), holds=frozenset({"pk", "sk", "lpk", "lsk"}))
EVERYTHING = Index(name="all", keys=("lpk",), holds=None)
VIEWS = Table(name="views", keys=("pk", "sk"), indexes=(BY_LIST,))
EVENTS = Table(name="events", keys=("pk", "sk"))


def item(size: int = 0, **more: str) -> Item:
    """An item whose attribute `body` makes it at least `size` bytes large."""
    made = {"pk": {"S": "p"}, "sk": {"S": "s"}, **{name: {"S": text} for name, text in more.items()}}
    return {**made, "body": {"S": "x" * max(0, size - item_bytes(made) - len("body"))}}


class Shop:
    """A store of two tables that a test writes by hand."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.meter = Meter({"v": VIEWS, "e": EVENTS}, lambda table, key: self.items.get((table, key["sk"]["S"])))

    def write(self, operation: str, request: Item, after: dict[tuple[str, str], Item]) -> list[Charge]:
        """What a write costs that leaves these items."""
        stood = self.meter.before(operation, request)
        self.items |= after
        return self.meter.after(operation, request, {}, stood)

    def put(self, new: Item, table: str = "v") -> Charge:
        """What a put costs."""
        (charge,) = self.write("PutItem", {"TableName": table, "Item": new}, {(table, new["sk"]["S"]): new})
        return charge


@pytest.mark.parametrize(
    ("typed", "bytes_"),
    [
        ({"S": "häuser"}, 7),
        ({"N": "0"}, 1),
        ({"N": "7"}, 2),
        ({"N": "-120"}, 3),
        ({"N": "1234.5"}, 4),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"B": b"1234"}, 4),
        ({"SS": ["a", "bc"]}, 3),
        ({"L": [{"S": "a"}, {"N": "1"}]}, 3 + 2 + 3),
        ({"M": {"ab": {"S": "c"}}}, 3 + 1 + 2 + 1),
    ],
)
def test_size_of_each_type(typed: Item, bytes_: int) -> None:
    assert item_bytes({"n": typed}) == 1 + bytes_


def test_units_are_rounded_up_and_nothing_is_free() -> None:
    assert [write_units(size) for size in (0, 1, 1024, 1025, 2048, 2049)] == [1, 1, 1, 2, 2, 3]
    assert [read_units(size, consistent=True) for size in (0, 4096, 4097)] == [1, 1, 2]
    assert [read_units(size, consistent=False) for size in (0, 4096, 4097)] == [0.5, 0.5, 1]


def test_trailing_zeros_of_a_number_take_no_room() -> None:
    assert number_bytes("1000000") == number_bytes("1")


def test_a_write_costs_the_larger_of_before_and_after() -> None:
    shop = Shop()
    assert shop.put(item(1024), "e").write == 1
    assert shop.put(item(3000), "e").write == 3
    assert shop.put(item(10), "e").write == 3


def test_a_transaction_doubles_the_table_and_not_its_indexes() -> None:
    shop, new = Shop(), item(1500, lpk="a", lsk="b")
    asked = {"TransactItems": [{"Put": {"TableName": "v", "Item": new}}]}
    (charge,) = shop.write("TransactWriteItems", asked, {("v", "s"): new})
    assert (charge.write, charge.indexes, charge.units, charge.transaction) == (4, {"by_list": 1}, 5, True)


def test_each_item_of_a_transaction_pays() -> None:
    shop = Shop()
    shop.items["e", "1"] = {**item(), "sk": {"S": "1"}}
    asked = {
        "TransactItems": [
            {"Update": {"TableName": "e", "Key": {"pk": {"S": "p"}, "sk": {"S": "1"}}}},
            {"ConditionCheck": {"TableName": "e", "Key": {"pk": {"S": "p"}, "sk": {"S": "2"}}}},
            {"Delete": {"TableName": "e", "Key": {"pk": {"S": "p"}, "sk": {"S": "3"}}}},
        ]
    }
    assert [each.write for each in shop.write("TransactWriteItems", asked, {})] == [2, 2, 2]


def test_a_condition_that_fails_is_charged_by_what_stands_there_and_changes_no_index() -> None:
    shop = Shop()
    shop.items["v", "s"] = item(2500, lpk="a", lsk="b")
    asked = {"TableName": "v", "Item": item(100, lpk="c", lsk="d")}
    stood = shop.meter.before("PutItem", asked)
    (charge,) = shop.meter.after("PutItem", asked, None, stood)
    assert (charge.write, charge.indexes, charge.failed) == (3, {}, True)


def test_a_cancelled_transaction_is_charged_in_full() -> None:
    shop = Shop()
    asked = {"TransactItems": [{"Put": {"TableName": "e", "Item": item(1200)}}]}
    (charge,) = shop.meter.after("TransactWriteItems", asked, None, shop.meter.before("TransactWriteItems", asked))
    assert (charge.write, charge.failed) == (4, True)


@pytest.mark.parametrize(
    ("old", "new", "units"),
    [
        (None, item(), 0),
        (None, item(lpk="a"), 0),
        (None, item(lpk="a", lsk="b"), 1),
        (item(lpk="a", lsk="b"), item(500, lpk="a", lsk="b"), 0),
        (item(lpk="a", lsk="b"), item(lpk="a", lsk="c"), 2),
        (item(lpk="a", lsk="b"), item(), 1),
        (item(lpk="a", lsk="b"), None, 1),
    ],
)
def test_an_index_of_keys_pays_for_its_keys_alone(old: Item | None, new: Item | None, units: int) -> None:
    assert index_units(BY_LIST, old, new) == units


def test_an_index_of_everything_pays_for_every_change() -> None:
    assert index_units(EVERYTHING, item(lpk="a"), item(3000, lpk="a")) == 3
    assert index_units(EVERYTHING, item(1500, lpk="a"), item(10, lpk="b")) == 3


def test_a_query_rounds_the_sum_of_what_it_read() -> None:
    shop = Shop()
    asked = {"TableName": "e", "ConsistentRead": True, "ExpressionAttributeValues": {":pk": {"S": "order#1"}}}
    (charge,) = shop.meter.after("Query", asked, {"Items": [item(2000)] * 3, "ScannedCount": 3}, [])
    assert charge.read == 2
    (charge,) = shop.meter.after("Query", {**asked, "ConsistentRead": False}, {"Items": []}, [])
    assert charge.read == 0.5


def test_what_a_filter_drops_was_read() -> None:
    asked = {"TableName": "e", "ConsistentRead": True}
    (charge,) = Shop().meter.after("Query", asked, {"Items": [item(2000)], "ScannedCount": 5}, [])
    assert charge.read == 3


def test_a_batch_rounds_item_by_item_and_pays_for_what_is_not_there() -> None:
    shop = Shop()
    shop.items["e", "1"] = item(5000)
    keys = [{"pk": {"S": "p"}, "sk": {"S": name}} for name in ("1", "2", "3")]
    left = {"e": {"Keys": keys[2:]}}
    asked = {"RequestItems": {"e": {"Keys": keys}}}
    charges = shop.meter.after("BatchGetItem", asked, {"Responses": {}, "UnprocessedKeys": left}, [])
    assert [each.read for each in charges] == [1, 0.5]


def test_gets_by_consistency_and_in_transactions() -> None:
    shop = Shop()
    asked: Item = {"TableName": "e", "Key": {"pk": {"S": "p"}, "sk": {"S": "1"}}}
    found = [
        shop.meter.after("GetItem", asked, {}, []),
        shop.meter.after("GetItem", {**asked, "ConsistentRead": True}, {}, []),
        shop.meter.after("TransactGetItems", {"TransactItems": [{"Get": asked}]}, {}, []),
    ]
    assert [charge.read for (charge,) in found] == [0.5, 1, 2]


@pytest.mark.parametrize("operation", ["Scan", "ExecuteStatement"])
def test_a_call_of_unknown_price_is_not_left_out(operation: str) -> None:
    with pytest.raises(UnknownOperationError):
        Shop().meter.after(operation, {}, {}, [])


def test_a_table_as_the_template_describes_it() -> None:
    described = {
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by_list",
                "KeySchema": [{"AttributeName": "lpk"}, {"AttributeName": "lsk"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
            {
                "IndexName": "all",
                "KeySchema": [{"AttributeName": "lpk"}],
                "Projection": {"ProjectionType": "ALL"},
            },
        ],
    }
    assert table_of("views", described).indexes == (BY_LIST, EVERYTHING)
