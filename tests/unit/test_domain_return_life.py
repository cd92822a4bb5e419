"""A return's life: asked for, approved, on its way, received, looked at, settled; and what each step moves."""

from __future__ import annotations

from typing import Any

import pytest

from oms.domain.canonical import ChannelRefund, RefundedLine, Restock
from oms.domain.errors import (
    InvalidInputError,
    InvalidTransitionError,
    NotReturnableError,
    RefundExceedsCapturedError,
    ReturnExceedsShippedError,
    ReturnNotFoundError,
    ReturnWindowClosedError,
)
from oms.domain.order import commands as cmd
from oms.domain.order import return_commands as ret
from oms.domain.order import return_facts as rf
from oms.domain.order.charging import due_captures
from oms.domain.order.events import LinesReturned, PaymentPlan
from oms.domain.order.payment_facts import Tender
from oms.domain.order.return_state import ReturnStatus, refunds_of, returnable, to_expire
from oms.domain.order.status import NextStep, next_step
from oms.domain.order.summary import REST_PATIENCE, due_at
from oms.domain.order.tenders import capture_key
from oms.domain.payments import AuthorizationResult, AuthorizationState
from oms.domain.serials import Serial
from oms.domain.tracking import ParcelStatus
from tests.support.builders import IN_CHANNEL, Story, line, minutes, snapshot, units_of
from tests.support.money import shipped
from tests.support.returns import DAY, LATER, Returning, rule, rules, unit

R = ReturnStatus


@pytest.fixture
def back(story: Story) -> Returning:
    """Three units of line 1 and one of line 2, worth 10.00 and 5.01 each, delivered."""
    shipped(story, line("1", 3, 1000), line("2", 1, 501), shipping=495)
    story.deliver_all()
    return Returning(story)


