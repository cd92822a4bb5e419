"""Stock against the log, and the log against itself: what counts as wrong, and how it is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oms.domain.audit import NOTHING, Account, Chain, Fold, Verdict, broken_at, counts_of, describe
from oms.domain.codec import event_to_plain
from oms.domain.commit import GENESIS, Cause, Commit, StoredCommit, Unreadable, chain_hash
from oms.domain.movements import MovementKind
from oms.domain.order import events as ev
from oms.domain.stock import COMPONENTS, StockDelta, StockMoved, StockMovement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.domain.audit import Counts

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def stored(number: int, previous: str, *events: Any, at: datetime = T0, stream: str = "order#1") -> StoredCommit:
    commit = Commit(
        stream=stream,
        number=number,
        command_id=f"c{number}",
        cause=Cause(kind="api", ref="r"),
        at=at,
        events=events,
        previous=previous,
    )
    plain = [event_to_plain(event) for event in events]
    return StoredCommit(commit=commit, plain_events=plain, hash=chain_hash(commit, plain))


def chain(*events: Any, stream: str = "order#1") -> list[StoredCommit]:
    """A sound stream, an event a commit."""
    made: list[StoredCommit] = []
    for number, event in enumerate(events, start=1):
        made.append(stored(number, made[-1].hash if made else GENESIS, event, stream=stream))
    return made


def receipt(units: int, *skus: str) -> StockMoved:
    """Of these SKUs, or of A."""
    return StockMoved(
        movements=tuple(
            StockMovement(sku=sku, node_id="WH", kind=MovementKind.RECEIPT, quantity=units) for sku in skus or ("A",)
        )
    )


def row(sku: str, **counts: int) -> StockDelta:
    return StockDelta(sku=sku, node_id="WH", **counts)


def units(on_hand: int, available: int) -> Counts:
    """Of all components, these two."""
    return counts_of(row("A", on_hand=on_hand, available=available))


def unlike(fold: Fold) -> dict[str, Account]:
    return {sku: account for (sku, _), account in fold.unlike()}


# ---------------------------------------------------------------- positions


def test_a_row_is_held_against_the_log_as_of_when_it_was_read() -> None:
    fold = Fold(T0)
    fold.read(T0 + 2 * SECOND, [row("A", on_hand=5, available=5)])
    fold.add(stored(1, GENESIS, receipt(5), at=T0 + 2 * SECOND))
    fold.add(stored(2, "", receipt(3), at=T0 + 3 * SECOND))
    assert unlike(fold) == {}
    account = fold.accounts["A", "WH"]
    assert (account.then, account.total) == ([units(5, 5)], units(8, 8))


def test_every_component_is_compared() -> None:
    moved = ev.LinesReserved(
        units=(ev.NodeUnits(line_id="1", sku="A", node_id="WH", quantity=2),),
        fulfillment_orders={},
        promised_by=T0,
        decision={},
    )
    for name in COMPONENTS:
        sound = {"on_hand": 5, "available": 3, "reserved": 2}
        fold = Fold(T0)
        fold.read(T0, [row("A", **{**sound, name: sound.get(name, 0) + 1})])
        fold.add(stored(1, GENESIS, receipt(5), moved))
        ((position, account),) = fold.unlike()
        assert describe(position, account) == {
            "sku": "A",
            "node": "WH",
            "components": [{"component": name, "log": sound.get(name, 0), "stock": sound.get(name, 0) + 1}],
        }


def test_a_position_of_the_log_without_a_row() -> None:
    fold = Fold(T0)
    fold.add(stored(1, GENESIS, receipt(5), at=T0))
    fold.add(stored(1, GENESIS, receipt(5, "B"), at=T0 + SECOND, stream="order#2"))
    ((_, account),) = fold.unlike()
    assert list(unlike(fold)) == ["A"]
    assert (account.readings, account.then) == ([(T0, NOTHING)], [units(5, 5)])


def test_a_row_without_a_log() -> None:
    fold = Fold(T0)
    fold.read(T0, [row("A", on_hand=1), row("B")])
    assert list(unlike(fold)) == ["A"]


def test_a_second_look_is_at_some_positions_only() -> None:
    fold = Fold(T0, [("A", "WH"), ("B", "WH")])
    for reading in range(3):
        fold.read_again(T0 + reading * SECOND, [row("A", on_hand=5, available=5), row("C", on_hand=1)])
    fold.add(stored(1, GENESIS, receipt(5, "C", "A"), at=T0))
    assert set(fold.accounts) == {("A", "WH"), ("B", "WH")}
    assert unlike(fold) == {}
    assert fold.accounts["B", "WH"].readings == [(T0 + reading * SECOND, NOTHING) for reading in range(3)]


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ((0,), Verdict.AGREES),
        ((1,), Verdict.DIFFERS),
        ((0, 1), Verdict.MOVES),
        ((0, 0, 1), Verdict.AGREES),
        ((0, 1, 1), Verdict.MOVES),
        ((1, 1, 1), Verdict.DIFFERS),
        ((1, 1, 2), Verdict.MOVES),
    ],
)
def test_what_readings_say_together(differences: Sequence[int], verdict: Verdict) -> None:
    account = Account()
    for number, difference in enumerate(differences):
        account.read(T0 + number * SECOND, units(10 + difference, 10))
    account.moved(T0, units(10, 10))
    account.moved(T0 + timedelta(hours=1), units(-4, -4))
    assert [each[0] for each in account.differences] == list(differences)
    assert account.verdict is verdict


def test_a_clock_that_is_ahead_is_no_difference() -> None:
    account = Account()
    account.read(T0, units(5, 5))
    account.moved(T0 + SECOND, units(5, 5))
    assert account.verdict is Verdict.AGREES


# ---------------------------------------------------------------- streams


def test_sound_streams_follow() -> None:
    follows = Chain().follows
    assert all(follows(each) for name in ("order#1", "order#2") for each in chain(*map(receipt, (1, 2)), stream=name))
    assert broken_at("order#1", chain(receipt(1), receipt(2))) is None
    assert broken_at("order#1", []) is None


def test_a_stream_goes_on_where_it_was_left() -> None:
    first, second, third = chain(*map(receipt, (1, 2, 3)))
    before = Chain()
    assert before.follows(first)
    after = Chain(before.tail)
    assert after.tail == ("order#1", 1, first.hash)
    assert after.follows(second)
    assert after.follows(third)


@pytest.mark.parametrize(
    ("change", "commit", "problem"),
    [
        (lambda one, two, three: [two, three], 1, "missing"),
        (lambda one, two, three: [one, three], 2, "missing"),
        (lambda one, two, three: [one, replace(two, plain_events=[]), three], 2, "altered"),
        (lambda one, two, three: [replace(one, hash="0" * 16), two, three], 1, "altered"),
        (lambda one, two, three: [one, stored(2, "f" * 16, receipt(2)), three], 2, "unlinked"),
        (lambda one, two, three: [stored(1, GENESIS, receipt(9)), two, three], 2, "unlinked"),
        (lambda one, two, three: [stored(1, "f" * 16, receipt(1)), two, three], 1, "unlinked"),
        (lambda one, two, three: [one, Unreadable(stream="order#1", number=2), three], 2, "unreadable"),
        (lambda one, two, three: [Unreadable(stream="order#1", number=1), two, three], 1, "unreadable"),
        (lambda one, two, three: [one, Unreadable(stream="order#1", number=3)], 2, "missing"),
        (lambda one, two, three: [two, Unreadable(stream="order#1", number=3)], 1, "missing"),
    ],
)
def test_a_broken_stream_is_a_suspect_and_named(change: Any, commit: int, problem: str) -> None:
    changed = change(*chain(*map(receipt, (1, 2, 3))))
    follows = Chain().follows
    assert not all(follows(each) for each in changed)
    assert broken_at("order#1", changed) == {"stream": "order#1", "commit": commit, "problem": problem}


def test_behind_an_unreadable_commit_nothing_follows() -> None:
    one, _, three = chain(*map(receipt, (1, 2, 3)))
    (other,) = chain(receipt(1), stream="order#2")
    follows = Chain().follows
    found = [follows(each) for each in (one, Unreadable(stream="order#1", number=2), three, other)]
    assert found == [True, False, False, True]


def test_a_cut_at_the_end_is_not_seen_here() -> None:
    cut = chain(*map(receipt, (1, 2, 3)))[:2]
    follows = Chain().follows
    assert all(follows(each) for each in cut)
    assert broken_at("order#1", cut) is None


def test_a_stream_in_pieces_is_a_suspect_and_sound() -> None:
    one, two = chain(receipt(1), receipt(2))
    (other,) = chain(receipt(1), stream="order#2")
    follows = Chain().follows
    assert [follows(each) for each in (one, other, two)] == [True, True, False]
    assert broken_at("order#1", [one, two]) is None
