"""What an order bears, by the public rules of places, on the demo shop's rates; each with the numbers they give."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from oms.domain.canonical import ShipTo
from oms.domain.errors import InvalidInputError, UnknownCurrencyError
from oms.domain.tax_rates import TaxRate, read_rate
from oms.domain.taxes import EXEMPT, NO_RATE, REVERSE_CHARGE, TaxAnswer, TaxedLine, TaxQuestion, kept, reckon

DAY = date(2026, 3, 1)
RATES = Path(__file__).parents[2] / "events" / "demo" / "tax_rates.csv"


@cache
def rates() -> tuple[TaxRate, ...]:
    with RATES.open(encoding="utf-8") as file:
        rows = [{name: text for name, text in row.items() if text} for row in csv.DictReader(file)]
    return tuple(map(read_rate, rows))


def question(
    country: str, *amounts: int | tuple[int, str], region: str = "", postal: str = "", **more: Any
) -> TaxQuestion:
    """Over lines `1`, `2`, ...: an amount, or an amount and a class. Sold from the same country."""
    told = [(each, "standard") if isinstance(each, int) else each for each in amounts]
    lines = [TaxedLine(line_id=str(n), amount=amount, tax_class=kind) for n, (amount, kind) in enumerate(told, start=1)]
    to = ShipTo(country=country, region=region, postal_code=postal)
    values = {"currency": "EUR", "on": DAY, "seller_country": country, **more}
    return TaxQuestion(lines=tuple(lines), ship_to=to, **values)


def asked(country: str, *amounts: int | tuple[int, str], **more: Any) -> TaxAnswer:
    return reckon(question(country, *amounts, **more), rates())


def applied(answer: TaxAnswer, line: int = 0) -> list[tuple[str, str, int]]:
    return [(each.jurisdiction, each.rate, each.amount) for each in answer.lines[line].applied]


class TestEurope:
    def test_vat_lies_inside_prices_that_include_it(self) -> None:
        """UStG section 12 (1) and (2), 19 and 7 percent: 119.00 contains 19.00, 10.70 contains 0.70."""
        answer = asked("DE", 11900, (1070, "reduced"), tax_included=True)
        assert answer.line_taxes == {"1": 1900, "2": 70}

    def test_it_is_that_of_the_destination(self) -> None:
        """Directive 2006/112/EC, article 33: goods sold at a distance are taxed where their transport ends."""
        found = {to: asked(to, 10000, seller_country="DE").tax for to in ("DE", "FR", "HU", "LU", "FI")}
        assert found == {"DE": 1900, "FR": 2000, "HU": 2700, "LU": 1700, "FI": 2550}

    def test_shipping_shares_the_rates_of_the_goods_in_proportion(self) -> None:
        """UStAE 3.10 (5): what is ancillary is taxed as what it is for. Here half at 19, half at 7 percent."""
        answer = asked("DE", 5000, (5000, "reduced"), shipping=1000)
        assert answer.shipping_tax == 95 + 35
        assert [(each.rate, each.amount) for each in answer.shipping.applied] == [("19", 95), ("7", 35)]

    def test_a_business_in_another_member_state_pays_the_tax_itself(self) -> None:
        """Directive 2006/112/EC, article 138: exempt here, and said so."""
        sold = question("DE", 10000, seller_country="FR", business=True)
        assert (reckon(sold, rates()).tax, reckon(sold, rates()).notes) == (0, (REVERSE_CHARGE,))
        for other in ({"business": False}, {"seller_country": "DE"}, {"seller_country": "CH"}):
            assert reckon(replace(sold, **other), rates()).tax == 1900
        assert asked("GB", 10000, seller_country="FR", business=True).tax == 2000

    def test_a_rate_holds_for_its_days(self) -> None:
        """Estonia's rate is 24 percent from 1 July 2025 (Kaibemaksuseadus section 15)."""
        assert asked("EE", 10000, on=date(2025, 7, 1)).tax == 2400
        assert asked("EE", 10000, on=date(2025, 6, 30)).notes == (NO_RATE,)
        days = [
            TaxRate(country="EE", tax="VAT", rate="22", valid_to=date(2025, 6, 30)),
            TaxRate(country="EE", tax="VAT", rate="24", valid_from=date(2025, 7, 1)),
        ]
        found = [reckon(question("EE", 10000, on=date(2025, month, 30)), days).tax for month in (6, 7)]
        assert found == [2200, 2400]

    def test_the_canary_islands_are_spain_without_its_vat(self) -> None:
        """Directive 2006/112/EC, article 6 (1)(b): not part of its territory."""
        assert asked("ES", 10000, postal="28001").tax == 2100
        answer = asked("ES", 10000, postal="35 001")
        assert (answer.tax, applied(answer)) == (0, [("Canary Islands", "0", 0)])

    def test_classes_without_a_rate_of_their_own_bear_the_standard_one_and_zero_none(self) -> None:
        """HMRC, VAT notice 701/14: most food of people is at 0; what nothing is said of is at 20 percent."""
        answer = asked("GB", (1000, "food"), (1000, "toys"), (1000, "reduced"), (1000, "zero"))
        assert list(answer.line_taxes.values()) == [0, 200, 50, 0]


