"""Parts of `books`: a refund, the goods of units, and what the parts of an order sum to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oms.domain.holding import HeldUnits
    from oms.domain.order import events as ev


@dataclass(slots=True)
class RefundBook:
    """A refund in the books."""

    amount: int
    lines: Counter[str] = field(default_factory=Counter)
    state: str = "requested"
    ref: str = ""
    origin: str = "oms"
    tender: int = 1
    moved: bool = False
    """It pays for another order: no provider is asked."""
    out_of: str = ""
    """The exchange that it is given back of."""

    @property
    def counts(self) -> bool:
        """It has taken money back, or still may."""
        return self.state != "failed"


def goods(part: ev.NodeUnits | HeldUnits) -> list[tuple[str, int]]:
    """What these units take from a shelf: themselves, or of a kit each component as often as it is in one."""
    return [(each.sku, each.units * part.quantity) for each in part.components] or [(part.sku, part.quantity)]


def parts_sum(placed: ev.OrderPlaced) -> int:
    """What lines and shipping cost together, with taxes that are on top."""
    on_top = 0 if placed.tax_included else 1
    lines = sum(line.unit_price * line.quantity - line.discount + on_top * line.tax for line in placed.lines)
    return lines + placed.shipping + on_top * placed.shipping_tax
