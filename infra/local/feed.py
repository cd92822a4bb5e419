"""`make feed SOURCE=erp FILE=stock.csv`: drop a file where other systems drop theirs, and tell what became of it."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.system import System, SystemMissingError, find
from oms.adapters.dynamodb_views import DynamoViews
from oms.adapters.s3_feed import FOLDER, S3FeedFile
from oms.application.feed_report import KIND
from oms.domain.errors import OmsError
from oms.domain.feed import check_source
from oms.entrypoints.wiring import now

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WAIT_S: Final = 900.0
LOOK_S: Final = 0.5
SHOWN: Final = ("rows_read", "accepted", "unchanged", "stale", "errors", "refused")


def drop(system: System, source: str, file: Path) -> str:
    """Drop the file; the id of the feed that it is. Raises InvalidInputError for a source of no such name."""
    key = f"{FOLDER}{check_source(source)}/{file.name}"
    body = file.read_bytes()
    s3, bucket = system.client("s3"), system.outputs["FeedsBucket"]
    etag = s3.put_object(Bucket=bucket, Key=key, Body=body)["ETag"].strip('"')
    return S3FeedFile(s3, bucket, key, etag, len(body)).feed_id


def report_of(system: System, feed_id: str, since: str, wait_s: float = WAIT_S) -> Mapping[str, Any] | None:
    """The row that tells what became of a feed begun `since`; None when none is there in time."""
    out = system.outputs
    views = DynamoViews(system.client("dynamodb"), out["ViewsTable"], out["ContactsTable"], out["EventsTable"])
    until = time.monotonic() + wait_s
    while time.monotonic() < until:
        rows, _ = views.list_rows(KIND, 100, "")
        found = [row for row in rows if row["feed_id"] == feed_id and row["began_at"] >= since]
        if found:
            return found[0]
        time.sleep(LOOK_S)
    return None


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """What became of it, in a line, and where more is said."""
    yield ", ".join(f"{name} {report[name]}" for name in SHOWN if report[name] != "")
    yield f"report: {report['document']} in the reports bucket"


def main(arguments: list[str]) -> int:
    """Drop, wait, tell; 1 when rows or the file were refused, 2 when the command is wrong."""
    if len(arguments) != 2:  # noqa: PLR2004 - source and file
        print("usage: make feed SOURCE=<name> FILE=<rows.csv|rows.jsonl>[.gz]", file=sys.stderr)
        return 2
    try:
        system, since = find(), now().isoformat()
        report = report_of(system, drop(system, arguments[0], Path(arguments[1])), since)
    except (SystemMissingError, OSError, OmsError, BotoCoreError, ClientError) as error:
        print(f"nothing was told: {error}", file=sys.stderr)
        return 1
    if report is None:
        print("it is still being taken in", file=sys.stderr)
        return 1
    for line in lines(report):
        print(line)
    return 1 if report["errors"] or report["refused"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
