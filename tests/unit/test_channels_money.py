"""What amounts come to, case by case, in the channels whose webhooks carry the order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oms.channels.registry import connector
from oms.domain.canonical import CanonicalOrder, Normalized, PaymentState, sum_parts
from oms.domain.errors import MalformedPayloadError, TotalsMismatchError
from oms.domain.inbound import InboundRequest

AT = "2026-11-20T09:00:00Z"


def shopify(**changes: Any) -> CanonicalOrder:
    line = {"id": 11, "sku": "MUG-01", "quantity": 1, "price": "10.00", "discount_allocations": []}
    lines = [{**line, "id": 11 + index, **part} for index, part in enumerate(changes.pop("lines", [{}]))]
    body = {"id": 1, "name": "#1", "currency": "USD", "created_at": AT, "updated_at": AT, "total_price": "10.00"}
    body |= {"financial_status": "paid", "line_items": lines, **changes}
    request = InboundRequest(account="a", headers={"x-shopify-topic": "orders/create"}, body=json.dumps(body).encode())
    return _ordered("shopify", request)


def woocommerce(**changes: Any) -> CanonicalOrder:
    line = {"id": 11, "sku": "MUG-01", "quantity": 1, "subtotal": "10.00", "total": "10.00", "total_tax": "0.00"}
    lines = [{**line, "id": 11 + index, **part} for index, part in enumerate(changes.pop("lines", [{}]))]
    body = {"id": 1, "number": "1", "currency": "GBP", "date_created_gmt": AT[:-1], "date_modified_gmt": AT[:-1]}
    body |= {"status": "processing", "total": "10.00", "total_tax": "0.00", "line_items": lines, **changes}
    headers = {"x-wc-webhook-topic": "order.updated"}
    return _ordered("woocommerce", InboundRequest(account="a", headers=headers, body=json.dumps(body).encode()))


def _ordered(source: str, request: InboundRequest) -> CanonicalOrder:
    found = connector(source).normalize(request, connector(source).identify(request))
    assert isinstance(found, Normalized)
    return found.order


def _taxed(price: str) -> list[dict[str, str]]:
    return [{"price": price}]


def _off(*amounts: str) -> list[dict[str, str]]:
    return [{"amount": amount} for amount in amounts]


def _bag(amount: str, currency: str = "USD") -> dict[str, Any]:
    return {"shop_money": {"amount": amount, "currency_code": currency}}


SHOPIFY: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {"total": 1000}),
    "yen": ({"currency": "JPY", "total_price": "1200", "lines": [{"price": "600", "quantity": 2}]}, {"total": 1200}),
    "three digits": ({"currency": "KWD", "total_price": "1.235", "lines": [{"price": "1.235"}]}, {"total": 1235}),
    "tax on top": (
        {"total_price": "10.80", "total_tax": "0.80", "lines": [{"tax_lines": _taxed("0.80")}]},
        {"total": 1080, "fee_tax": 0},
    ),
    "tax included": (
        {"taxes_included": True, "total_tax": "1.60", "lines": [{"tax_lines": _taxed("1.60")}]},
        {"total": 1000, "tax_included": True},
    ),
    "tax told for the whole order only": ({"total_price": "10.80", "total_tax": "0.80"}, {"fee_tax": 80}),
    "discount allocated": (
        {"total_price": "8.00", "total_discounts": "2.00", "lines": [{"discount_allocations": _off("1.50", "0.50")}]},
        {"total": 800},
    ),
    "discount of the order spread": (
        {"total_price": "20.00", "total_discounts": "10.00", "lines": [{}, {}, {}]},
        {"total": 2000},
    ),
    "discount of the old form": (
        {"total_price": "9.00", "lines": [{"discount_allocations": None, "total_discount": "1.00"}]},
        {"total": 900},
    ),
    "shipping net of its discount, with tax": (
        {
            "total_price": "14.40",
            "total_discounts": "1.00",
            "total_tax": "0.40",
            "shipping_lines": [
                {"price": "5.00", "discount_allocations": _off("1.00"), "tax_lines": _taxed("0.40")},
                {"price": "9.00", "is_removed": True},
            ],
        },
        {"shipping": 400, "shipping_tax": 40},
    ),
    "shipping by its discounted price": (
        {"total_price": "13.00", "shipping_lines": [{"price": "5.00", "discounted_price": "3.00"}]},
        {"shipping": 300},
    ),
    "tip": ({"total_price": "12.50", "total_tip_received": "2.50"}, {"tips": 250}),
    "tip that is a line too": (
        {"total_price": "12.50", "total_tip_received": "2.50", "lines": [{}, {"price": "2.50", "tip": {"x": 1}}]},
        {"tips": 250},
    ),
    "duties": ({"total_price": "13.00", "original_total_duties_set": _bag("3.00")}, {"duties": 300}),
    "duties included": ({"duties_included": True, "original_total_duties_set": _bag("3.00")}, {"duties": 0}),
    "additional fees": ({"total_price": "10.50", "original_total_additional_fees_set": _bag("0.50")}, {"fees": 50}),
    "cash rounding is no price": ({"total_cash_rounding_payment_adjustment_set": _bag("0.02")}, {"total": 1000}),
}


@pytest.mark.parametrize("case", SHOPIFY)
def test_shopify(case: str) -> None:
    changes, expected = SHOPIFY[case]
    order = shopify(**changes)
    assert {key: getattr(order, key) for key in expected} == expected
    assert sum_parts(order) == order.total


@pytest.mark.parametrize(
    ("shop", "shown", "found"),
    [
        (("10.00", "USD"), ("1508", "JPY"), ("JPY", 1508)),
        (("10.00", "USD"), ("3.075", "KWD"), ("KWD", 3075)),
        (("10.00", "USD"), ("10.00", "USD"), None),
        (("9.00", "USD"), ("1508", "JPY"), None),  # of another total
        (("10.00", "CAD"), ("1508", "JPY"), None),  # of another currency than the order's
        (("10.00", "USD"), ("1508.50", "JPY"), None),
        (("10.00", "USD"), ("1508", "XX"), None),
        (("10.00", "USD"), (None, None), None),
    ],
)
def test_shopify_tells_what_the_buyer_saw_in_another_currency(
    shop: tuple[str, str], shown: tuple[str | None, str | None], found: tuple[str, int] | None
) -> None:
    bags = {"shop_money": shop, "presentment_money": shown}
    told = {name: {"amount": amount, "currency_code": code} for name, (amount, code) in bags.items()}
    order = shopify(total_price_set=told)
    assert order.total == 1000
    kept = order.countervalue
    assert (kept and (kept.of, kept.currency, kept.total)) == (found and ("presentment", *found))


def test_shopify_discount_of_the_order_is_spread_to_the_cent() -> None:
    order = shopify(total_price="20.00", total_discounts="10.00", lines=[{}, {}, {}])
    assert [line.discount for line in order.lines] == [334, 333, 333]


@pytest.mark.parametrize(
    "changes",
    [
        {"total_price": "10.01"},
        {"total_discounts": "1.00"},
        {"total_tax": "0.01"},
        {"total_tip_received": "1.00"},
        {"total_price": "9.00", "total_discounts": "11.00"},
        {"taxes_included": True, "total_price": "10.80", "lines": [{"tax_lines": _taxed("0.80")}]},
    ],
)
def test_shopify_mismatch(changes: dict[str, Any]) -> None:
    with pytest.raises(TotalsMismatchError):
        shopify(**changes)


@pytest.mark.parametrize(
    ("changes", "state", "captured"),
    [
        ({"financial_status": "paid"}, PaymentState.PAID, 1000),
        ({"financial_status": "pending"}, PaymentState.PENDING, 0),
        ({"financial_status": "authorized", "total_outstanding": "0.00"}, PaymentState.AUTHORIZED, 0),
        ({"financial_status": "voided"}, PaymentState.VOIDED, 0),
        ({"financial_status": "on_the_moon"}, PaymentState.PENDING, 0),
        ({"financial_status": None}, PaymentState.PENDING, 0),
        (
            {"financial_status": "partially_paid", "current_total_price": "10.00", "total_outstanding": "7.00"},
            PaymentState.PENDING,
            300,
        ),
        (
            {"financial_status": "paid", "current_total_price": "8.00", "total_outstanding": "0.00"},
            PaymentState.PAID,
            800,
        ),
    ],
)
def test_shopify_payment(changes: dict[str, Any], state: PaymentState, captured: int) -> None:
    payment = shopify(**changes).payment
    assert (payment.state, payment.captured) == (state, captured)


def test_shopify_refunds_count_on_top_of_what_is_left() -> None:
    transactions = [
        {"kind": "refund", "status": "success", "amount": "3.00", "currency": "USD"},
        {"kind": "refund", "status": "pending", "amount": "1.00", "currency": "USD"},
        {"kind": "refund", "status": "failure", "amount": "5.00", "currency": "USD"},
        {"kind": "void", "status": "success", "amount": "5.00", "currency": "USD"},
    ]
    refunds = [{"id": 5, "note": "for Jane Roe", "transactions": transactions}, {"id": 6, "transactions": []}]
    order = shopify(
        financial_status="partially_refunded", current_total_price="6.00", total_outstanding="0.00", refunds=refunds
    )
    assert [(refund.refund_ref, refund.amount, refund.reason) for refund in order.refunds] == [("5", 400, "")]
    assert order.payment.captured == 1000


def test_shopify_refund_in_the_buyers_currency_is_summed_in_the_shops() -> None:
    refund = {
        "id": 5,
        "transactions": [{"kind": "refund", "status": "success", "amount": "9.10", "currency": "EUR"}],
        "refund_line_items": [
            {
                "line_item_id": 11,
                "quantity": 1,
                "restock_type": "return",
                "subtotal_set": _bag("8.00"),
                "total_tax_set": _bag("0.50"),
            }
        ],
        "refund_shipping_lines": [{"subtotal_amount_set": _bag("2.00")}],
        "order_adjustments": [{"amount_set": _bag("0.75"), "tax_amount_set": _bag("0.00")}],
    }
    (found,) = shopify(financial_status="partially_refunded", refunds=[refund]).refunds
    assert found.amount == 975


def test_shopify_refund_alone_in_the_buyers_currency_is_refused() -> None:
    body = {
        "id": 5,
        "order_id": 1,
        "transactions": [{"kind": "refund", "status": "success", "amount": "9.10", "currency": "EUR"}],
        "refund_line_items": [{"line_item_id": 11, "quantity": 1, "subtotal_set": _bag("8.00")}],
    }
    request = InboundRequest(account="a", headers={"x-shopify-topic": "refunds/create"}, body=json.dumps(body).encode())
    with pytest.raises(MalformedPayloadError):
        connector("shopify").normalize(request, connector("shopify").identify(request))


WOOCOMMERCE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {"total": 1000}),
    "yen": ({"currency": "JPY", "total": "1000", "lines": [{"subtotal": "1000", "total": "1000"}]}, {"total": 1000}),
    "three digits": (
        {"currency": "KWD", "total": "1.235", "lines": [{"subtotal": "1.235", "total": "1.235"}]},
        {"total": 1235},
    ),
    "tax, also where catalogue prices include it": (
        {"total": "12.00", "total_tax": "2.00", "prices_include_tax": True, "lines": [{"total_tax": "2.00"}]},
        {"total": 1200, "tax_included": False},
    ),
    "coupon": ({"total": "8.00", "discount_total": "2.00", "lines": [{"total": "8.00"}]}, {"total": 800}),
    "shipping": (
        {"total": "16.00", "total_tax": "1.00", "shipping_total": "5.00", "shipping_tax": "1.00"},
        {"shipping": 500, "shipping_tax": 100},
    ),
    "shipping told by its lines": (
        {"total": "15.00", "shipping_lines": [{"total": "5.00", "method_title": "Flat rate"}]},
        {"shipping": 500, "shipping_method": "Flat rate"},
    ),
    "fee": (
        {"total": "12.40", "total_tax": "0.40", "fee_lines": [{"total": "2.00", "total_tax": "0.40"}]},
        {"fees": 200, "fee_tax": 40},
    ),
    "fee that is a discount": (
        {
            "total": "9.60",
            "total_tax": "1.60",
            "lines": [{"total_tax": "2.00"}],
            "fee_lines": [{"total": "-2.00", "total_tax": "-0.40"}],
        },
        {"fees": 0, "fee_tax": 0, "total": 960},
    ),
    "rounding up": (
        {"total": "10.01", "total_tax": "1.59", "lines": [{"subtotal": "8.41", "total": "8.41", "total_tax": "1.59"}]},
        {"fees": 1},
    ),
    "rounding down": (
        {"total": "9.99", "total_tax": "1.59", "lines": [{"subtotal": "8.41", "total": "8.41", "total_tax": "1.59"}]},
        {"fees": 0, "total": 999},
    ),
}


@pytest.mark.parametrize("case", WOOCOMMERCE)
def test_woocommerce(case: str) -> None:
    changes, expected = WOOCOMMERCE[case]
    order = woocommerce(**changes)
    assert {key: getattr(order, key) for key in expected} == expected
    assert sum_parts(order) == order.total


def test_woocommerce_line_total_that_its_quantity_does_not_divide() -> None:
    (line,) = woocommerce(lines=[{"quantity": 3}]).lines
    assert (line.unit_price, line.discount, line.net) == (334, 2, 1000)


@pytest.mark.parametrize(
    "changes",
    [
        {"total": "10.01"},
        {"total": "10.02", "total_tax": "1.59", "lines": [{"subtotal": "8.41", "total": "8.41", "total_tax": "1.59"}]},
        {"total": "0.00", "fee_lines": [{"total": "-11.00"}]},
    ],
)
def test_woocommerce_mismatch(changes: dict[str, Any]) -> None:
    with pytest.raises(TotalsMismatchError):
        woocommerce(**changes)


@pytest.mark.parametrize(
    ("changes", "state", "captured"),
    [
        ({"status": "pending"}, PaymentState.PENDING, 0),
        ({"status": "on-hold"}, PaymentState.PENDING, 0),
        ({"status": "processing"}, PaymentState.PAID, 1000),
        ({"status": "processing", "payment_method": "cod"}, PaymentState.AUTHORIZED, 0),
        ({"status": "completed", "payment_method": "cod"}, PaymentState.PAID, 1000),
        ({"status": "packed", "date_paid_gmt": "2026-11-20T09:00:00"}, PaymentState.PAID, 1000),
        ({"status": "packed"}, PaymentState.PENDING, 0),
        ({"status": "failed"}, PaymentState.FAILED, 0),
        ({"status": "cancelled"}, PaymentState.VOIDED, 0),
        ({"status": "refunded"}, PaymentState.REFUNDED, 1000),
        ({"refunds": [{"id": 2, "total": "-4.00"}]}, PaymentState.PARTIALLY_REFUNDED, 1000),
        ({"refunds": [{"id": 2, "total": "-4.00"}, {"id": 3, "total": "-6.00"}]}, PaymentState.REFUNDED, 1000),
    ],
)
def test_woocommerce_payment(changes: dict[str, Any], state: PaymentState, captured: int) -> None:
    payment = woocommerce(**changes).payment
    assert (payment.state, payment.captured) == (state, captured)


@pytest.mark.parametrize("entry", [{"quantity": -1}, {"quantity": 1, "line_item_id": None}])
def test_shopify_refunded_lines_must_make_sense(entry: dict[str, Any]) -> None:
    with pytest.raises(MalformedPayloadError):
        shopify(refunds=[{"id": 5, "refund_line_items": [{"line_item_id": 11, **entry}]}])


def test_shopify_refund_may_not_be_negative() -> None:
    transactions = [{"kind": "refund", "status": "success", "amount": "-1.00", "currency": "USD"}]
    with pytest.raises(MalformedPayloadError):
        shopify(refunds=[{"id": 5, "transactions": transactions}])


def test_an_order_needs_its_times() -> None:
    with pytest.raises(MalformedPayloadError):
        shopify(created_at=None)
    with pytest.raises(MalformedPayloadError):
        woocommerce(date_created_gmt=None, date_modified_gmt=None)
    assert woocommerce(date_created_gmt=None).placed_at == woocommerce().revision
