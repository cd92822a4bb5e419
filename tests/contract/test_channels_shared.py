"""Every collected payload of the channels: normalized, ignored or refused with a type of ours, nothing else.

The lists below are complete, so that a payload which stops normalizing (or starts to) fails here.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from oms.channels import ebay
from oms.channels.listing import By, Span
from oms.channels.registry import connector, lister
from oms.domain.errors import InvalidInputError, OmsError, SignatureError
from oms.domain.inbound import InboundRequest, Notice, NoticeKind

SHARED = Path(__file__).parents[3] / "shared" / "payloads"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the collected payloads are not beside the repository")

SHOPIFY_NORMALIZED = {
    "rest-go-shopify-order",
    "rest-shopify_python_api-refund",
    "webhook-2023-01-orders.cancelled",
    "webhook-2023-01-orders.create",
    "webhook-2023-01-orders.fulfilled",
    "webhook-2023-01-orders.paid",
    "webhook-2023-01-orders.partially_fulfilled",
    "webhook-2023-01-refunds.create",
    "webhook-2024-10-orders.create",
    "webhook-2024-10-orders.paid",
    "webhook-2024-10-orders.updated",
    "webhook-itaka-orders.cancelled-HKD",
    "webhook-itaka-orders.create-HKD-dis2",
    "webhook-itaka-orders.create-HKD-dis3",
    "webhook-itaka-orders.create-HKD-no-discount",
}
SHOPIFY_REFUSED = {
    "rest-shopify_python_api-orders",  # no line
    "webhookdb-shopify_order-order-L507",  # money bags in another currency than the order's
    "webhookdb-shopify_order-order-L9",
}
WOOCOMMERCE_NORMALIZED = {
    "docs-v3_orders-L1213": 1,
    "docs-v3_orders-L1478": 2,
    "docs-v3_orders-L421": 1,
    "docs-wp-api-v2_orders-L1274": 1,
    "docs-wp-api-v2_orders-L454": 1,
    "docs-wp-api-v2_orders-L870": 2,
    "docs-wp-api-v3_orders-L1277": 1,
    "docs-wp-api-v3_orders-L2251": 3,
    "docs-wp-api-v3_orders-L454": 1,
    "docs-wp-api-v3_orders-L870": 2,
}


def _files(source: str) -> list[Path]:
    return sorted((SHARED / source).iterdir())


def _orders(document: Any) -> list[Any]:
    """The orders in a document of the vendor's documentation; the document itself when it holds none."""
    if isinstance(document, list):
        return document
    for key in ("orders", "create"):
        if isinstance(document.get(key), list):
            return [*document[key], *document.get("update", [])]
    return [document]


def _outcome(source: str, headers: dict[str, str], body: object) -> str:
    request = InboundRequest(account="a", headers=headers, body=json.dumps(body).encode())
    try:
        notice = connector(source).identify(request)
        if notice.kind in {NoticeKind.ORDER, NoticeKind.REFUND}:
            connector(source).normalize(request, notice)
    except InvalidInputError as refusal:
        return refusal.code
    return notice.kind


def test_shopify() -> None:
    found: dict[str, str] = {}
    for path in _files("shopify"):
        document = json.loads(path.read_text("utf-8"))
        topic = document.get("topic") if isinstance(document, dict) else None
        if topic is None:
            topic = "refunds/create" if "refund" in path.stem else "orders/create"
        if isinstance(document, dict):
            document = document.get("body") or document.get("order") or document.get("refund") or document
        for body in _orders(document):
            found[path.stem] = _outcome("shopify", {"x-shopify-topic": topic}, body)
    normalized = {name for name, outcome in found.items() if outcome in {"order", "refund"}}
    refused = {name for name, outcome in found.items() if outcome not in {"order", "refund", "ignored"}}
    rest = {name for name in found if name.startswith(("rest-", "kat-"))} - SHOPIFY_NORMALIZED
    assert normalized == SHOPIFY_NORMALIZED
    assert refused - rest == SHOPIFY_REFUSED - rest
    assert {found[name] for name in refused} == {"malformed_payload"}
    assert rest <= refused
    assert len(normalized) >= 15
    assert len(found) >= 79


