from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.domain.errors import InvalidInputError, MalformedPayloadError, OmsError, SignatureError, UnknownCurrencyError
from oms.domain.ids import derive
from oms.domain.inbound import InboundRequest, NoticeKind
from oms.domain.payment_events import CaptureState, PaymentEvent, PaymentEventKind, RefundState
from oms.domain.payments import reference_of
from oms.payments.adyen import IGNORED, Adyen
from tests.support.adyen import KEY, PAYMENT, item, notification, sign

ADYEN = Adyen()
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KIND = PaymentEventKind
ORDER = derive("ord", "x")
PART = "MOD0000000000001"


def read(**fields: Any) -> PaymentEvent:
    code = fields.pop("code")
    (event,) = ADYEN.read_events(notification(item(code, **fields)))
    return event


def verify(*items: dict[str, Any], secrets: tuple[str, ...] = (KEY,)) -> None:
    ADYEN.verify(notification(*items), secrets, NOW)


def test_the_signature_that_adyen_publishes() -> None:
    """Of Adyen's own library's tests: the item and the signature."""
    known = item(
        "AUTHORISATION",
        pspReference="7914073381342284",
        merchantReference="TestPayment-1407325143704",
        merchantAccountCode="TestMerchant",
        amount={"currency": "EUR", "value": 1130},
    )
    assert sign(known) == "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="
    verify(known)


def test_a_signature_of_any_valid_key_is_accepted() -> None:
    verify(item("CAPTURE"), secrets=("00" * 32, KEY))


def test_colons_and_slashes_are_signed_as_they_are() -> None:
    for reference in (":slashes are fun", "a/b", "a\\b", " é "):
        verify(item("AUTHORISATION", merchantReference=reference))


@pytest.mark.parametrize(
    "change",
    [
        {"pspReference": "OTHER"},
        {"originalReference": "OTHER"},
        {"merchantAccountCode": "Other"},
        {"merchantReference": ORDER},
        {"amount": {"currency": "EUR", "value": 1001}},
        {"amount": {"currency": "USD", "value": 1000}},
        {"eventCode": "CAPTURE"},
        {"success": "false"},
        {"additionalData": {}},
        {"additionalData": None},
        {"additionalData": {"hmacSignature": "é"}},
    ],
    ids=json.dumps,
)
def test_a_changed_field_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SignatureError):
        verify(item("REFUND") | change)


def test_every_item_must_be_signed() -> None:
    verify(item("CAPTURE"), item("REFUND"))
    with pytest.raises(SignatureError):
        verify(item("CAPTURE"), item("REFUND", key="00" * 32))


@pytest.mark.parametrize("secrets", [(), ("",), ("no hex",), ("00" * 32,)])
def test_no_key_and_another_key_are_refused(secrets: tuple[str, ...]) -> None:
    with pytest.raises(SignatureError):
        verify(item("CAPTURE"), secrets=secrets)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"notificationItems": []}', b'{"notificationItems": [1]}'])
def test_what_cannot_be_read_is_not_genuine(body: bytes) -> None:
    with pytest.raises(SignatureError):
        ADYEN.verify(InboundRequest(account="main", headers={}, body=body), [KEY], NOW)


def test_a_notification_names_its_payment() -> None:
    notice = ADYEN.identify(notification(item("CAPTURE")))
    assert (notice.kind, notice.topic, notice.external_id) == (NoticeKind.PAYMENT, "CAPTURE", PAYMENT)
    assert notice.event_id == f"{PART}:CAPTURE:true"
    assert notice.occurred_at == datetime(2026, 11, 22, 11, tzinfo=UTC)


def test_several_items_are_one_delivery() -> None:
    both = ADYEN.identify(notification(item("REPORT_AVAILABLE"), item("REFUND")))
    assert (both.kind, both.topic) == (NoticeKind.PAYMENT, "REFUND")
    assert both.event_id != ADYEN.identify(notification(item("REFUND"))).event_id
    kinds = [event.kind for event in ADYEN.read_events(notification(item("REPORT_AVAILABLE"), item("REFUND")))]
    assert kinds == [KIND.REFUND]


@pytest.mark.parametrize("code", [*IGNORED, "SOMETHING_NEW"])
def test_other_events_are_ignored_with_their_topic(code: str) -> None:
    notice = ADYEN.identify(notification(item(code)))
    assert (notice.kind, notice.topic) == (NoticeKind.IGNORED, code)


