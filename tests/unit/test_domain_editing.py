"""An order is edited after it was placed: what it costs, what is bound, and who has to pay or is paid back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from oms.domain.errors import (
    EditInChannelError,
    InvalidInputError,
    InvalidTransitionError,
    InWorkError,
    NothingToCancelError,
    TooManyPositionsError,
)
from oms.domain.order import commands as cmd
from oms.domain.order import events as ev
from oms.domain.order.accounts import balances, drift
from oms.domain.order.charging import due_captures, owed, void_due
from oms.domain.order.covering import PAYMENT_DUE, uncovered
from oms.domain.order.ledger import Place
from oms.domain.order.promising import wanted_units
from oms.domain.order.state import FulfillmentOrderStatus
from oms.domain.order.status import NextStep, OrderStatus, PaymentStatus, next_step, order_status, payment_status
from oms.domain.payment_events import PaymentEvent, PaymentEventKind
from oms.domain.payments import AuthorizationResult, AuthorizationState
from tests.support.builders import BERLIN, IN_CHANNEL, PARIS, STRIPE, Story, authorized, line, minutes
from tests.support.edits import edit, from_node, more

if TYPE_CHECKING:
    from collections.abc import Iterable


def of(kind: type, events: Iterable[object]) -> list[object]:
    return [each for each in events if isinstance(each, kind)]


def held(story: Story) -> list[tuple[str, tuple[str, ...]]]:
    return [(hold.kind, hold.lines) for hold in story.order.active_holds]


def raised_to(story: Story, amount: int) -> None:
    """The provider tells that it holds more."""
    event = PaymentEvent(
        source="stripe",
        account="a",
        event_id=story.id("evt"),
        occurred_at=minutes(9),
        kind=PaymentEventKind.AUTHORIZED,
        payment_ref="pi_1",
        amount=amount,
        currency=story.order.placed.currency,
    )
    story.do(cmd.RecordProviderEvent(command_id=story.id("provider"), event=event))


@pytest.fixture
def promised(story: Story) -> Story:
    """Two units of one line and one of another, held by the provider and bound: 3490 in all."""
    story.place(line("1", 2, 1000), line("2", 1, 1000), shipping=490)
    story.stock.receive("SKU-3", "WH1", 9)
    story.promise()
    return story


class TestWhatIsOrdered:
    def test_a_swap_for_the_same_price_asks_nobody(self, promised: Story) -> None:
        events = edit(promised, more("3"), remove={"2": 1})
        assert [type(each) for each in events] == [ev.OrderEdited, ev.LinesCancelled]
        order = promised.order
        assert order.placed.total == owed(order) == 3490
        assert order.lines["2"].ledger.cancelled == 1
        assert wanted_units(order) == {"3": 1}
        assert next_step(order) is NextStep.PROMISE
        assert promised.stock.available("SKU-2", "WH1") == 100

    def test_the_order_as_it_was_placed_stays(self, promised: Story) -> None:
        placed = promised.events[0]
        edit(promised, more("3"), remove={"2": 1})
        assert promised.events[0] is placed
        assert isinstance(placed, ev.OrderPlaced)
        assert placed.total == 3490
        assert [each.line_id for each in placed.lines] == ["1", "2"]
        assert [each.line_id for each in promised.order.placed.lines] == ["1", "2", "3"]

    def test_more_units_of_a_line_leave_what_its_units_are_worth(self, story: Story) -> None:
        """Three units for 1000 are worth 334, 333, 333; another one for 100 changes none of them."""
        story.place(line("1", 3, 334, discount=2))
        story.promise(authorization=authorized(5000))
        story.ship({"1": 1})
        edit(story, more("1+1", 1, 100, sku="SKU-1", adds_to="1"))
        story.promise()
        story.ship({"1": 2})
        story.ship(number=2)
        story.deliver_all()
        assert [each.amount for each in due_captures(story.order)] == [334, 666, 100]
        story.settle()
        assert order_status(story.order) is OrderStatus.CLOSED
        assert drift(story.order) == 0

    def test_what_is_planned_is_bound_in_the_same_commit(self, promised: Story) -> None:
        plan = from_node(promised, WH1={"3": 2})
        events = edit(promised, more("3", 2, 0), plan=plan)
        assert [type(each) for each in events] == [ev.OrderEdited, ev.LinesReserved]
        assert promised.stock.available("SKU-3", "WH1") == 7
        assert next_step(promised.order) is NextStep.NONE

    def test_what_has_left_cannot_be_taken_off(self, promised: Story) -> None:
        promised.ship({"1": 2})
        with pytest.raises(NothingToCancelError):
            edit(promised, remove={"1": 1})
        edit(promised, remove={"2": 1})
        assert promised.order.lines["2"].ledger.cancelled == 1

    def test_released_work_shrinks_before_what_a_warehouse_began(self, story: Story) -> None:
        story.place(line("1", 2, 1000))
        story.stock.receive("SKU-1", "WH2", 5)
        story.promise({"WH1": {"1": 1}, "WH2": {"1": 1}})
        first, second = (story.fulfillment_order(number) for number in (1, 2))
        story.do(cmd.AcceptFulfillmentOrder(command_id=story.id(), fulfillment_order_id=first))
        edit(story, remove={"1": 1})
        assert story.order.fulfillment_orders[first].remaining == {"1": 1}
        assert story.order.fulfillment_orders[second].status is FulfillmentOrderStatus.CANCELLED
        edit(story, more("3"), remove={"1": 1})
        assert story.order.fulfillment_orders[first].status is FulfillmentOrderStatus.CANCELLED

    def test_nothing_left_is_a_cancellation(self, promised: Story) -> None:
        with pytest.raises(InvalidInputError, match="cancel it"):
            edit(promised, remove={"1": 2, "2": 1})

    def test_everything_may_be_swapped(self, promised: Story) -> None:
        edit(promised, more("3"), remove={"1": 2, "2": 1})
        assert order_status(promised.order) is OrderStatus.PENDING

    def test_an_order_at_its_end_is_not_edited(self, promised: Story) -> None:
        promised.cancel()
        with pytest.raises(InvalidTransitionError):
            edit(promised, more("3"))

    @pytest.mark.parametrize(
        "added",
        [
            more("1"),
            more("3", 0),
            more("3", 1, -1),
            more("3", 1, 10, discount=11),
            more("3", 1, 10, tax=-1),
            more("3", 1, 10, adds_to="9"),
        ],
    )
    def test_a_line_that_cannot_be(self, promised: Story, added: ev.PlacedLine) -> None:
        with pytest.raises(InvalidInputError):
            edit(promised, added)

    def test_edits_that_say_nothing_or_too_much(self, promised: Story) -> None:
        with pytest.raises(InvalidInputError, match="changes nothing"):
            edit(promised)
        with pytest.raises(InvalidInputError, match="share one id"):
            edit(promised, more("3"), more("3"))
        with pytest.raises(InvalidInputError, match="no such line"):
            edit(promised, remove={"9": 1})
        with pytest.raises(InvalidInputError, match="negative"):
            edit(promised, shipping=-1)
        with pytest.raises(InvalidInputError, match="taxes change"):
            edit(promised, more("3"), line_taxes={"1": 5})
        with pytest.raises(TooManyPositionsError):
            edit(promised, *(more(f"n{each}", 1, 0) for each in range(91)))

    def test_more_positions_than_one_transaction_takes(self, story: Story) -> None:
        story.place(*(line(str(each), 1, 10) for each in range(1, 92)))
        lines = list(wanted_units(story.order))
        story.promise({"WH1": dict.fromkeys(lines[:80], 1)})
        story.promise({"WH1": dict.fromkeys(lines[80:], 1)})
        with pytest.raises(TooManyPositionsError, match="taken off"):
            edit(story, more("x"), remove=dict.fromkeys(lines, 1))
        for each in range(20):
            story.stock.receive(f"SKU-n{each}", "WH1", 1)
        added = [more(f"n{each}", 1, 0) for each in range(20)]
        plan = from_node(story, WH1={each.line_id: 1 for each in added})
        with pytest.raises(TooManyPositionsError, match="moves more"):
            edit(story, *added, remove=dict.fromkeys(lines[:80], 1), plan=plan)


class TestMoney:
    def test_more_is_on_hold_until_it_is_held(self, promised: Story) -> None:
        events = edit(promised, more("3", 2, 700))
        (edited,) = of(ev.OrderEdited, events)
        assert isinstance(edited, ev.OrderEdited)
        assert (edited.total, edited.change) == (4890, 1400)
        assert held(promised) == [(PAYMENT_DUE, ("3",))]
        assert promised.order.active_holds[0].reason == "14.00 EUR more has to be paid"
        assert uncovered(promised.order) == 1400
        assert next_step(promised.order) is NextStep.NONE
        promised.ship({"1": 2})  # what was paid goes on
        raised_to(promised, 4000)
        assert uncovered(promised.order) == 1400, "an authorization that cannot pay for it changes nothing"
        raised_to(promised, 4890)
        assert held(promised) == []
        assert next_step(promised.order) is not NextStep.NONE

    def test_a_verified_authorization_ends_the_hold_too(self, promised: Story) -> None:
        edit(promised, more("3", 2, 700))
        promised.do(cmd.RecordAuthorization(command_id=promised.id(), authorization=authorized(4890)))
        assert held(promised) == []

    def test_the_hold_ends_when_the_units_are_taken_off_again(self, promised: Story) -> None:
        edit(promised, more("3", 2, 700))
        promised.cancel({"3": 2})
        assert held(promised) == []
        edit(promised, more("4", 2, 700))
        edit(promised, remove={"4": 2})
        assert held(promised) == []

    def test_dearer_shipping_holds_the_whole_order(self, promised: Story) -> None:
        edit(promised, more("3"), shipping=990)
        assert held(promised) == [(PAYMENT_DUE, ())]

    def test_what_nobody_verified_yet_is_verified_for_the_new_price(self, story: Story) -> None:
        story.place(line("1", 1, 1000))
        edit(story, more("3", 1, 500))
        assert held(story) == []
        assert story.order.placed.total == 1500
        raised_to(story, 1000)
        assert payment_status(story.order) is PaymentStatus.DECLINED
        raised_to(story, 1500)
        assert payment_status(story.order) is PaymentStatus.AUTHORIZED

    def test_less_is_captured_than_was_held(self, promised: Story) -> None:
        edit(promised, more("3", 1, 10), remove={"1": 1}, shipping=0)
        assert promised.order.placed.total == 2010
        promised.promise()
        for number in (1, 2):
            promised.ship(number=number)
        promised.deliver_all()
        promised.settle()
        assert promised.order.payment.captured == 2010
        assert order_status(promised.order) is OrderStatus.CLOSED
        assert drift(promised.order) == 0

    def test_what_was_taken_for_the_whole_order_goes_back_in_the_same_commit(self, story: Story) -> None:
        captured_whole(story)
        events = edit(story, more("3", 1, 200), remove={"1": 1})
        (refund,) = of(ev.RefundRequested, events)
        assert isinstance(refund, ev.RefundRequested)
        assert refund.amount == 800
        story.settle()
        assert story.order.payment.captured - story.order.payment.refunded == owed(story.order) == 1200

    def test_a_dearer_edit_is_not_paid_by_what_was_given_back(self, story: Story) -> None:
        captured_whole(story)
        story.cancel({"1": 1})
        story.settle()
        assert balances(story.order).get("returns", 0) == 0
        edit(story, more("3", 1, 400))
        assert uncovered(story.order) == 400
        assert held(story) == [(PAYMENT_DUE, ("3",))]
        stands = balances(story.order)
        assert stands.get("returns", 0) == 0, "what went back was no goodwill"
        edit(story, remove={"3": 1})
        assert not story.order.payment.refunding > 1000
        assert held(story) == []

    def test_of_an_edit_that_was_not_paid_nothing_is_given_back(self, story: Story) -> None:
        captured_whole(story)
        edit(story, more("3", 1, 400))
        story.cancel({"3": 1})
        assert story.order.payment.refunding == 0
        edit(story, more("4", 1, 400))
        (refund,) = of(ev.RefundRequested, edit(story, remove={"4": 1, "1": 1}))
        assert isinstance(refund, ev.RefundRequested)
        assert refund.amount == 1000

    def test_what_gift_cards_pay_now_lets_the_authorization_go(self, story: Story) -> None:
        story.place(line("1", 1, 1000), gift_cards=600)
        story.promise()
        edit(story, more("3", 1, 500), remove={"1": 1})
        assert owed(story.order) == 0
        assert void_due(story.order)
        story.settle()
        edit(story, more("4", 1, 300))
        assert uncovered(story.order) == 200
        assert held(story) == [(PAYMENT_DUE, ("4",))]

    def test_a_whole_capture_that_comes_after_the_edit(self, story: Story) -> None:
        story.place(line("1", 2, 1000))
        story.stock.receive("SKU-3", "WH1", 9)
        edit(story, more("3", 1, 200), remove={"1": 1})
        told = AuthorizationResult(state=AuthorizationState.CAPTURED, amount=2000)
        story.promise(authorization=told)
        story.settle()
        assert story.order.payment.captured - story.order.payment.refunded == owed(story.order) == 1200

    @pytest.mark.parametrize(("currency", "shown"), [("JPY", "1400"), ("EUR", "14.00"), ("KWD", "1.400")])
    @pytest.mark.parametrize("included", [True, False])
    def test_minor_units_are_minor_units(self, story: Story, currency: str, shown: str, *, included: bool) -> None:
        story.place(line("1", 1, 1000, tax=190), currency=currency, tax_included=included)
        story.stock.receive("SKU-3", "WH1", 9)
        story.promise()
        edit(story, more("3", 1, 1400 if included else 1177, tax=223))
        tax = 0 if included else 190
        assert story.order.placed.total == 2400 + tax
        assert story.order.active_holds[0].reason.startswith(f"{shown} {currency} more")
        raised_to(story, 2400 + tax)
        story.promise()
        for number in (1, 2):
            story.ship(number=number)
        story.settle()
        stands = balances(story.order)
        assert stands["tax"] == -413
        assert stands["goods"] == -(2400 + tax - 413)
        assert drift(story.order) == 0


def captured_whole(story: Story) -> None:
    """Two units of 1000, taken at once."""
    story.place(line("1", 2, 1000))
    told = AuthorizationResult(state=AuthorizationState.CAPTURED, amount=2000)
    story.promise(authorization=told)
    story.stock.receive("SKU-3", "WH1", 9)


class TestWhereItGoes:
    def test_what_would_come_from_elsewhere_is_bound_there(self, promised: Story) -> None:
        for sku in ("SKU-1", "SKU-2"):
            promised.stock.receive(sku, "FR1", 5)
        plan = from_node(promised, FR1={"1": 2, "2": 1})
        events = edit(promised, ship_to=PARIS, addressed=True, plan=plan)
        assert [type(each) for each in events] == [ev.OrderEdited, ev.LinesReserved]
        first, second = promised.order.fulfillment_orders.values()
        assert first.status is FulfillmentOrderStatus.CANCELLED
        assert (second.node_id, second.remaining) == ("FR1", {"1": 2, "2": 1})
        assert promised.stock.available("SKU-1", "WH1") == 100
        assert promised.order.placed.ship_to == PARIS
        assert promised.order.address_key.edit_id == promised.order.edits[0].edit_id
        assert promised.order.contact_key.edit_id == ""

    def test_what_would_come_from_the_same_node_in_time_stays(self, promised: Story) -> None:
        plan = from_node(promised, WH1={"1": 2, "2": 1})
        (edited,) = edit(promised, ship_to=PARIS, plan=plan)
        assert isinstance(edited, ev.OrderEdited)
        assert not edited.freed
        (known,) = promised.order.fulfillment_orders.values()
        assert known.status is FulfillmentOrderStatus.RELEASED

    def test_what_would_come_later_is_promised_again(self, promised: Story) -> None:
        plan = from_node(promised, days=5, WH1={"1": 2, "2": 1})
        edit(promised, ship_to=PARIS, plan=plan)
        assert promised.order.promised_by == plan.promised_by
        assert promised.stock.available("SKU-1", "WH1") == 98

    def test_one_node_stays_and_another_gives_way(self, story: Story) -> None:
        story.place(line("1", 2, 1000), line("2", 1, 1000))
        for node in ("WH2", "WH3"):
            story.stock.receive("SKU-1", node, 5)
        story.promise({"WH1": {"1": 1, "2": 1}, "WH2": {"1": 1}})
        edit(story, ship_to=PARIS, plan=from_node(story, WH1={"1": 1, "2": 1}, WH3={"1": 1}))
        bound = {known.node_id: known.remaining for known in story.order.fulfillment_orders.values() if known.remaining}
        assert bound == {"WH1": {"1": 1, "2": 1}, "WH3": {"1": 1}}

    def test_without_a_plan_it_is_promised_anew(self, promised: Story) -> None:
        edit(promised, shipping_method="express")
        assert promised.order.placed.shipping_method == "express"
        assert wanted_units(promised.order) == {"1": 2, "2": 1}
        assert sum(each.ledger.at(Place.ALLOCATED) for each in promised.order.lines.values()) == 0

    def test_a_plan_that_no_longer_fits(self, promised: Story) -> None:
        with pytest.raises(InvalidTransitionError, match="since the plan"):
            edit(promised, more("3", 1, 0), plan=from_node(promised, WH1={"3": 2}))

    def test_once_a_warehouse_began_it_stays(self, promised: Story) -> None:
        first = promised.fulfillment_order(1)
        promised.do(cmd.AcceptFulfillmentOrder(command_id=promised.id(), fulfillment_order_id=first))
        with pytest.raises(InWorkError):
            edit(promised, ship_to=PARIS)

    def test_once_something_left_it_stays(self, promised: Story) -> None:
        promised.ship({"2": 1})
        with pytest.raises(InvalidTransitionError, match="has left"):
            edit(promised, ship_to=PARIS)
        with pytest.raises(InvalidTransitionError, match="first hand-over"):
            edit(promised, shipping=0)

    def test_other_taxes_there(self, story: Story) -> None:
        story.place(line("1", 2, 1000, tax=380), shipping=500, shipping_tax=95)
        story.promise()
        edit(story, ship_to=PARIS, line_taxes={"1": 400}, shipping_tax=100)
        assert story.order.placed.total == 3000
        assert held(story) == [(PAYMENT_DUE, ())]
        raised_to(story, 3000)
        story.promise()
        story.ship(number=2)
        story.deliver_all()
        story.settle()
        assert balances(story.order)["tax"] == -500
        assert drift(story.order) == 0

    def test_a_later_address_of_the_channel_counts(self, story: Story) -> None:
        story.place(line("1"), plan=IN_CHANNEL)
        state = replace(story.order, addressed_by="edt_1", placed=replace(story.order.placed, ship_to=PARIS))
        story.state = state
        newest = ev.ShipToChanged(ship_to=BERLIN)
        from oms.domain.order.evolve import evolve

        assert evolve(newest, state).addressed_by == ""


class TestWhoseMoney:
    def test_an_order_of_a_channel_is_edited_there(self, story: Story) -> None:
        story.place(line("1"), plan=IN_CHANNEL)
        with pytest.raises(EditInChannelError):
            edit(story, more("3"))

    def test_what_was_paid_elsewhere_costs_the_same(self, story: Story) -> None:
        from tests.support.builders import paid, snapshot

        story.sync(paid(snapshot(line("1", 1, 1000))), IN_CHANNEL, request_hash="h")
        with pytest.raises(EditInChannelError):
            edit(story, more("3", 1, 900), remove={"1": 1})
        edit(story, more("3", 1, 1000), remove={"1": 1})
        assert wanted_units(story.order) == {"3": 1}


def test_the_same_command_edits_once(promised: Story) -> None:
    before = len(promised.events)
    promised.count = 500
    edit(promised, more("3"), remove={"2": 1})
    promised.count = 500
    edit(promised, more("3"), remove={"2": 1})
    assert len(promised.events) == before + 2
    assert promised.order.placed.payment == STRIPE
