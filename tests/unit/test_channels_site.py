"""The contract of `POST /orders`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from oms.channels import site
from oms.channels.site_payments import PaymentInstruction
from oms.domain.canonical import PaymentState
from oms.domain.errors import InvalidInputError, MalformedPayloadError, TotalsMismatchError, UnknownCurrencyError
from oms.domain.order.payment_facts import Tender

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def document(**changes: Any) -> dict[str, Any]:
    order: dict[str, Any] = {
        "number": "W-1",
        "currency": "USD",
        "lines": [
            {"sku": "MUG-01", "quantity": 2, "unit_price": 1450, "discount": 290, "tax": 209, "title": "Mug"},
            {"line_ref": "gift", "sku": "NOTE-A5", "quantity": 1, "unit_price": 650},
        ],
        "shipping": 500,
        "shipping_tax": 40,
        "tips": 100,
        "total": 4109,
        "ship_to": {"country": "us", "region": "NY", "postal_code": "10001", "latitude": 40.7, "longitude": -74},
        "contact": {
            "name": "Jane Roe",
            "email": "jane@example.com",
            "shipping": {"name": "Jane Roe", "lines": ["1 Main St"], "city": "New York", "country": "US"},
        },
        "shipping_method": "standard",
        "payment": {"provider": "stripe", "reference": "pi_123"},
    }
    return {key: value for key, value in (order | changes).items() if value is not ...}


def read(**changes: Any) -> Any:
    return site.read_order(document(**changes), account="web", external_id="key-1", now=NOW)


def test_an_order_is_read() -> None:
    found, instruction = read()
    order = found.order
    assert (order.source, order.account, order.external_id, order.number) == ("site", "web", "key-1", "W-1")
    assert (order.total, order.revision, order.placed_at) == (4109, NOW, NOW)
    assert [line.line_ref for line in order.lines] == ["1", "gift"]
    assert order.ship_to.country == "US"
    assert found.contact.shipping.lines == ("1 Main St",)
    assert order.payment.state is PaymentState.PENDING
    assert instruction == PaymentInstruction(provider="stripe", reference="pi_123")


def test_a_payment_may_be_settled_in_the_channel() -> None:
    found, instruction = read(payment={"provider": "in_channel", "state": "paid", "captured": 4109})
    assert (found.order.payment.state, found.order.payment.captured) == (PaymentState.PAID, 4109)
    assert instruction == PaymentInstruction(provider="in_channel")


def test_tax_may_be_included_and_optional_parts_left_out() -> None:
    line = {"sku": "MUG-01", "quantity": 1, "unit_price": 1000, "tax": 160}
    parts = dict.fromkeys(["shipping", "shipping_tax", "tips", "ship_to", "contact", "shipping_method"], ...)
    found, _ = read(lines=[line], total=1000, tax_included=True, placed_at="2026-11-22T10:00:00+01:00", **parts)
    assert found.order.tax_included
    assert found.order.placed_at == datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert found.order.ship_to is None


LINE = {"sku": "MUG-01", "quantity": 1, "unit_price": 1000}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"number": ...}, "number"),
        ({"number": 5}, "number"),
        ({"currency": ...}, "currency"),
        ({"total": ...}, "total"),
        ({"total": True}, "total"),
        ({"total": 41.09}, "total"),
        ({"total": "4109"}, "total"),
        ({"total": -1}, "total"),
        ({"shipping": 10**16}, "shipping"),
        ({"fees": -5}, "fees"),
        ({"tax_included": 1}, "tax_included"),
        ({"discount": 5}, "discount"),
        ({"placed_at": "2026-11-22"}, "placed_at"),
        ({"placed_at": "2026-11-23T00:00:00Z"}, "placed_at"),
        ({"lines": {"sku": "x"}}, "lines"),
        ({"lines": [{**LINE, "quantity": True}]}, "lines[0].quantity"),
        ({"lines": [{**LINE, "unit_price": 10.5}]}, "lines[0].unit_price"),
        ({"lines": [LINE, {**LINE, "price": 1}]}, "lines[1].price"),
        ({"lines": [{**LINE, "sku": " "}]}, "lines[0].sku"),
        ({"lines": [{**LINE, "sku": 5}]}, "lines[0].sku"),
        ({"lines": [{**LINE, "line_ref": ""}]}, "lines[0].line_ref"),
        ({"ship_to": {"region": "NY"}}, "ship_to.country"),
        ({"ship_to": {"country": "USA"}}, "ship_to.country"),
        ({"ship_to": {"country": "US", "latitude": 91, "longitude": 0}}, "ship_to.latitude"),
        ({"ship_to": {"country": "US", "latitude": "40", "longitude": 0}}, "ship_to.latitude"),
        ({"ship_to": {"country": "US", "latitude": 40}}, "ship_to.longitude"),
        ({"ship_to": {"country": "US", "name": "Jane"}}, "ship_to.name"),
        ({"contact": {"mail": "x"}}, "contact.mail"),
        ({"contact": {"email": 5}}, "contact.email"),
        ({"contact": {"billing": {"street": "x"}}}, "contact.billing.street"),
        ({"contact": {"billing": {"lines": "x"}}}, "contact.billing.lines"),
        ({"contact": {"billing": {"lines": [1]}}}, "contact.billing.lines"),
        ({"payment": ...}, "payment"),
        ({"payment": {"provider": "barter"}}, "payment.provider"),
        ({"payment": {"provider": "stripe"}}, "payment.reference"),
        ({"payment": {"provider": "stripe", "reference": "pi/../x"}}, "payment.reference"),
        ({"payment": {"provider": "stripe", "reference": "pi_1", "captured": 5}}, "payment.captured"),
        ({"payment": {"provider": "in_channel", "state": "settled"}}, "payment.state"),
        ({"payment": {"provider": "in_channel", "state": "paid", "captured": True}}, "payment.captured"),
    ],
)
def test_a_refusal_names_the_path(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(MalformedPayloadError) as refusal:
        read(**changes)
    assert refusal.value.context["path"] == path


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"total": 4110}, TotalsMismatchError),
        ({"currency": "XXX"}, UnknownCurrencyError),
        ({"lines": []}, MalformedPayloadError),
        ({"lines": [{**LINE, "line_ref": "a"}, {**LINE, "line_ref": "a"}]}, MalformedPayloadError),
        ({"lines": [{**LINE, "quantity": 0}]}, MalformedPayloadError),
        ({"lines": [{**LINE, "discount": 1001}]}, MalformedPayloadError),
    ],
)
def test_an_order_must_be_sound(changes: dict[str, Any], error: type[InvalidInputError]) -> None:
    with pytest.raises(error):
        read(**changes)


def paying(*payments: dict[str, Any], **changes: Any) -> tuple[Tender, ...]:
    """The tenders of an order over 41.09 that names these payments."""
    found, instruction = read(payment=..., payments=list(payments), **changes)
    assert found.order.payment.state is PaymentState.PENDING
    tenders: tuple[Tender, ...] = instruction.over(found.order)
    return tenders


CARD = {"provider": "stripe", "reference": "pi_1"}


class TestSeveralPayments:
    def test_the_one_without_an_amount_pays_the_rest(self) -> None:
        assert paying({**CARD, "amount": 1000}, {"provider": "paypal", "reference": "PP"}) == (
            Tender(provider="stripe", reference="pi_1", amount=1000),
            Tender(provider="paypal", reference="PP", amount=3109),
        )

    def test_one_alone_is_what_a_payment_is(self) -> None:
        _, instruction = read(payment=..., payments=[CARD])
        assert instruction == read(payment=CARD)[1] == PaymentInstruction(provider="stripe", reference="pi_1")

    def test_credit_has_terms(self) -> None:
        credit = {"provider": "on_invoice", "reference": "PO-7/1", "terms_days": 30}
        found, instruction = read(payment=credit)
        assert instruction.over(found.order) == (
            Tender(provider="on_invoice", reference="PO-7/1", amount=4109, terms_days=30),
        )

    def test_a_gift_card_counts_as_those_that_are_not_named(self) -> None:
        card = {"provider": "gift_card", "reference": "G-1", "amount": 500}
        found, instruction = read(payment=..., payments=[card, CARD])
        assert (found.order.gift_cards, instruction.provider) == (500, "stripe")
        assert [each.amount for each in instruction.over(found.order)] == [500, 3609]

    def test_taxes_that_come_later_are_paid_by_the_rest(self) -> None:
        found, instruction = read(payment=..., payments=[{**CARD, "amount": 1000}, {**CARD, "reference": "pi_2"}])
        taxed = replace(found.order, total=found.order.total + 190)
        assert [each.amount for each in instruction.over(taxed)] == [1000, 3299]

    @pytest.mark.parametrize(
        "payments",
        [
            [{**CARD, "amount": 1000}],
            [{**CARD, "amount": 4109}, {**CARD, "reference": "pi_2"}],
            [{**CARD, "amount": 4000}, {**CARD, "reference": "pi_2", "amount": 110}],
        ],
    )
    def test_they_sum_to_what_is_to_be_paid(self, payments: list[dict[str, Any]]) -> None:
        with pytest.raises(TotalsMismatchError):
            paying(*payments)

    @pytest.mark.parametrize(
        ("payments", "path"),
        [
            ([], "payments"),
            ([{**CARD, "reference": f"pi_{number}"} for number in range(11)], "payments"),
            ([CARD, {**CARD, "reference": "pi_2"}], "payments[1].amount"),
            ([{**CARD, "amount": 0}], "payments[0].amount"),
            ([{**CARD, "amount": 5}, CARD], "payments[1].reference"),
            ([{"provider": "in_channel", "state": "paid"}], "payments[0].provider"),
            ([{"provider": "gift_card", "reference": "G"}], "payments[0].amount"),
            ([{**CARD, "terms_days": 3}], "payments[0].terms_days"),
            ([{"provider": "on_invoice", "reference": "P", "terms_days": 366}], "payments[0].terms_days"),
        ],
    )
    def test_what_is_no_payment(self, payments: list[dict[str, Any]], path: str) -> None:
        with pytest.raises(MalformedPayloadError) as caught:
            paying(*payments)
        assert caught.value.context["path"] == path

    def test_an_order_has_one_or_several(self) -> None:
        with pytest.raises(MalformedPayloadError):
            read(payments=[CARD])

    def test_gift_cards_alone_are_no_payment(self) -> None:
        with pytest.raises(InvalidInputError):
            paying({"provider": "gift_card", "reference": "G-1", "amount": 4109})
