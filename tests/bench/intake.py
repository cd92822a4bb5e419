"""`make bench NAME=intake`: how fast deliveries of each channel become orders, at what CPU, and that none is lost.

On the local engine, against the vendor sandbox: for each channel, orders of their own are put into the sandbox and told
of from 4 clients, as the vendor does. `webhooks_per_s` is until the last of them is in the log, with everything that
runs behind an order at the same time; `own_cpu_ms_per_webhook` is of the function that takes deliveries and the one
that makes orders of them, warm. The last line is JSON, by channel: webhooks, webhooks_per_s, own_cpu_ms_per_webhook,
lost.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import urllib3

from infra.local import recorded as rec
from infra.local.demo import ACCOUNTS, SECRETS, Demo
from infra.local.sandbox.untold import untold
from oms.channels.registry import CONNECTORS
from oms.domain import ids
from tests.proof.cost.live import live
from tests.proof.sweep.vendors import recorded_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.proof.cost.live import Live

CLIENTS: Final = 4
PATIENCE_S: Final = 120.0
FIRST: Final = 100
INTAKE: Final = ("ReceiveWebhook", "TakeOrders")


def orders(system: Live, source: str, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Orders that the channel has now."""
    now = datetime.now(UTC)
    made = [untold(source, now, str(number)) for number in numbers]
    for given in made:
        answer = urllib3.request("POST", f"{system.system.sandbox_url}/_sandbox/orders", json=given)
        if answer.status != 200:
            raise RuntimeError(f"the sandbox answered {answer.status}")
    return made


def tell(system: Live, source: str, made: Sequence[dict[str, Any]]) -> set[str]:
    """Every one is told of and acknowledged; the ids of the orders that there have to be."""
    account = ACCOUNTS.get(source, "main")

    def send(given: dict[str, Any]) -> str:
        status, outcome = rec.send(system.system, recorded_of(source, given), account, SECRETS[source])
        if status != 200 or outcome != "queued":
            raise RuntimeError(f"{source} was answered {status} {outcome}")
        return ids.order_id(source, account, given["id"])

    with ThreadPoolExecutor(CLIENTS) as pool:
        return set(pool.map(send, made))


def wait_for(system: Live, wanted: set[str]) -> set[str]:
    """Those that did not come."""
    dynamodb, table = system.system.client("dynamodb"), system.system.outputs["EventsTable"]
    deadline = time.monotonic() + PATIENCE_S
    missing = set(wanted)
    while missing and time.monotonic() < deadline:
        for order_id in list(missing):
            key = {"pk": {"S": f"order#{order_id}"}, "sk": {"S": "c#00000001"}}
            if "Item" in dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True):
                missing.discard(order_id)
        time.sleep(0.02)
    return missing


def measure(system: Live, source: str, webhooks: int) -> dict[str, Any]:
    """One channel."""
    wait_for(system, tell(system, source, orders(system, source, [FIRST])))  # warm, tokens in hand
    system.quiet()
    made = orders(system, source, range(FIRST + 1, FIRST + 1 + webhooks))
    before = len(system.follower.records)
    began = time.perf_counter()
    missing = wait_for(system, tell(system, source, made))
    took = time.perf_counter() - began
    system.quiet()
    own = [each for each in system.follower.records[before:] if each.call == "lambda.Invoke" and each.by in INTAKE]
    warm = [each for each in own if not each.cold]
    deliveries = sum(each.size for each in warm if each.by == "TakeOrders")
    received = sum(each.by == "ReceiveWebhook" for each in warm)
    parts = {
        "TakeOrders": sum(each.cpu_ms for each in warm if each.by == "TakeOrders") / max(1, deliveries),
        "ReceiveWebhook": sum(each.cpu_ms for each in warm if each.by == "ReceiveWebhook") / max(1, received),
    }
    return {
        "webhooks": webhooks,
        "webhooks_per_s": round(webhooks / took, 1),
        "own_cpu_ms_per_webhook": round(sum(parts.values()), 1),
        "lost": len(missing),
    }


def main() -> int:
    """1 when an order was lost."""
    options = argparse.ArgumentParser(prog="make bench NAME=intake")
    options.add_argument("--webhooks", type=int, default=200, help="of each channel; 899 at most")
    asked = options.parse_args()
    found: dict[str, Any] = {}
    with live({"OMS_COST_CPU_ALONE": "1"}) as system:
        Demo(system.system, lambda _who, _what: None).load_shop()
        for source in CONNECTORS:
            found[source] = measure(system, source, asked.webhooks)
            print(source, found[source], flush=True)
    print(json.dumps(found))
    return int(any(each["lost"] for each in found.values()))


if __name__ == "__main__":
    raise SystemExit(main())
