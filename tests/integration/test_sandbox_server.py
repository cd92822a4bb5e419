"""The sandbox as a server of its own: controls, faults, webhooks, concurrency, the command line."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from infra.local.sandbox import Sandbox, Settings
from infra.local.sandbox.faults import FaultSpecError, parse_fault, parse_rule
from oms.domain.inbound import InboundRequest, NoticeKind
from oms.domain.payment_events import PaymentEventKind
from oms.payments.stripe import Stripe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
AUTH = {"authorization": "Bearer sk_test_sandbox"}
INTENT = {"amount": "1000", "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}


class Client:
    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.pool = urllib3.PoolManager(retries=False, maxsize=16)

    def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, dict[str, Any]]:
        headers = AUTH | {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.pool.request(
            "POST", self.base_url + path, fields=form or {}, headers=headers, encode_multipart=False
        )
        return answer.status, json.loads(answer.data)

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        answer = self.pool.request("GET", self.base_url + path, headers=AUTH)
        return answer.status, json.loads(answer.data)

    def control(self, name: str, body: Any) -> tuple[int, dict[str, Any]]:
        answer = self.pool.request("POST", f"{self.base_url}/_sandbox/{name}", body=json.dumps(body).encode())
        return answer.status, json.loads(answer.data)


@contextlib.contextmanager
def client_of(sandbox: Sandbox) -> Iterator[Client]:
    client = Client(sandbox.base_url)
    try:
        yield client
    finally:
        client.pool.clear()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Settings(webhook_delay=0.0)) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    with client_of(sandbox) as found:
        yield found


@contextlib.contextmanager
def listener(on_delivery: Callable[[InboundRequest], int]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(on_delivery(InboundRequest(account="main", headers=headers, body=body)))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/webhooks/stripe?account=main"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TestWebhooks:
    def test_they_are_signed_as_our_receiver_demands_and_can_be_read(self) -> None:
        seen: list[str] = []

        def deliver(request: InboundRequest) -> int:
            Stripe().verify(request, ["whsec_sandbox"], datetime.now(UTC))
            notice = Stripe().identify(request)
            if notice.kind is NoticeKind.PAYMENT and Stripe().read_event(request).kind is not PaymentEventKind.OTHER:
                seen.append(notice.topic)
            return 200

        with listener(deliver) as url, Sandbox(Settings(webhook_url=url, webhook_delay=0.0)) as sandbox:
            with client_of(sandbox) as client:
                _, intent = client.post("/v1/payment_intents", INTENT | {"payment_method": "pm_card_pendingRefund"})
                client.post("/v1/refunds", {"payment_intent": intent["id"], "amount": "300"})
                client.control("settle", {})
            sandbox.webhooks.drain()
        assert seen == [
            "charge.succeeded",
            "payment_intent.succeeded",
            "refund.created",
            "charge.refunded",
            "refund.updated",
            "charge.refund.updated",
        ]

    def test_one_may_overtake_the_answer_of_its_own_call(self) -> None:
        answered = threading.Event()
        overtook: list[bool] = []

        def deliver(_: InboundRequest) -> int:
            overtook.append(not answered.is_set())
            return 200

        with listener(deliver) as url, Sandbox(Settings(webhook_url=url, early_every=1)) as sandbox:
            with client_of(sandbox) as client:
                client.post("/v1/payment_intents", INTENT)
                answered.set()
            assert overtook == [True, True]
            assert [each["early"] for each in sandbox.record.webhooks] == [True, True]

    def test_who_retries_while_it_overtakes_meets_the_first_result(self) -> None:
        replies: list[tuple[int, dict[str, Any]]] = []

        with Sandbox(Settings(early_every=1)) as sandbox, client_of(sandbox) as client:

            def deliver(_: InboundRequest) -> int:
                if not replies:
                    replies.append(client.post("/v1/payment_intents", INTENT, idempotency_key="k1"))
                return 200

            with listener(deliver) as url:
                client.control("webhooks", {"url": url})
                first = client.post("/v1/payment_intents", INTENT, idempotency_key="k1")
            assert replies == [first]
            assert [effect["kind"] for effect in sandbox.effects] == ["authorize", "capture"]

    def test_twice_and_again_after_a_failure(self) -> None:
        ids: list[str] = []

        def deliver(request: InboundRequest) -> int:
            ids.append(json.loads(request.body)["id"])
            return 500 if len(ids) == 1 else 200

        settings = Settings(webhook_delay=0.0, twice_every=2)
        with listener(deliver) as url, Sandbox(settings) as sandbox, client_of(sandbox) as client:
            client.control("webhooks", {"url": url})
            client.post("/v1/payment_intents", INTENT)
            sandbox.webhooks.drain()
            assert [each["status"] for each in sandbox.record.webhooks] == [500, 200, 200, 200]
        assert len(ids) == 4
        assert len(set(ids)) == 2

    def test_pending_refunds_settle_by_themselves_when_so_set(self) -> None:
        settled = threading.Event()

        def deliver(request: InboundRequest) -> int:
            if json.loads(request.body)["type"] == "charge.refund.updated":
                settled.set()
            return 200

        settings = Settings(webhook_delay=0.0, settle_after=0.01)
        with listener(deliver) as url, Sandbox(settings) as sandbox, client_of(sandbox) as client:
            client.control("webhooks", {"url": url})
            _, intent = client.post("/v1/payment_intents", INTENT | {"payment_method": "pm_card_pendingRefund"})
            client.post("/v1/refunds", {"payment_intent": intent["id"]})
            assert settled.wait(5)


class TestIdempotencyKeys:
    def test_forty_calls_at_once_move_money_once(self, sandbox: Sandbox, client: Client) -> None:
        _, intent = client.post("/v1/payment_intents", INTENT)

        def refund(_: int) -> int:
            form = {"payment_intent": intent["id"], "amount": "300"}
            return client.post("/v1/refunds", form, idempotency_key="r1")[0]

        with ThreadPoolExecutor(16) as pool:
            statuses = set(pool.map(refund, range(40)))
        assert statuses <= {200, 409}
        assert [effect["amount"] for effect in sandbox.effects if effect["kind"] == "refund"] == [300]

    def test_other_parameters_are_an_error(self, client: Client) -> None:
        client.post("/v1/payment_intents", INTENT, idempotency_key="k1")
        status, document = client.post("/v1/payment_intents", INTENT | {"amount": "999"}, idempotency_key="k1")
        assert (status, document["error"]["type"]) == (400, "idempotency_error")

    def test_a_call_that_failed_validation_does_not_use_up_its_key(self, client: Client) -> None:
        assert client.post("/v1/payment_intents", {"amount": "x", "currency": "usd"}, idempotency_key="k1")[0] == 400
        assert client.post("/v1/payment_intents", INTENT, idempotency_key="k1")[0] == 200

    def test_a_decline_is_remembered(self, client: Client) -> None:
        form = INTENT | {"payment_method": "pm_card_chargeDeclined"}
        first = client.post("/v1/payment_intents", form, idempotency_key="k1")
        assert first[0] == 402
        assert client.post("/v1/payment_intents", form, idempotency_key="k1") == first

    def test_after_a_day_the_key_is_new(self, sandbox: Sandbox, client: Client) -> None:
        _, first = client.post("/v1/payment_intents", INTENT, idempotency_key="k1")
        client.control("clock", {"advance": 24 * 3600})
        _, second = client.post("/v1/payment_intents", INTENT, idempotency_key="k1")
        assert first["id"] != second["id"]


class TestMoneyRules:
    def test_no_call_takes_more_than_is_there(self, sandbox: Sandbox, client: Client) -> None:
        _, intent = client.post("/v1/payment_intents", INTENT | {"capture_method": "manual"})
        path = f"/v1/payment_intents/{intent['id']}"
        assert client.post("/v1/refunds", {"payment_intent": intent["id"], "amount": "1"})[0] == 400
        assert client.post(f"{path}/capture", {"amount_to_capture": "1001"})[0] == 400
        assert client.post(f"{path}/capture", {"amount_to_capture": "600"})[0] == 200
        assert client.post(f"{path}/capture", {"amount_to_capture": "1"})[0] == 400
        assert client.post(f"{path}/cancel")[0] == 400
        assert client.post("/v1/refunds", {"payment_intent": intent["id"], "amount": "601"})[0] == 400
        assert client.get(path)[1]["amount_received"] == 600
        kinds = [(effect["kind"], effect["amount"]) for effect in sandbox.effects]
        assert kinds == [("authorize", 1000), ("capture", 600), ("release", 400)]

    @pytest.mark.parametrize(
        ("currency", "amount", "status"),
        [("isk", "550", 400), ("isk", "500", 200), ("kwd", "5124", 400), ("usd", "-5", 400), ("USD", "5", 400)],
    )
    def test_amounts_that_stripe_would_not_take(self, client: Client, currency: str, amount: str, status: int) -> None:
        assert client.post("/v1/payment_intents", {"currency": currency, "amount": amount})[0] == status

    def test_who_has_no_key_gets_nothing(self, sandbox: Sandbox, client: Client) -> None:
        assert client.post("/v1/payment_intents", INTENT, authorization="Bearer other")[0] == 401
        assert sandbox.effects == []


class TestControls:
    def test_the_record_tells_everything_but_secrets(self, client: Client) -> None:
        _, intent = client.post("/v1/payment_intents", INTENT, idempotency_key="k1")
        client.post("/v1/refunds", {"payment_intent": intent["id"], "amount": "300"})
        _, record = client.get("/_sandbox/record")
        assert [call["key"] for call in record["calls"]] == ["k1", ""]
        assert [charge["amount_refunded"] for charge in record["charges"]] == [300]
        assert [refund["amount"] for refund in record["refunds"]] == [300]
        assert record["payment_intents"][0]["captures"] == [1000]
        assert "sk_test" not in json.dumps(record)

    def test_faults_are_used_up_and_can_be_cleared(self, client: Client) -> None:
        client.control("faults", [{"match": "/v1/refunds", "status": 503, "times": 2}])
        assert [client.get("/v1/refunds")[0] for _ in range(3)] == [503, 503, 200]
        client.control("faults", {"match": "", "status": 500, "times": 0})
        assert client.get("/v1/refunds")[0] == 500
        client.control("faults", {"clear": True})
        assert client.get("/v1/refunds")[0] == 200

    @pytest.mark.parametrize(
        ("name", "body"),
        [("faults", {"mach": "x"}), ("faults", {"match": "("}), ("clock", {}), ("clock", 3), ("authenticate", {})],
    )
    def test_a_control_that_cannot_be_understood_is_refused(self, client: Client, name: str, body: Any) -> None:
        assert client.control(name, body)[0] == 400

    def test_what_nobody_serves_is_not_found(self, client: Client) -> None:
        assert client.control("nothing", {})[0] == 404
        assert client.get("/nothing")[0] == 404
        assert client.get("/v1/nothing")[0] == 404

    def test_an_intent_that_waits_can_be_authenticated(self, client: Client) -> None:
        _, intent = client.post("/v1/payment_intents", INTENT | {"payment_method": "pm_card_authenticationRequired"})
        assert client.control("authenticate", {"payment_intent": intent["id"]})[1] == {"authenticated": True}
        assert client.get(f"/v1/payment_intents/{intent['id']}")[1]["status"] == "succeeded"


class TestFaultRules:
    def test_every_nth_call_is_limited(self) -> None:
        with Sandbox(rules=[parse_rule("stripe:every=3")]) as sandbox, client_of(sandbox) as client:
            assert [client.get("/v1/refunds")[0] for _ in range(6)] == [200, 200, 429, 200, 200, 429]

    def test_an_outage_passes(self) -> None:
        with Sandbox(rules=[parse_rule("stripe:outage=10-20")]) as sandbox, client_of(sandbox) as client:
            seen = []
            for _ in range(3):
                seen.append(client.get("/v1/refunds")[0])
                sandbox.clock.advance(11)
            assert seen == [200, 503, 200]

    @pytest.mark.parametrize("text", ["", "amazon", "amazon:every=x", "amazon:often=3", "amazon:outage=5"])
    def test_a_rule_that_cannot_be_read_is_refused(self, text: str) -> None:
        with pytest.raises(FaultSpecError):
            parse_rule(text)

    def test_retry_after_alone_is_a_limit(self) -> None:
        assert parse_fault({"retry_after": 2}).status == 429


def test_as_a_process_it_serves_and_records(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    command = [sys.executable, "-m", "infra.local.sandbox", "--port", "0", "--record", str(record)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            base_url = process.stdout.readline().split()[-1]
            client = Client(base_url)
            assert client.post("/v1/payment_intents", INTENT)[0] == 200
            client.pool.clear()
        finally:
            process.terminate()
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert [line["kind"] for line in lines if line["record"] == "effects"] == ["authorize", "capture"]
    assert [line["path"] for line in lines if line["record"] == "calls"] == ["/v1/payment_intents"]
