"""The merchant's own site: the body of `POST /orders`. The contract is ours.

Amounts are integers in minor units of `currency`, instants ISO 8601 with a zone. Null is the same as absent; fields
that are not listed are refused, so that a misspelled discount is not lost. What the order's parts must sum to is in
`oms.domain.canonical`.

    number              text, required                    shipping, shipping_tax, fees, fee_tax, tips, duties,
    currency            ISO 4217, required                gift_cards           integers >= 0
    tax_included        boolean                           total                integer, required
    placed_at           instant, default now              shipping_method      text
    lines               required, 1 or more: line_ref (default: its position from 1), sku, quantity, unit_price,
                        discount, tax, title, requires_shipping, tax_class
    ship_to             country, region, postal_code, latitude, longitude
    contact             name, email, phone, note, shipping and billing: name, company, lines, city, region,
                        postal_code, country, phone
    payment             {"provider": "stripe", "reference": "pi_..."}, {"provider": "adyen", "reference": PSP reference
                        of the authorisation}, {"provider": "paypal", "reference": PayPal order}, or
                        {"provider": "in_channel", "state": ..., "captured": ...}, or {"provider": "on_invoice",
                        "reference": purchase order, "terms_days": 30}; required, unless there are
    payments            several of these but in_channel, each with `amount`, and {"provider": "gift_card", "reference":
                        ..., "amount": ...}; see `site_payments`
    hold_id             text: the hold of stock that the order takes over (docs/api.md)
    taxes               reckon (default true), exempt, business: booleans. The order's taxes are reckoned here; then it
                        tells none of its own, and unless `tax_included` its total is without them
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.channels.contract import SHIP_TO, amount, only, required, ship_to, text
from oms.channels.payload import Fields, clean, clean_sku
from oms.channels.places import read_country
from oms.channels.site_payments import PaymentInstruction, read_payment
from oms.domain.canonical import (
    CanonicalLine,
    CanonicalOrder,
    Contact,
    Normalized,
    PostalAddress,
    ShipTo,
    check_order,
)
from oms.domain.ids import is_stock_hold_id
from oms.domain.priced import TaxesAsked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

source = "site"

_ADDRESS: Final = frozenset({"name", "company", "lines", "city", "region", "postal_code", "country", "phone"})
_CONTACT: Final = frozenset({"name", "email", "phone", "note", "shipping", "billing"})
_LINE: Final = frozenset(
    {
        *("line_ref", "sku", "quantity", "unit_price", "discount", "tax", "title", "requires_shipping"),
        "tax_class",
    }
)
_TAXES: Final = frozenset({"reckon", "exempt", "business"})
_ORDER: Final = frozenset(
    {
        *("number", "currency", "tax_included", "placed_at", "lines", "total"),
        *("shipping", "shipping_tax", "fees", "fee_tax", "tips", "duties", "gift_cards"),
        *("ship_to", "contact", "shipping_method", "payment", "payments", "hold_id", "taxes"),
    }
)
_CLASS: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_MAX_STREET_LINES: Final = 6
_SKEW: Final = timedelta(minutes=5)
"""How far the clock of the merchant's site may run ahead of ours."""


def read_order(
    document: Mapping[str, Any], *, account: str, external_id: str, now: datetime
) -> tuple[Normalized, PaymentInstruction]:
    """The order and how it is paid; raises the InvalidInputError family, naming the path of the field."""
    body = Fields(document)
    only(body, _ORDER)
    currency = body.currency("currency")
    placed_at = body.moment("placed_at") or now
    if placed_at - now > _SKEW:  # a sum would be out of range at the end of time
        raise body.refuse("placed_at", "the order cannot have been placed in the future")
    payment, instruction = read_payment(body)
    order = CanonicalOrder(
        source=source,
        account=account,
        external_id=external_id,
        number=required(body, "number"),
        revision=now,
        placed_at=placed_at,
        currency=currency,
        lines=tuple(_line(entry, index) for index, entry in enumerate(body.children("lines"), start=1)),
        total=amount(body, "total", needed=True),
        tax_included=body.flag("tax_included"),
        ship_to=_ship_to(body),
        shipping_method=text(body, "shipping_method"),
        payment=payment,
        shipping=amount(body, "shipping"),
        shipping_tax=amount(body, "shipping_tax"),
        fees=amount(body, "fees"),
        fee_tax=amount(body, "fee_tax"),
        tips=amount(body, "tips"),
        duties=amount(body, "duties"),
        gift_cards=amount(body, "gift_cards") + instruction.cards,
        stock_hold=_stock_hold(body),
    )
    taxes = _taxes(body, order)
    return Normalized(order=check_order(order), contact=_contact(body), taxes=taxes), instruction


