"""Stories of stock that other systems tell: by call, by message, by file."""

from __future__ import annotations

import gzip
import json
from hashlib import md5
from typing import TYPE_CHECKING, Any, Final

from oms.application import feed_file
from oms.entrypoints import wiring
from tests.proof.sweep.people import MAIN, place

if TYPE_CHECKING:
    from tests.proof.sweep.world import World

AT: Final = "2026-11-25T08:{:02d}:00Z"
HEADER: Final = "sku,node_id,on_hand,change,as_of,row_id\n"


def _send(w: World, body: str) -> None:
    wiring.client("sqs").send_message(QueueUrl=w.cloud.names["StockFeedQueue"], MessageBody=body)


def _drop(w: World, name: str, body: bytes, *, kept: bool = True) -> None:
    """A file is dropped, and S3 says so; it may be taken away before anybody looks."""
    bucket, key = w.cloud.names["FeedsBucket"], f"stock-feeds/{name}"
    if kept:
        wiring.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    of = {"key": key.replace("=", "%3D"), "size": len(body), "eTag": md5(body, usedforsecurity=False).hexdigest()}
    _send(w, json.dumps({"Records": [{"s3": {"bucket": {"name": bucket}, "object": of}}]}))


def _opened(w: World) -> None:
    w.product("MUG-01", "LAMP-OAK", "TEE-BLK-M")
    w.receive("opening", MUG_01=(MAIN, 9), LAMP_OAK=(MAIN, 9))
    place(w, "s-1", {"MUG-01": 4})
    w.settle()


def _row(sku: str, minute: int, **says: Any) -> dict[str, Any]:
    return {"sku": sku, "node_id": MAIN, "as_of": AT.format(minute), **says}


def stock_is_fed(w: World) -> None:
    """Row by row: by call and by message, twice, late, wrong, and not to be read at all; an order has bound four."""
    _opened(w)
    rows = [_row("MUG-01", 10, on_hand=7), _row("LAMP-OAK", 10, on_hand=9), _row("NO-SUCH", 10, on_hand=1)]
    rows.append(_row("MUG-01", 11, change=1, row_id="found"))
    w.record.fed("MUG-01", MAIN, 1)
    for _ in range(2):
        told = w.http("PUT", "/stock/feed", {"source": "erp", "rows": rows}, role="warehouse")
        assert (told.status, told.document["errors"]) == (200, 1), told
    left: dict[str, Any] = {
        "source": "wms",
        "rows": [_row("LAMP-OAK", 12, change=-2, row_id="7"), _row("MUG-01", 12, on_hand=True)],
    }
    left["rows"].append(_row("TEE-BLK-M", 12, on_hand=5))
    late = {"source": "erp", "rows": [_row("MUG-01", 9, on_hand=5)]}
    w.record.fed("LAMP-OAK", MAIN, -2)
    for each in (left, left, late):
        _send(w, json.dumps(each))
    _send(w, "no JSON")
    w.settle()
    assert w.get("/stock/MUG-01")["available"] == 4
    assert w.get("/stock/LAMP-OAK")["available"] == 7
    assert [each["kind"] for each in w.get("/alerts")["alerts"]] == ["stock_feed"]
    assert [each["source"] for each in w.get("/quarantine", role="service")["quarantine"]] == ["stock_feed"]


def stock_file_is_dropped(w: World) -> None:
    """A file, longer than a function lives; the same packed, twice; and one that was taken away."""
    w.patch.setattr(feed_file, "CHUNK", 2)
    _opened(w)
    lines = [f"MUG-01,{MAIN},2,,{AT.format(20)},", f"LAMP-OAK,{MAIN},,-2,{AT.format(20)},7", "a,line,too,short"]
    body = (HEADER + "\n".join(lines)).encode()
    w.record.fed("LAMP-OAK", MAIN, -2)
    w.left_ms = 0
    _drop(w, "erp/a=1.csv", body)
    w.settle()
    w.left_ms = 900_000
    shown = w.get("/stock/MUG-01")["positions"][0]
    assert (shown["on_hand"], shown["reserved"], shown["short"]) == (4, 4, 2)
    packed = gzip.compress(body, mtime=0)
    for _ in range(2):
        _drop(w, "erp/b.csv.gz", packed)
    _drop(w, "erp/gone.csv", body, kept=False)
    w.settle()
    assert w.get("/stock/LAMP-OAK")["available"] == 7
    assert {each["kind"] for each in w.get("/alerts")["alerts"]} == {"stock_missing", "stock_feed"}
