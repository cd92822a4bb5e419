"""Amazon's order documents: https://developer-docs.amazon.com/sp-api/docs/orders-api-v0-reference

`ItemPrice`, `ItemTax` and the like are for the whole quantity of an item; `ItemPrice` excludes shipping and gift wrap.
Whether it contains the tax depends on the marketplace (in the US not, in Europe and Japan it does), and whether taxes
are told before or after promotions is not documented. So three readings are tried against `OrderTotal`, and the first
that sums is taken; when none does the order is refused:

1. tax comes on top;
2. tax comes on top, less `PromotionDiscountTax` and `ShippingDiscountTax`;
3. tax lies inside the prices.

Gift wrap and the fee of cash on delivery are fees. An item of quantity 0 was cancelled and is left out. A cancelled
order tells no prices any more (or some that do not sum): its lines come with price 0, all units cancelled. Items that
Amazon ships (AFN) need no shipping of ours.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.channels.payload import clean_sku
from oms.channels.places import read_postal, read_ship_to
from oms.domain.canonical import (
    CanonicalLine,
    CanonicalOrder,
    ChannelPayment,
    Contact,
    Normalized,
    PaymentState,
    check_order,
    sum_parts,
)
from oms.domain.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.channels.payload import Fields

PENDING: Final = frozenset({"Pending", "PendingAvailability"})
_CANCELED: Final = "Canceled"
_SHIPPED: Final = "Shipped"
_HELD: Final = frozenset({"Unfulfillable"})
_CURRENCIES: Final = {
    "EUR": "A1PA6795UKMFR9 A13V1IB3VIYZZH APJ6JRA9NG5V4 A1RKKUPIHCS9HS A1805IZSGTT6HS AMEN7PMS3EDWL A28R8C7NBKEWEA",
    "USD": "ATVPDKIKX0DER",
    "CAD": "A2EUQ1WTGCTBG2",
    "MXN": "A1AM78C64UM0Y8",
    "BRL": "A2Q3Y263D00KWC",
    "GBP": "A1F83G8C2ARO7P",
    "SEK": "A2NODRKZP88ZB9",
    "PLN": "A1C3SOZRARQ6R3",
    "TRY": "A33AVAJ2PDY3EV",
    "JPY": "A1VC38T7YXB528",
    "AUD": "A39IBJ37TRP1C6",
    "SGD": "A19VAU5U5O4RUS",
    "INR": "A21TJRUUN4KGV",
    "AED": "A2VIGQ35RCS4UG",
}
"""Marketplace ids by currency, for cancelled orders, which tell no amount."""


def read_order(
    body: Fields, items: Sequence[Fields], *, address: Fields | None, buyer: Fields | None, source: str, account: str
) -> Normalized:
    """The order as canonical; raises the InvalidInputError family, InvalidInputError itself for one without prices."""
    status = body.word("OrderStatus")
    if status in PENDING:
        raise InvalidInputError("the order awaits its payment and has no prices yet", status=status)
    external_id = body.identifier("AmazonOrderId")
    placed_at = body.moment("PurchaseDate")
    if placed_at is None:
        raise body.refuse("PurchaseDate", "the order has no time of purchase")
    place = address if address and address.has("ShippingAddress") else body
    destination = place.child("ShippingAddress")
    located = destination.child("ExtendedFields").child("GeoCoordinates")
    order = CanonicalOrder(
        source=source,
        account=account,
        external_id=external_id,
        number=external_id,
        revision=body.moment("LastUpdateDate") or placed_at,
        placed_at=placed_at,
        currency=_currency(body),
        lines=(),
        total=0,
        ship_to=read_ship_to(
            destination,
            country="CountryCode",
            region="StateOrRegion",
            postal_code="PostalCode",
            latitude=located.coordinate("Latitude", 90),
            longitude=located.coordinate("Longitude", 180),
        ),
        shipping_method=body.text("ShipServiceLevel") or body.text("ShipmentServiceLevelCategory"),
        cancelled=status == _CANCELED,
        cancel_reason=status.lower() if status == _CANCELED else "",
        on_hold=_hold(items, status),
        status_words=_words(body),
    )
    ours = body.text("FulfillmentChannel") != "AFN"
    live = [item for item in items if item.integer("QuantityOrdered") > 0]
    priced = _priced(order, _money(body, "OrderTotal", order.currency), live, ours=ours)
    if priced.cancelled and (len(live) < len(items) or sum_parts(priced) != priced.total):
        priced = _cancelled(order, items, ours=ours)
    return Normalized(order=check_order(priced), contact=_contact(place, body, buyer))


def _currency(body: Fields) -> str:
    """The currency of `OrderTotal`; of the marketplace where a cancelled order tells no total."""
    total = body.child("OrderTotal")
    if total.has("Amount"):
        return total.currency("CurrencyCode")
    code = currency_of(body.text("MarketplaceId"))
    if body.word("OrderStatus") != _CANCELED or not code:
        raise InvalidInputError("the order has no total", status=body.word("OrderStatus"))
    return code


def currency_of(marketplace: str) -> str:
    """The currency of a marketplace's id; empty when it is not known."""
    return next((code for code, ids in _CURRENCIES.items() if marketplace and marketplace in ids.split()), "")


