"""Etsy's receipt: https://developers.etsy.com/documentation/reference#operation/getShopReceipt

An amount is `{amount, divisor, currency_code}`: amount / divisor, exactly. What adds up (vendor):

    total_price = sum of price * quantity of the transactions
    subtotal    = total_price - discount_amt
    grandtotal  = subtotal + total_shipping_cost + total_tax_cost

Where gift wrap and VAT belong is not documented: both on top, VAT (and tax) inside the prices, VAT left out; each with
gift wrap on top, then without. The first reading that sums is taken. Taxes are told for the whole receipt and spread
over its lines. `shop_coupon` of a transaction is its part of the discount; where these do not come to it, it is spread.

A refund has no id: it is known by its second. It counts when it succeeded, and names no units. Answers to a listing's
questions and messages may name people: they are not read, or are the contact's note.
"""

from __future__ import annotations

from dataclasses import replace
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
)
from oms.domain.errors import MalformedPayloadError
from oms.domain.money import allocate, check_minor, minor_digits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

CANCELLED: Final = "canceled"
_PAYMENT: Final = {
    "paid": PaymentState.PAID,
    "completed": PaymentState.PAID,
    "open": PaymentState.PENDING,
    "payment_processing": PaymentState.PENDING,
    "partially_refunded": PaymentState.PARTIALLY_REFUNDED,
    "fully_refunded": PaymentState.REFUNDED,
}
_COLLECTED: Final = frozenset({PaymentState.PAID, PaymentState.PARTIALLY_REFUNDED, PaymentState.REFUNDED})
_SUCCEEDED: Final = frozenset({"", "success", "succeeded", "completed"})
_MAX_DIVISOR: Final = 10**6
_NOTE: Final = 2000


def read_order(body: Fields, *, source: str, account: str) -> Normalized:
    """The receipt as canonical; raises the InvalidInputError family."""
    currency = body.child("grandtotal").currency("currency_code")
    placed_at, changed = times(body)
    total = amount(body, "grandtotal", currency, required=True)
    external_id, status = body.identifier("receipt_id"), status_of(body)
    refunds = read_refunds(body, currency)
    order = CanonicalOrder(
        source=source,
        account=account,
        external_id=external_id,
        number=external_id,
        revision=changed,
        placed_at=placed_at,
        currency=currency,
        lines=tuple(_lines(body, currency)),
        total=total,
        shipping=amount(body, "total_shipping_cost", currency),
        ship_to=read_ship_to(body, country="country_iso", region="state", postal_code="zip"),
        shipping_method=_method(body),
        payment=_payment(body, status, total, refunds),
        cancelled=status == CANCELLED,
        cancel_reason=CANCELLED if status == CANCELLED else "",
        refunds=refunds,
        status_words=_words(body, status),
    )
    return Normalized(order=first_that_sums(list(_readings(order, body))), contact=_contact(body))


def times(body: Fields) -> tuple[datetime, datetime]:
    """When the order was placed and last changed; the older names of both are still told."""
    placed_at = body.unix("created_timestamp") or body.unix("create_timestamp")
    if placed_at is None:
        raise body.refuse("created_timestamp", "the order has no time of creation")
    return placed_at, body.unix("updated_timestamp") or body.unix("update_timestamp") or placed_at


def status_of(body: Fields) -> str:
    """The status in lower case, with `_` for its blanks, which `word` takes for prose."""
    return Fields({"it": body.text("status").lower().replace(" ", "_")}).word("it")


# ---------------------------------------------------------------- money


def amount(body: Fields, key: str, currency: str, *, required: bool = False) -> int:
    """An amount in minor units; raises MalformedPayloadError for what is not whole, or in another currency."""
    money = body.child(key)
    if not required and not money.has("amount"):
        return 0
    if money.currency("currency_code") != currency:
        raise money.refuse("currency_code", "an amount is not in the order's currency")
    divisor = money.integer("divisor")
    if not 0 < divisor <= _MAX_DIVISOR:
        raise money.refuse("divisor", "a divisor is out of range")
    whole, rest = divmod(money.integer("amount") * 10 ** minor_digits(currency), divisor)
    if rest:
        raise money.refuse("amount", "an amount has more digits than its currency")
    return check_minor(whole)


def _readings(order: CanonicalOrder, body: Fields) -> Iterator[CanonicalOrder]:
    tax, vat = (amount(body, key, order.currency) for key in ("total_tax_cost", "total_vat_cost"))
    if tax < 0 or vat < 0:
        raise body.refuse("total_tax_cost", "an amount is negative")
    wrap = amount(body, "gift_wrap_price", order.currency)
    for fees in dict.fromkeys((wrap, 0)):
        each = replace(order, fees=fees)
        yield _taxed(each, tax + vat)
        yield replace(_taxed(each, tax + vat), tax_included=True)
        yield _taxed(each, tax)


