"""Promise 1: any number of deliveries in any order end in the same facts as one clean delivery of each."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import permutations, product
from typing import TYPE_CHECKING, Any

import pytest

from oms.domain.canonical import (
    CanonicalOrder,
    ChannelPayment,
    ChannelRefund,
    PaymentState,
    RefundedLine,
    Restock,
)
from oms.domain.errors import OmsError
from oms.domain.order import commands as cmd
from oms.domain.order.ledger import Place
from oms.domain.order.status import order_status, payment_status
from tests.support.builders import BERLIN, IN_CHANNEL, PARIS, Story, line, minutes, paid, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Delivery = CanonicalOrder | ChannelRefund


def deliver(story: Story, deliveries: Iterable[Delivery]) -> None:
    """Each delivery as the intake does it: one that came too early is retried after the next that succeeds."""
    waiting: list[Delivery] = []
    for delivery in deliveries:
        waiting.append(delivery)
        moved = True
        while moved:
            moved = False
            for each in list(waiting):
                try:
                    take(story, each)
                except OmsError as error:
                    if not error.retryable:
                        raise
                    continue
                waiting.remove(each)
                moved = True
    assert not waiting, "deliveries that never could be taken in"


def take(story: Story, delivery: Delivery) -> None:
    if isinstance(delivery, ChannelRefund):
        story.do(cmd.RecordChannelRefund(command_id=story.id("refund"), refund=delivery))
    else:
        story.sync(delivery, IN_CHANNEL)


def facts(story: Story) -> dict[str, Any]:
    """What the business sees. Ids of holds and the order of maps are not part of it."""
    order = story.order
    return {
        "ledgers": {line_id: each.ledger for line_id, each in order.lines.items()},
        "conflicted": {line_id: each.conflicted for line_id, each in order.lines.items()},
        "payment": (order.payment.channel_state, order.payment.captured, order.payment.refunded),
        "refunds": {
            each.refund_ref: (each.amount, each.status, each.origin) for each in order.payment.refunds.values()
        },
        "holds": sorted(hold.kind for hold in order.active_holds),
        "ship_to": order.placed.ship_to,
        "revision": order.revision,
        "stock": {key: each for key, each in story.stock.of.items() if each.changes},
        "status": (order_status(order), payment_status(order)),
    }


def fresh() -> Story:
    return Story()


def promised() -> Story:
    """Paid and promised before the deliveries come; two units of line 1 have left."""
    story = Story()
    for sku in ("SKU-1", "SKU-2"):
        story.stock.receive(sku, "WH1", 10)
    story.sync(paid(replace(CREATE, revision=minutes(-10))))
    story.promise({"WH1": {"1": 3, "2": 2}})
    story.ship({"1": 2})
    return story


CREATE = snapshot(line("1", 3, 1000), line("2", 2, 500), shipping=490)
PAID = replace(paid(CREATE), revision=minutes(1))


def cancelled(order: CanonicalOrder, revision: float, **units: int) -> CanonicalOrder:
    lines = tuple(replace(each, cancelled=units.get(f"line{each.line_ref}", each.cancelled)) for each in order.lines)
    return replace(order, revision=minutes(revision), lines=lines)


def later(order: CanonicalOrder, revision: float, **changes: Any) -> CanonicalOrder:
    return replace(order, revision=minutes(revision), **changes)


ONE_LESS = cancelled(PAID, 2, line1=1)
REFUND = ChannelRefund(
    refund_ref="r1", amount=1000, lines=(RefundedLine(line_ref="1", quantity=1, restock=Restock.CANCEL),)
)
REFUND_2 = ChannelRefund(
    refund_ref="r2", amount=500, lines=(RefundedLine(line_ref="2", quantity=1, restock=Restock.NONE),)
)
REFUNDED = later(
    cancelled(ONE_LESS, 3, line1=1),
    3,
    refunds=(REFUND,),
    payment=ChannelPayment(state=PaymentState.PARTIALLY_REFUNDED, captured=PAID.total),
)
REFUNDED_2 = later(cancelled(REFUNDED, 4, line1=1, line2=1), 4, refunds=(REFUND, REFUND_2))
CANCELLED = later(
    cancelled(REFUNDED, 5),
    5,
    cancelled=True,
    payment=ChannelPayment(state=PaymentState.REFUNDED, captured=PAID.total),
    refunds=(REFUND, ChannelRefund(refund_ref="r3", amount=PAID.total - 1000)),
)

SCENES: dict[str, Sequence[Delivery]] = {
    "paid, then a unit cancelled and refunded": (CREATE, PAID, ONE_LESS, REFUNDED, REFUND),
    "two refunds, embedded and apart": (CREATE, PAID, REFUNDED, REFUNDED_2, REFUND, REFUND_2),
    "cancelled as a whole": (CREATE, PAID, REFUNDED, CANCELLED, REFUND),
    "address there and back": (CREATE, later(CREATE, 1, ship_to=PARIS), later(PAID, 2, ship_to=BERLIN)),
    "address away": (later(PAID, 1, ship_to=BERLIN), later(PAID, 2, ship_to=PARIS), CREATE),
    "address missing at first": (later(CREATE, 0, ship_to=None), later(CREATE, 1, ship_to=None), later(PAID, 2)),
    "address missing at last": (CREATE, later(PAID, 2, ship_to=None)),
    "held, cleared": (CREATE, later(CREATE, 1, on_hold="fraud"), later(PAID, 2)),
    "held, cleared, held": (
        CREATE,
        later(CREATE, 1, on_hold="fraud"),
        later(PAID, 2),
        later(PAID, 3, on_hold="address"),
        later(PAID, 4, on_hold="address"),
    ),
    "two snapshots of one instant": (
        CREATE,
        later(CREATE, 1, on_hold="fraud", ship_to=PARIS),
        later(CREATE, 1),
        later(CREATE, 1, ship_to=PARIS),
    ),
    "paid, then voided by a snapshot that tells no capture": (
        CREATE,
        PAID,
        later(CREATE, 2, payment=ChannelPayment(state=PaymentState.VOIDED)),
    ),
    "failed, then authorized, then paid": (
        later(CREATE, 0, payment=ChannelPayment(state=PaymentState.FAILED)),
        later(CREATE, 1, payment=ChannelPayment(state=PaymentState.AUTHORIZED)),
        PAID,
        later(PAID, 3, payment=ChannelPayment(state=PaymentState.PARTIALLY_REFUNDED, captured=PAID.total)),
        later(PAID, 4, payment=ChannelPayment(state=PaymentState.REFUNDED, captured=PAID.total)),
    ),
    "cancelled while nothing was paid": (CREATE, later(CREATE, 1, cancelled=True), cancelled(CREATE, 2, line1=1)),
}


def duplicated(order: Sequence[Delivery], seed: int) -> list[Delivery]:
    """`order` with every delivery once or twice more, anywhere after its first coming."""
    draw = random.Random(seed)
    out = list(order)
    for each in order:
        for _ in range(draw.randint(1, 2)):
            out.insert(draw.randint(out.index(each) + 1, len(out)), each)
    return out


@pytest.mark.parametrize("start", [fresh, promised], ids=["new", "promised"])
@pytest.mark.parametrize("scene", SCENES.values(), ids=list(SCENES))
def test_every_order_of_arrival_with_duplicates_ends_in_the_same_facts(
    scene: Sequence[Delivery], start: Callable[[], Story]
) -> None:
    clean = start()
    deliver(clean, scene)
    for seed, arrival in enumerate(permutations(scene)):
        story = start()
        deliver(story, duplicated(arrival, seed))
        assert facts(story) == facts(clean), [getattr(each, "revision", each) for each in arrival]


def test_a_redelivery_of_everything_writes_nothing() -> None:
    for scene in SCENES.values():
        story = Story()
        deliver(story, scene)
        before = list(story.events)
        deliver(story, scene)
        assert story.events == before


@pytest.mark.parametrize("seed", range(40))
def test_random_histories_converge(seed: int) -> None:
    """Snapshots that grow at random, as a channel makes them, in random order with duplicates."""
    draw = random.Random(seed)
    known = CREATE
    history: list[Delivery] = [known]
    for number in range(1, draw.randint(3, 7)):
        known = replace(grown(known, number, draw), revision=minutes(number))
        history.append(known)
    clean = Story()
    deliver(clean, history)
    for _ in range(30):
        arrival = [*history, *draw.choices(history, k=4)]
        draw.shuffle(arrival)
        story = Story()
        deliver(story, arrival)
        assert facts(story) == facts(clean), [getattr(each, "revision", each) for each in arrival]


def grown(known: CanonicalOrder, number: int, draw: random.Random) -> CanonicalOrder:
    """What a channel may do next."""
    step = draw.randrange(6)
    if step == 0:
        return paid(known) if not known.refunds else known
    if step == 1:
        at = draw.randrange(len(known.lines))
        line_at = known.lines[at]
        more = replace(line_at, cancelled=min(line_at.quantity, line_at.cancelled + 1))
        return replace(known, lines=(*known.lines[:at], more, *known.lines[at + 1 :]))
    if step == 2:
        return replace(known, ship_to=draw.choice([BERLIN, PARIS]))
    if step == 3:
        return replace(known, on_hold=draw.choice(["", "fraud"]))
    if step == 4:
        left = known.payment.captured - sum(each.amount for each in known.refunds)
        refund = ChannelRefund(refund_ref=f"r{number}", amount=draw.randint(0, left))
        return replace(known, refunds=(*known.refunds, refund))
    return replace(known, cancelled=draw.random() < 0.5 or known.cancelled)


REMOVED = snapshot(line("1", 3, 1000), revision=1)
REDUCED = snapshot(line("1", 1, 1000), line("2", 2, 500), revision=2, shipping=490)


@pytest.mark.parametrize(
    "scene",
    [(CREATE, REMOVED), (CREATE, REDUCED), (CREATE, REDUCED, cancelled(REDUCED, 3, line1=1))],
    ids=["a line left out", "fewer units", "fewer units, then none"],
)
def test_units_that_the_channel_leaves_out_are_not_shipped_whatever_came_first(scene: Sequence[Delivery]) -> None:
    """The ledgers differ where an order was placed without the units; what is live does not."""

    def live(story: Story) -> dict[str, int]:
        return {line_id: each.ledger.live for line_id, each in story.order.lines.items() if each.ledger.live}

    clean = Story()
    deliver(clean, scene)
    for arrival in permutations(scene):
        story = Story()
        deliver(story, duplicated(arrival, 1))
        assert live(story) == live(clean)


def test_a_line_that_was_added_later_is_not_cancelled_by_the_snapshot_that_did_not_have_it_yet() -> None:
    added = snapshot(line("1", 3, 1000), line("2", 2, 500), revision=5)
    story = Story()
    deliver(story, (added, REMOVED))
    assert {line_id: each.ledger.at(Place.OPEN) for line_id, each in story.order.lines.items()} == {"1": 3, "2": 2}
    assert not story.order.active_holds


@pytest.mark.parametrize(("first", "second"), list(product((CREATE, PAID), repeat=2)))
def test_the_same_snapshot_under_another_command_is_the_same_delivery(
    first: CanonicalOrder, second: CanonicalOrder
) -> None:
    story = Story()
    story.sync(first)
    story.sync(second)
    assert story.sync(first) == story.sync(second) == ()
