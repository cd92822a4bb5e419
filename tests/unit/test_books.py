"""The books: each order's money held to itself, a day's entries written, in whatever pieces the log is read."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oms.application import reconcile
from oms.application.books import COLUMNS, TOTALS, Books, Day, taken_up
from oms.domain.commit import GENESIS, Cause, Commit, Unreadable
from oms.domain.order import accounts
from oms.domain.order import events as ev
from tests.proof.memory import MemoryViews
from tests.proof.memory.log import stored_form
from tests.support.builders import Story, line
from tests.unit.test_reconcile import T0, Shop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.domain.commit import StoredCommit

CAUSE = Cause(kind="workflow", ref="x", actor="promise")
DAY = Day(name="2026-03-01", since=datetime(2026, 3, 1, tzinfo=UTC), until=datetime(2026, 3, 2, tzinfo=UTC))
HEAD = "\ufeff" + ",".join(COLUMNS) + "\r\n"


class Told(Story):
    """A story that keeps the events of each command by themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[Any, ...]] = []

    def do(self, command: Any) -> tuple[Any, ...]:
        events = super().do(command)
        if events:
            self.told.append(events)
        return events


def whole() -> Told:
    """Placed, promised, shipped in two parcels, captured for each, and a part refunded."""
    story = Told()
    story.place(line("1", quantity=3, tax=191), shipping=495)
    story.promise()
    story.ship({"1": 1})
    story.settle()
    story.ship({"1": 2}, tracking="T2")
    story.settle()
    story.deliver_all()
    return story


def log(number: int, told: Sequence[tuple[Any, ...]], at: datetime = DAY.since, hours: float = 1) -> list[StoredCommit]:
    """The stored commits of an order, `hours` apart."""
    stored: list[StoredCommit] = []
    for place, events in enumerate(told, start=1):
        commit = Commit(
            stream=f"order#ord_{number}",
            number=place,
            command_id=f"{number}:{place}",
            cause=CAUSE,
            at=at + timedelta(hours=hours * place),
            events=events,
            previous=stored[-1].hash if stored else GENESIS,
        )
        stored.append(stored_form(commit))
    return stored


def read(books: Books, *pieces: Sequence[StoredCommit | Unreadable], whole: Sequence[StoredCommit] = ()) -> Books:
    """Pieces, each in a part of its own; what has to be read by itself is read from `whole`."""
    for part, piece in enumerate(pieces):
        for each in piece:
            books.take(part, each)
        books.end(part)
    for stream in list(books.again):
        books.read(stream, [each for each in whole if each.commit.stream == stream])
    return books


def entries_of(stored: Sequence[StoredCommit]) -> list[tuple[str, ...]]:
    """What the domain says of these commits, as lines."""
    order_id = stored[0].commit.stream.removeprefix("order#")
    found = accounts.entries(order_id, [each.commit for each in stored])
    return sorted((str(each.commit), each.account, f"{each.amount / 100:.2f}") for each in found)


def lines_of(books: Books) -> list[tuple[str, ...]]:
    of = {name: COLUMNS.index(name) for name in COLUMNS}
    return sorted(
        (each[of["commit"]], each[of["account"]], f"{float(each[of['debit']]) - float(each[of['credit']]):.2f}")
        for each in books.lines
    )


def test_a_day_has_the_entries_of_its_commits() -> None:
    stored = log(1, whole().told, at=DAY.since - timedelta(hours=3.5))
    books = read(Books(DAY), stored)
    of_day = [each for each in stored if DAY.has(each.commit.at)]
    numbers = {str(each.commit.number) for each in of_day}
    assert 0 < len(numbers) < len(stored)
    assert lines_of(books) == [each for each in entries_of(stored) if each[0] in numbers]
    assert books.report() == {
        "ledger_day": "2026-03-01",
        "ledger_orders": 1,
        "ledger_entries": len(books.lines),
        "ledger_files": 0,
        "ledger_drift": 0,
        "ledger_wrong": 0,
        "unbalanced": [],
    }
    debit, credit = (sum(float(each[TOTALS.index(side)]) for each in books.totals()) for side in ("debit", "credit"))
    assert debit == pytest.approx(credit)
    assert debit > 0


@pytest.mark.parametrize("cut", range(1, 6))
@pytest.mark.parametrize("first", ["head", "tail"])
def test_a_stream_in_pieces_is_counted_once(cut: int, first: str) -> None:
    stored = log(1, whole().told)
    head, tail = stored[:cut], stored[cut:]
    books = read(Books(DAY), *((head, tail) if first == "head" else (tail, head)), whole=stored)
    assert lines_of(books) == entries_of(stored)
    assert (books.orders, books.drift, books.wrong, books.again) == (1, 0, 0, {})


@pytest.mark.parametrize("cut", range(8))
def test_books_put_down_at_any_commit_say_the_same(cut: int) -> None:
    stored = [*log(1, whole().told), *log(2, whole().told)]
    books = Books(DAY)
    for each in stored[:cut]:
        books.take(0, each)
    books = taken_up(books.document())
    read(books, stored[cut:], whole=stored)
    assert books.report() == read(Books(DAY), stored).report()
    assert Counter(lines_of(books)) == Counter(lines_of(read(Books(DAY), stored)))
    assert books.sums == read(Books(DAY), stored).sums


