"""The steps that ask providers, for orders with several payments: who is asked, under which key, and what is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from oms.domain.commit import Cause
from oms.domain.order import payment_facts as facts
from oms.domain.order.payment_facts import Tender
from oms.domain.order.status import NextStep, Stage, next_step, payment_cleared, stage
from oms.domain.order.tender_commands import AddTender
from tests.proof.interleave.story import (
    SKU,
    ask,
    cancel,
    events_of,
    placed_on_card,
    placed_on_two_cards,
    receive,
    refund,
    ship,
    site_id,
)
from tests.proof.interleave.world import World
from tests.proof.memory.payments import EXTENDED_UNTIL
from tests.support.builders import line

if TYPE_CHECKING:
    from tests.proof.memory.payments import Effect

ORDER = site_id("K1")
CAUSE = Cause(kind="workflow", ref="test", actor="test")


def moves(world: World, *kinds: str) -> list[tuple[str, str, int, str]]:
    effects: list[Effect] = [each for each in world.store.effects.values() if each.kind in kinds]
    return [(each.kind, each.payment_ref, each.amount, each.key) for each in effects]


def on_two_cards() -> World:
    world = World()
    receive(world, SKU, "WH1", 2)
    placed_on_two_cards(world, line(quantity=2), first=800)
    return world


def test_all_of_them_are_asked_and_the_promise_follows() -> None:
    world = on_two_cards()
    told = world.calm.authorize(ORDER, CAUSE)
    assert told == {"state": "authorized", "amount": 800}
    first, second = world.order(ORDER).payment.tenders
    assert (first.authorized, second.authorized) == (800, 1200)
    assert first.expires_at == second.expires_at == world.clock + timedelta(days=7), "as Stripe's cards are"
    assert world.calm.authorize(ORDER, CAUSE)["state"] == "authorized", "asked again, nothing is asked"
    world.drive(ORDER)
    assert stage(world.order(ORDER)) is Stage.RELEASED


def test_when_one_is_refused_the_order_waits_and_its_cancellation_lets_the_other_go() -> None:
    world = on_two_cards()
    world.payments.expire("pi_2")
    assert world.calm.authorize(ORDER, CAUSE) == {"state": "declined", "amount": 0}
    order = world.order(ORDER)
    assert (payment_cleared(order), next_step(order)) == (False, NextStep.NONE)
    ask(world.calm, ORDER, cancel(ORDER, "all"))
    world.drive(ORDER)
    assert ("release", "pi_1", 800, f"void:{ORDER}") in moves(world, "release")
    assert moves(world, "capture") == []


def test_captures_and_refunds_have_keys_of_their_own() -> None:
    world = on_two_cards()
    world.drive(ORDER)
    ask(world.calm, ORDER, ship(ORDER, "1", {"1": 2}))
    world.drive(ORDER)
    (shipment,) = world.order(ORDER).handovers
    key = f"capture:{ORDER}:{shipment}"
    assert moves(world, "capture") == [("capture", "pi_1", 800, key), ("capture", "pi_2", 1200, f"{key}:2")]
    ask(world.calm, ORDER, refund(ORDER, "R1", 1000))
    world.drive(ORDER)
    refunds = world.order(ORDER).payment.refunds
    assert [(ref, amount) for _, ref, amount, _ in moves(world, "refund")] == [("pi_1", 800), ("pi_2", 200)]
    assert [key for *_, key in moves(world, "refund")] == list(refunds)


def test_an_added_payment_is_asked_for_by_the_next_step() -> None:
    world = World()
    receive(world, SKU, "WH1", 2)
    placed_on_card(world, line(quantity=2))
    world.drive(ORDER)
    world.payments.open("pi_9", 500)
    added = AddTender(command_id="add", tender=Tender(provider="stripe", reference="pi_9", amount=500))
    ask(world.calm, ORDER, added)
    assert next_step(world.order(ORDER)) is NextStep.SETTLE
    world.drive(ORDER)
    tender = world.order(ORDER).payment.tenders[1]
    assert (tender.authorized, next_step(world.order(ORDER))) == (500, NextStep.NONE)


def ending_soon(days: float) -> World:
    """Bound, and so many days later."""
    world = World()
    receive(world, SKU, "WH1", 2)
    placed_on_card(world, line(quantity=2))
    world.drive(ORDER)
    world.clock += timedelta(days=days)
    return world


def settle(world: World) -> None:
    world.calm.settle(ORDER, CAUSE)


def test_it_is_not_renewed_before_its_time() -> None:
    world = ending_soon(4)
    settle(world)
    assert moves(world, "extend") == []


def test_it_is_renewed_once_and_shipped_on_the_new_time() -> None:
    world = ending_soon(5)
    settle(world)
    settle(world)
    assert moves(world, "extend") == [("extend", "pi_1", 2000, f"reauthorize:{ORDER}:1:1")]
    assert world.order(ORDER).payment.tenders[0].expires_at == EXTENDED_UNTIL


def test_the_watchdog_has_it_renewed_though_the_order_waits_for_goods() -> None:
    world = World()
    receive(world, SKU, "WH1", 1)
    placed_on_card(world, line(quantity=2))
    world.drive(ORDER)
    for commit in world.commits(ORDER):
        world.calm.relay(commit)
    world.store.take(world.store.started)
    for days, step in ((4, NextStep.PROMISE), (1, NextStep.SETTLE)):
        world.clock += timedelta(days=days)
        world.calm.watchdog()
        ((_, payload),) = world.store.take(world.store.started)
        assert payload["step"] == step.value


def test_what_ended_while_nobody_looked_is_asked_about_and_stops_the_order() -> None:
    world = ending_soon(8)
    world.payments.expire("pi_1")
    settle(world)
    order = world.order(ORDER)
    assert [type(each) for each in events_of(world, ORDER)][-2:-1] == [facts.AuthorizationLapsed]
    assert (stage(order), payment_cleared(order)) == (Stage.ON_HOLD, False)


def test_what_is_held_after_all_is_looked_at_again() -> None:
    """The usual life of a provider's authorizations was too short for this one."""
    world = ending_soon(8)
    settle(world)
    tender = world.order(ORDER).payment.tenders[0]
    assert (tender.lapsed, tender.expires_at) == (False, world.clock + timedelta(days=4))


def test_a_provider_that_holds_nothing_longer_is_asked_once() -> None:
    world = ending_soon(5)
    asked = replace(world.calm.settle, providers={"stripe": _CannotExtend(world)})  # type: ignore[dict-item]
    asked(ORDER, CAUSE)
    asked(ORDER, CAUSE)
    refused = [each for each in events_of(world, ORDER) if isinstance(each, facts.ExtensionRefused)]
    assert refused == [facts.ExtensionRefused(tender=1, reason="not_supported")]
    assert stage(world.order(ORDER)) is Stage.RELEASED, "it may ship until then"


class _CannotExtend:
    """A provider without renewals."""

    def __init__(self, world: World) -> None:
        self.verify_authorization = world.payments.verify_authorization
