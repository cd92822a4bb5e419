"""The deployed system as a test drives it: what a shop, a warehouse, a carrier, a shopper and an operator do."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pytest
import urllib3

from infra.local import recorded as rec
from infra.local.engine import ROOT
from infra.local.import_ import import_file
from infra.local.play import learn
from oms.adapters import keys
from oms.adapters.commit_item import unpacked
from oms.domain.stock import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from infra.local.deploy import Deployment
    from infra.local.engine import Engine
    from infra.local.sandbox import Sandbox
    from infra.local.system import Reply, System

T = TypeVar("T")
S = TypeVar("S")

EVENTS: Final = ROOT / "events"
QUEUES: Final = ("IntakeQueue", "AmazonQueue", "TrackingQueue", "PaymentsQueue", "StockFeedQueue", "RelayRetryQueue")
DEAD: Final = (*(f"{name}DeadLetters" for name in (*QUEUES, "WebhooksQueue")), "FailedInvocations")
ROLES: Final = ("admin", "service", "warehouse", "finance", "sales", "shop")
NEWARK: Final = {"country": "US", "region": "NJ", "postal_code": "07102", "latitude": 40.73, "longitude": -74.17}
PERSON: Final = {
    "name": "Canary Quillfeather",
    "email": "canary.quillfeather@private.example",
    "phone": "+1 555 010 7788",
    "note": "Ring twice at the canary door",
    "shipping": {
        "name": "Canary Quillfeather",
        "lines": ["77 Secretive Lane", "Attic of the canary"],
        "city": "Newark",
        "region": "NJ",
        "postal_code": "07102",
        "country": "US",
        "phone": "+1 555 010 7788",
    },
}
"""Whoever buys in these tests: none of it may be found anywhere but in `contacts`."""
CARD: Final = {
    "currency": "usd",
    "capture_method": "manual",
    "payment_method": "pm_card_visa",
    "payment_method_options[card][request_multicapture]": "if_available",
    "confirm": "true",
}


def eventually(look: Callable[[], T], seconds: float = 20.0, what: str = "") -> T:
    """What `look` returns, once that is true; fail when it does not become so in time."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"still not so after {seconds:.0f} s: {what or look}")
        time.sleep(0.05)
    return seen


