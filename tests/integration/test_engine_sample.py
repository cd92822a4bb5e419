"""The engine, on a template that holds one of everything the system needs, behaves as AWS documents."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.integration.conftest import eventually

if TYPE_CHECKING:
    from email.message import Message

    from infra.local.deploy import Deployment
    from infra.local.engine import Engine

pytestmark = pytest.mark.engine
PASSWORD = "Correct-Horse-9"


class Answer(NamedTuple):
    status: int
    headers: Message
    body: bytes


def call(url: str, *, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


@pytest.fixture(scope="module")
def token(sample_engine: Engine, sample: Deployment) -> str:
    cognito = sample_engine.client("cognito-idp")
    pool, name = sample.outputs["PoolId"], "ann@example.com"
    cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=PASSWORD, Permanent=True)
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=sample.resources["Operators"])
    answer = cognito.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=sample.outputs["ClientId"],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
    )
    return str(answer["AuthenticationResult"]["AccessToken"])


class Table:
    def __init__(self, engine: Engine, sample: Deployment) -> None:
        self._client, self._name = engine.client("dynamodb"), sample.outputs["TableName"]

    def put(self, *names: str) -> None:
        for name in names:
            self._client.put_item(TableName=self._name, Item={"pk": {"S": "order#1"}, "sk": {"S": name}})

    def mark(self, kind: str, key: str) -> dict[str, Any]:
        return self._item(f"mark#{kind}", key)

    def times(self, kind: str, key: str) -> int:
        return int(self._item(f"count#{kind}", key).get("times", {}).get("N", 0))

    def _item(self, pk: str, sk: str) -> dict[str, Any]:
        answer = self._client.get_item(
            TableName=self._name, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
        )
        item: dict[str, Any] = answer.get("Item", {})
        return item


@pytest.fixture
def table(sample_engine: Engine, sample: Deployment) -> Table:
    return Table(sample_engine, sample)


def test_says_what_it_left_out(sample: Deployment) -> None:
    names = [line.rpartition(":")[0] for line in sample.left_out]

    assert names == ["ErrorRate (AWS::CloudWatch::Alarm)", "output ErrorRateArn"]


def test_an_open_route_needs_no_token_and_hands_over_payload_format_2(sample: Deployment) -> None:
    answer = call(
        f"{sample.api_url}/open/orders/7%2F8?page=2&tag=a&tag=b",
        method="POST",
        body='{"name": "Zoë"}'.encode(),
        headers={"content-type": "application/json", "cookie": "one=1; two=2"},
    )

    event = json.loads(answer.body)
    assert answer.status == 200
    assert answer.headers["x-greeting"] == "hi"
    assert event["version"] == "2.0"
    assert event["routeKey"] == "ANY /open/{proxy+}"
    assert event["requestContext"]["http"]["method"] == "POST"
    assert event["rawQueryString"] == "page=2&tag=a&tag=b"
    assert event["queryStringParameters"] == {"page": "2", "tag": "a,b"}
    assert event["body"] == '{"name": "Zoë"}'
    assert event["cookies"] == ["one=1", "two=2"]
    assert "cookie" not in event["headers"]


def test_bytes_pass_both_ways_and_each_cookie_has_its_line(sample: Deployment) -> None:
    body = bytes(range(256))

    answer = call(
        f"{sample.api_url}/open/bytes", method="POST", body=body, headers={"content-type": "application/octet-stream"}
    )

    assert (answer.status, answer.body) == (201, body)
    assert answer.headers.get_all("set-cookie") == ["a=1; Path=/", "b=2; HttpOnly"]


def test_an_exception_is_a_500_without_detail(sample: Deployment) -> None:
    answer = call(f"{sample.api_url}/open/crash")

    assert (answer.status, json.loads(answer.body)) == (500, {"message": "Internal Server Error"})


def test_a_closed_route_wants_a_token_that_nobody_touched(sample: Deployment, token: str) -> None:
    head, payload, signature = token.split(".")
    tampered = ".".join((head, payload, signature[::-1]))
    url = f"{sample.api_url}/closed"

    assert call(url).status == 401
    assert call(url, headers={"authorization": f"Bearer {tampered}"}).status == 401
    answer = call(url, headers={"authorization": f"Bearer {token}"})
    assert answer.status == 200
    claims = json.loads(answer.body)["requestContext"]["authorizer"]["jwt"]["claims"]
    assert claims["cognito:groups"] == "[operator]"
    assert claims["client_id"] == sample.outputs["ClientId"]


def test_cors_answers_the_allowed_origin_only(sample: Deployment) -> None:
    asked = {"access-control-request-method": "GET"}

    allowed = call(f"{sample.api_url}/closed", method="OPTIONS", headers={**asked, "origin": "http://localhost:3000"})
    refused = call(f"{sample.api_url}/closed", method="OPTIONS", headers={**asked, "origin": "http://evil.example"})

    assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (204, "http://localhost:3000")
    assert refused.headers["access-control-allow-origin"] is None


def test_an_unknown_path_is_not_found(sample: Deployment) -> None:
    assert call(f"{sample.api_url}/nowhere").status == 404


def test_a_batch_of_messages_fails_in_part_and_poison_reaches_the_dead_letters(
    sample_engine: Engine, sample: Deployment, table: Table
) -> None:
    sqs = sample_engine.client("sqs")
    bodies: list[dict[str, Any]] = [{"id": "m1"}, {"id": "m2", "poison": True}, {"id": "m3"}]
    sqs.send_message_batch(
        QueueUrl=sample.resources["Queue"],
        Entries=[{"Id": body["id"], "MessageBody": json.dumps(body)} for body in bodies],
    )

    eventually(lambda: table.mark("message", "m1") and table.mark("message", "m3"))
    letters = sample.resources["DeadLetters"]
    dead = eventually(lambda: _message(sqs, letters, lambda body: body.get("id") == "m2"), seconds=40)
    assert dead["poison"] is True
    assert table.times("message", "m2") == 2
    assert table.times("message", "m1") == table.times("message", "m3") == 1


def _message(sqs: Any, queue: str, wanted: Any) -> dict[str, Any]:
    """Take messages from a queue until one is wanted."""
    for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", []):
        body: dict[str, Any] = json.loads(message["Body"])
        if wanted(body):
            return body
    return {}


def test_a_rule_of_the_bus_sends_to_its_queue(sample_engine: Engine, sample: Deployment, table: Table) -> None:
    detail = json.dumps({"id": "e1"})

    answer = sample_engine.client("events").put_events(
        Entries=[
            {"EventBusName": sample.resources["Bus"], "Source": "sample", "DetailType": kind, "Detail": detail}
            for kind in ("Placed", "Ignored")
        ]
    )

    assert answer["FailedEntryCount"] == 0
    eventually(lambda: table.mark("message", "e1"))
    assert table.times("message", "e1") == 1


def test_a_stream_hands_over_what_its_filter_lets_through(table: Table) -> None:
    table.put("plain-1", "plain-2")

    eventually(lambda: table.mark("stream", "plain-2"))
    assert table.times("stream", "plain-1") == 1


def test_a_stream_reads_on_from_the_record_that_failed(table: Table) -> None:
    table.put("before-1", "flaky-1", "after-1")

    eventually(lambda: table.mark("stream", "after-1"))
    assert table.mark("stream", "flaky-1")["times"] == {"N": "2"}
    assert table.times("stream", "after-1") == 1


def test_a_poisoned_record_goes_to_the_destination_and_the_stream_goes_on(
    sample_engine: Engine, sample: Deployment, table: Table
) -> None:
    table.put("poison-1", "after-2")

    eventually(lambda: table.mark("stream", "after-2"))
    dead = sample.resources["DeadLetters"]
    record = eventually(lambda: _message(sample_engine.client("sqs"), dead, lambda body: "DDBStreamBatchInfo" in body))
    assert record["DDBStreamBatchInfo"]["batchSize"] == 1
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"


def test_a_workflow_retries_and_catches_by_the_name_of_the_exception(table: Table) -> None:
    table.put("flow-1", "flow-declined")

    done = eventually(lambda: table.mark("flow", "flow-1"))
    refused = eventually(lambda: table.mark("flow", "flow-declined"))
    assert done["times"] == {"N": "3"}
    assert refused["why"] == {"S": "DeclinedError"}
    assert table.times("step", "flow-declined") == 1


def test_a_schedule_invokes_its_function_with_its_input(
    sample_engine: Engine, sample: Deployment, table: Table
) -> None:
    scheduler = sample_engine.client("scheduler")
    schedule = scheduler.get_schedule(Name=sample.resources["WorkTick"])
    assert schedule["ScheduleExpression"] == "rate(1 minute)"

    soon = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S")
    scheduler.create_schedule(
        Name="soon", ScheduleExpression=f"at({soon})", FlexibleTimeWindow={"Mode": "OFF"}, Target=schedule["Target"]
    )

    seen = eventually(lambda: table.mark("tick", "tick"))
    assert soon <= seen["at"]["S"] <= f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def test_a_secret_is_generated(sample_engine: Engine, sample: Deployment) -> None:
    secret = sample_engine.client("secretsmanager").get_secret_value(SecretId=sample.resources["Secret"])

    assert len(json.loads(secret["SecretString"])["key"]) == 40


def test_no_message_is_lost_while_a_queue_is_read(sample_engine: Engine, sample: Deployment, table: Table) -> None:
    sqs, run = sample_engine.client("sqs"), secrets.token_hex(4)
    names = [f"{run}-{number}" for number in range(200)]
    for start in range(0, len(names), 10):
        entries = [{"Id": name, "MessageBody": json.dumps({"id": name})} for name in names[start : start + 10]]
        sqs.send_message_batch(QueueUrl=sample.resources["Queue"], Entries=entries)

    eventually(lambda: all(table.mark("message", name) for name in names), seconds=30)
