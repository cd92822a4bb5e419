"""Adyen: standard webhooks.

Rules: https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures (each item is
signed: base64 of HMAC-SHA256 under the key given in hex, over eight of its fields),
https://docs.adyen.com/development-resources/webhooks/webhook-types (event codes),
https://www.adyen.com/knowledge-hub/webhooks-accept-2xx (any 2xx accepts, within 10 s) and
https://docs.adyen.com/development-resources/webhooks/troubleshoot (what is not accepted comes again for 30 days, the
endpoint's queue waiting behind it).

A notification is as true as its signature: where it belongs, how much and whether it went well is taken from signed
fields alone (`pspReference`, `originalReference`, `merchantReference`, `amount`, `eventCode`, `success`). Reasons,
dates and what a reversal became are not signed: they decide nothing but words, and which of two outcomes a reversal of
somebody else's had. No time is signed either, so nothing is too old: the same notification again changes nothing.

Adyen cannot be asked how a payment stands: that an order's money is held is known from AUTHORISATION alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from oms.channels.payload import parse_object
from oms.domain.errors import InvalidInputError, SignatureError
from oms.domain.inbound import Notice, NoticeKind
from oms.domain.payment_events import CaptureState, PaymentEvent, PaymentEventKind, RefundState
from oms.domain.payments import read_reference
from oms.domain.vendor_money import ADYEN, from_vendor_amount
from oms.payments import adyen_disputes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oms.channels.payload import Fields
    from oms.domain.inbound import InboundRequest

_MAX_ITEMS: Final = 50

_Reading = tuple[PaymentEventKind, CaptureState | None, RefundState | None]
_AUTHORIZED: Final = (PaymentEventKind.AUTHORIZED, None, None)
_DECLINED: Final = (PaymentEventKind.FAILED, None, None)
_VOIDED: Final = (PaymentEventKind.VOIDED, None, None)
_EXTENDED: Final = (PaymentEventKind.EXTENDED, None, None)
_NOT_EXTENDED: Final = (PaymentEventKind.NOT_EXTENDED, None, None)
_NOTHING: Final = (PaymentEventKind.OTHER, None, None)
_CAPTURED: Final = (PaymentEventKind.CAPTURE, CaptureState.SUCCEEDED, None)
_NOT_CAPTURED: Final = (PaymentEventKind.CAPTURE, CaptureState.FAILED, None)
_REFUNDED: Final = (PaymentEventKind.REFUND, None, RefundState.SUCCEEDED)
_NOT_REFUNDED: Final = (PaymentEventKind.REFUND, None, RefundState.FAILED)
_REVERSED: Final = (PaymentEventKind.REFUND, None, RefundState.REVERSED)

_MEANS: Final[Mapping[tuple[str, bool], _Reading]] = {
    ("AUTHORISATION", True): _AUTHORIZED,
    ("AUTHORISATION", False): _DECLINED,
    ("CAPTURE", True): _CAPTURED,
    ("CAPTURE", False): _NOT_CAPTURED,
    ("CAPTURE_FAILED", True): _NOT_CAPTURED,
    ("CANCELLATION", True): _VOIDED,
    ("TECHNICAL_CANCEL", True): _VOIDED,
    ("EXPIRE", True): _VOIDED,
    ("REFUND", True): _REFUNDED,
    ("REFUND", False): _NOT_REFUNDED,
    ("REFUND_FAILED", True): _NOT_REFUNDED,
    ("REFUNDED_REVERSED", True): _REVERSED,
    ("CANCEL_OR_REFUND", True): _VOIDED,
    ("AUTHORISATION_ADJUSTMENT", True): _EXTENDED,
    ("AUTHORISATION_ADJUSTMENT", False): _NOT_EXTENDED,
}
_REFUSALS: Final = frozenset({PaymentEventKind.FAILED, PaymentEventKind.NOT_EXTENDED})
_CODES: Final = frozenset(code for code, _ in _MEANS) | adyen_disputes.CODES
IGNORED: Final[Mapping[str, str]] = {
    "AUTHENTICATION": "3-D Secure on its own; the payment it is for has its own AUTHORISATION",
    "AUTORESCUE": "of retried subscriptions, which are no orders here",
    "CANCEL_AUTORESCUE": "the same",
    "CHARGEBACK_REVERSED_PENDING": "the reversal itself is told",
    "DONATION": "the shopper's, not the order's",
    "ISSUER_COMMENTS": "words of the issuer; what they lead to is told",
    "MANUAL_REVIEW_ACCEPT": "of a payment whose AUTHORISATION is told",
    "MANUAL_REVIEW_REJECT": "its CANCELLATION is told",
    "OFFER_CLOSED": "a voucher that nobody paid: no payment of an order came of it",
    "ORDER_CLOSED": "of payments split over several methods, which are told one by one",
    "ORDER_OPENED": "the same",
    "PENDING": "decided by AUTHORISATION",
    "POSTPONED_REFUND": "made later; its REFUND is told then",
    "RECURRING_CONTRACT": "a stored card",
    "REPORT_AVAILABLE": "read by whoever reconciles payouts",
    "VOID_PENDING_REFUND": "a refund that was cancelled before it was made fails by REFUND",
}
"""Codes that change nothing, and why. What is not named here is ignored as well, since nobody knows what it says."""


class Adyen:
    """The sender `adyen`."""

    source = ADYEN
    answers = False

    def verify(self, request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:  # noqa: ARG002 - no time is signed
        """Check the signature of every item: one that nobody signed refuses the delivery."""
        keys = [key for key in map(_key, secrets) if key]
        try:
            genuine = [_is_genuine(item, keys) for item in _items(request)]
        except InvalidInputError:
            raise SignatureError("what cannot be read has no signature", source=self.source) from None
        if not all(genuine):
            raise SignatureError("the signature of an item does not match", source=self.source)

    def identify(self, request: InboundRequest) -> Notice:
        """Of payments, captures, refunds and disputes: PAYMENT (`external_id`: the first item's payment)."""
        items = _items(request)
        first = next((item for item in items if item.text("eventCode") in _CODES), items[0])
        topic = first.identifier("eventCode")
        event_id = " ".join(_event_id(item) for item in items)
        if len(items) > 1:
            event_id = hashlib.sha256(event_id.encode()).hexdigest()
        if topic not in _CODES:
            return Notice(kind=NoticeKind.IGNORED, topic=topic, event_id=event_id)
        return Notice(
            kind=NoticeKind.PAYMENT,
            topic=topic,
            event_id=event_id,
            external_id=_payment_ref(first),
            occurred_at=_when(first),
        )

    def read_events(self, request: InboundRequest) -> Sequence[PaymentEvent]:
        """What each item tells; raises MalformedPayloadError, UnknownCurrencyError."""
        known = [item for item in _items(request) if item.text("eventCode") in _CODES]
        return tuple(self._event(request, item) for item in known)

    def _dispute(self, request: InboundRequest, item: Fields) -> PaymentEvent:
        currency, amount = _amount(item)
        at, event_id, code = _when(item), _event_id(item), item.text("eventCode")
        fraud = code == adyen_disputes.FRAUD
        told = None if fraud else adyen_disputes.read(item, code, amount, event_id, at, success=_success(item))
        kind = PaymentEventKind.FRAUD_REPORT if fraud else PaymentEventKind.DISPUTE
        return PaymentEvent(
            source=self.source,
            account=request.account,
            event_id=event_id,
            kind=kind if fraud or told else PaymentEventKind.OTHER,
            occurred_at=at,
            payment_ref=_payment_ref(item),
            order_ref=read_reference(item.text("merchantReference"))[0],
            currency=currency,
            amount=amount,
            reason=item.word("reason") if fraud else "",
            dispute=told,
        )

    def _event(self, request: InboundRequest, item: Fields) -> PaymentEvent:
        if item.text("eventCode") in adyen_disputes.CODES:
            return self._dispute(request, item)
        kind, captured, refunded = _reading(item)
        currency, amount = _amount(item)
        if kind is PaymentEventKind.AUTHORIZED and not amount:
            kind = PaymentEventKind.OTHER  # a card was looked at, for no payment
        reference = item.optional_identifier("pspReference")
        own = read_reference(item.text("merchantReference"))
        failed = captured is CaptureState.FAILED or kind in _REFUSALS or _is_bad(refunded)
        return PaymentEvent(
            source=self.source,
            account=request.account,
            event_id=_event_id(item),
            kind=kind,
            occurred_at=_when(item),
            payment_ref=_payment_ref(item),
            order_ref=own[0],
            currency=currency,
            amount=amount,
            refund_ref=reference if kind is PaymentEventKind.REFUND else "",
            refund_state=refunded,
            our_refund_id=own[1] if kind is PaymentEventKind.REFUND else "",
            capture_ref=reference if kind is PaymentEventKind.CAPTURE else "",
            capture_state=captured,
            our_shipment_id=own[1] if kind is PaymentEventKind.CAPTURE else "",
            # An authorization that went well has the card's last digits there.
            reason=item.word("reason") if failed else "",
        )


def _reading(item: Fields) -> _Reading:
    code, success = item.text("eventCode"), _success(item)
    if code == "CANCEL_OR_REFUND" and success:
        action = item.child("additionalData").text("modification.action")
        return _REFUNDED if action == "refund" else _VOIDED
    return _MEANS.get((code, success), _NOTHING)


def _is_bad(state: RefundState | None) -> bool:
    return state in (RefundState.FAILED, RefundState.REVERSED)


def _items(request: InboundRequest) -> Sequence[Fields]:
    body = parse_object(request.body)
    entries = body.children("notificationItems")
    if not entries or len(entries) > _MAX_ITEMS:
        raise body.refuse("notificationItems", "a notification has an item, and not many")
    return [entry.child("NotificationRequestItem") for entry in entries]


def _is_genuine(item: Fields, keys: Sequence[bytes]) -> bool:
    given = item.child("additionalData").text("hmacSignature").encode("utf-8", "surrogatepass")
    message = _signed(item)
    expected = [base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()) for key in keys]
    matches = [hmac.compare_digest(given, each) for each in expected]
    return any(matches)


