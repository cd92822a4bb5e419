"""What an order's money is after its events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from oms.domain.order import events as ev
from oms.domain.order.charging import dear_left
from oms.domain.order.folding import evolve
from oms.domain.order.lines import summed
from oms.domain.order.state import Order, Refund, RefundStatus

if TYPE_CHECKING:
    from oms.domain.order.state import Payment


@evolve.register(ev.ChannelPaymentReported)
def _(event: ev.ChannelPaymentReported, state: Order) -> Order:
    payment = replace(state.payment, channel_state=event.state, captured=event.captured)
    return replace(state, payment=payment)


@evolve.register(ev.PaymentAuthorized)
def _(event: ev.PaymentAuthorized, state: Order) -> Order:
    return replace(state, payment=replace(state.payment, authorized=event.amount, declined=""))


@evolve.register(ev.PaymentDeclined)
def _(event: ev.PaymentDeclined, state: Order) -> Order:
    return replace(state, payment=replace(state.payment, declined=event.reason))


@evolve.register(ev.PaymentCaptured)
def _(event: ev.PaymentCaptured, state: Order) -> Order:
    payment = state.payment
    captures = {**payment.captures, event.shipment_id: payment.captures.get(event.shipment_id, 0) + event.amount}
    captured = payment.captured + event.amount
    authorized = max(payment.authorized, captured)
    payment = replace(payment, captures=captures, captured=captured, authorized=authorized, declined="")
    return replace(state, payment=_decided(payment, event.shipment_id))


@evolve.register(ev.CaptureSubmitted)
def _(event: ev.CaptureSubmitted, state: Order) -> Order:
    payment = state.payment
    submitted = {**payment.submitted, event.shipment_id: event.amount}
    ids = {**payment.capture_ids, event.capture_id: event.shipment_id}
    return replace(state, payment=replace(payment, submitted=submitted, capture_ids=ids))


@evolve.register(ev.PaymentUndone)
def _(event: ev.PaymentUndone, state: Order) -> Order:
    payment, shipment = state.payment, event.shipment_id
    undone = {**payment.undone, shipment: payment.undone.get(shipment, 0) + event.amount}
    if shipment in payment.captures:
        captures = {**payment.captures, shipment: payment.captures[shipment] - event.amount}
        payment = replace(payment, captures=captures, captured=payment.captured - event.amount)
    return replace(state, payment=_decided(replace(payment, undone=undone), shipment))


def _decided(payment: Payment, shipment_id: str) -> Payment:
    """The provider's word on a capture ends that it is open."""
    left = {each: amount for each, amount in payment.submitted.items() if each != shipment_id}
    return replace(payment, submitted=left)


@evolve.register(ev.PaymentVoided)
def _(_event: ev.PaymentVoided, state: Order) -> Order:
    return replace(state, payment=replace(state.payment, voided=True))


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
    lines = dict(state.lines)
    for line_id, units in refund.lines.items():
        lines[line_id] = replace(lines[line_id], refunded=lines[line_id].refunded - units)
    return replace(_with_refund(state, replace(refund, status=RefundStatus.FAILED)), lines=lines)


def _with_refund(state: Order, refund: Refund) -> Order:
    payment = replace(state.payment, refunds={**state.payment.refunds, refund.refund_id: refund})
    return replace(state, payment=payment)
