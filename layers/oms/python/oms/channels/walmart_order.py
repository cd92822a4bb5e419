"""Walmart's purchase order: https://developer.walmart.com/us-marketplace/reference/getanorder

A purchase order is one seller's part of a customer's order. Walmart tells no total of it: it is what its charges and
their taxes come to. A charge is for all units of its line (https://developer.walmart.com/us-marketplace/docs/
multi-line-multi-quantity-mlmq-migration-guide) and an amount is a JSON number; taxes come on top. What lowers a price
is a charge of its own, negative. Charges for goods and shipping have their places; any other is a fee.

The order has no state: units of its lines do. A buyer is charged when goods leave, so that the payment is vouched for
until nothing more will be shipped. Times are milliseconds; the last change of a line is all that is told of changes.
An order of Walmart's own warehouses (WFS) needs no shipping of ours. A refund names no units, and may be of several
lines under one id.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from oms.channels.payload import clean_sku
from oms.channels.places import read_postal, read_ship_to
from oms.channels.sums import unit_price
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
from oms.domain.frozen import frozen
from oms.domain.money import allocate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.channels.payload import Fields

_CANCELLED: Final = "Cancelled"
_GONE: Final = frozenset({"Shipped", "Delivered"})
_PRODUCT, _SHIPPING = "PRODUCT", "SHIPPING"
_THEIRS: Final = frozenset({"WFSFulfilled", "3PLFulfilled"})
_COUNTRIES: Final = {
    "USA": "US",
    "CAN": "CA",
    "MEX": "MX",
    "CHL": "CL",
    "PRI": "PR",
    "GUM": "GU",
    "VIR": "VI",
    "ASM": "AS",
    "MNP": "MP",
}
"""Walmart writes countries in three letters."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = 253_402_300_799_999
_QUANTITY_DIGITS: Final = 7


@frozen
class _Money:
    """What the charges of one line come to."""

    goods: int = 0
    discount: int = 0
    tax: int = 0
    shipping: int = 0
    shipping_tax: int = 0
    fees: int = 0
    fee_tax: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        taxes = self.tax + self.shipping_tax + self.fee_tax
        return self.goods - self.discount + self.shipping + self.fees + taxes


def read_order(body: Fields, *, source: str, account: str) -> Normalized:
    """The order as canonical; raises the InvalidInputError family."""
    external_id = body.identifier("purchaseOrderId")
    placed_at, changed = times(body)
    entries = order_lines(body)
    currency = order_currency(entries)
    money = [_money(entry, currency) for entry in entries]
    ours = body.child("shipNode").text("type") not in _THEIRS
    lines = tuple(_line(entry, each, ours=ours) for entry, each in zip(entries, money, strict=True))
    refunds = read_refunds(entries, currency)
    info = body.child("shippingInfo")
    order = CanonicalOrder(
        source=source,
        account=account,
        external_id=external_id,
        number=body.optional_identifier("customerOrderId") or external_id,
        revision=changed,
        placed_at=placed_at,
        currency=currency,
        lines=lines,
        total=sum(each.total for each in money),
        shipping=sum(each.shipping for each in money),
        shipping_tax=sum(each.shipping_tax for each in money),
        fees=sum(each.fees for each in money),
        fee_tax=sum(each.fee_tax for each in money),
        ship_to=read_ship_to(_address(info), country="country", region="state", postal_code="postalCode"),
        shipping_method=info.text("methodCode"),
        payment=_payment(entries, money, lines, refunds),
        cancelled=all(line.cancelled == line.quantity for line in lines),
        cancel_reason=_reason(entries) if all(line.cancelled == line.quantity for line in lines) else "",
        on_hold="the buyer asks to cancel" if any(_asked(entry) for entry in entries) else "",
        refunds=refunds,
        status_words=_words(body, entries),
    )
    return Normalized(order=check_order(order), contact=_contact(body))


