"""Deciding on disputes: what the provider tells of them, what follows, and how they are answered.

While a dispute is open or lost, what has not left is held; it is let go when the dispute ends in our favour. Lost, the
hold stays until a person says what becomes of the goods: the money is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.disputes import STAGES
from oms.domain.errors import DisputeClosedError, DisputeNotFoundError
from oms.domain.ids import derive
from oms.domain.order.charging import captured_upfront, owed
from oms.domain.order.dispute_facts import (
    DisputeAdvanced,
    DisputeAnswered,
    DisputeAnswerRefused,
    DisputeAnswerRequested,
    DisputeClosed,
    DisputeFeeCharged,
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeOpened,
    FraudReported,
)
from oms.domain.order.dispute_state import AnswerStatus
from oms.domain.order.events import HoldPlaced, HoldReleased, OrderEvent, RefundFailed
from oms.domain.order.evolve import fold
from oms.domain.order.refunding import requested
from oms.domain.order.stakes import free_to_refund, sendable
from oms.domain.order.state import RefundStatus
from oms.domain.payment_events import PaymentEventKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oms.domain.disputes import DisputeTold
    from oms.domain.order.dispute_commands import AnswerDispute, RecordDisputeAnswer
    from oms.domain.order.dispute_state import Dispute
    from oms.domain.order.state import Order
    from oms.domain.order.tenders import Tendered
    from oms.domain.payment_events import PaymentEvent

DISPUTE: Final = "dispute"
"""Kind of the hold that an order has while its payment is disputed."""
FRAUD_REPORT: Final = "fraud_report"
"""Kind of the hold that an order has of whose payment the issuer says that it was fraud."""
CHARGED_BACK: Final = "charged_back"
"""Why a refund fails whose money the customer has by a dispute."""


def record_told(order: Order, event: PaymentEvent, tender: Tendered) -> tuple[OrderEvent, ...]:
    """What is new in the provider's word on a dispute, and what follows from it; nothing of what was heard before."""
    told = event.dispute
    if told is None:
        return ()
    events = [*_word(order, told, tender.number), *_movements(order, told, tender.number)]
    after = fold(order.order_id, events, order) or order
    return (*events, *_holds(order, after), *_refunds(after)) if events else ()


def record_fraud(order: Order, event: PaymentEvent, _tender: Tendered) -> tuple[OrderEvent, ...]:
    """The issuer's report, once; what has not left waits for a person."""
    report_id = event.event_id
    if report_id in order.disputes.reports:
        return ()
    reported = FraudReported(report_id=report_id, amount=event.amount, reason=event.reason)
    hold_id = derive("hld", FRAUD_REPORT, order.order_id)
    if not _waits(order) or hold_id in order.holds:
        return (reported,)
    return (reported, HoldPlaced(hold_id=hold_id, kind=FRAUD_REPORT, reason=event.reason))


RECORDS: Final[Mapping[PaymentEventKind, Callable[[Order, PaymentEvent, Tendered], tuple[OrderEvent, ...]]]] = {
    PaymentEventKind.DISPUTE: record_told,
    PaymentEventKind.FRAUD_REPORT: record_fraud,
}


def _word(order: Order, told: DisputeTold, tender: int) -> list[OrderEvent]:
    word, known = told.word, order.disputes.known.get(told.dispute_ref)
    if word is None:
        return []
    closed = [] if word.is_open else [DisputeClosed(dispute_id=told.dispute_ref, word=word)]
    if known is None:
        opened = DisputeOpened(
            dispute_id=told.dispute_ref,
            word=word,
            capture_ref=told.capture_ref,
            respond_by=told.respond_by,
            tender=tender,
        )
        return [opened, *closed]
    later = told.respond_by is not None and (known.respond_by is None or told.respond_by > known.respond_by)
    later = later or STAGES.index(word.stage) > STAGES.index(known.stage)
    newer = word.place > known.word.place
    if newer and closed and not later:
        return [*closed]
    advanced = DisputeAdvanced(dispute_id=told.dispute_ref, word=word, respond_by=told.respond_by)
    return [advanced, *(closed if newer else [])] if newer or later else []


