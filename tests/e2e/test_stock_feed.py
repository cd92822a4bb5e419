"""Stock feeds over the deployed system: by file, by queue and by call, while orders are taken."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from infra.local.feed import drop, lines, report_of
from tests.e2e.recorder import RecordedSystem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.support import Oms


def _position(oms: Oms, sku: str) -> dict[str, Any]:
    (at,) = oms.get(f"/stock/{sku}").document["positions"]
    return dict(at)


def _as_of(minutes: int = 0) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def test_a_file_is_taken_in_while_orders_bind_units(oms: Oms, tmp_path: Path) -> None:
    sku = oms.sku("fed", us_east=30)
    file = tmp_path / f"{sku}.csv"
    file.write_text(f"sku,node_id,on_hand,as_of\n{sku},us-east,25,{_as_of()}\n{sku},nowhere,1,{_as_of()}\n")
    since = datetime.now(UTC).isoformat()
    with ThreadPoolExecutor(4) as pool:
        placed = [pool.submit(oms.place, {sku: 1}) for _ in range(10)]
        feed_id = drop(oms.system, "erp", file)
        orders = [each.result() for each in placed]
    oms.quiet(*orders)
    report = report_of(oms.system, feed_id, since, 60)
    assert report is not None
    assert (report["accepted"], report["errors"]) == (1, 1), list(lines(report))
    at = _position(oms, sku)
    assert (at["on_hand"], at["reserved"], at["available"]) == (25, 10, 15)


def test_rows_come_by_queue_and_by_call_and_count_once(oms: Oms) -> None:
    sku = oms.sku("told", us_east=9)
    left = {"sku": sku, "node_id": "us-east", "change": -2, "as_of": _as_of(-1), "row_id": oms.unique("row")}
    assert isinstance(oms.system, RecordedSystem)
    oms.system.record.fed(sku, "us-east", -2)
    body = json.dumps({"source": "wms", "rows": [left]})
    for _ in range(2):
        oms.system.client("sqs").send_message(QueueUrl=oms.system.outputs["StockFeedQueueUrl"], MessageBody=body)
    oms.quiet()
    late = {"sku": sku, "node_id": "us-east", "on_hand": 50, "as_of": _as_of(-2)}
    asked = {"source": "wms", "rows": [left, late]}
    reply = oms.system.call("PUT", "/stock/feed", asked, role="warehouse")
    assert reply.status == 200
    assert (reply.document["unchanged"], reply.document["stale"]) == (1, 1)
    assert [each["code"] for each in reply.document["rows"]] == ["stale_row"]
    assert _position(oms, sku)["on_hand"] == 7
