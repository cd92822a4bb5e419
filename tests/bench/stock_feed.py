"""How long a file of a million rows of stock takes, in how much memory, and what it changes when it is cut off.

`make bench NAME=stock_feed`: the file is dropped onto a shop that has every position already. One row in twenty says
something else than stands there, one in a thousand is stale, one in two thousand cannot be taken. After a third it is
ended in the middle of a piece, and gone on with by another. Then it comes again. Everything runs over the ports in
memory, on one processor: what is measured is our own work per row, without DynamoDB's. `engine` is a smaller file from
S3 through the SDK to the local engine, whose own work is in it (`--engine 0` for none). `peak_rss_mb` is of the whole
process; `grown_mb` what it grew by while the file was read. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.local.engine import Engine, client, free_port
from oms.adapters.dynamodb_feed import DynamoFeed
from oms.adapters.dynamodb_log import DynamoLog
from oms.adapters.dynamodb_reference import DynamoReference
from oms.adapters.s3_feed import FOLDER, S3FeedFile
from oms.application.feed import TakeStockFeed
from oms.application.feed_file import TakeFeedFile
from oms.application.feed_report import FeedReports
from oms.domain.feed import Mark
from oms.domain.stock import StockDelta
from oms.entrypoints.wiring import abreast
from tests.proof.memory import (
    MemoryCheckpoint,
    MemoryDocuments,
    MemoryFeed,
    MemoryLog,
    MemoryReference,
    MemoryViews,
    Store,
)
from tests.proof.memory.files import MadeFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.proof.memory.store import Step

ROWS: Final = 1_000_000
NODES: Final = 10
STOOD: Final = 100
CHANGED, STALE, WRONG = 20, 1000, 2000
"""One row in so many."""
NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEFORE: Final = datetime(2026, 3, 1, 10, tzinfo=UTC)
BATCH: Final = 25


class CutOffError(BaseException):
    """The process ended here."""


class Keeping(MemoryLog):
    """A log that keeps what commits do to stock, and of them only how many they are: their number is its own proof."""

    __slots__ = ("commits",)

    def write(self, commit: Any, stock: Sequence[StockDelta], unique: Sequence[str]) -> None:
        """As the log does."""
        MemoryLog.write(self, commit, stock, unique)
        self.store.streams.pop(commit.stream)
        self.commits = getattr(self, "commits", 0) + 1


def sku_of(number: int) -> str:
    return f"SKU-{number // NODES:06d}"


def said(number: int) -> tuple[str, str, str]:
    """(node, on hand, as of) of a row."""
    node = f"N{number % NODES}" if number % WRONG else "NX"
    if number % STALE == 1:
        return node, "00007", "2026-03-01T09:00:00Z"
    return node, f"{STOOD + (number % CHANGED == 2):05d}", "2026-03-01T11:00:00Z"


def line(number: int) -> bytes:
    """A row, all of one length."""
    node, on_hand, at = said(number)
    return f"{sku_of(number)},{node},{on_hand},{at}".encode()


@dataclass
class Bench:
    """A shop in memory. `reads` are the BatchGetItem requests that its reads would have been."""

    rows: int
    store: Store = field(default_factory=Store)
    checkpoint: MemoryCheckpoint = field(default_factory=MemoryCheckpoint)
    commits: int = 0
    reads: int = 0
    cut_at: int = -1

    def __post_init__(self) -> None:
        reference = MemoryReference(self.store)
        for name in (f"N{node}" for node in range(NODES)):
            reference.put("node", name, {"node_id": name, "country": "DE", "latitude": 1, "longitude": 1})
        for number in range(self.rows):
            sku, node = sku_of(number), f"N{number % NODES}"
            at = StockDelta(sku=sku, node_id=node, on_hand=STOOD, available=STOOD)
            self.store.positions.setdefault(sku, {})[node] = at
            if number % STALE == 1:
                self.store.marks[sku, node] = {"erp": Mark(at=BEFORE, said=STOOD)}

    def _watch(self, step: Step, call: Callable[[], Any]) -> Any:
        if step.op == "feed.fed":
            self.reads += -(-len(step.args[1]) // 100)
        answer = call()
        if step.op == "log.append":
            self.commits += 1
            if self.commits == self.cut_at:
                raise CutOffError
        return answer

    def take(self, file: MadeFile) -> dict[str, Any]:
        """One call of the use case."""
        log, stock = Keeping(self.store, self._watch), MemoryFeed(self.store, self._watch)
        rows = TakeStockFeed(log, stock, MemoryReference(self.store), lambda: NOW)
        reports = FeedReports(MemoryViews(self.store), MemoryDocuments(self.store), lambda: NOW)
        return TakeFeedFile(rows, reports, lambda _: self.checkpoint, lambda: NOW)(file)


def _rss_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def in_memory(rows: int) -> dict[str, Any]:
    """The file, cut off once; then again."""
    bench = Bench(rows)
    file = MadeFile(name="erp/stock.csv", feed_id="bench", rows=rows, width=len(line(0)) + 1, line=line)
    wanted = sum(_changes(number) for number in range(rows))
    began, cpu, before = time.monotonic(), time.process_time(), _rss_mb()
    bench.cut_at = wanted // 90 // 3
    resumed = 0
    try:
        bench.take(file)
    except CutOffError:
        resumed = 1
    assert resumed == 1
    put_down = dict(bench.checkpoint.document or {}).get("row", 0)
    report = bench.take(file)
    seconds, used = time.monotonic() - began, time.process_time() - cpu
    right = all(
        bench.store.positions[sku_of(number)][f"N{number % NODES}"].on_hand == STOOD + _changes(number)
        for number in range(rows)
    )
    reads, commits = bench.reads, bench.commits
    again = time.monotonic()
    second = bench.take(file)
    return {
        "rows": rows,
        "seconds": round(seconds, 1),
        "cpu_s": round(used, 1),
        "rows_per_s": round(rows / seconds),
        "changed": report["accepted"],
        "unchanged": report["unchanged"],
        "stale": report["stale"],
        "errors": report["errors"],
        "peak_rss_mb": _rss_mb(),
        "grown_mb": _rss_mb() - before,
        "resumed": resumed,
        "resumed_at_row": put_down,
        "positions_right": right,
        "batch_gets": reads,
        "commits": commits,
        "again": {
            "seconds": round(time.monotonic() - again, 1),
            "changed": second["accepted"],
            "commits": bench.commits - commits,
        },
    }


def _changes(number: int) -> bool:
    return bool(number % WRONG and number % STALE != 1 and number % CHANGED == 2)


# ---------------------------------------------------------------- the engine


def on_engine(rows: int) -> dict[str, Any]:
    """A smaller file, first onto nothing (every row is written), then again (none is), through S3 and DynamoDB."""
    with tempfile.TemporaryDirectory(prefix="oms-feed-") as state:
        engine = Engine(state=Path(state), port=free_port(), api_port=free_port(), persist=False)
        with engine:
            return _through_the_sdk(engine.endpoint, rows)


def _through_the_sdk(endpoint: str, rows: int) -> dict[str, Any]:
    dynamodb, s3 = client("dynamodb", endpoint), client("s3", endpoint)
    for table in ("events", "stock", "reference"):
        dynamodb.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
    reference = DynamoReference(dynamodb, "reference")
    for node in range(NODES):
        name = f"N{node}"
        reference.put("node", name, {"node_id": name, "country": "DE", "latitude": 1, "longitude": 1})
    products = [{"pk": {"S": f"product#{sku_of(each)}"}, "sk": {"S": "v"}} for each in range(0, rows, NODES)]
    for start in range(0, len(products), BATCH):
        puts = [{"PutRequest": {"Item": item}} for item in products[start : start + BATCH]]
        dynamodb.batch_write_item(RequestItems={"reference": puts})
    s3.create_bucket(Bucket="feeds")
    body = b"sku,node_id,on_hand,as_of\n" + b"".join(line(number) + b"\n" for number in range(rows))
    etag = s3.put_object(Bucket="feeds", Key=f"{FOLDER}erp/stock.csv", Body=body)["ETag"].strip('"')
    store = Store()
    take = TakeStockFeed(
        DynamoLog(dynamodb, "events", "stock"), DynamoFeed(dynamodb, "events", "stock"), reference, lambda: NOW, abreast
    )
    reports = FeedReports(MemoryViews(store), MemoryDocuments(store), lambda: NOW)
    use = TakeFeedFile(take, reports, lambda _: MemoryCheckpoint(), lambda: NOW)
    told: dict[str, Any] = {"rows": rows}
    for name in ("all_changed", "unchanged"):
        began, cpu = time.monotonic(), time.process_time()
        report = use(S3FeedFile(s3, "feeds", f"{FOLDER}erp/stock.csv", etag, len(body)))
        seconds, used = time.monotonic() - began, time.process_time() - cpu
        told[name] = {
            "changed": report["accepted"],
            "unchanged": report["unchanged"],
            "seconds": round(seconds, 1),
            "rows_per_s": round(rows / seconds),
            "our_cpu_s": round(used, 1),
            "rows_per_cpu_s": round(rows / used),
        }
    return told


def main(arguments: Sequence[str]) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="make bench NAME=stock_feed")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--engine", type=int, default=20_000, help="rows of the file on the engine; 0 for none")
    options = parser.parse_args(arguments)
    result = in_memory(options.rows)
    if options.engine:
        result["engine"] = on_engine(options.engine)
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
