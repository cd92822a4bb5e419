"""Any order that is paid by several: no tender gives more than it holds or gets back more than it gave."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from oms.domain.disputes import DisputeStatus
from oms.domain.errors import RefusedError
from oms.domain.order import commands as cmd
from oms.domain.order.accounts import balances, drift, imbalance
from oms.domain.order.charging import due_captures, due_voids, money_due, owed, refundable
from oms.domain.order.events import PaymentPlan, RefundRequested
from oms.domain.order.payment_facts import Tender
from oms.domain.order.promising import wanted_units
from oms.domain.order.stakes import free_of, free_to_refund, stakes
from oms.domain.order.state import RefundStatus
from oms.domain.order.status import payment_cleared
from oms.domain.order.tender_commands import AddTender, RecordPayment
from oms.domain.order.tenders import account_of, captured_of, of_tender, read_key, refundable_of
from oms.domain.payment_events import CaptureState
from oms.domain.payments import AuthorizationResult, AuthorizationState
from tests.support.builders import Story, line, snapshot
from tests.support.disputes import hear, told

if TYPE_CHECKING:
    from oms.domain.order.state import Order

PROVIDERS = ("stripe", "adyen", "paypal", "stripe", "on_invoice")


def split(draw: st.DrawFn, total: int) -> tuple[Tender, ...]:
    """The total over two to four tenders."""
    count = draw(st.integers(2, 4))
    cuts = sorted(
        draw(st.lists(st.integers(1, max(1, total - 1)), min_size=count - 1, max_size=count - 1, unique=True))
    )
    parts = [end - start for start, end in zip([0, *cuts], [*cuts, total], strict=True)]
    return tuple(
        Tender(provider=draw(st.sampled_from(PROVIDERS)), reference=f"ref_{number}", amount=part, terms_days=0)
        for number, part in enumerate(parts, 1)
        if part > 0
    )


@st.composite
def stories(draw: st.DrawFn) -> tuple[Story, st.DataObject]:
    """An order by several tenders, all authorized, all bound."""
    lines = [
        line(str(number), draw(st.integers(1, 4)), draw(st.integers(5, 3000)), tax=draw(st.integers(0, 99)))
        for number in range(1, draw(st.integers(1, 3)) + 1)
    ]
    order = snapshot(
        *lines,
        shipping=draw(st.sampled_from([0, 495])),
        currency=draw(st.sampled_from(["JPY", "EUR", "KWD"])),
        tax_included=draw(st.booleans()),
    )
    tenders = split(draw, order.total)
    story = Story()
    for each in order.lines:
        story.stock.receive(each.sku, "WH1", 100)
    first = tenders[0]
    story.sync(order, PaymentPlan(provider=first.provider, reference=first.reference), tenders=tenders)
    return story, draw(st.data())


def authorize_all(story: Story) -> None:
    for each in story.order.payment.tenders:
        if not each.on_invoice:
            held = AuthorizationResult(state=AuthorizationState.AUTHORIZED, amount=each.amount)
            story.do(cmd.RecordAuthorization(command_id=story.id(), authorization=held, tender=each.number))


def what_must_hold(order: Order) -> None:
    payment = order.payment
    for each in payment.tenders:
        taken = captured_of(payment, each.number)
        assert 0 <= taken + of_tender(payment.submitted, each.number) <= each.amount, each
        assert 0 <= refundable_of(payment, each.number) <= taken, each
    assert sum(captured_of(payment, each.number) for each in payment.tenders) == payment.captured
    assert sum(refundable_of(payment, each.number) for each in payment.tenders) == refundable(order)
    still = max(0, owed(order) - payment.captured - sum(payment.submitted.values()))
    assert sum(each.amount for each in due_captures(order)) <= still, "nothing is taken beyond what is owed"
    assert sum(balances(order).values()) == 0
    assert imbalance(balances(order)) == 0


def capture(story: Story, data: st.DataObject) -> None:
    due = due_captures(story.order)
    if due:
        one = data.draw(st.sampled_from(due))
        story.do(
            cmd.RecordCapture(
                command_id=story.id(),
                shipment_id=one.shipment_id,
                capture_id=f"ch_{story.count}",
                amount=one.amount,
                state=data.draw(st.sampled_from([CaptureState.SUCCEEDED] * 3 + [CaptureState.PENDING])),
                tender=one.tender,
            )
        )


def ship(story: Story, data: st.DataObject) -> None:
    for number, known in enumerate(tuple(story.order.fulfillment_orders.values()), 1):
        if known.remaining:
            line_id = data.draw(st.sampled_from(sorted(known.remaining)))
            story.ship({line_id: data.draw(st.integers(1, known.remaining[line_id]))}, number)
            return


def refund(story: Story, data: st.DataObject) -> None:
    left = refundable(story.order)
    amount = data.draw(st.integers(1, max(1, left + 3)))
    before = story.order
    try:
        events = story.refund(amount=amount)
    except RefusedError:
        assert amount > left
        assert story.order is before, "nothing moved"
        return
    assert sum(each.amount for each in events if isinstance(each, RefundRequested)) == amount, "parts sum"


def outcome(story: Story, data: st.DataObject) -> None:
    known = [each for each in story.order.payment.refunds.values() if each.status is not RefundStatus.FAILED]
    if known:
        one = data.draw(st.sampled_from(known))
        story.refund_outcome(one.refund_id, data.draw(st.sampled_from(["submitted", "succeeded", "failed"])))


def undo(story: Story, data: st.DataObject) -> None:
    """The provider takes back, or refuses, a capture."""
    asked = [
        key for key in {**story.order.payment.captures, **story.order.payment.submitted} if not key.startswith(":")
    ]
    if not asked:
        return
    key = data.draw(st.sampled_from(sorted(asked)))
    shipment_id, tender = read_key(key)
    amount = story.order.payment.captures.get(key, 0) or story.order.payment.submitted.get(key, 0)
    record = cmd.RecordCapture(
        command_id=story.id(),
        shipment_id=shipment_id,
        capture_id="ch_x",
        amount=amount,
        state=CaptureState.FAILED,
        tender=tender,
    )
    try:
        story.do(record)
    except RefusedError:
        assert refundable_of(story.order.payment, tender) < amount


def cancel(story: Story, data: st.DataObject) -> None:
    able = [line_id for line_id, each in story.order.lines.items() if each.ledger.cancellable]
    if able:
        story.cancel({data.draw(st.sampled_from(able)): 1})


def pay(story: Story, data: st.DataObject) -> None:
    """Money comes for what is on invoice: never more than is open."""
    amount = data.draw(st.integers(1, 4000))
    try:
        story.do(RecordPayment(command_id=story.id(), amount=amount, reference=f"BANK-{story.count}"))
    except RefusedError:
        return
    assert story.order.payment.captured <= owed(story.order)


def add(story: Story, data: st.DataObject) -> None:
    tender = Tender(provider="stripe", reference=f"pi_{story.count}", amount=data.draw(st.integers(1, 500)))
    try:
        story.do(AddTender(command_id=story.id(), tender=tender))
    except RefusedError:
        return
    authorize_all(story)


STEPS = (capture, capture, ship, ship, refund, outcome, undo, cancel, pay, add)


@given(stories())
def test_no_tender_gives_more_than_it_holds_or_gets_back_more_than_it_gave(
    told: tuple[Story, st.DataObject],
) -> None:
    story, data = told
    authorize_all(story)
    assert payment_cleared(story.order), "all of them together hold it"
    story.promise({"WH1": wanted_units(story.order)})
    for _ in range(data.draw(st.integers(1, 14))):
        data.draw(st.sampled_from(STEPS))(story, data)
        what_must_hold(story.order)


@given(stories())
def test_what_has_left_is_paid_to_the_minor_unit(told: tuple[Story, st.DataObject]) -> None:
    """Whatever was cancelled before, and however it was shipped: the parts of all tenders sum to what is owed."""
    story, data = told
    early = data.draw(st.lists(st.booleans(), min_size=4, max_size=4))
    for each, whole in zip(story.order.payment.tenders, early, strict=False):
        if whole and not each.on_invoice:
            result = AuthorizationResult(state=AuthorizationState.CAPTURED, amount=each.amount)
            story.do(cmd.RecordAuthorization(command_id=story.id(), authorization=result, tender=each.number))
    authorize_all(story)
    story.promise({"WH1": wanted_units(story.order)})
    for _ in range(data.draw(st.integers(0, 3))):
        data.draw(st.sampled_from((cancel, ship, capture, pay)))(story, data)
    while any(known.remaining for known in story.order.fulfillment_orders.values()):
        ship(story, data)
    for due in iter(lambda: next(iter(due_captures(story.order)), None), None):
        story.do(
            cmd.RecordCapture(
                command_id=story.id(),
                shipment_id=due.shipment_id,
                capture_id=f"ch_{story.count}",
                amount=due.amount,
                tender=due.tender,
            )
        )
    for key, amount in tuple(story.order.payment.submitted.items()):
        shipment_id, number = read_key(key)
        story.do(
            cmd.RecordCapture(
                command_id=story.id(),
                shipment_id=shipment_id,
                capture_id="late",
                amount=amount,
                tender=number,
            )
        )
    for number in due_voids(story.order):
        story.do(cmd.RecordVoid(command_id=story.id(), tender=number))
    story.settle()
    open_ = owed(story.order) - story.order.payment.captured + story.order.payment.refunding
    assert 0 <= open_ <= sum(each.amount for each in story.order.payment.tenders if each.on_invoice)
    if open_:
        story.do(RecordPayment(command_id=story.id(), amount=open_, reference="BANK-1"))
    assert story.order.payment.captured - story.order.payment.refunding == owed(story.order)
    assert not money_due(story.order)
    assert drift(story.order) == 0
    what_must_hold(story.order)


@given(st.lists(st.integers(1, 500), min_size=2, max_size=4), st.data())
def test_a_refund_goes_to_tenders_in_their_order(amounts: list[int], data: st.DataObject) -> None:
    story = Story()
    tenders = tuple(Tender(provider="stripe", reference=f"pi_{n}", amount=each) for n, each in enumerate(amounts))
    order = snapshot(line("1", 1, sum(amounts)))
    story.stock.receive("SKU-1", "WH1", 1)
    story.sync(order, PaymentPlan(provider="stripe", reference="pi_0"), tenders=tenders)
    authorize_all(story)
    story.promise()
    story.ship()
    for due in due_captures(story.order):
        captured = cmd.RecordCapture(
            command_id=story.id(), shipment_id=due.shipment_id, capture_id="c", amount=due.amount, tender=due.tender
        )
        story.do(captured)
    amount = data.draw(st.integers(1, sum(amounts)))
    parts = [each.amount for each in story.refund(amount=amount) if isinstance(each, RefundRequested)]
    left, wanted = amount, []
    for each in amounts:
        wanted.append(min(each, left))
        left -= wanted[-1]
    assert parts == [each for each in wanted if each]


def accounts_of(story: Story) -> dict[int, int]:
    """What each tender stands at; debits are credits."""
    found = balances(story.order)
    assert sum(found.values()) == 0
    payment = story.order.payment
    return {each.number: found.get(account_of(payment, each, "tender:"), 0) for each in payment.tenders}


@given(stories())
def test_of_several_the_one_that_is_disputed_moves_alone(told_story: tuple[Story, st.DataObject]) -> None:
    """Refunds at any time between: what is at stake never goes back, and comes back when the dispute is won."""
    story, data = told_story
    authorize_all(story)
    story.promise({"WH1": wanted_units(story.order)})
    for _ in range(data.draw(st.integers(2, 8))):
        data.draw(st.sampled_from((ship, capture, capture, refund)))(story, data)
    payment = story.order.payment
    able = [each for each in payment.tenders if not each.on_invoice and refundable_of(payment, each.number) > 0]
    if not able:
        return
    one = data.draw(st.sampled_from(able))
    amount = data.draw(st.integers(1, refundable_of(payment, one.number)))
    said: dict[str, Any] = {"payment": (one.provider, one.reference), "capture": f"ch_{one.number}"}
    before, outcomes = accounts_of(story), st.sampled_from([DisputeStatus.WON, DisputeStatus.LOST])
    hear(story, replace(told(amount=amount, moved={"txn_1": amount}, **said), currency=story.order.placed.currency))
    assert accounts_of(story) == {**before, one.number: before[one.number] - amount}
    assert free_of(story.order, one.number) <= refundable_of(story.order.payment, one.number) - amount
    for _ in range(data.draw(st.integers(0, 3))):
        asked = data.draw(st.integers(1, 4000))
        free = free_to_refund(story.order)
        try:
            story.refund(amount=asked)
        except RefusedError:
            assert asked > free
            continue
        assert asked <= free
        assert refundable_of(story.order.payment, one.number) >= amount, "what is at stake went back"
    story.settle()
    between, outcome = accounts_of(story), data.draw(outcomes)
    moved = {"txn_1": amount} | ({"txn_2": -amount} if outcome is DisputeStatus.WON else {})
    hear(story, replace(told(outcome, amount, at=200, moved=moved, **said), currency=story.order.placed.currency))
    back = amount if outcome is DisputeStatus.WON else 0
    assert accounts_of(story) == {**between, one.number: between[one.number] + back}
    assert (stakes(story.order).taken, stakes(story.order).at_stake) == (amount - back,) * 2
    assert imbalance(balances(story.order)) == 0, "none gave back more than it took"
