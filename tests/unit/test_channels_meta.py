"""Meta's shops: who signed, what a delivery is about, and what an order comes to in each reading."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.channels import meta_commerce
from oms.domain.canonical import (
    CanonicalOrder,
    ChannelPayment,
    ChannelRefund,
    Contact,
    Normalized,
    PaymentState,
    RefundedLine,
    ShipTo,
    sum_parts,
)
from oms.domain.errors import (
    InvalidInputError,
    MalformedPayloadError,
    NotFoundError,
    SignatureError,
    TotalsMismatchError,
)
from oms.domain.inbound import InboundRequest, Notice, NoticeKind, SubscribedSender

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOTICE = Notice(kind=NoticeKind.FETCH, topic="orders", event_id="1", external_id="7")


# ---------------------------------------------------------------- signatures


def signed(body: bytes, header: str | None, *secrets: str) -> None:
    headers = {} if header is None else {"x-hub-signature-256": header}
    meta_commerce.verify(InboundRequest(account="a", headers=headers, body=body), secrets, NOW)


def mac(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_the_answer_that_is_published_for_this_header() -> None:
    """GitHub's webhooks have the same header; theirs is the only vector that anybody publishes."""
    known = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    signed(b"Hello, World!", known, "It's a Secret to Everybody")
    with pytest.raises(SignatureError):
        signed(b"Hello, World.", known, "It's a Secret to Everybody")


def test_the_bytes_are_signed_as_they_came_by_any_secret_in_rotation() -> None:
    body = b'{"name":"\\u00e9 \\/ \xc3\xa9"}'
    signed(body, mac("new", body), "old:verify", "new:verify")
    signed(body, mac("new", body), "new")
    for changed in (body.replace(b"\\/", b"/"), body.replace(b"\\u00e9", b"\xc3\xa9"), body + b"\n"):
        with pytest.raises(SignatureError):
            signed(changed, mac("new", body), "new:verify")


@pytest.mark.parametrize(
    "header", [None, "", "sha256=", "sha1=00", "é", mac("", b"{}"), mac("verify", b"{}"), mac("s", b"{}")[7:]]
)
def test_any_other_signature_is_refused(header: str | None) -> None:
    with pytest.raises(SignatureError):
        signed(b"{}", header, "s:verify", "", ":verify")
    with pytest.raises(SignatureError):
        signed(b"{}", mac("s", b"{}").upper(), "s:verify")


QUERY = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "meatyhamhock"}


def test_a_subscription_is_confirmed_for_who_knows_the_verify_token() -> None:
    assert isinstance(meta_commerce, SubscribedSender)
    assert meta_commerce.confirm(QUERY, ["other:token", "app:meatyhamhock"]) == "1158201444"


@pytest.mark.parametrize(
    ("change", "secrets"),
    [
        ({}, []),
        ({}, ["meatyhamhock", "meatyhamhock:other"]),
        ({"hub.verify_token": ""}, ["app:", "app", ""]),
        ({"hub.verify_token": "meatyhamhocK"}, ["app:meatyhamhock"]),
        ({"hub.mode": "unsubscribe"}, ["app:meatyhamhock"]),
        ({"hub.challenge": "<b>"}, ["app:meatyhamhock"]),
        ({"hub.challenge": ""}, ["app:meatyhamhock"]),
    ],
)
def test_any_other_subscription_is_not(change: dict[str, str], secrets: list[str]) -> None:
    with pytest.raises(NotFoundError):
        meta_commerce.confirm(QUERY | change, secrets)
    with pytest.raises(NotFoundError):
        meta_commerce.confirm({}, secrets)


# ---------------------------------------------------------------- deliveries


def identify(*changes: tuple[str, Any], **entry: Any) -> Notice:
    told = [{"field": field, "value": value} for field, value in changes]
    body = {"object": "commerce_account", "entry": [{"id": "19", "time": 1566839325, "changes": told} | entry]}
    return meta_commerce.identify(InboundRequest(account="a", headers={}, body=json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("orders", {"order_id": "7"}),
        ("commerce_orders", {"order_id": 7, "id": "99"}),
        ("order_update", {"order": {"id": "7"}}),
        ("commerce_order", {"id": "7", "order": "text"}),
    ],
)
def test_a_change_names_an_order(field: str, value: dict[str, Any]) -> None:
    found = identify((field, value))
    assert (found.kind, found.external_id, found.topic) == (NoticeKind.FETCH, "7", field)
    assert found.occurred_at == datetime.fromtimestamp(1566839325, UTC)


