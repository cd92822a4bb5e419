from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.sandbox import Sandbox
from infra.local.sandbox.paypal_signing import WEBHOOK_ID, certificate, headers_of
from oms.adapters.paypal_api import PayPalPayments
from oms.adapters.rest import Timeouts
from oms.domain.errors import InvalidInputError, UpstreamError, UpstreamRefusedError
from oms.domain.ids import derive
from oms.domain.inbound import InboundRequest
from oms.domain.payment_events import CaptureState, PaymentEventKind, RefundState
from oms.domain.payments import AuthorizationState, ExtensionState
from oms.payments.paypal import PayPal
from tests.integration.sandbox_support import Outbox, ask, in_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oms.domain.payment_events import PaymentEvent
    from oms.domain.payments import AuthorizationResult, CaptureResult, RefundResult

PATIENT = Timeouts(connect=5, read=10, total=20)
ORDER = derive("ord", "x")
STATE = AuthorizationState
NOW = datetime(2026, 11, 22, tzinfo=UTC)
MONTH = 46 * 86_400.0


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    made = Sandbox()
    made.paypal._webhooks = Outbox()  # type: ignore[assignment]
    in_process(monkeypatch, made)
    yield made
    made._close()


@pytest.fixture
def paypal(sandbox: Sandbox) -> Iterator[PayPalPayments]:
    made = PayPalPayments(sandbox.base_url, lambda: credentials(sandbox), PATIENT, sandbox.clock.now)
    yield made
    made.close()


def credentials(sandbox: Sandbox) -> dict[str, str]:
    settings = sandbox.settings
    return {"client_id": settings.paypal_client_id, "client_secret": settings.paypal_client_secret}


def pay(sandbox: Sandbox, value: str = "10.00", currency: str = "USD", course: str | None = "") -> str:
    """What the merchant's checkout does: an order that the payer approves; of course None, not yet."""
    body: dict[str, Any] = {
        "intent": "AUTHORIZE",
        "purchase_units": [{"amount": {"currency_code": currency, "value": value}}],
    }
    if course is not None:
        body["payment_source"] = {"sandbox": {"course": course}}
    headers = {"authorization": f"Bearer {sandbox.paypal.tokens.issue('merchant')}"}
    reply = ask(sandbox, "POST", "/v2/checkout/orders", headers=headers, body=json.dumps(body).encode())
    assert reply is not None
    assert isinstance(reply.document, dict)
    return str(reply.document["id"])


def verify(paypal: PayPalPayments, ref: str, amount: int = 1000, currency: str = "USD") -> AuthorizationResult:
    return paypal.verify_authorization(ref, amount, currency, f"authorize:{ref}")


def held(sandbox: Sandbox, paypal: PayPalPayments, value: str = "10.00", course: str = "") -> str:
    ref = pay(sandbox, value, course=course)
    assert verify(paypal, ref).state is STATE.AUTHORIZED
    return ref


def capture(
    paypal: PayPalPayments, ref: str, amount: int, shipment: str = "shp_1", *, final: bool = False
) -> CaptureResult:
    metadata = {"oms_order_id": ORDER, "oms_shipment_id": shipment}
    return paypal.capture(ref, amount, "USD", f"capture:{ref}:{shipment}", final=final, metadata=metadata)


def refund(paypal: PayPalPayments, ref: str, amount: int, refund_id: str = "rfd_1") -> RefundResult:
    return paypal.refund(
        ref, amount, "USD", refund_id=refund_id, order_id=ORDER, reason="damaged", idempotency_key=refund_id
    )


def moved(sandbox: Sandbox, kind: str) -> list[int]:
    return [effect["amount"] for effect in sandbox.effects if effect["kind"] == kind]


def told(sandbox: Sandbox) -> list[PaymentEvent]:
    """What the webhooks say, each verified."""
    outbox: Any = sandbox.paypal._webhooks
    found: list[PaymentEvent] = []
    for event in outbox.events:
        body = json.dumps(event).encode()
        headers = headers_of(body, WEBHOOK_ID, int(NOW.timestamp()))
        asked = InboundRequest(account="main", headers=headers, body=body)
        PayPal().verify(asked, [WEBHOOK_ID, certificate().decode()], NOW)
        found += PayPal().read_events(asked)
    outbox.events.clear()
    return found