def _line(entry: Fields, index: int) -> CanonicalLine:
    only(entry, _LINE)
    line_ref = text(entry, "line_ref") if entry.has("line_ref") else str(index)
    if not line_ref:
        raise entry.refuse("line_ref", "an id is missing")
    return CanonicalLine(
        line_ref=line_ref,
        sku=clean_sku(required(entry, "sku")),
        quantity=entry.integer("quantity"),
        unit_price=amount(entry, "unit_price", needed=True),
        discount=amount(entry, "discount"),
        tax=amount(entry, "tax"),
        title=text(entry, "title"),
        requires_shipping=entry.flag("requires_shipping", default=True),
        tax_class=_tax_class(entry),
    )


def _tax_class(entry: Fields) -> str:
    tax_class = text(entry, "tax_class")
    if tax_class and not _CLASS.fullmatch(tax_class):
        raise entry.refuse("tax_class", "a class of taxes has small letters, digits and _")
    return tax_class


def _taxes(body: Fields, order: CanonicalOrder) -> TaxesAsked | None:
    if not body.has("taxes"):
        return None
    asked = body.child("taxes")
    only(asked, _TAXES)
    flags = {name: asked.flag(name) for name in ("exempt", "business")}
    taxes = TaxesAsked(reckon=asked.flag("reckon", default=True), **flags)
    if taxes.reckon and has_taxes(order):
        raise body.refuse("taxes", "taxes are told, or reckoned here; not both")
    if taxes.reckon and order.ship_to is None:
        raise body.refuse("ship_to", "taxes depend on where the goods go")
    return taxes


def has_taxes(order: CanonicalOrder) -> bool:
    """It tells taxes of its own."""
    return bool(order.shipping_tax or order.fee_tax or any(line.tax for line in order.lines))


def _ship_to(body: Fields) -> ShipTo | None:
    if not body.has("ship_to"):
        return None
    place = body.child("ship_to")
    only(place, SHIP_TO)
    return ship_to(place)


def _stock_hold(body: Fields) -> str:
    hold_id = text(body, "hold_id")
    if hold_id and not is_stock_hold_id(hold_id):
        raise body.refuse("hold_id", "no hold of stock has such an id")
    return hold_id


def _contact(body: Fields) -> Contact:
    person = body.child("contact")
    only(person, _CONTACT)
    return Contact(
        name=text(person, "name"),
        email=text(person, "email"),
        phone=text(person, "phone"),
        shipping=_postal(person, "shipping"),
        billing=_postal(person, "billing"),
        note=text(person, "note"),
    )


def _postal(person: Fields, key: str) -> PostalAddress | None:
    if not person.has(key):
        return None
    address = person.child(key)
    only(address, _ADDRESS)
    lines = address.values.get("lines") or []
    street = isinstance(lines, list) and len(lines) <= _MAX_STREET_LINES
    if not street or not all(isinstance(line, str) for line in lines):
        raise address.refuse("lines", "a field must be a list of a few texts")
    return PostalAddress(
        name=text(address, "name"),
        company=text(address, "company"),
        lines=tuple(clean(line) for line in lines),
        city=text(address, "city"),
        region=text(address, "region"),
        postal_code=text(address, "postal_code"),
        country=read_country(address, "country"),
        phone=text(address, "phone"),
    )
