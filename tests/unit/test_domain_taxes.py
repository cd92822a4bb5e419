"""What an order bears, by the public rules of places; each with the numbers that they give."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from oms.domain.canonical import ShipTo
from oms.domain.tax_rates import TaxRate
from oms.domain.taxes import REVERSE_CHARGE, TaxedLine, TaxQuestion, reckon

DAY = date(2026, 11, 27)


def asked(
    country: str, *amounts: int | tuple[int, str], region: str = "", postal: str = "", **more: Any
) -> TaxQuestion:
    """A question over lines `1`, `2`, ...: an amount, or an amount and a class."""
    told = [(each, "standard") if isinstance(each, int) else each for each in amounts]
    lines = [TaxedLine(line_id=str(n), amount=amount, tax_class=kind) for n, (amount, kind) in enumerate(told, start=1)]
    values = {"currency": "EUR", "on": DAY, "seller_country": country, **more}
    return TaxQuestion(lines=tuple(lines), ship_to=ShipTo(country=country, region=region, postal_code=postal), **values)


def sales(tax: str, rate: str, region: str = "", prefix: str = "", **more: Any) -> TaxRate:
    return TaxRate(country="US", kind="sales", tax=tax, rate=rate, region=region, postal_prefix=prefix, **more)


GERMANY = (
    TaxRate(country="DE", tax="VAT", rate="19"),
    TaxRate(country="DE", tax="VAT", rate="7", tax_class="reduced"),
)


class TestEurope:
    def test_vat_of_the_destination_lies_inside_its_prices(self) -> None:
        """UStG section 12: 19 and 7 percent; 119.00 contains 19.00, 10.70 contains 0.70."""
        answer = reckon(asked("DE", 11900, (1070, "reduced"), tax_included=True), GERMANY)
        assert answer.line_taxes == {"1": 1900, "2": 70}

    def test_shipping_shares_the_rates_of_the_goods_in_proportion(self) -> None:
        """UStAE 3.10 (5): what is ancillary is taxed as what it is for: here half at 19, half at 7 percent."""
        answer = reckon(asked("DE", 5000, (5000, "reduced"), shipping=1000), GERMANY)
        assert answer.shipping_tax == 95 + 35
        assert [(each.rate, each.amount) for each in answer.shipping.applied] == [("19", 95), ("7", 35)]

    def test_a_business_in_another_member_state_pays_the_tax_itself(self) -> None:
        """Directive 2006/112/EC, article 138: exempt here, with a note."""
        question = asked("DE", 10000, seller_country="FR", business=True)
        assert (reckon(question, GERMANY).tax, reckon(question, GERMANY).notes) == (0, (REVERSE_CHARGE,))
        assert reckon(replace(question, business=False), GERMANY).tax == 1900
        assert reckon(replace(question, seller_country="DE"), GERMANY).tax == 1900
        assert reckon(replace(question, seller_country="CH"), GERMANY).tax == 1900