def times(body: Fields) -> tuple[datetime, datetime]:
    """When the order was placed, and the last that is known to have changed in it."""
    placed_at = _moment(body, "orderDate")
    if placed_at is None:
        raise body.refuse("orderDate", "the order has no time of creation")
    changes = [_moment(entry, "statusDate") for entry in order_lines(body)]
    return placed_at, max([placed_at, *(each for each in changes if each is not None)])


def _moment(fields: Fields, key: str) -> datetime | None:
    milliseconds = fields.integer(key, 0)
    if not 0 <= milliseconds <= _LATEST:
        raise fields.refuse(key, "a field must be unix milliseconds")
    return _EPOCH + timedelta(milliseconds=milliseconds) if milliseconds else None


def order_lines(body: Fields) -> Sequence[Fields]:
    """The lines of an order."""
    return body.child("orderLines").children("orderLine")


def order_currency(entries: Sequence[Fields]) -> str:
    """The currency of the first charge; the others are held against it."""
    for entry in entries:
        for charge in entry.child("charges").children("charge"):
            return charge.child("chargeAmount").currency("currency")
    raise MalformedPayloadError("the order has no charges")


def is_cancelled(entries: Sequence[Fields]) -> bool:
    """Is no unit left?"""
    return bool(entries) and all(_units(entry, _CANCELLED) >= quantity(entry) for entry in entries)


# ---------------------------------------------------------------- lines and money


def quantity(entry: Fields) -> int:
    """The units of a line."""
    return _number(entry.child("orderLineQuantity"))


def _number(fields: Fields) -> int:
    """A quantity, which is written as a text."""
    text = fields.text("amount")
    if not (text.isascii() and text.isdigit() and len(text) <= _QUANTITY_DIGITS):
        raise fields.refuse("amount", "a quantity is not a whole number")
    return int(text)


def _units(entry: Fields, *statuses: str) -> int:
    """Units in these states. A state that tells no quantity is that of all units."""
    states = entry.child("orderLineStatuses").children("orderLineStatus")
    return sum(
        _number(state.child("statusQuantity")) if state.has("statusQuantity") else quantity(entry)
        for state in states
        if state.word("status") in statuses
    )


def line_total(entry: Fields, currency: str) -> int:
    """What a line comes to, with its shipping and its taxes."""
    return _money(entry, currency).total


def _money(entry: Fields, currency: str) -> _Money:
    found = dict.fromkeys(("goods", "discount", "tax", "shipping", "shipping_tax", "fees", "fee_tax"), 0)
    for charge in entry.child("charges").children("charge"):
        value, tax = _charge(charge, currency)
        kind = charge.text("chargeType").upper()
        if kind == _SHIPPING:
            found["shipping"] += value
            found["shipping_tax"] += tax
        elif kind == _PRODUCT or value < 0:
            found["goods" if value >= 0 else "discount"] += abs(value)
            found["tax"] += tax
        else:
            found["fees"] += value
            found["fee_tax"] += tax
    return _Money(**found)


def _charge(charge: Fields, currency: str) -> tuple[int, int]:
    """The amount of a charge and its tax."""
    return _amount(charge.child("chargeAmount"), currency), _amount(charge.child("tax").child("taxAmount"), currency)


def _amount(fields: Fields, currency: str) -> int:
    if not fields.has("amount"):
        return 0
    if fields.currency("currency") != currency:
        raise fields.refuse("currency", "an amount is not in the order's currency")
    return fields.money("amount", currency)


def _line(entry: Fields, money: _Money, *, ours: bool) -> CanonicalLine:
    units, line_ref, item = quantity(entry), entry.identifier("lineNumber"), entry.child("item")
    if units <= 0:
        raise entry.refuse("orderLineQuantity", "a quantity is out of range")
    price, over = unit_price(money.goods, units)
    return CanonicalLine(
        line_ref=line_ref,
        sku=clean_sku(item.text("sku")) or f"line:{line_ref}",
        quantity=units,
        unit_price=price,
        discount=over + money.discount,
        tax=money.tax,
        title=item.text("productName"),
        cancelled=min(units, _units(entry, _CANCELLED)),
        requires_shipping=ours,
    )