def test_a_delivery_that_comes_again_is_the_same_event() -> None:
    first = identify(("orders", {"order_id": "7", "state": "CREATED"}))
    assert identify(("orders", {"order_id": "7", "state": "CREATED"})).event_id == first.event_id
    others = [first, identify(("orders", {"order_id": "8"})), identify(("orders", {"order_id": "7"}), time=1566839326)]
    others.append(identify(("orders", {"order_id": "7"}), id="20"))
    assert len({each.event_id for each in others}) == len(others)


def test_what_is_about_no_order_or_about_several_is_left_to_polling() -> None:
    assert identify(("product_feed", {"id": "7"})).kind is NoticeKind.IGNORED
    assert identify().kind is NoticeKind.IGNORED
    assert identify(("orders", {"order_id": "7"}), ("orders", {"order_id": "8"})).kind is NoticeKind.IGNORED
    both = identify(("feed", {}), ("orders", {"order_id": "7"}), ("orders", {"order_id": "7"}))
    assert both.external_id == "7"


@pytest.mark.parametrize("value", [{}, {"order_id": "../me"}, {"id": "a"}, {"order_id": []}, {"order": {"id": None}}])
def test_a_change_of_an_order_that_names_none_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(MalformedPayloadError):
        identify(("orders", value))


# ---------------------------------------------------------------- orders


def usd(amount: str, currency: str = "USD") -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def item(number: int = 1, price: str = "10.00", tax: str | None = None, **changes: Any) -> dict[str, Any]:
    found = {"id": str(number), "retailer_id": f"SKU-{number}", "quantity": 1, "price_per_unit": usd(price)}
    return found | ({"tax_details": {"estimated_tax": usd(tax)}} if tax else {}) | changes


def promoted(*promotions: tuple[str, str]) -> dict[str, Any]:
    return {"data": [{"applied_amount": usd(amount), "sponsor": sponsor} for amount, sponsor in promotions]}


def cancelled(item_id: str, quantity: int, code: str = "OUT_OF_STOCK") -> dict[str, Any]:
    return {
        "id": "c",
        "items": {"data": [{"id": item_id, "quantity": quantity}]},
        "cancel_reason": {"reason_code": code},
    }


def read(
    *items: dict[str, Any],
    total: str = "10.00",
    shipping: str = "0.00",
    tax: str = "0.00",
    edges: dict[str, list[dict[str, Any]]] | None = None,
    **changes: Any,
) -> Normalized:
    order = {
        "id": "7",
        "order_status": {"state": "CREATED"},
        "created": "2026-11-21T16:00:00+00:00",
        "last_updated": "2026-11-21T16:25:00+00:00",
        "channel": "instagram",
        "estimated_payment_details": {
            "subtotal": {"items": usd("99.99"), "shipping": usd(shipping)},
            "tax": usd(tax),
            "total_amount": usd(total),
        },
        "shipping_address": {
            "name": "Kim",
            "street1": "1 Road",
            "state": "MA",
            "postal_code": "02110",
            "country": "US",
        },
        "buyer_details": {"name": "Kim Sample", "email": "relay@marketplace.facebook.example"},
    }
    documents: dict[str, Any] = {"order": [order | changes], "items": [{"data": list(items) or [item()]}]}
    documents |= {name: [{"data": entries}] for name, entries in (edges or {}).items()}
    return meta_commerce.assemble("a", NOTICE, json.loads(json.dumps(documents), parse_float=Decimal))


