from __future__ import annotations

import pytest

from oms.domain.errors import InvalidTransitionError
from oms.domain.order import commands as cmd
from oms.domain.order.changing import UNKNOWN_SKU
from oms.domain.order.promising import wanted_units
from oms.domain.order.status import (
    FulfillmentStatus,
    NextStep,
    OrderStatus,
    Stage,
    fulfillment_status,
    next_step,
    order_status,
    stage,
)
from oms.domain.order.summary import due_at, summarize
from tests.support.builders import IN_CHANNEL, Story, line, minutes


class TestStage:
    def test_a_life(self, story: Story) -> None:
        seen = []

        def note() -> None:
            seen.append((stage(story.order).value, order_status(story.order).value, next_step(story.order).value))

        story.place()
        note()
        story.promise()
        note()
        story.ship()
        note()
        story.settle()
        note()
        story.deliver_all()
        note()
        assert seen == [
            ("awaiting_payment", "pending", "promise"),
            ("released", "confirmed", ""),
            ("shipped", "confirmed", "settle"),
            ("shipped", "confirmed", ""),
            ("closed", "closed", ""),
        ]

    def test_what_needs_no_shipping_does_not_make_the_order_shipped(self, story: Story) -> None:
        story.place(line("1", 1), line("2", 1, requires_shipping=False))
        story.promise()
        assert fulfillment_status(story.order) is FulfillmentStatus.PARTIALLY_DELIVERED
        assert stage(story.order) is Stage.RELEASED

    def test_one_parcel_delivered_and_the_rest_still_here_is_partially_shipped(self, story: Story) -> None:
        story.place(line("1", 2))
        story.promise()
        story.ship({"1": 1})
        story.deliver_all()
        assert stage(story.order) is Stage.PARTIALLY_SHIPPED
        story.ship()
        assert stage(story.order) is Stage.SHIPPED

    @pytest.mark.parametrize("promised", [True, False])
    def test_a_hold_shows_while_anything_it_stops_is_here(self, story: Story, *, promised: bool) -> None:
        story.place(line("1", 1), line("2", 1))
        if promised:
            story.promise()
        story.hold("2")
        assert stage(story.order) is Stage.ON_HOLD
        story.cancel({"2": 1})
        assert stage(story.order) is not Stage.ON_HOLD

    def test_an_order_whose_line_is_held_goes_on_with_the_others(self, story: Story) -> None:
        story.place(line("1", 1), line("2", 1))
        story.hold("2")
        assert wanted_units(story.order) == {"1": 1}
        story.promise()
        assert next_step(story.order) is NextStep.NONE
        story.release()
        assert next_step(story.order) is NextStep.PROMISE


class TestDue:
    def test_a_released_order_whose_payment_was_lost_does_not_ship_and_is_put_before_somebody(
        self, story: Story
    ) -> None:
        """The authorization lapsed between release and hand-over: no step can do anything, nobody was told."""
        story.place()
        story.promise()
        story.do(cmd.RecordVoid(command_id="v"))
        with pytest.raises(InvalidTransitionError, match="payment"):
            story.ship()
        assert (order_status(story.order), next_step(story.order)) == (OrderStatus.CONFIRMED, NextStep.NONE)
        assert due_at(story.order, minutes(0)) is not None

    def test_nothing_is_due_at_the_end(self, story: Story) -> None:
        story.place()
        story.promise()
        story.ship()
        story.settle()
        story.deliver_all()
        assert due_at(story.order, minutes(0)) is None

    @pytest.mark.parametrize("kind", ["manual", UNKNOWN_SKU])
    def test_a_hold_is_looked_at(self, story: Story, kind: str) -> None:
        story.place(plan=IN_CHANNEL)
        story.hold("1", kind=kind)
        assert due_at(story.order, minutes(0)) is not None

    def test_the_row_of_a_list(self, story: Story) -> None:
        story.place(line("1", 2), stock=1)
        story.promise({"WH1": {"1": 1}}, {"1": 1})
        before = story.order
        row = summarize(before, minutes(0))
        assert row["waiting"] == ["SKU-1"]
        assert row["work"] == {story.fulfillment_order(): ["WH1", "released"]}
        assert row["total"] == 2000
        story.stock.receive("SKU-1", "WH1", 1)
        story.promise()
        after = summarize(story.order, minutes(0), before)
        assert after["waited"] == ["SKU-1"]
        assert "waiting" not in after
