"""What a payment provider tells of a dispute, in canonical words. Amounts in minor units.

Providers tell a dispute's state again and again, late, twice and out of order. So each word carries how far it has come
(`rank`) and when it was said: of two words the higher one counts, whichever came first. What moved is told with an id
of its own and counts once.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - the codec resolves these annotations at run time
from enum import StrEnum
from typing import Final

from oms.domain.frozen import frozen


class DisputeStage(StrEnum):
    """What the customer, or their bank, has begun."""

    INQUIRY = "inquiry"
    """A question: no money has moved, and a refund answers it."""
    CHARGEBACK = "chargeback"
    ARBITRATION = "arbitration"
    """It went on after the merchant's answer: a second chargeback, pre-arbitration, arbitration."""


STAGES: Final = tuple(DisputeStage)
"""As they follow each other; nothing leads back."""


class DisputeStatus(StrEnum):
    """Whose turn it is, or how it ended."""

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    ACCEPTED = "accepted"
    """Lost because the merchant let it be."""
    WITHDRAWN = "withdrawn"
    """By whoever began it; an inquiry that led to nothing."""


OPEN: Final = frozenset({DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW})
GONE: Final = frozenset({DisputeStatus.LOST, DisputeStatus.ACCEPTED})
"""The customer keeps the money."""


class AnswerKind(StrEnum):
    """How a merchant answers a dispute."""

    EVIDENCE = "evidence"
    ACCEPT = "accept"


@frozen
class DisputeWord:
    """How a dispute stands, as the provider said at `at`. `returns_funds`: what was taken for it came back with this.

    `amount` is what is disputed, in the currency of the order.
    """

    status: DisputeStatus
    stage: DisputeStage
    amount: int
    at: datetime
    event_id: str
    rank: int = 0
    reason: str = ""
    returns_funds: bool = False

    @property
    def place(self) -> tuple[int, datetime, str]:
        """Of two words the one that is higher here counts."""
        return self.rank, self.at, self.event_id

    @property
    def is_open(self) -> bool:
        """It has not ended."""
        return self.status in OPEN


@frozen
class MovementTold:
    """Money that the provider took for a dispute, or (negative) gave back; in the currency of the order.

    `fee` is what it took beside it in `fee_currency`, which may be another; negative when it was given back.
    """

    movement_id: str
    amount: int
    fee: int = 0
    fee_currency: str = ""


@frozen
class DisputeTold:
    """One delivery's word. `word` is None when only money moved, for a dispute that the provider does not name."""

    dispute_ref: str = ""
    capture_ref: str = ""
    word: DisputeWord | None = None
    respond_by: datetime | None = None
    movements: tuple[MovementTold, ...] = ()
