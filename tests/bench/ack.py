"""How fast a webhook is acknowledged, and how fast its order is released, on the local engine.

`make bench NAME=ack`: signed Shopify orders of 3 lines over HTTP from 4 clients; beside each acknowledgement one plain
`SendMessage` to the same engine, the least that an acknowledgement must wait for. The last line is JSON.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local import recorded as rec
from infra.local.connect import connect
from infra.local.demo import EVENTS, SECRETS
from infra.local.engine import Engine, free_port
from infra.local.import_ import import_file
from infra.local.run import start
from infra.local.sandbox.core import Settings
from infra.local.sandbox.server import Sandbox
from oms.domain import ids

if TYPE_CHECKING:
    from infra.local.system import System

ORDERS = 200
CLIENTS = 4
PATIENCE_S = 180.0


def delivery(number: int) -> rec.Recorded:
    """A Shopify order of its own, made of a sample."""
    sample = rec.read("shopify", EVENTS / "channels" / "shopify" / "14-orders-create-us-west-paid.json")
    body: dict[str, Any] = json.loads(sample.body)
    body |= {"id": 7_000_000_000_000 + number, "name": f"#B{number}"}
    body["admin_graphql_api_id"] = f"gid://shopify/Order/{body['id']}"
    headers = {**sample.headers, "x-shopify-event-id": f"bench-{number}", "x-shopify-webhook-id": f"bench-{number}"}
    return rec.Recorded(name=str(number), source="shopify", headers=headers, body=json.dumps(body).encode())


def acknowledge(system: System, queue: Any, url: str, number: int) -> tuple[float, float]:
    """(milliseconds until the webhook is acknowledged, milliseconds of one SendMessage)."""
    recorded = delivery(number)
    began = time.perf_counter()
    status, _ = rec.send(system, recorded, "main", SECRETS["shopify"])
    acked = time.perf_counter()
    if status != 200:
        raise RuntimeError(f"answered {status}")
    queue.send_message(QueueUrl=url, MessageBody=recorded.body.decode())
    return (acked - began) * 1000, (time.perf_counter() - acked) * 1000


def measure(system: System) -> dict[str, Any]:
    """Send, wait until every order is released, and count."""
    queue = system.client("sqs")
    url = queue.create_queue(QueueName="bench-peer")["QueueUrl"]
    acknowledge(system, queue, url, 0)
    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        times = list(pool.map(lambda number: acknowledge(system, queue, url, number), range(1, ORDERS + 1)))
    waiting = {ids.order_id("shopify", "main", str(7_000_000_000_000 + number)) for number in range(1, ORDERS + 1)}
    deadline = time.monotonic() + PATIENCE_S
    while waiting and time.monotonic() < deadline:
        for order_id in list(waiting):
            reply = system.call("GET", f"/orders/{order_id}", role="admin")
            if reply.status == 200 and reply.document["stage"] in ("released", "backordered"):
                waiting.discard(order_id)
    took = time.perf_counter() - began
    acks, peers = sorted(ack for ack, _ in times), [peer for _, peer in times]
    return {
        "orders": ORDERS,
        "lost": len(waiting),
        "webhook_ack_p50_ms": round(statistics.median(acks), 1),
        "webhook_ack_p99_ms": round(acks[int(len(acks) * 0.99) - 1], 1),
        "send_message_p50_ms": round(statistics.median(peers), 1),
        "ack_in_send_messages": round(statistics.median(acks) / statistics.median(peers), 2),
        "placed_to_released_orders_per_s": round(ORDERS / took, 1),
    }


def main() -> None:
    """Run on an engine of its own and print."""
    with (
        tempfile.TemporaryDirectory() as state,
        Sandbox(Settings()) as sandbox,
        Engine(state=Path(state), port=free_port(), api_port=free_port(), persist=False) as engine,
    ):
        system = start(engine, sandbox)
        for kind in ("products", "nodes", "stock"):
            import_file(system, kind, EVENTS / "demo" / f"{kind}.csv")
        connect(system, "shopify", "main", SECRETS["shopify"])
        print(json.dumps(measure(system)))


if __name__ == "__main__":
    main()
