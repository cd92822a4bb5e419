from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from oms.domain.errors import (
    CurrencyMismatchError,
    InvalidInputError,
    InvalidTransitionError,
    NothingToCancelError,
    RefundBeforePaymentError,
    RefundExceedsCapturedError,
)
from oms.domain.order import commands as cmd
from oms.domain.order import events as ev
from oms.domain.order.charging import due_refunds, owed, refundable
from oms.domain.order.state import RefundStatus
from oms.domain.order.status import (
    OrderStatus,
    PaymentStatus,
    order_status,
    payment_status,
)
from oms.domain.payment_events import PaymentEventKind, RefundState
from tests.support.builders import Story, line
from tests.support.money import shipped, tell


class TestRefund:
    def test_the_value_of_units_in_parts_sums_to_the_line(self, story: Story) -> None:
        shipped(story, line("1", 3, 1000, discount=1000, tax=0))
        for _ in range(3):
            story.refund({"1": 1})
        assert sorted(each.amount for each in story.order.payment.refunds.values()) == [666, 667, 667]

    def test_a_part_that_failed_can_be_given_back_exactly(self, story: Story) -> None:
        """Found in review: after the dearest unit's refund failed, its odd cent was given to nobody."""
        shipped(story, line("1", 3, 4, discount=2))
        for _ in range(2):
            story.refund({"1": 1})
        first = next(iter(story.order.payment.refunds))
        story.refund_outcome(first, "failed")
        for _ in range(2):
            story.refund({"1": 1})
        assert story.order.payment.refunding == 10
        assert refundable(story.order) == 0

    def test_the_same_request_again_is_the_same_refund(self, story: Story) -> None:
        shipped(story, line("1", 2))
        command = cmd.RequestRefund(command_id="c", reason="", amount=500)
        story.do(command)
        story.done.clear()
        assert story.do(command) == ()

    def test_one_line_named_twice_counts_twice_and_fails_as_one(self, story: Story) -> None:
        shipped(story, line("1", 3))
        unit = ev.LineUnits(line_id="1", quantity=1)
        story.do(cmd.RequestRefund(command_id="c", reason="", lines=(unit, unit)))
        (refund,) = story.order.payment.refunds.values()
        assert (refund.lines, refund.amount) == ({"1": 2}, 2000)
        story.refund_outcome(refund.refund_id, "failed")
        assert story.order.lines["1"].refunded == 0

    @pytest.mark.parametrize("other", [RefundExceedsCapturedError])
    def test_not_above_what_was_captured(self, story: Story, other: type[Exception]) -> None:
        shipped(story, line("1", 1, 1000))
        story.refund(amount=600)
        with pytest.raises(other):
            story.refund(amount=401)
        story.refund(amount=400)

    @pytest.mark.parametrize("amount", [0, -1])
    def test_nothing_is_no_refund(self, story: Story, amount: int) -> None:
        shipped(story, line("1", 1))
        with pytest.raises(InvalidInputError):
            story.refund(amount=amount)

    @pytest.mark.parametrize("lines", [{"9": 1}, {"1": 0}, {"1": -1}])
    def test_of_units_that_are_none(self, story: Story, lines: dict[str, int]) -> None:
        shipped(story, line("1", 1))
        with pytest.raises(InvalidInputError):
            story.refund(lines)

    def test_units_go_back_once(self, story: Story) -> None:
        shipped(story, line("1", 2))
        story.refund({"1": 2})
        with pytest.raises(InvalidTransitionError):
            story.refund({"1": 1}, amount=0)

    def test_units_come_back_once(self, story: Story) -> None:
        shipped(story, line("1", 2))
        story.refund({"1": 1}, amount=1, restock=True)
        first = next(iter(story.order.payment.refunds))
        story.refund_outcome(first, "failed")
        with pytest.raises(InvalidTransitionError):
            story.refund({"1": 2}, amount=1, restock=True)

    def test_units_that_have_not_left_are_cancelled_not_refunded(self, story: Story) -> None:
        story.place(line("1", 2))
        story.promise()
        story.ship({"1": 1})
        story.settle()
        with pytest.raises(InvalidTransitionError):
            story.refund({"1": 2})

    def test_in_another_currency_it_is_refused(self, story: Story) -> None:
        shipped(story, line("1", 1))
        with pytest.raises(CurrencyMismatchError):
            story.refund(amount=1, currency="JPY")

    def test_units_without_value_are_refunded_at_once(self, story: Story) -> None:
        story.place(line("1", 1, 0), line("2", 1, 100))
        story.promise()
        story.ship()
        story.settle()
        story.refund({"1": 1}, restock=True)
        assert order_status(story.order) is OrderStatus.CONFIRMED
        assert due_refunds(story.order) == ()
        assert story.order.lines["1"].ledger.returned == 1

    def test_a_closed_order_opens_until_its_refund_is_settled(self, story: Story) -> None:
        shipped(story, line("1", 1)).deliver_all()
        assert order_status(story.order) is OrderStatus.CLOSED
        story.refund({"1": 1})
        assert order_status(story.order) is OrderStatus.CONFIRMED
        story.settle()
        assert order_status(story.order) is OrderStatus.CLOSED
        assert payment_status(story.order) is PaymentStatus.REFUNDED

    def test_for_cancelled_units_that_were_paid_before(self, story: Story) -> None:
        story.place(line("1", 3, 1000, discount=1000), shipping=490)
        tell(story, PaymentEventKind.CAPTURED, 2490)
        story.cancel({"1": 1})
        story.cancel()
        assert [each.amount for each in story.order.payment.refunds.values()] == [666, 1824]
        with pytest.raises(NothingToCancelError):
            story.cancel()

    def test_after_a_partial_shipment_the_rest_is_not_charged_so_not_refunded(self, story: Story) -> None:
        story.place(line("1", 3, 1000), shipping=490)
        story.promise()
        story.ship({"1": 1})
        story.settle()
        story.cancel()
        assert not story.order.payment.refunds
        story.deliver_all()
        assert story.order.payment.captured == owed(story.order) == 1490
        assert order_status(story.order) is OrderStatus.CLOSED


