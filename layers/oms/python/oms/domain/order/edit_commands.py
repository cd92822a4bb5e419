"""What may be asked of what an order is of, after it was placed."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from oms.domain.frozen import frozen
from oms.domain.order.commands import Command

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from oms.domain.canonical import ShipTo
    from oms.domain.order.events import LineUnits, NodeUnits, PlacedLine
    from oms.domain.priced import TaxesReckoned


@frozen
class OrderEdit:
    """A change of an order, with its prices and taxes in minor units of the order's currency. None: as it is.

    `line_taxes`: of lines that bear another tax where the order goes now, that of the whole line. `addressed`: the
    address that belongs to `ship_to` is kept, apart, for this edit.
    """

    add: tuple[PlacedLine, ...] = ()
    remove: tuple[LineUnits, ...] = ()
    ship_to: ShipTo | None = None
    addressed: bool = False
    shipping_method: str | None = None
    shipping: int | None = None
    shipping_tax: int | None = None
    line_taxes: Mapping[str, int] = field(default_factory=dict)
    taxes: TaxesReckoned | None = None
    reason: str = ""

    @property
    def moves(self) -> bool:
        """What is bound for the order may have to come from elsewhere."""
        return self.ship_to is not None or self.shipping_method is not None


@frozen
class EditPlan:
    """From where units that the edit added, or opened again, are to come."""

    units: tuple[NodeUnits, ...]
    promised_by: datetime
    decision: Mapping[str, Any] = field(default_factory=dict)
    release_at: datetime | None = None


@frozen
class EditOrder(Command):
    """Change what the order is of, where it goes, or how. `plan` is bound together with the edit; None: later."""

    edit_id: str
    edit: OrderEdit
    plan: EditPlan | None = None
