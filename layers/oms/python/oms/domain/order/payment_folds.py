"""What an order's money is after its events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from oms.domain.order import events as ev
from oms.domain.order import payment_facts as facts
from oms.domain.order.charging import dear_left
from oms.domain.order.folding import evolve
from oms.domain.order.lines import summed
from oms.domain.order.state import Order, Refund, RefundStatus
from oms.domain.order.tenders import capture_key, captured_of, of_tender, tender_at, tendered, with_tender

if TYPE_CHECKING:
    from oms.domain.order.state import Payment


@evolve.register(ev.ChannelPaymentReported)
def _(event: ev.ChannelPaymentReported, state: Order) -> Order:
    payment = replace(state.payment, channel_state=event.state, captured=event.captured)
    return replace(state, payment=payment)


@evolve.register(ev.PaymentAuthorized)
def _(event: ev.PaymentAuthorized, state: Order) -> Order:
    held = {"authorized": event.amount, "declined": "", "expires_at": event.expires_at, "lapsed": False}
    return _changed(state, event.tender, **held, unasked=False, renewing=False, final=False)


@evolve.register(ev.PaymentDeclined)
def _(event: ev.PaymentDeclined, state: Order) -> Order:
    return _changed(state, event.tender, declined=event.reason, unasked=False)


@evolve.register(ev.PaymentCaptured)
def _(event: ev.PaymentCaptured, state: Order) -> Order:
    payment, key = state.payment, capture_key(event.shipment_id, event.tender)
    captures = {**payment.captures, key: payment.captures.get(key, 0) + event.amount}
    payment = replace(payment, captures=captures, captured=payment.captured + event.amount)
    known = tender_at(payment, event.tender)
    taken = captured_of(payment, event.tender)
    authorized = max(known.authorized if known else 0, taken)
    state = _changed(replace(state, payment=payment), event.tender, authorized=authorized, declined="", unasked=False)
    return replace(state, payment=_decided(state.payment, key))


@evolve.register(ev.CaptureSubmitted)
def _(event: ev.CaptureSubmitted, state: Order) -> Order:
    payment, key = state.payment, capture_key(event.shipment_id, event.tender)
    submitted = {**payment.submitted, key: event.amount}
    ids = {**payment.capture_ids, event.capture_id: key}
    return replace(state, payment=replace(payment, submitted=submitted, capture_ids=ids))


@evolve.register(ev.PaymentUndone)
def _(event: ev.PaymentUndone, state: Order) -> Order:
    payment, key = state.payment, capture_key(event.shipment_id, event.tender)
    undone = {**payment.undone, key: payment.undone.get(key, 0) + event.amount}
    if key in payment.captures:
        captures = {**payment.captures, key: payment.captures[key] - event.amount}
        payment = replace(payment, captures=captures, captured=payment.captured - event.amount)
    return replace(state, payment=_decided(replace(payment, undone=undone), key))


def _decided(payment: Payment, key: str) -> Payment:
    """The provider's word on a capture ends that it is open."""
    left = {each: amount for each, amount in payment.submitted.items() if each != key}
    return replace(payment, submitted=left)


@evolve.register(ev.PaymentVoided)
def _(event: ev.PaymentVoided, state: Order) -> Order:
    return _changed(state, event.tender, voided=True, unasked=False, expires_at=None)


@evolve.register(facts.TenderAdded)
def _(event: facts.TenderAdded, state: Order) -> Order:
    payment = state.payment
    fresh = tendered(event.tender, len(payment.tenders) + 1, unasked=True)
    payment = replace(payment, tenders=(*payment.tenders, fresh))
    return replace(state, payment=with_tender(payment, fresh.number))


@evolve.register(facts.TenderChecked)
def _(event: facts.TenderChecked, state: Order) -> Order:
    return _changed(state, event.tender, unasked=False)


@evolve.register(facts.ExtensionSubmitted)
def _(event: facts.ExtensionSubmitted, state: Order) -> Order:
    return _renewed(state, event.tender, renewing=True)


