"""BigCommerce's order documents: https://docs.bigcommerce.com/docs/rest-management/orders

Amounts are texts of four decimals, each told without tax (`_ex_tax`) and with it (`_inc_tax`). What adds up:

    total_inc_tax = sum of products' total_inc_tax + shipping_cost + handling_cost + wrapping_cost + fees (all inc_tax)
                    - discount_amount - coupon_discount
    total_inc_tax - total_tax = the same without tax

A product's totals are before discounts; `applied_discounts` says how these fall on the products, else they are spread
in proportion. A store enters prices with tax or without, and only what it enters has no fractions of a cent: both
readings are tried, that of the entered prices (`base_price`) first. Fractions may sum to the total by rounding alone,
half a minor unit for each part that has some; the parts are then rounded by largest remainder.

`total_inc_tax` is before store credit and gift certificates, which are tenders. `refunded_amount` is always 0: refunds
are read of the v3 API; those that every payment declined are none. `payment_status` decides on the money where it says
something, else the status. One order can go to several addresses; an order here has one, so that these are refused.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from oms.channels.payload import FINE_DIGITS, Fields, clean_sku
from oms.channels.places import join_name, read_postal, read_ship_to
from oms.channels.sums import first_that_sums, unit_price
from oms.domain.canonical import (
    CanonicalLine,
    CanonicalOrder,
    ChannelPayment,
    ChannelRefund,
    Contact,
    Normalized,
    PaymentState,
    RefundedLine,
)
from oms.domain.errors import MalformedPayloadError
from oms.domain.frozen import frozen
from oms.domain.money import allocate, check_minor, minor_digits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from oms.domain.canonical import PostalAddress

CANCELLED: Final = {5: "cancelled", 6: "declined"}
"""Status ids; the words are what staff may rename."""
_HELD: Final = {12: "manual verification required", 13: "disputed"}
_PAYMENT: Final = {
    "authorized": PaymentState.AUTHORIZED,
    "capture pending": PaymentState.AUTHORIZED,
    "captured": PaymentState.PAID,
    "paid": PaymentState.PAID,
    "refund pending": PaymentState.PAID,
    "partially refunded": PaymentState.PARTIALLY_REFUNDED,
    "refunded": PaymentState.REFUNDED,
    "void": PaymentState.VOIDED,
    "voided": PaymentState.VOIDED,
    "void pending": PaymentState.VOIDED,
    "declined": PaymentState.FAILED,
    "pending": PaymentState.PENDING,
    "held for review": PaymentState.PENDING,
}
_BY_STATUS: Final = {
    **dict.fromkeys((2, 3, 8, 9, 10, 11, 13), PaymentState.PAID),
    **dict.fromkeys((5, 6), PaymentState.VOIDED),
    4: PaymentState.REFUNDED,
    14: PaymentState.PARTIALLY_REFUNDED,
}
"""Where no payment is told of (cash, bank deposit); an unknown status is PENDING: nothing ships on it."""
_COLLECTED: Final = frozenset({PaymentState.PAID, PaymentState.PARTIALLY_REFUNDED, PaymentState.REFUNDED})
_WITHOUT, _WITH = "ex_tax", "inc_tax"
_HEADER: Final = ("handling_cost", "wrapping_cost")
_NOTE: Final = 2000


@frozen
class Documents:
    """What the API keeps of one order."""

    order: Fields
    products: Sequence[Fields]
    addresses: Sequence[Fields]
    refunds: Sequence[Fields]


def read_order(of: Documents, *, source: str, account: str) -> Normalized:
    """The order as canonical; raises the InvalidInputError family."""
    body = of.order
    currency = body.currency("currency_code")
    placed_at = date(body, "date_created")
    status = body.integer("status_id")
    total = body.money("total_inc_tax", currency, None)
    address = _address(of)
    refunds = _refunds(of.refunds, currency)
    external_id = body.identifier("id")
    read = CanonicalOrder(
        source=source,
        account=account,
        external_id=external_id,
        number=external_id,
        revision=date(body, "date_modified") if body.text("date_modified") else placed_at,
        placed_at=placed_at,
        currency=currency,
        lines=(),
        total=total,
        gift_cards=body.money("store_credit_amount", currency) + body.money("gift_certificate_amount", currency),
        ship_to=read_ship_to(address, country="country_iso2", region="state", postal_code="zip"),
        shipping_method=address.text("shipping_method"),
        payment=_payment(body, status, total, refunds),
        cancelled=status in CANCELLED,
        cancel_reason=CANCELLED.get(status, ""),
        on_hold=_HELD.get(status) or ("held for review" if _word(body) == "held for review" else ""),
        refunds=refunds,
        status_words=_words(body, status),
    )
    with_tax = any(
        each.fine("price_ex_tax") != each.fine("price_inc_tax") == each.fine("base_price") for each in of.products
    )
    readings = [_reading(read, of, ending) for ending in (_WITHOUT, _WITH)]
    order = first_that_sums(readings[::-1] if with_tax else readings)
    return Normalized(order=order, contact=_contact(of, address))


def date(body: Fields, key: str) -> datetime:
    """A time of RFC 2822 (the v2 API's form), or of ISO 8601; raises MalformedPayloadError."""
    text = body.text(key)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        found = body.moment(key)
        if found is None:
            raise body.refuse(key, "the order has no such time") from None
        return found
    if moment.tzinfo is None:
        raise body.refuse(key, "a field must be a time with its zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise body.refuse(key, "a time is out of range") from None


# ---------------------------------------------------------------- money


def _reading(order: CanonicalOrder, of: Documents, ending: str) -> CanonicalOrder:
    """The order with its prices without tax, or with it."""
    scale = 10 ** (FINE_DIGITS - minor_digits(order.currency))
    body, fees = of.order, of.order.children("fees") if isinstance(of.order.values.get("fees"), list) else ()
    shipping, fee = (body.fine(f"shipping_cost_{ending}"), _fees(body, fees, ending))
    off = body.fine("discount_amount") + body.fine("coupon_discount")
    weights = [each.fine(f"total_{ending}") for each in of.products]
    if min([shipping, fee, off, *weights], default=-1) < 0:
        raise MalformedPayloadError("an order needs lines, and amounts that are not negative")
    taxes = body.fine("total_tax")
    target = order.total * scale - (taxes if ending == _WITHOUT else 0)
    residue = target - (sum(weights) + shipping + fee - off)
    broken = sum(1 for part in (*weights, shipping, fee, off, taxes) if part % scale)
    goods = _whole(sum(weights), scale)
    if 2 * abs(residue) <= broken * scale:
        rest = _whole(target, scale) - _whole(shipping, scale) - _whole(fee, scale) + _whole(off, scale)
        goods = max(0, rest)
    ship_tax, fee_tax = body.fine("shipping_cost_tax"), _fees(body, fees, "tax")
    split = _Split(_spread(goods, weights), _whole(off, scale), _whole(taxes - ship_tax - fee_tax, scale), scale)
    return replace(
        order,
        lines=tuple(_lines(of.products, split)),
        tax_included=ending == _WITH,
        shipping=_whole(shipping, scale),
        shipping_tax=_whole(ship_tax, scale),
        fees=_whole(fee, scale),
        fee_tax=_whole(fee_tax, scale),
    )


def _fees(body: Fields, fees: Sequence[Fields], ending: str) -> int:
    """What is charged beside goods and shipping, or the tax on it."""
    return sum(body.fine(f"{key}_{ending}") for key in _HEADER) + sum(each.fine(f"cost_{ending}") for each in fees)


def _whole(fine: int, scale: int) -> int:
    """In minor units, halves away from zero."""
    size = (2 * abs(fine) + scale) // (2 * scale)
    return check_minor(size if fine >= 0 else -size)


def _spread(total: int, weights: Sequence[int]) -> list[int]:
    """`total` by `weights`; nothing to nobody when they are all zero, so that the sums do not match."""
    return allocate(total, weights) if sum(weights) else [0] * len(weights)


@frozen(kw_only=False)
class _Split:
    """What the products come to before discounts, one by one; the discounts and the tax of all of them."""

    gross: Sequence[int]
    discount: int
    tax: int
    scale: int


def _lines(products: Sequence[Fields], split: _Split) -> list[CanonicalLine]:
    applied = [sum(each.fine("amount") for each in product.children("applied_discounts")) for product in products]
    told = min(applied, default=0) >= 0 and sum(applied) == split.discount * split.scale
    shares = _spread(split.discount, applied if told else split.gross)
    if any(share > gross for share, gross in zip(shares, split.gross, strict=True)):
        shares = _spread(split.discount, split.gross)
    nets = [gross - share for gross, share in zip(split.gross, shares, strict=True)]
    taxes = [max(0, product.fine("total_tax")) for product in products]
    taxed = _spread(max(0, split.tax), taxes if sum(taxes) else [max(0, net) for net in nets])
    lines = []
    for product, gross, share, tax in zip(products, split.gross, shares, taxed, strict=True):
        quantity = product.integer("quantity")
        if quantity <= 0:
            raise product.refuse("quantity", "a quantity is out of range")
        price, over = unit_price(gross, quantity)
        lines.append(
            CanonicalLine(
                line_ref=product.identifier("id"),
                sku=_sku(product),
                quantity=quantity,
                unit_price=price,
                discount=over + share,
                tax=tax,
                title=product.text("name"),
                requires_shipping=_ships(product),
            )
        )
    return lines


def _sku(product: Fields) -> str:
    """Custom products have neither SKU nor product."""
    variant, catalogue = product.optional_identifier("variant_id"), product.optional_identifier("product_id")
    fallback = f"variant:{variant}" if variant else f"product:{catalogue}" if catalogue else ""
    return clean_sku(product.text("sku")) or fallback or f"line:{product.identifier('id')}"


def _ships(product: Fields) -> bool:
    """Neither downloads and gift certificates nor what is picked up in a store."""
    return product.text("type") in {"", "physical"} and not product.optional_identifier("order_pickup_method_id")


# ---------------------------------------------------------------- the rest


def _refunds(entries: Sequence[Fields], currency: str) -> tuple[ChannelRefund, ...]:
    """Without their reasons, which are free text."""
    refunds = []
    for entry in entries:
        payments = entry.children("payments")
        if payments and all(each.flag("is_declined") for each in payments):
            continue
        lines = []
        for item in entry.children("items"):
            quantity = item.integer("quantity", 0)
            if item.text("item_type") == "PRODUCT" and quantity > 0:
                lines.append(RefundedLine(line_ref=item.identifier("item_id"), quantity=quantity))
        amount = entry.money("total_amount", currency, None)
        if amount < 0:
            raise entry.refuse("total_amount", "a refund is negative")
        refunds.append(ChannelRefund(refund_ref=entry.identifier("id"), amount=amount, lines=tuple(lines)))
    return tuple(refunds)


def _word(body: Fields) -> str:
    return body.text("payment_status").lower()


def _payment(body: Fields, status: int, total: int, refunds: Sequence[ChannelRefund]) -> ChannelPayment:
    state = _PAYMENT.get(_word(body)) or _BY_STATUS.get(status, PaymentState.PENDING)
    refunded = sum(refund.amount for refund in refunds)
    if refunded:
        state = PaymentState.REFUNDED if refunded >= total else PaymentState.PARTIALLY_REFUNDED
    return ChannelPayment(state=state, captured=max(total, refunded) if state in _COLLECTED else 0)


def _words(body: Fields, status: int) -> tuple[tuple[str, str], ...]:
    """`payment_status` has blanks in it, which `word` takes for prose."""
    payment = Fields({"it": _word(body).replace(" ", "_")}).word("it")
    archived = "true" if body.flag("is_deleted") else ""
    words = (("status_id", str(status)), ("payment_status", payment), ("is_deleted", archived))
    return tuple((key, word) for key, word in words if word)


def _address(of: Documents) -> Fields:
    """The one address that goods are sent to; without fields when there is none."""
    wanted = {each.optional_identifier("order_address_id") for each in of.products if _ships(each)} - {""}
    if len(wanted) > 1:
        raise MalformedPayloadError("the order goes to several addresses", addresses=len(wanted))
    known = {each.identifier("id"): each for each in of.addresses}
    if wanted and wanted <= known.keys():
        return known[wanted.pop()]
    if wanted and known:
        raise MalformedPayloadError("the address of the goods is not in the fetched documents")
    return Fields({})


def _contact(of: Documents, address: Fields) -> Contact:
    billing = of.order.child("billing_address")
    return Contact(
        name=_name(billing) or _name(address),
        email=billing.text("email") or address.text("email"),
        phone=billing.text("phone") or address.text("phone"),
        shipping=_postal(address),
        billing=_postal(billing),
        note=of.order.text("customer_message", _NOTE),
    )


def _name(address: Fields) -> str:
    return join_name(address.text("first_name"), address.text("last_name"))


def _postal(address: Fields) -> PostalAddress | None:
    return read_postal(
        address,
        name=_name(address),
        company="company",
        lines=("street_1", "street_2"),
        city="city",
        region="state",
        postal_code="zip",
        country="country_iso2",
        phone="phone",
    )
