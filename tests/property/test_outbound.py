"""Outbound webhooks: whatever endpoints do, each subscriber is told exactly what it asked for, by one id."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oms.adapters.outbound_http import Answered
from oms.application.outbound_deliver import Outcome
from oms.domain.outbound import State, webhook_id
from tests.support.outbound import START, World

KINDS = ("OrderPlaced.v1", "OrderHeld.v1", "StockMoved.v1")
CHANNELS = ("shopify", "amazon")
ANSWERS = st.sampled_from([200, 204, 301, 400, 429, 500, 503, 0])
EVENTS = st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from((*CHANNELS, ""))), min_size=1, max_size=12)
WANTED = st.lists(
    st.tuples(st.lists(st.sampled_from(KINDS), min_size=1, unique=True), st.lists(st.sampled_from(CHANNELS))),
    min_size=1,
    max_size=3,
)


def wants(kinds: list[str], channels: list[str], kind: str, channel: str) -> bool:
    """An account of its own."""
    return kind in kinds and (not channels or not channel or channel in channels)


@given(EVENTS, WANTED, st.lists(ANSWERS, max_size=9), st.lists(st.integers(0, 11), max_size=6), st.randoms())
def test_any_history_reaches_each_subscriber_whole_by_one_id(
    events: list[tuple[str, str]],
    wanted: list[tuple[list[str], list[str]]],
    answers: list[int],
    twice: list[int],
    chance: Any,
) -> None:
    """Events come twice, messages in any order; endpoints fail as often as they like, then take what comes."""
    world = World()
    made = {
        world.subscribe(f"k{n}", url=f"https://s{n}.example.com/", event_types=kinds, channels=channels): (
            kinds,
            channels,
        )
        for n, (kinds, channels) in enumerate(wanted)
    }
    told = iter(answers)

    def answer(_: str) -> Answered | None:
        status = next(told, 200)
        return Answered(status=status) if status else None

    world.answer = answer
    numbers = [*range(len(events)), *(each for each in twice if each < len(events))]
    chance.shuffle(numbers)
    for number in numbers:
        kind, channel = events[number]
        detail = {"occurred_at": START.isoformat(), **({"channel": channel} if channel else {})}
        world.publish(f"order#{number}:1:0", kind, **detail)
        chance.shuffle(world.waiting)
        world.settle(timedelta(minutes=chance.choice((0, 0, 1, 30))))
    world.settle()
    assert Outcome.DISABLED not in world.outcomes, "nine failures are not yet days of nothing else"
    given_up = sum(each is Outcome.GIVEN_UP for each in world.outcomes)
    for subscription, (kinds, channels) in made.items():
        assert world.subscriptions.get(subscription.subscription_id).state is State.ENABLED
        due = {
            f"order#{number}:1:0"
            for number, (kind, channel) in enumerate(events)
            if wants(kinds, channels, kind, channel)
        }
        sent = [each for each in world.received if each.url == subscription.url]
        assert {each.event_id for each in sent} == due
        assert {each.headers["webhook-id"] for each in sent} == {
            webhook_id(subscription.subscription_id, e) for e in due
        }
        assert len({(each.event_id, each.body) for each in sent}) == len(due), "one event, one body"
    assert given_up == len(world.alerts())
