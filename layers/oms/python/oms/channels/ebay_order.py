"""eBay's order document: https://developer.ebay.com/api-docs/sell/fulfillment/types/sel:Order

Amounts are decimal texts, each with its currency. What adds up (https://developer.ebay.com/api-docs/sell/fulfillment/
types/sel:PricingSummary):

    total = priceSubtotal + priceDiscount + adjustment + deliveryCost + deliveryDiscount + tax + fee

Discounts are documented as negative and seen as positive: their size counts. `lineItemCost` is for all units of a
line, before its discount. Whose a tax is, a line says by where it stands: `taxes` are the seller's,
`ebayCollectAndRemitTaxes` those that eBay collects. A tax of eBay's may stand in both, and is in `total` only when the
breakdown was asked for, and not in every country. So readings are tried against `total`, and the first that sums is
taken: all taxes on top; the seller's on top; what `tax` of the summary says on top; taxes inside the prices. Each of
them without, then with the import charges of eBay's international shipping, which are duties.

An order goes to one address: to the hub, where eBay ships on from there. A cancelled order that was paid is paid back
by a refund, which the order tells; a refund counts when it is made. A refund names no units.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.channels.payload import Fields, clean_sku
from oms.channels.places import read_postal, read_ship_to
from oms.channels.sums import first_that_sums, unit_price
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
from oms.domain.money import allocate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CANCELLED: Final = "CANCELED"
_ASKED: Final = "IN_PROGRESS"
_PAYMENT: Final = {
    "PENDING": PaymentState.PENDING,
    "FAILED": PaymentState.FAILED,
    "PAID": PaymentState.PAID,
    "PARTIALLY_REFUNDED": PaymentState.PARTIALLY_REFUNDED,
    "FULLY_REFUNDED": PaymentState.REFUNDED,
}
_COLLECTED: Final = frozenset({PaymentState.PAID, PaymentState.PARTIALLY_REFUNDED, PaymentState.REFUNDED})
_REFUNDED: Final = frozenset({"", "REFUNDED"})
_NOT_OURS: Final = frozenset({"DIGITAL", "IN_STORE_PICKUP", "PREPARE_FOR_PICKUP", "FULFILLED_BY_EBAY"})
"""Instructions after which no parcel of ours goes to the buyer."""
_NOTE: Final = 2000


def read_order(body: Fields, *, source: str, account: str) -> Normalized:
    """The order as canonical; raises the InvalidInputError family."""
    summary = body.child("pricingSummary")
    currency = summary.child("total").currency("currency")
    placed_at = body.moment("creationDate")
    if placed_at is None:
        raise body.refuse("creationDate", "the order has no time of creation")
    external_id = body.identifier("orderId")
    total = summary.child("total").money("value", currency, None)
    steps = body.children("fulfillmentStartInstructions")
    ship_to = _destination(steps)
    refunds = read_refunds(body, currency)
    cancelled = body.child("cancelStatus").word("cancelState") == CANCELLED
    order = CanonicalOrder(
        source=source,
        account=account,
        external_id=external_id,
        number=external_id,
        revision=body.moment("lastModifiedDate") or placed_at,
        placed_at=placed_at,
        currency=currency,
        lines=(),
        total=total,
        shipping=amount(summary, "deliveryCost", currency) - abs(amount(summary, "deliveryDiscount", currency)),
        ship_to=read_ship_to(
            ship_to.child("contactAddress"), country="countryCode", region="stateOrProvince", postal_code="postalCode"
        ),
        shipping_method=_service(steps),
        payment=_payment(body, total, refunds, cancelled=cancelled),
        cancelled=cancelled,
        cancel_reason=_reason(body) if cancelled else "",
        on_hold=_hold(body),
        refunds=refunds,
        status_words=_words(body),
    )
    return Normalized(order=_decided(order, body), contact=_contact(body, ship_to))


def amount(fields: Fields, key: str, currency: str) -> int:
    """An amount in minor units; 0 when absent. Raises MalformedPayloadError for one in another currency."""
    money = fields.child(key)
    if not money.has("value"):
        return 0
    if money.currency("currency") != currency:
        raise money.refuse("currency", "an amount is not in the order's currency")
    return money.money("value", currency)


# ---------------------------------------------------------------- money


def _decided(order: CanonicalOrder, body: Fields) -> CanonicalOrder:
    """The first reading of taxes and import charges that sums; raises TotalsMismatchError of the first."""
    currency, summary, items = order.currency, body.child("pricingSummary"), body.children("lineItems")
    adjustment = amount(summary, "adjustment", currency)
    order = replace(
        order,
        lines=tuple(_lines(body, items, currency, max(0, -adjustment))),
        fees=amount(summary, "fee", currency) + max(0, adjustment),
    )
    duties = sum(amount(item.child("deliveryCost"), "importCharges", currency) for item in items)
    charges = sum(amount(item.child("deliveryCost"), "shippingIntermediationFee", currency) for item in items)
    with_duties = replace(order, duties=duties, fees=order.fees + charges)
    plain = [order] if order == with_duties else [order, with_duties]
    return first_that_sums([reading for each in plain for reading in _taxed(each, summary, items)])


def _taxed(order: CanonicalOrder, summary: Fields, items: Sequence[Fields]) -> Iterator[CanonicalOrder]:
    every = [_taxes(item, order.currency) for item in items]
    yield _with_taxes(order, every)
    yield _with_taxes(order, [_sum(item.children("taxes"), order.currency) for item in items])
    told = amount(summary, "tax", order.currency)
    nets = [line.net for line in order.lines]
    if told > 0 and nets and min(nets) >= 0:
        yield _with_taxes(order, allocate(told, nets) if sum(nets) else [told, *([0] * (len(nets) - 1))])
    yield replace(_with_taxes(order, every), tax_included=True)


def _with_taxes(order: CanonicalOrder, taxes: Sequence[int]) -> CanonicalOrder:
    lines = (replace(line, tax=tax) for line, tax in zip(order.lines, taxes, strict=True))
    return replace(order, lines=tuple(lines))


def _taxes(item: Fields, currency: str) -> int:
    """The taxes of a line, those that stand in both places once."""
    collected = item.children("ebayCollectAndRemitTaxes")
    kinds = {tax.text("taxType") for tax in collected}
    own = [tax for tax in item.children("taxes") if tax.text("taxType") not in kinds]
    return _sum([*collected, *own], currency)


def _sum(taxes: Sequence[Fields], currency: str) -> int:
    return sum(amount(tax, "amount", currency) for tax in taxes)


def _lines(body: Fields, items: Sequence[Fields], currency: str, less: int) -> Iterator[CanonicalLine]:
    """The lines, with `less` and the part of the order's discount that no line tells spread over them."""
    grosses = [amount(item, "lineItemCost", currency) for item in items]
    nets = [
        amount(item, "discountedLineItemCost", currency) if item.child("discountedLineItemCost").has("value") else gross
        for item, gross in zip(items, grosses, strict=True)
    ]
    told = sum(grosses) - sum(nets)
    rest = less + max(0, abs(amount(body.child("pricingSummary"), "priceDiscount", currency)) - told)
    if rest and nets and min(nets) >= 0 and sum(nets) >= rest:
        nets = [net - share for net, share in zip(nets, allocate(rest, nets), strict=True)]
    ours = not any(
        step.text("fulfillmentInstructionsType") in _NOT_OURS for step in body.children("fulfillmentStartInstructions")
    )
    for item, gross, net in zip(items, grosses, nets, strict=True):
        quantity = item.integer("quantity")
        if quantity <= 0 or gross < 0:
            raise item.refuse("quantity", "a quantity or its cost is out of range")
        price, over = unit_price(gross, quantity)
        yield CanonicalLine(
            line_ref=item.identifier("lineItemId"),
            sku=_sku(item),
            quantity=quantity,
            unit_price=price,
            discount=over + gross - net,
            title=item.text("title"),
            requires_shipping=ours,
        )


