from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.local import recorded as rec
from infra.local.sandbox.paypal_signing import certificate
from oms.domain.errors import InvalidInputError, SignatureError
from oms.domain.ids import derive
from oms.domain.inbound import InboundRequest, NoticeKind
from oms.domain.payment_events import PaymentEventKind
from oms.payments.paypal import PayPal

ROOT = Path(__file__).parents[2]
OURS = sorted((ROOT / "events/payments/paypal").glob("*.json"))
SHARED = ROOT.parent / "shared/payloads/paypal"
THEIRS = sorted(file for file in SHARED.glob("*.json") if not file.name.endswith("headers.json"))
VECTORS = sorted(SHARED.glob("kat-*.raw.json"))
FILL = {"payment": "PPORDER1", "order_id": derive("ord", "x"), "shipment_id": "shp_1", "refund_id": "rfd_1"}
PAYPAL = PayPal()
NOW = datetime(2026, 11, 22, tzinfo=UTC)
NEVER = {
    *(PaymentEventKind.CAPTURED, PaymentEventKind.REFUND_TOTAL, PaymentEventKind.FAILED),
    *(PaymentEventKind.EXTENDED, PaymentEventKind.NOT_EXTENDED, PaymentEventKind.FRAUD_REPORT),
}
"""PayPal tells of each capture and refund, and of no fraud that is no dispute.

A payer that cannot pay is told where the order is authorized."""


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.stem)
def test_each_of_our_samples_is_genuine_and_read(file: Path) -> None:
    recorded = rec.read("paypal", file, FILL)
    headers = rec.sign(recorded, "WEBHOOK1", NOW.timestamp())
    asked = InboundRequest(account="main", headers=headers, body=recorded.body)
    PAYPAL.verify(asked, ["WEBHOOK1", certificate().decode()], NOW)
    notice = PAYPAL.identify(asked)
    if notice.topic == "CHECKOUT.ORDER.APPROVED":
        assert notice.kind is NoticeKind.IGNORED
        return
    (event,) = PAYPAL.read_events(asked)
    refund = event.kind is PaymentEventKind.REFUND
    by_capture = refund or notice.topic.startswith("CUSTOMER.DISPUTE.")
    assert (notice.kind, event.payment_ref) == (NoticeKind.PAYMENT, "" if by_capture else "PPORDER1")
    assert event.charge_ref or not by_capture
    assert event.our_refund_id == ("rfd_1" if refund else "")
    assert event.our_shipment_id == ("shp_1" if event.kind is PaymentEventKind.CAPTURE else "")


def test_our_samples_cover_every_kind() -> None:
    read = [rec.read("paypal", file, FILL).request("main") for file in OURS]
    payments = [asked for asked in read if PAYPAL.identify(asked).kind is NoticeKind.PAYMENT]
    kinds = {event.kind for asked in payments for event in PAYPAL.read_events(asked)}
    assert kinds == set(PaymentEventKind) - NEVER


@pytest.mark.skipif(not THEIRS, reason="the shared payloads are not here")
class TestShared:
    @pytest.mark.parametrize("file", VECTORS, ids=lambda file: file.stem)
    def test_the_collected_signatures_verify_and_nothing_of_them_may_change(self, file: Path) -> None:
        known: dict[str, Any] = json.loads(file.with_name(file.name.replace("raw", "headers")).read_bytes())
        (cert,) = (each.read_text() for each in SHARED.glob("kat-cert-*.pem"))
        sent = datetime.fromisoformat(known["paypal-transmission-time"])
        body, hook = file.read_bytes(), known["webhook_id_used_by_simulator"]
        asked = InboundRequest(account="main", headers=known, body=body)
        PAYPAL.verify(asked, [hook, cert], sent)
        PAYPAL.verify(asked, [hook, cert], sent + timedelta(days=3))
        assert PAYPAL.key_paths(asked) == ["/v1/notifications/certs/CERT-360caa42-fca2a594-1a5f47cb"]
        changed = InboundRequest(account="main", headers=known, body=body + b" ")
        late = known | {"paypal-transmission-time": "2025-03-09T00:00:00Z"}
        for other, secrets in (
            (changed, [hook, cert]),
            (asked, ["other", cert]),
            (asked, [hook, certificate().decode()]),
            (InboundRequest(account="main", headers=late, body=body), [hook, cert]),
        ):
            with pytest.raises(SignatureError):
                PAYPAL.verify(other, secrets, sent)

    def test_there_are_three_of_them(self) -> None:
        assert len(VECTORS) == 3

    @pytest.mark.parametrize("file", THEIRS, ids=lambda file: file.stem)
    def test_every_file_is_read_ignored_or_refused(self, file: Path) -> None:
        document = json.loads(file.read_bytes())
        body = document.get("body") or document.get("webhook_event") or document
        asked = InboundRequest(account="main", headers={}, body=json.dumps(body).encode())
        with contextlib.suppress(InvalidInputError):
            if PAYPAL.identify(asked).kind is NoticeKind.PAYMENT:
                assert all(event.payment_ref or event.charge_ref for event in PAYPAL.read_events(asked))
