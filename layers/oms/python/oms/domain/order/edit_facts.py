"""What can happen to what an order is of, after it was placed. Part of `events`, by whose name it is known."""

from __future__ import annotations

from dataclasses import field

from oms.domain.canonical import ShipTo  # noqa: TC001 - the codec resolves these annotations at run time
from oms.domain.frozen import frozen
from oms.domain.order.parts import NodeUnits, PlacedLine  # noqa: TC001 - the same
from oms.domain.priced import TaxesReckoned  # noqa: TC001 - the same


@frozen
class OrderEdited:
    """The order is of something else, or goes elsewhere, than when it was placed; that fact stays as it was.

    Money in minor units of the order's currency. None: as before. Units that it takes off are cancelled by
    LinesCancelled in the same commit, in which money goes back and stock is bound too.
    """

    edit_id: str
    origin: str
    """`oms`, or `channel`: the order was edited there."""
    total: int
    """What the order costs from now on, without what is cancelled; of an order whose channel holds its money, with."""
    change: int = 0
    """By how much more, or less, its payment has to cover."""
    reason: str = ""
    added: tuple[PlacedLine, ...] = ()
    ship_to: ShipTo | None = None
    addressed: bool = False
    """The address that belongs to `ship_to` is kept for this edit, apart."""
    shipping_method: str | None = None
    shipping: int | None = None
    shipping_tax: int | None = None
    line_taxes: dict[str, int] = field(default_factory=dict)
    """The tax of whole lines that bear another one where the order goes now. No unit had left."""
    taxes: TaxesReckoned | None = None
    """How the taxes that are new were reckoned, if they were."""
    freed: tuple[NodeUnits, ...] = ()
    """Units that were bound for where the order went before: they are open, and their stock is free."""
    out_of: tuple[str, ...] = ()
    """Of each freed entry, the fulfillment order it was taken out of."""
