"""Subscriptions made, changed and rotated, each write once by its key; and what the bus is asked for with them."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from oms.application.outbound_manage import MOST, Wanted
from oms.domain.errors import (
    EndpointRefusedError,
    IdempotencyKeyReusedError,
    InvalidInputError,
    WebhookNotFoundError,
    WebhookOutdatedError,
)
from oms.domain.outbound import State, secret_of
from tests.support.outbound import MASTER, START, URL, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from oms.domain.outbound import Subscription

PLACED = Wanted(url=URL, event_types=("OrderPlaced.v1",))
HELD = Wanted(url=URL, event_types=("OrderHeld.v1",))


def test_a_subscription_is_made_once_by_its_key_and_a_lost_answer_can_be_asked_for_again() -> None:
    world = World()
    made, secret, replayed = world.manage.create("k1", PLACED, "admin")
    again = world.manage.create("k1", PLACED, "admin")
    assert (made, secret, True) == again
    assert not replayed
    assert secret == secret_of(MASTER, made.subscription_id, 1)
    assert world.subscriptions.all() == [made]
    with pytest.raises(IdempotencyKeyReusedError):
        world.manage.create("k1", HELD, "admin")


def test_two_at_once_by_one_key_are_one() -> None:
    world, other = World(), World()
    other.subscriptions = world.subscriptions
    first = other.manage.create("k1", PLACED, "admin")[0]
    world.subscriptions.kept.clear()
    saves = itertools.count()

    def before(_: Subscription) -> None:
        if next(saves) == 0:
            world.subscriptions.kept[first.subscription_id] = first

    world.subscriptions.before_save = before
    made, _, replayed = world.manage.create("k1", PLACED, "admin")
    assert (made, replayed) == (first, True)


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (Wanted(url="http://erp.example.com/", event_types=("OrderPlaced.v1",)), EndpointRefusedError),
        (Wanted(url="https://169.254.169.254/", event_types=("OrderPlaced.v1",)), EndpointRefusedError),
        (Wanted(url=URL, event_types=("OrderEaten.v1",)), InvalidInputError),
        (Wanted(url=URL, event_types=()), InvalidInputError),
    ],
)
def test_what_cannot_be_is_not_kept(wanted: Wanted, error: type[Exception]) -> None:
    world = World()
    with pytest.raises(error):
        world.manage.create("k1", wanted, "admin")
    made = world.subscribe()
    with pytest.raises(error):
        world.manage.change("k2", made.subscription_id, wanted, 1, "admin")
    assert world.subscriptions.all() == [made]


def test_there_are_no_more_than_each_event_can_be_held_against() -> None:
    world = World()
    for number in range(MOST):
        world.manage.create(f"k{number}", PLACED, "admin")
    with pytest.raises(InvalidInputError):
        world.manage.create("one more", PLACED, "admin")
    assert world.manage.create("k0", PLACED, "admin")[2], "what was made before is still answered"


def test_a_change_stands_on_the_version_that_its_author_saw() -> None:
    world = World()
    made = world.subscribe()
    changed = world.manage.change("c1", made.subscription_id, HELD, 1, "admin")
    assert (changed.version, changed.event_types, changed.created_at) == (2, ("OrderHeld.v1",), made.created_at)
    assert world.manage.change("c1", made.subscription_id, HELD, 1, "admin") == changed
    for key, wanted, expected in (("c2", PLACED, 1), ("c1", PLACED, 1), ("c3", HELD, 7)):
        with pytest.raises(WebhookOutdatedError):
            world.manage.change(key, made.subscription_id, wanted, expected, "admin")
    with pytest.raises(WebhookNotFoundError):
        world.manage.change("c4", "whs_none", PLACED, 1, "admin")


def _meanwhile(world: World, own: bool, saved: Subscription) -> None:  # noqa: FBT001 - bound by place
    """The version is saved: by an earlier try of the same call, or by somebody else."""
    world.subscriptions.before_save = lambda _: None
    if own:
        world.subscriptions.save(saved)
    else:
        world.manage.change("other", saved.subscription_id, HELD, 1, "admin")


def test_a_change_that_lost_a_race_is_refused_unless_it_was_its_own() -> None:
    for own in (True, False):
        world = World()
        made = world.subscribe()

        world.subscriptions.before_save = partial(_meanwhile, world, own)
        if own:
            assert world.manage.change("c1", made.subscription_id, PLACED, 1, "admin").version == 2
        else:
            with pytest.raises(WebhookOutdatedError):
                world.manage.change("c1", made.subscription_id, PLACED, 1, "admin")


def test_a_secret_is_rotated_once_by_its_key_and_both_sign_for_a_while() -> None:
    world = World()
    made = world.subscribe()
    rotated, secret = world.manage.rotate("r1", made.subscription_id, timedelta(hours=2), "admin")
    assert secret == secret_of(MASTER, made.subscription_id, 2)
    assert world.manage.rotate("r1", made.subscription_id, timedelta(hours=2), "admin") == (rotated, secret)
    world.publish("order#1:1:0")
    world.settle()
    for generation in (1, 2):
        world.verify(secret_of(MASTER, made.subscription_id, generation))
    at_once, third = world.manage.rotate("r2", made.subscription_id, timedelta(0), "admin")
    assert at_once.secrets(MASTER, START) == [third], "one that leaked signs no more"
    with pytest.raises(InvalidInputError):
        world.manage.rotate("r3", made.subscription_id, timedelta(days=8), "admin")


def test_enabling_forgives_and_disabling_says_who_did() -> None:
    world = World()
    made = world.subscribe()
    world.subscriptions.failed(made.subscription_id, "a#1", START, "x", START + timedelta(days=1))
    off = world.manage.disable(made.subscription_id, "admin")
    assert (off.state, off.reason, off.version, off.changed_by) == (State.DISABLED, "staff", 2, "admin")
    assert world.manage.disable(made.subscription_id, "admin") == off
    on = world.manage.enable(made.subscription_id, "admin")
    assert (on.state, on.reason, on.version) == (State.ENABLED, "", 3)
    health = world.subscriptions.health(made.subscription_id)
    assert (health.failures, health.open_until) == (0, None)
    with pytest.raises(WebhookNotFoundError):
        world.manage.enable("whs_none", "admin")


# ---------------------------------------------------------------- the rule


def test_the_bus_is_asked_for_what_is_wanted_and_for_nothing_when_nobody_wants_anything() -> None:
    world = World()
    one = world.subscribe("one")
    two = world.subscribe("two", event_types=("OrderHeld.v1", "OrderPlaced.v1"))
    assert world.asked[-1] == ["OrderHeld.v1", "OrderPlaced.v1"]
    world.manage.disable(two.subscription_id, "admin")
    assert world.asked[-1] == ["OrderPlaced.v1"]
    world.manage.change("c", one.subscription_id, HELD, 1, "admin")
    assert world.asked[-1] == ["OrderHeld.v1"]
    world.manage.disable(one.subscription_id, "admin")
    assert world.asked[-1] == []


class Turns:
    """Whose turn it is: each of two threads stands still before each step until it is."""

    def __init__(self, order: Iterable[str]) -> None:
        self._order = list(order)
        self._changed = threading.Condition()

    def step(self, name: str) -> None:
        """Wait for the turn, and take it."""
        with self._changed:
            assert self._changed.wait_for(lambda: not self._order or self._order[0] == name, 5)
            del self._order[:1]
            self._changed.notify_all()

    def done(self, name: str) -> None:
        """It takes no turn any more."""
        with self._changed:
            self._order = [each for each in self._order if each != name]
            self._changed.notify_all()


@pytest.mark.parametrize("order", ["".join(each) for each in sorted(set(itertools.permutations("aaaabbbb")))])
def test_the_rule_that_is_put_last_is_what_both_want(order: str) -> None:
    """Two subscribe at once: their reads and writes of subscriptions and of the rule, in every order."""
    shared, put, turns = World(), list[list[str]](), Turns(order)
    wanted = {"a": PLACED, "b": HELD}

    def work(name: str) -> None:
        world = World()
        every, save = shared.subscriptions.all, shared.subscriptions.save

        def ask_for(kinds: Sequence[str]) -> None:
            turns.step(name)
            put.append(list(kinds))

        def saved(subscription: Subscription) -> None:
            turns.step(name)
            save(subscription)

        def all_of_them() -> list[Subscription]:
            turns.step(name)
            return every()

        world.ask_for = ask_for  # type: ignore[method-assign]
        world.subscriptions.save = saved  # type: ignore[method-assign]
        world.subscriptions.all = all_of_them  # type: ignore[method-assign]
        world.manage.create(name, wanted[name], "admin")
        turns.done(name)

    threads = [threading.Thread(target=work, args=[name]) for name in wanted]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert put[-1] == ["OrderHeld.v1", "OrderPlaced.v1"]


def test_what_is_subscribed_to_meanwhile_is_asked_for_too() -> None:
    world = World()
    world.subscribe("one")
    world.asked.clear()

    def then(put: Callable[[list[str]], None] = world.ask_for) -> Callable[[list[str]], None]:
        def ask_for(kinds: list[str]) -> None:
            put(kinds)
            if len(world.asked) == 1:
                world.subscriptions.kept["whs_0"] = other

        return ask_for

    aside = World()
    other = aside.subscribe("other", event_types=("OrderHeld.v1",))
    world.ask_for = then()  # type: ignore[method-assign, assignment]
    assert world.manage.keep_rule() == ["OrderHeld.v1", "OrderPlaced.v1"]
    assert world.asked == [["OrderPlaced.v1"], ["OrderHeld.v1", "OrderPlaced.v1"]]
