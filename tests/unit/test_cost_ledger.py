"""What is counted as a billed request, and how records are summed and shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.bench import prices
from tests.proof.cost import bill, page
from tests.proof.cost.ledger import Line, Record, Tally, requests_of, requests_of_invocation
from tests.proof.cost.worker import oms_trigger


@pytest.mark.parametrize(
    ("service", "operation", "asked", "requests"),
    [
        ("dynamodb", "PutItem", {}, {"dynamodb_calls": 1}),
        ("sqs", "SendMessage", {"MessageBody": "x"}, {"sqs": 1}),
        ("sqs", "SendMessage", {"MessageBody": "x" * 65_537}, {"sqs": 2}),
        ("sqs", "SendMessageBatch", {"Entries": [{"MessageBody": "x"}] * 10}, {"sqs": 1}),
        ("events", "PutEvents", {"Entries": [{"Detail": "{}"}] * 3}, {"events": 3}),
        ("stepfunctions", "StartExecution", {}, {"states": 1}),
        ("secretsmanager", "GetSecretValue", {}, {"secretsmanager": 1}),
        ("s3", "PUT", {}, {"s3": 1}),
    ],
)
def test_requests_of_a_call(service: str, operation: str, asked: Any, requests: dict[str, int]) -> None:
    assert requests_of(service, operation, asked) == requests


@pytest.mark.parametrize(
    ("event", "trigger", "size", "requests"),
    [
        ({"requestContext": {"http": {}}}, "http", 1, {"lambda": 1, "apigateway": 1}),
        ({"Records": [{"eventSource": "aws:sqs"}] * 4}, "sqs", 4, {"lambda": 1, "sqs": 2}),
        ({"Records": [{"eventSource": "aws:dynamodb"}] * 7}, "stream", 7, {"lambda": 1}),
        ({"order_id": "o", "cause": "c"}, "workflow", 1, {"lambda": 1}),
        ({}, "other", 1, {"lambda": 1}),
    ],
)
def test_requests_that_bring_an_invocation_about(event: Any, trigger: str, size: int, requests: dict[str, int]) -> None:
    assert oms_trigger(event) == (trigger, size)
    assert requests_of_invocation(trigger) == requests


def invocation(by: str, cpu: float, *, cold: bool = False, trigger: str = "sqs", size: int = 1) -> Record:
    requests = requests_of_invocation(trigger)
    return Record(call="lambda.Invoke", by=by, cpu_ms=cpu, cold=cold, trigger=trigger, size=size, requests=requests)


def write(table: str, units: float, *, index: float = 0, failed: bool = False) -> Record:
    line = Line(table=table, what="Put: row", write=units, index=index, failed=failed, bytes=900)
    return Record(call="dynamodb.PutItem", by="TakeOrders", lines=(line,), requests={"dynamodb_calls": 1})


def test_sums_per_order() -> None:
    tally = Tally([write("events", 4), write("views", 1, index=2), write("stock", 2, failed=True)], 2)
    assert (tally.wru("events", "stock"), tally.wru("views"), tally.failed()) == (3, 1.5, 1)
    assert tally.requests() == {"dynamodb_calls": 1.5}
    assert [each["write"] for each in tally.where("table")] == [2, 0.5, 1]


def test_batches_of_queues_and_streams() -> None:
    records = [
        invocation("A", 1, size=10),
        invocation("B", 1, trigger="stream", size=2),
        invocation("C", 1, trigger="http"),
    ]
    assert Tally(records, 1).batch_mean() == 6


def test_a_cold_invocation_counts_as_a_warm_one() -> None:
    records = [invocation("A", 400, cold=True), invocation("A", 4), invocation("A", 6)]
    assert bill.own_cpu_ms(records) == {"A": 15}


def test_dollars_follow_the_table_of_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bill, "traces", lambda _: 0.0)
    monkeypatch.setattr(bill, "memory_mb", lambda _: 1024)
    records = [write("events", 10), invocation("TakeOrders", 100)]
    dollars = bill.usd_per_1000(Tally(records, 1))
    assert dollars["dynamodb writes"] == pytest.approx(10 * prices.WRITE_UNIT * 1000)
    assert dollars["sqs requests"] == pytest.approx(2 * prices.REQUEST["sqs"] * 1000)
    seconds = 0.1 * 1769 / 1024 + bill.WAIT_MS["dynamodb"] / 1000
    assert dollars["lambda GB-s"] == pytest.approx(seconds * prices.LAMBDA_GB_S * 1000, abs=1e-5)
    assert dollars["total"] == pytest.approx(sum(usd for name, usd in dollars.items() if name != "total"), abs=1e-4)


def test_a_record_survives_its_line() -> None:
    record = write("views", 1, index=2)
    assert Record.load(record.dump()) == record
    assert "cold" not in json.loads(record.dump())


def test_a_block_of_the_page_is_replaced_and_the_rest_kept() -> None:
    text = "by hand\n<!-- generated: a -->\nold\n<!-- end: a -->\nby hand too\n"
    changed = page.replace_block(text, "a", "new \\1")
    assert changed == "by hand\n<!-- generated: a -->\nnew \\1\n<!-- end: a -->\nby hand too\n"
    with pytest.raises(KeyError):
        page.replace_block(text, "b", "new")
