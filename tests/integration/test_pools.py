"""Ring-fenced pools and lots through the real functions: promised, cancelled and shipped where they belong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from oms.entrypoints import wiring
from tests.proof.invariants.check import check
from tests.proof.sweep.evidence import evidence
from tests.proof.sweep.people import MAIN, cancel, place, ship, work
from tests.proof.sweep.world import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proof.sweep.world import World


@pytest.fixture
def w() -> Iterator[World]:
    with world() as made:
        made.product("MUG-01")
        yield made
        made.settle()
        assert check(evidence(made)) == []


def move(w: World, key: str, kind: str, quantity: int, status: int = 201, **fields: Any) -> Any:
    one = {"sku": "MUG-01", "node_id": MAIN, "kind": kind, "quantity": quantity, **fields}
    return w.post("/stock/movements", {"movements": [one]}, key=key, role="warehouse", status=status)


def stock(w: World) -> dict[str, Any]:
    document = w.get("/stock/MUG-01")
    (position,) = document["positions"]
    return {"promisable": document["available"], **position}


def lots(w: World) -> dict[str, dict[str, Any]]:
    return {each["number"]: each for each in stock(w).get("lots", [])}


def available(w: World, **who: str) -> int:
    asked = {"skus": ["MUG-01"], "node_ids": [], **who}
    (found,) = w.post("/availability", asked, key="", role="shop")["availability"]
    return int(found["available"])


def status(w: World, order_id: str) -> str:
    return str(w.get(f"/orders/{order_id}")["fulfillment_status"])


def test_units_of_a_pool_are_sold_to_whom_they_are_for_and_come_back_to_it(w: World) -> None:
    wiring.reference().put("policy", "pools", {"rules": [{"pool": "launch", "channel": "site"}]})
    w.receive("opening", MUG_01=(MAIN, 5))
    move(w, "fence", "pool_fill", 4, pool="launch")
    assert (available(w), available(w, channel="amazon"), available(w, channel="site")) == (1, 1, 5)
    w.settle()
    order_id = place(w, "s-1", {"MUG-01": 3})
    w.settle()
    assert status(w, order_id) == "allocated"
    at = stock(w)
    assert (at["available"], at["reserved"], at["pooled"], at["pools"]) == (1, 3, 1, {"launch": 1})
    cancel(w, order_id, "c-1")
    w.settle()
    at = stock(w)
    assert (at["available"], at["reserved"], at["pooled"], at["pools"]) == (1, 0, 4, {"launch": 4})
    assert move(w, "too many", "pool_release", 5, status=409, pool="launch")["code"] == "insufficient_stock"
    move(w, "open", "pool_release", 4, pool="launch")
    assert stock(w)["promisable"] == available(w) == 5


def test_who_may_not_waits_until_the_pool_is_opened(w: World) -> None:
    wiring.reference().put("policy", "pools", {"rules": [{"pool": "launch", "channel": "amazon"}]})
    w.receive("opening", MUG_01=(MAIN, 4))
    move(w, "fence", "pool_fill", 4, pool="launch")
    order_id = place(w, "s-1", {"MUG-01": 3})
    w.settle()
    assert status(w, order_id) == "backordered"
    move(w, "open", "pool_release", 4, pool="launch")
    w.settle()
    assert status(w, order_id) == "allocated"


def test_a_pools_end_needs_no_job(w: World) -> None:
    until = w.now.isoformat()
    wiring.reference().put("policy", "pools", {"rules": [{"pool": "launch", "channel": "amazon", "until": until}]})
    w.receive("opening", MUG_01=(MAIN, 4))
    move(w, "fence", "pool_fill", 4, pool="launch")
    order_id = place(w, "s-1", {"MUG-01": 3})
    w.settle()
    assert status(w, order_id) == "allocated"
    assert stock(w)["pools"] == {"launch": 1}


def test_the_lot_that_is_best_before_the_earliest_day_goes_first_and_what_is_over_is_not_sold(w: World) -> None:
    for key, number, best_before, units in (
        ("1", "B", "2027-06-01", 4),
        ("2", "A", "2027-01-01", 2),
        ("3", "OLD", "2026-11-01", 9),
    ):
        move(w, key, "receipt", units, lot={"number": number, "best_before": best_before})
    assert (available(w), stock(w)["available"]) == (6, 15)
    w.settle()
    order_id = place(w, "s-1", {"MUG-01": 3})
    w.settle()
    assert {number: each.get("reserved", 0) for number, each in lots(w).items()} == {"A": 2, "B": 1, "OLD": 0}
    ship(w, work(w, MAIN), "EZ1", units=2)
    w.settle()
    assert {number: each["on_hand"] for number, each in lots(w).items()} == {"B": 4, "OLD": 9}
    cancel(w, order_id, "c-1")
    w.settle()
    assert lots(w)["B"]["available"] == 4
    second = place(w, "s-2", {"MUG-01": 5})
    w.settle()
    assert status(w, second) == "backordered"
    gone = {"number": "OLD", "best_before": "2026-11-01"}
    move(w, "4", "damage", 9, code="expired", lot=gone)
    move(w, "5", "write_off", 9, code="scrapped", lot=gone)
    assert (set(lots(w)), stock(w)["on_hand"]) == ({"B"}, 4)


def test_lots_are_counted_one_by_one(w: World) -> None:
    move(w, "1", "receipt", 4, lot={"number": "B"})
    count: dict[str, Any] = {"sku": "MUG-01", "node_id": MAIN, "counted": 3}
    refused = w.post("/stock/counts", {"counts": [count]}, key="count", role="warehouse", status=422)
    assert refused["code"] == "invalid_input"
    assert stock(w)["on_hand"] == 4
    count["lot"] = {"number": "B"}
    (counted,) = w.post("/stock/counts", {"counts": [count]}, key="count B", role="warehouse", status=201)["counts"]
    assert (counted["lot"], counted["changes"]) == (
        {"number": "B", "best_before": None},
        {"on_hand": -1, "available": -1},
    )
    assert (stock(w)["on_hand"], lots(w)["B"]["on_hand"]) == (3, 3)
