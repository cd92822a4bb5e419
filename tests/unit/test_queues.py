from __future__ import annotations

from typing import Any

import pytest

from oms.domain.errors import ContentionError
from oms.entrypoints import queues


def _record(number: int, body: str = "{}") -> dict[str, Any]:
    """As SQS hands it to a function."""
    return {
        "messageId": f"m{number}",
        "receiptHandle": f"r{number}",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(number), "SentTimestamp": "1545082649183"},
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:intake",
        "awsRegion": "eu-central-1",
    }


def test_each_message_is_handled_as_it_was_received() -> None:
    seen: list[queues.Message] = []
    answer = queues.run_sqs({"Records": [_record(1, "one"), _record(2, "two")]}, seen.append)
    assert answer == {"batchItemFailures": []}
    assert seen == [
        queues.Message(message_id="m1", body="one", queue="intake", receives=1, receipt_handle="r1"),
        queues.Message(message_id="m2", body="two", queue="intake", receives=2, receipt_handle="r2"),
    ]


@pytest.mark.parametrize("error", [ContentionError("again"), KeyError("sku")])
def test_those_that_raise_come_again_alone(error: Exception) -> None:
    def handle(received: queues.Message) -> None:
        if received.message_id != "m2":
            raise error

    answer = queues.run_sqs({"Records": [_record(each) for each in (1, 2, 3)]}, handle)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m3"}]}


def test_a_failure_is_told_without_what_the_message_says(capsys: pytest.CaptureFixture[str]) -> None:
    def handle(received: queues.Message) -> None:
        raise ValueError(received.body)

    queues.run_sqs({"Records": [_record(1, "jane@example.com")]}, handle)
    told = capsys.readouterr().out
    assert "ValueError" in told
    assert "jane" not in told


def test_a_batch_of_none_is_done() -> None:
    assert queues.run_sqs({"Records": []}, lambda _: pytest.fail("no message")) == {"batchItemFailures": []}