def _sku(item: Fields) -> str:
    listing, variation = item.optional_identifier("legacyItemId"), item.optional_identifier("legacyVariationId")
    fallback = f"item:{listing}:{variation}" if listing and variation else f"item:{listing}" if listing else ""
    return clean_sku(item.text("sku")) or fallback or f"line:{item.identifier('lineItemId')}"


# ---------------------------------------------------------------- the rest


def read_refunds(body: Fields, currency: str) -> tuple[ChannelRefund, ...]:
    """What was paid back; the same refund may stand twice."""
    refunds: dict[str, ChannelRefund] = {}
    for entry in body.child("paymentSummary").children("refunds"):
        if entry.word("refundStatus") not in _REFUNDED:
            continue
        ref = entry.optional_identifier("refundId") or entry.optional_identifier("refundReferenceId")
        ref = ref or entry.identifier("refundDate")
        paid = abs(amount(entry, "amount", currency))
        refunds[ref] = ChannelRefund(refund_ref=ref, amount=paid)
    return tuple(refunds.values())


def _payment(body: Fields, total: int, refunds: Sequence[ChannelRefund], *, cancelled: bool) -> ChannelPayment:
    state = _PAYMENT.get(body.word("orderPaymentStatus"), PaymentState.PENDING)
    if cancelled and state not in _COLLECTED:
        return ChannelPayment(state=PaymentState.VOIDED)
    refunded = sum(refund.amount for refund in refunds)
    return ChannelPayment(state=state, captured=max(total, refunded) if state in _COLLECTED else 0)


