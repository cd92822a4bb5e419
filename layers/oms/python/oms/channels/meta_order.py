"""Meta's order documents: the order, its items, cancellations and refunds.

Rules: https://developers.facebook.com/documentation/ads-commerce/commerce-platform/order-management/order-api and
https://developers.facebook.com/documentation/ads-commerce/commerce-platform/order-management/cancellation-refund-api.
Amounts are `{"amount": "5.5", "currency": "USD"}`.

    total_amount = subtotal.items + subtotal.shipping + tax
    total_amount = buyer_paid_amount + facebook_paid_amount        (an incentive of Meta is a tender of its own)

`subtotal.items` is not read: it says nothing that the items do not. Whether a price per unit is before or after the
promotions that are told with it is not documented, nor is it whether tax outside the US lies inside the prices: the
readings are tried against `total_amount`, and the first that sums is taken; when none does the order is refused:

1. less the promotions that the merchant pays for; 2. as the prices are; 3. less all promotions; each with the tax on
top, then with the tax inside.

The tax of an item is the estimated one, which never changes; what `tax` is more than these is that of shipping, whose
own figure changes as goods are shipped.

Meta has the buyer's authorization, collects as goods are shipped, and has nothing collected for what was cancelled. An
order in FB_PROCESSING may still fall through. Buyers' e-mail addresses are relays; a cancelled order has no buyer and
no address. All units of a cancelled order are: there is no status that says so.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Final

from oms.channels.payload import Fields, clean_sku
from oms.channels.places import read_postal, read_ship_to
from oms.channels.sums import first_that_sums
from oms.domain.canonical import (
    CanonicalLine,
    CanonicalOrder,
    ChannelPayment,
    ChannelRefund,
    Contact,
    Normalized,
    PaymentState,
    RefundedLine,
    check_order,
)
from oms.domain.frozen import frozen
from oms.domain.money import allocate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ACCEPTED: Final = frozenset({"CREATED", "IN_PROGRESS"})
_COMPLETED: Final = "COMPLETED"
_THEIRS: Final = "facebook"
"""Who pays for a promotion, where it is not the merchant."""


@frozen
class Documents:
    """What the API keeps of one order."""

    order: Fields
    items: Sequence[Fields]
    cancellations: Sequence[Fields]
    refunds: Sequence[Fields]


def read_order(of: Documents, *, source: str, account: str) -> Normalized:
    """The order as canonical; raises the InvalidInputError family."""
    body = of.order
    told = body.child("estimated_payment_details")
    currency = told.child("total_amount").currency("currency")
    placed_at = body.moment("created")
    if placed_at is None:
        raise body.refuse("created", "the order has no time of creation")
    state = body.child("order_status").word("state")
    external_id = body.identifier("id")
    address = body.child("shipping_address")
    gone = cancelled_units(of.items, of.cancellations)
    cancelled = is_cancelled(of.items, gone)
    option = _option(of)
    read = CanonicalOrder(
        source=source,
        account=account,
        external_id=external_id,
        number=external_id,
        revision=body.moment("last_updated") or placed_at,
        placed_at=placed_at,
        currency=currency,
        lines=(),
        total=amount(told, "total_amount", currency, needed=True),
        shipping=amount(told.child("subtotal"), "shipping", currency),
        ship_to=read_ship_to(address, country="country", region="state", postal_code="postal_code"),
        shipping_method=option.text("name"),
        cancelled=cancelled,
        cancel_reason=_reason(of.cancellations) if cancelled else "",
        on_hold="a test order" if body.flag("is_test_order") else "",
        refunds=_refunds(of, currency),
        status_words=_words(body, state),
    )
    order = _summed(read, of, gone)
    return Normalized(
        order=check_order(replace(order, payment=_payment(order, state))), contact=_contact(body, address)
    )


def amount(body: Fields, key: str, currency: str, *, needed: bool = False) -> int:
    """An amount in minor units of `currency`; raises MalformedPayloadError for one in another."""
    value = body.child(key)
    if not value.values:
        if needed:
            raise body.refuse(key, "a required field is missing")
        return 0
    if value.currency("currency") != currency:
        raise value.refuse("currency", "an amount is in another currency than its order")
    return value.money("amount", currency, None)


def cancelled_units(items: Sequence[Fields], cancellations: Sequence[Fields]) -> Mapping[str, int]:
    """The units of each item that were cancelled, by the item's id."""
    units: Counter[str] = Counter()
    for each in cancellations:
        for entry in each.child("items").children("data"):
            units[entry.identifier("id")] += entry.integer("quantity")
    return {item.identifier("id"): min(units[item.identifier("id")], item.integer("quantity")) for item in items}


def is_cancelled(items: Sequence[Fields], units: Mapping[str, int]) -> bool:
    """Is nothing left of it?"""
    return bool(items) and all(units[item.identifier("id")] >= item.integer("quantity") for item in items)


# ---------------------------------------------------------------- money


def _summed(order: CanonicalOrder, of: Documents, gone: Mapping[str, int]) -> CanonicalOrder:
    """The order with its lines, as the first reading that is its total."""
    currency = order.currency
    taxes = [amount(item.child("tax_details"), "estimated_tax", currency) for item in of.items]
    tax = amount(of.order.child("estimated_payment_details"), "tax", currency)
    rest = tax - sum(taxes)
    if rest < 0:
        rest = amount(_option(of), "calculated_tax", currency)
    promotions = _promotions(of.order, currency)
    own = [_promotions(item, currency) for item in of.items]
    readings = []
    for included, kind in product((False, True), ("merchant", "none", "all")):
        off = _off(promotions, kind), [_off(each, kind) for each in own]
        lines = _lines(of.items, currency, off, taxes, gone)
        readings.append(replace(order, lines=lines, tax_included=included, shipping_tax=rest))
    return first_that_sums(readings)


