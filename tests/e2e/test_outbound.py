"""Webhooks of the deployed system: an ERP is told of an order by signed messages, and again from the log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import urllib3

if TYPE_CHECKING:
    from tests.e2e.support import Oms

PATIENCE_S = 60.0


def _taken(oms: Oms, order_id: str) -> list[dict[str, Any]]:
    """What the ERP wrote down of an order."""
    seen = oms.sandbox.record.receipts
    return [each for each in seen if each["order_id"] == order_id and each["status"] == 200]


def _wait(oms: Oms, order_id: str, count: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + PATIENCE_S
    while len(_taken(oms, order_id)) < count and time.monotonic() < deadline:
        time.sleep(0.2)
    return _taken(oms, order_id)


def test_an_erp_is_told_of_an_order_and_told_again_from_the_log(oms: Oms) -> None:
    url = f"{oms.sandbox.base_url}/merchant/erp"
    body = {"url": url, "event_types": ["OrderPlaced.v1", "OrderPromised.v1"]}
    made = oms.system.call("POST", "/webhook-subscriptions", body, role="admin", key="e2e-erp")
    assert made.status == 201, made.document
    path = f"/webhook-subscriptions/{made.document['subscription_id']}"
    secret = {"system": "erp", "secret": made.document["secret"]}
    urllib3.request("POST", f"{oms.sandbox.base_url}/_sandbox/merchant", json=secret)
    assert oms.system.call("POST", f"{path}/ping", {}, role="admin", key="e2e-ping").document["delivered"]
    order_id = oms.place({oms.sku("hooked", us_east=5): 1})
    oms.quiet(order_id)
    told = _wait(oms, order_id, 2)
    assert {each["type"] for each in told} == {"OrderPlaced.v1", "OrderPromised.v1"}
    placed_at = oms.get(f"/orders/{order_id}").document["placed_at"]
    asked = oms.system.call("POST", f"{path}/replays", {"since": placed_at}, role="admin", key="e2e-replay")
    assert asked.status == 202, asked.document
    again = _wait(oms, order_id, 4)
    assert len(again) >= 4
    assert {each["id"] for each in again} == {each["id"] for each in told}
    assert oms.system.call("POST", f"{path}/disable", {}, role="admin", key="e2e-off").document["state"] == "disabled"
