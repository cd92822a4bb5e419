"""Planned orders looked at again: what moves, what stays, what is told of it, and who else was there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from oms.application import reoptimize
from oms.domain.counting import PositionCount
from oms.domain.errors import UnknownEventError, VersionConflictError
from oms.domain.order import commands as cmd
from oms.domain.order.events import LinesMoved
from oms.domain.order.releasing import release_at
from oms.domain.order.status import Stage, stage
from oms.domain.sourcing.deciding import restored
from oms.domain.sourcing.moving import PricedMove, Trade, move_again
from oms.domain.sourcing.rules import OrderFacts, choose
from tests.proof.interleave.checks import everything
from tests.proof.interleave.story import SKU, ask, cancel, has, position, receive, take_in
from tests.proof.interleave.world import cause
from tests.support.builders import line, minutes, paid, snapshot
from tests.unit.test_planned_orders import CALENDAR
from tests.unit.test_sourcing_applied import OTHER, Shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oms.domain.order.state import Order

DEAR: Final = {"WH1": 900, "WH2": 500, "WH3": 100}
"""Per parcel; every node delivers in two days after its cut-off, at 16:00. It is Sunday, 13:00."""


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    for node, cost in DEAR.items():
        made.node(node, **CALENDAR, per_parcel=cost)
    zone = {"name": "all", "up_to_km": 21000, "transit_days": 2, "base": 0, "per_kg": []}
    made.reference.put("tariff", "main", {"zones": [zone]})
    made.reference.keep_network()
    made.rules({"name": "rest", "then": {"policy": "cheapest"}, "release": {"until": "cut_off"}})
    yield made
    everything(made.world)


def planned(shop: Shop, *lines: Any, number: str = "1001") -> Order:
    order = shop.order(*lines, number=number)
    assert stage(order) is Stage.PLANNED
    listed(shop, order)
    return order


def listed(shop: Shop, *orders: Order) -> None:
    for order in orders:
        for commit in shop.world.commits(order.order_id):
            shop.world.calm.project(commit)


def nodes(shop: Shop, order: Order) -> dict[str, str]:
    return shop.nodes_of(shop.world.order(order.order_id))


def test_an_order_moves_to_where_it_costs_less(shop: Shop) -> None:
    receive(shop.world, SKU, "WH1", 2)
    order = planned(shop, line(quantity=2))
    receive(shop.world, SKU, "WH3", 2)
    told = shop.world.calm.reoptimize()
    wanted = {"looked": 1, "unread": 0, "movable": 1, "moved": 1, "trades": 1, "lost": 0, "saved": 800, "next": ""}
    assert told == {"at": shop.world.now().isoformat(), **wanted}
    after = shop.world.order(order.order_id)
    assert (shop.nodes_of(after), after.promised_by) == ({"1": "WH3"}, order.promised_by)
    assert (position(shop.world).available, position(shop.world, "WH3").reserved) == (2, 2)
    assert shop.world.calm.views.list_rows("reoptimization", 9, "")[0] == [told]
    listed(shop, order)
    assert shop.world.calm.reoptimize()["moved"] == 0


def test_the_decision_is_explained_and_made_again(shop: Shop) -> None:
    receive(shop.world, SKU, "WH1", 1)
    receive(shop.world, OTHER, "WH1", 1)
    shop.node("WH3", **CALENDAR, per_parcel=100, per_unit=30)
    order = planned(shop, line("1", 1, sku=SKU), line("2", 1, sku=OTHER))
    receive(shop.world, SKU, "WH3", 1)
    receive(shop.world, OTHER, "WH3", 1)
    shop.world.calm.reoptimize()
    told = shop.decision(shop.world.order(order.order_id))
    assert told["recomputed"] == "same"
    assert (told["decision"]["cost"], told["decision"]["saved"]) == ([900, 160], 740)
    assert "line 1 from WH1 to WH3, line 2 from WH1 to WH3" in told["explained"]
    assert "Cost 900 before, 160 after" in told["explained"]


def test_what_does_not_follow_is_said(shop: Shop) -> None:
    receive(shop.world, SKU, "WH1", 1)
    order = planned(shop, line())
    receive(shop.world, SKU, "WH3", 1)
    shop.world.calm.reoptimize()
    (moved,) = shop.last(order)
    assert isinstance(moved, LinesMoved)
    promise = moved.promised_by
    rule = choose(shop.reference.policy("sourcing"), OrderFacts())
    request = restored(moved.decision, order, shop.reference.network(), rule)
    assert move_again(moved.decision, request, promise)
    assert not move_again({**moved.decision, "cost": [900, 99]}, request, promise)
    assert not move_again(moved.decision, request, promise - timedelta(minutes=1))


def _sent_to(shop: Shop, order: Order, ship_to: Any) -> None:
    """The channel says that it goes elsewhere."""
    number = order.placed.external_id
    told = paid(snapshot(line(), external_id=number, number=f"#{number}"))
    take_in(shop.world.calm, replace(told, ship_to=ship_to, revision=minutes(5)), f"moved {number}")
    listed(shop, order)


def test_two_trade_where_neither_can_move_alone(shop: Shop) -> None:
    """The first has the only unit of WH3, where the second would save more: each order's freight is its own."""
    zones = [
        {"name": "near", "up_to_km": 300, "transit_days": 2, "base": 0, "per_kg": []},
        {"name": "far", "up_to_km": 21000, "transit_days": 2, "base": 700, "per_kg": []},
    ]
    shop.reference.put("tariff", "main", {"zones": zones})
    for node in DEAR:
        shop.node(node, per_parcel=0)
    shop.reference.keep_network()
    munich, berlin = 48.1, 52.5
    receive(shop.world, SKU, "WH2", 1)
    first = planned(shop, line(), number="1")
    receive(shop.world, SKU, "WH1", 1)
    second = shop.order(line(), number="2")
    for order, there in ((first, berlin), (second, munich)):
        assert order.placed.ship_to
        _sent_to(shop, order, replace(order.placed.ship_to, latitude=there, longitude=13.0))
    assert (nodes(shop, first), nodes(shop, second)) == ({"1": "WH2"}, {"1": "WH1"})
    told = shop.world.calm.reoptimize()
    assert (told["moved"], told["trades"], told["saved"]) == (2, 1, 1400)
    assert (nodes(shop, first), nodes(shop, second)) == ({"1": "WH1"}, {"1": "WH2"})
    decision = shop.decision(shop.world.order(first.order_id))
    assert decision["decision"]["with"] == [second.order_id]
    assert f"In one trade with {second.order_id}, which saves 1400 together" in decision["explained"]
    numbers = {shop.world.commits(each.order_id)[-1].command_id for each in (first, second)}
    assert len(numbers) == 2


