"""Deciding on an order's risk: the answer that was asked for, once, and the word that may follow it later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.errors import OrderNotFoundError
from oms.domain.fraud import SOURCE, fraud_hold_id
from oms.domain.order.changing import cancel
from oms.domain.order.commands import CancelLines
from oms.domain.order.events import HoldReleased
from oms.domain.order.fraud_facts import Verdict

if TYPE_CHECKING:
    from oms.domain.order.commands import DecideFraud, RecordScore
    from oms.domain.order.events import OrderEvent
    from oms.domain.order.state import Order


def record_score(order: Order, command: RecordScore) -> tuple[OrderEvent, ...]:
    """The answer, and what follows from it; nothing when the order has one. Who declined first has decided."""
    if order.scored is not None:
        return ()
    if command.cancels:
        return (command.scored, *_cancelled(order, command.command_id))
    return (command.scored, *(hold for hold in command.holds if hold.hold_id not in order.holds))


def decide_fraud(order: Order, command: DecideFraud) -> tuple[OrderEvent, ...]:
    """The provider's later word; nothing when the hold has ended, when it is of another answer, or no word yet.

    Raises OrderNotFoundError, which may pass: the word may have overtaken the answer that it belongs to.
    """
    if order.scored is None:
        raise OrderNotFoundError("the order's score is not known yet", order_id=order.order_id)
    hold = order.holds.get(fraud_hold_id(order.order_id))
    if hold is None or not hold.active or command.reference != order.scored.reference:
        return ()
    if command.verdict is Verdict.REVIEW:
        return ()
    released = HoldReleased(hold_id=hold.hold_id, reason=f"{SOURCE}: {command.verdict.value}")
    if command.verdict is Verdict.APPROVE:
        return (released,)
    return (*_cancelled(order, command.command_id), released)


def _cancelled(order: Order, command_id: str) -> tuple[OrderEvent, ...]:
    """Everything that has not left; what has left is nobody's to cancel."""
    if order.cancelling is not None or not any(line.ledger.cancellable for line in order.lines.values()):
        return ()
    return cancel(order, CancelLines(command_id=command_id, reason=SOURCE))
