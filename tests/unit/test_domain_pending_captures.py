"""Captures that a provider decides later, or takes back."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from oms.domain.errors import CaptureNotFoundError, RefundExceedsCapturedError
from oms.domain.order import commands as cmd
from oms.domain.order import events as ev
from oms.domain.order.accounts import balances, drift
from oms.domain.order.charging import due_captures, money_due, refundable, void_due
from oms.domain.order.events import PaymentPlan
from oms.domain.order.status import OrderStatus, PaymentStatus, order_status, payment_status, settled
from oms.domain.payment_events import CaptureState, PaymentEventKind
from tests.support.builders import T0, Story, line
from tests.support.money import shipped, tell

ADYEN = PaymentPlan(provider="adyen", reference="PSP1")
PENDING, GOOD, BAD = CaptureState.PENDING, CaptureState.SUCCEEDED, CaptureState.FAILED


@pytest.fixture
def story() -> Story:
    """Two parcels of an order of three units at 10.00 have left; nothing is captured yet."""
    made = Story()
    made.place(line("1", 3, 1000), plan=ADYEN)
    made.promise()
    made.ship({"1": 1})
    made.ship({"1": 2})
    return made


def answer(story: Story, shipment: str, amount: int, state: CaptureState = PENDING) -> tuple[ev.OrderEvent, ...]:
    command = cmd.RecordCapture(
        command_id=story.id("capture"), shipment_id=shipment, capture_id=f"C-{shipment}", amount=amount, state=state
    )
    return story.do(command)


def told(story: Story, shipment: str, amount: int, state: CaptureState, **fields: Any) -> tuple[ev.OrderEvent, ...]:
    known = {"source": "adyen", "payment_ref": "PSP1", "capture_ref": f"C-{shipment}", "our_shipment_id": ""}
    return tell(story, PaymentEventKind.CAPTURE, amount, capture_state=state, **(known | fields))


def test_what_is_pending_is_neither_taken_nor_asked_for_again(story: Story) -> None:
    first, second = (due.shipment_id for due in due_captures(story.order))
    assert answer(story, first, 1000) == (ev.CaptureSubmitted(capture_id=f"C-{first}", amount=1000, shipment_id=first),)
    assert answer(story, first, 1000) == ()
    (left,) = due_captures(story.order)
    assert (left.shipment_id, left.amount, left.final) == (second, 2000, True)
    assert (story.order.payment.captured, refundable(story.order)) == (0, 0)
    answer(story, second, 2000)
    assert not money_due(story.order)
    assert not void_due(story.order)
    assert not settled(story.order)
    assert drift(story.order) == 0
    assert payment_status(story.order) is PaymentStatus.AUTHORIZED


def test_the_providers_word_ends_it(story: Story) -> None:
    first, second = (due.shipment_id for due in due_captures(story.order))
    answer(story, first, 1000)
    answer(story, second, 2000)
    taken = ev.PaymentCaptured(capture_id=f"C-{first}", amount=1000, shipment_id=first)
    assert told(story, first, 1000, GOOD) == (taken,)
    assert told(story, first, 1000, GOOD) == ()
    assert payment_status(story.order) is PaymentStatus.PARTIALLY_CAPTURED
    told(story, second, 2000, GOOD)
    assert story.order.payment.submitted == {}
    assert settled(story.order)
    assert drift(story.order) == 0


def test_the_word_before_the_answer(story: Story) -> None:
    first = due_captures(story.order)[0].shipment_id
    assert len(told(story, first, 1000, GOOD, our_shipment_id=first)) == 1
    assert answer(story, first, 1000) == ()
    assert story.order.payment.captured == 1000


@pytest.mark.parametrize("order", list(permutations(("answer", "good", "bad"))), ids=" ".join)
def test_a_capture_taken_back_is_owed_in_whatever_order_it_is_told(order: tuple[str, ...]) -> None:
    story = Story()
    story.place(line("1", 1, 1000), plan=ADYEN)
    story.promise()
    story.ship()
    (due,) = due_captures(story.order)
    for word in order:
        if word == "answer":
            answer(story, due.shipment_id, 1000)
        else:
            told(story, due.shipment_id, 1000, GOOD if word == "good" else BAD, our_shipment_id=due.shipment_id)
    payment = story.order.payment
    assert (payment.captured, payment.submitted, payment.undone) == (0, {}, {due.shipment_id: 1000})
    assert due_captures(story.order) == (), "a person decides what is tried next"
    assert not void_due(story.order)
    assert not settled(story.order)
    assert balances(story.order)["receivable"] == 1000
    assert drift(story.order) == 0


def test_it_is_told_why(story: Story) -> None:
    first = due_captures(story.order)[0].shipment_id
    answer(story, first, 1000)
    assert told(story, first, 1000, BAD, reason="refused") == (
        ev.PaymentUndone(capture_id=f"C-{first}", amount=1000, shipment_id=first, reason="refused"),
    )


def test_an_order_of_which_a_capture_was_taken_back_is_not_closed(story: Story) -> None:
    for due in due_captures(story.order):
        answer(story, due.shipment_id, due.amount)
        told(story, due.shipment_id, due.amount, GOOD)
    first = next(iter(story.order.payment.captures))
    told(story, first, 1000, BAD)
    assert story.order.payment.captured == 2000
    assert order_status(story.order) is not OrderStatus.CLOSED
    assert payment_status(story.order) is PaymentStatus.PARTIALLY_CAPTURED


def test_what_was_given_back_before_is_not_taken_back_again() -> None:
    story = shipped(Story(), line("1", 1, 1000), plan=ADYEN)
    (first,) = story.order.payment.captures
    story.refund(amount=600)
    with pytest.raises(RefundExceedsCapturedError):
        told(story, first, 1000, BAD, our_shipment_id=first)


@pytest.mark.parametrize("fields", [{"capture_ref": "OTHER"}, {"payment_ref": "PSP2"}, {"our_shipment_id": "shp_x"}])
def test_a_capture_of_somebody_else_is_not_counted(story: Story, fields: dict[str, str]) -> None:
    first = due_captures(story.order)[0].shipment_id
    if "capture_ref" not in fields:
        fields = {"capture_ref": "OTHER", **fields}
    with pytest.raises(CaptureNotFoundError) as caught:
        told(story, first, 1000, GOOD, **fields)
    assert caught.value.retryable


def test_a_provider_that_does_not_hold_the_payment_changes_nothing(story: Story) -> None:
    for source in ("stripe", "paypal"):
        assert tell(story, PaymentEventKind.VOIDED, source=source) == ()
        assert tell(story, PaymentEventKind.AUTHORIZED, 5000, source=source) == ()


def test_an_authorization_over_too_little_is_a_refusal() -> None:
    story = Story()
    story.place(line("1", 1, 1000), plan=ADYEN)
    other = tell(story, PaymentEventKind.AUTHORIZED, 999, source="adyen", payment_ref="PSP2")
    assert other == ()
    small = tell(story, PaymentEventKind.AUTHORIZED, 999, source="adyen", payment_ref="PSP1")
    assert small == (ev.PaymentDeclined(reason="amount_too_small"),)
    enough = tell(story, PaymentEventKind.AUTHORIZED, 1000, source="adyen", payment_ref="PSP1")
    assert enough == (ev.PaymentAuthorized(amount=1000, expires_at=T0 + timedelta(days=28)),)
    assert tell(story, PaymentEventKind.AUTHORIZED, 999, source="adyen", payment_ref="PSP1") == ()


def test_an_authorization_that_ends_while_a_capture_is_decided_is_no_void(story: Story) -> None:
    answer(story, due_captures(story.order)[0].shipment_id, 1000)
    assert tell(story, PaymentEventKind.VOIDED, source="adyen", payment_ref="PSP1") == ()
