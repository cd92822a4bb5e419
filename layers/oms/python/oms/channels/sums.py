"""Vendors that tell each price with and without tax: which of the readings adds up to the total decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.canonical import check_order, sum_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.domain.canonical import CanonicalOrder


def first_that_sums(readings: Sequence[CanonicalOrder]) -> CanonicalOrder:
    """The first reading whose parts are its total; raises TotalsMismatchError of the first when there is none."""
    return check_order(next((each for each in readings if sum_parts(each) == each.total), readings[0]))


def unit_price(gross: int, quantity: int) -> tuple[int, int]:
    """The price of one unit, rounded up, and by how much that is more for all of them: taken as discount."""
    price = -(-gross // quantity)
    return price, price * quantity - gross