def test_items_shipping_and_tax_are_the_total() -> None:
    found = read(item(1, "20.00", "1.40", quantity=2), item(2, "0.00"), shipping="5.00", tax="1.75", total="46.75")
    order = found.order
    assert [(line.line_ref, line.sku, line.net, line.tax) for line in order.lines] == [
        ("1", "SKU-1", 4000, 140),
        ("2", "SKU-2", 0, 0),
    ]
    assert (order.shipping, order.shipping_tax, order.tax_included) == (500, 35, False)
    assert order.ship_to == ShipTo(country="US", region="MA", postal_code="02110")
    assert (found.contact.name, found.contact.email) == ("Kim Sample", "relay@marketplace.facebook.example")
    assert order.revision == datetime(2026, 11, 21, 16, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("total", "discount", "included"),
    [("8.60", 200, False), ("10.60", 0, False), ("7.60", 300, False), ("8.00", 200, True), ("7.00", 300, True)],
)
def test_the_reading_that_adds_up_decides_on_promotions_and_tax(total: str, discount: int, *, included: bool) -> None:
    promotions = promoted(("2.00", "merchant"), ("1.00", "facebook"))
    order = read(item(tax="0.60"), tax="0.60", total=total, promotion_details=promotions).order
    assert (order.lines[0].discount, order.tax_included) == (discount, included)
    assert sum_parts(order) == order.total


def test_promotions_fall_on_the_items_that_they_are_told_of_else_in_proportion() -> None:
    whole = promoted(("3.00", "merchant"))
    plain = read(item(1), item(2, "20.00"), total="27.00", promotion_details=whole).order
    assert [line.discount for line in plain.lines] == [100, 200]
    told = item(1, promotion_details=whole), item(2, "20.00")
    assert [line.discount for line in read(*told, total="27.00", promotion_details=whole).order.lines] == [300, 0]
    assert [line.discount for line in read(*told, total="27.00").order.lines] == [300, 0]


def test_tax_that_the_items_do_not_tell_is_of_shipping_and_too_little_is_refused() -> None:
    order = read(tax="0.80", total="10.80").order
    assert (order.lines[0].tax, order.shipping_tax) == (0, 80)
    with pytest.raises(TotalsMismatchError) as refusal:
        read(item(tax="1.00"), tax="0.80", total="10.80")
    assert refusal.value.context["difference"] == -20


@pytest.mark.parametrize(("total", "difference"), [("10.01", 1), ("9.99", -1), ("40.00", 3000)])
def test_a_total_that_no_reading_has_is_refused_with_the_difference(total: str, difference: int) -> None:
    with pytest.raises(TotalsMismatchError) as refusal:
        read(total=total)
    assert refusal.value.context["difference"] == difference


@pytest.mark.parametrize(
    "found",
    [
        {"price_per_unit": None},
        {"price_per_unit": usd("10.00", "EUR")},
        {"price_per_unit": usd("10.001")},
        {"price_per_unit": {"amount": "10.00"}},
        {"quantity": 0},
        {"quantity": "1"},
        {"id": None},
    ],
)
def test_items_that_cannot_be_read_are_refused(found: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        read(item(**found))


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 9), st.integers(0, 99)), min_size=1, max_size=6),
    st.integers(0, 9999),
)
def test_the_parts_of_an_order_sum_to_its_total(rows: list[tuple[int, int, int]], off: int) -> None:
    def text(minor: int) -> str:
        return f"{minor // 100}.{minor % 100:02d}"

    items = [
        item(number, text(price), text(tax), quantity=quantity) for number, (price, quantity, tax) in enumerate(rows, 1)
    ]
    gross, tax = sum(price * quantity for price, quantity, _ in rows), sum(row[2] for row in rows)
    off = min(off, gross)
    promotions = promoted((text(off), "merchant"))
    order = read(*items, tax=text(tax), total=text(gross - off + tax), promotion_details=promotions).order
    assert sum_parts(order) == order.total == gross - off + tax


# ---------------------------------------------------------------- status


def payment(state: str, **parts: Any) -> ChannelPayment:
    return read(item(quantity=2), total="20.00", order_status={"state": state}, **parts).order.payment


def test_meta_collects_as_goods_are_shipped() -> None:
    assert payment("FB_PROCESSING") == ChannelPayment(state=PaymentState.PENDING)
    assert payment("A_NEW_WORD") == ChannelPayment(state=PaymentState.PENDING)
    assert payment("CREATED").state is payment("IN_PROGRESS").state is PaymentState.AUTHORIZED
    assert payment("COMPLETED") == ChannelPayment(state=PaymentState.PAID, captured=2000)
    one = {"cancellations": [cancelled("1", 1)]}
    assert payment("COMPLETED", edges=one) == ChannelPayment(state=PaymentState.PAID, captured=1000)
    both = {"cancellations": [cancelled("1", 1), cancelled("1", 1)]}
    assert payment("COMPLETED", edges=both) == ChannelPayment(state=PaymentState.VOIDED)
    assert ("state", "A_NEW_WORD") in read(order_status={"state": "A_NEW_WORD"}).order.status_words


