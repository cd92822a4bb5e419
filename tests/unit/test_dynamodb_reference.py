"""What a warm function remembers of reference data, and for how long."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from oms.adapters import dynamodb_reference, dynamodb_work
from oms.adapters.dynamodb_reference import DynamoReference
from oms.adapters.dynamodb_work import DynamoOpenWork
from oms.domain.kits import Component
from oms.entrypoints.policy_api import EFFECTIVE_WITHIN_S


class Table:
    """Items by partition; counts what is read of it."""

    def __init__(self) -> None:
        self.items: dict[str, list[dict[str, Any]]] = {}
        self.reads: list[tuple[str, bool]] = []
        self.counts = [3, 4]

    def put(self, pk: str, document: dict[str, Any]) -> None:
        self.items[pk] = [{"pk": {"S": pk}, "body": {"S": json.dumps(document)}}]

    def get_item(self, *, Key: dict[str, Any], ConsistentRead: bool = False, **_: Any) -> dict[str, Any]:  # noqa: N803
        pk = Key["pk"]["S"]
        self.reads.append((pk, ConsistentRead))
        return {"Item": self.items[pk][0]} if pk in self.items else {}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        asked = [key["pk"]["S"] for key in RequestItems["t"]["Keys"]]
        self.reads.extend((pk, False) for pk in asked)
        return {"Responses": {"t": [item for pk in asked for item in self.items.get(pk, ())]}}

    def scan(self, *, ExclusiveStartKey: Any = None, **_: Any) -> dict[str, Any]:  # noqa: N803
        """Two pages; what fits the filter is put there by the test."""
        kits = [items[0] for pk, items in self.items.items() if pk.startswith("product#")]
        return {"Items": kits[1:]} if ExclusiveStartKey else {"Items": kits[:1], "LastEvaluatedKey": {"pk": "x"}}

    def query(self, *, ExclusiveStartKey: Any = None, Select: str = "", **asked: Any) -> dict[str, Any]:  # noqa: N803
        if Select == "COUNT":
            self.reads.append((asked["ExpressionAttributeValues"][":pk"]["S"], False))
            return {
                "Count": self.counts[1 if ExclusiveStartKey else 0],
                **({} if ExclusiveStartKey else {"LastEvaluatedKey": "x"}),
            }
        rows = self.items.get("node", [])
        return {"Items": rows[1:]} if ExclusiveStartKey else {"Items": rows[:1], "LastEvaluatedKey": {"pk": "x"}}


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    for module in (dynamodb_reference, dynamodb_work):
        monkeypatch.setattr(module, "time", made)
    return made


def test_rules_take_effect_within_what_the_api_says(clock: Time) -> None:
    table = Table()
    reference = DynamoReference(table, "t")
    assert reference.policy("sourcing") == {}
    table.put("policy#sourcing", {"version": 1})
    clock.now += EFFECTIVE_WITHIN_S - 0.1
    assert reference.policy("sourcing") == {}
    clock.now += 0.2
    assert reference.policy("sourcing") == {"version": 1}
    assert table.reads == [("policy#sourcing", True)] * 2


def test_nodes_and_freight_are_read_once_in_a_while(clock: Time) -> None:
    table = Table()
    row = {"node_id": "a", "latitude": 1, "longitude": 2}
    table.items["node"] = [{"body": {"S": json.dumps({**row, "node_id": each})}} for each in "ab"]
    reference = DynamoReference(table, "t")
    network = reference.network()
    assert [known.candidate.node_id for known in network.nodes] == ["a", "b"]
    assert reference.network() is network
    assert [each.available for each in reference.nodes({"b": {"S": 2}})] == [{}, {"S": 2}]
    clock.now += 5.1
    assert reference.network() is not network
    assert reference.network().network_id == network.network_id


def test_list_prices_and_classes_are_those_of_products_that_have_them() -> None:
    table = Table()
    table.put("product#A", {"sku": "A", "list_prices": {"EUR": 900}, "tax_class": "food"})
    table.put("product#B", {"sku": "B"})
    reference = DynamoReference(table, "t")
    assert reference.list_prices(["A", "B", "C", "A", ""], "EUR") == {"A": 900}
    assert reference.list_prices(["A"], "USD") == {}
    assert reference.tax_classes(["A", "B", "C"]) == {"A": "food"}
    assert table.reads.count(("product#A", False)) == 3


def test_kits_are_found_by_their_components() -> None:
    table = Table()
    table.put("kits_of#A", {"kits": ["SET", "BOX"]})
    table.put("kits_of#B", {"kits": []})
    assert DynamoReference(table, "t").kits_of(["A", "B", "C", ""]) == {"SET", "BOX"}


def test_products_are_kept_longer_and_not_without_end(clock: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_reference, "_MOST_PRODUCTS", 3)
    table = Table()
    table.put("product#A", {"sku": "A", "weight_g": 7, "needs": ["cold"], "duty": 1})
    reference = DynamoReference(table, "t")
    found = reference.products(["A", "B", "A"])
    assert (found["A"].grams, found["A"].needs, found["A"].duty, found["B"].grams) == (7, ("cold",), 1, 0)
    clock.now += 30
    reference.products(["A", "B"])
    assert len(table.reads) == 2
    clock.now += 31
    reference.products(["A"])
    assert len(table.reads) == 3
    reference.products(["C", "D", "A"])
    assert len(table.reads) == 6, "forgotten all at once, and read again"


def test_what_products_are_made_of_is_kept_for_a_while_and_nobody_is_unknown_for_long(
    clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb_reference, "KNOWN", 4)
    table = Table()
    table.put("product#A", {"sku": "A"})
    table.put("product#K", {"sku": "K", "components": {"A": 2}})
    reference = DynamoReference(table, "t")
    made_of = (Component(sku="A", units=2),)
    assert reference.made_of(["K", "A", "B", "", "K"]) == {"K": made_of, "A": ()}
    assert len(table.reads) == 3
    table.put("product#B", {"sku": "B"})
    table.put("product#K", {"sku": "K", "components": {"B": 1}})
    assert reference.made_of(["B", "K"]) == {"B": (), "K": made_of}
    assert len(table.reads) == 4, "only what was unknown is read again"
    clock.now += 61
    assert reference.made_of(["K"]) == {"K": (Component(sku="B", units=1),)}
    reference.made_of(["A", "B", "C"])
    assert len(table.reads) == 8, "forgotten all at once"


def test_every_kit_there_is() -> None:
    table = Table()
    for sku, components in (("K", {"A": 2}), ("L", {"A": 1}), ("broken", {"A": 0})):
        table.put(f"product#{sku}", {"sku": sku, "components": components})
    assert DynamoReference(table, "t").kits() == {
        "K": (Component(sku="A", units=2),),
        "L": (Component(sku="A", units=1),),
    }


def test_open_work_is_counted_by_status_and_page_and_kept(clock: Time) -> None:
    table = Table()
    work = DynamoOpenWork(table, "views")
    assert work.open_orders(["N"]) == {"N": 21}
    assert work.open_orders(["N"]) == {"N": 21}
    assert {pk for pk, _ in table.reads} == {"open#N#planned", "open#N#released", "open#N#accepted"}
    assert len(table.reads) == 6
    clock.now += 5.1
    work.open_orders(["N"])
    assert len(table.reads) == 12


def test_what_others_wait_for_is_added_up_page_by_page_up_to_a_limit() -> None:
    pages: list[dict[str, Any]] = [
        {"Items": [{"waiting": {"S": "2"}}, {"waiting": {"S": "1"}}], "LastEvaluatedKey": {"pk": {"S": "x"}}},
        {"Items": [{"waiting": {"S": "4"}}]},
    ]
    asked: list[dict[str, Any]] = []

    class Waiting:
        def query(self, **query: Any) -> dict[str, Any]:
            asked.append(query)
            return pages[len(asked) - 1]

    def owed(limit: int) -> int | None:
        asked.clear()
        return DynamoOpenWork(Waiting(), "views").owed("A", datetime(2026, 3, 1, 12, tzinfo=UTC), "ord_2", limit)

    assert owed(3) == 7
    assert asked[0]["ExpressionAttributeValues"] == {
        ":pk": {"S": "waiting#A"},
        ":own": {"S": "2026-03-01T12:00:00.000000Z#ord_2"},
    }
    assert (owed(2), len(asked)) == (None, 2)
    assert (owed(1), len(asked)) == (None, 1)