def _key(secret: str) -> bytes:
    try:
        return bytes.fromhex(secret)
    except ValueError:
        return b""


def _signed(item: Fields) -> bytes:
    """The eight fields; nothing is escaped, as in Adyen's own libraries."""
    money = item.child("amount")
    names = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")
    parts = [*(_raw(item, name) for name in names), _raw(money, "value"), _raw(money, "currency")]
    return ":".join([*parts, _raw(item, "eventCode"), _raw(item, "success")]).encode("utf-8", "surrogatepass")


def _raw(fields: Fields, key: str) -> str:
    """A field as it is written: what is signed is not cleaned."""
    value = fields.values.get(key)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int)) else ""


def _success(item: Fields) -> bool:
    word = _raw(item, "success")
    if word not in ("true", "false"):
        raise item.refuse("success", "an event must say whether it went well")
    return word == "true"


def _event_id(item: Fields) -> str:
    """Redeliveries share reference, code and outcome."""
    return f"{item.identifier('pspReference')}:{item.identifier('eventCode')}:{_raw(item, 'success')}"


def _payment_ref(item: Fields) -> str:
    return item.optional_identifier("originalReference") or item.identifier("pspReference")


def _amount(item: Fields) -> tuple[str, int]:
    money = item.child("amount")
    currency = money.currency("currency")
    amount = from_vendor_amount(ADYEN, money.integer("value"), currency)
    if amount < 0:
        raise money.refuse("value", "an amount must not be negative")
    return currency, amount


def _when(item: Fields) -> datetime:
    at = item.moment("eventDate")
    if at is None:
        raise item.refuse("eventDate", "an event must have a time")
    return at
