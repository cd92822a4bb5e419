"""Amazon's orders of version 2026-01-01: every reading of their money that the documentation leaves open."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from oms.channels import amazon
from oms.channels.payload import parse_object
from oms.domain.errors import InvalidInputError, MalformedPayloadError, TotalsMismatchError
from oms.domain.inbound import Notice, NoticeKind
from tests.support.amazon_2026 import item, kinds, money, order

if TYPE_CHECKING:
    from oms.domain.canonical import CanonicalOrder, Normalized

ID = "114-5500101-7700101"


def whole(document: dict[str, Any], external_id: str = ID) -> Normalized:
    notice = Notice(kind=NoticeKind.FETCH, topic="ORDER_CHANGE", event_id="1", external_id=external_id)
    return amazon.assemble("main", notice, {"order": [parse_object(json.dumps(document).encode()).values]})


def read(*given: Any, **more: Any) -> CanonicalOrder:
    return whole(order(*given, **more)).order


def test_what_an_item_brings_by_kind() -> None:
    brought = kinds(ITEM="10.00", SHIPPING="3.00", GIFT_WRAP="1.50", COD_FEE="0.50", TAX="1.30")
    found = read("16.30", item(1, 3, brought))
    (line,) = found.lines
    assert (line.sku, line.quantity, line.unit_price, line.discount, line.tax) == ("SKU-1", 3, 334, 2, 130)
    assert (found.shipping, found.fees, found.tax_included, found.total) == (300, 200, False, 1630)
    assert (found.payment.state, found.payment.captured, found.ship_to and found.ship_to.country) == (
        "authorized",
        0,
        "US",
    )


def test_taxes_are_of_what_they_are_told_to_be_of() -> None:
    taxes = {"TAX": "2.00", "TAX_ITEM": "1.20", "TAX_SHIPPING": "0.50", "TAX_GIFT_WRAP": "0.30"}
    found = read("17.00", item(1, 1, kinds(ITEM="10.00", SHIPPING="4.00", GIFT_WRAP="1.00", **taxes)))
    assert (found.lines[0].tax, found.shipping_tax, found.fee_tax) == (120, 50, 30)


def test_a_tax_inside_the_prices() -> None:
    found = read("14.00", item(1, 1, kinds("EUR", ITEM="10.00", SHIPPING="4.00", TAX="2.24")), currency="EUR")
    assert (found.tax_included, found.lines[0].tax, found.total) == (True, 224, 1400)


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_discount_is_taken_off_whatever_its_sign(sign: str) -> None:
    discounts = {"DISCOUNT": f"{sign}5.00", "DISCOUNT_ITEM": f"{sign}1.00", "DISCOUNT_SHIPPING": f"{sign}4.00"}
    found = read("9.00", item(1, 2, kinds(ITEM="10.00", SHIPPING="4.00", **discounts)))
    assert (found.lines[0].unit_price, found.lines[0].discount, found.shipping) == (500, 100, 0)


def test_a_tax_that_is_told_before_the_discount() -> None:
    told = {"DISCOUNT": "2.00", "TAX": "1.00", "TAX_ITEM": "1.00", "TAX_DISCOUNT": "-0.20"}
    assert read("8.80", item(1, 1, kinds(ITEM="10.00", **told))).lines[0].tax == 80


def test_a_tip_counts_when_the_total_has_it() -> None:
    one = item(1, 1, kinds(ITEM="10.00"))
    tip = [{"type": "DELIVERY_TIP", "status": "PENDING", "subtotal": money("2.00")}]
    assert read("12.00", one, tips=tip).tips == 200
    assert read("10.00", one, tips=tip).tips == 0
    with pytest.raises(TotalsMismatchError):
        read("10.00", one, tips=[tip[0] | {"status": "FINALIZED"}])


def test_a_kind_that_is_new_is_a_fee() -> None:
    assert read("11.00", item(1, 1, kinds(ITEM="10.00", RECYCLING="1.00"))).fees == 100


def test_an_item_that_does_not_tell_it_brings_the_price_of_its_units() -> None:
    product = {"asin": "B0SAMPLE01", "price": {"unitPrice": money("29.99")}}
    found = read("59.98", item(1, 2, None, product=product))
    assert (found.lines[0].sku, found.lines[0].unit_price) == ("asin:B0SAMPLE01", 2999)


def test_yen_have_no_cents() -> None:
    assert read("1080", item(1, 1, kinds("JPY", ITEM="1080", TAX="98")), currency="JPY").total == 1080
    with pytest.raises(MalformedPayloadError):
        read("10.80", item(1, 1, kinds("JPY", ITEM="10.80")), currency="JPY")


def test_what_does_not_sum_is_refused_with_the_difference() -> None:
    with pytest.raises(TotalsMismatchError) as caught:
        read("10.01", item(1, 1, kinds(ITEM="10.00")))
    assert caught.value.context["difference"] == 1


@pytest.mark.parametrize(
    ("status", "state", "captured"),
    [
        ("UNSHIPPED", "authorized", 0),
        ("PARTIALLY_SHIPPED", "authorized", 0),
        ("SHIPPED", "paid", 1000),
        ("UNFULFILLABLE", "authorized", 0),
        ("A_NEW_WORD", "authorized", 0),
    ],
)
def test_it_is_paid_when_it_ships(status: str, state: str, captured: int) -> None:
    found = read("10.00", item(1, 1, kinds(ITEM="10.00")), status=status)
    assert (found.payment.state, found.payment.captured) == (state, captured)
    assert found.on_hold == ("unfulfillable" if status == "UNFULFILLABLE" else "")
    assert ("fulfillmentStatus", status) in found.status_words


@pytest.mark.parametrize("status", ["PENDING", "PENDING_AVAILABILITY"])
def test_an_order_that_awaits_its_payment_is_refused(status: str) -> None:
    with pytest.raises(InvalidInputError, match="awaits its payment"):
        read("10.00", item(1, 1, kinds(ITEM="10.00")), status=status)


def test_a_cancelled_order_with_its_prices() -> None:
    found = read("10.00", item(1, 2, kinds(ITEM="10.00")), status="CANCELLED")
    assert (found.cancelled, found.payment.state, found.total) == (True, "voided", 1000)
    assert [(line.quantity, line.cancelled) for line in found.lines] == [(2, 2)]


def test_a_cancelled_order_without_prices() -> None:
    found = read("", item(1, 2, None), item(2, 0, None), status="CANCELLED")
    assert (found.currency, found.total, found.payment.state) == ("USD", 0, "voided")
    assert [(line.quantity, line.cancelled, line.unit_price) for line in found.lines] == [(2, 2, 0), (1, 1, 0)]
    with pytest.raises(InvalidInputError, match="no total"):
        read("", item(1, 1, None), status="CANCELLED", salesChannel={"channelName": "NON_AMAZON"})
    with pytest.raises(InvalidInputError, match="no total"):
        read("", item(1, 1, None))


def test_an_item_of_no_units_is_left_out() -> None:
    found = read("10.00", item(1, 1, kinds(ITEM="10.00")), item(2, 0, kinds(ITEM="0.00")))
    assert [line.sku for line in found.lines] == ["SKU-1"]


@pytest.mark.parametrize(
    ("cancellation", "hold"),
    [
        ({"cancellationRequest": {"requester": "BUYER"}}, "the buyer asks to cancel"),
        ({"cancellationRequest": {"requester": "BUYER"}, "cancellationExecution": {"cancelledBy": "MERCHANT"}}, ""),
        ({}, ""),
    ],
)
def test_a_buyer_who_asks_to_cancel(cancellation: dict[str, Any], hold: str) -> None:
    one = item(1, 1, kinds(ITEM="10.00"), cancellation=cancellation)
    assert read("10.00", one).on_hold == hold
    assert read("10.00", one, status="SHIPPED").on_hold == ""


def test_what_amazon_ships_needs_no_shipping() -> None:
    assert not read("10.00", item(1, 1, kinds(ITEM="10.00")), by="AMAZON").lines[0].requires_shipping


def test_a_document_of_another_order_is_refused() -> None:
    with pytest.raises(MalformedPayloadError, match="another order"):
        whole(order("10.00", item(1, 1, kinds(ITEM="10.00"))), "114-5500101-7700102")


def test_amounts_of_two_currencies_are_refused() -> None:
    with pytest.raises(MalformedPayloadError, match="currency"):
        read("10.00", item(1, 1, kinds("EUR", ITEM="10.00")))


def test_the_contact_is_apart() -> None:
    contact = whole(order("10.00", item(1, 1, kinds(ITEM="10.00")))).contact
    assert (contact.name, contact.email) == ("Robin Placeholder", "robin.placeholder@marketplace.example")
    assert contact.shipping is not None
    assert contact.shipping.lines == ("12 Placeholder Court",)