# ---------------------------------------------------------------- the rest


def read_refunds(entries: Sequence[Fields], currency: str) -> tuple[ChannelRefund, ...]:
    """What was paid back, by id; its amounts are negative."""
    amounts: dict[str, int] = {}
    for entry in entries:
        line_ref = entry.identifier("lineNumber")
        single = [entry.child("refund")] if entry.has("refund") else []
        for number, refund in enumerate([*single, *entry.child("refunds").children("refund")], 1):
            charges = refund.child("refundCharges").children("refundCharge")
            paid = sum(sum(_charge(each.child("charge"), currency)) for each in charges)
            ref = refund.optional_identifier("refundId") or f"line:{line_ref}:{number}"
            amounts[ref] = amounts.get(ref, 0) + paid
    return tuple(ChannelRefund(refund_ref=ref, amount=abs(paid)) for ref, paid in amounts.items() if paid)


def _payment(
    entries: Sequence[Fields],
    money: Sequence[_Money],
    lines: Sequence[CanonicalLine],
    refunds: Sequence[ChannelRefund],
) -> ChannelPayment:
    live = sum(line.quantity - line.cancelled for line in lines)
    refunded = sum(refund.amount for refund in refunds)
    if not live and not refunded:
        return ChannelPayment(state=PaymentState.VOIDED)
    gone = sum(_units(entry, *_GONE) for entry in entries)
    if gone < live and not refunded:
        return ChannelPayment(state=PaymentState.AUTHORIZED)
    kept = [(line.quantity - line.cancelled, line.cancelled) for line in lines]
    taken = sum(allocate(max(0, each.total), weights)[0] for each, weights in zip(money, kept, strict=True))
    if not refunded:
        return ChannelPayment(state=PaymentState.PAID, captured=taken)
    state = PaymentState.REFUNDED if refunded >= taken else PaymentState.PARTIALLY_REFUNDED
    return ChannelPayment(state=state, captured=max(taken, refunded))


def _reason(entries: Sequence[Fields]) -> str:
    states = (state for entry in entries for state in entry.child("orderLineStatuses").children("orderLineStatus"))
    return next((word for state in states if (word := state.word("cancellationReason").lower())), _CANCELLED.lower())


def _asked(entry: Fields) -> bool:
    """Does the buyer want a line cancelled that has not left?"""
    wanted = str(entry.values.get("intentToCancel", "")).lower() in {"true", "y", "yes"}
    return wanted and _units(entry, _CANCELLED, *_GONE) < quantity(entry)


def _words(body: Fields, entries: Sequence[Fields]) -> tuple[tuple[str, str], ...]:
    states = [state for entry in entries for state in entry.child("orderLineStatuses").children("orderLineStatus")]
    words: Mapping[str, str] = {
        "status": ",".join(sorted({state.word("status") for state in states} - {""})),
        "orderType": body.word("orderType"),
        "shipNodeType": body.child("shipNode").word("type"),
    }
    return tuple((key, word) for key, word in words.items() if word)


def _address(info: Fields) -> Fields:
    address = info.child("postalAddress")
    country = address.text("country").upper()
    values = {**address.values, "country": _COUNTRIES.get(country, country), "phone": info.values.get("phone")}
    return type(address)(values if address.values else {}, address.path)


def _contact(body: Fields) -> Contact:
    info = body.child("shippingInfo")
    address = _address(info)
    name = address.text("name")
    return Contact(
        name=name,
        email=body.text("customerEmailId"),
        phone=info.text("phone"),
        shipping=read_postal(
            address,
            name=name,
            lines=("address1", "address2"),
            city="city",
            region="state",
            postal_code="postalCode",
            country="country",
            phone="phone",
        ),
    )
