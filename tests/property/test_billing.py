"""Invoices less credit notes are what the ledger says, after every commit, in every currency."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from oms.domain.billing import LINE, DocumentKind, documents_due
from oms.domain.canonical import ChannelPayment, ChannelRefund, PaymentState, check_order
from oms.domain.entities import Entity
from oms.domain.invoices import drawn_up
from oms.domain.order.accounts import entries, summed
from oms.domain.order.charging import refundable
from oms.domain.order.commands import RecordAuthorization
from oms.domain.order.events import PlacedLine
from oms.domain.order.promising import wanted_units
from oms.domain.payments import AuthorizationResult, AuthorizationState
from tests.support.billing import agrees_with_the_ledger, commits_of
from tests.support.builders import IN_CHANNEL, STRIPE, T0, Story, line, paid, snapshot
from tests.support.money import shipped

if TYPE_CHECKING:
    from oms.domain.canonical import CanonicalOrder

AMOUNTS = st.integers(0, 10**6)
RATES = ("DE 19", "DE 7", "DE 5.5")
SELLER = Entity(entity_id="de", series="DE", name="Laden GmbH", country="DE", rates=RATES)
ONCE = Entity(entity_id="jp", series="JP", name="Shop KK", country="DE", rates=RATES, rounding="invoice", digits="down")


@st.composite
def orders(draw: st.DrawFn) -> CanonicalOrder:
    lines = []
    for number in range(draw(st.integers(1, 3))):
        quantity, price = draw(st.integers(1, 7)), draw(AMOUNTS)
        discount, tax = draw(st.integers(0, quantity * price)), draw(st.integers(0, quantity * price))
        lines.append(
            line(str(number), quantity, price, discount=discount, tax=tax, requires_shipping=draw(st.booleans()))
        )
    order = snapshot(
        *lines,
        currency=draw(st.sampled_from(["JPY", "EUR", "KWD"])),
        tax_included=draw(st.booleans()),
        **{name: draw(AMOUNTS) for name in ("shipping", "shipping_tax", "fees", "fee_tax", "tips", "duties")},
    )
    return order if draw(st.booleans()) else snapshot(*lines, tax_included=True)


def life(order: CanonicalOrder, seed: int) -> Story:
    """Paid before or by shipment, shipped in parts, cancelled in parts, refunded by units and by amounts."""
    draw, story = random.Random(seed), Story()
    for each in order.lines:
        story.stock.receive(each.sku, "WH1", 100)
    plan = draw.choice([STRIPE, IN_CHANNEL])
    story.sync(check_order(paid(order) if plan is IN_CHANNEL else order), plan)
    if plan is STRIPE and draw.random() < 0.5:
        result = AuthorizationResult(state=AuthorizationState.CAPTURED, amount=order.total)
        story.do(RecordAuthorization(command_id=story.id("verify"), authorization=result))
    for _ in range(8):
        wanted = {line_id: draw.randint(0, units) for line_id, units in wanted_units(story.order).items()}
        if any(wanted.values()):
            story.promise({"WH1": {line_id: units for line_id, units in wanted.items() if units}})
        for number, known in enumerate(list(story.order.fulfillment_orders.values()), start=1):
            part = {line_id: draw.randint(0, units) for line_id, units in known.remaining.items()}
            if any(part.values()):
                story.ship({line_id: units for line_id, units in part.items() if units}, number)
        cancel = {line_id: draw.randint(0, each.ledger.cancellable) for line_id, each in story.order.lines.items()}
        if draw.random() < 0.4 and any(cancel.values()):
            story.cancel({line_id: units for line_id, units in cancel.items() if units})
        if draw.random() < 0.7:
            story.settle()
        _give_back(story, draw)
    story.settle()
    return story


def _give_back(story: Story, draw: random.Random) -> None:
    """A refund of units that left, or of an amount; some fail, some of those after they had gone through."""
    left = {line_id: draw.randint(0, each.ledger.gone - each.refunded) for line_id, each in story.order.lines.items()}
    units = {line_id: count for line_id, count in left.items() if count}
    before = set(story.order.payment.refunds)
    most = refundable(story.order)
    if most and draw.random() < 0.3:
        story.refund(amount=draw.randint(1, most))
    elif units and most and draw.random() < 0.4:
        try:
            story.refund(units)
        except Exception as error:  # noqa: BLE001 - more than is left of what was captured
            assert type(error).__name__ == "RefundExceedsCapturedError", error  # noqa: PT017 - of whatever was drawn
    for refund_id in set(story.order.payment.refunds) - before:
        for said in draw.choice([("succeeded",), ("failed",), ("succeeded", "failed"), ()]):
            if story.order.payment.refunds[refund_id].amount:
                story.refund_outcome(refund_id, said)


@given(orders(), st.integers(0, 2**32))
def test_documents_sum_to_the_ledger_after_every_commit(order: CanonicalOrder, seed: int) -> None:
    story = life(order, seed)
    agrees_with_the_ledger(story)
    commits = commits_of(story)
    due = documents_due(story.order_id, commits)
    assert len({each.document_id for each in due}) == len(due)
    for number in range(0, len(commits), 3):
        begun = documents_due(story.order_id, commits[:number])
        assert begun == due[: len(begun)], "what was issued changes no more"


@given(orders(), st.integers(0, 2**32))
def test_no_part_is_credited_beyond_its_invoices_nor_its_tax(order: CanonicalOrder, seed: int) -> None:
    story = life(order, seed)
    gross: dict[str, int] = {}
    tax: dict[str, int] = {}
    for due in documents_due(story.order_id, commits_of(story)):
        sign = -1 if due.kind is DocumentKind.CREDIT_NOTE else 1
        assert due.gross > 0
        for each in due.shares:
            assert 0 <= each.tax <= each.gross
            gross[each.part] = gross.get(each.part, 0) + sign * each.gross
            tax[each.part] = tax.get(each.part, 0) + sign * each.tax
            assert 0 <= tax[each.part] <= gross[each.part], "credited beyond its invoices"
    for line_id in story.order.lines:
        assert gross.get(f"{LINE}{line_id}", 0) <= order.total


@given(st.data(), st.integers(1, 6), st.integers(0, 500), st.booleans())
def test_whatever_a_line_is_refunded_in_its_tax_goes_back_exactly(
    data: st.DataObject,
    units: int,
    price: int,
    included: bool,  # noqa: FBT001 - hypothesis
) -> None:
    tax = data.draw(st.integers(0, units * price if included else 300))
    story = shipped(Story(), line("1", units, price, tax=tax), line("2", 2, 700, tax=99), tax_included=included)
    while (left := units - sum(each.lines.get("1", 0) for each in story.order.payment.refunds.values())) > 0:
        story.refund({"1": data.draw(st.integers(1, left))})
        story.settle()
    due = documents_due(story.order_id, commits_of(story))
    credited = [share for each in due if each.kind is DocumentKind.CREDIT_NOTE for share in each.shares]
    assert {share.part for share in credited} <= {f"{LINE}1"}
    assert sum(share.tax for share in credited) == tax
    assert summed(entries(story.order_id, commits_of(story))).get("returned_tax", 0) == tax


@given(orders(), st.integers(0, 2**32))
def test_a_document_adds_up_by_lines_and_by_rates(order: CanonicalOrder, seed: int) -> None:
    story = life(order, seed)
    for due in documents_due(story.order_id, commits_of(story)):
        told = drawn_up(due, story.order, ONCE, "JP-2026-000001", T0, ())
        for each in told.rates:
            if each.rate:
                assert each.tax == ONCE.tax_in(each.gross, each.rate)
        for entity in (SELLER, ONCE):
            told = drawn_up(due, story.order, entity, "DE-2026-000001", T0, ())
            assert told.net + told.tax == told.gross == due.gross == sum(each.gross for each in told.lines)
            assert sum(each.gross for each in told.rates) == told.gross
            assert sum(each.tax for each in told.rates) == told.tax
            assert all(each.net + each.tax == each.gross for each in told.lines)
            assert all(each.net + each.tax == each.gross for each in told.rates)
            if entity is SELLER:
                assert told.tax == sum(each.tax for each in due.shares)


@given(st.integers(1, 10**6), st.integers(1, 9), st.sampled_from(["19", "7", "5.5"]), st.booleans())
def test_the_rate_is_found_whatever_was_rounded(price: int, quantity: int, rate: str, by_unit: bool) -> None:  # noqa: FBT001 - hypothesis
    if price < 1000:  # of a few minor units, every rate rounds to the same tax
        price += 1000
    ppm = {"19": 1900, "7": 700, "5.5": 550}[rate]
    tax = quantity * ((price * ppm + 5000) // 10000) if by_unit else (quantity * price * ppm + 5000) // 10000
    placed = PlacedLine(line_id="1", sku="A", quantity=quantity, unit_price=price, tax=tax)
    assert SELLER.rate_of("DE", placed.unit_price * quantity, tax, quantity) == rate
    assert SELLER.rate_of("FR", placed.unit_price * quantity, tax, quantity) == ""


def test_tax_is_rounded_once_and_by_the_digits_that_the_entity_chose() -> None:
    def tax(digits: str, gross: int) -> Any:
        return Entity(entity_id="j", series="J", name="K", country="JP", digits=digits).tax_in(gross, "10")

    assert [tax("down", each) for each in (110, 109, 5, 6)] == [10, 9, 0, 0]
    assert [tax("up", each) for each in (110, 109, 5, 6)] == [10, 10, 1, 1]
    assert [tax("half_up", each) for each in (110, 109, 5, 6, 16, 17)] == [10, 10, 0, 1, 1, 2]


def kinds_of(story: Story) -> list[tuple[str, int]]:
    return [(each.kind.value, each.gross) for each in documents_due(story.order_id, commits_of(story))]


def test_money_for_units_that_were_cancelled_is_no_credit() -> None:
    story = Story()
    story.place(line("1", 3, 1000), plan=IN_CHANNEL)
    story.promise()
    story.ship({"1": 2})
    cancelled = replace(
        snapshot(line("1", 3, 1000, cancelled=1), revision=9),
        payment=ChannelPayment(state=PaymentState.PAID, captured=3000),
    )
    story.sync(replace(cancelled, refunds=(ChannelRefund(refund_ref="r1", amount=1000),)))
    assert story.order.payment.refunded == 1000
    assert kinds_of(story) == [("invoice", 2000)]
    agrees_with_the_ledger(story)


def test_a_refund_that_fails_after_it_went_through_takes_its_credit_back() -> None:
    story = Story()
    story.place(line("1", 2, 1000))
    story.promise()
    story.ship()
    story.settle()
    story.refund({"1": 1})
    story.settle()
    (refund_id,) = story.order.payment.refunds
    story.refund_outcome(refund_id, "failed")
    assert kinds_of(story) == [("invoice", 2000), ("credit_note", 1000), ("debit_note", 1000)]


def test_goodwill_ahead_of_the_first_shipment_is_credited_behind_its_invoice() -> None:
    story = Story()
    story.place(line("1", 2, 1000), plan=IN_CHANNEL)
    goodwill = ChannelRefund(refund_ref="r1", amount=300)
    story.sync(replace(paid(snapshot(line("1", 2, 1000), revision=9)), refunds=(goodwill,)))
    assert kinds_of(story) == []
    story.promise()
    story.ship()
    assert kinds_of(story) == [("invoice", 2000), ("credit_note", 300)]
