"""What can happen to an order when its payment is disputed. `OrderEvent` has them among it.

`dispute_id` is the provider's. Amounts are minor units of the order's currency, but for fees, which name theirs.
`tender` is the number of the payment that is disputed.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - the codec resolves these annotations at run time

from oms.domain.disputes import AnswerKind, DisputeWord  # noqa: TC001 - the same
from oms.domain.frozen import frozen


@frozen
class DisputeOpened:
    """The first that was heard of a dispute; `word` may be of any time of its life."""

    dispute_id: str
    word: DisputeWord
    capture_ref: str = ""
    respond_by: datetime | None = None
    tender: int = 1


@frozen
class DisputeAdvanced:
    """A newer word on a dispute that goes on, or a later day to answer by."""

    dispute_id: str
    word: DisputeWord
    respond_by: datetime | None = None


@frozen
class DisputeClosed:
    """It ended, as far as anybody knows: a provider may take it up again."""

    dispute_id: str
    word: DisputeWord


@frozen
class DisputeFundsWithdrawn:
    """The provider took the money. Of a dispute that it does not name, `dispute_id` is empty."""

    movement_id: str
    amount: int
    dispute_id: str = ""
    capture_ref: str = ""
    tender: int = 1


@frozen
class DisputeFundsReinstated:
    """The provider gave it back."""

    movement_id: str
    amount: int
    dispute_id: str = ""
    capture_ref: str = ""
    tender: int = 1


@frozen
class DisputeFeeCharged:
    """What the provider took for its trouble; negative when it gave that back."""

    movement_id: str
    dispute_id: str
    amount: int
    currency: str
    tender: int = 1


@frozen
class DisputeAnswerRequested:
    """The merchant answers. `defense` is the provider's word for why, where it wants one."""

    dispute_id: str
    answer_id: str
    kind: AnswerKind
    defense: str = ""


@frozen
class DisputeAnswered:
    """The provider has the answer."""

    dispute_id: str
    answer_id: str
    reference: str = ""


@frozen
class DisputeAnswerRefused:
    """The provider would not take it."""

    dispute_id: str
    answer_id: str
    reason: str = ""


@frozen
class FraudReported:
    """The card's issuer says that the payment was fraud. No money moves; a chargeback may follow."""

    report_id: str
    amount: int
    reason: str = ""


DisputeEvent = (
    DisputeOpened
    | DisputeAdvanced
    | DisputeClosed
    | DisputeFundsWithdrawn
    | DisputeFundsReinstated
    | DisputeFeeCharged
    | DisputeAnswerRequested
    | DisputeAnswered
    | DisputeAnswerRefused
    | FraudReported
)
