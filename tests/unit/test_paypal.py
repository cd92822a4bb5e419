from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.sandbox.paypal_signing import CERT_PATH, certificate, headers_of
from oms.domain.errors import InvalidInputError, MalformedPayloadError, ReplayWindowError, SignatureError
from oms.domain.ids import derive
from oms.domain.inbound import InboundRequest, KeyedSender, NoticeKind
from oms.domain.payment_events import CaptureState, PaymentEvent, PaymentEventKind, RefundState
from oms.domain.payments import reference_of
from oms.payments.paypal import PayPal

PAYPAL = PayPal()
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KIND = PaymentEventKind
ORDER = derive("ord", "x")
HOOK = "WEBHOOK1"
CERT = certificate().decode()
API = "https://api.paypal.com/v2"


def event(topic: str, **resource: Any) -> dict[str, Any]:
    facts = {"id": "WH-1", "event_type": topic, "create_time": "2026-11-22T11:00:00Z", "resource_type": "capture"}
    known = {"id": "CAP1", "amount": {"currency_code": "USD", "value": "12.30"}, "status": "COMPLETED"}
    related = {"supplementary_data": {"related_ids": {"order_id": "PPORDER1"}}}
    return facts | {"resource": known | related | resource}


def refund(topic: str = "PAYMENT.CAPTURE.REFUNDED", **resource: Any) -> dict[str, Any]:
    up = {"rel": "up", "href": f"{API}/payments/captures/CAP1"}
    self = {"rel": "self", "href": f"{API}/payments/refunds/REF1"}
    known = {"id": "REF1", "supplementary_data": None, "links": [self, up]}
    return event(topic, **(known | resource)) | {"resource_type": "refund"}


def request(document: Any, headers: dict[str, str] | None = None) -> InboundRequest:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return InboundRequest(account="main", headers=headers or {}, body=body)


def read(document: dict[str, Any]) -> PaymentEvent:
    (found,) = PAYPAL.read_events(request(document))
    return found


def signed(body: bytes = b"{}", *, hook: str = HOOK, at: datetime = NOW, **changes: Any) -> InboundRequest:
    headers = headers_of(body, hook, int(at.timestamp()))
    return request(body, headers | {f"paypal-{name.replace('_', '-')}": value for name, value in changes.items()})


def test_a_signature_for_any_valid_webhook_id_is_accepted() -> None:
    PAYPAL.verify(signed(), ["OTHER", HOOK, CERT], NOW)


def test_the_certificate_is_named_and_fetched_from_paypal_alone() -> None:
    assert isinstance(PAYPAL, KeyedSender)
    assert PAYPAL.key_paths(signed()) == [CERT_PATH]
    live = signed(cert_url=f"https://api.paypal.com{CERT_PATH}")
    assert PAYPAL.key_paths(live) == [CERT_PATH]


@pytest.mark.parametrize(
    "url",
    [
        "",
        f"http://api.paypal.com{CERT_PATH}",
        f"https://evil.example{CERT_PATH}",
        f"https://api.paypal.com.evil.example{CERT_PATH}",
        f"https://api.paypal.com@evil.example{CERT_PATH}",
        f"https://evil.example/https://api.paypal.com{CERT_PATH}",
        f"https://api.paypal.com:8443{CERT_PATH}",
        "https://api.paypal.com/v1/notifications/certs/../../x",
        "https://api.paypal.com/v1/notifications/certs/CERT-1?x=//evil.example",
        "https://api.paypal.com/v1/notifications/certs/CERT-1#x",
        "https://169.254.169.254/v1/notifications/certs/CERT-1",
    ],
)
def test_no_other_place_is_asked(url: str) -> None:
    assert PAYPAL.key_paths(signed(cert_url=url)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"transmission_id": "other"},
        {"transmission_time": "2026-11-22T12:00:01Z"},
        {"transmission_time": "soon"},
        {"transmission_sig": "AAAA"},
        {"transmission_sig": "é"},
        {"transmission_sig": ""},
        {"transmission_id": "a|b"},
        {"auth_algo": "MD5withRSA"},
        {"auth_algo": ""},
    ],
    ids=json.dumps,
)
def test_a_changed_header_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SignatureError):
        PAYPAL.verify(signed(**change), [HOOK, CERT], NOW)


