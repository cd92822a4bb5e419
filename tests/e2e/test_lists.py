"""Lists filter by one attribute and a date range, and page without losing or repeating anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.support import PERSON, at_once

if TYPE_CHECKING:
    from tests.e2e.support import Oms

ORDERS = 60
PAGE = 7
DAYS = 5
"""Days over which the orders were placed."""


@pytest.fixture(scope="module")
def world(oms: Oms) -> dict[str, Any]:
    """Sixty orders of one SKU and one customer, of the last days, some of them waiting for stock."""
    sku = oms.sku("list", us_east=40)
    number = oms.unique("LIST")
    contact = {**PERSON, "email": "lists.canary@private.example"}
    now = datetime.now(UTC)
    placed = [now - timedelta(days=index % DAYS, minutes=index) for index in range(ORDERS)]

    def place(index: int) -> str:
        at = placed[index].isoformat()
        return oms.place({sku: 1}, contact=contact, number=f"{number}-{index}", placed_at=at)

    ids = at_once(place, range(ORDERS))
    oms.quiet()
    work = oms.order(ids[0])
    tracking = oms.unique("LT")
    if work["stage"] == "backordered":
        oms.receive(sku, "us-east", 1)
        work = oms.until(ids[0], stage="released")
    oms.ship(work["fulfillment_orders"][0], tracking=tracking)
    oms.quiet()
    customer = oms.order(ids[0])["customer_id"]
    return {"sku": sku, "ids": ids, "placed": placed, "number": number, "tracking": tracking, "customer": customer}


def pages(oms: Oms, query: str, limit: int = PAGE) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = []
    cursor = ""
    while True:
        reply = oms.get(f"/orders?{query}&limit={limit}&cursor={cursor}", "service")
        assert reply.status == 200, reply
        found.append(reply.document["orders"])
        cursor = reply.document["next_cursor"]
        if not cursor:
            return found


def _mine(world: dict[str, Any], found: list[list[dict[str, Any]]]) -> list[str]:
    return [row["order_id"] for page in found for row in page if row["order_id"] in set(world["ids"])]


@pytest.mark.parametrize("by", ["sku", "customer", "channel"])
def test_pages_give_each_order_once_and_the_newest_first(oms: Oms, world: dict[str, Any], by: str) -> None:
    value = {"channel": "site"}.get(by) or world[by]
    found = pages(oms, f"{by}={value}")
    ids = _mine(world, found)
    newest_first = [order for _, order in sorted(zip(world["placed"], world["ids"], strict=True), reverse=True)]
    assert ids == newest_first
    assert all(len(page) == PAGE for page in found[:-1])
    assert 0 < len(found[-1]) <= PAGE or by == "channel"


def test_stages_partition_the_orders(oms: Oms, world: dict[str, Any]) -> None:
    by_stage = {stage: _mine(world, pages(oms, f"status={stage}")) for stage in ("released", "backordered", "shipped")}
    assert sorted(order for ids in by_stage.values() for order in ids) == sorted(world["ids"])
    assert by_stage["shipped"] == [world["ids"][0]]
    assert len(by_stage["backordered"]) in (ORDERS - 40, ORDERS - 41)
    for stage, ids in by_stage.items():
        assert {oms.order(order)["stage"] for order in ids[:3]} == {stage}


@pytest.mark.parametrize("by", ["sku", "customer", "channel"])
def test_a_date_range_is_held_to_the_second(oms: Oms, world: dict[str, Any], by: str) -> None:
    value = {"channel": "site"}.get(by) or world[by]
    until = sorted(world["placed"])[ORDERS // 2]
    since = until - timedelta(days=2)
    query = f"{by}={value}&since={since:%Y-%m-%dT%H:%M:%S.%fZ}&until={until:%Y-%m-%dT%H:%M:%S.%fZ}"
    expected = {order for order, at in zip(world["ids"], world["placed"], strict=True) if since <= at <= until}
    ids = _mine(world, pages(oms, query))
    assert len(ids) == len(expected) > PAGE
    assert set(ids) == expected


def test_one_order_is_found_by_number_and_by_tracking(oms: Oms, world: dict[str, Any]) -> None:
    for index in (0, ORDERS - 1):
        (page,) = pages(oms, f"number={world['number']}-{index}")
        assert [row["order_id"] for row in page] == [world["ids"][index]]
    (page,) = pages(oms, f"tracking={world['tracking']}")
    assert [row["order_id"] for row in page] == [world["ids"][0]]
    assert pages(oms, "number=never-given") == [[]]


def test_a_row_says_what_the_order_says(oms: Oms, world: dict[str, Any]) -> None:
    for row in pages(oms, f"sku={world['sku']}")[0]:
        order = oms.order(row["order_id"])
        same = {"number": "number", "stage": "stage", "status": "status", "payment": "payment_status", "total": "total"}
        assert {name: row[name] for name in same} == {name: order[field] for name, field in same.items()}
        assert row["commit"] == order["version"]


def test_an_order_is_seen_by_who_placed_it_at_once(oms: Oms) -> None:
    """Read your writes: the order, not yet the lists."""
    reply = oms.post("/orders", oms.body({oms.sku("mine"): 1}), "shop")
    assert oms.order(reply.document["order_id"])["number"] == reply.document["number"]


def test_open_work_pages_without_losing_any(oms: Oms, world: dict[str, Any]) -> None:
    found = oms.get("/fulfillment-orders?node=us-east", "warehouse").document
    promised = [row["promised_by"] for row in found["fulfillment_orders"]]
    assert promised == sorted(promised)
