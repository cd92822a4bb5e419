"""Play random operations on the code's positions and on the account, and compare."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from oms.domain.counting import CountSeen, PositionCount, decide_count
from oms.domain.errors import InsufficientStockError
from oms.domain.movements import Into, MovementKind
from oms.domain.order import events as ev
from oms.domain.stock import DecidedDelta, StockDelta, StockMoved, StockMovement, counted_delta, stock_deltas
from tests.proof.drift.account import Account
from tests.proof.memory import MemoryLog, Store
from tests.support.builders import minutes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.proof.drift.account import Place

NODES: Final = ("N1", "N2", "N3")
SKUS: Final = tuple(f"S{number}" for number in range(40))
MOST: Final = 5
_K = MovementKind
MOVES: Final = {
    _K.DAMAGE: ("available", "damaged"),
    _K.WRITE_OFF: ("damaged", ""),
    _K.QC_HOLD: ("available", "qc"),
    _K.QC_RELEASE: ("qc", "available"),
    _K.QC_REJECT: ("qc", "damaged"),
    _K.TRANSFER_LOSS: ("in_transit", ""),
}
"""Kinds that take units out of one state into another."""
SIGNED: Final = {_K.ADJUSTMENT: ("", "available"), _K.SAFETY: ("available", "safety")}
REJECTIONS: Final = {"no_capacity": "available", "not_found": "", "damaged": "damaged"}
RETURNS: Final = {
    ev.Disposition.RESTOCK: "available",
    ev.Disposition.QC: "qc",
    ev.Disposition.REFURBISH: "qc",
    ev.Disposition.DAMAGED: "damaged",
    ev.Disposition.SCRAP: "",
    ev.Disposition.VENDOR: "",
}


@dataclass(slots=True)
class Drift:
    """A run: how much was done, what was refused by both, and what is not the same."""

    operations: int = 0
    refused: int = 0
    disagreements: int = 0
    """Operations that one of the two refused, and the other did."""
    units: int = 0
    """Sum of all differences, by position and component."""
    kinds: set[str] = field(default_factory=set)


class Play:
    """One run of random operations; `deltas` is what events do to stock, the code's unless something else is given."""

    def __init__(self, seed: int, deltas: Callable[[Sequence[object]], Sequence[StockDelta]] = stock_deltas) -> None:
        self._dice, self._deltas = random.Random(seed), deltas
        self._store, self._account, self._drift = Store(), Account(), Drift()
        self._log = MemoryLog(self._store)
        self._bound: list[tuple[Place, int]] = []
        self._gone: list[tuple[Place, int]] = []
        self._do = (self._bind, self._bind, self._let_go, self._let_go, self._receive, self._move, self._count)
        self._more = (*self._do, self._come_back, self._transfer, self._elsewhere)

    def run(self, operations: int) -> Drift:
        """Do so many, then compare every position."""
        for _ in range(operations):
            self._dice.choice(self._more)()
        self._drift.operations = operations
        for sku in SKUS:
            for node in NODES:
                self._compare((sku, node))
        return self._drift

    def _compare(self, place: Place) -> None:
        ours, told = self._at(place), self._account.at(place)
        self._drift.units += sum(abs(getattr(ours, name) - units) for name, units in told.items())

    # ---- operations

    def _bind(self) -> None:
        """Several lines of one order, perhaps of one SKU at one node."""
        parts = [(self._place(), self._units()) for _ in range(self._dice.choice((1, 1, 2, 3)))]
        units = tuple(self._part(place, count, f"{line}") for line, (place, count) in enumerate(parts))
        event = ev.LinesReserved(units=units, fulfillment_orders={}, promised_by=minutes(0))
        wanted: dict[Place, int] = {}
        for place, count in parts:
            wanted[place] = wanted.get(place, 0) + count
        there = all(
            self._account.units[place, "available"] >= count and not self._account.units[place, "short"]
            for place, count in wanted.items()
        )
        if self._same("bind", event, expected=there):
            for place, count in parts:
                self._account.bind(place, count)
                self._bound.append((place, count))

    def _let_go(self) -> None:
        """What was bound is cancelled, rejected or shipped."""
        if not self._bound:
            return
        place, count = self._bound.pop(self._dice.randrange(len(self._bound)))
        units = (self._part(place, count),)
        what = self._dice.choice(("cancel", "ship", *REJECTIONS))
        event: object
        if what == "cancel":
            event, into = ev.LinesCancelled(lines=(), origin="oms", freed=units), "available"
        elif what == "ship":
            parcel = ev.ShippedParcel(parcel_id="p", carrier="c", tracking_number="t", units=units)
            event = ev.ShipmentShipped(shipment_id="s", fulfillment_order_id="f", node_id=place[1], parcels=(parcel,))
            into = ""
            self._gone.append((place, count))
        else:
            event = ev.FulfillmentOrderRejected(fulfillment_order_id="f", node_id=place[1], reason=what, units=units)
            into = REJECTIONS[what]
        if self._same(what, event, expected=True):
            self._account.shift(place, count, "reserved", into)

    def _elsewhere(self) -> None:
        """What was bound is bound at another node."""
        if not self._bound:
            return
        index = self._dice.randrange(len(self._bound))
        place, count = self._bound[index]
        other = place[0], self._dice.choice([node for node in NODES if node != place[1]])
        event = ev.LinesMoved(
            freed=(self._part(place, count),),
            out_of=("f",),
            units=(self._part(other, count),),
            fulfillment_orders={},
            promised_by=minutes(0),
            release_at=minutes(0),
        )
        there = self._account.units[other, "available"] >= count and not self._account.units[other, "short"]
        if self._same("elsewhere", event, expected=there):
            self._account.shift(place, count, "reserved", "available")
            self._account.bind(other, count)
            self._bound[index] = other, count

    def _come_back(self) -> None:
        if not self._gone:
            return
        place, count = self._gone.pop(self._dice.randrange(len(self._gone)))
        disposition = self._dice.choice(list(RETURNS))
        event = ev.LinesReturned(units=(self._part(place, count),), refund_id="r", disposition=disposition)
        if self._same(f"back: {disposition}", event, expected=True) and RETURNS[disposition]:
            self._account.shift(place, count, "", RETURNS[disposition])

    def _receive(self) -> None:
        place, count, into = self._place(), self._units(), self._dice.choice(list(Into))
        if self._moved(_K.RECEIPT, place, count, expected=True, into=into):
            self._account.shift(place, count, "", into.value)

    def _move(self) -> None:
        kind = self._dice.choice((*MOVES, *SIGNED))
        place, count = self._place(), self._units()
        if kind in SIGNED and self._dice.random() < 0.5:
            (into, out_of), sign = SIGNED[kind], -1
        else:
            (out_of, into), sign = {**MOVES, **SIGNED}[kind], 1
        there = not out_of or self._account.units[place, out_of] >= count
        if self._moved(kind, place, sign * count, expected=there):
            self._account.shift(place, count, out_of, into)

    def _transfer(self) -> None:
        """Units leave for another node, or arrive."""
        place, count = self._place(), self._units()
        if self._dice.random() < 0.5:
            other = self._dice.choice([node for node in NODES if node != place[1]])
            there = self._account.units[place, "available"] >= count
            if self._moved(_K.TRANSFER_OUT, place, count, expected=there, to_node_id=other):
                self._account.shift(place, count, "available", "")
                self._account.shift((place[0], other), count, "", "in_transit")
            return
        into = self._dice.choice(list(Into))
        there = self._account.units[place, "in_transit"] >= count
        if self._moved(_K.TRANSFER_IN, place, count, expected=there, into=into):
            self._account.shift(place, count, "in_transit", into.value)

    def _count(self) -> None:
        """Near what the book says, sometimes far from it. A count hides what went wrong before it: look first."""
        place = self._place()
        self._compare(place)
        at = self._at(place)
        found = max(0, at.on_hand + self._dice.choice((-9, -1, 0, 0, 1)))
        seen = CountSeen(on_hand=at.on_hand, counts=at.counts)
        event = decide_count(PositionCount(sku=place[0], node_id=place[1], counted=found, seen=seen), at, seen)
        delta = counted_delta(event)
        decided = DecidedDelta(sku=delta.sku, node_id=delta.node_id, seen=at, **delta.changes)
        if self._write("count", [decided], expected=True):
            self._account.count(place, found)

    # ---- both

    def _moved(self, kind: MovementKind, place: Place, count: int, *, expected: bool, **more: Any) -> bool:
        movement = StockMovement(sku=place[0], node_id=place[1], kind=kind, quantity=count, **more)
        return self._same(kind.value, StockMoved(movements=(movement,)), expected=expected)

    def _same(self, kind: str, event: object, *, expected: bool) -> bool:
        return self._write(kind, self._deltas([event]), expected=expected)

    def _write(self, kind: str, deltas: Sequence[StockDelta], *, expected: bool) -> bool:
        """True when it was written; that it was not `expected`, or was and is not, is a disagreement."""
        try:
            after = self._log.moved(deltas)
        except InsufficientStockError:
            self._drift.refused += not expected
            self._drift.disagreements += expected
            return False
        for position in after:
            self._store.put_in(self._store.positions, position.sku, position.node_id, position)
        self._drift.disagreements += not expected
        self._drift.kinds.add(kind)
        return True

    def _at(self, place: Place) -> StockDelta:
        known = self._store.positions.get(place[0], {}).get(place[1])
        return known or StockDelta(sku=place[0], node_id=place[1])

    def _place(self) -> Place:
        return self._dice.choice(SKUS), self._dice.choice(NODES)

    def _units(self) -> int:
        return self._dice.randint(1, MOST)

    @staticmethod
    def _part(place: Place, count: int, line_id: str = "1") -> ev.NodeUnits:
        return ev.NodeUnits(line_id=line_id, sku=place[0], node_id=place[1], quantity=count)
