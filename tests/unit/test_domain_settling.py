from __future__ import annotations

from itertools import permutations

import pytest

from oms.domain.canonical import ChannelRefund
from oms.domain.errors import CurrencyMismatchError, RefundExceedsCapturedError
from oms.domain.order import commands as cmd
from oms.domain.order.charging import due_captures, due_refunds, owed, refund_value, void_due
from oms.domain.order.status import (
    NextStep,
    OrderStatus,
    PaymentStatus,
    next_step,
    order_status,
    payment_cleared,
    payment_status,
)
from oms.domain.payment_events import PaymentEventKind, RefundState
from oms.domain.payments import AuthorizationResult, AuthorizationState
from tests.support.builders import IN_CHANNEL, STRIPE, Story, line, snapshot, units_of
from tests.support.money import shipped, tell, verified


class TestCapture:
    def test_per_shipment_the_header_with_the_first(self, story: Story) -> None:
        story.place(line("1", 3, 1000), shipping=490)
        story.promise()
        assert due_captures(story.order) == ()
        story.ship({"1": 1})
        story.ship({"1": 2})
        first, second = due_captures(story.order)
        assert (first.amount, second.amount) == (1490, 2000)
        assert (first.final, second.final) == (False, True)
        story.settle()
        assert (story.order.payment.captured, due_captures(story.order)) == (3490, ())

    def test_once_per_shipment(self, story: Story) -> None:
        shipped(story, line("1", 1, 1000))
        (shipment,) = story.order.payment.captures
        again = cmd.RecordCapture(command_id="other", shipment_id=shipment, capture_id="ch_2", amount=1000)
        assert story.do(again) == ()

    def test_in_any_order_of_recording_the_amounts_stay(self, story: Story) -> None:
        story.place(line("1", 3, 1001, discount=1), shipping=490)
        story.promise()
        story.ship({"1": 1})
        story.ship({"1": 2})
        before = due_captures(story.order)
        second = before[1]
        story.do(
            cmd.RecordCapture(command_id="c", shipment_id=second.shipment_id, capture_id="ch", amount=second.amount)
        )
        (left,) = due_captures(story.order)
        assert (left.shipment_id, left.amount) == (before[0].shipment_id, before[0].amount)

    def test_what_needs_no_shipping_later_than_the_parcels_is_charged_without_a_second_header(
        self, story: Story
    ) -> None:
        """Found in review: the late part took the header again, and a second late part was never charged."""
        story.place(
            line("1", 1, 1000),
            line("2", 1, 500, requires_shipping=False),
            line("3", 1, 300, requires_shipping=False),
            line("4", 1, 5000),
            shipping=490,
        )
        story.hold("2", hold_id="a")
        story.hold("3", hold_id="b")
        story.promise()
        story.ship({"1": 1})
        story.settle()
        story.release("a")
        story.promise({})
        story.settle()
        story.cancel({"4": 1})
        story.release("b")
        story.promise({})
        story.settle()
        story.deliver_all()
        assert list(story.order.payment.captures.values()) == [1490, 500, 300]
        assert story.order.payment.captured == owed(story.order) == 2290
        assert order_status(story.order) is OrderStatus.CLOSED

    def test_only_digital_lines_close_the_order_without_a_parcel(self, story: Story) -> None:
        story.place(line("1", 2, 500, requires_shipping=False))
        story.promise({})
        assert next_step(story.order) is NextStep.SETTLE
        story.settle()
        assert order_status(story.order) is OrderStatus.CLOSED

    def test_never_more_than_is_authorized(self, story: Story) -> None:
        story.place(line("1", 1, 1000), line("2", 1, 1000))
        story.promise(authorization=AuthorizationResult(state=AuthorizationState.AUTHORIZED, amount=1500))
        story.ship()
        assert sum(due.amount for due in due_captures(story.order)) == 1500

    def test_a_gift_card_is_used_up_first(self, story: Story) -> None:
        """So that a cancellation after the first parcel never leaves the provider with too much."""
        story.place(line("1", 1, 1000), line("2", 1, 1000), shipping=500, gift_cards=800)
        story.promise()
        story.ship({"1": 1})
        story.settle()
        assert story.order.payment.captured == 700
        story.cancel({"2": 1})
        assert owed(story.order) == 700
        assert payment_status(story.order) is PaymentStatus.CAPTURED

    def test_a_gift_card_for_everything_needs_no_payment(self, story: Story) -> None:
        story.place(line("1", 1, 1000), gift_cards=1000)
        assert payment_cleared(story.order)
        assert payment_status(story.order) is PaymentStatus.NOT_NEEDED
        story.promise(authorization=AuthorizationResult(state=AuthorizationState.PENDING, amount=0))
        story.ship()
        story.deliver_all()
        assert order_status(story.order) is OrderStatus.CLOSED

    def test_an_order_over_nothing_needs_no_payment_either(self, story: Story) -> None:
        story.place(line("1", 1, 0))
        assert next_step(story.order) is NextStep.PROMISE
        story.promise(authorization=AuthorizationResult(state=AuthorizationState.PENDING, amount=0))
        story.ship()
        story.deliver_all()
        assert not void_due(story.order)
        assert (order_status(story.order), next_step(story.order)) == (OrderStatus.CLOSED, NextStep.NONE)


