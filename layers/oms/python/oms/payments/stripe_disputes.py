"""Stripe's disputes, as `charge.dispute.*` events carry them: the whole object, each time.

Rules: https://docs.stripe.com/api/disputes/object, https://docs.stripe.com/disputes/how-disputes-work. What was taken
and given back stands in `balance_transactions`, with Stripe's fee, in the currency of the account's balance: where that
is not the payment's, what moved is the disputed amount.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.disputes import DisputeStage, DisputeStatus, DisputeTold, DisputeWord, MovementTold
from oms.domain.vendor_money import STRIPE, from_vendor_amount

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from oms.channels.payload import Fields

TOPICS: Final = frozenset(
    f"charge.dispute.{each}" for each in ("created", "updated", "funds_withdrawn", "funds_reinstated", "closed")
)
_MEANS: Final[Mapping[str, tuple[int, DisputeStage, DisputeStatus]]] = {
    "warning_needs_response": (0, DisputeStage.INQUIRY, DisputeStatus.NEEDS_RESPONSE),
    "warning_under_review": (1, DisputeStage.INQUIRY, DisputeStatus.UNDER_REVIEW),
    "warning_closed": (2, DisputeStage.INQUIRY, DisputeStatus.WITHDRAWN),
    "prevented": (2, DisputeStage.INQUIRY, DisputeStatus.WITHDRAWN),
    "needs_response": (3, DisputeStage.CHARGEBACK, DisputeStatus.NEEDS_RESPONSE),
    "under_review": (4, DisputeStage.CHARGEBACK, DisputeStatus.UNDER_REVIEW),
    "won": (5, DisputeStage.CHARGEBACK, DisputeStatus.WON),
    "lost": (5, DisputeStage.CHARGEBACK, DisputeStatus.LOST),
}
"""How far each status is, and what it says. An inquiry may become a chargeback; nothing leads back."""


def read(subject: Fields, currency: str, charge: str, event_id: str, at: datetime) -> tuple[int, DisputeTold]:
    """(disputed amount, what is told); raises MalformedPayloadError."""
    means = _MEANS.get(subject.text("status"))
    if means is None:
        raise subject.refuse("status", "a dispute must have a status that is known")
    rank, stage, status = means
    amount = from_vendor_amount(STRIPE, subject.integer("amount"), currency)
    if amount < 0:
        raise subject.refuse("amount", "an amount must not be negative")
    word = DisputeWord(
        status=status, stage=stage, amount=amount, at=at, event_id=event_id, rank=rank, reason=subject.word("reason")
    )
    told = DisputeTold(
        dispute_ref=subject.identifier("id"),
        capture_ref=charge,
        word=word,
        respond_by=subject.child("evidence_details").unix("due_by"),
        movements=tuple(_movement(each, amount, currency) for each in subject.children("balance_transactions")),
    )
    return amount, told


def _movement(moved: Fields, disputed: int, currency: str) -> MovementTold:
    of_balance = moved.currency("currency")
    net = moved.integer("amount")
    amount = from_vendor_amount(STRIPE, abs(net), currency) if of_balance == currency else disputed
    fee = moved.integer("fee", 0)
    charged = from_vendor_amount(STRIPE, abs(fee), of_balance)
    return MovementTold(
        movement_id=moved.identifier("id"),
        amount=amount if net < 0 else -amount,
        fee=charged if fee >= 0 else -charged,
        fee_currency=of_balance if fee else "",
    )