def test_woocommerce() -> None:
    normalized: dict[str, int] = {}
    outcomes: dict[str, set[str]] = {}
    for path in _files("woocommerce"):
        document = json.loads(path.read_text("utf-8"))
        headers = document.get("headers", {}) if isinstance(document, dict) else {}
        document = document.get("body", document) if isinstance(document, dict) else document
        topic = headers.get("x-wc-webhook-topic", "order.updated")
        for body in _orders(document):
            outcome = _outcome("woocommerce", {"x-wc-webhook-topic": topic}, body)
            outcomes.setdefault(path.stem, set()).add(outcome)
            normalized[path.stem] = normalized.get(path.stem, 0) + (outcome == "order")
    assert {name: count for name, count in normalized.items() if count} == WOOCOMMERCE_NORMALIZED
    assert all(outcomes[name] == {"order"} for name in WOOCOMMERCE_NORMALIZED)
    others = {name: found for name, found in outcomes.items() if name not in WOOCOMMERCE_NORMALIZED}
    ignored = {name for name, found in others.items() if found == {"ignored"}}
    assert ignored == {"webhook-coupon.created", "webhook-coupon.restored", "webhook-product.created"}
    assert all(found == {"malformed_payload"} for name, found in others.items() if name not in ignored)
    assert len(outcomes) >= 23


def test_tiktok_shop() -> None:
    outcomes = {
        path.stem: _outcome("tiktok-shop", {}, json.loads(path.read_text("utf-8"))) for path in _files("tiktok-shop")
    }
    assert outcomes == {
        "order-detail-202309": "malformed_payload",
        "webhook-1-order-status-change": "fetch",
        "webhook-11-cancellation-status-change": "fetch",
        "webhook-3-recipient-address-update": "fetch",
        "webhook-6-seller-deauthorization": "ignored",
        "webhook-hmac-kat.raw": "fetch",
    }


def test_the_published_tiktok_order_does_not_add_up() -> None:
    order = json.loads((SHARED / "tiktok-shop" / "order-detail-202309.json").read_text("utf-8"))
    notice = Notice(kind=NoticeKind.FETCH, topic="order_status", event_id="1:1", external_id=order["id"])
    with pytest.raises(InvalidInputError) as refusal:
        connector("tiktok-shop").assemble("a", notice, {"orders": [{"code": 0, "data": {"orders": [order]}}]})
    assert refusal.value.code == "totals_mismatch"


def test_amazon_notifications() -> None:
    outcomes = {path.stem: _outcome("amazon", {}, json.loads(path.read_text("utf-8"))) for path in _files("amazon")}
    notifications = {name for name in outcomes if name.startswith("notification-")}
    order_change = "notification-OrderChangeNotification-0"
    assert {name for name, outcome in outcomes.items() if outcome == "fetch"} == {order_change}
    assert {name for name, outcome in outcomes.items() if outcome == "ignored"} == notifications - {order_change}
    assert {outcomes[name] for name in outcomes if name not in notifications} == {"malformed_payload"}
    assert len(outcomes) >= 58


def _amazon(order: Any, items: Any, external_id: str) -> str:
    notice = Notice(kind=NoticeKind.FETCH, topic="ORDER_CHANGE", event_id="1", external_id=external_id)
    try:
        connector("amazon").assemble("a", notice, {"order": [order], "items": [items]})
    except InvalidInputError as refusal:
        return refusal.code
    return "order"


def test_amazon_orders() -> None:
    load = {path.stem: json.loads(path.read_text("utf-8")) for path in _files("amazon")}
    items = load["ordersV0-getOrderItems-200-example"]
    pending, unshipped = load["ordersV0-getOrder-200-sandbox0"], load["ordersV0-getOrder-200-example"]
    if pending["payload"]["OrderStatus"] != "Pending":
        pending, unshipped = unshipped, pending
    for order in (pending, unshipped):
        assert _amazon(order, items, order["payload"]["AmazonOrderId"]) == "malformed_payload"  # items of another order
    external_id = items["payload"]["AmazonOrderId"]
    outcomes = []
    for order in (pending, unshipped):
        renamed = {"payload": {**order["payload"], "AmazonOrderId": external_id}}
        outcomes.append(_amazon(renamed, items, external_id))
    # the first has no prices yet; the second is in US dollars, its items in fractions of yen
    assert outcomes == ["invalid_input", "malformed_payload"]


