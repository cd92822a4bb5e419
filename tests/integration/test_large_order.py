"""An order of more lines than a transaction takes: promised, shipped and cancelled whole, though the process dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oms.domain.stock import MAX_POSITIONS
from tests.proof.cost.million import memory_shop
from tests.proof.large import NODES, Shop, play

if TYPE_CHECKING:
    from collections.abc import Iterator

LINES = 600
CHUNKS = -(-LINES // MAX_POSITIONS)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with memory_shop() as counted:
        made = Shop(counted, 2 * MAX_POSITIONS + 20)
        made.open()
        yield made


def test_it_is_promised_shipped_and_cancelled_through_a_kill_of_each() -> None:
    found = play(LINES)
    assert found["stages"] == ["released", "shipped", "cancelled"]
    assert found["fulfillment_orders"] == len(NODES)
    assert (found["killed"], found["resumed"], found["drift"], found["reserved"]) == (2, True, 0, 0)
    # The placing; a commit for each ninety lines, and no more for having been killed.
    assert found["commits"]["kept"] == 1 + CHUNKS + found["shipments"]
    assert found["commits"]["gone"] == 1 + 2 * CHUNKS


def test_one_workflow_promises_it_and_reads_the_order_once(shop: Shop) -> None:
    order_id = shop.place("one")
    shop.shop.operations.clear()
    shop.promise("one")
    assert shop.shop.operations["workflows.start"] == 1
    assert shop.shop.operations["log.read"] == 1
    assert shop.document(order_id)["stage"] == "released"


def test_what_is_short_waits_and_is_bound_when_it_comes(shop: Shop) -> None:
    units = {sku.replace("-", "_"): shop.skus().index(sku) % len(NODES) for sku in shop.skus()}
    for key in ("a", "b", "c"):
        shop.place(key)
        shop.promise(key)
    waiting = shop.place("late")
    shop.promise("late")
    assert shop.document(waiting)["stage"] == "backordered"
    first, *_, last = units
    for sku in (first, last):
        shop.shop.w.receive(f"more-{sku}", **{sku: (NODES[units[sku]], 1)})
        shop.shop.w.drain()
    lines = {line["sku"]: line["units"] for line in shop.document(waiting)["lines"]}
    assert lines[first.replace("_", "-")] == lines[last.replace("_", "-")] == {"allocated": 1}
    assert sum("backordered" in each for each in lines.values()) == len(lines) - 2
    assert shop.drift() == 0


def test_what_a_node_rejects_goes_elsewhere_and_never_back(shop: Shop) -> None:
    everywhere = {sku.replace("-", "_"): (NODES[5], 5) for sku in shop.skus()[:MAX_POSITIONS]}
    shop.shop.w.receive("elsewhere", **everywhere)
    order_id = shop.place("one")
    shop.promise("one")
    work = max(shop.document(order_id)["fulfillment_orders"], key=lambda known: len(known["lines"]))
    path = f"/fulfillment-orders/{work['fulfillment_order_id']}/reject"
    shop.shop.w.post(path, {"reason": "no_capacity"}, key="reject", role="warehouse")
    shop.shop.w.drain()
    found = {known["fulfillment_order_id"]: known for known in shop.document(order_id)["fulfillment_orders"]}
    assert found[work["fulfillment_order_id"]]["status"] == "rejected"
    assert not any(known["lines"] for known in found.values() if known["node_id"] == work["node_id"])
    assert shop.drift() == 0
