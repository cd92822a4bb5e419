"""Each event of events/triggers is what its function takes: handled by the real code, on moto instead of AWS.

A sample says how a trigger calls; the order that it names is the one that `place_order.http.json` places.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from botocore.exceptions import ClientError
from jsonschema import Draft202012Validator
from moto import mock_aws

from oms.adapters.commit_item import unpacked
from oms.domain import ids
from oms.entrypoints import wiring
from tests.support import functions, template
from tests.support.aws import REGION, Cloud

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = template.ROOT / "events" / "triggers"
ORDER = ids.order_id("site", "main", "sample-order-1001")
PROMISED = ["place_order.http", "authorize_payment.workflow", "promise_order.workflow"]
NEEDS: dict[str, list[str]] = {
    "read_orders.http": ["place_order.http"],
    "change_order.http": ["place_order.http"],
    "promise_order.workflow-screen": ["place_order.http"],
    "authorize_payment.workflow": ["place_order.http"],
    "settle_payment.workflow": ["place_order.http"],
    "promise_order.workflow": ["place_order.http"],
    "fulfill_orders.http": PROMISED,
    "take_tracking.sqs": [*PROMISED, "fulfill_orders.http"],
    "show_status.http": ["place_order.http"],
    "issue_invoices.http": ["place_order.http"],
    "issue_invoices.sqs": ["place_order.http"],
    "show_invoices.http": ["place_order.http"],
    "relay_commits.sqs": ["place_order.http"],
    "redrive_overdue.schedule": ["place_order.http"],
    "redrive_overdue.stream": ["place_order.http"],
    "reoptimize_orders.schedule": PROMISED,
    "report_sales.schedule": ["place_order.http"],
    "reconcile_stock.schedule": PROMISED,
}
STATUS = {
    "place_order.http": 201,
    "manage_stock.http": 201,
    "manage_policies.http": 201,
    "manage_drafts.http": 201,
    "manage_webhooks.http": 201,
    "receive_webhook.http": 200,
}
STEPS = {
    "promise_order.workflow-screen": {"authorize": False, "promised": 4, "short": 0, "more": False},
    "authorize_payment.workflow": {"state": "authorized", "amount": 0},
    "promise_order.workflow": {"promised": 4, "short": 0, "more": False},
    "settle_payment.workflow": {"moved": 0},
    "settle_return.workflow": {"replaced": 0, "labelled": 0},
}


class Context:
    """What Lambda passes."""

    function_name = "sample"
    memory_limit_in_mb = 512
    invoked_function_arn = f"arn:aws:lambda:{REGION}:111122223333:function:sample"
    aws_request_id = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Of a function that may take its time."""
        return 900_000


class ForgottenStream:
    """A stream whose records are older than a day."""

    class exceptions:  # noqa: N801 - as a client names them
        ClientError = ClientError

    def get_shard_iterator(self, **asked: Any) -> Any:
        raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "gone"}}, "GetShardIterator")


def _name(path: Any) -> str:
    return str(path.name.removesuffix(".json"))


ALL = sorted(_name(path) for path in SAMPLES.glob("*.json"))


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return event


