from __future__ import annotations

from dataclasses import replace

import pytest

from oms.domain.canonical import ChannelPayment, ChannelRefund, PaymentState, RefundedLine, Restock
from oms.domain.errors import (
    CurrencyMismatchError,
    IdempotencyKeyReusedError,
    OrderNotFoundError,
    RefundBeforePaymentError,
)
from oms.domain.order import commands as cmd
from oms.domain.order import dispute_commands, exchange_commands, tender_commands
from oms.domain.order import events as ev
from oms.domain.order import return_commands as ret
from oms.domain.order.changing import UNKNOWN_SKU
from oms.domain.order.channel_edits import CHANNEL_EDIT
from oms.domain.order.decider import _HANDLERS, decide
from oms.domain.order.edit_commands import EditOrder
from oms.domain.order.ledger import Place
from oms.domain.order.placing import CHANNEL_HOLD
from oms.domain.order.state import RefundStatus
from oms.domain.order.status import OrderStatus, Stage, order_status, payment_cleared, stage, units_at
from tests.support.builders import IN_CHANNEL, PARIS, STRIPE, Story, line, minutes, paid, snapshot, sync_command

THREE = paid(snapshot(line("1", 3), line("2", 1)))


def of_type(events: tuple[object, ...], *kinds: type) -> list[object]:
    return [each for each in events if isinstance(each, kinds)]


def refund(amount: int, ref: str = "r1", restock: Restock = Restock.CANCEL, **units: int) -> ChannelRefund:
    lines = tuple(
        RefundedLine(line_ref=ref.removeprefix("line"), quantity=count, restock=restock) for ref, count in units.items()
    )
    return ChannelRefund(refund_ref=ref, amount=amount, lines=lines)


def refund_apart(story: Story, told: ChannelRefund) -> tuple[ev.OrderEvent, ...]:
    return story.do(cmd.RecordChannelRefund(command_id=story.id("refund"), refund=told))


def test_every_command_is_handled() -> None:
    commands = {
        each
        for module in (cmd, dispute_commands, exchange_commands, ret, tender_commands)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, cmd.Command) and each is not cmd.Command
    }
    assert commands | {EditOrder} == {*_HANDLERS, cmd.SyncOrder}


def test_only_a_snapshot_may_begin_an_order() -> None:
    with pytest.raises(OrderNotFoundError) as caught:
        decide("ord_1", None, cmd.RecordVoid(command_id="c"))
    assert caught.value.retryable


def test_the_snapshot_is_kept_as_it_was_placed(story: Story) -> None:
    placed, *_ = story.sync(snapshot(line("1", 2, 999, discount=98, tax=300, title="Shirt"), shipping=490, tips=10))
    assert isinstance(placed, ev.OrderPlaced)
    assert placed.total == 1900 + 300 + 490 + 10
    assert placed.lines[0] == ev.PlacedLine(
        line_id="1", sku="SKU-1", quantity=2, unit_price=999, discount=98, tax=300, title="Shirt"
    )


def test_a_line_of_unknown_sku_holds_itself_and_no_other(story: Story) -> None:
    story.sync(THREE, unknown_skus=frozenset({"SKU-2"}))
    (hold,) = story.order.active_holds
    assert (hold.kind, hold.lines) == (UNKNOWN_SKU, ("2",))
    assert story.order.line_held("2")
    assert not story.order.line_held("1")


def test_unknown_skus_that_became_known_go_on(story: Story) -> None:
    story.sync(THREE, unknown_skus=frozenset({"SKU-1", "SKU-2"}))
    story.do(cmd.ScreenOrder(command_id=story.id(), known_skus=frozenset({"SKU-2"})))
    assert [hold.lines for hold in story.order.active_holds] == [("1",)]


