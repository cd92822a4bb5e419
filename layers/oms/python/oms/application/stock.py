"""Move stock for reasons other than an order, and take in what was counted."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from oms.domain import ids
from oms.domain.codec import to_plain
from oms.domain.commit import Commit
from oms.domain.counting import CountSeen, check_count, decide_count
from oms.domain.errors import (
    ContentionError,
    IdempotencyKeyReusedError,
    InsufficientStockError,
    InvalidInputError,
    KitWithoutStockError,
    NoSuchNodeError,
    NoSuchSkuError,
    VersionConflictError,
)
from oms.domain.frozen import frozen
from oms.domain.masters import ON_HAND, POLICY, STAFF, read_masters
from oms.domain.segments import LOT, place_of, split_place
from oms.domain.stock import (
    MAX_POSITIONS,
    DecidedDelta,
    StockDelta,
    StockMoved,
    StockMovement,
    check_movement,
    counted_delta,
    stock_deltas,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oms.application.ports import Clock, Log, Reference, Stock
    from oms.domain.commit import Cause
    from oms.domain.counting import PositionCount
    from oms.domain.history import History
    from oms.domain.kits import Components
    from oms.domain.stock import StockCounted

RECOUNTS: Final = 8
"""Tries of a count whose positions kept moving."""
_SHOWN: Final = 100
Place = tuple[str, str]


def check_known(reference: Reference, nodes: Iterable[str], skus: Iterable[str]) -> dict[str, Components]:
    """What each SKU is made of: nothing, unless it is a kit. Raises NoSuchNodeError and NoSuchSkuError."""
    unknown = sorted(set(nodes) - {node.node_id for node in reference.nodes({})})
    if unknown:
        raise NoSuchNodeError("unknown node", nodes=unknown[:_SHOWN])
    wanted = list(dict.fromkeys(skus))
    made_of = reference.made_of(wanted)
    missing = sorted(set(wanted) - made_of.keys())
    if missing:
        raise NoSuchSkuError("unknown SKU", skus=missing[:_SHOWN])
    return {sku: made_of[sku] for sku in wanted}


def check_stocked(reference: Reference, nodes: Iterable[str], skus: Iterable[str]) -> None:
    """As `check_known`; raises KitWithoutStockError too: what is kept in stock is a kit's components."""
    made_of = check_known(reference, nodes, skus)
    kits = sorted(sku for sku, components in made_of.items() if components)
    if kits:
        raise KitWithoutStockError("a kit has no stock of its own", skus=kits[:_SHOWN])


@frozen
class _Request:
    """What was asked under a key: its stream, and the command that this very request is."""

    stream: str
    command_id: str
    cause: Cause

    def done(self, history: History) -> tuple[Any, ...] | None:
        """The events that the request has made, None when it has not run; raises IdempotencyKeyReusedError."""
        if not history.commits:
            return None
        commit = history.find(self.command_id)
        if commit is None:
            raise IdempotencyKeyReusedError("this Idempotency-Key was used for another request")
        return commit.events

    def commit(self, history: History, events: tuple[Any, ...], now: Clock) -> Commit:
        """The one commit of the stream."""
        return Commit(
            stream=self.stream,
            number=1,
            command_id=self.command_id,
            cause=self.cause,
            at=now(),
            events=events,
            previous=history.head,
        )


def _request(verb: str, movement_id: str, key: str, asked: Any, cause: Cause) -> _Request:
    fingerprint = hashlib.sha256(json.dumps(to_plain(asked), sort_keys=True).encode()).hexdigest()
    command_id = ids.command_id(verb, key, fingerprint)
    return _Request(stream=f"stock#{movement_id}", command_id=command_id, cause=cause)


@frozen(kw_only=False)
class MoveStock:
    """Movements that happen together, once by their key: the commit and the positions in one transaction."""

    log: Log
    reference: Reference
    now: Clock

    def __call__(self, key: str, movements: Sequence[StockMovement], cause: Cause) -> dict[str, Any]:
        """{'movement_id', 'replayed'}.

        Raises InvalidInputError (fields that do not fit, unknown node or SKU, a kit, too many positions),
        InsufficientStockError, IdempotencyKeyReusedError when the key came with other movements.
        """
        for each in movements:
            check_movement(each)
        event = StockMoved(movements=tuple(movements))
        deltas = stock_deltas([event])
        if not movements or len(deltas) > MAX_POSITIONS:
            raise InvalidInputError("a movement touches 1 to 90 positions", positions=len(deltas))
        nodes = {node for each in movements for node in (each.node_id, each.to_node_id) if node}
        check_stocked(self.reference, nodes, {each.sku for each in movements})
        movement_id = ids.derive("mov", key)
        request = _request("move_stock", movement_id, key, event, cause)
        history = self.log.read(request.stream)
        if request.done(history) is None:
            try:
                self.log.append(request.commit(history, (event,), self.now), stock=deltas)
            except VersionConflictError:
                request.done(self.log.read(request.stream))
            else:
                return {"movement_id": movement_id, "replayed": False}
        return {"movement_id": movement_id, "replayed": True}


