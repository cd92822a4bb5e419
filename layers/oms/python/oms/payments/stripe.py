"""Stripe: payment webhooks.

Rules: https://docs.stripe.com/webhooks#verify-manually (signature), https://docs.stripe.com/api/events/types,
https://docs.stripe.com/payments/multicapture#webhooks. Events come unordered and more than once.

Set the webhook endpoint to API version 2025-03-31.basil or later: before it, a partial capture and a cancellation also
made a refund of what was released
(https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow);
the cumulative total is corrected for that here, the separate refund events of old versions cannot be.

CAPTURED and REFUND_TOTAL carry cumulative amounts, so any order of arrival folds to the same result.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, Final

from oms.channels.payload import parse_object
from oms.channels.signatures import hmac_sha256
from oms.domain.errors import ReplayWindowError, SignatureError
from oms.domain.frozen import frozen
from oms.domain.inbound import Notice, NoticeKind
from oms.domain.payment_events import PaymentEvent, PaymentEventKind, RefundState
from oms.domain.vendor_money import STRIPE, from_vendor_amount
from oms.payments import stripe_disputes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from oms.channels.payload import Fields
    from oms.domain.inbound import InboundRequest

TOLERANCE_SECONDS: Final = 300
"""Stripe's own default: https://docs.stripe.com/webhooks#replay-attacks"""

_TIME: Final = re.compile(r"[0-9]{1,12}")
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_MAX_HEADER: Final = 4096
_RELEASE_IS_NO_REFUND: Final = "2025-03-31"

_REFUND_STATE: Final[Mapping[str, RefundState]] = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.REQUIRES_ACTION,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.CANCELLED,
}


