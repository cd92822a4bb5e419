"""What a dependency that is down, slow or wrong leads to, for whom, and how it heals: the lines of `docs/slo.md`.

In process, over the world of the fault sweep: `outage` lets an operation answer 500 to every try.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from oms.adapters.aws import CONFIG
from oms.adapters.secrets_manager import KEEP_S, SecretDocument
from tests.proof.invariants import check
from tests.proof.sweep.cloud import STAFF
from tests.proof.sweep.evidence import evidence
from tests.proof.sweep.people import EAST, FORM, MAIN, accept, cancel, parked, place, scan, ship, site, work
from tests.proof.sweep.stories_recovery import BIG
from tests.proof.sweep.tap import Tap
from tests.proof.sweep.world import StandstillError, world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proof.sweep.world import World

TABLES: Final = ("Query", "GetItem", "BatchGetItem", "PutItem", "UpdateItem", "TransactWriteItems")
ALL_TABLES: Final = tuple(f"dynamodb.{each}" for each in TABLES)


@pytest.fixture
def w() -> Iterator[World]:
    """A shop with goods at two nodes; at the end nothing is lost, doubled or left standing."""
    with world() as made:
        made.product("TEE-BLK-M", "MUG-01", "SCARF-WOOL", "BOTTLE-750")
        made.receive("opening", TEE_BLK_M=(EAST, 5), MUG_01=(EAST, 5), SCARF_WOOL=(MAIN, 5), BOTTLE_750=(MAIN, 5))
        made.settle()
        yield made
        made.settle()
        assert check(evidence(made)) == []


@contextmanager
def down(w: World, *operations: str) -> Iterator[None]:
    """For a while these operations answer nobody."""
    with ExitStack() as stack:
        for each in operations:
            stack.enter_context(w.outage(each))
        yield


def stage(w: World, order_id: str) -> str:
    return str(w.get(f"/orders/{order_id}")["stage"])


def shopify_order(w: World) -> str:
    """The id of the only order that came from Shopify."""
    (order,) = w.get("/orders?channel=shopify&since=2026-11-01T00:00:00Z&until=2026-12-30T00:00:00Z")["orders"]
    return str(order["order_id"])


# ---------------------------------------------------------------- DynamoDB


def test_tables_down_for_minutes_webhooks_are_acknowledged_and_taken_afterwards(w: World) -> None:
    with down(w, *ALL_TABLES):
        w.deliver("shopify", "01")
        w.drain()
    w.settle()
    assert stage(w, shopify_order(w)) == "released"
    assert parked(w) == []


def test_tables_down_longer_than_messages_are_tried_end_where_people_look(w: World) -> None:
    with down(w, "dynamodb.Query"):
        w.deliver("shopify", "01")
        w.settle()
    (parked_id,) = parked(w)
    assert w.post(f"/quarantine/{parked_id}/replay", key="again", role="service")["outcome"] == "taken"
    w.settle()
    assert stage(w, shopify_order(w)) == "released"


def test_tables_down_the_api_says_come_again_and_the_same_key_is_one_order(w: World) -> None:
    with down(w, *ALL_TABLES), pytest.raises(StandstillError):
        place(w, "s-1", {"MUG-01": 1})
    order_id = place(w, "s-1", {"MUG-01": 1})
    w.settle()
    assert order_id == site("s-1")
    assert stage(w, order_id) == "released"


def test_tables_down_after_the_commit_the_watchdog_goes_on(w: World) -> None:
    order_id = place(w, "s-1", {"MUG-01": 1})
    with down(w, "dynamodb.TransactWriteItems"):
        w.drain()
        assert stage(w, order_id) == "placed"
    w.watch(timedelta(minutes=6))
    assert stage(w, order_id) == "released"


def test_one_hot_product_is_throttled_and_others_are_promised(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    make = BaseClient._make_api_call  # type: ignore[attr-defined]
    answer: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": "ThrottlingError"},
        "CancellationReasons": [{"Code": "None"}, {"Code": "ThrottlingError"}],
    }

    def hot(client: Any, operation: str, asked: dict[str, Any]) -> Any:
        if operation == "TransactWriteItems" and '"MUG-01"' in json.dumps(asked, default=str):
            raise ClientError(answer, operation)
        return make(client, operation, asked)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", hot)
        cold, waits = place(w, "s-1", {"SCARF-WOOL": 1}), place(w, "s-2", {"MUG-01": 1})
        w.settle()
        assert (stage(w, cold), stage(w, waits)) == ("released", "placed")
    w.watch(timedelta(minutes=6))
    assert stage(w, waits) == "released"


def test_views_behind_nothing_is_decided_by_them(w: World) -> None:
    order_id = place(w, "s-1", {"MUG-01": 1})
    w.settle()
    each = work(w, EAST)
    w.post(f"/orders/{order_id}/cancel", {"reason": "changed my mind"}, key="cancel", role="service")
    path = f"/fulfillment-orders/{each['fulfillment_order_id']}/accept"
    assert work(w, EAST)["status"] == "cancelled"  # the list still has it; the page is of the log
    assert w.http("POST", path, {}, role="warehouse", key="accept").status == 409
    assert stage(w, order_id) == "cancelled"
    w.settle()
    assert w.get(f"/fulfillment-orders?node={EAST}&status=released", role="warehouse")["fulfillment_orders"] == []


def test_the_stream_stands_still_orders_are_placed_and_shown_and_promised_later(w: World) -> None:
    order_id = place(w, "s-1", {"MUG-01": 1})
    assert stage(w, order_id) == "placed"
    w.now += timedelta(hours=3)
    w.settle()
    assert stage(w, order_id) == "released"


def test_a_row_that_missed_commits_is_brought_up_and_nobody_is_told(w: World) -> None:
    order_id = place(w, "s-1", {"MUG-01": 1})
    w.drain_stream()
    w.executions.clear()
    cancel(w, order_id, "cancel")
    w.stream.lose()
    w.watch(timedelta(minutes=3))
    (row,) = w.get("/orders?channel=site&since=2026-11-01T00:00:00Z&until=2026-12-30T00:00:00Z")["orders"]
    assert row["status"] == "cancelled"
    assert not any(item["pk"]["S"] == "alert" for item in w.cloud.items("ViewsTable"))


def test_a_call_to_aws_that_hangs_is_given_up() -> None:
    settings: Any = CONFIG
    assert (settings.connect_timeout, settings.read_timeout) == (2, 10)
    assert settings.retries == {"mode": "standard", "total_max_attempts": 4}


# ---------------------------------------------------------------- SQS


def test_queues_down_a_webhook_is_not_acknowledged_and_its_sender_comes_again(w: World) -> None:
    with down(w, "sqs.SendMessage"), pytest.raises(StandstillError):
        w.deliver("shopify", "01")
    assert w.queues.waiting() == []
    w.deliver("shopify", "01")
    w.settle()
    assert stage(w, shopify_order(w)) == "released"


def test_queues_down_the_merchants_site_goes_on(w: World) -> None:
    with down(w, "sqs.SendMessage", "sqs.ChangeMessageVisibility"):
        order_id = place(w, "s-1", {"MUG-01": 1})
        w.settle()
        assert stage(w, order_id) == "released"


# ---------------------------------------------------------------- Step Functions


def test_workflows_down_orders_are_placed_and_promised_afterwards(w: World) -> None:
    with down(w, "stepfunctions.StartExecution"):
        order_id = place(w, "s-1", {"MUG-01": 1})
        w.drain()
        assert stage(w, order_id) == "placed"
    w.settle()
    assert stage(w, order_id) == "released"


def test_workflows_down_longer_than_commits_are_tried_the_watchdog_lists_and_drives(w: World) -> None:
    with down(w, "stepfunctions.StartExecution"):
        order_id = place(w, "s-1", {"MUG-01": 1})
        w.settle()
    (parked_id,) = parked(w)
    assert w.get(f"/quarantine/{parked_id}", role="service")["source"] == "relay"
    w.watch(timedelta(minutes=6))
    w.watch(timedelta(minutes=6))
    assert stage(w, order_id) == "released"
    assert w.post(f"/quarantine/{parked_id}/replay", key="again", role="service")["outcome"] == "taken"


# ---------------------------------------------------------------- EventBridge


def test_the_bus_down_orders_go_on_and_subscribers_hear_of_them_later(w: World) -> None:
    with down(w, "events.PutEvents"):
        order_id = place(w, "s-1", {"MUG-01": 1})
        w.drain()
        assert stage(w, order_id) == "released"
        assert {each.kind for each in w.published} == {"StockMoved.v1"}  # from before
    w.settle()
    assert {"OrderPlaced.v1", "OrderPromised.v1"} <= {each.kind for each in w.published}


# ---------------------------------------------------------------- S3


def test_buckets_down_only_what_is_too_large_for_a_queue_waits(w: World) -> None:
    with down(w, "s3.PutObject"):
        w.deliver("shopify", "07")
        with pytest.raises(StandstillError):
            w.deliver("shopify", "01", padding=BIG)
        w.settle()
    small = shopify_order(w)
    assert stage(w, small) == "released"
    w.deliver("shopify", "01", padding=BIG)
    w.settle()
    found = w.get("/orders?channel=shopify&since=2026-11-01T00:00:00Z&until=2026-12-30T00:00:00Z")["orders"]
    assert {each["stage"] for each in found} == {"released"}
    assert len(found) == 2


def test_buckets_down_what_should_be_parked_comes_again_until_it_is(w: World) -> None:
    with down(w, "s3.PutObject"):
        w.deliver("shopify", "11")
        w.drain()
        assert parked(w) == []
        assert len(w.queues.waiting()) == 1
    w.settle()
    assert len(parked(w)) == 1


# ---------------------------------------------------------------- Secrets Manager


def test_secrets_down_nothing_is_taken_unproved_and_warehouses_go_on(w: World) -> None:
    place(w, "s-1", {"MUG-01": 1})
    w.settle()
    with down(w, "secretsmanager.GetSecretValue"):
        with pytest.raises(StandstillError):
            w.deliver("shopify", "01")
        with pytest.raises(StandstillError):
            place(w, "s-2", {"MUG-01": 1})
        each = work(w, EAST)
        accept(w, each)
        ship(w, each, "EZ1")
        w.drain()
    assert w.queues.waiting() == []
    assert stage(w, site("s-1")) == "shipped"
    w.deliver("shopify", "01")
    w.settle()
    assert stage(w, shopify_order(w)) == "released"


def test_secrets_down_a_warm_function_knows_them_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    class Once:
        asked = 0

        def get_secret_value(self, **_: str) -> dict[str, str]:
            self.asked += 1
            if self.asked > 1:
                raise ConnectionError
            return {"SecretString": '{"a": 1}'}

    clock = [0.0]
    monkeypatch.setattr("oms.adapters.secrets_manager.time.monotonic", lambda: clock[0])
    document = SecretDocument(Once(), "s")
    assert document.read() == {"a": 1}
    clock[0] = KEEP_S
    assert document.read() == {"a": 1}
    clock[0] = KEEP_S + 1
    with pytest.raises(ConnectionError):
        document.read()


# ---------------------------------------------------------------- Cognito


def test_cognito_down_nobody_signs_in_and_orders_go_on(w: World) -> None:
    user, password = STAFF
    body = urlencode({"username": user, "password": password, "next": "/console/orders"}).encode()
    with down(w, "cognito-idp.InitiateAuth"):
        with pytest.raises(StandstillError):
            w.http("POST", "/console/login", headers=FORM, body=body, role="")
        order_id = place(w, "s-1", {"MUG-01": 1})
        w.settle()
        assert stage(w, order_id) == "released"
    assert w.http("POST", "/console/login", headers=FORM, body=body, role="").status == 303


# ---------------------------------------------------------------- vendors


def test_a_channels_api_down_its_notices_wait_and_other_channels_go_on(w: World) -> None:
    w.vendors.sandbox.add_fault(match="tiktok", status=503, times=2)
    w.deliver("tiktok-shop", "01")
    w.deliver("shopify", "07")
    w.drain()
    assert stage(w, shopify_order(w)) == "released"
    assert len(w.queues.waiting()) == 1
    w.settle()
    assert parked(w) == []
    assert w.get("/orders?channel=tiktok-shop&since=2026-09-01T00:00:00Z&until=2026-11-30T00:00:00Z")["orders"]


def test_a_carrier_silent_for_a_day_tells_everything_at_once(w: World) -> None:
    order_id = place(w, "s-1", {"MUG-01": 1})
    w.settle()
    ship(w, work(w, EAST), "EZ1")
    w.settle()
    w.now += timedelta(days=1)
    assert stage(w, order_id) == "shipped"
    for sample in ("04", "03", "02"):
        scan(w, "EZ1", sample)
    w.settle()
    assert stage(w, order_id) == "closed"


def test_the_harness_sees_an_outage() -> None:
    tap = Tap()
    tap.broken.add("sqs.SendMessage")
    with world(tap) as made, pytest.raises(StandstillError):
        made.deliver("shopify", "01")
