"""Which rows a commit brings up to date. Pure; `dynamodb_views` writes them.

A row is attribute name to text. The order's own row and its open work stand in two sparse indexes: `lpk`/`lsk` for
lists, `dpk`/`dsk` for due work. What never changes (which order carries a tracking number) is a row of its own, written
once.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import keys
from oms.domain.order import events as ev

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from oms.domain.commit import Commit

OPEN_WORK: Final = frozenset({"released", "accepted"})
DONE_WORK_DAYS: Final = 30
_HIDDEN: Final = ("work", "waiting", "waited")


def rows_of(commit: Commit) -> Iterator[Mapping[str, str]]:
    """The rows of an order's commit; nothing for other streams."""
    row = commit.summary
    if not row.get("order_id"):
        return
    placed_at = keys.instant(datetime.fromisoformat(row["placed_at"]))
    yield _order_row(commit, placed_at)
    for event in commit.events:
        yield from _lookups(event, row, placed_at)
    yield from _work(commit, placed_at)
    yield from _waiting(commit, placed_at)


def _order_row(commit: Commit, placed_at: str) -> Mapping[str, str]:
    row = commit.summary
    shown = {name: value for name, value in row.items() if name not in _HIDDEN}
    due = row.get("due_at")
    order_id = row["order_id"]
    return {
        "pk": keys.order_pk(order_id),
        "sk": keys.ROW,
        "row": json.dumps({**shown, "updated_at": keys.instant(commit.at)}, ensure_ascii=False),
        "lpk": keys.stage_pk(row["stage"], placed_at),
        "lsk": keys.at_sk(placed_at, order_id),
        "dpk": keys.due_pk(order_id) if due else "",
        "dsk": keys.instant(datetime.fromisoformat(due)) if due else "",
    }


def _lookups(event: Any, row: Mapping[str, Any], placed_at: str) -> Iterator[Mapping[str, str]]:
    order_id = row["order_id"]
    partitions: list[str] = []
    if isinstance(event, ev.OrderPlaced):
        partitions = [keys.channel_pk(event.channel, placed_at), keys.lookup_pk("number", event.number)]
        partitions += [keys.sku_pk(sku, placed_at) for sku in dict.fromkeys(line.sku for line in event.lines)]
        if event.customer_id:
            partitions.append(keys.customer_pk(event.customer_id))
        if event.payment.reference:
            partitions.append(keys.lookup_pk("payment", event.payment.reference))
    elif isinstance(event, ev.ShipmentShipped):
        partitions = [keys.lookup_pk("tracking", parcel.tracking_number) for parcel in event.parcels]
    for pk in partitions:
        yield {"pk": pk, "sk": keys.at_sk(placed_at, order_id)}


def _work(commit: Commit, placed_at: str) -> Iterator[Mapping[str, str]]:
    """Rows of the fulfillment orders that this commit touched."""
    row = commit.summary
    touched: set[str] = set()
    for event in commit.events:
        match event:
            case ev.LinesReserved():
                touched.update(event.fulfillment_orders)
            case ev.FulfillmentOrderAccepted() | ev.FulfillmentOrderRejected() | ev.ShipmentShipped():
                touched.add(event.fulfillment_order_id)
            case ev.LinesCancelled():
                touched.update(event.fulfillment_orders)
    work: Mapping[str, Any] = row.get("work", {})
    for each in sorted(touched & set(work)):
        node_id, status = work[each]
        shown = {
            "fulfillment_order_id": each,
            "order_id": row["order_id"],
            "number": row.get("number", ""),
            "node_id": node_id,
            "status": status,
            "promised_by": row.get("promised_by", ""),
        }
        open_row = status in OPEN_WORK
        yield {
            "pk": keys.work_pk(node_id),
            "sk": each,
            "row": json.dumps(shown, ensure_ascii=False),
            "lpk": keys.open_work_pk(node_id, status) if open_row else "",
            "lsk": keys.at_sk(row.get("promised_by") or placed_at, each) if open_row else "",
            "ttl": "" if open_row else _days_after(commit.at, DONE_WORK_DAYS),
        }


def _waiting(commit: Commit, placed_at: str) -> Iterator[Mapping[str, str]]:
    """Waiting lists: a row says whether the order still waits; one that no longer does is swept by its time to live."""
    waiting = commit.summary.get("waiting", ())
    for sku in (*waiting, *commit.summary.get("waited", ())):
        waits = sku in waiting
        yield {
            "pk": keys.waiting_pk(sku),
            "sk": keys.at_sk(placed_at, commit.summary["order_id"]),
            "waiting": "1" if waits else "",
            "ttl": "" if waits else _days_after(commit.at, DONE_WORK_DAYS),
        }


def _days_after(at: datetime, days: int) -> str:
    return str(int((at + timedelta(days=days)).timestamp()))
