"""Taxes of the merchant's own orders: tables as they are imported, and orders and drafts that have them reckoned."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.import_rows import read_rows
from infra.local.import_taxes import put_rates
from oms.application.taxes import ReckonTaxes, TableTaxes
from oms.channels import site, webhook
from oms.domain.canonical import ShipTo
from oms.domain.errors import (
    InvalidInputError,
    MalformedPayloadError,
    NoTaxRatesError,
    TotalsMismatchError,
    UpstreamError,
)
from oms.domain.inbound import InboundRequest, Notice, NoticeKind
from oms.domain.priced import TaxesAsked
from oms.domain.tax_rates import read_rates
from oms.domain.taxes import AppliedTax, PartTax, TaxAnswer, TaxedLine, TaxQuestion, reckon
from tests.proof.memory import MemoryReference, Store
from tests.support.builders import T0, line, snapshot

if TYPE_CHECKING:
    from oms.application.gateways import TaxPort

HEAD = "country,tax,rate,kind,region,postal_prefix,tax_class,jurisdiction,valid_from,valid_to,shipping,when"
GERMANY = ("DE,VAT,19,,,,,,,,,", "DE,VAT,7,,,,food,,,,,")
NEW_YORK = ("US,State,4,sales,NY,,,New York,,,,", "US,City,4.5,sales,us-ny,100,,New York City,,,,")


def rows(*lines: str) -> list[dict[str, Any]]:
    found, problems = read_rows("tax_rates", [HEAD, *lines])
    assert problems == []
    return found


@pytest.fixture
def reference() -> MemoryReference:
    return MemoryReference(Store())


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("DEU,VAT,19,,,,,,,,,", "line 2: a rate's country cannot be that"),
        ("DE,VAT,,,,,,,,,,", "line 2: a rate's rate cannot be that"),
        ("DE,VAT,19%,,,,,,,,,", "line 2: a rate's rate cannot be that"),
        ("DE,VAT,1e1,,,,,,,,,", "line 2: a rate's rate cannot be that"),
        ("DE,VAT,19,income,,,,,,,,", "line 2: a rate's kind cannot be that"),
        ("DE,VAT,19,,,,Food,,,,,", "line 2: a rate's tax_class cannot be that"),
        ("DE,VAT,19,,,,,,2026-13-01,,,", "line 2: a rate's valid_from cannot be that"),
        ("DE,VAT,19,,,,,,2026-02-01,2026-01-31,,", "line 2: a rate's valid_to cannot be that"),
        ("DE,VAT,19,,,,,,,,half,", "line 2: a rate's shipping cannot be that"),
        ("DE,VAT,19,,,,,,,,,often", "line 2: a rate's when cannot be that"),
    ],
)
def test_a_wrong_rate_is_named_by_its_line(row: str, problem: str) -> None:
    assert read_rows("tax_rates", [HEAD, row]) == ([], [problem])


def test_two_rates_for_the_same_are_refused_unless_their_days_are_apart() -> None:
    once, again = "DE,VAT,19,,,,,,,2026-06-30,,", "DE,VAT,16,,,,,,2026-06-30,,,"
    assert read_rows("tax_rates", [HEAD, once, again])[1] == ["two rates are for the same: tax VAT, place DE"]
    assert rows(once, again.replace("2026-06-30", "2026-07-01"))


def test_a_file_is_all_of_the_rates(reference: MemoryReference) -> None:
    assert put_rates(reference, rows(*GERMANY, *NEW_YORK)) == {"written": 4, "unchanged": 0}
    assert put_rates(reference, rows(*GERMANY, *NEW_YORK)) == {"written": 0, "unchanged": 4}
    assert reference.policy("tax_rates") == {"places": {"DE": [], "US": ["NY"]}}
    assert len(reference.policy("tax_rates/US-NY")["rates"]) == 2
    put_rates(reference, rows(*GERMANY))
    assert reference.policy("tax_rates") == {"places": {"DE": []}}
    assert reference.policy("tax_rates/US-NY") == {"rates": []}


def test_a_product_says_its_class() -> None:
    head = "sku,title,weight_g,length_mm,width_mm,height_mm,tax_class"
    found, problems = read_rows("products", [head, "A,Tea,1,1,1,1,food", "B,Mug,1,1,1,1,", "C,Cup,1,1,1,1,No!"])
    assert [each.get("tax_class") for each in found] == ["food", None]
    assert problems == ["line 4: tax_class has small letters, digits and _: 'No!'"]


# ---------------------------------------------------------------- the port


class Provider:
    """An external provider of taxes, as an adapter would be: another answer, and sometimes none."""

    def __init__(self, percent: int, *, away: bool = False) -> None:
        self.percent, self.away = percent, away

    def reckon(self, question: TaxQuestion) -> TaxAnswer:
        if self.away:
            raise UpstreamError("the provider of taxes is away")

        def part(name: str, amount: int) -> PartTax:
            tax = amount * self.percent // (100 + (self.percent if question.tax_included else 0))
            applied = AppliedTax(tax="Tax", jurisdiction="there", kind="sales", rate=str(self.percent), amount=tax)
            return PartTax(part=name, tax=tax, applied=(applied,))

        return TaxAnswer(
            lines=tuple(part(each.line_id, each.amount) for each in question.lines),
            shipping=part("shipping", question.shipping),
            fees=part("fees", question.fees),
        )


def tables(reference: MemoryReference) -> TaxPort:
    put_rates(reference, rows(*GERMANY))
    return TableTaxes(reference)


@pytest.mark.parametrize("included", [True, False])
@pytest.mark.parametrize("who", ["tables", "provider"])
def test_whoever_reckons_an_order_sums_and_says_how(reference: MemoryReference, who: str, *, included: bool) -> None:
    """The contract of the port, over the tables and over a provider of taxes."""
    port: TaxPort = tables(reference) if who == "tables" else Provider(19)
    order = snapshot(
        line("1", 3, 1999), line("2", sku="TEA", unit_price=250), shipping=490, fees=99, tax_included=included
    )
    order = replace(order, ship_to=ShipTo(country="DE"))
    found = ReckonTaxes(port, reference)(order, TaxesAsked())
    taxes = [each.tax for each in found.lines] + [found.shipping_tax, found.fee_tax]
    assert min(taxes) > 0
    assert found.total == order.total + (0 if included else sum(taxes))
    assert found.taxes is not None
    assert sum(each.amount for each in found.taxes.rates) == sum(taxes)
    assert [each.tax_class for each in found.lines] == ["standard", "standard"]
    assert ReckonTaxes(port, reference)(order, TaxesAsked()) == found


def test_a_provider_that_is_away_is_an_upstream_error(reference: MemoryReference) -> None:
    order = replace(snapshot(line("1")), ship_to=ShipTo(country="DE"))
    with pytest.raises(UpstreamError):
        ReckonTaxes(Provider(19, away=True), reference)(order, TaxesAsked())


def test_without_rates_nothing_is_reckoned(reference: MemoryReference) -> None:
    order = replace(snapshot(line("1")), ship_to=ShipTo(country="DE"))
    with pytest.raises(NoTaxRatesError):
        ReckonTaxes(TableTaxes(reference), reference)(order, TaxesAsked())


def test_where_regions_have_rates_the_region_has_to_be_known(reference: MemoryReference) -> None:
    put_rates(reference, rows(*NEW_YORK))
    order = replace(snapshot(line("1", unit_price=10000), currency="USD"), ship_to=ShipTo(country="US"))
    with pytest.raises(InvalidInputError):
        ReckonTaxes(TableTaxes(reference), reference)(order, TaxesAsked())
    there = replace(order, ship_to=ShipTo(country="US", region="NY", postal_code="10001"))
    assert ReckonTaxes(TableTaxes(reference), reference)(there, TaxesAsked()).lines[0].tax == 850


def test_the_seller_says_how_it_rounds_where_it_is_and_when_its_day_ends(reference: MemoryReference) -> None:
    """Japan's seller rounds once down; 23:30 in London is the next day in Tokyo, from when the rate is another."""
    put_rates(reference, rows("JP,CT,8,,,,,,,2026-03-01,,", "JP,CT,10,,,,,,2026-03-02,,,"))
    seller = {"entity_id": "jp", "series": "JP", "name": "KK", "country": "JP", "tax_ids": ["T1234567890123"]}
    more = {"rounding": "invoice", "digits": "down", "time_zone": "Asia/Tokyo", "region": "13"}
    reference.put("policy", "entities", {"rules": [{**seller, **more}]})
    order = snapshot(line("1", unit_price=33), line("2", unit_price=33), line("3", unit_price=33), currency="JPY")
    order = replace(order, ship_to=ShipTo(country="JP"), placed_at=T0.replace(hour=23, minute=30))
    found = ReckonTaxes(TableTaxes(reference), reference)(order, TaxesAsked())
    assert [each.tax for each in found.lines] == [3, 3, 3]
    assert found.taxes is not None
    kept = found.taxes
    assert (kept.on, kept.rounding, kept.digits, kept.seller_country, kept.seller_region) == (
        *("2026-03-02", "invoice", "down", "JP", "13"),
    )


