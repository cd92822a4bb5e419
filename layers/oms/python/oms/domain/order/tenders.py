"""An order's tenders: what each of its payments holds, took and gave back. Amounts in the order's minor units.

Tenders are used in the order in which they were named, each until its amount is used up:

    share(tender, shipment) = min(what is left of the shipment, what is left of the tender)

so that the shares of a shipment sum to it, and the captures of a tender never exceed what it holds. A share keeps its
amount once its provider was asked for it. Refunds go back in the same order (`refunding`), none above what its tender
took and has not given back; which part is whose is decided when the refund is asked for, and kept.

A tender on invoice (`on_invoice`) is granted, not held: it is captured when finance says that it was paid.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.domain.frozen import frozen
from oms.domain.order.events import OrderPlaced
from oms.domain.order.payment_facts import TenderAdded
from oms.domain.payments import EXCHANGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.payment_facts import Tender
    from oms.domain.order.state import Payment

ON_INVOICE: Final = "on_invoice"
GIFT_CARD: Final = "gift_card"
"""Named with an order, and part of what its `gift_cards` paid: no tender that anything is captured of."""
FIRST: Final = 1
MAX_TENDERS: Final = 10
RENEW_BEFORE: Final = timedelta(days=2)
"""So long before an authorization ends its provider is asked to hold it longer: an order that goes its usual way is
looked at once a day, and a day is left then for a provider that is down."""


@frozen
class Tendered:
    """A tender as it stands. `authorized` is what it holds, captures included; of an invoice, what is granted."""

    number: int
    provider: str
    reference: str = ""
    amount: int = 0
    authorized: int = 0
    declined: str = ""
    voided: bool = False
    lapsed: bool = False
    unasked: bool = False
    """It was added, and its provider was not asked yet."""
    expires_at: datetime | None = None
    renewals: int = 0
    """Times that its provider was asked to hold it longer."""
    renewing: bool = False
    """... and has not answered yet."""
    final: bool = False
    """It will not hold it longer."""
    terms_days: int = 0

    @property
    def on_invoice(self) -> bool:
        """Paid when it is due, to the merchant."""
        return self.provider == ON_INVOICE

    @property
    def exchange(self) -> bool:
        """Paid by a return."""
        return self.provider == EXCHANGE

    @property
    def look_at(self) -> datetime | None:
        """When something has to be done lest it ends, or because it ended; None of what does not end."""
        if self.expires_at is None or self.renewing or self.final:
            return self.expires_at
        return self.expires_at - RENEW_BEFORE


def begun(placed: OrderPlaced) -> tuple[Tendered, ...]:
    """The tenders that an order is placed with."""
    if placed.tenders:
        paying = (tender for tender in placed.tenders if tender.provider != GIFT_CARD)
        return tuple(tendered(tender, number) for number, tender in enumerate(paying, FIRST))
    plan = placed.payment
    needed = placed.total - placed.gift_cards
    return (Tendered(number=FIRST, provider=plan.provider, reference=plan.reference, amount=needed),)


def tendered(tender: Tender, number: int, *, unasked: bool = False) -> Tendered:
    """A tender that nobody has spoken of yet; one on invoice is granted by whoever names it."""
    granted = tender.provider == ON_INVOICE
    return Tendered(
        number=number,
        provider=tender.provider,
        reference=tender.reference,
        amount=tender.amount,
        authorized=tender.amount if granted else 0,
        terms_days=tender.terms_days,
        unasked=unasked and not granted,
    )


def named_payments(event: object) -> tuple[tuple[str, str], ...]:
    """(provider, reference) of the providers' payments that an event names: each pays for one order."""
    if isinstance(event, TenderAdded):
        named = [(event.tender.provider, event.tender.reference)]
    elif isinstance(event, OrderPlaced):
        plan = event.payment
        named = [(each.provider, each.reference) for each in event.tenders] or [(plan.provider, plan.reference)]
    else:
        return ()
    return tuple(each for each in named if each[1] and each[0] not in (ON_INVOICE, GIFT_CARD))


def capture_key(shipment_id: str, tender: int) -> str:
    """What a tender's capture for a shipment is known by: the shipment alone, of the first tender."""
    return shipment_id if tender == FIRST else f"{shipment_id}:{tender}"


def read_key(key: str) -> tuple[str, int]:
    """(shipment, tender) of such a key."""
    shipment_id, separator, number = key.rpartition(":")
    if separator and number.isascii() and number.isdigit():
        return shipment_id, int(number)
    return key, FIRST


def of_tender(amounts: Mapping[str, int], number: int) -> int:
    """The sum of those of one tender: captures, submitted or undone."""
    return sum(amount for key, amount in amounts.items() if read_key(key)[1] == number)


def captured_of(payment: Payment, number: int) -> int:
    """What a tender took. What a channel says it captured is the first one's."""
    if number != FIRST:
        return of_tender(payment.captures, number)
    return payment.captured - sum(amount for key, amount in payment.captures.items() if read_key(key)[1] != FIRST)


def upfront_of(payment: Payment, number: int) -> int:
    """What a tender took otherwise than shipment by shipment."""
    by_shipment = sum(
        amount for key, amount in payment.captures.items() if read_key(key)[0] and read_key(key)[1] == number
    )
    return captured_of(payment, number) - by_shipment


def refundable_of(payment: Payment, number: int) -> int:
    """What a tender may still give back."""
    return captured_of(payment, number) - refunding_of(payment, number)


def refunding_of(payment: Payment, number: int) -> int:
    """What a tender gave back, or still may."""
    return sum(
        refund.amount
        for refund in payment.refunds.values()
        if refund.counts and refund.tender == number and not refund.out_of
    )


def refunded_of(payment: Payment, number: int) -> int:
    """What a tender gave back for certain."""
    return sum(
        refund.amount
        for refund in payment.refunds.values()
        if refund.tender == number and refund.status.value == "succeeded" and not refund.moved
    )


def held_of(payment: Payment, tender: Tendered) -> int:
    """What a tender covers: what it holds, or took."""
    taken = captured_of(payment, tender.number)
    return taken if tender.voided else max(tender.authorized, taken)


def left_of(payment: Payment, tender: Tendered) -> int:
    """What it holds that is neither captured nor asked for."""
    if tender.voided:
        return 0
    taken = captured_of(payment, tender.number) + of_tender(payment.submitted, tender.number)
    return max(0, tender.authorized - taken)


def account_of(payment: Payment, tender: Tendered, prefix: str) -> str:
    """`<prefix><provider>`, with its number for the second tender of a provider and later ones."""
    again = any(each.provider == tender.provider for each in payment.tenders[: tender.number - 1])
    return f"{prefix}{tender.provider}" + (f":{tender.number}" if again else "")


def tender_at(payment: Payment, number: int) -> Tendered | None:
    """The tender of this number, if there is one."""
    return payment.tenders[number - 1] if 0 < number <= len(payment.tenders) else None


def with_tender(payment: Payment, number: int, **changes: Any) -> Payment:
    """The payment with one tender changed, and with the sums over all."""
    tenders = tuple(replace(each, **changes) if each.number == number else each for each in payment.tenders)
    several = len(tenders) > 1
    return replace(
        payment,
        tenders=tenders,
        authorized=sum(each.authorized for each in tenders if not (several and each.voided)),
        voided=all(each.voided for each in tenders),
        declined=next((each.declined for each in tenders if each.declined), ""),
    )
