"""Stock (I1, I3): every position is in balance, and is what came in, left and came back."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from oms.domain import holding
from oms.domain.order import events as ev
from oms.domain.stock import StockCounted, StockMoved
from tests.proof.invariants.book_parts import goods
from tests.proof.invariants.evidence import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from oms.domain.commit import StoredCommit
    from oms.domain.stock import StockDelta, StockMovement
    from tests.proof.invariants.books import Books

ON_HAND: Final = ("available", "reserved", "safety", "damaged", "qc", "pooled")
PARTS: Final = ("on_hand", *ON_HAND, "in_transit", "short", "counts", "free")
Position = tuple[str, str]
Units = tuple[int, ...]


def _per_unit(**changes: int) -> Units:
    return tuple(changes.get(name, 0) for name in PARTS)


_MOVES: Final[Mapping[str, Units]] = {
    "adjustment": _per_unit(on_hand=1, available=1),
    "damage": _per_unit(available=-1, damaged=1),
    "write_off": _per_unit(on_hand=-1, damaged=-1),
    "safety": _per_unit(available=-1, safety=1),
    "qc_hold": _per_unit(available=-1, qc=1),
    "qc_release": _per_unit(qc=-1, available=1),
    "qc_reject": _per_unit(qc=-1, damaged=1),
    "transfer_out": _per_unit(on_hand=-1, available=-1),
    "transfer_loss": _per_unit(in_transit=-1),
    "pool_fill": _per_unit(available=-1, pooled=1),
    "pool_release": _per_unit(available=1, pooled=-1),
}
_IN: Final[Mapping[str, Units]] = {
    "available": _per_unit(on_hand=1, available=1),
    "qc": _per_unit(on_hand=1, qc=1),
    "damaged": _per_unit(on_hand=1, damaged=1),
}
_ARRIVING: Final = _per_unit(in_transit=1)
_ARRIVED: Final = _per_unit(in_transit=-1)
_RESERVED: Final = _per_unit(available=-1, reserved=1)
_FREED: Final = _per_unit(available=1, reserved=-1)
_GONE: Final = _per_unit(on_hand=-1, reserved=-1)
_BROKEN: Final = _per_unit(reserved=-1, damaged=1)
_REJECTED: Final = {"not_found": _GONE, "damaged": _BROKEN}
_BACK: Final = {
    "restock": _IN["available"],
    "qc": _IN["qc"],
    "refurbish": _IN["qc"],
    "damaged": _IN["damaged"],
}
_NOWHERE: Final = _per_unit()
_OF_POOLS: Final = {
    _RESERVED: (_per_unit(available=1, pooled=-1), _per_unit(free=-1)),
    _FREED: (_per_unit(available=-1, pooled=1), _per_unit(free=1)),
}
"""Of what was bound or let go of, at the position and its pool: units that a pool had were not available to all."""
Entry = tuple[Position, int, Units]


def moves(event: object) -> Iterator[Entry]:
    """(position, units, what each unit does to the components) of one event."""
    match event:
        case ev.LinesReserved():
            yield from _each(event.units, _RESERVED)
            yield from _each(event.taken_over, _FREED)
        case ev.LinesMoved():
            yield from _each(event.freed, _FREED)
            yield from _each(event.units, _RESERVED)
        case holding.StockHeld():
            yield from _each(event.units, _RESERVED)
        case (
            ev.LinesCancelled() | holding.StockHoldReleased() | holding.StockHoldExpired() | holding.StockHoldClaimed()
        ):
            yield from _each(event.freed, _FREED)
        case ev.FulfillmentOrderRejected():
            yield from _each(event.units, _REJECTED.get(event.reason, _FREED))
        case ev.ShipmentShipped():
            yield from _each((part for parcel in event.parcels for part in parcel.units), _GONE)
        case ev.LinesReturned():
            yield from _each(event.units, _BACK.get(event.disposition.value, _NOWHERE))
        case StockMoved():
            yield from (entry for one in event.movements for entry in _moved(one))
        case StockCounted():
            yield from _found(event)


def _each(parts: Iterable[ev.NodeUnits | holding.HeldUnits], per_unit: Units) -> Iterator[Entry]:
    for part in parts:
        for sku, units in goods(part):
            yield (sku, part.node_id), units, per_unit
        for one in part.drawn:
            segment = (one.sku, f"{part.node_id}~{one.segment}")
            if one.segment.startswith("lot:"):
                yield segment, one.units, per_unit
            elif per_unit in _OF_POOLS:
                for position, each in zip(((one.sku, part.node_id), segment), _OF_POOLS[per_unit], strict=True):
                    yield position, one.units, each


def _moved(one: StockMovement) -> Iterator[Entry]:
    yield from _moved_at(one, one.node_id, one.to_node_id)
    if one.segment.startswith("lot:"):
        yield from _moved_at(one, f"{one.node_id}~{one.segment}", f"{one.to_node_id}~{one.segment}")
    elif one.segment:
        sign = 1 if one.kind.value == "pool_fill" else -1
        yield (one.sku, f"{one.node_id}~{one.segment}"), sign * one.quantity, _per_unit(free=1)


def _moved_at(one: StockMovement, node: str, to_node: str) -> Iterator[Entry]:
    here, kind = (one.sku, node), one.kind.value
    if kind in ("receipt", "transfer_in"):
        yield here, one.quantity, _IN[one.into.value]
    if kind == "transfer_in":
        yield here, one.quantity, _ARRIVED
    if kind == "transfer_out":
        yield (one.sku, to_node), one.quantity, _ARRIVING
    if kind in _MOVES:
        yield here, one.quantity, _MOVES[kind]


def _found(event: StockCounted) -> Iterator[Entry]:
    """At what was counted; and of a lot, the same at its position, but that nobody counted that."""
    told = _counted(event)
    if not event.segment:
        yield (event.sku, event.node_id), 1, told
        return
    yield (event.sku, f"{event.node_id}~{event.segment}"), 1, told
    yield (
        (event.sku, event.node_id),
        1,
        tuple(0 if name == "counts" else n for name, n in zip(PARTS, told, strict=True)),
    )


def _counted(event: StockCounted) -> Units:
    parts = {name: getattr(event, name) for name in ("safety", "damaged", "qc")}
    return _per_unit(
        on_hand=event.on_hand, available=event.on_hand - sum(parts.values()), short=event.short, counts=1, **parts
    )


def _of(at: StockDelta | None) -> list[int]:
    return [getattr(at, name) for name in PARTS] if at else [0] * len(PARTS)


def _sums(counts: Sequence[int]) -> bool:
    """On hand is what is available, reserved, kept back, damaged, to be looked at or in pools; nothing else counts."""
    return counts[0] == sum(counts[1 : 1 + len(ON_HAND)])


def history(streams: Mapping[str, Sequence[StoredCommit]]) -> dict[Position, list[int]]:
    """Components by position, as the events of all streams add up."""
    summed: dict[Position, list[int]] = {}
    for stored in streams.values():
        for each in stored:
            for event in each.commit.events:
                for position, units, per_unit in moves(event):
                    counts = summed.setdefault(position, [0] * len(PARTS))
                    for index, sign in enumerate(per_unit):
                        counts[index] += sign * units
    return summed


def balanced(positions: Mapping[Position, StockDelta]) -> Iterator[Finding]:
    """I1: on hand is the sum of its components, and none is below zero."""
    for (sku, node), at in positions.items():
        counts = _of(at)
        if min(counts) < 0:
            yield Finding(invariant="I1", detail=f"{sku} at {node} is below zero: {counts}")
        if not _sums(counts):
            yield Finding(invariant="I1", detail=f"{sku} at {node} is out of balance: {counts}")


def positions_of_history(
    streams: Mapping[str, Sequence[StoredCommit]], positions: Mapping[Position, StockDelta]
) -> Iterator[Finding]:
    """I1: what is stored is received - shipped - written off + returned, and so for every component.

    A position that no event speaks of was there before the log (a test's own beginning): it is not compared.
    """
    for position, counts in history(streams).items():
        at = positions.get(position)
        stored = _of(at)
        if stored != counts:
            yield Finding(invariant="I1", detail=f"{position} is stored as {stored}, its history says {counts}")


def unheard(
    streams: Mapping[str, Sequence[StoredCommit]], positions: Mapping[Position, StockDelta]
) -> Iterator[Finding]:
    """I3: no position holds units that no event tells of."""
    told = history(streams)
    for position, at in positions.items():
        if position not in told and at.changes:
            yield Finding(invariant="I3", detail=f"{position} holds {dict(at.changes)}, and no event says why")


def held(streams: Mapping[str, Sequence[StoredCommit]]) -> Counter[Position]:
    """Units by position that open holds have bound, counted by rules of their own."""
    found: Counter[Position] = Counter()
    for stream, stored in streams.items():
        if not stream.startswith("hold#"):
            continue
        events = [event for each in stored for event in each.commit.events]
        made = [each for each in events if isinstance(each, holding.StockHeld)]
        ended = [each for each in events if not isinstance(each, (holding.StockHeld, holding.StockHoldExtended))]
        for each in made if not ended else ():
            for part in each.units:
                found.update({(sku, part.node_id): units for sku, units in goods(part)})
    return found


def ended_once(streams: Mapping[str, Sequence[StoredCommit]]) -> Iterator[Finding]:
    """I6: a hold of stock is made once, and ends once at most: never both freed and taken over."""
    for stream, stored in streams.items():
        if stream.startswith("hold#"):
            names = [type(event).__name__ for each in stored for event in each.commit.events]
            turns = [name for name in names if name != "StockHoldExtended"]
            made, ended = turns.count("StockHeld"), turns[1:]
            if names[0] != "StockHeld" or made != 1 or len(ended) > 1 or (ended and names[-1] != ended[0]):
                yield Finding(invariant="I6", detail=f"{stream} lived as {names}")


def bound(
    books: Iterable[Books], positions: Mapping[Position, StockDelta], holds: Mapping[Position, int]
) -> Iterator[Finding]:
    """I1: what is reserved at a position is what live lines have bound there, summed over orders, and what is held."""
    wanted: Counter[Position] = Counter(holds)
    for each in books:
        for (_, sku, node), units in each.bound.items():
            wanted[sku, node] += units
    for position in wanted.keys() | {each for each in positions if "~" not in each[1]}:
        at = positions.get(position)
        reserved = at.reserved if at else 0
        if reserved != wanted[position]:
            yield Finding(invariant="I1", detail=f"{position} reserves {reserved}, bound are {wanted[position]}")


def received(streams: Mapping[str, Sequence[StoredCommit]], sent: Mapping[Position, int]) -> Iterator[Finding]:
    """I4: what came in, by the driver's own count, is what the log says came in; nothing more, nothing less."""
    told: Counter[Position] = Counter()
    for stored in streams.values():
        for each in stored:
            for event in each.commit.events:
                for one in event.movements if isinstance(event, StockMoved) else ():
                    if one.kind.value in ("receipt", "adjustment"):
                        told[one.sku, one.node_id] += one.quantity
    for position in told.keys() | sent.keys():
        if told[position] != sent.get(position, 0):
            detail = f"{position} received {told[position]} in the log, {sent.get(position, 0)} were sent"
            yield Finding(invariant="I4", detail=detail)


def entries_balance(streams: Mapping[str, Sequence[StoredCommit]]) -> Iterator[Finding]:
    """I3: each entry moves units from somewhere to somewhere: a quantity is a positive whole number of a known kind."""
    for stream, stored in streams.items():
        for each in stored:
            for event in each.commit.events:
                for position, units, per_unit in moves(event):
                    signed = isinstance(event, StockMoved)
                    if type(units) is not int or units == 0 or (units < 0 and not signed):
                        yield Finding(invariant="I3", detail=f"{stream}: {units} units of {position}")
                    if not _sums(per_unit):
                        yield Finding(invariant="I3", detail=f"{stream}: an entry of {position} is one-sided")
