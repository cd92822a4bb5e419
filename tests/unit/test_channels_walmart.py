"""Walmart: what a purchase order comes to, unit by unit, and which notifications it is read for."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.channels import walmart, walmart_list
from oms.channels.payload import Fields
from oms.domain.canonical import CanonicalOrder, Normalized, PaymentState, sum_parts
from oms.domain.errors import InvalidInputError, MalformedPayloadError
from oms.domain.inbound import InboundRequest, Notice, NoticeKind

NOTICE = Notice(kind=NoticeKind.FETCH, topic="PO_CREATED", event_id="1", external_id="1796")
PLACED = 1_795_262_400_000


def charge(kind: str, amount: Any, tax: Any = None, name: str = "x", currency: str = "USD") -> dict[str, Any]:
    found: dict[str, Any] = {"chargeType": kind, "chargeName": name}
    found["chargeAmount"] = {"currency": currency, "amount": amount}
    found["tax"] = None if tax is None else {"taxName": "Tax1", "taxAmount": {"currency": currency, "amount": tax}}
    return found


def states(*units: tuple[str, int]) -> dict[str, Any]:
    rows = [{"status": word, "statusQuantity": {"amount": str(count)}} for word, count in units]
    return {"orderLineStatus": rows}


def line(
    number: int = 1, quantity: Any = "1", charges: list[dict[str, Any]] | None = None, **changes: Any
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "lineNumber": str(number),
        "item": {"sku": f"SKU-{number}", "productName": "Thing"},
        "charges": {"charge": [charge("PRODUCT", 10, 0.8)] if charges is None else charges},
        "orderLineQuantity": {"unitOfMeasurement": "EACH", "amount": quantity},
        "statusDate": PLACED + 1000,
        "orderLineStatuses": states(("Created", int(quantity) if str(quantity).isdigit() else 1)),
    }
    return found | changes


def document(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    address = {"name": "Ada Lovelace", "address1": "1 A St", "city": "Austin", "state": "TX", "postalCode": "78701"}
    order = {
        "purchaseOrderId": "1796",
        "customerOrderId": "5281",
        "customerEmailId": "x@relay.example",
        "orderDate": PLACED,
        "shippingInfo": {"phone": "5125550100", "methodCode": "Value", "postalAddress": {**address, "country": "USA"}},
        "orderLines": {"orderLine": list(lines) or [line()]},
        "shipNode": {"type": "SellerFulfilled"},
    }
    read_: dict[str, Any] = json.loads(json.dumps(order | changes), parse_float=Decimal)
    return read_


def whole(*lines: dict[str, Any], **changes: Any) -> Normalized:
    return walmart.assemble("a", NOTICE, {"order": [{"order": document(*lines, **changes)}]})


def read(*lines: dict[str, Any], **changes: Any) -> CanonicalOrder:
    return whole(*lines, **changes).order


# ---------------------------------------------------------------- money


def test_every_kind_of_charge_has_its_place() -> None:
    charges = [
        charge("PRODUCT", 30, 2.4),
        charge("PRODUCT", -2.5, -0.2, "SubscriptionDiscount"),
        charge("SHIPPING", 5.99, 0.49),
        charge("FEE", 1, 0.08),
        charge("A_NEW_KIND", 0.25),
        charge("DISCOUNT", -1),
    ]
    order = read(line(1, "3", charges))
    (one,) = order.lines
    assert (one.quantity, one.unit_price, one.discount, one.tax, one.net) == (3, 1000, 350, 220, 2650)
    assert (order.shipping, order.shipping_tax, order.fees, order.fee_tax) == (599, 49, 125, 8)
    assert sum_parts(order) == order.total == 2650 + 220 + 648 + 133


def test_a_charge_is_for_all_units_of_its_line() -> None:
    order = read(line(1, "3", [charge("PRODUCT", 10)]))
    assert (order.total, order.lines[0].unit_price, order.lines[0].discount) == (1000, 334, 2)


def test_a_free_line_beside_another() -> None:
    assert [each.net for each in read(line(1), line(2, "1", [charge("PRODUCT", 0)])).lines] == [1000, 0]


amounts = st.integers(0, 10**6)


@given(st.lists(st.tuples(amounts, amounts, amounts, st.integers(1, 9)), min_size=1, max_size=5))
def test_amounts_are_read_to_the_cent(rows: list[tuple[int, int, int, int]]) -> None:
    def text(cents: int) -> Decimal:
        return Decimal(cents) / 100

    lines = [
        line(number, str(units), []) | {"charges": {"charge": [charge("PRODUCT", None), charge("SHIPPING", None)]}}
        for number, (*_, units) in enumerate(rows, 1)
    ]
    read_ = document(*lines)
    for each, (goods, tax, shipping, _) in zip(read_["orderLines"]["orderLine"], rows, strict=True):
        product, carriage = each["charges"]["charge"]
        product["chargeAmount"]["amount"], carriage["chargeAmount"]["amount"] = text(goods), text(shipping)
        product["tax"] = {"taxAmount": {"currency": "USD", "amount": text(tax)}}
    order = walmart.assemble("a", NOTICE, {"order": [{"order": read_}]}).order
    assert sum_parts(order) == order.total == sum(goods + tax + shipping for goods, tax, shipping, _ in rows)
    assert [each.net for each in order.lines] == [goods for goods, *_ in rows]


@pytest.mark.parametrize(
    "lines",
    [
        [line(charges=[])],
        [line(charges=[charge("PRODUCT", 10, currency="XYZ")])],
        [line(charges=[charge("PRODUCT", 10), charge("SHIPPING", 1, currency="CAD")])],
        [line(charges=[charge("PRODUCT", 10.001)])],
        [line(charges=[charge("PRODUCT", 10, -0.1)])],
        [line(charges=[charge("PRODUCT", 1), charge("PRODUCT", -2)])],
        [line(charges=[charge("SHIPPING", -1), charge("SHIPPING", 0), charge("PRODUCT", 10)])],
        [line(quantity="0")],
        [line(quantity="1.5")],
        [line(quantity="-1")],
        [line(quantity="\u0661")],
        [line(quantity="9" * 30)],
        [line(lineNumber=None)],
        [line(statusDate="today")],
        [line(statusDate=10**30)],
        [line(), line()],
    ],
)
def test_what_cannot_be_read_is_refused_by_type(lines: list[dict[str, Any]]) -> None:
    with pytest.raises(InvalidInputError):
        read(*lines)


@pytest.mark.parametrize("change", [{"orderDate": None}, {"orderDate": -1}, {"orderLines": {}}, {"orderLines": None}])
def test_an_order_that_cannot_be_read_is_refused_by_type(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        read(**change)


# ---------------------------------------------------------------- states of units


def test_the_payment_is_vouched_for_until_nothing_more_is_shipped() -> None:
    two = "2"
    created = read(line(1, two))
    partly = read(line(1, two, orderLineStatuses=states(("Shipped", 1), ("Acknowledged", 1))))
    shipped = read(line(1, two, orderLineStatuses=states(("Shipped", 1), ("Delivered", 1))))
    less = read(line(1, two, orderLineStatuses=states(("Shipped", 1), ("Cancelled", 1))))
    none = read(line(1, two, orderLineStatuses=states(("Cancelled", 2))))
    assert [each.payment.state for each in (created, partly, shipped, less, none)] == [
        PaymentState.AUTHORIZED,
        PaymentState.AUTHORIZED,
        PaymentState.PAID,
        PaymentState.PAID,
        PaymentState.VOIDED,
    ]
    assert [each.payment.captured for each in (shipped, less, none)] == [1080, 540, 0]
    assert [(each.lines[0].cancelled, each.cancelled) for each in (less, none)] == [(1, False), (2, True)]


def test_words_are_kept_and_unknown_ones_change_nothing() -> None:
    order = read(line(1, "1", orderLineStatuses=states(("Teleported", 1))), orderType="REPLACEMENT")
    assert order.status_words == (
        ("status", "Teleported"),
        ("orderType", "REPLACEMENT"),
        ("shipNodeType", "SellerFulfilled"),
    )
    assert (order.lines[0].cancelled, order.payment.state) == (0, PaymentState.AUTHORIZED)


def test_why_a_line_was_cancelled_and_that_the_buyer_wants_it() -> None:
    gone = states(("Cancelled", 1))
    gone["orderLineStatus"][0]["cancellationReason"] = "SELLER_CANCEL_OUT_OF_STOCK"
    assert read(line(orderLineStatuses=gone)).cancel_reason == "seller_cancel_out_of_stock"
    assert read(line(intentToCancel="TRUE")).on_hold == "the buyer asks to cancel"
    assert read(line(intentToCancel=True, orderLineStatuses=states(("Shipped", 1)))).on_hold == ""
    assert read(line(intentToCancel="FALSE")).on_hold == ""


def test_a_state_without_a_quantity_is_of_all_units() -> None:
    order = read(line(1, "3", orderLineStatuses={"orderLineStatus": [{"status": "Cancelled"}]}))
    assert (order.lines[0].cancelled, order.cancelled) == (3, True)


def test_refunds_are_by_id_over_lines() -> None:
    def refund(ref: Any, amount: float, tax: float) -> dict[str, Any]:
        charges = [{"refundReason": "BillingError", "charge": charge("PRODUCT", amount, tax)}]
        return {"refundId": ref, "refundComments": "for Ada", "refundCharges": {"refundCharge": charges}}

    one = line(1, refund=refund("7", -5, -0.4))
    two = line(2, refunds={"refund": [refund("7", -1, 0), refund(None, -2, 0)]})
    order = read(one, two)
    assert [(each.refund_ref, each.amount, each.reason) for each in order.refunds] == [
        ("7", 640, ""),
        ("line:2:2", 200, ""),
    ]
    assert (order.payment.state, order.payment.captured) == (PaymentState.PARTIALLY_REFUNDED, 2160)
    assert read(line(1, refund=refund("7", -10, -0.8))).payment.state is PaymentState.REFUNDED
    assert "Ada" not in repr(order)


@pytest.mark.parametrize("node", ["SellerFulfilled", "WFSFulfilled", "3PLFulfilled", "", "A_NEW_KIND"])
def test_what_walmart_ships_is_not_ours_to_ship(node: str) -> None:
    order = read(shipNode={"type": node})
    assert order.lines[0].requires_shipping is (node not in {"WFSFulfilled", "3PLFulfilled"})


def test_where_it_goes_and_who_it_is_for() -> None:
    found = whole()
    assert found.order.ship_to is not None
    assert (found.order.ship_to.country, found.order.ship_to.region, found.order.number) == ("US", "TX", "5281")
    assert (found.contact.name, found.contact.phone) == ("Ada Lovelace", "5125550100")
    assert found.contact.shipping is not None
    assert found.contact.shipping.country == "US"
    for text in ("Ada", "relay.example", "1 A St", "5125550100"):
        assert text not in repr(found.order)
    assert read(shippingInfo={"postalAddress": {"country": "PRI"}}).ship_to is not None
    assert read(shippingInfo=None).ship_to is None
    with pytest.raises(MalformedPayloadError):
        read(shippingInfo={"postalAddress": {"country": "XXX"}})


def test_a_list_tells_what_the_order_comes_to() -> None:
    told = walmart_list.told(Fields(document(line(1, "2"), line(2, "1", orderLineStatuses=states(("Cancelled", 1))))))
    assert (told.currency, told.total, told.cancelled, told.refunded) == ("USD", 2160, False, 0)


# ---------------------------------------------------------------- deliveries


def identify(kind: str, payload: Any) -> Notice:
    body = {
        "source": {"eventType": kind, "eventId": "e-1", "eventTime": "2026-11-21T12:00:41.120Z"},
        "payload": payload,
    }
    return walmart.identify(InboundRequest(account="a", headers={}, body=json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("kind", "payload", "topic"),
    [
        ("ORDER_UPDATES", {"subEventType": "PO_CREATED", "order": {"purchaseOrderId": "1796"}}, "PO_CREATED"),
        (
            "ORDER_UPDATES",
            {"meta": {"subEventType": "FRAUD_CANCEL"}, "order": {"purchaseOrderId": 1796}},
            "FRAUD_CANCEL",
        ),
        ("ORDER_UPDATES", {"subEventType": "A_NEW_ONE", "order": {"purchaseOrderId": "1796"}}, "A_NEW_ONE"),
        ("ORDER_UPDATES", {"order": {"purchaseOrderId": "1796"}}, "ORDER_UPDATES"),
        ("PO_CREATED", {"purchaseOrderId": "1796"}, "PO_CREATED"),
        ("INTENT_TO_CANCEL", {"purchaseOrderId": "1796"}, "INTENT_TO_CANCEL"),
    ],
)
def test_an_order_is_read_again(kind: str, payload: dict[str, Any], topic: str) -> None:
    notice = identify(kind, payload)
    assert (notice.kind, notice.external_id, notice.topic) == (NoticeKind.FETCH, "1796", topic)
    assert notice.event_id == f"{kind}:e-1"


def test_other_events_are_ignored() -> None:
    assert identify("INVENTORY_OOS", {"sku": "x"}).kind is NoticeKind.IGNORED


@pytest.mark.parametrize("payload", [{}, None, {"order": {}}, {"order": {"purchaseOrderId": "../1"}}, {"order": 7}])
def test_a_delivery_without_an_order_is_refused(payload: Any) -> None:
    with pytest.raises(MalformedPayloadError):
        identify("ORDER_UPDATES", payload)


def test_only_numbers_are_fetched_and_only_their_document_is_taken() -> None:
    assert [request.path for request in walmart.fetches(NOTICE)] == ["/v3/orders/1796"]
    for wrong in ("../1", "", "x"):
        with pytest.raises(MalformedPayloadError):
            walmart.fetches(Notice(kind=NoticeKind.FETCH, topic="t", event_id="1", external_id=wrong))
    with pytest.raises(MalformedPayloadError):
        read(purchaseOrderId="1797")
    with pytest.raises(MalformedPayloadError):
        walmart.assemble("a", NOTICE, {})
