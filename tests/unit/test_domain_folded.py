"""What an order remembers of its events, compared whole."""

from __future__ import annotations

from dataclasses import replace

from oms.domain import ids
from oms.domain.canonical import ChannelRefund, PaymentState, RefundedLine, Restock
from oms.domain.order import commands as cmd
from oms.domain.order import events as ev
from oms.domain.order.evolve import evolve, fold, place
from oms.domain.order.ledger import LineLedger
from oms.domain.order.state import (
    FulfillmentOrder,
    FulfillmentOrderStatus,
    Hold,
    Line,
    Order,
    Parcel,
    Payment,
    Refund,
    RefundStatus,
)
from oms.domain.order.tenders import Tendered
from oms.domain.tracking import ParcelStatus
from tests.support.builders import IN_CHANNEL, PARIS, Story, line, minutes, paid, snapshot, units_of
from tests.support.money import shipped

DUE = minutes(60 * 24 * 3)
ORDER = Story().order_id
FULFILLMENT = ids.fulfillment_order_id(ORDER, 1)


def bound(node_id: str, order: int, **units: int) -> ev.LinesReserved:
    parts = tuple(
        ev.NodeUnits(line_id=name.removeprefix("line"), sku="S", node_id=node_id, quantity=count)
        for name, count in units.items()
    )
    return ev.LinesReserved(units=parts, fulfillment_orders={f"ful_{order}": node_id}, promised_by=minutes(order * 100))


def placed(*lines: tuple[str, int]) -> Order:
    story = Story()
    story.place(*(line(ref, units) for ref, units in lines))
    return story.order


def folded(order: Order, *events: ev.OrderEvent) -> Order:
    after = fold(order.order_id, events, order)
    assert after is not None
    return after


def test_an_order_as_it_begins() -> None:
    event = placed(("1", 2)).placed
    (known,) = event.lines
    assert place(ORDER, event) == Order(
        order_id=ORDER,
        placed=event,
        lines={"1": Line(placed=known, ledger=LineLedger(ordered=2, open=2))},
        payment=Payment(tenders=(Tendered(number=1, provider="stripe", reference="pi_1", amount=2000),)),
    )


def test_a_fold_goes_on_from_where_it_was() -> None:
    story = Story()
    story.place(line("1", 2))
    story.promise()
    story.ship()
    assert fold(ORDER, story.events) == fold(ORDER, story.events[2:], fold(ORDER, story.events[:2])) == story.order
    assert fold(ORDER, []) is None
    assert fold(ORDER, [], story.order) == story.order


def test_what_the_channel_says() -> None:
    order = placed(("1", 1))
    told = folded(
        order,
        ev.ChannelRevisionSeen(revision=minutes(3), digest="d"),
        ev.ChannelPaymentReported(state=PaymentState.PAID, captured=7),
        ev.ShipToChanged(ship_to=PARIS),
    )
    assert told == replace(
        order,
        revision=(minutes(3), "d"),
        payment=replace(order.payment, channel_state=PaymentState.PAID, captured=7),
        placed=replace(order.placed, ship_to=PARIS),
    )


def test_holds() -> None:
    held = folded(
        placed(("1", 1)),
        ev.HoldPlaced(hold_id="a", kind="fraud", reason="odd", lines=("1",)),
        ev.HoldPlaced(hold_id="b", kind="manual"),
        ev.HoldReleased(hold_id="a"),
    )
    first = Hold(hold_id="a", kind="fraud", reason="odd", lines=("1",), active=False)
    second = Hold(hold_id="b", kind="manual", reason="", lines=())
    assert held.holds == {"a": first, "b": second}
    assert held.active_holds == (second,)


def summed(order: Order) -> Payment:
    """The payment as it is over all tenders; those themselves are in `test_domain_tenders`."""
    return replace(order.payment, tenders=())


