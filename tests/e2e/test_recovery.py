"""Promise 4 on the engine: what dies, hangs or cannot be read is found, moved on, or put before a person."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from oms.adapters import keys
from oms.adapters.compact import pack
from oms.domain import ids
from tests.e2e.support import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.e2e.support import Oms

POISON = pack({"ev": [{"type": "OrderTeleported", "v": 1}]})


@pytest.fixture(autouse=True)
def _calm(oms: Oms) -> Iterator[None]:
    """Each test begins and ends without faults."""
    yield
    oms.sandbox.faults.clear()


@contextmanager
def environment(oms: Oms, function: str, changes: Mapping[str, str]) -> Iterator[None]:
    """A function with other environment variables for a while."""
    client, name = oms.system.client("lambda"), oms.deployment.resources[function]
    before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    client.update_function_configuration(FunctionName=name, Environment={"Variables": {**before, **changes}})
    try:
        yield
    finally:
        client.update_function_configuration(FunctionName=name, Environment={"Variables": before})


@contextmanager
def impatient(oms: Oms, queue: str) -> Iterator[None]:
    """A queue that brings a message again at once, and gives it up after two tries."""
    sqs = oms.system.client("sqs")
    url = oms.deployment.resources[queue]
    wanted = ["VisibilityTimeout", "RedrivePolicy"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
    policy = {**json.loads(before["RedrivePolicy"]), "maxReceiveCount": 2}
    attributes = {"VisibilityTimeout": "1", "RedrivePolicy": json.dumps(policy)}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=before)


def _paid_by_card(oms: Oms) -> tuple[str, str]:
    sku = oms.sku("outage", us_east=5)
    return oms.place({sku: 1}, payment={"provider": "stripe", "reference": oms.pay(1000)}), sku


def test_an_order_survives_an_outage_of_its_payment_provider(oms: Oms) -> None:
    oms.sandbox.webhooks.url, url = "", oms.sandbox.webhooks.url  # nobody tells us either
    try:
        oms.sandbox.add_fault(match="stripe GET", status=503, times=0)
        with oms.failing():
            order_id, sku = _paid_by_card(oms)
        assert oms.order(order_id)["lines"][0]["units"] == {"open": 1}
        assert oms.stock(sku)["us-east"]["reserved"] == 0
        oms.sandbox.faults.clear()
        assert oms.watch(order_id)["driven"] == 1
        oms.until(order_id, stage="released", payment_status="authorized")
    finally:
        oms.sandbox.webhooks.url = url


def test_an_order_survives_a_broken_deployment_of_a_step(oms: Oms) -> None:
    sku = oms.sku("broken", us_east=5)
    with environment(oms, "PromiseOrder", {"STOCK_TABLE": "nowhere"}):
        with oms.failing():
            order_id = oms.place({sku: 1})
        assert oms.order(order_id)["stage"] == "placed"
        with oms.failing():
            assert oms.watch(order_id)["driven"] == 1
    for _ in range(5):
        oms.watch(order_id)
    oms.until(order_id, stage="released")
    oms.quiet(order_id)
    assert oms.stock(sku)["us-east"]["reserved"] == 1
    assert len(oms.events(order_id, "LinesReserved")) == 1


def test_an_order_that_does_not_move_is_put_before_a_person(oms: Oms) -> None:
    sku = oms.sku("stuck", us_east=5)
    with environment(oms, "PromiseOrder", {"STOCK_TABLE": "nowhere"}), oms.failing(6):
        order_id = oms.place({sku: 1})
        oms.quiet(order_id, but=[order_id])
        counts = [oms.watch(order_id) for _ in range(5)]
    assert [each["alerted"] for each in counts] == [0, 0, 0, 0, 1]
    alerts = [each for each in oms.get("/alerts?limit=100").document["alerts"] if each.get("order_id") == order_id]
    assert [(each["kind"], each["stage"]) for each in alerts] == [("overdue", "placed")]
    oms.watch(order_id)
    oms.until(order_id, stage="released")


def test_a_commit_that_the_relay_missed_is_found_by_the_watchdog(oms: Oms) -> None:
    order = oms.place_released({oms.sku("missed", us_east=5): 1})
    tracking = oms.unique("1Z")
    assert oms.ship(order["fulfillment_orders"][0], tracking=tracking).status == 200
    oms.quiet(order["order_id"])
    views, order_id = oms.system.outputs["ViewsTable"], order["order_id"]
    pk, sk = oms.row_key(order_id)
    dynamodb = oms.system.client("dynamodb")
    found = dynamodb.query(
        TableName=views,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"tracking#{tracking}"}},
    )["Items"]
    for item in found:
        dynamodb.delete_item(TableName=views, Key={"pk": item["pk"], "sk": item["sk"]})
    dynamodb.update_item(
        TableName=views,
        Key={"pk": {"S": pk}, "sk": {"S": sk}},
        UpdateExpression="SET n = :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    assert not oms.get(f"/orders?tracking={tracking}").document["orders"]
    oms.watch(order_id)
    rows = oms.get(f"/orders?tracking={tracking}").document["orders"]
    assert [(row["order_id"], row["stage"]) for row in rows] == [(order_id, "shipped")]


def _poison(oms: Oms, order_id: str) -> None:
    """A commit that this code cannot read, as newer code might have left it."""
    oms.poisoned.add(order_id)
    number = len(oms.commits(order_id)) + 1 if oms.order(order_id) else 1
    item = {"id": "cmd_x", "by": "system||x", "at": "2026-01-01T00:00:00Z", "ph": "0" * 16, "h": "0" * 16}
    oms.system.client("dynamodb").put_item(
        TableName=oms.system.outputs["EventsTable"],
        Item={
            "pk": {"S": f"order#{order_id}"},
            "sk": {"S": keys.commit_sk(number)},
            "z": {"B": POISON},
            **{name: {"S": value} for name, value in item.items()},
        },
    )


def test_a_commit_that_cannot_be_relayed_is_parked_and_later_ones_go_on(oms: Oms) -> None:
    before = set(oms.parked())
    poisoned = ids.order_id("site", "main", oms.unique("poison"))
    with impatient(oms, "RelayRetryQueue"):
        _poison(oms, poisoned)
        oms.place_released({oms.sku("behind", us_east=5): 1})
        fresh = eventually(lambda: set(oms.parked()) - before, 30, "the commit is in quarantine")
    assert len(fresh) == 1
    entry = oms.get(f"/quarantine/{fresh.pop()}").document
    assert entry["message"]["pk"] == f"order#{poisoned}"
    assert "RelayRetryQueue" in entry["detail"]["queue"]


def test_an_order_that_cannot_be_read_does_not_stop_the_watchdog(oms: Oms) -> None:
    poisoned = oms.place_released({oms.sku("unread", us_east=5): 1})["order_id"]
    oms.quiet(poisoned)
    with environment(oms, "PromiseOrder", {"STOCK_TABLE": "nowhere"}), oms.failing():
        order_id = oms.place({oms.sku("readable", us_east=5): 1})
    with impatient(oms, "RelayRetryQueue"):
        _poison(oms, poisoned)
        oms.watch(poisoned, order_id)
        oms.until(order_id, stage="released")
        alerts = [each for each in oms.get("/alerts?limit=100").document["alerts"] if each.get("order_id") == poisoned]
        assert [(each["kind"], each["problem"]) for each in alerts] == [("unreadable", "UnknownEventError")]
        oms.quiet(order_id)


def test_a_relayed_commit_relayed_again_changes_nothing(oms: Oms) -> None:
    order_id = oms.place_released({oms.sku("relayed", us_east=5): 2})["order_id"]
    oms.quiet(order_id)
    before: Any = (oms.order(order_id), [row for row in oms.scan_table("ViewsTable") if order_id in str(row)])
    for number in (2, 1, 1, 2):
        body = json.dumps({"pk": f"order#{order_id}", "sk": keys.commit_sk(number)})
        oms.system.client("sqs").send_message(QueueUrl=oms.deployment.resources["RelayRetryQueue"], MessageBody=body)
    oms.quiet(order_id)
    assert (oms.order(order_id), [row for row in oms.scan_table("ViewsTable") if order_id in str(row)]) == before


def test_the_same_workflow_twice_at_once_promises_once(oms: Oms) -> None:
    sku = oms.sku("express", us_east=5)
    with environment(oms, "PromiseOrder", {"STOCK_TABLE": "nowhere"}), oms.failing():
        order_id = oms.place({sku: 2})
    states = oms.system.client("stepfunctions")
    given = json.dumps({"order_id": order_id, "step": "promise", "cause": "twice"})
    for _ in range(4):
        states.start_execution(stateMachineArn=oms.system.outputs["WorkflowArn"], input=given)
    oms.until(order_id, stage="released")
    oms.quiet(order_id)
    assert len(oms.events(order_id, "LinesReserved")) == 1
    assert oms.stock(sku)["us-east"]["reserved"] == 2
