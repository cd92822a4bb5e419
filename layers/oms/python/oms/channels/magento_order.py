"""Magento's order document: https://developer.adobe.com/commerce/webapi/rest/tutorials/orders

Amounts are numbers in the order's currency (`base_...` are in the shop's). What adds up to `grand_total`, with what
was paid by gift card, store credit and reward points, which are tenders and taken off it:

    subtotal + shipping_amount + tax_amount + discount_amount (negative, that of shipping in it)
    + discount_tax_compensation_amount + shipping_discount_tax_compensation_amount
    + fixed product taxes (`weee_tax_applied_row_amount`) + gift wrapping (`gw_..._price`)

Whether prices are entered with tax is not told: both readings are tried (see `magento_items`), the one with tax first
where a discount took tax off or the catalogue price is the one with tax.

`state` is Magento's, `status` the merchant's own word. What is collected is `total_paid`; refunds are credit memos of
state 2. An authorized payment is captured by invoices, which the shop makes: until then `total_paid` is empty.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.channels.magento_items import lines, read_items, units
from oms.channels.payload import Fields
from oms.channels.places import join_name, read_postal, read_ship_to
from oms.channels.sums import first_that_sums
from oms.domain.canonical import (
    CanonicalOrder,
    ChannelPayment,
    ChannelRefund,
    Contact,
    Normalized,
    PaymentState,
    RefundedLine,
    check_order,
)
from oms.domain.errors import MalformedPayloadError
from oms.domain.priced import countervalue

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from oms.channels.magento_items import Item
    from oms.domain.canonical import PostalAddress
    from oms.domain.priced import Countervalue

CANCELLED: Final = "canceled"
_HELD: Final = {"holded": "on hold in the channel", "payment_review": "payment review"}
TENDERS: Final = ("gift_cards_amount", "customer_balance_amount", "reward_currency_amount")
_WRAPPING: Final = ("gw_price", "gw_items_price", "gw_card_price")
_WRAPPING_TAX: Final = ("gw_tax_amount", "gw_items_tax_amount", "gw_card_tax_amount")
_OPEN: Final = frozenset({"new", "processing", "complete", "holded"})
_ON_DELIVERY: Final = "cashondelivery"
_REFUNDED: Final = 2
_STREETS: Final = 8
_STREET: Final = 500
_NOTE: Final = 2000


def times(body: Fields) -> tuple[datetime, datetime]:
    """When it was placed and last changed; the API's times are UTC and do not say so."""
    placed_at = body.moment("created_at", naive_is_utc=True)
    if placed_at is None:
        raise body.refuse("created_at", "the order has no time of creation")
    return placed_at, body.moment("updated_at", naive_is_utc=True) or placed_at


def read_order(body: Fields, memos: Sequence[Fields], *, source: str, account: str) -> Normalized:
    """The order as canonical; raises the InvalidInputError family."""
    currency = body.currency("order_currency_code")
    placed_at, revision = times(body)
    more = body.child("extension_attributes")
    tenders = sum(_either(body, more, key, currency) for key in TENDERS)
    items = read_items(body, currency)
    address = _address(more)
    state = body.word("state")
    order = CanonicalOrder(
        source=source,
        account=account,
        external_id=body.identifier("entity_id"),
        number=body.text("increment_id") or body.identifier("entity_id"),
        revision=revision,
        placed_at=placed_at,
        currency=currency,
        lines=(),
        total=body.money("grand_total", currency, None) + tenders,
        gift_cards=tenders,
        ship_to=read_ship_to(address, country="country_id", region="region_code", postal_code="postcode"),
        shipping_method=body.text("shipping_description"),
        cancelled=state == CANCELLED,
        cancel_reason=CANCELLED if state == CANCELLED else "",
        on_hold=_HELD.get(state, ""),
        refunds=_refunds(memos, currency, {item.fields.identifier("item_id") for item in items}),
        status_words=tuple((key, word) for key in ("state", "status") if (word := body.word(key))),
        countervalue=_countervalue(body, more, currency),
    )
    readings = [_reading(order, body, items, with_tax=False), _reading(order, body, items, with_tax=True)]
    found = first_that_sums(readings[::-1] if _entered_with_tax(body, items, currency) else readings)
    return Normalized(order=check_order(replace(found, payment=_payment(body, found))), contact=_contact(body, address))


def _countervalue(body: Fields, more: Fields, currency: str) -> Countervalue | None:
    """The same total in the shop's own currency."""
    tenders = [(more if more.has(f"base_{key}") else body).values.get(f"base_{key}") for key in TENDERS]
    amounts = [body.values.get("base_grand_total"), *(each for each in tenders if each is not None)]
    return countervalue("shop", body.values.get("base_currency_code"), amounts, currency)


def _either(body: Fields, more: Fields, key: str, currency: str) -> int:
    """An amount of an extension, which older versions tell among the order's own fields."""
    return more.money(key, currency) if more.has(key) else body.money(key, currency)


def _entered_with_tax(body: Fields, items: Sequence[Item], currency: str) -> bool:
    compensated = sum(
        entry.money("discount_tax_compensation_amount", currency) for entry in (body, *(each.fields for each in items))
    )
    return bool(compensated) or any(
        each.fields.fine("price") != each.fields.fine("price_incl_tax") == each.fields.fine("original_price")
        for each in items
    )


