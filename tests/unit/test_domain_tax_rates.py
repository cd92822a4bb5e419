"""Rates of taxes as they are kept, by place; and what an order keeps of those that it bore."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

import pytest

from oms.domain.errors import InvalidInputError
from oms.domain.priced import Countervalue, TaxBorne, TaxesReckoned, countervalue, rate_borne
from oms.domain.tax_rates import TaxRate, by_place, read_rate, read_rates


class TestRates:
    """How rates are kept, and read again."""

    ROW: ClassVar[dict[str, str]] = {
        "country": "US",
        "tax": "City",
        "rate": "4.5",
        "kind": "sales",
        "region": "NY",
        "postal_prefix": "100",
        "tax_class": "food",
        "jurisdiction": "New York City",
        "valid_from": "2026-01-01",
        "valid_to": "2026-01-01",
        "shipping": "none",
        "when": "across",
    }

    def test_a_row_is_read_whole(self) -> None:
        assert read_rate(self.ROW) == TaxRate(
            country="US",
            tax="City",
            rate="4.5",
            kind="sales",
            region="NY",
            postal_prefix="100",
            tax_class="food",
            jurisdiction="New York City",
            valid_from=date(2026, 1, 1),
            valid_to=date(2026, 1, 1),
            shipping="none",
            when="across",
        )
        assert read_rate({"country": "DE", "tax": "V", "rate": "19"}) == TaxRate(country="DE", tax="V", rate="19")

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"country": "us"}, ["country"]),
            ({"tax": " City"}, ["tax"]),
            ({"rate": "4,5"}, ["rate"]),
            ({"rate": 4}, ["rate"]),
            ({"kind": "vats"}, ["kind"]),
            ({"region": "ny"}, ["region"]),
            ({"postal_prefix": "10 0"}, ["postal_prefix"]),
            ({"tax_class": "1food"}, ["tax_class"]),
            ({"shipping": "", "when": "never"}, ["shipping", "when"]),
            ({"valid_from": "2026-02-30"}, ["valid_from"]),
            ({"valid_to": 20260101}, ["valid_to"]),
            ({"valid_to": "2025-12-31"}, ["valid_to"]),
        ],
    )
    def test_what_cannot_be_is_named(self, change: dict[str, Any], named: list[str]) -> None:
        with pytest.raises(InvalidInputError, match=f"^a rate's {', '.join(named)} cannot be that$") as refused:
            read_rate({**self.ROW, **change})
        assert refused.value.context["fields"] == named

    def test_a_row_has_the_fields_of_a_rate_and_those_that_it_needs(self) -> None:
        with pytest.raises(InvalidInputError) as refused:
            read_rate({"country": "DE"})
        assert refused.value.context["fields"] == ["rate", "tax"]
        for row in ({**self.ROW, "city": "x"}, ["DE"], None):
            with pytest.raises(InvalidInputError, match=r"^a rate has other fields$") as refused:
                read_rate(row)
            assert refused.value.context["fields"] == sorted({*self.ROW})

    def test_a_place_has_so_many_rates_at_most(self) -> None:
        row = {"country": "DE", "tax": "V", "rate": "19"}
        assert len(read_rates({"rates": [row] * 2000})) == 2000
        assert read_rates({}) == ()
        for rows in ([row] * 2001, {"DE": row}):
            with pytest.raises(InvalidInputError, match=r"^rates of taxes are a list$") as refused:
                read_rates({"rates": rows})
            assert refused.value.context == {"limit": 2000}

    def test_rows_become_a_document_for_each_place_and_the_list_of_them_comes_last(self) -> None:
        rows = [
            {"country": "US", "tax": "State", "rate": "4", "region": "NY"},
            {"country": "DE", "tax": "VAT", "rate": "19"},
            {"country": "US", "tax": "State", "rate": "6", "region": "CA"},
            {"country": "US", "tax": "City", "rate": "4.5", "region": "NY"},
        ]
        found = by_place(rows)
        assert list(found) == ["tax_rates/US-NY", "tax_rates/DE", "tax_rates/US-CA", "tax_rates"]
        assert found["tax_rates/US-NY"] == {"rates": [rows[0], rows[3]]}
        assert found["tax_rates"] == {"places": {"DE": [], "US": ["CA", "NY"]}}

    @pytest.mark.parametrize(
        ("change", "apart"),
        [
            ({}, False),
            ({"valid_from": "2026-07-01"}, True),
            ({"valid_from": "2026-06-30"}, False),
            ({"valid_to": "2025-12-31"}, True),
            ({"valid_to": "2026-01-01"}, False),
            ({"tax": "T"}, True),
            ({"tax_class": "food"}, True),
            ({"postal_prefix": "1"}, True),
            ({"when": "within"}, True),
            ({"rate": "7"}, False),
        ],
    )
    def test_two_rates_for_the_same_are_not_for_the_same_day(self, change: dict[str, str], apart: bool) -> None:  # noqa: FBT001
        first = {"country": "DE", "tax": "V", "rate": "19", "valid_from": "2026-01-01", "valid_to": "2026-06-30"}
        second = {"country": "DE", "tax": "V", "rate": "16", **change}
        for rows in ([first, second], [second, first]):
            if apart:
                assert by_place(rows)
                continue
            with pytest.raises(InvalidInputError, match=r"^two rates are for the same$") as refused:
                by_place(rows)
            assert refused.value.context == {"tax": "V", "place": "DE"}

    def test_a_rate_without_a_name_is_of_its_place(self) -> None:
        assert TaxRate(country="DE", tax="V", rate="19").levied_by == "DE"
        assert TaxRate(country="US", tax="C", rate="1", region="NY", postal_prefix="100").levied_by == "US-NY-100"
        assert TaxRate(country="US", tax="C", rate="1", jurisdiction="The City").levied_by == "The City"


class TestKept:
    """What an order keeps."""

    def test_the_rates_of_a_part_are_one_when_its_taxes_are_apart(self) -> None:
        def borne(part: str, tax: str, rate: str, tax_class: str = "") -> TaxBorne:
            return TaxBorne(
                part=part, tax=tax, jurisdiction="x", kind="sales", rate=rate, amount=1, tax_class=tax_class
            )

        taxes = TaxesReckoned(
            on="2026-03-01",
            rates=(
                *(borne("goods", "A", "4", "standard"), borne("goods", "B", "4.50", "standard")),
                *(borne("goods", "A", "0", "food"), borne("shipping", "A", "4"), borne("shipping", "A", "10")),
            ),
        )
        found = [rate_borne(taxes, *each) for each in (("goods", "standard"), ("goods", "food"), ("fees", ""))]
        assert found == ["8.5", "0", ""]
        assert rate_borne(taxes, "shipping", "") == ""

    @pytest.mark.parametrize(
        ("currency", "amounts", "total"),
        [
            ("JPY", ["1508"], 1508),
            ("KWD", ["1.5", "0.005"], 1505),
            ("EUR", ["1"], None),
            ("", ["1"], None),
            (None, ["1"], None),
            ("XX", ["1"], None),
            ("JPY", ["1.5"], None),
            ("JPY", [None], None),
            ("JPY", ["-1"], None),
            ("JPY", ["0"], 0),
        ],
    )
    def test_a_total_in_a_second_currency(self, currency: Any, amounts: list[Any], total: int | None) -> None:
        found = countervalue("shop", currency, amounts, "EUR")
        assert found == (None if total is None else Countervalue(of="shop", currency=currency, total=total))
