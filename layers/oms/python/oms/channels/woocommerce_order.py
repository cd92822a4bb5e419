"""WooCommerce's order document: https://woocommerce.github.io/woocommerce-rest-api-docs/#order-properties

Both the present form (REST API v1 to v3) and the legacy one (API v1 to v3, `{"order": {...}}`) are read. Amounts of
lines, shipping and fees exclude tax, whatever `prices_include_tax` says: that tells how the catalogue's prices were
entered.

- lines: `subtotal` before and `total` after coupons. unit price = subtotal / quantity, rounded up, the rest discount.
- a negative fee is a discount: spread over the lines by largest remainder, as its tax is.
- rounding: the document prints amounts rounded to the shop's decimals, but `total` was summed before rounding. With n
  printed amounts the difference is at most n halves of a minor unit. Up to that it is taken in as a fee or, when
  negative, as a discount; anything larger stays a mismatch. Only where rounding can have happened: with tax or coupons.
- `total` stays what it was when refunds are made; those are in `refunds`, as negative amounts.
"""

from __future__ import annotations

import html
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
    from datetime import datetime

    from oms.channels.payload import Fields
    from oms.domain.canonical import PostalAddress

CANCELLED: Final = frozenset({"cancelled", "trash"})
_PAID: Final = frozenset({"processing", "completed"})
_NOTE: Final = 2000


def unwrap(body: Fields) -> Fields:
    """The order itself: the legacy API wraps it."""
    return body.child("order") if body.has("order") else body


def revision(body: Fields) -> datetime:
    """The order's time of last change. `*_gmt` name no zone but are UTC; the legacy API's times carry a Z."""
    for key in ("date_modified_gmt", "updated_at", "date_created_gmt", "created_at"):
        moment = body.moment(key, naive_is_utc=True)
        if moment is not None:
            return moment
    raise body.refuse("date_modified_gmt", "the order has no time of change")


def read_order(body: Fields, *, source: str, account: str) -> Normalized:
    """The order as canonical; raises the InvalidInputError family."""
    currency = body.currency("currency")
    placed_at = body.moment("date_created_gmt", naive_is_utc=True) or body.moment("created_at", naive_is_utc=True)
    fees, fee_tax, off, off_tax = _fees(body, currency)
    destination = body.child("shipping" if body.has("shipping") else "shipping_address")
    status = body.word("status")
    order = CanonicalOrder(
        source=source,
        account=account,
        external_id=body.identifier("id"),
        number=body.text("number") or body.text("order_number") or body.identifier("id"),
        revision=revision(body),
        placed_at=placed_at or revision(body),
        currency=currency,
        lines=tuple(_discounted(_lines(body, currency), off, off_tax)),
        total=body.money("total", currency, None),
        shipping=_header(body, "shipping_total", "total_shipping", "total", currency),
        shipping_tax=_header(body, "shipping_tax", "shipping_tax", "total_tax", currency),
        fees=fees,
        fee_tax=fee_tax,
        ship_to=read_ship_to(destination, country="country", region="state", postal_code="postcode"),
        shipping_method=next((line.text("method_title") for line in body.children("shipping_lines")), ""),
        payment=ChannelPayment(state=PaymentState.PENDING),
        cancelled=status in CANCELLED,
        cancel_reason=status if status in CANCELLED else "",
        on_hold="on-hold" if status == "on-hold" and _paid_at(body) else "",
        refunds=read_refunds(body, currency),
        status_words=(("status", status),) if status else (),
    )
    order = replace(_rounded(body, order), payment=_payment(body, order))
    return Normalized(order=check_order(order), contact=_contact(body))


def _header(body: Fields, key: str, legacy: str, of_lines: str, currency: str) -> int:
    """A shipping amount of the order, else the sum over its shipping lines."""
    for name in (key, legacy):
        if body.has(name):
            return body.money(name, currency)
    return sum(line.money(of_lines, currency) for line in body.children("shipping_lines"))


