from __future__ import annotations

import contextlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.domain.errors import MalformedPayloadError, OmsError, ReplayWindowError, SignatureError, UnknownCurrencyError
from oms.domain.inbound import InboundRequest, NoticeKind
from oms.domain.payment_events import PaymentEvent, PaymentEventKind, RefundState
from oms.payments.stripe import Stripe

STRIPE = Stripe()
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KIND = PaymentEventKind


def request(event: Any, header: str = "") -> InboundRequest:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return InboundRequest(account="main", headers={"stripe-signature": header} if header else {}, body=body)


def v1(secret: str, at: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, "sha256").hexdigest()


def header(secret: str, body: bytes, at: datetime = NOW) -> str:
    stamp = int(at.timestamp())
    return f"t={stamp},v1={v1(secret, stamp, body)}"


def event(topic: str, api_version: str | None = "2025-03-31.basil", **subject: Any) -> dict[str, Any]:
    facts = {"id": "evt_1", "created": 1795348800, "type": topic, "api_version": api_version}
    return facts | {"data": {"object": {"currency": "usd", **subject}}}


def intent(topic: str, **changes: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 1000,
        "amount_received": 0,
        "latest_charge": "ch_1",
    }
    return event(topic, **(facts | {"amount_capturable": 0, "metadata": {"oms_order_id": "ord_1"}} | changes))


def charge(topic: str, api_version: str | None = "2025-03-31.basil", **changes: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "id": "ch_1",
        "object": "charge",
        "amount": 1000,
        "amount_captured": 0,
        "amount_refunded": 0,
    }
    return event(topic, api_version, **(facts | {"payment_intent": "pi_1", "captured": False} | changes))


def refund(topic: str, **changes: Any) -> dict[str, Any]:
    metadata = {"oms_order_id": "ord_1", "oms_refund_id": "rfd_1"}
    facts: dict[str, Any] = {
        "id": "re_1",
        "object": "refund",
        "amount": 300,
        "charge": "ch_1",
        "payment_intent": "pi_1",
    }
    return event(topic, **(facts | {"status": "succeeded", "metadata": metadata} | changes))


def read(document: dict[str, Any]) -> PaymentEvent:
    return STRIPE.read_event(request(document))


def test_a_signature_of_any_valid_secret_is_accepted() -> None:
    for secret in ("whsec_old", "whsec_new"):
        STRIPE.verify(request(b"{}", header(secret, b"{}")), ["whsec_old", "whsec_new"], NOW)


def test_one_good_v1_among_several_is_enough_and_v0_counts_for_nothing() -> None:
    stamp = int(NOW.timestamp())
    good = v1("whsec", stamp, b"{}")
    STRIPE.verify(request(b"{}", f"t={stamp}, v1={'0' * 64},v1={good},v0={'1' * 64}"), ["whsec"], NOW)
    with pytest.raises(SignatureError):
        STRIPE.verify(request(b"{}", f"t={stamp},v0={good}"), ["whsec"], NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "t=1",
        "v1=" + "0" * 64,
        "t=x,v1=" + "0" * 64,
        "t=1,v1=zz",
        "t=1,v1=" + "é" * 64,
        "t=-1,v1=" + "0" * 64,
        ",=,",
    ],
)
def test_garbage_in_the_header_is_refused(text: str) -> None:
    with pytest.raises(SignatureError):
        STRIPE.verify(request(b"{}", text), ["whsec"], NOW)


def test_two_times_in_one_header_are_refused() -> None:
    with pytest.raises(SignatureError):
        STRIPE.verify(request(b"{}", "t=1," + header("whsec", b"{}")), ["whsec"], NOW)


