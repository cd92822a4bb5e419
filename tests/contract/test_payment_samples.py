from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from oms.domain.errors import InvalidInputError, ReplayWindowError, SignatureError
from oms.domain.inbound import InboundRequest, NoticeKind
from oms.domain.payment_events import PaymentEventKind
from oms.payments.stripe import Stripe

ROOT = Path(__file__).parents[2]
OURS = sorted((ROOT / "events/payments/stripe").glob("*.json"))
SHARED = ROOT.parent / "shared/payloads/stripe"
THEIRS = sorted(SHARED.glob("*.json"))
STRIPE = Stripe()
SIGNED_AT = datetime.fromtimestamp(1533204620, UTC)
V1 = "2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7"
V0 = "63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef"
NEVER = {
    *(PaymentEventKind.CAPTURE, PaymentEventKind.FRAUD_REPORT),
    *(PaymentEventKind.EXTENDED, PaymentEventKind.NOT_EXTENDED),
}


def request(body: bytes, header: str = "") -> InboundRequest:
    return InboundRequest(account="main", headers={"stripe-signature": header}, body=body)


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.stem)
def test_each_of_our_samples_is_read(file: Path) -> None:
    text = file.read_text()
    for name, value in (("payment_intent", "pi_1"), ("order_id", "ord_1"), ("refund_id", "rfd_1")):
        text = text.replace("{{" + name + "}}", value)
    sample = json.loads(text)
    asked = request(json.dumps(sample["body"]).encode())
    notice = STRIPE.identify(asked)
    assert notice.topic == sample["topic"]
    event = STRIPE.read_event(asked)
    assert (notice.kind, notice.external_id, event.payment_ref) == (NoticeKind.PAYMENT, "pi_1", "pi_1")
    if event.dispute:
        assert (event.kind, event.order_ref) == (PaymentEventKind.DISPUTE, "")
        return
    assert (event.order_ref, event.currency) == ("ord_1", "USD")
    assert (event.refund_state is not None) == (event.kind is PaymentEventKind.REFUND)


def test_our_samples_cover_every_kind() -> None:
    assert OURS
    kinds = set()
    for file in OURS:
        asked = request(json.dumps(json.loads(file.read_text())["body"]).encode())
        if STRIPE.identify(asked).kind is NoticeKind.PAYMENT:
            kinds.add(STRIPE.read_event(asked).kind)
    assert kinds == set(PaymentEventKind) - NEVER, "Stripe tells what captures come to, and holds nothing longer"


@pytest.mark.skipif(not THEIRS, reason="the shared payloads are not here")
class TestShared:
    @pytest.fixture
    def body(self) -> bytes:
        return (SHARED / "kat-event_test_signature.raw.json").read_bytes()

    def test_the_published_signature_verifies(self, body: bytes) -> None:
        STRIPE.verify(request(body, f"t=1533204620,v1={V1},v0={V0}"), ["webhook_secret"], SIGNED_AT)

    def test_it_is_too_old_today(self, body: bytes) -> None:
        with pytest.raises(ReplayWindowError):
            STRIPE.verify(
                request(body, f"t=1533204620,v1={V1}"), ["webhook_secret"], datetime(2026, 11, 22, tzinfo=UTC)
            )

    def test_nothing_of_it_may_change(self, body: bytes) -> None:
        for changed, header, secret in (
            (body + b" ", f"t=1533204620,v1={V1}", "webhook_secret"),
            (body, f"t=1533204621,v1={V1}", "webhook_secret"),
            (body, f"t=1533204620,v1={V0}", "webhook_secret"),
            (body, f"t=1533204620,v1={V1}", "webhook_secrets"),
        ):
            with pytest.raises(SignatureError):
                STRIPE.verify(request(changed, header), [secret], SIGNED_AT)

    @pytest.mark.parametrize("file", THEIRS, ids=lambda file: file.stem)
    def test_every_file_is_read_ignored_or_refused(self, file: Path) -> None:
        document = json.loads(file.read_bytes())
        wrapped = isinstance(document, dict) and "headers" in document and "body" in document
        body = document["body"] if wrapped else document
        asked = request(body.encode() if isinstance(body, str) else json.dumps(body).encode())
        with contextlib.suppress(InvalidInputError):
            if STRIPE.identify(asked).kind is NoticeKind.PAYMENT:
                assert STRIPE.read_event(asked).payment_ref
