"""Outbound webhooks from the bus to the endpoint: at least once by one id, again by the schedule, left alone, ended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from oms.adapters.outbound_http import Answered
from oms.application.outbound_deliver import Outcome
from oms.domain.errors import EndpointRefusedError
from oms.domain.outbound import Delivery, State, webhook_id
from tests.support.outbound import START, URL, World

DOWN = Answered(status=503, excerpt="maintenance")


def _times(world: World) -> list[float]:
    """Seconds since the first attempt."""
    return [(each.at - world.received[0].at).total_seconds() for each in world.received]


def test_an_event_goes_to_each_who_wants_it_signed_with_a_secret_of_its_own() -> None:
    world = World()
    erp = world.subscribe("erp", url="https://erp.example.com/hook")
    world.subscribe("wms", url="https://wms.example.com/hook", event_types=("StockMoved.v1",))
    world.subscribe("crm", url="https://crm.example.com/hook", channels=("amazon",))
    assert world.publish("order#1:1:0", channel="shopify") == 1
    world.settle()
    (sent,) = world.received
    assert sent.url == erp.url
    assert sent.headers["webhook-id"] == webhook_id(erp.subscription_id, "order#1:1:0")
    assert sent.headers["content-type"] == "application/json"
    world.verify(erp.secrets("a master key", START)[0])


def test_an_event_that_comes_twice_has_one_id() -> None:
    world = World()
    world.subscribe()
    world.publish("order#1:1:0")
    world.publish("order#1:1:0")
    world.settle()
    assert len(world.received) == 2
    assert len({each.headers["webhook-id"] for each in world.received}) == 1
    assert len({each.body for each in world.received}) == 1


def test_nobody_wants_it_and_nothing_is_queued() -> None:
    world = World()
    assert world.publish("order#1:1:0") == 0
    assert world.waiting == []


# ---------------------------------------------------------------- again


def test_a_failure_is_tried_again_by_the_schedule_until_it_is_taken() -> None:
    world = World()
    made = world.subscribe()
    answers = iter([None, DOWN, Answered(status=302), Answered(status=404), Answered(status=200)])
    world.answer = lambda _: next(answers)
    world.publish("order#1:1:0")
    world.settle()
    times = _times(world)
    for at, least in zip(times, [0, 5, 305, 2105, 9305], strict=True):
        assert least <= at <= least * 1.15 + 5
    assert len({each.headers["webhook-id"] for each in world.received}) == 1
    assert len({each.headers["webhook-timestamp"] for each in world.received}) == 5, "each attempt is signed anew"
    health = world.subscriptions.health(made.subscription_id)
    assert (health.failures, health.failing_since, health.last_error) == (0, None, "HTTP 404: ")
    assert world.alerts() == []


def test_what_an_endpoint_asks_for_is_heeded() -> None:
    world = World()
    world.subscribe()
    answers = iter([Answered(status=429, retry_after=600.0), Answered(status=200)])
    world.answer = lambda _: next(answers)
    world.publish("order#1:1:0")
    world.settle()
    assert _times(world) == [0, 600]


def test_an_address_that_is_refused_is_a_failure_like_any_other() -> None:
    world = World()
    made = world.subscribe()

    def refuse(_: str) -> Answered:
        raise EndpointRefusedError("the host's name stands for an address that is not of the public internet")

    world.answer = refuse
    world.publish("order#1:1:0")
    world.step()
    assert world.outcomes == [Outcome.FAILED]
    assert "not sent: the host's name stands" in world.subscriptions.health(made.subscription_id).last_error


def test_a_wait_of_hours_is_many_short_ones_and_no_attempt() -> None:
    """SQS delays by 15 minutes at most."""
    world = World()
    world.subscribe()
    answers = iter([DOWN] * 4 + [Answered(status=200)])
    world.answer = lambda _: next(answers)
    world.publish("order#1:1:0")
    world.settle()
    assert len(world.received) == 5
    assert world.outcomes.count(Outcome.WAITING) >= 7


# ---------------------------------------------------------------- no more


def test_an_endpoint_that_is_gone_is_disabled_at_once_and_told() -> None:
    world = World()
    made = world.subscribe()
    world.answer = lambda _: Answered(status=410, excerpt="gone away")
    world.publish("order#1:1:0")
    world.publish("order#1:2:0")
    world.settle()
    assert len(world.received) == 1
    assert world.outcomes == [Outcome.DISABLED, Outcome.DROPPED]
    found = world.subscriptions.get(made.subscription_id)
    assert (found.state, found.reason) == (State.DISABLED, "gone")
    (alert,) = world.alerts()
    assert (alert["kind"], alert["problem"], alert["detail"]) == ("webhook_stopped", "gone", "HTTP 410: gone away")


def test_an_endpoint_that_fails_for_three_days_is_disabled_and_told_since_when() -> None:
    world = World()
    made = world.subscribe()
    world.answer = lambda _: None
    world.publish("order#1:1:0")
    world.settle()
    assert len(world.received) == 10
    assert timedelta(days=3) < world.now - START < timedelta(days=4)
    assert world.outcomes[-1] is Outcome.DISABLED
    found = world.subscriptions.get(made.subscription_id)
    assert (found.state, found.reason) == (State.DISABLED, "failing")
    (alert,) = world.alerts()
    assert (alert["problem"], alert["since"]) == ("failing", START.isoformat())
    assert world.publish("order#1:2:0") == 0


def test_one_event_that_is_never_taken_is_given_up_and_the_others_go_on() -> None:
    world = World()
    made = world.subscribe()
    world.answer = lambda _: DOWN if world.received[-1].event_id == "order#1:1:0" else Answered(status=200)
    world.publish("order#1:1:0")
    for hours in range(90):
        world.settle(timedelta(hours=1))
        world.now = START + timedelta(hours=hours)
        world.publish(f"order#2:{hours}:0")
    world.settle()
    assert world.subscriptions.get(made.subscription_id).state is State.ENABLED
    assert world.outcomes.count(Outcome.GIVEN_UP) == 1
    assert sum(each.event_id == "order#1:1:0" for each in world.received) == 10
    assert {each.event_id for each in world.received} == {"order#1:1:0", *(f"order#2:{hours}:0" for hours in range(90))}
    (alert,) = world.alerts()
    assert (alert["problem"], alert["event_id"]) == ("given_up", "order#1:1:0")


def test_a_subscription_that_is_disabled_or_unknown_is_sent_nothing() -> None:
    world = World()
    made = world.subscribe()
    world.publish("order#1:1:0")
    world.manage.disable(made.subscription_id, "admin")
    world.settle()
    assert (world.received, world.outcomes) == ([], [Outcome.DROPPED])
    world.publish("order#1:1:1")
    assert world.waiting == []
    world.deliver([Delivery(subscription_id="whs_of_nobody", event_id="order#1:1:0", body="{}")], world.now)
    world.settle()
    assert (world.received, world.outcomes) == ([], [Outcome.DROPPED] * 2)


# ---------------------------------------------------------------- left alone


def test_a_dead_endpoint_is_left_alone_and_its_backlog_costs_few_attempts() -> None:
    world = World()
    made = world.subscribe()
    world.answer = lambda _: None
    for number in range(200):
        world.publish(f"order#{number}:1:0")
    world.settle(timedelta(minutes=2))
    assert len(world.received) <= 5 + 2 * 3, "five failures open it, then one a time"
    assert world.subscriptions.health(made.subscription_id).open_until is not None
    world.answer = lambda _: Answered(status=200)
    world.settle()
    assert {each.event_id for each in world.received} == {f"order#{number}:1:0" for number in range(200)}
    assert world.subscriptions.health(made.subscription_id).failures == 0


def test_a_dead_endpoint_does_not_keep_another_waiting() -> None:
    world = World()
    world.subscribe("dead", url="https://dead.example.com/")
    world.subscribe("alive", url="https://alive.example.com/")
    world.answer = lambda url: None if "dead" in url else Answered(status=200)
    for number in range(50):
        world.publish(f"order#{number}:1:0")
    world.settle(timedelta(0))
    alive = [each for each in world.received if "alive" in each.url]
    assert len(alive) == 50
    assert {each.at for each in alive} == {START}


def test_a_ping_is_answered_with_what_came_of_it_even_when_disabled() -> None:
    world = World()
    made = world.subscribe()
    world.manage.disable(made.subscription_id, "admin")
    told = world.ping(made.subscription_id, "p1")
    assert (told["delivered"], told["status"], told["error"]) == (True, 204, "")
    assert world.ping(made.subscription_id, "p1")["webhook_id"] == told["webhook_id"]
    world.answer = lambda _: DOWN
    told = world.ping(made.subscription_id, "p2")
    assert (told["delivered"], told["status"], told["error"]) == (False, 503, "HTTP 503: maintenance")
    world.answer = lambda _: None
    told = world.ping(made.subscription_id, "p3")
    assert (told["delivered"], told["status"], told["error"]) == (False, None, "no answer: TimeoutError")
    world.verify(made.secrets("a master key", START)[0])
    assert world.subscriptions.health(made.subscription_id).failures == 0, "a test is held against nobody"


def test_a_crash_after_sending_repeats_it_with_the_same_id() -> None:
    world = World()
    world.subscribe()
    world.answer = lambda _: DOWN
    world.publish("order#1:1:0")
    ((_, message),) = world.waiting

    def broken(*_: object) -> None:
        raise RuntimeError("killed")

    queue, world.deliver_one.__dict__["queue"] = world.deliver_one.queue, type("Q", (), {"deliver": broken})()
    with pytest.raises(RuntimeError):
        world.step()
    world.deliver_one.__dict__["queue"] = queue
    world.waiting.append((world.now, message))
    world.answer = lambda _: Answered(status=200)
    world.settle()
    assert [each.url for each in world.received] == [URL, URL]
    assert len({each.headers["webhook-id"] for each in world.received}) == 1
