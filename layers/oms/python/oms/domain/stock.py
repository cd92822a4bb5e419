"""Stock positions and what moves them. A position is one SKU at one node.

    on_hand = available + reserved + safety + damaged + qc + pooled

holds after every movement, and no component goes below zero. `available` is what can be promised now, `qc` is on hand
and not yet looked at, `pooled` is ring-fenced (`oms.domain.segments`). Beside the units on hand, a position says

- `in_transit`: units that left another node for this one and are on nobody's hands;
- `short`: of the units on hand by the book, how many the last count did not find and orders have bound. The book keeps
  them, because taking them out would break promises that nobody has looked at. Until the position is counted again,
  nothing more is promised from it;
- `free`: of the row of a pool alone, how many of its units nobody has bound;
- `counts`: how often it was counted. A count that does not know of the one before it is refused.

Folding the movements of all events gives every position: stock is state, and its history is in the event log.
"""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import datetime  # noqa: TC003 - the codec resolves these annotations at run time
from typing import TYPE_CHECKING, Final

from oms.domain.errors import InvalidInputError
from oms.domain.frozen import frozen
from oms.domain.holding import HeldUnits, StockHeld, StockHoldClaimed, StockHoldExpired, StockHoldReleased
from oms.domain.movements import REASONS, Into, MovementKind, ReasonCode
from oms.domain.order import events as ev
from oms.domain.segments import LOT, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_POSITIONS: Final = 90
"""Positions that one transaction may touch: DynamoDB allows 100 items, some are the commit and its guards."""
PARTS: Final = ("available", "reserved", "safety", "damaged", "qc", "pooled")
"""What the units on hand are."""


_ADDRESS: Final = re.compile(r"\S@\S")
_SIGNED: Final = (MovementKind.ADJUSTMENT, MovementKind.SAFETY)
_INBOUND: Final = (MovementKind.RECEIPT, MovementKind.TRANSFER_IN)
_FREED: Final[Mapping[MovementKind, int]] = {MovementKind.POOL_FILL: 1, MovementKind.POOL_RELEASE: -1}
"""What each unit does to its pool."""
_PER_UNIT: Final[Mapping[MovementKind, Mapping[str, int]]] = {
    MovementKind.RECEIPT: {"on_hand": 1},
    MovementKind.ADJUSTMENT: {"on_hand": 1, "available": 1},
    MovementKind.DAMAGE: {"available": -1, "damaged": 1},
    MovementKind.WRITE_OFF: {"on_hand": -1, "damaged": -1},
    MovementKind.SAFETY: {"available": -1, "safety": 1},
    MovementKind.QC_HOLD: {"available": -1, "qc": 1},
    MovementKind.QC_RELEASE: {"available": 1, "qc": -1},
    MovementKind.QC_REJECT: {"damaged": 1, "qc": -1},
    MovementKind.TRANSFER_OUT: {"on_hand": -1, "available": -1},
    MovementKind.TRANSFER_IN: {"on_hand": 1, "in_transit": -1},
    MovementKind.TRANSFER_LOSS: {"in_transit": -1},
    MovementKind.POOL_FILL: {"available": -1, "pooled": 1},
    MovementKind.POOL_RELEASE: {"available": 1, "pooled": -1},
}
"""What each unit does at the position that a movement names, beside the state it comes into."""


@frozen
class StockMovement:
    """One movement, as asked for. `reason` is a note of staff, without personal data: events are for ever."""

    sku: str
    node_id: str
    kind: MovementKind
    quantity: int
    reason: str = ""
    code: ReasonCode = ReasonCode.UNSPECIFIED
    into: Into = Into.AVAILABLE
    to_node_id: str = ""
    segment: str = ""
    """The pool that is filled or released; of other kinds, the lot that the units are of, if lots are told apart."""


@frozen
class StockMoved:
    """The event of a stock stream: movements that happened together."""

    movements: tuple[StockMovement, ...]


@frozen
class StockCounted:
    """Somebody counted a position: `counted` units, held against `book`, the on_hand that the count knew.

    The changes that follow are stored, since they depend on what the position held when it was decided; `available`
    takes what the other parts leave of `on_hand`. `missing` is `short` as it stands after the count.
    """

    sku: str
    node_id: str
    counted: int
    book: int
    on_hand: int = 0
    safety: int = 0
    damaged: int = 0
    qc: int = 0
    short: int = 0
    missing: int = 0
    code: ReasonCode = ReasonCode.UNSPECIFIED
    reason: str = ""
    as_of: datetime | None = None
    """When this was so by the clock of the feed that said it; None where people counted."""
    segment: str = ""
    """The lot that was counted, where lots are told apart."""


