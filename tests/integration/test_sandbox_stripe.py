"""The payment adapter against the sandbox, whose record is the judge: what moved, and how often."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from infra.local.sandbox import Sandbox, Settings
from oms.adapters.rest import Timeouts
from oms.adapters.stripe_api import StripePayments
from oms.application.gateways import Extends
from oms.domain.errors import InvalidInputError, UpstreamError, UpstreamRefusedError
from oms.domain.payments import AuthorizationState
from tests.integration.sandbox_support import DAY, PATIENT, capture, moved, pay, post, refund

if TYPE_CHECKING:
    from collections.abc import Iterator

STATE = AuthorizationState
HASTY = Timeouts(connect=5, read=0.3, total=20)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Settings(webhook_delay=0.0)) as running:
        yield running


@pytest.fixture
def stripe(sandbox: Sandbox) -> Iterator[StripePayments]:
    payments = StripePayments(sandbox.base_url, lambda: "sk_test_sandbox\n", PATIENT)
    yield payments
    payments.close()


class TestVerifyAuthorization:
    def test_money_that_is_bound_is_authorized(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        result = stripe.verify_authorization(pay(sandbox), 900, "USD", "auth_1")
        assert (result.state, result.amount) == (STATE.AUTHORIZED, 900)

    def test_an_intent_that_waits_for_us_is_confirmed_once(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox, confirm="false")
        sandbox.add_fault(match="stripe POST .*/confirm", drop="after")
        with pytest.raises(UpstreamError):
            stripe.verify_authorization(ref, 1000, "USD", "auth_1")
        assert stripe.verify_authorization(ref, 1000, "USD", "auth_1").state is STATE.AUTHORIZED
        assert moved(sandbox, "authorize") == [1000]

    def test_it_says_until_when_and_ends_by_itself_then(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox)
        until = stripe.verify_authorization(ref, 1000, "USD", "auth_1").expires_at
        assert until is not None
        assert 0 <= until.timestamp() - (sandbox.clock.now() + 7 * 86_400) + 60 <= 60
        assert sandbox.stripe.expire() == 0
        sandbox.clock.advance(7 * 86_400.0)
        assert sandbox.stripe.expire() == 1
        assert (moved(sandbox, "release"), stripe.verify_authorization(ref, 1000, "USD", "a").reason) == (
            [1000],
            "automatic",
        )
        assert not isinstance(stripe, Extends), "a card is not held longer"

    def test_automatic_capture_is_told(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        result = stripe.verify_authorization(pay(sandbox, capture_method="automatic"), 1000, "USD", "auth_1")
        assert (result.state, result.amount) == (STATE.CAPTURED, 1000)

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"payment_method": "pm_card_authenticationRequired"}, "requires_action"),
            ({"payment_method": "pm_sandbox_processing"}, "processing"),
            ({"payment_method": "", "confirm": "false"}, "requires_payment_method"),
        ],
    )
    def test_what_others_have_to_finish_is_pending(
        self, sandbox: Sandbox, stripe: StripePayments, fields: dict[str, str], reason: str
    ) -> None:
        result = stripe.verify_authorization(pay(sandbox, **fields), 1000, "USD", "auth_1")
        assert (result.state, result.amount, result.reason) == (STATE.PENDING, 0, reason)

    def test_after_the_banks_check_it_is_authorized(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox, payment_method="pm_card_authenticationRequired")
        assert sandbox.stripe.authenticate(ref)
        assert stripe.verify_authorization(ref, 1000, "USD", "auth_1").state is STATE.AUTHORIZED

    def test_a_declined_card_is_declined_each_time_it_is_asked(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox, payment_method="pm_card_chargeDeclinedInsufficientFunds", confirm="false")
        for _ in range(2):
            result = stripe.verify_authorization(ref, 1000, "USD", "auth_1")
            assert (result.state, result.reason) == (STATE.DECLINED, "insufficient_funds")

    def test_a_canceled_intent_is_declined(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox)
        stripe.void(ref, "void_1")
        assert stripe.verify_authorization(ref, 1000, "USD", "auth_1").state is STATE.DECLINED

    @pytest.mark.parametrize("capture_method", ["manual", "automatic"])
    def test_too_little_money_or_other_money_is_declined(
        self, sandbox: Sandbox, stripe: StripePayments, capture_method: str
    ) -> None:
        ref = pay(sandbox, capture_method=capture_method)
        small = stripe.verify_authorization(ref, 1001, "USD", "auth_1")
        other = stripe.verify_authorization(ref, 1000, "EUR", "auth_2")
        assert (small.state, small.amount, small.reason) == (STATE.DECLINED, 1000, "amount_too_small")
        assert (other.state, other.amount, other.reason) == (STATE.DECLINED, 0, "currency_mismatch")

    def test_an_intent_that_cannot_pay_is_not_confirmed(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox, confirm="false")
        assert stripe.verify_authorization(ref, 5000, "USD", "auth_1").state is STATE.DECLINED
        assert moved(sandbox, "authorize") == []

    def test_amounts_are_in_iso_minor_units(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox, 500, currency="isk")
        assert stripe.verify_authorization(ref, 5, "ISK", "auth_1").state is STATE.AUTHORIZED
        assert stripe.capture(ref, 5, "ISK", "cap_1", final=True, metadata={}).amount == 5
        assert moved(sandbox, "capture") == [500]

    def test_an_unknown_intent_is_refused(self, stripe: StripePayments) -> None:
        with pytest.raises(UpstreamRefusedError) as caught:
            stripe.verify_authorization("pi_unknown", 1000, "USD", "auth_1")
        assert caught.value.context["vendor_code"] == "resource_missing"

    @pytest.mark.parametrize("ref", ["", "pi_1/../x", "pi 1", "pi_é"])
    def test_what_is_no_id_is_never_sent(self, sandbox: Sandbox, stripe: StripePayments, ref: str) -> None:
        with pytest.raises(InvalidInputError):
            stripe.verify_authorization(ref, 1000, "USD", "auth_1")
        assert sandbox.calls == []


class TestCapture:
    def test_per_shipment_with_multicapture(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox)
        assert capture(stripe, ref, 700, "cap_1", final=False) == 700
        assert capture(stripe, ref, 200, "cap_2", final=True) == 200
        assert (moved(sandbox, "capture"), moved(sandbox, "release")) == ([700, 200], [100])

    def test_a_part_is_refused_where_the_rest_would_be_lost(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox, payment_method="pm_card_credit_disableEnterpriseCardFeatures")
        with pytest.raises(UpstreamRefusedError) as caught:
            capture(stripe, ref, 700, final=False)
        assert caught.value.context["param"] == "final_capture"
        assert moved(sandbox, "capture") == []
        assert capture(stripe, ref, 1000, "cap_2") == 1000

    def test_more_than_was_authorized_is_refused(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        with pytest.raises(UpstreamRefusedError) as caught:
            capture(stripe, pay(sandbox), 1001)
        assert caught.value.context["vendor_code"] == "amount_too_large"
        assert moved(sandbox, "capture") == []

    @pytest.mark.parametrize("final", [True, False])
    @pytest.mark.parametrize("later", [0, DAY])
    def test_a_lost_acknowledgement_moves_money_once(
        self, sandbox: Sandbox, stripe: StripePayments, *, final: bool, later: float
    ) -> None:
        ref = pay(sandbox)
        sandbox.add_fault(match="stripe POST .*/capture", drop="after")
        with pytest.raises(UpstreamError):
            capture(stripe, ref, 400, final=final)
        sandbox.clock.advance(later)
        assert capture(stripe, ref, 400, final=final) == 400
        assert moved(sandbox, "capture") == [400]

    def test_a_call_that_never_arrived_moves_money_at_the_second_attempt(
        self, sandbox: Sandbox, stripe: StripePayments
    ) -> None:
        ref = pay(sandbox)
        sandbox.add_fault(match="/capture", drop="before")
        with pytest.raises(UpstreamError):
            capture(stripe, ref, 400)
        assert moved(sandbox, "capture") == []
        assert capture(stripe, ref, 400) == 400
        assert moved(sandbox, "capture") == [400]

    def test_a_stored_server_error_does_not_hide_what_happened(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox)
        sandbox.add_fault(match="/capture", status=500, when="after", stored=True)
        with pytest.raises(UpstreamError) as caught:
            capture(stripe, ref, 400)
        assert caught.value.retryable
        assert capture(stripe, ref, 400) == 400
        assert moved(sandbox, "capture") == [400]

    def test_a_stored_server_error_before_anything_happened_stays_an_error(
        self, sandbox: Sandbox, stripe: StripePayments
    ) -> None:
        ref = pay(sandbox)
        sandbox.add_fault(match="/capture", status=500, times=2)
        for _ in range(2):
            with pytest.raises(UpstreamError):
                capture(stripe, ref, 400)
        assert capture(stripe, ref, 400) == 400

    def test_what_somebody_captured_whole_is_done(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox)
        post(sandbox, f"/v1/payment_intents/{ref}/capture", {})
        assert capture(stripe, ref, 1000) == 1000
        assert moved(sandbox, "capture") == [1000]

    def test_what_somebody_captured_in_part_and_closed_is_refused(
        self, sandbox: Sandbox, stripe: StripePayments
    ) -> None:
        ref = pay(sandbox)
        post(sandbox, f"/v1/payment_intents/{ref}/capture", {"amount_to_capture": "800"})
        with pytest.raises(UpstreamRefusedError) as caught:
            capture(stripe, ref, 700)
        assert caught.value.context["payment_status"] == "succeeded"
        assert moved(sandbox, "capture") == [800]

    def test_a_canceled_intent_is_refused(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox)
        stripe.void(ref, "void_1")
        with pytest.raises(UpstreamRefusedError) as caught:
            capture(stripe, ref, 1000)
        assert caught.value.context["payment_status"] == "canceled"

    def test_find_capture_tells_made_from_not_made(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox)
        assert stripe.find_capture(ref, "cap_1") is None
        capture(stripe, ref, 400, final=False)
        found = stripe.find_capture(ref, "cap_1")
        assert found is not None
        assert found.amount == 400
        assert stripe.find_capture(ref, "cap_2") is None

    @pytest.mark.parametrize("amount", [0, -1])
    def test_nothing_is_no_amount(self, sandbox: Sandbox, stripe: StripePayments, amount: int) -> None:
        with pytest.raises(InvalidInputError):
            capture(stripe, pay(sandbox), amount)


class TestVoid:
    @pytest.mark.parametrize("later", [0, DAY])
    def test_it_releases_once(self, sandbox: Sandbox, stripe: StripePayments, later: float) -> None:
        ref = pay(sandbox)
        sandbox.add_fault(match="/cancel", drop="after")
        with pytest.raises(UpstreamError):
            stripe.void(ref, "void_1")
        sandbox.clock.advance(later)
        stripe.void(ref, "void_1")
        assert moved(sandbox, "release") == [1000]

    @pytest.mark.parametrize("later", [0, DAY])
    def test_after_a_partial_capture_it_releases_the_rest_once(
        self, sandbox: Sandbox, stripe: StripePayments, later: float
    ) -> None:
        ref = pay(sandbox)
        capture(stripe, ref, 600, final=False)
        sandbox.add_fault(match="/capture", drop="after")
        with pytest.raises(UpstreamError):
            stripe.void(ref, "void_1")
        sandbox.clock.advance(later)
        stripe.void(ref, "void_1")
        assert (moved(sandbox, "capture"), moved(sandbox, "release")) == ([600], [400])

    def test_what_was_captured_must_be_refunded_instead(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox)
        capture(stripe, ref, 1000)
        with pytest.raises(UpstreamRefusedError) as caught:
            stripe.void(ref, "void_1")
        assert caught.value.context["vendor_code"] == "payment_intent_unexpected_state"


class TestErrors:
    @pytest.mark.parametrize("status", [409, 429, 500, 502, 503])
    def test_try_again_later(self, sandbox: Sandbox, stripe: StripePayments, status: int) -> None:
        ref = pay(sandbox)
        sandbox.add_fault(match="GET", status=status, retry_after=7)
        with pytest.raises(UpstreamError) as caught:
            stripe.verify_authorization(ref, 1000, "USD", "auth_1")
        assert caught.value.retryable
        assert (caught.value.context["vendor_status"], caught.value.context["retry_after"]) == (status, 7.0)

    def test_silence_is_bounded(self, sandbox: Sandbox) -> None:
        stripe = StripePayments(sandbox.base_url, lambda: "sk_test_sandbox", HASTY)
        ref = pay(sandbox)
        sandbox.add_fault(match="GET", delay=1.0)
        with pytest.raises(UpstreamError) as caught:
            stripe.verify_authorization(ref, 1000, "USD", "auth_1")
        assert caught.value.context["cause"] == "ReadTimeoutError"
        stripe.close()

    def test_nobody_there(self) -> None:
        stripe = StripePayments("http://127.0.0.1:9", lambda: "sk", PATIENT)
        with pytest.raises(UpstreamError) as caught:
            stripe.void("pi_1", "void_1")
        assert caught.value.retryable

    def test_the_same_key_with_other_parameters_is_refused(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox)
        capture(stripe, ref, 1000)
        refund(stripe, ref, 300)
        with pytest.raises(UpstreamRefusedError) as caught:
            stripe.refund(ref, 400, "USD", refund_id="rfd_2", order_id="ord_1", reason="", idempotency_key="rfd_1")
        assert caught.value.context["vendor_code"] == "idempotency_error"

    def test_a_wrong_key_is_refused_and_not_repeated(self, sandbox: Sandbox) -> None:
        stripe = StripePayments(sandbox.base_url, lambda: "sk_live_very_secret", PATIENT)
        with pytest.raises(UpstreamRefusedError) as caught:
            stripe.verify_authorization("pi_1", 1000, "USD", "auth_1")
        assert caught.value.context["vendor_status"] == 401
        assert "very_secret" not in f"{caught.value} {caught.value.context} {caught.value.__cause__}"
        assert "very_secret" not in json.dumps(sandbox.calls)

    @pytest.mark.parametrize("key", ["", "x" * 256, "a b", "a\r\nb", "é"])
    def test_a_key_that_no_header_can_carry_is_never_sent(
        self, sandbox: Sandbox, stripe: StripePayments, key: str
    ) -> None:
        ref = pay(sandbox)
        with pytest.raises(InvalidInputError):
            capture(stripe, ref, 100, key)
        assert moved(sandbox, "capture") == []
