"""Queues and the bus: nothing is dropped for being large, or for being refused once."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from oms.adapters import messaging
from oms.adapters.messaging import MAX_MESSAGE_BYTES, EventBridgeBus, SqsQueue
from oms.adapters.s3 import S3Claims
from oms.application.messages import from_message, to_message
from oms.domain.errors import ContentionError
from oms.domain.inbound import InboundRequest
from tests.support.builders import minutes


@pytest.mark.parametrize(("size", "claimed"), [(1_000, False), (MAX_MESSAGE_BYTES + 1, True), (4_500_000, True)])
def test_a_large_delivery_goes_by_claim_check(size: int, *, claimed: bool) -> None:
    with mock_aws():
        s3, sqs = boto3.client("s3", region_name="us-east-1"), boto3.client("sqs", region_name="us-east-1")
        s3.create_bucket(Bucket="raw")
        url = sqs.create_queue(QueueName="intake")["QueueUrl"]
        claims = S3Claims(s3, "raw")
        request = InboundRequest(account="main", headers={"x-topic": "t"}, body=b"\xc3\xa9" * (size // 2))
        SqsQueue(sqs, url, claims).send(to_message("shopify", request, minutes(0)))
        (sent,) = sqs.receive_message(QueueUrl=url)["Messages"]
        message = json.loads(sent["Body"])
        assert ("claim" in message) is claimed
        if claimed:
            message = json.loads(claims.get(message["claim"]))
        assert from_message(message) == ("shopify", request)


def test_a_body_that_is_not_text_survives_the_queue() -> None:
    request = InboundRequest(account="main", headers={}, body=bytes(range(256)))
    assert from_message(json.loads(json.dumps(to_message("shopify", request, minutes(0))))) == ("shopify", request)


def test_what_sqs_refuses_travels_escaped() -> None:
    sent: list[str] = []

    class Client:
        def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803 - boto3's names
            sent.append(MessageBody)

    request = InboundRequest(account="main", headers={}, body='{"name": "a\ufffeb\uffffc\x00"}'.encode())
    SqsQueue(Client(), "intake", S3Claims(None, "raw")).send(to_message("shopify", request, minutes(0)))
    assert not set(sent[0]) & {"\ufffe", "\uffff", "\x00"}
    assert from_message(json.loads(sent[0])) == ("shopify", request)


def test_credentials_and_addresses_of_the_sender_are_not_queued() -> None:
    headers = {"authorization": "secret", "cookie": "c", "x-forwarded-for": "192.0.2.1", "x-shopify-topic": "t"}
    message = to_message("shopify", InboundRequest(account="main", headers=headers, body=b"{}"), minutes(0))
    assert message["headers"] == {"x-shopify-topic": "t"}


class _Bus:
    """PutEvents that refuses as told: for each call, the positions of refused entries."""

    def __init__(self, *refusals: set[int]) -> None:
        self.refusals = list(refusals)
        self.calls: list[list[dict[str, Any]]] = []
        self.patterns = ['{"source": ["oms.orders"]}']

    def list_rules(self, *, EventBusName: str, NextToken: str = "0") -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert EventBusName == "bus"
        place = int(NextToken)
        more = {"NextToken": str(place + 1)} if place + 1 < len(self.patterns) else {}
        return {"Rules": [{"EventPattern": each} for each in self.patterns[place : place + 1]], **more}

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        refused = self.refusals.pop(0) if self.refusals else set()
        self.calls.append(Entries)
        results = [{"ErrorCode": "Throttled"} if index in refused else {} for index in range(len(Entries))]
        return {"FailedEntryCount": len(refused), "Entries": results}


def _events(count: int, size: int = 10) -> list[tuple[str, str, dict[str, Any]]]:
    return [(f"e{number}", "OrderPlaced.v1", {"text": "x" * size}) for number in range(count)]


def test_only_refused_entries_are_sent_again() -> None:
    bus = _Bus({1, 3}, {0})
    EventBridgeBus(bus, "bus", "oms.orders").publish(_events(4))
    assert [[json.loads(entry["Detail"])["event_id"] for entry in call] for call in bus.calls] == [
        ["e0", "e1", "e2", "e3"],
        ["e1", "e3"],
        ["e1"],
    ]


@pytest.mark.parametrize(
    ("patterns", "published"),
    [
        ([], []),
        (['{"detail-type": ["B.v1", "C.v1"]}'], ["B.v1"]),
        (['{"detail-type": ["A.v1"]}', '{"detail-type": ["B.v1"], "source": ["oms.orders"]}'], ["A.v1", "B.v1"]),
        (['{"source": ["oms.orders"]}'], ["A.v1", "B.v1"]),
        (['{"detail-type": [{"prefix": "A"}]}'], ["A.v1", "B.v1"]),
        ([""], ["A.v1", "B.v1"]),
    ],
)
def test_only_what_a_rule_asks_for_is_published(patterns: list[str], published: list[str]) -> None:
    bus = _Bus()
    bus.patterns = patterns
    EventBridgeBus(bus, "bus", "oms.orders").publish([("1", "A.v1", {}), ("2", "B.v1", {})])
    assert [each["DetailType"] for call in bus.calls for each in call] == published


def test_rules_that_nobody_tells_keep_no_event_back(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = _Bus()
    monkeypatch.setattr(bus, "list_rules", _throttled)
    EventBridgeBus(bus, "bus", "oms.orders").publish([("1", "A.v1", {})])
    assert len(bus.calls) == 1


def _throttled(**_: Any) -> Any:
    raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "ListRules")


def test_a_new_rule_is_heeded_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0] + 1)
    bus = _Bus()
    bus.patterns = []
    port = EventBridgeBus(bus, "bus", "oms.orders")
    for at, count in ((0.0, 0), (messaging.RULES_KEPT_S - 0.1, 0), (messaging.RULES_KEPT_S, 1)):
        now[0] = at
        port.publish([("1", "A.v1", {})])
        assert len(bus.calls) == count
        bus.patterns = ['{"detail-type": ["A.v1"]}']


def test_what_the_bus_keeps_refusing_is_raised() -> None:
    with pytest.raises(ContentionError):
        EventBridgeBus(_Bus({0}, {0}, {0}), "bus", "oms.orders").publish(_events(1))


def test_a_call_has_ten_entries_at_most_and_is_not_too_large() -> None:
    bus = _Bus()
    EventBridgeBus(bus, "bus", "oms.orders").publish(_events(23))
    assert [len(call) for call in bus.calls] == [10, 10, 3]
    bus = _Bus()
    EventBridgeBus(bus, "bus", "oms.orders").publish(_events(4, 90_000))
    assert [len(call) for call in bus.calls] == [2, 2]