class Stripe:
    """The sender `stripe`."""

    source = "stripe"
    answers = True

    def verify(self, request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:
        """Check `Stripe-Signature: t=<unix>,v1=<hex>[,v1=...][,v0=...]` over `<t>.<raw body>`, then the time."""
        signed_at, given = _signature_parts(request.headers.get("stripe-signature", ""))
        message = signed_at.encode() + b"." + request.body
        good = [
            hmac.compare_digest(expected, candidate)
            for expected in (_sign(secret, message) for secret in secrets if secret)
            for candidate in given
        ]
        if not any(good):
            raise SignatureError("the Stripe signature does not match", source=self.source)
        if abs(now.timestamp() - int(signed_at)) > TOLERANCE_SECONDS:
            raise ReplayWindowError("the Stripe signature is too old or from the future", source=self.source)

    def identify(self, request: InboundRequest) -> Notice:
        """Events of payments, refunds and disputes are PAYMENT (`external_id`: the intent, else the charge)."""
        event = parse_object(request.body)
        topic, event_id = event.identifier("type"), event.identifier("id")
        if topic not in _READERS and topic not in stripe_disputes.TOPICS:
            return Notice(kind=NoticeKind.IGNORED, topic=topic, event_id=event_id)
        return Notice(
            kind=NoticeKind.PAYMENT,
            topic=topic,
            event_id=event_id,
            external_id=_payment_ref(_subject(event)),
            occurred_at=_created(event),
        )

    def read_events(self, request: InboundRequest) -> Sequence[PaymentEvent]:
        """The one event of a delivery; raises as `read_event`."""
        return (self.read_event(request),)

    def read_event(self, request: InboundRequest) -> PaymentEvent:
        """What happened to the payment, refund or dispute; raises MalformedPayloadError, UnknownCurrencyError."""
        event = parse_object(request.body)
        if event.text("type") in stripe_disputes.TOPICS:
            return self._dispute(request, event)
        reader = _READERS.get(event.text("type"))
        if reader is None:
            raise event.refuse("type", "not an event of a payment")
        subject = _subject(event)
        facts = _Facts(subject, subject.currency("currency"), event.text("api_version"))
        kind, amount, reason = reader(facts)
        refund = kind is PaymentEventKind.REFUND
        metadata = subject.child("metadata")
        return PaymentEvent(
            source=self.source,
            account=request.account,
            event_id=event.identifier("id"),
            kind=kind,
            occurred_at=_created(event),
            payment_ref=_payment_ref(subject),
            charge_ref=_charge_ref(subject),
            order_ref=metadata.text("oms_order_id"),
            currency=facts.currency,
            amount=amount,
            refund_ref=subject.identifier("id") if refund else "",
            refund_state=_refund_state(subject) if refund else None,
            our_refund_id=metadata.text("oms_refund_id") if refund else "",
            reason=reason,
        )

    def _dispute(self, request: InboundRequest, event: Fields) -> PaymentEvent:
        subject, at, event_id = _subject(event), _created(event), event.identifier("id")
        currency, charge = subject.currency("currency"), _charge_ref(subject)
        amount, told = stripe_disputes.read(subject, currency, charge, event_id, at)
        return PaymentEvent(
            source=self.source,
            account=request.account,
            event_id=event_id,
            kind=PaymentEventKind.DISPUTE,
            occurred_at=at,
            payment_ref=_payment_ref(subject),
            charge_ref=charge,
            order_ref=subject.child("metadata").text("oms_order_id"),
            currency=currency,
            amount=amount,
            dispute=told,
        )


@frozen(kw_only=False)
class _Facts:
    """The object of an event, with its amounts in our minor units."""

    subject: Fields
    currency: str
    api_version: str

    @property
    def release_is_refund(self) -> bool:
        return bool(self.api_version) and self.api_version < _RELEASE_IS_NO_REFUND

    def amount(self, key: str, default: int | None = None) -> int:
        amount = from_vendor_amount(STRIPE, self.subject.integer(key, default), self.currency)
        if amount < 0:
            raise self.subject.refuse(key, "an amount must not be negative")
        return amount

    def word(self, key: str) -> str:
        return self.subject.word(key)


_Reading = tuple[PaymentEventKind, int, str]


def _capturable(facts: _Facts) -> _Reading:
    """Sent on authorization and again on every capture, when it is the one event that tells of a partial capture."""
    if received := facts.amount("amount_received", 0):
        return PaymentEventKind.CAPTURED, received, ""
    capturable = facts.amount("amount_capturable")
    return (PaymentEventKind.AUTHORIZED if capturable else PaymentEventKind.OTHER), capturable, ""


def _intent_succeeded(facts: _Facts) -> _Reading:
    return PaymentEventKind.CAPTURED, facts.amount("amount_received"), ""


def _intent_failed(facts: _Facts) -> _Reading:
    error = facts.subject.child("last_payment_error")
    return PaymentEventKind.FAILED, facts.amount("amount"), error.word("decline_code") or error.word("code")


def _intent_canceled(facts: _Facts) -> _Reading:
    released = facts.amount("amount") - facts.amount("amount_received", 0)
    return PaymentEventKind.VOIDED, max(0, released), facts.word("cancellation_reason")


def _intent_waiting(facts: _Facts) -> _Reading:
    return PaymentEventKind.OTHER, facts.amount("amount"), facts.word("status")


def _charge_succeeded(facts: _Facts) -> _Reading:
    if facts.subject.flag("captured"):
        return PaymentEventKind.CAPTURED, facts.amount("amount_captured"), ""
    return PaymentEventKind.AUTHORIZED, facts.amount("amount"), ""


def _charge_captured(facts: _Facts) -> _Reading:
    return PaymentEventKind.CAPTURED, facts.amount("amount_captured"), ""


def _charge_failed(facts: _Facts) -> _Reading:
    return PaymentEventKind.FAILED, facts.amount("amount"), facts.word("failure_code")


def _charge_refunded(facts: _Facts) -> _Reading:
    """Cumulative. `charge.refunds` is absent since 2022-11-15, so which refunds they were is told by refund events."""
    total = facts.amount("amount_refunded")
    if facts.release_is_refund:
        total = max(0, total - (facts.amount("amount") - facts.amount("amount_captured", 0)))
    return PaymentEventKind.REFUND_TOTAL, total, ""


def _refund(facts: _Facts) -> _Reading:
    return PaymentEventKind.REFUND, facts.amount("amount"), facts.word("failure_reason") or facts.word("reason")


_READERS: Final[Mapping[str, Callable[[_Facts], _Reading]]] = {
    "payment_intent.amount_capturable_updated": _capturable,
    "payment_intent.succeeded": _intent_succeeded,
    "payment_intent.payment_failed": _intent_failed,
    "payment_intent.canceled": _intent_canceled,
    "payment_intent.processing": _intent_waiting,
    "payment_intent.requires_action": _intent_waiting,
    "charge.succeeded": _charge_succeeded,
    "charge.captured": _charge_captured,
    "charge.failed": _charge_failed,
    "charge.refunded": _charge_refunded,
    "charge.refund.updated": _refund,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
}


def _sign(secret: str, message: bytes) -> bytes:
    return hmac_sha256(secret, message).hex().encode()


def _signature_parts(header: str) -> tuple[str, list[bytes]]:
    """The signed time as written and every well-formed v1; empty unless there is exactly one time."""
    times, given = [], []
    for part in header[:_MAX_HEADER].split(","):
        key, _, value = part.strip().partition("=")
        if key == "t" and _TIME.fullmatch(value):
            times.append(value)
        elif key == "v1" and _HEX.fullmatch(value):
            given.append(value.encode())
    return (times[0], given) if len(times) == 1 else ("", [])


def _subject(event: Fields) -> Fields:
    return event.child("data").child("object")


def _created(event: Fields) -> datetime:
    created = event.unix("created")
    if created is None:
        raise event.refuse("created", "an event must have a time")
    return created


def _reference(subject: Fields, key: str) -> str:
    """A reference to another object, which an endpoint may be set to expand."""
    expanded = isinstance(subject.values.get(key), dict)
    return subject.child(key).optional_identifier("id") if expanded else subject.optional_identifier(key)


def _payment_ref(subject: Fields) -> str:
    if subject.text("object") == "payment_intent":
        return subject.identifier("id")
    ref = _reference(subject, "payment_intent") or _charge_ref(subject)
    if not ref:
        raise subject.refuse("payment_intent", "an event must name its payment")
    return ref


def _charge_ref(subject: Fields) -> str:
    match subject.text("object"):
        case "charge":
            return subject.identifier("id")
        case "payment_intent":
            return _reference(subject, "latest_charge")
        case _:
            return _reference(subject, "charge")


def _refund_state(subject: Fields) -> RefundState:
    state = _REFUND_STATE.get(subject.text("status"))
    if state is None:
        raise subject.refuse("status", "a refund must have a status that is known")
    return state
