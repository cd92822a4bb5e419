"""Corner Shop's sale: https://cornershop.example/docs/sales (made up).

Amounts are decimal strings in the sale's currency, those of an item for all its units but `price`. `total` is what the
customer paid or is to pay: items less what is `off`, delivery, tip, and the taxes unless `prices_include_tax`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.channels.payload import clean_sku
from oms.channels.places import read_postal, read_ship_to
from oms.domain.canonical import (
    CanonicalLine,
    CanonicalOrder,
    ChannelPayment,
    ChannelRefund,
    Contact,
    Normalized,
    PaymentState,
    RefundedLine,
    Restock,
    check_order,
)

if TYPE_CHECKING:
    from oms.channels.payload import Fields

_STATES: Final = {
    "open": PaymentState.PENDING,
    "paid": PaymentState.PAID,
    "handed_over": PaymentState.PAID,
    "void": PaymentState.VOIDED,
}
"""An unknown word is PENDING: nothing ships on it."""


def read_sale(sale: Fields, *, source: str, account: str) -> Normalized:
    """The sale as canonical; raises the InvalidInputError family."""
    currency = sale.currency("currency")
    placed_at, changed_at = sale.moment("placed"), sale.moment("changed")
    if placed_at is None or changed_at is None:
        raise sale.refuse("changed", "the order has no time of change")
    delivery, address, state = sale.child("delivery"), sale.child("address"), sale.word("state")
    order = CanonicalOrder(
        source=source,
        account=account,
        external_id=sale.identifier("id"),
        number=sale.text("no"),
        revision=changed_at,
        placed_at=placed_at,
        currency=currency,
        lines=tuple([_line(item, currency) for item in sale.children("items")]),
        total=sale.money("total", currency, None),
        tax_included=sale.flag("prices_include_tax"),
        shipping=delivery.money("price", currency),
        shipping_tax=delivery.money("tax", currency),
        tips=sale.money("tip", currency),
        ship_to=read_ship_to(address, country="country", region="region", postal_code="zip"),
        shipping_method=delivery.text("method"),
        payment=ChannelPayment(state=_STATES.get(state, PaymentState.PENDING), captured=sale.money("paid", currency)),
        cancelled=state == "void",
        refunds=tuple([_refund(entry, currency) for entry in sale.children("returns")]),
        status_words=(("state", state),),
    )
    return Normalized(order=check_order(order), contact=_contact(sale))


def _line(item: Fields, currency: str) -> CanonicalLine:
    line_ref = item.identifier("id")
    return CanonicalLine(
        line_ref=line_ref,
        sku=clean_sku(item.text("article")) or f"line:{line_ref}",
        quantity=item.integer("count"),
        unit_price=item.money("price", currency, None),
        discount=item.money("off", currency),
        tax=item.money("tax", currency),
        title=item.text("name"),
    )


def _refund(entry: Fields, currency: str) -> ChannelRefund:
    return ChannelRefund(
        refund_ref=entry.identifier("id"),
        amount=entry.money("amount", currency, None),
        lines=tuple(
            [
                RefundedLine(
                    line_ref=item.identifier("id"),
                    quantity=item.integer("count"),
                    restock=Restock.RETURN if item.flag("back_on_shelf") else Restock.NONE,
                )
                for item in entry.children("items")
            ]
        ),
    )


def _contact(sale: Fields) -> Contact:
    customer = sale.child("customer")
    return Contact(
        name=customer.text("name"),
        email=customer.text("email"),
        phone=customer.text("phone"),
        shipping=read_postal(
            sale.child("address"),
            name=customer.text("name"),
            lines=("street",),
            city="city",
            region="region",
            postal_code="zip",
            country="country",
            phone="phone",
        ),
    )
