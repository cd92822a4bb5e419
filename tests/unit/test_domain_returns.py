"""Which units a channel's refund takes back, and to which nodes they come."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oms.domain import ids
from oms.domain.canonical import ChannelRefund, RefundedLine, Restock
from oms.domain.errors import RefundBeforePaymentError
from oms.domain.order import commands as cmd
from oms.domain.order import events as ev
from oms.domain.order.ledger import LineLedger
from oms.domain.order.returning import return_to_node
from oms.domain.order.state import RefundStatus
from oms.domain.payment_events import PaymentEventKind, RefundState
from oms.domain.stock import MAX_POSITIONS
from tests.support.builders import IN_CHANNEL, Story, line, minutes, paid, snapshot
from tests.support.money import shipped, tell
from tests.support.refusals import refusal


def part(units: int, restock: Restock = Restock.CANCEL, line_ref: str = "1") -> RefundedLine:
    return RefundedLine(line_ref=line_ref, quantity=units, restock=restock)


def told(story: Story, ref: str, amount: int, *parts: RefundedLine) -> tuple[ev.OrderEvent, ...]:
    refund = ChannelRefund(refund_ref=ref, amount=amount, lines=parts)
    return story.do(cmd.RecordChannelRefund(command_id=story.id("refund"), refund=refund))


class TestNodes:
    @pytest.fixture
    def story(self) -> Story:
        """One unit left from WH1, two from WH2, two from WH3; another line's in between."""
        story = Story()
        story.place(line("1", 5), line("2", 1), plan=IN_CHANNEL)
        for node in ("WH2", "WH3"):
            story.stock.receive("SKU-1", node, 9)
        story.promise({"WH1": {"1": 1, "2": 1}, "WH2": {"1": 2}, "WH3": {"1": 2}})
        for number in (1, 2, 3):
            story.ship(number=number)
        return story

    @pytest.mark.parametrize(
        ("before", "units", "back"),
        [
            (0, 0, []),
            (0, 1, [("WH1", 1)]),
            (0, 4, [("WH1", 1), ("WH2", 2), ("WH3", 1)]),
            (0, 5, [("WH1", 1), ("WH2", 2), ("WH3", 2)]),
            (1, 1, [("WH2", 1)]),
            (2, 2, [("WH2", 1), ("WH3", 1)]),
            (3, 2, [("WH3", 2)]),
            (4, 1, [("WH3", 1)]),
        ],
    )
    def test_first_shipped_first_returned(
        self, story: Story, before: int, units: int, back: list[tuple[str, int]]
    ) -> None:
        known = story.order.lines["1"]
        ledger = LineLedger(ordered=5, shipped=5 - before, returned=before)
        order = replace(story.order, lines={**story.order.lines, "1": replace(known, ledger=ledger)})
        found = return_to_node(order, "1", units)
        assert [(each.node_id, each.quantity) for each in found] == back
        assert all((each.line_id, each.sku) == ("1", "SKU-1") for each in found)


class TestUnits:
    def test_more_than_is_away_never_left(self, story: Story) -> None:
        """Three units, two of them away: of three that `came back` the last one was still here."""
        story.place(line("1", 3), plan=IN_CHANNEL)
        story.promise()
        story.ship({"1": 2})
        told(story, "r1", 1000, part(1, Restock.RETURN))
        told(story, "r2", 2000, part(2, Restock.RETURN))
        assert story.order.lines["1"].ledger == LineLedger(ordered=3, returned=2, cancelled=1)
        (_, second) = story.order.payment.refunds.values()
        assert (second.returned, second.removed) == ({"1": 1}, {"1": 1})

    def test_a_line_in_two_parts(self, story: Story) -> None:
        story.place(line("1", 4), plan=IN_CHANNEL)
        told(story, "r1", 2000, part(1), part(1))
        assert story.order.lines["1"].ledger == LineLedger(ordered=4, open=2, cancelled=2)

    def test_a_line_behind_one_that_nobody_knows(self, story: Story) -> None:
        story.place(line("1", 2), plan=IN_CHANNEL)
        told(story, "r1", 1000, part(1, line_ref="9"), part(1))
        assert story.order.lines["1"].ledger.cancelled == 1

    def test_money_for_a_unit_that_never_left_is_the_end_of_it(self, story: Story) -> None:
        story.place(line("1", 2), plan=IN_CHANNEL)
        told(story, "r1", 1000, part(1, Restock.NONE))
        assert story.order.lines["1"].ledger.cancelled == 1


