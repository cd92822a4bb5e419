"""Which lines of an order are planned next: all of an ordinary one, of a large one as many as one transaction binds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.order.promising import wanted_units
from oms.domain.stock import MAX_POSITIONS

if TYPE_CHECKING:
    from datetime import datetime

    from oms.application.ports import PlannedStock
    from oms.domain.order.state import Order


class Share:
    """One run's way through the lines of an order: those that nobody has planned yet, then once each that waits.

    A plan of ten thousand lines would be made a hundred times over for the ninety that fit; so it is asked for ninety.
    """

    def __init__(self, stock: PlannedStock, now: datetime) -> None:
        self._stock = stock
        self._now = now
        self._asked: dict[str, int] = {}
        self._seen: set[str] = set()
        self._hopeful: set[str] | None = None

    def of(self, order: Order, wanted: dict[str, int]) -> dict[str, int]:
        """Units by line to plan now, of all that are wanted."""
        if len(wanted) > MAX_POSITIONS:
            lines = [line_id for line_id in wanted if order.lines[line_id].ledger.open] or self._waiting(order, wanted)
            wanted = {line_id: wanted[line_id] for line_id in lines[:MAX_POSITIONS]}
        self._asked = wanted
        return wanted

    def planned(self) -> None:
        """What was asked for last has been decided."""
        self._seen.update(self._asked)

    def left(self, order: Order) -> bool:
        """Of a large order, lines wait that this run has not looked at."""
        if len(order.lines) <= MAX_POSITIONS:
            return False
        wanted = wanted_units(order)
        return len(wanted) > MAX_POSITIONS and bool(self._waiting(order, wanted))

    def _waiting(self, order: Order, wanted: dict[str, int]) -> list[str]:
        """Lines that wait for supply and may have a change: something of them is there, or their wait is over."""
        fresh = [line_id for line_id in wanted if line_id not in self._seen]
        if not fresh:
            return []
        if self._hopeful is None:
            lines = {line_id: order.lines[line_id] for line_id in fresh}
            parts = {line_id: [sku for sku, _ in line.at("", 1).parts] for line_id, line in lines.items()}
            found = self._stock.look(dict.fromkeys(sku for skus in parts.values() for sku in skus))
            there = {position.sku for position in found if position.promisable or position.free}
            self._hopeful = {
                line_id
                for line_id, line in lines.items()
                if there.issuperset(parts[line_id]) or (line.cancel_at and line.cancel_at <= self._now)
            }
        return [line_id for line_id in fresh if line_id in self._hopeful]
