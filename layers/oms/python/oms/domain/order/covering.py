"""Whether what was paid, or is held, covers what an order costs since it was edited. In minor units.

An edit may raise the price of an order of which money went back before. What had been paid too much by then, and was
given back, pays for nothing: it is `settled`, and set apart from what was taken.

    paid        what was taken, without what is settled
    overpaid    paid beyond what is to be paid of the units that are not cancelled
    uncovered   what is to be paid beyond what is held, or taken and not settled
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.order.charging import captured_upfront, owed, refundable, settled_back
from oms.domain.order.events import HoldPlaced, HoldReleased
from oms.domain.order.folding import evolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.domain.order.events import OrderEvent
    from oms.domain.order.state import Order

PAYMENT_DUE: Final = "payment_due"
"""Kind of the hold of an order, or of the lines that it got, whose edit nobody has paid yet."""


def paid(order: Order) -> int:
    """What was taken and counts."""
    return order.payment.captured - settled_back(order)


def overpaid(order: Order) -> int:
    """What was paid beyond what is to be paid; refunds give that back first."""
    return max(0, paid(order) - owed(order))


def beyond(order: Order) -> int:
    """What was taken beyond what was, or is, to be paid, given back or not."""
    return settled_back(order) + overpaid(order)


def freed_by(order: Order, after: Order) -> int:
    """What of the money that was paid before goods leave goes back, since less is to be paid after a change."""
    return min(beyond(after) - beyond(order), refundable(order)) if captured_upfront(order) else 0


def overpaid_back(order: Order) -> int:
    """Of what refunds took, or still may, what gives back an overpayment."""
    before = settled_back(order)
    return before + min(order.payment.refunding - before, overpaid(order))


def uncovered(order: Order) -> int:
    """What more has to be held, or paid."""
    payment = order.payment
    held = 0 if payment.voided else payment.authorized
    return max(0, owed(order) - max(held, payment.captured) + settled_back(order))


def released(order: Order | None, events: Sequence[OrderEvent]) -> tuple[OrderEvent, ...]:
    """The end of holds for money, once `events` have brought it, or made it needless."""
    if order is None or not events:
        return ()
    fresh = [event for event in events if isinstance(event, HoldPlaced) and event.kind == PAYMENT_DUE]
    if not fresh and not any(hold.kind == PAYMENT_DUE for hold in order.active_holds):
        return ()
    for event in events:
        order = evolve(event, order)
    if uncovered(order):
        return ()
    return tuple(HoldReleased(hold_id=hold.hold_id) for hold in order.active_holds if hold.kind == PAYMENT_DUE)
