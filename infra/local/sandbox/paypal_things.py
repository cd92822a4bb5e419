"""What the imitated PayPal keeps: orders, and what was done to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

GONE: Final = frozenset({"DECLINED", "FAILED", "CANCELLED"})


@dataclass(slots=True, kw_only=True)
class Thing:
    """An authorization, a capture or a refund; `amount` in hundredths, or units of currencies without."""

    ref: str
    kind: str
    amount: int
    status: str
    parent: str
    reference: str = ""
    final: bool = False
    made_at: float = 0.0


@dataclass(slots=True, kw_only=True)
class Order:
    """An order of one purchase unit."""

    ref: str
    intent: str
    amount: int
    currency: str
    course: str
    status: str
    things: list[Thing] = field(default_factory=list)

    def of(self, kind: str, parent: str = "") -> list[Thing]:
        """Those of a kind that did not come to nothing."""
        return [
            it
            for it in self.things
            if it.kind == kind and it.status not in GONE and (not parent or it.parent == parent)
        ]
