"""The reconciler over the deployed system: silent while orders are taken, and exact when somebody tampers."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from infra.local.reconcile import lines, reconcile

if TYPE_CHECKING:
    from tests.e2e.support import Oms


def _report(oms: Oms, answer: dict[str, Any]) -> dict[str, Any]:
    """The document of a run of the function."""
    assert answer["state"] == "finished"
    key = f"reports/reconcile/{answer['day'][:4]}/{answer['day'][5:7]}/reconcile-{answer['day']}.json"
    body = oms.system.client("s3").get_object(Bucket=oms.system.outputs["ReportsBucket"], Key=key)["Body"].read()
    document: dict[str, Any] = json.loads(body)
    assert oms.view("reconciliation", answer["day"])
    return document


def _of(report: dict[str, Any], sku: str, stream: str) -> tuple[list[Any], list[Any]]:
    """What it says of this SKU and stream; other tests break what is theirs."""
    drifts = [each["components"] for each in report["drifts"] if each["sku"] == sku]
    return drifts, [each for each in report["broken_streams"] if each["stream"] == stream]


def test_orders_taken_meanwhile_are_no_drift(oms: Oms) -> None:
    sku = oms.sku("busy", us_east=200)
    with ThreadPoolExecutor(4) as pool:
        placed = [pool.submit(oms.place, {sku: 1}) for _ in range(40)]
        reports = [_report(oms, oms.invoke("ReconcileStock")) for _ in range(3)]
        orders = [each.result() for each in placed]
    oms.quiet(*orders)
    reports.append(_report(oms, oms.invoke("ReconcileStock")))
    assert [_of(report, sku, f"order#{order_id}") for report in reports for order_id in orders] == [
        ([], []) for _ in reports for _ in orders
    ]
    assert sku not in {each["sku"] for each in reports[-1]["moving"]}


def test_a_changed_row_and_a_missing_commit_are_named(oms: Oms) -> None:
    sku = oms.sku("tampered", us_east=10)
    order_id = str(oms.place_released({sku: 2})["order_id"])
    oms.quiet(order_id)
    stream = f"order#{order_id}"
    dynamodb, out = oms.system.client("dynamodb"), oms.system.outputs
    row = {"TableName": out["StockTable"], "Key": {"pk": {"S": sku}, "sk": {"S": "us-east#0"}}}
    change = {"UpdateExpression": "SET on_hand = on_hand + :one", "ReturnValues": "NONE"}
    dynamodb.update_item(**row, **change, ExpressionAttributeValues={":one": {"N": "1"}})
    key = {"pk": {"S": stream}, "sk": {"S": "c#00000001"}}
    taken = dynamodb.delete_item(TableName=out["EventsTable"], Key=key, ReturnValues="ALL_OLD")["Attributes"]
    try:
        drifts, broken = _of(_report(oms, oms.invoke("ReconcileStock")), sku, stream)
        shown = list(lines(reconcile(oms.system)))
    finally:
        dynamodb.put_item(TableName=out["EventsTable"], Item=taken)
        dynamodb.update_item(**row, **change, ExpressionAttributeValues={":one": {"N": "-1"}})
    assert drifts == [[{"component": "on_hand", "log": 10, "stock": 11}]]
    assert broken == [{"stream": stream, "commit": 1, "problem": "missing"}]
    assert f"drift   {sku} at us-east: on_hand log 10 stock 11" in shown
    assert f"broken  {stream}: commit 1 is missing" in shown
    alerts = oms.get("/alerts?limit=100").document["alerts"]
    assert [each["kind"] for each in alerts if each["kind"] in ("stock_drift", "broken_log")] == ["stock_drift"]
    assert _of(reconcile(oms.system), sku, stream) == ([], [])
