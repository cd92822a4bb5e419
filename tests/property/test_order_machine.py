"""Any sequence of commands, deliveries and provider's words on one order, against books kept apart from it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from oms.domain.canonical import Restock
from oms.domain.order.events import Disposition
from oms.domain.payment_events import PaymentEventKind, RefundState
from oms.domain.tracking import ParcelStatus
from tests.support.builders import BERLIN, PARIS
from tests.support.order_machine import ANY_KIND, OrderMachine
from tests.support.order_world import NODES

if TYPE_CHECKING:
    from collections.abc import Callable

TestOrder = OrderMachine.TestCase
TestOrder.settings = settings(settings(), max_examples=2 * settings().max_examples)


def begin(machine: OrderMachine, draw: random.Random) -> None:
    machine.place(
        lines=[
            {
                "quantity": draw.randint(1, 4),
                "unit_price": draw.randint(0, 999),
                "tax": draw.randint(0, 200),
                "requires_shipping": draw.random() < 0.8,
                "sku": draw.choice("ABC"),
                "discount": draw.randint(0, 5),
            }
            for _ in range(draw.randint(1, 4))
        ],
        header={"shipping": draw.choice([0, 495]), "shipping_tax": draw.choice([0, 79]), "tips": draw.choice([0, 33])},
        held=draw.random() < 0.5,
        included=draw.random() < 0.5,
        card=draw.choice([0, 0, 250]),
        begun=draw.choice([0, 1, 2, 3]),
    )


def everyday(machine: OrderMachine, draw: random.Random) -> list[Callable[[], object]]:
    return [
        lambda: machine.promise(draw.randrange(99), draw.randint(1, 6)),
        lambda: machine.promise(1, 6),
        lambda: machine.release_planned(draw.randrange(99)),
        lambda: machine.move_planned(draw.randrange(99), draw.randint(1, 3)),
        lambda: machine.accept(draw.randrange(99)),
        lambda: machine.reject(draw.randrange(99), draw.choice(["no_capacity", "not_found", "damaged"])),
        lambda: machine.ship(draw.randrange(99), draw.randint(1, 4), draw.randint(1, 2)),
        lambda: machine.scan(draw.randrange(99), draw.choice(list(ParcelStatus)), draw.randint(0, 100)),
        machine.arrive,
        machine.settle,
        lambda: machine.capture(draw.randrange(99)),
        lambda: machine.hold(draw.randrange(99), whole=draw.random() < 0.3, one=draw.random() < 0.8),
        lambda: machine.release(draw.randrange(99)),
        lambda: machine.time_passes(draw.randint(0, 12)),
        lambda: machine.goods_come_in(draw.choice("ABC"), draw.choice(NODES), draw.randint(1, 5)),
        lambda: machine.cancel(draw.randrange(99), draw.randint(1, 2), everything=draw.random() < 0.5),
        lambda: machine.refund(
            draw.randrange(99),
            draw.randint(1, 2),
            back=draw.choice([None, None, *Disposition]),
            amount=draw.choice([None, None, 1, 200]),
        ),
        lambda: machine.name_what_came_back(draw.randrange(99), draw.randint(1, 2)),
        lambda: machine.refund_ends(draw.randrange(99), draw.choice(["submitted", "succeeded", "failed"])),
        lambda: machine.again(draw.randrange(99)),
        lambda: machine.edit(
            draw.randrange(99),
            draw.randint(1, 2),
            draw.randrange(999),
            draw.randrange(99),
            draw.choice(["add", "more", "less", "swap", "move", "ship"]),
            planned=draw.random() < 0.6,
        ),
        *returning(machine, draw),
    ]


def returning(machine: OrderMachine, draw: random.Random) -> list[Callable[[], object]]:
    return [
        lambda: machine.ask_to_return(
            draw.randrange(10**6), draw.randint(1, 2), exchange=draw.random() < 0.3, node=draw.random() < 0.3
        ),
        lambda: machine.a_person_says_of_a_return(draw.randrange(99)),
        lambda: machine.a_return_travels(draw.randrange(99), draw.choice(list(ParcelStatus))),
        lambda: machine.a_return_arrives(draw.randrange(99)),
        lambda: machine.a_return_is_looked_at(
            draw.randrange(99), draw.randint(1, 2), draw.choice(list(Disposition)), last=draw.random() < 0.2
        ),
        lambda: machine.a_person_settles_a_return(
            draw.randrange(99), draw.choice([None, 0, 100]), paid=draw.random() < 0.5
        ),
        lambda: machine.time_for_returns_is_over(draw.randrange(10**5)),
    ]


def from_channel(machine: OrderMachine, draw: random.Random) -> list[Callable[[], object]]:
    return [
        lambda: machine.channel_pays(draw.randrange(99)),
        lambda: machine.channel_removes(draw.randrange(9), draw.randint(1, 2)),
        lambda: machine.channel_cancels(draw.randrange(40)),
        lambda: machine.channel_changes(draw.choice(["", "", "fraud"]), draw.choice([BERLIN, PARIS])),
        lambda: machine.channel_refunds(
            draw.randrange(99), draw.randint(0, 800), draw.choice(list(Restock)), apart=draw.random() < 0.5
        ),
        lambda: machine.redeliver(draw.randrange(99)),
        lambda: machine.channel_adds(
            draw.randrange(99), draw.randint(1, 2), draw.randrange(999), paid=draw.random() < 0.5
        ),
    ]


def from_provider(machine: OrderMachine, draw: random.Random) -> list[Callable[[], object]]:
    return [
        lambda: machine.provider_tells(PaymentEventKind.AUTHORIZED, draw.randint(1, 2)),
        lambda: machine.provider_tells(draw.choice(ANY_KIND), draw.randint(1, 2)),
        lambda: machine.provider_refunds(
            draw.randrange(99), draw.choice(list(RefundState)), ours=draw.random() < 0.7, amount=draw.randint(1, 300)
        ),
        lambda: machine.customer_pays_more(draw.randrange(4)),
    ]


def walk(seed: int, steps: int) -> OrderMachine:
    """A long way through the same rules, drawn evenly: hypothesis shrinks better, this gets further."""
    draw = random.Random(seed)
    machine = OrderMachine()
    begin(machine, draw)
    rules = everyday(machine, draw) + (from_channel if machine.world.in_channel else from_provider)(machine, draw)
    for _ in range(steps):
        draw.choice(rules)()
        machine.what_must_hold()
    machine.teardown()
    return machine


@pytest.mark.parametrize("seed", [*range(60), 1560])
def test_a_long_way_through_an_orders_life(seed: int) -> None:
    assert walk(seed, steps=40).world.commands, "nothing was asked of the order"
