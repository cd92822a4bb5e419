from __future__ import annotations

from itertools import permutations

import pytest

from oms.domain.errors import (
    FulfillmentOrderNotFoundError,
    InsufficientStockError,
    InvalidInputError,
    InvalidTransitionError,
    ParcelNotFoundError,
)
from oms.domain.order import commands as cmd
from oms.domain.order import events as ev
from oms.domain.order.ledger import Place
from oms.domain.order.promising import wanted_units
from oms.domain.order.state import FulfillmentOrderStatus
from oms.domain.order.status import (
    NextStep,
    OrderStatus,
    Stage,
    next_step,
    order_status,
    stage,
    units_at,
)
from oms.domain.order.summary import due_at, open_fulfillment_orders
from oms.domain.tracking import ParcelStatus
from tests.support.builders import IN_CHANNEL, Story, line, minutes, paid, snapshot, units_of


def accept(story: Story) -> tuple[ev.OrderEvent, ...]:
    command = cmd.AcceptFulfillmentOrder(command_id=story.id("accept"), fulfillment_order_id=story.fulfillment_order())
    return story.do(command)


def reject(story: Story, reason: str = "no_capacity", number: int = 1) -> tuple[ev.OrderEvent, ...]:
    return story.do(
        cmd.RejectFulfillmentOrder(
            command_id=story.id("reject"), fulfillment_order_id=story.fulfillment_order(number), reason=reason
        )
    )


class TestPromise:
    def test_units_are_bound_and_released_as_one_fulfillment_order_per_node(self, story: Story) -> None:
        story.place(line("1", 3), line("2", 1))
        story.stock.receive("SKU-1", "WH2", 5)
        story.promise({"WH1": {"1": 2, "2": 1}, "WH2": {"1": 1}})
        orders = story.order.fulfillment_orders
        assert [(each.node_id, dict(each.remaining)) for each in orders.values()] == [
            ("WH1", {"1": 2, "2": 1}),
            ("WH2", {"1": 1}),
        ]
        assert story.stock.of[("SKU-1", "WH1")].reserved == 2
        assert order_status(story.order) is OrderStatus.CONFIRMED

    def test_what_is_short_waits_and_is_promised_later(self, story: Story) -> None:
        story.place(line("1", 3), stock=1)
        story.promise({"WH1": {"1": 1}}, {"1": 2})
        assert units_at(story.order, Place.BACKORDERED) == 2
        assert (next_step(story.order), stage(story.order)) == (NextStep.NONE, Stage.BACKORDERED)
        assert story.promise({}, {"1": 2}) == ()
        story.stock.receive("SKU-1", "WH1", 2)
        story.promise()
        assert stage(story.order) is Stage.RELEASED

    def test_more_than_there_is_is_refused_whole(self, story: Story) -> None:
        """Two lines of one SKU count together."""
        story.sync(paid(snapshot(line("1", 2, sku="A"), line("2", 2, sku="A"))))
        story.stock.receive("A", "WH1", 3)
        with pytest.raises(InsufficientStockError):
            story.promise({"WH1": {"1": 2, "2": 2}})
        assert story.stock.available("A", "WH1") == 3

    def test_a_plan_that_was_overtaken_is_refused(self, story: Story) -> None:
        story.place(line("1", 2))
        story.cancel({"1": 1})
        with pytest.raises(InvalidTransitionError):
            story.promise({"WH1": {"1": 2}})
        story.hold("1")
        with pytest.raises(InvalidTransitionError):
            story.promise({"WH1": {"1": 1}})

    def test_a_line_held_since_planning_is_not_backordered(self, story: Story) -> None:
        story.place(line("1", 2), line("2", 1))
        story.hold("1")
        story.promise({"WH1": {"2": 1}}, {"1": 2, "9": 1})
        assert story.order.lines["1"].ledger.open == 2

    def test_unpaid_nothing_is_promised(self, story: Story) -> None:
        story.sync(snapshot(), IN_CHANNEL)
        assert story.promise({"WH1": {"1": 1}}) == ()
        assert next_step(story.order) is NextStep.NONE

    def test_whatever_the_plan_says_the_step_does_not_loop(self, story: Story) -> None:
        """Without a single node everything waits; nothing is left that the step could do at once."""
        story.place(line("1", 2), line("2", 1, requires_shipping=False), stock=0)
        story.promise({}, {"1": 2})
        story.settle()
        assert next_step(story.order) is NextStep.NONE


