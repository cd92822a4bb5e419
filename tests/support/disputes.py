"""A provider's words on the dispute of a story's payment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.disputes import DisputeStage, DisputeStatus, DisputeTold, DisputeWord, MovementTold
from oms.domain.order import commands as cmd
from oms.domain.payment_events import PaymentEvent, PaymentEventKind
from tests.support.builders import minutes

if TYPE_CHECKING:
    from datetime import datetime

    from oms.domain.order.events import OrderEvent
    from tests.support.builders import Story

RANKS = {
    (DisputeStage.INQUIRY, DisputeStatus.NEEDS_RESPONSE): 0,
    (DisputeStage.INQUIRY, DisputeStatus.WITHDRAWN): 2,
    (DisputeStage.CHARGEBACK, DisputeStatus.NEEDS_RESPONSE): 3,
    (DisputeStage.CHARGEBACK, DisputeStatus.UNDER_REVIEW): 4,
    (DisputeStage.CHARGEBACK, DisputeStatus.WON): 5,
    (DisputeStage.CHARGEBACK, DisputeStatus.LOST): 5,
}
"""As `oms.payments.stripe_disputes` has them."""


def told(  # noqa: PLR0913
    status: DisputeStatus = DisputeStatus.NEEDS_RESPONSE,
    amount: int = 3000,
    *,
    at: float = 100,
    stage: DisputeStage = DisputeStage.CHARGEBACK,
    moved: dict[str, int] | None = None,
    respond_by: datetime | None = None,
    fees: dict[str, tuple[int, str]] | None = None,
    ref: str = "dp_1",
    event_id: str = "",
    payment: tuple[str, str] = ("stripe", "pi_1"),
    capture: str = "ch_1",
) -> PaymentEvent:
    """An event of a dispute in the words of Stripe. `moved`: by movement, what was taken (negative: given back).

    `payment`: whose it is, (provider, reference).
    """
    word = DisputeWord(
        status=status,
        stage=stage,
        amount=amount,
        at=minutes(at),
        event_id=event_id or f"evt_{at:g}_{status.value}",
        rank=RANKS[(stage, status)],
        reason="fraudulent",
    )
    charged = fees or {}
    movements = tuple(
        MovementTold(
            movement_id=key,
            amount=taken,
            fee=charged.get(key, (0, ""))[0],
            fee_currency=charged.get(key, (0, ""))[1],
        )
        for key, taken in (moved or {}).items()
    )
    said = DisputeTold(dispute_ref=ref, capture_ref=capture, word=word, respond_by=respond_by, movements=movements)
    return PaymentEvent(
        source=payment[0],
        account="acct",
        event_id=word.event_id,
        kind=PaymentEventKind.DISPUTE,
        occurred_at=minutes(at),
        payment_ref=payment[1],
        charge_ref=capture,
        currency="EUR",
        amount=amount,
        dispute=said,
    )


def hear(story: Story, event: PaymentEvent) -> tuple[OrderEvent, ...]:
    """The event taken in, as often as it comes."""
    return story.do(cmd.RecordProviderEvent(command_id=story.id("provider"), event=event))
