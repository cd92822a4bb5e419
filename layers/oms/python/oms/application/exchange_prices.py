"""What the goods of an exchange cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.errors import NotExchangeableError
from oms.domain.order.exchange_facts import WantedLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.application.ports import Reference
    from oms.domain.order.state import Order


def with_prices(reference: Reference, order: Order, wanted: Sequence[WantedLine]) -> tuple[WantedLine, ...]:
    """At list prices; the same SKU again costs what the units are worth that come back.

    Raises NotExchangeableError for a SKU that has no price in the order's currency.
    """
    others = [each.sku for each in wanted if not _same(order, each)]
    listed = reference.list_prices(others, order.placed.currency) if others else {}
    found = []
    for each in wanted:
        if not _same(order, each) and each.sku not in listed:
            raise NotExchangeableError("the catalogue has no price for this", why="no_price", sku=each.sku)
        price = None if _same(order, each) else listed[each.sku]
        found.append(WantedLine(line_id=each.line_id, sku=each.sku, quantity=each.quantity, unit_price=price))
    return tuple(found)


def _same(order: Order, wanted: WantedLine) -> bool:
    line = order.lines.get(wanted.line_id)
    return line is None or line.placed.sku == wanted.sku