def test_amazon_orders_of_version_2026() -> None:
    load = {path.stem: json.loads(path.read_text("utf-8")) for path in _files("amazon")}
    one = load["orders_2026-01-01-getOrder-200-example"]["order"]
    (another,) = load["orders_2026-01-01-searchOrders-200-example"]["orders"]
    totals = []
    for order in (one, another):
        notice = Notice(kind=NoticeKind.FETCH, topic="ORDER_CHANGE", event_id="1", external_id=order["orderId"])
        found = connector("amazon").assemble("a", notice, {"order": [{"order": order}]}).order
        taxes = sum(line.tax for line in found.lines) + found.shipping_tax
        totals.append((found.currency, found.total, found.shipping, taxes, found.tips, found.payment.captured))
    assert totals == [("GBP", 10397, 1000, 400, 0, 10397), ("USD", 15499, 0, 2, 500, 15499)]


BIGCOMMERCE_ORDERS = ("webhook-store.channel.1.order.updated", "webhook-store.order.created")


def test_bigcommerce_webhooks() -> None:
    outcomes: dict[str, str] = {}
    for path in _files("bigcommerce"):
        document = json.loads(path.read_text("utf-8"))
        body = document.get("body", document) if isinstance(document, dict) else document
        outcomes[path.stem] = _outcome("bigcommerce", {}, body)
    webhooks = {name for name in outcomes if name.startswith("webhook-")}
    fetched = {*BIGCOMMERCE_ORDERS, "webhook-store.order.statusUpdated"}
    assert {name for name, outcome in outcomes.items() if outcome == "fetch"} == fetched
    assert {name for name, outcome in outcomes.items() if outcome == "ignored"} == webhooks - fetched
    assert {outcomes[name] for name in outcomes if name not in webhooks} == {"malformed_payload"}
    assert len(outcomes) >= 23


def _bigcommerce(order: Any, products: Any) -> Any:
    notice = Notice(kind=NoticeKind.FETCH, topic="created", event_id="1", external_id=str(order["id"]))
    documents = {"order": [order], "products": [{"items": products}], "addresses": [], "refunds": [{"data": []}]}
    return connector("bigcommerce").assemble("a", notice, json.loads(json.dumps(documents), parse_float=Decimal)).order


def test_bigcommerce_publishes_no_order_that_is_complete() -> None:
    """Orders are there without their products, and products of an order that is not: the parts are of no total."""
    load = {path.stem: json.loads(path.read_text("utf-8")) for path in _files("bigcommerce")}
    (listed,) = load["api-orders.v2.oas2-get_orders-200-response"]
    products = load["api-orders.v2.oas2-get_orders_order_id_products-200-response"]
    for order in (listed, load["api-orders.v2.oas2-get_orders_order_id_-200-response"]):
        with pytest.raises(InvalidInputError) as refusal:
            _bigcommerce(order, [])
        assert refusal.value.code == "malformed_payload"
        with pytest.raises(InvalidInputError) as refusal:
            _bigcommerce(order, products)  # of another order
        assert refusal.value.code == "malformed_payload"
        with pytest.raises(InvalidInputError) as refusal:
            _bigcommerce({**order, "id": 149}, products)
        assert refusal.value.code == "totals_mismatch"
        assert refusal.value.context["difference"]


def test_the_products_that_bigcommerce_publishes_sum_to_a_total_of_their_own() -> None:
    load = {path.stem: json.loads(path.read_text("utf-8")) for path in _files("bigcommerce")}
    products = load["api-orders.v2.oas2-get_orders_order_id_products-200-response"]
    (listed,) = load["api-orders.v2.oas2-get_orders-200-response"]
    header = {"id": 149, "discount_amount": "1.5900", "total_tax": "9.2400", "total_inc_tax": "63.6400"}
    order = _bigcommerce({**listed, **header}, products)
    assert [(line.sku, line.unit_price, line.discount, line.tax) for line in order.lines] == [
        ("S-ORAN", 5599, 159, 924),
        ("ABS", 0, 0, 0),
    ]
    assert order.payment.state == "authorized"


