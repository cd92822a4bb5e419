"""A million past orders under another policy: `make bench NAME=whatif`.

Orders are made, sourced under `nearest-complete/1` as the system does today, and written down with what that decided;
then two workers read them back and source all of them under `cheapest/1`. `seconds` are those of the second part, by
the clock, from the files to the report; `cpu_s` is what it took of both processors; `making_s` is the first part.

Orders are like those of a retailer in the United States (`tests/proof/sourcing/instances.py`): 1 line in six of ten, up
to 6; ten nodes of which two are warehouses; each order finds another stock. Nobody told when, so `late` is against the
date that the first plan could promise. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

from oms.domain.canonical import ShipTo
from oms.domain.order.events import NodeUnits
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.policy import CHEAPEST, NEAREST_COMPLETE
from oms.domain.sourcing.request import Candidate, NodeCosts, SourcingRequest, WantedLine
from oms.domain.sourcing.whatif import Past, Scenario, Tally, replay
from tests.proof.sourcing.instances import AT, CITIES, EASTERN, PACIFIC, TARIFF

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ORDERS: Final = 1_000_000
WORKERS: Final = 2
CHUNK: Final = 10_000
NODES: Final = 10
SKUS: Final = 400
STOCKS: Final = 40
"""Of each node, stocks that orders may find."""
LINES: Final = (1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 6)
LIMIT_S: Final = 300


class Retailer:
    """What all orders have in common."""

    def __init__(self) -> None:
        draw = Random("retailer")
        self.grams = [min(20_000, max(60, round(draw.lognormvariate(7.7, 0.7)))) for _ in range(SKUS)]
        self.nodes = [[self._node(draw, number, draw.choice(CITIES))] for number in range(NODES)]
        for number, stocks in enumerate(self.nodes):
            stocks[:] = [replace(stocks[0], available=self._stock(draw, number)) for _ in range(STOCKS)]

    def _node(self, draw: Random, number: int, place: tuple[float, float]) -> Candidate:
        warehouse = number % 5 == 0
        return Candidate(
            node_id=f"{'DC' if warehouse else 'ST'}{number:02}",
            country="US",
            latitude=place[0],
            longitude=place[1],
            available={},
            calendar=EASTERN if place[1] > -100 else PACIFIC,
            costs=NodeCosts(
                per_parcel=draw.randint(60, 110) if warehouse else draw.randint(120, 260),
                per_line=draw.randint(25, 45) if warehouse else draw.randint(60, 140),
                per_unit={} if warehouse else {f"S{sku}": draw.choice((0, 40, 80, 150)) for sku in range(SKUS)},
            ),
        )

    def _stock(self, draw: Random, number: int) -> dict[str, int]:
        warehouse = number % 5 == 0
        share, most = (0.85, 40) if warehouse else (0.35, 6)
        return {f"S{sku}": draw.randint(1, most) for sku in range(SKUS) if draw.random() < share}

    def request(self, row: Sequence[Any]) -> SourcingRequest:
        """An order as it was written down."""
        latitude, longitude, minutes, lines, stocks = row[:5]
        return SourcingRequest(
            lines=tuple(
                [
                    WantedLine(line_id=str(place), sku=f"S{sku}", quantity=units, grams=self.grams[sku])
                    for place, (sku, units) in enumerate(lines)
                ]
            ),
            ship_to=ShipTo(country="US", latitude=latitude, longitude=longitude),
            candidates=tuple([node[stock] for node, stock in zip(self.nodes, stocks, strict=True)]),
            at=AT + timedelta(minutes=minutes),
            tariff=TARIFF,
            extra_parcel=150,
        )

    def row(self, draw: Random) -> list[Any]:
        """An order, and what was done."""
        city = draw.choice(CITIES)
        skus = dict.fromkeys([min(SKUS - 1, int(draw.paretovariate(0.6))) for _ in range(draw.choice(LINES))])
        row: list[Any] = [
            round(city[0] + draw.uniform(-1, 1), 4),
            round(city[1] + draw.uniform(-1, 1), 4),
            draw.randrange(365 * 1440),
            [[sku, draw.choice((1, 1, 1, 1, 2, 3))] for sku in skus],
            [draw.randrange(STOCKS) for _ in range(NODES)],
        ]
        plan = source(self.request(row), NEAREST_COMPLETE)
        given = [[part.line_id, int(part.node_id[2:]), part.quantity] for part in plan.units]
        return [*row, given, plan.promised_by.isoformat()]

    def past(self, row: Sequence[Any]) -> Past:
        """The order with what was done."""
        request = self.request(row)
        skus = {line.line_id: line.sku for line in request.lines}
        units = tuple(
            [
                NodeUnits(line_id=line, sku=skus[line], node_id=self.nodes[node][0].node_id, quantity=count)
                for line, node, count in row[5]
            ]
        )
        return Past(request=request, units=units, due=datetime.fromisoformat(row[6]))


_RETAILER: Final = Retailer()


def make(task: tuple[str, int, int]) -> None:
    """Write down a chunk of orders."""
    path, number, count = task
    draw = Random(f"orders/{number}")
    with Path(path).open("w") as file:
        file.writelines(json.dumps(_RETAILER.row(draw), separators=(",", ":")) + "\n" for _ in range(count))


def read(path: str) -> Iterator[Past]:
    """A chunk, one order after the other."""
    with Path(path).open() as file:
        for line in file:
            yield _RETAILER.past(json.loads(line))


def evaluate(path: str) -> tuple[Tally, float]:
    """A chunk under the other policy, and the CPU seconds it took."""
    begun = time.process_time()
    tally = replay(read(path), Scenario(policy=CHEAPEST))
    return tally, time.process_time() - begun


def run(orders: int, folder: Path) -> dict[str, Any]:
    """Make, evaluate, and say what came out."""
    counts = [min(CHUNK, orders - start) for start in range(0, orders, CHUNK)]
    tasks = [(str(folder / f"{number}.jsonl"), number, count) for number, count in enumerate(counts)]
    whole = Tally()
    cpu_s = 0.0
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        begun = time.monotonic()
        pool.map(make, tasks, chunksize=1)
        making_s = time.monotonic() - begun
        begun = time.monotonic()
        for tally, spent in pool.imap_unordered(evaluate, [path for path, _, _ in tasks]):
            whole.merge(tally)
            cpu_s += spent
        seconds = time.monotonic() - begun
    report = whole.report()
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "orders": whole.orders,
        "seconds": round(seconds, 1),
        "cpu_s": round(cpu_s, 1),
        "us_per_order": round(cpu_s / max(1, whole.orders) * 1e6),
        "making_s": round(making_s, 1),
        "peak_mb": peak // 1024,
        "cost_delta": report["cost"]["change"],
        "cost_delta_share": round(report["cost"]["change"] / max(1, report["cost"]["before"]), 4),
        "report": report,
        "misses": [f"{seconds:.0f} s"] if seconds > LIMIT_S and orders >= ORDERS else [],
    }


def main(arguments: Sequence[str]) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="make bench NAME=whatif")
    parser.add_argument("--orders", type=int, default=ORDERS)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="oms-whatif-") as folder:
        print(json.dumps(run(options.orders, Path(folder))))


if __name__ == "__main__":
    main(sys.argv[1:])
