"""PayPal's disputes, and what it takes back of a capture.

Rules: https://developer.paypal.com/docs/api/customer-disputes/v1/,
https://developer.paypal.com/api/rest/webhooks/event-names/#disputes. Two kinds of events, neither of which has all:
CUSTOMER.DISPUTE.* carry the dispute and name its captures, PAYMENT.CAPTURE.REVERSED says that the money of a capture
was taken, and names no dispute. The two meet by the capture. That the money came back is said by the dispute's end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.disputes import DisputeStage, DisputeStatus, DisputeTold, DisputeWord, MovementTold
from oms.domain.vendor_money import PAYPAL, from_vendor_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from oms.channels.payload import Fields

REVERSED: Final = "PAYMENT.CAPTURE.REVERSED"
DISPUTES: Final = frozenset(f"CUSTOMER.DISPUTE.{each}" for each in ("CREATED", "UPDATED", "RESOLVED"))

_STAGES: Final[Mapping[str, tuple[int, DisputeStage]]] = {
    "INQUIRY": (0, DisputeStage.INQUIRY),
    "CHARGEBACK": (2, DisputeStage.CHARGEBACK),
    "PRE_ARBITRATION": (4, DisputeStage.ARBITRATION),
    "ARBITRATION": (6, DisputeStage.ARBITRATION),
}
_RESOLVED: Final = "RESOLVED"
_OURS: Final = frozenset({"WAITING_FOR_SELLER_RESPONSE", "OPEN"})
_OUTCOMES: Final[Mapping[str, DisputeStatus]] = {
    "RESOLVED_BUYER_FAVOUR": DisputeStatus.LOST,
    "RESOLVED_SELLER_FAVOUR": DisputeStatus.WON,
    "RESOLVED_WITH_PAYOUT": DisputeStatus.WON,
    "CANCELED_BY_BUYER": DisputeStatus.WITHDRAWN,
    "DENIED": DisputeStatus.WON,
    "ACCEPTED": DisputeStatus.ACCEPTED,
    "NONE": DisputeStatus.WITHDRAWN,
}
"""RESOLVED_WITH_PAYOUT: PayPal paid both sides."""
_KEPT: Final = frozenset({DisputeStatus.WON, DisputeStatus.WITHDRAWN})


def read(resource: Fields, event_id: str, at: datetime) -> tuple[str, str, int, DisputeTold]:
    """(capture, currency, disputed amount, what is told); raises MalformedPayloadError, UnknownCurrencyError."""
    captures = [
        each.optional_identifier("seller_transaction_id") for each in resource.children("disputed_transactions")
    ]
    capture = next((each for each in captures if each), "")
    if not capture:
        raise resource.refuse("disputed_transactions", "a dispute must name its capture")
    money = resource.child("dispute_amount")
    currency = money.currency("currency_code")
    amount = from_vendor_text(PAYPAL, money.text("value"), currency)
    rank, stage = _STAGES.get(resource.text("dispute_life_cycle_stage"), _STAGES["INQUIRY"])
    status, resolved = _status(resource)
    word = DisputeWord(
        status=status,
        stage=stage,
        amount=amount,
        at=resource.moment("update_time") or at,
        event_id=event_id,
        rank=rank + resolved,
        reason=resource.word("reason"),
        returns_funds=status in _KEPT,
    )
    told = DisputeTold(
        dispute_ref=resource.identifier("dispute_id"),
        capture_ref=capture,
        word=word,
        respond_by=resource.moment("seller_response_due_date"),
    )
    return capture, currency, amount, told


def _status(resource: Fields) -> tuple[DisputeStatus, bool]:
    """How it stands, and whether it has ended."""
    status = resource.text("status")
    if status == _RESOLVED:
        outcome = resource.child("dispute_outcome").text("outcome_code")
        known = _OUTCOMES.get(outcome)
        if known is None:
            raise resource.refuse("dispute_outcome", "a dispute that has ended must have an outcome that is known")
        return known, True
    return (DisputeStatus.NEEDS_RESPONSE if status in _OURS else DisputeStatus.UNDER_REVIEW), False


def taken(event_id: str, resource: Fields, capture: str, amount: int) -> DisputeTold:
    """What PAYMENT.CAPTURE.REVERSED tells: the money of a capture was taken, for a dispute that it does not name."""
    movement = resource.optional_identifier("id") or event_id
    return DisputeTold(
        capture_ref=capture, movements=(MovementTold(movement_id=f"reversed:{movement}", amount=amount),)
    )
