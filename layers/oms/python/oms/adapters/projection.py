"""Which rows a commit brings up to date. Pure; `dynamodb_views` writes them.

A row is attribute name to text, or to several. An order has one row, in the partition of the day it was placed on,
where lists by channel, SKU and most stages find it by walking days. It stands in sparse indexes only while somebody has
to find it among many: `lpk`/`lsk` in a stage that needs attention, `wpk`/`wsk` while a warehouse has to work on it,
`dpk`/`dsk` while it may be overdue at any minute. What never changes (which order carries a tracking number) is a row
of its own, written once.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import keys
from oms.domain.drafts import DraftSaved
from oms.domain.lots import lot_of
from oms.domain.order import events as ev
from oms.domain.order.return_facts import ReturnInspected, ReturnLabelled
from oms.domain.order.tenders import named_payments
from oms.domain.segments import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from oms.domain.commit import Commit

    Row = Mapping[str, str | tuple[str, ...]]

OPEN_WORK: Final = frozenset({"planned", "released", "accepted"})
ATTENTION: Final = frozenset({"awaiting_payment", "on_hold", "backordered", "planned"})
"""Stages of few orders for long: an index lists them. Most orders pass through the others, where a walk finds them."""
DONE_WORK_DAYS: Final = 30
KEEP_DRAFTS_DAYS: Final = 90
KEEP_RETURNED_DAYS: Final = 400
_HIDDEN: Final = ("work", "waiting", "waited", "owed", "skus", "patient")


def rows_of(commit: Commit, *, late: bool = False) -> Iterator[Row]:
    """The rows of an order's commit, and of one that begins a draft; nothing for other streams.

    The commit that places an order whose promise follows at once leaves the order's row to that: seconds later it would
    be written again. `late` says that nothing followed.
    """
    row = commit.summary
    if not row.get("order_id"):
        yield from _draft(commit)
        return
    placed_at = keys.instant(datetime.fromisoformat(row["placed_at"]))
    if late or not promised_at_once(commit):
        yield _order_row(commit, placed_at)
    for event in commit.events:
        yield from _lookups(event, row, placed_at)
    if len(row.get("work", ())) > 1:
        yield from _work(commit, placed_at)
    yield from _waiting(commit, placed_at)
    if any(isinstance(event, ReturnInspected) for event in commit.events):
        yield _looked_at(commit)


def _looked_at(commit: Commit) -> Row:
    """The order is among those whose returns were looked at that day, for the report of reasons."""
    order_id = commit.summary["order_id"]
    pk, ttl = f"returned#{keys.day_of(keys.instant(commit.at))}", _days_after(commit.at, KEEP_RETURNED_DAYS)
    return {"pk": pk, "sk": order_id, "row": json.dumps({"order_id": order_id}), "ttl": ttl}


def _draft(commit: Commit) -> Iterator[Row]:
    """A draft is listed when it is begun; how it stands is in its stream."""
    for event in commit.events if commit.number == 1 else ():
        if isinstance(event, DraftSaved):
            row = json.dumps({"draft_id": event.draft_id})
            sk, ttl = keys.at_sk(keys.instant(commit.at), event.draft_id), _days_after(commit.at, KEEP_DRAFTS_DAYS)
            yield {"pk": "draft", "sk": sk, "row": row, "ttl": ttl}


def promised_at_once(commit: Commit) -> bool:
    """The commit placed an order that waits for nothing: its promise follows."""
    row = commit.summary
    return bool(commit.number == 1 and row["stage"] == "placed" and row.get("next") == "promise")


def _order_row(commit: Commit, placed_at: str) -> Row:
    row = commit.summary
    shown = {name: value for name, value in row.items() if name not in _HIDDEN}
    shown["updated_at"] = keys.instant(commit.at)
    due = keys.instant(datetime.fromisoformat(row["due_at"])) if row.get("due_at") else ""
    soon = bool(due) and not row.get("patient")
    order_id = row["order_id"]
    listed = row["stage"] in ATTENTION
    work = _only_work(row)
    if work:
        shown["fulfillment_order"] = work
    return {
        "pk": keys.day_pk(placed_at, order_id),
        "sk": keys.at_sk(placed_at, order_id),
        "row": json.dumps(shown, ensure_ascii=False),
        "st": row["stage"],
        "ch": row.get("channel", ""),
        "skus": tuple(row.get("skus", ())),
        "du": due,
        "dpk": keys.due_pk(order_id) if soon else "",
        "dsk": due if soon else "",
        "lpk": keys.stage_pk(row["stage"], placed_at) if listed else "",
        "lsk": keys.at_sk(placed_at, order_id) if listed else "",
        **_open(work, placed_at),
    }


def _only_work(row: Mapping[str, Any]) -> dict[str, str]:
    """The order's only fulfillment order, while it is open: it needs no row of its own."""
    work: Mapping[str, Any] = row.get("work", {})
    if len(work) != 1:
        return {}
    ((each, (node_id, status)),) = work.items()
    return _shown_work(row, each, node_id, status) if status in OPEN_WORK else {}


