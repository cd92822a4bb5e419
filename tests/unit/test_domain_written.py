"""What each command writes, compared whole: a field that gets lost or an id made of something else is seen here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from oms.domain import ids
from oms.domain.canonical import ChannelPayment, ChannelRefund, PaymentState, RefundedLine, Restock
from oms.domain.order import commands as cmd
from oms.domain.order import events as ev
from tests.support.builders import (
    BERLIN,
    IN_CHANNEL,
    PARIS,
    STRIPE,
    Story,
    line,
    minutes,
    paid,
    snapshot,
    sync_command,
    units_of,
)

ORDER = Story().order_id
FULFILLMENT = ids.fulfillment_order_id(ORDER, 1)


def one(line_id: str = "1", quantity: int = 1, node_id: str = "WH1") -> ev.NodeUnits:
    return ev.NodeUnits(line_id=line_id, sku=f"SKU-{line_id}", node_id=node_id, quantity=quantity)


class TestPlacing:
    def test_everything_that_the_snapshot_says(self, story: Story) -> None:
        each = line("7", 3, 999, discount=100, tax=361, title="Shirt", sku="S-7", cancelled=1, requires_shipping=False)
        order = snapshot(
            each,
            shipping=490,
            shipping_tax=93,
            fees=50,
            fee_tax=9,
            tips=20,
            duties=30,
            gift_cards=40,
            shipping_method="express",
            placed_at=minutes(-5),
        )
        placed, cancelled = story.sync(order, STRIPE, customer_id="cus_1", request_hash="h1")
        assert placed == ev.OrderPlaced(
            channel="shopify",
            account="shop-1",
            external_id="1001",
            number="#1001",
            placed_at=minutes(-5),
            currency="EUR",
            total=999 * 3 - 100 + 361 + 490 + 93 + 50 + 9 + 20 + 30,
            lines=(
                ev.PlacedLine(
                    line_id="7",
                    sku="S-7",
                    quantity=3,
                    unit_price=999,
                    discount=100,
                    tax=361,
                    title="Shirt",
                    requires_shipping=False,
                ),
            ),
            payment=STRIPE,
            shipping=490,
            shipping_tax=93,
            fees=50,
            fee_tax=9,
            tips=20,
            duties=30,
            gift_cards=40,
            ship_to=BERLIN,
            shipping_method="express",
            customer_id="cus_1",
            request_hash="h1",
        )
        assert cancelled == ev.LinesCancelled(
            lines=units_of({"7": 1}), origin="channel", reason="removed in the channel"
        )

    def test_prices_with_their_tax_inside(self, story: Story) -> None:
        (placed, *_) = story.sync(snapshot(line(tax=160), tax_included=True))
        assert isinstance(placed, ev.OrderPlaced)
        assert (placed.tax_included, placed.total) == (True, 1000)

    def test_the_snapshot_itself_is_noted_unless_it_came_by_our_own_api(self, story: Story) -> None:
        seen = ev.ChannelRevisionSeen(revision=minutes(3), digest="d1")
        assert story.sync(snapshot(revision=3), digest="d1")[-1] == seen
        assert story.order.revision == (minutes(3), "d1")
        by_api = Story().sync(snapshot(), STRIPE, request_hash="h")
        assert [type(each) for each in by_api] == [ev.OrderPlaced]

    def test_a_line_of_unknown_sku(self, story: Story) -> None:
        events = story.sync(snapshot(line("1"), line("2")), unknown_skus=frozenset({"SKU-2"}))
        assert events[1] == ev.HoldPlaced(
            hold_id=ids.derive("hld", "unknown_sku", "2"),
            kind="unknown_sku",
            reason="unknown SKU SKU-2",
            lines=("2",),
        )

    def test_the_payment_that_the_channel_tells(self, story: Story) -> None:
        order = snapshot(payment=ChannelPayment(state=PaymentState.AUTHORIZED))
        told = ev.ChannelPaymentReported(state=PaymentState.AUTHORIZED, captured=0)
        assert story.sync(order)[1] == told
        assert story.sync(paid(replace(order, revision=minutes(1))))[0] == ev.ChannelPaymentReported(
            state=PaymentState.PAID, captured=1000
        )
        more = replace(order, revision=minutes(2), payment=ChannelPayment(state=PaymentState.PAID, captured=900))
        assert [type(each) for each in story.sync(more)] == [ev.ChannelRevisionSeen], "captured only grows"

    def test_what_our_provider_holds_is_not_the_channels(self, story: Story) -> None:
        events = story.sync(paid(snapshot()), STRIPE)
        assert not [each for each in events if isinstance(each, ev.ChannelPaymentReported)]


class TestLaterSnapshots:
    def test_a_whole_cancellation(self, story: Story) -> None:
        story.sync(snapshot(line("1", 2), line("2", 1)))
        gone = snapshot(line("1", 2), line("2", 1), cancelled=True, cancel_reason="customer", revision=1)
        assert story.sync(gone, digest="d")[:-1] == (
            ev.LinesCancelled(lines=units_of({"1": 2, "2": 1}), origin="channel", reason="customer"),
        )

    def test_a_cancellation_too_late_is_a_conflict_of_what_has_left(self, story: Story) -> None:
        story.place(line("1", 3), line("2", 1), plan=IN_CHANNEL)
        story.promise()
        story.ship({"1": 2})
        gone = paid(snapshot(line("1", 3), line("2", 1), cancelled=True, cancel_reason="fraud", revision=1))
        assert story.sync(gone)[:-1] == (
            ev.LinesCancelled(
                lines=units_of({"1": 1, "2": 1}),
                origin="channel",
                reason="fraud",
                freed=(one("1"), one("2")),
                fulfillment_orders=(FULFILLMENT, FULFILLMENT),
            ),
            ev.ChannelCancelConflicted(lines=units_of({"1": 2})),
        )

    def test_a_new_address(self, story: Story) -> None:
        story.sync(snapshot())
        assert story.sync(snapshot(ship_to=PARIS, revision=1))[:-1] == (ev.ShipToChanged(ship_to=PARIS),)

    def test_an_edit_and_its_end(self, story: Story) -> None:
        story.sync(snapshot(line("1", 1)))
        # Units that the channel has cancelled since are not among those it added.
        edited = snapshot(line("2", 5, cancelled=1), line("1", 3), revision=1)
        (fact,) = story.sync(edited)[:-1]
        assert fact == ev.OrderEdited(
            edit_id=ids.derive("edt", story.order_id, sync_command(edited).digest),
            origin="channel",
            total=7000,
            change=6000,
            added=(
                ev.PlacedLine(line_id="2", sku="SKU-2", quantity=4, unit_price=1000),
                ev.PlacedLine(line_id="1+1", sku="SKU-1", quantity=2, unit_price=1000, adds_to="1"),
            ),
        )
        (back,) = story.sync(snapshot(line("1", 1), revision=2))[:-1]
        assert back == ev.LinesCancelled(
            lines=units_of({"1+1": 2, "2": 4}), origin="channel", reason="removed in the channel"
        )

    def test_an_edit_of_an_order_at_its_end(self, story: Story) -> None:
        story.sync(snapshot(line("1", 1), cancelled=True))
        first, second = (ids.derive("hld", "channel_edit", f"1:{units}") for units in (2, 3))
        assert story.sync(snapshot(line("1", 2), revision=1))[:-1] == (
            ev.HoldPlaced(hold_id=first, kind="channel_edit", reason="lines added in the channel: ['1']"),
        )
        assert story.sync(snapshot(line("1", 3), revision=2))[:-1] == (
            ev.HoldReleased(hold_id=first),
            ev.HoldPlaced(hold_id=second, kind="channel_edit", reason="lines added in the channel: ['1']"),
        )

    def test_the_channels_own_hold(self, story: Story) -> None:
        story.sync(snapshot())
        hold_id = ids.derive("hld", "channel_hold", "2026-03-01T12:01:00+00:00")
        assert story.sync(snapshot(on_hold="fraud check", revision=1))[:-1] == (
            ev.HoldPlaced(hold_id=hold_id, kind="channel_hold", reason="fraud check"),
        )
        assert story.sync(snapshot(on_hold="still", revision=2))[:-1] == ()
        assert story.sync(snapshot(revision=3))[:-1] == (ev.HoldReleased(hold_id=hold_id),)


class TestChannelRefund:
    def told(self, story: Story, amount: int, restock: Restock, **fields: Any) -> tuple[ev.OrderEvent, ...]:
        part = RefundedLine(line_ref="1", quantity=1, restock=restock)
        refund = ChannelRefund(refund_ref="r1", amount=amount, lines=(part,), reason="torn", **fields)
        return story.do(cmd.RecordChannelRefund(command_id=story.id("refund"), refund=refund, currency="EUR"))

    def test_of_a_unit_that_never_left(self, story: Story) -> None:
        story.place(line("1", 2), plan=IN_CHANNEL)
        story.promise()
        refund_id = ids.derive("rfd", ORDER, "r1")
        assert self.told(story, 1000, Restock.CANCEL) == (
            ev.RefundRequested(refund_id=refund_id, amount=1000, reason="torn", origin="channel"),
            ev.RefundSucceeded(refund_id=refund_id, refund_ref="r1", removed=units_of({"1": 1})),
            ev.LinesCancelled(
                lines=units_of({"1": 1}),
                origin="channel",
                reason="torn",
                freed=(one(),),
                fulfillment_orders=(FULFILLMENT,),
            ),
        )

    def test_of_a_unit_that_came_back(self, story: Story) -> None:
        story.place(line("1", 2), plan=IN_CHANNEL)
        story.promise()
        story.ship()
        refund_id = ids.derive("rfd", ORDER, "r1")
        assert self.told(story, 1000, Restock.RETURN) == (
            ev.RefundRequested(refund_id=refund_id, amount=1000, reason="torn", origin="channel"),
            ev.RefundSucceeded(refund_id=refund_id, refund_ref="r1", returned=units_of({"1": 1})),
            ev.LinesReturned(units=(one(),), refund_id=refund_id),
        )

    def test_that_completes_a_request_of_ours(self, story: Story) -> None:
        story.place(line("1", 2), plan=IN_CHANNEL)
        (requested,) = [each for each in story.cancel({"1": 1}) if isinstance(each, ev.RefundRequested)]
        assert self.told(story, 1000, Restock.CANCEL) == (
            ev.RefundSucceeded(refund_id=requested.refund_id, refund_ref="r1", removed=units_of({"1": 1})),
        )

    def test_that_displaces_the_newest_requests_of_ours(self, story: Story) -> None:
        story.place(line("1", 4), plan=IN_CHANNEL)
        first, second = (story.refund(amount=amount)[0] for amount in (1500, 1400))
        assert isinstance(first, ev.RefundRequested)
        assert isinstance(second, ev.RefundRequested)
        events = self.told(story, 2500, Restock.NONE)
        assert events[0] == ev.RefundFailed(refund_id=second.refund_id, reason="refunded in the channel")
        assert [type(each) for each in events[1:3]] == [ev.RefundRequested, ev.RefundSucceeded]