def test_the_money_that_a_provider_holds_and_takes() -> None:
    order = placed(("1", 1))
    declined = folded(order, ev.PaymentDeclined(reason="card"))
    assert summed(declined) == Payment(declined="card")
    held = folded(declined, ev.PaymentAuthorized(amount=50))
    assert summed(held) == Payment(authorized=50)
    taken = folded(
        folded(held, ev.PaymentDeclined(reason="late")),
        ev.PaymentCaptured(capture_id="c1", amount=20, shipment_id="s1"),
        ev.PaymentCaptured(capture_id="c2", amount=25, shipment_id="s1"),
    )
    assert summed(taken) == Payment(authorized=50, captured=45, captures={"s1": 45})
    more = folded(taken, ev.PaymentCaptured(capture_id="c3", amount=10))
    assert summed(more) == Payment(authorized=55, captured=55, captures={"s1": 45, "": 10})
    assert summed(folded(held, ev.PaymentVoided())) == Payment(authorized=50, voided=True)


def test_units_are_taken_from_the_open_ones_first() -> None:
    order = folded(placed(("1", 5)), ev.LinesBackordered(lines=units_of({"1": 3})))
    assert order.lines["1"].ledger == LineLedger(ordered=5, open=2, backordered=3)
    after = folded(order, bound("WH1", 1, line1=3))
    assert after.lines["1"].ledger == LineLedger(ordered=5, backordered=2, allocated=3)
    assert folded(order, bound("WH1", 1, line1=2)).lines["1"].ledger == LineLedger(
        ordered=5, backordered=3, allocated=2
    )


def test_fulfillment_orders_and_the_latest_date() -> None:
    first = folded(placed(("1", 3), ("2", 1)), bound("WH1", 2, line1=1, line2=1))
    known = FulfillmentOrder(
        fulfillment_order_id="ful_2",
        node_id="WH1",
        status=FulfillmentOrderStatus.RELEASED,
        remaining={"1": 1, "2": 1},
        promised_by=minutes(200),
    )
    assert (first.fulfillment_orders, first.promised_by) == ({"ful_2": known}, minutes(200))
    second = folded(first, bound("WH2", 1, line1=1))
    assert second.promised_by == minutes(200), "an earlier date does not make it earlier"
    assert second.fulfillment_orders["ful_1"].promised_by == minutes(100)
    third = folded(second, replace(bound("WH1", 3, line1=1), fulfillment_orders={"ful_2": "WH1"}))
    assert third.fulfillment_orders["ful_2"] == replace(known, remaining={"1": 2, "2": 1})
    assert third.promised_by == minutes(300)
    accepted = folded(first, ev.FulfillmentOrderAccepted(fulfillment_order_id="ful_2"))
    assert accepted.fulfillment_orders["ful_2"] == replace(known, status=FulfillmentOrderStatus.ACCEPTED)


def test_a_rejection() -> None:
    story = Story()
    story.place(line("1", 3), line("2", 1))
    story.promise()
    before = story.order.fulfillment_orders[FULFILLMENT]
    story.do(cmd.RejectFulfillmentOrder(command_id="c", fulfillment_order_id=FULFILLMENT, reason="no_capacity"))
    assert story.order.fulfillment_orders == {
        FULFILLMENT: replace(before, status=FulfillmentOrderStatus.REJECTED, remaining={})
    }
    assert [each.ledger.open for each in story.order.lines.values()] == [3, 1]
    story.promise({"WH1": {"1": 3, "2": 1}})
    second = ids.fulfillment_order_id(ORDER, 2)
    story.do(cmd.RejectFulfillmentOrder(command_id="d", fulfillment_order_id=second, reason="damaged"))
    assert story.order.rejected_nodes == ("WH1", "WH1")


