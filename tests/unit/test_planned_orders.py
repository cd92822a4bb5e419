"""Orders that are promised and bound, and whose release waits: when it comes, what can happen before, what stops it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from oms.domain import ids
from oms.domain.canonical import ChannelPayment, PaymentState
from oms.domain.errors import InvalidTransitionError
from oms.domain.order import commands as cmd
from oms.domain.order import events as ev
from oms.domain.order.ledger import Place
from oms.domain.order.releasing import movable, planned_units, release_at
from oms.domain.order.state import FulfillmentOrderStatus
from oms.domain.order.status import NextStep, OrderStatus, Stage, next_step, order_status, stage, units_at
from oms.domain.order.summary import due_at, is_patient, summarize, wake_at
from oms.domain.sourcing.rules_check import problems
from tests.proof.interleave.story import SKU, ask, cancel, position, receive, ship, take_in, work
from tests.proof.interleave.world import cause
from tests.support.builders import Story, line, minutes, paid, snapshot
from tests.unit.test_sourcing_applied import OTHER, Shop

if TYPE_CHECKING:
    from oms.domain.order.state import Order

CALENDAR: Final = {"time_zone": "UTC", "cut_off": "16:00", "workdays": [0, 1, 2, 3, 4, 5, 6]}
"""The world's clock stands at 13:00 UTC on a Sunday."""
HOUR: Final = {"wait_minutes": 60}


@pytest.fixture
def shop() -> Shop:
    made = Shop()
    for node in ("WH1", "WH2", "WH3"):
        made.node(node, **CALENDAR)
    receive(made.world, SKU, "WH1", 5)
    receive(made.world, OTHER, "WH1", 5)
    return made


def waits(shop: Shop, release: dict[str, Any] | None = None, **more: Any) -> None:
    shop.rules({"name": "rest", "then": {"policy": "cheapest"}, "release": release or HOUR, **more})


def statuses(order: Order) -> list[FulfillmentOrderStatus]:
    return [known.status for known in order.fulfillment_orders.values()]


def relayed(shop: Shop, order: Order) -> None:
    for commit in shop.world.commits(order.order_id):
        shop.world.calm.project(commit)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, 1, hour, minute, tzinfo=UTC)


class TestWhenItIsReleased:
    def test_at_once_where_no_rule_says_otherwise(self, shop: Shop) -> None:
        order = shop.order(line())
        (event,) = shop.last(order)
        assert isinstance(event, ev.LinesReserved)
        assert (event.release_at, statuses(order)) == (None, [FulfillmentOrderStatus.RELEASED])
        assert stage(order) is Stage.RELEASED

    @pytest.mark.parametrize(
        ("release", "cut_off", "released"),
        [
            (HOUR, "16:00", at(14)),
            (HOUR, "13:40", at(13, 25)),
            ({"until": "cut_off"}, "16:00", at(15, 45)),
            ({"until": "cut_off"}, "12:00", at(11, 45) + timedelta(days=1)),
        ],
    )
    def test_after_its_wait_or_before_the_cut_off(
        self, shop: Shop, release: dict[str, Any], cut_off: str, released: datetime
    ) -> None:
        shop.node("WH1", **{**CALENDAR, "cut_off": cut_off})
        waits(shop, release)
        order = shop.order(line())
        assert statuses(order) == [FulfillmentOrderStatus.PLANNED]
        assert (release_at(order), due_at(order, shop.world.now())) == (released, released)
        assert (stage(order), order_status(order), next_step(order)) == (
            Stage.PLANNED, OrderStatus.CONFIRMED, NextStep.NONE,
        )  # fmt: skip
        assert not is_patient(order)

    def test_the_promise_is_what_it_is_without_the_wait(self, shop: Shop) -> None:
        at_once = shop.order(line())
        waits(shop)
        assert shop.order(line(), number="1002").promised_by == at_once.promised_by

    def test_at_once_where_a_wait_would_break_the_promise(self, shop: Shop) -> None:
        waits(shop)
        shop.node("WH1", time_zone="")
        assert statuses(shop.order(line())) == [FulfillmentOrderStatus.RELEASED]
        shop.node("WH1", **{**CALENDAR, "cut_off": "13:15"})
        assert statuses(shop.order(line(), number="1002")) == [FulfillmentOrderStatus.RELEASED]
        shop.node("WH1", **{**CALENDAR, "cut_off": "13:16"})
        assert statuses(shop.order(line(), number="1003")) == [FulfillmentOrderStatus.PLANNED]

    def test_together_and_with_the_first_cut_off_where_it_comes_from_two_nodes(self, shop: Shop) -> None:
        shop.product("SKU-3")
        receive(shop.world, "SKU-3", "WH2", 5)
        shop.node("WH2", **{**CALENDAR, "cut_off": "14:00"})
        waits(shop, {"until": "cut_off"})
        order = shop.order(line("1", 1, sku=SKU), line("2", 1, sku="SKU-3"))
        assert statuses(order) == [FulfillmentOrderStatus.PLANNED] * 2
        assert {known.release_at for known in order.fulfillment_orders.values()} == {at(13, 45)}


