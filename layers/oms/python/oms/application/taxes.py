"""Taxes by the merchant's own tables of rates, imported as master data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.domain.errors import InvalidInputError, NoTaxRatesError
from oms.domain.frozen import frozen
from oms.domain.tax_rates import POLICY, plain_region, policy_of, read_rates
from oms.domain.taxes import reckon

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from oms.domain.taxes import TaxAnswer, TaxQuestion

    class TaxTables(Protocol):
        """Where the tables are."""

        def policy(self, name: str) -> Mapping[str, Any]:
            """One of them; empty when there is none."""


@frozen(kw_only=False)
class TableTaxes:
    """TaxPort over rates of the place that the goods go to: its country's, and its region's."""

    tables: TaxTables

    def reckon(self, question: TaxQuestion) -> TaxAnswer:
        """Raises NoTaxRatesError before any table is imported, InvalidInputError where the region has to be known."""
        places = self.tables.policy(POLICY).get("places", {})
        if not places:
            raise NoTaxRatesError("no rates of taxes were imported")
        country = question.ship_to.country
        region = plain_region(country, question.ship_to.region)
        regions = places.get(country, [])
        if regions and not region:
            raise InvalidInputError("taxes depend on the region that the goods go to", country=country)
        names = [country] if country in places else []
        names += [f"{country}-{region}"] if region in regions else []
        return reckon(question, [each for name in names for each in read_rates(self.tables.policy(policy_of(name)))])
