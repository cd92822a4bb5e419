"""One world in one process: the functions behind their triggers, and everybody around them who tries again.

Nothing is faster or slower than it is told: the clock stands still but for `wait`. A message that failed comes back
when its time has come, a stream stays at the record that failed, an HTTP client sends again with the same key, and
whatever then still stands still is the watchdog's.
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

import pytest
from moto import mock_aws
from moto.sqs import models as moto_queues

from infra.local import recorded as rec
from infra.local.sandbox.core import Settings
from infra.local.sandbox.paypal_signing import WEBHOOK_ID
from infra.local.sandbox.untold import untold
from oms.adapters.dynamodb_views import walked_at
from oms.entrypoints import telemetry, wiring
from tests.e2e.recorder import Record
from tests.proof.invariants.evidence import Published
from tests.proof.sweep import cloud as clouds
from tests.proof.sweep import quick, stores
from tests.proof.sweep.events import Reply, Routes, http_event
from tests.proof.sweep.evidence import Rows, note
from tests.proof.sweep.stores import ACCOUNT
from tests.proof.sweep.tap import Killed, Tap
from tests.proof.sweep.triggers import Queues, Stream
from tests.proof.sweep.vendors import CREDENTIALS, EVENTS, MORE, SELLER, Vendors, recorded_of
from tests.support import functions, template
from tests.support.asl import Machine
from tests.support.aws import REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

START: Final = datetime(2026, 11, 25, 9, tzinfo=UTC)
SECRETS: Final = {
    "shopify": "s-shop",
    "woocommerce": "s-woo",
    "easypost": "s-easy",
    "stripe": "s-stripe",
    "adyen": Settings().adyen_hmac_key,
    "paypal": WEBHOOK_ID,
}
TIKTOK: Final = "sandbox_app:sandbox_app_secret"
NODES: Final = {"us-east": ("US", "40.7357", "-74.1724"), "de-main": ("DE", "50.1326", "8.9167")}
CLIENT_TRIES: Final = 6
ROUNDS: Final = 400
_MAKE: Final = wiring.client.__wrapped__


class StandstillError(AssertionError):
    """The world did not come to rest, or somebody who tried again was refused for good."""


class Context:
    """What Lambda passes."""

    function_name = "sweep"
    memory_limit_in_mb = 512
    invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sweep"
    aws_request_id = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    def __init__(self, left_ms: int) -> None:
        self._left_ms = left_ms

    def get_remaining_time_in_millis(self) -> int:
        """Until the function is ended."""
        return self._left_ms


@dataclass
class World:
    """See the module. `now` is the one clock."""

    patch: pytest.MonkeyPatch
    tap: Tap
    cloud: clouds.SweepCloud
    vendors: Vendors
    now: datetime = START
    before: Callable[[str, int], None] = lambda *_: None
    """Called before each invocation with its function and number: where a case branches off."""
    routes: Routes = field(default_factory=Routes)
    executions: deque[dict[str, Any]] = field(default_factory=deque)
    started: list[dict[str, Any]] = field(default_factory=list)
    """What was given to workflows."""
    published: list[Published] = field(default_factory=list)
    """Public events, as often as they were published."""
    record: Record = field(default_factory=Record)
    """What was sent, written down by its senders."""
    shown: set[tuple[str, str]] = field(default_factory=set)
    """(order, why) that a person saw elsewhere than among the alerts: a commit of it stood in quarantine."""
    rows: Rows = field(default_factory=Rows)
    left_ms: int = 900_000
    """How long a function may still run, as it is told."""
    _watched: bool = False
    _machines: dict[str, Machine] = field(default_factory=dict)
    """Workflows by name."""

    def __post_init__(self) -> None:
        self.stream = Stream(self.cloud, self.invoke)
        self.queues = Queues(self.cloud, self.invoke, self.routes.queues)

    # ---------------------------------------------------------------- functions

    def invoke(self, function: str, event: Any) -> Any:
        """Run a function on a cold start; raises what it raises, and Killed."""
        name = self.folder(function)
        self.cloud.enter(name, self.patch)
        self.tap.begin(function)
        try:
            self.before(function, self.tap.invocation)
            return functions.load(name).handler(json.loads(json.dumps(event)), Context(self.left_ms))
        except BaseExceptionGroup as group:
            if group.subgroup(Killed):
                raise Killed from group  # it happened inside tasks of a loop
            raise
        finally:
            self.tap.end()

    @staticmethod
    def folder(function: str) -> str:
        """`take_orders` for `TakeOrders`."""
        return "".join(f"_{each.lower()}" if each.isupper() else each for each in function).lstrip("_")

    # ---------------------------------------------------------------- HTTP

    def http(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        role: str = "admin",
        key: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """A call by a client that sends again, with the same key, until it gets an answer below 500."""
        raw = body if body is not None else (json.dumps(document).encode() if document is not None else b"")
        url = urlsplit(path)
        function, route = self.routes.find(method, url.path)
        sent = {**({"idempotency-key": key} if key else {}), **(headers or {})}
        event = http_event(route, method, url.path, dict(parse_qsl(url.query)), sent, raw, role)
        for _ in range(CLIENT_TRIES):
            try:
                answer = self.invoke(function, event)
            except (Exception, Killed):  # noqa: BLE001 - API Gateway answers 500 to whatever it was
                continue
            reply = Reply(answer)
            if reply.status < 500 and not reply.retryable:
                note(self.record, method, url.path, raw if body is not None else document, sent, reply)
                return reply
        raise StandstillError(f"{method} {url.path} was never answered")

    def get(self, path: str, role: str = "admin") -> Any:
        """The document of a read."""
        reply = self.http("GET", path, role=role)
        assert reply.status == 200, (path, reply)
        return reply.document

    def post(self, path: str, document: Any = None, *, key: str, role: str = "admin", status: int = 200) -> Any:
        """The document of a write; another status than 200 or `status` fails the story."""
        reply = self.http("POST", path, document if document is not None else {}, role=role, key=key)
        assert reply.status in (200, status), (path, reply)
        return reply.document

    def deliver(self, source: str, sample: str, fill: Mapping[str, str] | None = None, **changes: Any) -> None:
        """A sample of a channel or carrier, signed and sent by its sender, which sends again what is not answered."""
        folder = "carriers" if source == "easypost" else "channels"
        file = next((EVENTS / folder / source).glob(f"{sample}*"))
        recorded = rec.read(source, file, fill)
        if changes:
            recorded = changed(recorded, changes)
        if source == "amazon":
            queue = self.cloud.names["AmazonQueue"]
            wiring.client("sqs").send_message(QueueUrl=queue, MessageBody=recorded.body.decode())
            self.record.delivered(recorded, recorded.account(""), acked=True)
            return
        self._webhook(recorded)

    def keep_to_itself(self, source: str, at: datetime, digits: str = "") -> rec.Recorded:
        """A channel has an order and never delivers it; the webhook that it should have sent."""
        given = untold(source, at, digits)
        self.vendors.put_order(given)
        recorded = recorded_of(source, given)
        self.record.delivered(recorded, SELLER if source == "amazon" else "main", acked=True)
        return recorded

    def _webhook(self, recorded: rec.Recorded) -> None:
        secret = TIKTOK if recorded.source == "tiktok-shop" else {**SECRETS, **MORE}[recorded.source]
        headers = rec.sign(recorded, secret, self.now.timestamp())
        reply = self.http("POST", f"/webhooks/{recorded.source}/main", headers=headers, body=recorded.body, role="")
        assert reply.status == 200, reply

    # ---------------------------------------------------------------- what drives itself

    def drain(self) -> None:
        """Let everything happen that can happen now."""
        for _ in range(ROUNDS):
            if not (self.stream.step() or self.queues.step() or self.execute() or self._tell()):
                return
        raise StandstillError("there is always something more to do")

    def settle(self) -> None:
        """Let time pass until no message waits; after a fault, the watchdog has its turns."""
        self._wait_for_messages()
        if not self.tap.fired or self._watched or self.tap.broken:
            return
        self._watched = True
        for minutes in (3, 5, 10, 20):
            counts = self._turn(timedelta(minutes=minutes))
            if minutes > 3 and not any(counts.values()):
                return

    @contextmanager
    def outage(self, operation: str) -> Iterator[None]:
        """For a while, this operation answers nobody; the watchdog has no turn then."""
        self.tap.broken.add(operation)
        yield
        self.tap.broken.discard(operation)

    def watch(self, wait: timedelta) -> None:
        """The watchdog's turn after a while, and what follows from it; its next ones if a fault met this one."""
        self._turn(wait)
        self.settle()

    def drain_stream(self) -> None:
        """Relay what is in the log, and start nothing."""
        while self.stream.step():
            pass

    def _turn(self, wait: timedelta) -> dict[str, int]:
        self.now += wait
        self.drain()
        self.stream.late()
        counts = self.schedule("RedriveOverdue")
        if wait >= timedelta(days=1):
            self._walk_days()
        self._wait_for_messages()
        return counts or {"failed": 1}

    def _walk_days(self) -> None:
        """The watchdog's turns of a day in which it looks through a day that has orders; after a fault, of two days."""
        days = {item["pk"]["S"] for item in self.cloud.items("ViewsTable") if item["pk"]["S"].startswith("day#")}
        calm = not self.tap.fired
        for minute in range(2 * 24 * 60):
            at = self.now + timedelta(minutes=minute)
            if walked_at(at) in days and (minute < 24 * 60 or (calm and self.tap.fired)):
                self.now, later = at, self.now
                self.schedule("RedriveOverdue")
                self.now = later

    def schedule(self, function: str, event: Any = None) -> Any:
        """A scheduled invocation, tried three times as asynchronous ones are; None when none succeeded."""
        for _ in range(3):
            try:
                return self.invoke(function, event or {})
            except (Exception, Killed):  # noqa: BLE001 - whatever it was, it is tried again
                self.now += timedelta(minutes=1)
        body = {"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": event or {}}
        queue = self.cloud.names["FailedInvocations"]
        wiring.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(body))
        return None

    def _wait_for_messages(self) -> None:
        for _ in range(ROUNDS):
            self.drain()
            waiting = [max(each.visible_at, each.delayed_until) for each in self.queues.waiting()]
            if not waiting:
                return
            self.now = max(self.now, datetime.fromtimestamp(min(waiting) / 1000 + 0.001, UTC))
        raise StandstillError("a message never leaves its queue")

    # ---- workflows

    def execute(self) -> bool:
        """The execution that was started first, to its end; one whose step is killed is gone without a word."""
        if not self.executions:
            return False
        given = self.executions.popleft()
        machine = self._machines["return_settlement" if given["step"] == "return" else "b2c_order"]
        with suppress(Killed):
            machine.run(given)
        return True

    # ---- the payment provider tells

    def _tell(self) -> bool:
        if not self.vendors.untold:
            return False
        source, event = self.vendors.untold.popleft()
        body = json.dumps(event).encode()
        self._webhook(rec.Recorded(name=source, source=source, headers={}, body=body))
        return True

    # ---------------------------------------------------------------- making it

    def open(self) -> None:
        """Tie functions to their queues and steps, and fill what a shop has before its first order."""
        steps = ("AuthorizePayment", "PromiseOrder", "SettlePayment", "SettleReturn")
        tasks = {f"${{{each}Arn}}": lambda payload, name=each: self.invoke(name, payload) for each in steps}
        for name in ("b2c_order", "return_settlement"):
            file = template.ROOT / "infra" / "workflows" / f"{name}.asl.json"
            self._machines[name] = Machine(json.loads(file.read_text(encoding="utf-8")), tasks)
        self.tap.on_effect = self._happened
        self.connect()
        links = {"current": "k1", "key:k1": "a link key"}
        keys = {"customer_key": "c", "session_key": "s", "webhook_key": "w", "status_links": links}
        self.cloud.secret("KeysSecret", keys)
        self.cloud.enter("manage_stock", self.patch)
        for node, (country, latitude, longitude) in NODES.items():
            row = {"node_id": node, "country": country, "latitude": latitude, "longitude": longitude}
            wiring.reference().put("node", node, row)

    def connect(self, more: Mapping[str, str] | None = None) -> None:
        """Every account is connected, and those of `more`."""
        signed = {**SECRETS, **(more or {}), "tiktok-shop": TIKTOK}
        connected = {
            f"{source}/main": {"current": secret, "api": CREDENTIALS.get(source, {})}
            for source, secret in signed.items()
        }
        connected[f"amazon/{SELLER}"] = {"current": "", "api": CREDENTIALS["amazon"]}
        self.cloud.secret("ConnectionsSecret", connected)

    def disconnect(self, account: str) -> None:
        """Nobody knows any more how to call this account's vendor."""
        source = account.partition("/")[0]
        signed = {"current": TIKTOK if source == "tiktok-shop" else SECRETS[source], "api": {}}
        self.cloud.secret("ConnectionsSecret", {account: signed, "shopify/main": {"current": SECRETS["shopify"]}})

    def product(self, *skus: str) -> None:
        """The catalogue knows these."""
        self.cloud.enter("manage_stock", self.patch)
        for sku in skus:
            wiring.reference().put("product", sku, {"sku": sku})

    def receive(self, key: str, **units: tuple[str, int]) -> None:
        """Goods come in: `name=(node, units)`, SKUs with `_` for `-`."""
        movements = [
            {"sku": sku.replace("_", "-"), "node_id": node, "kind": "receipt", "quantity": count}
            for sku, (node, count) in units.items()
        ]
        self.post("/stock/movements", {"movements": movements}, key=key, role="warehouse", status=201)

    def _happened(self, service: str, operation: str, asked: Mapping[str, Any]) -> None:
        if operation == "StartExecution":
            self.executions.append(json.loads(asked["input"]))
            self.started.append(json.loads(asked["input"]))
        elif operation == "PutEvents":
            for entry in asked["Entries"]:
                detail = json.loads(entry["Detail"])
                event_id = detail.pop("event_id")
                self.published.append(Published(event_id=event_id, kind=entry["DetailType"], detail=detail))
                self._feed_webhooks(entry)
        elif operation == "PutItem" and asked["TableName"] == self.cloud.names["ViewsTable"] and "n" in asked["Item"]:
            self.rows.put(asked["Item"])

    def _feed_webhooks(self, entry: Mapping[str, Any]) -> None:
        """What the bus does by the rule of webhooks: moto's own needs a library that nothing else here needs."""
        rule = stores.rule(self.cloud.names["WebhooksRule"])
        if rule["State"] == "ENABLED" and entry["DetailType"] in rule["EventPattern"]["detail-type"]:
            told = {"version": "0", "source": entry["Source"], "detail-type": entry["DetailType"]}
            body = json.dumps({**told, "detail": json.loads(entry["Detail"])})
            stores.put(self.cloud.names["WebhooksQueue"], body)