def at_once(work: Callable[[S], T], many: Iterable[S], threads: int = 16) -> list[T]:
    """`work` done on each of `many`, `threads` at a time; results in order."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, many))


def holding(**units: int) -> dict[str, int]:
    """A position that holds these units, and none of any other component."""
    return {**dict.fromkeys([each for each in COMPONENTS if each != "free"], 0), **units}


@dataclass(slots=True)
class Oms:
    """One deployed system with the vendors' sandbox behind it."""

    system: System
    engine: Engine
    deployment: Deployment
    sandbox: Sandbox
    poisoned: set[str] = field(default_factory=set)
    """Orders whose log a test has broken on purpose."""
    stuck: set[str] = field(default_factory=set)
    """Orders whose payment a test has left in disorder on purpose."""
    _serial: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    # ---- HTTP

    def get(self, path: str, role: str = "admin", **more: Any) -> Reply:
        """Read."""
        return self.system.call("GET", path, role=role, **more)

    def post(self, path: str, document: Any = None, role: str = "admin", key: str = "", **more: Any) -> Reply:
        """Write, with a key of its own unless one is given."""
        return self.system.call("POST", path, document or {}, role=role, key=key or self.unique("key"), **more)

    def unique(self, prefix: str) -> str:
        """A name that no other test uses."""
        return f"{prefix}-{next(self._serial):05d}"

    # ---- reference and stock

    def sku(self, prefix: str, **stock: int) -> str:
        """A new product, with units by node (`us_east=5`)."""
        sku = self.unique(prefix).upper()
        learn(self.system, frozenset({sku}))
        for node, units in stock.items():
            self.receive(sku, node.replace("_", "-"), units)
        return sku

    def receive(self, sku: str, node_id: str, units: int) -> None:
        """Goods come in."""
        movement = {"sku": sku, "node_id": node_id, "kind": "receipt", "quantity": units}
        reply = self.post("/stock/movements", {"movements": [movement]}, "warehouse")
        assert reply.status == 201, reply

    def stock(self, sku: str) -> dict[str, dict[str, int]]:
        """Components by node."""
        positions = self.get(f"/stock/{sku}").document["positions"]
        return {each.pop("node_id"): each for each in positions}

    def import_demo(self) -> None:
        """The demo catalogue."""
        for kind in ("products", "nodes", "stock"):
            _, problems = import_file(self.system, kind, EVENTS / "demo" / f"{kind}.csv")
            assert not problems

    # ---- orders

    def body(self, lines: Mapping[str, int], price: int = 1000, **more: Any) -> dict[str, Any]:
        """A body of `POST /orders`: units by SKU, each unit at `price`, paid in the channel unless told otherwise."""
        total = sum(lines.values()) * price + sum(more.get(name, 0) for name in ("shipping", "tips", "fees"))
        return {
            "number": self.unique("T"),
            "currency": "USD",
            "lines": [{"sku": sku, "quantity": units, "unit_price": price} for sku, units in lines.items()],
            "total": total,
            "ship_to": NEWARK,
            "contact": PERSON,
            "payment": {"provider": "in_channel", "state": "paid", "captured": total},
            **more,
        }

    def place(self, lines: Mapping[str, int], price: int = 1000, **more: Any) -> str:
        """Place an order; its id."""
        reply = self.post("/orders", self.body(lines, price, **more), "shop")
        assert reply.status == 201, reply
        return str(reply.document["order_id"])

    def place_released(self, lines: Mapping[str, int], price: int = 1000, **more: Any) -> dict[str, Any]:
        """Place an order and wait until warehouses have it."""
        return self.until(self.place(lines, price, **more), stage="released")

    def order(self, order_id: str, at: str = "") -> dict[str, Any]:
        """The whole order; {} when there is none."""
        reply = self.get(f"/orders/{order_id}" + (f"?at={at}" if at else ""))
        document: dict[str, Any] = reply.document if reply.status == 200 else {}
        return document

    def until(self, order_id: str, seconds: float = 30.0, **facts: Any) -> dict[str, Any]:
        """The order, once each of `facts` is so."""
        seen: dict[str, Any] = {}

        def look() -> bool:
            seen.clear()
            seen.update(self.order(order_id))
            return all(_dig(seen, name) == value for name, value in facts.items())

        deadline = time.monotonic() + seconds
        while not look():
            if time.monotonic() > deadline:
                pytest.fail(f"not {facts} after {seconds:.0f} s: {json.dumps(seen)[:3000]}")
            time.sleep(0.05)
        return seen

    def commits(self, order_id: str) -> list[dict[str, Any]]:
        """The order's timeline."""
        found: list[dict[str, Any]] = self.get(f"/orders/{order_id}/timeline").document["commits"]
        return found

    def events(self, order_id: str, kind: str) -> list[dict[str, Any]]:
        """Events of one type."""
        return [event for commit in self.commits(order_id) for event in commit["events"] if event["type"] == kind]

    # ---- warehouse and carrier

    def ship(
        self, work: Mapping[str, Any], units: Mapping[str, int] | None = None, tracking: str = "", key: str = ""
    ) -> Reply:
        """Ship units by line (all that remain, when none are given) of a fulfillment order, in one parcel."""
        left = {line["line_id"]: line["quantity"] for line in work["lines"]}
        lines = [{"line_id": line, "quantity": count} for line, count in (units or left).items()]
        parcel = {"carrier": "UPS", "tracking_number": tracking or self.unique("1Z"), "lines": lines}
        path = f"/fulfillment-orders/{work['fulfillment_order_id']}/shipments"
        return self.post(path, {"parcels": [parcel]}, "warehouse", key)

    def scan(self, sample: str, tracking: str, **changes: str) -> tuple[int, str]:
        """The carrier tells of a parcel (a sample of events/carriers/easypost); `changes` replace texts of it."""
        file = next((EVENTS / "carriers/easypost").glob(f"{sample}*"))
        recorded = rec.read("easypost", file, {"tracking_number": tracking})
        body = recorded.body.decode()
        for old, new in changes.items():
            body = body.replace(old, new)
        changed = rec.Recorded(name=recorded.name, source="easypost", headers=recorded.headers, body=body.encode())
        return rec.send(self.system, changed, "main", "demo-easypost")

    # ---- money

    def pay(self, amount: int, **fields: str) -> str:
        """The shopper pays at the provider; the payment intent."""
        return str(self.provider_post("/v1/payment_intents", {**CARD, "amount": str(amount), **fields})["id"])

    def provider_post(self, path: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Somebody else than the system calls the provider."""
        url, headers = self.sandbox.base_url + path, {"authorization": f"Bearer {self.sandbox.settings.stripe_key}"}
        with urllib3.PoolManager() as pool:
            answer = pool.request("POST", url, fields=dict(form), headers=headers, encode_multipart=False)
        document: dict[str, Any] = json.loads(answer.data)
        return document

    def moved(self, intent: str, kind: str) -> list[int]:
        """What the provider's own record says was moved."""
        return [
            each["amount"] for each in self.sandbox.effects if (each["payment_intent"], each["kind"]) == (intent, kind)
        ]

    # ---- time

    def invoke(self, function: str, payload: Mapping[str, Any] | None = None) -> Any:
        """Run a function; its answer."""
        answer = self.system.client("lambda").invoke(
            FunctionName=self.deployment.resources[function], Payload=json.dumps(payload or {})
        )
        body = json.loads(answer["Payload"].read() or b"null")
        assert "FunctionError" not in answer, body
        return body

    def make_due(self, *order_ids: str, parked_id: str = "") -> None:
        """Let the time of these orders, or of a quarantined input, have come."""
        past = keys.instant(datetime.now(UTC) - timedelta(minutes=1))
        rows = [(*self.row_key(order_id), keys.due_pk(order_id)) for order_id in order_ids]
        if parked_id:
            rows.append(("quarantine", parked_id, keys.look_pk("quarantine")))
        for pk, sk, due in rows:
            eventually(partial(self.view, pk, sk), 20, "the order is listed")
            self.system.client("dynamodb").update_item(
                TableName=self.system.outputs["ViewsTable"],
                Key={"pk": {"S": pk}, "sk": {"S": sk}},
                UpdateExpression="SET dpk = :pk, dsk = :at",
                ExpressionAttributeValues={":pk": {"S": due}, ":at": {"S": past}},
            )

    def row_key(self, order_id: str) -> tuple[str, str]:
        """Where the order's row stands."""
        stream, first = {"S": f"order#{order_id}"}, {"S": keys.commit_sk(1)}
        item = self.system.client("dynamodb").get_item(
            TableName=self.system.outputs["EventsTable"], Key={"pk": stream, "sk": first}, ConsistentRead=True
        )["Item"]
        placed_at = keys.instant(datetime.fromisoformat(unpacked(item)["sm"]["placed_at"]))
        return keys.day_pk(placed_at, order_id), keys.at_sk(placed_at, order_id)

    def view(self, pk: str, sk: str) -> dict[str, Any] | None:
        """An item of the views."""
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        answer = self.system.client("dynamodb").get_item(
            TableName=self.system.outputs["ViewsTable"], Key=key, ConsistentRead=True
        )
        found: dict[str, Any] | None = answer.get("Item")
        return found

    def watch(self, *order_ids: str) -> dict[str, int]:
        """The watchdog's turn, with these orders due."""
        self.make_due(*order_ids)
        counts: dict[str, int] = self.invoke("RedriveOverdue")
        return counts

    # ---- stores

    def scan_table(self, output: str, **more: Any) -> list[dict[str, Any]]:
        """Every item of a table."""
        pages = (
            self.system.client("dynamodb").get_paginator("scan").paginate(TableName=self.system.outputs[output], **more)
        )
        return [item for page in pages for item in page["Items"]]

    def waiting_messages(self, queues: Sequence[str] = (*QUEUES, *DEAD)) -> int:
        """Messages in queues, those in flight included."""
        sqs = self.system.client("sqs")
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        urls = [self.deployment.resources[name] for name in queues]
        found = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] for url in urls]
        return sum(int(count) for attributes in found for count in attributes.values())

    def workflows(self, status: str) -> int:
        """How many workflows are RUNNING, or have FAILED."""
        arn = self.system.outputs["WorkflowArn"]
        answer = self.system.client("stepfunctions").list_executions(stateMachineArn=arn, statusFilter=status)
        return len(answer["executions"])

    @contextmanager
    def failing(self, workflows: int = 1) -> Iterator[None]:
        """What is done within makes so many workflows give up."""
        before = self.workflows("FAILED")
        yield
        eventually(lambda: self.workflows("FAILED") >= before + workflows, 60, "the workflow gives up")

    def quiet(self, *order_ids: str, but: Sequence[str] = (), seconds: float = 40.0) -> None:
        """Wait until nothing moves: queues empty, workflows ended, views up to their logs; twice in a row.

        With `order_ids`, views of these only. Orders in `but` may wait for the system.
        """
        before, behind = -1, ""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            busy = self.waiting_messages() or self.workflows("RUNNING")
            behind, commits = ("queues or workflows", -1) if busy else self._behind(order_ids, set(but))
            if not behind and commits == before:
                return
            before = -1 if behind else commits
            time.sleep(0.1)
        pytest.fail(f"not quiet after {seconds:.0f} s: {behind}, {self.waiting_messages()} messages")

    def _behind(self, order_ids: Sequence[str], but: set[str]) -> tuple[str, int]:
        """(orders whose row is behind its log, or that the system itself still has to move; how many commits)."""
        heads, rows = self._some(order_ids) if order_ids else self._all()
        late = [
            f"{order_id} {rows.get(order_id)} of {head}"
            for order_id, head in heads.items()
            if rows.get(order_id, (0, ""))[0] != head or (rows[order_id][1] and order_id not in but)
        ]
        return " ".join(late[:5]), sum(heads.values())

    def _some(self, order_ids: Sequence[str]) -> tuple[dict[str, int], dict[str, tuple[int, str]]]:
        """Commits in the log, and (commits, next step) in the views, of these orders."""
        rows = {}
        for order_id in order_ids:
            item = self.view(*self.row_key(order_id))
            rows[order_id] = _row(item) if item else (0, "")
        return {order_id: self.order(order_id)["version"] for order_id in order_ids}, rows

    def _all(self) -> tuple[dict[str, int], dict[str, tuple[int, str]]]:
        """As `_some`, of every order that is not broken on purpose."""
        heads: dict[str, int] = {}
        for item in self.scan_table("EventsTable", ProjectionExpression="pk, sk"):
            kind, _, order_id = item["pk"]["S"].partition("#")
            if kind == "order" and item["sk"]["S"].startswith("c#") and order_id not in self.poisoned:
                heads[order_id] = max(int(item["sk"]["S"][2:]), heads.get(order_id, 0))
        found = [item for item in self.scan_table("ViewsTable") if item["pk"]["S"].startswith("day#")]
        return heads, {item["sk"]["S"].rpartition("#")[2]: _row(item) for item in found}

    # ---- quarantine

    def parked(self) -> dict[str, dict[str, Any]]:
        """Quarantined inputs by id."""
        found: dict[str, dict[str, Any]] = {}
        cursor = ""
        while True:
            page = self.get(f"/quarantine?cursor={cursor}").document
            found |= {row["parked_id"]: row for row in page["quarantine"]}
            cursor = page["next_cursor"]
            if not cursor:
                return found


def _row(item: Mapping[str, Any]) -> tuple[int, str]:
    """(commits, next step) of an order's row."""
    return int(item["n"]["N"]), str(json.loads(item["row"]["S"]).get("next", ""))


def _dig(document: Mapping[str, Any], name: str) -> Any:
    """A field, or one of a field (`money__captured`)."""
    value: Any = document
    for part in name.split("__"):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def sample_files(source: str) -> list[Path]:
    """Our own samples of a channel, in the order in which they happened."""
    return sorted((EVENTS / "channels" / source).glob("*.json"))
