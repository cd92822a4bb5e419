"""Mercado Libre's order, shipment and refund documents.

Rules: https://developers.mercadolibre.com.ar/en_us/manage-sales. Amounts are JSON numbers in `currency_id`.

    total_amount = sum of unit_price * quantity             (the vendor's identity; prices include their taxes)
    our total    = total_amount + shipping that the buyer pays + taxes.amount

Shipping is told by the payments (`shipping_cost`), since a shipment may be of several orders of one cart; those that
failed are left out, unless there are no others. `full_unit_price` is before the seller's own discount. What a coupon
takes off is settled by Mercado Libre outside the order, as are its fees and the interest of instalments: the order is
what the seller sold.

An order line has no id: it is the item and its variation, which an order has once. Orders that Mercado Libre ships from
its own warehouse (`fulfillment`) need no shipping of ours. One with the tag `fraud_risk_detected` must not be shipped.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from oms.channels.payload import Fields, clean_sku
from oms.channels.places import join_name, read_postal, read_ship_to
from oms.domain.canonical import (
    CanonicalLine,
    CanonicalOrder,
    ChannelPayment,
    ChannelRefund,
    Contact,
    Normalized,
    PaymentState,
    check_order,
)
from oms.domain.errors import MalformedPayloadError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

CANCELLED: Final = frozenset({"cancelled", "invalid"})
_PAID: Final = frozenset({"paid", "partially_refunded", "pending_cancel"})
_PARTLY_PAID: Final = "partially_paid"
_COLLECTED: Final = frozenset({"approved", "in_mediation", "refunded", "charged_back"})
"""Payments that went through, whatever became of the money then."""
_FAILED: Final = frozenset({"rejected", "cancelled"})
_APPROVED: Final = "approved"
_FRAUD: Final = "fraud_risk_detected"
_THEIRS: Final = "fulfillment"
_STATE: Final = re.compile(r"[A-Z]{2}-([A-Z0-9]{1,3})", re.ASCII)
_TIMES: Final = ("last_updated", "date_last_updated", "date_closed")
_NOTE: Final = 2000


def read_order(body: Fields, shipment: Fields, refunds: Sequence[Fields], *, source: str, account: str) -> Normalized:
    """The order as canonical; `shipment` is without fields when there is none. Raises the InvalidInputError family."""
    currency = body.currency("currency_id")
    placed_at, revision = times(body)
    status = body.word("status")
    total = read_total(body, currency)
    external_id = body.identifier("id")
    logistic = shipment.child("logistic").word("type") or shipment.word("logistic_type")
    address = _address(shipment)
    given = _refunds(body, refunds, currency)
    order = CanonicalOrder(
        source=source,
        account=account,
        external_id=external_id,
        number=external_id,
        revision=revision,
        placed_at=placed_at,
        currency=currency,
        lines=_lines(body, currency, ours=logistic != _THEIRS),
        total=total,
        tax_included=True,
        shipping=_shipping(body, currency),
        fees=body.child("taxes").money("amount", currency),
        ship_to=read_ship_to(
            address,
            country="country",
            region="region",
            postal_code="postal_code",
            latitude=address.coordinate("latitude", 90),
            longitude=address.coordinate("longitude", 180),
        ),
        shipping_method=_method(shipment),
        payment=_payment(body, status, total, sum(refund.amount for refund in given)),
        cancelled=status in CANCELLED,
        cancel_reason=_reason(body, status),
        on_hold=_hold(body, status),
        refunds=given,
        status_words=_words(body, shipment, status, logistic),
    )
    return Normalized(order=check_order(order), contact=_contact(body, address))


def times(body: Fields) -> tuple[datetime, datetime]:
    """When it was placed, and last changed: the latest that the document tells. Raises MalformedPayloadError."""
    placed_at = body.moment("date_created")
    if placed_at is None:
        raise body.refuse("date_created", "the order has no time of creation")
    told = [moment for key in _TIMES if (moment := body.moment(key)) is not None]
    return placed_at, max([placed_at, *told])


# ---------------------------------------------------------------- money


def read_total(body: Fields, currency: str) -> int:
    """What the buyer owes for the order."""
    taxes = body.child("taxes").money("amount", currency)
    return body.money("total_amount", currency, None) + _shipping(body, currency) + taxes


def told_refunds(body: Fields, currency: str) -> int:
    """What went back, as the order itself sums it up."""
    return sum(each.money("transaction_amount_refunded", currency) for each in body.children("payments"))


def is_refunded(payment: Fields) -> bool:
    """Did any of it go back?"""
    return payment.word("status") == "refunded" or payment.fine("transaction_amount_refunded") != 0


def _shipping(body: Fields, currency: str) -> int:
    payments = body.children("payments")
    for each in payments:
        if each.has("currency_id") and each.currency("currency_id") != currency:
            raise each.refuse("currency_id", "a payment is in another currency than its order")
    costs = [each.money("shipping_cost", currency) for each in payments if each.word("status") not in _FAILED]
    return sum(costs) if costs else max((each.money("shipping_cost", currency) for each in payments), default=0)


def _lines(body: Fields, currency: str, *, ours: bool) -> tuple[CanonicalLine, ...]:
    lines = []
    seen: Counter[str] = Counter()
    for entry in body.children("order_items"):
        item = entry.child("item")
        if entry.has("currency_id") and entry.currency("currency_id") != currency:
            raise entry.refuse("currency_id", "a line is in another currency than its order")
        item_id, variation = item.identifier("id"), item.optional_identifier("variation_id")
        line_ref = f"{item_id}:{variation}" if variation else item_id
        seen[line_ref] += 1
        quantity = entry.integer("quantity")
        price = entry.money("unit_price", currency, None)
        full = max(entry.money("full_unit_price", currency, price), price)
        fallback = f"variant:{variation}" if variation else f"product:{item_id}"
        lines.append(
            CanonicalLine(
                line_ref=line_ref if seen[line_ref] == 1 else f"{line_ref}:{seen[line_ref]}",
                sku=clean_sku(item.text("seller_sku") or item.text("seller_custom_field")) or fallback,
                quantity=quantity,
                unit_price=full,
                discount=(full - price) * quantity,
                title=item.text("title"),
                requires_shipping=ours,
            )
        )
    return tuple(lines)


def _refunds(body: Fields, entries: Sequence[Fields], currency: str) -> tuple[ChannelRefund, ...]:
    """Those that were made; ones that wait or failed are none."""
    payments = {each.identifier("id"): each for each in body.children("payments") if is_refunded(each)}
    refunds = []
    for entry in entries:
        if entry.identifier("payment_id") not in payments:
            raise MalformedPayloadError("a refund is of another order")
        amount = entry.money("amount", currency, None)
        if amount < 0:
            raise entry.refuse("amount", "a refund is negative")
        if entry.word("status") in {_APPROVED, ""} and amount:
            refunds.append(ChannelRefund(refund_ref=entry.identifier("id"), amount=amount))
    if payments.keys() - {entry.identifier("payment_id") for entry in entries}:
        raise MalformedPayloadError("the refunds of a payment are not in the fetched documents")
    return tuple(refunds)


def _payment(body: Fields, status: str, total: int, refunded: int) -> ChannelPayment:
    """Mercado Pago holds the money; an unknown status is PENDING: nothing ships on it."""
    currency = body.currency("currency_id")
    collected = [each for each in body.children("payments") if each.word("status") in _COLLECTED]
    if status == _PARTLY_PAID:
        part = sum(each.money("transaction_amount", currency) for each in collected)
        return ChannelPayment(state=PaymentState.PENDING, captured=max(0, min(part, total)))
    if status in CANCELLED and not collected:
        return ChannelPayment(state=PaymentState.VOIDED)
    if status not in _PAID | CANCELLED:
        return ChannelPayment(state=PaymentState.PENDING)
    state = PaymentState.PAID
    if refunded:
        whole = refunded >= total or all(each.word("status") == "refunded" for each in collected)
        state = PaymentState.REFUNDED if whole else PaymentState.PARTIALLY_REFUNDED
    return ChannelPayment(state=state, captured=max(total, refunded))


# ---------------------------------------------------------------- the rest


def _reason(body: Fields, status: str) -> str:
    """Mercado Libre's code of it (`cancel_detail`), else the status."""
    if status not in CANCELLED:
        return ""
    return (body.child("cancel_detail").word("code") or status).lower()


