"""The canonical order: what every channel's order is normalized to, in minor units of its currency.

The identity that every canonical order must satisfy, or be quarantined (promise 3):

    net(line)  = unit_price * quantity - discount
    total      = sum(net) + shipping + fees + tips + duties + (0 if tax_included else sum(tax) + shipping_tax + fee_tax)

With `tax_included` the taxes are information inside the prices and counted once. `gift_cards` is the part of `total`
that was paid by gift card: a tender, not a price, so it is not in the sum.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from oms.domain.errors import MalformedPayloadError, TooManyLinesError, TotalsMismatchError
from oms.domain.frozen import frozen
from oms.domain.money import check_minor, minor_digits
from oms.domain.priced import Countervalue, TaxesAsked, TaxesReckoned  # noqa: TC001 - the codec resolves annotations at run time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MAX_LINES: Final = 10_000
"""Lines of one order: its first commit must stay under DynamoDB's 400 kB item with room to spare."""
MAX_QUANTITY: Final = 1_000_000
MAX_REFUNDS: Final = 1000
MAX_TEXT: Final = 200
YEARS: Final = range(1990, 2100)
"""A time beyond is a fault of the sender: the state of an order that is of the year 9999 could never change again."""


class PaymentState(StrEnum):
    """The payment as the channel or provider tells it."""

    PENDING = "pending"
    AUTHORIZED = "authorized"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    VOIDED = "voided"
    FAILED = "failed"


class Restock(StrEnum):
    """What a refund says of its units."""

    NONE = "none"
    """Money only; if the unit has not shipped it is not going to."""
    CANCEL = "cancel"
    """The unit never left."""
    RETURN = "return"
    """The unit came back to `node`."""


@frozen
class CanonicalLine:
    """One line. `line_ref` is the channel's id of it; money is for the whole quantity but `unit_price`.

    A line total that its quantity does not divide is carried as the next higher unit price, the rest as discount.
    `cancelled` counts units that the channel has removed since placing.
    """

    line_ref: str
    sku: str
    quantity: int
    unit_price: int
    discount: int = 0
    tax: int = 0
    title: str = ""
    cancelled: int = 0
    requires_shipping: bool = True
    tax_class: str = ""
    """What rates of taxes call it, where it is known."""

    @property
    def net(self) -> int:
        """Price of the line after discount, in minor units."""
        return self.unit_price * self.quantity - self.discount


@frozen
class ShipTo:
    """What sourcing needs of an address, and nothing that names a person. Country is ISO 3166-1 alpha-2."""

    country: str
    region: str = ""
    postal_code: str = ""
    latitude: float | None = None
    longitude: float | None = None
    located_by: str = ""
    """What the coordinates were found by (`places.find_place`); empty when the channel gave them."""


@frozen
class PostalAddress:
    """A street address; personal data."""

    name: str = ""
    company: str = ""
    lines: tuple[str, ...] = ()
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    phone: str = ""


@frozen
class Contact:
    """The personal data of one order: kept in `contacts` alone."""

    name: str = ""
    email: str = ""
    phone: str = ""
    shipping: PostalAddress | None = None
    billing: PostalAddress | None = None
    note: str = ""


@frozen
class ContactKey:
    """Where the contact of an order is kept: with its customer's others, in the order in which they were placed.

    `customer_id` is empty for an order that was placed without an e-mail address: its contact stands alone. What an
    edit of the order says stands beside it.
    """

    customer_id: str
    placed_at: datetime
    order_id: str
    edit_id: str = ""


@frozen
class RefundedLine:
    """Units that a channel-side refund speaks of."""

    line_ref: str
    quantity: int
    restock: Restock = Restock.NONE


@frozen
class ChannelRefund:
    """A refund that happened in the channel. `amount` >= 0 in minor units of the order's currency."""

    refund_ref: str
    amount: int
    lines: tuple[RefundedLine, ...] = ()
    reason: str = ""


@frozen
class ChannelPayment:
    """What the channel says of the money. `captured` is what it has collected, before refunds, in minor units."""

    state: PaymentState
    captured: int = 0


@frozen
class CanonicalOrder:
    """A snapshot of an order as one channel knew it at `revision` (the channel's own time of last change, UTC)."""

    source: str
    account: str
    external_id: str
    number: str
    revision: datetime
    placed_at: datetime
    currency: str
    lines: tuple[CanonicalLine, ...]
    total: int
    tax_included: bool = False
    shipping: int = 0
    shipping_tax: int = 0
    fees: int = 0
    fee_tax: int = 0
    tips: int = 0
    duties: int = 0
    gift_cards: int = 0
    ship_to: ShipTo | None = None
    shipping_method: str = ""
    payment: ChannelPayment = ChannelPayment(state=PaymentState.PENDING)
    cancelled: bool = False
    cancel_reason: str = ""
    on_hold: str = ""
    """Why the channel holds the order, empty when it does not."""
    refunds: tuple[ChannelRefund, ...] = ()
    status_words: tuple[tuple[str, str], ...] = ()
    """The channel's own status words, kept as they came (unknown ones too)."""
    stock_hold: str = ""
    """The hold of stock that was made for this buyer before the order, if any."""
    taxes: TaxesReckoned | None = None
    """How its taxes were reckoned, if they were reckoned here."""
    countervalue: Countervalue | None = None
    """Its total in the currency that the buyer saw, or that the shop keeps its books in, where that is another."""


