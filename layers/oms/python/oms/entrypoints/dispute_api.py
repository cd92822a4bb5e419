"""Disputes of an order: shown with what the log knows against them, and answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.domain import ids
from oms.domain.codec import to_plain
from oms.domain.disputes import AnswerKind
from oms.domain.errors import OrderNotFoundError
from oms.domain.order.dispute_commands import AnswerDispute
from oms.domain.order.dispute_evidence import evidence, sentences
from oms.domain.order.stakes import free_to_refund, taken_for
from oms.entrypoints import http, wiring
from oms.entrypoints.order_api import known_form
from oms.entrypoints.telemetry import correlate

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

    from oms.application.orders import Loaded
    from oms.domain.order.dispute_state import Dispute
    from oms.domain.order.state import Order

STAFF: Final = ("finance", "service")


def show(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """Every dispute of the order, and the evidence as it stands."""
    http.require(app, *STAFF)
    return http.answer(_document(wiring.orders().load(known_form(order_id)), order_id))


def give_evidence(app: APIGatewayHttpResolver, order_id: str, dispute_id: str) -> Response[str]:
    """Send what the log knows; it is put together as of this call, and sent behind its answer."""
    from oms.entrypoints.requests.disputes import EvidenceBody

    role = http.require(app, *STAFF)
    asked = http.body(app, EvidenceBody)
    return _answer(app, order_id, dispute_id, AnswerKind.EVIDENCE, role, asked.defense)


def accept(app: APIGatewayHttpResolver, order_id: str, dispute_id: str) -> Response[str]:
    """Let the dispute be: the customer keeps the money."""
    role = http.require(app, "finance")
    http.no_body(app)
    return _answer(app, order_id, dispute_id, AnswerKind.ACCEPT, role)


def _answer(
    app: APIGatewayHttpResolver, order_id: str, dispute_id: str, kind: AnswerKind, role: str, defense: str = ""
) -> Response[str]:
    correlate(order_id)
    key = http.idempotency_key(app)
    command = AnswerDispute(
        command_id=ids.command_id("api", f"dispute {kind.value}", order_id, dispute_id, key),
        dispute_id=dispute_id,
        kind=kind,
        defense=defense,
    )
    wiring.orders().execute(known_form(order_id), command, http.api_cause(app, key, role))
    return http.answer(_document(wiring.orders().load(order_id), order_id), 202)


def _document(loaded: Loaded, order_id: str) -> dict[str, Any]:
    order = loaded.order
    if order is None:
        raise OrderNotFoundError("no such order", order_id=order_id)
    told = evidence(order_id, loaded.history.commits)
    return {
        "order_id": order_id,
        "currency": order.placed.currency,
        "refundable": free_to_refund(order),
        "disputes": [_dispute(order, each) for each in order.disputes.known.values()],
        "fraud_reports": [
            {"report_id": report_id, "reason": reason} for report_id, reason in order.disputes.reports.items()
        ],
        "evidence": {"sentences": list(sentences(told)), **to_plain(told)},
    }


def _dispute(order: Order, known: Dispute) -> dict[str, Any]:
    fees = [each for each in order.disputes.fees.values() if each.dispute_id == known.dispute_id]
    return {
        "dispute_id": known.dispute_id,
        "stage": known.stage.value,
        "status": known.status.value,
        "open": known.is_open,
        "amount": known.word.amount,
        "taken": taken_for(order, known.dispute_id),
        "reason": known.word.reason,
        "capture": known.capture_ref,
        "tender": known.tender,
        "respond_by": known.respond_by.isoformat() if known.respond_by else None,
        "fees": [{"amount": each.amount, "currency": each.currency} for each in fees],
        "answers": [
            {
                "answer_id": each.answer_id,
                "kind": each.kind.value,
                "status": each.status.value,
                "reason": each.reason,
            }
            for each in known.answers.values()
        ],
    }