def _hold(body: Fields, status: str) -> str:
    tags = body.values.get("tags")
    if isinstance(tags, list) and _FRAUD in tags:
        return "the channel sees a risk of fraud"
    if any(each.word("status") == "charged_back" for each in body.children("payments")):
        return "a payment was charged back"
    return "a cancellation is pending in the channel" if status == "pending_cancel" else ""


def _words(body: Fields, shipment: Fields, status: str, logistic: str) -> tuple[tuple[str, str], ...]:
    """`pack_id` is the cart that the order was bought in: what seller and buyer see as the number of the sale."""
    words = (
        ("status", status),
        ("shipment_status", shipment.word("status")),
        ("shipment_substatus", shipment.word("substatus")),
        ("logistic_type", logistic),
        ("pack_id", body.word("pack_id")),
    )
    return tuple((key, word) for key, word in words if word)


def _method(shipment: Fields) -> str:
    told = shipment.child("lead_time").child("shipping_method").text("name")
    return told or shipment.child("shipping_option").text("name")


def _address(shipment: Fields) -> Fields:
    """The destination under names of ours, from either form of a shipment; without fields when there is none."""
    destination = shipment.child("destination")
    place = destination.child("shipping_address") if destination.values else shipment.child("receiver_address")
    if not place.values:
        return Fields({})
    street = place.text("address_line") or join_name(place.text("street_name"), place.text("street_number"))
    state = place.child("state")
    match = _STATE.fullmatch(state.text("id"))
    values = {
        "street": street,
        "more": place.text("comment"),
        "neighborhood": place.child("neighborhood").text("name"),
        "city": place.child("city").text("name"),
        "region": match[1] if match else state.text("name"),
        "postal_code": place.text("zip_code"),
        "country": place.child("country").text("id"),
        "phone": destination.text("receiver_phone") or place.text("receiver_phone"),
        "name": destination.text("receiver_name") or place.text("receiver_name"),
        "latitude": place.values.get("latitude"),
        "longitude": place.values.get("longitude"),
    }
    return Fields(values, destination.at("shipping_address") if destination.values else place.path)


def _contact(body: Fields, address: Fields) -> Contact:
    buyer = body.child("buyer")
    name = join_name(buyer.text("first_name"), buyer.text("last_name")) or address.text("name")
    return Contact(
        name=name,
        email=buyer.text("email"),
        phone=address.text("phone"),
        shipping=read_postal(
            address,
            name=address.text("name") or name,
            lines=("street", "more", "neighborhood"),
            city="city",
            region="region",
            postal_code="postal_code",
            country="country",
            phone="phone",
        ),
        note=body.text("comment", _NOTE),
    )
