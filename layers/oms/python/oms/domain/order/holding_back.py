"""Deciding on holds: placed by people and rules, released by people, and ended by time.

Whoever comes second finds the hold ended, and decides nothing: a person who releases and the time that is over have one
winner, since both write the next commit of one stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.errors import HoldApprovalError, InvalidInputError, InvalidTransitionError
from oms.domain.order.changing import cancel, cancel_units
from oms.domain.order.commands import CancelLines
from oms.domain.order.events import HoldEscalated, HoldPlaced, HoldReleased, LinesCancelled, OnExpiry

if TYPE_CHECKING:
    from datetime import datetime

    from oms.domain.order.commands import ExpireHold, PlaceHold, ReleaseHold
    from oms.domain.order.events import OrderEvent
    from oms.domain.order.state import Hold, Order

EXPIRED: Final = "expired"
"""Reason of what is done because a hold's time was over."""
ADMIN: Final = "admin"


def place_hold(order: Order, command: PlaceHold) -> tuple[OrderEvent, ...]:
    """A hold; nothing when it is there already. Raises InvalidInputError for a line the order does not have."""
    unknown = [line_id for line_id in command.lines if line_id not in order.lines]
    if unknown:
        raise InvalidInputError("the order has no such line", lines=unknown)
    if command.hold_id in order.holds:
        return ()
    hold = HoldPlaced(
        hold_id=command.hold_id,
        kind=command.kind,
        reason=command.reason,
        lines=command.lines,
        expires_at=command.expires_at,
        on_expiry=command.on_expiry,
        release_by=command.release_by,
        second_person=command.second_person,
        by=command.by,
    )
    return (hold,)


def release_hold(order: Order, command: ReleaseHold) -> tuple[OrderEvent, ...]:
    """The release; nothing when it was released.

    Raises InvalidTransitionError when there is no such hold, HoldApprovalError for somebody who may not release it.
    """
    hold = order.holds.get(command.hold_id)
    if hold is None:
        raise InvalidTransitionError("the order has no such hold", hold_id=command.hold_id)
    if not hold.active:
        return ()
    _check_releaser(hold, command)
    return (HoldReleased(hold_id=hold.hold_id, reason=command.reason, by=command.by),)


def _check_releaser(hold: Hold, command: ReleaseHold) -> None:
    """A command without a role is the system's own."""
    if not command.role:
        return
    if hold.release_by and command.role not in (ADMIN, *hold.release_by):
        raise HoldApprovalError("your role does not release such holds", needs=[ADMIN, *hold.release_by])
    if hold.second_person and command.by in ("", hold.by):
        raise HoldApprovalError("such a hold is released by somebody else than who placed it")


def expire_hold(order: Order, command: ExpireHold) -> tuple[OrderEvent, ...]:
    """What is to happen to a hold whose time is over at `at`; nothing when it has ended, or is not due."""
    hold = order.holds.get(command.hold_id)
    if hold is None or not hold.is_due(command.at):
        return ()
    if hold.on_expiry is OnExpiry.ESCALATE:
        return (HoldEscalated(hold_id=hold.hold_id),)
    released = HoldReleased(hold_id=hold.hold_id, reason=EXPIRED)
    wanted = stopped_units(order, hold) if hold.on_expiry is OnExpiry.CANCEL and order.cancelling is None else {}
    if not wanted:
        return (released,)
    if not hold.lines:
        return (*cancel(order, CancelLines(command_id=command.command_id, reason=hold.kind)), released)
    events = cancel_units(order, wanted, origin="oms", reason=hold.kind, cause=command.command_id)
    done = sum(part.quantity for event in events if isinstance(event, LinesCancelled) for part in event.lines)
    # What one transaction could not free is cancelled by the next; the hold stands until then.
    return (*events, released) if done == sum(wanted.values()) else events


def stopped_units(order: Order, hold: Hold) -> dict[str, int]:
    """Units, by line, that the hold is about and that have not left."""
    return {
        line_id: order.lines[line_id].ledger.cancellable
        for line_id in hold.lines or order.lines
        if order.lines[line_id].ledger.cancellable
    }


def hold_expiry(order: Order) -> datetime | None:
    """When the next of its holds is due to end; None when none ends by itself."""
    times = [hold.expires_at for hold in order.active_holds if hold.expires_at and not hold.escalated]
    return min(times, default=None)


def due_holds(order: Order, at: datetime) -> tuple[Hold, ...]:
    """Holds whose time is over, and of which nobody has decided."""
    return tuple(hold for hold in order.active_holds if hold.is_due(at))
