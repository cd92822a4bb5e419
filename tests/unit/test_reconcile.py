"""The reconciler over ports in memory: what is wrong is named, and nothing else, whatever moves meanwhile."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from oms.adapters.dynamodb_scan import DynamoScan
from oms.application import reconcile, reconcile_run
from oms.application.reconcile import Reconcile
from oms.domain.audit import UnreadableRow
from oms.domain.commit import Cause, Commit, Unreadable
from oms.domain.movements import MovementKind
from oms.domain.order import events as ev
from oms.domain.stock import StockDelta, StockMoved, StockMovement, stock_deltas
from tests.proof.memory import (
    MemoryCheckpoint,
    MemoryDocuments,
    MemoryEverything,
    MemoryLog,
    MemoryViews,
    Store,
)
from tests.proof.memory.log import stored_form
from tests.proof.memory.store import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from oms.domain.commit import StoredCommit
    from tests.proof.memory.store import Step

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
API = Cause(kind="api", ref="request:1", actor="warehouse")


@dataclass
class Shop:
    """Ports over one store. `meanwhile` is called before each page of stock or of the log is read."""

    store: Store = field(default_factory=Store)
    now: datetime = T0
    checkpoint: MemoryCheckpoint = field(default_factory=MemoryCheckpoint)
    meanwhile: Callable[[], None] = lambda: None
    moved: int = 0

    def __post_init__(self) -> None:
        self.log = MemoryLog(self.store)

    def clock(self) -> datetime:
        return self.now

    def receive(self, sku: str, units: int, kind: str = "receipt") -> str:
        self.now += timedelta(seconds=1)
        self.moved += 1
        stream = f"stock#{self.moved}"
        movement = StockMovement(sku=sku, node_id="WH", kind=MovementKind(kind), quantity=units)
        self.commit(stream, StockMoved(movements=(movement,)))
        return stream

    def commit(self, stream: str, *events: Any, at: datetime | None = None) -> None:
        """The next commit of a stream, with what it does to stock."""
        history = self.log.read(stream)
        number = history.number + 1
        commit = Commit(
            stream=stream,
            number=number,
            command_id=f"{stream}:{number}",
            cause=API,
            at=at or self.now,
            events=events,
            previous=history.head,
        )
        self.log.append(commit, stock=stock_deltas(events))

    def order(self, number: int, sku: str = "A") -> str:
        """An order that reserves a unit, says something that moves no stock, and frees the unit again."""
        stream = f"made#{number}"
        self.commit(stream, reserved(sku))
        self.commit(stream, note())
        self.commit(stream, freed(sku))
        self.commit(stream, note())
        return stream

    def row(self, sku: str, **changes: Any) -> None:
        """Somebody changes a row."""
        known = self.store.positions[sku]["WH"]
        self.store.positions[sku]["WH"] = replace(known, **changes)

    def without(self, stream: str, *numbers: int) -> None:
        """Somebody takes commits out."""
        self.rewritten(stream, [each for each in self.stored(stream) if each.commit.number not in numbers])

    def stored(self, stream: str) -> tuple[StoredCommit, ...]:
        return self.store.streams[stream].stored

    def rewritten(self, stream: str, stored: list[StoredCommit]) -> None:
        if stored:
            self.store.streams[stream] = Stream(self.store.streams[stream].history, tuple(stored))
        else:
            del self.store.streams[stream]

    def reconciler(self) -> Reconcile:
        def pause(step: Step, call: Callable[[], Any]) -> Any:
            if step.op.startswith("everything."):
                self.meanwhile()
            return call()

        return Reconcile(
            MemoryEverything(self.store, pause=pause),
            MemoryViews(self.store),
            MemoryDocuments(self.store),
            self.checkpoint,
            self.wait,
            "Etc/UTC",
            self.clock,
        )

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.meanwhile()

    def report(self) -> dict[str, Any]:
        return self.reconciler()(begin=True)


def units(sku: str, quantity: int = 1) -> ev.NodeUnits:
    return ev.NodeUnits(line_id="1", sku=sku, node_id="WH", quantity=quantity)


def reserved(sku: str) -> ev.LinesReserved:
    return ev.LinesReserved(units=(units(sku),), fulfillment_orders={"ful_1": "WH"}, promised_by=T0, decision={})


def freed(sku: str) -> ev.LinesCancelled:
    return ev.LinesCancelled(lines=(), origin="api", freed=(units(sku),))


def note() -> ev.HoldReleased:
    return ev.HoldReleased(hold_id="hld_1")


@pytest.fixture
def shop() -> Shop:
    """Two positions and ten orders."""
    made = Shop()
    made.receive("A", 100)
    made.receive("B", 50)
    made.receive("B", 7, "damage")
    for number in range(10):
        made.order(number)
    return made


def test_nothing_is_wrong(shop: Shop) -> None:
    report = shop.report()
    assert (report["state"], report["drift"], report["broken"], report["unsettled"]) == ("finished", 0, 0, 0)
    assert (report["looks"], report["positions"], report["commits"]) == (1, 2, 43)
    assert not shop.store.items.get("alert")


def test_a_changed_row_is_named_with_its_components(shop: Shop) -> None:
    shop.row("B", on_hand=51, available=44)
    report = shop.report()
    components = [
        {"component": "on_hand", "log": 50, "stock": 51},
        {"component": "available", "log": 43, "stock": 44},
    ]
    assert report["drifts"] == [{"sku": "B", "node": "WH", "components": components}]
    assert (report["drift"], report["broken"]) == (1, 0)


def test_a_row_without_a_log_and_a_log_without_its_row(shop: Shop) -> None:
    shop.store.positions["C"] = {"WH": StockDelta(sku="C", node_id="WH", on_hand=3, available=3)}
    del shop.store.positions["A"]
    drifts = {each["sku"]: each["components"] for each in shop.report()["drifts"]}
    assert set(drifts) == {"A", "C"}
    assert {"component": "on_hand", "log": 0, "stock": 3} in drifts["C"]
    assert {"component": "on_hand", "log": 100, "stock": 0} in drifts["A"]


def test_a_row_of_nothing_is_no_row(shop: Shop) -> None:
    shop.store.positions["C"] = {"WH": StockDelta(sku="C", node_id="WH")}
    assert shop.report()["drift"] == 0


def test_a_missing_commit_is_a_gap_and_what_it_moved_a_drift(shop: Shop) -> None:
    shop.without("made#3", 1)
    shop.without("made#5", 2)
    report = shop.report()
    assert report["broken_streams"] == [
        {"stream": "made#3", "commit": 1, "problem": "missing"},
        {"stream": "made#5", "commit": 2, "problem": "missing"},
    ]
    assert [each["sku"] for each in report["drifts"]] == ["A"]


def test_a_last_commit_is_missed_by_its_stock_alone(shop: Shop) -> None:
    shop.without("made#3", 3, 4)
    report = shop.report()
    assert (report["broken"], [each["sku"] for each in report["drifts"]]) == (0, ["A"])


def test_a_last_commit_that_moved_nothing_cannot_be_missed(shop: Shop) -> None:
    shop.without("made#3", 4)
    report = shop.report()
    assert (report["broken"], report["drift"]) == (0, 0)


def test_a_whole_stream_that_is_gone_is_a_drift(shop: Shop) -> None:
    stream = shop.receive("A", 5)
    shop.without(stream, 1)
    assert [each["sku"] for each in shop.report()["drifts"]] == ["A"]


def test_an_altered_commit_is_found_and_so_is_one_with_a_new_hash(shop: Shop) -> None:
    first = shop.stored("made#1")
    shop.rewritten("made#1", [*first[:1], replace(first[1], plain_events=[]), *first[2:]])
    second = shop.stored("made#2")
    forged = stored_form(replace(second[0].commit, events=(reserved("B"),)))
    shop.rewritten("made#2", [forged, *second[1:]])
    report = shop.report()
    assert report["broken_streams"] == [
        {"stream": "made#1", "commit": 2, "problem": "altered"},
        {"stream": "made#2", "commit": 2, "problem": "unlinked"},
    ]
    assert [each["sku"] for each in report["drifts"]] == ["A", "B"]


def test_an_unreadable_commit_is_named(shop: Shop) -> None:
    stored: list[Any] = list(shop.stored("made#1"))
    lost = Unreadable(stream="made#1", number=2)
    shop.rewritten("made#1", [stored[0], lost, *stored[2:]])  # type: ignore[list-item]  # as an adapter gives it
    report = shop.report()
    assert [each["problem"] for each in report["broken_streams"]] == ["unreadable"]


def test_an_unreadable_row_is_named_and_the_others_are_looked_at(shop: Shop) -> None:
    shop.row("B", on_hand=51)
    unreadable: Any = UnreadableRow(sku="A", node_id="WH")
    shop.store.positions["A"]["WH"] = unreadable
    report = shop.report()
    assert [(each["sku"], each.get("problem", "")) for each in report["drifts"]] == [("A", "unreadable"), ("B", "")]
    assert report["drift"] == 2


def test_an_unreadable_row_is_named_also_when_the_run_is_put_down(shop: Shop) -> None:
    unreadable: Any = UnreadableRow(sku="A", node_id="WH")
    shop.store.positions["A"]["WH"] = unreadable
    reports = [shop.reconciler()(begin=True, more=lambda: False)]
    while reports[-1]["state"] != "finished":
        reports.append(shop.reconciler()(begin=False, more=lambda: False))
    assert [each["sku"] for each in reports[-1]["drifts"]] == ["A"]


@pytest.mark.parametrize("changes", [{"on_hand": {"S": "9"}}, {"available": {"N": "1.5"}}, {"shards": {"BOOL": True}}])
def test_a_row_of_other_types_is_read_as_unreadable(changes: dict[str, Any]) -> None:
    good = {"pk": {"S": "A"}, "sk": {"S": "N1#0"}, "on_hand": {"N": "2"}, "available": {"N": "2"}}
    bad = {**good, "sk": {"S": "N2#0"}, **changes}
    client = SimpleNamespace(scan=lambda **_: {"Items": [good, bad]}, query=lambda **_: {"Items": [good, bad]})
    found = DynamoScan(client, "events", "stock")
    wanted = [StockDelta(sku="A", node_id="N1", on_hand=2, available=2), UnreadableRow(sku="A", node_id="N2")]
    assert [each for page in found.stock_pages() for each in page] == wanted
    assert found.positions(["A"]) == wanted


def test_a_report_an_alert_and_a_row(shop: Shop) -> None:
    shop.row("B", on_hand=51)
    report = shop.report()
    key = "reports/reconcile/2026/03/reconcile-2026-03-01.json"
    body, kind = shop.store.documents[key]
    assert json.loads(body) == {name: value for name, value in report.items() if name != "state"}
    assert kind == "application/json"
    views = MemoryViews(shop.store)
    ((alert,), _) = views.list_rows("alert", 10, "")
    assert (alert["kind"], alert["drift"], alert["document"]) == ("stock_drift", 1, key)
    row = views.get_row("reconciliation", "2026-03-01")
    assert row is not None
    assert (row["drift"], row["document"]) == (1, key)


def test_a_broken_log_alone_is_an_alert_of_its_own_kind(shop: Shop) -> None:
    shop.without("made#3", 2)
    shop.report()
    ((alert,), _) = MemoryViews(shop.store).list_rows("alert", 10, "")
    assert (alert["kind"], alert["drift"], alert["broken"]) == ("broken_log", 0, 1)


# ---------------------------------------------------------------- orders are taken meanwhile


def busy(shop: Shop, *, lag: timedelta = timedelta(0)) -> Callable[[], None]:
    """Before every page orders begin and end, old ones go on, goods come in; a commit may be dated `lag` before it."""
    begun = 100

    def go_on() -> None:
        nonlocal begun
        shop.now += timedelta(milliseconds=10)
        begun += 1
        at = shop.now - lag
        shop.commit(f"made#{begun}", reserved("A"), at=at)
        if begun > 103:
            shop.commit(f"made#{begun - 3}", freed("A"), at=at)
        shop.commit(f"made#{begun % 10}", reserved("B"), at=at)
        shop.commit(f"made#{begun % 10}", freed("B"), at=at)
        shop.now += timedelta(milliseconds=10)

    return go_on


@pytest.mark.parametrize("lag", [timedelta(0), timedelta(milliseconds=5)])
def test_what_moves_meanwhile_is_no_drift(shop: Shop, lag: timedelta) -> None:
    shop.meanwhile = busy(shop, lag=lag)
    for _ in range(5):
        report = shop.report()
        assert (report["drift"], report["broken"], report["unsettled"]) == (0, 0, 0)


def test_a_drift_of_a_row_that_moves_all_the_time_is_found(shop: Shop) -> None:
    shop.row("A", on_hand=101, available=101)
    shop.without("made#3", 2)
    shop.meanwhile = busy(shop)
    report = shop.report()
    assert [(each["sku"], len(each["components"])) for each in report["drifts"]] == [("A", 2)]
    assert [each["stream"] for each in report["broken_streams"]] == ["made#3"]


def test_a_commit_on_its_way_at_the_first_reading_is_looked_at_again(shop: Shop) -> None:
    """It is dated before the row is read, and written behind it."""
    pages = 0

    def late() -> None:
        nonlocal pages
        pages += 1
        if pages == 3:
            shop.commit("made#9", reserved("A"), at=T0)

    shop.meanwhile = late
    report = shop.report()
    assert (report["looks"], report["drift"], report["unsettled"]) == (2, 0, 0)


def test_a_writer_whose_clock_is_ahead_makes_no_drift(shop: Shop) -> None:
    shop.commit("made#ahead", reserved("A"), at=shop.now + timedelta(hours=1))
    assert shop.report()["drift"] == 0


def test_what_moves_at_every_reading_is_neither_proved_nor_refuted(shop: Shop) -> None:
    """Commits dated long before they are written: at every reading others of them are on their way."""
    shop.meanwhile = lambda: shop.commit("made#9", reserved("A"), at=T0)
    report = shop.report()
    assert (report["looks"], report["drift"], report["unsettled"]) == (3, 0, 1)
    assert report["moving"] == [{"sku": "A", "node": "WH"}]
    assert not shop.store.items.get("alert")


# ---------------------------------------------------------------- put down and taken up


def test_a_run_in_pieces_says_what_one_run_says(shop: Shop) -> None:
    shop.row("A", on_hand=101)
    shop.without("made#3", 2)
    whole = shop.report()
    calls = 1
    done = shop.reconciler()(begin=True, more=lambda: False)
    while done["state"] == "unfinished":
        assert shop.checkpoint.document is not None
        calls += 1
        done = shop.reconciler()(begin=False, more=lambda: False)
    assert calls > 10
    assert shop.checkpoint.document is None
    timed = ("started_at", "finished_at")
    assert [value for name, value in done.items() if name not in timed] == [
        value for name, value in whole.items() if name not in timed
    ]


def test_a_run_that_dies_goes_on_from_where_it_was_last_put_down(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "PAGES", 2)
    shop.row("A", on_hand=101)

    def dies() -> bool:
        if shop.checkpoint.saved == 2:
            raise TimeoutError
        return True

    with pytest.raises(TimeoutError):
        shop.reconciler()(begin=True, more=dies)
    assert shop.checkpoint.document is not None
    report = shop.report()
    assert (report["commits"], report["drift"], report["broken"]) == (43, 1, 0)


def test_pieces_with_orders_between_them(shop: Shop) -> None:
    shop.meanwhile = busy(shop)
    done = shop.reconciler()(begin=True, more=lambda: False)
    for _ in range(100):
        if done["state"] != "unfinished":
            break
        shop.meanwhile()
        done = shop.reconciler()(begin=False, more=lambda: False)
    assert (done["state"], done["drift"], done["broken"], done["unsettled"]) == ("finished", 0, 0, 0)


def test_what_goes_on_does_not_begin(shop: Shop) -> None:
    assert shop.reconciler()(begin=False) == {"state": "idle"}
    assert not shop.store.documents


def test_what_was_put_down_in_another_form_is_begun_anew(shop: Shop) -> None:
    shop.checkpoint.document = {"form": 0}
    assert shop.report()["drift"] == 0
    assert shop.checkpoint.document is None


def test_of_too_many_suspects_some_are_looked_at_and_the_rest_is_counted(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile_run, "NAMED", 1)
    for sku in "AB":
        shop.row(sku, on_hand=7)
    for number in (1, 2, 3):
        shop.without(f"made#{number}", 2)
    report = shop.report()
    assert (report["drift"], report["broken"]) == (1, 1)
    assert report["not_looked_at"] == {"positions": 1, "streams": 2}