class TestLife:
    def test_from_asking_to_settled_in_the_commit_that_looks_at_it(self, back: Returning) -> None:
        known = back.ask({"1": 2})
        assert (known.status, known.approved, known.number) == (R.APPROVED, True, "#1001-R1")
        back.label()
        back.scan()
        assert back.last.coming
        back.receive("WH2")
        assert back.refunds() == []
        events = back.inspect(unit("1", 2))
        assert [type(each).__name__ for each in events] == [
            *("ReturnInspected", "LinesReturned", "ReturnCredited", "RefundRequested", "ReturnSettled")
        ]
        assert back.last.status is R.SETTLED
        assert back.refunds() == [2000]
        assert back.story.stock.available("SKU-1", "WH2") == 2, "at the node that has it, not the one that shipped it"
        assert back.story.order.lines["1"].ledger.returned == 2

    def test_its_money_is_the_step_of_returns_and_then_there_is_none(self, back: Returning) -> None:
        back.ask()
        back.inspect(unit())
        assert next_step(back.story.order) is NextStep.RETURN
        back.story.settle()
        assert next_step(back.story.order) is NextStep.NONE

    def test_looking_at_it_receives_it(self, back: Returning) -> None:
        back.ask()
        names = [type(each).__name__ for each in back.inspect(unit())]
        assert names[:2] == ["ReturnReceived", "ReturnInspected"]

    def test_units_are_looked_at_bit_by_bit(self, back: Returning) -> None:
        back.ask({"1": 2, "2": 1})
        back.inspect(unit("1"))
        assert (back.last.status, back.refunds()) == (R.RECEIVED, [1000])
        back.inspect(unit("1", disposition="scrap"), unit("2"))
        assert (back.last.status, back.refunds()) == (R.SETTLED, [1000, 1501])
        assert back.story.stock.available("SKU-1", "WH2") == 1

    @pytest.mark.parametrize(
        ("disposition", "on_hand", "available", "qc", "damaged"),
        [
            ("restock", 1, 1, 0, 0),
            ("refurbish", 1, 0, 1, 0),
            ("qc", 1, 0, 1, 0),
            ("damaged", 1, 0, 0, 1),
            ("scrap", 0, 0, 0, 0),
            ("vendor", 0, 0, 0, 0),
        ],
    )
    def test_what_becomes_of_it(
        self, back: Returning, disposition: str, on_hand: int, available: int, qc: int, damaged: int
    ) -> None:
        back.ask()
        back.inspect(unit(disposition=disposition))
        at = back.story.stock.of.get(("SKU-1", "WH2"))
        found = (at.on_hand, at.available, at.qc, at.damaged) if at else (0, 0, 0, 0)
        assert found == (on_hand, available, qc, damaged)
        assert back.refunds() == [1000]

    def test_a_person_decides_on_what_is_damaged(self, back: Returning) -> None:
        back.ask({"1": 2})
        back.inspect(unit("1"), unit("1", condition="damaged", disposition="damaged"))
        assert (back.last.status, back.refunds()) == (R.INSPECTED, [1000])
        assert due_at(back.story.order, minutes(LATER)) is not None
        back.settle({"1": 1}, amount=400)
        assert (back.last.status, back.refunds(), back.last.fees) == (R.SETTLED, [1000, 400], 600)

    @pytest.mark.parametrize("condition", ["missing", "wrong_item"])
    def test_what_is_not_there_is_neither_stock_nor_money(self, back: Returning, condition: str) -> None:
        back.ask({"1": 2})
        events = back.inspect(unit("1", 2, condition))
        assert not any(isinstance(each, LinesReturned) for each in events)
        assert (back.last.status, back.refunds()) == (R.INSPECTED, [])
        back.settle()
        assert (back.last.status, back.refunds()) == (R.SETTLED, [])
        assert returnable(back.story.order) == {"1": 3, "2": 1}, "it may turn up"

    def test_the_last_look_says_that_the_rest_is_missing(self, back: Returning) -> None:
        back.ask({"1": 3})
        back.inspect(unit("1", 2), last=True)
        assert (back.last.status, back.last.lines["1"].doubtful, back.refunds()) == (R.INSPECTED, 1, [2000])

    def test_which_units_they_are_stays_known(self, story: Story) -> None:
        back = Returning(story)
        story.place(line("1", 2, 1000))
        story.promise()
        parcel = cmd.ParcelToShip(
            carrier="dhl",
            tracking_number="T",
            lines=units_of({"1": 2}),
            serials=(("1", (Serial("SKU-1", "a"), Serial("SKU-1", "b"))),),
        )
        story.do(
            cmd.ShipFulfillmentOrder(command_id="s", fulfillment_order_id=story.fulfillment_order(), parcels=(parcel,))
        )
        story.settle()
        back.ask()
        back.inspect(unit(), serials=(("1", (Serial("", "b"),)),))
        assert story.order.lines["1"].serials == (Serial("SKU-1", "a"),)

    def test_serials_of_nothing_that_came_are_refused(self, back: Returning) -> None:
        back.ask()
        with pytest.raises(InvalidInputError):
            back.inspect(unit(condition="missing"), serials=(("1", (Serial("", "b"),)),))