@pytest.fixture(scope="module", autouse=True)
def _clients() -> Iterator[None]:
    """Clients that this module makes know of moto, those of others may not."""
    wiring.client.cache_clear()
    yield
    wiring.client.cache_clear()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """The system with products, a node, stock and a connected shop, and no order."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    real = wiring.client

    def client(service: str) -> Any:
        return ForgottenStream() if service == "dynamodbstreams" else real(service)

    monkeypatch.setattr(wiring, "client", client)
    with mock_aws():
        made = Cloud().build()
        made.secret("ConnectionsSecret", {"shopify/main": {"current": "a-secret-for-samples"}})
        links = {"current": "k1", "key:k1": "a link key"}
        keys = {"customer_key": "c", "session_key": "s", "webhook_key": "w", "status_links": links}
        made.secret("KeysSecret", keys)
        made.enter("manage_stock", monkeypatch)
        reference = wiring.reference()
        for sku in ("MUG-01", "LAMP-OAK", "TEE-BLK-M"):
            reference.put("product", sku, {"sku": sku})
        node = {"node_id": "de-main", "country": "DE", "latitude": "50.1", "longitude": "8.9"}
        reference.put("node", "de-main", node)
        receipt = sample("manage_stock.http")
        both = [{"sku": sku, "node_id": "de-main", "kind": "receipt", "quantity": 9} for sku in ("MUG-01", "LAMP-OAK")]
        receipt["headers"]["idempotency-key"] = "opening stock"
        receipt["body"] = json.dumps({"movements": both})
        assert functions.load("manage_stock").handler(receipt, Context())["statusCode"] == 201
        yield made


def run(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, name: str) -> Any:
    """Handle a sample as its function does, on a cold start."""
    function = name.partition(".")[0]
    cloud.enter(function, monkeypatch)
    return functions.load(function).handler(sample(name), Context())


def relay(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the stream would bring: every commit of the log."""
    event = sample("relay_commits.stream")
    (record,) = event["Records"]
    images = [each for each in cloud.items("EventsTable") if each["sk"]["S"].startswith("c#")]
    event["Records"] = [
        {**record, "dynamodb": {**record["dynamodb"], "NewImage": image, "SequenceNumber": str(index)}}
        for index, image in enumerate(sorted(images, key=lambda each: each["sk"]["S"]), start=1)
    ]
    cloud.enter("relay_commits", monkeypatch)
    assert functions.load("relay_commits").handler(event, Context()) == {"batchItemFailures": []}