@frozen
class StockDelta:
    """What changes at one position. Also a position itself, when started from zero."""

    sku: str
    node_id: str
    on_hand: int = 0
    available: int = 0
    reserved: int = 0
    safety: int = 0
    damaged: int = 0
    qc: int = 0
    in_transit: int = 0
    short: int = 0
    counts: int = 0
    pooled: int = 0
    free: int = 0

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
        parts: int = sum(getattr(self, part) for part in PARTS)
        return self.on_hand == parts

    @property
    def promisable(self) -> int:
        """Units of a position that can be promised now: none where units that orders have bound were not found."""
        return 0 if self.short else self.available


@frozen
class DecidedDelta(StockDelta):
    """What was decided on a position: it is written only while that is as it was `seen`, as far as `SEEN` goes."""

    seen: StockDelta


@frozen
class KeepingDelta(StockDelta):
    """What is taken by somebody who must leave `keep` available units: written only while so many stay."""

    keep: int


COMPONENTS: Final = tuple(each.name for each in fields(StockDelta) if each.name not in ("sku", "node_id"))
SEEN: Final = ("on_hand", "counts")
"""Components that tell whether a position is still as a count has seen it. Reservations change neither."""


def check_movement(movement: StockMovement) -> None:
    """Raises InvalidInputError when the fields do not fit the kind. For what is asked, not for what is stored."""
    kind = movement.kind
    movement_deltas(movement)
    if movement.code not in REASONS[kind]:
        raise InvalidInputError("the reason code does not fit the kind of movement", kind=kind.value)
    if movement.into is not Into.AVAILABLE and kind not in _INBOUND:
        raise InvalidInputError("only what comes in comes into a state", kind=kind.value)
    if movement.segment and movement.segment.startswith(LOT) is (kind in _FREED):
        raise InvalidInputError("units go into pools and out of them, and are otherwise of lots", kind=kind.value)
    if bool(movement.to_node_id) != (kind is MovementKind.TRANSFER_OUT) or movement.to_node_id == movement.node_id:
        raise InvalidInputError("a transfer, and nothing else, goes to another node", kind=kind.value)
    check_note(movement.reason)


def check_note(reason: str) -> None:
    """Raises InvalidInputError for a note with an e-mail address: events are for ever, and cannot be erased."""
    if _ADDRESS.search(reason):
        raise InvalidInputError("a note holds no personal data, and no e-mail address")


def movement_deltas(movement: StockMovement) -> tuple[StockDelta, ...]:
    """What a movement changes, by position; raises InvalidInputError for a quantity its kind does not allow."""
    units, kind = movement.quantity, movement.kind
    if units == 0 or (units < 0 and kind not in _SIGNED):
        raise InvalidInputError("the quantity does not fit the kind of movement", kind=kind.value)
    per_unit = {**_PER_UNIT[kind], **({movement.into.value: 1} if kind in _INBOUND else {})}
    here = {name: sign * units for name, sign in per_unit.items()}
    deltas: tuple[StockDelta, ...] = (StockDelta(sku=movement.sku, node_id=movement.node_id, **here),)
    if kind is MovementKind.TRANSFER_OUT:
        deltas = (*deltas, StockDelta(sku=movement.sku, node_id=movement.to_node_id, in_transit=units))
    if kind in _FREED:
        if not movement.segment:
            raise InvalidInputError("the movement needs a pool", kind=kind.value)
        pool = place_of(movement.node_id, movement.segment)
        return (*deltas, StockDelta(sku=movement.sku, node_id=pool, free=_FREED[kind] * units))
    return (*deltas, *[_of_lot(each, movement.segment) for each in deltas]) if movement.segment else deltas


def _of_lot(delta: StockDelta, lot: str) -> StockDelta:
    """What a change of the position is to the lot whose units it is about."""
    return replace(delta, node_id=place_of(delta.node_id, lot))