def test_the_orders_that_bigcommerce_lists() -> None:
    listed = json.loads((SHARED / "bigcommerce" / "api-orders.v2.oas2-get_orders-200-response.json").read_text("utf-8"))
    lists = lister("bigcommerce")
    (entry,) = lists.entries({"items": listed})
    found = lists.listed(entry)
    assert found is not None
    assert (found.external_id, f"{found.placed_at:%Y-%m-%dT%H:%M:%SZ}") == ("100", "2018-01-10T21:05:30Z")
    assert (lists.told(entry).total, lists.told(entry).currency, lists.told(entry).refunded) == (36195, "USD", None)


def test_magento() -> None:
    outcomes: dict[str, str] = {}
    for path in _files("magento"):
        if path.suffix == ".json":
            outcomes[path.stem] = _outcome("magento", {}, json.loads(path.read_text("utf-8")))
    ignored = {"events-debugging-L84", "events-deployment-L511"}
    assert {name for name, outcome in outcomes.items() if outcome == "ignored"} == ignored
    assert {outcomes[name] for name in outcomes if name not in ignored} == {"malformed_payload"}
    assert len(outcomes) >= 27


def test_the_order_that_magento_publishes_leaves_items_out() -> None:
    text = (SHARED / "magento" / "webapi-order-create-order-L86.invalid.json.txt").read_text("utf-8")
    order = json.loads(re.sub(r",\s*\.\.\.", "", text), parse_float=Decimal)
    notice = Notice(kind=NoticeKind.FETCH, topic="t", event_id="1", external_id="3")
    with pytest.raises(InvalidInputError) as refusal:
        connector("magento").assemble("a", notice, {"order": [order]})
    assert (refusal.value.code, refusal.value.context["difference"]) == ("totals_mismatch", 13800)
    whole = {**order, "grand_total": 27, "total_due": 27}
    found = connector("magento").assemble("a", notice, {"order": [whole]})
    assert (found.order.total, found.order.shipping, found.order.payment.state) == (2700, 500, "pending")
    assert found.contact.email == "jdoe@example.com"


@pytest.mark.parametrize("kind", ["VALID", "INVALID", "ERROR"])
def test_ebays_known_answers(kind: str) -> None:
    """The SDK's own vectors: only the first is signed by the key that stands beside it, and the third has no key."""
    known = json.loads((SHARED / "ebay" / f"notification-signature-kat-{kind}.json").read_text("utf-8"))
    body = json.dumps(known["message"], separators=(",", ":"), ensure_ascii=False).encode()
    headers = {"x-ebay-signature": known["signature"]}
    keys = [known["response"]["key"]] if known["response"] else []
    for spelled in (body, json.dumps(known["message"], indent=2).encode()):
        request = InboundRequest(account="a", headers=headers, body=spelled)
        if kind == "VALID":
            connector("ebay").verify(request, ["a-verification-token", *keys], datetime.now(UTC))
            assert ebay.key_paths(request)[0].endswith(f"/{known['public_key']}")
            assert connector("ebay").identify(request).kind is NoticeKind.IGNORED
        else:
            with pytest.raises(SignatureError):
                connector("ebay").verify(request, ["a-verification-token", *keys], datetime.now(UTC))