class TestTheWatchdogReleases:
    def test_when_due_and_once(self, shop: Shop) -> None:
        waits(shop)
        order = shop.order(line())
        relayed(shop, order)
        world = shop.world
        world.clock = at(13, 59)
        assert world.calm.watchdog()["released"] == 0
        world.clock = at(14)
        assert world.calm.watchdog()["released"] == 1
        assert world.calm.watchdog()["released"] == 0
        order = world.order(order.order_id)
        assert (stage(order), statuses(order)) == (Stage.RELEASED, [FulfillmentOrderStatus.RELEASED])
        (event,) = shop.last(order)
        assert event == ev.FulfillmentOrderReleased(fulfillment_order_id=work(order.order_id), node_id="WH1")
        assert release_at(order) is None
        relayed(shop, order)
        assert world.calm.watchdog()["released"] == 0
        assert world.calm.views.row_of(order.order_id)["stage"] == "released"
        ask(world.calm, order.order_id, ship(order.order_id, "S", {"1": 1}))
        assert units_at(world.order(order.order_id), Place.SHIPPED) == 1

    def test_all_that_are_due_at_a_cut_off_in_one_run(self, shop: Shop) -> None:
        receive(shop.world, SKU, "WH1", 200, "more")
        waits(shop)
        orders = [shop.order(line(), number=str(number)) for number in range(120)]
        for order in orders:
            relayed(shop, order)
        shop.world.clock = at(14)
        assert shop.world.calm.watchdog()["released"] == 120
        assert {stage(shop.world.order(order.order_id)) for order in orders} == {Stage.RELEASED}

    def test_also_while_something_else_of_it_waits_for_stock(self, shop: Shop) -> None:
        """The wait for stock doubles; the release does not wait for that."""
        waits(shop, {"wait_minutes": 170}, after={"short": "backorder"})
        order = shop.order(line("1", 1, sku=SKU), line("2", 9, sku=OTHER))
        assert (units_at(order, Place.BACKORDERED), stage(order)) == (9, Stage.BACKORDERED)
        world = shop.world
        relayed(shop, order)
        released = release_at(order)
        assert released == at(15, 45)
        assert wake_at(order, world.now()) == released
        while world.clock < released:
            world.clock += timedelta(minutes=1)
            world.calm.watchdog()
            world.drive(order.order_id)
        order = world.order(order.order_id)
        assert statuses(order) == [FulfillmentOrderStatus.RELEASED]