def test_parcels_and_what_was_handed_over() -> None:
    story = Story()
    story.place(line("1", 3), line("2", 1))
    story.promise()
    parcels = (
        cmd.ParcelToShip(carrier="dhl", tracking_number="T1", lines=units_of({"1": 1, "2": 1})),
        cmd.ParcelToShip(carrier="ups", tracking_number="T2", lines=units_of({"1": 1})),
    )
    story.do(cmd.ShipFulfillmentOrder(command_id="s", fulfillment_order_id=FULFILLMENT, parcels=parcels))
    shipment = ids.derive("shp", FULFILLMENT, "s")
    first, second = story.order.parcels.values()
    assert first == Parcel(
        parcel_id=ids.derive("pcl", shipment, "T1"),
        shipment_id=shipment,
        carrier="dhl",
        tracking_number="T1",
        units=(
            ev.NodeUnits(line_id="1", sku="SKU-1", node_id="WH1", quantity=1),
            ev.NodeUnits(line_id="2", sku="SKU-2", node_id="WH1", quantity=1),
        ),
    )
    assert list(story.order.parcels) == [first.parcel_id, second.parcel_id]
    assert story.order.handovers == {shipment: {"1": 2, "2": 1}}
    known = story.order.fulfillment_orders[FULFILLMENT]
    assert (known.remaining, known.status, known.shipments) == (
        {"1": 1},
        FulfillmentOrderStatus.RELEASED,
        (shipment,),
    )
    story.ship(tracking="T3")
    known = story.order.fulfillment_orders[FULFILLMENT]
    assert (known.remaining, known.status, len(known.shipments)) == ({}, FulfillmentOrderStatus.SHIPPED, 2)
    assert list(story.order.handovers.values()) == [{"1": 2, "2": 1}, {"1": 1}]


def test_scans() -> None:
    story = Story()
    story.place(line("1", 2), line("2", 1))
    story.promise()
    story.ship(tracking="T")
    (parcel,) = story.order.parcels.values()
    on_its_way = ev.ParcelStatusChanged(
        parcel_id=parcel.parcel_id,
        status=ParcelStatus.IN_TRANSIT,
        occurred_at=minutes(5),
        estimated_delivery_at=minutes(90),
    )
    moving = evolve(on_its_way, story.order)
    assert moving.parcels == {
        parcel.parcel_id: replace(
            parcel,
            status=ParcelStatus.IN_TRANSIT,
            status_at=minutes(5),
            estimated_delivery_at=minutes(90),
        )
    }
    assert moving.lines == story.order.lines
    arrived = replace(on_its_way, status=ParcelStatus.DELIVERED, occurred_at=minutes(80), estimated_delivery_at=None)
    there = evolve(arrived, moving)
    (after,) = there.parcels.values()
    assert after.estimated_delivery_at == minutes(90), "what was estimated is not forgotten"
    assert [each.ledger.delivered for each in there.lines.values()] == [2, 1]
    assert evolve(arrived, there).lines == there.lines


def test_what_needs_no_shipping_is_handed_over_each_time_under_its_own_name() -> None:
    order = placed(("1", 3))
    once = folded(order, ev.LinesDelivered(lines=units_of({"1": 1})))
    assert once.handovers == {"digital": {"1": 1}}
    thrice = folded(once, *(ev.LinesDelivered(lines=units_of({"1": 1})) for _ in range(2)))
    assert thrice.handovers == {"digital": {"1": 1}, "digital-2": {"1": 1}, "digital-3": {"1": 1}}
    assert thrice.lines["1"].ledger == LineLedger(ordered=3, delivered=3)


def test_cancelled_units_leave_their_fulfillment_order() -> None:
    story = Story()
    story.place(line("1", 3), line("2", 1))
    story.promise()
    story.cancel({"1": 1})
    known = story.order.fulfillment_orders[FULFILLMENT]
    assert (known.remaining, known.status) == ({"1": 2, "2": 1}, FulfillmentOrderStatus.RELEASED)
    story.cancel({"2": 1})
    assert story.order.fulfillment_orders[FULFILLMENT].remaining == {"1": 2}
    story.cancel()
    known = story.order.fulfillment_orders[FULFILLMENT]
    assert (known.remaining, known.status) == ({}, FulfillmentOrderStatus.CANCELLED)
    assert story.order.lines["1"].ledger == LineLedger(ordered=3, cancelled=3)


def test_cancelled_units_of_one_line_bound_at_two_nodes() -> None:
    story = Story()
    story.place(line("1", 4))
    story.stock.receive("SKU-1", "WH2", 9)
    story.promise({"WH1": {"1": 1}, "WH2": {"1": 2}})
    story.cancel({"1": 4})
    assert story.order.lines["1"].ledger == LineLedger(ordered=4, cancelled=4)
    assert [each.status for each in story.order.fulfillment_orders.values()] == [FulfillmentOrderStatus.CANCELLED] * 2