@frozen
class Normalized:
    """What a connector reads out of a delivery: the order without personal data, and the personal data apart."""

    order: CanonicalOrder
    contact: Contact
    taxes: TaxesAsked | None = None
    """What was asked of its taxes: by the merchant's own site alone."""


@frozen
class NormalizedRefund:
    """A refund delivered apart from its order. `currency` may be empty when the payload does not say it."""

    source: str
    account: str
    external_id: str
    currency: str
    refund: ChannelRefund


def sum_parts(order: CanonicalOrder) -> int:
    """What the parts of the order add up to, in minor units."""
    taxes = 0 if order.tax_included else sum(line.tax for line in order.lines) + order.shipping_tax + order.fee_tax
    net = sum(line.net for line in order.lines)
    return net + order.shipping + order.fees + order.tips + order.duties + taxes


def _header(order: CanonicalOrder) -> tuple[int, ...]:
    return (order.shipping, order.shipping_tax, order.fees, order.fee_tax, order.tips, order.duties)


def check_order(order: CanonicalOrder) -> CanonicalOrder:
    """`order` itself when it is sound.

    Raises TotalsMismatchError with the difference, TooManyLinesError, UnknownCurrencyError, MalformedPayloadError.
    """
    minor_digits(order.currency)
    if not order.lines:
        raise MalformedPayloadError("an order needs at least one line")
    if len(order.lines) > MAX_LINES:
        raise TooManyLinesError("too many lines", lines=len(order.lines), limit=MAX_LINES)
    if not 0 < len(order.external_id) <= MAX_TEXT:
        raise MalformedPayloadError("the order has no usable id")
    if order.revision.year not in YEARS or order.placed_at.year not in YEARS:
        raise MalformedPayloadError("a time of the order is out of range")
    if len({line.line_ref for line in order.lines}) != len(order.lines):
        raise MalformedPayloadError("two lines share one id")
    for line in order.lines:
        _check_line(line)
    for amount in (*_header(order), order.gift_cards, order.total, order.payment.captured):
        _check_amount(amount)
    _check_refunds(order.refunds)
    if order.gift_cards > order.total:
        raise MalformedPayloadError("gift cards paid more than the total")
    expected = sum_parts(order)
    if expected != order.total:
        raise TotalsMismatchError(
            "the parts do not add up to the total",
            total=order.total,
            parts=expected,
            difference=order.total - expected,
            currency=order.currency,
        )
    return order


def check_refund(refund: ChannelRefund) -> ChannelRefund:
    """`refund` itself when it is sound; raises MalformedPayloadError.

    That no more units or money go back than there are is not known here: it is the order's log that knows.
    """
    if not 0 < len(refund.refund_ref) <= MAX_TEXT:
        raise MalformedPayloadError("a refund has no usable id")
    _check_amount(refund.amount)
    if len(refund.lines) > MAX_LINES:
        raise TooManyLinesError("too many lines", lines=len(refund.lines), limit=MAX_LINES)
    for line in refund.lines:
        if not 0 < line.quantity <= MAX_QUANTITY:
            raise MalformedPayloadError("a refunded quantity is out of range", line=line.line_ref[:MAX_TEXT])
        if not 0 < len(line.line_ref) <= MAX_TEXT:
            raise MalformedPayloadError("a refunded line has no usable id")
    return refund


def _check_refunds(refunds: Sequence[ChannelRefund]) -> None:
    if len(refunds) > MAX_REFUNDS:
        raise MalformedPayloadError("too many refunds", refunds=len(refunds), limit=MAX_REFUNDS)
    for refund in refunds:
        check_refund(refund)
    if len({refund.refund_ref for refund in refunds}) != len(refunds):
        raise MalformedPayloadError("two refunds share one id")
    check_minor(sum(refund.amount for refund in refunds))


def _check_amount(amount: int) -> None:
    if amount < 0:
        raise MalformedPayloadError("an amount is negative")
    check_minor(amount)


def _check_line(line: CanonicalLine) -> None:
    if not 0 < line.quantity <= MAX_QUANTITY:
        raise MalformedPayloadError("a quantity is out of range", line=line.line_ref)
    if not 0 <= line.cancelled <= line.quantity:
        raise MalformedPayloadError("more units are cancelled than ordered", line=line.line_ref)
    if line.unit_price < 0 or line.discount < 0 or line.tax < 0 or line.net < 0:
        raise MalformedPayloadError("a line amount is negative", line=line.line_ref)
    if not line.line_ref:
        raise MalformedPayloadError("a line has no id")
    if len(line.sku) > MAX_TEXT or len(line.line_ref) > MAX_TEXT:
        raise MalformedPayloadError("a line has an oversized id", line=line.line_ref[:MAX_TEXT])
    check_minor(line.unit_price * line.quantity)
    check_minor(line.tax)
