"""Who reckons taxes: an adapter of a provider of them would be named here instead of the merchant's tables."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from oms.entrypoints import wiring

if TYPE_CHECKING:
    from oms.application.gateways import TaxPort
    from oms.application.taxes import ReckonTaxes


@cache
def taxes() -> TaxPort:
    """TaxPort."""
    from oms.application.taxes import TableTaxes

    return TableTaxes(wiring.reference())


@cache
def reckon_taxes() -> ReckonTaxes:
    """Use case."""
    from oms.application.taxes import ReckonTaxes

    return ReckonTaxes(taxes(), wiring.reference())
