from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.local import recorded as rec
from infra.local.signing import signed_body
from oms.domain.errors import InvalidInputError, SignatureError
from oms.domain.ids import derive
from oms.domain.inbound import InboundRequest, NoticeKind
from oms.domain.payment_events import PaymentEventKind
from oms.payments.adyen import Adyen
from tests.support.adyen import KEY

ROOT = Path(__file__).parents[2]
OURS = sorted((ROOT / "events/payments/adyen").glob("*.json"))
SHARED = ROOT.parent / "shared/payloads/adyen"
THEIRS = sorted(SHARED.glob("*.json"))
FILL = {"payment": "PSP1", "order_id": derive("ord", "x"), "shipment_id": "shp_1", "refund_id": "rfd_1"}
ADYEN = Adyen()
NOW = datetime(2026, 11, 22, tzinfo=UTC)
COLLECTED_KEY = "74F490DD33F7327BAECC88B2947C011FC02D014A473AAA33A8EC93E4DC069174"
NEVER = {PaymentEventKind.CAPTURED, PaymentEventKind.REFUND_TOTAL}
"""Adyen tells of each capture and refund."""


def request(body: bytes) -> InboundRequest:
    return InboundRequest(account="main", headers={}, body=body)


def sample(file: Path) -> InboundRequest:
    return request(signed_body("adyen", rec.read("adyen", file, FILL).body, KEY))


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.stem)
def test_each_of_our_samples_is_genuine_and_read(file: Path) -> None:
    asked = sample(file)
    ADYEN.verify(asked, [KEY], NOW)
    notice = ADYEN.identify(asked)
    (event,) = ADYEN.read_events(asked)
    assert (notice.kind, notice.external_id, event.payment_ref) == (NoticeKind.PAYMENT, "PSP1", "PSP1")
    assert event.our_refund_id == ("rfd_1" if event.kind is PaymentEventKind.REFUND else "")
    assert event.our_shipment_id == ("shp_1" if event.kind is PaymentEventKind.CAPTURE else "")


def test_our_samples_cover_every_kind() -> None:
    kinds = {event.kind for file in OURS for event in ADYEN.read_events(sample(file))}
    assert kinds == set(PaymentEventKind) - NEVER


@pytest.mark.skipif(not THEIRS, reason="the shared payloads are not here")
class TestShared:
    def test_the_published_signatures_verify(self) -> None:
        vectors = [json.loads(file.read_bytes()) for file in SHARED.glob("hmac-kat-*.json")]
        assert len(vectors) == 2
        for item in vectors:
            assert genuine(item, COLLECTED_KEY)
            assert not genuine(item, KEY)
            assert not genuine({**item, "success": "false"}, COLLECTED_KEY)
        known = json.loads((SHARED / "kat-hmac.json").read_bytes())["item_vector"]
        signature = {"additionalData": {"hmacSignature": known["hmacSignature"]}}
        assert genuine({**known["request"], **signature}, known["hmac_key_hex"])

    @pytest.mark.parametrize("file", THEIRS, ids=lambda file: file.stem)
    def test_every_file_is_read_ignored_or_refused(self, file: Path) -> None:
        document = json.loads(file.read_bytes())
        body = document.get("body", document)
        asked = request(json.dumps(body).encode())
        with contextlib.suppress(InvalidInputError):
            if ADYEN.identify(asked).kind is NoticeKind.PAYMENT:
                assert all(event.payment_ref for event in ADYEN.read_events(asked))


def genuine(item: dict[str, Any], key: str) -> bool:
    body = {"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}
    try:
        ADYEN.verify(request(json.dumps(body).encode()), [key], NOW)
    except SignatureError:
        return False
    return True
