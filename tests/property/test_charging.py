"""Promise 3: money adds up to the minor unit, in every currency, tax included or added."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from oms.domain.canonical import CanonicalOrder, check_order
from oms.domain.order.charging import chargeable, due_captures, line_total, owed, refundable, units_value
from oms.domain.order.commands import RecordAuthorization
from oms.domain.order.events import PlacedLine
from oms.domain.order.ledger import Place
from oms.domain.order.promising import wanted_units
from oms.domain.order.status import OrderStatus, order_status, units_at
from oms.domain.payments import AuthorizationResult, AuthorizationState
from tests.support.builders import STRIPE, Story, line, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

AMOUNTS = st.integers(0, 10**7)
SEEDS = st.integers(0, 2**32)


@st.composite
def orders(draw: st.DrawFn) -> CanonicalOrder:
    lines = []
    for number in range(draw(st.integers(1, 4))):
        quantity, price = draw(st.integers(1, 12)), draw(AMOUNTS)
        lines.append(
            line(
                str(number),
                quantity,
                price,
                discount=draw(st.integers(0, quantity * price)),
                tax=draw(AMOUNTS),
                requires_shipping=draw(st.booleans()) or number == 0,
            )
        )
    return snapshot(
        *lines,
        currency=draw(st.sampled_from(["JPY", "USD", "KWD"])),
        tax_included=draw(st.booleans()),
        **{name: draw(AMOUNTS) for name in ("shipping", "shipping_tax", "fees", "fee_tax", "tips", "duties")},
    )


@given(AMOUNTS, st.integers(1, 50), st.integers(0, 500), st.data())
def test_the_units_of_a_line_cut_anywhere_sum_to_it(price: int, quantity: int, tax: int, data: st.DataObject) -> None:
    discount = data.draw(st.integers(0, price * quantity))
    placed = PlacedLine(line_id="1", sku="A", quantity=quantity, unit_price=price, discount=discount, tax=tax)
    cuts = sorted(data.draw(st.lists(st.integers(0, quantity), max_size=5)))
    for included in (True, False):
        total = line_total(placed, tax_included=included)
        edges = [0, *cuts, quantity]
        parts = [units_value(placed, start, stop, tax_included=included) for start, stop in pairwise(edges)]
        assert sum(parts) == total
        assert min(parts) >= 0
        each = [units_value(placed, unit, unit + 1, tax_included=included) for unit in range(quantity)]
        assert max(each) - min(each) <= 1


def run(order: CanonicalOrder, draw: Callable[[int], int], *, upfront: bool) -> Story:
    """Ship, cancel and settle the order in parts until nothing is open; `draw(n)` gives 0..n."""
    story = Story()
    for each in order.lines:
        story.stock.receive(each.sku, "WH1", 100)
    story.sync(check_order(order), STRIPE)
    if upfront:
        result = AuthorizationResult(state=AuthorizationState.CAPTURED, amount=order.total)
        story.do(RecordAuthorization(command_id=story.id("verify"), authorization=result))
    while units_at(story.order, Place.OPEN) + units_at(story.order, Place.ALLOCATED):
        wanted = wanted_units(story.order)
        plan = {line_id: draw(units) for line_id, units in wanted.items()}
        story.promise({"WH1": {line_id: units for line_id, units in plan.items() if units}})
        cancel = {line_id: draw(each.ledger.cancellable) for line_id, each in story.order.lines.items() if draw(3) == 0}
        cancel = {line_id: units for line_id, units in cancel.items() if units}
        if cancel:
            story.cancel(cancel)
        for known in list(story.order.fulfillment_orders):
            remaining = story.order.fulfillment_orders[known].remaining
            part = {line_id: draw(units) for line_id, units in remaining.items()}
            if any(part.values()):
                ordinal = int(known.rpartition("_")[2])
                story.ship({line_id: units for line_id, units in part.items() if units}, ordinal)
        if draw(2):
            story.settle()
    story.deliver_all()
    story.settle()
    return story


@given(orders(), SEEDS)
def test_captures_and_what_was_cancelled_sum_to_the_total_for_any_split(order: CanonicalOrder, seed: int) -> None:
    draw = random.Random(seed)
    story = run(order, lambda limit: draw.randint(0, limit), upfront=False)
    state = story.order
    cancelled = order.total - chargeable(state)
    assert state.payment.captured == chargeable(state) == owed(state)
    assert sum(state.payment.captures.values()) + cancelled == order.total
    assert min(state.payment.captures.values(), default=1) > 0
    assert due_captures(state) == ()
    assert not state.payment.refunds


@given(orders(), SEEDS)
def test_paid_before_the_refunds_of_cancelled_units_leave_what_the_others_cost(
    order: CanonicalOrder, seed: int
) -> None:
    draw = random.Random(seed)
    story = run(order, lambda limit: draw.randint(0, limit), upfront=True)
    state = story.order
    assert state.payment.captured == order.total
    assert state.payment.captured - state.payment.refunded == chargeable(state)
    assert all(refund.amount > 0 for refund in state.payment.refunds.values())
    assert order_status(state) in (OrderStatus.CLOSED, OrderStatus.CANCELLED)


@given(orders(), SEEDS)
def test_partial_refunds_some_of_which_fail_sum_to_the_whole(order: CanonicalOrder, seed: int) -> None:
    draw = random.Random(seed)
    story = run(order, lambda limit: limit, upfront=False)
    while True:
        left = {line_id: each.ledger.gone - each.refunded for line_id, each in story.order.lines.items()}
        left = {line_id: units for line_id, units in left.items() if units}
        if not left:
            break
        line_id = draw.choice(sorted(left))
        before = set(story.order.payment.refunds)
        story.refund({line_id: draw.randint(1, left[line_id])})
        (refund_id,) = set(story.order.payment.refunds) - before
        if draw.random() < 0.3 and story.order.payment.refunds[refund_id].open:
            story.refund_outcome(refund_id, "failed")
    header = refundable(story.order)
    assert header == order.shipping + order.fees + order.tips + order.duties + (
        0 if order.tax_included else order.shipping_tax + order.fee_tax
    )
    if header:
        story.refund(amount=header)
    assert story.order.payment.refunding == story.order.payment.captured