class TestRefusals:
    @pytest.mark.parametrize(("lines", "left"), [({"1": 4}, 3), ({"2": 2}, 1)])
    def test_more_than_shipped(self, back: Returning, lines: dict[str, int], left: int) -> None:
        with pytest.raises(ReturnExceedsShippedError) as refused:
            back.ask(lines)
        assert refused.value.context["returnable"] == left

    def test_units_of_another_return_or_that_are_back(self, back: Returning) -> None:
        back.ask({"1": 2})
        with pytest.raises(ReturnExceedsShippedError):
            back.ask({"1": 2})
        back.inspect(unit("1", 2))
        with pytest.raises(ReturnExceedsShippedError):
            back.ask({"1": 2})
        back.ask({"1": 1})

    def test_what_has_not_left(self, story: Story) -> None:
        story.place(line("1", 1))
        with pytest.raises(ReturnExceedsShippedError):
            Returning(story).ask()

    def test_what_was_provided_without_shipping(self, story: Story) -> None:
        story.place(line("1", 1, requires_shipping=False))
        story.promise({}, {})
        with pytest.raises((ReturnExceedsShippedError, InvalidInputError)):
            Returning(story).ask()

    @pytest.mark.parametrize("lines", [{"9": 1}, {"1": 0}, {"1": -1}, {}])
    def test_no_such_units(self, back: Returning, lines: dict[str, int]) -> None:
        asked = tuple(ret.AskedLine(line_id=each, quantity=units, reason="size") for each, units in lines.items())
        command = ret.RequestReturn(command_id="c", lines=asked, at=minutes(LATER), rules=rules(), categories={})
        with pytest.raises(InvalidInputError):
            back.story.do(command)

    def test_no_such_reason(self, back: Returning) -> None:
        with pytest.raises(InvalidInputError):
            back.ask(reason="because")
        back.ask(reason="because", rules=rules(reasons=["because"]))

    def test_after_the_window(self, back: Returning) -> None:
        end = 1000 + 30 * DAY
        with pytest.raises(ReturnWindowClosedError) as refused:
            back.ask(at=end + 1)
        assert refused.value.context == {"window_days": 30, "line": "1", "rule": "built-in", "version": 0}
        back.ask(at=end)

    def test_a_person_may_allow_it_all_the_same(self, back: Returning) -> None:
        known = back.ask(at=10**6, override=True)
        assert (known.status, known.approved) == (R.APPROVED, True)

    @pytest.mark.parametrize("kind", ["never", "final_sale"])
    def test_what_a_rule_excludes(self, back: Returning, kind: str) -> None:
        final = rule("sale", {"skus": ["SKU-1"]}, returnable=kind)
        with pytest.raises(NotReturnableError) as refused:
            back.ask(rules=rules(final))
        assert refused.value.context == {"why": kind, "line": "1", "rule": "sale", "version": 7}
        back.ask({"2": 1}, rules=rules(final))

    def test_an_exchange_where_a_rule_allows_none(self, back: Returning) -> None:
        only = rules(rule(resolutions=["refund"]))
        with pytest.raises(NotReturnableError):
            back.ask(rules=only, resolution=rf.Resolution.EXCHANGE)

    def test_no_such_return(self, back: Returning) -> None:
        for command in (
            ret.ApproveReturn(command_id="a", return_id="rma_x", at=minutes(0)),
            ret.ReceiveReturn(command_id="b", return_id="rma_x", node_id="WH1"),
        ):
            with pytest.raises(ReturnNotFoundError):
                back.story.do(command)

    def test_more_than_is_left_of_it(self, back: Returning) -> None:
        back.ask({"1": 2})
        with pytest.raises(InvalidTransitionError):
            back.inspect(unit("1", 2), unit("1", 1))

    @pytest.mark.parametrize(
        "line_of",
        [
            rf.InspectedUnits(line_id="1", quantity=1),
            rf.InspectedUnits(line_id="1", quantity=1, condition=rf.Condition.MISSING, disposition=unit().disposition),
            rf.InspectedUnits(line_id="2", quantity=1, disposition=unit().disposition),
            rf.InspectedUnits(line_id="1", quantity=0, disposition=unit().disposition),
        ],
    )
    def test_what_makes_no_sense(self, back: Returning, line_of: Any) -> None:
        back.ask()
        with pytest.raises(InvalidInputError):
            back.inspect(line_of)

    def test_an_ended_one_goes_nowhere(self, back: Returning) -> None:
        back.ask()
        back.inspect(unit())
        for again in (back.receive, back.label, back.settle):
            with pytest.raises(InvalidTransitionError):
                again()
        with pytest.raises(InvalidTransitionError):
            back.inspect(unit())

    def test_a_person_pays_no_more_than_it_is_worth(self, back: Returning) -> None:
        back.ask()
        back.inspect(unit(condition="missing"))
        for amount in (1001, -1):
            with pytest.raises(RefundExceedsCapturedError):
                back.settle({"1": 1}, amount=amount)
        with pytest.raises(InvalidInputError):
            back.settle({"1": 2})
        back.settle({"1": 1})
        assert back.refunds() == [1000]


