"""Replay from any point: read from the log, with the ids of the first time, put down and taken up again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from oms.adapters.outbound_http import Answered
from oms.application import outbound_replay
from oms.domain.commit import GENESIS, Cause, Commit, StoredCommit
from oms.domain.errors import (
    IdempotencyKeyReusedError,
    InvalidInputError,
    WebhookDisabledError,
    WebhookNotFoundError,
)
from oms.domain.history import History
from oms.domain.movements import MovementKind
from oms.domain.outbound import webhook_id
from oms.domain.public_events import public_events
from oms.domain.stock import StockMoved, StockMovement
from tests.support.outbound import START, World

BEFORE = START - timedelta(days=10)


def commit(number: int, node_id: str = "us-east") -> StoredCommit:
    """A movement of stock, `number` hours after `BEFORE`."""
    moved = StockMovement(sku=f"SKU-{number}", node_id=node_id, kind=MovementKind.RECEIPT, quantity=number + 1)
    made = Commit(
        stream=f"stock#mov_{number}",
        number=1,
        command_id=f"cmd_{number}",
        cause=Cause(kind="api", ref="r"),
        at=BEFORE + timedelta(hours=number),
        events=(StockMoved(movements=(moved,)),),
        previous=GENESIS,
    )
    return StoredCommit(commit=made, plain_events=[], hash="h")


def event_of(stored: StoredCommit) -> tuple[str, str, dict[str, Any]]:
    """Its public event, as the bus had it."""
    ((event_id, kind, detail),) = public_events(stored.commit)
    return event_id, kind, {**detail, "event_id": event_id}


def filled(count: int, page: int) -> World:
    """A world whose log has so many commits, so many a page."""
    world = World()
    commits = [commit(number) for number in range(count)]
    pages = [commits[start : start + page] for start in range(0, count, page)]
    world.log = [
        (list(each), (str(index), "x") if index + 1 < len(pages) else None) for index, each in enumerate(pages)
    ]
    return world


def test_what_is_sent_again_is_what_was_sent_with_the_id_it_had() -> None:
    world = filled(6, 4)
    made = world.subscribe(event_types=("StockMoved.v1",))
    event_id, kind, detail = event_of(commit(4))
    world.fan_out(kind, detail)
    world.settle()
    (first,) = world.received
    row = world.ask_replay("r1", made.subscription_id, BEFORE + timedelta(hours=3), "admin")
    world.settle()
    again = world.received[1:]
    assert [each.event_id for each in again] == [event_of(commit(number))[0] for number in (3, 4, 5)]
    assert again[1].body == first.body
    assert again[1].headers["webhook-id"] == first.headers["webhook-id"] == webhook_id(made.subscription_id, event_id)
    told = world.ask_replay.show(made.subscription_id, row["replay_id"])
    assert (told["state"], told["sent"], told["unreadable"]) == ("finished", 3, 0)


def test_a_replay_begins_at_an_event() -> None:
    world = filled(6, 6)
    made = world.subscribe(event_types=("StockMoved.v1",))
    known = commit(2)

    def read(stream: str) -> History:
        return History(stream=stream, commits=(known.commit,) if stream == known.commit.stream else (), head="h")

    world.read = read  # type: ignore[attr-defined]
    row = world.ask_replay("r1", made.subscription_id, event_of(known)[0], "admin")
    assert row["since"] == known.commit.at.isoformat()
    world.settle()
    assert [each.event_id for each in world.received] == [event_of(commit(number))[0] for number in (2, 3, 4, 5)]
    for unknown in ("stock#mov_9:1:0", "stock#mov_2:2:0", "stock#mov_2:x:0", "stock#mov_2", ""):
        with pytest.raises(InvalidInputError):
            world.ask_replay("r2", made.subscription_id, unknown, "admin")


def test_a_long_replay_is_put_down_and_taken_up_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound_replay, "SLICE", 5)
    world = filled(23, 4)
    made = world.subscribe(event_types=("StockMoved.v1",))
    row = world.ask_replay("r1", made.subscription_id, BEFORE, "admin")
    slices = 0
    while any("replay" in message for _, message in world.waiting):
        world.now = max(world.now, min(at for at, _ in world.waiting))
        slices += any("replay" in message for at, message in world.waiting if at <= world.now)
        world.step()
    world.settle()
    assert slices >= 3
    assert sorted(each.event_id for each in world.received) == sorted(event_of(commit(n))[0] for n in range(23))
    assert world.ask_replay.show(made.subscription_id, row["replay_id"])["sent"] == 23


def test_a_slice_that_is_made_again_repeats_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound_replay, "SLICE", 5)
    world = filled(12, 4)
    made = world.subscribe(event_types=("StockMoved.v1",))
    world.ask_replay("r1", made.subscription_id, BEFORE, "admin")
    ((_, message),) = world.waiting
    world.step()
    world.waiting.append((world.now, message))
    world.settle()
    ids = [each.headers["webhook-id"] for each in world.received]
    assert len(set(ids)) == 12
    assert len(ids) > 12


def test_a_replay_is_asked_for_once_by_its_key() -> None:
    world = filled(3, 3)
    made = world.subscribe(event_types=("StockMoved.v1",))
    row = world.ask_replay("r1", made.subscription_id, BEFORE, "admin")
    world.settle()
    assert world.ask_replay("r1", made.subscription_id, BEFORE, "admin")["state"] == "finished"
    world.settle()
    assert len(world.received) == 3
    with pytest.raises(IdempotencyKeyReusedError):
        world.ask_replay("r1", made.subscription_id, BEFORE + timedelta(hours=1), "admin")
    with pytest.raises(WebhookNotFoundError):
        world.ask_replay.show("whs_other", row["replay_id"])


def test_a_replay_whose_message_was_lost_is_asked_for_again() -> None:
    world = filled(3, 3)
    made = world.subscribe(event_types=("StockMoved.v1",))
    world.ask_replay("r1", made.subscription_id, BEFORE, "admin")
    world.waiting.clear()
    world.ask_replay("r1", made.subscription_id, BEFORE, "admin")
    world.settle()
    assert len(world.received) == 3


def test_a_replay_of_what_is_disabled_or_to_come_is_refused() -> None:
    world = filled(3, 3)
    made = world.subscribe(event_types=("StockMoved.v1",))
    with pytest.raises(InvalidInputError):
        world.ask_replay("r0", made.subscription_id, START + timedelta(seconds=1), "admin")
    world.manage.disable(made.subscription_id, "admin")
    with pytest.raises(WebhookDisabledError):
        world.ask_replay("r1", made.subscription_id, BEFORE, "admin")


def test_a_replay_ends_with_its_subscription_and_waits_while_the_endpoint_is_left_alone() -> None:
    world = filled(3, 3)
    made = world.subscribe(event_types=("StockMoved.v1",))
    row = world.ask_replay("r1", made.subscription_id, BEFORE, "admin")
    world.subscriptions.failed(made.subscription_id, "a#1", START, "x", START + timedelta(minutes=8))
    world.step()
    ((at, message),) = world.waiting
    assert (at - START, message["replay"]["mark"]) == (timedelta(minutes=5), None)
    world.manage.disable(made.subscription_id, "admin")
    world.settle()
    assert world.received == []
    assert world.ask_replay.show(made.subscription_id, row["replay_id"])["state"] == "ended"


def test_a_replay_leaves_out_what_is_not_asked_for() -> None:
    world = World()
    world.log = [([commit(0), commit(1, "de-main"), commit(2)], None)]
    made = world.subscribe(event_types=("StockMoved.v1",), node_ids=("de-main",))
    world.subscribe("other", event_types=("OrderPlaced.v1",))
    world.ask_replay("r1", made.subscription_id, BEFORE, "admin")
    world.answer = lambda _: Answered(status=200)
    world.settle()
    assert [each.event_id for each in world.received] == [event_of(commit(1))[0]]
