"""The same request again has no second effect, on every route that writes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from oms.domain import ids
from tests.e2e.support import PERSON, at_once

if TYPE_CHECKING:
    from tests.e2e.support import Oms


def test_the_same_key_and_body_is_the_same_order(oms: Oms) -> None:
    sku, key = oms.sku("once", us_east=5), oms.unique("order-key")
    body = oms.body({sku: 1})
    first = oms.post("/orders", body, "shop", key)
    again = oms.post("/orders", dict(reversed(body.items())), "shop", key)
    assert (first.status, again.status) == (201, 200)
    assert first.document["order_id"] == again.document["order_id"] == ids.order_id("site", "main", key)
    order = oms.until(first.document["order_id"], stage="released")
    assert oms.post("/orders", body, "shop", key).document["order_id"] == order["order_id"]
    assert len(oms.events(order["order_id"], "OrderPlaced")) == 1
    assert oms.stock(sku)["us-east"]["reserved"] == 1


def test_the_same_key_with_another_body_is_refused_and_changes_nothing(oms: Oms) -> None:
    sku, key = oms.sku("reused", us_east=5), oms.unique("order-key")
    body = oms.body({sku: 1})
    order_id = oms.post("/orders", body, "shop", key).document["order_id"]
    work = oms.until(order_id, stage="released")["fulfillment_orders"][0]["fulfillment_order_id"]
    other = {**body, "contact": {**PERSON, "shipping": {**PERSON["shipping"], "name": "Somebody Canary-Else"}}}  # type: ignore[dict-item]
    reply = oms.post("/orders", other, "shop", key)
    assert (reply.status, reply.document["code"]) == (422, "idempotency_key_reused")
    shown = oms.get(f"/fulfillment-orders/{work}", "warehouse").document["deliver_to"]
    assert shown["name"] == PERSON["name"]
    assert len(oms.commits(order_id)) == 2


def test_twenty_identical_requests_at_once_are_one_order(oms: Oms) -> None:
    sku, key = oms.sku("crowd", us_east=50), oms.unique("order-key")
    body = oms.body({sku: 1})
    replies = at_once(lambda _: oms.post("/orders", body, "shop", key), range(20), threads=20)
    assert sorted(reply.status for reply in replies) == [200] * 19 + [201]
    assert len({reply.document["order_id"] for reply in replies}) == 1
    oms.until(replies[0].document["order_id"], stage="released")
    oms.quiet()
    assert oms.stock(sku)["us-east"]["reserved"] == 1


def test_an_order_number_is_taken_once(oms: Oms) -> None:
    sku = oms.sku("number", us_east=5)
    body = oms.body({sku: 1})
    assert oms.post("/orders", body, "shop").status == 201
    reply = oms.post("/orders", body, "shop")
    assert (reply.status, reply.document["code"]) == (409, "duplicate_order_number")


def test_a_payment_pays_for_one_order(oms: Oms) -> None:
    sku = oms.sku("intent", us_east=5)
    payment = {"provider": "stripe", "reference": oms.pay(1000)}
    assert oms.post("/orders", oms.body({sku: 1}, payment=payment), "shop").status == 201
    reply = oms.post("/orders", oms.body({sku: 1}, payment=payment), "shop")
    assert (reply.status, reply.document["code"]) == (409, "payment_already_used")


@pytest.mark.parametrize("key", ["", " ", "k" * 256])
def test_a_write_needs_a_key(oms: Oms, key: str) -> None:
    reply = oms.system.call("POST", "/orders", {}, role="shop", headers={"idempotency-key": key} if key else {})
    assert (reply.status, reply.document["code"]) == (400, "idempotency_key_missing")


def _released(oms: Oms, units: int = 2) -> dict[str, Any]:
    return oms.place_released({oms.sku("again", us_east=9, us_west=9): units})


def _cancel(oms: Oms) -> tuple[str, str, dict[str, Any]]:
    order = _released(oms)
    line = order["lines"][0]["line_id"]
    return order["order_id"], f"/orders/{order['order_id']}/cancel", {"lines": [{"line_id": line, "quantity": 1}]}


def _hold(oms: Oms) -> tuple[str, str, dict[str, Any]]:
    order_id = _released(oms)["order_id"]
    return order_id, f"/orders/{order_id}/holds", {"kind": "fraud", "reason": "looks odd"}


def _release(oms: Oms) -> tuple[str, str, dict[str, Any]]:
    order_id, path, body = _hold(oms)
    hold_id = oms.post(path, body).document["holds"][0]["hold_id"]
    return order_id, f"{path}/{hold_id}/release", {}


def _refund(oms: Oms) -> tuple[str, str, dict[str, Any]]:
    order_id = _released(oms)["order_id"]
    return order_id, f"/orders/{order_id}/refunds", {"amount": 300, "currency": "USD", "reason": "late"}


def _accept(oms: Oms) -> tuple[str, str, dict[str, Any]]:
    order = _released(oms)
    return order["order_id"], f"/fulfillment-orders/{order['fulfillment_orders'][0]['fulfillment_order_id']}/accept", {}


def _reject(oms: Oms) -> tuple[str, str, dict[str, Any]]:
    order_id, path, _ = _accept(oms)
    return order_id, path.replace("/accept", "/reject"), {"reason": "damaged"}


def _ship(oms: Oms) -> tuple[str, str, dict[str, Any]]:
    order = _released(oms)
    line, work = order["lines"][0]["line_id"], order["fulfillment_orders"][0]["fulfillment_order_id"]
    parcel = {"carrier": "UPS", "tracking_number": oms.unique("1Z"), "lines": [{"line_id": line, "quantity": 1}]}
    return order["order_id"], f"/fulfillment-orders/{work}/shipments", {"parcels": [parcel]}


@pytest.mark.parametrize("prepare", [_cancel, _hold, _release, _refund, _accept, _reject, _ship])
def test_a_staff_request_again_has_no_second_effect(oms: Oms, prepare: Any) -> None:
    order_id, path, body = prepare(oms)
    key = oms.unique("staff-key")
    before = len(oms.commits(order_id))
    with ThreadPoolExecutor(4) as pool:
        replies = [each.result() for each in [pool.submit(oms.post, path, body, "admin", key) for _ in range(4)]]
    assert {reply.status for reply in replies} == {200}
    oms.quiet(order_id)
    assert oms.post(path, body, key=key).status == 200
    own = [each for each in oms.commits(order_id)[before:] if each["cause"]["kind"] == "api"]
    assert len(own) == 1
    reused = oms.post(path, {**body, "reason": "no_capacity"} if "reason" in body else {"reason": "x"}, key=key)
    assert reused.status == 422, reused


def test_a_stock_movement_again_moves_nothing(oms: Oms) -> None:
    sku, key = oms.sku("moved", us_east=1), oms.unique("stock-key")
    body = {"movements": [{"sku": sku, "node_id": "us-east", "kind": "receipt", "quantity": 4}]}
    replies = at_once(lambda _: oms.post("/stock/movements", body, "warehouse", key), range(8), threads=8)
    assert sorted(reply.status for reply in replies) == [200] * 7 + [201]
    assert oms.stock(sku)["us-east"]["on_hand"] == 5
    body["movements"][0]["quantity"] = 5
    reply = oms.post("/stock/movements", body, "warehouse", key)
    assert (reply.status, reply.document["code"]) == (422, "idempotency_key_reused")
    assert oms.stock(sku)["us-east"]["on_hand"] == 5