class TestIdempotencyKey:
    def test_the_same_request_again_changes_nothing(self, story: Story) -> None:
        story.sync(snapshot(), STRIPE, request_hash="h1")
        assert story.sync(snapshot(), STRIPE, request_hash="h1") == ()

    def test_another_request_under_the_key_is_refused(self, story: Story) -> None:
        story.sync(snapshot(), STRIPE, request_hash="h1")
        with pytest.raises(IdempotencyKeyReusedError):
            story.sync(snapshot(line("1", 2)), STRIPE, request_hash="h2")

    def test_an_order_of_the_own_site_that_was_paid_elsewhere_is_paid(self, story: Story) -> None:
        """It has no later snapshot: what the first does not say is never known."""
        story.sync(THREE, IN_CHANNEL, request_hash="h1")
        assert payment_cleared(story.order)
        assert story.order.payment.captured == THREE.total


class TestCancellation:
    def test_units_the_channel_removed_are_cancelled_once(self, story: Story) -> None:
        story.sync(THREE)
        removed = replace(THREE, revision=minutes(1), lines=(replace(THREE.lines[0], cancelled=2), THREE.lines[1]))
        (cancelled,) = of_type(story.sync(removed), ev.LinesCancelled)
        assert isinstance(cancelled, ev.LinesCancelled)
        assert cancelled.lines == (ev.LineUnits(line_id="1", quantity=2),)
        assert not of_type(story.sync(replace(removed, revision=minutes(2))), ev.LinesCancelled)

    def test_fewer_units_in_the_newest_snapshot_are_a_cancellation(self, story: Story) -> None:
        """Some channels (Amazon, edits in WooCommerce) tell of it only by the quantity."""
        story.sync(THREE)
        story.sync(snapshot(line("1", 1), line("2", 1), revision=1))
        assert story.order.lines["1"].ledger.live == 1

    def test_fewer_units_in_an_older_snapshot_are_none(self, story: Story) -> None:
        story.sync(replace(THREE, revision=minutes(5)))
        story.sync(snapshot(line("1", 1), revision=1))
        assert units_at(story.order, Place.CANCELLED) == 0

    def test_units_added_and_then_cancelled_do_not_take_away_those_we_know(self, story: Story) -> None:
        story.sync(snapshot(line("1", 1)))
        story.sync(snapshot(line("1", 5, cancelled=4), revision=1))
        assert story.order.lines["1"].ledger.live == 1
        assert not story.order.active_holds

    def test_a_whole_cancellation_after_hand_over_is_a_conflict(self, story: Story) -> None:
        story.place(line("1", 3), plan=IN_CHANNEL)
        story.promise()
        story.ship({"1": 2})
        story.sync(replace(paid(snapshot(line("1", 3))), revision=minutes(1), cancelled=True))
        assert (story.order.lines["1"].ledger.cancelled, story.order.lines["1"].conflicted) == (1, 2)
        again = story.sync(replace(paid(snapshot(line("1", 3))), revision=minutes(2), cancelled=True))
        assert not of_type(again, ev.LinesCancelled, ev.ChannelCancelConflicted)

    def test_a_unit_that_came_back_needs_nobody(self, story: Story) -> None:
        story.place(line("1", 2), plan=IN_CHANNEL)
        story.promise()
        story.ship({"1": 1})
        story.refund({"1": 1}, restock=True)
        story.sync(replace(paid(snapshot(line("1", 2))), revision=minutes(1), cancelled=True))
        assert (story.order.lines["1"].ledger.cancelled, story.order.lines["1"].conflicted) == (1, 0)


