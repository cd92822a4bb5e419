"""PayPal: webhooks of Payments v2.

Rules: https://developer.paypal.com/api/rest/webhooks/rest (signature: SHA256withRSA over
`<transmission id>|<transmission time>|<webhook id>|<CRC-32 of the raw body, in decimal>`, by the certificate that a
header names; any 2xx acknowledges; up to 25 retries over 3 days) and
https://developer.paypal.com/api/rest/webhooks/event-names.

The secret of an account is its webhook id: that and PayPal's certificate say that the delivery is for us. Certificates
are fetched from where PayPal publishes them and from nowhere else: of the URL in the header only the name counts. A
certificate counts for what was sent while it was valid. Retries may carry the first time, so no delivery is too old.

A payment is known by the PayPal order. An event that does not tell it names the capture, and PayPal is asked.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.channels.payload import parse_moment, parse_object
from oms.domain.errors import ReplayWindowError, SignatureError
from oms.domain.inbound import Notice, NoticeKind
from oms.domain.payment_events import CaptureState, PaymentEvent, PaymentEventKind, RefundState
from oms.domain.payments import read_reference
from oms.domain.vendor_money import PAYPAL, from_vendor_text
from oms.payments import paypal_disputes
from oms.payments.paypal_disputes import DISPUTES, REVERSED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oms.channels.payload import Fields
    from oms.domain.inbound import InboundRequest

AHEAD: Final = timedelta(minutes=5)
"""How far PayPal's clock may run ahead of ours."""

_CERT_URL: Final = re.compile(
    r"https://api(?:\.sandbox)?\.paypal\.com(/v1/notifications/certs/CERT-[A-Za-z0-9-]{1,100})", re.ASCII
)
_CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----"
_ALGORITHM: Final = "SHA256withRSA"
_SMALLEST_BITS: Final = 2048
_SIGNED_PART: Final = re.compile(r"[A-Za-z0-9:.+-]{1,100}", re.ASCII)
_ORDER: Final = re.compile(r"/v2/checkout/orders/([A-Z0-9]{1,36})", re.ASCII)
_CAPTURE: Final = re.compile(r"/v2/payments/captures/([A-Z0-9]{1,36})", re.ASCII)

_CAPTURES: Final[Mapping[str, CaptureState]] = {
    "PAYMENT.CAPTURE.PENDING": CaptureState.PENDING,
    "PAYMENT.CAPTURE.COMPLETED": CaptureState.SUCCEEDED,
    "PAYMENT.CAPTURE.DECLINED": CaptureState.FAILED,
    "PAYMENT.CAPTURE.DENIED": CaptureState.FAILED,
}
_REFUNDS: Final = frozenset({"PAYMENT.CAPTURE.REFUNDED", "PAYMENT.REFUND.PENDING", "PAYMENT.REFUND.FAILED"})
_AUTHORIZATIONS: Final[Mapping[str, PaymentEventKind]] = {
    "PAYMENT.AUTHORIZATION.CREATED": PaymentEventKind.AUTHORIZED,
    "PAYMENT.AUTHORIZATION.VOIDED": PaymentEventKind.VOIDED,
}
_TOPICS: Final = frozenset({*_CAPTURES, *_REFUNDS, *_AUTHORIZATIONS, *DISPUTES, REVERSED})
_REFUND_STATE: Final[Mapping[str, RefundState]] = {
    "PENDING": RefundState.PENDING,
    "COMPLETED": RefundState.SUCCEEDED,
    "FAILED": RefundState.FAILED,
    "CANCELLED": RefundState.CANCELLED,
}