class TestApproval:
    def test_a_rule_may_ask_a_person(self, back: Returning) -> None:
        known = back.ask(rules=rules(rule(approve="ask")))
        assert (known.status, known.terms.ask) == (R.REQUESTED, "rule")
        assert due_at(back.story.order, minutes(LATER)) == minutes(LATER) + REST_PATIENCE
        command = ret.ApproveReturn(command_id="a", return_id=known.return_id, at=minutes(LATER))
        back.story.do(command)
        assert back.last.status is R.APPROVED

    @pytest.mark.parametrize(("units", "status"), [(1, R.APPROVED), (2, R.REQUESTED)])
    def test_so_may_an_amount(self, back: Returning, units: int, status: ReturnStatus) -> None:
        assert back.ask({"1": units}, rules=rules(rule(approve_below={"EUR": 1500}))).status is status

    def test_rejected_it_binds_nothing(self, back: Returning) -> None:
        known = back.ask({"1": 3}, rules=rules(rule(approve="ask")))
        back.story.do(ret.RejectReturn(command_id="r", return_id=known.return_id, reason="worn"))
        assert back.last.status is R.REJECTED
        assert returnable(back.story.order)["1"] == 3

    def test_cancelled_it_binds_nothing(self, back: Returning) -> None:
        known = back.ask({"1": 3})
        back.story.do(ret.CancelReturn(command_id="r", return_id=known.return_id))
        assert (back.last.status, returnable(back.story.order)["1"]) == (R.CANCELLED, 3)

    def test_what_was_not_sent_in_time_expires(self, back: Returning) -> None:
        known = back.ask(rules=rules(rule(send_within_days=14)))
        ends = minutes(LATER + 14 * DAY)
        assert known.expires_at == ends == due_at(back.story.order, minutes(LATER))
        back.story.settle()
        assert to_expire(back.story.order, minutes(LATER + 14 * DAY - 1)) == ()
        back.story.do(ret.ExpireReturns(command_id="e", at=ends))
        assert (back.last.status, returnable(back.story.order)["1"]) == (R.EXPIRED, 3)
        assert due_at(back.story.order, ends) is None


class TestMoneyBeforeGoods:
    def test_with_the_first_scan_that_says_it_moves(self, back: Returning) -> None:
        back.ask({"1": 2}, rules=rules(rule(refund_at="scan", fee={"amounts": {"EUR": 300}})))
        back.label()
        back.scan(ParcelStatus.PRE_TRANSIT)
        assert back.refunds() == []
        back.scan()
        back.scan(ParcelStatus.DELIVERED)
        assert back.refunds() == [1700]
        back.inspect(unit("1", 2))
        assert (back.refunds(), back.last.status) == ([1700], R.SETTLED), "once"

    def test_paid_for_and_never_sent_it_is_overdue_and_a_person_ends_it(self, back: Returning) -> None:
        back.ask(rules=rules(rule(refund_at="approval", send_within_days=10)))
        assert back.refunds() == [1000]
        back.story.settle()
        late = minutes(LATER + 11 * DAY)
        assert to_expire(back.story.order, late) == ()
        assert due_at(back.story.order, late) == late + REST_PATIENCE
        with pytest.raises(InvalidTransitionError):
            back.story.do(ret.CancelReturn(command_id="c", return_id=back.last.return_id))
        back.settle()
        assert (back.last.status, back.refunds()) == (R.SETTLED, [1000])

    def test_with_its_receipt(self, back: Returning) -> None:
        back.ask(rules=rules(rule(refund_at="receipt")))
        back.receive()
        assert back.refunds() == [1000]

    def test_what_is_not_worth_sending_is_kept(self, back: Returning) -> None:
        terms = rules(rule(keep_below={"EUR": 600}))
        known = back.ask({"2": 1}, rules=terms)
        assert (known.status, back.refunds()) == (R.SETTLED, [501])
        assert back.story.order.lines["2"].ledger.returned == 0
        assert returnable(back.story.order)["2"] == 0, "it was paid for"
        assert back.ask({"1": 1}, rules=terms).status is R.APPROVED

    def test_paid_for_and_damaged_a_person_only_ends_it(self, back: Returning) -> None:
        back.ask(rules=rules(rule(refund_at="approval")))
        back.inspect(unit(condition="damaged", disposition="scrap"))
        assert back.last.status is R.INSPECTED
        with pytest.raises(InvalidInputError):
            back.settle({"1": 1})
        back.settle()
        assert back.refunds() == [1000]

    def test_an_exchange_pays_nothing_by_itself(self, back: Returning) -> None:
        back.ask(resolution=rf.Resolution.EXCHANGE, rules=rules(rule(refund_at="approval")))
        back.inspect(unit())
        assert (back.last.status, back.refunds()) == (R.INSPECTED, [])
        back.settle({"1": 1})
        assert back.refunds() == [1000]