@pytest.mark.parametrize("secrets", [[], [HOOK], [CERT], ["OTHER", CERT], [HOOK, "-----BEGIN CERTIFICATE-----\nx"]])
def test_another_webhook_and_another_certificate_are_refused(secrets: list[str]) -> None:
    with pytest.raises(SignatureError):
        PAYPAL.verify(signed(), secrets, NOW)


def test_a_changed_body_is_refused() -> None:
    good = signed(b'{"a":1}')
    for body in (b'{"a": 1}', b'{"a":2}', b""):
        with pytest.raises(SignatureError):
            PAYPAL.verify(request(body, dict(good.headers)), [HOOK, CERT], NOW)


def test_a_certificate_counts_while_it_is_valid() -> None:
    for at in (datetime(2019, 12, 31, tzinfo=UTC), datetime(2050, 1, 2, tzinfo=UTC)):
        with pytest.raises(SignatureError):
            PAYPAL.verify(signed(at=at), [HOOK, CERT], at)


def test_a_retry_may_be_late_and_nothing_comes_from_the_future() -> None:
    PAYPAL.verify(signed(at=NOW - timedelta(days=3)), [HOOK, CERT], NOW)
    PAYPAL.verify(signed(at=NOW + timedelta(minutes=5)), [HOOK, CERT], NOW)
    with pytest.raises(ReplayWindowError):
        PAYPAL.verify(signed(at=NOW + timedelta(minutes=6)), [HOOK, CERT], NOW)


def test_an_event_names_its_order_or_its_capture() -> None:
    notice = PAYPAL.identify(request(event("PAYMENT.CAPTURE.COMPLETED")))
    assert (notice.kind, notice.event_id, notice.external_id) == (NoticeKind.PAYMENT, "WH-1", "PPORDER1")
    assert notice.occurred_at == datetime(2026, 11, 22, 11, tzinfo=UTC)
    assert PAYPAL.identify(request(refund())).external_id == "CAP1"
    up = {"rel": "up", "href": f"{API}/checkout/orders/PPORDER2"}
    told = event("PAYMENT.CAPTURE.COMPLETED", supplementary_data=None, links=[up])
    assert PAYPAL.identify(request(told)).external_id == "PPORDER2"


@pytest.mark.parametrize("topic", ["CHECKOUT.ORDER.APPROVED", "CUSTOMER.PAYOUT.COMPLETED", "PAYMENT.SALE.COMPLETED"])
def test_other_events_are_ignored_with_their_topic(topic: str) -> None:
    notice = PAYPAL.identify(request({"id": "WH-1", "event_type": topic}))
    assert (notice.kind, notice.topic) == (NoticeKind.IGNORED, topic)


@pytest.mark.parametrize(
    ("topic", "state", "reason"),
    [
        ("PENDING", CaptureState.PENDING, ""),
        ("COMPLETED", CaptureState.SUCCEEDED, ""),
        ("DECLINED", CaptureState.FAILED, "declined"),
        ("DENIED", CaptureState.FAILED, "denied"),
    ],
)
def test_every_state_of_a_capture_has_a_canonical_word(topic: str, state: CaptureState, reason: str) -> None:
    ours = reference_of(ORDER, "shp_1")
    found = read(event(f"PAYMENT.CAPTURE.{topic}", invoice_id=ours))
    assert (found.kind, found.capture_state, found.reason) == (KIND.CAPTURE, state, reason)
    assert (found.capture_ref, found.our_shipment_id, found.order_ref) == ("CAP1", "shp_1", ORDER)
    assert (found.payment_ref, found.currency, found.amount) == ("PPORDER1", "USD", 1230)


def test_a_reversal_told_as_a_refund_is_of_its_capture() -> None:
    found = read(refund("PAYMENT.CAPTURE.REVERSED"))
    assert (found.kind, found.charge_ref) == (KIND.DISPUTE, "CAP1")
    assert found.dispute is not None
    assert (found.dispute.word, found.dispute.capture_ref) == (None, "CAP1")
    ((moved),) = found.dispute.movements
    assert (moved.movement_id, moved.amount) == ("reversed:REF1", found.amount)


