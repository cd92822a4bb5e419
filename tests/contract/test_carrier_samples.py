from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from oms.carriers.registry import carrier
from oms.domain.errors import InvalidInputError, SignatureError
from oms.domain.inbound import InboundRequest, NoticeKind
from oms.domain.tracking import ParcelStatus

ROOT = Path(__file__).parents[2]
OURS = sorted((ROOT / "events/carriers/easypost").glob("*.json"))
SHARED = ROOT.parent / "shared/payloads/easypost"
THEIRS = sorted(SHARED.glob("*.json"))
EASYPOST = carrier("easypost")
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def request(body: bytes, **headers: str) -> InboundRequest:
    return InboundRequest(account="main", headers=headers, body=body)


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.stem)
def test_each_of_our_samples_is_read(file: Path) -> None:
    sample = json.loads(file.read_text().replace("{{tracking_number}}", "EZ1000000001"))
    asked = request(json.dumps(sample["body"]).encode())
    notice = EASYPOST.identify(asked)
    update = EASYPOST.read_tracking(asked)
    assert (notice.kind, notice.topic) == (NoticeKind.TRACKING, sample["topic"])
    assert notice.external_id == update.tracking_number == "EZ1000000001"
    assert notice.event_id == update.event_id
    assert update.scans[-1].occurred_at == update.status_at


def test_our_samples_tell_a_parcels_whole_way() -> None:
    told = []
    for file in OURS:
        sample = json.loads(file.read_text())
        told.append(EASYPOST.read_tracking(request(json.dumps(sample["body"]).encode())).status)
    assert told == [
        ParcelStatus.PRE_TRANSIT,
        ParcelStatus.IN_TRANSIT,
        ParcelStatus.OUT_FOR_DELIVERY,
        ParcelStatus.DELIVERED,
        ParcelStatus.EXCEPTION,
    ]


@pytest.mark.skipif(not THEIRS, reason="the shared payloads are not here")
class TestShared:
    def test_the_published_signature_verifies_and_a_changed_body_does_not(self) -> None:
        body = (SHARED / "webhook-tracker.updated-hmac-kat.json").read_bytes().rstrip(b"\n")
        signature = "hmac-sha256-hex=38f3f53c103713df81616a0a186d77141957323ec21d5fe9363db93840f527db"
        EASYPOST.verify(request(body, **{"x-hmac-signature": signature}), ["s\u00e9cret"], NOW)
        for changed, secret in (
            (body + b"\n", "s\u00e9cret"),
            (body.replace(b"1", b"2", 1), "s\u00e9cret"),
            (body, "secret"),
        ):
            with pytest.raises(SignatureError):
                EASYPOST.verify(request(changed, **{"x-hmac-signature": signature}), [secret], NOW)

    def test_the_published_event_is_read(self) -> None:
        asked = request((SHARED / "webhook-tracker.updated-hmac-kat.json").read_bytes())
        update = EASYPOST.read_tracking(asked)
        assert (update.event_id, update.carrier, update.status) == ("evt_1", "FedEx", ParcelStatus.IN_TRANSIT)
        assert update.status_at == datetime(2024, 8, 2, 18, 50, tzinfo=UTC)
        assert update.estimated_delivery_at == datetime(2024, 8, 5, tzinfo=UTC)
        assert [each.city for each in update.scans][-2:] == ["EDISON TWP", "EDISON"]

    @pytest.mark.parametrize("file", THEIRS, ids=lambda file: file.stem)
    def test_every_file_is_read_ignored_or_refused(self, file: Path) -> None:
        asked = request(file.read_bytes())
        with contextlib.suppress(InvalidInputError):
            if EASYPOST.identify(asked).kind is NoticeKind.TRACKING:
                assert EASYPOST.read_tracking(asked).tracking_number
