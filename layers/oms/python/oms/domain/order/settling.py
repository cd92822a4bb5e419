"""Deciding on money: captures, voids, refunds, and what the provider tells by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.errors import (
    AmountDisputedError,
    CaptureNotFoundError,
    CurrencyMismatchError,
    InvalidInputError,
    InvalidTransitionError,
    RefundBeforePaymentError,
    RefundExceedsCapturedError,
    TooManyPositionsError,
)
from oms.domain.ids import derive
from oms.domain.order import disputes, goodwill
from oms.domain.order.charging import refund_value, refundable
from oms.domain.order.events import (
    CaptureSubmitted,
    LinesReturned,
    LineUnits,
    OrderEvent,
    PaymentCaptured,
    PaymentUndone,
    PaymentVoided,
    RefundFailed,
    RefundRequested,
    RefundSubmitted,
    RefundSucceeded,
)
from oms.domain.order.evolve import fold
from oms.domain.order.promising import authorize, needed
from oms.domain.order.refunding import requested
from oms.domain.order.returning import return_to_node
from oms.domain.order.scanning import came_back
from oms.domain.order.stakes import free_to_refund
from oms.domain.order.state import RefundStatus
from oms.domain.order.tender_commands import RecordExtension
from oms.domain.order.tendering import ending, lapsed, record_extension, stops
from oms.domain.order.tenders import capture_key, captured_of, of_tender, read_key, refundable_of, tender_at
from oms.domain.payment_events import CaptureState, PaymentEventKind, RefundState
from oms.domain.payments import (
    AuthorizationResult,
    AuthorizationState,
    ExtensionResult,
    ExtensionState,
    authorization_end,
)
from oms.domain.stock import MAX_POSITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oms.domain.order.commands import (
        RecordCapture,
        RecordProviderEvent,
        RecordRefundOutcome,
        RecordVoid,
        RequestRefund,
    )
    from oms.domain.order.events import NodeUnits
    from oms.domain.order.state import Order, Refund
    from oms.domain.order.tenders import Tendered
    from oms.domain.payment_events import PaymentEvent


def record_capture(order: Order, command: RecordCapture) -> tuple[OrderEvent, ...]:
    """A capture for a shipment, once. Raises RefundExceedsCapturedError for one undone that was given back before."""
    key = capture_key(command.shipment_id, command.tender)
    return _capture(order, key, command.capture_id, command.amount, command.state, command.reason)


def _capture(
    order: Order, key: str, capture_id: str, amount: int, state: CaptureState, reason: str
) -> tuple[OrderEvent, ...]:
    """The provider's word on a shipment's capture, in whatever order it comes: refused is final, taken ends pending."""
    payment = order.payment
    if key in payment.undone:
        return ()
    if state is CaptureState.FAILED:
        return _undone(order, key, capture_id, amount, reason)
    if key in payment.captures:
        return ()
    shipment_id, tender = read_key(key)
    if state is CaptureState.SUCCEEDED:
        return (PaymentCaptured(capture_id=capture_id, amount=amount, shipment_id=shipment_id, tender=tender),)
    if key in payment.submitted:
        return ()
    return (CaptureSubmitted(capture_id=capture_id, amount=amount, shipment_id=shipment_id, tender=tender),)


def _undone(order: Order, key: str, capture_id: str, amount: int, reason: str) -> tuple[OrderEvent, ...]:
    shipment_id, tender = read_key(key)
    taken, left = order.payment.captures.get(key), refundable_of(order.payment, tender)
    if taken is not None and amount > min(taken, left):
        raise RefundExceedsCapturedError(
            "the provider took back more than is left of the capture", amount=amount, refundable=left
        )
    undone = PaymentUndone(
        capture_id=capture_id, amount=amount, shipment_id=shipment_id, reason=reason or "failed", tender=tender
    )
    return (undone,)


def record_void(order: Order, command: RecordVoid) -> tuple[OrderEvent, ...]:
    """The authorization is gone, once."""
    return _voided(order, tender_at(order.payment, command.tender))


def _voided(order: Order, tender: Tendered | None) -> tuple[OrderEvent, ...]:
    """An authorization that ended: whole, or what is left of it. Goods that are bound for it wait."""
    if tender is None or tender.voided:
        return ()
    payment, number = order.payment, tender.number
    if captured_of(payment, number) or of_tender(payment.submitted, number):
        return lapsed(order, tender, "voided") if ending(order) else ()
    voided = PaymentVoided(tender=number)
    after = fold(order.order_id, [voided], order) or order
    return (voided, *stops(after, tender))


def request_refund(order: Order, command: RequestRefund) -> tuple[OrderEvent, ...]:
    """Money back, and the units with it when they came back.

    Raises CurrencyMismatchError, InvalidInputError (no amount, negative, unknown line), InvalidTransitionError (units
    that have not left, or were refunded before), RefundExceedsCapturedError, AmountDisputedError, TooManyPositionsError
    (more than one transaction can bring back), SerialNotShippedError, SerialsDoNotFitError, GoodwillLimitError.
    """
    refund_id = derive("rfd", order.order_id, command.command_id)
    if refund_id in order.payment.refunds:
        return ()
    if command.currency and command.currency != order.placed.currency:
        raise CurrencyMismatchError("the order has another currency", currency=order.placed.currency)
    wanted = _units_to_refund(order, command)
    amount = refund_value(order, wanted) if command.amount is None else command.amount
    if amount < 0 or (amount == 0 and not wanted):
        raise InvalidInputError("a refund needs a positive amount or lines")
    if wanted and amount > refund_value(order, wanted):
        raise RefundExceedsCapturedError(
            "the refund is more than the lines it names are worth", amount=amount, worth=refund_value(order, wanted)
        )
    if amount > refundable(order):
        raise RefundExceedsCapturedError(
            "the refund is more than what is left of the captured amount",
            amount=amount,
            refundable=refundable(order),
            currency=order.placed.currency,
        )
    if amount > free_to_refund(order):
        raise AmountDisputedError(
            "the payment is disputed: the customer would have the money twice",
            amount=amount,
            refundable=free_to_refund(order),
            currency=order.placed.currency,
        )
    if command.goodwill:
        goodwill.check(order, command, amount)
    lines = tuple(LineUnits(line_id=line_id, quantity=count) for line_id, count in wanted.items())
    kind = command.goodwill.value if command.goodwill else ""
    events = list(requested(order, refund_id, amount, reason=command.reason, lines=lines, goodwill=kind))
    back = _come_back(order, command, wanted)
    if amount == 0:
        events.append(RefundSucceeded(refund_id=refund_id))
    if back and command.disposition:
        events.append(LinesReturned(units=tuple(back), refund_id=refund_id, disposition=command.disposition))
    return tuple(events)


def _come_back(order: Order, command: RequestRefund, wanted: dict[str, int]) -> list[NodeUnits]:
    """The units, if they came back, at the nodes that shipped them."""
    named = dict(command.serials)
    if not command.disposition:
        if named:
            raise InvalidInputError("serial numbers tell which units came back: say what becomes of them")
        return []
    back: list[NodeUnits] = []
    for line_id, count in wanted.items():
        serials = came_back(order.lines[line_id], count, named.pop(line_id, ()))
        back += return_to_node(order, line_id, count, serials)
    if named:
        raise InvalidInputError("serial numbers are of lines that come back", lines=sorted(named))
    positions = {(sku, part.node_id) for part in back for sku, _ in part.parts}
    if len(positions) + sum(len(part.serials) for part in back) > MAX_POSITIONS:
        raise TooManyPositionsError("too much comes back at once: refund fewer lines at a time", limit=MAX_POSITIONS)
    return back


def _units_to_refund(order: Order, command: RequestRefund) -> dict[str, int]:
    wanted: dict[str, int] = {}
    for units in command.lines:
        if units.line_id not in order.lines or units.quantity <= 0:
            raise InvalidInputError("no such line, or the quantity is not positive", line=units.line_id)
        wanted[units.line_id] = wanted.get(units.line_id, 0) + units.quantity
    for line_id, count in wanted.items():
        line = order.lines[line_id]
        if line.refunded + count > line.ledger.gone:
            raise InvalidTransitionError("these units have not been shipped, or were refunded", line=line_id)
        if command.disposition and count > line.ledger.gone - line.ledger.returned:
            raise InvalidTransitionError("these units came back before", line=line_id)
    return wanted


def record_refund_outcome(order: Order, command: RecordRefundOutcome) -> tuple[OrderEvent, ...]:
    """The provider's answer to a refund of ours. Raises InvalidInputError for a refund the order does not have."""
    refund = order.payment.refunds.get(command.refund_id)
    if refund is None:
        raise InvalidInputError("no such refund", refund_id=command.refund_id)
    return _outcome(refund, command.state, command.refund_ref, command.reason)


