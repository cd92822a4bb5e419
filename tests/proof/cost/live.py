"""The real template on the local engine, tapped; an order's steps as a shop, a warehouse and a carrier take them."""

from __future__ import annotations

import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.local import recorded as rec
from infra.local.connect import connect
from infra.local.engine import ROOT, Engine, free_port
from infra.local.run import start
from infra.local.sandbox.core import Settings
from infra.local.sandbox.server import Sandbox
from oms.adapters.dynamodb_reference import DynamoReference
from tests.proof.cost.follow import Follower, wait_until
from tests.proof.cost.path import BEFORE_SCANS, CATALOGUE, NODE, SCANS, STEPS, sku

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from infra.local.system import Reply, System
    from tests.proof.cost.path import Journey

SECRETS: Final = {"shopify": "cost-shopify-secret", "easypost": "cost-easypost-secret"}
PLACE: Final = {"node_id": NODE, "country": "US", "latitude": "39.5296", "longitude": "-119.8138"}
PER_CALL: Final = 40
SEEN_S: Final = 10.0
PLUGIN: Final = "tests.proof.cost.engine"


class RefusedError(Exception):
    """The system refused what it must take."""


@dataclass(slots=True)
class Live:
    """One deployed system. `acks` are milliseconds until each webhook of the shop was acknowledged."""

    system: System
    follower: Follower
    loaded: dict[str, int] = field(default_factory=dict)
    sent: dict[str, Journey] = field(default_factory=dict)
    acks: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def load(self, journeys: Sequence[Journey]) -> None:
        """Products, and exactly the units that these orders will need: nothing is left over to hide an oversell."""
        reference = DynamoReference(self.system.client("dynamodb"), self.system.outputs["ReferenceTable"])
        wanted: dict[str, int] = {}
        for journey in journeys:
            for each in journey.skus:
                wanted[each] = wanted.get(each, 0) + 1
        for each in wanted.keys() - self.loaded.keys():
            reference.put("product", each, {"sku": each})
        names = sorted(wanted)
        for first in range(0, len(names), PER_CALL):
            chunk = names[first : first + PER_CALL]
            moves = [{"sku": n, "node_id": NODE, "kind": "receipt", "quantity": wanted[n]} for n in chunk]
            key = f"load-{journeys[0].number}-{first}"
            self._ok(self.system.call("POST", "/stock/movements", {"movements": moves}, role="warehouse", key=key))
        for name, units in wanted.items():
            self.loaded[name] = self.loaded.get(name, 0) + units
        if not wait_until(lambda: any(each.lines for each in self.follower.records), SEEN_S):
            raise RuntimeError("a function wrote, and nothing was written down of it")

    def take(self, journey: Journey, step: str) -> None:
        """One step, until it is answered; raises RefusedError."""
        number, place = journey.fulfillment_order_id, STEPS.index(step)
        if place == 0:
            with self._lock:
                self.sent[journey.order_id] = journey
            self.acks.append(self._webhook(journey.placed()))
        elif step == "ship":
            path = f"/fulfillment-orders/{number}/shipments"
            self._ok(self.system.call("POST", path, journey.shipment(), role="warehouse", key=f"ship-{number}"))
        else:
            self._webhook(journey.scan(SCANS[place - BEFORE_SCANS]))

    def taken(self, journey: Journey, step: str) -> bool:
        """What the step leads to has happened, so that the next may come."""
        place = STEPS.index(step)
        if place == 0:
            return self.follower.reserved(journey)
        if step == "ship":
            return self.follower.shipped(journey)
        return self.follower.scans(journey) > place - BEFORE_SCANS

    def walk(self, journey: Journey, gap: float = 0.0) -> None:
        """The whole way, each step when the one before has had its effect and `gap` seconds have passed."""
        for step in STEPS:
            self.take(journey, step)
            wait_until(lambda step=step: self.taken(journey, step))  # type: ignore[misc]
            time.sleep(gap)

    def quiet(self, seconds: float = 1.5) -> None:
        """Wait until no function runs, and nothing waits in a queue or a workflow."""
        while True:
            self.follower.quiet(seconds)
            if not (self._messages() or self._workflows()):
                return

    def _messages(self) -> int:
        sqs = self.system.client("sqs")
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = [
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            for url in sqs.list_queues()["QueueUrls"]
        ]
        return sum(int(count) for attributes in found for count in attributes.values())

    def _workflows(self) -> int:
        arn = self.system.outputs["WorkflowArn"]
        answer = self.system.client("stepfunctions").list_executions(stateMachineArn=arn, statusFilter="RUNNING")
        return len(answer["executions"])

    def _webhook(self, recorded: rec.Recorded) -> float:
        headers = rec.sign(recorded, SECRETS[recorded.source])
        began = time.perf_counter()
        reply = self.system.call("POST", f"/webhooks/{recorded.source}/main", headers=headers, body=recorded.body)
        took = (time.perf_counter() - began) * 1000
        self._ok(reply)
        return took

    @staticmethod
    def _ok(reply: Reply) -> None:
        if reply.status not in (200, 201):
            raise RefusedError(f"{reply.status} {reply.document}")

    def logs(self, journeys: Sequence[Journey]) -> list[dict[str, Any]]:
        """What the log holds of these orders."""
        return [item for journey in journeys for item in self._log(journey)]

    def _log(self, journey: Journey) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.system.client("dynamodb").query(
            TableName=self.system.outputs["EventsTable"],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"order#{journey.order_id}"}},
            ConsistentRead=True,
        )["Items"]
        return found

    def table(self, name: str) -> list[dict[str, Any]]:
        """Every item of a table."""
        pages = self.system.client("dynamodb").get_paginator("scan")
        return [item for page in pages.paginate(TableName=self.system.outputs[name]) for item in page["Items"]]


@contextmanager
def live(environment: Mapping[str, str] | None = None) -> Iterator[Live]:
    """A system of its own, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        records = Path(folder) / "records.jsonl"
        told = {"OMS_ENGINE_PLUGINS": PLUGIN, "OMS_COST_RECORDS": str(records), "PYTHONPATH": str(ROOT)}
        with (
            Sandbox(Settings()) as sandbox,
            Engine(
                state=Path(folder) / "state",
                port=free_port(),
                api_port=free_port(),
                persist=False,
                log_level="WARNING",
                environment={**told, **(environment or {})},
            ) as engine,
        ):
            system = start(engine, sandbox)
            scheduler = system.client("scheduler")
            for each in scheduler.list_schedules()["Schedules"]:
                scheduler.delete_schedule(Name=each["Name"], GroupName=each["GroupName"])
            for source, secret in SECRETS.items():
                connect(system, source, "main", secret)
            reference = DynamoReference(system.client("dynamodb"), system.outputs["ReferenceTable"])
            reference.put("node", NODE, PLACE)
            for number in range(CATALOGUE):
                reference.put("product", sku(number), {"sku": sku(number)})
            system.token("warehouse")
            follower = Follower(records)
            follower.start()
            try:
                yield Live(system, follower)
            finally:
                follower.stop()
