"""An order that several payments pay for, one of which is disputed: only that one moves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oms.domain.disputes import DisputeStatus, DisputeTold, MovementTold
from oms.domain.errors import AmountDisputedError, CaptureNotFoundError
from oms.domain.order import commands as cmd
from oms.domain.order import events as ev
from oms.domain.order.accounts import balances, drift, entries
from oms.domain.order.charging import due_captures, due_refunds
from oms.domain.order.events import PaymentPlan
from oms.domain.order.payment_facts import Tender
from oms.domain.order.stakes import free_of, free_to_refund, stakes
from oms.domain.order.state import RefundStatus
from oms.domain.payments import AuthorizationResult, AuthorizationState
from oms.domain.payouts import movements
from tests.support.builders import Story, line, snapshot
from tests.support.disputes import hear, told
from tests.support.edits import edit
from tests.support.returns import Returning, unit
from tests.support.stories import commits_of

TWO = 2
SECOND = ("stripe", "pi_2")
CARDS = (
    Tender(provider="stripe", reference="pi_1", amount=1000),
    Tender(provider="stripe", reference="pi_2", amount=1200),
    Tender(provider="adyen", reference="PSP3", amount=800),
)


def paid(*tenders: Tender, upfront: bool = False) -> Story:
    """Three units at 10.00, shipped and captured of each tender; or captured whole before anything left."""
    story = Story()
    story.stock.receive("SKU-1", "WH1", 9)
    first, order = tenders[0], snapshot(line("1", 3, 1000))
    story.sync(order, PaymentPlan(provider=first.provider, reference=first.reference), tenders=tenders)
    state = AuthorizationState.CAPTURED if upfront else AuthorizationState.AUTHORIZED
    for number, each in enumerate(tenders, 1):
        held = AuthorizationResult(state=state, amount=each.amount)
        story.do(cmd.RecordAuthorization(command_id=story.id(), authorization=held, tender=number))
    if not upfront:
        story.promise()
        story.ship()
        for due in captures_of(story):
            story.do(due)
    assert story.order.payment.captured == 3000
    return story


def captures_of(story: Story) -> list[cmd.RecordCapture]:
    return [
        cmd.RecordCapture(
            command_id=story.id("capture"),
            shipment_id=due.shipment_id,
            capture_id=f"ch_{due.tender}",
            amount=due.amount,
            tender=due.tender,
        )
        for due in due_captures(story.order)
    ]


def second(status: DisputeStatus, moved: dict[str, int], amount: int = 1200, **more: Any) -> Any:
    return told(status, amount, moved=moved, payment=SECOND, capture="ch_2", **more)


def tenders_of(story: Story) -> dict[str, int]:
    found = balances(story.order)
    assert sum(found.values()) == 0, "debits are not credits"
    return {account: amount for account, amount in found.items() if account.startswith("tender:")}


def test_only_the_one_that_is_disputed_moves_and_comes_back_when_it_is_won() -> None:
    story = paid(*CARDS)
    before = tenders_of(story)
    assert before == {"tender:stripe": 1000, "tender:stripe:2": 1200, "tender:adyen": 800}
    hear(story, second(DisputeStatus.NEEDS_RESPONSE, {"txn_1": 1200}, fees={"txn_1": (1500, "EUR")}))
    assert tenders_of(story) == {"tender:stripe": 1000, "tender:adyen": 800}
    found = balances(story.order)
    assert (found["disputed"], found["dispute_fees"], found["withheld:stripe"]) == (1200, 1500, -1500)
    assert [free_of(story.order, number) for number in (1, 2, 3)] == [1000, 0, 800]
    hear(story, second(DisputeStatus.WON, {"txn_1": 1200, "txn_2": -1200}, at=200))
    assert tenders_of(story) == before
    assert "disputed" not in balances(story.order)
    assert drift(story.order) == 0


def test_lost_it_is_the_one_that_is_charged_back() -> None:
    story = paid(*CARDS)
    hear(story, second(DisputeStatus.NEEDS_RESPONSE, {"txn_1": 1200}))
    hear(story, second(DisputeStatus.LOST, {"txn_1": 1200}, at=200))
    assert tenders_of(story) == {"tender:stripe": 1000, "tender:adyen": 800}
    assert balances(story.order)["chargebacks"] == 1200
    assert (stakes(story.order, 2).charged_back, stakes(story.order, 1).taken, stakes(story.order, 3).taken) == (
        1200,
        0,
        0,
    )
    assert drift(story.order) == 0
    told_entries = entries(story.order_id, commits_of(story))
    for number in {each.commit for each in told_entries}:
        assert sum(each.amount for each in told_entries if each.commit == number) == 0


def test_what_the_others_took_goes_back_meanwhile_and_no_more() -> None:
    story = paid(*CARDS)
    hear(story, second(DisputeStatus.NEEDS_RESPONSE, {"txn_1": 1200}))
    assert free_to_refund(story.order) == 1800
    with pytest.raises(AmountDisputedError):
        story.refund(amount=1801)
    asked = [each for each in story.refund(amount=1500) if isinstance(each, ev.RefundRequested)]
    assert [(each.tender, each.amount) for each in asked] == [(1, 1000), (3, 500)]
    assert len(due_refunds(story.order)) == 2


def test_a_refund_of_the_disputed_one_waits_and_the_others_are_made() -> None:
    story = paid(*CARDS)
    story.refund(amount=3000)
    hear(story, second(DisputeStatus.NEEDS_RESPONSE, {"txn_1": 1200}))
    assert [each.tender for each in due_refunds(story.order)] == [1, 3]
    hear(story, second(DisputeStatus.LOST, {"txn_1": 1200}, at=200))
    assert {each.tender: each.status for each in story.order.payment.refunds.values()} == {
        1: RefundStatus.REQUESTED,
        2: RefundStatus.FAILED,
        3: RefundStatus.REQUESTED,
    }
    story.settle()
    assert tenders_of(story) == {}
    assert drift(story.order) == 0


def test_one_lost_while_another_is_open_ends_its_own_refunds_alone() -> None:
    story = paid(*CARDS)
    story.refund(amount=3000)
    hear(story, second(DisputeStatus.NEEDS_RESPONSE, {"txn_1": 1200}))
    hear(story, told(amount=1000, moved={"txn_9": 1000}, ref="dp_9"))
    hear(story, second(DisputeStatus.LOST, {"txn_1": 1200}, at=200))
    statuses = {each.tender: each.status for each in story.order.payment.refunds.values()}
    assert (statuses[1], statuses[2]) == (RefundStatus.REQUESTED, RefundStatus.FAILED)
    assert [each.tender for each in due_refunds(story.order)] == [3], "of the open one it still waits"
    hear(story, told(DisputeStatus.WON, 1000, at=300, moved={"txn_9": 1000, "txn_10": -1000}, ref="dp_9"))
    assert [each.tender for each in due_refunds(story.order)] == [1, 3]


def test_what_a_cancellation_could_not_give_back_goes_back_to_the_tender_that_took_it() -> None:
    story = paid(*CARDS, upfront=True)
    hear(story, second(DisputeStatus.NEEDS_RESPONSE, {"txn_1": 1200}))
    story.cancel()
    refunds = story.order.payment.refunds.values()
    assert [(each.tender, each.amount) for each in refunds] == [(1, 1000), (3, 800)]
    hear(story, second(DisputeStatus.WON, {"txn_1": 1200, "txn_2": -1200}, at=200))
    assert [(each.tender, each.amount) for each in story.order.payment.refunds.values()][2:] == [(2, 1200)]
    story.settle()
    assert tenders_of(story) == {}


def test_a_dispute_of_none_of_a_providers_payments_is_refused_and_not_forgotten() -> None:
    story = paid(*CARDS)
    stranger = told(amount=1200, moved={"txn_1": 1200}, payment=("stripe", "pi_other"), capture="ch_other")
    with pytest.raises(CaptureNotFoundError):
        hear(story, stranger)
    assert hear(story, replace(stranger, source="paypal")) == (), "of a provider that holds nothing of it"


def test_money_that_was_taken_for_a_dispute_that_nobody_named_is_of_its_payment_too() -> None:
    story = paid(*CARDS)
    event = second(DisputeStatus.NEEDS_RESPONSE, {})
    taken = DisputeTold(capture_ref="ch_2", movements=(MovementTold(movement_id="reversed:1", amount=1200),))
    hear(story, replace(event, event_id="evt_reversed", dispute=taken))
    assert [free_of(story.order, number) for number in (1, 2, 3)] == [1000, 0, 800]
    hear(story, event)
    assert (stakes(story.order, 2).disputed, stakes(story.order).at_stake) == (1200, 1200)


def test_a_payout_is_held_to_what_its_own_provider_moved() -> None:
    story = paid(*CARDS)
    hear(story, second(DisputeStatus.NEEDS_RESPONSE, {"txn_1": 1200}))
    found = movements(story.order_id, commits_of(story))
    assert {each.provider: sum(one.amount for one in found if one.provider == each.provider) for each in found} == {
        "stripe": 1000,
        "adyen": 800,
    }


def came_back(story: Story) -> Returning:
    """All three units are looked at."""
    story.deliver_all()
    returning = Returning(story)
    returning.ask({"1": 3})
    returning.label()
    returning.receive()
    returning.inspect(unit(quantity=3))
    return returning


@pytest.mark.parametrize(
    ("outcome", "status", "left"),
    [(DisputeStatus.WON, RefundStatus.REQUESTED, [2]), (DisputeStatus.LOST, RefundStatus.FAILED, [])],
)
def test_what_is_returned_is_paid_back_and_the_disputed_part_waits(
    outcome: DisputeStatus, status: RefundStatus, left: list[int]
) -> None:
    story = paid(*CARDS)
    hear(story, second(DisputeStatus.NEEDS_RESPONSE, {"txn_1": 1200}))
    returning = came_back(story)
    assert returning.refunds() == [1000, 1200, 800]
    assert [each.tender for each in due_refunds(story.order)] == [1, 3]
    story.settle()
    moved = {"txn_1": 1200} | ({"txn_2": -1200} if outcome is DisputeStatus.WON else {})
    hear(story, second(outcome, moved, at=2000))
    assert next(each.status for each in story.order.payment.refunds.values() if each.tender == TWO) is status
    assert [each.tender for each in due_refunds(story.order)] == left
    story.settle()
    assert tenders_of(story) == {}
    assert drift(story.order) == 0


def test_what_was_lost_is_not_asked_for_when_goods_come_back() -> None:
    story = paid(*CARDS)
    hear(story, second(DisputeStatus.LOST, {"txn_1": 1200}))
    assert came_back(story).refunds() == [1000, 800]
    story.settle()
    assert tenders_of(story) == {}


def test_part_of_a_tender_that_is_not_disputed_goes_first() -> None:
    story = paid(*CARDS)
    hear(story, second(DisputeStatus.NEEDS_RESPONSE, {"txn_1": 500}, amount=500))
    asked = [each for each in story.refund(amount=2500) if isinstance(each, ev.RefundRequested)]
    assert [(each.tender, each.amount) for each in asked] == [(1, 1000), (2, 700), (3, 800)]


def test_an_edit_gives_back_no_disputed_money_until_it_is_won() -> None:
    story = paid(*CARDS, upfront=True)
    hear(story, second(DisputeStatus.NEEDS_RESPONSE, {"txn_1": 1200}))
    hear(story, told(amount=1000, moved={"txn_9": 1000}, ref="dp_9"))
    edit(story, remove={"1": 1})
    assert [(each.tender, each.amount) for each in story.order.payment.refunds.values()] == [(3, 800)]
    hear(story, second(DisputeStatus.WON, {"txn_1": 1200, "txn_2": -1200}, at=200))
    hear(story, told(DisputeStatus.WON, 1000, at=300, moved={"txn_9": 1000, "txn_10": -1000}, ref="dp_9"))
    assert [each.amount for each in story.order.payment.refunds.values()] == [800, 200]
    story.settle()
    assert sum(tenders_of(story).values()) == 2000