def _outcome(refund: Refund, state: str, refund_ref: str, reason: str) -> tuple[OrderEvent, ...]:
    if refund.status is RefundStatus.FAILED:
        return ()
    if state == "failed":
        # A refund can fail after it succeeded: the bank sent the money back.
        return (RefundFailed(refund_id=refund.refund_id, reason=reason or "failed"),)
    if refund.status is RefundStatus.SUCCEEDED:
        return ()
    if state == "succeeded":
        return (RefundSucceeded(refund_id=refund.refund_id, refund_ref=refund_ref),)
    if refund.status is RefundStatus.SUBMITTED:
        return ()
    return (RefundSubmitted(refund_id=refund.refund_id, refund_ref=refund_ref),)


_REFUND_STATES: Final = {
    RefundState.PENDING: "submitted",
    RefundState.REQUIRES_ACTION: "submitted",
    RefundState.SUCCEEDED: "succeeded",
    RefundState.FAILED: "failed",
    RefundState.CANCELLED: "failed",
    RefundState.REVERSED: "failed",
}


def refund_outcome_word(state: RefundState) -> str:
    """'submitted', 'succeeded' or 'failed' for a provider's refund state."""
    return _REFUND_STATES[state]


_AUTHORIZATION_STATES: Final = {
    PaymentEventKind.AUTHORIZED: AuthorizationState.AUTHORIZED,
    PaymentEventKind.CAPTURED: AuthorizationState.CAPTURED,
    PaymentEventKind.FAILED: AuthorizationState.DECLINED,
}
_EXTENSION_STATES: Final = {
    PaymentEventKind.EXTENDED: ExtensionState.EXTENDED,
    PaymentEventKind.NOT_EXTENDED: ExtensionState.REFUSED,
}
MANY: Final = 2