class TestReject:
    @pytest.mark.parametrize(
        ("reason", "on_hand", "available", "damaged"),
        [("no_capacity", 10, 10, 0), ("not_found", 8, 8, 0), ("damaged", 10, 8, 2)],
    )
    def test_the_units_are_open_again_and_the_reason_corrects_the_stock(
        self, story: Story, reason: str, on_hand: int, available: int, damaged: int
    ) -> None:
        story.place(line("1", 2), stock=10)
        story.promise()
        reject(story, reason)
        position = story.stock.of[("SKU-1", "WH1")]
        assert (position.on_hand, position.available, position.reserved, position.damaged) == (
            on_hand,
            available,
            0,
            damaged,
        )
        assert (order_status(story.order), next_step(story.order)) == (OrderStatus.PENDING, NextStep.PROMISE)
        assert story.order.rejected_nodes == ("WH1",)
        assert wanted_units(story.order) == {"1": 2}

    def test_only_what_remains(self, story: Story) -> None:
        story.place(line("1", 3))
        story.promise()
        story.ship({"1": 1})
        reject(story)
        assert (units_at(story.order, Place.SHIPPED), units_at(story.order, Place.OPEN)) == (1, 2)

    def test_for_a_reason_that_is_one(self, story: Story) -> None:
        story.place()
        story.promise()
        with pytest.raises(InvalidInputError):
            reject(story, "no_mood")

    def test_a_node_that_rejected_everything_leaves_the_order_waiting_in_sight(self, story: Story) -> None:
        story.place(line("1", 1))
        story.promise()
        reject(story)
        story.promise({}, {"1": 1})
        assert (stage(story.order), next_step(story.order)) == (Stage.BACKORDERED, NextStep.NONE)
        assert due_at(story.order, minutes(0)) is not None


class TestShip:
    @pytest.fixture
    def story(self) -> Story:
        story = Story()
        story.place(line("1", 3), line("2", 1))
        story.promise()
        return story

    def test_in_parts(self, story: Story) -> None:
        accept(story)
        assert accept(story) == ()
        story.ship({"1": 1})
        (known,) = story.order.fulfillment_orders.values()
        assert known.status is FulfillmentOrderStatus.ACCEPTED
        assert stage(story.order) is Stage.PARTIALLY_SHIPPED
        story.ship()
        (known,) = story.order.fulfillment_orders.values()
        assert known.status is FulfillmentOrderStatus.SHIPPED
        assert open_fulfillment_orders(story.order) == ()
        assert stage(story.order) is Stage.SHIPPED

    @pytest.mark.parametrize("lines", [{}, {"1": 0}, {"1": -1}])
    def test_nothing_is_no_parcel(self, story: Story, lines: dict[str, int]) -> None:
        with pytest.raises(InvalidInputError):
            story.ship(lines)

    @pytest.mark.parametrize("lines", [{"1": 4}, {"9": 1}, {"1": 3, "2": 2}])
    def test_not_more_than_remains(self, story: Story, lines: dict[str, int]) -> None:
        with pytest.raises(InvalidTransitionError):
            story.ship(lines)
        assert not story.order.parcels

    def test_two_parcels_of_one_call_do_not_ship_the_same_unit(self, story: Story) -> None:
        parcel = cmd.ParcelToShip(carrier="dhl", tracking_number="A", lines=units_of({"1": 2}))
        other = cmd.ParcelToShip(carrier="dhl", tracking_number="B", lines=units_of({"1": 2}))
        command = cmd.ShipFulfillmentOrder(
            command_id="c", fulfillment_order_id=story.fulfillment_order(), parcels=(parcel, other)
        )
        with pytest.raises(InvalidTransitionError):
            story.do(command)

    def test_each_parcel_has_a_number_of_its_own(self, story: Story) -> None:
        story.ship({"1": 1}, tracking="T")
        with pytest.raises(InvalidInputError):
            story.ship({"1": 1}, tracking="T")

    def test_no_parcels_are_no_shipment(self, story: Story) -> None:
        with pytest.raises(InvalidInputError):
            story.do(
                cmd.ShipFulfillmentOrder(command_id="c", fulfillment_order_id=story.fulfillment_order(), parcels=())
            )

    def test_on_hold_nothing_leaves(self, story: Story) -> None:
        story.hold("2")
        story.ship({"1": 1})
        with pytest.raises(InvalidTransitionError):
            story.ship({"2": 1})

    def test_what_was_cancelled_does_not_leave(self, story: Story) -> None:
        story.cancel({"1": 3})
        with pytest.raises(InvalidTransitionError):
            story.ship({"1": 1})
        story.cancel()
        (known,) = story.order.fulfillment_orders.values()
        assert known.status is FulfillmentOrderStatus.CANCELLED
        with pytest.raises(InvalidTransitionError):
            accept(story)

    def test_an_unknown_fulfillment_order(self, story: Story) -> None:
        with pytest.raises(FulfillmentOrderNotFoundError):
            story.do(cmd.AcceptFulfillmentOrder(command_id="c", fulfillment_order_id="ful_x_1"))


