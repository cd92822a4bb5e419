"""Serial numbers through the real functions: packed, refused elsewhere, found, brought back and packed again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from oms.entrypoints import wiring
from tests.proof.invariants.check import check
from tests.proof.sweep.evidence import evidence
from tests.proof.sweep.people import MAIN, place, work
from tests.proof.sweep.world import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proof.sweep.world import World


@pytest.fixture
def w() -> Iterator[World]:
    with world() as made:
        made.product("MUG-01")
        wiring.reference().put("product", "MUG-01", {"sku": "MUG-01", "serials": True})
        made.receive("opening", MUG_01=(MAIN, 9))
        yield made
        made.settle()
        assert check(evidence(made)) == []


def promised(w: World, key: str, units: int) -> tuple[str, str]:
    """An order, and its fulfillment order."""
    order_id = place(w, key, {"MUG-01": units})
    w.settle()
    open_work = work(w, MAIN)
    assert open_work["lines"][0]["serialized"] == ["MUG-01"]
    return order_id, str(open_work["fulfillment_order_id"])


def pack(w: World, each: str, tracking: str, *numbers: str, status: int = 200, quantity: int = 0) -> Any:
    serials = [{"serial": number} for number in numbers]
    line = {"line_id": "1", "quantity": quantity or len(numbers), "serials": serials}
    parcel = {"carrier": "UPS", "tracking_number": tracking, "lines": [line]}
    path = f"/fulfillment-orders/{each}/shipments"
    return w.post(path, {"parcels": [parcel]}, key=f"ship-{tracking}", role="warehouse", status=status)


def found(w: World, query: str) -> list[str]:
    w.settle()
    return [str(each["order_id"]) for each in w.get(f"/orders?{query}")["orders"]]


def test_a_unit_is_with_one_customer_at_a_time(w: World) -> None:
    first, work_1 = promised(w, "s-1", 2)
    assert pack(w, work_1, "EZ0", status=422, quantity=2)["code"] == "serials_do_not_fit"
    assert pack(w, work_1, "EZ0", "A 1", "A2", status=422)["code"] == "invalid_input"
    pack(w, work_1, "EZ1", "A1", "A2")
    second, work_2 = promised(w, "s-2", 1)
    refused = pack(w, work_2, "EZ2", "A1", status=409)
    assert (refused["code"], refused["serials"]) == ("serial_in_use", [{"sku": "MUG-01", "serial": "A1"}])
    assert w.get(f"/orders/{second}")["parcels"] == []
    assert found(w, "serial=A1") == [first]
    back: dict[str, Any] = {"lines": [{"line_id": "1", "quantity": 1, "serials": [{"serial": "B1"}]}], "restock": True}
    refused = w.post(f"/orders/{first}/refunds", back, key="r-0", role="service", status=409)
    assert refused["code"] == "serial_not_shipped"
    back["lines"][0]["serials"] = [{"serial": "A1"}]
    order = w.post(f"/orders/{first}/refunds", back, key="r-1", role="service", status=200)
    assert order["lines"][0]["serials"] == [{"sku": "MUG-01", "serial": "A2"}]
    pack(w, work_2, "EZ3", "A1")
    assert found(w, "serial=A1") == [second, first]
    assert found(w, "serial=A9") == []
    events = [each for commit in w.get(f"/orders/{first}/timeline")["commits"] for each in commit["events"]]
    (left,) = [each for each in events if each["type"] == "ShipmentShipped"]
    assert [each["number"] for each in left["parcels"][0]["units"][0]["serials"]] == ["A1", "A2"]


def test_what_comes_back_unnamed_is_named_by_staff(w: World) -> None:
    order_id, each = promised(w, "s-1", 2)
    pack(w, each, "EZ1", "A1", "A2")
    named = {"lines": [{"line_id": "1", "serials": [{"serial": "A1"}]}]}
    path = f"/orders/{order_id}/returned-serials"
    assert w.post(path, named, key="n-1", role="warehouse", status=422)["code"] == "serials_do_not_fit"
    many = {"lines": [{"line_id": "1", "serials": [{"serial": f"S{number}"} for number in range(46)]}] * 2}
    assert w.post(path, many, key="n-2", role="warehouse", status=422)["code"] == "invalid_input"


def test_orders_with_units_of_a_lot_are_found(w: World) -> None:
    wiring.reference().put("product", "MUG-01", {"sku": "MUG-01"})
    lot = {"number": "L/1", "best_before": "2027-06-01"}
    movement = {"sku": "MUG-01", "node_id": MAIN, "kind": "receipt", "quantity": 3, "lot": lot}
    w.post("/stock/movements", {"movements": [movement]}, key="lot", role="warehouse", status=201)
    w.settle()
    order_id = place(w, "s-1", {"MUG-01": 2})
    w.settle()
    each = str(work(w, MAIN)["fulfillment_order_id"])
    assert found(w, "lot=MUG-01~L/1") == []
    pack(w, each, "EZ1", quantity=2)
    assert found(w, "lot=MUG-01~L/1") == [order_id]
    assert found(w, "lot=MUG-02~L/1") == []
