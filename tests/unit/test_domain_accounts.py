"""The order's money in double entry: known orders, entry by entry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from oms.domain.commit import Cause, Commit
from oms.domain.order import accounts
from oms.domain.order import commands as cmd
from oms.domain.order.state import Refund, RefundStatus
from tests.proof.money.drive import play
from tests.proof.money.planted import DEFECTS, caught
from tests.support.billing import commits_of
from tests.support.builders import STRIPE, Story, line, minutes, units_of

CAUSE = Cause(kind="api", ref="r:k")


def placed(**changes: Any) -> Story:
    """Three units at 10.00 with 1.91 tax in all, shipping 4.95 with 0.79 tax."""
    story = Story()
    told = {"shipping": 495, "shipping_tax": 79, **changes}
    story.place(line(quantity=3, unit_price=1000, tax=191), plan=STRIPE, **told)
    story.promise()
    return story


def stands(story: Story) -> dict[str, int]:
    found = accounts.summed(accounts.entries(story.order_id, commits_of(story)))
    assert sum(found.values()) == 0
    return found


def test_nothing_stands_anywhere_before_something_is_handed_over() -> None:
    assert stands(placed()) == {}


def test_charged_with_the_shipment_and_paid_by_its_capture() -> None:
    story = placed()
    story.ship({"1": 1})
    charges = {"goods": -1000, "tax": -64 - 79, "shipping": -495}
    assert stands(story) == {"receivable": 1000 + 64 + 495 + 79, **charges}
    story.settle()
    assert stands(story) == {"tender:stripe": 1638, **charges}
    story.ship({"1": 2}, tracking="T2")
    story.settle()
    assert stands(story) == {"tender:stripe": 3765, "goods": -3000, "tax": -191 - 79, "shipping": -495}
    assert accounts.drift(story.order) == 0


def test_tax_that_prices_include_is_taken_out_of_them_once() -> None:
    story = placed(tax_included=True)
    story.ship()
    story.settle()
    charges = {"goods": -3000 + 191, "tax": -191 - 79, "shipping": -495 + 79}
    assert stands(story) == {"tender:stripe": 3495, **charges}


def test_gift_cards_pay_first() -> None:
    story = placed(gift_cards=1700)
    story.ship({"1": 1})
    assert (stands(story)["gift_cards"], stands(story).get("receivable", 0)) == (1638, 0)
    story.ship({"1": 2}, tracking="T2")
    assert (stands(story)["gift_cards"], stands(story)["receivable"]) == (1700, 3765 - 1700)


def test_a_refund_on_its_way_is_payable_and_then_out_of_the_tender() -> None:
    story = placed()
    story.ship()
    story.settle()
    story.do(cmd.RequestRefund(command_id="c-refund", reason="r", lines=units_of({"1": 1})))
    assert (stands(story)["returns"], stands(story)["refunds_payable"]) == (1064, -1064)
    assert "returned_tax" not in stands(story)  # nothing has gone back yet
    (refund,) = story.order.payment.refunds
    story.do(cmd.RecordRefundOutcome(command_id="c-done", refund_id=refund, state="succeeded", refund_ref="re"))
    back = {"returns": 1000, "returned_tax": 64, "tender:stripe": 3765 - 1064}
    assert {**stands(story), **back} == stands(story)
    story.do(cmd.RecordRefundOutcome(command_id="c-back", refund_id=refund, state="failed", refund_ref="re"))
    assert not {"returns", "returned_tax"} & stands(story).keys()


def test_an_amount_for_no_line_takes_its_tax_from_all_that_was_charged() -> None:
    """37.65 with 2.70 tax in it: of 10.00, 8.47 is of the line (31.91, 1.91) and 1.53 of shipping (5.74, 0.79)."""
    story = placed()
    story.ship()
    story.settle()
    story.do(cmd.RequestRefund(command_id="c-refund", reason="r", amount=1000))
    (refund,) = story.order.payment.refunds
    story.do(cmd.RecordRefundOutcome(command_id="c-done", refund_id=refund, state="succeeded", refund_ref="re"))
    assert stands(story)["returned_tax"] == 51 + 21
    assert stands(story)["returns"] == 1000 - 51 - 21


def test_an_overpayment_is_given_back_to_the_receivable() -> None:
    order = placed().order
    paid = replace(order, payment=replace(order.payment, captured=5000, authorized=5000))
    assert accounts.balances(paid) == {"receivable": -5000, "tender:stripe": 5000}
    back = Refund(refund_id="r", amount=2000, status=RefundStatus.REQUESTED)
    given = replace(paid, payment=replace(paid.payment, refunds={"r": back}))
    # 3765 are to be paid: 1235 were too much, the rest is goodwill
    assert accounts.balances(given) == {
        "receivable": -5000 + 1235,
        "returns": 765,
        "refunds_payable": -2000,
        "tender:stripe": 5000,
    }


def test_entries_are_what_each_commit_changed() -> None:
    story = placed()
    story.ship()
    story.settle()
    commits = [
        Commit(
            stream=story.order_id,
            number=number,
            command_id=f"c{number}",
            cause=CAUSE,
            at=minutes(number),
            events=(event,),
            previous="",
        )
        for number, event in enumerate(story.events, start=1)
    ]
    found = accounts.entries(story.order_id, commits)
    assert [(each.account, each.amount) for each in found] == [
        ("goods", -3000),
        ("receivable", 3765),
        ("shipping", -495),
        ("tax", -270),
        ("receivable", -3765),
        ("tender:stripe", 3765),
    ]
    shipped, captured = sorted({each.commit for each in found})
    assert sum(each.amount for each in found if each.commit == shipped) == 0
    assert {each.at for each in found if each.commit == captured} == {minutes(captured)}
    assert accounts.entries(story.order_id, []) == ()


def test_what_is_not_settled_is_drift() -> None:
    story = placed()
    story.ship()
    assert accounts.drift(story.order) == 0  # not captured yet
    story.settle()
    order = story.order
    (shipment,) = order.payment.captures
    short = replace(order.payment, captured=3700, captures={shipment: 3700})
    assert accounts.drift(replace(order, payment=short)) == 65
    gone = Refund(refund_id="r", amount=4000, status=RefundStatus.SUCCEEDED)
    assert accounts.drift(replace(order, payment=replace(order.payment, refunds={"r": gone}))) == 235


def test_random_orders_stand_where_an_oracle_has_them() -> None:
    """A slice of `make bench NAME=money`."""
    assert [seed for seed in range(400) if play(seed)] == []


def test_a_defect_of_a_minor_unit_shows() -> None:
    for name in ("units_cut_off", "a_capture_of_one_less", "tax_rounded_by_itself"):
        assert caught(name), name
    assert len(DEFECTS) >= 10