class TestCancel:
    def test_open_units_first_then_those_nobody_works_on(self, story: Story) -> None:
        story.place(line("1", 6), stock=10)
        story.promise({"WH1": {"1": 2}}, {"1": 2})
        accept(story)
        story.stock.receive("SKU-1", "WH2", 2)
        story.promise({"WH2": {"1": 2}})
        (event,) = story.cancel({"1": 3})
        assert isinstance(event, ev.LinesCancelled)
        assert units_at(story.order, Place.BACKORDERED) + units_at(story.order, Place.OPEN) == 0
        assert [(units.node_id, units.quantity) for units in event.freed] == [("WH2", 1)]

    def test_freed_units_can_be_promised_again(self, story: Story) -> None:
        story.place(line("1", 2), stock=2)
        story.promise()
        assert story.stock.available("SKU-1", "WH1") == 0
        story.cancel()
        assert story.stock.available("SKU-1", "WH1") == 2

    def test_what_is_left_of_a_shipped_fulfillment_order_ends_it_as_shipped(self, story: Story) -> None:
        story.place(line("1", 2))
        story.promise()
        story.ship({"1": 1})
        story.cancel()
        (known,) = story.order.fulfillment_orders.values()
        assert known.status is FulfillmentOrderStatus.SHIPPED


class TestTracking:
    SCANS = (
        (ParcelStatus.PRE_TRANSIT, 1),
        (ParcelStatus.IN_TRANSIT, 2),
        (ParcelStatus.EXCEPTION, 3),
        (ParcelStatus.OUT_FOR_DELIVERY, 3),
        (ParcelStatus.RETURN_TO_SENDER, 4),
    )

    def arrived(self, scans: tuple[tuple[ParcelStatus, int], ...]) -> Story:
        story = Story()
        story.place(line("1", 1))
        story.promise()
        story.ship(tracking="T")
        for status, at in (*scans, *scans):
            story.track("T", status, at)
        return story

    def test_scans_in_any_order_end_in_the_newest(self) -> None:
        for scans in permutations(self.SCANS):
            (parcel,) = self.arrived(scans).order.parcels.values()
            assert (parcel.status, parcel.status_at) == (ParcelStatus.RETURN_TO_SENDER, minutes(4)), scans

    def test_of_two_scans_at_one_time_the_further_one_counts(self) -> None:
        for scans in permutations(self.SCANS[2:4]):
            (parcel,) = self.arrived(scans).order.parcels.values()
            assert parcel.status is ParcelStatus.OUT_FOR_DELIVERY, scans

    def test_delivered_is_final_however_old_it_is(self) -> None:
        for scans in permutations((*self.SCANS[:3], (ParcelStatus.DELIVERED, 0))):
            story = self.arrived(scans)
            (parcel,) = story.order.parcels.values()
            assert parcel.status is ParcelStatus.DELIVERED
            assert units_at(story.order, Place.DELIVERED) == 1

    def test_a_scan_of_the_same_status_writes_nothing(self) -> None:
        story = self.arrived(((ParcelStatus.IN_TRANSIT, 1),))
        before = len(story.events)
        story.track("T", ParcelStatus.IN_TRANSIT, 9)
        assert len(story.events) == before

    def test_a_unit_that_came_back_is_not_delivered_by_a_late_scan(self) -> None:
        story = self.arrived(((ParcelStatus.IN_TRANSIT, 1),))
        story.settle()
        story.refund({"1": 1}, restock=True)
        story.track("T")
        assert (units_at(story.order, Place.DELIVERED), units_at(story.order, Place.RETURNED)) == (0, 1)

    def test_a_parcel_that_nobody_shipped_is_retried(self, story: Story) -> None:
        story.place()
        with pytest.raises(ParcelNotFoundError) as caught:
            story.track("T")
        assert caught.value.retryable
