"""Refunds through the payment adapter, judged by the sandbox's record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.local.sandbox import Sandbox, Settings
from oms.adapters.stripe_api import StripePayments
from oms.domain.errors import UpstreamError, UpstreamRefusedError
from oms.domain.payment_events import RefundState
from tests.integration.sandbox_support import DAY, PATIENT, capture, moved, pay, post, refund

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Settings(webhook_delay=0.0)) as running:
        yield running


@pytest.fixture
def stripe(sandbox: Sandbox) -> Iterator[StripePayments]:
    payments = StripePayments(sandbox.base_url, lambda: "sk_test_sandbox\n", PATIENT)
    yield payments
    payments.close()


class TestRefund:
    def test_parts_up_to_what_was_captured(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox)
        capture(stripe, ref, 800)
        first = refund(stripe, ref, 500)
        assert (first.state, first.amount, first.our_refund_id) == (RefundState.SUCCEEDED, 500, "rfd_1")
        for amount in (301, 800):
            with pytest.raises(UpstreamRefusedError):
                refund(stripe, ref, amount, "rfd_2")
        refund(stripe, ref, 300, "rfd_3")
        with pytest.raises(UpstreamRefusedError) as caught:
            refund(stripe, ref, 1, "rfd_4")
        assert caught.value.context["vendor_code"] == "charge_already_refunded"
        assert moved(sandbox, "refund") == [500, 300]

    def test_a_lost_acknowledgement_moves_money_once(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox)
        capture(stripe, ref, 1000)
        sandbox.add_fault(match="stripe POST /v1/refunds", drop="after")
        with pytest.raises(UpstreamError):
            refund(stripe, ref, 300)
        assert refund(stripe, ref, 300).state is RefundState.SUCCEEDED
        assert moved(sandbox, "refund") == [300]
        assert [call["replayed"] for call in sandbox.calls if call["path"] == "/v1/refunds"] == [False, True]

    def test_after_the_keys_life_the_refund_is_found_by_our_id(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox)
        capture(stripe, ref, 1000)
        sandbox.add_fault(match="stripe POST /v1/refunds", drop="after")
        with pytest.raises(UpstreamError):
            refund(stripe, ref, 300)
        sandbox.clock.advance(DAY)
        found = stripe.find_refund(ref, "rfd_1")
        assert found is not None
        assert found.amount == 300
        assert stripe.find_refund(ref, "rfd_2") is None

    def test_a_full_refund_is_found_even_without_asking(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox)
        capture(stripe, ref, 1000)
        refund(stripe, ref, 1000)
        sandbox.clock.advance(DAY)
        assert refund(stripe, ref, 1000).amount == 1000
        assert moved(sandbox, "refund") == [1000]

    def test_a_stored_server_error_does_not_hide_what_happened(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox)
        capture(stripe, ref, 1000)
        sandbox.add_fault(match="stripe POST /v1/refunds", status=500, when="after", stored=True)
        with pytest.raises(UpstreamError):
            refund(stripe, ref, 300)
        assert refund(stripe, ref, 300).amount == 300
        assert moved(sandbox, "refund") == [300]

    @pytest.mark.parametrize(
        ("method", "first", "then"),
        [
            ("pm_card_pendingRefund", RefundState.PENDING, RefundState.SUCCEEDED),
            ("pm_card_refundFail", RefundState.SUCCEEDED, RefundState.FAILED),
            ("pm_sandbox_pendingRefundFail", RefundState.PENDING, RefundState.FAILED),
        ],
    )
    def test_a_refunds_fate_is_told_later(
        self, sandbox: Sandbox, stripe: StripePayments, method: str, first: RefundState, then: RefundState
    ) -> None:
        ref = pay(sandbox, payment_method=method)
        capture(stripe, ref, 1000)
        assert refund(stripe, ref, 300).state is first
        assert sandbox.stripe.settle_refunds() == 1
        found = stripe.find_refund(ref, "rfd_1")
        assert found is not None
        assert found.state is then
        assert bool(found.reason) is (then is RefundState.FAILED)

    def test_every_refund_is_listed_over_all_pages(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox)
        capture(stripe, ref, 1000)
        for _ in range(101):
            post(sandbox, "/v1/refunds", {"payment_intent": ref, "amount": "1"})
        refund(stripe, ref, 300)
        listed = stripe.list_refunds(ref)
        assert (len(listed), sum(each.amount for each in listed)) == (102, 401)
        assert listed[0].our_refund_id == "rfd_1"

    def test_a_payment_known_by_its_charge_can_be_refunded(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox)
        capture(stripe, ref, 1000)
        charge = ref.replace("pi_", "ch_")
        assert refund(stripe, charge, 300).amount == 300
        assert stripe.find_refund(charge, "rfd_1") is not None

    def test_only_reasons_that_stripe_knows_are_sent(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref = pay(sandbox)
        capture(stripe, ref, 1000)
        for number, reason in enumerate(("damaged", "duplicate")):
            key = f"rfd_{number}"
            stripe.refund(ref, 1, "USD", refund_id=key, order_id="ord_1", reason=reason, idempotency_key=key)
        sent = [call["form"].get("reason") for call in sandbox.calls if call["path"] == "/v1/refunds"]
        assert sent == [None, "duplicate"]