def _movements(order: Order, told: DisputeTold, tender: int) -> list[OrderEvent]:
    """What moved, each once. A fee is part of the movement it came with."""
    events: list[OrderEvent] = []
    known = order.disputes
    for each in told.movements:
        made = DisputeFundsWithdrawn if each.amount > 0 else DisputeFundsReinstated
        if each.amount and each.movement_id not in known.movements:
            events.append(
                made(
                    movement_id=each.movement_id,
                    amount=abs(each.amount),
                    dispute_id=told.dispute_ref,
                    capture_ref=told.capture_ref,
                    tender=tender,
                )
            )
        if each.fee and each.movement_id not in known.fees:
            events.append(
                DisputeFeeCharged(
                    movement_id=each.movement_id,
                    dispute_id=told.dispute_ref,
                    amount=each.fee,
                    currency=each.fee_currency,
                    tender=tender,
                )
            )
    return events


def _holds(before: Order, after: Order) -> list[OrderEvent]:
    """A hold when a dispute begins, or begins again; its end when that ends well.

    What a person let go of meanwhile is not held again by the next word.
    """
    events: list[OrderEvent] = []
    for dispute_id, known in after.disputes.known.items():
        was = before.disputes.known.get(dispute_id)
        held = was is not None and was.holds
        ids = [derive("hld", DISPUTE, dispute_id, str(number)) for number in range(len(after.holds) + 1)]
        if known.holds and not held and _waits(after):
            fresh = next(each for each in ids if each not in after.holds)
            events.append(HoldPlaced(hold_id=fresh, kind=DISPUTE, reason=known.word.reason))
        elif held and not known.holds:
            active = {hold.hold_id for hold in after.active_holds}
            events += [HoldReleased(hold_id=each) for each in ids if each in active]
    return events


def _refunds(order: Order) -> list[OrderEvent]:
    """Refunds that failed for good: of a tender of which nothing is open. Once nothing is, those that had to wait."""
    disputed = {each.tender for each in order.disputes.open}
    possible = {each.refund_id for each in sendable(order)}
    events: list[OrderEvent] = [
        RefundFailed(refund_id=each.refund_id, reason=CHARGED_BACK)
        for each in order.payment.refunds.values()
        if each.status is RefundStatus.REQUESTED and each.tender not in disputed and each.refund_id not in possible
    ]
    return events if disputed else [*events, *_due_back(order)]


def _due_back(order: Order) -> tuple[OrderEvent, ...]:
    """What was paid up front and is not owed since a cancellation, or an edit, while it was at stake.

    Only of an order that had one: what else was overpaid is for a person.
    """
    cancelled = any(line.ledger.live < line.placed.quantity for line in order.lines.values())
    over = order.payment.captured - order.payment.refunding - owed(order)
    amount = min(over, free_to_refund(order))
    if not (cancelled or order.edits) or not captured_upfront(order) or amount <= 0:
        return ()
    refund_id = derive("rfd", order.order_id, DISPUTE, *sorted(order.disputes.known))
    if refund_id in order.payment.refunds:
        return ()
    return requested(order, refund_id, amount, reason="cancelled" if cancelled else "edited")


def _waits(order: Order) -> bool:
    """Something has not left."""
    return any(line.ledger.cancellable for line in order.lines.values())


def answer(order: Order, command: AnswerDispute) -> tuple[OrderEvent, ...]:
    """An answer that is to be sent. To let a dispute be is final; evidence may be given again until it ends.

    Raises DisputeNotFoundError, DisputeClosedError (it ended, or was let be).
    """
    known = _known(order, command.dispute_id)
    answer_id = derive("ans", order.order_id, command.dispute_id, command.command_id)
    if answer_id in known.answers:
        return ()
    if not known.is_open or known.given_up:
        raise DisputeClosedError("the dispute has ended, or was let be", dispute_id=known.dispute_id)
    return (
        DisputeAnswerRequested(
            dispute_id=known.dispute_id, answer_id=answer_id, kind=command.kind, defense=command.defense
        ),
    )


def record_answer(order: Order, command: RecordDisputeAnswer) -> tuple[OrderEvent, ...]:
    """The provider's word on an answer, once. Raises DisputeNotFoundError."""
    known = _known(order, command.dispute_id).answers.get(command.answer_id)
    if known is None:
        raise DisputeNotFoundError("no such answer", answer_id=command.answer_id)
    if known.status is not AnswerStatus.REQUESTED:
        return ()
    if command.refused:
        refused = DisputeAnswerRefused(
            dispute_id=command.dispute_id, answer_id=command.answer_id, reason=command.refused
        )
        return (refused,)
    sent = DisputeAnswered(dispute_id=command.dispute_id, answer_id=command.answer_id, reference=command.reference)
    return (sent,)


def _known(order: Order, dispute_id: str) -> Dispute:
    known = order.disputes.known.get(dispute_id)
    if known is None:
        raise DisputeNotFoundError("the order has no such dispute", dispute_id=dispute_id)
    return known
