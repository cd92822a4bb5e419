"""Disputes over HTTP: what each provider tells of one, and the answers of the adapters, each taken once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from infra.local.sandbox import Sandbox
from oms.adapters.adyen_api import AdyenPayments
from oms.adapters.adyen_disputes import service_url
from oms.adapters.paypal_api import PayPalPayments
from oms.adapters.stripe_api import StripePayments
from oms.domain.disputes import DisputeStatus
from oms.domain.errors import UpstreamRefusedError
from oms.domain.inbound import InboundRequest
from oms.domain.order.dispute_evidence import evidence, sentences
from oms.entrypoints.evidence_pages import render
from oms.payments.registry import provider
from tests.integration.sandbox_support import PATIENT, Outbox, ask, in_process
from tests.support.builders import Story, line, minutes
from tests.support.money import shipped
from tests.support.stories import commits_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oms.domain.order.dispute_evidence import Evidence
    from oms.domain.payment_events import PaymentEvent


@pytest.fixture
def told() -> Evidence:
    story = shipped(Story(), line("1", 2, 1000, title="Mug"))
    story.deliver_all()
    return evidence(story.order_id, commits_of(story))


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    made = Sandbox()
    for vendor in (made.stripe, made.adyen, made.paypal):
        outbox(vendor)
    in_process(monkeypatch, made)
    yield made
    made._close()


def heard(box: Outbox, source: str) -> list[PaymentEvent]:
    """What our reader makes of what the provider sent."""
    found: list[PaymentEvent] = []
    for event in box.events:
        asked = InboundRequest(account="main", headers={}, body=json.dumps(event).encode())
        found += provider(source).read_events(asked)
    box.events.clear()
    return [each for each in found if each.dispute]


def outbox(vendor: Any) -> Outbox:
    box = Outbox()
    vendor._webhooks = box
    return box


def noted(sandbox: Sandbox, kind: str) -> int:
    return sum(each["kind"] == kind for each in sandbox.record.effects)


def test_the_evidence_says_what_happened(told: Evidence) -> None:
    said = sentences(told)
    assert said[1] == "It costs 20.00 EUR; 20.00 EUR was captured."
    assert said[2] == "2 x Mug: 20.00 EUR."
    assert said[3].startswith("Parcel TRK1 was handed to dhl on ")
    assert said[3].endswith(", to 10115 DE.")
    assert said[4].startswith("TRK1: delivered ")
    assert told.delivered_at == minutes(1000)
    assert said[-2:] == ("Nothing was given back.", "Nothing came back.")
    assert render(told).startswith(b"%PDF")
    assert render(told) == render(told)


class TestStripe:
    @pytest.fixture
    def stripe(self, sandbox: Sandbox) -> Iterator[StripePayments]:
        made = StripePayments(sandbox.base_url, lambda: sandbox.settings.stripe_key, PATIENT)
        yield made
        made.close()

    def begun(self, sandbox: Sandbox, stripe: StripePayments) -> tuple[str, Outbox]:
        form = {"amount": "1000", "currency": "usd", "capture_method": "manual", "confirm": "true"}
        headers = {"authorization": f"Bearer {sandbox.settings.stripe_key}"}
        body = urlencode({**form, "payment_method": "pm_card_visa"}).encode()
        reply = ask(sandbox, "POST", "/v1/payment_intents", headers=headers, body=body)
        assert reply is not None
        ref = str(json.loads(reply.body())["id"])
        stripe.capture(ref, 1000, "USD", "k1", final=True, metadata={})
        box = outbox(sandbox.stripe)
        return sandbox.stripe.dispute(ref, 1000), box

    def test_what_it_tells(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref, box = self.begun(sandbox, stripe)
        opened, taken = heard(box, "stripe")
        assert opened.dispute is not None
        assert taken.dispute is not None
        assert (opened.dispute.dispute_ref, opened.dispute.movements) == (ref, ())
        ((moved),) = taken.dispute.movements
        assert (moved.amount, moved.fee, moved.fee_currency) == (1000, 1500, "USD")
        sandbox.stripe.decide(ref, "won")
        back, closed = heard(box, "stripe")
        assert back.dispute is not None
        assert closed.dispute is not None
        assert [each.amount for each in back.dispute.movements] == [1000, -1000]
        assert closed.dispute.word is not None
        assert closed.dispute.word.status is DisputeStatus.WON

    def test_evidence_is_taken_once(self, sandbox: Sandbox, stripe: StripePayments, told: Evidence) -> None:
        ref, _ = self.begun(sandbox, stripe)
        for _ in range(2):
            assert stripe.defend_dispute(ref, told, "ans_1", defense="", document=bytes) == ref
        sandbox.clock.advance(25 * 3600)  # the key is forgotten, the dispute remembers
        assert stripe.defend_dispute(ref, told, "ans_1", defense="", document=bytes) == ref
        assert noted(sandbox, "dispute_evidence") == 1
        known = sandbox.stripe.disputes.of[ref]
        assert known.evidence["shipping_tracking_number"] == "TRK1"
        with pytest.raises(UpstreamRefusedError):
            stripe.defend_dispute(ref, told, "ans_2", defense="", document=bytes)

    def test_one_is_let_be_once(self, sandbox: Sandbox, stripe: StripePayments) -> None:
        ref, _ = self.begun(sandbox, stripe)
        stripe.accept_dispute(ref, "ans_1")
        sandbox.clock.advance(25 * 3600)
        stripe.accept_dispute(ref, "ans_1")
        assert noted(sandbox, "dispute_let_be") == 1


class TestAdyen:
    def test_answers(self, sandbox: Sandbox, told: Evidence) -> None:
        settings = sandbox.settings
        known = {"api_key": settings.adyen_key, "merchant_account": settings.adyen_merchant}
        adyen = AdyenPayments(sandbox.base_url, lambda: known, PATIENT)
        sandbox.adyen._pay(1000, "EUR", "S-1", "scheme")
        (payment,) = sandbox.adyen.payments
        box = outbox(sandbox.adyen)
        sandbox.adyen.modify(payment, "captures", 1000)
        ref = sandbox.adyen.dispute(payment, 1000)
        moved = [each.dispute.movements for each in heard(box, "adyen") if each.dispute]
        assert [len(each) for each in moved] == [0, 1]
        for _ in range(2):
            assert adyen.defend_dispute(ref, told, "ans_1", defense="", document=lambda: render(told)) == ref
        assert noted(sandbox, "dispute_evidence") == 1
        with pytest.raises(UpstreamRefusedError) as caught:
            adyen.accept_dispute(ref, "ans_2")
        assert caught.value.context["vendor_code"] == "acceptDispute_refused"
        adyen.close()

    def test_the_service_has_a_host_of_its_own(self) -> None:
        assert service_url("https://checkout-test.adyen.com") == "https://ca-test.adyen.com"
        assert service_url("http://localhost:9") == "http://localhost:9"
        live = "https://1797a841fbb37ca7-northwharf-checkout-live.adyenpayments.com/checkout"
        assert service_url(live) == "https://ca-live.adyen.com"


class TestPayPal:
    def test_answers(self, sandbox: Sandbox, told: Evidence) -> None:
        settings = sandbox.settings
        known = {"client_id": settings.paypal_client_id, "client_secret": settings.paypal_client_secret}
        paypal = PayPalPayments(sandbox.base_url, lambda: known, PATIENT)
        from tests.integration.test_sandbox_paypal import capture, held

        made = capture(paypal, held(sandbox, paypal), 1000)
        box = outbox(sandbox.paypal)
        ref = sandbox.paypal.dispute(made.capture_ref)
        taken, opened = heard(box, "paypal")
        assert taken.dispute is not None
        assert opened.dispute is not None
        assert taken.dispute.capture_ref == opened.dispute.capture_ref == made.capture_ref
        for _ in range(2):
            assert paypal.defend_dispute(ref, told, "ans_1", defense="", document=bytes) == ref
        assert noted(sandbox, "dispute_evidence") == 1
        for _ in range(2):
            paypal.accept_dispute(ref, "ans_2")
        assert noted(sandbox, "dispute_let_be") == 1
        paypal.close()