@frozen(kw_only=False)
class CountStock:
    """Counts of positions, once by their key.

    Decided on the positions as they are read, and written only while nothing has moved in or out of them since; a count
    that lost to such a movement is decided again. Reservations do not get in its way, nor it in theirs.
    """

    log: Log
    stock: Stock
    reference: Reference
    now: Clock

    def __call__(self, key: str, counts: Sequence[PositionCount], cause: Cause) -> dict[str, Any]:
        """{'count_id', 'replayed', 'counts': the StockCounted events}.

        Raises InvalidInputError (fields that do not fit, unknown node or SKU, a kit, a position twice),
        NotMasterError where another integration tells what is there, CountOutdatedError, IdempotencyKeyReusedError,
        ContentionError when the positions kept moving.
        """
        for each in counts:
            check_count(each)
        touched = {_place(each) for each in counts} | {(each.sku, each.node_id) for each in counts}
        places = {_place(each) for each in counts}
        if not 0 < len(counts) == len(places) or len(touched) > MAX_POSITIONS:
            raise InvalidInputError("a count is of 1 to 90 positions, each named once", positions=len(touched))
        check_stocked(self.reference, {each.node_id for each in counts}, {each.sku for each in counts})
        masters = read_masters(self.reference.policy(POLICY))
        for each in counts:
            masters.check(STAFF, ON_HAND, each.node_id)
        count_id = ids.derive("cnt", key)
        request = _request("count_stock", count_id, key, list(counts), cause)
        seen: dict[Place, CountSeen] = {_place(each): each.seen for each in counts if each.seen is not None}
        told = set(seen)
        for _ in range(RECOUNTS):
            history = self.log.read(request.stream)
            done = request.done(history)
            if done is not None:
                return {"count_id": count_id, "replayed": True, "counts": done}
            positions = self._positions(counts)
            _look(seen, told, positions)
            events = tuple(decide_count(each, positions[_place(each)], seen[_place(each)]) for each in counts)
            try:
                self.log.append(request.commit(history, events, self.now), stock=_changes(events, positions))
            except (VersionConflictError, InsufficientStockError):
                continue
            return {"count_id": count_id, "replayed": False, "counts": events}
        raise ContentionError("the positions kept moving while they were counted", count_id=count_id)

    def _positions(self, counts: Sequence[PositionCount]) -> dict[Place, StockDelta]:
        """Of what is counted; and of lots, the positions that they are of."""
        found = {(each.sku, each.node_id): each for each in self.stock.positions(each.sku for each in counts)}
        _no_lots({(each.sku, each.node_id) for each in counts if not each.segment}, counts, found.values())
        wanted = {_place(each) for each in counts} | {(each.sku, each.node_id) for each in counts}
        return {place: found.get(place) or StockDelta(sku=place[0], node_id=place[1]) for place in wanted}


def _place(count: PositionCount) -> Place:
    return count.sku, place_of(count.node_id, count.segment)


def _no_lots(places: set[Place], counts: Iterable[PositionCount], rows: Iterable[StockDelta]) -> None:
    """A count of a position does not say of which lots units are missing; raises InvalidInputError."""
    lots = {(each.sku, each.node_id) for each in counts if each.segment}
    for each in rows:
        node_id, segment = split_place(each.node_id)
        if segment.startswith(LOT) and (each.on_hand or each.short):
            lots.add((each.sku, node_id))
    for sku, node_id in sorted(places & lots):
        raise InvalidInputError("what is kept in lots is counted lot by lot", sku=sku, node=node_id)


def _look(seen: dict[Place, CountSeen], told: set[Place], positions: Mapping[Place, StockDelta]) -> None:
    """Of a counter who did not say what he knew: the position when the count came in, or after another count of it."""
    for place, at in positions.items():
        known = seen.get(place)
        if known is None or (place not in told and known.counts != at.counts):
            seen[place] = CountSeen(on_hand=at.on_hand, counts=at.counts)


def _changes(events: Sequence[StockCounted], positions: Mapping[Place, StockDelta]) -> list[StockDelta]:
    """What was counted moves only while it is as it was read; the position of a lot, as far as it has the units.

    Raises InvalidInputError where it has not: units were moved without their lot, or are kept in a pool.
    """
    counted = {(each.sku, counted_delta(each).node_id) for each in events}
    changes: list[StockDelta] = []
    for each in stock_deltas(events):
        at = positions[each.sku, each.node_id]
        if (each.sku, each.node_id) in counted:
            changes.append(DecidedDelta(sku=each.sku, node_id=each.node_id, seen=at, **each.changes))
            continue
        if any(getattr(at, name) + units < 0 for name, units in each.changes.items()):
            what = "the position does not have what the lot does: units were moved without it, or are in a pool"
            raise InvalidInputError(what, sku=each.sku, node=each.node_id)
        changes.append(each)
    return changes
