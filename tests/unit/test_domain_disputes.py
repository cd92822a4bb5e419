"""A disputed payment: what is held, what may not be refunded, what the books say, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest

from oms.domain.disputes import AnswerKind, DisputeStage, DisputeStatus
from oms.domain.errors import AmountDisputedError, DisputeClosedError, DisputeNotFoundError
from oms.domain.order import dispute_commands as disputed
from oms.domain.order import dispute_facts as facts
from oms.domain.order import events as ev
from oms.domain.order.accounts import balances, drift
from oms.domain.order.charging import due_refunds, money_due
from oms.domain.order.stakes import free_to_refund, stakes, taken_for
from oms.domain.order.state import RefundStatus
from oms.domain.order.status import NextStep, PaymentStatus, next_step, payment_status
from oms.domain.order.summary import due_at
from oms.domain.payment_events import PaymentEventKind
from oms.domain.payments import AuthorizationState
from tests.support.builders import Story, line, minutes
from tests.support.disputes import hear, told
from tests.support.money import shipped, tell, verified

INQUIRY = DisputeStage.INQUIRY
WON, LOST, REVIEW, WITHDRAWN = (
    DisputeStatus.WON,
    DisputeStatus.LOST,
    DisputeStatus.UNDER_REVIEW,
    DisputeStatus.WITHDRAWN,
)
TAKEN, BACK = {"txn_1": 3000}, {"txn_2": -3000}


@pytest.fixture
def story() -> Story:
    """Three units at 10.00, shipped and captured."""
    return shipped(Story(), line("1", 3, 1000))


def names(events: tuple[Any, ...]) -> list[str]:
    return [type(each).__name__ for each in events]


class TestBooks:
    def test_what_is_taken_leaves_the_tender_and_comes_back(self, story: Story) -> None:
        hear(story, told(moved=TAKEN))
        assert balances(story.order) == {"disputed": 3000, "goods": -3000}
        hear(story, told(WON, at=200, moved=TAKEN | BACK))
        assert balances(story.order) == {"tender:stripe": 3000, "goods": -3000}
        assert drift(story.order) == 0

    def test_a_lost_dispute_is_a_chargeback(self, story: Story) -> None:
        hear(story, told(moved=TAKEN))
        hear(story, told(LOST, at=200, moved=TAKEN))
        assert balances(story.order) == {"chargebacks": 3000, "goods": -3000}
        assert taken_for(story.order, "dp_1") == 3000
        assert drift(story.order) == 0

    def test_a_fee_has_an_account_in_the_orders_currency_alone(self, story: Story) -> None:
        fees = {"txn_1": (1500, "EUR"), "txn_2": (-1500, "EUR"), "txn_3": (1700, "USD")}
        hear(story, told(moved=TAKEN, fees=fees))
        stands = balances(story.order)
        assert (stands["dispute_fees"], stands["withheld:stripe"]) == (1500, -1500)
        hear(story, told(WON, at=200, moved=TAKEN | BACK | {"txn_3": 0}, fees=fees))
        assert balances(story.order) == {"tender:stripe": 3000, "goods": -3000}
        assert story.order.disputes.fees["txn_3"].currency == "USD"

    def test_movements_count_once(self, story: Story) -> None:
        assert names(hear(story, told(moved=TAKEN))) == ["DisputeOpened", "DisputeFundsWithdrawn"]
        assert hear(story, told(moved=TAKEN)) == ()
        assert names(hear(story, told(REVIEW, at=120, moved=TAKEN))) == ["DisputeAdvanced"]

    def test_a_refund_and_a_chargeback_of_it_show_as_drift(self, story: Story) -> None:
        story.refund(amount=2000)
        story.settle()
        hear(story, told(moved=TAKEN))
        assert drift(story.order) == 2000


class TestRefunds:
    def test_what_is_disputed_is_not_refunded(self, story: Story) -> None:
        hear(story, told(amount=2000))
        with pytest.raises(AmountDisputedError) as caught:
            story.refund(amount=1001)
        assert caught.value.context == {"amount": 1001, "refundable": 1000, "currency": "EUR"}
        assert story.refund(amount=1000)

    @pytest.mark.parametrize(("end", "free"), [(WON, 3000), (LOST, 0)])
    def test_until_it_is_won(self, story: Story, end: DisputeStatus, free: int) -> None:
        hear(story, told(moved=TAKEN))
        assert free_to_refund(story.order) == 0
        hear(story, told(end, at=200, moved=TAKEN | (BACK if end is WON else {})))
        assert free_to_refund(story.order) == free

    def test_an_inquiry_may_be_answered_by_a_refund(self, story: Story) -> None:
        hear(story, told(stage=INQUIRY))
        assert story.refund(amount=3000)
        assert due_refunds(story.order)

    def test_one_that_was_asked_for_before_waits_and_is_made_when_the_dispute_is_won(self, story: Story) -> None:
        story.refund(amount=1500)
        hear(story, told(moved=TAKEN))
        assert due_refunds(story.order) == ()
        assert not money_due(story.order)
        hear(story, told(WON, at=200, moved=TAKEN | BACK))
        (due,) = due_refunds(story.order)
        assert due.amount == 1500
        assert next_step(story.order) is NextStep.SETTLE

    def test_or_fails_when_it_is_lost(self, story: Story) -> None:
        story.refund(amount=1500)
        hear(story, told(moved=TAKEN))
        events = hear(story, told(LOST, at=200, moved=TAKEN))
        assert names(events) == ["DisputeClosed", "RefundFailed"]
        (refund,) = story.order.payment.refunds.values()
        assert refund.status is RefundStatus.FAILED
        assert drift(story.order) == 0

    def test_one_for_which_there_is_money_is_made(self, story: Story) -> None:
        story.refund(amount=700)
        story.refund(amount=500)
        hear(story, told(amount=2000))
        assert [each.amount for each in due_refunds(story.order)] == [700]

    def test_what_a_provider_refunded_is_a_fact_all_the_same(self, story: Story) -> None:
        hear(story, told(moved=TAKEN))
        from oms.domain.payment_events import RefundState

        events = tell(story, PaymentEventKind.REFUND, 1000, refund_ref="re_1", refund_state=RefundState.SUCCEEDED)
        assert names(events) == ["RefundRequested", "RefundSucceeded"]
        assert drift(story.order) == 1000


class TestHold:
    @pytest.fixture
    def waiting(self) -> Story:
        """Paid by the provider itself; nothing has left."""
        story = Story()
        story.place(line("1", 3, 1000))
        verified(story, AuthorizationState.CAPTURED, 3000)
        story.promise()
        return story

    def test_what_has_not_left_is_held_until_it_is_won(self, waiting: Story) -> None:
        events = hear(waiting, told(moved=TAKEN))
        assert names(events) == ["DisputeOpened", "DisputeFundsWithdrawn", "HoldPlaced"]
        (hold,) = waiting.order.active_holds
        assert (hold.kind, hold.reason, hold.lines) == ("dispute", "fraudulent", ())
        events = hear(waiting, told(WON, at=200, moved=TAKEN | BACK))
        assert names(events) == ["DisputeClosed", "DisputeFundsReinstated", "HoldReleased"]
        assert not waiting.order.active_holds

    def test_lost_it_stays_with_a_person(self, waiting: Story) -> None:
        hear(waiting, told(moved=TAKEN))
        hear(waiting, told(LOST, at=200, moved=TAKEN))
        assert waiting.order.active_holds

    def test_what_a_person_let_go_is_not_held_again(self, waiting: Story) -> None:
        hear(waiting, told())
        waiting.release(waiting.order.active_holds[0].hold_id)
        hear(waiting, told(REVIEW, at=150))
        assert not waiting.order.active_holds

    def test_a_cancellation_gives_back_what_is_free_and_the_rest_when_the_dispute_is_won(self, waiting: Story) -> None:
        hear(waiting, told(amount=2500, moved={"txn_1": 2500}))
        events = waiting.cancel()
        assert [each.amount for each in events if isinstance(each, ev.RefundRequested)] == [500]
        waiting.settle()
        events = hear(waiting, told(WON, 2500, at=200, moved={"txn_1": 2500, "txn_2": -2500}))
        assert [each.amount for each in events if isinstance(each, ev.RefundRequested)] == [2500]
        waiting.settle()
        assert drift(waiting.order) == 0
        assert balances(waiting.order) == {}

    def test_reported_fraud_is_held_once(self, waiting: Story) -> None:
        event = told()
        from dataclasses import replace

        report = replace(event, kind=PaymentEventKind.FRAUD_REPORT, dispute=None, reason="6")
        assert names(hear(waiting, report)) == ["FraudReported", "HoldPlaced"]
        assert hear(waiting, report) == ()
        assert names(hear(waiting, replace(report, event_id="evt_other"))) == ["FraudReported"]
        assert balances(waiting.order) == {"receivable": -3000, "tender:stripe": 3000}


class TestWords:
    def test_the_end_before_the_beginning(self, story: Story) -> None:
        events = hear(story, told(LOST, at=200, moved=TAKEN))
        assert names(events) == ["DisputeOpened", "DisputeClosed", "DisputeFundsWithdrawn"]
        assert hear(story, told(at=100, moved=TAKEN)) == ()
        assert story.order.disputes.known["dp_1"].status is LOST

    def test_a_day_to_answer_by_only_moves_on(self, story: Story) -> None:
        hear(story, told(respond_by=minutes(9000)))
        assert hear(story, told(at=90, respond_by=minutes(8000), event_id="evt_a")) == ()
        assert names(hear(story, told(at=80, respond_by=minutes(9500), event_id="evt_b"))) == ["DisputeAdvanced"]
        assert story.order.disputes.respond_by == minutes(9500)
        assert story.order.disputes.known["dp_1"].word.at == minutes(100)

    def test_the_order_is_looked_at_before_the_day(self, story: Story) -> None:
        story.deliver_all()
        assert due_at(story.order, minutes(2000)) is None
        hear(story, told(respond_by=minutes(20_000)))
        assert payment_status(story.order) is PaymentStatus.DISPUTED
        assert due_at(story.order, minutes(2000)) == minutes(20_000 - 3 * 24 * 60)
        assert due_at(story.order, minutes(19_000)) == minutes(19_000 + 24 * 60)
        hear(story, told(REVIEW, at=150))
        assert due_at(story.order, minutes(2000)) is None

    def test_an_inquiry_becomes_a_chargeback(self, story: Story) -> None:
        hear(story, told(stage=INQUIRY))
        hear(story, told(at=150, moved=TAKEN))
        known = story.order.disputes.known["dp_1"]
        assert (known.stage, stakes(story.order).at_stake) == (DisputeStage.CHARGEBACK, 3000)

    def test_an_inquiry_that_leads_to_nothing(self, story: Story) -> None:
        hear(story, told(stage=INQUIRY))
        hear(story, told(WITHDRAWN, at=150, stage=INQUIRY))
        assert not story.order.disputes.open


class TestAnswers:
    def ask(self, story: Story, kind: AnswerKind = AnswerKind.EVIDENCE, dispute: str = "dp_1") -> tuple[Any, ...]:
        return story.do(disputed.AnswerDispute(command_id=story.id("answer"), dispute_id=dispute, kind=kind))

    def outcome(self, story: Story, answer_id: str, **told: str) -> tuple[Any, ...]:
        command = disputed.RecordDisputeAnswer(
            command_id=story.id("answered"), dispute_id="dp_1", answer_id=answer_id, **told
        )
        return story.do(command)

    def test_evidence_is_due_until_it_is_sent(self, story: Story) -> None:
        hear(story, told(respond_by=minutes(9000)))
        (asked,) = self.ask(story)
        assert next_step(story.order) is NextStep.SETTLE
        assert story.order.disputes.respond_by is None
        (sent,) = self.outcome(story, asked.answer_id, reference="dp_1")
        assert isinstance(sent, facts.DisputeAnswered)
        assert not money_due(story.order)
        assert self.outcome(story, asked.answer_id, refused="late") == ()

    def test_refused_it_is_due_again_by_a_person(self, story: Story) -> None:
        hear(story, told(respond_by=minutes(9000)))
        (asked,) = self.ask(story)
        self.outcome(story, asked.answer_id, refused="too_late")
        assert not money_due(story.order)
        assert story.order.disputes.respond_by == minutes(9000)

    def test_let_be_it_is_lost_by_our_own_word(self, story: Story) -> None:
        hear(story, told(moved=TAKEN))
        (evidence,) = self.ask(story)
        (let_be,) = self.ask(story, AnswerKind.ACCEPT)
        assert [each.answer_id for _, each in story.order.disputes.due_answers] == [let_be.answer_id]
        with pytest.raises(DisputeClosedError):
            self.ask(story)
        self.outcome(story, let_be.answer_id, reference="dp_1")
        hear(story, told(LOST, at=200, moved=TAKEN))
        assert story.order.disputes.known["dp_1"].status is DisputeStatus.ACCEPTED
        assert evidence.answer_id != let_be.answer_id

    def test_nothing_is_sent_to_a_dispute_that_ended(self, story: Story) -> None:
        hear(story, told(moved=TAKEN))
        self.ask(story)
        hear(story, told(LOST, at=200, moved=TAKEN))
        assert not story.order.disputes.due_answers
        with pytest.raises(DisputeClosedError):
            self.ask(story)

    def test_of_no_dispute(self, story: Story) -> None:
        with pytest.raises(DisputeNotFoundError):
            self.ask(story, dispute="dp_9")
        hear(story, told())
        with pytest.raises(DisputeNotFoundError):
            self.outcome(story, "ans_9")