def _reason(body: Fields) -> str:
    requests = body.child("cancelStatus").children("cancelRequests")
    return next((word for each in requests if (word := each.word("cancelReason").lower())), CANCELLED.lower())


def _hold(body: Fields) -> str:
    return "a cancellation was asked for" if body.child("cancelStatus").word("cancelState") == _ASKED else ""


def _words(body: Fields) -> tuple[tuple[str, str], ...]:
    words = {key: body.word(key) for key in ("orderPaymentStatus", "orderFulfillmentStatus")}
    words["cancelState"] = body.child("cancelStatus").word("cancelState")
    return tuple((key, word) for key, word in words.items() if word)


def _destination(steps: Sequence[Fields]) -> Fields:
    """The one address that goods are sent to; without fields when there is none."""
    found = [step.child("shippingStep").child("shipTo") for step in steps]
    places = {str(each.values.get("contactAddress")) for each in found if each.has("contactAddress")}
    if len(places) > 1:
        raise MalformedPayloadError("the order goes to several addresses", addresses=len(places))
    return next((each for each in found if each.has("contactAddress")), Fields({}))


def _service(steps: Sequence[Fields]) -> str:
    services = (step.child("shippingStep").text("shippingServiceCode") for step in steps)
    return next((service for service in services if service), "")


def _contact(body: Fields, ship_to: Fields) -> Contact:
    address, registered = ship_to.child("contactAddress"), body.child("buyer").child("buyerRegistrationAddress")
    name, phone = ship_to.text("fullName"), ship_to.child("primaryPhone").text("phoneNumber")
    located = replace(address, values={**address.values, "phone": phone, "company": ship_to.text("companyName")})
    return Contact(
        name=registered.text("fullName") or name,
        email=registered.text("email") or ship_to.text("email"),
        phone=phone or registered.child("primaryPhone").text("phoneNumber"),
        shipping=read_postal(
            located if address.values else address,
            name=name,
            company="company",
            lines=("addressLine1", "addressLine2"),
            city="city",
            region="stateOrProvince",
            postal_code="postalCode",
            country="countryCode",
            phone="phone",
        ),
        note=body.text("buyerCheckoutNotes", _NOTE),
    )
