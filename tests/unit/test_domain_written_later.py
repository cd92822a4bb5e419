"""What the commands after placing write, compared whole: a lost field or an id made differently is seen here."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from oms.domain import ids
from oms.domain.order import commands as cmd
from oms.domain.order import events as ev
from oms.domain.order.charging import DueCapture, due_captures
from oms.domain.payment_events import PaymentEventKind, RefundState
from oms.domain.payments import AuthorizationResult, AuthorizationState
from oms.domain.tracking import ParcelStatus
from tests.support.builders import (
    T0,
    Story,
    line,
    minutes,
    snapshot,
    units_of,
)
from tests.support.money import shipped, tell, verified

ORDER = Story().order_id
FULFILLMENT = ids.fulfillment_order_id(ORDER, 1)


def one(line_id: str = "1", quantity: int = 1, node_id: str = "WH1") -> ev.NodeUnits:
    return ev.NodeUnits(line_id=line_id, sku=f"SKU-{line_id}", node_id=node_id, quantity=quantity)


class TestPromise:
    def test_units_bound_at_two_nodes_and_some_that_wait(self, story: Story) -> None:
        story.place(line("1", 4), line("2", 2, requires_shipping=False))
        story.stock.receive("SKU-1", "WH2", 1)
        events = story.promise({"WH1": {"1": 2}, "WH2": {"1": 1}}, {"1": 1})
        assert events == (
            ev.PaymentAuthorized(amount=6000),
            ev.LinesDelivered(lines=units_of({"2": 2})),
            ev.LinesReserved(
                units=(one(quantity=2), one(node_id="WH2")),
                fulfillment_orders={FULFILLMENT: "WH1", ids.fulfillment_order_id(ORDER, 2): "WH2"},
                promised_by=minutes(60 * 24 * 3),
                decision={"policy": "test"},
            ),
            ev.LinesBackordered(lines=units_of({"1": 1})),
        )

    def test_the_decision_is_kept_when_everything_waits(self, story: Story) -> None:
        story.place(line("1", 1))
        assert story.promise({}, {"1": 1})[1:] == (
            ev.LinesBackordered(lines=units_of({"1": 1}), decision={"policy": "test"}),
        )

    def test_the_next_fulfillment_order_has_the_next_number(self, story: Story) -> None:
        story.place(line("1", 2))
        story.promise({"WH1": {"1": 1}})
        (reserved,) = story.promise({"WH1": {"1": 1}})
        assert isinstance(reserved, ev.LinesReserved)
        assert reserved.fulfillment_orders == {ids.fulfillment_order_id(ORDER, 2): "WH1"}

    def test_a_payment_that_was_refused_is_all_that_is_written(self, story: Story) -> None:
        story.place(line("1", 1))
        declined = AuthorizationResult(state=AuthorizationState.DECLINED, amount=0, reason="insufficient_funds")
        assert story.promise(authorization=declined) == (ev.PaymentDeclined(reason="insufficient_funds"),)

    def test_a_refusal_without_a_reason(self, story: Story) -> None:
        story.place(line("1", 1))
        assert verified(story, AuthorizationState.DECLINED, 0) == (ev.PaymentDeclined(reason="declined"),)

    @pytest.mark.parametrize("state", [AuthorizationState.PENDING])
    def test_a_payment_that_is_under_way_is_nothing_yet(self, story: Story, state: AuthorizationState) -> None:
        story.place(line("1", 1))
        assert verified(story, state, 1000) == ()

    def test_what_the_provider_took_by_itself(self, story: Story) -> None:
        story.place(line("1", 1, 1000), line("2", 1, 300))
        story.cancel({"1": 1})
        assert tell(story, PaymentEventKind.CAPTURED, 1300) == (
            ev.PaymentCaptured(capture_id="pi_1", amount=1300),
            ev.RefundRequested(refund_id=ids.derive("rfd", ORDER, "pi_1", "captured"), amount=1000, reason="cancelled"),
        )


class TestFulfilling:
    def test_accepted(self, story: Story) -> None:
        story.place(line("1", 1))
        story.promise()
        command = cmd.AcceptFulfillmentOrder(command_id="c", fulfillment_order_id=FULFILLMENT)
        assert story.do(command) == (ev.FulfillmentOrderAccepted(fulfillment_order_id=FULFILLMENT),)

    def test_rejected(self, story: Story) -> None:
        story.place(line("1", 2), line("2", 1))
        story.promise()
        story.ship({"1": 1})
        command = cmd.RejectFulfillmentOrder(command_id="c", fulfillment_order_id=FULFILLMENT, reason="damaged")
        assert story.do(command) == (
            ev.FulfillmentOrderRejected(
                fulfillment_order_id=FULFILLMENT,
                node_id="WH1",
                reason="damaged",
                units=(one("1"), one("2")),
            ),
        )

    def test_shipped(self, story: Story) -> None:
        story.place(line("1", 2), line("2", 1))
        story.promise()
        parcels = (
            cmd.ParcelToShip(carrier="dhl", tracking_number="T1", lines=units_of({"1": 1, "2": 1})),
            cmd.ParcelToShip(carrier="ups", tracking_number="T2", lines=units_of({"1": 1})),
        )
        command = cmd.ShipFulfillmentOrder(command_id="cmd_s", fulfillment_order_id=FULFILLMENT, parcels=parcels)
        shipment = ids.derive("shp", FULFILLMENT, "cmd_s")
        assert story.do(command) == (
            ev.ShipmentShipped(
                shipment_id=shipment,
                fulfillment_order_id=FULFILLMENT,
                node_id="WH1",
                parcels=(
                    ev.ShippedParcel(
                        parcel_id=ids.derive("pcl", shipment, "T1"),
                        carrier="dhl",
                        tracking_number="T1",
                        units=(one("1"), one("2")),
                    ),
                    ev.ShippedParcel(
                        parcel_id=ids.derive("pcl", shipment, "T2"),
                        carrier="ups",
                        tracking_number="T2",
                        units=(one("1"),),
                    ),
                ),
            ),
        )

    def test_scanned(self, story: Story) -> None:
        story.place(line("1", 1))
        story.promise()
        story.ship(tracking="T1")
        (parcel,) = story.order.parcels.values()
        command = cmd.RecordTracking(
            command_id="c",
            tracking_number="T1",
            status=ParcelStatus.IN_TRANSIT,
            occurred_at=minutes(5),
            estimated_delivery_at=minutes(500),
        )
        assert story.do(command) == (
            ev.ParcelStatusChanged(
                parcel_id=parcel.parcel_id,
                status=ParcelStatus.IN_TRANSIT,
                occurred_at=minutes(5),
                estimated_delivery_at=minutes(500),
            ),
        )


class TestChanging:
    def test_held_and_released(self, story: Story) -> None:
        story.place(line("1", 1), line("2", 1))
        command = cmd.PlaceHold(command_id="c", hold_id="hld_1", kind="fraud", reason="looks odd", lines=("2",))
        assert story.do(command) == (ev.HoldPlaced(hold_id="hld_1", kind="fraud", reason="looks odd", lines=("2",)),)
        assert story.hold(hold_id="hld_1") == ()
        assert story.release() == (ev.HoldReleased(hold_id="hld_1"),)
        assert story.release() == ()

    def test_screened(self, story: Story) -> None:
        story.sync(snapshot(line("1"), line("2")), unknown_skus=frozenset({"SKU-1", "SKU-2"}))
        story.hold(hold_id="hld_a", kind="manual")
        command = cmd.ScreenOrder(
            command_id="c",
            holds=(
                ev.HoldPlaced(hold_id="hld_a", kind="fraud", reason="again"),
                ev.HoldPlaced(hold_id="hld_b", kind="fraud", reason="a large order"),
            ),
            known_skus=frozenset({"SKU-1"}),
        )
        assert story.do(command) == (
            ev.HoldPlaced(hold_id="hld_b", kind="fraud", reason="a large order"),
            ev.HoldReleased(hold_id=ids.derive("hld", "unknown_sku", "1")),
        )

    def test_cancelled_with_the_refund_of_what_was_paid(self, story: Story) -> None:
        story.place(line("1", 3), line("2", 2))
        tell(story, PaymentEventKind.CAPTURED, 5000)
        story.promise({"WH1": {"1": 2}})
        command = cmd.CancelLines(command_id="cmd_c", reason="changed my mind", lines=units_of({"1": 2, "2": 1}))
        assert story.do(command) == (
            ev.LinesCancelled(
                lines=units_of({"1": 2, "2": 1}),
                origin="oms",
                reason="changed my mind",
                freed=(one("1"),),
                fulfillment_orders=(FULFILLMENT,),
            ),
            ev.RefundRequested(
                refund_id=ids.derive("rfd", ORDER, "cmd_c"), amount=3000, reason="cancelled", origin="oms"
            ),
        )

    def test_one_line_named_twice_is_cancelled_twice(self, story: Story) -> None:
        story.place(line("1", 3))
        unit = ev.LineUnits(line_id="1", quantity=1)
        (event,) = story.do(cmd.CancelLines(command_id="c", reason="", lines=(unit, unit)))
        assert isinstance(event, ev.LinesCancelled)
        assert event.lines == units_of({"1": 2})


class TestMoney:
    def test_a_capture_for_a_shipment_is_written_once(self, story: Story) -> None:
        story.place(line("1", 1))
        command = cmd.RecordCapture(command_id="c1", shipment_id="shp_1", capture_id="ch_1", amount=1000)
        assert story.do(command) == (ev.PaymentCaptured(capture_id="ch_1", amount=1000, shipment_id="shp_1"),)
        assert story.do(replace(command, command_id="c2", amount=7)) == ()

    def test_captures_that_are_due(self, story: Story) -> None:
        story.place(line("1", 3, 1000), shipping=490, gift_cards=600)
        story.promise()
        story.ship({"1": 1})
        story.ship({"1": 1})
        first, second = story.order.handovers
        assert due_captures(story.order) == (
            DueCapture(shipment_id=first, amount=890, final=False),
            DueCapture(shipment_id=second, amount=1000, final=False),
        )
        story.ship({"1": 1})
        assert [(due.amount, due.final) for due in due_captures(story.order)] == [
            (890, False),
            (1000, False),
            (1000, True),
        ]

    def test_a_void(self, story: Story) -> None:
        story.place(line("1", 1))
        assert story.do(cmd.RecordVoid(command_id="c1")) == (ev.PaymentVoided(),)
        assert story.do(cmd.RecordVoid(command_id="c2")) == ()

    def test_a_refund_with_units_that_came_back(self, story: Story) -> None:
        shipped(story, line("1", 2), line("2", 1))
        lines = units_of({"1": 1, "2": 1})
        back = ev.Disposition.RESTOCK
        command = cmd.RequestRefund(command_id="cmd_r", reason="torn", lines=lines, disposition=back)
        refund_id = ids.derive("rfd", ORDER, "cmd_r")
        assert story.do(command) == (
            ev.RefundRequested(refund_id=refund_id, amount=2000, reason="torn", lines=units_of({"1": 1, "2": 1})),
            ev.LinesReturned(units=(one("1"), one("2")), refund_id=refund_id),
        )

    def test_a_refund_of_nothing_is_done_at_once(self, story: Story) -> None:
        shipped(story, line("1", 1, 0), line("2", 1))
        refund_id = ids.derive("rfd", ORDER, "cmd_r")
        assert story.do(cmd.RequestRefund(command_id="cmd_r", reason="", lines=units_of({"1": 1}))) == (
            ev.RefundRequested(refund_id=refund_id, amount=0, lines=units_of({"1": 1})),
            ev.RefundSucceeded(refund_id=refund_id),
        )

    def test_the_providers_answer_to_a_refund(self, story: Story) -> None:
        shipped(story, line("1", 1))
        for amount in (1, 2, 3, 4):
            story.refund(amount=amount)
        one, two, three, four = story.order.payment.refunds
        submitted = ev.RefundSubmitted(refund_id=one, refund_ref=f"re_{one}")
        assert story.refund_outcome(one, "submitted") == (submitted,)
        assert story.refund_outcome(one, "submitted") == ()
        done = ev.RefundSucceeded(refund_id=two, refund_ref=f"re_{two}")
        assert story.refund_outcome(two, "succeeded") == (done,)
        assert story.refund_outcome(two, "succeeded") == ()
        failed = ev.RefundFailed(refund_id=three, reason="expired card")
        assert story.refund_outcome(three, "failed", "expired card") == (failed,)
        assert story.refund_outcome(four, "failed") == (ev.RefundFailed(refund_id=four, reason="failed"),)
        assert story.refund_outcome(four, "succeeded") == ()

    @pytest.mark.parametrize(
        ("state", "reason", "last"),
        [
            (None, "", ["RefundSubmitted"]),
            (RefundState.PENDING, "", ["RefundSubmitted"]),
            (RefundState.REQUIRES_ACTION, "", ["RefundSubmitted"]),
            (RefundState.SUCCEEDED, "", ["RefundSucceeded"]),
            (RefundState.FAILED, "", ["RefundSubmitted", "RefundFailed"]),
            (RefundState.CANCELLED, "fraud", ["RefundSubmitted", "RefundFailed"]),
            (RefundState.REVERSED, "", ["RefundSubmitted", "RefundFailed"]),
        ],
    )
    def test_a_refund_made_at_the_provider(
        self, story: Story, state: RefundState | None, reason: str, last: list[str]
    ) -> None:
        shipped(story, line("1", 1))
        first, *rest = tell(story, PaymentEventKind.REFUND, 400, refund_ref="re_9", refund_state=state, reason=reason)
        refund_id = ids.derive("rfd", ORDER, "re_9")
        assert first == ev.RefundRequested(refund_id=refund_id, amount=400, reason=reason, origin="provider")
        made = {
            "RefundSubmitted": ev.RefundSubmitted(refund_id=refund_id, refund_ref="re_9"),
            "RefundSucceeded": ev.RefundSucceeded(refund_id=refund_id, refund_ref="re_9"),
            "RefundFailed": ev.RefundFailed(refund_id=refund_id, reason=reason or "failed"),
        }
        assert rest == [made[name] for name in last]

    def test_the_providers_word_on_a_payment(self, story: Story) -> None:
        story.place(line("1", 1))
        assert tell(story, PaymentEventKind.FAILED, reason="card_declined") == (
            ev.PaymentDeclined(reason="card_declined"),
        )
        ends = T0 + timedelta(days=7)
        assert tell(story, PaymentEventKind.AUTHORIZED, 1200) == (ev.PaymentAuthorized(amount=1200, expires_at=ends),)
        assert tell(story, PaymentEventKind.OTHER, 1200) == ()
        assert tell(story, PaymentEventKind.REFUND_TOTAL, 1200) == ()
        assert tell(story, PaymentEventKind.VOIDED) == (ev.PaymentVoided(),)
