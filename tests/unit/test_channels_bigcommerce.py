"""BigCommerce: what an order comes to in either reading, and which deliveries it is read again for."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.channels import bigcommerce
from oms.channels.base import FetchRequest
from oms.domain.canonical import CanonicalOrder, PaymentState, RefundedLine, sum_parts
from oms.domain.errors import InvalidInputError, MalformedPayloadError, TotalsMismatchError
from oms.domain.inbound import InboundRequest, Notice, NoticeKind

NOTICE = Notice(kind=NoticeKind.FETCH, topic="created", event_id="1", external_id="7")
PLACED = "Sat, 21 Nov 2026 10:40:00 +0000"


def product(number: int = 1, **changes: Any) -> dict[str, Any]:
    found = {
        "id": number,
        "order_id": 7,
        "product_id": 70 + number,
        "order_address_id": 5,
        "name": "Thing",
        "sku": f"SKU-{number}",
        "type": "physical",
        "quantity": 1,
        "base_price": "10.0000",
        "price_ex_tax": "10.0000",
        "price_inc_tax": "11.0000",
        "total_ex_tax": "10.0000",
        "total_inc_tax": "11.0000",
        "total_tax": "1.0000",
    }
    return found | changes


def big(
    products: list[dict[str, Any]] | None = None,
    refunds: list[dict[str, Any]] | None = None,
    addresses: list[dict[str, Any]] | None = None,
    **changes: Any,
) -> CanonicalOrder:
    order = {
        "id": 7,
        "date_created": PLACED,
        "date_modified": "Sat, 21 Nov 2026 11:00:00 +0000",
        "status_id": 11,
        "currency_code": "USD",
        "total_inc_tax": "11.0000",
        "total_tax": "1.0000",
        "payment_status": "captured",
    }
    address = {"id": 5, "order_id": 7, "country_iso2": "US", "state": "Texas", "zip": "78701"}
    documents = {
        "order": [order | changes],
        "products": [{"items": [product()] if products is None else products}],
        "addresses": [{"items": [address] if addresses is None else addresses}],
        "refunds": [{"data": refunds or []}],
    }
    read = json.loads(json.dumps(documents), parse_float=Decimal)
    return bigcommerce.assemble("a", NOTICE, read).order


def test_prices_that_were_entered_without_tax() -> None:
    order = big()
    assert (order.tax_included, order.total) == (False, 1100)
    assert [(line.unit_price, line.tax) for line in order.lines] == [(1000, 100)]


def test_prices_that_were_entered_with_tax_though_both_readings_add_up() -> None:
    order = big([product(base_price="11.0000")])
    assert (order.tax_included, order.lines[0].unit_price, order.lines[0].tax) == (True, 1100, 100)


def test_the_reading_that_adds_up_decides() -> None:
    """Without tax 9.99 + 1.00 is not the total; with tax 11.00 is."""
    order = big([product(total_ex_tax="9.9900")])
    assert (order.tax_included, order.lines[0].net) == (True, 1100)


def test_every_part_on_top() -> None:
    parts: dict[str, Any] = {
        "shipping_cost_ex_tax": "4.0000",
        "shipping_cost_tax": "0.4000",
        "handling_cost_ex_tax": "2.0000",
        "handling_cost_tax": "0.2000",
        "wrapping_cost_ex_tax": "1.0000",
        "wrapping_cost_tax": "0.1000",
        "fees": [{"id": 1, "cost_ex_tax": "3.0000", "cost_tax": "0.3000"}],
        "discount_amount": "1.5000",
        "coupon_discount": "0.5000",
        "total_tax": "2.0000",
        "total_inc_tax": "20.0000",
        "store_credit_amount": "2.5000",
        "gift_certificate_amount": "1.0000",
    }
    order = big(**parts)
    assert (order.shipping, order.shipping_tax, order.fees, order.fee_tax) == (400, 40, 600, 60)
    assert (order.lines[0].discount, order.lines[0].tax, order.gift_cards) == (200, 100, 350)
    assert sum_parts(order) == order.total == 2000


def test_discounts_fall_on_the_products_that_they_are_told_of_else_in_proportion() -> None:
    two = [product(1), product(2, total_ex_tax="20.0000", total_tax="2.0000")]
    header: dict[str, Any] = {"total_tax": "3.0000", "total_inc_tax": "30.0000", "coupon_discount": "3.0000"}
    assert [line.discount for line in big(two, **header).lines] == [100, 200]
    two[0]["applied_discounts"] = [{"id": "coupon", "amount": "2.5000"}, {"id": "x", "amount": 0.25}]
    two[1]["applied_discounts"] = [{"id": "coupon", "amount": "0.2500"}]
    assert [line.discount for line in big(two, **header).lines] == [275, 25]


def test_fractions_of_a_cent_are_rounded_so_that_the_parts_are_the_total() -> None:
    thirds = [product(number, total_ex_tax="3.3333", total_tax="0.3333") for number in (1, 2, 3)]
    order = big(thirds, total_tax="1.0000", total_inc_tax="11.0000")
    assert [line.net for line in order.lines] == [334, 333, 333]
    assert [line.tax for line in order.lines] == [34, 33, 33]


@pytest.mark.parametrize(("total", "difference"), [("11.0100", 1), ("10.9900", -1), ("12.0000", 100)])
def test_whole_amounts_are_never_rounded_away(total: str, difference: int) -> None:
    with pytest.raises(TotalsMismatchError) as refusal:
        big(total_inc_tax=total)
    assert refusal.value.context["difference"] == difference


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 9)), min_size=1, max_size=6), st.integers(0, 50_000))
def test_the_parts_of_an_order_in_fractions_sum_to_its_total(lines: list[tuple[int, int]], shipping: int) -> None:
    texts = [f"{amount // 10_000}.{amount % 10_000:04d}" for amount, _ in lines]
    products = [
        product(number, quantity=quantity, total_ex_tax=text, total_inc_tax=text, total_tax="0.0000")
        for number, ((_, quantity), text) in enumerate(zip(lines, texts, strict=True), 1)
    ]
    cents = (sum(amount for amount, _ in lines) + 50) // 100 + shipping
    parts: dict[str, Any] = {
        f"shipping_cost_{end}": f"{shipping // 100}.{shipping % 100:02d}00" for end in ("ex_tax", "inc_tax")
    }
    order = big(products, total_tax="0", total_inc_tax=f"{cents // 100}.{cents % 100:02d}00", **parts)
    assert sum_parts(order) == order.total == cents
    for line, (amount, _) in zip(order.lines, lines, strict=True):
        assert abs(line.net * 100 - amount) <= 100


def test_three_units_for_a_price_that_they_do_not_divide() -> None:
    order = big([product(quantity=3)])
    assert (order.lines[0].unit_price, order.lines[0].discount, order.lines[0].net) == (334, 2, 1000)


def test_yen_and_free_lines() -> None:
    lines = [
        product(1, total_ex_tax="1000.0000", total_tax="100.0000"),
        product(2, total_ex_tax="0.0000", total_tax="0.0000", parent_order_product_id=1, is_bundled_product=True),
    ]
    order = big(lines, currency_code="JPY", total_tax="100.0000", total_inc_tax="1100.0000")
    assert [line.net for line in order.lines] == [1000, 0]
    assert sum_parts(order) == 1100


def test_an_order_that_is_free() -> None:
    order = big(
        [product(total_ex_tax="0.0000", total_inc_tax="0.0000", total_tax="0.0000")], total_inc_tax="0", total_tax="0"
    )
    assert (order.total, order.payment.state) == (0, PaymentState.PAID)


@pytest.mark.parametrize(
    "change",
    [
        {"discount_amount": "-1.0000"},
        {"shipping_cost_ex_tax": "-1.0000"},
        {"total_tax": "0.00001"},
        {"total_tax": "1e3"},
        {"total_tax": True},
        {"total_tax": 10**400},
        {"total_inc_tax": None},
        {"total_inc_tax": "11.001"},
        {"currency_code": "XYZ"},
        {"date_created": "yesterday"},
        {"date_created": "Sat, 21 Nov 2026 10:40:00"},
        {"date_created": ""},
        {"status_id": "11"},
    ],
)
def test_what_cannot_be_read_is_refused_by_type(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        big(**change)


@pytest.mark.parametrize(
    "change", [{"quantity": 0}, {"quantity": -1}, {"quantity": "1"}, {"order_id": 8}, {"id": None}]
)
def test_a_product_that_cannot_be_read_is_refused_by_type(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedPayloadError):
        big([product(**change)])


@pytest.mark.parametrize(
    ("status", "word", "state", "captured"),
    [
        (11, "captured", PaymentState.PAID, 1100),
        (11, "authorized", PaymentState.AUTHORIZED, 0),
        (11, "Capture Pending", PaymentState.AUTHORIZED, 0),
        (7, "", PaymentState.PENDING, 0),
        (0, "", PaymentState.PENDING, 0),
        (11, "", PaymentState.PAID, 1100),
        (11, "a new word", PaymentState.PAID, 1100),
        (77, "a new word", PaymentState.PENDING, 0),
        (11, "declined", PaymentState.FAILED, 0),
        (5, "void", PaymentState.VOIDED, 0),
        (5, "captured", PaymentState.PAID, 1100),
        (6, "", PaymentState.VOIDED, 0),
        (4, "refunded", PaymentState.REFUNDED, 1100),
    ],
)
def test_what_a_status_says_of_the_money(status: int, word: str, state: PaymentState, captured: int) -> None:
    order = big(status_id=status, payment_status=word)
    assert (order.payment.state, order.payment.captured) == (state, captured)
    assert order.cancelled == (status in {5, 6})
    assert dict(order.status_words)["status_id"] == str(status)


@pytest.mark.parametrize(
    ("change", "hold"),
    [
        ({"status_id": 12}, "manual verification required"),
        ({"status_id": 13}, "disputed"),
        ({"payment_status": "held for review"}, "held for review"),
        ({}, ""),
    ],
)
def test_holds(change: dict[str, Any], hold: str) -> None:
    assert big(**change).on_hold == hold


def refund(number: int = 1, **changes: Any) -> dict[str, Any]:
    item = {"item_type": "PRODUCT", "item_id": 1, "quantity": 1, "reason": "for Ada Lovelace"}
    found = {"id": number, "order_id": 7, "reason": "for Ada Lovelace", "total_amount": 5.5, "items": [item]}
    return found | {"payments": [{"id": 1, "amount": 5.5, "is_declined": False}]} | changes


def test_refunds_that_were_paid_out() -> None:
    shipping = refund(2, total_amount=5.5, items=[{"item_type": "SHIPPING", "item_id": 5, "quantity": 1}])
    order = big(refunds=[refund(), shipping, refund(3, payments=[{"id": 1, "is_declined": True}])])
    assert [(each.refund_ref, each.amount, each.reason) for each in order.refunds] == [("1", 550, ""), ("2", 550, "")]
    assert [each.lines for each in order.refunds] == [(RefundedLine(line_ref="1", quantity=1),), ()]
    assert (order.payment.state, order.payment.captured) == (PaymentState.REFUNDED, 1100)
    assert big(refunds=[refund()]).payment.state is PaymentState.PARTIALLY_REFUNDED
    with pytest.raises(MalformedPayloadError):
        big(refunds=[refund(total_amount=-1)])


def test_what_is_shipped_and_under_which_sku() -> None:
    lines = [
        product(1, sku=""),
        product(2, sku="", variant_id=9, type="digital"),
        product(3, sku="", product_id=0, order_address_id=0, order_pickup_method_id=4),
    ]
    order = big(lines, total_tax="3.0000", total_inc_tax="33.0000")
    assert [line.sku for line in order.lines] == ["product:71", "variant:9", "line:3"]
    assert [line.requires_shipping for line in order.lines] == [True, False, False]


def test_an_order_goes_to_one_address() -> None:
    other = {"id": 6, "order_id": 7, "country_iso2": "CA", "state": "Ontario", "zip": "M5V"}
    home = {"id": 5, "order_id": 7, "country_iso2": "US", "state": "Texas", "zip": "78701"}
    found = big(addresses=[other, home]).ship_to
    assert found is not None
    assert (found.country, found.region, found.postal_code) == ("US", "Texas", "78701")
    header: dict[str, Any] = {"total_tax": "2.0000", "total_inc_tax": "22.0000"}
    with pytest.raises(MalformedPayloadError) as refusal:
        big([product(1), product(2, order_address_id=6)], addresses=[other, home], **header)
    assert refusal.value.context["addresses"] == 2
    with pytest.raises(MalformedPayloadError):
        big(addresses=[other])
    assert big(addresses=[]).ship_to is None


# ---------------------------------------------------------------- deliveries


def identify(scope: str, data: Any, **changes: Any) -> Notice:
    body = {"scope": scope, "data": data, "hash": "abc", "created_at": 1795260061, "producer": "stores/x", **changes}
    return bigcommerce.identify(InboundRequest(account="a", headers={}, body=json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("scope", "data", "topic"),
    [
        ("store/order/created", {"type": "order", "id": 250}, "created"),
        ("store/order/updated", {"type": "order", "id": "250"}, "updated"),
        ("store/order/archived", {"type": "order", "id": 250}, "archived"),
        ("store/order/statusUpdated", {"id": 250, "status": {"new_status_id": 11}}, "statusUpdated"),
        ("store/order/refund/created", {"id": 250, "refund": {"refund_id": 3}}, "refund/created"),
        (
            "store/order/transaction/updated",
            {"type": "transaction", "order_id": 250, "transaction_id": "9"},
            "transaction/updated",
        ),
        ("store/channel/1/order/updated", {"order_id": 250}, "updated"),
    ],
)
def test_an_order_is_read_again(scope: str, data: dict[str, Any], topic: str) -> None:
    notice = identify(scope, data)
    assert (notice.kind, notice.external_id, notice.topic) == (NoticeKind.FETCH, "250", topic)
    assert notice.event_id == f"{scope}:abc"
    assert identify(scope, data, hash=None).event_id != identify(scope, {**data, "x": 1}, hash=None).event_id


@pytest.mark.parametrize(
    "scope", ["store/order/message/created", "store/order/metafield/created", "store/shipment/created", "store/x", "x"]
)
def test_other_scopes_are_ignored(scope: str) -> None:
    assert identify(scope, {"id": 1}).kind is NoticeKind.IGNORED


@pytest.mark.parametrize("data", [{}, None, {"id": "x"}, {"id": "7/../8"}, {"id": True}, {"order_id": -1}, []])
def test_a_delivery_without_an_order_is_refused(data: Any) -> None:
    with pytest.raises(MalformedPayloadError):
        identify("store/order/created", data)


def test_what_is_fetched_and_how_pages_follow() -> None:
    requests = {request.name: request for request in bigcommerce.fetches(NOTICE)}
    assert [request.path for request in requests.values()] == [
        "/v2/orders/7",
        "/v2/orders/7/products",
        "/v2/orders/7/shipping_addresses",
        "/v3/orders/7/payment_actions/refunds",
    ]
    assert bigcommerce.next_page(requests["order"], {"items": [{}] * 250}) is None
    following = bigcommerce.next_page(requests["products"], {"items": [{}] * 250})
    assert isinstance(following, FetchRequest)
    assert following.query == {"limit": "250", "page": "2"}
    assert bigcommerce.next_page(following, {"items": [{}] * 249}) is None
    more = {"data": [], "meta": {"pagination": {"total_pages": 2}}}
    second = bigcommerce.next_page(requests["refunds"], more)
    assert second is not None
    assert bigcommerce.next_page(second, more) is None
    assert bigcommerce.next_page(requests["refunds"], {"data": [], "meta": {}}) is None


@pytest.mark.parametrize("external_id", ["../7", "", "x"])
def test_only_numbers_are_fetched(external_id: str) -> None:
    with pytest.raises(MalformedPayloadError):
        bigcommerce.fetches(Notice(kind=NoticeKind.FETCH, topic="t", event_id="1", external_id=external_id))
