"""Stock feeds taken in: rows in batches, files in pieces."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from oms.application import feed_file
from oms.application.feed import Feed, TakeStockFeed
from oms.application.feed_file import TakeFeedFile
from oms.application.feed_report import FeedReports
from oms.domain.errors import FeedGoneError, StockChangedError
from oms.domain.feed import Mark
from oms.domain.stock import StockDelta, stock_deltas
from tests.proof.memory import (
    MemoryCheckpoint,
    MemoryDocuments,
    MemoryFeed,
    MemoryLog,
    MemoryReference,
    MemoryViews,
    Store,
)
from tests.proof.memory.store import Step

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FEED = Feed(source="erp", feed_id="f1")


def now() -> datetime:
    return NOW


Pause = Callable[[Step, Callable[[], Any]], Any]


@dataclass
class Shop:
    store: Store = field(default_factory=Store)
    pause: Pause | None = None
    checkpoint: MemoryCheckpoint = field(default_factory=MemoryCheckpoint)
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        reference = MemoryReference(self.store)
        reference.put("node", "N", {"node_id": "N", "country": "DE", "latitude": 1, "longitude": 1})
        for number in range(400):
            reference.put("product", f"S{number}", {"sku": f"S{number}"})

    def _watch(self, step: Step, call: Callable[[], Any]) -> Any:
        self.steps.append(step)
        return self.pause(step, call) if self.pause else call()

    def take(self) -> TakeStockFeed:
        log, stock = MemoryLog(self.store, self._watch), MemoryFeed(self.store, self._watch)
        return TakeStockFeed(log, stock, MemoryReference(self.store, self._watch), now)

    def said(self, *rows: Mapping[str, Any], feed: Feed = FEED) -> dict[str, Any]:
        return self.take().said(feed, enumerate(rows, start=1)).document(100)

    def file(self, file: Any, more: Callable[[], bool] = lambda: True) -> dict[str, Any]:
        reports = FeedReports(MemoryViews(self.store), MemoryDocuments(self.store), now)
        return TakeFeedFile(self.take(), reports, lambda _: self.checkpoint, now)(file, more)

    def on_hand(self) -> dict[str, int]:
        return {sku: at["N"].on_hand for sku, at in sorted(self.store.positions.items())}

    def rows(self, kind: str) -> list[Mapping[str, Any]]:
        return MemoryViews(self.store).list_rows(kind, 10, "")[0]

    def writes(self) -> int:
        return sum(step.op == "log.append" for step in self.steps)

    def folded(self) -> bool:
        """Positions are the fold of the log."""
        events = [event for each in self.store.streams.values() for event in each.history.commits[0].events]
        units = {(each.sku, each.node_id): each for each in stock_deltas(events)}
        kept = [at for each in self.store.positions.values() for at in each.values() if at.changes]
        return units == {(at.sku, at.node_id): at for at in kept}


def row(number: int, on_hand: int | None = None, minute: int = 0, **more: Any) -> dict[str, Any]:
    said = {"sku": f"S{number}", "node_id": "N", "as_of": f"2026-03-01T11:{minute:02d}:00Z", **more}
    return said if on_hand is None else {**said, "on_hand": on_hand}


def counts(accepted: int = 0, unchanged: int = 0, stale: int = 0, errors: int = 0) -> dict[str, int]:
    return {"accepted": accepted, "unchanged": unchanged, "stale": stale, "errors": errors}


def of(document: Mapping[str, Any]) -> dict[str, int]:
    return {name: document[name] for name in counts()}


# ---------------------------------------------------------------- rows


def test_rows_that_change_nothing_are_read_and_not_written() -> None:
    shop = Shop()
    rows = [row(number, number) for number in range(200)]
    assert of(shop.said(*rows)) == counts(accepted=199, unchanged=1)  # none of S0 is what there is
    assert shop.writes() == 3  # 90, 90, 19
    shop.steps.clear()
    assert of(shop.said(*rows)) == counts(unchanged=200)
    assert [step.op for step in shop.steps] == ["reference.policy", "feed.fed"]
    assert shop.folded()


def test_each_row_is_taken_or_refused_by_itself() -> None:
    shop = Shop()
    told = shop.said(row(1, 5), row(9999, 5), row(2, 5, node_id="M"), row(3, -1), row(4, 5), {})
    assert of(told) == counts(accepted=2, errors=4)
    assert [(each["row"], each["code"]) for each in told["rows"]] == [
        (2, "unknown_sku"),
        (3, "unknown_node"),
        (4, "malformed_row"),
        (6, "malformed_row"),
    ]
    assert shop.on_hand() == {"S1": 5, "S4": 5}


def test_stale_rows_are_refused_by_the_time_of_their_own_source() -> None:
    shop = Shop()
    shop.said(row(1, 5, 30))
    told = shop.said(row(1, 4, 20), row(1, 6, 30))
    assert of(told) == counts(stale=2)
    assert [each["code"] for each in told["rows"]] == ["stale_row", "stale_row"]
    assert of(shop.said(row(1, 4, 20), feed=Feed(source="wms", feed_id="g"))) == counts(accepted=1)
    assert shop.store.marks["S1", "N"] == {
        "erp": Mark(at=datetime(2026, 3, 1, 11, 30, tzinfo=UTC), said=5),
        "wms": Mark(at=datetime(2026, 3, 1, 11, 20, tzinfo=UTC), said=4),
    }


def test_an_older_row_is_stale_though_the_newer_one_changed_nothing() -> None:
    shop = Shop()
    shop.said(row(1, 5, 10))
    shop.steps.clear()
    assert of(shop.said(row(1, 5, 30), row(2, 0, 30))) == counts(unchanged=2)
    assert [step.op for step in shop.steps if step.op.startswith(("log", "feed"))] == ["feed.fed", *["feed.tell"] * 2]
    assert of(shop.said(row(1, 4, 20), row(2, 3, 20))) == counts(stale=2)
    assert shop.on_hand() == {"S1": 5, "S2": 0}


def test_a_row_to_be_remembered_is_decided_again_when_its_source_said_more_meanwhile() -> None:
    shop = Shop()
    shop.said(row(1, 5, 10))

    def overtake(step: Step, call: Callable[[], Any]) -> Any:
        if step.op == "feed.tell" and not step.args[1].marked.moved:
            newer = Mark(at=datetime(2026, 3, 1, 11, 50, tzinfo=UTC), said=5, moved=NOW)
            shop.store.put_in(shop.store.marks, ("S1", "N"), "erp", newer)
        return call()

    shop.pause = overtake
    assert of(shop.said(row(1, 5, 30))) == counts(unchanged=1)
    assert shop.store.marks["S1", "N"]["erp"].moved == NOW


def test_rows_of_one_position_are_taken_in_their_order() -> None:
    shop = Shop()
    assert of(shop.said(row(1, 5, 1), row(1, 7, 2), row(1, 6, 3), row(1, 9, 2))) == counts(accepted=3, stale=1)
    assert shop.on_hand() == {"S1": 6}


def test_a_delta_counts_once_by_its_source_and_id() -> None:
    shop = Shop()
    shop.said(row(1, 9))
    gone = row(1, minute=5, change=-2, row_id="a")
    assert of(shop.said(gone, gone)) == counts(accepted=1, unchanged=1)
    assert of(shop.said(gone, feed=Feed(source="erp", feed_id="other"))) == counts(unchanged=1)
    assert of(shop.said(gone, feed=Feed(source="wms", feed_id="f1"))) == counts(accepted=1)
    assert shop.on_hand() == {"S1": 5}
    assert shop.folded()


def test_who_loses_decides_again_and_does_not_hold_up_the_others() -> None:
    shop = Shop()
    shop.said(*[row(number, 5) for number in range(1, 61)])
    busy = "S30"

    def ship(step: Step, call: Callable[[], Any]) -> Any:
        """Each time that the position is read, a unit of it leaves before it is written."""
        answer = call()
        if step.op == "feed.fed":
            at = shop.store.positions[busy]["N"]
            gone = StockDelta(sku=busy, node_id="N", on_hand=-1, available=-1)
            if at.on_hand > 2:
                shop.store.put_in(shop.store.positions, busy, "N", at.plus(gone))
        return answer

    shop.pause = ship
    told = shop.said(*[row(number, 9, 5) for number in range(1, 61)])
    assert of(told) == counts(accepted=60)
    assert set(shop.on_hand().values()) == {9}


def test_a_position_that_never_rests_is_told_and_the_others_are_taken() -> None:
    shop = Shop()

    def never(step: Step, call: Callable[[], Any]) -> Any:
        if step.op == "log.append" and any(each.sku == "S7" for each in step.kwargs["stock"]):
            raise StockChangedError("moved")
        return call()

    shop.pause = never
    told = shop.said(*[row(number, 5) for number in range(1, 100)])
    assert of(told) == counts(accepted=98, errors=1)
    assert told["rows"] == [{"row": 7, "code": "contention", "detail": "the position kept moving"}]


def test_an_answer_that_was_lost_is_found_in_the_log() -> None:
    shop = Shop()

    def twice(step: Step, call: Callable[[], Any]) -> Any:
        if step.op == "log.append":
            call()
        return call()

    shop.pause = twice
    assert of(shop.said(row(1, 5), row(2, minute=1, change=4, row_id="x"))) == counts(accepted=2)
    assert shop.on_hand() == {"S1": 5, "S2": 4}


# ---------------------------------------------------------------- files


@dataclass
class File:
    text: bytes
    name: str = "erp/stock.csv"
    feed_id: str = "file-1"
    gone: bool = False

    def lines(self, offset: int) -> Iterator[tuple[bytes, int]]:
        if self.gone:
            raise FeedGoneError("gone")
        for line in self.text[offset:].splitlines(keepends=True):
            offset += len(line)
            yield line.rstrip(b"\n"), offset


def csv_of(rows: int, on_hand: int = 5, minute: int = 0) -> bytes:
    lines = [f"S{number},N,{on_hand},2026-03-01T11:{minute:02d}:00Z,x\r\n" for number in range(rows)]
    return ("﻿SKU,node_id,on_hand,as_of,colour\r\n" + "".join(lines)).encode()


def test_a_csv_file_is_taken_and_the_same_file_again_changes_nothing() -> None:
    shop = Shop()
    told = shop.file(File(csv_of(300)))
    assert (told["state"], told["rows_read"], of(told)) == ("finished", 300, counts(accepted=300))
    before = dict(shop.store.streams)
    assert of(shop.file(File(csv_of(300)))) == counts(unchanged=300)
    assert shop.store.streams == before
    assert shop.checkpoint.document is None


def test_a_jsonl_file_says_the_same() -> None:
    shop = Shop()
    lines = [json.dumps(row(1, 5)), "", json.dumps(row(2, minute=3, change=4, row_id="a")), "[1]", "{"]
    told = shop.file(File("\n".join(lines).encode(), name="wms/2026/march.JSONL"))
    assert of(told) == counts(accepted=2, errors=2)
    assert [each["row"] for each in told["rows"]] == [3, 4]
    assert shop.on_hand() == {"S1": 5, "S2": 4}


def test_every_problem_is_in_a_file_and_the_first_ones_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_file, "PART", 20)
    monkeypatch.setattr(feed_file, "CHUNK", 16)
    monkeypatch.setattr(feed_file, "SHOWN", 30)
    shop = Shop()
    bad = b"".join(b"S%d,N,many,2026-03-01T11:00:00Z,\n" % number for number in range(70))
    told = shop.file(File(csv_of(3) + bad + b"too,few\n\xff,N,1,2026-03-01T11:00:00Z,\n" + b'"open,N,1,x,\n'))
    assert of(told) == counts(accepted=3, errors=73)
    assert [each["row"] for each in told["rows"]] == list(range(4, 34))
    texts = [shop.store.documents[key][0] for key in told["error_files"]]
    named = [json.loads(line)["row"] for text in texts for line in text.splitlines()]
    assert named == list(range(4, 77))
    (alert,) = shop.rows("alert")
    assert (alert["kind"], alert["errors"], alert["source"]) == ("stock_feed", 73, "erp")
    (listed,) = shop.rows("stock_feed")
    assert (listed["rows_read"], listed["document"]) == (76, alert["document"])
    assert json.loads(shop.store.documents[alert["document"]][0])["errors"] == 73


def test_a_long_file_is_put_down_and_taken_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_file, "CHUNK", 16)
    shop = Shop()
    file = File(csv_of(100) + b"S1,N,x,2026-03-01T11:00:00Z,\n")
    for _ in range(6):
        assert shop.file(file, lambda: False)["state"] == "unfinished"
    told = shop.file(file, lambda: False)
    assert told["state"] == "finished"
    assert (of(told), told["rows_read"], told["times_begun"]) == (counts(accepted=100, errors=1), 101, 7)
    assert told["rows"][0]["row"] == 101
    assert shop.on_hand() == dict.fromkeys(sorted(f"S{number}" for number in range(100)), 5)


def test_whoever_dies_is_followed_by_one_who_reads_the_rows_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_file, "CHUNK", 16)
    monkeypatch.setattr(feed_file, "CHUNKS", 2)
    shop = Shop()
    file = File(csv_of(100))

    def die(step: Step, call: Callable[[], Any]) -> Any:
        answer = call()
        if step.op == "log.append" and shop.writes() == 6:
            raise KeyboardInterrupt
        return answer

    shop.pause = die
    with pytest.raises(KeyboardInterrupt):
        shop.file(file)
    assert shop.checkpoint.document is not None
    assert shop.checkpoint.document["row"] == 64
    shop.pause = None
    told = shop.file(file)
    assert (told["state"], of(told)) == ("finished", counts(accepted=68, unchanged=32))
    assert len(shop.on_hand()) == 100
    assert shop.folded()


@pytest.mark.parametrize(
    ("file", "state", "why"),
    [
        (File(b"sku,node_id\nA,N\n"), "refused", "the first line names the columns"),
        (File(b"sku,sku,node_id,on_hand,as_of\n"), "refused", "the first line names the columns"),
        (File(b""), "refused", "the first line names the columns"),
        (File(csv_of(1), name="erp/stock.xlsx"), "refused", "a feed is called"),
        (File(csv_of(1), name="stock.csv"), "refused", "a feed is called"),
        (File(csv_of(1), name="E R P/stock.csv"), "refused", "a source is called"),
        (File(csv_of(1), gone=True), "gone", "gone"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_told(file: File, state: str, why: str) -> None:
    shop = Shop()
    told = shop.file(file)
    assert told["state"] == state
    assert why in told["refused"]
    assert len(shop.rows("alert")) == 1
    assert shop.store.positions == {}


def test_a_checkpoint_of_another_form_is_not_taken_up() -> None:
    shop = Shop(checkpoint=MemoryCheckpoint({"form": 0}))
    assert of(shop.file(File(csv_of(3)))) == counts(accepted=3)


# ---------------------------------------------------------------- reservations


def test_an_absolute_count_never_overwrites_a_reservation_made_meanwhile() -> None:
    shop = Shop()
    shop.said(row(1, 5))

    def reserve(step: Step, call: Callable[[], Any]) -> Any:
        """Two units are bound between the look at the position and the write."""
        answer = call()
        if step.op == "feed.fed" and not shop.store.positions["S1"]["N"].reserved:
            bound = StockDelta(sku="S1", node_id="N", available=-2, reserved=2)
            shop.store.put_in(shop.store.positions, "S1", "N", shop.store.positions["S1"]["N"].plus(bound))
        return answer

    shop.pause = reserve
    assert of(shop.said(row(1, 1, 10))) == counts(accepted=1)
    at = shop.store.positions["S1"]["N"]
    assert (at.reserved, at.on_hand, at.available, at.short) == (2, 2, 0, 1)
    assert at.balanced


# ---------------------------------------------------------------- lots


def lot(number: str, on_hand: int | None = None, minute: int = 0, **more: Any) -> dict[str, Any]:
    return row(1, on_hand, minute, lot=number, **more)


def stands(shop: Shop, number: str = "") -> StockDelta:
    return shop.store.positions["S1"][f"N~lot:9999-12-31:{number}" if number else "N"]


def test_what_is_said_of_a_lot_is_so_of_its_position() -> None:
    shop = Shop()
    assert of(shop.said(lot("A", 5), lot("B", 3), row(2, 4))) == counts(accepted=3)
    assert [stands(shop, each).on_hand for each in ("A", "B", "")] == [5, 3, 8]
    assert (stands(shop, "A").counts, stands(shop).counts) == (1, 0)
    assert of(shop.said(lot("A", 2, 5), lot("B", change=4, row_id="r1", minute=5))) == counts(accepted=2)
    assert [stands(shop, each).available for each in ("A", "B", "")] == [2, 7, 9]
    assert shop.folded()


def test_a_source_is_compared_with_itself_lot_by_lot() -> None:
    shop = Shop()
    shop.said(lot("A", 5, 10), lot("B", 3, 20))
    told = shop.said(lot("A", 4, 9), lot("B", 3, 20), lot("A", 6, 15), lot("B", change=1, row_id="r", minute=20))
    assert of(told) == counts(accepted=1, unchanged=1, stale=2)
    assert of(shop.said(lot("A", 6, 30), lot("B", change=1, row_id="s", minute=25))) == counts(accepted=1, unchanged=1)
    assert of(shop.said(lot("B", change=1, row_id="s", minute=25), lot("A", 7, 29))) == counts(unchanged=1, stale=1)
    assert [stands(shop, each).on_hand for each in ("A", "B", "")] == [6, 4, 10]
    assert shop.folded()


def test_a_lot_of_what_nobody_knows_is_refused() -> None:
    shop = Shop()
    told = shop.said(lot("A", 5, sku="S900"), lot("A", 5, node_id="M"), lot("A b", 5))
    assert [each["code"] for each in told["rows"]] == ["unknown_sku", "unknown_node", "malformed_row"]
    assert shop.store.positions == {}


def test_what_orders_have_bound_of_a_lot_stays_bound() -> None:
    shop = Shop()
    shop.said(lot("A", 5))
    for node in ("N", "N~lot:9999-12-31:A"):
        known = shop.store.positions["S1"][node]
        shop.store.positions["S1"][node] = known.plus(StockDelta(sku="S1", node_id=node, available=-3, reserved=3))
    shop.said(lot("A", 1, 5))
    for number in ("A", ""):
        at = stands(shop, number)
        assert (at.on_hand, at.available, at.reserved, at.short) == (3, 0, 3, 2)


def test_a_lot_loses_no_more_than_its_position_has() -> None:
    shop = Shop()
    shop.said(lot("A", 5), row(1, 0, 5))  # the second row is of the whole position, and moves no lot
    assert [stands(shop, each).on_hand for each in ("A", "")] == [5, 0]
    told = shop.said(lot("A", 2, 6), lot("A", change=-1, row_id="r", minute=7))
    assert [each["code"] for each in told["rows"]] == ["insufficient_stock"] * 2
    assert shop.said(lot("A", 7, 8))["accepted"] == 1


def test_rows_of_lots_are_written_as_many_as_a_transaction_takes() -> None:
    shop = Shop()
    rows = [row(number, 1 + number, lot="A") for number in range(100)]
    assert of(shop.said(*rows)) == counts(accepted=100)
    assert shop.writes() == 3  # 45, 45, 10