def _lines(body: Fields, currency: str) -> list[CanonicalLine]:
    lines = []
    for entry in body.children("line_items"):
        quantity = entry.integer("quantity")
        if quantity <= 0:
            raise entry.refuse("quantity", "a quantity is out of range")
        total = entry.money("total", currency, None)
        unit_price = -(-max(entry.money("subtotal", currency, total), total) // quantity)
        line_ref = entry.identifier("id")
        variation, product = entry.optional_identifier("variation_id"), entry.optional_identifier("product_id")
        fallback = f"variant:{variation}" if variation else f"product:{product}" if product else f"line:{line_ref}"
        lines.append(
            CanonicalLine(
                line_ref=line_ref,
                sku=clean_sku(entry.text("sku")) or fallback,
                quantity=quantity,
                unit_price=unit_price,
                discount=unit_price * quantity - total,
                tax=entry.money("total_tax", currency),
                title=html.unescape(entry.text("name")),
            )
        )
    return lines


def _fees(body: Fields, currency: str) -> tuple[int, int, int, int]:
    """Fees and their tax; discounts written as fees and their tax, as positive amounts."""
    sums = [0, 0, 0, 0]
    for entry in body.children("fee_lines"):
        amount, tax = entry.money("total", currency), entry.money("total_tax", currency)
        sums[0 if amount >= 0 else 2] += abs(amount)
        sums[1 if tax >= 0 else 3] += abs(tax)
    return sums[0], sums[1], sums[2], sums[3]


def _discounted(lines: list[CanonicalLine], off: int, off_tax: int) -> list[CanonicalLine]:
    """`lines` with `off` and its tax taken off; more than there is stays untaken, so that the totals do not match."""
    nets, taxes = [line.net for line in lines], [line.tax for line in lines]
    if off and min(nets, default=-1) >= 0 and off <= sum(nets):
        shares = allocate(off, nets)
        lines = [replace(line, discount=line.discount + share) for line, share in zip(lines, shares, strict=True)]
    if off_tax and min(taxes, default=-1) >= 0 and off_tax <= sum(taxes):
        shares = allocate(off_tax, taxes)
        lines = [replace(line, tax=line.tax - share) for line, share in zip(lines, shares, strict=True)]
    return lines


def _rounded(body: Fields, order: CanonicalOrder) -> CanonicalOrder:
    """`order` with the document's own rounding taken in (see above)."""
    residue = order.total - sum_parts(order)
    amounts = [order.shipping, order.shipping_tax, order.fees, order.fee_tax]
    amounts += [amount for line in order.lines for amount in (line.net, line.tax)]
    printed = sum(1 for amount in amounts if amount)
    rounding = body.money("total_tax", order.currency) or body.money("discount_total", order.currency)
    if not rounding or not residue or 2 * abs(residue) > printed:
        return order
    if residue > 0:
        return replace(order, fees=order.fees + residue)
    widest = max(order.lines, key=lambda line: line.net)
    if widest.net < -residue:
        return order
    lines = [replace(line, discount=line.discount - residue) if line is widest else line for line in order.lines]
    return replace(order, lines=tuple(lines))


def read_refunds(body: Fields, currency: str) -> tuple[ChannelRefund, ...]:
    """Refunds as the order lists them: an id and a negative total. The reason is free text and is not taken."""
    return tuple(
        ChannelRefund(refund_ref=entry.identifier("id"), amount=abs(entry.money("total", currency, None)))
        for entry in body.children("refunds")
    )


def _paid_at(body: Fields) -> bool:
    return bool(body.text("date_paid_gmt") or body.text("date_paid")) or body.child("payment_details").flag("paid")


def _payment(body: Fields, order: CanonicalOrder) -> ChannelPayment:
    """`processing` and `completed` are paid, as is whatever has a date of payment.

    Cash on delivery is `processing` without that date: to be shipped, not yet collected. `on-hold` awaits payment.
    """
    status = body.text("status")
    refunded = sum(refund.amount for refund in order.refunds)
    collect = body.text("payment_method") == "cod" and status == "processing"
    if _paid_at(body) or status == "refunded" or refunded or (status in _PAID and not collect):
        state = PaymentState.PARTIALLY_REFUNDED if refunded else PaymentState.PAID
        if status == "refunded" or refunded >= order.total > 0:
            state = PaymentState.REFUNDED
        return ChannelPayment(state=state, captured=max(order.total, refunded))
    if collect:
        return ChannelPayment(state=PaymentState.AUTHORIZED)
    if status in CANCELLED:
        return ChannelPayment(state=PaymentState.VOIDED)
    return ChannelPayment(state=PaymentState.FAILED if status == "failed" else PaymentState.PENDING)


def _contact(body: Fields) -> Contact:
    billing = body.child("billing" if body.has("billing") else "billing_address")
    shipping = body.child("shipping" if body.has("shipping") else "shipping_address")
    return Contact(
        name=_name(billing) or _name(shipping),
        email=billing.text("email"),
        phone=billing.text("phone"),
        shipping=_postal(shipping),
        billing=_postal(billing),
        note=body.text("customer_note", _NOTE) or body.text("note", _NOTE),
    )


def _name(address: Fields) -> str:
    return join_name(address.text("first_name"), address.text("last_name"))


def _postal(address: Fields) -> PostalAddress | None:
    return read_postal(
        address,
        name=_name(address),
        company="company",
        lines=("address_1", "address_2"),
        city="city",
        region="state",
        postal_code="postcode",
        country="country",
        phone="phone",
    )
