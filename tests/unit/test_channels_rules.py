"""The channels' rules beside money: ids, cancelled units, holds, fetches, topics, the registry."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from oms.channels import (
    amazon,
    bigcommerce,
    ebay,
    etsy,
    magento,
    mercadolibre,
    meta_commerce,
    shopify,
    tiktok_shop,
    walmart,
    woocommerce,
)
from oms.channels.base import FetchRequest
from oms.channels.registry import CONNECTORS, connector
from oms.domain.canonical import MAX_LINES, Normalized
from oms.domain.errors import MalformedPayloadError, NotFoundError, TooManyLinesError
from oms.domain.inbound import InboundRequest, Notice, NoticeKind
from tests.unit.test_channels_money import shopify as shopify_order
from tests.unit.test_channels_money import woocommerce as woocommerce_order
from tests.unit.test_channels_money_fetched import amazon as amazon_order
from tests.unit.test_channels_money_fetched import tiktok as tiktok_order

if TYPE_CHECKING:
    from oms.channels.base import Connector

MODULES: list[Connector] = [
    *(shopify, woocommerce, tiktok_shop, amazon, bigcommerce, magento),
    *(ebay, walmart, etsy, mercadolibre, meta_commerce),
]


def _post(headers: dict[str, str], body: object) -> InboundRequest:
    return InboundRequest(account="a", headers=headers, body=json.dumps(body).encode())


def test_the_registry_knows_each_module_by_its_source() -> None:
    assert [connector(module.source) for module in MODULES] == MODULES
    assert set(CONNECTORS) == {module.source for module in MODULES}
    assert len(CONNECTORS) == 11
    with pytest.raises(NotFoundError):
        connector("carrier-pigeon")


def test_the_registry_loads_a_channel_when_it_is_asked_for() -> None:
    code = (
        "import sys; from oms.channels.registry import connector; connector('amazon');"
        "print(sorted(name for name in sys.modules if name.startswith('oms.channels.')))"
    )
    path = {"PYTHONPATH": str(Path(__file__).parents[2] / "layers" / "oms" / "python")}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=path)
    assert "oms.channels.amazon" in found.stdout
    assert "shopify" not in found.stdout


@pytest.mark.parametrize("module", MODULES)
def test_what_a_channel_does_not_do_is_refused_by_type(module: Connector) -> None:
    ping = Notice(kind=NoticeKind.PING, topic="ping", event_id="1", external_id="1")
    with pytest.raises(MalformedPayloadError):
        module.normalize(_post({}, {}), ping)
    with pytest.raises(MalformedPayloadError):
        module.assemble("a", ping, {})
    assert not module.fetches(ping)
    assert module.next_page(FetchRequest(name="order", path="/"), {}) is None


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        ("orders/create", NoticeKind.ORDER),
        ("orders/updated", NoticeKind.ORDER),
        ("orders/cancelled", NoticeKind.ORDER),
        ("orders/paid", NoticeKind.ORDER),
        ("orders/fulfilled", NoticeKind.ORDER),
        ("orders/partially_fulfilled", NoticeKind.ORDER),
        ("refunds/create", NoticeKind.REFUND),
        ("orders/edited", NoticeKind.IGNORED),
        ("orders/delete", NoticeKind.IGNORED),
        ("products/update", NoticeKind.IGNORED),
    ],
)
def test_shopify_topics(topic: str, kind: NoticeKind) -> None:
    body = {"id": 7, "order_id": 8, "updated_at": "2026-11-20T09:00:00Z"}
    notice = shopify.identify(_post({"shopify-topic": topic}, body))
    assert notice.kind is kind
    assert notice.external_id == {NoticeKind.ORDER: "7", NoticeKind.REFUND: "8"}.get(kind)


def test_shopify_event_ids() -> None:
    def known(body: dict[str, Any], **headers: str) -> str:
        named = {f"x-shopify-{key.replace('_', '-')}": value for key, value in headers.items()}
        return shopify.identify(_post(named, body)).event_id

    order = {"id": 7}
    first = known(order, topic="orders/create", event_id="e1", webhook_id="w1")
    assert first == known({"id": 7, "x": 1}, topic="orders/create", event_id="e1", webhook_id="w2")
    assert first != known(order, topic="orders/updated", event_id="e1")
    assert first != known({"id": 8}, topic="orders/create", event_id="e1")
    assert known(order, topic="orders/create", webhook_id="w1") != known(order, topic="orders/create", webhook_id="w2")
    assert known(order, topic="orders/create") == known(order, topic="orders/create")
    with pytest.raises(MalformedPayloadError):
        known(order)


def test_shopify_ids_over_2_to_the_53_come_from_the_gid() -> None:
    gid = {"id": 820982911946154500, "admin_graphql_api_id": "gid://shopify/Order/820982911946154508"}
    assert shopify.identify(_post({"x-shopify-topic": "orders/paid"}, gid)).external_id == "820982911946154508"
    assert shopify_order(**gid).external_id == "820982911946154508"


@pytest.mark.parametrize(
    ("line", "sku"),
    [
        ({"sku": " TEE-BLK-S "}, "TEE-BLK-S"),
        ({"sku": "CAFE\u0301"}, "CAFÉ"),
        ({"sku": "", "variant_id": 5}, "variant:5"),
        ({"sku": None, "variant_id": None}, "line:11"),
    ],
)
def test_shopify_skus(line: dict[str, Any], sku: str) -> None:
    assert shopify_order(lines=[line]).lines[0].sku == sku


def _refunded(restock: str, quantity: int) -> list[dict[str, Any]]:
    return [{"id": 5, "refund_line_items": [{"line_item_id": 11, "quantity": quantity, "restock_type": restock}]}]


def _shipped(quantity: int, status: str = "success") -> list[dict[str, Any]]:
    return [{"status": status, "line_items": [{"id": 11, "quantity": quantity}]}]


@pytest.mark.parametrize(
    ("current", "changes", "cancelled"),
    [
        (2, {}, 0),
        (1, {}, 1),  # removed by an edit
        (None, {}, 0),
        (0, {"refunds": _refunded("cancel", 2)}, 2),
        (None, {"refunds": _refunded("cancel", 1)}, 1),  # documents before current_quantity
        (1, {"refunds": _refunded("return", 1), "fulfillments": _shipped(2)}, 0),
        (0, {"refunds": _refunded("return", 1), "fulfillments": _shipped(1)}, 1),  # one back, one removed
        (1, {"refunds": _refunded("no_restock", 1)}, 1),  # refunded and never shipped
        (1, {"refunds": _refunded("no_restock", 1), "fulfillments": _shipped(2)}, 0),
        (0, {"refunds": _refunded("no_restock", 2), "fulfillments": _shipped(1)}, 1),
        (0, {"refunds": _refunded("no_restock", 2), "fulfillments": _shipped(2, "cancelled")}, 2),
        (1, {"refunds": _refunded("legacy_restock", 1), "fulfillments": _shipped(1)}, 0),
        (2, {"refunds": _refunded("return", 5)}, 0),
        (-3, {}, 2),
    ],
)
def test_shopify_cancelled_units(current: int | None, changes: dict[str, Any], cancelled: int) -> None:
    line = {"quantity": 2, "price": "5.00", "current_quantity": current}
    assert shopify_order(lines=[line], **changes).lines[0].cancelled == cancelled


def test_shopify_line_that_is_fulfilled_as_a_whole() -> None:
    line = {"quantity": 2, "price": "5.00", "current_quantity": 0, "fulfillment_status": "fulfilled"}
    assert shopify_order(lines=[line], refunds=_refunded("no_restock", 2)).lines[0].cancelled == 0


def test_shopify_keeps_status_words_but_no_prose() -> None:
    words = shopify_order(fulfillment_status="quite_new", cancel_reason="Jane Roe changed her mind").status_words
    assert words == (("financial_status", "paid"), ("fulfillment_status", "quite_new"), ("cancel_reason", "other"))


@pytest.mark.parametrize("country", ["Germany", "D", "D1", "ÄÖ"])
def test_a_country_must_be_a_code(country: str) -> None:
    with pytest.raises(MalformedPayloadError) as refusal:
        shopify_order(shipping_address={"country_code": country})
    assert refusal.value.context["path"] == "shipping_address.country_code"


def test_a_destination_may_be_missing_and_half_a_location_is_none() -> None:
    assert shopify_order().ship_to is None
    assert shopify_order(shipping_address={"zip": "1"}).ship_to is None
    place = shopify_order(shipping_address={"country_code": "de", "zip": "50667", "latitude": 50.9}).ship_to
    assert place is not None
    assert (place.country, place.postal_code, place.latitude) == ("DE", "50667", None)


def test_too_many_lines_are_refused_by_their_own_type() -> None:
    with pytest.raises(TooManyLinesError):
        shopify_order(lines=[{}] * (MAX_LINES + 1))


@pytest.mark.parametrize(
    ("topic", "body", "kind"),
    [
        ("order.created", {"id": 5, "line_items": []}, NoticeKind.ORDER),
        ("order.restored", {"id": 5, "line_items": []}, NoticeKind.ORDER),
        ("order.deleted", {"id": 5, "line_items": []}, NoticeKind.ORDER),
        ("order.deleted", {"id": 5}, NoticeKind.FETCH),
        ("order.created", {"id": 5, "status": "checkout-draft"}, NoticeKind.IGNORED),
        ("coupon.created", {"id": 5}, NoticeKind.IGNORED),
        ("action.woocommerce_add_to_cart", {"action": "x"}, NoticeKind.IGNORED),
    ],
)
def test_woocommerce_topics(topic: str, body: dict[str, Any], kind: NoticeKind) -> None:
    body = {**body, "date_modified_gmt": "2026-11-20T09:00:00"}
    assert woocommerce.identify(_post({"x-wc-webhook-topic": topic}, body)).kind is kind


def test_woocommerce_orders_of_one_second_share_a_delivery_id() -> None:
    headers = {"x-wc-webhook-topic": "order.created", "x-wc-webhook-delivery-id": "same"}
    one, other = ({"id": number, "date_modified_gmt": "2026-11-20T09:00:00"} for number in (5, 6))
    assert woocommerce.identify(_post(headers, one)).event_id != woocommerce.identify(_post(headers, other)).event_id


def test_woocommerce_reads_a_trashed_order_again() -> None:
    notice = woocommerce.identify(_post({"x-wc-webhook-topic": "order.deleted"}, {"id": 5}))
    (request,) = woocommerce.fetches(notice)
    assert request.path == "/wp-json/wc/v3/orders/5"
    line = {"id": 1, "quantity": 1, "total": "1.00"}
    document = {"id": 5, "status": "trash", "currency": "GBP", "total": "1.00", "line_items": [line]}
    document["date_created_gmt"] = "2026-11-20T09:00:00"
    found = woocommerce.assemble("a", notice, {request.name: [document]})
    assert (found.order.cancelled, found.order.cancel_reason) == (True, "trash")
    with pytest.raises(MalformedPayloadError):
        woocommerce.assemble("a", notice, {request.name: [{**document, "id": 6}]})
    with pytest.raises(MalformedPayloadError):
        woocommerce.fetches(Notice(kind=NoticeKind.FETCH, topic="t", event_id="e", external_id="../users"))


@pytest.mark.parametrize(
    ("line", "sku"),
    [
        ({"sku": "", "variation_id": 7, "product_id": 6}, "variant:7"),
        ({"sku": "", "variation_id": 0, "product_id": 6}, "product:6"),
        ({"sku": "", "product_id": 0}, "line:11"),
    ],
)
def test_woocommerce_skus(line: dict[str, Any], sku: str) -> None:
    assert woocommerce_order(lines=[line]).lines[0].sku == sku


def test_woocommerce_hold_and_titles() -> None:
    assert woocommerce_order(status="on-hold").on_hold == ""
    assert woocommerce_order(status="on-hold", date_paid_gmt="2026-11-20T09:00:00").on_hold == "on-hold"
    assert woocommerce_order(lines=[{"name": "Salt &amp; pepper &ndash; set"}]).lines[0].title == "Salt & pepper – set"


@pytest.mark.parametrize(
    ("number", "data", "kind", "external_id"),
    [
        (1, {"order_id": "576"}, NoticeKind.FETCH, "576"),
        (3, {"order_id": "576"}, NoticeKind.FETCH, "576"),
        (4, {"package_list": [{"order_id_list": ["576"]}]}, NoticeKind.FETCH, "576"),
        (4, {"package_list": [{"order_id_list": ["576", "577"]}]}, NoticeKind.IGNORED, None),
        (11, {"order_id": "576"}, NoticeKind.FETCH, "576"),
        (12, {"order_id": "576"}, NoticeKind.FETCH, "576"),
        (67, {"order_id": "576"}, NoticeKind.FETCH, "576"),
        (6, {}, NoticeKind.IGNORED, None),
        (999, {}, NoticeKind.IGNORED, None),
    ],
)
def test_tiktok_types(number: int, data: dict[str, Any], kind: NoticeKind, external_id: str | None) -> None:
    notice = tiktok_shop.identify(_post({}, {"type": number, "timestamp": 1795000000, "data": data}))
    assert (notice.kind, notice.external_id) == (kind, external_id)


@pytest.mark.parametrize("order_id", [None, "", "57/../6", "x", "5" * 31])
def test_tiktok_order_ids_are_numbers(order_id: str | None) -> None:
    with pytest.raises(MalformedPayloadError):
        tiktok_shop.identify(_post({}, {"type": 1, "data": {"order_id": order_id}}))


def test_tiktok_fetches_and_assembles_that_order_alone() -> None:
    notice = tiktok_shop.identify(_post({}, {"type": 1, "data": {"order_id": "576"}}))
    (request,) = tiktok_shop.fetches(notice)
    assert (request.path, request.query) == ("/order/202309/orders", {"ids": "576"})
    for document in ({"code": 0, "data": {"orders": [{"id": "577"}]}}, {"code": 105002, "message": "expired"}):
        with pytest.raises(MalformedPayloadError):
            tiktok_shop.assemble("a", notice, {"orders": [document]})


def test_tiktok_cancelled_units_holds_and_who_ships() -> None:
    total = {"total_amount": "20.00"}
    order = tiktok_order(total, [{"display_status": "CANCELLED"}, {}], is_buyer_request_cancel=True)
    assert [line.cancelled for line in order.lines] == [1, 0]
    assert order.on_hold == "the buyer asks to cancel"
    order = tiktok_order(total, [{}, {}], fulfillment_type="FULFILLMENT_BY_TIKTOK", is_on_hold_order=True)
    assert not any(line.requires_shipping for line in order.lines)
    assert order.on_hold == ""


def _change(**changes: Any) -> dict[str, Any]:
    change = {"AmazonOrderId": "111-1111111-1111111", "Summary": {"OrderStatus": "Unshipped"}, **changes}
    return {
        "NotificationType": "ORDER_CHANGE",
        "EventTime": "2026-11-20T09:00:00Z",
        "NotificationMetadata": {"NotificationId": "n1"},
        "Payload": {"OrderChangeNotification": change},
    }


def test_amazon_notices() -> None:
    assert amazon.identify(_post({}, _change())).kind is NoticeKind.FETCH
    waiting = amazon.identify(_post({}, _change(Summary={"OrderStatus": "Pending"})))
    assert (waiting.kind, waiting.topic) == (NoticeKind.IGNORED, "ORDER_CHANGE:Pending")
    other = {"notificationType": "FEED_PROCESSING_FINISHED", "notificationMetadata": {"notificationId": "n2"}}
    assert amazon.identify(_post({}, other)).kind is NoticeKind.IGNORED
    with pytest.raises(MalformedPayloadError):
        amazon.identify(_post({}, _change(AmazonOrderId="../../tokens")))


def test_amazon_pages_its_items_and_nothing_else() -> None:
    order, items, address, buyer = amazon.fetches(amazon.identify(_post({}, _change())))
    assert [request.path.rpartition("/")[2] for request in (items, address, buyer)] == [
        "orderItems",
        "address",
        "buyerInfo",
    ]
    more = {"payload": {"NextToken": "t2"}}
    page = amazon.next_page(items, more)
    assert page is not None
    assert page.query == {"NextToken": "t2"}
    assert amazon.next_page(page, {"payload": {}}) is None
    assert amazon.next_page(order, more) is None
    with pytest.raises(MalformedPayloadError):
        amazon.next_page(page, more)


def test_amazon_holds_and_who_ships() -> None:
    order = amazon_order("10.00", {"ItemPrice": "10.00"}, OrderStatus="Unfulfillable", FulfillmentChannel="AFN")
    assert order.on_hold == "unfulfillable"
    assert not order.lines[0].requires_shipping


def test_amazon_documents_must_be_of_the_order() -> None:
    notice = Notice(kind=NoticeKind.FETCH, topic="t", event_id="e", external_id="111-1111111-1111112")
    page = {"payload": {"AmazonOrderId": "111-1111111-1111111"}}
    for documents in ({}, {"order": [page]}):
        with pytest.raises(MalformedPayloadError, match="not fetched"):
            amazon.assemble("a", notice, documents)
    with pytest.raises(MalformedPayloadError, match="another order"):
        amazon.assemble("a", notice, {"order": [page], "items": [page]})


def test_personal_data_is_in_the_contact_alone() -> None:
    person = {"first_name": "Zelda", "last_name": "Quux", "address1": "1 Secret Lane", "phone": "+1 555 0100"}
    address = {**person, "country_code": "US", "province_code": "NY", "zip": "10001", "city": "Nowhere"}
    body = {
        "id": 1,
        "name": "#1",
        "currency": "USD",
        "created_at": "2026-11-20T09:00:00Z",
        "updated_at": "2026-11-20T09:00:00Z",
        "total_price": "1.00",
        "email": "zelda@example.com",
        "note": "ring twice",
        "shipping_address": address,
        "billing_address": address,
        "customer": person,
        "line_items": [{"id": 2, "quantity": 1, "price": "1.00"}],
    }
    request = _post({"x-shopify-topic": "orders/create"}, body)
    found = shopify.normalize(request, shopify.identify(request))
    assert isinstance(found, Normalized)
    for text in ("Zelda", "Quux", "Secret", "555", "example.com", "ring", "Nowhere"):
        assert text in repr(found.contact)
        assert text not in repr(found.order)
