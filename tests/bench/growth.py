"""What an order costs when many are stored already: as with few, or not.

`make bench NAME=growth`: one engine, and 1 thousand, 10 thousand and 100 thousand orders stored in it one after the
other; each time some orders go their whole way, one after the other. Units, requests and CPU per order by size. The
same with 1 thousand and 1 million over ports in memory (`memory`: operations of ports, and CPU without the SDK).
`ratios` compare the largest size with the smallest, `flat` says that none is above its limit. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from infra.local.engine import ROOT
from tests.bench.order_path import Peer
from tests.proof.cost import page, phases, stored
from tests.proof.cost.follow import within
from tests.proof.cost.ledger import Tally
from tests.proof.cost.live import live
from tests.proof.cost.path import Journey
from tests.proof.cost.report import priced
from tests.proof.cost.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.proof.cost.live import Live

SIZES: Final = (1_000, 10_000, 100_000)
IN_MEMORY: Final = (1_000, 1_000_000)
MORE: Final = 5
"""In memory an order takes a few milliseconds: more of them for a steady figure."""
WARM: Final = 16
CLIENTS: Final = 8
LIMITS: Final[Mapping[str, float]] = {
    "wru_truth_per_order": 1.02,
    "wru_views_per_order": 1.02,
    "rru_per_order": 1.05,
    "requests_per_order": 1.05,
    "dynamodb_calls_per_order": 1.05,
    "own_cpu_in_put_items": 1.25,
}
"""How much more the largest size may cost: caches that end by the clock, and CPU, are never quite the same twice."""
MEMORY_LIMITS: Final[Mapping[str, float]] = {"operations_per_order": 1.0, "cpu_ms_per_order": 1.25}
SHOWN: Final = (*LIMITS, "own_cpu_ms_per_order", "put_item_cpu_ms", "usd_per_1000_orders", "batch_mean")


def size(running: Live, put: Peer, journeys: Sequence[Journey]) -> dict[str, Any]:
    """What these orders cost, each alone on its way."""
    running.load(journeys)
    put.forget()
    put.ask()
    began = time.time()
    for journey in journeys:
        running.walk(journey)
    running.quiet()
    records = within(running.follower.records, began, time.time(), phases.APART)
    put.ask()
    found = priced(Tally(records, len(journeys)))
    sent = {journey.order_id: journey for journey in journeys}
    verdict = judge(sent, running.loaded, running.logs(journeys), ())
    return {
        **verdict.document(),
        **found,
        "put_item_cpu_ms": round(put.cpu_ms, 3),
        "own_cpu_in_put_items": round(found["own_cpu_ms_per_order"] / put.cpu_ms, 1),
    }


def measure(sizes: Sequence[int], orders: int) -> dict[str, Any]:
    """Every size, on an engine of its own."""
    found: dict[str, Any] = {}
    number = WARM
    with live() as running:
        warm = [Journey(each) for each in range(WARM)]
        running.load(warm)
        put = Peer(running)
        phases.bursts(running, warm, CLIENTS)
        running.quiet()
        there = 0
        for wanted in sizes:
            stored.ask(running.system.endpoint, warm[0], there, wanted - there)
            there = wanted
            found[str(wanted)] = size(running, put, [Journey(each) for each in range(number, number + orders)])
            number += orders
    return {"sizes": found, **compare(list(found.values()), LIMITS)}


def in_memory(sizes: Sequence[int], orders: int) -> dict[str, Any]:
    """Over ports in memory, in a process of its own: it takes some GB."""
    command = [sys.executable, "-m", "tests.proof.cost.million", str(orders), *map(str, sizes)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    found = json.loads(done.stdout.splitlines()[-1])
    return {"sizes": found, **compare(list(found.values()), MEMORY_LIMITS)}


def compare(found: Sequence[Mapping[str, Any]], limits: Mapping[str, float]) -> dict[str, Any]:
    """The last size against the first."""
    ratios = {name: round(found[-1][name] / found[0][name], 3) if found[0][name] else 1.0 for name in limits}
    above = sorted(name for name, ratio in ratios.items() if ratio > limits[name])
    wrong = sum(each.get(name, 0) for each in found for name in ("lost", "duplicated", "oversold"))
    return {"ratios": ratios, "above": above, "wrong": wrong, "flat": not above and not wrong}


def block(result: Mapping[str, Any]) -> str:
    """The page's table."""
    sizes = result["sizes"]
    rows = [(name, *(sizes[each][name] for each in sizes), result["ratios"].get(name, "")) for name in SHOWN]
    head = ("per order, with so many stored", *(f"{int(each):,}" for each in sizes), "last / first")
    text = page.table(head, rows)
    memory = result.get("memory")
    if memory:
        sizes = memory["sizes"]
        rows = [(name, *(sizes[each][name] for each in sizes), memory["ratios"][name]) for name in MEMORY_LIMITS]
        head = ("over ports in memory", *(f"{int(each):,}" for each in sizes), "last / first")
        text += "\n" + page.table(head, rows)
    return text


def main(arguments: Sequence[str]) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="make bench NAME=growth")
    parser.add_argument("--orders", type=int, default=40, help="measured at each size")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="stored orders")
    parser.add_argument(
        "--memory", default=",".join(map(str, IN_MEMORY)), help="the same over ports in memory; or none"
    )
    parser.add_argument("--write-doc", action="store_true", help="bring docs/cost.md up to date")
    options = parser.parse_args(arguments)
    result = measure(_numbers(options.sizes), options.orders)
    if _numbers(options.memory):
        result["memory"] = in_memory(_numbers(options.memory), options.orders * MORE)
        result["flat"] = result["flat"] and result["memory"]["flat"]
    if options.write_doc:
        page.write({"growth": block(result)})
    print(json.dumps(result))


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",") if each]


if __name__ == "__main__":
    main(sys.argv[1:])
