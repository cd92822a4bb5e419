"""Amazon's order as the Orders API of version 2026-01-01 has it, in one document with its items.

Rules: https://github.com/amzn/selling-partner-api-models/blob/main/models/orders-api-model/orders_2026-01-01.json and
https://developer-docs.amazon.com/sp-api/docs/orders-api-migration-guide. What an item brings is told by kind
(`breakdowns`), each for all its units: ITEM, SHIPPING, GIFT_WRAP, COD_FEE, OTHER, TAX, DISCOUNT; of TAX and DISCOUNT
also what of it is for which of these. A DELIVERY_TIP belongs to the order, and may be PENDING after the checkout.

Not documented is whether prices contain the tax, whether taxes are told before or after discounts, the sign of a
discount, and whether `grandTotal` has a tip that is pending (asked for in issue 5297 of the models' repository). A
discount is taken by its size; of the others every reading is held against `grandTotal`, and the first that sums is
taken. As in version 0 (`amazon_order`) an item of quantity 0 is left out, and a cancelled order may tell no prices.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.channels.amazon_order import currency_of
from oms.channels.payload import clean_sku
from oms.channels.places import read_postal, read_ship_to
from oms.channels.sums import first_that_sums, unit_price
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
    from collections.abc import Iterator, Mapping, Sequence

    from oms.channels.payload import Fields

_PENDING: Final = frozenset({"PENDING", "PENDING_AVAILABILITY"})
_CANCELLED: Final = "CANCELLED"
_SHIPPED: Final = "SHIPPED"
_HELD: Final = frozenset({"UNFULFILLABLE"})
_FEES: Final = ("GIFT_WRAP", "COD_FEE", "OTHER")
_TIP: Final = "DELIVERY_TIP"
_KINDS: Final = frozenset({"ITEM", "SHIPPING", "TAX", "DISCOUNT", *_FEES})


def read_order_2026(body: Fields, *, source: str, account: str) -> Normalized:
    """The order as canonical; raises the InvalidInputError family, InvalidInputError itself for one without prices."""
    fulfillment = body.child("fulfillment")
    status = fulfillment.word("fulfillmentStatus")
    if status in _PENDING:
        raise InvalidInputError("the order awaits its payment and has no prices yet", status=status)
    external_id, placed_at = body.identifier("orderId"), body.moment("createdTime")
    if placed_at is None:
        raise body.refuse("createdTime", "the order has no time of purchase")
    items, address = body.children("orderItems"), body.child("recipient").child("deliveryAddress")
    order = CanonicalOrder(
        source=source,
        account=account,
        external_id=external_id,
        number=external_id,
        revision=body.moment("lastUpdatedTime") or placed_at,
        placed_at=placed_at,
        currency=_currency(body, status),
        lines=(),
        total=0,
        ship_to=read_ship_to(address, country="countryCode", region="stateOrRegion", postal_code="postalCode"),
        shipping_method=fulfillment.text("fulfillmentServiceLevel"),
        cancelled=status == _CANCELLED,
        cancel_reason=status.lower() if status == _CANCELLED else "",
        on_hold=_hold(items, status),
        status_words=tuple(
            (key, fulfillment.word(key)) for key in ("fulfillmentStatus", "fulfilledBy") if fulfillment.has(key)
        ),
    )
    ours = fulfillment.text("fulfilledBy") != "AMAZON"
    return Normalized(order=_read(body, order, items, ours=ours), contact=_contact(body, address))


def _read(body: Fields, order: CanonicalOrder, items: Sequence[Fields], *, ours: bool) -> CanonicalOrder:
    total = _money(body.child("proceeds"), "grandTotal", order.currency)
    live = [item for item in items if item.integer("quantityOrdered") > 0]
    if order.cancelled:
        whole = [reading for reading in _readings(body, order, live, total, ours=ours) if sum_parts(reading) == total]
        if whole and live and len(live) == len(items):
            return check_order(_voided(whole[0]))
        return check_order(_voided(replace(order, lines=tuple([_bare(item, ours=ours) for item in items]))))
    # Amazon charges the buyer when the order ships; until then it only vouches for the payment.
    shipped = ("fulfillmentStatus", _SHIPPED) in order.status_words
    paid = ChannelPayment(state=PaymentState.PAID, captured=total)
    order = replace(order, payment=paid if shipped else ChannelPayment(state=PaymentState.AUTHORIZED))
    return first_that_sums(list(_readings(body, order, live, total, ours=ours)))


def _currency(body: Fields, status: str) -> str:
    """The currency of `grandTotal`; of the marketplace where a cancelled order tells no total."""
    total = body.child("proceeds").child("grandTotal")
    if total.has("amount"):
        return total.currency("currencyCode")
    code = currency_of(body.child("salesChannel").text("marketplaceId"))
    if status != _CANCELLED or not code:
        raise InvalidInputError("the order has no total", status=status)
    return code


def _readings(
    body: Fields, order: CanonicalOrder, items: Sequence[Fields], total: int, *, ours: bool
) -> Iterator[CanonicalOrder]:
    """Tax on top, on top less that of the discount, or inside; each with the tip, and without one that is pending."""
    parts = [_parts(item, order.currency) for item in items]
    lines, off = [], []
    shipping = shipping_tax = fees = fee_tax = 0
    for item, (kinds, taxes, discounts) in zip(items, parts, strict=True):
        on_shipping = discounts.get("SHIPPING", 0)
        on_fees = sum(discounts.get(kind, 0) for kind in _FEES)
        tax_elsewhere = taxes.get("SHIPPING", 0) + sum(taxes.get(kind, 0) for kind in _FEES)
        shipping += kinds.get("SHIPPING", 0) - on_shipping
        fees += sum(kinds.get(kind, 0) for kind in _FEES) - on_fees
        shipping_tax += taxes.get("SHIPPING", 0)
        fee_tax += tax_elsewhere - taxes.get("SHIPPING", 0)
        line = _line(item, kinds.get("ITEM", 0), kinds.get("DISCOUNT", 0) - on_shipping - on_fees, ours=ours)
        lines.append(replace(line, tax=kinds.get("TAX", 0) - tax_elsewhere))
        off.append(taxes.get("DISCOUNT", 0))
    tips, pending = _tips(body, order.currency)
    whole = replace(
        order, lines=tuple(lines), total=total, shipping=shipping, shipping_tax=shipping_tax, fees=fees, fee_tax=fee_tax
    )
    less = tuple(replace(line, tax=line.tax - abs(tax)) for line, tax in zip(lines, off, strict=True))
    for tip in dict.fromkeys((tips, tips - pending)):
        with_tip = replace(whole, tips=tip)
        yield with_tip
        yield replace(with_tip, lines=less)
        yield replace(with_tip, tax_included=True)


def _parts(item: Fields, currency: str) -> tuple[Mapping[str, int], Mapping[str, int], Mapping[str, int]]:
    """What an item brings by kind, and what of its tax and its discount is for which kind; discounts by their size.

    An item that does not tell it brings the price of its units.
    """
    kinds: dict[str, int] = {}
    detailed: dict[str, dict[str, int]] = {"TAX": {}, "DISCOUNT": {}}
    for entry in item.child("proceeds").children("breakdowns"):
        kind = entry.word("type")
        amount = _money(entry, "subtotal", currency)
        # A kind that is new belongs to the sum too.
        kind = kind if kind in _KINDS else "OTHER"
        kinds[kind] = kinds.get(kind, 0) + (abs(amount) if kind == "DISCOUNT" else amount)
        for part in entry.children("detailedBreakdowns") if kind in detailed else ():
            name, value = part.word("subtype"), _money(part, "value", currency)
            found = detailed[kind]
            found[name] = found.get(name, 0) + (abs(value) if kind == "DISCOUNT" else value)
    if not kinds:
        price = _money(item.child("product").child("price"), "unitPrice", currency)
        kinds["ITEM"] = price * item.integer("quantityOrdered")
    return kinds, detailed["TAX"], detailed["DISCOUNT"]


def _tips(body: Fields, currency: str) -> tuple[int, int]:
    """All tips, and those that are pending."""
    tips = pending = 0
    for entry in body.child("proceeds").children("breakdowns"):
        if entry.word("type") == _TIP:
            amount = _money(entry, "subtotal", currency)
            tips += amount
            pending += amount if entry.word("status") == "PENDING" else 0
    return tips, pending


def _line(item: Fields, price: int, discount: int, *, ours: bool) -> CanonicalLine:
    """A line of `price` for all its units."""
    quantity = item.integer("quantityOrdered")
    each, more = unit_price(price, quantity)
    return replace(_bare(item, ours=ours), quantity=quantity, unit_price=each, discount=more + discount, cancelled=0)


def _bare(item: Fields, *, ours: bool) -> CanonicalLine:
    """A line without a price, all its units cancelled."""
    units = max(1, item.integer("quantityOrdered"))
    product, line_ref = item.child("product"), item.identifier("orderItemId")
    asin = product.optional_identifier("asin")
    return CanonicalLine(
        line_ref=line_ref,
        sku=clean_sku(product.text("sellerSku")) or (f"asin:{asin}" if asin else f"line:{line_ref}"),
        quantity=units,
        unit_price=0,
        cancelled=units,
        title=product.text("title"),
        requires_shipping=ours,
    )


def _voided(order: CanonicalOrder) -> CanonicalOrder:
    lines = tuple([replace(line, cancelled=line.quantity) for line in order.lines])
    return replace(order, lines=lines, payment=ChannelPayment(state=PaymentState.VOIDED))


def _money(fields: Fields, key: str, currency: str) -> int:
    money = fields.child(key)
    if not money.has("amount"):
        return 0
    if money.currency("currencyCode") != currency:
        raise money.refuse("currencyCode", "an amount is not in the order's currency")
    return money.money("amount", currency)


def _hold(items: Sequence[Fields], status: str) -> str:
    """Held by Amazon; or by us, while the buyer's request to cancel has not been carried out."""
    if status in _HELD:
        return status.lower()
    asked = [item.child("cancellation") for item in items if item.child("cancellation").has("cancellationRequest")]
    still = any(not each.has("cancellationExecution") for each in asked)
    return "the buyer asks to cancel" if still and status == "UNSHIPPED" else ""


def _contact(body: Fields, address: Fields) -> Contact:
    buyer, name = body.child("buyer"), address.text("name")
    return Contact(
        name=buyer.text("buyerName") or name,
        email=buyer.text("buyerEmail"),
        phone=address.text("phone"),
        shipping=read_postal(
            address,
            name=name,
            company="companyName",
            lines=("addressLine1", "addressLine2", "addressLine3"),
            city="city",
            region="stateOrRegion",
            postal_code="postalCode",
            country="countryCode",
            phone="phone",
        ),
    )