def changed(recorded: rec.Recorded, changes: Mapping[str, Any]) -> rec.Recorded:
    """The delivery with other values in its body, spelled as nothing of ours would; a new event with its own id."""
    body = {**json.loads(recorded.body), **changes}
    return rec.Recorded(
        name=recorded.name,
        source=recorded.source,
        headers=recorded.headers,
        body=json.dumps(body, indent="\t", ensure_ascii=False).encode(),
    )


@cache
def client(service: str) -> Any:
    """AWS clients as functions have them, made once for all worlds of a process: they know of moto from the start."""
    made: Any = _MAKE(service)
    return made


@contextmanager
def world(tap: Tap | None = None) -> Iterator[World]:
    """A fresh world, with a shop and no order."""
    tap = tap or Tap()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "none")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setattr(telemetry.metrics, "add_metric", lambda **_: None)
        patch.setattr(logging.getLogger("oms"), "disabled", True)
        with mock_aws():
            quick.install(patch)
            patch.setattr(wiring, "client", client)
            made = World(patch=patch, tap=tap, cloud=clouds.SweepCloud(), vendors=Vendors(tap))
            patch.setattr(time, "sleep", lambda _: None)
            patch.setattr(wiring, "now", lambda: made.now)
            patch.setattr(wiring, "abreast", lambda do, items: [do(each) for each in items])
            patch.setattr(moto_queues, "unix_time", lambda *_: made.now.timestamp())
            patch.setattr(moto_queues, "unix_time_millis", lambda *_: made.now.timestamp() * 1000)
            made.cloud.build()
            clouds.UserPool(made.cloud).install(patch)
            made.vendors.install(patch)
            tap.install(patch)
            made.open()
            yield made
