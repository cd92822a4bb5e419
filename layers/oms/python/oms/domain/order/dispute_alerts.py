"""What of an order's disputes a person is told of."""

from __future__ import annotations

from typing import Any, Final

from oms.domain.order.dispute_facts import (
    DisputeAnswerRefused,
    DisputeClosed,
    DisputeFundsWithdrawn,
    DisputeOpened,
    FraudReported,
)

DISPUTE: Final = "dispute"


def alert_of(event: Any) -> dict[str, Any]:
    """The row of a fact that somebody should know: what it is about, and by when to answer.

    Empty for every other event. Money that is taken for a dispute that is known is no news.
    """
    match event:
        case DisputeOpened():
            about = _about(event.dispute_id, event.word.status.value, event.word.amount, event.word.reason)
            return {**about, "respond_by": event.respond_by.isoformat() if event.respond_by else ""}
        case DisputeClosed():
            return _about(event.dispute_id, event.word.status.value, event.word.amount, event.word.reason)
        case DisputeAnswerRefused():
            return _about(event.dispute_id, "answer_refused", 0, event.reason)
        case DisputeFundsWithdrawn(dispute_id=""):
            return _about("", "funds_withdrawn", event.amount, "")
        case FraudReported():
            return {"kind": "fraud_report", "amount": event.amount, "reason": event.reason}
    return {}


def _about(dispute_id: str, state: str, amount: int, reason: str) -> dict[str, Any]:
    shown = {"kind": DISPUTE, "dispute_id": dispute_id, "state": state, "amount": amount, "reason": reason}
    return {name: value for name, value in shown.items() if value}
