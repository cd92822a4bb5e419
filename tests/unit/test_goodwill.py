"""Money out of goodwill: limited by role, in an account of its own, without a change of price or tax."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.domain.billing import Due, documents_due
from oms.domain.errors import (
    CurrencyMismatchError,
    ForbiddenError,
    GoodwillLimitError,
    InvalidInputError,
    RefundExceedsCapturedError,
)
from oms.domain.order import goodwill
from oms.domain.order.accounts import balances, imbalance
from oms.domain.order.commands import RequestRefund
from oms.domain.order.events import Disposition, LineUnits, RefundRequested
from oms.domain.order.goodwill import GoodwillCode, GoodwillLimit, read_limits
from oms.domain.return_policy_check import problems
from tests.support.billing import agrees_with_the_ledger, commits_of
from tests.support.builders import Story, line
from tests.support.money import shipped
from tests.unit.test_domain_tenders import CARD, PAYPAL, bound, capture

LATE = GoodwillCode.LATE
TENTH = GoodwillLimit(share=1000)


@pytest.fixture
def paid(story: Story) -> Story:
    """Three units at 10.00 with 1.00 of tax on each, delivered."""
    return shipped(story, line("1", 3, 1000, tax=300))


def documents(story: Story) -> tuple[Due, ...]:
    return documents_due(story.order_id, commits_of(story))


class TestGiven:
    def test_it_has_an_account_of_its_own_and_lowers_no_tax(self, paid: Story) -> None:
        paid.refund(amount=300, goodwill=LATE, limit=TENTH)
        paid.settle()
        stands = balances(paid.order)
        assert stands["goodwill"] == 300
        assert not stands.keys() & {"returns", "returned_tax", "refunds_payable"}
        assert imbalance(stands) == 0

    def test_nothing_is_credited_for_it(self, paid: Story) -> None:
        before = documents(paid)
        paid.refund(amount=300, goodwill=LATE)
        paid.settle()
        assert documents(paid) == before
        paid.refund({"1": 1})
        paid.settle()
        assert [each.kind.value for each in documents(paid)] == ["invoice", "credit_note"]
        assert balances(paid.order)["goodwill"] == 300

    def test_units_may_still_be_refunded_as_far_as_money_is_left(self, paid: Story) -> None:
        paid.refund(amount=300, goodwill=LATE)
        assert paid.order.lines["1"].refunded == 0
        with pytest.raises(RefundExceedsCapturedError):
            paid.refund({"1": 3})
        paid.refund({"1": 2})

    def test_each_part_of_several_payments_says_so(self, story: Story) -> None:
        bound(story, CARD, PAYPAL)
        story.ship()
        capture(story)
        asked = [each for each in story.refund(amount=700, goodwill=LATE) if isinstance(each, RefundRequested)]
        assert [(each.tender, each.amount, each.goodwill) for each in asked] == [(1, 600, "late"), (2, 100, "late")]
        assert goodwill.given(story.order) == 700

    def test_one_that_failed_was_not_given(self, paid: Story) -> None:
        paid.refund(amount=300, goodwill=LATE, limit=TENTH)
        (refund,) = paid.order.payment.refunds
        paid.refund_outcome(refund, "failed")
        assert "goodwill" not in balances(paid.order)
        paid.refund(amount=330, goodwill=LATE, limit=TENTH)


class TestRefused:
    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"amount": 100, "currency": "USD"}, CurrencyMismatchError),
            ({"amount": -100}, InvalidInputError),
            ({}, InvalidInputError),
            ({"amount": 3301}, RefundExceedsCapturedError),
            ({"amount": 100, "lines": (LineUnits(line_id="1", quantity=1),)}, InvalidInputError),
            ({"amount": 100, "disposition": Disposition.SCRAP}, InvalidInputError),
            ({"amount": 331, "limit": TENTH}, GoodwillLimitError),
            ({"amount": 201, "limit": GoodwillLimit(share=1000, amounts={"EUR": 200})}, GoodwillLimitError),
            ({"amount": 1, "limit": GoodwillLimit(amounts={"USD": 200})}, GoodwillLimitError),
        ],
    )
    def test_nothing_moves(self, paid: Story, changes: dict[str, Any], error: type[Exception]) -> None:
        before = paid.order
        asked = {"command_id": "c", "reason": "", "goodwill": LATE, **changes}
        with pytest.raises(error):
            paid.do(goodwill_command(**asked))
        assert paid.order is before

    def test_the_limit_is_for_the_order_and_says_what_is_left(self, paid: Story) -> None:
        paid.refund(amount=200, goodwill=LATE, limit=TENTH)
        with pytest.raises(GoodwillLimitError) as raised:
            paid.refund(amount=131, goodwill=LATE, limit=TENTH)
        assert isinstance(raised.value, ForbiddenError)
        assert raised.value.context["left"] == 130
        paid.refund(amount=130, goodwill=LATE, limit=TENTH)
        paid.refund(amount=500, goodwill=LATE)
        assert goodwill.given(paid.order) == 830, "somebody of another role may give more"

    def test_it_is_a_share_of_what_is_still_ordered(self, story: Story) -> None:
        shipped(story, line("1", 1, 1000), line("2", 1, 1000))
        assert goodwill.most(story.order, TENTH) == 200


def goodwill_command(**fields: Any) -> Any:
    return RequestRefund(**fields)


class TestLimits:
    def test_service_has_one_while_none_is_saved(self) -> None:
        assert read_limits({}) == {"service": TENTH}

    def test_a_saved_one_is_the_whole_of_it(self) -> None:
        saved = {"service": {"amounts": {"EUR": 2500}}, "finance": {"percent": 12.5}}
        assert read_limits({"document": {"rules": [], "goodwill": saved}}) == {
            "service": GoodwillLimit(amounts={"EUR": 2500}),
            "finance": GoodwillLimit(share=1250),
        }

    @pytest.mark.parametrize(
        ("limits", "at"),
        [
            ([], "goodwill"),
            ({"sales": {}}, "goodwill"),
            ({"service": 10}, "goodwill.service"),
            ({"service": {"percent": 101}}, "goodwill.service"),
            ({"finance": {"amounts": {"EUR": 2.5}}}, "goodwill.finance"),
        ],
    )
    def test_what_is_none_is_not_saved(self, limits: Any, at: str) -> None:
        assert [each.at for each in problems({"rules": [], "goodwill": limits}, ())] == [at]
        assert not problems({"rules": [], "goodwill": {"service": {"percent": 0}}}, ())


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 900), st.booleans()), min_size=1, max_size=8))
def test_books_and_documents_agree_whatever_is_given_back(steps: list[tuple[bool, int, bool]]) -> None:
    """Goodwill and refunds of a price in any order, through or not: accounts sum to zero, documents to the accounts."""
    story = shipped(Story(), line("1", 3, 997, tax=100), line("2", 1, 501))
    for kind, amount, fails in steps:
        known = set(story.order.payment.refunds)
        try:
            story.refund(amount=amount, goodwill=LATE if kind else None)
        except RefundExceedsCapturedError:
            continue
        for refund_id in story.order.payment.refunds.keys() - known:
            story.refund_outcome(refund_id, "failed" if fails else "succeeded")
        agrees_with_the_ledger(story)
        kindly = sum(each.amount for each in story.order.payment.refunds.values() if each.goodwill and each.counts)
        assert balances(story.order).get("goodwill", 0) == kindly