def test_walmart() -> None:
    """The one order that is published, in two states; a list that is none of the API's own form; and no orders."""
    load = {path.stem.removeprefix("walmartMarketplace."): path.read_text("utf-8") for path in _files("walmart")}
    acknowledged = json.loads(load.pop("orders.acknowledgeOrder_purchaseOrderId_o"), parse_float=Decimal)
    (created,) = json.loads(load.pop("orders.getAllOrders_options_"), parse_float=Decimal)
    notice = Notice(kind=NoticeKind.FETCH, topic="t", event_id="1", external_id="1796277083022")
    found = [connector("walmart").assemble("a", notice, {"order": [it]}) for it in (acknowledged, {"order": created})]
    for each in found:
        order = each.order
        assert (order.currency, order.total, order.lines[0].unit_price, order.lines[0].tax) == ("USD", 1080, 1000, 80)
        assert (order.payment.state, order.cancelled, order.number) == ("authorized", False, "5281956426648")
        assert (order.lines[0].line_ref, order.lines[0].sku) == ("4", "test1")
        assert order.ship_to is not None
        assert (order.ship_to.country, order.ship_to.postal_code) == ("US", "13164")
    first, second = found[1].order, found[0].order
    assert first.revision < second.revision
    assert dict(first.status_words) == {"status": "Created", "orderType": "REPLACEMENT"}
    for name, text in load.items():
        assert _outcome("walmart", {}, json.loads(text)) == "malformed_payload", name
        with pytest.raises(InvalidInputError):
            connector("walmart").assemble("a", notice, {"order": [{"order": json.loads(text)}]})
    lists = lister("walmart")
    (entry,) = lists.entries({"list": {"elements": {"order": [created]}}})
    assert lists.told(entry).total == 1080


def test_etsy() -> None:
    """A real delivery is identified; receipts are published with placeholders alone, which no money can be read of."""
    load = {path.stem: json.loads(path.read_text("utf-8")) for path in _files("etsy")}
    delivery = load.pop("webhook-order.paid")
    body = json.dumps(delivery).encode()
    notice = connector("etsy").identify(InboundRequest(account="a", headers={"webhook-id": "msg_1"}, body=body))
    assert (notice.kind, notice.external_id, notice.event_id) == (NoticeKind.FETCH, "54321", "order.paid:msg_1")
    receipt = load["betsy-SINGLE_SHOP_RECEIPT"]
    asked = Notice(kind=NoticeKind.FETCH, topic="t", event_id="1", external_id="1")
    with pytest.raises(InvalidInputError) as refusal:
        connector("etsy").assemble("a", asked, {"order": [receipt]})
    assert refusal.value.code == "unknown_currency"  # "string"
    text = json.dumps(receipt).replace('"currency_code": "string"', '"currency_code": "USD"')
    with pytest.raises(InvalidInputError) as refusal:
        connector("etsy").assemble("a", asked, {"order": [json.loads(text)]})
    assert (refusal.value.code, refusal.value.context["path"]) == ("malformed_payload", "grandtotal.divisor")  # 0
    text = text.replace('"divisor": 0', '"divisor": 100').replace('"quantity": 0', '"quantity": 1')
    with pytest.raises(InvalidInputError) as refusal:
        connector("etsy").assemble("a", asked, {"order": [json.loads(text)]})
    assert (refusal.value.code, refusal.value.context["path"]) == ("malformed_payload", "country_iso")  # "string"
    whole = json.loads(text.replace('"country_iso": "string"', '"country_iso": "US"'))
    found = connector("etsy").assemble("a", asked, {"order": [whole]})
    assert (found.order.total, found.order.lines[0].sku) == (0, "product:1")
    with pytest.raises(InvalidInputError):
        connector("etsy").assemble("a", asked, {"order": [load["betsy-SINGLE_SHOP_RECEIPT_TRANSACTION"]]})


def test_mercadolibre() -> None:
    (path,) = _files("mercadolibre")
    order = json.loads(path.read_text("utf-8"), parse_float=Decimal)
    assert _outcome("mercadolibre", {}, json.loads(path.read_text("utf-8"))) == "malformed_payload"  # it is no notice
    notice = Notice(kind=NoticeKind.FETCH, topic="orders_v2", event_id="1", external_id="768570754")
    found = connector("mercadolibre").assemble("a", notice, {"order": [order]})
    assert (found.order.currency, found.order.total, found.order.placed_at) == (
        *("BRL", 49900),
        datetime(2013, 5, 27, 14, 1, 50, tzinfo=UTC),
    )
    assert [(line.line_ref, line.quantity, line.net) for line in found.order.lines] == [("MLB12345678", 1, 49900)]
    assert (found.order.payment.state, found.order.payment.captured) == ("paid", 49900)
    entry = lister("mercadolibre").entries({"results": [order]})[0]
    listed = lister("mercadolibre").listed(entry)
    assert listed is not None
    assert (listed.external_id, listed.updated_at) == ("768570754", found.order.revision)
    assert lister("mercadolibre").told(entry).total == 49900


