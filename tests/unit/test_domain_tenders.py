"""Several tenders of an order: what is held, captured, given back and let go of each, and what ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oms.domain.errors import (
    CaptureNotFoundError,
    CurrencyMismatchError,
    InvalidInputError,
    InvalidTransitionError,
    PaymentAlreadyUsedError,
    PaymentExceedsInvoiceError,
    RefundBeforePaymentError,
    RefundExceedsCapturedError,
)
from oms.domain.order import commands as cmd
from oms.domain.order import events as ev
from oms.domain.order import payment_facts as facts
from oms.domain.order.accounts import balances, drift
from oms.domain.order.charging import due_captures, due_checks, due_refunds, due_voids, money_due
from oms.domain.order.events import PaymentPlan
from oms.domain.order.payment_facts import Tender
from oms.domain.order.status import (
    NextStep,
    OrderStatus,
    PaymentStatus,
    Stage,
    next_step,
    order_status,
    payment_cleared,
    payment_status,
    stage,
)
from oms.domain.order.summary import due_at, is_patient, wake_at
from oms.domain.order.tender_commands import AddTender, RecordExtension, RecordLapse, RecordPayment, RecordTenderCheck
from oms.domain.order.tendering import PAYMENT_EXPIRED, ending, look_at
from oms.domain.order.tenders import capture_key, captured_of, named_payments, read_key, refundable_of
from oms.domain.payment_events import CaptureState, PaymentEventKind, RefundState
from oms.domain.payments import AuthorizationResult, AuthorizationState, ExtensionResult, ExtensionState
from tests.support.builders import STRIPE, T0, Story, line, minutes, snapshot
from tests.support.money import tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from oms.domain.order.state import Order

CARD = Tender(provider="stripe", reference="pi_1", amount=600)
PAYPAL = Tender(provider="paypal", reference="PP2", amount=1400)
INVOICE = Tender(provider="on_invoice", reference="PO-7", amount=1400, terms_days=30)


def place(story: Story, *tenders: Tender, units: int = 2, **changes: Any) -> Order:
    """Two units at 10.00, paid by these."""
    order = snapshot(line("1", units, 1000), **changes)
    story.stock.receive("SKU-1", "WH1", 10)
    story.sync(order, PaymentPlan(provider=tenders[0].provider, reference=tenders[0].reference), tenders=tenders)
    return story.order


def held(story: Story, number: int, amount: int, days: float = 7) -> tuple[ev.OrderEvent, ...]:
    """The provider of a tender holds it until so many days from then."""
    result = AuthorizationResult(
        state=AuthorizationState.AUTHORIZED, amount=amount, expires_at=T0 + timedelta(days=days)
    )
    return story.do(cmd.RecordAuthorization(command_id=story.id(), authorization=result, tender=number))


def declined(story: Story, number: int) -> tuple[ev.OrderEvent, ...]:
    result = AuthorizationResult(state=AuthorizationState.DECLINED, amount=0, reason="card_declined")
    return story.do(cmd.RecordAuthorization(command_id=story.id(), authorization=result, tender=number))


def bound(story: Story, *tenders: Tender) -> Story:
    """... authorized and bound."""
    place(story, *tenders)
    for number, each in enumerate(tenders, 1):
        if each.provider != "on_invoice":
            held(story, number, each.amount)
    story.promise(authorization=AuthorizationResult(state=AuthorizationState.PENDING, amount=0))
    assert story.order.lines["1"].ledger.allocated == 2
    return story


def capture(story: Story, state: CaptureState = CaptureState.SUCCEEDED) -> list[tuple[int, int]]:
    """Everything that is due: (tender, amount)."""
    due = due_captures(story.order)
    for each in due:
        story.do(
            cmd.RecordCapture(
                command_id=story.id(),
                shipment_id=each.shipment_id,
                capture_id=f"ch_{each.tender}",
                amount=each.amount,
                state=state,
                tender=each.tender,
            )
        )
    return [(each.tender, each.amount) for each in due]


def taken(story: Story) -> Story:
    """... shipped whole, and captured."""
    bound(story, CARD, PAYPAL)
    story.ship()
    assert capture(story) == [(1, 600), (2, 1400)]
    return story


class TestHeld:
    def test_goods_are_promised_once_all_together_cover_them(self, story: Story) -> None:
        place(story, CARD, PAYPAL)
        assert not payment_cleared(story.order)
        held(story, 1, 600)
        assert not payment_cleared(story.order), "a part is not enough"
        assert (story.order.payment.authorized, next_step(story.order)) == (600, NextStep.PROMISE)
        held(story, 2, 1400)
        assert payment_cleared(story.order)
        assert payment_status(story.order) is PaymentStatus.AUTHORIZED
        assert held(story, 2, 1400) == (), "the same word twice"

    def test_no_tender_holds_more_than_its_amount(self, story: Story) -> None:
        place(story, CARD, PAYPAL)
        (event,) = held(story, 1, 2000)
        assert event == facts.PaymentAuthorized(amount=600, tender=1, expires_at=T0 + timedelta(days=7))

    def test_when_one_is_declined_nothing_is_captured_and_the_others_are_let_go_with_the_order(
        self, story: Story
    ) -> None:
        place(story, CARD, PAYPAL)
        held(story, 1, 600)
        assert declined(story, 2) == (facts.PaymentDeclined(reason="card_declined", tender=2),)
        assert not payment_cleared(story.order)
        assert (next_step(story.order), money_due(story.order)) == (NextStep.NONE, False)
        story.cancel()
        assert due_voids(story.order) == (1, 2)
        for number in due_voids(story.order):
            story.do(cmd.RecordVoid(command_id=story.id(), tender=number))
        assert (story.order.payment.voided, due_voids(story.order)) == (True, ())
        assert story.order.payment.captured == 0

    def test_an_authorization_over_too_little_is_a_refusal_of_that_tender(self, story: Story) -> None:
        place(story, CARD, PAYPAL)
        (event,) = tell(story, PaymentEventKind.AUTHORIZED, 1399, source="paypal", payment_ref="PP2")
        assert event == facts.PaymentDeclined(reason="amount_too_small", tender=2)
        (event,) = tell(story, PaymentEventKind.AUTHORIZED, 600, payment_ref="pi_1")
        assert isinstance(event, facts.PaymentAuthorized)
        assert (event.amount, event.tender) == (600, 1)

    def test_one_payment_is_stored_as_it_was_before_there_were_several(self, story: Story) -> None:
        story.place(line("1", 1))
        assert story.order.placed.tenders == ()
        (only,) = story.order.payment.tenders
        assert (only.number, only.provider, only.reference, only.amount) == (1, "stripe", "pi_1", 1000)


class TestCaptured:
    def test_each_pays_in_its_order_until_it_is_used_up(self, story: Story) -> None:
        bound(story, CARD, PAYPAL)
        story.ship({"1": 1})
        (first,) = story.order.handovers
        assert capture(story) == [(1, 600), (2, 400)]
        story.ship({"1": 1})
        assert [(each.tender, each.amount, each.final) for each in due_captures(story.order)] == [(2, 1000, True)]
        capture(story)
        assert story.order.payment.captures == {
            first: 600,
            f"{first}:2": 400,
            f"{list(story.order.handovers)[1]}:2": 1000,
        }
        assert balances(story.order) == {"goods": -2000, "tender:stripe": 600, "tender:paypal": 1400}
        assert (payment_status(story.order), drift(story.order)) == (PaymentStatus.CAPTURED, 0)

    def test_a_step_that_died_between_two_goes_on_with_the_other(self, story: Story) -> None:
        bound(story, CARD, PAYPAL)
        story.ship()
        first = due_captures(story.order)[0]
        taken_once = cmd.RecordCapture(
            command_id=story.id(), shipment_id=first.shipment_id, capture_id="c", amount=600, tender=1
        )
        story.do(taken_once)
        assert [(each.tender, each.amount) for each in due_captures(story.order)] == [(2, 1400)]

    @pytest.mark.parametrize("state", [CaptureState.PENDING, CaptureState.FAILED])
    def test_what_one_refused_is_not_asked_of_another(self, story: Story, state: CaptureState) -> None:
        bound(story, CARD, PAYPAL)
        story.ship({"1": 1})
        assert capture(story, state) == [(1, 600), (2, 400)]
        assert due_captures(story.order) == ()
        assert captured_of(story.order.payment, 1) == 0

    def test_a_tender_that_the_others_made_needless_is_let_go(self, story: Story) -> None:
        bound(story, Tender(provider="stripe", reference="pi_1", amount=1000), Tender(**vars_of(PAYPAL, 1000)))
        story.cancel({"1": 1})
        assert due_voids(story.order) == (), "what is left has not left yet"
        story.ship()
        assert capture(story) == [(1, 1000)]
        assert due_voids(story.order) == (2,)
        story.do(cmd.RecordVoid(command_id=story.id(), tender=2))
        assert not story.order.payment.voided, "the other one paid"
        assert (payment_status(story.order), money_due(story.order)) == (PaymentStatus.CAPTURED, False)
        assert drift(story.order) == 0

    def test_two_cards_of_one_provider_have_an_account_each(self, story: Story) -> None:
        bound(story, CARD, Tender(provider="stripe", reference="pi_2", amount=1400))
        story.ship()
        capture(story)
        assert balances(story.order) == {"goods": -2000, "tender:stripe": 600, "tender:stripe:2": 1400}

    def test_what_a_provider_captured_whole_pays_its_share_without_a_capture(self, story: Story) -> None:
        place(story, CARD, PAYPAL)
        whole = AuthorizationResult(state=AuthorizationState.CAPTURED, amount=1400)
        story.do(cmd.RecordAuthorization(command_id=story.id(), authorization=whole, tender=2))
        held(story, 1, 600)
        story.promise(authorization=AuthorizationResult(state=AuthorizationState.PENDING, amount=0))
        story.ship()
        assert [(each.tender, each.amount) for each in due_captures(story.order)] == [(1, 600)]

    @pytest.mark.parametrize(("whole", "due"), [(1400, []), (900, [(1, 100)])])
    def test_what_it_captured_for_units_cancelled_since_is_not_taken_again(
        self, story: Story, whole: int, due: list[tuple[int, int]]
    ) -> None:
        """The card comes first, but the other has paid already for what is left of the order."""
        place(story, replace(CARD, amount=2000 - whole), replace(PAYPAL, amount=whole))
        captured = AuthorizationResult(state=AuthorizationState.CAPTURED, amount=whole)
        story.do(cmd.RecordAuthorization(command_id=story.id(), authorization=captured, tender=2))
        held(story, 1, 2000 - whole)
        story.promise(authorization=AuthorizationResult(state=AuthorizationState.PENDING, amount=0))
        story.cancel({"1": 1})
        story.ship()
        assert capture(story) == due
        story.settle()
        assert story.order.payment.captured - story.order.payment.refunding == 1000
        assert story.order.payment.tenders[0].voided == (not due), "let go, when nothing was taken of it"


def vars_of(tender: Tender, amount: int) -> dict[str, Any]:
    return {"provider": tender.provider, "reference": tender.reference, "amount": amount}


class TestProvidersWord:
    def test_it_finds_its_tender_by_reference_late_and_in_any_order(self, story: Story) -> None:
        bound(story, CARD, Tender(provider="stripe", reference="pi_2", amount=1400))
        story.ship()
        (shipment,) = story.order.handovers
        told = {"capture_ref": "c", "capture_state": CaptureState.SUCCEEDED}
        event = tell(story, PaymentEventKind.CAPTURE, 1400, payment_ref="pi_2", our_shipment_id=f"{shipment}:2", **told)
        assert event == (facts.PaymentCaptured(capture_id="c", amount=1400, shipment_id=shipment, tender=2),)
        with pytest.raises(CaptureNotFoundError):
            tell(story, PaymentEventKind.CAPTURE, 600, payment_ref="pi_1", our_shipment_id=f"{shipment}:2", **told)
        assert capture(story) == [(1, 600)]
        assert tell(story, PaymentEventKind.VOIDED, payment_ref="pi_9") == (), "of several, one that is not named"

    def test_a_refund_that_somebody_made_there_is_of_its_tender(self, story: Story) -> None:
        taken(story)
        fields = {"source": "paypal", "payment_ref": "PP2", "refund_ref": "R1", "refund_state": RefundState.SUCCEEDED}
        with pytest.raises(RefundBeforePaymentError):
            tell(story, PaymentEventKind.REFUND, 1401, **fields)
        tell(story, PaymentEventKind.REFUND, 900, **fields)
        assert (refundable_of(story.order.payment, 1), refundable_of(story.order.payment, 2)) == (600, 500)

    def test_a_tender_that_ended_while_goods_are_bound_stops_the_order(self, story: Story) -> None:
        bound(story, CARD, PAYPAL)
        voided, hold = tell(story, PaymentEventKind.VOIDED, source="paypal", payment_ref="PP2")
        assert voided == facts.PaymentVoided(tender=2)
        assert isinstance(hold, ev.HoldPlaced)
        assert hold.kind == PAYMENT_EXPIRED
        assert (stage(story.order), payment_cleared(story.order)) == (Stage.ON_HOLD, False)
        with pytest.raises(InvalidTransitionError):
            story.ship()


class TestRefunded:
    def test_the_parts_go_back_in_the_order_of_the_tenders_and_are_kept(self, story: Story) -> None:
        taken(story)
        first, second = story.refund(amount=900)
        assert isinstance(first, ev.RefundRequested)
        assert isinstance(second, ev.RefundRequested)
        assert [(first.tender, first.amount), (second.tender, second.amount)] == [(1, 600), (2, 300)]
        assert first.request == second.request == first.refund_id
        assert [each.refund_id for each in due_refunds(story.order)] == [first.refund_id, second.refund_id]
        (third,) = story.refund(amount=1100)
        assert isinstance(third, ev.RefundRequested)
        assert (third.tender, third.amount, third.request) == (2, 1100, "")

    def test_never_above_what_was_captured(self, story: Story) -> None:
        taken(story)
        story.refund(amount=900)
        before = story.order
        with pytest.raises(RefundExceedsCapturedError) as caught:
            story.refund(amount=1101)
        assert caught.value.context["refundable"] == 1100
        assert story.order is before

    def test_units_stay_refunded_as_long_as_a_part_of_their_price_went_back(self, story: Story) -> None:
        taken(story)
        first, second = story.refund({"1": 1})
        assert (first.refund_id, second.refund_id) != ("", "")  # type: ignore[union-attr]
        assert story.order.lines["1"].refunded == 1
        story.refund_outcome(first.refund_id, "failed")  # type: ignore[union-attr]
        assert story.order.lines["1"].refunded == 1
        assert story.order.payment.refunds[second.refund_id].lines == {"1": 1}  # type: ignore[union-attr]
        story.refund_outcome(second.refund_id, "failed")  # type: ignore[union-attr]
        assert story.order.lines["1"].refunded == 0
        assert refundable_of(story.order.payment, 1) == 600

    def test_a_refund_that_failed_leaves_what_its_tender_may_give_back(self, story: Story) -> None:
        taken(story)
        first, _ = story.refund(amount=900)
        story.refund_outcome(first.refund_id, "failed")  # type: ignore[union-attr]
        again = story.refund(amount=700)
        assert [(each.tender, each.amount) for each in again] == [(1, 600), (2, 100)]  # type: ignore[union-attr]


class TestOnInvoice:
    def test_it_is_granted_and_captured_when_finance_says_so(self, story: Story) -> None:
        bound(story, CARD, INVOICE)
        story.ship()
        assert capture(story) == [(1, 600)], "nothing is asked of the invoice"
        story.deliver_all()
        assert order_status(story.order) is not OrderStatus.CLOSED
        assert (drift(story.order), balances(story.order)["receivable"]) == (0, 1400)
        (event,) = pay(story, 1000)
        assert event == facts.PaymentCaptured(capture_id="BANK-1", amount=1000, tender=2)
        with pytest.raises(PaymentExceedsInvoiceError) as caught:
            pay(story, 401)
        assert caught.value.context["open"] == 400
        pay(story, 400)
        assert order_status(story.order) is OrderStatus.CLOSED
        assert balances(story.order) == {"goods": -2000, "tender:stripe": 600, "tender:on_invoice": 1400}

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"currency": "USD"}, CurrencyMismatchError),
            ({"amount": 0}, InvalidInputError),
            ({"amount": -1}, InvalidInputError),
            ({"amount": 1401}, PaymentExceedsInvoiceError),
        ],
    )
    def test_what_cannot_be_its_payment(self, story: Story, change: dict[str, Any], error: type[Exception]) -> None:
        bound(story, CARD, INVOICE)
        with pytest.raises(error):
            story.do(RecordPayment(**{"command_id": "c", "amount": 1, "reference": "B", **change}))

    def test_no_more_is_open_than_is_owed(self, story: Story) -> None:
        bound(story, CARD, INVOICE)
        story.cancel({"1": 1})
        with pytest.raises(PaymentExceedsInvoiceError):
            pay(story, 1001)
        pay(story, 1000)

    def test_what_is_given_back_of_it_is_given_back_at_once(self, story: Story) -> None:
        bound(
            story,
            Tender(provider="on_invoice", reference="PO", amount=2000),
        )
        story.ship()
        pay(story, 2000)
        asked, gone = story.refund(amount=500)
        assert isinstance(asked, ev.RefundRequested)
        assert gone == ev.RefundSucceeded(refund_id=asked.refund_id)
        assert due_refunds(story.order) == ()

    def test_a_cancellation_gives_back_what_was_paid_beyond_what_is_owed_now(self, story: Story) -> None:
        bound(story, CARD, INVOICE)
        pay(story, 1400)
        assert len(story.cancel({"1": 1})) == 3, "400 of 1400 are over"
        assert story.order.payment.refunded == 400

    def test_an_order_that_was_cancelled_lets_nothing_go(self, story: Story) -> None:
        bound(story, Tender(provider="on_invoice", reference="PO", amount=2000))
        story.cancel()
        assert (due_voids(story.order), next_step(story.order)) == ((), NextStep.NONE)


def pay(story: Story, amount: int) -> tuple[ev.OrderEvent, ...]:
    return story.do(RecordPayment(command_id=story.id(), amount=amount, reference="BANK-1", currency="EUR"))


class TestAdded:
    def test_it_is_asked_for_once_and_counts_when_it_is_held(self, story: Story) -> None:
        story.place(line("1", 2))
        story.promise()
        assert add(story, PAYPAL) == (facts.TenderAdded(tender=PAYPAL),)
        assert (due_checks(story.order), next_step(story.order)) == ((2,), NextStep.SETTLE)
        check = RecordTenderCheck(command_id=story.id(), tender=2)
        assert story.do(check) == (facts.TenderChecked(tender=2),)
        assert (due_checks(story.order), next_step(story.order)) == ((), NextStep.NONE)
        held(story, 2, 1400)
        assert story.order.payment.authorized == 3400

    def test_one_that_is_declined_takes_nothing_from_what_is_held(self, story: Story) -> None:
        story.place(line("1", 2))
        story.promise()
        add(story, PAYPAL)
        assert declined(story, 2) == (facts.PaymentDeclined(reason="card_declined", tender=2),)
        assert (payment_cleared(story.order), payment_status(story.order)) == (True, PaymentStatus.AUTHORIZED)
        assert next_step(story.order) is NextStep.NONE

    def test_the_same_again_changes_nothing_and_another_amount_is_refused(self, story: Story) -> None:
        story.place(line("1", 2))
        add(story, PAYPAL)
        assert add(story, PAYPAL) == ()
        with pytest.raises(PaymentAlreadyUsedError):
            add(story, Tender(**vars_of(PAYPAL, 1)))
        with pytest.raises(PaymentAlreadyUsedError):
            add(story, Tender(provider="stripe", reference="pi_1", amount=5))

    @pytest.mark.parametrize(
        ("prepare", "tender", "error"),
        [
            (
                lambda story: story.place(line("1"), plan=PaymentPlan(provider="in_channel")),
                PAYPAL,
                InvalidTransitionError,
            ),
            (lambda story: (story.place(line("1")), story.cancel()), PAYPAL, InvalidTransitionError),
            (
                lambda story: story.place(line("1")),
                Tender(provider="stripe", reference="x", amount=0),
                InvalidInputError,
            ),
        ],
    )
    def test_what_cannot_be_paid_any_more(
        self, story: Story, prepare: Callable[[Story], object], tender: Tender, error: type[Exception]
    ) -> None:
        prepare(story)
        with pytest.raises(error):
            add(story, tender)

    def test_there_are_ten_at_most(self, story: Story) -> None:
        story.place(line("1", 2))
        for number in range(2, 11):
            add(story, Tender(provider="stripe", reference=f"pi_{number}", amount=1))
        with pytest.raises(InvalidTransitionError):
            add(story, PAYPAL)

    def test_another_currency_is_refused(self, story: Story) -> None:
        story.place(line("1", 2))
        with pytest.raises(CurrencyMismatchError):
            story.do(AddTender(command_id="c", tender=PAYPAL, currency="USD"))

    def test_a_card_in_place_of_one_that_ended_lets_the_order_go_on(self, story: Story) -> None:
        story.place(line("1", 2))
        story.promise()
        tell(story, PaymentEventKind.VOIDED, payment_ref="pi_1")
        assert stage(story.order) is Stage.ON_HOLD
        add(story, Tender(provider="stripe", reference="pi_2", amount=2000))
        authorized, released = held(story, 2, 2000)
        assert isinstance(authorized, facts.PaymentAuthorized)
        assert isinstance(released, ev.HoldReleased)
        story.ship()
        assert [(each.tender, each.amount) for each in due_captures(story.order)] == [(2, 2000)]

    def test_credit_in_place_of_it_does_so_at_once(self, story: Story) -> None:
        story.place(line("1", 2))
        story.promise()
        tell(story, PaymentEventKind.VOIDED, payment_ref="pi_1")
        events = add(story, Tender(provider="on_invoice", reference="PO", amount=2000))
        assert [type(each).__name__ for each in events] == ["TenderAdded", "HoldReleased"]


def add(story: Story, tender: Tender) -> tuple[ev.OrderEvent, ...]:
    return story.do(AddTender(command_id=story.id(), tender=tender))


class TestEnding:
    def test_it_is_looked_at_two_days_before_it_ends(self, story: Story) -> None:
        place(story, Tender(provider="stripe", reference="pi_1", amount=2000))
        held(story, 1, 2000, days=3)
        story.promise({}, {"1": 2}, retry_at=minutes(60 * 24 * 9))
        soon = T0 + timedelta(days=1)
        assert look_at(story.order) == soon
        at = soon - timedelta(minutes=5)
        assert due_at(story.order, at) == wake_at(story.order, at) == soon
        assert due_at(story.order, soon + timedelta(minutes=1)) == soon + timedelta(minutes=1)

    def test_an_order_that_ships_before_is_left_alone(self, story: Story) -> None:
        place(story, Tender(provider="stripe", reference="pi_1", amount=2000))
        held(story, 1, 2000, days=7)
        story.promise()
        assert is_patient(story.order)
        story.ship()
        assert (look_at(story.order), ending(story.order)) == (None, ())

    def test_one_that_does_not_is_looked_at(self, story: Story) -> None:
        place(story, Tender(provider="stripe", reference="pi_1", amount=2000))
        held(story, 1, 2000, days=3.5)
        story.promise()
        assert not is_patient(story.order), "promised for the third day, and looked at on the second"

    def test_a_renewal_is_recorded_once(self, story: Story) -> None:
        bound(story, CARD, PAYPAL)
        later = T0 + timedelta(days=36)
        assert extended(story, 2, 1, expires_at=later) == (facts.AuthorizationExtended(tender=2, expires_at=later),)
        assert extended(story, 2, 1, expires_at=later) == ()
        assert story.order.payment.tenders[1].renewals == 1

    def test_one_that_is_decided_later_is_looked_at_when_it_ends(self, story: Story) -> None:
        bound(story, CARD, Tender(provider="adyen", reference="PSP", amount=1400))
        assert extended(story, 2, 1, ExtensionState.PENDING) == (facts.ExtensionSubmitted(tender=2),)
        assert extended(story, 2, 1, ExtensionState.PENDING) == ()
        assert story.order.payment.tenders[1].look_at == T0 + timedelta(days=7)
        (event,) = tell(story, PaymentEventKind.EXTENDED, 1400, source="adyen", payment_ref="PSP")
        assert event == facts.AuthorizationExtended(tender=2, expires_at=T0 + timedelta(days=28))
        tender = story.order.payment.tenders[1]
        assert (tender.renewals, tender.look_at) == (1, T0 + timedelta(days=26))

    def test_one_that_its_provider_refuses_later_is_not_asked_for_again(self, story: Story) -> None:
        bound(story, CARD, Tender(provider="adyen", reference="PSP", amount=1400))
        extended(story, 2, 1, ExtensionState.PENDING)
        (event,) = tell(story, PaymentEventKind.NOT_EXTENDED, source="adyen", payment_ref="PSP", reason="no")
        assert event == facts.ExtensionRefused(tender=2, reason="no")
        assert story.order.payment.tenders[1].final

    def test_that_it_is_held_longer_is_so_whatever_another_attempt_was_told(self, story: Story) -> None:
        bound(story, CARD, PAYPAL)
        extended(story, 2, 1, ExtensionState.REFUSED, reason="key_used_before")
        later = T0 + timedelta(days=36)
        assert extended(story, 2, 1, expires_at=later) == (facts.AuthorizationExtended(tender=2, expires_at=later),)
        assert not story.order.payment.tenders[1].final

    def test_one_that_is_refused_is_not_asked_for_again(self, story: Story) -> None:
        bound(story, CARD, PAYPAL)
        (event,) = extended(story, 1, 1, ExtensionState.REFUSED, reason="not_supported")
        assert event == facts.ExtensionRefused(tender=1, reason="not_supported")
        assert story.order.payment.tenders[0].look_at == T0 + timedelta(days=7)
        assert story.order.active_holds == ()
        assert not is_patient(story.order), "its end is near, and may come before the next look of the day"

    def test_what_ended_is_held_no_longer_and_nothing_ships_unpaid(self, story: Story) -> None:
        bound(story, CARD, PAYPAL)
        story.ship({"1": 1})
        capture(story)
        early = RecordLapse(command_id=story.id(), tender=2, at=T0 + timedelta(days=6))
        assert story.do(early) == ()
        gone, hold = story.do(RecordLapse(command_id=story.id(), tender=2, at=T0 + timedelta(days=7)))
        assert gone == facts.AuthorizationLapsed(tender=2, reason="expired")
        assert isinstance(hold, ev.HoldPlaced)
        assert hold.kind == PAYMENT_EXPIRED
        assert (story.order.payment.authorized, payment_cleared(story.order)) == (1000, False)
        with pytest.raises(InvalidTransitionError):
            story.ship()
        assert drift(story.order) == 0
        assert look_at(story.order) is None

    def test_a_capture_that_is_under_way_is_not_what_lapsed(self, story: Story) -> None:
        bound(story, CARD, PAYPAL)
        story.ship({"1": 1})
        capture(story, CaptureState.PENDING)
        story.do(RecordLapse(command_id=story.id(), tender=2, at=T0 + timedelta(days=7)))
        assert story.order.payment.tenders[1].authorized == 400

    def test_the_only_payment_that_lapsed_after_a_part_does_not_cover_the_rest(self, story: Story) -> None:
        place(story, Tender(provider="stripe", reference="pi_1", amount=2000))
        held(story, 1, 2000)
        story.promise()
        story.ship({"1": 1})
        capture(story)
        gone, hold = tell(story, PaymentEventKind.VOIDED, payment_ref="pi_1")
        assert isinstance(gone, facts.AuthorizationLapsed)
        assert isinstance(hold, ev.HoldPlaced)
        assert not payment_cleared(story.order)


def extended(
    story: Story, tender: int, renewal: int, state: ExtensionState = ExtensionState.EXTENDED, **fields: Any
) -> tuple[ev.OrderEvent, ...]:
    result = ExtensionResult(state=state, **fields)
    command = RecordExtension(command_id=story.id(), tender=tender, renewal=renewal, result=result)
    return story.do(command)


def test_a_key_says_which_shipment_and_which_tender() -> None:
    assert [capture_key("shp_1", number) for number in (1, 2)] == ["shp_1", "shp_1:2"]
    assert [read_key(key) for key in ("shp_1", "shp_1:2", "", ":3", "a:b")] == [
        ("shp_1", 1),
        ("shp_1", 2),
        ("", 1),
        ("", 3),
        ("a:b", 1),
    ]


def test_credit_and_gift_cards_pay_for_more_than_one_order(story: Story) -> None:
    card = Tender(provider="gift_card", reference="G-1", amount=100)
    place(story, card, CARD, Tender(**vars_of(PAYPAL, 1300)), INVOICE, gift_cards=100)
    assert named_payments(story.order.placed) == (("stripe", "pi_1"), ("paypal", "PP2"))
    assert [each.provider for each in story.order.payment.tenders] == ["stripe", "paypal", "on_invoice"]
    assert named_payments(facts.TenderAdded(tender=INVOICE)) == ()
    assert named_payments(facts.TenderAdded(tender=CARD)) == (("stripe", "pi_1"),)
    assert STRIPE.reference == "pi_1"