class TestPayment:
    def test_a_snapshot_in_another_currency_is_refused_when_it_tells_of_money(self, story: Story) -> None:
        story.sync(snapshot())
        with pytest.raises(CurrencyMismatchError):
            story.sync(paid(snapshot(currency="JPY", revision=1)))
        story.sync(snapshot(currency="JPY", revision=2, cancelled=True))
        assert order_status(story.order) is OrderStatus.CANCELLED

    @pytest.mark.parametrize("state", [PaymentState.PENDING, PaymentState.FAILED, PaymentState.VOIDED])
    def test_a_capture_is_kept_whatever_state_comes_with_it(self, story: Story, state: PaymentState) -> None:
        story.sync(snapshot(payment=ChannelPayment(state=state)))
        story.sync(snapshot(payment=ChannelPayment(state=PaymentState.PENDING, captured=1000), revision=1))
        assert (story.order.payment.channel_state, story.order.payment.captured) == (state, 1000)

    @pytest.mark.parametrize("state", [PaymentState.REFUNDED, PaymentState.VOIDED, PaymentState.FAILED])
    def test_goods_are_not_promised_on_money_that_went_back(self, story: Story, state: PaymentState) -> None:
        story.sync(snapshot(payment=ChannelPayment(state=state, captured=1000)))
        assert not payment_cleared(story.order)
        assert story.promise() == ()


class TestHold:
    def test_the_channels_hold_stops_the_order_until_the_channel_clears_it(self, story: Story) -> None:
        story.sync(replace(THREE, on_hold="fraud"))
        assert [hold.kind for hold in story.order.active_holds] == [CHANNEL_HOLD]
        assert stage(story.order) is Stage.ON_HOLD
        story.sync(replace(THREE, revision=minutes(1)))
        assert not story.order.active_holds

    def test_each_edit_holds_an_order_at_its_end_once_and_the_next_one_again(self, story: Story) -> None:
        self.at_its_end(story)
        story.sync(paid(snapshot(line("1", 2), revision=1)))
        (hold,) = story.order.active_holds
        assert hold.kind == CHANNEL_EDIT
        story.release(hold.hold_id)
        story.sync(paid(snapshot(line("1", 2), tips=1, revision=2)))
        assert not story.order.active_holds, "a person has seen this edit"
        story.sync(paid(snapshot(line("1", 3), revision=3)))
        assert [each.kind for each in story.order.active_holds] == [CHANNEL_EDIT]

    def test_an_edit_that_the_channel_takes_back_holds_no_longer(self, story: Story) -> None:
        self.at_its_end(story)
        story.sync(paid(snapshot(line("1", 1), line("2", 1), revision=1)))
        assert story.order.active_holds
        story.sync(paid(snapshot(line("1", 1), revision=2)))
        assert not story.order.active_holds

    @staticmethod
    def at_its_end(story: Story) -> None:
        story.place(line("1", 1), plan=IN_CHANNEL)
        story.promise()
        story.ship()
        story.deliver_all()
        assert order_status(story.order) is OrderStatus.CLOSED


class TestDestination:
    def test_it_changes_until_something_has_left(self, story: Story) -> None:
        story.place(line("1", 2), plan=IN_CHANNEL)
        story.sync(replace(paid(snapshot(line("1", 2))), revision=minutes(1), ship_to=PARIS))
        assert story.order.placed.ship_to == PARIS
        story.promise()
        story.ship({"1": 1})
        story.sync(replace(paid(snapshot(line("1", 2))), revision=minutes(2)))
        assert story.order.placed.ship_to == PARIS

    def test_an_older_snapshot_gives_the_address_that_the_newest_lacks(self, story: Story) -> None:
        story.sync(snapshot(ship_to=None, revision=5))
        story.sync(snapshot(ship_to=PARIS, revision=1))
        assert story.order.placed.ship_to == PARIS


