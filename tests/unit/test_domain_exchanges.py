"""Exchanges: what a return pays for, what is left of it or missing, and both orders' books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.domain.canonical import CanonicalLine
from oms.domain.errors import InvalidInputError, NotExchangeableError, RefundExceedsCapturedError
from oms.domain.ids import order_id
from oms.domain.order import exchange_commands as xc
from oms.domain.order import exchange_facts as xf
from oms.domain.order.accounts import EXCHANGES, RETURNS, balances, drift
from oms.domain.order.events import PaymentPlan
from oms.domain.order.payment_facts import Tender
from oms.domain.order.return_facts import RefundAt, Resolution
from oms.domain.order.return_state import ReturnStatus
from oms.domain.order.status import NextStep, next_step, payment_cleared
from oms.domain.payments import AuthorizationState
from tests.support.builders import IN_CHANNEL, Story, line, snapshot
from tests.support.money import shipped, verified
from tests.support.returns import Returning, rule, rules, unit

if TYPE_CHECKING:
    from oms.domain.order.state import Order

EXCHANGE = Resolution.EXCHANGE
ADVANCE = rules(rule(exchange_at="approval"))


def wanted(quantity: int = 1, price: int | None = None, line_id: str = "1") -> xf.WantedLine:
    return xf.WantedLine(line_id=line_id, sku="SKU-NEW", quantity=quantity, unit_price=price)


@pytest.fixture
def back(story: Story) -> Returning:
    """Three units of line 1 and one of line 2, worth 10.00 and 5.01 each, delivered."""
    shipped(story, line("1", 3, 1000), line("2", 1, 501), shipping=495)
    story.deliver_all()
    return Returning(story)


def ask(back: Returning, *lines: xf.WantedLine, units: dict[str, int] | None = None, **changes: Any) -> None:
    back.ask(units, resolution=EXCHANGE, wanted=lines or (wanted(),), **changes)


def replacement(order: Order) -> Story:
    """The order that the newest return of another pays for, as it is placed; its provider is asked."""
    known = list(order.returns.values())[-1]
    assert known.exchange is not None
    lines = tuple(
        CanonicalLine(
            line_ref=each.line_id,
            sku=each.sku,
            quantity=each.quantity,
            unit_price=each.unit_price,
            discount=each.discount,
            tax=each.tax,
        )
        for each in known.exchange.lines
    )
    story = Story(order_id=known.exchange.order_id)
    placed = snapshot(*lines, tax_included=order.placed.tax_included, currency=order.placed.currency)
    for each in lines:
        story.stock.receive(each.sku, "WH1", each.quantity)
    tender = Tender(provider="exchange", reference=known.return_id, amount=known.exchange.amount)
    plan = PaymentPlan(provider="exchange", reference=known.return_id)
    story.sync(placed, plan, tenders=(tender,) if tender.amount else ())
    if tender.amount:
        verified(story, AuthorizationState.CAPTURED, tender.amount)
    return story


def books(*orders: Order) -> int:
    """What `exchanges` of all of them stand at; each is balanced."""
    assert all(sum(balances(each).values()) == 0 for each in orders)
    return sum(balances(each).get(EXCHANGES, 0) for each in orders)


def gives_back(back: Returning, refund_id: str, amount: int, key: str = "") -> xc.GiveBackExchange:
    return xc.GiveBackExchange(
        command_id=f"back-{refund_id}{key}", return_id=back.last.return_id, refund_id=refund_id, amount=amount
    )


def test_even_moves_no_money_at_any_provider(back: Returning) -> None:
    ask(back)
    names = [type(each).__name__ for each in back.inspect(unit())]
    assert names == ["ReturnReceived", "ReturnInspected", "LinesReturned", "ReturnExchanged", "ReturnSettled"]
    order = back.story.order
    assert next_step(order) is NextStep.RETURN, "the other order is to be placed"
    assert (balances(order)["tender:stripe"], balances(order)[EXCHANGES], balances(order)[RETURNS]) == (
        3996,
        -1000,
        1000,
    )
    other = replacement(order)
    assert other.order.placed.total == 1000
    assert payment_cleared(other.order)
    assert books(order, other.order) == 0
    back.story.do(xc.RecordReplacement(command_id="placed", return_id=back.last.return_id))
    assert next_step(back.story.order) is NextStep.NONE
    assert drift(back.story.order) == drift(other.order) == 0


def test_what_was_exchanged_is_not_refunded_again(back: Returning) -> None:
    ask(back, wanted(3), units={"1": 3})
    back.inspect(unit("1", 3))
    with pytest.raises(RefundExceedsCapturedError):
        back.story.refund(amount=997)


def test_dearer_waits_for_the_rest(back: Returning) -> None:
    ask(back, wanted(price=1500))
    back.inspect(unit())
    other = replacement(back.story.order)
    assert (other.order.placed.total, other.order.payment.captured) == (1500, 1000)
    assert not payment_cleared(other.order)
    assert books(back.story.order, other.order) == 0


def test_cheaper_gives_the_rest_back(back: Returning) -> None:
    ask(back, wanted(price=600))
    back.inspect(unit())
    moved, rest = back.story.order.payment.refunds.values()
    assert (moved.amount, moved.moved, rest.amount, rest.moved) == (600, True, 400, False)
    assert next_step(back.story.order) is NextStep.RETURN
    back.story.settle()
    assert balances(back.story.order)["tender:stripe"] == 3996 - 400
    assert books(back.story.order, replacement(back.story.order).order) == 0


def test_a_fee_is_what_an_even_exchange_costs(back: Returning) -> None:
    ask(back, rules=rules(rule(fee={"amounts": {"EUR": 299}})))
    back.inspect(unit())
    other = replacement(back.story.order).order
    assert (other.payment.captured, other.placed.total, back.last.fees) == (701, 1000, 299)


def test_in_advance_it_pays_at_approval_and_ends_when_the_goods_are_here(back: Returning) -> None:
    ask(back, rules=ADVANCE)
    assert back.last.terms.exchange_at is RefundAt.APPROVAL
    assert (back.last.status, back.last.replacement_due) == (ReturnStatus.APPROVED, True)
    events = back.inspect(unit())
    assert not any(isinstance(each, xf.ReturnExchanged) for each in events)
    assert back.last.status is ReturnStatus.SETTLED


def test_in_advance_what_comes_damaged_is_a_persons(back: Returning) -> None:
    ask(back, rules=ADVANCE)
    back.inspect(unit(condition="damaged", disposition="damaged"))
    assert back.last.status is ReturnStatus.INSPECTED


def test_with_a_scan_where_the_rules_say_so(back: Returning) -> None:
    ask(back, rules=rules(rule(exchange_at="scan")))
    back.label()
    assert any(isinstance(each, xf.ReturnExchanged) for each in back.scan())


def test_nothing_pays_for_what_nobody_accepts(back: Returning) -> None:
    ask(back)
    back.inspect(unit(condition="missing"))
    back.settle()
    assert (back.last.status, back.last.exchange, back.refunds()) == (ReturnStatus.SETTLED, None, [])


def test_a_person_lets_a_part_of_it_pay(back: Returning) -> None:
    ask(back, wanted(2), units={"1": 2})
    back.inspect(unit("1"), unit("1", condition="damaged", disposition="damaged"))
    assert not back.last.replacement_due, "one order, once somebody has decided on all of it"
    back.settle()
    assert back.last.exchange
    assert (back.last.exchange.amount, replacement(back.story.order).order.placed.total) == (1000, 2000)


def test_cancelled_it_goes_back_from_the_tender_that_took_it(back: Returning) -> None:
    ask(back)
    back.inspect(unit())
    other = replacement(back.story.order)
    other.cancel()
    (refund,) = other.order.payment.refunds.values()
    assert refund.amount == 1000
    events = back.story.do(gives_back(back, refund.refund_id, 1000))
    assert [type(each) for each in events] == [xf.ExchangeGivenBack]
    assert not back.story.do(gives_back(back, refund.refund_id, 1000, "again")), "once"
    with pytest.raises(RefundExceedsCapturedError):
        back.story.do(gives_back(back, "rfd_other", 1))
    other.refund_outcome(refund.refund_id, "succeeded")
    assert books(back.story.order, other.order) == 0
    assert next_step(back.story.order) is NextStep.RETURN
    back.story.settle()
    assert balances(back.story.order)["tender:stripe"] == 2996
    assert books(back.story.order, other.order) == 0


def test_the_channels_money_is_exchanged_there(story: Story) -> None:
    story.place(line("1", 1), plan=IN_CHANNEL)
    story.promise()
    story.ship()
    story.deliver_all()
    with pytest.raises(NotExchangeableError):
        ask(Returning(story))


@pytest.mark.parametrize("lines", [(wanted(line_id="2"),), (wanted(), wanted()), (wanted(0),)])
def test_it_names_lines_of_the_return_once(back: Returning, lines: tuple[xf.WantedLine, ...]) -> None:
    with pytest.raises(InvalidInputError):
        ask(back, *lines)


def test_which_order_it_is_follows_from_the_return(back: Returning) -> None:
    ask(back)
    back.inspect(unit())
    assert back.last.exchange is not None
    assert back.last.exchange.order_id == order_id("site", "exchanges", back.last.return_id)


CASES = st.fixed_dictionaries(
    {
        "quantity": st.integers(1, 7),
        "price": st.integers(1, 5000),
        "discount": st.integers(0, 50),
        "tax": st.integers(0, 900),
        "units": st.integers(1, 7),
        "asked": st.integers(1, 3),
        "other": st.none() | st.integers(1, 9000),
        "included": st.booleans(),
        "currency": st.sampled_from(["JPY", "EUR", "KWD"]),
        "percent": st.sampled_from([0, 5, 33, 100]),
        "cancels": st.booleans(),
    }
)


@given(case=CASES)
def test_both_orders_balance_whatever_is_exchanged(case: dict[str, Any]) -> None:
    gross = case["price"] * case["quantity"]
    discount, units = min(case["discount"], gross - 1), min(case["units"], case["quantity"])
    story = Story()
    placed = line("1", case["quantity"], case["price"], discount=discount, tax=min(case["tax"], gross - discount))
    shipped(story, placed, tax_included=case["included"], currency=case["currency"])
    story.deliver_all()
    back = Returning(story)
    terms = rules(rule(fee={"percent": case["percent"]}))
    ask(back, wanted(case["asked"], case["other"]), units={"1": units}, rules=terms)
    back.inspect(unit("1", units))
    other = replacement(story.order)
    assert books(story.order, other.order) == 0
    if case["cancels"]:
        other.cancel()
        for refund in list(other.order.payment.refunds.values()):
            back.story.do(gives_back(back, refund.refund_id, refund.amount))
            other.refund_outcome(refund.refund_id, "succeeded")
    story.settle()
    assert books(story.order, other.order) == 0
    assert drift(story.order) == 0
    if case["other"] is None and case["asked"] == units and not case["percent"]:
        assert replacement(story.order).order.payment.captured == other.order.placed.total, "even, to the minor unit"