REFUND_WORDS = [RefundState.PENDING, RefundState.REQUIRES_ACTION, RefundState.SUCCEEDED, RefundState.FAILED]


class TestProviderRefund:
    def test_its_webhook_may_overtake_the_answer_to_the_call_that_made_it(self, story: Story) -> None:
        shipped(story, line("1", 1)).refund(amount=400)
        (ours,) = story.order.payment.refunds
        fields = {"refund_ref": "re_1", "refund_state": RefundState.SUCCEEDED, "our_refund_id": ours}
        tell(story, PaymentEventKind.REFUND, 400, **fields)
        assert story.refund_outcome(ours, "submitted") == ()
        assert story.order.payment.refunded == 400

    def test_one_that_somebody_made_at_the_provider_is_a_fact(self, story: Story) -> None:
        shipped(story, line("1", 1))
        fields: dict[str, Any] = {"refund_ref": "re_9", "refund_state": RefundState.SUCCEEDED}
        tell(story, PaymentEventKind.REFUND, 400, **fields)
        assert tell(story, PaymentEventKind.REFUND, 400, **fields) == ()
        (refund,) = story.order.payment.refunds.values()
        assert (refund.origin, refund.amount, refund.status) == ("provider", 400, RefundStatus.SUCCEEDED)

    @pytest.mark.parametrize("words", list(permutations(REFUND_WORDS)))
    @pytest.mark.parametrize("ours", [True, False])
    def test_its_words_in_any_order_end_in_failed(
        self, story: Story, words: tuple[RefundState, ...], *, ours: bool
    ) -> None:
        shipped(story, line("1", 1))
        our_id = ""
        if ours:
            story.refund(amount=400)
            (our_id,) = story.order.payment.refunds
        for word in (*words, *words):
            tell(story, PaymentEventKind.REFUND, 400, refund_ref="re_1", refund_state=word, our_refund_id=our_id)
        (refund,) = story.order.payment.refunds.values()
        assert refund.status is RefundStatus.FAILED
        assert refundable(story.order) == 1000

    def test_one_that_overtook_its_capture_is_retried(self, story: Story) -> None:
        story.place(line("1", 1))
        story.promise()
        story.ship()
        with pytest.raises(RefundBeforePaymentError) as caught:
            tell(story, PaymentEventKind.REFUND, 400, refund_ref="re_9", refund_state=RefundState.SUCCEEDED)
        assert caught.value.retryable

    def test_one_without_a_reference_does_not_end_a_request_of_ours(self, story: Story) -> None:
        shipped(story, line("1", 1)).refund(amount=400)
        tell(story, PaymentEventKind.REFUND, 100, refund_ref="", refund_state=RefundState.FAILED)
        assert len(due_refunds(story.order)) == 1

    def test_an_unknown_refund_has_no_outcome(self, story: Story) -> None:
        shipped(story, line("1", 1))
        with pytest.raises(InvalidInputError):
            story.refund_outcome("rfd_x", "succeeded")