class TestWhatStays:
    def test_everything_while_no_rule_has_a_release_wait(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        receive(shop.world, SKU, "WH1", 1)
        planned(shop, line())
        receive(shop.world, SKU, "WH3", 1)
        shop.rest()
        monkeypatch.setattr(type(shop.world.calm.views), "list_orders", None)
        assert shop.world.calm.reoptimize()["looked"] == 0

    def test_what_would_come_later(self, shop: Shop) -> None:
        shop.node("WH3", **{**CALENDAR, "cut_off": "17:00"}, per_parcel=100)
        receive(shop.world, SKU, "WH1", 1)
        order = planned(shop, line())
        receive(shop.world, SKU, "WH3", 1)
        assert shop.world.calm.reoptimize()["moved"] == 0
        assert nodes(shop, order) == {"1": "WH1"}

    @pytest.mark.parametrize("policy", ["nearest", "nearest_complete", "fewest_splits"])
    def test_what_costs_more_though_its_rule_likes_it_better(self, shop: Shop, policy: str) -> None:
        """Nearest would move it to WH1, which is dearer."""
        rule = {"name": "rest", "then": {"policy": policy}, "release": {"until": "cut_off"}}
        shop.rules(rule)
        receive(shop.world, SKU, "WH3", 1)
        order = planned(shop, line())
        receive(shop.world, SKU, "WH1", 1)
        told = shop.world.calm.reoptimize()
        assert (told["movable"], told["moved"]) == (1, 0)
        assert nodes(shop, order) == {"1": "WH3"}

    def test_what_a_node_is_for_that_the_rule_excludes(self, shop: Shop) -> None:
        then = {"policy": "cheapest", "not_nodes": ["WH3"]}
        shop.rules({"name": "rest", "then": then, "release": {"until": "cut_off"}})
        receive(shop.world, SKU, "WH1", 1)
        planned(shop, line())
        receive(shop.world, SKU, "WH3", 1)
        assert shop.world.calm.reoptimize()["moved"] == 0

    def test_what_the_channel_must_leave_to_others(self, shop: Shop) -> None:
        receive(shop.world, SKU, "WH1", 1)
        planned(shop, line())
        receive(shop.world, SKU, "WH3", 1)
        shop.reference.put("policy", "buffers", {"rules": [{"node_id": "WH3", "units": 1}]})
        assert shop.world.calm.reoptimize()["moved"] == 0

    def test_released_held_kits_and_parts_at_two_nodes(self, shop: Shop) -> None:
        world = shop.world
        for node in ("WH1", "WH2"):
            receive(world, SKU, node, 2)
        world.product("KIT", components={OTHER: 1})
        receive(world, OTHER, "WH1", 1)
        then = {"policy": "cheapest", "split_lines": True}
        shop.rules({"name": "rest", "then": then, "release": {"until": "cut_off"}})
        split = planned(shop, line(quantity=3), number="1")
        kit = planned(shop, line(sku="KIT"), number="2")
        receive(world, SKU, "WH1", 2, "more")
        held, released = (planned(shop, line(), number=each) for each in ("3", "4"))
        ask(world.calm, held.order_id, cmd.PlaceHold(command_id="h", hold_id="h", kind="manual"))
        due = release_at(released)
        assert due
        ask(world.calm, released.order_id, cmd.ReleaseFulfillmentOrders(command_id="r", at=due))
        for sku in (SKU, OTHER):
            receive(world, sku, "WH3", 9)
        assert world.calm.reoptimize()["movable"] == 0
        assert (len(split.fulfillment_orders), len(kit.fulfillment_orders)) == (2, 1)

    def test_units_that_nobody_found_draw_nobody(self, shop: Shop) -> None:
        """Of two at WH3 one is missing: who is there stays, and nobody else comes."""
        receive(shop.world, SKU, "WH3", 1)
        planned(shop, line())
        count = PositionCount(sku=SKU, node_id="WH3", counted=0, seen=None)
        shop.world.calm.count("c", [count], cause("count", "api"))
        receive(shop.world, SKU, "WH1", 5)
        other = planned(shop, line(), number="2")
        assert shop.world.calm.reoptimize()["moved"] == 0
        assert nodes(shop, other) == {"1": "WH1"}

    def test_what_is_due(self, shop: Shop) -> None:
        receive(shop.world, SKU, "WH1", 1)
        order = planned(shop, line())
        receive(shop.world, SKU, "WH3", 1)
        due = release_at(order)
        assert due
        shop.world.clock = due
        assert shop.world.calm.reoptimize()["movable"] == 0


class TestTheRelease:
    def test_comes_before_the_new_nodes_cut_off(self, shop: Shop) -> None:
        shop.node("WH3", **{**CALENDAR, "cut_off": "14:00"}, per_parcel=100)
        receive(shop.world, SKU, "WH1", 1)
        order = planned(shop, line())
        receive(shop.world, SKU, "WH3", 1)
        assert shop.world.calm.reoptimize()["moved"] == 1
        after = shop.world.order(order.order_id)
        until = release_at(after)
        assert until
        assert (until.hour, until.minute) == (13, 45)

    def test_is_the_watchdogs_still(self, shop: Shop) -> None:
        receive(shop.world, SKU, "WH1", 1)
        order = planned(shop, line())
        receive(shop.world, SKU, "WH3", 1)
        shop.world.calm.reoptimize()
        listed(shop, order)
        due = release_at(shop.world.order(order.order_id))
        assert due
        shop.world.clock = due
        assert shop.world.calm.watchdog()["released"] == 1
        assert stage(shop.world.order(order.order_id)) is Stage.RELEASED


class TestAFullNode:
    def test_takes_no_more_than_its_day(self, shop: Shop) -> None:
        shop.node("WH3", **CALENDAR, per_parcel=100, daily_orders=1)
        receive(shop.world, SKU, "WH1", 2)
        orders = [planned(shop, line(), number=str(number)) for number in range(2)]
        receive(shop.world, SKU, "WH3", 2)
        assert shop.world.calm.reoptimize()["moved"] == 1
        assert sorted(node for order in orders for node in nodes(shop, order).values()) == ["WH1", "WH3"]

    def test_lets_its_own_orders_trade_places_with_others(self, shop: Shop) -> None:
        shop.node("WH3", **CALENDAR, per_parcel=100, daily_orders=1)
        receive(shop.world, SKU, "WH3", 1)
        planned(shop, line(), number="1")
        receive(shop.world, SKU, "WH1", 1)
        planned(shop, line(), number="2")
        assert shop.world.calm.reoptimize()["movable"] == 2


class TestARun:
    def test_goes_on_where_the_last_one_ended(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reoptimize, "PAGE", 2)
        monkeypatch.setattr(reoptimize, "MOST", 2)
        receive(shop.world, SKU, "WH1", 5)
        for number in range(5):
            planned(shop, line(), number=str(number))
        seen = []
        for _ in range(4):
            shop.world.clock += timedelta(seconds=1)
            seen.append(shop.world.calm.reoptimize()["looked"])
        assert seen == [2, 2, 1, 2]

    def test_that_is_out_of_time_leaves_the_rest(self, shop: Shop) -> None:
        receive(shop.world, SKU, "WH1", 1)
        planned(shop, line())
        receive(shop.world, SKU, "WH3", 1)
        assert shop.world.calm.reoptimize(lambda: False)["looked"] == 0
        left = iter([True, True])
        told = shop.world.calm.reoptimize(lambda: next(left, False))
        assert (told["movable"], told["moved"]) == (1, 0)


class TestWhatCannotBeRead:
    def test_an_order_does_not_stop_the_others(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        receive(shop.world, SKU, "WH1", 2)
        broken, sound = (planned(shop, line(), number=each) for each in ("1", "2"))
        receive(shop.world, SKU, "WH3", 2)
        work = shop.world.calm.reoptimize
        load = work.orders.load

        def read(order_id: str) -> Any:
            if order_id == broken.order_id:
                raise UnknownEventError("of a newer version")
            return load(order_id)

        monkeypatch.setattr(type(work.orders), "load", lambda _self, order_id: read(order_id))
        told = work()
        assert (told["looked"], told["unread"], told["moved"]) == (2, 1, 1)
        monkeypatch.undo()
        assert nodes(shop, sound) == {"1": "WH3"}

    def test_nor_do_goods_of_which_no_plan_can_be_made(self, shop: Shop) -> None:
        receive(shop.world, SKU, "WH1", 1)
        receive(shop.world, OTHER, "WH1", 1)
        rules = [
            {"name": "lamps", "when": {"skus": [OTHER]}, "then": {"policy": "cheapest"}},
            {"name": "rest", "then": {"policy": "cheapest"}},
        ]
        shop.rules(*[{**rule, "release": {"until": "cut_off"}} for rule in rules])
        order, other = planned(shop, line(), number="1"), planned(shop, line(sku=OTHER), number="2")
        for sku in (SKU, OTHER):
            receive(shop.world, sku, "WH3", 1)
        shop.product(OTHER, weight_g=10**12)
        told = shop.world.calm.reoptimize()
        assert (told["looked"], told["unread"], told["moved"]) == (2, 1, 1)
        assert (nodes(shop, order), nodes(shop, other)) == ({"1": "WH3"}, {"1": "WH1"})


class TestSomebodyElse:
    @pytest.mark.parametrize("released", [True, False])
    def test_was_first(self, shop: Shop, monkeypatch: pytest.MonkeyPatch, *, released: bool) -> None:
        """The order is released, or cancelled, between reading and moving."""
        world = shop.world
        receive(world, SKU, "WH1", 1)
        order = planned(shop, line())
        receive(world, SKU, "WH3", 1)
        due = release_at(order)
        assert due
        first = cmd.ReleaseFulfillmentOrders(command_id="r", at=due) if released else cancel(order.order_id, "all")
        work = world.calm.reoptimize
        together = work.orders.execute_together

        def late(*args: Any) -> Any:
            ask(world.calm, order.order_id, first)
            return together(*args)

        monkeypatch.setattr(type(work.orders), "execute_together", lambda _self, *args: late(*args))
        told = work()
        assert (told["moved"], told["lost"], told["saved"]) == (0, 1, 0)
        assert not has(world, order.order_id, "LinesMoved")
        assert position(world, "WH3").reserved == 0

    def test_took_the_stock(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        world = shop.world
        receive(world, SKU, "WH1", 1)
        order = planned(shop, line())
        receive(world, SKU, "WH3", 1)
        work = world.calm.reoptimize
        together = work.orders.execute_together

        def late(*args: Any) -> Any:
            shop.order(line(), number="2")
            return together(*args)

        monkeypatch.setattr(type(work.orders), "execute_together", lambda _self, *args: late(*args))
        assert work()["lost"] == 1
        assert nodes(shop, order) == {"1": "WH1"}

    def test_what_follows_on_a_lost_trade_is_left(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        """It would start from where the order is not, and its costs are of there."""
        world = shop.world
        receive(world, SKU, "WH1", 1)
        order = planned(shop, line())
        for node in ("WH2", "WH3"):
            receive(world, SKU, node, 1)
        at = {node: (order.lines["1"].at(node, 1),) for node in DEAR}
        steps = [
            Trade((PricedMove(order.order_id, at[was], at[now], (DEAR[was], DEAR[now])),), DEAR[was] - DEAR[now])
            for was, now in (("WH1", "WH2"), ("WH2", "WH3"))
        ]
        monkeypatch.setattr(reoptimize, "trades", lambda *_: steps)
        work = world.calm.reoptimize
        together = work.orders.execute_together
        tries: list[int] = []

        def late(*args: Any) -> Any:
            tries.append(1)
            if len(tries) == 1:
                raise VersionConflictError("somebody was first")
            return together(*args)

        monkeypatch.setattr(type(work.orders), "execute_together", lambda _self, *args: late(*args))
        told = work()
        assert (len(tries), told["moved"], told["lost"]) == (1, 0, 1)
        assert nodes(shop, order) == {"1": "WH1"}

    def test_looked_again_at_the_same_time(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two runs have one command id for an order: what the other has decided is not ours."""
        world = shop.world
        receive(world, SKU, "WH1", 1)
        order = planned(shop, line())
        receive(world, SKU, "WH3", 1)
        work = world.calm.reoptimize
        together = work.orders.execute_together
        other: list[dict[str, Any]] = []

        def late(*args: Any) -> Any:
            monkeypatch.setattr(type(work.orders), "execute_together", lambda _self, *again: together(*again))
            world.clock += timedelta(seconds=1)
            other.append(work())
            return together(*args)

        monkeypatch.setattr(type(work.orders), "execute_together", lambda _self, *args: late(*args))
        told = work()
        assert [other[0]["moved"], told["moved"], told["lost"]] == [1, 0, 1]
        assert len(world.commits(order.order_id)) == len({each.command_id for each in world.commits(order.order_id)})

    def test_a_lost_answer_is_a_move(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        world = shop.world
        receive(world, SKU, "WH1", 1)
        order = planned(shop, line())
        receive(world, SKU, "WH3", 1)
        log = world.calm.orders.log
        append = log.append

        def lost(commit: Any, **beside: Any) -> None:
            append(commit, **beside)
            raise VersionConflictError("taken", stream=commit.stream)

        monkeypatch.setattr(type(log), "append", lambda _self, commit, **beside: lost(commit, **beside))
        assert world.calm.reoptimize()["moved"] == 1
        assert nodes(shop, order) == {"1": "WH3"}
