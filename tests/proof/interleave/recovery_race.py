"""Races of what repairs: the watchdog, the relay, the quarantine."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from oms.application.messages import from_message
from oms.application.senders import sender
from oms.domain import ids
from oms.domain.movements import MovementKind
from oms.domain.order.commands import PlaceHold
from oms.domain.order.ledger import Place
from oms.domain.stock import StockMovement
from tests.proof.interleave import guards
from tests.proof.interleave.kernel import Worker
from tests.proof.interleave.scenario import Scenario
from tests.proof.interleave.story import (
    SKU,
    WEB,
    ask,
    at,
    delivery,
    events_of,
    expect,
    placed_in_channel,
    position,
    receive,
    shopify,
    shopify_order,
    shopify_refund,
    workflow,
)
from tests.proof.interleave.world import cause
from tests.proof.memory import MemoryPolicies
from tests.support.builders import line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.state import Order
    from tests.proof.interleave.kernel import Ended
    from tests.proof.interleave.world import World

CREATED: Final = shopify("orders/create", "e1", shopify_order("2026-03-01T12:00:00Z"))
REFUNDED: Final = shopify("refunds/create", "e2", shopify_refund(77, "10.00"))
CANCELLED: Final = shopify("orders/cancelled", "e3", shopify_order("2026-03-01T12:05:00Z", cancelled=True))


def _goods(world: World) -> None:
    receive(world, SKU, "WH1", 5)


def _recover(world: World) -> None:
    world.recover()


# update-before-create


def _out_of_order(world: World) -> list[Worker]:
    return [
        delivery(world, "orders/create", CREATED),
        delivery(world, "refunds/create", REFUNDED, impatient=True),
        delivery(world, "orders/cancelled", CANCELLED),
    ]


def _all_taken_in(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    order = orders.get(WEB)
    expect("I4", order is not None, "the order is lost")
    if order is not None:
        expect("I4", order.payment.refunded == 1000, f"{order.payment.refunded} given back")
        expect("I4", at(order, Place.CANCELLED) == 3, f"{at(order, Place.CANCELLED)} cancelled")
    expect("I8", not world.store.parked, "something waits in the quarantine")


# quarantine


def _parked_refund(world: World) -> None:
    _goods(world)
    world.calm.take(REFUNDED, last_try=True)
    world.calm.take(CREATED, last_try=True)
    world.drive(WEB)


def parked_id() -> str:
    """The refund's entry."""
    source, request = from_message(REFUNDED)
    return ids.derive("qrn", source, "shop-1", sender(source).identify(request).event_id)


def _replays(world: World) -> list[Worker]:
    entry = parked_id()

    def requeued(_try: int, last: bool) -> object:  # noqa: FBT001
        return world.racing.take(next(iter(world.store.queued.values())), last_try=last)

    return [
        Worker(name="staff", body=lambda _try, _last: world.racing.replay(entry)),
        Worker(name="watchdog", body=lambda _try, _last: world.racing.watchdog()),
        Worker(name="queue", body=requeued, when=lambda: bool(world.store.queued)),
    ]


