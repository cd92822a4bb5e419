"""eBay: what an order comes to under each reading of its taxes, and which notifications it is read for."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.channels import ebay
from oms.domain.canonical import CanonicalOrder, Normalized, PaymentState, sum_parts
from oms.domain.errors import InvalidInputError, MalformedPayloadError, TotalsMismatchError
from oms.domain.inbound import InboundRequest, Notice, NoticeKind

ID = "12-34567-89012"
NOTICE = Notice(kind=NoticeKind.FETCH, topic="ORDER_CONFIRMATION", event_id="1", external_id=ID)


def usd(value: object) -> dict[str, Any]:
    return {"value": value, "currency": "USD"}


def item(number: int = 1, **changes: Any) -> dict[str, Any]:
    found = {
        "lineItemId": str(10_000 + number),
        "legacyItemId": "110",
        "sku": f"SKU-{number}",
        "title": "Thing",
        "quantity": 1,
        "lineItemCost": usd("10.0"),
    }
    return found | changes


def step(**changes: Any) -> dict[str, Any]:
    address = {"addressLine1": "1 A St", "city": "Austin", "stateOrProvince": "TX", "postalCode": "78701"}
    ship_to = {"fullName": "Ada Lovelace", "contactAddress": {**address, "countryCode": "US"}, "email": "a@b.example"}
    found = {"fulfillmentInstructionsType": "SHIP_TO", "shippingStep": {"shipTo": ship_to, "shippingServiceCode": "X"}}
    return found | changes


def whole(items: list[dict[str, Any]] | None = None, total: str = "10.0", **changes: Any) -> Normalized:
    summary = {"priceSubtotal": usd("10.0"), "total": usd(total)} | changes.pop("summary", {})
    order = {
        "orderId": ID,
        "creationDate": "2026-11-21T10:40:00.000Z",
        "lastModifiedDate": "2026-11-21T11:00:00.000Z",
        "orderPaymentStatus": "PAID",
        "orderFulfillmentStatus": "NOT_STARTED",
        "cancelStatus": {"cancelState": "NONE_REQUESTED", "cancelRequests": []},
        "pricingSummary": summary,
        "paymentSummary": {"payments": [], "refunds": []},
        "fulfillmentStartInstructions": [step()],
        "lineItems": [item()] if items is None else items,
    }
    read = json.loads(json.dumps(order | changes), parse_float=Decimal)
    return ebay.assemble("a", NOTICE, {"order": [read]})


def read(items: list[dict[str, Any]] | None = None, total: str = "10.0", **changes: Any) -> CanonicalOrder:
    return whole(items, total, **changes).order


def tax(amount: str, kind: str = "STATE_SALES_TAX") -> dict[str, Any]:
    return {"taxType": kind, "amount": usd(amount)}


# ---------------------------------------------------------------- money


def test_a_tax_that_stands_in_both_places_counts_once() -> None:
    order = read([item(taxes=[tax("0.8")], ebayCollectAndRemitTaxes=[tax("0.8")])], "10.8")
    assert (order.lines[0].tax, order.tax_included) == (80, False)


def test_taxes_of_two_kinds_count_both() -> None:
    line = item(taxes=[tax("0.5", "GST")], ebayCollectAndRemitTaxes=[tax("0.8", "PROVINCE_SALES_TAX")])
    assert read([line], "11.3").lines[0].tax == 130


def test_a_tax_that_ebay_collects_beside_the_total_is_left_out_of_it() -> None:
    line = item(taxes=[tax("0.5", "OTHER")], ebayCollectAndRemitTaxes=[tax("2.0", "VAT")])
    order = read([line], "10.5")
    assert (order.lines[0].tax, order.total) == (50, 1050)


def test_a_tax_that_the_summary_alone_tells_is_spread() -> None:
    order = read([item(1), item(2, lineItemCost=usd("20.0"))], "33.0", summary={"tax": usd("3.0")})
    assert [line.tax for line in order.lines] == [100, 200]


def test_a_tax_inside_the_prices() -> None:
    order = read([item(taxes=[tax("1.6", "VAT")])])
    assert (order.tax_included, order.lines[0].tax, order.total) == (True, 160, 1000)


@pytest.mark.parametrize("sign", ["", "-"])
def test_discounts_of_either_sign(sign: str) -> None:
    summary = {"priceDiscount": usd(f"{sign}1.0"), "deliveryCost": usd("4.0"), "deliveryDiscount": usd(f"{sign}1.5")}
    order = read([item(discountedLineItemCost=usd("9.0"))], "11.5", summary=summary)
    assert (order.lines[0].discount, order.shipping) == (100, 250)


def test_a_discount_that_no_line_tells_is_spread_beside_those_that_lines_tell() -> None:
    lines = [item(1, discountedLineItemCost=usd("9.0")), item(2, lineItemCost=usd("20.0"))]
    order = read(lines, "26.1", summary={"priceDiscount": usd("-3.9")})
    assert [line.discount for line in order.lines] == [190, 200]


@pytest.mark.parametrize(
    ("adjustment", "total", "discount", "fees"), [("-2.0", "8.0", 200, 0), ("2.0", "12.0", 0, 200)]
)
def test_adjustments_lower_the_goods_or_are_a_fee(adjustment: str, total: str, discount: int, fees: int) -> None:
    order = read(None, total, summary={"adjustment": usd(adjustment)})
    assert (order.lines[0].discount, order.fees) == (discount, fees)


def test_fees_and_import_charges_where_the_total_has_them() -> None:
    line = item(deliveryCost={"importCharges": usd("3.0"), "shippingIntermediationFee": usd("0.5")})
    assert read([line], "11.0", summary={"fee": usd("1.0")}).duties == 0
    order = read([line], "14.5", summary={"fee": usd("1.0")})
    assert (order.duties, order.fees, sum_parts(order)) == (300, 150, 1450)


def test_three_units_for_a_price_that_they_do_not_divide_and_a_free_line() -> None:
    order = read([item(1, quantity=3), item(2, lineItemCost=usd("0.0"))])
    assert [(line.unit_price, line.discount, line.net) for line in order.lines] == [(334, 2, 1000), (0, 0, 0)]


@pytest.mark.parametrize(("total", "difference"), [("10.01", 1), ("9.99", -1), ("100.0", 9000)])
def test_an_order_that_does_not_sum_is_refused_with_the_difference(total: str, difference: int) -> None:
    with pytest.raises(TotalsMismatchError) as refusal:
        read(None, total)
    assert refusal.value.context["difference"] == difference


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 9), st.integers(0, 10**5)), min_size=1, max_size=6),
    st.integers(0, 10**4),
    st.data(),
)
def test_every_order_that_sums_is_read_to_the_cent(
    lines: list[tuple[int, int, int]], shipping: int, data: st.DataObject
) -> None:
    def text(cents: int) -> str:
        return f"{cents // 100}.{cents % 100:02d}"

    offs = [data.draw(st.integers(0, cost)) for cost, _, _ in lines]
    items = [
        item(
            number,
            quantity=quantity,
            lineItemCost=usd(text(cost)),
            discountedLineItemCost=usd(text(cost - off)),
            taxes=[tax(text(taxed))],
        )
        for number, ((cost, quantity, taxed), off) in enumerate(zip(lines, offs, strict=True), 1)
    ]
    total = sum(cost + taxed for cost, _, taxed in lines) - sum(offs) + shipping
    order = read(
        items, text(total), summary={"deliveryCost": usd(text(shipping)), "priceDiscount": usd(text(sum(offs)))}
    )
    assert sum_parts(order) == order.total == total
    assert [line.net for line in order.lines] == [cost - off for (cost, _, _), off in zip(lines, offs, strict=True)]


@pytest.mark.parametrize(
    "change",
    [
        {"summary": {"total": {"value": "10.0", "currency": "XYZ"}}},
        {"summary": {"total": {"currency": "USD"}}},
        {"summary": {"deliveryCost": {"value": "0.0", "currency": "EUR"}}},
        {"summary": {"total": {"value": "10.001", "currency": "USD"}}},
        {"summary": {"total": {"value": "NaN", "currency": "USD"}}},
        {"summary": {"deliveryDiscount": usd("-1.0")}},
        {"creationDate": ""},
        {"creationDate": "2026-11-21"},
        {"lineItems": []},
        {"lineItems": [item(), item()]},
        {"lineItems": [item(quantity=0)]},
        {"lineItems": [item(lineItemCost=usd("-10.0"))]},
        {"lineItems": [item(lineItemId=None)]},
        {"fulfillmentStartInstructions": [step(), step(shippingStep={"shipTo": {"contactAddress": {"city": "B"}}})]},
    ],
)
def test_what_cannot_be_read_is_refused_by_type(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        read(**change)


# ---------------------------------------------------------------- states


@pytest.mark.parametrize(
    ("word", "state", "captured"),
    [
        ("PENDING", PaymentState.PENDING, 0),
        ("FAILED", PaymentState.FAILED, 0),
        ("PAID", PaymentState.PAID, 1000),
        ("PARTIALLY_REFUNDED", PaymentState.PARTIALLY_REFUNDED, 1000),
        ("FULLY_REFUNDED", PaymentState.REFUNDED, 1000),
        ("A_NEW_WORD", PaymentState.PENDING, 0),
    ],
)
def test_what_a_status_says_of_the_money(word: str, state: PaymentState, captured: int) -> None:
    order = read(orderPaymentStatus=word)
    assert (order.payment.state, order.payment.captured) == (state, captured)
    assert dict(order.status_words)["orderPaymentStatus"] == word


def test_cancellations_asked_for_and_made() -> None:
    asked = read(cancelStatus={"cancelState": "IN_PROGRESS", "cancelRequests": [{"cancelReason": "BUYER_ASKED"}]})
    assert (asked.cancelled, asked.on_hold) == (False, "a cancellation was asked for")
    requests = [{"cancelReason": "OUT_OF_STOCK_OR_CANNOT_FULFILL"}]
    made = read(cancelStatus={"cancelState": "CANCELED", "cancelRequests": requests}, orderPaymentStatus="PENDING")
    assert (made.cancelled, made.cancel_reason) == (True, "out_of_stock_or_cannot_fulfill")
    assert made.payment.state is PaymentState.VOIDED
    paid = read(cancelStatus={"cancelState": "CANCELED"}, orderPaymentStatus="FULLY_REFUNDED")
    assert (paid.cancel_reason, paid.payment.state) == ("canceled", PaymentState.REFUNDED)


def test_refunds_count_when_they_are_made_and_once() -> None:
    def refund(ref: str | None, status: str | None, amount: str = "2.0") -> dict[str, Any]:
        return {
            "refundId": ref,
            "refundStatus": status,
            "amount": usd(amount),
            "refundDate": "2026-11-22T09:00:00.000Z",
        }

    entries = [refund("1", "REFUNDED"), refund("1", "REFUNDED"), refund("2", "PENDING"), refund("3", "FAILED")]
    entries += [refund("4", None, "-1.0"), refund(None, "REFUNDED", "0.5")]
    order = read(paymentSummary={"refunds": entries}, orderPaymentStatus="PARTIALLY_REFUNDED")
    assert [(each.refund_ref, each.amount) for each in order.refunds] == [
        ("1", 200),
        ("4", 100),
        ("2026-11-22T09:00:00.000Z", 50),
    ]


@pytest.mark.parametrize(
    "kind", ["SHIP_TO", "SELLER_DEFINED", "DIGITAL", "IN_STORE_PICKUP", "FULFILLED_BY_EBAY", "A_NEW_WORD", ""]
)
def test_what_needs_shipping_of_ours(kind: str) -> None:
    order = read(fulfillmentStartInstructions=[step(fulfillmentInstructionsType=kind)])
    assert order.lines[0].requires_shipping is (kind in {"SHIP_TO", "SELLER_DEFINED", "A_NEW_WORD", ""})


def test_skus_of_lines_without_one() -> None:
    lines = [
        item(1, sku=""),
        item(2, sku=None, legacyVariationId="77", lineItemCost=usd("0.0")),
        item(3, sku=" ", legacyItemId=None, lineItemCost=usd("0.0")),
    ]
    assert [line.sku for line in read(lines).lines] == ["item:110", "item:110:77", "line:10003"]


def test_people_are_in_the_contact_alone() -> None:
    found = whole(buyer={"username": "ada_l"}, buyerCheckoutNotes="ring twice")
    assert (found.contact.name, found.contact.email, found.contact.note) == (
        "Ada Lovelace",
        "a@b.example",
        "ring twice",
    )
    assert found.contact.shipping is not None
    assert found.contact.shipping.lines == ("1 A St",)
    for text in ("Ada", "a@b", "1 A St", "ada_l", "ring twice"):
        assert text not in repr(found.order)
    assert whole(fulfillmentStartInstructions=[]).contact.shipping is None
    assert whole(fulfillmentStartInstructions=[]).order.ship_to is None


# ---------------------------------------------------------------- deliveries


def identify(topic: str, data: Any, **changes: Any) -> Notice:
    notification = {"notificationId": "n-1", "eventDate": "2026-11-21T10:41:02.459Z", "data": data} | changes
    body = {"metadata": {"topic": topic}, "notification": notification}
    return ebay.identify(InboundRequest(account="a", headers={}, body=json.dumps(body).encode()))


@pytest.mark.parametrize("data", [{"orderId": ID}, {"order": {"orderId": ID}}, {"orderId": ID, "lineItemId": "7"}])
def test_a_confirmation_names_its_order(data: dict[str, Any]) -> None:
    notice = identify("ORDER_CONFIRMATION", data)
    assert (notice.kind, notice.external_id, notice.event_id) == (NoticeKind.FETCH, ID, "ORDER_CONFIRMATION:n-1")
    assert identify("ORDER_CONFIRMATION", data, publishAttemptCount=3).event_id == notice.event_id


def test_other_topics_are_acknowledged() -> None:
    assert identify("MARKETPLACE_ACCOUNT_DELETION", {"username": "u"}).kind is NoticeKind.IGNORED


@pytest.mark.parametrize("data", [{}, None, [], {"orderId": "../x"}, {"orderId": ""}, {"orderId": "a-b"}, {"order": 7}])
def test_a_confirmation_without_an_order_is_refused(data: Any) -> None:
    with pytest.raises(MalformedPayloadError):
        identify("ORDER_CONFIRMATION", data)


def test_only_ids_of_ebays_form_are_fetched_and_only_their_document_is_taken() -> None:
    (request,) = ebay.fetches(NOTICE)
    assert (request.path, request.query) == (f"/sell/fulfillment/v1/order/{ID}", {"fieldGroups": "TAX_BREAKDOWN"})
    for wrong in ("../1", "", "1?x", "a"):
        with pytest.raises(MalformedPayloadError):
            ebay.fetches(Notice(kind=NoticeKind.FETCH, topic="t", event_id="1", external_id=wrong))
    with pytest.raises(MalformedPayloadError):
        read(orderId="12-34567-89013")
    with pytest.raises(MalformedPayloadError):
        ebay.assemble("a", NOTICE, {})
