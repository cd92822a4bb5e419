"""What an order's disputes are after its events: of words the highest, of days the latest, of movements each once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from oms.domain.disputes import STAGES
from oms.domain.order import dispute_facts as facts
from oms.domain.order.dispute_state import Answer, AnswerStatus, Dispute, Disputes, Fee, Movement
from oms.domain.order.folding import evolve

if TYPE_CHECKING:
    from datetime import datetime

    from oms.domain.disputes import DisputeWord
    from oms.domain.order.state import Order


@evolve.register(facts.DisputeOpened)
def _(event: facts.DisputeOpened, state: Order) -> Order:
    known = state.disputes.known.get(event.dispute_id)
    if known is not None:
        return _with(state, _heard(known, event.word, event.respond_by))
    made = Dispute(
        dispute_id=event.dispute_id,
        word=event.word,
        stage=event.word.stage,
        capture_ref=event.capture_ref,
        respond_by=event.respond_by,
        tender=event.tender,
    )
    return _with(state, made)


@evolve.register(facts.DisputeAdvanced)
def _(event: facts.DisputeAdvanced, state: Order) -> Order:
    return _with(state, _heard(state.disputes.known[event.dispute_id], event.word, event.respond_by))


@evolve.register(facts.DisputeClosed)
def _(event: facts.DisputeClosed, state: Order) -> Order:
    return _with(state, _heard(state.disputes.known[event.dispute_id], event.word, None))


@evolve.register(facts.DisputeFundsWithdrawn)
def _(event: facts.DisputeFundsWithdrawn, state: Order) -> Order:
    return _moved(state, event, event.amount)


@evolve.register(facts.DisputeFundsReinstated)
def _(event: facts.DisputeFundsReinstated, state: Order) -> Order:
    return _moved(state, event, -event.amount)


@evolve.register(facts.DisputeFeeCharged)
def _(event: facts.DisputeFeeCharged, state: Order) -> Order:
    fee = Fee(amount=event.amount, currency=event.currency, dispute_id=event.dispute_id, tender=event.tender)
    disputes = state.disputes
    return replace(state, disputes=replace(disputes, fees={**disputes.fees, event.movement_id: fee}))


@evolve.register(facts.DisputeAnswerRequested)
def _(event: facts.DisputeAnswerRequested, state: Order) -> Order:
    answer = Answer(answer_id=event.answer_id, kind=event.kind, defense=event.defense)
    return _answer(state, event.dispute_id, answer)


@evolve.register(facts.DisputeAnswered)
def _(event: facts.DisputeAnswered, state: Order) -> Order:
    answer = state.disputes.known[event.dispute_id].answers[event.answer_id]
    return _answer(state, event.dispute_id, replace(answer, status=AnswerStatus.SENT, reference=event.reference))


@evolve.register(facts.DisputeAnswerRefused)
def _(event: facts.DisputeAnswerRefused, state: Order) -> Order:
    answer = state.disputes.known[event.dispute_id].answers[event.answer_id]
    return _answer(state, event.dispute_id, replace(answer, status=AnswerStatus.REFUSED, reason=event.reason))


@evolve.register(facts.FraudReported)
def _(event: facts.FraudReported, state: Order) -> Order:
    disputes = state.disputes
    return replace(state, disputes=replace(disputes, reports={**disputes.reports, event.report_id: event.reason}))


def _heard(known: Dispute, word: DisputeWord, respond_by: datetime | None) -> Dispute:
    days = [each for each in (known.respond_by, respond_by) if each is not None]
    return replace(
        known,
        word=max(known.word, word, key=lambda each: each.place),
        stage=max(known.stage, word.stage, key=STAGES.index),
        respond_by=max(days, default=None),
    )


def _moved(state: Order, event: facts.DisputeFundsWithdrawn | facts.DisputeFundsReinstated, amount: int) -> Order:
    made = Movement(amount=amount, dispute_id=event.dispute_id, capture_ref=event.capture_ref, tender=event.tender)
    disputes = state.disputes
    return replace(state, disputes=replace(disputes, movements={**disputes.movements, event.movement_id: made}))


def _answer(state: Order, dispute_id: str, answer: Answer) -> Order:
    known = state.disputes.known[dispute_id]
    return _with(state, replace(known, answers={**known.answers, answer.answer_id: answer}))


def _with(state: Order, known: Dispute) -> Order:
    disputes: Disputes = state.disputes
    return replace(state, disputes=replace(disputes, known={**disputes.known, known.dispute_id: known}))