def record_provider_event(order: Order, command: RecordProviderEvent) -> tuple[OrderEvent, ...]:
    """What a provider's webhook changes. It may come before the answer of the very call that caused it, or long after.

    What a provider says that does not hold the order's payment changes nothing. Raises CurrencyMismatchError when it
    speaks of another currency, CaptureNotFoundError, RefundBeforePaymentError, RefundExceedsCapturedError.
    """
    event = command.event
    tender = _whose(order, event)
    if tender is None:
        return ()
    if event.currency and event.currency != order.placed.currency:
        raise CurrencyMismatchError("the payment is in another currency", currency=event.currency)
    if event.kind in _RECORDS:
        return _RECORDS[event.kind](order, event, tender)
    if event.kind is PaymentEventKind.VOIDED:
        # Final at the provider, so it holds even when it overtook the authorization that it ended.
        return _voided(order, tender)
    state = _AUTHORIZATION_STATES.get(event.kind)
    if state is None:
        return ()
    if state is not AuthorizationState.DECLINED and event.amount < needed(order, tender):
        return _too_little(order, event, tender)
    if state is AuthorizationState.CAPTURED and tender.authorized:
        # A capture of ours: recorded by the step that makes it, which knows the shipment.
        return ()
    ends = authorization_end(event.source, event.occurred_at) if state is AuthorizationState.AUTHORIZED else None
    told = AuthorizationResult(state=state, amount=event.amount, reason=event.reason, expires_at=ends)
    return authorize(order, told, tender.number)


def _whose(order: Order, event: PaymentEvent) -> Tendered | None:
    """As `meant`; of a dispute of which nobody can say whose it is, raises CaptureNotFoundError: its money is gone."""
    tender = meant(order, event)
    if tender is None and event.kind in disputes.RECORDS and _held_by(order, event.source):
        raise CaptureNotFoundError("the dispute is of none of the order's payments", payment=event.payment_ref)
    return tender


def meant(order: Order, event: PaymentEvent) -> Tendered | None:
    """The tender that a provider speaks of: by its reference, or by ours; of a provider's only one, that one."""
    theirs = _held_by(order, event.source)
    named = [each for each in theirs if each.reference and each.reference in (event.payment_ref, event.charge_ref)]
    if named or len(theirs) < MANY:
        return next(iter(named or theirs), None)
    refund = order.payment.refunds.get(event.our_refund_id)
    capture = order.payment.capture_ids.get(event.charge_ref) or order.payment.capture_ids.get(event.payment_ref)
    key = event.our_shipment_id or capture
    number = refund.tender if refund else read_key(key)[1] if key else 0
    return next((each for each in theirs if each.number == number), None)


