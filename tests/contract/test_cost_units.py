"""Our count of write units is the engine's own (ReturnConsumedCapacity=INDEXES) for whatever the engine counts."""

from __future__ import annotations

import asyncio
import importlib
import json
import random
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.proof.cost.units import Meter, table_of
from tests.support import template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME: Final = "cost-units"
SIZES: Final = (10, 700, 1000, 1100, 3000)
Item = dict[str, Any]


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    """The engine's DynamoDB in this process, with a table as the template makes `views`."""
    dynamodb: Any = importlib.import_module("ministack.services.dynamodb")
    properties = template.resources()["ViewsTable"]["Properties"]
    wanted = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode")
    status, answer = call(dynamodb, "CreateTable", {"TableName": NAME, **{name: properties[name] for name in wanted}})
    assert status == 200, answer
    yield dynamodb
    call(dynamodb, "DeleteTable", {"TableName": NAME})


def call(dynamodb: Any, operation: str, request: Item) -> tuple[int, Item]:
    headers = {"x-amz-target": f"DynamoDB_20120810.{operation}"}
    status, _, body = asyncio.run(dynamodb.handle_request("POST", "/", headers, json.dumps(request).encode(), {}))
    return status, json.loads(body)


def meter(dynamodb: Any) -> Meter:
    stored = dynamodb._tables[NAME]

    def look(table: str, key: Mapping[str, Any]) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = dynamodb._get_item_by_key(stored, key)
        return found

    return Meter({NAME: table_of("views", stored)}, look)


def item(chance: random.Random) -> Item:
    """One of few rows, in both indexes, in one or in none."""
    made: Item = {"pk": {"S": f"p{chance.randrange(4)}"}, "sk": {"S": "row"}}
    made["body"] = {"S": "x" * chance.choice(SIZES)}
    if chance.random() < 0.7:
        made |= {"lpk": {"S": chance.choice("ab")}, "lsk": {"S": chance.choice("ab")}}
    if chance.random() < 0.4:
        made |= {"dpk": {"S": chance.choice("ab")}, "dsk": {"S": "x"}}
    return made


def write(chance: random.Random) -> tuple[str, Item]:
    """A random write."""
    new = item(chance)
    key = {name: new[name] for name in ("pk", "sk")}
    update = {
        "TableName": NAME,
        "Key": key,
        "UpdateExpression": "SET lsk = :v, body = :b",
        "ExpressionAttributeValues": {":v": {"S": chance.choice("abc")}, ":b": new["body"]},
    }
    match chance.randrange(5):
        case 0 | 1:
            return "PutItem", {"TableName": NAME, "Item": new}
        case 2:
            return "UpdateItem", update
        case 3:
            return "DeleteItem", {"TableName": NAME, "Key": key}
    other = {**item(chance), "sk": {"S": "other"}}
    return "TransactWriteItems", {"TransactItems": [{"Update": update}, {"Put": {"TableName": NAME, "Item": other}}]}


def test_write_units_are_those_that_the_engine_says(engine: Any) -> None:
    chance, priced = random.Random(11), meter(engine)
    seen: set[tuple[str, float]] = set()
    for _ in range(400):
        operation, request = write(chance)
        stood = priced.before(operation, request)
        status, answer = call(engine, operation, {**request, "ReturnConsumedCapacity": "INDEXES"})
        assert status == 200, answer
        charges = priced.after(operation, request, answer, stood)
        consumed = answer["ConsumedCapacity"]
        said = sum(each["CapacityUnits"] for each in (consumed if isinstance(consumed, list) else [consumed]))
        assert sum(each.units for each in charges) == said, (operation, request, charges, consumed)
        seen.add((operation, said))
    assert len(seen) > 20  # not the same few cases over and over


def test_the_engine_says_nothing_of_what_it_refuses_nor_how_large_a_read_was(engine: Any) -> None:
    """Why its own count is not enough."""
    large = {"pk": {"S": "large"}, "sk": {"S": "row"}, "body": {"S": "x" * 9000}}
    call(engine, "PutItem", {"TableName": NAME, "Item": large})
    refused = {"TableName": NAME, "Item": large, "ConditionExpression": "attribute_not_exists(pk)"}
    status, answer = call(engine, "PutItem", {**refused, "ReturnConsumedCapacity": "INDEXES"})
    assert (status, answer.get("ConsumedCapacity")) == (400, None)
    got = {"TableName": NAME, "Key": {"pk": {"S": "large"}, "sk": {"S": "row"}}, "ConsistentRead": True}
    _, answer = call(engine, "GetItem", {**got, "ReturnConsumedCapacity": "TOTAL"})
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 1
    (charge,) = meter(engine).after("GetItem", got, answer, [])
    assert charge.read == 3
