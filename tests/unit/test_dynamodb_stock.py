"""Positions of many SKUs: how many calls, and how many at a time."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from oms.adapters.dynamodb_log import ABREAST, DynamoStock


class Table:
    """Answers two nodes per SKU, in pages of one when asked to."""

    def __init__(self, *, paged: bool = False, together: int = 1) -> None:
        self.asked: list[dict[str, Any]] = []
        self.paged = paged
        self.barrier = threading.Barrier(together, timeout=5)
        self.lock = threading.Lock()

    def query(self, **asked: Any) -> dict[str, Any]:
        with self.lock:
            self.asked.append(asked)
        self.barrier.wait()
        sku = asked["ExpressionAttributeValues"][":pk"]["S"]
        items = [{"pk": {"S": sku}, "sk": {"S": f"{node}#0"}, "available": {"N": "3"}} for node in ("N1", "N2")]
        if not self.paged:
            return {"Items": items}
        if "ExclusiveStartKey" in asked:
            return {"Items": items[1:]}
        return {"Items": items[:1], "LastEvaluatedKey": {"pk": {"S": sku}}}


@pytest.mark.parametrize("count", [1, ABREAST - 1, ABREAST, 100])
def test_one_query_per_sku_and_answers_in_order(count: int) -> None:
    table = Table()
    skus = [f"S{number}" for number in range(count)]
    found = DynamoStock(table, "stock").look([*skus, skus[0]])
    assert [(each.sku, each.node_id, each.available) for each in found] == [
        (sku, node, 3) for sku in skus for node in ("N1", "N2")
    ]
    assert len(table.asked) == count
    assert not any(each["ConsistentRead"] for each in table.asked)


def test_many_are_asked_at_the_same_time() -> None:
    table = Table(together=ABREAST)
    DynamoStock(table, "stock").look([f"S{number}" for number in range(3 * ABREAST)])
    assert table.barrier.broken is False


def test_what_is_decided_on_is_read_consistently_and_whole() -> None:
    table = Table(paged=True)
    assert [each.node_id for each in DynamoStock(table, "stock").positions(["A", "A"])] == ["N1", "N2"]
    assert [each["ConsistentRead"] for each in table.asked] == [True, True]


def test_a_query_that_fails_fails_the_whole() -> None:
    class Broken(Table):
        def query(self, **asked: Any) -> dict[str, Any]:
            if asked["ExpressionAttributeValues"][":pk"]["S"] == "S7":
                raise ConnectionError("gone")
            return super().query(**asked)

    with pytest.raises(ConnectionError):
        DynamoStock(Broken(), "stock").look([f"S{number}" for number in range(20)])
