from __future__ import annotations

import contextlib
import hmac
import json
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.carriers.registry import carrier, sources
from oms.domain.errors import MalformedPayloadError, NotFoundError, OmsError, SignatureError
from oms.domain.inbound import InboundRequest, NoticeKind
from oms.domain.tracking import ParcelStatus

EASYPOST = carrier("easypost")
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def request(event: Any, headers: dict[str, str] | None = None) -> InboundRequest:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return InboundRequest(account="main", headers=headers or {}, body=body)


def tracker(**changes: Any) -> dict[str, Any]:
    result: dict[str, Any] = {
        "tracking_code": "EZ1000000001",
        "status": "in_transit",
        "carrier": "USPS",
        "updated_at": "2026-11-22T10:00:00Z",
        "est_delivery_date": None,
        "tracking_details": [],
    }
    return {"id": "evt_1", "description": "tracker.updated", "result": result | changes}


def scan(status: str, at: str | None, **place: Any) -> dict[str, Any]:
    return {
        "status": status,
        "status_detail": "arrived_at_facility",
        "datetime": at,
        "message": "Left with Sam Whitaker",
        "tracking_location": {"city": "RENO", "country": "US", "zip": "89501", **place},
    }


def signed(secret: str, body: bytes) -> dict[str, str]:
    key = unicodedata.normalize("NFKD", secret).encode()
    return {"x-hmac-signature": "hmac-sha256-hex=" + hmac.new(key, body, "sha256").hexdigest()}


def test_a_signature_of_any_valid_secret_is_accepted() -> None:
    body = b'{"id": "evt_1"}'
    for secret in ("old", "néw"):
        EASYPOST.verify(request(body, signed(secret, body)), ["old", "néw"], NOW)


def test_the_composed_and_the_decomposed_secret_are_the_same() -> None:
    body = b"{}"
    EASYPOST.verify(request(body, signed("s\u00e9cret", body)), ["se\u0301cret"], NOW)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "hmac-sha256-hex=",
        "hmac-sha256-hex=zz",
        "sha256=" + "0" * 64,
        "hmac-sha256-hex=" + "0" * 64,
        "hmac-sha256-hex=" + "é" * 64,
        "hmac-sha256-hex=" + "٣" * 64,
    ],
)
def test_garbage_in_the_header_is_refused(header: str | None) -> None:
    headers = {} if header is None else {"x-hmac-signature": header}
    with pytest.raises(SignatureError):
        EASYPOST.verify(request(b"{}", headers), ["secret"], NOW)


def test_a_changed_body_another_secret_and_no_secret_are_refused() -> None:
    headers = signed("secret", b"{}")
    for body, secrets in ((b"{} ", ["secret"]), (b"{}", ["other"]), (b"{}", [])):
        with pytest.raises(SignatureError):
            EASYPOST.verify(request(body, headers), secrets, NOW)


def test_an_empty_secret_never_verifies() -> None:
    with pytest.raises(SignatureError):
        EASYPOST.verify(request(b"{}", signed("", b"{}")), [""], NOW)


def test_a_tracker_event_names_its_parcel() -> None:
    notice = EASYPOST.identify(request(tracker()))
    assert notice.kind is NoticeKind.TRACKING
    assert (notice.event_id, notice.external_id) == ("evt_1", "EZ1000000001")
    assert notice.occurred_at == datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_other_events_are_ignored_with_their_topic() -> None:
    notice = EASYPOST.identify(request({"id": "evt_2", "description": "batch.updated"}))
    assert (notice.kind, notice.topic) == (NoticeKind.IGNORED, "batch.updated")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("unknown", ParcelStatus.UNKNOWN),
        ("pre_transit", ParcelStatus.PRE_TRANSIT),
        ("in_transit", ParcelStatus.IN_TRANSIT),
        ("out_for_delivery", ParcelStatus.OUT_FOR_DELIVERY),
        ("available_for_pickup", ParcelStatus.AVAILABLE_FOR_PICKUP),
        ("delivered", ParcelStatus.DELIVERED),
        ("return_to_sender", ParcelStatus.RETURN_TO_SENDER),
        ("cancelled", ParcelStatus.CANCELLED),
        ("failure", ParcelStatus.EXCEPTION),
        ("error", ParcelStatus.EXCEPTION),
    ],
)
def test_every_status_has_a_canonical_word(word: str, status: ParcelStatus) -> None:
    assert EASYPOST.read_tracking(request(tracker(status=word))).status is status


def test_the_time_of_the_status_is_that_of_its_latest_scan() -> None:
    details = [
        scan("in_transit", "2026-11-22T09:00:00Z"),
        scan("in_transit", "2026-11-22T08:00:00+02:00"),
        scan("pre_transit", "2026-11-22T11:00:00Z"),
    ]
    update = EASYPOST.read_tracking(request(tracker(tracking_details=details)))
    assert update.status_at == datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert [each.occurred_at.hour for each in update.scans] == [6, 9, 11]


def test_without_a_scan_of_that_status_the_update_time_counts() -> None:
    update = EASYPOST.read_tracking(
        request(tracker(tracking_details=[scan("pre_transit", "2026-11-20T09:00:00Z"), scan("in_transit", None)]))
    )
    assert update.status_at == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert len(update.scans) == 1


def test_scans_hold_a_place_and_a_code_but_no_prose_and_no_postal_code() -> None:
    details = [scan("delivered", "2026-11-22T09:00:00Z"), scan("odd", "2026-11-22T10:00:00Z", country="Spain")]
    update = EASYPOST.read_tracking(request(tracker(tracking_details=details)))
    first, second = update.scans
    assert (first.city, first.country, first.detail) == ("RENO", "US", "arrived_at_facility")
    assert (second.status, second.country) == (ParcelStatus.UNKNOWN, "")
    assert "Whitaker" not in repr(update)
    assert "89501" not in repr(update)


@pytest.mark.parametrize(
    "changes",
    [{"status": "teleported"}, {"status": None}, {"tracking_code": ""}, {"updated_at": None}, {"updated_at": "soon"}],
)
def test_what_cannot_be_understood_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedPayloadError):
        EASYPOST.read_tracking(request(tracker(**changes)))


def test_an_unknown_carrier_is_refused() -> None:
    assert sources() == ("easypost",)
    with pytest.raises(NotFoundError):
        carrier("pigeon")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
RESULT = st.fixed_dictionaries(
    {"tracking_code": JSON, "status": st.sampled_from(["delivered", "in_transit"]) | JSON},
    optional={"updated_at": JSON, "carrier": JSON, "est_delivery_date": JSON, "tracking_details": JSON},
)
EVENT = st.fixed_dictionaries(
    {"id": JSON, "description": st.sampled_from(["tracker.updated"]) | JSON, "result": RESULT | JSON}
)


@given(body=st.binary() | EVENT.map(lambda event: json.dumps(event).encode()), header=st.text())
def test_nothing_from_outside_raises_anything_but_our_errors(body: bytes, header: str) -> None:
    asked = request(body, {"x-hmac-signature": header})
    for attempt in (
        lambda: EASYPOST.verify(asked, ["secret"], NOW),
        lambda: EASYPOST.identify(asked),
        lambda: EASYPOST.read_tracking(asked),
    ):
        with contextlib.suppress(OmsError):
            attempt()