def _taxed(order: CanonicalOrder, tax: int) -> CanonicalOrder:
    nets = [max(0, line.net) for line in order.lines]
    if not sum(nets):
        return replace(order, shipping_tax=tax)
    shares = allocate(tax, nets)
    return replace(order, lines=tuple(replace(line, tax=tax) for line, tax in zip(order.lines, shares, strict=True)))


def _lines(body: Fields, currency: str) -> Iterator[CanonicalLine]:
    entries = body.children("transactions")
    grosses = []
    for entry in entries:
        price, quantity = amount(entry, "price", currency), entry.integer("quantity")
        if quantity <= 0 or price < 0:
            raise entry.refuse("quantity", "a quantity or its price is out of range")
        grosses.append(check_minor(price) * quantity)
    discounts = _discounts(entries, grosses, amount(body, "discount_amt", currency), currency)
    for entry, gross, discount in zip(entries, grosses, discounts, strict=True):
        quantity = entry.integer("quantity")
        yield CanonicalLine(
            line_ref=entry.identifier("transaction_id"),
            sku=_sku(entry),
            quantity=quantity,
            unit_price=gross // quantity,
            discount=discount,
            title=entry.text("title"),
            requires_shipping=not entry.flag("is_digital"),
        )


def _discounts(entries: Sequence[Fields], grosses: Sequence[int], discount: int, currency: str) -> Sequence[int]:
    """The discount, as the transactions tell it or in proportion; raises MalformedPayloadError for more than goods."""
    try:
        told = [entry.money("shop_coupon", currency) for entry in entries]
    except MalformedPayloadError:
        told = []  # a number that was computed with is no part of the receipt's money
    if told and min(told) >= 0 and sum(told) == discount:
        return told
    if not 0 <= discount <= sum(grosses):
        raise MalformedPayloadError("the discount is negative, or more than the goods")
    return allocate(discount, grosses) if discount else [0] * len(grosses)


def _sku(entry: Fields) -> str:
    product, listing = entry.optional_identifier("product_id"), entry.optional_identifier("listing_id")
    fallback = f"product:{product}" if product else f"listing:{listing}" if listing else ""
    return clean_sku(entry.text("sku")) or fallback or f"line:{entry.identifier('transaction_id')}"


# ---------------------------------------------------------------- the rest


def read_refunds(body: Fields, currency: str) -> tuple[ChannelRefund, ...]:
    """What was paid back, in the order of time; several of one second are counted."""
    refunds, seen = [], dict[str, int]()
    for entry in body.children("refunds"):
        if entry.word("status").lower() not in _SUCCEEDED:
            continue
        second = entry.identifier("created_timestamp")
        seen[second] = seen.get(second, 0) + 1
        ref = second if seen[second] == 1 else f"{second}:{seen[second]}"
        refunds.append(ChannelRefund(refund_ref=ref, amount=abs(amount(entry, "amount", currency))))
    return tuple(refunds)


def _payment(body: Fields, status: str, total: int, refunds: Sequence[ChannelRefund]) -> ChannelPayment:
    """What the status says; `is_paid` where it says nothing of the money."""
    paid, refunded = body.flag("is_paid"), sum(refund.amount for refund in refunds)
    unsaid = PaymentState.PAID if paid else PaymentState.VOIDED if status == CANCELLED else PaymentState.PENDING
    state = _PAYMENT.get(status, unsaid)
    if refunded:
        state = PaymentState.REFUNDED if refunded >= total else PaymentState.PARTIALLY_REFUNDED
    return ChannelPayment(state=state, captured=max(total, refunded) if state in _COLLECTED else 0)


def _method(body: Fields) -> str:
    entries = body.children("transactions")
    methods = (entry.text(key) for entry in entries for key in ("shipping_upgrade", "shipping_method"))
    return next((method for method in methods if method), "")


def _words(body: Fields, status: str) -> tuple[tuple[str, str], ...]:
    flags = tuple((key, "true") for key in ("is_paid", "is_shipped") if body.flag(key))
    return ((("status", status),) if status else ()) + flags


def _contact(body: Fields) -> Contact:
    name = body.text("name")
    notes = [body.text(key, _NOTE) for key in ("message_from_buyer", "gift_message")]
    return Contact(
        name=name,
        email=body.text("buyer_email"),
        shipping=read_postal(
            body,
            name=name,
            lines=("first_line", "second_line"),
            city="city",
            region="state",
            postal_code="zip",
            country="country_iso",
            phone="phone",
        ),
        note="\n".join(note for note in notes if note)[:_NOTE],
    )