class TestVoid:
    def test_when_nothing_is_left_the_money_is_let_go(self, story: Story) -> None:
        story.place(line("1", 1))
        story.promise()
        story.cancel()
        assert next_step(story.order) is NextStep.SETTLE
        story.settle()
        assert (payment_status(story.order), next_step(story.order)) == (PaymentStatus.VOIDED, NextStep.NONE)

    def test_a_payment_nobody_verified_is_let_go_too(self, story: Story) -> None:
        """The shopper has authorized it at the site; our own books do not say so yet."""
        story.place(line("1", 1))
        story.cancel()
        assert void_due(story.order)
        story.settle()
        assert not void_due(story.order)

    def test_when_only_what_is_free_is_left(self, story: Story) -> None:
        story.place(line("1", 1, 1000), line("2", 1, 0))
        story.promise()
        story.cancel({"1": 1})
        assert void_due(story.order)
        story.settle()
        story.ship()
        story.deliver_all()
        assert order_status(story.order) is OrderStatus.CLOSED

    @pytest.mark.parametrize("order", list(permutations([PaymentEventKind.AUTHORIZED, PaymentEventKind.VOIDED])))
    def test_a_void_is_final_even_when_it_overtakes_the_authorization(
        self, story: Story, order: tuple[PaymentEventKind, ...]
    ) -> None:
        story.place(line("1", 1))
        for kind in (*order, *order):
            tell(story, kind, 1000)
        assert not payment_cleared(story.order)
        assert next_step(story.order) is NextStep.NONE
        assert payment_status(story.order) is PaymentStatus.VOIDED
        assert tell(story, PaymentEventKind.AUTHORIZED, 2000) == ()

    def test_it_changes_nothing_once_money_was_taken(self, story: Story) -> None:
        shipped(story, line("1", 1))
        assert tell(story, PaymentEventKind.VOIDED) == ()
        assert story.do(cmd.RecordVoid(command_id="v")) == ()