def _reading(order: CanonicalOrder, body: Fields, items: Sequence[Item], *, with_tax: bool) -> CanonicalOrder:
    """The order with its prices without tax, or with it."""
    currency, more = order.currency, body.child("extension_attributes")
    off, tax = body.money("shipping_discount_amount", currency), body.money("shipping_tax_amount", currency)
    shipping = body.money("shipping_amount", currency)
    if with_tax:
        shipping = body.money("shipping_incl_tax", currency, shipping + tax)
    fixed = sum(each.fields.money("weee_tax_applied_row_amount", currency) for each in items)
    wrapped = sum(_either(body, more, key, currency) for key in _WRAPPING)
    wrapping_tax = sum(_either(body, more, key, currency) for key in _WRAPPING_TAX)
    if with_tax:
        wrapped += wrapping_tax
    taxes = body.money("tax_amount", currency, tax + sum(each.tax for each in items) + wrapping_tax)
    return replace(
        order,
        lines=lines(items, with_tax=with_tax),
        tax_included=with_tax,
        shipping=shipping - abs(off),
        shipping_tax=tax,
        fees=fixed + wrapped,
        fee_tax=max(0, taxes - tax - sum(each.tax for each in items)),
    )


def _refunds(memos: Sequence[Fields], currency: str, known: set[str]) -> tuple[ChannelRefund, ...]:
    """Credit memos that were paid out; their comments are free text and are not taken."""
    refunds = []
    for memo in memos:
        if memo.integer("state", _REFUNDED) != _REFUNDED:
            continue
        if memo.has("order_currency_code") and memo.currency("order_currency_code") != currency:
            raise memo.refuse("order_currency_code", "a refund is not in the order's currency")
        amount = memo.money("grand_total", currency, None)
        if amount < 0:
            raise memo.refuse("grand_total", "a refund is negative")
        parts = [(item.optional_identifier("order_item_id"), units(item, "qty")) for item in memo.children("items")]
        refunds.append(
            ChannelRefund(
                refund_ref=memo.identifier("entity_id"),
                amount=amount,
                lines=tuple(RefundedLine(line_ref=ref, quantity=qty) for ref, qty in parts if qty and ref in known),
            )
        )
    return tuple(refunds)


def _payment(body: Fields, order: CanonicalOrder) -> ChannelPayment:
    """By what was paid and given back, else by the state; an unknown state is PENDING: nothing ships on it."""
    currency, state, method = order.currency, body.text("state"), body.child("payment").text("method")
    paid = body.money("total_paid", currency)
    refunded = max(body.money("total_refunded", currency), sum(refund.amount for refund in order.refunds))
    due = order.total - order.gift_cards
    captured = max(paid, refunded) + (order.gift_cards if paid >= due else 0)
    if refunded:
        whole = refunded >= max(paid, 1) or state == "closed"
        return ChannelPayment(
            state=PaymentState.REFUNDED if whole else PaymentState.PARTIALLY_REFUNDED, captured=captured
        )
    if state == CANCELLED:
        return ChannelPayment(state=PaymentState.VOIDED, captured=paid)
    if paid >= due and (paid or state in _OPEN):  # without anything due, no payment will come
        return ChannelPayment(state=PaymentState.PAID, captured=captured)
    collected_later = method == _ON_DELIVERY and state == "new"
    if state in {"processing", "complete"} or collected_later:
        return ChannelPayment(state=PaymentState.AUTHORIZED, captured=paid)
    return ChannelPayment(state=PaymentState.PENDING, captured=paid)


def _address(more: Fields) -> Fields:
    """Where the goods go; without fields for an order of downloads."""
    found = [entry.child("shipping").child("address") for entry in more.children("shipping_assignments")]
    found = [_streets(address) for address in found if address.values]
    if len({tuple(sorted(map(repr, address.values.items()))) for address in found}) > 1:
        raise MalformedPayloadError("the order goes to several addresses", addresses=len(found))
    return found[0] if found else Fields({})


def _streets(address: Fields) -> Fields:
    """The address with the lines of its street as fields of their own."""
    streets = address.values.get("street")
    if not isinstance(streets, list):
        return address
    named = {f"street{number}": line for number, line in enumerate(streets[:_STREETS])}
    return Fields({**address.values, **named}, address.path)


def _contact(body: Fields, address: Fields) -> Contact:
    billing = _streets(body.child("billing_address"))
    name = join_name(body.text("customer_firstname"), body.text("customer_lastname"))
    return Contact(
        name=name or _name(billing) or _name(address),
        email=body.text("customer_email") or billing.text("email"),
        phone=address.text("telephone") or billing.text("telephone"),
        shipping=_postal(address),
        billing=_postal(billing),
        note=body.text("customer_note", _NOTE),
    )


def _name(address: Fields) -> str:
    return join_name(address.text("firstname"), address.text("lastname"))


def _postal(address: Fields) -> PostalAddress | None:
    return read_postal(
        address,
        name=_name(address),
        company="company",
        lines=tuple(f"street{number}" for number in range(_STREETS)),
        city="city",
        region="region",
        postal_code="postcode",
        country="country_id",
        phone="telephone",
    )