def test_conflicts_add_up() -> None:
    event = ev.ChannelCancelConflicted(lines=units_of({"1": 1}))
    assert folded(placed(("1", 3), ("2", 1)), event, event).lines["1"].conflicted == 2


def test_units_that_came_back_are_those_that_were_delivered_first() -> None:
    story = Story()
    story.place(line("1", 3), plan=IN_CHANNEL)
    story.promise()
    story.ship({"1": 1}, tracking="T1")
    story.ship({"1": 2}, tracking="T2")
    story.track("T1")
    back = ev.NodeUnits(line_id="1", sku="SKU-1", node_id="WH1", quantity=2)
    after = evolve(ev.LinesReturned(units=(back,)), story.order)
    assert after.lines["1"].ledger == LineLedger(ordered=3, shipped=1, returned=2)


class TestRefunds:
    def requested(self) -> Story:
        story = shipped(Story(), line("1", 3, 334, discount=2), line("2", 1))
        story.do(cmd.RequestRefund(command_id="r", reason="torn", lines=units_of({"1": 2, "2": 1})))
        return story

    def test_asked_for(self) -> None:
        story = self.requested()
        (refund,) = story.order.payment.refunds.values()
        assert refund == Refund(
            refund_id=ids.derive("rfd", ORDER, "r"),
            amount=334 + 333 + 1000,
            status=RefundStatus.REQUESTED,
            reason="torn",
            lines={"1": 2, "2": 1},
            dear={"1": 1, "2": 0},
        )
        assert [each.refunded for each in story.order.lines.values()] == [2, 1]
        assert (story.order.payment.refunding, story.order.payment.refunded) == (1667, 0)

    def test_taken_by_the_provider_and_done(self) -> None:
        story = self.requested()
        (asked,) = story.order.payment.refunds.values()
        story.refund_outcome(asked.refund_id, "submitted")
        (submitted,) = story.order.payment.refunds.values()
        reference = f"re_{asked.refund_id}"
        assert submitted == replace(asked, status=RefundStatus.SUBMITTED, refund_ref=reference)
        assert submitted.open
        done = evolve(ev.RefundSucceeded(refund_id=asked.refund_id), story.order)
        assert done.payment.refunds[asked.refund_id] == replace(submitted, status=RefundStatus.SUCCEEDED)
        assert done.payment.refunded == 1667

    def test_failed(self) -> None:
        story = self.requested()
        (asked,) = story.order.payment.refunds.values()
        story.refund_outcome(asked.refund_id, "failed")
        (failed,) = story.order.payment.refunds.values()
        assert failed == replace(asked, status=RefundStatus.FAILED)
        assert not failed.counts
        assert [each.refunded for each in story.order.lines.values()] == [0, 0]

    def test_told_by_the_channel_with_its_units(self) -> None:
        story = Story()
        story.place(line("1", 4), plan=IN_CHANNEL)
        story.promise()
        story.ship({"1": 1})
        parts = (
            RefundedLine(line_ref="1", quantity=1, restock=Restock.RETURN),
            RefundedLine(line_ref="1", quantity=2, restock=Restock.CANCEL),
        )
        refund = ChannelRefund(refund_ref="r1", amount=3000, lines=parts, reason="all of it")
        story.do(cmd.RecordChannelRefund(command_id="c", refund=refund))
        (known,) = story.order.payment.refunds.values()
        assert known == Refund(
            refund_id=ids.derive("rfd", ORDER, "r1"),
            amount=3000,
            status=RefundStatus.SUCCEEDED,
            reason="all of it",
            refund_ref="r1",
            origin="channel",
            removed={"1": 2},
            returned={"1": 1},
        )
        assert story.order.lines["1"].ledger == LineLedger(ordered=4, allocated=1, cancelled=2, returned=1)


def test_a_line_is_held_by_its_own_hold_and_by_one_of_the_order() -> None:
    story = Story()
    story.sync(paid(snapshot(line("1"), line("2"))))
    story.hold("2", hold_id="a")
    assert (story.order.line_held("1"), story.order.line_held("2")) == (False, True)
    story.hold(hold_id="b")
    assert story.order.line_held("1")
    story.release("b")
    assert not story.order.line_held("1")
