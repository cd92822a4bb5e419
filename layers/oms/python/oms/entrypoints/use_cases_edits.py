"""Use cases of edits of orders, made of the ports that `wiring` makes real."""

from __future__ import annotations

import os
from functools import cache

from oms.application.edit_prices import PriceEdit
from oms.application.edits import EditOrders, ProposeEdit
from oms.entrypoints import use_cases, wiring, wiring_taxes


@cache
def propose_edit() -> ProposeEdit:
    """Use case."""
    free_percent = int(os.environ["FREE_REDUCTION_PERCENT"])
    price = PriceEdit(wiring.reference(), wiring_taxes.taxes(), free_percent)
    return ProposeEdit(wiring.orders(), price, use_cases.plan_order(), wiring.gazetteer(), wiring.now)


@cache
def edit_orders() -> EditOrders:
    """Use case."""
    return EditOrders(propose_edit(), wiring.contacts())
