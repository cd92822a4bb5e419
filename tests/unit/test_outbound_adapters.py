"""Outbound webhooks at the edge: the queue and its delays, the rule, subscriptions by version, the log by time."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from oms.adapters import dynamodb_outbound
from oms.adapters.commit_item import commit_to_item, commit_to_items
from oms.adapters.dynamodb_outbound import DynamoLogSince, DynamoSubscriptions
from oms.adapters.messaging import EventBridgeBus, EventBridgeRule
from oms.adapters.outbound_queue import SqsDeliveries
from oms.domain.commit import StoredCommit
from oms.domain.errors import ContentionError, VersionConflictError, WebhookNotFoundError
from oms.domain.outbound import Delivery, State
from tests.support.outbound import START, World
from tests.unit.test_outbound_replay import commit

if TYPE_CHECKING:
    from collections.abc import Iterator


class Sqs:
    """A client of SQS that refuses, of each call, the first so many entries."""

    def __init__(self, *refused: int) -> None:
        self.calls: list[list[dict[str, Any]]] = []
        self._refused = list(refused)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.calls.append(Entries)
        refused = self._refused.pop(0) if self._refused else 0
        return {"Failed": [{"Id": each["Id"]} for each in Entries[:refused]]}


def delivery(number: int = 0, body: str = "{}", **more: Any) -> Delivery:
    return Delivery(subscription_id=f"whs_{number % 3}", event_id=f"e{number}", body=body, **more)


# ---------------------------------------------------------------- the queue


def test_deliveries_go_in_tens_each_in_the_group_of_its_subscription() -> None:
    sqs = Sqs()
    SqsDeliveries(sqs, "q").deliver([delivery(number) for number in range(23)], START)
    assert [len(each) for each in sqs.calls] == [10, 10, 3]
    sent = [each for call in sqs.calls for each in call]
    assert [each["MessageGroupId"] for each in sent] == [f"whs_{number % 3}" for number in range(23)]
    assert [json.loads(each["MessageBody"])["deliver"]["event_id"] for each in sent] == [f"e{n}" for n in range(23)]
    assert all("DelaySeconds" not in each for each in sent)


def test_large_bodies_go_in_smaller_calls() -> None:
    sqs = Sqs()
    SqsDeliveries(sqs, "q").deliver([delivery(number, "ü" * 40_000) for number in range(7)], START)
    sizes = [sum(len(each["MessageBody"]) for each in call) for call in sqs.calls]
    assert max(sizes) <= 900_000
    assert [len(each) for each in sqs.calls] == [3, 3, 1]


@pytest.mark.parametrize(
    ("wait", "delay"),
    [(timedelta(0), None), (timedelta(seconds=4.2), 5), (timedelta(hours=5), 900), (-timedelta(1), None)],
)
def test_a_message_is_delayed_for_as_long_as_a_queue_can(wait: timedelta, delay: int | None) -> None:
    sqs = Sqs()
    SqsDeliveries(sqs, "q").deliver([delivery(due=START + wait)], START)
    assert sqs.calls[0][0].get("DelaySeconds") == delay


def test_what_is_refused_is_sent_again_and_that_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    sqs = Sqs(2, 1)
    SqsDeliveries(sqs, "q").deliver([delivery(number) for number in range(3)], START)
    assert [[each["Id"] for each in call] for call in sqs.calls] == [["0", "1", "2"], ["0", "1"], ["0"]]
    with pytest.raises(ContentionError):
        SqsDeliveries(Sqs(1, 1, 1), "q").deliver([delivery()], START)


# ---------------------------------------------------------------- the rule


def test_the_bus_is_put_only_what_an_enabled_rule_asks_for() -> None:
    """What the rule of webhooks asks for is heeded; disabled, it costs nothing."""
    with mock_aws():
        events = boto3.client("events", region_name="us-east-1")
        events.create_event_bus(Name="bus")
        rule = EventBridgeRule(events, "bus", "webhooks", "oms.orders")
        for kinds, published in ((["OrderHeld.v1"], ["OrderHeld.v1"]), ([], [])):
            rule.ask_for(kinds)
            put: list[str] = []

            class Client:
                def list_rules(self, **asked: Any) -> Any:
                    return events.list_rules(**asked)

                def put_events(self, *, Entries: list[dict[str, Any]], put: list[str] = put) -> dict[str, Any]:  # noqa: N803 - boto3's names
                    put.extend(each["DetailType"] for each in Entries)
                    return {"FailedEntryCount": 0}

            bus = EventBridgeBus(Client(), "bus", "oms.orders")
            bus.publish([("e1", "OrderHeld.v1", {}), ("e2", "OrderPlaced.v1", {})])
            assert put == published
            told = events.describe_rule(Name="webhooks", EventBusName="bus")
            assert told["State"] == ("ENABLED" if kinds else "DISABLED")


# ---------------------------------------------------------------- stores


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")  # one for all: each costs a quarter of a second
        for name in ("reference", "views", "events", "stock"):
            client.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk")],
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            )
        yield client


def test_a_subscription_is_kept_by_version_and_read_as_it_was_written(dynamodb: Any) -> None:
    kept = DynamoSubscriptions(dynamodb, "reference", "views")
    made = World().subscribe("kept", channels=("shopify",), node_ids=("a", "b"), description="ü", integration="erp")
    kept.save(made)
    assert kept.get(made.subscription_id) == made
    with pytest.raises(VersionConflictError):
        kept.save(made)
    second = replace(made, version=2, state=State.DISABLED, reason="gone", previous_until=START)
    kept.save(second)
    assert second in kept.all()
    assert kept.known() == kept.all()
    with pytest.raises(VersionConflictError):
        kept.save(replace(made, version=2))
    with pytest.raises(WebhookNotFoundError):
        kept.get("whs_none")


def test_what_others_change_is_known_within_seconds(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, theirs = (DynamoSubscriptions(dynamodb, "reference", "views") for _ in range(2))
    made = World().subscribe("known")
    mine.save(made)
    assert made in mine.known()
    theirs.save(replace(made, version=2, url="https://other.example.com/"))
    theirs.failed(made.subscription_id, "a#1", START, "x", None)
    assert made in mine.known()
    monkeypatch.setattr(dynamodb_outbound, "KEEP_S", -1.0)
    assert made not in mine.known()
    assert mine.health(made.subscription_id).failures == 1


def test_failures_add_up_until_a_success_and_an_endpoint_is_forgiven(dynamodb: Any) -> None:
    kept = DynamoSubscriptions(dynamodb, "reference", "views")
    kept.failed("whs_1", "a#1", START, "HTTP 500: x", None)
    assert kept.failed("whs_1", "a#1", START, "HTTP 500: x", None).failures == 1, "the same attempt, told again"
    later = START + timedelta(minutes=1)
    health = kept.failed("whs_1", "a#2", later, "HTTP 503: y", later + timedelta(seconds=30))
    assert (health.failures, health.failing_since, health.last_failure_at) == (2, START, later)
    assert (health.last_error, health.open_until) == ("HTTP 503: y", later + timedelta(seconds=30))
    assert kept.health("whs_1") == health
    kept.succeeded("whs_1", later)
    good = kept.health("whs_1")
    assert (good.failures, good.failing_since, good.open_until, good.last_success_at) == (0, None, None, later)
    kept.failed("whs_1", "a#3", later, "z", later)
    kept.forgiven("whs_1")
    assert (kept.health("whs_1").failures, kept.health("whs_1").open_until) == (0, None)


def test_the_log_is_read_by_time_a_page_at_a_time_and_gone_on_with(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = [commit(number).commit for number in range(12)]
    for each in commits:
        dynamodb.put_item(TableName="events", Item=commit_to_item(each))
    dynamodb.put_item(TableName="events", Item={"pk": {"S": "unique#x"}, "sk": {"S": "owner"}})
    scan = dynamodb.scan
    monkeypatch.setattr(dynamodb, "scan", lambda **asked: scan(**asked, Limit=5))
    log = DynamoLogSince(dynamodb, "events", "stock")
    since, until = commits[3].at, commits[9].at
    pages = list(log.pages(since, until, None))
    found = [each.commit for page, _ in pages for each in page if isinstance(each, StoredCommit)]
    assert sorted(each.stream for each in found) == sorted(each.stream for each in commits[3:10])
    assert len(pages) >= 3
    assert pages[-1][1] is None
    first, mark = pages[0]
    rest = [each for page, _ in log.pages(since, until, mark) for each in page]
    assert len(first) + len(rest) == len(found)


def test_a_commit_in_parts_is_read_whole(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oms.adapters.commit_item.PIECE", 20)
    long = commit(1).commit
    items = commit_to_items(long)
    assert len(items) > 1
    for each in items:
        dynamodb.put_item(TableName="events", Item=each)
    ((page, mark),) = DynamoLogSince(dynamodb, "events", "stock").pages(long.at, long.at, None)
    assert mark is None
    assert [each.commit.events for each in page if isinstance(each, StoredCommit)] == [long.events]