def _cancelled(order: CanonicalOrder, items: Sequence[Fields], *, ours: bool) -> CanonicalOrder:
    lines = []
    for item in items:
        units = max(1, item.integer("QuantityOrdered"))
        lines.append(replace(_line(item, 0, 0, ours=ours), quantity=units, unit_price=0, discount=0, cancelled=units))
    return replace(order, lines=tuple(lines), payment=ChannelPayment(state=PaymentState.VOIDED))


def _priced(order: CanonicalOrder, total: int, items: Sequence[Fields], *, ours: bool) -> CanonicalOrder:
    currency = order.currency
    lines = []
    shipping = shipping_tax = fees = fee_tax = 0
    for item in items:
        line = _line(item, _money(item, "ItemPrice", currency), _money(item, "PromotionDiscount", currency), ours=ours)
        units = line.quantity if order.cancelled else 0
        lines.append(replace(line, tax=_money(item, "ItemTax", currency), cancelled=units))
        shipping += _money(item, "ShippingPrice", currency) - _money(item, "ShippingDiscount", currency)
        shipping_tax += _money(item, "ShippingTax", currency)
        wrap = item.child("BuyerInfo") if item.has("BuyerInfo") else item
        fees += _money(wrap, "GiftWrapPrice", currency)
        fees += _money(item, "CODFee", currency) - _money(item, "CODFeeDiscount", currency)
        fee_tax += _money(wrap, "GiftWrapTax", currency)
    # Amazon charges the buyer when the order ships; until then it only vouches for the payment.
    shipped = ("OrderStatus", _SHIPPED) in order.status_words
    paid = (
        ChannelPayment(state=PaymentState.PAID, captured=total)
        if shipped
        else ChannelPayment(state=PaymentState.AUTHORIZED)
    )
    order = replace(
        order,
        lines=tuple(lines),
        total=total,
        shipping=shipping,
        shipping_tax=shipping_tax,
        fees=fees,
        fee_tax=fee_tax,
        payment=ChannelPayment(state=PaymentState.VOIDED) if order.cancelled else paid,
    )
    return _decided(order, items)


def _decided(order: CanonicalOrder, items: Sequence[Fields]) -> CanonicalOrder:
    """The first reading that sums to the total; the first of all when none does."""
    less = [_money(item, "PromotionDiscountTax", order.currency) for item in items]
    net = replace(
        order,
        lines=tuple(replace(line, tax=line.tax - tax) for line, tax in zip(order.lines, less, strict=True)),
        shipping_tax=order.shipping_tax - sum(_money(item, "ShippingDiscountTax", order.currency) for item in items),
    )
    readings = (order, net, replace(order, tax_included=True))
    return next((reading for reading in readings if sum_parts(reading) == order.total), order)


def _line(item: Fields, price: int, promotion: int, *, ours: bool) -> CanonicalLine:
    """A line of `price` for all its units: the unit price rounded up, the rest discount."""
    quantity = item.integer("QuantityOrdered")
    unit_price = -(-price // quantity) if quantity > 0 else 0
    line_ref = item.identifier("OrderItemId")
    asin = item.optional_identifier("ASIN")
    return CanonicalLine(
        line_ref=line_ref,
        sku=clean_sku(item.text("SellerSKU")) or (f"asin:{asin}" if asin else f"line:{line_ref}"),
        quantity=quantity,
        unit_price=unit_price,
        discount=unit_price * quantity - price + promotion,
        title=item.text("Title"),
        requires_shipping=ours,
    )


def _money(fields: Fields, key: str, currency: str) -> int:
    money = fields.child(key)
    if not money.has("Amount"):
        return 0
    if money.currency("CurrencyCode") != currency:
        raise money.refuse("CurrencyCode", "an amount is not in the order's currency")
    return money.money("Amount", currency)


def _hold(items: Sequence[Fields], status: str) -> str:
    if status in _HELD:
        return status.lower()
    asked = any(
        str(item.child("BuyerRequestedCancel").values.get("IsBuyerRequestedCancel", "")).lower() == "true"
        for item in items
    )
    return "the buyer asks to cancel" if asked and status == "Unshipped" else ""


def _words(body: Fields) -> tuple[tuple[str, str], ...]:
    keys = ("OrderStatus", "FulfillmentChannel", "EasyShipShipmentStatus")
    return tuple((key, body.word(key)) for key in keys if body.has(key))


def _contact(place: Fields, body: Fields, buyer: Fields | None) -> Contact:
    person = buyer or body.child("BuyerInfo")
    place = place.child("ShippingAddress")
    name = place.text("Name")
    return Contact(
        name=person.text("BuyerName") or name,
        email=person.text("BuyerEmail"),
        phone=place.text("Phone"),
        shipping=read_postal(
            place,
            name=name,
            company="CompanyName",
            lines=("AddressLine1", "AddressLine2", "AddressLine3"),
            city="City",
            region="StateOrRegion",
            postal_code="PostalCode",
            country="CountryCode",
            phone="Phone",
        ),
    )