class TestUnitedStates:
    def test_state_city_and_district_add_up_and_are_rounded_together(self) -> None:
        """New York City, NYS Publication 718: 4 + 4.5 + 0.375 = 8.875 percent. Of 9.99, 0.8866: 0.89."""
        answer = asked("US", 999, region="NY", postal="10001-1234")
        assert [(name, rate) for name, rate, _ in applied(answer)] == [
            ("New York State", "4"),
            ("New York City", "4.5"),
            ("Metropolitan commuter district", "0.375"),
        ]
        assert answer.tax == sum(amount for *_, amount in applied(answer)) == 89
        assert asked("US", 999, region="us-ny", postal="12207").tax == 40
        for rounding in ("line", "invoice"):  # 29.55; apart they would be 13 + 15 + 1
            assert asked("US", 333, region="NY", postal="10001", rounding=rounding).tax == 30

    def test_shipping_is_taxed_as_the_goods_are_in_new_york_and_not_in_california(self) -> None:
        """What is told of the delivery of goods by carriers.

        NYS Tax Bulletin ST-838: it is taxable as what is delivered; a charge for both kinds may be divided between
        them. California Regulation 1628: not taxable where it is a charge by itself.
        """
        assert asked("US", 10000, shipping=1000, region="NY", postal="12207").shipping_tax == 40
        assert asked("US", 5000, (5000, "food"), shipping=1000, region="NY", postal="12207").shipping_tax == 20
        assert asked("US", 10000, shipping=1000, region="CA", postal="94103").shipping_tax == 0

    def test_groceries_and_in_some_states_clothing_bear_nothing(self) -> None:
        """N.J.S.A. 54:32B-8.2 and 8.4; Texas taxes clothing."""
        answer = asked("US", 10000, (10000, "clothing"), (10000, "food"), region="NJ", postal="07102")
        assert list(answer.line_taxes.values()) == [663, 0, 0]  # 6.625 percent of 100.00, rounded up
        assert asked("US", (10000, "clothing"), region="TX", postal="77002").tax == 825

    def test_nothing_is_collected_where_the_merchant_has_no_rates(self) -> None:
        """Oregon has no sales tax at all; a merchant's table has the states where he is registered."""
        assert asked("US", 10000, region="OR", postal="97201").notes == (NO_RATE,)