class TestRefund:
    def test_it_is_booked_once_by_its_reference(self, story: Story) -> None:
        story.sync(THREE)
        refund_apart(story, refund(1000, line1=1))
        assert refund_apart(story, refund(1000, line1=1)) == ()
        assert story.order.payment.refunded == 1000
        assert story.order.lines["1"].ledger.cancelled == 1

    def test_before_its_payment_it_waits(self, story: Story) -> None:
        story.sync(snapshot(line("1", 3)))
        with pytest.raises(RefundBeforePaymentError) as caught:
            refund_apart(story, refund(1000, line1=1))
        assert caught.value.retryable

    def test_it_completes_the_request_of_ours_for_the_same_amount(self, story: Story) -> None:
        story.sync(THREE)
        story.cancel({"1": 1})
        (ours,) = story.order.payment.refunds.values()
        assert (ours.status, ours.amount) == (RefundStatus.REQUESTED, 1000)
        refund_apart(story, refund(1000, line1=1))
        (ours,) = story.order.payment.refunds.values()
        assert (ours.status, ours.refund_ref) == (RefundStatus.SUCCEEDED, "r1")
        assert story.order.lines["1"].ledger.cancelled == 1, "the unit that we cancelled is the one it speaks of"

    def test_of_another_amount_it_stands_alone_and_still_cancels_no_second_unit(self, story: Story) -> None:
        story.sync(THREE)
        story.cancel({"1": 1})
        refund_apart(story, refund(950, line1=1))
        assert story.order.payment.refunded == 950
        assert story.order.lines["1"].ledger.cancelled == 1

    def test_it_displaces_a_request_of_ours_that_no_longer_fits(self, story: Story) -> None:
        story.sync(THREE)
        story.refund(amount=3000)
        refund_apart(story, refund(2500))
        ours, theirs = story.order.payment.refunds.values()
        assert (ours.status, theirs.status) == (RefundStatus.FAILED, RefundStatus.SUCCEEDED)
        assert story.order.payment.refunding == 2500

    def test_it_leaves_a_request_of_ours_that_fits_beside_it(self, story: Story) -> None:
        story.sync(THREE)
        story.refund(amount=1000)
        refund_apart(story, refund(2500))
        assert [each.counts for each in story.order.payment.refunds.values()] == [True, True]

    @pytest.mark.parametrize("parts", [1, 2])
    def test_units_that_came_back_are_on_hand_once(self, story: Story, parts: int) -> None:
        """A refund may name one line in several entries."""
        story.place(line("1", 3), plan=IN_CHANNEL, stock=10)
        story.promise()
        story.ship({"1": 1})
        told = refund(1000, restock=Restock.RETURN, line1=1)
        refund_apart(story, replace(told, lines=told.lines * parts))
        assert story.order.lines["1"].ledger.returned == 1
        assert story.order.lines["1"].ledger.cancelled == parts - 1, "what never left is not coming back: it stays here"
        assert story.stock.of[("SKU-1", "WH1")].on_hand == 10

    def test_what_we_restocked_is_not_restocked_again_by_the_channels_word_on_it(self, story: Story) -> None:
        story.place(line("1", 2), plan=IN_CHANNEL, stock=10)
        story.promise()
        story.ship()
        story.refund({"1": 1}, restock=True)
        refund_apart(story, refund(1000, restock=Restock.RETURN, line1=1))
        assert story.order.lines["1"].ledger.returned == 1
        assert story.stock.of[("SKU-1", "WH1")].on_hand == 9

    def test_money_for_a_line_of_which_something_left_cancels_nothing(self, story: Story) -> None:
        story.place(line("1", 3), plan=IN_CHANNEL)
        story.promise()
        story.ship({"1": 1})
        refund_apart(story, refund(1000, restock=Restock.NONE, line1=1))
        assert units_at(story.order, Place.CANCELLED) == units_at(story.order, Place.RETURNED) == 0

    def test_lines_that_the_order_does_not_have_are_passed_over(self, story: Story) -> None:
        story.sync(THREE)
        refund_apart(story, refund(1000, line9=1))
        assert story.order.payment.refunded == 1000


def test_the_command_id_does_not_decide_what_a_snapshot_changes() -> None:
    one = decide("ord_1", None, sync_command(THREE, command_id="a"))
    assert one == decide("ord_1", None, sync_command(THREE, command_id="b"))