class TestBefore:
    def test_no_warehouse_can_begin(self, shop: Shop) -> None:
        waits(shop)
        order = shop.order(line(quantity=2))
        here = work(order.order_id)
        for command in (
            cmd.AcceptFulfillmentOrder(command_id="a", fulfillment_order_id=here),
            cmd.RejectFulfillmentOrder(command_id="r", fulfillment_order_id=here, reason="no_capacity"),
            ship(order.order_id, "S", {"1": 2}),
        ):
            with pytest.raises(InvalidTransitionError, match="is planned"):
                ask(shop.world.calm, order.order_id, command)
        relayed(shop, order)
        rows = {
            status: shop.world.calm.views.list_fulfillment_orders("WH1", status, 9, "")[0]
            for status in ("planned", "released")
        }
        assert [row["fulfillment_order_id"] for row in rows["planned"]] == [here]
        assert rows["released"] == []
        since, until = shop.world.now() - timedelta(days=1), shop.world.now() + timedelta(days=1)
        (row,), _ = shop.world.calm.views.list_orders("stage", "planned", since, until, 9, "")
        assert row["order_id"] == order.order_id

    def test_its_stock_is_bound_and_it_can_be_cancelled(self, shop: Shop) -> None:
        waits(shop)
        order = shop.order(line(quantity=3))
        assert (position(shop.world).available, position(shop.world).reserved) == (2, 3)
        order = ask(shop.world.calm, order.order_id, cancel(order.order_id, "one", {"1": 1}))
        assert (stage(order), dict(next(iter(order.fulfillment_orders.values())).remaining)) == (
            Stage.PLANNED, {"1": 2},
        )  # fmt: skip
        order = ask(shop.world.calm, order.order_id, cancel(order.order_id, "all"))
        assert (stage(order), statuses(order)) == (Stage.CANCELLED, [FulfillmentOrderStatus.CANCELLED])
        assert (position(shop.world).available, position(shop.world).reserved) == (5, 0)
        assert release_at(order) is None

    def test_what_is_planned_is_cancelled_before_what_a_warehouse_has(self, shop: Shop) -> None:
        shop.rules({"name": "rest", "then": {"policy": "cheapest"}})
        order = shop.order(line("1", 9, sku=SKU))
        assert units_at(order, Place.BACKORDERED) == 9
        shop.rules(
            {"name": "rest", "then": {"policy": "cheapest"}, "after": {"short": "split"}, "release": HOUR},
        )
        order = shop.order(line("1", 9, sku=SKU), number="1002")
        assert statuses(order) == [FulfillmentOrderStatus.PLANNED]
        shop.rest()
        receive(shop.world, SKU, "WH1", 4, "more")
        shop.world.calm.burst({"order_id": order.order_id, "step": "promise", "cause": "supply"})
        order = ask(shop.world.calm, order.order_id, cancel(order.order_id, "some", {"1": 5}))
        assert statuses(order) == [FulfillmentOrderStatus.CANCELLED, FulfillmentOrderStatus.RELEASED]

    def test_a_hold_stops_the_release_and_its_end_lets_it_go_on(self, shop: Shop) -> None:
        waits(shop)
        order = shop.order(line("1", 1, sku=SKU), line("2", 1, sku=OTHER))
        world = shop.world
        order = ask(world.calm, order.order_id, cmd.PlaceHold(command_id="h", hold_id="h", kind="manual", lines=("2",)))
        assert (stage(order), release_at(order), movable(order)) == (Stage.ON_HOLD, None, ())
        world.clock = at(15)
        relayed(shop, order)
        world.calm.watchdog()
        assert statuses(world.order(order.order_id)) == [FulfillmentOrderStatus.PLANNED]
        order = ask(world.calm, order.order_id, cmd.ReleaseHold(command_id="r", hold_id="h"))
        assert due_at(order, world.now()) == world.now()
        relayed(shop, order)
        assert world.calm.watchdog()["released"] == 1

    def test_money_that_is_gone_stops_the_release(self, shop: Shop) -> None:
        waits(shop)
        order = shop.order(line())
        told = paid(snapshot(line()))
        gone = ChannelPayment(state=PaymentState.VOIDED, captured=told.payment.captured)
        order = take_in(shop.world.calm, replace(told, payment=gone, revision=minutes(5)), "voided")
        assert release_at(order) is None
        command = cmd.ReleaseFulfillmentOrders(command_id="x", at=at(20))
        assert shop.world.calm.orders.execute(order.order_id, command, cause("release", "watchdog")).events == ()

    def test_a_list_row_says_when_it_is_due(self, shop: Shop) -> None:
        waits(shop)
        order = shop.order(line())
        row = summarize(order, shop.world.now())
        assert (row["stage"], row["due_at"], "patient" in row) == ("planned", at(14).isoformat(), False)
        assert row["work"] == {work(order.order_id): ["WH1", "planned"]}