# ---------------------------------------------------------------- bodies


def body(**more: Any) -> dict[str, Any]:
    return {
        "number": "S-1",
        "currency": "EUR",
        "lines": [{"sku": "A", "quantity": 2, "unit_price": 1000}],
        "total": 2000,
        "ship_to": {"country": "DE"},
        "payment": {"provider": "in_channel", "state": "paid", "captured": 2000},
        **more,
    }


def read(**more: Any) -> Any:
    return site.read_order(body(**more), account="main", external_id="k", now=T0)[0]


def test_what_is_asked_of_taxes() -> None:
    assert read().taxes is None
    assert read(taxes={}).taxes == TaxesAsked()
    assert read(taxes={"reckon": False}).taxes == TaxesAsked(reckon=False)
    assert read(taxes={"business": True, "exempt": None}).taxes == TaxesAsked(business=True)


@pytest.mark.parametrize(
    ("more", "at"),
    [
        ({"taxes": {"rate": 19}}, "taxes.rate"),
        ({"taxes": {"exempt": "yes"}}, "taxes.exempt"),
        ({"taxes": {}, "ship_to": None}, "ship_to"),
        ({"taxes": {}, "fee_tax": 1, "total": 2001}, "taxes"),
        ({"taxes": {}, "lines": [{"sku": "A", "quantity": 1, "unit_price": 1999, "tax": 1}]}, "taxes"),
        ({"lines": [{"sku": "A", "quantity": 1, "unit_price": 2000, "tax_class": "No!"}]}, "lines[0].tax_class"),
    ],
)
def test_what_cannot_be_asked_is_refused(more: dict[str, Any], at: str) -> None:
    with pytest.raises(MalformedPayloadError) as refused:
        read(**more)
    assert at in str(refused.value.context)