class TestVerify:
    def test_an_approved_order_is_authorized_once(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        ref = pay(sandbox)
        for _ in range(2):
            assert (verify(paypal, ref).state, verify(paypal, ref).amount) == (STATE.AUTHORIZED, 1000)
        sandbox.clock.advance(MONTH)
        assert verify(paypal, ref).state is STATE.AUTHORIZED
        assert moved(sandbox, "authorize") == [1000]
        assert [each.kind for each in told(sandbox)] == [PaymentEventKind.AUTHORIZED]

    def test_one_that_nobody_approved_is_pending(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        result = verify(paypal, pay(sandbox, course=None))
        assert (result.state, result.reason) == (STATE.PENDING, "created")

    def test_a_refused_funding_is_declined(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        result = verify(paypal, pay(sandbox, course="declined"))
        assert (result.state, result.reason) == (STATE.DECLINED, "instrument_declined")

    def test_a_call_that_is_wrong_declines_nobody(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        first, second = pay(sandbox), pay(sandbox)
        paypal.verify_authorization(first, 1000, "USD", "one-key")
        with pytest.raises(UpstreamRefusedError) as caught:
            paypal.verify_authorization(second, 1000, "USD", "one-key")
        assert caught.value.context["vendor_code"] == "PAYPAL_REQUEST_ID_PREVIOUSLY_USED"

    def test_too_little_or_other_money_is_declined_and_not_authorized(
        self, sandbox: Sandbox, paypal: PayPalPayments
    ) -> None:
        ref = pay(sandbox)
        small, other = verify(paypal, ref, 1001), verify(paypal, ref, currency="EUR")
        assert (small.state, small.amount, small.reason) == (STATE.DECLINED, 1000, "amount_too_small")
        assert (other.state, other.reason) == (STATE.DECLINED, "currency_mismatch")
        assert moved(sandbox, "authorize") == []

    def test_a_lost_answer_authorizes_once(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        ref = pay(sandbox)
        sandbox.add_fault(match="paypal POST .*/authorize", drop="after")
        with pytest.raises(UpstreamError):
            verify(paypal, ref)
        assert verify(paypal, ref).state is STATE.AUTHORIZED
        assert moved(sandbox, "authorize") == [1000]

    def test_after_a_void_it_is_declined(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        ref = held(sandbox, paypal)
        paypal.void(ref, "void:1")
        assert (verify(paypal, ref).state, verify(paypal, ref).reason) == (STATE.DECLINED, "voided")

    def test_currencies_without_decimals(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        ref = pay(sandbox, "1000", "JPY")
        assert verify(paypal, ref, 1000, "JPY").state is STATE.AUTHORIZED
        done = paypal.capture(
            ref, 400, "JPY", "c", final=True, metadata={"oms_order_id": ORDER, "oms_shipment_id": "s"}
        )
        assert (done.amount, moved(sandbox, "capture")) == (400, [400])


class TestCapture:
    def test_in_parts_and_the_last_releases_the_rest(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        ref = held(sandbox, paypal)
        first, last = capture(paypal, ref, 600), capture(paypal, ref, 300, "shp_2", final=True)
        assert (first.state, last.state) == (CaptureState.SUCCEEDED, CaptureState.SUCCEEDED)
        assert (moved(sandbox, "capture"), moved(sandbox, "release")) == ([600, 300], [100])
        events = told(sandbox)[1:]
        assert [(each.capture_ref, each.our_shipment_id, each.payment_ref) for each in events] == [
            (first.capture_ref, "shp_1", ref),
            (last.capture_ref, "shp_2", ref),
        ]

    @pytest.mark.parametrize("later", [0, MONTH])
    def test_a_lost_acknowledgement_moves_money_once(
        self, sandbox: Sandbox, paypal: PayPalPayments, later: float
    ) -> None:
        ref = held(sandbox, paypal)
        sandbox.add_fault(match="paypal POST .*/capture", drop="after")
        with pytest.raises(UpstreamError):
            capture(paypal, ref, 400)
        sandbox.clock.advance(later)
        assert capture(paypal, ref, 400).amount == 400
        assert moved(sandbox, "capture") == [400]

    def test_what_is_decided_later(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        for course, state in (("capture_pending", CaptureState.SUCCEEDED), ("capture_denied", CaptureState.FAILED)):
            ref = held(sandbox, paypal, course=course)
            made = capture(paypal, ref, 1000)
            assert made.state is CaptureState.PENDING
            sandbox.paypal.settle()
            assert capture(paypal, ref, 1000).state is state
            assert told(sandbox)[-1].capture_state is state
        assert moved(sandbox, "capture") == [1000]

    def test_what_the_bank_takes_back_is_told(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        made = capture(paypal, held(sandbox, paypal), 1000)
        sandbox.paypal.reverse(made.capture_ref)
        last = told(sandbox)[-1]
        assert (last.kind, last.charge_ref, last.amount) == (PaymentEventKind.DISPUTE, made.capture_ref, 1000)

    def test_more_than_is_held_is_refused(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        with pytest.raises(UpstreamRefusedError) as caught:
            capture(paypal, held(sandbox, paypal), 1001)
        assert caught.value.context["vendor_code"] == "MAX_CAPTURE_AMOUNT_EXCEEDED"

    def test_nothing_is_taken_of_what_nobody_authorized(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        with pytest.raises(UpstreamRefusedError) as caught:
            capture(paypal, pay(sandbox), 100)
        assert caught.value.context["vendor_code"] == "no_authorization"

    @pytest.mark.parametrize("amount", [0, -1])
    def test_nothing_is_no_amount(self, sandbox: Sandbox, paypal: PayPalPayments, amount: int) -> None:
        with pytest.raises(InvalidInputError):
            capture(paypal, held(sandbox, paypal), amount)


class TestVoid:
    def test_it_releases_once(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        ref = held(sandbox, paypal)
        sandbox.add_fault(match="/void", drop="after")
        with pytest.raises(UpstreamError):
            paypal.void(ref, "void:1")
        sandbox.clock.advance(MONTH)
        paypal.void(ref, "void:1")
        assert moved(sandbox, "release") == [1000]
        assert told(sandbox)[-1].kind is PaymentEventKind.VOIDED

    def test_the_rest_after_a_part(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        ref = held(sandbox, paypal)
        capture(paypal, ref, 600)
        paypal.void(ref, "void:1")
        assert moved(sandbox, "release") == [400]

    def test_what_nobody_authorized_is_let_be(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        paypal.void(pay(sandbox), "void:1")
        assert moved(sandbox, "release") == []

    def test_what_was_taken_must_be_refunded_instead(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        ref = held(sandbox, paypal)
        capture(paypal, ref, 1000, final=True)
        with pytest.raises(UpstreamRefusedError) as caught:
            paypal.void(ref, "void:1")
        assert caught.value.context["vendor_code"] == "PREVIOUSLY_CAPTURED"
        assert verify(paypal, ref).state is STATE.CAPTURED


class TestRefund:
    @pytest.mark.parametrize("later", [0, MONTH])
    def test_a_lost_acknowledgement_gives_back_once(
        self, sandbox: Sandbox, paypal: PayPalPayments, later: float
    ) -> None:
        ref = held(sandbox, paypal)
        capture(paypal, ref, 1000)
        sandbox.add_fault(match="/refund", status=500, when="after")
        with pytest.raises(UpstreamError):
            refund(paypal, ref, 300)
        sandbox.clock.advance(later)
        done = refund(paypal, ref, 300)
        assert (done.state, done.amount, done.our_refund_id) == (RefundState.SUCCEEDED, 300, "rfd_1")
        assert moved(sandbox, "refund") == [300]
        assert paypal.find_refund(ref, "rfd_1") == done
        assert paypal.find_refund(ref, "rfd_2") is None
        last = told(sandbox)[-1]
        assert (last.our_refund_id, last.payment_ref, last.refund_ref) == ("rfd_1", "", done.refund_ref)
        assert paypal.payment_of(last.charge_ref) == ref

    def test_one_capture_bears_it_when_one_can(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        ref = held(sandbox, paypal)
        capture(paypal, ref, 300)
        capture(paypal, ref, 700, "shp_2")
        refund(paypal, ref, 650)
        assert moved(sandbox, "refund") == [650]

    @pytest.mark.parametrize("fault", ["", "before", "after"])
    def test_several_captures_bear_it_together_and_once(
        self, sandbox: Sandbox, paypal: PayPalPayments, fault: str
    ) -> None:
        ref = held(sandbox, paypal)
        capture(paypal, ref, 600)
        smaller = capture(paypal, ref, 400, "shp_2")
        if fault:
            sandbox.add_fault(match=f"{smaller.capture_ref}/refund", drop=fault)
            with pytest.raises(UpstreamError):
                refund(paypal, ref, 900)
            found = paypal.find_refund(ref, "rfd_1")
            assert found is not None
            assert found.amount == (600 if fault == "before" else 900)
        done = refund(paypal, ref, 900)
        assert (done.state, done.amount) == (RefundState.SUCCEEDED, 900)
        assert moved(sandbox, "refund") == [600, 300]
        assert [each.amount for each in paypal.list_refunds(ref)] == [900]

    def test_a_part_that_is_refused_leaves_it_open(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        ref = held(sandbox, paypal)
        capture(paypal, ref, 600)
        smaller = capture(paypal, ref, 400, "shp_2")
        sandbox.add_fault(match=f"{smaller.capture_ref}/refund", status=422)
        done = refund(paypal, ref, 900)
        assert (done.state, done.amount, done.reason) == (RefundState.PENDING, 600, "incomplete")
        assert refund(paypal, ref, 900).state is RefundState.SUCCEEDED

    def test_one_that_is_decided_later(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        ref = held(sandbox, paypal, course="refund_pending")
        capture(paypal, ref, 1000)
        assert refund(paypal, ref, 300).state is RefundState.PENDING
        sandbox.paypal.settle()
        assert [each.refund_state for each in told(sandbox)[-2:]] == [RefundState.PENDING, RefundState.SUCCEEDED]
        assert refund(paypal, ref, 300).state is RefundState.SUCCEEDED

    def test_more_than_was_captured_is_refused(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        ref = held(sandbox, paypal)
        capture(paypal, ref, 500)
        with pytest.raises(UpstreamRefusedError):
            refund(paypal, ref, 501)
        assert moved(sandbox, "refund") == []

    def test_one_made_by_hand_is_listed(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        ref = held(sandbox, paypal)
        made = sandbox.paypal.refund(capture(paypal, ref, 1000).capture_ref, 200)
        (found,) = paypal.list_refunds(ref)
        assert (found.refund_ref, found.our_refund_id, found.amount) == (made, "", 200)


class TestCalls:
    def test_the_token_is_kept_and_replaced_when_it_is_refused(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        ref = held(sandbox, paypal)
        assert logins(sandbox) == 1
        sandbox.paypal.tokens.expire()
        assert capture(paypal, ref, 400).amount == 400
        assert logins(sandbox) == 2
        sandbox.clock.advance(10 * 3600)
        assert verify(paypal, ref, 400).state is STATE.CAPTURED
        assert logins(sandbox) == 3
        assert moved(sandbox, "capture") == [400]

    @pytest.mark.parametrize("status", [409, 429, 500, 503])
    def test_try_again_later(self, sandbox: Sandbox, paypal: PayPalPayments, status: int) -> None:
        ref = held(sandbox, paypal)
        sandbox.add_fault(match="paypal GET", status=status, retry_after=7)
        with pytest.raises(UpstreamError) as caught:
            verify(paypal, ref)
        assert caught.value.context["retry_after"] == 7.0

    def test_wrong_credentials_are_refused_and_not_repeated(self, sandbox: Sandbox) -> None:
        wrong = {"client_id": "x", "client_secret": "very-secret"}
        with pytest.raises(UpstreamRefusedError) as caught:
            verify(PayPalPayments(sandbox.base_url, lambda: wrong, PATIENT), "ORDER1")
        assert "very-secret" not in f"{caught.value} {caught.value.context} {json.dumps(sandbox.calls)}"

    @pytest.mark.parametrize("api", [{}, {"client_id": "x"}, {"client_secret": "x"}])
    def test_missing_credentials_are_a_refusal(self, sandbox: Sandbox, api: dict[str, str]) -> None:
        with pytest.raises(UpstreamRefusedError):
            verify(PayPalPayments(sandbox.base_url, lambda: api, PATIENT), "ORDER1")
        assert sandbox.calls == []

    def test_an_unknown_order_is_refused(self, paypal: PayPalPayments) -> None:
        with pytest.raises(UpstreamRefusedError) as caught:
            verify(paypal, "UNKNOWN1")
        assert caught.value.context["vendor_code"] == "INVALID_RESOURCE_ID"

    def test_what_cannot_be_sent_is_not(self, sandbox: Sandbox, paypal: PayPalPayments) -> None:
        for call in (lambda: verify(paypal, "../x"), lambda: verify(paypal, ""), lambda: paypal.payment_of("a b")):
            with pytest.raises(InvalidInputError):
                call()
        assert sandbox.calls == []


def logins(sandbox: Sandbox) -> int:
    return sum(call["path"] == "/v1/oauth2/token" for call in sandbox.calls)


def test_a_renewal_is_captured_in_place_of_what_it_renews(sandbox: Sandbox, paypal: PayPalPayments) -> None:
    ref = held(sandbox, paypal)
    soon = paypal.extend(ref, 1000, "USD", "reauthorize:1")
    assert (soon.state, soon.reason) == (ExtensionState.REFUSED, "reauthorization_too_soon")
    sandbox.clock.advance(5 * 86_400.0)
    before = verify(paypal, ref).expires_at
    first, again = (paypal.extend(ref, 1000, "USD", "reauthorize:2") for _ in range(2))
    assert first == again
    assert (first.state, first.expires_at is not None) == (ExtensionState.EXTENDED, True)
    assert first.expires_at is not None
    assert before is not None
    assert first.expires_at > before
    assert [each["kind"] for each in sandbox.effects] == ["authorize", "extend"], "once"
    assert capture(paypal, ref, 1000).state is CaptureState.SUCCEEDED
    assert moved(sandbox, "capture") == [1000]
    assert paypal.extend(ref, 1, "USD", "reauthorize:3").state is ExtensionState.REFUSED


def test_an_authorization_ends_by_itself(sandbox: Sandbox, paypal: PayPalPayments) -> None:
    ref = held(sandbox, paypal)
    sandbox.clock.advance(30 * 86_400.0)
    assert sandbox.paypal.expire() == 1
    assert verify(paypal, ref).state is STATE.DECLINED
    assert paypal.extend(ref, 1000, "USD", "reauthorize:1").reason == "no_authorization"
