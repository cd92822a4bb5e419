"""Taxes of the merchant's own orders: by his own tables of rates, imported as master data, or by whoever knows them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from oms.channels.site import has_taxes
from oms.domain.canonical import check_order
from oms.domain.entities import POLICY as ENTITIES
from oms.domain.entities import read_entities, seller
from oms.domain.errors import InvalidInputError, NoTaxRatesError
from oms.domain.frozen import frozen
from oms.domain.priced import TaxesAsked
from oms.domain.tax_rates import POLICY, STANDARD, plain_region, policy_of, read_rates
from oms.domain.taxes import TaxedLine, TaxQuestion, kept, reckon

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.application.gateways import TaxPort
    from oms.application.ports import Reference
    from oms.domain.canonical import CanonicalOrder, Normalized
    from oms.domain.taxes import TaxAnswer


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


@frozen(kw_only=False)
class ReckonTaxes:
    """The taxes of an order of the merchant's own, by its seller's way of rounding and the day that it is there."""

    taxes: TaxPort
    reference: Reference

    def __call__(self, order: CanonicalOrder, asked: TaxesAsked) -> CanonicalOrder:
        """The order with its taxes, in its total unless prices contain them, and with how they were reckoned.

        Raises NoTaxRatesError, InvalidInputError, UpstreamError.
        """
        if order.ship_to is None:
            raise InvalidInputError("taxes depend on where the goods go")
        entities = read_entities(self.reference.policy(ENTITIES))
        entity = seller(entities, order.source, order.account, order.ship_to.country)
        unknown = [line.sku for line in order.lines if not line.tax_class]
        classes = self.reference.tax_classes(unknown) if unknown else {}
        lines = [replace(x, tax_class=x.tax_class or classes.get(x.sku, STANDARD)) for x in order.lines]
        zone = ZoneInfo(entity.time_zone) if entity else UTC
        question = TaxQuestion(
            currency=order.currency,
            lines=tuple(TaxedLine(line_id=x.line_ref, amount=x.net, tax_class=x.tax_class) for x in lines),
            ship_to=order.ship_to,
            on=order.placed_at.astimezone(zone).date(),
            tax_included=order.tax_included,
            shipping=order.shipping,
            fees=order.fees,
            exempt=asked.exempt,
            business=asked.business,
            **({"seller_country": entity.country, "seller_region": entity.region} if entity else {}),
            **({"rounding": entity.rounding, "digits": entity.digits} if entity else {}),
        )
        answer = self.taxes.reckon(question)
        of_line = answer.line_taxes
        taxed = replace(
            order,
            lines=tuple(replace(line, tax=of_line[line.line_ref]) for line in lines),
            shipping_tax=answer.shipping_tax,
            fee_tax=answer.fee_tax,
            total=order.total + (0 if order.tax_included else answer.tax),
            taxes=kept(question, answer),
        )
        return check_order(taxed)

    def of_draft(self, normalized: Normalized) -> Normalized:
        """A draft's order: with taxes when it asks for them, or when it tells none and says no word of them."""
        order, asked = normalized.order, normalized.taxes
        if asked is None:
            if has_taxes(order) or order.ship_to is None:
                return normalized
            try:
                return replace(normalized, order=self(order, TaxesAsked()))
            except NoTaxRatesError:
                return normalized
        return replace(normalized, order=self(order, asked)) if asked.reckon else normalized
