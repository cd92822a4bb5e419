"""What amounts come to, case by case, in the channels whose orders are fetched."""

from __future__ import annotations

from typing import Any

import pytest

from oms.channels.registry import connector
from oms.domain.canonical import CanonicalOrder, PaymentState, sum_parts
from oms.domain.errors import InvalidInputError, MalformedPayloadError, TotalsMismatchError
from oms.domain.inbound import Notice, NoticeKind

AT = "2026-11-20T09:00:00Z"
UNIX = 1_795_000_000


def tiktok(payment: dict[str, str], lines: list[dict[str, Any]] | None = None, **changes: Any) -> CanonicalOrder:
    line = {"id": "11", "seller_sku": "MUG-01", "sale_price": "10.00"}
    items = [{**line, "id": str(11 + index), **part} for index, part in enumerate(lines or [{}])]
    order = {"id": "9", "status": "AWAITING_SHIPMENT", "create_time": UNIX, "update_time": UNIX, "paid_time": UNIX}
    order |= {"payment": {"currency": "USD", **payment}, "line_items": items, **changes}
    notice = Notice(kind=NoticeKind.FETCH, topic="order_status", event_id="1:1", external_id="9")
    document = {"code": 0, "message": "Success", "data": {"orders": [order]}}
    return connector("tiktok-shop").assemble("a", notice, {"orders": [document]}).order


def amazon(total: str, *items: dict[str, str], currency: str = "USD", **changes: Any) -> CanonicalOrder:
    external_id = "111-1111111-1111111"
    order: dict[str, Any] = {
        "AmazonOrderId": external_id,
        "PurchaseDate": AT,
        "LastUpdateDate": AT,
        "OrderStatus": "Unshipped",
    }
    order |= {"OrderTotal": {"CurrencyCode": currency, "Amount": total}, **changes}
    rows = []
    for index, item in enumerate(items, start=1):
        amounts = {key: {"CurrencyCode": currency, "Amount": item[key]} for key in item if key != "Quantity"}
        rows.append(
            {
                "OrderItemId": str(index),
                "SellerSKU": "MUG-01",
                "QuantityOrdered": int(item.get("Quantity", "1")),
                **amounts,
            }
        )
    notice = Notice(kind=NoticeKind.FETCH, topic="ORDER_CHANGE", event_id="1", external_id=external_id)
    payload: dict[str, Any] = {"AmazonOrderId": external_id, "OrderItems": rows}
    documents: dict[str, list[dict[str, Any]]] = {"order": [{"payload": order}], "items": [{"payload": payload}]}
    return connector("amazon").assemble("a", notice, documents).order


def test_tiktok_with_every_part_on_top() -> None:
    payment = {
        "total_amount": "33.56",
        "shipping_fee": "4.00",
        "shipping_fee_tax": "0.30",
        "product_tax": "2.00",
        "tax": "2.40",
        "retail_delivery_fee": "0.28",
        "small_order_fee": "1.00",
        "handling_fee": "0.88",
        "item_insurance_tax": "0.10",
    }
    lines = [
        {
            "original_price": "15.00",
            "sale_price": "12.50",
            "item_tax": [{"tax_amount": "1.25"}, {"tax_amount": "0.25"}],
        },
        {"sale_price": "12.50", "item_tax": [{"tax_amount": "0.50"}]},
    ]
    order = tiktok(payment, lines)
    assert (order.total, order.fees, order.fee_tax, order.shipping_tax) == (3356, 216, 10, 30)
    assert [(line.unit_price, line.discount, line.tax) for line in order.lines] == [(1500, 250, 150), (1250, 0, 50)]
    assert not order.tax_included


def test_tiktok_with_tax_inside_its_prices() -> None:
    order = tiktok({"total_amount": "10.00", "product_tax": "1.67", "tax": "1.67"})
    assert order.tax_included
    assert order.lines[0].tax == 167


def test_tiktok_spreads_the_tax_on_products_where_lines_do_not_tell_it() -> None:
    order = tiktok({"total_amount": "31.00", "product_tax": "1.00", "tax": "1.00"}, [{}, {}, {}])
    assert [line.tax for line in order.lines] == [34, 33, 33]


@pytest.mark.parametrize("total", ["10.01", "9.99", "0"])
def test_tiktok_mismatch(total: str) -> None:
    with pytest.raises(TotalsMismatchError):
        tiktok({"total_amount": total})


