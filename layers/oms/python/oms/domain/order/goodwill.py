"""Money out of goodwill: nothing comes back for it, and the price stays what it was. In minor units.

It makes up for something else than the goods: a parcel that came late, a crushed box. So it credits no line and no tax
(who lowers a price refunds lines), stands in an account of its own (`accounts`), and is limited by role:

    given before on the order + amount <= min(share of what the order costs, amount for its currency)

of what the role's limit says; a currency that `amounts` does not name is given nothing.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import GoodwillLimitError, InvalidInputError
from oms.domain.frozen import frozen
from oms.domain.order.charging import chargeable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.commands import RequestRefund
    from oms.domain.order.state import Order

WHOLE: Final = 10_000
"""Basis points."""


class GoodwillCode(StrEnum):
    """What it makes up for."""

    LATE = "late"
    PACKAGING = "packaging"
    INFORMATION = "information"
    SERVICE = "service"
    PRICE_MATCH = "price_match"
    LOYALTY = "loyalty"
    OTHER = "other"


@frozen
class GoodwillLimit:
    """What a role may give on an order: a share in basis points, and amounts by currency; None: no such limit."""

    share: int | None = None
    amounts: Mapping[str, int] | None = None


BUILT_IN: Final[Mapping[str, GoodwillLimit]] = {"service": GoodwillLimit(share=1000)}
"""While nothing else is saved for a role; one that neither names is not limited."""


def read_limits(stored: Mapping[str, Any]) -> Mapping[str, GoodwillLimit]:
    """By role, of the saved rules for returns, which were checked when they were saved."""
    saved = stored.get("document", {}).get("goodwill", {})
    limits = {
        role: GoodwillLimit(
            share=int(Decimal(str(limit["percent"])) * 100) if "percent" in limit else None,
            amounts=limit.get("amounts"),
        )
        for role, limit in saved.items()
    }
    return {**BUILT_IN, **limits}


def given(order: Order) -> int:
    """What was given out of goodwill, or still is to be."""
    return sum(each.amount for each in order.payment.refunds.values() if each.goodwill and each.counts)


def most(order: Order, limit: GoodwillLimit | None) -> int | None:
    """What may be given on the order in all; None: as much as was paid."""
    if limit is None:
        return None
    bounds = []
    if limit.share is not None:
        bounds.append(chargeable(order) * limit.share // WHOLE)
    if limit.amounts is not None:
        bounds.append(limit.amounts.get(order.placed.currency, 0))
    return min(bounds, default=None)


def check(order: Order, command: RequestRefund, amount: int) -> None:
    """Raises InvalidInputError (it names units), GoodwillLimitError with what may still be given by the role."""
    if command.lines or command.disposition or command.serials:
        raise InvalidInputError("goodwill is for no units: refund those by lines")
    allowed = most(order, command.limit)
    if allowed is not None and given(order) + amount > allowed:
        raise GoodwillLimitError(
            "more than your role gives out of goodwill on this order",
            amount=amount,
            left=max(0, allowed - given(order)),
            currency=order.placed.currency,
        )
