"""Where each ordered unit stands. Every unit is in exactly one place."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from oms.domain.errors import InvalidTransitionError, LedgerImbalanceError
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


class Place(StrEnum):
    """A place that a unit can be in."""

    OPEN = "open"
    """Not yet promised."""
    BACKORDERED = "backordered"
    """Promised against future supply."""
    ALLOCATED = "allocated"
    """Reserved at a node."""
    SHIPPED = "shipped"
    """Left the node, not yet with the customer."""
    DELIVERED = "delivered"
    RETURNED = "returned"
    """Came back after shipping."""
    CANCELLED = "cancelled"


MOVES: Final[Mapping[Place, frozenset[Place]]] = {
    Place.OPEN: frozenset({Place.BACKORDERED, Place.ALLOCATED, Place.DELIVERED, Place.CANCELLED}),
    Place.BACKORDERED: frozenset({Place.ALLOCATED, Place.CANCELLED}),
    Place.ALLOCATED: frozenset({Place.OPEN, Place.SHIPPED, Place.CANCELLED}),
    Place.SHIPPED: frozenset({Place.DELIVERED, Place.RETURNED}),
    Place.DELIVERED: frozenset({Place.RETURNED}),
    Place.RETURNED: frozenset(),
    Place.CANCELLED: frozenset(),
}
"""The only moves a unit can make. OPEN to DELIVERED is for lines that need no shipping; ALLOCATED to OPEN is a node's
rejection."""


@frozen
class LineLedger:
    """Units of one line by place; the places always sum to `ordered`. Raises LedgerImbalanceError otherwise."""

    ordered: int
    open: int = 0
    backordered: int = 0
    allocated: int = 0
    shipped: int = 0
    delivered: int = 0
    returned: int = 0
    cancelled: int = 0

    def __post_init__(self) -> None:
        """Hold the one balance invariant."""
        places = [getattr(self, place) for place in Place]
        if min(places) < 0 or sum(places) != self.ordered:
            raise LedgerImbalanceError("units appeared or vanished", ordered=self.ordered, places=places)

    def at(self, place: Place) -> int:
        """Units in `place`."""
        units: int = getattr(self, place)
        return units

    @property
    def live(self) -> int:
        """Units that are not cancelled."""
        return self.ordered - self.cancelled

    @property
    def gone(self) -> int:
        """Units that have left, wherever they are now."""
        return self.shipped + self.delivered + self.returned

    @property
    def cancellable(self) -> int:
        """Units that have not been handed over."""
        return self.open + self.backordered + self.allocated

    def move(self, source: Place, target: Place, units: int) -> LineLedger:
        """`units` moved from `source` to `target`; raises InvalidTransitionError or LedgerImbalanceError."""
        if target not in MOVES[source]:
            raise InvalidTransitionError(f"a unit cannot go from {source} to {target}")
        if units <= 0:
            raise LedgerImbalanceError("a move needs at least one unit", units=units)
        return replace(self, **{source.value: self.at(source) - units, target.value: self.at(target) + units})