class TestMoney:
    @pytest.mark.parametrize(
        ("fee", "units", "refund"),
        [
            ({"percent": 10}, 1, 900),
            ({"percent": 0.05}, 1, 999),  # 0.5 rounds up: the fee is 1
            ({"percent": 0.04}, 1, 1000),
            ({"amounts": {"EUR": 299}}, 3, 2701),
            ({"amounts": {"USD": 299}}, 3, 3000),
            ({"percent": 10, "amounts": {"EUR": 299}}, 2, 1501),
            ({"percent": 100}, 2, 0),
            ({"amounts": {"EUR": 5000}}, 1, 0),
        ],
    )
    def test_less_the_fee(self, back: Returning, fee: dict[str, Any], units: int, refund: int) -> None:
        back.ask({"1": units}, rules=rules(rule(fee=fee)))
        back.inspect(unit("1", units))
        assert back.refunds() == [refund]
        assert back.last.fees == units * 1000 - refund
        assert back.last.status is R.SETTLED

    def test_the_fee_by_reason(self, back: Returning) -> None:
        both = rules(rule("faulty", {"reasons": ["defective"]}, shipping=True), rule(fee={"amounts": {"EUR": 100}}))
        back.ask({"1": 1}, reason="defective", rules=both)
        back.inspect(unit())
        back.ask({"1": 1}, rules=both)
        back.inspect(unit())
        assert back.refunds() == [1000, 900]

    def test_the_flat_fee_once_however_many_looks(self, back: Returning) -> None:
        back.ask({"1": 2}, rules=rules(rule(fee={"amounts": {"EUR": 100}})))
        back.inspect(unit("1"))
        back.inspect(unit("1"))
        assert back.refunds() == [900, 1000]

    def test_shipping_goes_back_when_everything_does_and_the_rule_says_so(self, back: Returning) -> None:
        terms = rules(rule(shipping=True))
        back.ask({"1": 3}, rules=terms)
        back.inspect(unit("1", 3))
        assert back.refunds() == [3000]
        back.ask({"2": 1}, rules=terms)
        back.inspect(unit("2", 1))
        assert back.refunds() == [3000, 501, 495]
        assert back.last.shipping == 495
        back.story.settle()
        assert next_step(back.story.order) is NextStep.NONE

    def test_units_whose_price_went_back_are_not_paid_again(self, back: Returning) -> None:
        back.story.refund({"1": 2})
        back.ask({"1": 3})
        back.inspect(unit("1", 3))
        assert back.refunds() == [2000, 1000]
        assert back.last.withheld == 0

    def test_what_was_given_without_naming_units_counts(self, back: Returning) -> None:
        back.story.refund(amount=700)
        back.ask({"1": 1})
        back.inspect(unit("1", 1))
        assert back.refunds() == [700, 300]
        assert back.last.withheld == 700

    def test_what_gift_cards_paid_is_not_given_back_to_another_tender(self, story: Story) -> None:
        shipped(story, line("1", 1, 1000), gift_cards=400)
        back = Returning(story)
        back.ask()
        back.inspect(unit())
        assert (back.refunds(), back.last.withheld) == ([600], 400)

    def test_parts_of_a_line_sum_to_what_it_cost(self, story: Story) -> None:
        shipped(story, line("1", 3, 1000, discount=1000))
        back = Returning(story)
        for _ in range(3):
            back.ask()
            back.inspect(unit())
        assert sorted(back.refunds()) == [666, 667, 667]


class TestSeveralTenders:
    def test_each_gives_back_its_part_in_one_commit(self, story: Story) -> None:
        paid = (
            Tender(provider="stripe", reference="pi_1", amount=600),
            Tender(provider="paypal", reference="PP2", amount=1400),
        )
        story.stock.receive("SKU-1", "WH1", 10)
        story.sync(snapshot(line("1", 2, 1000)), PaymentPlan(provider="stripe", reference="pi_1"), tenders=paid)
        for number, tender in enumerate(paid, start=1):
            result = AuthorizationResult(state=AuthorizationState.AUTHORIZED, amount=tender.amount)
            story.do(cmd.RecordAuthorization(command_id=story.id(), authorization=result, tender=number))
        story.promise(authorization=None)
        story.ship()
        for due in due_captures(story.order):
            story.do(
                cmd.RecordCapture(
                    command_id=story.id("capture"),
                    shipment_id=capture_key(due.shipment_id, due.tender),
                    capture_id=f"ch_{due.tender}",
                    amount=due.amount,
                )
            )
        assert story.order.payment.captured == 2000
        back = Returning(story)
        back.ask()
        back.inspect(unit())
        known = back.last
        assert sorted(each.amount for each in refunds_of(story.order, known)) == [400, 600]
        assert next_step(story.order) is NextStep.RETURN
        assert (known.status, known.withheld) == (R.SETTLED, 0)


