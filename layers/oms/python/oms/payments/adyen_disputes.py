"""Adyen's disputes, told code by code.

Rules: https://docs.adyen.com/risk-management/disputes-api/dispute-notifications (all codes of a dispute have one PSP
reference), https://docs.adyen.com/risk-management/understanding-disputes/dispute-process-and-flow. Money moves with
CHARGEBACK, CHARGEBACK_REVERSED, SECOND_CHARGEBACK and the end of a pre-arbitration, once each. The scheme's reason, the
day to answer by and how a dispute stood when its time was over are not signed: none of them moves money.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.disputes import DisputeStage, DisputeStatus, DisputeTold, DisputeWord, MovementTold

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from oms.channels.payload import Fields

FRAUD: Final = "NOTIFICATION_OF_FRAUD"
_INQUIRY, _CHARGEBACK, _ARBITRATION = DisputeStage.INQUIRY, DisputeStage.CHARGEBACK, DisputeStage.ARBITRATION
_MEANS: Final[Mapping[str, tuple[int, DisputeStage, DisputeStatus, int]]] = {
    "REQUEST_FOR_INFORMATION": (0, _INQUIRY, DisputeStatus.NEEDS_RESPONSE, 0),
    "NOTIFICATION_OF_CHARGEBACK": (1, _CHARGEBACK, DisputeStatus.NEEDS_RESPONSE, 0),
    "CHARGEBACK": (2, _CHARGEBACK, DisputeStatus.NEEDS_RESPONSE, 1),
    "INFORMATION_SUPPLIED": (3, _INQUIRY, DisputeStatus.UNDER_REVIEW, 0),
    "DISPUTE_DEFENSE_PERIOD_ENDED": (4, _CHARGEBACK, DisputeStatus.LOST, 0),
    "CHARGEBACK_REVERSED": (5, _CHARGEBACK, DisputeStatus.WON, -1),
    "PREARBITRATION_OPENED": (6, _ARBITRATION, DisputeStatus.NEEDS_RESPONSE, 0),
    "SECOND_CHARGEBACK": (7, _ARBITRATION, DisputeStatus.LOST, 1),
    "PREARBITRATION_LOST": (8, _ARBITRATION, DisputeStatus.LOST, 0),
    "PREARBITRATION_WON": (8, _ARBITRATION, DisputeStatus.WON, 0),
}
"""How far each code is, what it says, and whether money was taken (1) or given back (-1) with it. Of any stage is
INFORMATION_SUPPLIED, so it says the first."""
CODES: Final = frozenset({*_MEANS, FRAUD})
_ENDED: Final[Mapping[str, DisputeStatus]] = {
    "lost": DisputeStatus.LOST,
    "expired": DisputeStatus.LOST,
    "accepted": DisputeStatus.ACCEPTED,
}
"""How a dispute stood when the time to answer was over. One that was answered goes on."""


def read(item: Fields, code: str, amount: int, event_id: str, at: datetime, *, success: bool) -> DisputeTold | None:
    """What a code tells; None when it tells nothing: the time is over for a dispute that was answered."""
    rank, stage, status, way = _MEANS[code]
    extra = item.child("additionalData")
    if not success:
        return None
    if code == "DISPUTE_DEFENSE_PERIOD_ENDED":
        ended = _ENDED.get(extra.text("disputeStatus").lower())
        if ended is None:
            return None
        status = ended
    reference = item.identifier("pspReference")
    word = DisputeWord(
        status=status,
        stage=stage,
        amount=amount,
        at=at,
        event_id=event_id,
        rank=rank,
        reason=extra.word("chargebackReasonCode").strip() or item.word("reason"),
    )
    moved = (MovementTold(movement_id=f"{reference}:{code}", amount=way * amount),) if way and amount else ()
    return DisputeTold(
        dispute_ref=reference, word=word, respond_by=extra.moment("defensePeriodEndsAt"), movements=moved
    )
