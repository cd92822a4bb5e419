"""One more event: whom each kind is folded by registers here."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

from oms.domain.errors import LedgerImbalanceError

if TYPE_CHECKING:
    from oms.domain.order.state import Order


@singledispatch
def evolve(event: object, state: Order) -> Order:  # noqa: ARG001 - the signature of those registered below
    """The order after one more event."""
    raise LedgerImbalanceError("an event that this order cannot fold", event=type(event).__name__)
