"""How an order of the merchant's own site is paid: by one `payment`, or by several `payments`, used in their order.

Of `payments`, 10 at most, `amount` is the most that one pays; the one without it, of which there may be one, pays the
rest, taxes that are reckoned here included. They sum to the total less `gift_cards`. A gift card that was redeemed at
checkout is named with what it paid, which counts as `gift_cards` does and is used before all others.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.channels.contract import amount, only, required
from oms.domain.canonical import ChannelPayment, PaymentState
from oms.domain.errors import InvalidInputError, TotalsMismatchError
from oms.domain.frozen import frozen
from oms.domain.order.payment_facts import Tender
from oms.domain.order.tenders import GIFT_CARD, MAX_TENDERS, ON_INVOICE

if TYPE_CHECKING:
    from oms.channels.payload import Fields
    from oms.domain.canonical import CanonicalOrder

IN_CHANNEL: Final = "in_channel"
STRIPE: Final = "stripe"
ADYEN: Final = "adyen"
PAYPAL: Final = "paypal"
HELD: Final = (STRIPE, ADYEN, PAYPAL)
"""Providers that hold money of which we are to take what is due."""
MAX_TERMS: Final = 365

_HELD: Final = frozenset({"provider", "reference"})
_PAYMENT: Final = {
    **dict.fromkeys(HELD, _HELD),
    ON_INVOICE: _HELD | {"terms_days"},
    IN_CHANNEL: frozenset({"provider", "state", "captured"}),
}
_PAYMENTS: Final = {
    **{name: fields | {"amount"} for name, fields in _PAYMENT.items() if name != IN_CHANNEL},
    GIFT_CARD: _HELD | {"amount"},
}
_REFERENCE: Final = re.compile(r"[A-Za-z0-9_]{1,200}", re.ASCII)
_NUMBER: Final = re.compile(r"[A-Za-z0-9_./-]{1,60}", re.ASCII)
"""Of a purchase order, and of a gift card as the service that issued it knows it."""


@frozen
class PaymentInstruction:
    """Who holds the buyer's money: a provider with its reference of the payment, or `in_channel` (already settled).

    `tenders` are all payments where there are several, or one on invoice, of which one may have no amount yet; `cards`
    is what gift cards among them paid.
    """

    provider: str
    reference: str = ""
    tenders: tuple[Tender, ...] = ()
    cards: int = 0

    def over(self, order: CanonicalOrder) -> tuple[Tender, ...]:
        """`tenders`, of which the one without an amount pays the rest of an order whose total is known by now.

        Raises TotalsMismatchError when they do not sum to it.
        """
        if not self.tenders:
            return ()
        left = order.total - (order.gift_cards - self.cards) - sum(each.amount for each in self.tenders)
        if left < 0 or (left == 0) == any(not each.amount for each in self.tenders):
            raise TotalsMismatchError("the payments do not sum to what is to be paid", missing=left)
        return tuple(each if each.amount else replace(each, amount=left) for each in self.tenders)


def read_payment(body: Fields) -> tuple[ChannelPayment, PaymentInstruction]:
    """`payment`, or `payments`; raises MalformedPayloadError with the path of the field."""
    if body.has("payments"):
        if body.has("payment"):
            raise body.refuse("payments", "an order has one payment, or several")
        return ChannelPayment(state=PaymentState.PENDING), _several(body)
    if not body.has("payment"):
        raise body.refuse("payment", "a required field is missing")
    payment = body.child("payment")
    provider = _provider(payment, _PAYMENT)
    if provider != IN_CHANNEL:
        return ChannelPayment(state=PaymentState.PENDING), _instruction((_tender(payment, provider),))
    word = required(payment, "state")
    if word not in set(PaymentState):
        raise payment.refuse("state", "the payment state is not known")
    told = ChannelPayment(state=PaymentState(word), captured=amount(payment, "captured"))
    return told, PaymentInstruction(provider=IN_CHANNEL)


def _several(body: Fields) -> PaymentInstruction:
    entries = body.children("payments")
    if not 0 < len(entries) <= MAX_TENDERS:
        raise body.refuse("payments", f"an order has 1 to {MAX_TENDERS} payments")
    tenders: list[Tender] = []
    for entry in entries:
        provider = _provider(entry, _PAYMENTS)
        tender = _tender(entry, provider)
        if not entry.has("amount"):
            if provider == GIFT_CARD or any(not each.amount for each in tenders):
                raise entry.refuse("amount", "one payment, and no gift card, may be without an amount")
        elif not tender.amount:
            raise entry.refuse("amount", "a payment needs a positive amount")
        if any((each.provider, each.reference) == (provider, tender.reference) for each in tenders):
            raise entry.refuse("reference", "a payment is named twice")
        tenders.append(tender)
    return _instruction(tuple(tenders))


def _instruction(tenders: tuple[Tender, ...]) -> PaymentInstruction:
    """One payment by a provider needs no list: its order is as it was before there were several."""
    paying = [each for each in tenders if each.provider != GIFT_CARD]
    if not paying:
        raise InvalidInputError("an order needs a payment beside its gift cards")
    first, alone = paying[0], len(tenders) == 1 and tenders[0].provider != ON_INVOICE
    return PaymentInstruction(
        provider=first.provider,
        reference=first.reference,
        tenders=() if alone and not first.amount else tenders,
        cards=sum(each.amount for each in tenders if each.provider == GIFT_CARD),
    )


def _provider(payment: Fields, known: dict[str, frozenset[str]]) -> str:
    provider = required(payment, "provider")
    if provider not in known:
        raise payment.refuse("provider", "the payment provider is not known")
    only(payment, known[provider])
    return provider


def _tender(payment: Fields, provider: str) -> Tender:
    reference = required(payment, "reference")
    if not (_REFERENCE if provider in HELD else _NUMBER).fullmatch(reference):
        raise payment.refuse("reference", "a payment reference holds letters, digits and _ only")
    terms = payment.integer("terms_days", 0)
    if not 0 <= terms <= MAX_TERMS:
        raise payment.refuse("terms_days", f"terms are 0 to {MAX_TERMS} days")
    return Tender(provider=provider, reference=reference, amount=amount(payment, "amount"), terms_days=terms)