def test_the_total_of_an_order_that_asks_for_its_taxes_is_without_them() -> None:
    with pytest.raises(TotalsMismatchError):
        read(taxes={}, total=2380)


def test_a_channels_taxes_are_its_own() -> None:
    data = {**body(taxes={}), "id": "1", "payment": {"provider": "in_channel", "state": "paid", "captured": 2000}}
    raw = webhook_body(data)
    request = InboundRequest(account="main", headers={}, body=raw)
    notice = Notice(kind=NoticeKind.ORDER, topic="order.created", event_id="e", external_id="1")
    with pytest.raises(MalformedPayloadError, match="the channel's"):
        webhook.normalize(request, notice)


def webhook_body(data: dict[str, Any]) -> bytes:
    return json.dumps({"type": "order.created", "timestamp": T0.isoformat(), "data": data}).encode()


def test_reckoning_is_the_same_by_tables_and_by_their_rates(reference: MemoryReference) -> None:
    port = tables(reference)
    question = TaxQuestion(
        currency="EUR",
        lines=(TaxedLine(line_id="1", amount=999, tax_class="food"),),
        ship_to=ShipTo(country="DE"),
        on=T0.date(),
    )
    assert port.reckon(question) == reckon(question, read_rates({"rates": rows(*GERMANY)}))