class PayPal:
    """The sender `paypal`."""

    source = PAYPAL
    answers = True

    def key_paths(self, request: InboundRequest) -> Sequence[str]:
        """The certificate that the delivery names, by its place at PayPal."""
        match = _CERT_URL.fullmatch(request.headers.get("paypal-cert-url", ""))
        return [match[1]] if match else []

    def verify(self, request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:
        """Check the signature by a certificate among `secrets`, for a webhook id that the others are; then the time."""
        headers = request.headers
        signed_at = parse_moment(headers.get("paypal-transmission-time", ""))
        signature = _decoded(headers.get("paypal-transmission-sig", ""))
        head = [headers.get(f"paypal-transmission-{name}", "") for name in ("id", "time")]
        plain = all(_SIGNED_PART.fullmatch(part) for part in head)
        if not plain or signed_at is None or not signature or headers.get("paypal-auth-algo") != _ALGORITHM:
            raise SignatureError("the signature is missing", source=self.source)
        certificates = [secret for secret in secrets if secret.startswith(_CERTIFICATE)]
        ours = [secret for secret in secrets if secret and not secret.startswith(_CERTIFICATE)]
        checksum = zlib.crc32(request.body)
        messages = ["|".join([*head, webhook_id, str(checksum)]).encode() for webhook_id in ours]
        good = [_signed(pem, signature, message, signed_at) for pem in certificates for message in messages]
        if not any(good):
            raise SignatureError("the PayPal signature does not match", source=self.source)
        if signed_at > now + AHEAD:
            raise ReplayWindowError("the PayPal signature is from the future", source=self.source)

    def identify(self, request: InboundRequest) -> Notice:
        """Of authorizations, captures, refunds and disputes: PAYMENT (`external_id`: the order, else the capture)."""
        event = parse_object(request.body)
        topic, event_id = event.identifier("event_type"), event.identifier("id")
        if topic not in _TOPICS:
            return Notice(kind=NoticeKind.IGNORED, topic=topic, event_id=event_id)
        subject = event.child("resource")
        return Notice(
            kind=NoticeKind.PAYMENT,
            topic=topic,
            event_id=event_id,
            external_id=_order(subject) or _capture(event, subject) or _named(subject),
            occurred_at=_created(event),
        )

    def read_events(self, request: InboundRequest) -> Sequence[PaymentEvent]:
        """What happened; raises MalformedPayloadError, UnknownCurrencyError."""
        event = parse_object(request.body)
        topic = event.text("event_type")
        if topic not in _TOPICS:
            raise event.refuse("event_type", "not an event of a payment")
        subject = event.child("resource")
        if topic in DISPUTES:
            return (self._dispute(request, event, subject),)
        money = subject.child("amount")
        currency = money.currency("currency_code")
        facts: dict[str, Any] = {
            "source": self.source,
            "account": request.account,
            "event_id": event.identifier("id"),
            "occurred_at": _created(event),
            "payment_ref": _order(subject),
            "charge_ref": _capture(event, subject),
            "currency": currency,
            "amount": from_vendor_text(PAYPAL, money.text("value"), currency),
        }
        return (_event(topic, subject, facts),)

    def _dispute(self, request: InboundRequest, event: Fields, subject: Fields) -> PaymentEvent:
        at, event_id = _created(event), event.identifier("id")
        capture, currency, amount, told = paypal_disputes.read(subject, event_id, at)
        return PaymentEvent(
            source=self.source,
            account=request.account,
            event_id=event_id,
            kind=PaymentEventKind.DISPUTE,
            occurred_at=at,
            charge_ref=capture,
            currency=currency,
            amount=amount,
            dispute=told,
        )


def _event(topic: str, subject: Fields, facts: dict[str, Any]) -> PaymentEvent:
    if topic in _AUTHORIZATIONS:
        kind = _AUTHORIZATIONS[topic]
        if kind is PaymentEventKind.AUTHORIZED and subject.text("status") != "CREATED":
            kind = PaymentEventKind.OTHER
        return PaymentEvent(kind=kind, **facts)
    if topic == REVERSED:
        told = paypal_disputes.taken(facts["event_id"], subject, facts["charge_ref"], facts["amount"])
        order_ref = read_reference(subject.text("invoice_id"))[0]
        return PaymentEvent(kind=PaymentEventKind.DISPUTE, order_ref=order_ref, dispute=told, **facts)
    why = subject.child("status_details").word("reason")
    if topic in _CAPTURES:
        order_ref, shipment_id = read_reference(subject.text("invoice_id"))
        return PaymentEvent(
            kind=PaymentEventKind.CAPTURE,
            order_ref=order_ref,
            capture_ref=facts["charge_ref"],
            capture_state=_CAPTURES[topic],
            our_shipment_id=shipment_id,
            reason=(why or topic.rpartition(".")[2].lower()) if _CAPTURES[topic] is CaptureState.FAILED else "",
            **facts,
        )
    order_ref, refund_id = read_reference(subject.text("custom_id"))
    state = _REFUND_STATE.get(subject.text("status"))
    if state is None:
        raise subject.refuse("status", "a refund must have a status that is known")
    return PaymentEvent(
        kind=PaymentEventKind.REFUND,
        order_ref=order_ref,
        refund_ref=subject.identifier("id"),
        refund_state=state,
        our_refund_id=refund_id,
        reason=why,
        **facts,
    )


def _decoded(signature: str) -> bytes:
    try:
        return base64.b64decode(signature.encode("utf-8", "surrogatepass"), validate=True)
    except binascii.Error:
        return b""


def _signed(pem: str, signature: bytes, message: bytes, at: datetime) -> bool:
    """RSASSA-PKCS1-v1_5 with SHA-256. The library is loaded by the first delivery of PayPal alone."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509 import load_pem_x509_certificate

    try:
        certificate = load_pem_x509_certificate(pem.encode())
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey) or key.key_size < _SMALLEST_BITS:
            return False
        if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
            return False
        key.verify(signature, message, PKCS1v15(), SHA256())
    except (ValueError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _created(event: Fields) -> datetime:
    created = event.moment("create_time")
    if created is None:
        raise event.refuse("create_time", "an event must have a time")
    return created


def _order(subject: Fields) -> str:
    """The PayPal order, when the event tells."""
    related = subject.child("supplementary_data").child("related_ids").optional_identifier("order_id")
    return related or _up(subject, _ORDER)


def _capture(event: Fields, subject: Fields) -> str:
    """The capture that the event is about, or whose refund it is about."""
    topic = event.text("event_type")
    if topic in _AUTHORIZATIONS or topic in DISPUTES:
        return ""
    if (topic in _CAPTURES or topic == REVERSED) and event.text("resource_type") != "refund":
        return subject.identifier("id")
    capture = _up(subject, _CAPTURE)
    if not capture:
        raise subject.refuse("links", "a refund must name its capture")
    return capture


def _named(subject: Fields) -> str:
    """The id of what the event is about: of disputes it has another name."""
    return subject.optional_identifier("dispute_id") or subject.identifier("id")


def _up(subject: Fields, what: re.Pattern[str]) -> str:
    """The id in the link to what this belongs to. Nothing is called there."""
    ups = (link for link in subject.children("links") if link.text("rel") == "up")
    found = (what.search(link.text("href")) for link in ups)
    return next((match[1] for match in found if match), "")
