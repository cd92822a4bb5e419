"""Sums and boundaries of money, goods and statuses: where one unit or one cent decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oms.domain.canonical import PaymentState
from oms.domain.errors import InvalidTransitionError
from oms.domain.order import commands as cmd
from oms.domain.order import events as ev
from oms.domain.order.charging import due_captures, due_refunds, header_total, line_total, money_due, void_due
from oms.domain.order.evolve import evolve
from oms.domain.order.ledger import LineLedger
from oms.domain.order.state import Line, Payment
from oms.domain.order.status import (
    FulfillmentStatus,
    NextStep,
    OrderStatus,
    PaymentStatus,
    Stage,
    fulfillment_status,
    next_step,
    order_status,
    payment_cleared,
    payment_status,
    stage,
)
from oms.domain.payment_events import PaymentEventKind
from oms.domain.payments import AuthorizationState
from oms.domain.stock import MAX_POSITIONS
from tests.support.builders import IN_CHANNEL, STRIPE, Story, line, minutes, snapshot, units_of
from tests.support.money import shipped, tell, verified

HEADER: dict[str, Any] = {"shipping": 490, "shipping_tax": 93, "fees": 50, "fee_tax": 9, "tips": 20, "duties": 30}


class TestPrice:
    @pytest.mark.parametrize(("tax_included", "header", "goods"), [(False, 692, 2211), (True, 590, 1850)])
    def test_what_lines_cost_and_what_is_beside_them(
        self, story: Story, header: int, goods: int, *, tax_included: bool
    ) -> None:
        story.place(line("1", 2, 1000, discount=150, tax=361), tax_included=tax_included, **HEADER)
        placed = story.order.placed
        assert header_total(placed) == header
        assert line_total(placed.lines[0], tax_included=tax_included) == goods
        assert placed.total == header + goods


class TestDueCaptures:
    def test_never_more_than_was_authorized(self, story: Story) -> None:
        story.place(line("1", 3, 1000))
        verified(story, AuthorizationState.AUTHORIZED, 1500)
        story.do(
            cmd.PromiseOrder(
                command_id="p",
                units=(ev.NodeUnits(line_id="1", sku="SKU-1", node_id="WH1", quantity=3),),
                short=(),
                promised_by=minutes(9),
            )
        )
        story.ship({"1": 1})
        story.ship({"1": 1})
        assert [due.amount for due in due_captures(story.order)] == [1000, 500]
        first, _ = due_captures(story.order)
        story.do(cmd.RecordCapture(command_id="c", shipment_id=first.shipment_id, capture_id="ch", amount=first.amount))
        assert [due.amount for due in due_captures(story.order)] == [500]

    def test_nothing_beside_what_the_provider_captured_by_itself(self, story: Story) -> None:
        story.place(line("1", 1, 1000))
        verified(story, AuthorizationState.AUTHORIZED, 3000)
        verified(story, AuthorizationState.CAPTURED, 1000)
        story.promise()
        story.ship()
        assert due_captures(story.order) == ()

    def test_the_smallest_amounts(self, story: Story) -> None:
        story.place(line("1", 1, 1))
        assert not payment_cleared(story.order)
        story.promise()
        assert payment_cleared(story.order)
        story.ship()
        assert [due.amount for due in due_captures(story.order)] == [1]
        assert money_due(story.order)

    def test_the_smallest_authorization_is_let_go(self, story: Story) -> None:
        story.place(line("1", 1, 1))
        story.promise()
        story.cancel()
        assert void_due(story.order)


class TestUpfront:
    def test_nothing_taken_is_not_written(self, story: Story) -> None:
        story.place(line("1", 1, 1))
        assert verified(story, AuthorizationState.CAPTURED, 0) == ()
        assert verified(story, AuthorizationState.CAPTURED, 1) == (ev.PaymentCaptured(capture_id="pi_1", amount=1),)

    def test_one_cent_for_what_was_cancelled_goes_back(self, story: Story) -> None:
        story.place(line("1", 1, 1), line("2", 1, 300))
        story.cancel({"1": 1})
        tell(story, PaymentEventKind.CAPTURED, 301)
        assert [refund.amount for refund in due_refunds(story.order)] == [1]
        assert money_due(story.order), "though no capture and no void is"

    def test_one_cent_paid_before_its_cancellation_goes_back(self, story: Story) -> None:
        story.place(line("1", 1, 1), line("2", 1, 300))
        tell(story, PaymentEventKind.CAPTURED, 301)
        story.cancel({"1": 1})
        assert [refund.amount for refund in due_refunds(story.order)] == [1]


class TestCancel:
    def test_what_would_free_more_positions_than_one_transaction_touches_is_left(self, story: Story) -> None:
        count = MAX_POSITIONS + 5
        story.place(*(line(str(number)) for number in range(count)))
        story.promise()
        held, event = story.cancel()
        assert isinstance(held, ev.HoldPlaced)
        assert isinstance(event, ev.LinesCancelled)
        assert len(event.lines) == len(event.freed) == MAX_POSITIONS
        assert (stage(story.order), next_step(story.order)) == (Stage.ON_HOLD, NextStep.CANCEL)
        assert story.cancel() == ()
        rest, released = story.do(cmd.CancelRest(command_id="rest"))
        assert isinstance(rest, ev.LinesCancelled)
        assert released == ev.HoldReleased(hold_id=held.hold_id)
        assert order_status(story.order) is OrderStatus.CANCELLED
        assert story.do(cmd.CancelRest(command_id="again")) == ()

    def test_freed_units_and_the_orders_they_come_from_go_together(self, story: Story) -> None:
        story.place(line("1", 2))
        story.promise()
        unit = ev.NodeUnits(line_id="1", sku="SKU-1", node_id="WH1", quantity=1)
        torn = ev.LinesCancelled(lines=units_of({"1": 1}), origin="oms", freed=(unit,), fulfillment_orders=())
        with pytest.raises(ValueError, match="zip"):
            evolve(torn, story.order)


class TestPromise:
    def test_no_more_waits_than_is_left(self, story: Story) -> None:
        story.place(line("1", 4), line("2", 3), plan=IN_CHANNEL)
        story.promise({"WH1": {"1": 2}}, {"1": 4, "2": 1})
        assert story.order.lines["1"].ledger == LineLedger(ordered=4, allocated=2, backordered=2)
        assert story.order.lines["2"].ledger == LineLedger(ordered=3, open=2, backordered=1)

    def test_the_units_of_one_line_at_two_nodes_count_together(self, story: Story) -> None:
        story.place(line("1", 2), plan=IN_CHANNEL)
        story.stock.receive("SKU-1", "WH2", 9)
        with pytest.raises(InvalidTransitionError, match="changed since the plan"):
            story.promise({"WH1": {"1": 2}, "WH2": {"1": 1}})

    def test_a_payment_that_was_told_before_need_not_be_verified_again(self, story: Story) -> None:
        story.place(line("1", 1))
        tell(story, PaymentEventKind.AUTHORIZED, 1000)
        unit = ev.NodeUnits(line_id="1", sku="SKU-1", node_id="WH1", quantity=1)
        plan = cmd.PromiseOrder(command_id="p", units=(unit,), short=(), promised_by=minutes(9))
        assert [type(each) for each in story.do(plan)] == [ev.LinesReserved]


@pytest.mark.parametrize(
    ("places", "status", "word"),
    [
        ({"open": 2}, FulfillmentStatus.UNFULFILLED, Stage.AWAITING_PAYMENT),
        ({"open": 1, "allocated": 1}, FulfillmentStatus.UNFULFILLED, Stage.RELEASED),
        ({"allocated": 2}, FulfillmentStatus.ALLOCATED, Stage.RELEASED),
        ({"backordered": 1, "allocated": 1}, FulfillmentStatus.BACKORDERED, Stage.BACKORDERED),
        ({"shipped": 1, "open": 1}, FulfillmentStatus.PARTIALLY_SHIPPED, Stage.PARTIALLY_SHIPPED),
        ({"shipped": 1, "backordered": 1}, FulfillmentStatus.PARTIALLY_SHIPPED, Stage.PARTIALLY_SHIPPED),
        ({"shipped": 2}, FulfillmentStatus.SHIPPED, Stage.SHIPPED),
        ({"shipped": 1, "returned": 1}, FulfillmentStatus.SHIPPED, Stage.SHIPPED),
        ({"returned": 1, "open": 1}, FulfillmentStatus.PARTIALLY_SHIPPED, Stage.PARTIALLY_SHIPPED),
        ({"delivered": 1, "shipped": 1}, FulfillmentStatus.PARTIALLY_DELIVERED, Stage.SHIPPED),
        ({"delivered": 1, "open": 1}, FulfillmentStatus.PARTIALLY_DELIVERED, Stage.PARTIALLY_SHIPPED),
        ({"delivered": 2}, FulfillmentStatus.DELIVERED, Stage.CLOSED),
        ({"delivered": 1, "returned": 1}, FulfillmentStatus.DELIVERED, Stage.CLOSED),
        ({"returned": 2}, FulfillmentStatus.RETURNED, Stage.CLOSED),
        ({"cancelled": 2}, FulfillmentStatus.CANCELLED, Stage.CANCELLED),
    ],
)
@pytest.mark.parametrize("cancelled", [0, 3])
def test_where_the_goods_are(
    story: Story, places: dict[str, int], status: FulfillmentStatus, word: Stage, cancelled: int
) -> None:
    """Units that were cancelled change nothing of it."""
    story.sync(snapshot(line("1", 2)), STRIPE)
    units = {**places, "cancelled": places.get("cancelled", 0) + cancelled}
    known = Line(placed=story.order.placed.lines[0], ledger=LineLedger(ordered=2 + cancelled, **units))
    order = replace(story.order, lines={"1": known})
    assert (fulfillment_status(order), stage(order)) == (status, word)


class TestPaymentStatus:
    @pytest.mark.parametrize(
        ("payment", "status"),
        [
            (Payment(), PaymentStatus.PENDING),
            (Payment(authorized=1), PaymentStatus.AUTHORIZED),
            (Payment(authorized=2000, voided=True), PaymentStatus.VOIDED),
            (Payment(authorized=2000, captured=1999), PaymentStatus.PARTIALLY_CAPTURED),
            (Payment(authorized=2000, captured=2000), PaymentStatus.CAPTURED),
            (Payment(declined="card"), PaymentStatus.DECLINED),
            (Payment(channel_state=PaymentState.FAILED), PaymentStatus.DECLINED),
            (Payment(channel_state=PaymentState.VOIDED), PaymentStatus.VOIDED),
        ],
    )
    def test_where_the_money_is(self, story: Story, payment: Payment, status: PaymentStatus) -> None:
        story.place(line("1", 2, 1000))
        assert payment_status(replace(story.order, payment=payment)) is status

    @pytest.mark.parametrize(
        ("amount", "status"), [(999, PaymentStatus.PARTIALLY_REFUNDED), (1000, PaymentStatus.REFUNDED)]
    )
    def test_what_went_back(self, story: Story, amount: int, status: PaymentStatus) -> None:
        shipped(story, line("1", 1, 1000)).refund(amount=amount)
        assert payment_status(story.order) is PaymentStatus.CAPTURED, "it has not gone back yet"
        story.settle()
        assert payment_status(story.order) is status

    def test_an_order_that_costs_nothing_needs_no_payment(self, story: Story) -> None:
        story.place(line("1", 1, 0))
        assert payment_status(story.order) is PaymentStatus.NOT_NEEDED
        assert payment_cleared(story.order)


def test_an_order_is_not_closed_while_the_provider_works_on_a_refund(story: Story) -> None:
    shipped(story, line("1", 1)).deliver_all()
    story.refund(amount=1)
    (refund_id,) = story.order.payment.refunds
    story.refund_outcome(refund_id, "submitted")
    assert not money_due(story.order)
    assert order_status(story.order) is OrderStatus.CONFIRMED
    story.refund_outcome(refund_id, "succeeded")
    assert order_status(story.order) is OrderStatus.CLOSED


def test_a_paid_order_that_waits_for_its_step_is_placed(story: Story) -> None:
    story.place(plan=IN_CHANNEL)
    assert stage(story.order) is Stage.PLACED
