"""Promise 2 on the engine: what is promised never exceeds what can be sold."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from tests.e2e.support import at_once, eventually, holding

if TYPE_CHECKING:
    from tests.e2e.support import Oms

BUYERS = 200
UNITS = 50
MORE = 10


def _stages(oms: Oms, sku: str) -> Counter[str]:
    """Orders of a SKU by stage, as lists show them."""
    found: Counter[str] = Counter()
    cursor = ""
    while True:
        page = oms.get(f"/orders?sku={sku}&limit=100&cursor={cursor}").document
        found.update(row["stage"] for row in page["orders"])
        cursor = page["next_cursor"] or ""
        if not cursor:
            return found


def test_two_hundred_buyers_of_fifty_units(oms: Oms) -> None:
    sku = oms.sku("rush", us_east=20, us_west=30)
    started = time.monotonic()
    replies = at_once(lambda _: oms.post("/orders", oms.body({sku: 1}), "shop"), range(BUYERS), threads=32)
    placed = time.monotonic() - started
    assert {reply.status for reply in replies} == {201}
    oms.quiet(seconds=90)
    print(f"\n[e2e] {BUYERS} buyers: placed in {placed:.1f} s, decided in {time.monotonic() - started:.1f} s")

    assert _stages(oms, sku) == {"released": UNITS, "backordered": BUYERS - UNITS}
    stock = oms.stock(sku)
    assert sum(position["reserved"] for position in stock.values()) == UNITS
    assert [(node, position["available"], position["on_hand"]) for node, position in sorted(stock.items())] == [
        ("us-east", 0, 20),
        ("us-west", 0, 30),
    ]
    waiting = next(
        row for row in oms.get(f"/orders?sku={sku}&limit=100").document["orders"] if row["stage"] == "backordered"
    )
    link = oms.post(f"/orders/{waiting['order_id']}/status-link").document["path"]
    assert oms.system.call("GET", link).document["status"] == "waiting_for_stock"

    oms.receive(sku, "us-west", MORE)
    eventually(lambda: _stages(oms, sku)["released"] == UNITS + MORE, what="as many orders woken as units came in")
    oms.quiet()
    assert _stages(oms, sku) == {"released": UNITS + MORE, "backordered": BUYERS - UNITS - MORE}
    assert sum(position["reserved"] for position in oms.stock(sku).values()) == UNITS + MORE


def test_two_lines_of_one_order_do_not_share_the_last_unit(oms: Oms) -> None:
    sku = oms.sku("twice", us_east=1)
    lines = [{"sku": sku, "quantity": 1, "unit_price": 500}, {"sku": sku, "quantity": 1, "unit_price": 500}]
    reply = oms.post("/orders", {**oms.body({sku: 2}, 500), "lines": lines}, "shop")
    order = oms.until(reply.document["order_id"], stage="backordered")
    assert Counter(place for line in order["lines"] for place in line["units"]) == {"allocated": 1, "backordered": 1}
    assert oms.stock(sku)["us-east"] == holding(on_hand=1, reserved=1)


def test_a_unit_freed_by_a_cancellation_goes_to_who_waits(oms: Oms) -> None:
    sku = oms.sku("freed", us_east=1)
    first = oms.place_released({sku: 1})["order_id"]
    second = oms.place({sku: 1})
    oms.until(second, stage="backordered")
    assert oms.post(f"/orders/{first}/cancel", {"reason": "changed my mind"}, "service").status == 200
    oms.until(second, stage="released")
    assert oms.stock(sku)["us-east"]["reserved"] == 1


def test_cancelling_and_shipping_at_once_ends_in_one_of_them(oms: Oms) -> None:
    sku = oms.sku("race", us_east=40)
    orders = at_once(lambda _: oms.place_released({sku: 2}), range(10), threads=8)

    def act(pair: tuple[int, dict[str, object]]) -> int:
        turn, order = pair
        if turn:
            return oms.post(f"/orders/{order['order_id']}/cancel").status
        return oms.ship(order["fulfillment_orders"][0]).status  # type: ignore[index]

    pairs = [(turn, order) for order in orders for turn in (0, 1)]
    statuses = at_once(act, pairs, threads=8)
    oms.quiet()
    for (shipped, cancelled), order in zip(zip(statuses[::2], statuses[1::2], strict=True), orders, strict=True):
        assert {shipped, cancelled} == {200, 409}
        units = oms.order(order["order_id"])["lines"][0]["units"]
        assert units == ({"shipped": 2} if shipped == 200 else {"cancelled": 2})