@evolve.register(facts.AuthorizationExtended)
def _(event: facts.AuthorizationExtended, state: Order) -> Order:
    return _renewed(state, event.tender, renewing=False, final=False, expires_at=event.expires_at)


@evolve.register(facts.ExtensionRefused)
def _(event: facts.ExtensionRefused, state: Order) -> Order:
    return _renewed(state, event.tender, renewing=False, final=True)


def _renewed(state: Order, tender: int, *, renewing: bool, **changes: Any) -> Order:
    """One more time that its provider was asked, unless this is the answer to what it was asked before."""
    known = tender_at(state.payment, tender)
    times = known.renewals + (not known.renewing) if known else 0
    return _changed(state, tender, renewals=times, renewing=renewing, **changes)


@evolve.register(facts.AuthorizationLapsed)
def _(event: facts.AuthorizationLapsed, state: Order) -> Order:
    payment = state.payment
    taken = captured_of(payment, event.tender) + of_tender(payment.submitted, event.tender)
    gone = {"authorized": taken, "lapsed": True, "expires_at": None}
    return _changed(state, event.tender, **gone, renewing=False)


def _changed(state: Order, tender: int, **changes: Any) -> Order:
    return replace(state, payment=with_tender(state.payment, tender, **changes))


@evolve.register(ev.RefundRequested)
def _(event: ev.RefundRequested, state: Order) -> Order:
    lines = dict(state.lines)
    wanted = summed(event.lines)
    for line_id, units in wanted.items():
        lines[line_id] = replace(lines[line_id], refunded=lines[line_id].refunded + units)
    refund = Refund(
        refund_id=event.refund_id,
        amount=event.amount,
        status=RefundStatus.REQUESTED,
        reason=event.reason,
        origin=event.origin,
        lines=wanted,
        dear={line_id: min(units, dear_left(state, line_id)) for line_id, units in wanted.items()},
        tender=event.tender,
        request=event.request,
        goodwill=event.goodwill,
    )
    return replace(_with_refund(state, refund), lines=lines)


@evolve.register(ev.RefundSubmitted)
def _(event: ev.RefundSubmitted, state: Order) -> Order:
    refund = state.payment.refunds[event.refund_id]
    return _with_refund(state, replace(refund, status=RefundStatus.SUBMITTED, refund_ref=event.refund_ref))


@evolve.register(ev.RefundSucceeded)
def _(event: ev.RefundSucceeded, state: Order) -> Order:
    refund = state.payment.refunds[event.refund_id]
    ref = event.refund_ref or refund.refund_ref
    removed, returned = summed(event.removed), summed(event.returned)
    refund = replace(refund, status=RefundStatus.SUCCEEDED, refund_ref=ref, removed=removed, returned=returned)
    return _with_refund(state, refund)


@evolve.register(ev.RefundFailed)
def _(event: ev.RefundFailed, state: Order) -> Order:
    refund = state.payment.refunds[event.refund_id]
    state = _with_refund(state, replace(refund, status=RefundStatus.FAILED))
    others = (each for each in state.payment.refunds.values() if each.counts and each.request == refund.request)
    heir = next(others, None) if refund.request and refund.lines else None
    if heir is not None:
        # The units stay refunded as long as any part of their price went back: that part answers for them now.
        state = _with_refund(state, replace(heir, lines=refund.lines, dear=refund.dear))
        return _with_refund(state, replace(refund, status=RefundStatus.FAILED, lines={}, dear={}))
    lines = dict(state.lines)
    for line_id, units in refund.lines.items():
        lines[line_id] = replace(lines[line_id], refunded=lines[line_id].refunded - units)
    return replace(state, lines=lines)


def _with_refund(state: Order, refund: Refund) -> Order:
    payment = replace(state.payment, refunds={**state.payment.refunds, refund.refund_id: refund})
    return replace(state, payment=payment)
