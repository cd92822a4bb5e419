"""What of an order's money is disputed: taken already, or about to be. Functions of the order, in minor units.

Money that the provider takes for a dispute must not go back as a refund as well. So what is at stake is not there to be
refunded: of a chargeback that is open, all that is disputed; of any dispute, what was taken for it and has not come
back. An inquiry is at no stake: a refund is the answer to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.disputes import DisputeStage
from oms.domain.frozen import frozen
from oms.domain.order.state import RefundStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oms.domain.order.dispute_state import Dispute
    from oms.domain.order.state import Order, Refund


@frozen
class Stakes:
    """`disputed` was taken and may come back, `charged_back` will not; `at_stake` may not be refunded."""

    disputed: int
    charged_back: int
    at_stake: int

    @property
    def taken(self) -> int:
        """What the provider holds, or gave to the customer, for disputes."""
        return self.disputed + self.charged_back


def stakes(order: Order) -> Stakes:
    """Of all disputes of the order, and of what was taken for one that nobody named."""
    disputed = charged_back = at_stake = 0
    for known, taken in _taken(order):
        if known is not None and known.gone:
            charged_back += taken
        else:
            disputed += taken
        threatens = known is not None and known.is_open and known.stage is not DisputeStage.INQUIRY
        at_stake += max(0, taken, known.word.amount if known is not None and threatens else 0)
    return Stakes(disputed=disputed, charged_back=charged_back, at_stake=at_stake)


def taken_for(order: Order, dispute_id: str) -> int:
    """What was taken for a dispute and has not come back."""
    return next(taken for known, taken in _taken(order) if known is not None and known.dispute_id == dispute_id)


def _taken(order: Order) -> Iterator[tuple[Dispute | None, int]]:
    """Each dispute with what was taken for it. What names no dispute is for the one about its capture, if there is."""
    disputes = order.disputes
    by_capture = {known.capture_ref: known.dispute_id for _, known in sorted(disputes.known.items(), reverse=True)}
    sums: dict[str, int] = {}
    for each in disputes.movements.values():
        dispute_id = each.dispute_id or by_capture.get(each.capture_ref, "")
        sums[dispute_id] = sums.get(dispute_id, 0) + each.amount
    for known in disputes.known.values():
        taken = sums.pop(known.dispute_id, 0)
        yield known, 0 if known.word.returns_funds else taken
    if sums:
        yield None, sum(sums.values())


def free_to_refund(order: Order) -> int:
    """What may be given back: captured, not refunded, not at stake."""
    return max(0, order.payment.captured - order.payment.refunding - stakes(order).at_stake)


def sendable(order: Order) -> tuple[Refund, ...]:
    """Refunds that were asked for and may be made: those for which there is money that is not at stake, oldest first.

    One that waits was asked for before its payment was disputed; it is made when that is won.
    """
    asked = [each for each in order.payment.refunds.values() if each.status is RefundStatus.REQUESTED]
    if not order.disputes.known and not order.disputes.movements:
        return tuple(asked)
    room = order.payment.captured - stakes(order).at_stake
    room -= sum(each.amount for each in order.payment.refunds.values() if each.counts and each not in asked)
    found = []
    for refund in asked:
        if refund.amount <= room:
            room -= refund.amount
            found.append(refund)
    return tuple(found)
