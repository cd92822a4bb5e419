"""Shopify's order document: https://shopify.dev/docs/api/admin-rest/latest/resources/order

Money is in shop currency. `total_price` and a line's `quantity` are as ordered ("before returns"); `current_*` follow
edits and refunds. What adds up to `total_price`:

- lines: `price` x `quantity` less `discount_allocations` (documents older than that field: `total_discount`). What
  `total_discounts` has beyond the allocations is an order-wide discount, spread over the lines by largest remainder.
- shipping: `price` less `discount_allocations` (without any: `discounted_price`) of lines that are not removed.
- tips: `total_tip_received`. A tip given at the checkout is also a line item, marked `tip`: left out of the lines.
- duties unless `duties_included`; additional fees.
- tax: the tax lines of lines and shipping; what `total_tax` has beyond them (duties, fees, imported orders that are
  taxed as a whole) is tax of no line: `fee_tax`. With `taxes_included` all of it lies inside the prices.
- `total_price_set` has it in the currency that the buyer saw, too: kept with the order, in no sum.
- cash rounding (`total_cash_rounding_...`) changes what was handed over, not the price: in no sum.

Cancelled units of a line: quantity - current_quantity, less those units of refunds that had been shipped: all of
restock type `return`, and of `no_restock` and `legacy_restock` as many as were fulfilled and have not returned.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.channels.payload import clean_sku
from oms.channels.places import join_name, read_postal, read_ship_to
from oms.channels.shopify_refunds import line_id, read_id, read_refunds, read_restock, shop_money
from oms.domain.canonical import (
    CanonicalLine,
    CanonicalOrder,
    ChannelPayment,
    Contact,
    Normalized,
    PaymentState,
    Restock,
    check_order,
)
from oms.domain.money import allocate
from oms.domain.priced import countervalue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.channels.payload import Fields
    from oms.domain.canonical import ChannelRefund, PostalAddress
    from oms.domain.priced import Countervalue

_STATES: Final = {
    "pending": PaymentState.PENDING,
    "partially_paid": PaymentState.PENDING,
    "authorized": PaymentState.AUTHORIZED,
    "paid": PaymentState.PAID,
    "partially_refunded": PaymentState.PARTIALLY_REFUNDED,
    "refunded": PaymentState.REFUNDED,
    "voided": PaymentState.VOIDED,
    "expired": PaymentState.VOIDED,
}
"""An unknown or missing word is PENDING: nothing ships on it."""
_COLLECTED: Final = frozenset({"partially_paid", "paid", "partially_refunded", "refunded"})
_NOT_SHIPPED: Final = frozenset({"cancelled", "error", "failure"})
_NOTE: Final = 2000


def read_order(body: Fields, *, source: str, account: str) -> Normalized:
    """The order as canonical; raises the InvalidInputError family."""
    currency = body.currency("currency")
    included = body.flag("taxes_included")
    revision = body.moment("updated_at") or body.moment("created_at")
    placed_at = body.moment("processed_at") or body.moment("created_at")
    if revision is None or placed_at is None:
        raise body.refuse("updated_at", "the order has no time of change")
    address = body.child("shipping_address")
    refunds = read_refunds(body, currency, tax_included=included)
    shipping, shipping_tax, shipping_discount = _shipping(body, currency)
    goods, tip_lines = _lines(body, currency)
    allocated = shipping_discount + sum(line.discount for line in goods)
    lines = _spread(goods, body.money("total_discounts", currency) - allocated)
    taxes = shipping_tax + sum(line.tax for line in lines)
    order = CanonicalOrder(
        source=source,
        account=account,
        external_id=read_id(body, "id"),
        number=body.text("name") or body.text("order_number"),
        revision=revision,
        placed_at=placed_at,
        currency=currency,
        lines=_with_cancelled(body, lines),
        total=body.money("total_price", currency, None),
        tax_included=included,
        shipping=shipping,
        shipping_tax=shipping_tax,
        fees=shop_money(body, "original_total_additional_fees_set", currency),
        fee_tax=max(0, body.money("total_tax", currency) - taxes),
        tips=body.money("total_tip_received", currency) or tip_lines,
        duties=0 if body.flag("duties_included") else shop_money(body, "original_total_duties_set", currency),
        ship_to=read_ship_to(
            address,
            country="country_code",
            region="province_code",
            postal_code="zip",
            latitude=address.coordinate("latitude", 90),
            longitude=address.coordinate("longitude", 180),
        ),
        shipping_method=next((entry.text("title") for entry in _shipping_lines(body)), ""),
        payment=_payment(body, currency, refunds),
        cancelled=body.has("cancelled_at"),
        cancel_reason=body.word("cancel_reason") if body.has("cancelled_at") else "",
        refunds=tuple(refunds),
        status_words=_status_words(body),
        countervalue=_countervalue(body, currency),
    )
    return Normalized(order=check_order(order), contact=_contact(body))


def _countervalue(body: Fields, currency: str) -> Countervalue | None:
    """What the buyer saw, where the document says it of this very total."""
    both = body.child("total_price_set")
    ours, shown = both.child("shop_money").values, both.child("presentment_money").values
    if (ours.get("currency_code"), ours.get("amount")) != (currency, body.values.get("total_price")):
        return None
    return countervalue("presentment", shown.get("currency_code"), [shown.get("amount")], currency)


def _lines(body: Fields, currency: str) -> tuple[list[CanonicalLine], int]:
    """The lines, and the sum of those that are tips."""
    lines: list[CanonicalLine] = []
    tips = 0
    for entry in body.children("line_items"):
        if entry.has("tip"):
            tips += entry.money("price", currency, None) * entry.integer("quantity", 1)
            continue
        discount = sum(part.money("amount", currency) for part in entry.children("discount_allocations"))
        if not entry.has("discount_allocations"):
            discount = entry.money("total_discount", currency)
        line_ref = read_id(entry, "id")
        variant = entry.optional_identifier("variant_id")
        sku = clean_sku(entry.text("sku")) or (f"variant:{variant}" if variant else f"line:{line_ref}")
        lines.append(
            CanonicalLine(
                line_ref=line_ref,
                sku=sku,
                quantity=entry.integer("quantity"),
                unit_price=entry.money("price", currency, None),
                discount=discount,
                tax=_tax(entry, currency),
                title=entry.text("name") or entry.text("title"),
                requires_shipping=entry.flag("requires_shipping", default=True),
            )
        )
    return lines, tips


def _tax(fields: Fields, currency: str) -> int:
    return sum(entry.money("price", currency) for entry in fields.children("tax_lines"))


def _spread(lines: list[CanonicalLine], rest: int) -> list[CanonicalLine]:
    """`lines` with an order-wide discount of `rest` taken off in proportion to what each costs."""
    nets = [line.net for line in lines]
    if not 0 < rest <= sum(nets) or min(nets) < 0:
        return lines
    shares = allocate(rest, nets)
    return [replace(line, discount=line.discount + share) for line, share in zip(lines, shares, strict=True)]


def _shipping_lines(body: Fields) -> Sequence[Fields]:
    return [entry for entry in body.children("shipping_lines") if not entry.flag("is_removed")]


def _shipping(body: Fields, currency: str) -> tuple[int, int, int]:
    """What shipping costs after its discounts, the tax on it, and those discounts that are allocated."""
    price = tax = discount = 0
    for entry in _shipping_lines(body):
        full = entry.money("price", currency, None)
        off = sum(part.money("amount", currency) for part in entry.children("discount_allocations"))
        price += full - off if off else entry.money("discounted_price", currency, full)
        discount += off
        tax += _tax(entry, currency)
    return price, tax, discount


def _with_cancelled(body: Fields, lines: Sequence[CanonicalLine]) -> tuple[CanonicalLine, ...]:
    refunded: dict[tuple[str, Restock], int] = {}
    for refund in body.children("refunds"):
        for entry in refund.children("refund_line_items"):
            key = (line_id(entry), read_restock(entry))
            refunded[key] = refunded.get(key, 0) + entry.integer("quantity", 0)
    fulfilled = _fulfilled(body)
    current: dict[str, int] = {}
    for entry in body.children("line_items"):
        ref = read_id(entry, "id")
        if entry.has("current_quantity"):
            current[ref] = entry.integer("current_quantity")
        if entry.text("fulfillment_status") == "fulfilled":
            fulfilled[ref] = max(fulfilled.get(ref, 0), entry.integer("quantity", 0))
    done = []
    for line in lines:
        gone = {kind: refunded.get((line.line_ref, kind), 0) for kind in Restock}
        removed = line.quantity - current.get(line.line_ref, line.quantity - sum(gone.values()))
        shipped = fulfilled.get(line.line_ref, 0)
        after_shipping = gone[Restock.RETURN] + min(gone[Restock.NONE], max(0, shipped - gone[Restock.RETURN]))
        done.append(replace(line, cancelled=min(max(0, removed - after_shipping), max(0, line.quantity))))
    return tuple(done)


def _fulfilled(body: Fields) -> dict[str, int]:
    units: dict[str, int] = {}
    for fulfillment in body.children("fulfillments"):
        if fulfillment.text("status") in _NOT_SHIPPED:
            continue
        for entry in fulfillment.children("line_items"):
            ref = read_id(entry, "id")
            units[ref] = units.get(ref, 0) + entry.integer("quantity", 0)
    return units


def _payment(body: Fields, currency: str, refunds: Sequence[ChannelRefund]) -> ChannelPayment:
    """The state by `financial_status`; captured = what the buyer's payments come to now + what went back.

    `total_outstanding` is what is left to pay of `current_total_price`, so their difference is the net payment.
    """
    word = body.text("financial_status")
    refunded = sum(refund.amount for refund in refunds)
    captured = 0
    if word in _COLLECTED:
        if body.has("current_total_price") and body.has("total_outstanding"):
            net = body.money("current_total_price", currency) - body.money("total_outstanding", currency)
            captured = net + refunded
        elif word != "partially_paid":
            captured = body.money("total_price", currency)
    return ChannelPayment(state=_STATES.get(word, PaymentState.PENDING), captured=max(captured, refunded))


def _status_words(body: Fields) -> tuple[tuple[str, str], ...]:
    keys = ("financial_status", "fulfillment_status", "cancel_reason")
    return tuple((key, body.word(key)) for key in keys if body.has(key))


def _contact(body: Fields) -> Contact:
    customer = body.child("customer")
    shipping, billing = _postal(body.child("shipping_address")), _postal(body.child("billing_address"))
    named = billing or shipping
    return Contact(
        name=join_name(customer.text("first_name"), customer.text("last_name")) or (named.name if named else ""),
        email=body.text("email") or body.text("contact_email") or customer.text("email"),
        phone=body.text("phone") or customer.text("phone") or (shipping.phone if shipping else ""),
        shipping=shipping,
        billing=billing,
        note=body.text("note", _NOTE),
    )


def _postal(address: Fields) -> PostalAddress | None:
    named = join_name(address.text("first_name"), address.text("last_name"))
    return read_postal(
        address,
        name=address.text("name") or named,
        company="company",
        lines=("address1", "address2"),
        city="city",
        region="province",
        postal_code="zip",
        country="country_code",
        phone="phone",
    )