def _held_by(order: Order, provider: str) -> list[Tendered]:
    """What of the order a provider holds; nothing of a channel's."""
    in_channel = order.placed.payment.in_channel
    return [] if in_channel else [each for each in order.payment.tenders if each.provider == provider]


def _extended(order: Order, event: PaymentEvent, tender: Tendered) -> tuple[OrderEvent, ...]:
    """The outcome of a request to hold the money longer, which an event tells."""
    ends = authorization_end(event.source, event.occurred_at)
    result = ExtensionResult(state=_EXTENSION_STATES[event.kind], expires_at=ends, reason=event.reason)
    renewal = tender.renewals + (not tender.renewing)
    asked = RecordExtension(command_id="", tender=tender.number, renewal=renewal, result=result)
    return record_extension(order, asked)


def _too_little(order: Order, event: PaymentEvent, tender: Tendered) -> tuple[OrderEvent, ...]:
    """An authorization that cannot pay for the order. Of captures it says nothing: they may be of a part."""
    if event.kind is not PaymentEventKind.AUTHORIZED or event.payment_ref != tender.reference:
        return ()
    declined = AuthorizationResult(state=AuthorizationState.DECLINED, amount=event.amount, reason="amount_too_small")
    return () if tender.voided else authorize(order, declined, tender.number)


def _provider_capture(order: Order, event: PaymentEvent, tender: Tendered) -> tuple[OrderEvent, ...]:
    """One capture's state. Raises CaptureNotFoundError for one that we know nothing of (yet).

    It may come before the answer of the call that asked for it, which then finds the capture recorded. Of a payment
    that the provider captured whole by itself, every capture is that one.
    """
    payment, whole = order.payment, capture_key("", tender.number)
    known = payment.capture_ids.get(event.capture_ref, event.our_shipment_id) or whole
    shipment_id, number = read_key(known)
    ours = shipment_id in order.handovers or (known == whole and whole in payment.captures)
    if event.payment_ref != tender.reference or number != tender.number or not ours:
        raise CaptureNotFoundError("the capture is for no shipment of the order", capture=event.capture_ref)
    state = event.capture_state or CaptureState.PENDING
    return _capture(order, known, event.capture_ref, event.amount, state, event.reason)


def _provider_refund(order: Order, event: PaymentEvent, tender: Tendered) -> tuple[OrderEvent, ...]:
    refunds, left = order.payment.refunds, refundable_of(order.payment, tender.number)
    word = refund_outcome_word(event.refund_state or RefundState.PENDING)
    known = refunds.get(event.our_refund_id) or next(
        (each for each in refunds.values() if event.refund_ref and each.refund_ref == event.refund_ref), None
    )
    if known is not None:
        return _outcome(known, word, event.refund_ref, event.reason)
    # Made by a person at the provider: a fact for us, whoever asked for it. One that failed is kept too, so that an
    # older word on it that comes later does not make it a success.
    if word != "failed" and event.amount > left:
        raise RefundBeforePaymentError(
            "the provider refunded more than was captured so far", amount=event.amount, refundable=left
        )
    refund_id = derive("rfd", order.order_id, event.refund_ref)
    asked = RefundRequested(
        refund_id=refund_id, amount=event.amount, reason=event.reason, origin="provider", tender=tender.number
    )
    submitted = RefundSubmitted(refund_id=refund_id, refund_ref=event.refund_ref)
    if word == "submitted":
        return (asked, submitted)
    if word == "succeeded":
        return (asked, RefundSucceeded(refund_id=refund_id, refund_ref=event.refund_ref))
    return (asked, submitted, RefundFailed(refund_id=refund_id, reason=event.reason or "failed"))


_RECORDS: Final[Mapping[PaymentEventKind, Callable[[Order, PaymentEvent, Tendered], tuple[OrderEvent, ...]]]] = {
    PaymentEventKind.REFUND: _provider_refund,
    PaymentEventKind.CAPTURE: _provider_capture,
    **dict.fromkeys(_EXTENSION_STATES, _extended),
    **disputes.RECORDS,
}
