"""Send what was asked for to be sent in disputes: evidence, or that we let one be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.application.gateways import AnswersDisputes
from oms.domain import ids
from oms.domain.disputes import AnswerKind
from oms.domain.errors import UpstreamRefusedError
from oms.domain.order.dispute_commands import RecordDisputeAnswer
from oms.domain.order.dispute_evidence import as_asked, evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oms.application.gateways import PaymentProvider
    from oms.application.orders import Loaded, Orders
    from oms.domain.commit import Cause
    from oms.domain.order.dispute_evidence import Evidence
    from oms.domain.order.dispute_state import Answer, Dispute

    Render = Callable[[Evidence], bytes]


def send_answers(
    orders: Orders, providers: Mapping[str, PaymentProvider], loaded: Loaded, render: Render, cause: Cause
) -> int:
    """Every answer that is due, each to its payment's provider and under a key of its own; how many were recorded.

    Raises UpstreamError when the provider does not answer. What it refuses is recorded, for a person.
    """
    order = loaded.order
    if order is None:
        return 0
    due = order.disputes.due_answers
    for known, answer in due:
        provider = providers[order.payment.tenders[known.tender - 1].provider]
        commits = as_asked(loaded.history.commits, answer.answer_id)
        try:
            reference, refused = _send(provider, evidence(order.order_id, commits), known, answer, render), ""
        except UpstreamRefusedError as refusal:
            reference, refused = "", str(refusal.context.get("vendor_code", refusal.code))
        command = RecordDisputeAnswer(
            command_id=ids.command_id("dispute-answer", answer.answer_id),
            dispute_id=known.dispute_id,
            answer_id=answer.answer_id,
            reference=reference,
            refused=refused,
        )
        orders.execute(order.order_id, command, cause)
    return len(due)


def _send(provider: PaymentProvider, told: Evidence, known: Dispute, answer: Answer, render: Render) -> str:
    if not isinstance(provider, AnswersDisputes):
        raise UpstreamRefusedError("this provider takes no answers to disputes", vendor_code="not_supported")
    if answer.kind is AnswerKind.ACCEPT:
        return provider.accept_dispute(known.dispute_id, answer.answer_id)
    return provider.defend_dispute(
        known.dispute_id, told, answer.answer_id, defense=answer.defense, document=lambda: render(told)
    )
