"""Use cases of edits of orders, made of the ports that `wiring` makes real."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from oms.entrypoints import use_cases, wiring, wiring_taxes

if TYPE_CHECKING:
    from oms.application.edits import EditOrders, ProposeEdit


@cache
def propose_edit() -> ProposeEdit:
    """Use case."""
    from oms.application.edit_prices import PriceEdit
    from oms.application.edits import ProposeEdit

    price = PriceEdit(wiring.reference(), wiring_taxes.taxes(), int(os.environ["FREE_REDUCTION_PERCENT"]))
    return ProposeEdit(wiring.orders(), price, use_cases.plan_order(), wiring.gazetteer(), wiring.now)


@cache
def edit_orders() -> EditOrders:
    """Use case."""
    from oms.application.edits import EditOrders

    return EditOrders(propose_edit(), wiring.contacts())
