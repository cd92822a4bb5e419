"""Our own sample deliveries (events/channels, with the documents of events/sandbox) normalize as intended."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from oms.channels.registry import SOURCES, connector
from oms.domain.canonical import Normalized, NormalizedRefund, PaymentState, Restock, sum_parts
from oms.domain.errors import TotalsMismatchError
from oms.domain.inbound import InboundRequest, Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.channels.base import Connector, FetchRequest

EVENTS = Path(__file__).parents[2] / "events"
SAMPLES = sorted(path for path in (EVENTS / "channels").glob("*/*.json") if path.parent.name != "site")
KINDS = {
    "amazon/01-order-change-us-pending": NoticeKind.IGNORED,
    "amazon/02-order-change-us-unshipped": NoticeKind.FETCH,
    "amazon/03-order-change-de": NoticeKind.FETCH,
    "amazon/04-order-change-jp": NoticeKind.FETCH,
    "bigcommerce/01-order-created-us": NoticeKind.FETCH,
    "bigcommerce/02-order-status-updated-us": NoticeKind.FETCH,
    "bigcommerce/03-channel-order-updated-de": NoticeKind.FETCH,
    "bigcommerce/04-refund-created-gb": NoticeKind.FETCH,
    "bigcommerce/05-cart-converted": NoticeKind.IGNORED,
    "ebay/01-order-confirmation-us": NoticeKind.FETCH,
    "ebay/02-order-confirmation-us-second-line": NoticeKind.FETCH,
    "ebay/03-order-confirmation-de": NoticeKind.FETCH,
    "ebay/04-order-confirmation-gb": NoticeKind.FETCH,
    "ebay/05-account-deletion": NoticeKind.IGNORED,
    "etsy/01-order-paid-us": NoticeKind.FETCH,
    "etsy/02-order-paid-de": NoticeKind.FETCH,
    "etsy/03-order-shipped-gb": NoticeKind.FETCH,
    "etsy/04-listing-updated": NoticeKind.IGNORED,
    "magento/01-order-saved-us": NoticeKind.FETCH,
    "magento/02-order-saved-de": NoticeKind.FETCH,
    "magento/03-creditmemo-saved-gb": NoticeKind.FETCH,
    "magento/04-customer-saved": NoticeKind.IGNORED,
    "mercadolibre/01-order-paid-br": NoticeKind.FETCH,
    "mercadolibre/02-order-changed-br": NoticeKind.FETCH,
    "mercadolibre/03-order-refunded-mx": NoticeKind.FETCH,
    "mercadolibre/04-order-of-a-cart-cl": NoticeKind.FETCH,
    "mercadolibre/05-item-changed": NoticeKind.IGNORED,
    "meta-commerce/01-order-created-us": NoticeKind.FETCH,
    "meta-commerce/02-order-cancelled-in-part-us": NoticeKind.FETCH,
    "meta-commerce/03-order-refunded-us": NoticeKind.FETCH,
    "meta-commerce/04-feed-ready": NoticeKind.IGNORED,
    "shopify/01-orders-create-us-paid": NoticeKind.ORDER,
    "shopify/02-orders-create-de-tax-included": NoticeKind.ORDER,
    "shopify/03-orders-create-jp-yen": NoticeKind.ORDER,
    "shopify/04-orders-create-ca-authorized": NoticeKind.ORDER,
    "shopify/05-orders-updated-ca-paid": NoticeKind.ORDER,
    "shopify/06-orders-updated-us-address": NoticeKind.ORDER,
    "shopify/07-orders-create-fr": NoticeKind.ORDER,
    "shopify/08-orders-cancelled-fr": NoticeKind.ORDER,
    "shopify/09-refunds-create-us-one-tee": NoticeKind.REFUND,
    "shopify/10-orders-create-gb-unknown-sku": NoticeKind.ORDER,
    "shopify/11-orders-create-us-totals-do-not-add-up": NoticeKind.ORDER,
    "shopify/12-orders-updated-au-before-its-create": NoticeKind.ORDER,
    "shopify/13-orders-create-au-late": NoticeKind.ORDER,
    "shopify/14-orders-create-us-west-paid": NoticeKind.ORDER,
    "tiktok-shop/01-order-status-us": NoticeKind.FETCH,
    "tiktok-shop/02-recipient-address-us": NoticeKind.FETCH,
    "tiktok-shop/03-order-status-gb": NoticeKind.FETCH,
    "tiktok-shop/04-order-status-us-on-hold": NoticeKind.FETCH,
    "tiktok-shop/05-seller-deauthorization": NoticeKind.IGNORED,
    "walmart/01-order-updates-po-created-us": NoticeKind.FETCH,
    "walmart/02-po-created-us-east": NoticeKind.FETCH,
    "walmart/03-order-updates-new-word-us-west": NoticeKind.FETCH,
    "walmart/04-inventory-out-of-stock": NoticeKind.IGNORED,
    "woocommerce/01-ping": NoticeKind.PING,
    "woocommerce/02-order-created-gb": NoticeKind.ORDER,
    "woocommerce/03-order-updated-gb-paid": NoticeKind.ORDER,
    "woocommerce/04-order-updated-gb-refund": NoticeKind.ORDER,
    "woocommerce/05-order-created-fr-paid": NoticeKind.ORDER,
    "webhook/01-order-created-de": NoticeKind.ORDER,
    "webhook/02-order-updated-de": NoticeKind.ORDER,
    "webhook/03-order-created-does-not-add-up": NoticeKind.ORDER,
}
DOES_NOT_ADD_UP = {
    "shopify/11-orders-create-us-totals-do-not-add-up": 100,
    "webhook/03-order-created-does-not-add-up": -119,
}
"""By how much."""
DEMO_SKUS = {
    *("TEE-BLK-S", "TEE-BLK-M", "TEE-WHT-M", "MUG-01", "MUG-02", "LAMP-OAK", "CHAIR-ASH", "BAG-CANVAS", "NOTE-A5"),
    *("PEN-SET", "SOCK-3PK", "SCARF-WOOL", "BOTTLE-750", "HEADPHONE-BT", "KEYBOARD-JP", "PLANT-POT-M"),
}


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def _request(path: Path) -> InboundRequest:
    """A delivery as the player sends it: a text body as it is, any other as JSON."""
    sample = json.loads(path.read_text("utf-8"))
    text = sample["body"] if isinstance(sample["body"], str) else json.dumps(sample["body"])
    return InboundRequest(account="demo", headers=sample["headers"], body=text.encode())


def _serve(source: str, request: FetchRequest) -> dict[str, Any]:
    """A document as the vendor sandbox serves it."""
    if source in {"bigcommerce", "magento", "meta-commerce"}:
        return _part(source, request)
    if source in {"ebay", "walmart", "etsy"}:
        return _whole(source, request)
    if source == "mercadolibre":
        return _of_mercadolibre(request)
    if source == "tiktok-shop":
        file = EVENTS / "sandbox" / source / f"{request.query['ids']}.json"
    else:
        page = f"-{request.query['NextToken']}" if request.query else ""
        order = request.path.split("/")[4]
        file = EVENTS / "sandbox" / source / order / f"{request.name}{page}.json"
    document: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return document


def _whole(source: str, request: FetchRequest) -> dict[str, Any]:
    """An order that is one document, fractions as its adapter reads them."""
    text = (EVENTS / "sandbox" / source / f"{request.path.rpartition('/')[2]}.json").read_text("utf-8")
    kept: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return {"order": kept} if source == "walmart" else kept


def _part(source: str, request: FetchRequest) -> dict[str, Any]:
    """A part of the file in which the sandbox keeps an order with all that belongs to it."""
    ref = next((part for part in request.path.split("/") if part.isdigit()), "") or next(
        value for name, value in request.query.items() if name.endswith("[value]")
    )
    text = (EVENTS / "sandbox" / source / f"{ref}.json").read_text("utf-8")
    kept: dict[str, Any] = json.loads(text, parse_float=Decimal)
    found = kept[request.name]
    if isinstance(found, dict):
        return found
    whole = source == "meta-commerce" or request.name == "refunds"
    return {"data" if whole else "items": found, "total_count": len(found)}


def _of_mercadolibre(request: FetchRequest) -> dict[str, Any]:
    """An order, a shipment, or the refunds of a payment, of any file."""
    files = sorted((EVENTS / "sandbox" / "mercadolibre").glob("*.json"))
    orders = [json.loads(file.read_text("utf-8"), parse_float=Decimal) for file in files]
    _, *kind, ref = request.path.removesuffix("/refunds").split("/")
    if kind == ["v1", "payments"]:
        return {"items": [each for order in orders for each in order["refunds"] if str(each["payment_id"]) == ref]}
    part = {"orders": "order", "shipments": "shipment"}[kind[0]]
    (found,) = [order[part] for order in orders if str(order[part]["id"]) == ref]
    document: dict[str, Any] = found
    return document


def _fetch(source: str, notice: Notice) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    channel: Connector = connector(source)
    documents: dict[str, list[Mapping[str, Any]]] = {}
    for first in channel.fetches(notice):
        request: FetchRequest | None = first
        while request is not None:
            page = _serve(source, request)
            documents.setdefault(request.name, []).append(page)
            request = channel.next_page(request, page)
    return documents


def _read(name: str) -> Normalized | NormalizedRefund:
    source = name.partition("/")[0]
    request = _request(EVENTS / "channels" / f"{name}.json")
    notice = connector(source).identify(request)
    if notice.kind is NoticeKind.FETCH:
        return connector(source).assemble("demo", notice, _fetch(source, notice))
    return connector(source).normalize(request, notice)


def _order(name: str) -> Normalized:
    found = _read(name)
    assert isinstance(found, Normalized)
    return found


def test_every_sample_is_listed_and_every_listed_one_is_there() -> None:
    assert {_name(path) for path in SAMPLES} == set(KINDS)
    assert {path.parent.name for path in SAMPLES} == set(SOURCES)


@pytest.mark.parametrize("path", SAMPLES, ids=_name)
def test_a_sample_is_identified(path: Path) -> None:
    request = _request(path)
    notice = connector(path.parent.name).identify(request)
    assert notice.kind is KINDS[_name(path)]
    assert notice == connector(path.parent.name).identify(request)


def test_events_are_told_apart() -> None:
    ids = [(path.parent.name, connector(path.parent.name).identify(_request(path)).event_id) for path in SAMPLES]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind in {NoticeKind.ORDER, NoticeKind.FETCH}])
def test_an_order_adds_up_and_names_known_skus(name: str) -> None:
    if name in DOES_NOT_ADD_UP:
        with pytest.raises(TotalsMismatchError) as refusal:
            _read(name)
        assert refusal.value.context["difference"] == DOES_NOT_ADD_UP[name]
        return
    order = _order(name).order
    assert sum_parts(order) == order.total > 0
    unknown = {line.sku for line in order.lines} - DEMO_SKUS
    assert unknown == ({"TEE-RED-XL"} if name == "shopify/10-orders-create-gb-unknown-sku" else set())
    assert order.ship_to is not None


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind is not NoticeKind.PING])
def test_no_personal_data_is_in_the_order(name: str) -> None:
    if KINDS[name] not in {NoticeKind.ORDER, NoticeKind.FETCH} or name in DOES_NOT_ADD_UP:
        return
    found = _order(name)
    people = [found.contact, found.contact.shipping, found.contact.billing]
    told = {
        getattr(person, field)
        for person in people
        for field in ("name", "email", "phone", "note")
        if getattr(person, field, "")
    }
    told |= {line for person in people for line in getattr(person, "lines", ())}
    assert told
    assert not [text for text in told if len(text) > 2 and text in repr(found.order)]


def test_a_paid_order_with_tax_on_top() -> None:
    order = _order("shopify/01-orders-create-us-paid").order
    assert (order.currency, order.total, order.tax_included) == ("USD", 6881, False)
    assert order.payment.state is PaymentState.PAID
    assert order.payment.captured == order.total
    assert [line.discount for line in order.lines] == [480, 145]


def test_an_update_may_change_the_destination_alone() -> None:
    before = _order("shopify/01-orders-create-us-paid").order
    after = _order("shopify/06-orders-updated-us-address").order
    assert before.ship_to != after.ship_to
    assert (before.lines, before.total, before.payment) == (after.lines, after.total, after.payment)


def test_a_paid_order_with_tax_included() -> None:
    order = _order("shopify/02-orders-create-de-tax-included").order
    assert (order.currency, order.total, order.tax_included) == ("EUR", 48280, True)
    assert order.ship_to is not None
    assert order.ship_to.country == "DE"


def test_an_order_in_yen_has_no_minor_digits() -> None:
    assert _order("shopify/03-orders-create-jp-yen").order.total == 16340


def test_an_authorized_order_is_paid_later() -> None:
    before = _order("shopify/04-orders-create-ca-authorized").order
    after = _order("shopify/05-orders-updated-ca-paid").order
    assert (before.payment.state, before.payment.captured) == (PaymentState.AUTHORIZED, 0)
    assert (after.payment.state, after.payment.captured) == (PaymentState.PAID, after.total)
    assert before.external_id == after.external_id
    assert before.revision < after.revision
    assert before.duties == 925


def test_a_cancelled_order_is_refunded_in_full() -> None:
    order = _order("shopify/08-orders-cancelled-fr").order
    assert order.cancelled
    assert order.cancel_reason == "customer"
    assert [line.cancelled for line in order.lines] == [line.quantity for line in order.lines]
    assert order.payment.captured == order.total == sum(refund.amount for refund in order.refunds)


def test_a_refund_of_one_unit_says_that_it_never_left() -> None:
    found = _read("shopify/09-refunds-create-us-one-tee")
    assert isinstance(found, NormalizedRefund)
    order = _order("shopify/01-orders-create-us-paid").order
    assert (found.external_id, found.currency, found.refund.amount) == (order.external_id, "USD", 2352)
    (line,) = found.refund.lines
    assert (line.line_ref, line.quantity, line.restock) == (order.lines[0].line_ref, 1, Restock.CANCEL)
    assert found.refund.reason == ""


def test_an_update_may_come_before_its_create() -> None:
    first = _order("shopify/12-orders-updated-au-before-its-create").order
    second = _order("shopify/13-orders-create-au-late").order
    assert first.external_id == second.external_id
    assert first.revision > second.revision
    assert first.placed_at == second.placed_at


def test_a_woocommerce_order_is_paid_then_partly_refunded() -> None:
    first, second, third = (
        _order(f"woocommerce/{name}").order
        for name in ("02-order-created-gb", "03-order-updated-gb-paid", "04-order-updated-gb-refund")
    )
    assert [order.payment.state for order in (first, second, third)] == [
        PaymentState.PENDING,
        PaymentState.PAID,
        PaymentState.PARTIALLY_REFUNDED,
    ]
    assert third.payment.captured == third.total == 8340
    assert [refund.amount for refund in third.refunds] == [1440]
    assert first.lines[1].unit_price == 1334  # 40.00 over 3 units, rounded up: 0.02 more than told, taken as discount
    assert first.lines[1].net == 3600


def test_tiktok_orders_are_fetched() -> None:
    us, gb, held = (
        _order(f"tiktok-shop/{name}").order
        for name in ("01-order-status-us", "03-order-status-gb", "04-order-status-us-on-hold")
    )
    assert [order.payment.state for order in (us, gb, held)] == [PaymentState.PAID] * 3
    assert (us.total, us.fees, us.shipping) == (8018, 28, 399)
    assert len(us.lines) == 3
    assert held.on_hold
    assert not us.on_hold


def test_amazon_orders_are_fetched_page_by_page() -> None:
    us, de, jp = (
        _order(f"amazon/{name}").order
        for name in ("02-order-change-us-unshipped", "03-order-change-de", "04-order-change-jp")
    )
    assert [line.quantity for line in us.lines] == [1, 3, 2]
    assert [order.tax_included for order in (us, de, jp)] == [False, True, True]
    assert [order.currency for order in (us, de, jp)] == ["USD", "EUR", "JPY"]
    assert jp.lines[1].unit_price == 1801  # 3601 over 2 units
    assert jp.lines[1].net == 3601
    assert all(order.payment.state is PaymentState.AUTHORIZED for order in (us, de, jp))


def test_bigcommerce_orders_are_fetched_with_their_parts() -> None:
    us, later, de, gb = (
        _order(f"bigcommerce/{name}").order
        for name in (
            "01-order-created-us",
            "02-order-status-updated-us",
            "03-channel-order-updated-de",
            "04-refund-created-gb",
        )
    )
    assert us == later
    assert [(order.currency, order.total, order.tax_included) for order in (us, de, gb)] == [
        ("USD", 7074, False),
        ("EUR", 20110, True),
        ("GBP", 8195, True),
    ]
    assert [line.discount for line in us.lines] == [384, 116]
    assert ([line.tax for line in us.lines], us.shipping_tax) == ([353, 107], 64)
    assert (de.fees, de.fee_tax, de.gift_cards) == (250, 40, 2000)
    assert [order.payment.state for order in (us, de, gb)] == [
        PaymentState.PAID,
        PaymentState.AUTHORIZED,
        PaymentState.PARTIALLY_REFUNDED,
    ]
    (refund,) = gb.refunds
    assert (refund.refund_ref, refund.amount, refund.reason) == ("31", 3900, "")


def test_magento_orders_are_fetched_with_their_credit_memos() -> None:
    us, de, gb = (
        _order(f"magento/{name}").order for name in ("01-order-saved-us", "02-order-saved-de", "03-creditmemo-saved-gb")
    )
    assert [(order.currency, order.total, order.tax_included) for order in (us, de, gb)] == [
        ("USD", 7980, False),
        ("EUR", 2821, True),
        ("GBP", 17795, True),
    ]
    assert [line.sku for line in us.lines] == ["TEE-WHT-M", "BOTTLE-750"]  # of the variant's two items one is a line
    assert [line.sku for line in de.lines] == ["PEN-SET", "NOTE-A5"]  # what is in the bundle
    assert gb.gift_cards == 2000
    assert [(refund.refund_ref, refund.amount) for refund in gb.refunds] == [("31", 1200)]
    assert [line.line_ref for line in gb.refunds[0].lines] == ["32"]


def test_destinations_cover_the_demo() -> None:
    names = [name for name, kind in KINDS.items() if kind in {NoticeKind.ORDER, NoticeKind.FETCH}]
    places = {_order(name).order.ship_to for name in names if name not in DOES_NOT_ADD_UP}
    assert {place.country for place in places if place} == {"US", "CA", "DE", "GB", "FR", "JP", "AU", "BR", "MX", "CL"}
