"""What can happen to an exchange: a return whose value pays for other goods. Part of `return_facts`.

Amounts are minor units of the order's currency.
"""

from __future__ import annotations

from oms.domain.frozen import frozen


@frozen
class WantedLine:
    """What is wanted for units of a line of a return.

    `unit_price` as the catalogue asks it, in the order's way of telling prices; None: what units of the line are worth.
    """

    line_id: str
    sku: str
    quantity: int
    unit_price: int | None = None
    title: str = ""


@frozen
class ReplacementLine:
    """A line of the order that is placed instead; its id is that of the line it is for."""

    line_id: str
    sku: str
    quantity: int
    unit_price: int
    discount: int = 0
    tax: int = 0
    title: str = ""


@frozen
class MovedPart:
    """A part of an amount by tender, as the refund `refund_id`; `done`: nobody has to be asked for it."""

    refund_id: str
    tender: int
    amount: int
    done: bool = True


@frozen
class CreditedUnits:
    """Units of a line of the return. `priced`: those whose price went with it; the others went back before."""

    line_id: str
    quantity: int
    priced: int


@frozen
class ReturnExchanged:
    """`amount` of the return pays for the order `replacement`; it stays with the tenders that took it.

    It is what `units` are worth, less `fee` and `withheld`, and less `refunded`, which goes back as any refund.
    """

    return_id: str
    replacement: str
    amount: int
    units: tuple[CreditedUnits, ...]
    parts: tuple[MovedPart, ...]
    lines: tuple[ReplacementLine, ...]
    fee: int = 0
    withheld: int = 0
    refunded: int = 0
    refund_id: str = ""


@frozen
class ReplacementPlaced:
    """The order for it was placed."""

    return_id: str


@frozen
class ExchangeGivenBack:
    """The other order gave `parts` of it back: they go back from the tenders that took them."""

    return_id: str
    parts: tuple[MovedPart, ...]


ExchangeEvent = ReturnExchanged | ReplacementPlaced | ExchangeGivenBack