def _refunded_once(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    names = [type(each).__name__ for each in events_of(world, WEB)]
    expect("I5", names.count("RefundRequested") == 1 and names.count("RefundSucceeded") == 1, f"{names}")
    expect("I4", orders[WEB].payment.refunded == 1000, f"{orders[WEB].payment.refunded} given back")
    expect("I8", not world.store.parked, "the entry is still there")


# watchdog-workflow


def _overdue(world: World) -> None:
    _goods(world)
    order_id = placed_in_channel(world, line(quantity=2))
    for commit in world.commits(order_id):
        world.calm.project(commit, late=True)
    world.clock += timedelta(hours=1)


def _driven_again(world: World) -> list[Worker]:
    def started(_try: int, _last: bool) -> object:  # noqa: FBT001
        return world.racing.burst(next(iter(world.store.started.values()))[1])

    return [
        workflow(world, "workflow", WEB),
        Worker(name="watchdog", body=lambda _try, _last: world.racing.watchdog()),
        Worker(name="its workflow", body=started, when=lambda: bool(world.store.started)),
    ]


def _promised_once(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    names = [type(each).__name__ for each in events_of(world, WEB)]
    expect("I5", names.count("LinesReserved") == 1, f"{names}")
    expect("I4", at(orders[WEB], Place.ALLOCATED) == 2, f"{at(orders[WEB], Place.ALLOCATED)} allocated")
    expect("I1", position(world).reserved == 2, "stock is bound twice")


# patience-supply


def _waited_long_enough(world: World) -> None:
    rest = {"name": "rest", "then": {"policy": "nearest"}, "after": {"cancel_after_days": 1}}
    MemoryPolicies(world.store).save("sourcing", {"version": 1, "document": {"rules": [rest]}})
    world.drive(placed_in_channel(world, line(quantity=2)))
    world.clock += timedelta(days=1)


def _given_up_or_supplied(world: World) -> list[Worker]:
    goods = StockMovement(sku=SKU, node_id="WH1", kind=MovementKind.RECEIPT, quantity=2)
    return [
        workflow(world, "watchdog's workflow", WEB),
        workflow(world, "workflow of the supply", WEB),
        Worker(name="goods", body=lambda _try, _last: world.racing.move("goods", [goods], cause("goods in", "api"))),
    ]


def _ended_once(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    names = [type(each).__name__ for each in events_of(world, WEB)]
    expect("I5", names.count("LinesCancelled") + names.count("LinesReserved") == 1, f"{names}")
    cancelled, bound = at(orders[WEB], Place.CANCELLED), at(orders[WEB], Place.ALLOCATED)
    expect("I4", (cancelled, bound) in ((2, 0), (0, 2)), f"{cancelled} cancelled, {bound} allocated")
    expect("I1", position(world).reserved == bound, "what is bound is not what was promised")


# relay-relay


def _unrelayed(world: World) -> None:
    _goods(world)
    order_id = placed_in_channel(world, line(quantity=2))
    world.drive(order_id)
    hold = PlaceHold(command_id=ids.command_id("hold"), hold_id="hld_1", kind="manual")
    ask(world.calm, order_id, hold)


def _relays(world: World) -> list[Worker]:
    commits = world.commits(WEB)

    def relay(number: int) -> Worker:
        return Worker(name=f"relay #{number}", body=lambda _try, _last: world.racing.relay(commits[number - 1]))

    return [relay(1), relay(2), relay(3)]


def _newest_shown(world: World, _orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    shown = world.calm.views.row_of(WEB)
    expect(
        "I13", (shown["commit"], shown["stage"]) == (3, "on_hold"), f"the list shows commit {shown['commit']}: {shown}"
    )


SCENARIOS: Final = (
    Scenario(
        name="update-before-create",
        about="A refund and a cancellation arrive before their order; the refund's tries run out.",
        prelude=_goods,
        workers=_out_of_order,
        expect=_all_taken_in,
        guard="what cannot be processed yet is parked and replayed when its order has come",
        without=guards.no_quarantine,
        recover=_recover,
    ),
    Scenario(
        name="quarantine-replay-redelivery",
        about="A parked refund is replayed by a person and by the watchdog, and comes out of the queue again.",
        prelude=_parked_refund,
        workers=_replays,
        expect=_refunded_once,
        guard="an entry leaves the quarantine only when it was processed or queued",
        without=guards.removed_before_processed,
        recover=_recover,
    ),
    Scenario(
        name="watchdog-workflow",
        about="The watchdog starts again what is still running.",
        prelude=_overdue,
        workers=_driven_again,
        expect=_promised_once,
        guard="condition on the commit number: a step is identified by the point of the log that it acts on",
        without=guards.no_commit_condition,
        recover=_recover,
    ),
    Scenario(
        name="patience-supply",
        about="A backorder's last day: its workflow runs twice while goods come in.",
        prelude=_waited_long_enough,
        workers=_given_up_or_supplied,
        expect=_ended_once,
        guard="condition on the commit number: what still waits and what it waits for are decided in one commit",
        without=guards.no_commit_condition,
    ),
    Scenario(
        name="relay-relay",
        about="Three commits of one order are relayed in any order, and again.",
        prelude=_unrelayed,
        workers=_relays,
        expect=_newest_shown,
        guard="a row refuses a commit older than it shows",
        without=guards.no_row_condition,
    ),
)