class TestMoving:
    """The decision on a move; what it is worth is somebody else's business."""

    def order(self, shop: Shop) -> Order:
        for sku in (SKU, OTHER):
            receive(shop.world, sku, "WH2", 5)
        waits(shop)
        return shop.order(line("1", 2, sku=SKU), line("2", 1, sku=OTHER))

    def move(self, shop: Shop, order: Order, at_nodes: dict[str, dict[str, int]], when: datetime = at(13, 30)) -> Order:  # noqa: B008
        units = tuple(
            order.lines[line_id].at(node, count) for line_id, nodes in at_nodes.items() for node, count in nodes.items()
        )
        number = len(shop.world.commits(order.order_id))
        command = cmd.MoveLines(command_id=ids.command_id("move", str(number)), units=units, release_at=when)
        return ask(shop.world.calm, order.order_id, command)

    def test_units_and_their_stock_change_nodes_together(self, shop: Shop) -> None:
        order = self.order(shop)
        before = order.promised_by
        order = self.move(shop, order, {"1": {"WH2": 2}, "2": {"WH1": 1}})
        known = [(each.node_id, each.status.value, dict(each.remaining)) for each in order.fulfillment_orders.values()]
        assert known == [("WH1", "planned", {"2": 1}), ("WH2", "planned", {"1": 2})]
        assert (order.promised_by, release_at(order)) == (before, at(13, 30))
        assert (position(shop.world).reserved, position(shop.world, "WH2").reserved) == (0, 2)
        assert [known.release_at for known in order.fulfillment_orders.values()] == [at(14), at(13, 30)]
        order = self.move(shop, order, {"1": {"WH2": 2}, "2": {"WH2": 1}})
        assert statuses(order) == [FulfillmentOrderStatus.CANCELLED, FulfillmentOrderStatus.PLANNED]
        assert [(part.line_id, part.node_id, part.quantity) for part in planned_units(order)] == [
            ("1", "WH2", 2),
            ("2", "WH2", 1),
        ]
        order = self.move(shop, order, {"1": {"WH2": 1, "WH1": 1}, "2": {"WH2": 1}})
        assert len(order.fulfillment_orders) == 3
        assert (position(shop.world).reserved, position(shop.world, "WH2").reserved) == (1, 1)

    def test_nowhere_is_no_move(self, shop: Shop) -> None:
        order = self.order(shop)
        after = self.move(shop, order, {"1": {"WH1": 2}, "2": {"WH1": 1}})
        assert after == order

    def test_units_neither_appear_nor_vanish(self, shop: Shop) -> None:
        order = self.order(shop)
        for wrong in ({"1": {"WH2": 2}}, {"1": {"WH2": 3}, "2": {"WH1": 1}}, {"1": {"WH2": 1}, "2": {"WH2": 2}}):
            with pytest.raises(InvalidTransitionError, match="changed since"):
                self.move(shop, order, wrong)

    def test_what_was_released_stays(self, shop: Shop) -> None:
        order = self.order(shop)
        order = ask(shop.world.calm, order.order_id, cmd.ReleaseFulfillmentOrders(command_id="r", at=at(14)))
        assert movable(order) == ()
        with pytest.raises(InvalidTransitionError, match="changed since"):
            self.move(shop, order, {"1": {"WH2": 2}, "2": {"WH2": 1}})

    def test_the_release_never_becomes_later(self, shop: Shop) -> None:
        order = self.move(shop, self.order(shop), {"1": {"WH2": 2}, "2": {"WH2": 1}}, at(23))
        assert release_at(order) == at(14)


def test_a_large_order_is_planned_as_one_and_released_as_its_first_part() -> None:
    """It is bound in several transactions; each node has one fulfillment order, and the earliest time counts."""
    story = Story()
    story.place(*[line(str(number)) for number in range(100)])
    for first, until in ((0, 50), (50, 40)):
        lines = {str(number): 1 for number in range(first, first + 50)}
        story.promise({"WH1": lines}, release_at=minutes(until))
    (known,) = story.order.fulfillment_orders.values()
    assert (known.planned, known.release_at, len(known.remaining)) == (True, minutes(40), 100)
    assert len(story.do(cmd.ReleaseFulfillmentOrders(command_id="r", at=minutes(40)))) == 1
    assert release_at(story.order) is None


class TestTheRule:
    @pytest.mark.parametrize("release", [HOUR, {"until": "cut_off"}, {}])
    def test_that_is_sound(self, release: dict[str, Any]) -> None:
        assert problems({"rules": [{"name": "rest", "then": {"policy": "cheapest"}, "release": release}]}) == ()

    @pytest.mark.parametrize(
        ("release", "code", "where"),
        [
            ([], "field", "release"),
            ({"minutes": 5}, "unknown", "release.minutes"),
            ({"wait_minutes": 0}, "field", "release.wait_minutes"),
            ({"wait_minutes": True}, "field", "release.wait_minutes"),
            ({"wait_minutes": 10081}, "field", "release.wait_minutes"),
            ({"until": "noon"}, "field", "release.until"),
            ({"until": ["cut_off"]}, "field", "release.until"),
            ({"until": "cut_off", "wait_minutes": 5}, "contradiction", "release"),
        ],
    )
    def test_that_is_refused(self, release: Any, code: str, where: str) -> None:
        (found,) = problems({"rules": [{"name": "rest", "then": {"policy": "cheapest"}, "release": release}]})
        assert (found.code, found.rules, found.at) == (code, ("rest",), where)