def test_meta_publishes_no_order_with_the_prices_of_its_items() -> None:
    load = {path.stem: json.loads(path.read_text("utf-8")) for path in _files("meta-commerce")}
    assert set(load) == {
        *("doc-order-fields-list", "orders-response"),
        *("orders-response_with_next_page", "orders-response_with_no_orders"),
    }
    assert {_outcome("meta-commerce", {}, document) for document in load.values()} == {"malformed_payload"}
    (order,) = load["orders-response"]["data"]
    notice = Notice(kind=NoticeKind.FETCH, topic="orders", event_id="1", external_id=order["id"])
    items = order["items"]["data"]
    for found, reason in ((items, "an id is missing"), ([{**items[0], "id": "1"}], "a required field is missing")):
        with pytest.raises(InvalidInputError, match=reason):
            connector("meta-commerce").assemble("a", notice, {"order": [order], "items": [{"data": found}]})
    priced = {**items[0], "id": "1", "price_per_unit": {"amount": "1.00", "currency": "USD"}}
    whole = connector("meta-commerce").assemble("a", notice, {"order": [order], "items": [{"data": [priced]}]})
    assert (whole.order.total, whole.order.shipping_tax, whole.order.payment.state) == (219, 19, "authorized")
    with pytest.raises(InvalidInputError):  # an order in the list of another document tells no money
        connector("meta-commerce").assemble("a", notice, {"order": load["doc-order-fields-list"]["data"]})


def test_the_orders_that_meta_lists() -> None:
    load = {path.stem: json.loads(path.read_text("utf-8")) for path in _files("meta-commerce")}
    lists = lister("meta-commerce")
    (entry,) = lists.entries(load["orders-response"])
    listed, told = lists.listed(entry), None
    assert listed is not None
    assert (listed.external_id, f"{listed.updated_at:%Y-%m-%dT%H:%M:%SZ}") == (
        *("368508827392800", "2020-02-25T01:14:12Z"),
    )
    with pytest.raises(InvalidInputError):  # its items have no id
        told = lists.told(entry)
    assert told is None
    assert list(lists.entries(load["orders-response_with_no_orders"])) == []
    (request,) = lists.requests(By.UPDATED, Span(since=listed.updated_at, until=listed.updated_at))
    following = lists.next_page(request, load["orders-response_with_next_page"])
    assert following is not None
    cursor = load["orders-response_with_next_page"]["paging"]["cursors"]["after"]
    assert following.query == {**request.query, "after": cursor}
    assert lists.next_page(request, load["orders-response"]) is None


ALL = (
    *("shopify", "woocommerce", "tiktok-shop", "amazon", "bigcommerce", "magento"),
    *("ebay", "walmart", "etsy", "mercadolibre", "meta-commerce"),
)


@pytest.mark.parametrize("source", ALL)
def test_any_document_in_any_place_is_refused_with_a_type(source: str) -> None:
    """Documents of all channels, fetched by each of them for an order that they might be about."""
    refused = taken = 0
    for path in [file for name in ALL for file in _files(name) if file.suffix == ".json"]:
        document = json.loads(path.read_text("utf-8"))
        if not isinstance(document, dict):
            continue
        for external_id in {str(document.get("id")), "903-1671087-0812628", "576461413038785752"}:
            notice = Notice(kind=NoticeKind.FETCH, topic="t", event_id="e", external_id=external_id)
            places: dict[str, list[Any]] = {
                name: [document]
                for name in ("order", "orders", "items", "address", "buyerInfo", "products", "creditmemos")
            }
            try:
                connector(source).assemble("a", notice, places)
            except OmsError:
                refused += 1
            else:
                taken += 1
    assert refused > 100
    assert taken == {"woocommerce": 4, "mercadolibre": 1}.get(source, 0)
