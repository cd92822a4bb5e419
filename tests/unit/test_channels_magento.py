"""Magento: what an order comes to in either reading, which items are lines, and what events say."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from oms.channels import magento
from oms.domain.canonical import CanonicalOrder, PaymentState, RefundedLine, sum_parts
from oms.domain.errors import InvalidInputError, MalformedPayloadError, TotalsMismatchError
from oms.domain.inbound import InboundRequest, Notice, NoticeKind

NOTICE = Notice(kind=NoticeKind.FETCH, topic="t", event_id="1", external_id="3")


def item(number: int = 1, **changes: Any) -> dict[str, Any]:
    found = {
        "item_id": number,
        "product_id": 70 + number,
        "product_type": "simple",
        "sku": f"SKU-{number}",
        "name": "Thing",
        "qty_ordered": 1,
        "price": 10,
        "price_incl_tax": 11,
        "original_price": 10,
        "row_total": 10,
        "row_total_incl_tax": 11,
        "tax_amount": 1,
        "discount_amount": 0,
    }
    return found | changes


def mag(
    items: list[dict[str, Any]] | None = None,
    memos: list[dict[str, Any]] | None = None,
    extension: dict[str, Any] | None = None,
    **changes: Any,
) -> CanonicalOrder:
    address = {"firstname": "A", "lastname": "B", "country_id": "US", "region_code": "TX", "postcode": "78701"}
    order = {
        "entity_id": 3,
        "increment_id": "000000003",
        "state": "processing",
        "status": "processing",
        "created_at": "2026-11-21 12:00:00",
        "updated_at": "2026-11-21 12:05:00",
        "order_currency_code": "USD",
        "grand_total": 11,
        "tax_amount": 1,
        "total_paid": 11,
        "items": [item()] if items is None else items,
        "extension_attributes": {
            "shipping_assignments": [{"shipping": {"address": address | {"street": ["1 Main St", "Flat 2"]}}}],
            **(extension or {}),
        },
    }
    documents = {"order": [order | changes], "creditmemos": [{"items": memos, "total_count": 0}]}
    read = json.loads(json.dumps(documents), parse_float=Decimal)
    return magento.assemble("a", NOTICE, read).order


def test_prices_that_were_entered_without_tax() -> None:
    order = mag()
    assert (order.tax_included, order.total, order.number) == (False, 1100, "000000003")
    assert [(line.unit_price, line.tax) for line in order.lines] == [(1000, 100)]


def test_what_it_is_in_the_currency_of_the_shops_books() -> None:
    assert mag().countervalue is None
    assert mag(base_currency_code="USD", base_grand_total=11).countervalue is None
    kept = mag(base_currency_code="JPY", base_grand_total=1660, extension={"base_gift_cards_amount": 40}).countervalue
    assert kept is not None
    assert (kept.of, kept.currency, kept.total) == ("shop", "JPY", 1700)
    assert mag(base_currency_code="JPY", base_grand_total=1660.5).countervalue is None
    assert mag(base_currency_code="JPY").countervalue is None


def test_a_catalogue_price_with_tax_though_both_readings_add_up() -> None:
    order = mag([item(original_price=11)])
    assert (order.tax_included, order.lines[0].unit_price) == (True, 1100)


def test_a_discount_that_took_tax_off() -> None:
    """11.00 with tax less 2.20: net 8.00, tax 0.80; what the discount took of the tax is 0.20."""
    changes: dict[str, Any] = {
        "discount_amount": -2.2,
        "discount_tax_compensation_amount": 0.2,
        "tax_amount": 0.8,
        "grand_total": 8.8,
    }
    line = item(discount_amount=2.2, discount_tax_compensation_amount=0.2, tax_amount=0.8)
    order = mag([line], total_paid=8.8, **changes)
    assert (order.tax_included, order.lines[0].net, order.lines[0].tax) == (True, 880, 80)


def test_every_part_on_top() -> None:
    order = mag(
        [item(discount_amount=2, tax_amount=0.8, weee_tax_applied_row_amount=0.5)],
        extension={"gift_cards_amount": 3, "gw_price": 1.5, "gw_tax_amount": 0.15, "reward_currency_amount": 0.25},
        shipping_amount=5,
        shipping_incl_tax=5.5,
        shipping_tax_amount=0.4,
        shipping_discount_amount=1,
        discount_amount=-3,
        customer_balance_amount=0.75,
        tax_amount=1.35,
        grand_total=11.35,
        total_paid=11.35,
    )
    assert (order.shipping, order.shipping_tax, order.fees, order.fee_tax) == (400, 40, 200, 15)
    assert order.gift_cards == 400
    assert sum_parts(order) == order.total == 1535
    assert (order.payment.state, order.payment.captured) == (PaymentState.PAID, 1535)


@pytest.mark.parametrize(("total", "difference"), [(11.01, 1), (10.99, -1), (12, 100)])
def test_mismatch(total: float, difference: int) -> None:
    with pytest.raises(TotalsMismatchError) as refusal:
        mag(grand_total=total)
    assert refusal.value.context["difference"] == difference


def test_numbers_are_never_floats() -> None:
    order = mag([item(row_total=0.1, tax_amount=0.2)], tax_amount=0.2, grand_total=0.3, total_paid=0.3)
    assert (order.total, sum_parts(order)) == (30, 30)


def test_a_configurable_product_is_one_line() -> None:
    child = item(2, parent_item_id=1, sku="SKU-1-RED", row_total=0, row_total_incl_tax=0, tax_amount=0, price=0)
    order = mag([item(product_type="configurable", sku="SKU-1-RED"), child])
    assert [(line.line_ref, line.sku) for line in order.lines] == [("1", "SKU-1-RED")]


def test_a_dynamic_bundle_is_its_children_with_their_prices() -> None:
    parts = [
        item(2, parent_item_id=1, row_total=6, tax_amount=0.6),
        item(3, parent_item_id=1, row_total=4, tax_amount=0.4),
    ]
    order = mag([item(product_type="bundle", sku="SET-A-B", tax_amount=0), *parts])
    assert [(line.sku, line.net, line.tax) for line in order.lines] == [("SKU-2", 600, 60), ("SKU-3", 400, 40)]


def test_the_price_of_a_fixed_bundle_is_spread_over_what_is_in_it() -> None:
    free = {"parent_item_id": 1, "row_total": 0, "row_total_incl_tax": 0, "tax_amount": 0, "price": 0}
    parts = [item(2, qty_ordered=2, **free), item(3, **free)]
    order = mag([item(product_type="bundle"), *parts])
    assert [(line.sku, line.quantity, line.net, line.tax) for line in order.lines] == [
        ("SKU-2", 2, 667, 67),
        ("SKU-3", 1, 333, 33),
    ]


def test_a_child_whose_parent_is_not_told_is_a_line() -> None:
    assert [line.line_ref for line in mag([item(5, parent_item_id=4)]).lines] == ["5"]


@pytest.mark.parametrize(
    ("written", "units"),
    [(2, 2), (2.0, 2), ("2.0000", 2), (1.5, None), (0, None), (-1, None), ("x", None), (True, None)],
)
def test_quantities_are_whole_however_they_are_written(written: Any, units: int | None) -> None:
    if units is None:
        with pytest.raises(MalformedPayloadError):
            mag([item(qty_ordered=written)])
        return
    line = mag([item(qty_ordered=written, qty_canceled=1.0)]).lines[0]
    assert (line.quantity, line.cancelled, line.unit_price, line.net) == (units, 1, 500, 1000)


def test_what_is_shipped() -> None:
    lines = [item(1), item(2, product_type="downloadable"), item(3, is_virtual=1), item(4, is_virtual="1", sku="")]
    order = mag(lines, tax_amount=4, grand_total=44, total_paid=44)
    assert [line.requires_shipping for line in order.lines] == [True, False, False, False]
    assert order.lines[3].sku == "product:74"


@pytest.mark.parametrize(
    ("changes", "state", "captured"),
    [
        ({}, PaymentState.PAID, 1100),
        ({"total_paid": None}, PaymentState.AUTHORIZED, 0),
        ({"total_paid": 4}, PaymentState.AUTHORIZED, 400),
        ({"total_paid": None, "state": "new"}, PaymentState.PENDING, 0),
        ({"total_paid": None, "state": "pending_payment"}, PaymentState.PENDING, 0),
        ({"total_paid": None, "state": "a_new_word"}, PaymentState.PENDING, 0),
        ({"total_paid": None, "state": "holded"}, PaymentState.PENDING, 0),
        (
            {"total_paid": None, "state": "new", "payment": {"method": "cashondelivery"}},
            PaymentState.AUTHORIZED,
            0,
        ),
        ({"total_paid": None, "state": "canceled"}, PaymentState.VOIDED, 0),
        ({"total_refunded": 4}, PaymentState.PARTIALLY_REFUNDED, 1100),
        ({"total_refunded": 11, "state": "closed"}, PaymentState.REFUNDED, 1100),
    ],
)
def test_what_the_shop_says_of_the_money(changes: dict[str, Any], state: PaymentState, captured: int) -> None:
    order = mag(**changes)
    assert (order.payment.state, order.payment.captured) == (state, captured)
    assert order.cancelled == (changes.get("state") == "canceled")
    assert dict(order.status_words)["state"] == changes.get("state", "processing")


def test_an_order_that_is_free_or_wholly_paid_by_gift_card() -> None:
    free = mag(
        [item(row_total=0, row_total_incl_tax=0, tax_amount=0)],
        grand_total=0,
        tax_amount=0,
        total_paid=None,
        state="new",
    )
    assert (free.total, free.payment.state) == (0, PaymentState.PAID)
    carded = mag(grand_total=0, total_paid=None, state="new", extension={"gift_cards_amount": 11})
    assert (carded.total, carded.gift_cards) == (1100, 1100)
    assert (carded.payment.state, carded.payment.captured) == (PaymentState.PAID, 1100)


@pytest.mark.parametrize(
    ("state", "hold"), [("holded", "on hold in the channel"), ("payment_review", "payment review"), ("processing", "")]
)
def test_holds(state: str, hold: str) -> None:
    assert mag(state=state).on_hold == hold


def memo(number: int = 9, **changes: Any) -> dict[str, Any]:
    found = {"entity_id": number, "order_id": 3, "state": 2, "grand_total": 4.4, "order_currency_code": "USD"}
    return found | {"items": [{"order_item_id": 1, "qty": 1}, {"order_item_id": 99, "qty": 1}]} | changes


def test_credit_memos_that_were_paid_out() -> None:
    order = mag(memos=[memo(), memo(10, state=3), memo(11, state=1)])
    (refund,) = order.refunds
    assert (refund.refund_ref, refund.amount) == ("9", 440)
    assert refund.lines == (RefundedLine(line_ref="1", quantity=1),)
    assert order.payment.state is PaymentState.PARTIALLY_REFUNDED
    for wrong in ({"order_id": 4}, {"grand_total": -1}, {"order_currency_code": "EUR"}):
        with pytest.raises(MalformedPayloadError):
            mag(memos=[memo(**wrong)])


def test_an_order_goes_to_one_address() -> None:
    home = {"country_id": "US", "postcode": "78701", "street": ["1 Main St"]}
    twice = [{"shipping": {"address": address}} for address in (home, home)]
    assert mag(extension={"shipping_assignments": twice}).ship_to is not None
    apart = [{"shipping": {"address": address}} for address in (home, {**home, "postcode": "10001"})]
    with pytest.raises(MalformedPayloadError):
        mag(extension={"shipping_assignments": apart})
    assert mag(extension={"shipping_assignments": []}).ship_to is None


@pytest.mark.parametrize(
    "changes",
    [
        {"created_at": None},
        {"created_at": "soon"},
        {"order_currency_code": "XYZ"},
        {"grand_total": None},
        {"grand_total": 11.001},
        {"entity_id": 4},
        {"items": []},
        {"items": [item(row_total=-1, row_total_incl_tax=-1)]},
        {"items": [item(), item()]},
    ],
)
def test_what_cannot_be_read_is_refused_by_type(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        mag(**changes)


# ---------------------------------------------------------------- events


def identify(kind: str, value: Any, **changes: Any) -> Notice:
    body = {"id": "e-1", "type": kind, "time": "2026-11-21T12:00:41.200Z", "data": {"value": value}, **changes}
    return magento.identify(InboundRequest(account="a", headers={}, body=json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("event", "value"),
    [
        ("sales_order_save_commit_after", {"entity_id": "3"}),
        ("sales_order_save_after", {"entity_id": 3, "order_id": 5}),
        ("sales_order_place_after", {"id": 3}),
        ("sales_order_invoice_save_after", {"entity_id": 8, "order_id": 3}),
        ("sales_order_creditmemo_save_commit_after", {"entity_id": 8, "order_id": "3"}),
        ("sales_order_shipment_save_after", {"entity_id": 8, "order_id": 3}),
    ],
)
def test_an_order_is_read_again(event: str, value: dict[str, Any]) -> None:
    notice = identify(f"com.adobe.commerce.observer.{event}", value)
    assert (notice.kind, notice.external_id, notice.event_id, notice.topic) == (NoticeKind.FETCH, "3", "e-1", event)
    assert notice.occurred_at is not None


@pytest.mark.parametrize(
    "kind", ["com.adobe.commerce.observer.customer_save_after", "com.adobe.commerce.plugin.sales.api", "x", "observer."]
)
def test_other_events_are_ignored(kind: str) -> None:
    assert identify(kind, {"entity_id": 3}).kind is NoticeKind.IGNORED


@pytest.mark.parametrize("value", [{}, None, [], {"entity_id": "x"}, {"entity_id": "3/.."}, {"order_id": 3}])
def test_an_event_that_does_not_tell_the_order_is_refused(value: Any) -> None:
    with pytest.raises(MalformedPayloadError):
        identify("com.adobe.commerce.observer.sales_order_save_commit_after", value)


def test_what_is_fetched_and_how_pages_follow() -> None:
    order, memos = magento.fetches(NOTICE)
    assert (order.path, dict(order.query)) == ("/rest/V1/orders/3", {})
    assert memos.path == "/rest/V1/creditmemos"
    assert memos.query["searchCriteria[filter_groups][0][filters][0][value]"] == "3"
    assert magento.next_page(order, {"total_count": 500}) is None
    following = magento.next_page(memos, {"total_count": 101})
    assert following is not None
    assert magento.next_page(following, {"total_count": 101}) is None
    for external_id in ("../3", "", "x"):
        with pytest.raises(MalformedPayloadError):
            magento.fetches(Notice(kind=NoticeKind.FETCH, topic="t", event_id="1", external_id=external_id))