def _shown_work(row: Mapping[str, Any], fulfillment_order_id: str, node_id: str, status: str) -> dict[str, str]:
    return {
        "fulfillment_order_id": fulfillment_order_id,
        "order_id": row["order_id"],
        "number": row.get("number", ""),
        "node_id": node_id,
        "status": status,
        "promised_by": row.get("promised_by", ""),
    }


def _open(work: Mapping[str, str], placed_at: str) -> dict[str, str]:
    """Where a warehouse finds it: by node and status, the earliest promise first."""
    if not work:
        return {}
    return {
        "wpk": keys.open_work_pk(work["node_id"], work["status"]),
        "wsk": keys.at_sk(work["promised_by"] or placed_at, work["fulfillment_order_id"]),
    }


def _lookups(event: Any, row: Mapping[str, Any], placed_at: str) -> Iterator[Row]:
    sk = keys.at_sk(placed_at, row["order_id"])
    for _, reference in named_payments(event):
        yield {"pk": keys.lookup_pk("payment", reference), "sk": sk}
    if isinstance(event, ReturnLabelled):
        yield {"pk": keys.lookup_pk("return", event.tracking_number), "sk": sk}
    elif isinstance(event, ev.ShipmentShipped):
        for parcel in event.parcels:
            yield {"pk": keys.lookup_pk("tracking", parcel.tracking_number), "sk": sk}
        for kind, value in _to_recall(event):
            yield {"pk": keys.lookup_pk(kind, value), "sk": sk}


def _to_recall(event: ev.ShipmentShipped) -> dict[tuple[str, str], None]:
    """What is printed on the units that left, each once: serial numbers, and SKU and lot."""
    units = [each for parcel in event.parcels for each in parcel.units]
    found = {("serial", serial.number): None for each in units for serial in each.serials}
    drawn = [part for each in units for part in each.drawn if not part.pooled]
    return {**found, **{("lot", place_of(part.sku, lot_of(part.segment)[0])): None for part in drawn}}


def _work(commit: Commit, placed_at: str) -> Iterator[Row]:
    """Rows of the fulfillment orders of an order that has several: those that this commit touched, and what is open."""
    row = commit.summary
    touched = _touched(commit)
    if not touched:
        return
    work: Mapping[str, Any] = row["work"]
    for each, (node_id, status) in sorted(work.items()):
        open_row = status in OPEN_WORK
        if not open_row and each not in touched:
            continue
        shown = _shown_work(row, each, node_id, status)
        yield {
            "pk": keys.work_pk(node_id),
            "sk": each,
            "row": json.dumps({"fulfillment_order": shown}, ensure_ascii=False),
            "ttl": "" if open_row else _days_after(commit.at, DONE_WORK_DAYS),
            **_open(shown if open_row else {}, placed_at),
        }


def _touched(commit: Commit) -> set[str]:
    touched: set[str] = set()
    for event in commit.events:
        match event:
            case ev.LinesReserved() | ev.LinesCancelled():
                touched.update(event.fulfillment_orders)
            case ev.LinesMoved():
                touched.update(event.fulfillment_orders, event.out_of)
            case ev.OrderEdited():
                touched.update(event.out_of)
            case (
                ev.FulfillmentOrderReleased()
                | ev.FulfillmentOrderAccepted()
                | ev.FulfillmentOrderRejected()
                | ev.ShipmentShipped()
            ):
                touched.add(event.fulfillment_order_id)
    return touched


def _waiting(commit: Commit, placed_at: str) -> Iterator[Row]:
    """Waiting lists: a row says for how many units the order waits; commits of before units were told say 1.

    One that no longer waits is swept by its time to live.
    """
    waiting = commit.summary.get("waiting", ())
    owed = commit.summary.get("owed", {})
    for sku in (*waiting, *commit.summary.get("waited", ())):
        waits = sku in waiting
        yield {
            "pk": keys.waiting_pk(sku),
            "sk": keys.at_sk(placed_at, commit.summary["order_id"]),
            "waiting": str(owed.get(sku, 1)) if waits else "",
            "ttl": "" if waits else _days_after(commit.at, DONE_WORK_DAYS),
        }


def _days_after(at: datetime, days: int) -> str:
    return str(int((at + timedelta(days=days)).timestamp()))
