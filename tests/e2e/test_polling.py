"""An order whose webhook is never sent, on the engine: a poll finds it; the webhook that comes late changes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import urllib3

from infra.local import recorded as rec
from infra.local.connect import connect
from infra.local.sandbox.untold import untold
from oms.domain import ids
from tests.e2e import audit
from tests.e2e.support import eventually

if TYPE_CHECKING:
    from tests.e2e.support import Oms

ACCOUNT = "polled"


def test_an_order_that_is_never_delivered_is_found_and_its_late_webhook_changes_nothing(oms: Oms) -> None:
    api = {"url": oms.sandbox.base_url, "access_token": oms.sandbox.settings.shopify_access_token}
    connect(oms.system, "shopify", ACCOUNT, "a-secret", api)
    given = untold("shopify", datetime.now(UTC) - timedelta(minutes=4), "101")
    assert urllib3.request("POST", f"{oms.sandbox.base_url}/_sandbox/orders", json=given).status == 200
    body = json.dumps(given["order"]).encode()
    webhook = rec.Recorded(name="late", source="shopify", headers={"x-shopify-topic": "orders/create"}, body=body)
    audit.record_of(oms).delivered(webhook, ACCOUNT, acked=True)
    order_id = ids.order_id("shopify", ACCOUNT, given["id"])

    assert oms.invoke("PollChannels")["missed"] == 1
    order = eventually(lambda: oms.order(order_id), 30, "the order is taken")
    assert order["number"] == "#9101"
    oms.quiet()
    before = oms.order(order_id)
    assert "missed" not in oms.invoke("PollChannels")
    assert rec.send(oms.system, webhook, ACCOUNT, "a-secret")[0] == 200
    oms.quiet()
    assert oms.order(order_id) == before