class TestByTheNode:
    def arrives(self, back: Returning, **changes: Any) -> Any:
        return back.ask(origin="node", node_id="WH3", **changes)

    def test_it_came_without_having_been_asked_for_and_the_rules_allow_it(self, back: Returning) -> None:
        assert self.arrives(back).status is R.RECEIVED
        assert back.last.node_id == "WH3"
        back.inspect(unit(), node="WH3")
        assert (back.last.status, back.refunds()) == (R.SETTLED, [1000])

    def test_what_they_do_not_allow_waits_for_a_person(self, back: Returning) -> None:
        known = self.arrives(back, at=10**6)
        assert (known.status, known.approved, known.terms.ask) == (R.RECEIVED, False, "return_window_closed")
        back.inspect(unit(), node="WH3")
        assert (back.last.status, back.refunds()) == (R.INSPECTED, [])
        back.settle({"1": 1})
        assert back.refunds() == [1000]

    def test_nothing_that_is_here_is_kept_by_the_customer(self, back: Returning) -> None:
        assert self.arrives(back, rules=rules(rule(keep_below={"EUR": 10**6}))).status is R.RECEIVED

    def test_approved_once_it_is_here(self, back: Returning) -> None:
        known = self.arrives(back, rules=rules(rule(approve="ask", refund_at="scan")))
        assert back.refunds() == []
        back.story.do(ret.ApproveReturn(command_id="a", return_id=known.return_id, at=minutes(LATER)))
        assert (back.last.status, back.refunds()) == (R.RECEIVED, [1000])


class TestWithTheChannel:
    @pytest.fixture
    def sold(self, story: Story) -> Returning:
        story.place(line("1", 3, 1000), plan=IN_CHANNEL)
        story.promise()
        story.ship()
        story.deliver_all()
        return Returning(story)

    def told(self, back: Returning, ref: str, units: int, restock: Restock = Restock.RETURN) -> tuple[Any, ...]:
        part = RefundedLine(line_ref="1", quantity=units, restock=restock)
        refund = ChannelRefund(refund_ref=ref, amount=1000 * units, lines=(part,))
        return back.story.do(cmd.RecordChannelRefund(command_id=back.story.id("refund"), refund=refund))

    def test_units_that_its_refund_took_back_end_the_return(self, sold: Returning) -> None:
        sold.ask({"1": 3})
        self.told(sold, "r1", 2)
        assert (sold.last.status, sold.last.lines["1"].quantity) == (R.APPROVED, 1)
        self.told(sold, "r2", 1)
        assert sold.last.status is R.CANCELLED
        assert sold.story.order.lines["1"].ledger.returned == 3

    def test_it_goes_on_for_what_is_left(self, sold: Returning) -> None:
        sold.ask({"1": 3})
        self.told(sold, "r1", 2)
        sold.inspect(unit("1", 1))
        assert (sold.last.status, sold.refunds()) == (R.SETTLED, [2000, 1000])

    def test_a_refund_without_the_goods_is_not_paid_again(self, sold: Returning) -> None:
        sold.ask({"1": 1})
        self.told(sold, "r1", 1, Restock.NONE)
        sold.inspect(unit("1", 1))
        assert (sold.refunds(), sold.last.withheld, sold.last.status) == ([1000, 0], 1000, R.SETTLED)

    def test_the_channel_carries_out_ours_and_nothing_comes_back_twice(self, sold: Returning) -> None:
        sold.ask({"1": 1})
        sold.inspect(unit("1", 1))
        self.told(sold, "r1", 1)
        assert sold.refunds() == [1000]
        assert sold.story.order.lines["1"].ledger.returned == 1
        assert sold.story.order.payment.refunded == 1000

    def test_what_was_looked_at_is_settled_when_the_rest_came_back_otherwise(self, sold: Returning) -> None:
        sold.ask({"1": 2})
        sold.inspect(unit("1", 1))
        self.told(sold, "r0", 1)  # ours, carried out
        self.told(sold, "r1", 2)
        assert sold.last.status is R.SETTLED

    def test_goods_that_staff_took_back_with_a_refund_too(self, back: Returning) -> None:
        back.ask({"1": 3})
        back.story.refund({"1": 3}, restock=True)
        assert back.last.status is R.CANCELLED
