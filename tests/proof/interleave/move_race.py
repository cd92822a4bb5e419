"""Races over what is planned: it moves, is released, is cancelled, or its place is taken by somebody else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from oms.domain import ids
from oms.domain.order import commands as cmd
from oms.domain.order import events as ev
from oms.domain.order.ledger import Place
from oms.domain.order.state import FulfillmentOrderStatus
from tests.proof.interleave import guards
from tests.proof.interleave.kernel import Worker
from tests.proof.interleave.scenario import Scenario
from tests.proof.interleave.story import (
    SKU,
    WEB,
    api,
    at,
    cancel,
    events_of,
    expect,
    placed_in_channel,
    position,
    receive,
    refusal,
    workflow,
)
from tests.proof.memory import MemoryReference
from tests.support.builders import line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.state import Order
    from tests.proof.interleave.kernel import Ended
    from tests.proof.interleave.world import World

OTHER: Final = ids.order_id("shopify", "shop-1", "1002")
"""Another order, for the units that are free at WH2."""


def _planned(world: World) -> None:
    """Two units at WH1, where a parcel is dear, and two that came to WH2 since."""
    reference = MemoryReference(world.store)
    for row in reference.node_rows():
        node = row["node_id"]
        calendar = {"time_zone": "UTC", "cut_off": "22:00", "workdays": list(range(7))}
        reference.put("node", node, {**row, **calendar, "per_parcel": 900 if node == "WH1" else 100})
    zone = {"name": "all", "up_to_km": 21_000, "transit_days": 2, "base": 0, "per_kg": []}
    reference.put("tariff", "main", {"zones": [zone]})
    rest = {"name": "rest", "then": {"policy": "cheapest"}, "release": {"until": "cut_off"}}
    reference.put("policy", "sourcing", {"version": 1, "document": {"rules": [rest]}})
    receive(world, SKU, "WH1", 2)
    placed_in_channel(world, line(quantity=2))
    world.drive(WEB)
    for commit in world.commits(WEB):
        world.calm.project(commit)
    receive(world, SKU, "WH2", 2)


def _looks_again(world: World) -> Worker:
    return Worker(name="reoptimize", body=lambda _try, _last: world.racing.reoptimize())


def _release(world: World) -> Worker:
    """As the watchdog asks for it when it is due."""
    command = cmd.ReleaseFulfillmentOrders(command_id=ids.command_id("release"), at=world.now() + timedelta(days=1))
    return api(world, "watchdog", WEB, command)


def _all_three(world: World) -> list[Worker]:
    return [_looks_again(world), _release(world), api(world, "service", WEB, cancel(WEB, "all"))]


def _one_place(world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    order, events = orders[WEB], events_of(world, WEB)
    bound = {node: position(world, node).reserved for node in ("WH1", "WH2")}
    expect("I6", at(order, Place.CANCELLED) == 2, f"{at(order, Place.CANCELLED)} are cancelled")
    expect("I1", set(bound.values()) == {0}, f"still bound: {bound}")
    names = [type(each).__name__ for each in events]
    expect("I5", names.count("LinesMoved") <= 1, f"{names}")
    released = [each for each in events if isinstance(each, ev.FulfillmentOrderReleased)]
    expect("I5", len(released) <= 1, f"released more than once: {names}")
    if released and "LinesMoved" in names:
        first = names.index("FulfillmentOrderReleased") < names.index("LinesMoved")
        expect("I6", not first, f"what a warehouse has was moved: {names}")
    expect("I6", refusal(ended, "service") == "", f"{ended['service'].error!r}")


def _release_alone(world: World) -> list[Worker]:
    return [_looks_again(world), _release(world)]


def _told_where_it_is(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    order, events = orders[WEB], events_of(world, WEB)
    (released,) = [each for each in events if isinstance(each, ev.FulfillmentOrderReleased)]
    known = order.fulfillment_orders[released.fulfillment_order_id]
    other = "WH2" if known.node_id == "WH1" else "WH1"
    expect("I6", known.status is FulfillmentOrderStatus.RELEASED, f"what was released is {known.status}")
    expect("I1", dict(known.remaining) == {"1": 2}, f"the warehouse has {known.remaining}")
    expect("I1", position(world, known.node_id).reserved == 2, "its units are bound elsewhere")
    expect("I1", position(world, other).reserved == 0, "units are bound at both nodes")


def _second_order(world: World) -> None:
    _planned(world)
    placed_in_channel(world, line(quantity=2), number="1002")


def _for_the_same_units(world: World) -> list[Worker]:
    return [_looks_again(world), workflow(world, "workflow", OTHER)]


def _each_unit_once(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    first, second = orders[WEB], orders[OTHER]
    reserved = sum(position(world, node).reserved for node in ("WH1", "WH2"))
    expect("I1", min(position(world, node).available for node in ("WH1", "WH2")) >= 0, "oversold")
    expect("I1", at(first, Place.ALLOCATED) == 2, "the order that moved has lost its units")
    bound = at(first, Place.ALLOCATED) + at(second, Place.ALLOCATED)
    expect("I1", reserved == bound, f"{reserved} reserved, {bound} bound")
    expect("I1", at(second, Place.ALLOCATED) == 2, "the other order was not promised what was free")


SCENARIOS: Final = (
    Scenario(
        name="move-release",
        about="An order is looked at again while it becomes due and is cancelled.",
        prelude=_planned,
        workers=_all_three,
        expect=_one_place,
        guard="condition on the commit number",
        without=guards.no_commit_condition,
    ),
    Scenario(
        name="move-told",
        about="An order moves while its warehouse is being told.",
        prelude=_planned,
        workers=_release_alone,
        expect=_told_where_it_is,
        guard="stock moves in the transaction of the commit that says so",
        without=guards.stock_apart,
    ),
    Scenario(
        name="move-promise",
        about="An order moves to units that another is being promised.",
        prelude=_second_order,
        workers=_for_the_same_units,
        expect=_each_unit_once,
        guard="condition on what is available",
        without=guards.no_stock_condition,
    ),
)