class TestOthers:
    def test_japan_rounds_once_for_each_rate_of_an_invoice(self) -> None:
        """National Tax Agency, Q&A on the qualified invoice system: not by line.

        Three times 33 at 10 percent is 9.9, and by line 3 times 3.3; four times 41 at 8 percent 13.12.
        """
        three, four = [33] * 3, [(41, "food")] * 4
        by = {
            rounding: asked("JP", *three, *four, currency="JPY", rounding=rounding, digits="down").tax
            for rounding in ("invoice", "line")
        }
        assert by == {"invoice": 9 + 13, "line": 3 * 3 + 4 * 3}
        lines = asked("JP", *three, *four, currency="JPY", rounding="invoice", digits="up").line_taxes
        assert (sum(list(lines.values())[:3]), sum(list(lines.values())[3:])) == (10, 14)

    def test_shipping_in_japan_bears_the_standard_rate_whatever_it_brings(self) -> None:
        """NTA, Q&A on the reduced rate: delivery that is charged for is not food."""
        assert asked("JP", (1000, "food"), shipping=500, currency="JPY").shipping_tax == 50

    def test_canada_adds_the_tax_of_a_province_or_has_one_for_both(self) -> None:
        """CRA: GST 5; HST of Ontario 13; PST of British Columbia 7. Revenu Quebec: QST 9.975, not on top of GST."""
        assert asked("CA", 10000, region="AB").tax == 500
        assert applied(asked("CA", 10000, region="ON")) == [("HST ON", "13", 1300)]
        assert applied(asked("CA", 10000, region="BC")) == [("Canada", "5", 500), ("PST BC", "7", 700)]
        assert applied(asked("CA", 10001, region="QC")) == [("Canada", "5", 500), ("QST QC", "9.975", 998)]
        assert asked("CA", (10000, "food"), region="ON").tax == 0

    def test_india_has_two_halves_within_a_state_and_one_whole_across(self) -> None:
        """CGST Act section 9, IGST Act section 5; the halves are equal because each is rounded by itself."""
        within = asked("IN", 10005, region="KA", seller_region="KA", currency="INR")
        assert [(each.tax, each.rate, each.amount) for each in within.lines[0].applied] == [
            ("CGST", "9", 900),
            ("SGST", "9", 900),
        ]
        abroad = asked("IN", 10000, region="KA", seller_region="KA", seller_country="SG", currency="INR")
        assert [each.tax for each in abroad.lines[0].applied] == ["IGST"]
        named = asked("IN", 10000, region="IN-KA", seller_region="in-ka", currency="INR")
        assert [each.kind for each in named.lines[0].applied] == ["gst", "gst"]
        across = asked("IN", 10005, region="MH", seller_region="KA", currency="INR")
        assert [(each.tax, each.rate, each.amount) for each in across.lines[0].applied] == [("IGST", "18", 1801)]

    @pytest.mark.parametrize(
        ("country", "amount", "tax"), [("AU", 11000, 1000), ("NZ", 11500, 1500), ("SG", 10900, 900)]
    )
    def test_gst_is_in_the_price(self, country: str, amount: int, tax: int) -> None:
        """ATO: one eleventh of the price; IRD: three twenty-thirds; IRAS: 9 of 109."""
        assert asked(country, amount, tax_included=True).tax == tax