def captured_short(told: list[tuple[Any, ...]], by: int) -> list[tuple[Any, ...]]:
    """The last capture, so much less."""
    changed = [list(events) for events in told]
    for events in reversed(changed):
        for place, event in enumerate(events):
            if isinstance(event, ev.PaymentCaptured):
                events[place] = replace(event, amount=event.amount - by)
                return [tuple(each) for each in changed]
    raise AssertionError("nothing was captured")


def test_an_order_that_is_not_settled_to_the_cent_is_named() -> None:
    books = read(Books(DAY), log(1, whole().told), log(2, captured_short(whole().told, 1)))
    assert (books.orders, books.drift, books.wrong) == (2, 1, 1)
    assert books.report()["unbalanced"] == [{"order_id": "ord_2", "currency": "EUR", "drift": 1}]


def test_an_order_on_its_way_is_not_called_wrong() -> None:
    told = whole().told
    for number in range(1, len(told)):
        assert read(Books(DAY), log(1, told[:number])).wrong == 0, told[number - 1]


def test_an_order_that_cannot_be_folded_is_named_and_the_others_are_read() -> None:
    broken = log(1, whole().told[1:])
    books = read(Books(DAY), [*broken, *log(2, whole().told)])
    assert books.unbalanced == [{"order_id": "ord_1", "problem": "unreadable"}]
    assert (books.orders, lines_of(books)) == (2, entries_of(log(2, whole().told)))


@pytest.mark.parametrize("gone", [2, 4])
def test_what_follows_an_unreadable_commit_is_left_to_whoever_names_it(gone: int) -> None:
    stored: list[StoredCommit | Unreadable] = list(log(1, whole().told))
    stored[gone - 1] = Unreadable(stream="order#ord_1", number=gone)
    books = Books(DAY)
    for each in stored:
        books.take(0, each)
    books.end(0)
    books.read("order#ord_1", stored)
    assert lines_of(books) == [each for each in entries_of(log(1, whole().told)) if int(each[0]) < gone]
    assert books.wrong == 0


def test_of_very_many_wrong_orders_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oms.application.books.NAMED", 2)
    books = read(Books(DAY), *(log(number, captured_short(whole().told, 5)) for number in range(3)))
    assert (books.wrong, books.drift, len(books.unbalanced)) == (3, 15, 2)


# ---------------------------------------------------------------- in a run of the reconciler


def shop_with(*orders: list[tuple[Any, ...]]) -> Shop:
    """A shop whose orders took their whole way the day before."""
    shop = Shop()
    shop.receive("SKU-1", 100)
    for number, told in enumerate(orders, start=1):
        for place, events in enumerate(told, start=1):
            at = T0 - timedelta(days=1) + timedelta(minutes=place)
            shop.commit(f"order#ord_{number}", *events, at=at)
    return shop


def files(shop: Shop) -> dict[str, list[list[str]]]:
    found = {name: body for name, (body, _) in shop.store.documents.items() if name.startswith("reports/ledger/")}
    return {name: list(csv.reader(io.StringIO(body.decode("utf-8-sig")))) for name, body in found.items()}


def told_at(node: str = "WH") -> list[tuple[Any, ...]]:
    """The events of `whole`, with the stock where the shop has it."""
    return [tuple(_moved(event, node) for event in events) for events in whole().told]


def _moved(event: Any, node: str) -> Any:
    if isinstance(event, ev.LinesReserved):
        units = tuple(replace(each, node_id=node) for each in event.units)
        return replace(event, units=units, fulfillment_orders=dict.fromkeys(event.fulfillment_orders, node))
    if isinstance(event, ev.ShipmentShipped):
        parcels = tuple(
            replace(parcel, units=tuple(replace(each, node_id=node) for each in parcel.units))
            for parcel in event.parcels
        )
        return replace(event, parcels=parcels)
    return event


def test_a_run_writes_the_day_before_in_files_of_bounded_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "LINES", 5)
    shop = shop_with(told_at(), told_at())
    report = shop.report()
    assert (report["ledger_day"], report["ledger_orders"], report["ledger_wrong"]) == ("2026-02-28", 2, 0)
    found = files(shop)
    totals = found.pop("reports/ledger/2026/02/ledger-2026-02-28-totals.csv")
    assert len(found) == report["ledger_files"] > 1
    rows = [row for name in sorted(found) for row in found[name][1:]]
    assert len(rows) == report["ledger_entries"]
    assert {row[COLUMNS.index("order_id")] for row in rows} == {"ord_1", "ord_2"}
    assert totals[0] == list(TOTALS)
    assert len(totals) > 4


def test_a_drift_of_money_is_an_alert() -> None:
    shop = shop_with(told_at(), captured_short(told_at(), 7))
    report = shop.report()
    assert (report["drift"], report["broken"], report["ledger_drift"], report["ledger_wrong"]) == (0, 0, 7, 1)
    ((alert,), _) = MemoryViews(shop.store).list_rows("alert", 10, "")
    assert (alert["kind"], alert["ledger_wrong"]) == ("ledger_drift", 1)


def test_a_run_put_down_again_and_again_writes_the_same_entries() -> None:
    once = shop_with(told_at(), told_at(), told_at())
    once.report()
    shop = shop_with(told_at(), told_at(), told_at())
    done = shop.reconciler()(begin=True, more=lambda: False)
    while done["state"] == "unfinished":
        done = shop.reconciler()(begin=False, more=lambda: False)
    assert files(shop) == files(once)
