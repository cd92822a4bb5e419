"""Supply that is expected: lots on their way to a node from outside, with the day they are due.

A lot is what a purchase order's line, or a part of it, is to us. It is the fold of its own stream: expected, changed,
received in one or more parts, and closed when nothing more is to come. Units in transit between our nodes are no lots:
they are in the positions (`oms.domain.stock`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime  # noqa: TC003 - the codec resolves these annotations at run time
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from oms.domain.errors import InvalidInputError, InvalidTransitionError, SupplyNotFoundError
from oms.domain.frozen import frozen
from oms.domain.movements import Into, MovementKind, ReasonCode
from oms.domain.stock import StockMoved, StockMovement, check_note

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_UNITS: Final = 1_000_000_000


class SupplyKind(StrEnum):
    """What is told of a lot."""

    EXPECTED = "expected"
    CHANGED = "changed"
    RECEIVED = "received"
    CANCELLED = "cancelled"


class LotStatus(StrEnum):
    """Where a lot stands."""

    EXPECTED = "expected"
    """More is to come."""
    RECEIVED = "received"
    CANCELLED = "cancelled"


@frozen
class InboundExpected:
    """A supplier will send units to a node."""

    supply_id: str
    sku: str
    node_id: str
    quantity: int
    due: datetime


@frozen
class InboundChanged:
    """Another quantity is still to come, or at another time."""

    quantity: int
    due: datetime
    sku: str = ""
    """Stands here, as in the next two, so that whoever waits for it is found by this event alone."""


@frozen
class InboundReceived:
    """Units of the lot came in; the movement stands beside this event. Fewer are still to come."""

    quantity: int
    sku: str = ""


@frozen
class InboundCancelled:
    """Nothing more will come."""

    reason: str = ""
    sku: str = ""


SupplyEvent = InboundExpected | InboundChanged | InboundReceived | InboundCancelled


@frozen
class Lot:
    """A lot as it stands: `quantity` is still to come."""

    supply_id: str
    sku: str
    node_id: str
    quantity: int
    due: datetime
    status: LotStatus = LotStatus.EXPECTED


@frozen
class SupplyChange:
    """What somebody tells of a lot; which fields are needed follows from the kind."""

    supply_id: str
    kind: SupplyKind
    sku: str = ""
    node_id: str = ""
    quantity: int = 0
    due: datetime | None = None
    into: Into = Into.AVAILABLE
    reason: str = ""


def fold_lot(events: Iterable[object], lot: Lot | None = None) -> Lot | None:
    """The lot after these events; None when nothing was expected."""
    for event in events:
        lot = _after(lot, event)
    return lot


def _after(lot: Lot | None, event: object) -> Lot | None:
    if isinstance(event, InboundExpected):
        return Lot(
            supply_id=event.supply_id,
            sku=event.sku,
            node_id=event.node_id,
            quantity=event.quantity,
            due=event.due,
        )
    if lot is None:
        return None
    match event:
        case InboundChanged():
            return replace(lot, quantity=event.quantity, due=event.due)
        case InboundReceived():
            left = max(0, lot.quantity - event.quantity)
            return replace(lot, quantity=left, status=lot.status if left else LotStatus.RECEIVED)
        case InboundCancelled():
            return replace(lot, quantity=0, status=LotStatus.CANCELLED)
        case _:
            return lot


def decide_supply(lot: Lot | None, change: SupplyChange) -> tuple[object, ...]:
    """The events of a change: of a receipt also the movement that it is.

    Raises InvalidInputError (fields that do not fit), SupplyNotFoundError, InvalidTransitionError (expected twice, or
    closed).
    """
    _check(change)
    if change.kind is SupplyKind.EXPECTED:
        return (_expected(lot, change),)
    if lot is None:
        raise SupplyNotFoundError("no such supply", supply_id=change.supply_id)
    if lot.status is not LotStatus.EXPECTED:
        raise InvalidTransitionError("nothing more is to come of this supply", status=lot.status.value)
    if change.kind is SupplyKind.CHANGED:
        return (InboundChanged(quantity=change.quantity or lot.quantity, due=change.due or lot.due, sku=lot.sku),)
    if change.kind is SupplyKind.CANCELLED:
        return (InboundCancelled(reason=change.reason, sku=lot.sku),)
    movement = StockMovement(
        sku=lot.sku,
        node_id=lot.node_id,
        kind=MovementKind.RECEIPT,
        quantity=change.quantity,
        reason=change.reason,
        code=ReasonCode.PURCHASE,
        into=change.into,
    )
    return InboundReceived(quantity=change.quantity, sku=lot.sku), StockMoved(movements=(movement,))


def expected_skus(events: Iterable[object]) -> tuple[str, ...]:
    """SKUs of which another quantity is expected after these events, or at another time."""
    told = (each.sku for each in events if isinstance(each, SupplyEvent))
    return tuple(dict.fromkeys(sku for sku in told if sku))


def _expected(lot: Lot | None, change: SupplyChange) -> InboundExpected:
    if lot is not None:
        raise InvalidTransitionError("this supply was told of before", status=lot.status.value)
    if not (change.sku and change.node_id and change.due):
        raise InvalidInputError("what is expected has a SKU, a node and a time")
    return InboundExpected(
        supply_id=change.supply_id,
        sku=change.sku,
        node_id=change.node_id,
        quantity=change.quantity,
        due=change.due,
    )


def _check(change: SupplyChange) -> None:
    check_note(change.reason)
    counted = change.kind in (SupplyKind.EXPECTED, SupplyKind.RECEIVED)
    if not (1 if counted else 0) <= change.quantity <= MAX_UNITS:
        raise InvalidInputError("the quantity does not fit", kind=change.kind.value)
    if change.kind is SupplyKind.CHANGED and not (change.quantity or change.due):
        raise InvalidInputError("nothing is changed")
    if change.due is not None and change.due.tzinfo is None:
        raise InvalidInputError("an instant needs its zone")