class TestAuthorization:
    @pytest.mark.parametrize(
        "order",
        sorted(set(permutations([PaymentEventKind.FAILED, PaymentEventKind.AUTHORIZED, PaymentEventKind.FAILED]))),
    )
    def test_a_first_attempt_that_failed_does_not_undo_the_second(
        self, story: Story, order: tuple[PaymentEventKind, ...]
    ) -> None:
        story.place(line("1", 1))
        for kind in order:
            tell(story, kind, 1000, reason="card_declined")
        assert payment_cleared(story.order)
        assert not story.order.payment.declined

    def test_declined_waits_for_the_shopper(self, story: Story) -> None:
        story.place(line("1", 1))
        verified(story, AuthorizationState.DECLINED, 0)
        assert payment_status(story.order) is PaymentStatus.DECLINED
        assert next_step(story.order) is NextStep.NONE
        assert verified(story, AuthorizationState.DECLINED, 0) == ()

    @pytest.mark.parametrize("kind", [PaymentEventKind.AUTHORIZED, PaymentEventKind.CAPTURED])
    def test_too_little_is_nothing(self, story: Story, kind: PaymentEventKind) -> None:
        story.place(line("1", 1, 1000))
        assert tell(story, kind, 999) == ()
        assert not payment_cleared(story.order)

    def test_what_a_gift_card_paid_need_not_be_authorized(self, story: Story) -> None:
        story.place(line("1", 1, 1000), gift_cards=300)
        tell(story, PaymentEventKind.AUTHORIZED, 700)
        assert payment_cleared(story.order)

    def test_the_provider_captured_by_itself(self, story: Story) -> None:
        story.place(line("1", 2, 1000))
        tell(story, PaymentEventKind.CAPTURED, 2000)
        story.promise()
        story.ship()
        assert due_captures(story.order) == ()
        story.deliver_all()
        assert order_status(story.order) is OrderStatus.CLOSED

    def test_what_it_captured_for_cancelled_units_goes_back(self, story: Story) -> None:
        """Found in review: the money of an order cancelled before its payment came was kept."""
        story.place(line("1", 1, 1000), line("2", 1, 300))
        story.cancel({"1": 1})
        tell(story, PaymentEventKind.CAPTURED, 1300)
        (refund,) = due_refunds(story.order)
        assert refund.amount == 1000
        assert tell(story, PaymentEventKind.CAPTURED, 1300) == ()

    def test_our_own_capture_is_recorded_by_the_step_that_made_it(self, story: Story) -> None:
        story.place(line("1", 1, 1000))
        story.promise()
        story.ship()
        assert tell(story, PaymentEventKind.CAPTURED, 1000) == ()
        assert len(due_captures(story.order)) == 1

    def test_what_is_captured_per_shipment_is_not_captured_upfront_too(self, story: Story) -> None:
        story.place(line("1", 2, 1000))
        story.promise()
        story.ship({"1": 1})
        story.settle()
        assert verified(story, AuthorizationState.CAPTURED, 2000) == ()
        assert story.order.payment.captured == 1000

    def test_another_currency_is_refused(self, story: Story) -> None:
        story.place(line("1", 1))
        with pytest.raises(CurrencyMismatchError):
            tell(story, PaymentEventKind.AUTHORIZED, 1000, currency="USD")

    def test_what_a_channel_holds_is_not_the_providers(self, story: Story) -> None:
        story.place(line("1", 1), plan=IN_CHANNEL)
        for kind in PaymentEventKind:
            assert tell(story, kind, 1000, refund_ref="re_1", refund_state=RefundState.SUCCEEDED) == ()


def test_money_of_an_order_in_channel_is_never_ours_to_move(story: Story) -> None:
    story.place(line("1", 2), plan=IN_CHANNEL)
    story.promise()
    story.ship({"1": 1})
    story.cancel()
    assert len(story.order.payment.refunds) == 1
    assert due_captures(story.order) == ()
    assert due_refunds(story.order) == ()
    assert not void_due(story.order)
    assert STRIPE.in_channel is False


def test_a_refund_is_at_most_what_the_lines_it_names_are_worth(story: Story) -> None:
    story.place(line("1", 2), line("2"))
    story.promise()
    story.ship()
    story.settle()
    worth = refund_value(story.order, {"1": 1})
    with pytest.raises(RefundExceedsCapturedError, match="lines"):
        story.do(cmd.RequestRefund(command_id="r", reason="", amount=worth + 1, lines=units_of({"1": 1})))
    assert story.do(cmd.RequestRefund(command_id="r", reason="", amount=worth, lines=units_of({"1": 1})))


def test_a_channel_refund_in_another_currency_is_refused(story: Story) -> None:
    story.sync(snapshot())
    refund = ChannelRefund(refund_ref="x", amount=1)
    with pytest.raises(CurrencyMismatchError):
        story.do(cmd.RecordChannelRefund(command_id="r", refund=refund, currency="CHF"))
