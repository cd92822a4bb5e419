"""A refund that may not be is a typed refusal, logged, and nothing moves; by one payment and by several.

It may not be above what was captured, in another currency, of an unshipped line, negative, or of a stranger's order.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from oms.domain.errors import (
    CurrencyMismatchError,
    InvalidInputError,
    InvalidTransitionError,
    OmsError,
    OrderNotFoundError,
    RefundExceedsCapturedError,
)
from oms.domain.order import commands as cmd
from oms.domain.order.charging import due_captures
from oms.domain.order.decider import decide
from oms.domain.order.events import PaymentPlan
from oms.domain.order.payment_facts import Tender
from oms.domain.payment_events import PaymentEventKind, RefundState
from oms.domain.payments import AuthorizationResult, AuthorizationState
from oms.entrypoints import http
from tests.support.builders import Story, line, snapshot, units_of
from tests.support.money import tell

if TYPE_CHECKING:
    from collections.abc import Callable

TENDERS = (
    Tender(provider="stripe", reference="pi_1", amount=500),
    Tender(provider="stripe", reference="pi_2", amount=1500),
)


def one_of_two_shipped(tenders: tuple[Tender, ...]) -> Story:
    """Two units at 10.00, one of them shipped and captured."""
    story = Story()
    story.stock.receive("SKU-1", "WH1", 9)
    story.sync(snapshot(line("1", 2, 1000)), PaymentPlan(provider="stripe", reference="pi_1"), tenders=tenders)
    for number, tender in enumerate(tenders, 1):
        held = AuthorizationResult(state=AuthorizationState.AUTHORIZED, amount=tender.amount)
        story.do(cmd.RecordAuthorization(command_id=story.id(), authorization=held, tender=number))
    story.promise()
    story.ship({"1": 1})
    for due in due_captures(story.order):
        story.do(
            cmd.RecordCapture(
                command_id=story.id(),
                shipment_id=due.shipment_id,
                capture_id=f"ch_{due.tender}",
                amount=due.amount,
                tender=due.tender,
            )
        )
    assert story.order.payment.captured == 1000
    return story


REFUSALS: list[tuple[str, dict[str, Any], type[OmsError]]] = [
    ("above what was captured", {"amount": 1001}, RefundExceedsCapturedError),
    ("in another currency", {"amount": 1, "currency": "USD"}, CurrencyMismatchError),
    ("of an unshipped line", {"lines": units_of({"1": 2})}, InvalidTransitionError),
    ("of no line of it", {"lines": units_of({"9": 1})}, InvalidInputError),
    ("negative", {"amount": -1}, InvalidInputError),
    ("of nothing", {"amount": 0}, InvalidInputError),
]


@pytest.mark.parametrize("tenders", [(), TENDERS], ids=["one payment", "several"])
@pytest.mark.parametrize(("about", "asked", "refusal"), REFUSALS, ids=[about for about, _, _ in REFUSALS])
def test_it_is_refused_and_nothing_moves(
    tenders: tuple[Tender, ...], about: str, asked: dict[str, Any], refusal: type[OmsError]
) -> None:
    story = one_of_two_shipped(tenders)
    before = story.order
    with pytest.raises(refusal):
        story.do(cmd.RequestRefund(command_id="c", reason=about, **asked))
    assert story.order is before
    assert story.order.payment.refunds == {}


def test_of_a_strangers_order_too() -> None:
    with pytest.raises(OrderNotFoundError):
        decide("ord_of_nobody", None, cmd.RequestRefund(command_id="c", reason="", amount=1))


@pytest.mark.parametrize("tenders", [(), TENDERS], ids=["one payment", "several"])
def test_a_provider_that_does_not_hold_its_payment_refunds_nothing_of_it(tenders: tuple[Tender, ...]) -> None:
    story = one_of_two_shipped(tenders)
    told = {"payment_ref": "PP9", "refund_ref": "R1", "refund_state": RefundState.SUCCEEDED}
    assert tell(story, PaymentEventKind.REFUND, 1, source="paypal", **told) == ()
    if tenders:
        assert tell(story, PaymentEventKind.REFUND, 1, **told) == (), "nor one of several that it does not name"


def test_no_tender_gives_back_more_than_it_took() -> None:
    story = one_of_two_shipped(TENDERS)
    told = {"payment_ref": "pi_1", "refund_ref": "R1", "refund_state": RefundState.SUCCEEDED}
    with pytest.raises(RefundExceedsCapturedError):
        tell(story, PaymentEventKind.REFUND, 501, **told)
    assert story.order.payment.refunds == {}


@pytest.mark.parametrize(
    "make",
    [
        lambda: RefundExceedsCapturedError("too much", amount=1001, refundable=1000),
        lambda: CurrencyMismatchError("the order has another currency", currency="EUR"),
        lambda: OrderNotFoundError("no such order", order_id="ord_1"),
    ],
)
def test_it_is_logged_by_its_code(make: Callable[[], OmsError], capsys: pytest.CaptureFixture[str]) -> None:
    error = make()
    answer = http.problem(error)
    (entry,) = [json.loads(text) for text in capsys.readouterr().out.splitlines() if text.startswith("{")]
    assert (entry["message"], entry["code"], entry["status"]) == ("refused", error.code, answer.status_code)