def test_an_order_without_anything_left_is_cancelled() -> None:
    def order(*entries: dict[str, Any], **changes: Any) -> CanonicalOrder:
        two = item(1, quantity=2), item(2)
        return read(*two, total="30.00", edges={"cancellations": list(entries)}, **changes).order

    part = order(cancelled("1", 2))
    assert (part.cancelled, part.cancel_reason, [line.cancelled for line in part.lines]) == (False, "", [2, 0])
    whole = order(cancelled("1", 2, ""), cancelled("2", 3, "CUSTOMER_REQUESTED"))
    assert (whole.cancelled, whole.cancel_reason) == (True, "customer_requested")
    assert [line.cancelled for line in whole.lines] == [2, 1]


def test_a_cancelled_order_tells_no_buyer() -> None:
    gone: dict[str, Any] = {"shipping_address": None, "buyer_details": None}
    found = read(edges={"cancellations": [cancelled("1", 1)]}, **gone)
    assert (found.order.ship_to, found.contact) == (None, Contact())


def refund(amount: str, **changes: Any) -> dict[str, Any]:
    found = {
        "id": "31",
        "refund_amount": {**usd(amount), "tax": "-1.02"},
        "refund_reason": {"reason_code": "WRONG_ITEM"},
    }
    return found | {"items": {"data": [{"id": "1", "quantity": 1}, {"id": "1"}]}} | changes


def test_refunds_are_of_the_orders_items() -> None:
    order = read(edges={"refunds": [refund("2.50")]}, order_status={"state": "COMPLETED"}).order
    lines = (RefundedLine(line_ref="1", quantity=1),)
    assert order.refunds == (ChannelRefund(refund_ref="31", amount=250, lines=lines, reason="wrong_item"),)
    assert order.payment == ChannelPayment(state=PaymentState.PARTIALLY_REFUNDED, captured=1000)
    whole = read(edges={"refunds": [refund("10.00")]}).order
    assert whole.payment == ChannelPayment(state=PaymentState.REFUNDED, captured=1000)


@pytest.mark.parametrize(
    "change",
    [
        {"refund_amount": usd("-1.00")},
        {"refund_amount": usd("1.00", "EUR")},
        {"items": {"data": [{"id": "9"}]}},
        {"id": None},
    ],
)
def test_refunds_that_cannot_be_read_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedPayloadError):
        read(edges={"refunds": [refund("1.00", **change)]})


def test_a_test_order_is_held() -> None:
    assert read(is_test_order=True).order.on_hold == "a test order"
    assert read().order.on_hold == ""


def test_what_has_no_sku_is_known_by_its_product() -> None:
    found = read(item(1, retailer_id=None, product_id="55"), item(2, retailer_id=""), total="20.00").order
    assert [line.sku for line in found.lines] == ["product:55", "line:2"]


# ---------------------------------------------------------------- what is fetched


def test_an_order_is_fetched_with_its_edges_page_by_page() -> None:
    order, items, *others = meta_commerce.fetches(NOTICE)
    assert (order.path, [each.path for each in others]) == ("/7", ["/7/cancellations", "/7/refunds"])
    page = {"data": [], "paging": {"cursors": {"after": "abc"}, "next": "https://elsewhere.example/?after=evil"}}
    following = meta_commerce.next_page(items, page)
    assert following is not None
    assert (following.path, following.query) == ("/7/items", {**items.query, "after": "abc"})
    assert meta_commerce.next_page(following, {"data": [], "paging": {"cursors": {"after": "abc"}}}) is None
    for stuck in (page, {"paging": {"next": "x"}}):
        with pytest.raises(MalformedPayloadError):
            meta_commerce.next_page(following, stuck)
    assert meta_commerce.next_page(order, page) is None


def test_a_document_of_another_order_is_refused() -> None:
    with pytest.raises(MalformedPayloadError):
        read(id="8")
    with pytest.raises(MalformedPayloadError):
        meta_commerce.assemble("a", NOTICE, {})
