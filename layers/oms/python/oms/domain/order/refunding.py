"""What a refund is asked of: the tenders that paid, each for its part.

Money that is not disputed goes first; what is beyond it waits until its dispute ends (`stakes.sendable`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.ids import derive
from oms.domain.order.events import LineUnits, OrderEvent, RefundRequested, RefundSucceeded
from oms.domain.order.stakes import free_of, left_of_lost
from oms.domain.order.tenders import FIRST, refundable_of, tender_at

if TYPE_CHECKING:
    from oms.domain.order.state import Order


def refund_parts(order: Order, amount: int) -> tuple[tuple[int, int], ...]:
    """(tender, amount) of a refund: tenders in their order, each what it may still give back. The parts sum to it.

    First what is free of every tender, then what is disputed, at last what was lost.
    """
    numbers = [each.number for each in order.payment.tenders]
    parts = dict.fromkeys(numbers, 0)
    for limit in (free_of, left_of_lost, _all_of):
        for number in numbers:
            part = max(0, min(amount, limit(order, number) - parts[number]))
            parts[number] += part
            amount -= part
    return tuple((number, part) for number, part in parts.items() if part) or ((FIRST, 0),)


def _all_of(order: Order, tender: int) -> int:
    return refundable_of(order.payment, tender)


def requested(
    order: Order,
    refund_id: str,
    amount: int,
    *,
    reason: str,
    lines: tuple[LineUnits, ...] = (),
    origin: str = "oms",
    goodwill: str = "",
) -> tuple[OrderEvent, ...]:
    """A refund for each tender that gives back a part of `amount`; the first has the id, and the units.

    `amount` is not more than is refundable. What is given back of an invoice is set off or paid out by finance, and
    counts as given back at once.
    """
    parts = refund_parts(order, amount)
    request = refund_id if len(parts) > 1 else ""
    events: list[OrderEvent] = []
    for index, (number, part) in enumerate(parts):
        known = tender_at(order.payment, number)
        each = derive("rfd", order.order_id, refund_id, str(number)) if index else refund_id
        events.append(
            RefundRequested(
                refund_id=each,
                amount=part,
                reason=reason,
                lines=() if index else lines,
                origin=origin,
                tender=number,
                request=request,
                goodwill=goodwill,
            )
        )
        if known and known.on_invoice and part:
            events.append(RefundSucceeded(refund_id=each))
    return tuple(events)