@pytest.mark.parametrize(
    ("code", "success", "kind", "capture", "refund"),
    [
        ("AUTHORISATION", "true", KIND.AUTHORIZED, None, None),
        ("AUTHORISATION", "false", KIND.FAILED, None, None),
        ("CAPTURE", "true", KIND.CAPTURE, CaptureState.SUCCEEDED, None),
        ("CAPTURE", "false", KIND.CAPTURE, CaptureState.FAILED, None),
        ("CAPTURE_FAILED", "true", KIND.CAPTURE, CaptureState.FAILED, None),
        ("CANCELLATION", "true", KIND.VOIDED, None, None),
        ("CANCELLATION", "false", KIND.OTHER, None, None),
        ("TECHNICAL_CANCEL", "true", KIND.VOIDED, None, None),
        ("EXPIRE", "true", KIND.VOIDED, None, None),
        ("REFUND", "true", KIND.REFUND, None, RefundState.SUCCEEDED),
        ("REFUND", "false", KIND.REFUND, None, RefundState.FAILED),
        ("REFUND_FAILED", "true", KIND.REFUND, None, RefundState.FAILED),
        ("REFUNDED_REVERSED", "true", KIND.REFUND, None, RefundState.REVERSED),
        ("CANCEL_OR_REFUND", "true", KIND.VOIDED, None, None),
        ("CANCEL_OR_REFUND", "false", KIND.OTHER, None, None),
    ],
)
def test_every_event_of_a_payment_has_a_canonical_form(
    code: str, success: str, kind: PaymentEventKind, capture: CaptureState | None, refund: RefundState | None
) -> None:
    event = read(code=code, success=success)
    assert (event.kind, event.capture_state, event.refund_state) == (kind, capture, refund)
    assert (event.source, event.payment_ref, event.currency, event.amount) == ("adyen", PAYMENT, "EUR", 1000)
    assert event.capture_ref == (PART if kind is KIND.CAPTURE else "")
    assert event.refund_ref == (PART if kind is KIND.REFUND else "")


def test_a_reversal_that_became_a_refund_is_one() -> None:
    event = read(code="CANCEL_OR_REFUND", additionalData={"modification.action": "refund"})
    assert (event.kind, event.refund_ref, event.refund_state) == (KIND.REFUND, PART, RefundState.SUCCEEDED)


def test_our_references_are_found_again() -> None:
    capture = read(code="CAPTURE", merchantReference=reference_of(ORDER, "shp_1"))
    refund = read(code="REFUND", merchantReference=reference_of(ORDER, "rfd_1"))
    assert (capture.order_ref, capture.our_shipment_id, capture.our_refund_id) == (ORDER, "shp_1", "")
    assert (refund.order_ref, refund.our_refund_id, refund.our_shipment_id) == (ORDER, "rfd_1", "")


@pytest.mark.parametrize("reference", ["", "S-1001", "ord_1.shp_1", "a.b.c"])
def test_those_of_others_say_nothing(reference: str) -> None:
    event = read(code="CAPTURE", merchantReference=reference)
    assert (event.order_ref, event.our_shipment_id) == ("", "")


def test_unsigned_fields_decide_nothing() -> None:
    event = read(code="CAPTURE", additionalData={"metadata.oms_order_id": ORDER}, paymentMethod="x", operations=["y"])
    assert (event.order_ref, event.our_shipment_id) == ("", "")


def test_a_reason_is_told_of_failures_and_never_prose() -> None:
    assert read(code="AUTHORISATION", reason="039404:1111:03/2030").reason == ""
    assert read(code="AUTHORISATION", success="false", reason="Refused").reason == "Refused"
    assert read(code="CAPTURE", success="false", reason="Sam's card is not in order, it seems to us").reason == "other"


def test_a_card_that_was_only_looked_at_is_no_payment() -> None:
    assert read(code="AUTHORISATION", amount={"currency": "EUR", "value": 0}).kind is KIND.OTHER


def test_amounts_are_in_iso_minor_units() -> None:
    for currency, theirs, ours in (("ISK", 500, 5), ("CLP", 99000, 990), ("IDR", 5, 500), ("JPY", 500, 500)):
        assert read(code="CAPTURE", amount={"currency": currency, "value": theirs}).amount == ours


@pytest.mark.parametrize(
    "change",
    [
        {"success": "maybe"},
        {"success": None},
        {"eventDate": "soon"},
        {"eventDate": None},
        {"amount": {"currency": "EUR", "value": -1}},
        {"amount": {"currency": "EUR", "value": "10"}},
        {"amount": {"currency": "CLP", "value": 150}},
        {"pspReference": ""},
        {"amount": None},
    ],
    ids=json.dumps,
)
def test_what_cannot_be_understood_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedPayloadError):
        ADYEN.read_events(notification(item("CAPTURE") | change))


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(UnknownCurrencyError):
        read(code="CAPTURE", amount={"currency": "XXX", "value": 1})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
ITEM = st.fixed_dictionaries(
    {"eventCode": st.sampled_from(["CAPTURE", "REFUND", "AUTHORISATION"]) | JSON, "success": st.just("true") | JSON},
    optional={
        "pspReference": st.just(PAYMENT) | JSON,
        "originalReference": JSON,
        "merchantReference": JSON,
        "merchantAccountCode": JSON,
        "amount": st.just({"currency": "EUR", "value": 1}) | JSON,
        "eventDate": st.just("2026-11-22T12:00:00Z") | JSON,
        "additionalData": st.just({"hmacSignature": "x"}) | JSON,
        "reason": JSON,
    },
)


@given(entries=st.lists(ITEM | JSON, max_size=3))
def test_nothing_makes_it_fall_over(entries: list[Any]) -> None:
    body = {"notificationItems": [{"NotificationRequestItem": entry} for entry in entries]}
    asked = InboundRequest(account="main", headers={}, body=json.dumps(body).encode())
    with pytest.raises(SignatureError):
        ADYEN.verify(asked, [KEY], NOW)
    with contextlib.suppress(InvalidInputError):
        assert ADYEN.identify(asked).event_id
    with contextlib.suppress(InvalidInputError):
        assert all(isinstance(event, PaymentEvent) for event in ADYEN.read_events(asked))
    assert issubclass(InvalidInputError, OmsError)