def counted_delta(event: StockCounted) -> StockDelta:
    """What a count changes at the row that was counted: of the position, or of a lot."""
    return StockDelta(
        sku=event.sku,
        node_id=place_of(event.node_id, event.segment),
        on_hand=event.on_hand,
        available=event.on_hand - event.safety - event.damaged - event.qc,
        safety=event.safety,
        damaged=event.damaged,
        qc=event.qc,
        short=event.short,
        counts=1,
    )


def counted_deltas(event: StockCounted) -> tuple[StockDelta, ...]:
    """All that a count changes: what it says of a lot, it says of the position, which was not counted itself."""
    delta = counted_delta(event)
    return (delta, replace(delta, node_id=event.node_id, counts=0)) if event.segment else (delta,)


_RETURNED: Final[Mapping[ev.Disposition, str]] = {
    ev.Disposition.RESTOCK: "available",
    ev.Disposition.QC: "qc",
    ev.Disposition.REFURBISH: "qc",
    ev.Disposition.DAMAGED: "damaged",
}
"""Where units that came back stand on hand: those to be refurbished until `qc_release`. Scrapped ones, and those
sent on to their vendor, enter no stock."""


def _returned(event: ev.LinesReturned) -> list[StockDelta]:
    part = _RETURNED.get(event.disposition)
    return _each(event.units, **{"on_hand": 1, part: 1}) if part else []


def _each(units: Iterable[ev.NodeUnits | HeldUnits], **per_unit: int) -> list[StockDelta]:
    """What each unit changes where it is kept, and in its lot: a kit at the positions of its components."""
    found = []
    for each in units:
        for sku, count in each.parts:
            changes = {name: sign * count for name, sign in per_unit.items()}
            found.append(StockDelta(sku=sku, node_id=each.node_id, **changes))
        for part in each.drawn:
            if not part.pooled:
                changes = {name: sign * part.units for name, sign in per_unit.items()}
                found.append(StockDelta(sku=part.sku, node_id=place_of(each.node_id, part.segment), **changes))
    return found


def _out_of_pools(units: Iterable[ev.NodeUnits | HeldUnits], sign: int) -> list[StockDelta]:
    """Of units that are bound (1) or no longer (-1): those that a pool had were never available to all."""
    found = []
    for each in units:
        for part in each.drawn:
            if part.pooled:
                count = sign * part.units
                pool = place_of(each.node_id, part.segment)
                found.append(StockDelta(sku=part.sku, node_id=each.node_id, available=count, pooled=-count))
                found.append(StockDelta(sku=part.sku, node_id=pool, free=-count))
    return found


def _bound(units: tuple[ev.NodeUnits, ...] | tuple[HeldUnits, ...]) -> list[StockDelta]:
    return _each(units, available=-1, reserved=1) + _out_of_pools(units, 1)


def _unbound(units: tuple[ev.NodeUnits, ...] | tuple[HeldUnits, ...]) -> list[StockDelta]:
    return _each(units, available=1, reserved=-1) + _out_of_pools(units, -1)


def _rejected(event: ev.FulfillmentOrderRejected) -> list[StockDelta]:
    if event.reason == "not_found":
        return _each(event.units, on_hand=-1, reserved=-1)
    if event.reason == "damaged":
        return _each(event.units, damaged=1, reserved=-1)
    return _unbound(event.units)


def event_deltas(event: object) -> list[StockDelta]:
    """What one event does to stock; most do nothing."""
    match event:
        case ev.LinesReserved():
            return _bound(event.units) + _unbound(event.taken_over)
        case ev.LinesMoved():
            return _bound(event.units) + _unbound(event.freed)
        case StockHeld():
            return _bound(event.units)
        case ev.LinesCancelled() | ev.OrderEdited() | StockHoldReleased() | StockHoldExpired() | StockHoldClaimed():
            return _unbound(event.freed)
        case ev.FulfillmentOrderRejected():
            return _rejected(event)
        case ev.ShipmentShipped():
            return _each((part for parcel in event.parcels for part in parcel.units), on_hand=-1, reserved=-1)
        case ev.LinesReturned():
            return _returned(event)
        case StockMoved():
            return [delta for movement in event.movements for delta in movement_deltas(movement)]
        case StockCounted():
            return list(counted_deltas(event))
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
    deltas = stock_deltas(events)
    found = (each.sku for each in deltas if each.available > 0 or each.free > 0 or each.short < 0)
    return tuple(dict.fromkeys(found))