@pytest.mark.parametrize(
    ("changes", "state", "captured"),
    [
        ({"status": "UNPAID", "paid_time": 0}, PaymentState.PENDING, 0),
        ({"status": "ON_HOLD"}, PaymentState.PAID, 1000),
        ({"paid_time": None}, PaymentState.PAID, 1000),
        ({"paid_time": None, "is_cod": True}, PaymentState.AUTHORIZED, 0),
        ({"status": "DELIVERED", "paid_time": None, "is_cod": True}, PaymentState.PAID, 1000),
        ({"status": "CANCELLED", "paid_time": 0}, PaymentState.VOIDED, 0),
        ({"status": "CANCELLED"}, PaymentState.REFUNDED, 1000),
        ({"status": "BRAND_NEW", "paid_time": 0}, PaymentState.PENDING, 0),
    ],
)
def test_tiktok_payment(changes: dict[str, Any], state: PaymentState, captured: int) -> None:
    order = tiktok({"total_amount": "10.00"}, **changes)
    assert (order.payment.state, order.payment.captured) == (state, captured)
    assert sum(refund.amount for refund in order.refunds) == (captured if state is PaymentState.REFUNDED else 0)


AMAZON: dict[str, tuple[str, list[dict[str, str]], dict[str, Any]]] = {
    "tax on top": ("10.80", [{"ItemPrice": "10.00", "ItemTax": "0.80"}], {"tax_included": False}),
    "tax inside": ("10.00", [{"ItemPrice": "10.00", "ItemTax": "1.60"}], {"tax_included": True}),
    "tax on top, told before promotions": (
        "8.64",
        [{"ItemPrice": "10.00", "ItemTax": "0.80", "PromotionDiscount": "2.00", "PromotionDiscountTax": "0.16"}],
        {"tax_included": False, "total": 864},
    ),
    "price of all units": (
        "10.00",
        [{"Quantity": "3", "ItemPrice": "10.00"}],
        {"total": 1000},
    ),
    "shipping, gift wrap and cash on delivery": (
        "19.00",
        [
            {
                "ItemPrice": "10.00",
                "ShippingPrice": "5.00",
                "ShippingDiscount": "1.00",
                "ShippingTax": "0.40",
                "GiftWrapPrice": "3.00",
                "GiftWrapTax": "0.20",
                "CODFee": "2.00",
                "CODFeeDiscount": "0.60",
            }
        ],
        {"shipping": 400, "shipping_tax": 40, "fees": 440, "fee_tax": 20},
    ),
}


@pytest.mark.parametrize("case", AMAZON)
def test_amazon(case: str) -> None:
    total, items, expected = AMAZON[case]
    order = amazon(total, *items)
    assert {key: getattr(order, key) for key in expected} == expected
    assert sum_parts(order) == order.total
    assert (order.payment.state, order.payment.captured) == (PaymentState.AUTHORIZED, 0)


def test_amazon_price_that_its_quantity_does_not_divide() -> None:
    (line,) = amazon("3601", {"Quantity": "2", "ItemPrice": "3601"}, currency="JPY").lines
    assert (line.unit_price, line.discount, line.net) == (1801, 1, 3601)


@pytest.mark.parametrize("total", ["10.01", "10.79", "9.20"])
def test_amazon_mismatch(total: str) -> None:
    with pytest.raises(TotalsMismatchError):
        amazon(total, {"ItemPrice": "10.00", "ItemTax": "0.80"})


def test_amazon_fractions_of_yen_are_refused() -> None:
    with pytest.raises(MalformedPayloadError):
        amazon("25.99", {"ItemPrice": "25.99"}, currency="JPY")


def test_amazon_order_without_prices_is_refused_with_its_own_type() -> None:
    with pytest.raises(InvalidInputError) as refusal:
        amazon("0", {}, OrderStatus="Pending", OrderTotal=None)
    assert type(refusal.value) is InvalidInputError


def test_amazon_cancelled_order_tells_no_prices() -> None:
    order = amazon(
        "0",
        {"Quantity": "0"},
        {"Quantity": "2"},
        OrderStatus="Canceled",
        OrderTotal=None,
        MarketplaceId="A1VC38T7YXB528",
    )
    assert (order.cancelled, order.total, order.currency) == (True, 0, "JPY")
    assert [(line.quantity, line.cancelled) for line in order.lines] == [(1, 1), (2, 2)]
    assert order.payment.state is PaymentState.VOIDED


def test_amazon_leaves_out_an_item_that_was_cancelled() -> None:
    order = amazon("10.00", {"Quantity": "0", "ItemPrice": "0.00"}, {"ItemPrice": "10.00"})
    assert [line.line_ref for line in order.lines] == ["2"]


@pytest.mark.parametrize(
    "changes",
    [
        {"OrderTotal": None},
        {"OrderStatus": "Canceled", "OrderTotal": None, "MarketplaceId": "NOWHERE"},
        {"OrderTotal": {"CurrencyCode": "EUR", "Amount": "10.00"}},
        {"PurchaseDate": None},
    ],
)
def test_amazon_order_that_cannot_be_priced(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        amazon("10.00", {"ItemPrice": "10.00"}, **changes)


def test_tiktok_order_without_a_time() -> None:
    with pytest.raises(MalformedPayloadError):
        tiktok({"total_amount": "10.00"}, create_time=0)
