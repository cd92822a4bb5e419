"""The same sale, smaller, on the local engine: orders over HTTP, promised by the deployed functions.

The engine has no limits and lets nobody be in anybody's way, so nothing would spread the position: that is done ahead.
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.local.demo import EVENTS
from infra.local.engine import Engine, free_port
from infra.local.import_ import import_file
from infra.local.play import learn
from infra.local.run import start
from infra.local.sandbox.core import Settings
from infra.local.sandbox.server import Sandbox
from oms.adapters.dynamodb_log import DynamoLog, DynamoStock
from oms.adapters.shards import Shards
from oms.domain.stock import event_deltas

if TYPE_CHECKING:
    from infra.local.system import System

NODE: Final = "us-east"
CLIENTS: Final = 16
PATIENCE_S: Final = 600.0
COLLISIONS: Final = 2
"""As if so many had been met: eight rows."""
DECIDED: Final = ("released", "backordered")


@dataclass
class EngineSale:
    """One SKU, at one node."""

    system: System
    sku: str
    buyers: int
    units: int
    orders: list[str] = field(default_factory=list)

    def run(self, *, spreads: bool) -> dict[str, Any]:
        """The figures."""
        learn(self.system, frozenset({self.sku}))
        movement = {"sku": self.sku, "node_id": NODE, "kind": "receipt", "quantity": self.units}
        self._post("/stock/movements", {"movements": [movement]}, "warehouse", f"goods of {self.sku}")
        client, outputs = self.system.client("dynamodb"), self.system.outputs
        shards = Shards(client, outputs["StockTable"])
        log = DynamoLog(client, outputs["EventsTable"], outputs["StockTable"], shards)
        if spreads:
            log.reshape.heat({(self.sku, NODE): COLLISIONS}, datetime.now(UTC))
        rows = len(shards.read_again((self.sku, NODE)))
        with ThreadPoolExecutor(CLIENTS) as pool:
            self.orders = list(pool.map(self._place, range(self.buyers)))
        self._wait()
        (at,) = DynamoStock(client, outputs["StockTable"], shards).positions([self.sku])
        commits = [commit for order in self.orders for commit in log.read(f"order#{order}").commits]
        bound = [
            (commit.at, sum(delta.reserved for event in commit.events for delta in event_deltas(event)))
            for commit in commits
        ]
        sold = sum(units for _, units in bound)
        refused = self.buyers - sold
        if at.reserved != sold or at.on_hand != self.units or not at.balanced:
            raise RuntimeError(f"stock does not add up: {at}, sold {sold}")
        seconds = (max(at for at, units in bound if units) - min(at for at, _ in bound)).total_seconds()
        return {
            "buyers": self.buyers,
            "attempts": self.buyers,
            "sold": sold,
            "oversold": max(0, sold - self.units),
            "refused": refused,
            "stranded": min(at.available, refused),
            "reservations_per_s": round(sold / seconds, 1),
            "shards": rows,
            "seconds": round(seconds, 1),
        }

    def _post(self, path: str, document: dict[str, Any], role: str, key: str) -> dict[str, Any]:
        reply = self.system.call("POST", path, document, role=role, key=key)
        if reply.status != 201:
            raise RuntimeError(f"{path} was answered {reply.status}: {reply.document}")
        answer: dict[str, Any] = reply.document
        return answer

    def _place(self, number: int) -> str:
        body = {
            "number": f"{self.sku}-{number}",
            "currency": "USD",
            "lines": [{"sku": self.sku, "quantity": 1, "unit_price": 1000}],
            "total": 1000,
            "ship_to": {
                "country": "US",
                "region": "NJ",
                "postal_code": "07102",
                "latitude": 40.73,
                "longitude": -74.17,
            },
            "contact": {"email": f"buyer-{number}@example.com"},
            "payment": {"provider": "in_channel", "state": "paid", "captured": 1000},
        }
        return str(self._post("/orders", body, "shop", f"{self.sku}-{number}")["order_id"])

    def _wait(self) -> None:
        waiting = set(self.orders)
        deadline = time.monotonic() + PATIENCE_S
        while waiting:
            for order_id in list(waiting):
                reply = self.system.call("GET", f"/orders/{order_id}", role="admin")
                if reply.status == 200 and reply.document["stage"] in DECIDED:
                    waiting.discard(order_id)
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(waiting)} orders were not decided")


def sales(buyers: int, units: int) -> dict[str, Any]:
    """On an engine of its own: the position spread, and in one row."""
    with (
        tempfile.TemporaryDirectory() as state,
        Sandbox(Settings()) as sandbox,
        Engine(state=Path(state), port=free_port(), api_port=free_port(), persist=False) as engine,
    ):
        system = start(engine, sandbox)
        for kind in ("products", "nodes"):
            import_file(system, kind, EVENTS / "demo" / f"{kind}.csv")
        for role in ("admin", "shop", "warehouse"):
            system.token(role)
        EngineSale(system, "HOT-WARM", 2 * CLIENTS, CLIENTS).run(spreads=True)  # functions start
        spread = EngineSale(system, "HOT-SPREAD", buyers, units).run(spreads=True)
        single = EngineSale(system, "HOT-SINGLE", buyers, units).run(spreads=False)
        return {**spread, "single_shard_per_s": single["reservations_per_s"], "single_shard": single}
