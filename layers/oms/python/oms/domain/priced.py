"""How an order came by its amounts: taxes that were reckoned here, and money that its shop counts in another currency.

Kept with the order as it was placed: rates of another day change nothing of it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import InvalidInputError
from oms.domain.frozen import frozen
from oms.domain.money import to_minor

if TYPE_CHECKING:
    from collections.abc import Iterable


GOODS: Final = "goods"


@frozen
class TaxesAsked:
    """That taxes are to be reckoned here, and what the buyer is; `reckon` False: that they are not."""

    reckon: bool = True
    exempt: bool = False
    business: bool = False


@frozen
class TaxBorne:
    """What one rate came to, in minor units, on `goods` of a class, on `shipping` or on `fees`."""

    part: str
    tax: str
    jurisdiction: str
    kind: str
    rate: str
    amount: int
    tax_class: str = ""


@frozen
class TaxesReckoned:
    """By which rates, whose, and how they were rounded; `on` is the day whose rates they are."""

    on: str
    rates: tuple[TaxBorne, ...] = ()
    notes: tuple[str, ...] = ()
    """Why there is none: `exempt`, `reverse_charge`, `no_rate`."""
    exempt: bool = False
    business: bool = False
    rounding: str = "line"
    digits: str = "half_up"
    seller_country: str = ""
    seller_region: str = ""


def rate_borne(taxes: TaxesReckoned, part: str, tax_class: str) -> str:
    """All that a part, or goods of a class, bore, in percent; '' where that is not one rate."""
    found = [each for each in taxes.rates if each.part == part and each.tax_class == tax_class]
    apart = len({each.tax for each in found}) == len(found)
    return f"{sum((Decimal(each.rate) for each in found), Decimal(0)).normalize():f}" if found and apart else ""


@frozen
class Countervalue:
    """The order's total in a second currency, in that one's minor units, as its channel told it when it was placed.

    `of`: `presentment`, what the buyer saw, of an order in its shop's currency; `shop`, of one in the buyer's. Both
    totals together are the rate, frozen with the order: no quotient of them would be exact.
    """

    of: str
    currency: str
    total: int


def countervalue(of: str, currency: object, amounts: Iterable[Any], beside: str) -> Countervalue | None:
    """It, as the sum of these amounts, when it is in another currency than `beside`.

    None for what cannot be read: no sum of the order depends on it.
    """
    if not isinstance(currency, str) or currency in ("", beside):
        return None
    try:
        total = sum(to_minor(each, currency) for each in amounts)
    except InvalidInputError:
        return None
    return Countervalue(of=of, currency=currency, total=total) if total >= 0 else None