@pytest.mark.parametrize(
    ("topic", "status", "state"),
    [
        ("PAYMENT.CAPTURE.REFUNDED", "COMPLETED", RefundState.SUCCEEDED),
        ("PAYMENT.CAPTURE.REFUNDED", "PENDING", RefundState.PENDING),
        ("PAYMENT.REFUND.PENDING", "PENDING", RefundState.PENDING),
        ("PAYMENT.REFUND.FAILED", "FAILED", RefundState.FAILED),
        ("PAYMENT.REFUND.FAILED", "CANCELLED", RefundState.CANCELLED),
    ],
)
def test_every_state_of_a_refund_has_a_canonical_word(topic: str, status: str, state: RefundState) -> None:
    found = read(refund(topic, status=status, custom_id=reference_of(ORDER, "rfd_1")))
    assert (found.kind, found.refund_state, found.refund_ref) == (KIND.REFUND, state, "REF1")
    assert (found.our_refund_id, found.order_ref, found.payment_ref, found.charge_ref) == ("rfd_1", ORDER, "", "CAP1")


def test_authorizations() -> None:
    made = read(event("PAYMENT.AUTHORIZATION.CREATED", id="AUTH1", status="CREATED"))
    assert (made.kind, made.payment_ref, made.amount, made.charge_ref) == (KIND.AUTHORIZED, "PPORDER1", 1230, "")
    assert read(event("PAYMENT.AUTHORIZATION.CREATED", id="AUTH1", status="PENDING")).kind is KIND.OTHER
    assert read(event("PAYMENT.AUTHORIZATION.VOIDED", id="AUTH1", status="VOIDED")).kind is KIND.VOIDED


def test_references_of_others_say_nothing() -> None:
    assert read(event("PAYMENT.CAPTURE.COMPLETED", invoice_id="INV-7")).order_ref == ""


@pytest.mark.parametrize(
    "document",
    [
        event("PAYMENT.CAPTURE.COMPLETED", amount={"currency_code": "USD", "value": "12.305"}),
        event("PAYMENT.CAPTURE.COMPLETED", amount={"currency_code": "USD", "value": "-1.00"}),
        event("PAYMENT.CAPTURE.COMPLETED", amount=None),
        event("PAYMENT.CAPTURE.COMPLETED", id=""),
        event("PAYMENT.CAPTURE.COMPLETED") | {"create_time": None},
        refund(status="TELEPORTED"),
        refund(links=[]),
        event("CHECKOUT.ORDER.APPROVED"),
    ],
)
def test_what_cannot_be_understood_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(MalformedPayloadError):
        read(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
RESOURCE = st.fixed_dictionaries(
    {"id": st.just("CAP1") | JSON},
    optional={
        "amount": st.just({"currency_code": "USD", "value": "1.00"}) | JSON,
        "supplementary_data": JSON,
        "links": JSON,
        "status": JSON,
        "invoice_id": JSON,
        "custom_id": JSON,
        "status_details": JSON,
    },
)
TOPIC = st.sampled_from(["PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.REFUNDED", "PAYMENT.AUTHORIZATION.CREATED"])
EVENT = st.fixed_dictionaries(
    {"id": st.just("WH-1") | JSON, "event_type": TOPIC | JSON, "resource": RESOURCE | JSON},
    optional={"create_time": st.just("2026-11-22T11:00:00Z") | JSON, "resource_type": JSON},
)


@given(document=EVENT | JSON, headers=st.dictionaries(st.sampled_from(sorted(headers_of(b"", "x", 1))), st.text()))
def test_nothing_makes_it_fall_over(document: Any, headers: dict[str, str]) -> None:
    asked = request(document, headers)
    PAYPAL.key_paths(asked)
    with pytest.raises(SignatureError):
        PAYPAL.verify(asked, [HOOK, CERT], NOW)
    with contextlib.suppress(InvalidInputError):
        assert PAYPAL.identify(asked).event_id
    with contextlib.suppress(InvalidInputError):
        assert PAYPAL.read_events(asked)
