"""Races over one order: placing, changing, cancelling, shipping."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.domain import ids
from oms.domain.order import commands as cmd
from oms.domain.order.ledger import Place
from oms.domain.order.state import FulfillmentOrderStatus
from oms.domain.tracking import ParcelStatus
from tests.proof.interleave import guards
from tests.proof.interleave.kernel import Worker
from tests.proof.interleave.scenario import Scenario
from tests.proof.interleave.story import (
    CARD,
    SKU,
    WEB,
    api,
    ask,
    at,
    cancel,
    events_of,
    expect,
    has,
    moved,
    parcel_scan,
    placed_in_channel,
    placed_on_card,
    position,
    post,
    receive,
    refusal,
    ship,
    site_id,
    site_order,
    take_in,
    work,
    workflow,
)
from tests.support.builders import BERLIN, PARIS, line, minutes, paid, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oms.domain.canonical import CanonicalOrder
    from oms.domain.order.state import Order
    from tests.proof.interleave.kernel import Ended
    from tests.proof.interleave.world import World


def _stocked(world: World) -> None:
    receive(world, SKU, "WH1", 3)


def _snapshots(world: World, told: Mapping[str, CanonicalOrder]) -> list[Worker]:
    """A delivery for each."""

    def body(name: str, order: CanonicalOrder) -> Worker:
        def run(_try: int, _last: bool) -> object:  # noqa: FBT001
            seen = order if world.without.own_times else replace(order, revision=world.arrival())
            return take_in(world.racing, seen, name)

        return Worker(name=name, body=run)

    return [body(name, order) for name, order in told.items()]


# place-place: one order, told twice under two event ids, and once more as paid


def _twice(world: World) -> list[Worker]:
    new = snapshot(line(quantity=2))
    told = {
        "orders/create": new,
        "orders/create of another app": new,
        "orders/paid": paid(replace(new, revision=minutes(1))),
    }
    return _snapshots(world, told)


def _placed_once(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    names = [type(each).__name__ for each in events_of(world, WEB)]
    expect("I5", list(orders) == [WEB] and names.count("OrderPlaced") == 1, f"the order was placed: {names}")
    expect("I4", orders[WEB].payment.captured == orders[WEB].placed.total, "the payment is known")


# same-number, one-payment: two orders that claim the same


def _same_number(world: World) -> list[Worker]:
    return [
        Worker(name="shop", body=lambda _try, _last: post(world.racing, site_order("K1", number="N1"))),
        Worker(name="shop repeats", body=lambda _try, _last: post(world.racing, site_order("K1", number="N1"))),
        Worker(
            name="other shop",
            body=lambda _try, _last: post(world.racing, site_order("K2", number="N1"), replace(CARD, reference="pi_2")),
        ),
    ]


def _same_payment(world: World) -> list[Worker]:
    return [
        Worker(name="shop", body=lambda _try, _last: post(world.racing, site_order("K1"))),
        Worker(name="shop repeats", body=lambda _try, _last: post(world.racing, site_order("K1"))),
        Worker(name="other shop", body=lambda _try, _last: post(world.racing, site_order("K2"))),
    ]


def _cards(world: World) -> None:
    for reference in ("pi_1", "pi_2"):
        world.payments.open(reference, 1000)
    receive(world, SKU, "WH1", 3)


def _one_of_two(error: str) -> Callable[[World, Mapping[str, Order], Mapping[str, Ended]], None]:
    def check(_world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
        expect("I5", len(orders) == 1, f"{len(orders)} orders were placed")
        won = site_id("K1") in orders
        for name in ended:
            claims_first = name.startswith("shop")
            wanted = "" if claims_first == won else error
            expect("I5", refusal(ended, name) == wanted, f"{name}: {ended[name].error!r}")

    return check


# place-update: three snapshots in any order of arrival


def _three_revisions(world: World) -> list[Worker]:
    new = snapshot(line(), line("2", quantity=2), ship_to=BERLIN)
    fewer = paid(replace(new, revision=minutes(1), lines=(new.lines[0], replace(new.lines[1], cancelled=1))))
    moved = replace(fewer, revision=minutes(2), ship_to=PARIS)
    return _snapshots(world, {"orders/create": new, "orders/paid": fewer, "orders/updated": moved})


def _newest_facts(_world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    order = orders[WEB]
    expect("I13", order.payment.captured == order.placed.total, f"captured {order.payment.captured}")
    expect("I13", order.lines["2"].ledger.cancelled == 1, f"{order.lines['2'].ledger}")
    expect("I13", order.placed.ship_to == PARIS, f"it goes to {order.placed.ship_to}")


# place-cancel: the cancellation races its own order and the promise


def _place_and_cancel(world: World) -> list[Worker]:
    new = paid(snapshot(line(quantity=2)))
    gone = replace(new, revision=minutes(1), cancelled=True)
    told = _snapshots(world, {"orders/create": new, "orders/cancelled": gone})
    return [*told, workflow(world, "workflow", WEB, when=lambda: has(world, WEB, "OrderPlaced"))]


def _cancelled(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    for order in orders.values():
        expect("I6", at(order, Place.CANCELLED) == 2, f"cancelled: {at(order, Place.CANCELLED)}")
        plan = order.placed.payment
        if not plan.in_channel:
            expect("I2", world.store.payments[plan.reference].capturable == 0, "the card still holds the money")
    expect("I4", len(orders) == 1, f"{len(orders)} orders")
    expect("I1", position(world).available == position(world).on_hand == 3, f"{position(world)}")


# cancel-allocate: a cancellation over the API races the promise


def _two_on_card(world: World) -> None:
    _stocked(world)
    placed_on_card(world, line(quantity=2))


def _cancel_and_promise(world: World) -> list[Worker]:
    order_id = site_id("K1")
    return [workflow(world, "workflow", order_id), api(world, "service", order_id, cancel(order_id, "all"))]


# cancel-ship: whoever comes first


def _two_promised(world: World) -> None:
    _two_on_card(world)
    world.drive(site_id("K1"))


def _cancel_and_ship(world: World) -> list[Worker]:
    order_id = site_id("K1")
    return [
        api(world, "service", order_id, cancel(order_id, "all")),
        api(world, "warehouse", order_id, ship(order_id, "S1", {"1": 2})),
        api(world, "shop", order_id, cancel(order_id, "one", {"1": 1})),
    ]


def _each_unit_once(world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    order = orders[site_id("K1")]
    shipped, gone = at(order, Place.SHIPPED), at(order, Place.CANCELLED)
    taken = sum(moved(world, "capture"))
    expect("I6", (shipped, gone) in ((2, 0), (0, 2)), f"{shipped} shipped, {gone} cancelled")
    expect("I2", (taken == 2000) == (shipped == 2), f"{taken} captured for {shipped} shipped")
    refused = refusal(ended, "warehouse")
    expect("I6", (refused == "") == (shipped == 2), f"the warehouse was told {refused} with {shipped} shipped")
    expect("I6", refused in ("", "InvalidTransitionError"), f"the warehouse was told {refused}")
    for name in ("service", "shop"):
        expect("I6", refusal(ended, name) in ("", "NothingToCancelError"), f"{name} was told {ended[name].error!r}")


# cancel-again: one request, repeated


def _three_promised(world: World) -> None:
    receive(world, SKU, "WH1", 5)
    placed_on_card(world, line(quantity=3))
    world.drive(site_id("K1"))


def _same_request_twice(world: World) -> list[Worker]:
    order_id = site_id("K1")
    one = cancel(order_id, "one", {"1": 1})
    return [
        api(world, "service", order_id, one),
        api(world, "service repeats", order_id, one),
        api(
            world,
            "warehouse",
            order_id,
            cmd.AcceptFulfillmentOrder(command_id=ids.command_id("accept"), fulfillment_order_id=work(order_id)),
        ),
    ]


def _one_cancelled(_world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    order = orders[site_id("K1")]
    expect("I5", at(order, Place.CANCELLED) == 1, f"{at(order, Place.CANCELLED)} units were cancelled")
    status = order.fulfillment_orders[work(order.order_id)].status
    expect("I6", status is FulfillmentOrderStatus.ACCEPTED, f"the work is {status}")
    expect("I5", not any(each.error for each in ended.values()), "somebody was refused")


# re-source-ship: a node says that it has nothing while a colleague packs


def _two_nodes(world: World) -> None:
    receive(world, SKU, "WH1", 2)
    receive(world, SKU, "WH2", 2)
    placed_on_card(world, line(quantity=2))
    world.drive(site_id("K1"))


def _reject_and_ship(world: World) -> list[Worker]:
    order_id = site_id("K1")
    rejected = cmd.RejectFulfillmentOrder(
        command_id=ids.command_id("reject"), fulfillment_order_id=work(order_id), reason="not_found"
    )
    return [
        api(world, "picker", order_id, rejected),
        api(world, "packer", order_id, ship(order_id, "S1", {"1": 2})),
        workflow(world, "workflow", order_id, when=lambda: has(world, order_id, "FulfillmentOrderRejected")),
    ]


def _one_node_ships(world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    order = orders[site_id("K1")]
    there, elsewhere = position(world), position(world, "WH2")
    if refusal(ended, "picker"):
        expect("I1", at(order, Place.SHIPPED) == 2 and elsewhere.reserved == 0, "shipped, and bound elsewhere too")
        expect("I6", refusal(ended, "picker") == "InvalidTransitionError", f"{ended['picker'].error!r}")
    else:
        expect("I6", refusal(ended, "packer") == "InvalidTransitionError", f"{ended['packer'].error!r}")
        expect("I1", at(order, Place.ALLOCATED) == 2 and elsewhere.reserved == 2, "not sourced anew")
    expect("I1", (there.on_hand, there.reserved) == (0, 0), f"{there}")


# scan-scan: scans in any order of arrival


def _on_its_way(world: World) -> None:
    receive(world, SKU, "WH1", 1)
    order_id = placed_in_channel(world, line())
    world.drive(order_id)
    ask(world.calm, order_id, ship(order_id, "1", {"1": 1}))
    for commit in world.commits(order_id):
        world.calm.project(commit)


def _scans(world: World) -> list[Worker]:
    def scan(event: str, status: str, minute: int) -> Worker:
        def run(_try: int, last: bool) -> object:  # noqa: FBT001
            seen = minutes(minute) if world.without.own_times else world.arrival()
            return world.racing.take(parcel_scan(event, "T-1", status, seen), last_try=last)

        return Worker(name=status, body=run)

    return [scan("e1", "in_transit", 10), scan("e2", "failure", 20), scan("e3", "out_for_delivery", 30)]


def _newest_scan(world: World, _orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    shown = world.calm.show(WEB).order
    seen = [parcel.status for parcel in shown.parcels.values()] if shown else []
    expect("I13", seen == [ParcelStatus.OUT_FOR_DELIVERY], f"people see the parcel {seen}")


SCENARIOS: Final = (
    Scenario(
        name="place-place",
        about="One order is delivered under two event ids and as paid, all at once.",
        prelude=_stocked,
        workers=_twice,
        expect=_placed_once,
        guard="condition on the commit number",
        without=guards.no_commit_condition,
    ),
    Scenario(
        name="same-number",
        about="Two orders of one shop claim one number; one of them is sent twice.",
        prelude=_cards,
        workers=_same_number,
        expect=_one_of_two("DuplicateOrderNumberError"),
        guard="unique guard on the number, in the transaction of commit 1",
        without=guards.no_unique_guard,
    ),
    Scenario(
        name="one-payment",
        about="Two orders want to be paid by one authorization.",
        prelude=_cards,
        workers=_same_payment,
        expect=_one_of_two("PaymentAlreadyUsedError"),
        guard="unique guard on the payment, in the transaction of commit 1",
        without=guards.no_unique_guard,
    ),
    Scenario(
        name="place-update",
        about="Three snapshots of one order arrive in any order.",
        prelude=_stocked,
        workers=_three_revisions,
        expect=_newest_facts,
        guard="the channel's own time of change orders what may be replaced; what grows is merged",
        without=guards.arrival_order,
    ),
    Scenario(
        name="place-cancel",
        about="A cancellation overtakes its order, or the promise made on it.",
        prelude=_stocked,
        workers=_place_and_cancel,
        expect=_cancelled,
        guard="condition on the commit number",
        without=guards.no_commit_condition,
    ),
    Scenario(
        name="cancel-allocate",
        about="An order is cancelled while its stock is being bound.",
        prelude=_two_on_card,
        workers=_cancel_and_promise,
        expect=_cancelled,
        guard="stock moves in the transaction of the commit that says so",
        without=guards.stock_apart,
    ),
    Scenario(
        name="cancel-ship",
        about="Two people cancel what the warehouse ships.",
        prelude=_two_promised,
        workers=_cancel_and_ship,
        expect=_each_unit_once,
        guard="condition on the commit number",
        without=guards.no_commit_condition,
    ),
    Scenario(
        name="cancel-again",
        about="One request to cancel one unit of three is sent twice.",
        prelude=_three_promised,
        workers=_same_request_twice,
        expect=_one_cancelled,
        guard="look-up of the command id in the log",
        without=guards.no_command_lookup,
    ),
    Scenario(
        name="re-source-ship",
        about="A picker reports the goods missing while a packer ships them.",
        prelude=_two_nodes,
        workers=_reject_and_ship,
        expect=_one_node_ships,
        guard="condition on the commit number",
        without=guards.no_commit_condition,
    ),
    Scenario(
        name="scan-scan",
        about="Three scans of one parcel, one of which somebody has to act on, arrive in any order.",
        prelude=_on_its_way,
        workers=_scans,
        expect=_newest_scan,
        guard="the carrier's own time of the scan decides which is the newest",
        without=guards.arrival_order,
    ),
)
