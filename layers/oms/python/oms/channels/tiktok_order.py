"""TikTok Shop's order document: https://partner.tiktokshop.com/docv2/page/get-order-detail-202309

`total_amount = sub_total + shipping_fee + taxes + retail_delivery_fee` (vendor), with the other fees that a buyer can
be charged. A line item is one unit: `sale_price` = `original_price` - `seller_discount` - `platform_discount`; what the
platform pays for the buyer is settled outside the order. In the US prices exclude tax; for cross-border shops `tax` is
told but lies inside the prices: the identity decides which, both are tried, and neither is a mismatch.

A cancelled order that was paid has been paid back in full by the platform: a refund `cancel:<order id>`. Orders that
TikTok fulfills need no shipping of ours. `is_on_hold_order` says that an order passes through ON_HOLD, not that it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.channels.payload import clean_sku
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
    sum_parts,
)
from oms.domain.money import allocate

if TYPE_CHECKING:
    from oms.channels.payload import Fields

CANCELLED: Final = frozenset({"CANCEL", "CANCELLED"})
_ACCEPTED: Final = frozenset(
    {"AWAITING_SHIPMENT", "AWAITING_COLLECTION", "PARTIALLY_SHIPPING", "IN_TRANSIT", "DELIVERED", "COMPLETED"}
)
_HANDED_OVER: Final = frozenset({"DELIVERED", "COMPLETED"})
_FEES: Final = (
    "retail_delivery_fee",
    "small_order_fee",
    "buyer_service_fee",
    "handling_fee",
    "item_insurance_fee",
    "shipping_insurance_fee",
    "payment_discount_service_fee",
)
_REGIONS: Final = frozenset({"state", "province", "prefecture", "region", "county"})
_NOTE: Final = 2000


def read_order(body: Fields, *, source: str, account: str) -> Normalized:
    """The order as canonical; raises the InvalidInputError family."""
    payment = body.child("payment")
    currency = payment.currency("currency")
    created, changed = body.unix("create_time"), body.unix("update_time")
    if created is None:
        raise body.refuse("create_time", "the order has no time of creation")
    status = body.word("status")
    external_id = body.identifier("id")
    total = payment.money("total_amount", currency, None)
    lines = _lines(body, currency)
    shipping_tax = payment.money("shipping_fee_tax", currency)
    taxes = payment.money("tax", currency, payment.money("product_tax", currency) + shipping_tax)
    paid = body.unix("paid_time") is not None
    order = CanonicalOrder(
        source=source,
        account=account,
        external_id=external_id,
        number=external_id,
        revision=changed or created,
        placed_at=created,
        currency=currency,
        lines=tuple(_taxed(lines, payment.money("product_tax", currency))),
        total=total,
        shipping=payment.money("shipping_fee", currency),
        shipping_tax=shipping_tax,
        fees=sum(payment.money(key, currency) for key in _FEES),
        ship_to=read_ship_to(_located(body), country="region_code", region="region", postal_code="postal_code"),
        shipping_method=body.text("delivery_option_name") or body.text("shipping_type"),
        payment=_payment(body, status, total, paid=paid),
        cancelled=status in CANCELLED,
        cancel_reason=body.word("cancellation_initiator").lower() if status in CANCELLED else "",
        on_hold=_hold(body, status),
        status_words=_words(body, status),
    )
    if order.cancelled and paid:
        order = replace(order, refunds=(ChannelRefund(refund_ref=f"cancel:{external_id}", amount=total),))
    rest = taxes - shipping_tax - sum(line.tax for line in order.lines)
    return Normalized(order=_decided(replace(order, fee_tax=max(0, rest))), contact=_contact(body))


def _decided(order: CanonicalOrder) -> CanonicalOrder:
    """`order` with the tax as the identity has it; raises TotalsMismatchError when neither way sums."""
    included = replace(order, tax_included=True)
    return check_order(included if sum_parts(order) != order.total == sum_parts(included) else order)


def _lines(body: Fields, currency: str) -> list[CanonicalLine]:
    ours = not body.text("fulfillment_type").startswith("FULFILLMENT_BY_TIKTOK")
    lines = []
    for entry in body.children("line_items"):
        sale = entry.money("sale_price", currency, None)
        original = max(entry.money("original_price", currency, sale), sale)
        line_ref = entry.identifier("id")
        sku_id = entry.optional_identifier("sku_id")
        lines.append(
            CanonicalLine(
                line_ref=line_ref,
                sku=clean_sku(entry.text("seller_sku")) or (f"variant:{sku_id}" if sku_id else f"line:{line_ref}"),
                quantity=1,
                unit_price=original,
                discount=original - sale,
                tax=sum(tax.money("tax_amount", currency) for tax in entry.children("item_tax")),
                title=" - ".join(part for part in (entry.text("product_name"), entry.text("sku_name")) if part),
                cancelled=1 if entry.word("display_status") in CANCELLED else 0,
                requires_shipping=ours,
            )
        )
    return lines


def _taxed(lines: list[CanonicalLine], product_tax: int) -> list[CanonicalLine]:
    """`lines` with the tax on products spread over them where they do not tell their own."""
    nets = [line.net for line in lines]
    if product_tax <= 0 or not lines or min(nets) < 0 or any(line.tax for line in lines):
        return lines
    return [replace(line, tax=tax) for line, tax in zip(lines, allocate(product_tax, nets), strict=True)]


def _payment(body: Fields, status: str, total: int, *, paid: bool) -> ChannelPayment:
    if status in CANCELLED:
        return ChannelPayment(state=PaymentState.REFUNDED, captured=total) if paid else _VOIDED
    if paid:
        return ChannelPayment(state=PaymentState.PAID, captured=total)
    if status not in _ACCEPTED:
        return ChannelPayment(state=PaymentState.PENDING)
    if body.flag("is_cod") and status not in _HANDED_OVER:
        return ChannelPayment(state=PaymentState.AUTHORIZED)
    return ChannelPayment(state=PaymentState.PAID, captured=total)


_VOIDED: Final = ChannelPayment(state=PaymentState.VOIDED)


def _hold(body: Fields, status: str) -> str:
    if status == "ON_HOLD":
        return "on hold in the channel"
    return "the buyer asks to cancel" if body.flag("is_buyer_request_cancel") and status not in CANCELLED else ""


def _words(body: Fields, status: str) -> tuple[tuple[str, str], ...]:
    words = (("status", status), ("fulfillment_type", body.word("fulfillment_type")))
    return tuple((key, word) for key, word in words if word)


def _located(body: Fields) -> Fields:
    """The recipient's address with the district that is its region under `region`."""
    address = body.child("recipient_address")
    for district in address.children("district_info"):
        if district.text("address_level_name").lower() in _REGIONS:
            return replace(address, values={**address.values, "region": district.text("address_name")})
    return address


def _contact(body: Fields) -> Contact:
    address = _located(body)
    name = address.text("name") or join_name(address.text("first_name"), address.text("last_name"))
    return Contact(
        name=name,
        email=body.text("buyer_email"),
        phone=address.text("phone_number"),
        shipping=read_postal(
            address,
            name=name,
            lines=tuple(f"address_line{number}" for number in range(1, 5)),
            city="post_town",
            region="region",
            postal_code="postal_code",
            country="region_code",
            phone="phone_number",
        ),
        note=body.text("buyer_message", _NOTE),
    )