def _promotions(of: Fields, currency: str) -> list[tuple[str, int]]:
    """Who pays for each promotion, and how much it takes off."""
    return [
        (each.text("sponsor").lower(), amount(each, "applied_amount", currency))
        for each in of.child("promotion_details").children("data")
    ]


def _off(promotions: Sequence[tuple[str, int]], kind: str) -> int:
    if kind == "none":
        return 0
    return sum(off for sponsor, off in promotions if kind == "all" or sponsor != _THEIRS)


def _lines(
    items: Sequence[Fields], currency: str, off: tuple[int, list[int]], taxes: Sequence[int], gone: Mapping[str, int]
) -> tuple[CanonicalLine, ...]:
    prices = [amount(item, "price_per_unit", currency, needed=True) for item in items]
    quantities = [item.integer("quantity") for item in items]
    gross = [price * quantity for price, quantity in zip(prices, quantities, strict=True)]
    lines = []
    for item, price, discount, tax in zip(items, prices, _shares(gross, off), taxes, strict=True):
        item_id = item.identifier("id")
        catalogue = item.optional_identifier("product_id")
        fallback = f"product:{catalogue}" if catalogue else f"line:{item_id}"
        lines.append(
            CanonicalLine(
                line_ref=item_id,
                sku=clean_sku(item.text("retailer_id")) or fallback,
                quantity=item.integer("quantity"),
                unit_price=price,
                discount=discount,
                tax=tax,
                title=item.text("product_name"),
                cancelled=max(0, gone[item_id]),
            )
        )
    return tuple(lines)


def _shares(gross: Sequence[int], off: tuple[int, list[int]]) -> list[int]:
    """What promotions take off each line: as the items tell it, where these tell all; else by their prices."""
    total, told = off
    fits = min(told, default=0) >= 0 and all(share <= price for share, price in zip(told, gross, strict=True))
    if fits and sum(told) >= total:
        return told
    if total <= 0 or min(gross, default=0) < 0 or not sum(gross) >= total:
        return [0] * len(gross)
    return allocate(total, gross)


def _refunds(of: Documents, currency: str) -> tuple[ChannelRefund, ...]:
    """Without what was said to the buyer of their reasons."""
    items = {item.identifier("id") for item in of.items}
    refunds = []
    for entry in of.refunds:
        given = amount(entry, "refund_amount", currency, needed=True)
        if given < 0:
            raise entry.refuse("refund_amount", "a refund is negative")
        lines = []
        for item in entry.child("items").children("data"):
            item_id, quantity = item.identifier("id"), item.integer("quantity", 0)
            if item_id not in items:
                raise item.refuse("id", "a refund is of an item that the order has not")
            if quantity > 0:
                lines.append(RefundedLine(line_ref=item_id, quantity=quantity))
        reason = entry.child("refund_reason").word("reason_code").lower()
        refunds.append(
            ChannelRefund(refund_ref=entry.identifier("id"), amount=given, lines=tuple(lines), reason=reason)
        )
    return tuple(refunds)


def _payment(order: CanonicalOrder, state: str) -> ChannelPayment:
    """An unknown state is PENDING: nothing ships on it."""
    refunded = sum(refund.amount for refund in order.refunds)
    if refunded:
        captured = max(_collected(order), refunded)
        whole = PaymentState.REFUNDED if refunded >= captured else PaymentState.PARTIALLY_REFUNDED
        return ChannelPayment(state=whole, captured=captured)
    if order.cancelled:
        return ChannelPayment(state=PaymentState.VOIDED)
    if state == _COMPLETED:
        return ChannelPayment(state=PaymentState.PAID, captured=_collected(order))
    return ChannelPayment(state=PaymentState.AUTHORIZED if state in _ACCEPTED else PaymentState.PENDING)


def _collected(order: CanonicalOrder) -> int:
    """The total without the cancelled units of each line, these rounded down."""
    lost = 0
    for line in order.lines:
        whole = line.net + (0 if order.tax_included else line.tax)
        lost += whole * line.cancelled // line.quantity
    return order.total - lost


# ---------------------------------------------------------------- the rest


def _option(of: Documents) -> Fields:
    """How it ships: told with the order, or with each item."""
    return next(
        (option for each in (of.order, *of.items) if (option := each.child("selected_shipping_option")).values),
        Fields({}),
    )


def _reason(cancellations: Sequence[Fields]) -> str:
    """The code of the first that has one."""
    codes = (each.child("cancel_reason").word("reason_code").lower() for each in cancellations)
    return next((code for code in codes if code), "cancelled")


def _words(body: Fields, state: str) -> tuple[tuple[str, str], ...]:
    words = (("state", state), ("channel", body.word("channel")))
    return tuple((key, word) for key, word in words if word)


def _contact(body: Fields, address: Fields) -> Contact:
    buyer = body.child("buyer_details")
    name = buyer.text("name") or address.text("name")
    if not address.values and not buyer.values:
        return Contact()
    return Contact(
        name=name,
        email=buyer.text("email"),
        shipping=read_postal(
            address,
            name=address.text("name") or name,
            lines=("street1", "street2"),
            city="city",
            region="state",
            postal_code="postal_code",
            country="country",
            phone="phone",
        ),
    )
