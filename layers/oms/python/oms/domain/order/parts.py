"""What events of an order are made of: its lines, and units of them. Part of `events`, by whose name they are known."""

from __future__ import annotations

from oms.domain.frozen import frozen
from oms.domain.kits import Components, parts_of
from oms.domain.segments import Drawn, place_of
from oms.domain.serials import Serial  # noqa: TC001 - the codec resolves these annotations at run time


@frozen
class PlacedLine:
    """A line as ordered; prices never change."""

    line_id: str
    sku: str
    quantity: int
    unit_price: int
    discount: int = 0
    tax: int = 0
    title: str = ""
    requires_shipping: bool = True
    components: Components = ()
    """What a unit of a kit is made of, as it was when the order was placed."""
    serialized: tuple[str, ...] = ()
    """SKUs of what it is in stock whose units have serial numbers, as it was then."""
    tax_class: str = ""
    adds_to: str = ""
    """The line of which these are more units, added later: what a unit of that costs never changes."""


@frozen
class LineUnits:
    """Units of a line."""

    line_id: str
    quantity: int


@frozen
class NodeUnits:
    """Units of a line at a node; `sku` and `components` stand here so that stock is a fold of events alone."""

    line_id: str
    sku: str
    node_id: str
    quantity: int
    components: Components = ()
    drawn: tuple[Drawn, ...] = ()
    """Of these, units that come from segments of their positions."""
    serials: tuple[Serial, ...] = ()
    """Which they are: of units that left, or came back."""

    @property
    def parts(self) -> tuple[tuple[str, int], ...]:
        """(SKU, units) as they are kept in stock."""
        return parts_of(self.sku, self.components, self.quantity)

    @property
    def places(self) -> set[tuple[str, str]]:
        """(SKU, place) of all rows of stock that they touch."""
        segments = {(each.sku, place_of(self.node_id, each.segment)) for each in self.drawn}
        return segments | {(sku, self.node_id) for sku, _ in self.parts}
