"""Mercado Libre: whom a notice is for, what an order comes to, and what is fetched after it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.channels import mercadolibre
from oms.domain.canonical import ChannelPayment, ChannelRefund, Normalized, PaymentState, ShipTo, sum_parts
from oms.domain.errors import InvalidInputError, MalformedPayloadError, SignatureError, TotalsMismatchError
from oms.domain.inbound import TOKEN_HEADER, InboundRequest, Notice, NoticeKind

NOTICE = Notice(kind=NoticeKind.FETCH, topic="orders_v2", event_id="1", external_id="7")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def line(number: int = 1, **changes: Any) -> dict[str, Any]:
    item = {"id": f"MLB{number}", "title": "Coisa", "variation_id": None, "seller_sku": f"SKU-{number}"}
    found = {"item": item, "quantity": 1, "unit_price": 10.5, "full_unit_price": 10.5, "currency_id": "BRL"}
    return found | changes


def payment(number: int = 91, **changes: Any) -> dict[str, Any]:
    found = {"id": number, "status": "approved", "currency_id": "BRL", "transaction_amount": 10.5, "shipping_cost": 0}
    return found | {"transaction_amount_refunded": 0} | changes


def refund(number: int, amount: float, payment_id: int = 91, **changes: Any) -> dict[str, Any]:
    return {"id": number, "payment_id": payment_id, "amount": amount, "status": "approved"} | changes


def read(
    *parts: dict[str, Any],
    lines: list[dict[str, Any]] | None = None,
    payments: list[dict[str, Any]] | None = None,
    **changes: Any,
) -> Normalized:
    order = {
        "id": 7,
        "status": "paid",
        "date_created": "2026-11-21T10:00:00.000-04:00",
        "date_closed": "2026-11-21T10:01:00.000-04:00",
        "last_updated": "2026-11-21T10:02:00.000-04:00",
        "currency_id": "BRL",
        "total_amount": 10.5,
        "order_items": [line()] if lines is None else lines,
        "payments": [payment()] if payments is None else payments,
        "shipping": {"id": 44},
        "buyer": {"id": 5, "first_name": "Ana", "last_name": "Exemplo"},
        "tags": [],
    }
    pages = json.loads(json.dumps([order | changes, *parts]), parse_float=Decimal)
    return mercadolibre.assemble("a", NOTICE, {"order": pages})


# ---------------------------------------------------------------- notices


def post(body: object, token: str = "t0ken") -> InboundRequest:
    headers = {TOKEN_HEADER: token} if token else {}
    return InboundRequest(account="a", headers=headers, body=json.dumps(body).encode())


@pytest.mark.parametrize("user_id", [123, "123"])
def test_a_notice_is_of_the_seller_and_of_who_knows_the_url(user_id: object) -> None:
    mercadolibre.verify(post({"user_id": user_id}), ["9:other", "123:t0ken"], NOW)


@pytest.mark.parametrize(
    ("body", "token", "secrets"),
    [
        ({"user_id": 123}, "", ["123:t0ken"]),
        ({"user_id": 123}, "wrong", ["123:t0ken"]),
        ({"user_id": 124}, "t0ken", ["123:t0ken"]),
        ({"user_id": 123}, "t0ken", []),
        ({"user_id": 123}, "t0ken", ["t0ken", "123:", ":t0ken", ""]),
        ({}, "t0ken", [":t0ken"]),
        ({"user_id": None}, "t0ken", [":t0ken", "None:t0ken"]),
        ({"user_id": [123]}, "t0ken", ["123:t0ken"]),
        ([], "t0ken", ["123:t0ken"]),
        ({"user_id": 123}, "t0k\u00e9n", ["123:t0ken"]),
    ],
)
def test_any_other_notice_is_refused(body: object, token: str, secrets: list[str]) -> None:
    with pytest.raises(SignatureError):
        mercadolibre.verify(post(body, token), secrets, NOW)


def notice(**changes: Any) -> Notice:
    body = {"topic": "orders_v2", "resource": "/orders/7", "user_id": 1, "sent": "2026-11-21T14:00:00.500Z"}
    return mercadolibre.identify(post(body | changes))


def test_a_notice_names_an_order() -> None:
    found = notice()
    assert (found.kind, found.external_id) == (NoticeKind.FETCH, "7")
    assert found.occurred_at == datetime(2026, 11, 21, 14, 0, 0, 500_000, tzinfo=UTC)


def test_a_notice_that_comes_again_is_the_same_event() -> None:
    assert notice(_id="n-1", attempts=1).event_id == notice(_id="n-1", attempts=2, sent=None).event_id
    assert notice(attempts=1).event_id == notice(attempts=2).event_id
    others = [notice(), notice(_id="n-1"), notice(_id="n-2"), notice(sent="2026-11-21T14:00:01Z"), notice(sent="")]
    others.append(notice(resource="/orders/8"))
    assert len({each.event_id for each in others}) == len(others)


@pytest.mark.parametrize("topic", ["items", "payments", "shipments", "post_purchase", "questions"])
def test_what_is_about_no_order_is_ignored(topic: str) -> None:
    assert notice(topic=topic, resource="/anything/1").kind is NoticeKind.IGNORED


@pytest.mark.parametrize(
    "resource", ["/orders/", "/orders/7/feedback", "/orders/../users/me", "/marketplace/orders/7", ""]
)
def test_an_order_that_is_none_is_refused(resource: str) -> None:
    with pytest.raises(MalformedPayloadError):
        notice(resource=resource)


# ---------------------------------------------------------------- what is fetched


def test_shipment_and_refunds_are_fetched_as_the_order_names_them() -> None:
    (first,) = mercadolibre.fetches(NOTICE)
    payments = [payment(91, transaction_amount_refunded=1), payment(92), payment(93, status="refunded")]
    paths, request = [], mercadolibre.next_page(first, {"shipping": {"id": 44}, "payments": payments})
    while request is not None:
        paths.append((request.name, request.path))
        request = mercadolibre.next_page(request, {"shipping": {"id": 99}})
    assert [path for _, path in paths] == ["/shipments/44", "/v1/payments/91/refunds", "/v1/payments/93/refunds"]
    assert {name for name, _ in paths} == {first.name}
    assert mercadolibre.next_page(first, {"shipping": {"id": None}, "payments": None}) is None


@pytest.mark.parametrize(
    "document", [{"shipping": {"id": "../users/me"}}, {"payments": [payment(status="refunded") | {"id": "9/x"}]}]
)
def test_what_is_fetched_is_a_number(document: dict[str, Any]) -> None:
    (first,) = mercadolibre.fetches(NOTICE)
    with pytest.raises(MalformedPayloadError):
        mercadolibre.next_page(first, document)


@pytest.mark.parametrize("part", [{"id": 45}, {"items": [refund(1, 1.0, payment_id=92)]}, {"items": None, "x": 1}])
def test_documents_of_another_order_are_refused(part: dict[str, Any]) -> None:
    with pytest.raises(MalformedPayloadError):
        read(part)
    with pytest.raises(MalformedPayloadError):
        read(id=8)


# ---------------------------------------------------------------- money


def test_prices_with_the_sellers_discount_and_what_the_buyer_pays_for_shipping() -> None:
    lines = [line(1, quantity=3, unit_price=9.99, full_unit_price=12.5), line(2, unit_price=0, full_unit_price=None)]
    payments = [
        payment(91, shipping_cost=7.5),
        payment(92, shipping_cost=2),
        payment(93, status="rejected", shipping_cost=9),
    ]
    order = read(lines=lines, payments=payments, total_amount=29.97, taxes={"amount": 1.25}).order
    assert [(each.unit_price, each.discount, each.net) for each in order.lines] == [(1250, 753, 2997), (0, 0, 0)]
    assert (order.shipping, order.fees, order.total, order.tax_included) == (950, 125, 4072, True)
    assert sum_parts(order) == order.total


def test_what_a_coupon_takes_off_is_settled_outside_the_order() -> None:
    order = read(
        coupon={"amount": 2}, payments=[payment(coupon_amount=2, total_paid_amount=8.5)], paid_amount=8.5
    ).order
    assert (order.total, order.payment.captured) == (1050, 1050)


def test_a_payment_that_failed_still_tells_what_shipping_costs() -> None:
    failed = [payment(number, status="rejected", shipping_cost=4) for number in (91, 92)]
    assert read(payments=failed, status="payment_required").order.total == 1450


def test_currencies_without_decimals() -> None:
    item = line(unit_price=12990.0, full_unit_price=12990, currency_id="CLP")
    order = read(lines=[item], payments=[], currency_id="CLP", total_amount=12990).order
    assert (order.total, order.lines[0].unit_price) == (12990, 12990)
    with pytest.raises(InvalidInputError):
        read(lines=[line(unit_price=0.5, currency_id="CLP")], payments=[], currency_id="CLP", total_amount=1)


@pytest.mark.parametrize(("total", "difference"), [(10.51, 1), (10.49, -1), (21, 1050)])
def test_a_total_that_is_not_the_sum_is_refused_with_the_difference(total: float, difference: int) -> None:
    with pytest.raises(TotalsMismatchError) as refusal:
        read(total_amount=total)
    assert refusal.value.context["difference"] == difference


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": [line(currency_id="USD")]},
        {"payments": [payment(currency_id="USD")]},
        {"lines": []},
        {"lines": [line(quantity=1.5)]},
        {"lines": [line(unit_price=None)]},
        {"total_amount": None},
        {"date_created": None},
        {"currency_id": "ZZZ"},
    ],
)
def test_what_is_missing_or_of_another_currency_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        read(**changes)


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 9), st.integers(0, 999)), min_size=1, max_size=6),
    st.integers(0, 9999),
)
def test_the_parts_of_an_order_sum_to_its_total(rows: list[tuple[int, int, int]], shipping: int) -> None:
    lines = [
        line(number, quantity=quantity, unit_price=price / 100, full_unit_price=(price + more) / 100)
        for number, (price, quantity, more) in enumerate(rows)
    ]
    goods = sum(price * quantity for price, quantity, _ in rows)
    order = read(lines=lines, payments=[payment(shipping_cost=shipping / 100)], total_amount=goods / 100).order
    assert sum_parts(order) == order.total == goods + shipping


# ---------------------------------------------------------------- status


def state(status: str, *payments: dict[str, Any], parts: tuple[dict[str, Any], ...] = ()) -> ChannelPayment:
    return read(*parts, status=status, payments=list(payments)).order.payment


def test_statuses_are_payments() -> None:
    paid, waiting = payment(), payment(status="pending")
    for word in ("confirmed", "payment_required", "payment_in_process", "a_new_word"):
        assert state(word, waiting) == ChannelPayment(state=PaymentState.PENDING)
    assert state("a_new_word", paid).state is PaymentState.PENDING
    assert state("paid", paid) == ChannelPayment(state=PaymentState.PAID, captured=1050)
    half = payment(transaction_amount=4)
    assert state("partially_paid", half, waiting) == ChannelPayment(state=PaymentState.PENDING, captured=400)
    assert state("cancelled", payment(status="cancelled")) == ChannelPayment(state=PaymentState.VOIDED)
    assert state("cancelled", paid).state is PaymentState.PAID  # the money goes back by and by
    assert read(status="a_new_word").order.status_words[0] == ("status", "a_new_word")


def test_a_refund_is_one_by_its_own_id_and_those_that_failed_are_none() -> None:
    items = [refund(31, 2.5), refund(32, 1), refund(33, 5, status="rejected"), refund(34, 5, status="in_process")]
    again = payment(transaction_amount_refunded=3.5)
    order = read({"items": items}, payments=[again], status="partially_refunded").order
    assert order.refunds == (ChannelRefund(refund_ref="31", amount=250), ChannelRefund(refund_ref="32", amount=100))
    assert order.payment == ChannelPayment(state=PaymentState.PARTIALLY_REFUNDED, captured=1050)


def test_a_cancelled_order_that_was_paid_has_been_refunded() -> None:
    gone = payment(status="refunded", transaction_amount_refunded=10.5, shipping_cost=3)
    detail = {"group": "buyer", "code": "Buyer_Cancel_Express", "description": "somebody wrote this"}
    order = read({"items": [refund(31, 10.5)]}, payments=[gone], status="cancelled", cancel_detail=detail).order
    assert (order.cancelled, order.cancel_reason) == (True, "buyer_cancel_express")
    assert order.payment == ChannelPayment(state=PaymentState.REFUNDED, captured=1350)
    assert read(status="invalid").order.cancel_reason == "invalid"


def test_refunds_that_are_told_of_and_not_there_are_not_made_up() -> None:
    for change in ({"transaction_amount_refunded": 1}, {"status": "refunded"}):
        with pytest.raises(MalformedPayloadError):
            read(payments=[payment(**change)])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tags": ["paid", "fraud_risk_detected"]}, "the channel sees a risk of fraud"),
        ({"status": "pending_cancel"}, "a cancellation is pending in the channel"),
        ({"payments": [payment(status="charged_back")]}, "a payment was charged back"),
        ({"tags": ["paid"]}, ""),
        ({"tags": None}, ""),
    ],
)
def test_what_must_not_ship_is_held(changes: dict[str, Any], reason: str) -> None:
    assert read(**changes).order.on_hold == reason


def test_the_time_of_change_is_the_latest_that_is_told() -> None:
    order = read(date_last_updated="2026-11-21T15:00:00.250Z").order
    assert order.revision == datetime(2026, 11, 21, 15, 0, 0, 250_000, tzinfo=UTC)
    assert order.placed_at == datetime(2026, 11, 21, 14, tzinfo=UTC)


# ---------------------------------------------------------------- lines and places


def test_lines_are_known_by_item_and_variation() -> None:
    items = [
        {"id": "MLB1", "variation_id": 8},
        {"id": "MLB1", "variation_id": 9, "seller_custom_field": "OLD"},
        {"id": "MLB1"},
    ]
    order = read(lines=[line(item=item) for item in [*items, items[2]]], total_amount=42).order
    assert [each.line_ref for each in order.lines] == ["MLB1:8", "MLB1:9", "MLB1", "MLB1:2"]
    assert [each.sku for each in order.lines] == ["variant:8", "OLD", "product:MLB1", "product:MLB1"]


def test_what_mercado_libre_ships_needs_no_shipping_of_ours() -> None:
    theirs = read({"id": 44, "logistic": {"type": "fulfillment"}}).order
    assert [each.requires_shipping for each in theirs.lines] == [False]
    assert read({"id": 44, "logistic_type": "self_service"}).order.lines[0].requires_shipping
    assert ("logistic_type", "fulfillment") in theirs.status_words


def test_the_older_form_of_a_shipment() -> None:
    place = {
        "street_name": "Rua",
        "street_number": "5",
        "zip_code": "01000",
        "city": {"name": "Santos"},
        "state": {"id": "BR-SP", "name": "São Paulo"},
        "country": {"id": "BR"},
        "receiver_name": "Bia",
        "receiver_phone": "119",
    }
    found = read({"id": 44, "receiver_address": place, "shipping_option": {"name": "Sedex"}})
    assert found.order.ship_to == ShipTo(country="BR", region="SP", postal_code="01000")
    assert found.order.shipping_method == "Sedex"
    assert found.contact.shipping is not None
    assert (found.contact.shipping.name, found.contact.shipping.lines) == ("Bia", ("Rua 5",))
    assert (found.contact.name, found.contact.phone) == ("Ana Exemplo", "119")


def test_an_order_without_a_shipment_has_no_destination() -> None:
    found = read(shipping={"id": None})
    assert found.order.ship_to is None
    assert found.contact.shipping is None
