"""Deciding on tenders: one more of them, money that came on invoice, authorizations that end or are held longer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.errors import (
    CurrencyMismatchError,
    InvalidInputError,
    InvalidTransitionError,
    PaymentAlreadyUsedError,
    PaymentExceedsInvoiceError,
)
from oms.domain.ids import derive
from oms.domain.order.charging import owed
from oms.domain.order.events import HoldPlaced, HoldReleased, OrderEvent, PaymentCaptured
from oms.domain.order.evolve import fold
from oms.domain.order.ledger import Place
from oms.domain.order.payment_facts import (
    AuthorizationExtended,
    AuthorizationLapsed,
    ExtensionRefused,
    ExtensionSubmitted,
    TenderAdded,
    TenderChecked,
)
from oms.domain.order.status import payment_cleared, units_at
from oms.domain.order.tenders import MAX_TENDERS, captured_of, left_of, tender_at
from oms.domain.payments import ExtensionState

if TYPE_CHECKING:
    from datetime import datetime

    from oms.domain.order.state import Order
    from oms.domain.order.tender_commands import (
        AddTender,
        RecordExtension,
        RecordLapse,
        RecordPayment,
        RecordTenderCheck,
    )
    from oms.domain.order.tenders import Tendered

PAYMENT_EXPIRED: Final = "payment_expired"
"""Kind of the hold of an order whose goods are bound while the money for them is not held any more."""


def add_tender(order: Order, command: AddTender) -> tuple[OrderEvent, ...]:
    """One more payment; the same again changes nothing.

    Raises InvalidInputError (no amount), CurrencyMismatchError, InvalidTransitionError (the channel holds the money,
    nothing is left to pay, too many), PaymentAlreadyUsedError for a reference that the order has with another amount.
    """
    tender, known = command.tender, order.payment.tenders
    _check_money(order, tender.amount, command.currency)
    if order.placed.payment.in_channel:
        raise InvalidTransitionError("the channel holds the order's money", order_id=order.order_id)
    named = (tender.provider, tender.reference)
    same = next((each for each in known if each.reference and (each.provider, each.reference) == named), None)
    if same is not None:
        if same.amount != tender.amount:
            raise PaymentAlreadyUsedError("this payment pays for the order with another amount", amount=same.amount)
        return ()
    if owed(order) == 0 or len(known) >= MAX_TENDERS:
        raise InvalidTransitionError(
            "nothing is left to pay, or too many payments", order_id=order.order_id, limit=MAX_TENDERS
        )
    added = TenderAdded(tender=tender)
    return (added, *goes_on(fold(order.order_id, [added], order) or order))


def _check_money(order: Order, amount: int, currency: str) -> None:
    if currency and currency != order.placed.currency:
        raise CurrencyMismatchError("the order has another currency", currency=order.placed.currency)
    if amount <= 0:
        raise InvalidInputError("a payment needs a positive amount")


def record_check(order: Order, command: RecordTenderCheck) -> tuple[OrderEvent, ...]:
    """An added tender was asked for, once."""
    known = tender_at(order.payment, command.tender)
    return (TenderChecked(tender=command.tender),) if known and known.unasked else ()


def record_payment(order: Order, command: RecordPayment) -> tuple[OrderEvent, ...]:
    """Money on invoice, to its tenders in their order; the parts sum to it.

    Raises CurrencyMismatchError, InvalidInputError (no amount), PaymentExceedsInvoiceError (more than is open on
    invoice, or nothing is).
    """
    _check_money(order, command.amount, command.currency)
    events: list[OrderEvent] = []
    amount, open_ = command.amount, owed(order) - order.payment.captured
    for each in order.payment.tenders:
        part = min(amount, open_, each.amount - captured_of(order.payment, each.number)) if each.on_invoice else 0
        if part > 0:
            events.append(PaymentCaptured(capture_id=command.reference, amount=part, tender=each.number))
            amount, open_ = amount - part, open_ - part
    if amount:
        raise PaymentExceedsInvoiceError(
            "the payment is more than is open on invoice", amount=command.amount, open=command.amount - amount
        )
    return tuple(events)


def record_extension(order: Order, command: RecordExtension) -> tuple[OrderEvent, ...]:
    """The provider's answer to a request to hold the money longer, once for each request.

    That it is held longer is so, whatever another attempt of the same request was told.
    """
    known, result = tender_at(order.payment, command.tender), command.result
    if known is None or known.voided or known.lapsed:
        return ()
    if result.state is ExtensionState.EXTENDED and result.expires_at:
        if known.expires_at is None or result.expires_at <= known.expires_at:
            return ()
        return (AuthorizationExtended(tender=known.number, expires_at=result.expires_at),)
    if not known.renewing and command.renewal != known.renewals + 1:
        return ()
    if result.state is ExtensionState.REFUSED:
        return (ExtensionRefused(tender=known.number, reason=result.reason),)
    return () if known.renewing else (ExtensionSubmitted(tender=known.number),)


def record_lapse(order: Order, command: RecordLapse) -> tuple[OrderEvent, ...]:
    """The end of an authorization that came by the clock."""
    known = tender_at(order.payment, command.tender)
    if known is None or known.expires_at is None or known.expires_at > command.at:
        return ()
    return lapsed(order, known, "expired")


def lapsed(order: Order, tender: Tendered, reason: str) -> tuple[OrderEvent, ...]:
    """What was held and not captured is gone; goods that are bound for it wait."""
    if tender.voided or tender.lapsed or not left_of(order.payment, tender):
        return ()
    gone = AuthorizationLapsed(tender=tender.number, reason=reason)
    after = fold(order.order_id, [gone], order) or order
    return (gone, *stops(after, tender))


def stops(order: Order, tender: Tendered) -> tuple[OrderEvent, ...]:
    """A hold for an order that has units promised and no money held for them any more."""
    promised = units_at(order, Place.ALLOCATED) + units_at(order, Place.BACKORDERED)
    if not promised or payment_cleared(order) or any(hold.kind == PAYMENT_EXPIRED for hold in order.active_holds):
        return ()
    hold_id = derive("hld", order.order_id, PAYMENT_EXPIRED, str(tender.number))
    if hold_id in order.holds:
        return ()
    reason = f"what {tender.provider} held for the order is not held any more"
    return (HoldPlaced(hold_id=hold_id, kind=PAYMENT_EXPIRED, reason=reason),)


def goes_on(order: Order) -> tuple[OrderEvent, ...]:
    """The end of such a hold, when the money is held again."""
    if not payment_cleared(order):
        return ()
    return tuple(HoldReleased(hold_id=hold.hold_id) for hold in order.active_holds if hold.kind == PAYMENT_EXPIRED)


def look_at(order: Order) -> datetime | None:
    """When an authorization has to be looked at lest it ends before what it is for has left."""
    times = [each.look_at for each in ending(order)]
    return min((each for each in times if each is not None), default=None)


def ending(order: Order) -> tuple[Tendered, ...]:
    """Tenders that hold money for units that have not left, and that end."""
    if order.placed.payment.in_channel or all(line.ledger.gone == line.ledger.live for line in order.lines.values()):
        return ()
    return tuple(each for each in order.payment.tenders if each.expires_at and left_of(order.payment, each))