def ready(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for before in NEEDS.get(name, ()):
        run(cloud, monkeypatch, before)
        relay(cloud, monkeypatch)


# ---------------------------------------------------------------- every sample


def test_every_trigger_has_a_sample() -> None:
    kinds = {"HttpApi": "http", "SQS": "sqs", "DynamoDB": "stream", "ScheduleV2": "schedule"}
    wanted = set()
    for name, resource in template.source()["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            snake = "".join(f"_{each.lower()}" if each.isupper() else each for each in name).lstrip("_")
            events = resource["Properties"].get("Events", {}).values()
            wanted |= {f"{snake}.{kinds[each['Type']]}" for each in events} or {f"{snake}.workflow"}
    assert {name.partition("-")[0] for name in ALL} == wanted
    assert {name.partition(".")[0] for name in ALL} == set(functions.names())


@pytest.mark.parametrize("name", [name for name in ALL if name.endswith(".http")])
def test_http_samples_are_answered(name: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(cloud, monkeypatch, name)
    answer = run(cloud, monkeypatch, name)
    assert answer["statusCode"] == STATUS.get(name, 200), answer["body"]
    assert answer_findings(sample(name), answer) == []


@pytest.mark.parametrize("name", [name for name in ALL if ".sqs" in name or name.endswith(".stream")])
def test_records_of_samples_are_taken(name: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(cloud, monkeypatch, name)
    assert run(cloud, monkeypatch, name) == {"batchItemFailures": []}


@pytest.mark.parametrize("name", [name for name in ALL if name.endswith(".schedule")])
def test_scheduled_samples_run(name: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(cloud, monkeypatch, name)
    assert isinstance(run(cloud, monkeypatch, name), dict)


@pytest.mark.parametrize("name", [name for name in ALL if name.endswith(".workflow")])
def test_workflow_samples_are_answered(name: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(cloud, monkeypatch, name)
    assert run(cloud, monkeypatch, name) == STEPS[name]


# ---------------------------------------------------------------- what they did


def test_a_webhook_ends_in_the_queue_as_the_message_that_its_consumer_takes(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(cloud, monkeypatch, "receive_webhook.http")
    (sent,) = cloud.messages("IntakeQueue")
    taken = json.loads(sample("take_orders.sqs-intake")["Records"][0]["body"])
    assert set(json.loads(sent)) == set(taken)
    assert json.loads(sent)["body"] == taken["body"]


def test_a_taken_order_is_in_the_log(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    run(cloud, monkeypatch, "take_orders.sqs-intake")
    assert any(each["pk"]["S"].startswith("order#") for each in cloud.items("EventsTable"))
    assert not [each for each in cloud.items("ViewsTable") if each["pk"]["S"] == "quarantine"]


def test_a_stack_may_be_called_after_amazon(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which queue a record came by is told by its whole name, not by a word in it."""
    event = json.loads(json.dumps(sample("take_orders.sqs-intake")).replace("oms-IntakeQueue", "amazon-IntakeQueue"))
    cloud.enter("take_orders", monkeypatch)
    assert functions.load("take_orders").handler(event, Context()) == {"batchItemFailures": []}
    assert any(each["pk"]["S"].startswith("order#") for each in cloud.items("EventsTable"))


def test_a_file_that_was_dropped_is_taken(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one in events/stock-feeds, of which the sample tells: two of its five rows are wrong."""
    body = (SAMPLES.parent / "stock-feeds" / "erp.csv").read_bytes()
    told = json.loads(sample("take_stock_feed.sqs-file")["Records"][0]["body"])["Records"][0]["s3"]["object"]
    wiring.client("s3").put_object(Bucket=cloud.names["FeedsBucket"], Key=told["key"], Body=body)
    assert run(cloud, monkeypatch, "take_stock_feed.sqs-file") == {"batchItemFailures": []}
    (row,) = [json.loads(each["row"]["S"]) for each in cloud.items("ViewsTable") if each["pk"]["S"] == "stock_feed"]
    assert (row["accepted"], row["errors"], row["refused"]) == (3, 2, "")
    stock = {each["pk"]["S"]: int(each["on_hand"]["N"]) for each in cloud.items("StockTable")}
    assert stock == {"MUG-01": 7, "LAMP-OAK": 8, "TEE-BLK-M": 40}


def test_a_scan_finds_its_parcel(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(cloud, monkeypatch, "take_tracking.sqs")
    run(cloud, monkeypatch, "take_tracking.sqs")
    commits = [each for each in cloud.items("EventsTable") if each["pk"]["S"] == f"order#{ORDER}"]
    assert any("ParcelStatusChanged" in str(unpacked(each)) for each in commits if "z" in each)


@pytest.mark.parametrize("name", [name for name in ALL if name.startswith("park_failed")])
def test_dead_letters_are_put_where_people_look(name: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    run(cloud, monkeypatch, name)
    (row,) = [json.loads(each["row"]["S"]) for each in cloud.items("ViewsTable") if each["pk"]["S"] == "quarantine"]
    assert row["reason"] == "its consumer failed on every try"
    assert row["detail"]["queue"], "a person sees whose messages died"


def test_the_stream_sample_is_a_commit_as_the_log_stores_it(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    run(cloud, monkeypatch, "place_order.http")
    (stored,) = [each for each in cloud.items("EventsTable") if each["pk"]["S"] == f"order#{ORDER}"]
    image = sample("relay_commits.stream")["Records"][0]["dynamodb"]["NewImage"]
    assert set(image) == set(stored)
    assert image["pk"] == stored["pk"]


# ---------------------------------------------------------------- answers and their description


@cache
def _described() -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load((template.ROOT / "infra" / "openapi.yaml").read_text(encoding="utf-8"))
    return described


def answer_findings(event: dict[str, Any], answer: dict[str, Any]) -> list[str]:
    """Where an answer is not what infra/openapi.yaml says of it."""
    described = _described()
    method, path = event["routeKey"].split(" ")
    path = event["rawPath"] if "{proxy+}" in path else path
    responses = described["paths"][path][method.lower()]["responses"]
    response = responses.get(str(answer["statusCode"]), responses["default"])
    if "$ref" in response:
        response = described["components"]["responses"][response["$ref"].rpartition("/")[2]]
    kind = next(value for name, value in answer["headers"].items() if name.lower() == "content-type").partition(";")[0]
    if kind not in response["content"]:
        return [f"{kind} is not described"]
    schema = {**response["content"][kind]["schema"], "components": described["components"]}
    document = answer["body"] if kind == "text/html" else json.loads(answer["body"])
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(document)]


ROUTES: list[tuple[str, str, str, dict[str, str]]] = [
    ("read_orders", "/orders", "/orders", {"number": "S-1001"}),
    ("read_orders", "/orders/{order_id}", f"/orders/{ORDER}", {}),
    ("read_orders", "/orders/{order_id}/timeline", f"/orders/{ORDER}/timeline", {}),
    ("read_orders", "/orders/{order_id}/decision", f"/orders/{ORDER}/decision", {}),
    ("read_orders", "/orders/{order_id}/ledger", f"/orders/{ORDER}/ledger", {}),
    ("read_orders", "/alerts", "/alerts", {}),
    ("read_orders", "/reports/sales", "/reports/sales", {}),
    ("read_orders", "/reports/returns", "/reports/returns", {}),
    ("fulfill_orders", "/fulfillment-orders", "/fulfillment-orders", {"node": "de-main"}),
    (
        "fulfill_orders",
        "/fulfillment-orders/{fulfillment_order_id}",
        f"/fulfillment-orders/{ids.fulfillment_order_id(ORDER, 1)}",
        {},
    ),
    ("manage_stock", "/stock/{sku}", "/stock/MUG-01", {}),
    ("manage_quarantine", "/quarantine", "/quarantine", {}),
]


@pytest.fixture
def worked(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The system after a while: an order shipped, one alerted, one input parked, a report made."""
    ready(cloud, monkeypatch, "take_tracking.sqs")
    for name in ("take_tracking.sqs", "park_failed.sqs-dead-letter"):
        run(cloud, monkeypatch, name)
    relay(cloud, monkeypatch)
    cloud.enter("read_orders", monkeypatch)
    views = wiring.views()
    alert = {"alert_id": f"{ORDER}:1", "order_id": ORDER, "number": "S-1001", "kind": "overdue", "stage": "placed"}
    views.put_row("alert", "1", {**alert, "raised_at": "2026-03-01T12:00:00+00:00"})
    missing = {
        "alert_id": "stock#cnt_1:1:0",
        "sku": "MUG-01",
        "node_id": "de-main",
        "kind": "stock_missing",
        "missing": 1,
    }
    views.put_row("alert", "3", {**missing, "raised_at": "2026-03-01T12:00:00+00:00"})
    drift = {"alert_id": "reconcile:2026-03-01", "kind": "stock_drift", "drift": 1, "broken": 0, "document": "r.json"}
    views.put_row("alert", "2", {**drift, "raised_at": "2026-03-01T12:00:00+00:00"})
    fed = {"alert_id": "stock_feed:f", "kind": "stock_feed", "source": "erp", "errors": 2, "document": "f.json"}
    views.put_row("alert", "4", {**fed, "raised_at": "2026-03-01T12:00:00+00:00"})
    report = {"day": "2026-03-01", "channel": "site", "currency": "EUR", "orders": 1, "cancelled_orders": 0}
    views.put_row("report", "1", {**report, "units": 4, "revenue": 13260})
    why = {"day": "2026-03-01", "reason": "size", "sku": "MUG-01", "lot": "", "carrier": "DHL", "channel": "site"}
    views.put_row("returns_report", "1", {**why, "condition": "ok", "disposition": "restock", "units": 1})
    return cloud


def test_answers_are_as_described(worked: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for function, route, path, query in ROUTES:
        event = sample("manage_quarantine.http")
        event.update(routeKey=f"GET {route}", rawPath=path, queryStringParameters=query)
        event["requestContext"]["http"]["path"] = path
        event["requestContext"]["authorizer"]["jwt"]["claims"]["cognito:groups"] = "[admin]"
        worked.enter(function, monkeypatch)
        answer = functions.load(function).handler(event, Context())
        assert answer["statusCode"] == 200, (path, answer["body"])
        assert answer_findings(event, answer) == [], path
        lists = [value for value in json.loads(answer["body"]).values() if isinstance(value, list)]
        assert any(lists) or "lines" in json.loads(answer["body"]) or path.startswith("/fulfillment-orders"), path


def test_refusals_are_as_described(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for changes, status, code in (
        ({"body": "{}"}, 422, "malformed_payload"),
        ({"body": "no"}, 422, "malformed_payload"),
        ({"headers": {}}, 400, "idempotency_key_missing"),
    ):
        event = {**sample("place_order.http"), **changes}
        cloud.enter("place_order", monkeypatch)
        answer = functions.load("place_order").handler(event, Context())
        assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (status, code)
        assert answer_findings(event, answer) == []
    stranger = sample("place_order.http")
    stranger["requestContext"]["authorizer"]["jwt"]["claims"]["cognito:groups"] = "[warehouse]"
    assert functions.load("place_order").handler(stranger, Context())["statusCode"] == 403


def test_an_answer_that_is_not_as_described_is_seen(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = run(cloud, monkeypatch, "place_order.http")
    document = json.loads(answer["body"])
    assert answer_findings(sample("place_order.http"), {**answer, "body": json.dumps({**document, "total": "1"})})
    assert answer_findings(sample("place_order.http"), {**answer, "body": json.dumps({"order_id": "1"})})
