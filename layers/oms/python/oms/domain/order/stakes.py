"""What of an order's money is disputed: taken already, or about to be. Functions of the order, in minor units.

Money that the provider takes for a dispute must not go back as a refund as well. So what is at stake is not there to be
refunded: of a chargeback that is open, all that is disputed; of any dispute, what was taken for it and has not come
back. An inquiry is at no stake: a refund is the answer to it.

A dispute is of one tender. What is at stake of that one leaves the others free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.disputes import DisputeStage
from oms.domain.frozen import frozen
from oms.domain.order.state import RefundStatus
from oms.domain.order.tenders import captured_of, refundable_of, refunding_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oms.domain.order.dispute_state import Dispute
    from oms.domain.order.state import Order, Refund


@frozen
class Stakes:
    """`disputed` was taken and may come back, `charged_back` will not; `at_stake` may not be refunded."""

    disputed: int = 0
    charged_back: int = 0
    at_stake: int = 0

    @property
    def taken(self) -> int:
        """What the provider holds, or gave to the customer, for disputes."""
        return self.disputed + self.charged_back


def stakes(order: Order, tender: int = 0) -> Stakes:
    """Of all disputes of the order, and of what was taken for one that nobody named; of one `tender`, of its own."""
    disputed = charged_back = at_stake = 0
    for known, number, taken in _taken(order):
        if tender not in (0, number):
            continue
        if known is not None and known.gone:
            charged_back += taken
        else:
            disputed += taken
        threatens = known is not None and known.is_open and known.stage is not DisputeStage.INQUIRY
        at_stake += max(0, taken, known.word.amount if known is not None and threatens else 0)
    return Stakes(disputed=disputed, charged_back=charged_back, at_stake=at_stake)


def taken_for(order: Order, dispute_id: str) -> int:
    """What was taken for a dispute and has not come back."""
    return next(taken for known, _, taken in _taken(order) if known is not None and known.dispute_id == dispute_id)


def _taken(order: Order) -> Iterator[tuple[Dispute | None, int, int]]:
    """Each dispute with its tender and what was taken for it.

    What names no dispute is for the one about its capture, if there is.
    """
    disputes = order.disputes
    by_capture = {known.capture_ref: known.dispute_id for _, known in sorted(disputes.known.items(), reverse=True)}
    sums: dict[str, int] = {}
    unnamed: dict[int, int] = {}
    for each in disputes.movements.values():
        dispute_id = each.dispute_id or by_capture.get(each.capture_ref, "")
        if dispute_id in disputes.known:
            sums[dispute_id] = sums.get(dispute_id, 0) + each.amount
        else:
            unnamed[each.tender] = unnamed.get(each.tender, 0) + each.amount
    for known in disputes.known.values():
        yield known, known.tender, 0 if known.word.returns_funds else sums.get(known.dispute_id, 0)
    for tender, amount in unnamed.items():
        yield None, tender, amount


def free_of(order: Order, tender: int) -> int:
    """What a tender may give back now: captured, not refunded, not at stake."""
    return max(0, refundable_of(order.payment, tender) - stakes(order, tender).at_stake)


def free_to_refund(order: Order) -> int:
    """What may be given back now, by all tenders."""
    return sum(free_of(order, each.number) for each in order.payment.tenders)


def left_of_lost(order: Order, tender: int) -> int:
    """What a tender may give back now, or once its disputes are won: what was not lost."""
    return max(0, refundable_of(order.payment, tender) - max(0, stakes(order, tender).charged_back))


def not_lost(order: Order) -> int:
    """What may be given back now or later, by all tenders."""
    return sum(left_of_lost(order, each.number) for each in order.payment.tenders)


def sendable(order: Order) -> tuple[Refund, ...]:
    """Refunds that were asked for and may be made: those for which there is money that is not at stake, oldest first.

    One that waits was asked for before its payment was disputed; it is made when that is won.
    """
    asked = [each for each in order.payment.refunds.values() if each.status is RefundStatus.REQUESTED]
    if not order.disputes.known and not order.disputes.movements:
        return tuple(asked)
    room = {each.number: _room(order, each.number, asked) for each in order.payment.tenders}
    found = []
    for refund in asked:
        if refund.amount <= room.get(refund.tender, 0):
            room[refund.tender] -= refund.amount
            found.append(refund)
    return tuple(found)


def _room(order: Order, tender: int, asked: list[Refund]) -> int:
    """What a tender has for the refunds that were asked for."""
    payment = order.payment
    made = refunding_of(payment, tender) - sum(each.amount for each in asked if each.tender == tender)
    return captured_of(payment, tender) - stakes(order, tender).at_stake - made
