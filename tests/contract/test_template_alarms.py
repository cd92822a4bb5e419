"""Alarms and the dashboard ask for metrics that somebody publishes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import metrics, template


def test_every_alarm_can_fire() -> None:
    assert metrics.alarms(template.resources()) == []


def test_every_line_of_the_dashboard_exists() -> None:
    assert metrics.dashboard(template.resources(), metrics.dashboard_source()) == []


def test_our_metrics_carry_the_dimension_that_alarms_ask_for() -> None:
    made = metrics.dimensions()
    assert made
    assert all(each == {"namespace": "OMS", "service": "oms"} for each in made)


def test_names_that_are_put_together_are_known() -> None:
    assert {"DeliveriesTaken", "DeliveriesQuarantined", "WatchdogAtRest", "WebhooksRefused"} <= metrics.emitted()


@pytest.mark.parametrize(
    ("alarm", "change"),
    [
        ("OrdersAlerted", {"MetricName": "WatchdogAlarmed"}),
        ("OrdersAlerted", {"Dimensions": [{"Name": "FunctionName", "Value": {"Ref": "RedriveOverdue"}}]}),
        ("ApiFails", {"Dimensions": [{"Name": "FunctionName", "Value": {"Ref": "PlaceOrder"}}]}),
        ("ApiFails", {"MetricName": "5XXError"}),
        ("ApiFails", {"Dimensions": [{"Name": "ApiId", "Value": {"Ref": "PlaceOrder"}}]}),
        ("IntakeQueueBehind", {"Dimensions": [{"Name": "QueueName", "Value": "intake"}]}),
        ("IntakeQueueBehind", {"AlarmDescription": "see docs/runbooks/nowhere.md"}),
        ("RelayBehind", {"Namespace": "AWS/DynamoDBStreams"}),
    ],
)
def test_an_alarm_that_cannot_fire_is_seen(alarm: str, change: dict[str, Any]) -> None:
    found = template.resources()
    found[alarm]["Properties"].update(change)
    assert metrics.alarms(found)


def test_a_dashboard_line_that_stays_empty_is_seen() -> None:
    source = metrics.dashboard_source()
    body = source["Resources"]["Orders"]["Properties"]["DashboardBody"]
    body["Fn::Sub"] = body["Fn::Sub"].replace("DeliveriesTaken", "DeliveriesDone")
    assert metrics.dashboard(template.resources(), source)
    found = template.resources()
    found["Dashboards"]["Properties"]["Parameters"]["WorkflowArn"] = {"Ref": "EventsTable"}
    assert metrics.dashboard(found, metrics.dashboard_source())