def test_a_changed_body_another_secret_and_an_empty_secret_are_refused() -> None:
    for body, secrets in ((b"{ }", ["whsec"]), (b"{}", ["other"]), (b"{}", []), (b"{}", [""])):
        signed = header("" if secrets == [""] else "whsec", b"{}")
        with pytest.raises(SignatureError):
            STRIPE.verify(request(body, signed), secrets, NOW)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_time_may_differ_by_five_minutes_and_no_more(sign: int) -> None:
    STRIPE.verify(request(b"{}", header("whsec", b"{}")), ["whsec"], NOW + sign * timedelta(seconds=300))
    with pytest.raises(ReplayWindowError):
        STRIPE.verify(request(b"{}", header("whsec", b"{}")), ["whsec"], NOW + sign * timedelta(seconds=301))


def test_a_bad_signature_outside_the_window_is_a_bad_signature() -> None:
    with pytest.raises(SignatureError):
        STRIPE.verify(request(b"{}", f"t=1,v1={'0' * 64}"), ["whsec"], NOW)


def test_a_payment_event_names_its_intent() -> None:
    notice = STRIPE.identify(request(charge("charge.refunded")))
    assert (notice.kind, notice.event_id, notice.external_id) == (NoticeKind.PAYMENT, "evt_1", "pi_1")
    assert notice.occurred_at == datetime.fromtimestamp(1795348800, UTC)


@pytest.mark.parametrize(
    "topic", ["radar.early_fraud_warning.created", "charge.updated", "payout.paid", "v2.core.event"]
)
def test_other_events_are_ignored_with_their_topic(topic: str) -> None:
    notice = STRIPE.identify(request({"id": "evt_1", "type": topic}))
    assert (notice.kind, notice.topic) == (NoticeKind.IGNORED, topic)


@pytest.mark.parametrize(
    ("document", "kind", "amount", "reason"),
    [
        (intent("payment_intent.amount_capturable_updated", amount_capturable=1000), KIND.AUTHORIZED, 1000, ""),
        (
            intent("payment_intent.amount_capturable_updated", amount_capturable=400, amount_received=600),
            KIND.CAPTURED,
            600,
            "",
        ),
        (intent("payment_intent.amount_capturable_updated"), KIND.OTHER, 0, ""),
        (intent("payment_intent.succeeded", amount_received=900), KIND.CAPTURED, 900, ""),
        (
            intent("payment_intent.payment_failed", last_payment_error={"code": "card_declined", "message": "Sam's"}),
            KIND.FAILED,
            1000,
            "card_declined",
        ),
        (
            intent("payment_intent.canceled", cancellation_reason="expired", amount_received=400),
            KIND.VOIDED,
            600,
            "expired",
        ),
        (intent("payment_intent.processing", status="processing"), KIND.OTHER, 1000, "processing"),
        (intent("payment_intent.requires_action", status="requires_action"), KIND.OTHER, 1000, "requires_action"),
        (charge("charge.succeeded"), KIND.AUTHORIZED, 1000, ""),
        (charge("charge.succeeded", captured=True, amount_captured=1000), KIND.CAPTURED, 1000, ""),
        (charge("charge.captured", captured=True, amount_captured=700), KIND.CAPTURED, 700, ""),
        (charge("charge.failed", failure_code="expired_card"), KIND.FAILED, 1000, "expired_card"),
        (charge("charge.refunded", amount_captured=1000, amount_refunded=300), KIND.REFUND_TOTAL, 300, ""),
    ],
)
def test_every_event_of_a_payment_has_a_canonical_form(
    document: dict[str, Any], kind: PaymentEventKind, amount: int, reason: str
) -> None:
    found = read(document)
    assert (found.kind, found.amount, found.reason) == (kind, amount, reason)
    assert (found.payment_ref, found.charge_ref, found.currency) == ("pi_1", "ch_1", "USD")
    assert found.refund_state is None


@pytest.mark.parametrize("topic", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"])
@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("pending", RefundState.PENDING),
        ("requires_action", RefundState.REQUIRES_ACTION),
        ("succeeded", RefundState.SUCCEEDED),
        ("failed", RefundState.FAILED),
        ("canceled", RefundState.CANCELLED),
    ],
)
def test_every_state_of_a_refund_has_a_canonical_word(topic: str, status: str, state: RefundState) -> None:
    found = read(refund(topic, status=status))
    assert (found.kind, found.refund_state, found.amount) == (KIND.REFUND, state, 300)
    assert (found.refund_ref, found.our_refund_id, found.order_ref) == ("re_1", "rfd_1", "ord_1")


