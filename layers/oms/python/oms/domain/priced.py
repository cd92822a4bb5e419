"""How an order came by its amounts: taxes that were reckoned here, and money that its shop counts in another currency.

Kept with the order as it was placed: rates of another day change nothing of it.
"""

from __future__ import annotations

from oms.domain.frozen import frozen


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
