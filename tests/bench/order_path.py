"""What an order costs: its whole way, placed to delivered, on the real template and the local engine.

`make bench NAME=order_path`: a few orders of 3 lines go their way alone, step by step (`alone`); then orders arrive by
a Poisson process at 5 a second, which gives the figures without a prefix; then as many at once through 8 clients, which
gives throughput and what full batches save (`in_bursts`). What each figure means stands in docs/cost.md, which
`ARGS=--write-doc` brings up to date. `--in-process` drives the path over moto instead: exact units and requests in
seconds, by table, function and operation on stderr. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from infra.local.engine import ROOT
from tests.proof.cost import page, peer, phases
from tests.proof.cost.ledger import Tally
from tests.proof.cost.live import live
from tests.proof.cost.path import Journey
from tests.proof.cost.report import figures, priced, show
from tests.proof.cost.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.proof.cost.live import Live

RATE: Final = 5.0
CLIENTS: Final = 8
GAP_S: Final = 0.25
WARM: Final = 24
ALONE: Final = 20
BY: Final = ("step", "function", "call", "table", "what")


def in_process(orders: int) -> dict[str, Any]:
    """Both ways to drive, over moto."""
    from tests.proof.cost.inprocess import drive, shop

    with shop() as (w, accounts):
        drive(w, accounts, [Journey(0)], bursts=False)  # warms the functions
        alone = Tally(drive(w, accounts, [Journey(n) for n in range(1, orders + 1)], bursts=False), orders)
        together = [Journey(n) for n in range(orders + 1, 2 * orders + 1)]
        bursts = Tally(drive(w, accounts, together, bursts=True), orders)
    for by in (("table",), ("function", "call"), BY):
        show(alone, *by)
    return {"orders": 2 * orders, **figures(alone), "in_bursts": figures(bursts)}


class Peer:
    """`put_item` measured before, while and after orders come."""

    def __init__(self, running: Live) -> None:
        self._running = running
        self._table = "cost-peer"
        self._found: list[tuple[float, float]] = []
        running.system.client("dynamodb").create_table(
            TableName=self._table,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def ask(self) -> None:
        """Once more."""
        self._found.append(peer.ask(self._running.system.endpoint, self._table))

    def forget(self) -> None:
        """Begin anew."""
        self._found.clear()

    @property
    def cpu_ms(self) -> float:
        """The median after a pause."""
        return statistics.median(spaced for spaced, _ in self._found)

    @property
    def in_a_row_ms(self) -> float:
        """The median of many in a row."""
        return statistics.median(in_a_row for _, in_a_row in self._found)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Everything, on an engine of its own."""
    journeys = [Journey(number) for number in range(2 * options.orders + WARM + ALONE)]
    warm, alone = journeys[:WARM], journeys[WARM : WARM + ALONE]
    first, second = journeys[WARM + ALONE : WARM + ALONE + options.orders], journeys[-options.orders :]
    with live() as running:
        for group in (warm, alone, first, second):
            running.load(group)
        put = Peer(running)
        phases.bursts(running, warm, CLIENTS)
        steps = Tally(phases.stepwise(running, alone), ALONE)
        put.ask()
        running.acks.clear()
        later = threading.Timer(options.orders / options.rate / 2, put.ask)
        later.start()
        came = phases.poisson(running, first, options.rate, GAP_S)
        later.join()
        put.ask()
        acks = sorted(running.acks)
        rushed = phases.bursts(running, second, CLIENTS)
        verdict = judge(running.sent, running.loaded, running.table("EventsTable"), running.table("StockTable"))
    tally = Tally(came.records, options.orders)
    figures_ = priced(tally)
    result = {
        **verdict.document(),
        **figures_,
        "put_item_cpu_ms": round(put.cpu_ms, 3),
        "own_cpu_in_put_items": round(figures_["own_cpu_ms_per_order"] / put.cpu_ms, 1),
        "put_item_in_a_row_cpu_ms": round(put.in_a_row_ms, 3),
        "own_cpu_in_put_items_in_a_row": round(figures_["own_cpu_ms_per_order"] / put.in_a_row_ms, 1),
        "orders_per_s": rushed.rate,
        "rate_asked": options.rate,
        "arrivals_per_s": came.rate,
        "webhook_ack_p50_ms": round(statistics.median(acks), 1),
        "webhook_ack_p99_ms": round(acks[int(len(acks) * 0.99) - 1], 1),
        "alone": priced(steps),
        "in_bursts": priced(Tally(rushed.records, options.orders)),
        **({} if options.no_imports else imports()),
    }
    for by in (("table",), ("function", "call"), BY):
        show(steps, *by)
    if options.write_doc:
        page.write(page.blocks(result, steps, said(options)))
    return result


def said(options: argparse.Namespace) -> str:
    """When and how it was measured."""
    day = datetime.now(UTC).date().isoformat()
    how = f"{options.orders} orders at {options.rate:g} a second, then {options.orders} through {CLIENTS} clients"
    return (
        f"Measured on {day}: {how}; Python {platform.python_version()}, {os.cpu_count()} cores. Figures are per order."
    )


def imports() -> dict[str, Any]:
    """What the heaviest functions cost to import, as tests/bench/imports.py measures it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.imports"], check=True, capture_output=True, text=True, cwd=ROOT
    )
    told = json.loads(done.stdout.splitlines()[-1])
    return {name: told[name] for name in ("import_ratio_http", "import_ratio_async")}


def main(arguments: Sequence[str]) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="make bench NAME=order_path")
    parser.add_argument("--orders", type=int, default=500, help="in each of the two phases")
    parser.add_argument("--rate", type=float, default=RATE, help="arrivals a second")
    parser.add_argument("--in-process", action="store_true", help="over moto: units and requests only")
    parser.add_argument("--no-imports", action="store_true", help="leave out what importing costs")
    parser.add_argument("--write-doc", action="store_true", help="bring docs/cost.md up to date")
    options = parser.parse_args(arguments)
    print(json.dumps(in_process(options.orders) if options.in_process else measure(options)))


if __name__ == "__main__":
    main(sys.argv[1:])
