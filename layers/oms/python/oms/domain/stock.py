"""Stock positions and what moves them. A position is one SKU at one node.

    on hand = available + reserved + safety + damaged

holds after every movement; each component never goes below zero. `available` is what can be promised now. Folding the
movements of all events gives every position: stock is state, and its history is in the event log.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from oms.domain.errors import InvalidInputError
from oms.domain.order import events as ev

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_POSITIONS: Final = 90
"""Positions that one transaction may touch: DynamoDB allows 100 items, some are the commit and its guards."""


class MovementKind(StrEnum):
    """Why stock moved, other than for an order."""

    RECEIPT = "receipt"
    """Goods came in; quantity > 0."""
    ADJUSTMENT = "adjustment"
    """A correction of what is on hand; any sign."""
    DAMAGE = "damage"
    """Units for sale turned out damaged; quantity > 0."""
    WRITE_OFF = "write_off"
    """Damaged units left; quantity > 0."""
    SAFETY = "safety"
    """Units kept back from promising; any sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockMovement:
    """One movement, as asked for."""

    sku: str
    node_id: str
    kind: MovementKind
    quantity: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockMoved:
    """The event of a stock stream: movements that happened together."""

    movements: tuple[StockMovement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StockDelta:
    """What changes at one position. Also a position itself, when started from zero."""

    sku: str
    node_id: str
    on_hand: int = 0
    available: int = 0
    reserved: int = 0
    safety: int = 0
    damaged: int = 0

    def plus(self, other: StockDelta) -> StockDelta:
        """Both together."""
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in COMPONENTS})

    @property
    def changes(self) -> Mapping[str, int]:
        """The components that change."""
        return {name: getattr(self, name) for name in COMPONENTS if getattr(self, name)}

    @property
    def balanced(self) -> bool:
        """The identity of this module's docstring holds."""
        return self.on_hand == self.available + self.reserved + self.safety + self.damaged


COMPONENTS: Final = tuple(each.name for each in fields(StockDelta) if each.name not in ("sku", "node_id"))


def movement_delta(movement: StockMovement) -> StockDelta:
    """What a movement changes; raises InvalidInputError for a quantity its kind does not allow."""
    units = movement.quantity
    signed = movement.kind in (MovementKind.ADJUSTMENT, MovementKind.SAFETY)
    if units == 0 or (units < 0 and not signed):
        raise InvalidInputError("the quantity does not fit the kind of movement", kind=movement.kind.value)
    at = StockDelta(sku=movement.sku, node_id=movement.node_id)
    match movement.kind:
        case MovementKind.RECEIPT | MovementKind.ADJUSTMENT:
            return replace(at, on_hand=units, available=units)
        case MovementKind.DAMAGE:
            return replace(at, available=-units, damaged=units)
        case MovementKind.WRITE_OFF:
            return replace(at, on_hand=-units, damaged=-units)
        case MovementKind.SAFETY:
            return replace(at, available=-units, safety=units)


def _delta(units: ev.NodeUnits, **changes: int) -> StockDelta:
    return StockDelta(sku=units.sku, node_id=units.node_id, **changes)


def event_deltas(event: object) -> list[StockDelta]:
    """What one event does to stock; most do nothing."""
    match event:
        case ev.LinesReserved():
            return [_delta(part, available=-part.quantity, reserved=part.quantity) for part in event.units]
        case ev.LinesCancelled():
            return [_delta(part, available=part.quantity, reserved=-part.quantity) for part in event.freed]
        case ev.FulfillmentOrderRejected(reason="not_found"):
            return [_delta(part, on_hand=-part.quantity, reserved=-part.quantity) for part in event.units]
        case ev.FulfillmentOrderRejected(reason="damaged"):
            return [_delta(part, damaged=part.quantity, reserved=-part.quantity) for part in event.units]
        case ev.FulfillmentOrderRejected():
            return [_delta(part, available=part.quantity, reserved=-part.quantity) for part in event.units]
        case ev.ShipmentShipped():
            units = [part for parcel in event.parcels for part in parcel.units]
            return [_delta(part, on_hand=-part.quantity, reserved=-part.quantity) for part in units]
        case ev.LinesReturned():
            return [_delta(part, on_hand=part.quantity, available=part.quantity) for part in event.units]
        case StockMoved():
            return [movement_delta(movement) for movement in event.movements]
        case _:
            return []


def stock_deltas(events: Iterable[object]) -> tuple[StockDelta, ...]:
    """What the events do to stock, one entry per position (a transaction may name an item once), in a fixed order."""
    summed: dict[tuple[str, str], StockDelta] = {}
    for event in events:
        for delta in event_deltas(event):
            key = (delta.sku, delta.node_id)
            summed[key] = summed[key].plus(delta) if key in summed else delta
    return tuple(summed[key] for key in sorted(summed) if summed[key].changes)


def freed_skus(events: Iterable[object]) -> tuple[str, ...]:
    """SKUs of which more can be promised after these events: orders waiting for them may go on."""
    return tuple(dict.fromkeys(delta.sku for delta in stock_deltas(events) if delta.available > 0))