def test_a_failed_refund_tells_why() -> None:
    found = read(refund("refund.failed", status="failed", failure_reason="lost_or_stolen_card", reason="duplicate"))
    assert found.reason == "lost_or_stolen_card"


def test_before_basil_what_a_partial_capture_released_is_not_a_refund() -> None:
    facts = {"amount": 1000, "amount_captured": 700, "amount_refunded": 450, "captured": True}
    assert read(charge("charge.refunded", "2024-06-20", **facts)).amount == 150
    assert read(charge("charge.refunded", "2025-03-31.basil", **facts)).amount == 450
    assert read(charge("charge.refunded", None, **facts)).amount == 450


def test_a_charge_without_an_intent_is_its_own_payment() -> None:
    assert read(charge("charge.captured", payment_intent=None)).payment_ref == "ch_1"


def test_an_expanded_reference_is_read() -> None:
    assert read(charge("charge.captured", payment_intent={"id": "pi_9"})).payment_ref == "pi_9"


def test_amounts_are_in_iso_minor_units() -> None:
    assert read(intent("payment_intent.succeeded", currency="isk", amount_received=500)).amount == 5
    assert read(intent("payment_intent.succeeded", currency="jpy", amount_received=500)).amount == 500
    assert read(intent("payment_intent.succeeded", currency="mga", amount_received=5)).amount == 500
    assert read(intent("payment_intent.succeeded", currency="kwd", amount_received=5120)).amount == 5120


@pytest.mark.parametrize(
    "document",
    [
        intent("payment_intent.succeeded", amount_received=None),
        intent("payment_intent.succeeded", amount_received=-1),
        intent("payment_intent.succeeded", amount_received=1.5),
        intent("payment_intent.succeeded", currency="isk", amount_received=550),
        refund("refund.updated", status="teleported"),
        refund("refund.updated", payment_intent=None, charge=None),
        event("charge.updated"),
    ],
)
def test_what_cannot_be_understood_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(MalformedPayloadError):
        read(document)


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(UnknownCurrencyError):
        read(intent("payment_intent.succeeded", currency="xxx"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
TOPIC = st.sampled_from(["payment_intent.succeeded", "charge.refunded", "refund.updated", "payment_intent.canceled"])
SUBJECT = st.fixed_dictionaries(
    {"id": st.just("x_1") | JSON, "object": st.sampled_from(["payment_intent", "charge", "refund"]) | JSON},
    optional={
        "currency": st.sampled_from(["usd", "isk", "kwd", "jpy"]) | JSON,
        "amount": st.integers() | JSON,
        "amount_received": st.integers() | JSON,
        "amount_captured": st.integers() | JSON,
        "amount_refunded": st.integers() | JSON,
        "payment_intent": JSON,
        "charge": JSON,
        "latest_charge": JSON,
        "metadata": JSON,
        "status": JSON,
    },
)
EVENT = st.fixed_dictionaries(
    {"id": st.just("evt_1") | JSON, "type": TOPIC | JSON, "data": st.fixed_dictionaries({"object": SUBJECT}) | JSON},
    optional={"created": st.integers() | JSON, "api_version": JSON},
)


@given(
    body=st.binary() | EVENT.map(lambda document: json.dumps(document).encode()),
    text=st.text() | st.from_regex(r"t=[0-9]{1,30}(,v[01]=[0-9a-f]{60,68}){1,3}", fullmatch=True),
)
def test_nothing_from_outside_raises_anything_but_our_errors(body: bytes, text: str) -> None:
    asked = request(body, text)
    for attempt in (
        lambda: STRIPE.verify(asked, ["whsec"], NOW),
        lambda: STRIPE.identify(asked),
        lambda: STRIPE.read_event(asked),
    ):
        with contextlib.suppress(OmsError):
            attempt()