class TestQuestions:
    def test_a_buyer_who_is_exempt_bears_none(self) -> None:
        answer = asked("DE", 10000, shipping=500, fees=300, exempt=True)
        assert (answer.tax, answer.notes) == (0, (EXEMPT,))
        for each in (answer, asked("DE", 10000, shipping=500, fees=300)):
            assert [part.part for part in (*each.lines, each.shipping, each.fees)] == ["1", "shipping", "fees"]

    def test_fees_bear_the_standard_rate(self) -> None:
        assert asked("DE", (1000, "food"), fees=1000).fee_tax == 190

    def test_a_question_without_lines_is_about_shipping_and_fees(self) -> None:
        answer = asked("DE", shipping=1000)
        assert (answer.lines, answer.shipping_tax, answer.tax) == ((), 190, 190)

    def test_free_goods_leave_shipping_at_the_rate_of_the_first_of_them(self) -> None:
        assert asked("DE", (0, "food"), 0, shipping=1000).shipping_tax == 70

    def test_no_price_contains_more_tax_than_it_is(self) -> None:
        """Two taxes of a third of a unit each, both rounded up, of a price of one."""
        two = [TaxRate(country="CA", tax=name, rate="50") for name in ("A", "B")]
        found = reckon(question("CA", 1, tax_included=True, digits="up"), two)
        assert found.tax == 1

    def test_the_rest_of_what_is_kept_is_as_it_was_asked(self) -> None:
        sold = question("DE", 1000, fees=100, digits="down", seller_country="FR", seller_region="IDF")
        found = kept(sold, reckon(sold, rates()))
        assert (found.digits, found.seller_country, found.seller_region) == ("down", "FR", "IDF")
        assert [(each.part, each.tax_class, each.amount) for each in found.rates] == [
            ("goods", "standard", 190),
            ("fees", "", 19),
        ]
        none = replace(sold, exempt=True)
        assert (kept(none, reckon(none, rates())).exempt, kept(none, reckon(none, rates())).notes) == (True, (EXEMPT,))

    def test_a_class_without_a_standard_rate_beside_it_bears_what_it_has_for_shipping_too(self) -> None:
        only = [TaxRate(country="DE", tax="V", rate="7", tax_class="food", shipping="standard")]
        answer = reckon(question("DE", (1000, "food"), 1000, shipping=200), only)
        assert (answer.line_taxes, answer.shipping_tax) == ({"1": 70, "2": 0}, 7)

    def test_zero_is_a_class_of_its_own(self) -> None:
        sold = question("GB", (1000, "zero"))
        (borne,) = kept(sold, reckon(sold, rates())).rates
        assert (borne.tax_class, borne.rate, borne.amount) == ("zero", "0", 0)

    def test_postal_codes_are_compared_by_letters_and_digits(self) -> None:
        table = [
            TaxRate(country="GB", tax="V", rate="1", region="X"),
            TaxRate(country="GB", tax="V", rate="20"),
            TaxRate(country="GB", tax="V", rate="0", postal_prefix="BT1"),
        ]
        found = {
            (region, postal): reckon(question("GB", 1000, region=region, postal=postal), table).tax
            for region in ("", "X")
            for postal in ("bt-1 2", "B T2")
        }
        assert found == {("", "bt-1 2"): 0, ("", "B T2"): 200, ("X", "bt-1 2"): 0, ("X", "B T2"): 10}

    def test_what_is_kept_says_each_rate_once_whatever_the_lines(self) -> None:
        sold = question("DE", 1000, 2000, (1000, "food"), shipping=400, business=True, rounding="invoice")
        found = kept(sold, reckon(sold, rates()))
        assert [(each.part, each.tax_class, each.rate, each.amount) for each in found.rates] == [
            ("goods", "standard", "19", 570),
            ("goods", "food", "7", 70),
            ("shipping", "", "19", 57),
            ("shipping", "", "7", 7),
        ]
        assert (found.on, found.business, found.rounding, found.seller_country) == ("2026-03-01", True, "invoice", "DE")

    @pytest.mark.parametrize(
        ("error", "told", "change"),
        [
            (UnknownCurrencyError, "unknown currency", {"currency": "XXX"}),
            (InvalidInputError, "^an amount to be taxed is negative$", {"shipping": -1}),
            (InvalidInputError, "^taxes cannot be rounded like that$", {"rounding": "order"}),
            (InvalidInputError, "^taxes cannot be rounded like that$", {"digits": "random"}),
            (InvalidInputError, "^two lines share one id$", {"lines": (TaxedLine(line_id="1", amount=1),) * 2}),
            (InvalidInputError, "out of range", {"fees": 10**16}),
        ],
    )
    def test_what_cannot_be_answered_is_refused(
        self, error: type[Exception], told: str, change: dict[str, Any]
    ) -> None:
        with pytest.raises(error, match=told) as refused:
            reckon(replace(question("DE", 1000), **change), rates())
        if "rounded" in told:
            assert refused.value.context["allowed"] == [  # type: ignore[attr-defined]
                *("line", "invoice", "half_up", "down", "up", "half_even"),
            ]
