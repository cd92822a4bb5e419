"""How much the reconciler reads in how long, and whether it finds what is wrong.

`make bench NAME=reconcile`: a million commits, made as they are read and read as items of DynamoDB are, without the
SDK; then a smaller log with rows changed and commits taken out (`tampered_found`, `removed_found` of `planted` each);
then the same on the local engine, through the SDK (`engine`; `--engine 0` for none). `commits_per_s` are those of a
second of CPU, without what making them takes. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.local.engine import Engine, client, free_port
from oms.adapters.dynamodb_scan import DynamoScan
from oms.application.reconcile import Reconcile
from tests.proof.memory import MemoryCheckpoint, MemoryDocuments, MemoryViews, Store
from tests.proof.reconcile.made import EVENTS, LINES, STOCK, Made

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMITS: Final = 1_000_000
POSITIONS: Final = 6_000
TAMPERED_COMMITS: Final = 60_000
PLANTED: Final = 5
BATCH: Final = 25


@dataclass
class Spent:
    """A run's report, with what it took; CPU is that of this process, without what making the log takes."""

    report: dict[str, Any]
    seconds: float
    cpu_s: float

    def document(self) -> dict[str, Any]:
        """Figures for the page."""
        commits = self.report["commits"] * self.report["looks"]
        return {
            "commits": self.report["commits"],
            "positions": self.report["positions"],
            "seconds": round(self.seconds, 1),
            "cpu_s": round(self.cpu_s, 1),
            "commits_per_s": round(commits / self.cpu_s),
            "drift": self.report["drift"],
            "broken": self.report["broken"],
        }


def run(dynamodb: Any, made: Made) -> Spent:
    """One run over these tables; what it writes goes to memory."""
    store = Store()
    reconcile = Reconcile(
        DynamoScan(dynamodb, EVENTS, STOCK),
        MemoryViews(store),
        MemoryDocuments(store),
        MemoryCheckpoint(),
        lambda _: None,
        "Etc/UTC",
        lambda: datetime.now(UTC),
    )
    began, cpu, making = time.monotonic(), time.process_time(), made.cpu_s
    report = reconcile(begin=True)
    spent = time.process_time() - cpu - (made.cpu_s - making)
    return Spent(report, time.monotonic() - began, spent)


def plant(commits: int, groups: int) -> Made:
    """A log in which, each in groups of its own, rows were changed, commits taken out of streams and off their ends."""
    per_order = len(Made(orders=0, groups=1).lives[0])
    added = {Made.skus(group)[0]: 1 for group in range(PLANTED)}
    inner = {PLANTED + number: frozenset({2}) for number in range(PLANTED)}
    last = {2 * PLANTED + number: frozenset(range(3, per_order + 1)) for number in range(PLANTED)}
    return Made(orders=commits // per_order, groups=groups, removed={**inner, **last}, added=added)


def found(report: dict[str, Any]) -> dict[str, int]:
    """How many of what was planted are named."""
    drifts = {each["sku"] for each in report["drifts"]}
    broken = {each["stream"] for each in report["broken_streams"]}
    inner = [Made.name(PLANTED + number) in broken for number in range(PLANTED)]
    last = [set(Made.skus(2 * PLANTED + number)) <= drifts for number in range(PLANTED)]
    return {
        "tampered_found": sum(Made.skus(group)[0] in drifts for group in range(PLANTED)),
        "removed_found": sum(inner) + sum(last),
    }


def on_engine(commits: int, groups: int) -> dict[str, Any]:
    """The tampered log in the tables of an engine."""
    with tempfile.TemporaryDirectory(prefix="oms-reconcile-") as state:
        engine = Engine(state=Path(state), port=free_port(), api_port=free_port(), persist=False)
        with engine:
            dynamodb = client("dynamodb", engine.endpoint)
            made = plant(commits, groups)
            _store(dynamodb, made)
            spent = run(dynamodb, made)
            return {**spent.document(), **found(spent.report)}


def _store(dynamodb: Any, made: Made) -> None:
    for table in (EVENTS, STOCK):
        dynamodb.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
    items = [item for number in range(made.orders + made.groups) for item in made.stream(number)]
    for table, rows in ((EVENTS, items), (STOCK, list(made.rows()))):
        for start in range(0, len(rows), BATCH):
            puts = [{"PutRequest": {"Item": item}} for item in rows[start : start + BATCH]]
            dynamodb.batch_write_item(RequestItems={table: puts})


def main(arguments: Sequence[str]) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="make bench NAME=reconcile")
    parser.add_argument("--commits", type=int, default=COMMITS)
    parser.add_argument("--positions", type=int, default=POSITIONS)
    parser.add_argument("--tampered", type=int, default=TAMPERED_COMMITS, help="commits of the log with planted faults")
    parser.add_argument("--engine", type=int, default=12_000, help="the same on the engine; 0 for none")
    options = parser.parse_args(arguments)
    groups = options.positions // LINES
    per_order = len(Made(orders=0, groups=1).lives[0])
    whole = Made(orders=-(-options.commits // per_order), groups=groups)
    clean = run(whole, whole)
    planted = plant(options.tampered, min(groups, 300))
    tampered = run(planted, planted)
    result = {
        **clean.document(),
        **found(tampered.report),
        "planted": {"tampered": PLANTED, "removed": 2 * PLANTED},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "making_cpu_s": round(whole.cpu_s, 1),
    }
    if options.engine:
        result["engine"] = on_engine(options.engine, 100)
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