class TestSnapshots:
    def test_a_refund_in_the_very_first_snapshot(self, story: Story) -> None:
        refund = ChannelRefund(refund_ref="r1", amount=1000, lines=(part(1),))
        events = story.sync(replace(paid(snapshot(line("1", 2, cancelled=1))), refunds=(refund,)))
        requested = ev.RefundRequested(refund_id=ids.derive("rfd", story.order_id, "r1"), amount=1000, origin="channel")
        assert requested in events
        assert story.order.lines["1"].ledger == LineLedger(ordered=2, open=1, cancelled=1)

    def test_a_snapshot_says_by_its_lines_what_is_cancelled(self, story: Story) -> None:
        story.sync(paid(snapshot(line("1", 2))))
        refund = ChannelRefund(refund_ref="r1", amount=1000, lines=(part(1),))
        story.sync(replace(paid(snapshot(line("1", 2), revision=1)), refunds=(refund,)))
        assert story.order.lines["1"].ledger.cancelled == 0
        assert story.order.payment.refunded == 1000

    def test_the_refunds_of_one_snapshot_count_together(self, story: Story) -> None:
        story.sync(paid(snapshot(line("1", 1))))
        refunds = tuple(ChannelRefund(refund_ref=ref, amount=600) for ref in ("r1", "r2"))
        both = replace(paid(snapshot(line("1", 1), revision=1)), refunds=refunds)
        assert refusal(lambda: story.sync(both)) == (
            RefundBeforePaymentError,
            "the channel refunded more than was captured so far",
            {"refund_ref": "r2", "amount": 600, "refundable": 400},
        )

    def test_units_cancelled_in_an_older_snapshot_are_all_cancelled(self, story: Story) -> None:
        story.sync(snapshot(line("1", 3), revision=5))
        story.sync(snapshot(line("1", 3, cancelled=2), revision=1))
        assert story.order.lines["1"].ledger.cancelled == 2

    def test_one_unit_of_a_new_line_is_an_edit(self, story: Story) -> None:
        story.sync(snapshot(line("1", 1)))
        story.sync(snapshot(line("1", 1), line("2", 1), revision=1))
        assert story.order.lines["2"].ledger.open == 1
        assert not story.order.active_holds

    def test_a_cancellation_is_once_whatever_else_the_snapshot_says(self, story: Story) -> None:
        story.sync(snapshot(line("1", 2)))
        gone = snapshot(line("1", 2), cancelled=True, revision=1)
        story.sync(gone)
        again = story.sync(replace(gone, revision=minutes(2)))
        assert [type(each) for each in again] == [ev.ChannelRevisionSeen]


class TestMoney:
    def test_one_cent_too_much_displaces_a_request_of_ours(self, story: Story) -> None:
        story.place(line("1", 3), plan=IN_CHANNEL)
        story.refund(amount=1000)
        told(story, "r1", 2001)
        ours, _ = story.order.payment.refunds.values()
        assert ours.status is RefundStatus.FAILED

    def test_the_provider_may_give_back_all_of_it(self, story: Story) -> None:
        shipped(story, line("1", 1))
        tell(story, PaymentEventKind.REFUND, 1000, refund_ref="re", refund_state=RefundState.SUCCEEDED)
        assert story.order.payment.refunded == 1000

    def test_one_that_failed_at_the_provider_is_kept_however_much_it_was(self, story: Story) -> None:
        shipped(story, line("1", 1))
        tell(story, PaymentEventKind.REFUND, 5000, refund_ref="re", refund_state=RefundState.FAILED)
        (known,) = story.order.payment.refunds.values()
        assert (known.amount, known.status) == (5000, RefundStatus.FAILED)

    @pytest.mark.parametrize("state", [RefundState.SUCCEEDED, RefundState.FAILED, RefundState.PENDING])
    def test_the_providers_word_on_a_refund_of_ours(self, story: Story, state: RefundState) -> None:
        shipped(story, line("1", 1)).refund(amount=400)
        (ours,) = story.order.payment.refunds
        written = {
            RefundState.SUCCEEDED: ev.RefundSucceeded(refund_id=ours, refund_ref="re"),
            RefundState.FAILED: ev.RefundFailed(refund_id=ours, reason="closed account"),
            RefundState.PENDING: ev.RefundSubmitted(refund_id=ours, refund_ref="re"),
        }
        fields = {"refund_ref": "re", "our_refund_id": ours, "reason": "closed account"}
        assert tell(story, PaymentEventKind.REFUND, 400, refund_state=state, **fields) == (written[state],)


def test_units_in_conflict_are_not_cancelled_by_the_refund_that_speaks_of_them(story: Story) -> None:
    """The last line of a cancellation that is too large for one transaction: two units away, one still here."""
    few = tuple(line(str(number)) for number in range(MAX_POSITIONS + 1))
    order = paid(snapshot(*few, line("last", 3)))
    story.place(*few, line("last", 3), plan=IN_CHANNEL)
    story.promise()
    story.ship({"last": 2})
    story.sync(replace(order, cancelled=True, revision=minutes(1)))
    last = story.order.lines["last"]
    assert (last.conflicted, last.ledger) == (2, LineLedger(ordered=3, allocated=1, shipped=2))
    told(story, "r1", 2000, part(2, line_ref="last"))
    assert story.order.lines["last"].ledger == last.ledger
