"""Etsy: what a receipt comes to under each reading of its taxes, and which events it is read for."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.channels import etsy
from oms.domain.canonical import CanonicalOrder, Normalized, PaymentState, sum_parts
from oms.domain.errors import InvalidInputError, MalformedPayloadError, TotalsMismatchError
from oms.domain.inbound import InboundRequest, Notice, NoticeKind

NOTICE = Notice(kind=NoticeKind.FETCH, topic="order.paid", event_id="1", external_id="34")
PLACED = 1_795_262_400


def usd(amount: Any, divisor: Any = 100, currency: str = "USD") -> dict[str, Any]:
    return {"amount": amount, "divisor": divisor, "currency_code": currency}


def item(number: int = 1, price: int = 1000, quantity: int = 1, **changes: Any) -> dict[str, Any]:
    found = {
        "transaction_id": 4100 + number,
        "listing_id": 15,
        "product_id": 178,
        "sku": f"SKU-{number}",
        "title": "Thing",
        "quantity": quantity,
        "price": usd(price),
        "is_digital": False,
        "variations": [{"formatted_name": "Personalisation", "formatted_value": "for Ada"}],
    }
    return found | changes


def whole(*items: dict[str, Any], grand: int = 1000, **changes: Any) -> Normalized:
    receipt = {
        "receipt_id": 34,
        "status": "Paid",
        "is_paid": True,
        "created_timestamp": PLACED,
        "updated_timestamp": PLACED + 60,
        "name": "Ada Lovelace",
        "first_line": "1 A St",
        "city": "Austin",
        "state": "TX",
        "zip": "78701",
        "country_iso": "US",
        "grandtotal": usd(grand),
        "transactions": list(items) or [item()],
        "refunds": [],
    }
    return etsy.assemble("a", NOTICE, {"order": [json.loads(json.dumps(receipt | changes), parse_float=Decimal)]})


def read(*items: dict[str, Any], grand: int = 1000, **changes: Any) -> CanonicalOrder:
    return whole(*items, grand=grand, **changes).order


# ---------------------------------------------------------------- money


@pytest.mark.parametrize(
    ("changes", "grand", "included", "taxes", "fees"),
    [
        ({"total_tax_cost": usd(80)}, 1080, False, 80, 0),
        ({"total_vat_cost": usd(200)}, 1200, False, 200, 0),
        ({"total_vat_cost": usd(167)}, 1000, True, 167, 0),
        ({"total_tax_cost": usd(80), "total_vat_cost": usd(100)}, 1180, False, 180, 0),
        ({"total_tax_cost": usd(80), "total_vat_cost": usd(100)}, 1080, False, 80, 0),
        ({"total_tax_cost": usd(80), "gift_wrap_price": usd(300)}, 1380, False, 80, 300),
        ({"total_tax_cost": usd(80), "gift_wrap_price": usd(300)}, 1080, False, 80, 0),
    ],
)
def test_the_first_reading_that_sums_is_taken(
    changes: dict[str, Any],
    grand: int,
    included: bool,  # noqa: FBT001 - what is expected
    taxes: int,
    fees: int,
) -> None:
    order = read(grand=grand, **changes)
    assert (order.tax_included, sum(line.tax for line in order.lines), order.fees) == (included, taxes, fees)


def test_amounts_are_divided_exactly() -> None:
    assert read(item(price=1000), grandtotal=usd(100000, 10000)).total == 1000
    yen = item(price=1000) | {"price": usd(1000, 1, "JPY")}
    assert read(yen, grandtotal=usd(1000, 1, "JPY")).total == 1000
    with pytest.raises(MalformedPayloadError):
        read(grandtotal=usd(100001, 10000))


def test_discounts_as_the_transactions_tell_them_else_in_proportion() -> None:
    told = [item(1, 1000, shop_coupon=0.5), item(2, 1000, 2, shop_coupon=2.5)]
    assert [line.discount for line in read(*told, grand=2700, discount_amt=usd(300)).lines] == [50, 250]
    untold = [item(1, 1000, shop_coupon=0.333333333), item(2, 1000, 2, shop_coupon=2.666666667)]
    assert [line.discount for line in read(*untold, grand=2700, discount_amt=usd(300)).lines] == [100, 200]


@pytest.mark.parametrize(("grand", "difference"), [(1001, 1), (999, -1), (2000, 1000)])
def test_a_receipt_that_does_not_sum_is_refused_with_the_difference(grand: int, difference: int) -> None:
    with pytest.raises(TotalsMismatchError) as refusal:
        read(grand=grand)
    assert refusal.value.context["difference"] == difference


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 9)), min_size=1, max_size=6),
    st.integers(0, 10**5),
    st.integers(0, 10**4),
    st.data(),
)
def test_every_receipt_that_sums_is_read_to_the_cent(
    rows: list[tuple[int, int]], tax: int, shipping: int, data: st.DataObject
) -> None:
    goods = sum(price * quantity for price, quantity in rows)
    discount = data.draw(st.integers(0, goods))
    order = read(
        *(item(number, price, quantity) for number, (price, quantity) in enumerate(rows, 1)),
        grand=goods - discount + tax + shipping,
        discount_amt=usd(discount),
        total_tax_cost=usd(tax),
        total_shipping_cost=usd(shipping),
    )
    assert sum_parts(order) == order.total == goods - discount + tax + shipping
    assert [line.unit_price for line in order.lines] == [price for price, _ in rows]


@pytest.mark.parametrize(
    "change",
    [
        {"grandtotal": None},
        {"grandtotal": usd(None)},
        {"grandtotal": usd("1000")},
        {"grandtotal": usd(1000, 0)},
        {"grandtotal": usd(1000, -100)},
        {"grandtotal": usd(1000, 10**9)},
        {"grandtotal": usd(1000, currency="string")},
        {"total_shipping_cost": usd(0, currency="EUR")},
        {"total_shipping_cost": usd(-100)},
        {"total_tax_cost": usd(-1)},
        {"discount_amt": usd(-1)},
        {"discount_amt": usd(1001)},
        {"created_timestamp": 0},
        {"transactions": []},
        {"transactions": [item(), item()]},
        {"transactions": [item(quantity=0)]},
        {"transactions": [item(price=-1)]},
        {"country_iso": "USA"},
    ],
)
def test_what_cannot_be_read_is_refused_by_type(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        read(**change)


# ---------------------------------------------------------------- states


@pytest.mark.parametrize(
    ("status", "paid", "state"),
    [
        ("Paid", True, PaymentState.PAID),
        ("completed", True, PaymentState.PAID),
        ("Open", False, PaymentState.PENDING),
        ("payment processing", False, PaymentState.PENDING),
        ("Partially Refunded", True, PaymentState.PARTIALLY_REFUNDED),
        ("Fully Refunded", True, PaymentState.REFUNDED),
        ("Canceled", True, PaymentState.PAID),
        ("Canceled", False, PaymentState.VOIDED),
        ("A new word", True, PaymentState.PAID),
        ("", False, PaymentState.PENDING),
    ],
)
def test_what_a_status_says_of_the_money(
    status: str,
    paid: bool,  # noqa: FBT001 - a flag of the receipt
    state: PaymentState,
) -> None:
    order = read(status=status, is_paid=paid)
    assert order.payment.state is state
    assert order.cancelled is (status == "Canceled")
    assert dict(order.status_words).get("status", "") == status.lower().replace(" ", "_")


def test_refunds_are_known_by_their_second_and_count_when_they_succeeded() -> None:
    def refund(at: int, status: Any, amount: int = 100) -> dict[str, Any]:
        return {"created_timestamp": at, "status": status, "amount": usd(amount), "note_from_issuer": "for Ada"}

    entries = [
        refund(7, "SUCCESS"),
        refund(7, "success", 50),
        refund(8, "FAILED"),
        refund(9, None),
        refund(9, "PENDING"),
    ]
    order = read(refunds=entries)
    assert [(each.refund_ref, each.amount) for each in order.refunds] == [("7", 100), ("7:2", 50), ("9", 100)]
    assert (order.payment.state, order.payment.captured) == (PaymentState.PARTIALLY_REFUNDED, 1000)
    assert read(refunds=[refund(7, "SUCCESS", 1000)]).payment.state is PaymentState.REFUNDED
    assert "Ada" not in repr(order)


def test_digital_goods_are_not_shipped_and_skus_have_a_fallback() -> None:
    lines = [
        item(1, 1000, sku="", is_digital=True),
        item(2, 0, sku=None, product_id=None),
        item(3, 0, sku=" ", product_id=None, listing_id=0),
    ]
    order = read(*lines)
    assert [line.sku for line in order.lines] == ["product:178", "listing:15", "line:4103"]
    assert [line.requires_shipping for line in order.lines] == [False, True, True]


def test_the_older_names_of_its_times() -> None:
    order = read(created_timestamp=None, updated_timestamp=None, create_timestamp=PLACED, update_timestamp=PLACED + 5)
    assert (order.placed_at.timestamp(), order.revision.timestamp()) == (PLACED, PLACED + 5)
    assert read(updated_timestamp=None).revision.timestamp() == PLACED


def test_people_are_in_the_contact_alone() -> None:
    found = whole(buyer_email="a@b.example", message_from_buyer="ring twice", gift_message="From Charles")
    assert (found.contact.name, found.contact.email) == ("Ada Lovelace", "a@b.example")
    assert found.contact.note == "ring twice\nFrom Charles"
    for text in ("Ada", "a@b", "1 A St", "ring twice", "Charles"):
        assert text not in repr(found.order)


# ---------------------------------------------------------------- deliveries


def identify(topic: str, url: Any, **headers: str) -> Notice:
    body = {"event_type": topic, "resource_url": url, "shop_id": 42}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return etsy.identify(InboundRequest(account="a", headers=named, body=json.dumps(body).encode()))


URL = "https://openapi.etsy.com/v3/application/shops/42/receipts/34"


@pytest.mark.parametrize(
    "topic", ["order.paid", "order.canceled", "order.shipped", "order.delivered", "order.new_word"]
)
def test_a_receipt_is_read_again(topic: str) -> None:
    notice = identify(topic, URL, webhook_id="msg_1")
    assert (notice.kind, notice.external_id, notice.event_id) == (NoticeKind.FETCH, "34", f"{topic}:msg_1")
    assert identify(topic, URL).event_id == identify(topic, URL).event_id != notice.event_id


def test_other_events_are_ignored() -> None:
    assert identify("listing.updated", "https://api.etsy.com/v3/application/listings/1").kind is NoticeKind.IGNORED


@pytest.mark.parametrize(
    "url", ["", None, "https://x.example/receipts/", f"{URL}x", "https://x.example/receipts/3/../4"]
)
def test_an_event_without_a_receipt_is_refused(url: Any) -> None:
    with pytest.raises(MalformedPayloadError):
        identify("order.paid", url)


def test_the_url_of_the_body_is_not_what_is_called() -> None:
    notice = identify("order.paid", "https://stranger.example/receipts/34")
    assert [request.path for request in etsy.fetches(notice)] == ["/receipts/34"]


def test_only_numbers_are_fetched_and_only_their_document_is_taken() -> None:
    for wrong in ("../1", "", "x"):
        with pytest.raises(MalformedPayloadError):
            etsy.fetches(Notice(kind=NoticeKind.FETCH, topic="t", event_id="1", external_id=wrong))
    with pytest.raises(MalformedPayloadError):
        read(receipt_id=35)
    with pytest.raises(MalformedPayloadError):
        etsy.assemble("a", NOTICE, {})
