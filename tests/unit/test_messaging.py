"""Queues and the bus: nothing is dropped for being large, or for being refused once."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws

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


def test_credentials_and_addresses_of_the_sender_are_not_queued() -> None:
    headers = {"authorization": "secret", "cookie": "c", "x-forwarded-for": "192.0.2.1", "x-shopify-topic": "t"}
    message = to_message("shopify", InboundRequest(account="main", headers=headers, body=b"{}"), minutes(0))
    assert message["headers"] == {"x-shopify-topic": "t"}


class _Bus:
    """PutEvents that refuses as told: for each call, the positions of refused entries."""

    def __init__(self, *refusals: set[int]) -> None:
        self.refusals = list(refusals)
        self.calls: list[list[dict[str, Any]]] = []

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
