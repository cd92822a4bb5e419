"""The warehouse's and the carrier's word: accept, reject, ship, scans late, twice and in disorder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.support import at_once, eventually, holding
from tests.e2e.test_recovery import environment

if TYPE_CHECKING:
    from tests.e2e.support import Oms

CREATED, MOVING, OUT, DELIVERED, FAILED = "01", "02", "03", "04", "05"


def _path(work: dict[str, Any], verb: str) -> str:
    return f"/fulfillment-orders/{work['fulfillment_order_id']}/{verb}"


def test_accepted_work_is_listed_as_accepted_and_shown_with_its_address(oms: Oms) -> None:
    order = oms.place_released({oms.sku("accept", jp_east=3): 1})
    work = order["fulfillment_orders"][0]
    assert (work["node_id"], work["status"]) == ("jp-east", "released")
    assert oms.post(_path(work, "accept"), role="warehouse").document["status"] == "accepted"
    oms.quiet(order["order_id"])
    listed = {
        status: [row["fulfillment_order_id"] for row in _open_work(oms, "jp-east", status)]
        for status in ("released", "accepted")
    }
    assert work["fulfillment_order_id"] in listed["accepted"]
    assert work["fulfillment_order_id"] not in listed["released"]
    shown = oms.get(f"/fulfillment-orders/{work['fulfillment_order_id']}", "warehouse").document
    assert shown["deliver_to"]["lines"] == ["77 Secretive Lane", "Attic of the canary"]
    assert oms.ship(work).status == 200
    oms.quiet(order["order_id"])
    assert work["fulfillment_order_id"] not in [
        row["fulfillment_order_id"] for row in _open_work(oms, "jp-east", "accepted")
    ]


def _open_work(oms: Oms, node: str, status: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = oms.get(f"/fulfillment-orders?node={node}&status={status}&cursor={cursor}", "warehouse").document
        rows += page["fulfillment_orders"]
        cursor = page["next_cursor"] or ""
        if not cursor:
            return rows


@pytest.mark.parametrize(
    ("reason", "left"),
    [
        ("no_capacity", holding(on_hand=5, available=5)),
        ("not_found", holding(on_hand=3, available=3)),
        ("damaged", holding(on_hand=5, available=3, damaged=2)),
    ],
)
def test_rejected_work_is_sourced_elsewhere_and_stock_corrected(oms: Oms, reason: str, left: dict[str, int]) -> None:
    sku = oms.sku("reject", us_east=5, us_west=5)
    order = oms.place_released({sku: 2})
    work = order["fulfillment_orders"][0]
    assert work["node_id"] == "us-east"
    assert oms.post(_path(work, "reject"), {"reason": reason}, "warehouse").status == 200
    eventually(lambda: len(oms.order(order["order_id"])["fulfillment_orders"]) == 2, what="sourced again")
    order = oms.until(order["order_id"], stage="released")
    assert [(each["node_id"], each["status"]) for each in order["fulfillment_orders"]] == [
        ("us-east", "rejected"),
        ("us-west", "released"),
    ]
    stock = oms.stock(sku)
    assert stock["us-east"] == left
    assert stock["us-west"]["reserved"] == 2
    decision = oms.events(order["order_id"], "LinesReserved")[-1]["decision"]
    assert decision["excluded"] == {"us-east": "rejected this order"}
    again = oms.post(_path(work, "accept"), role="warehouse")
    assert (again.status, again.document["code"]) == (409, "invalid_transition")


def test_rejected_by_the_only_node_it_waits_for_stock(oms: Oms) -> None:
    sku = oms.sku("nowhere", us_east=2)
    order = oms.place_released({sku: 2})
    oms.post(_path(order["fulfillment_orders"][0], "reject"), {"reason": "not_found"}, "warehouse")
    oms.until(order["order_id"], stage="backordered")
    oms.receive(sku, "us-west", 2)
    order = oms.until(order["order_id"], stage="released")
    assert order["fulfillment_orders"][-1]["node_id"] == "us-west"


def test_no_more_than_what_remains_is_shipped(oms: Oms) -> None:
    sku = oms.sku("much", us_east=9)
    order = oms.place_released({sku: 3})
    work, line = order["fulfillment_orders"][0], order["lines"][0]["line_id"]
    too_many = oms.ship(work, {line: 4})
    assert (too_many.status, too_many.document["code"], too_many.document["remaining"]) == (
        409,
        "invalid_transition",
        3,
    )
    statuses = [reply.status for reply in at_once(lambda _: oms.ship(work, {line: 1}), range(6), threads=6)]
    assert sorted(statuses) == [200] * 3 + [409] * 3
    order = oms.until(order["order_id"], stage="shipped")
    assert order["lines"][0]["units"] == {"shipped": 3}
    assert oms.stock(sku)["us-east"] == holding(on_hand=6, available=6)


def test_nothing_on_hold_is_shipped(oms: Oms) -> None:
    order = oms.place_released({oms.sku("held", us_east=5): 1})
    path = f"/orders/{order['order_id']}/holds"
    hold = oms.post(path, {"kind": "fraud", "reason": "a second look"}, "finance").document["holds"][0]
    work = order["fulfillment_orders"][0]
    assert oms.ship(work).status == 409
    assert oms.order(order["order_id"])["stage"] == "on_hold"
    assert oms.post(f"{path}/{hold['hold_id']}/release", role="finance").status == 200
    assert oms.ship(work).status == 200


def test_a_hold_before_the_promise_stops_it_and_its_release_starts_it(oms: Oms) -> None:
    sku = oms.sku("wait")
    order_id = oms.place({sku: 1})
    oms.until(order_id, stage="backordered")
    hold = oms.post(f"/orders/{order_id}/holds").document["holds"][0]["hold_id"]
    oms.receive(sku, "us-east", 1)
    oms.quiet(order_id)
    assert oms.stock(sku)["us-east"]["reserved"] == 0
    oms.post(f"/orders/{order_id}/holds/{hold}/release")
    oms.watch(order_id)
    oms.until(order_id, stage="released")


def _shipped(oms: Oms) -> tuple[str, str]:
    order = oms.place_released({oms.sku("scan", us_east=5): 1})
    tracking = oms.unique("EZ")
    assert oms.ship(order["fulfillment_orders"][0], tracking=tracking).status == 200
    eventually(lambda: oms.get(f"/orders?tracking={tracking}").document["orders"], what="the parcel can be found")
    return order["order_id"], tracking


@pytest.mark.parametrize(
    "arrivals",
    [
        (CREATED, MOVING, OUT, DELIVERED),
        (DELIVERED, OUT, MOVING, CREATED),
        (DELIVERED, DELIVERED, MOVING, MOVING, OUT, DELIVERED),
    ],
)
def test_scans_in_any_order_deliver_once_and_close_the_order(oms: Oms, arrivals: tuple[str, ...]) -> None:
    order_id, tracking = _shipped(oms)
    for sample in arrivals:
        assert oms.scan(sample, tracking)[0] == 200
        if arrivals[0] == CREATED:
            oms.quiet(order_id)
    oms.quiet(order_id)
    order = oms.until(order_id, stage="closed")
    assert [parcel["status"] for parcel in order["parcels"]] == ["delivered"]
    assert order["lines"][0]["units"] == {"delivered": 1}
    told = [event["status"] for event in oms.events(order_id, "ParcelStatusChanged")]
    assert told.count("delivered") == 1
    assert told[-1] == "delivered"


def test_scans_that_change_nothing_are_kept_once(oms: Oms) -> None:
    order_id, tracking = _shipped(oms)
    oms.scan(DELIVERED, tracking)
    oms.quiet(order_id)
    commits = len(oms.commits(order_id))
    for sample in (MOVING, OUT, MOVING, OUT):
        oms.scan(sample, tracking)
    oms.quiet(order_id)
    timeline = oms.get(f"/orders/{order_id}/timeline").document
    assert len(timeline["commits"]) == commits
    assert sorted(fact["update"]["event_id"].split("_")[-2] for fact in timeline["facts"]) == ["delivery", "transit"]


def test_a_scan_of_an_unknown_parcel_is_parked_and_taken_when_the_parcel_exists(oms: Oms) -> None:
    order = oms.place_released({oms.sku("early", us_east=5): 1})
    tracking = oms.unique("EZ")
    with environment(oms, "TakeTracking", {"MAX_RECEIVES": "1"}):
        oms.scan(DELIVERED, tracking)
        eventually(lambda: [row for row in oms.parked().values() if row.get("waits_for") == f"tracking#{tracking}"], 30)
    (entry,) = [row for row in oms.parked().values() if row.get("waits_for") == f"tracking#{tracking}"]
    assert (entry["code"], entry["source"]) == ("parcel_not_found", "easypost")
    assert oms.invoke("RedriveOverdue")["replayed"] == 0
    assert oms.ship(order["fulfillment_orders"][0], tracking=tracking).status == 200
    oms.quiet(order["order_id"])
    oms.make_due(parked_id=entry["parked_id"])
    assert oms.invoke("RedriveOverdue")["replayed"] == 1
    oms.until(order["order_id"], stage="closed")
    assert entry["parked_id"] not in oms.parked()


def test_a_scan_that_overtakes_its_shipment_by_a_moment_is_taken_without_anybody(oms: Oms) -> None:
    order = oms.place_released({oms.sku("overtake", us_east=5): 1})
    tracking = oms.unique("EZ")
    oms.scan(DELIVERED, tracking)
    assert oms.ship(order["fulfillment_orders"][0], tracking=tracking).status == 200
    oms.until(order["order_id"], stage="closed")


def test_a_tracking_number_that_is_used_again_means_the_parcel_on_its_way(oms: Oms) -> None:
    first, tracking = _shipped(oms)
    oms.scan(DELIVERED, tracking)
    oms.until(first, stage="closed")
    second = oms.place_released({oms.sku("reuse", us_east=5): 1})
    assert oms.ship(second["fulfillment_orders"][0], tracking=tracking).status == 200
    oms.quiet()
    oms.scan(DELIVERED, tracking, evt_demo="evt_again")
    oms.until(second["order_id"], stage="closed")
    assert len(oms.events(first, "ParcelStatusChanged")) == 1


def test_a_status_that_no_carrier_has_yet_is_parked_at_once(oms: Oms) -> None:
    _, tracking = _shipped(oms)
    status, _ = oms.scan(MOVING, tracking, in_transit="teleported", evt_demo="evt_new")
    assert status == 200
    (entry,) = eventually(
        lambda: [
            row for row in oms.parked().values() if (row["source"], row["code"]) == ("easypost", "malformed_payload")
        ]
    )
    shown = oms.get(f"/quarantine/{entry['parked_id']}").document
    assert json.loads(shown["message"]["body"])["result"]["status"] == "teleported"
