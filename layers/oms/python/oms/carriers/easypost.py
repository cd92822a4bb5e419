"""EasyPost: tracker webhooks of some hundred carriers.

Rules: https://docs.easypost.com/guides/webhooks-guide (signature, delivery) and
https://docs.easypost.com/docs/trackers (statuses). A hook must be answered within 7 s and may come more than once.
The scans' free text is left out: carriers write names into it ("signed by ...").
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from oms.channels import signatures
from oms.channels.payload import parse_object
from oms.domain.inbound import Notice, NoticeKind
from oms.domain.tracking import ParcelStatus, TrackingScan, TrackingUpdate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oms.channels.payload import Fields
    from oms.domain.inbound import InboundRequest

_SIGNATURE: Final = re.compile(r"hmac-sha256-hex=([0-9a-fA-F]{64})")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")

_STATUS: Final[Mapping[str, ParcelStatus]] = {
    "unknown": ParcelStatus.UNKNOWN,
    "pre_transit": ParcelStatus.PRE_TRANSIT,
    "in_transit": ParcelStatus.IN_TRANSIT,
    "out_for_delivery": ParcelStatus.OUT_FOR_DELIVERY,
    "available_for_pickup": ParcelStatus.AVAILABLE_FOR_PICKUP,
    "delivered": ParcelStatus.DELIVERED,
    "return_to_sender": ParcelStatus.RETURN_TO_SENDER,
    "cancelled": ParcelStatus.CANCELLED,
    "failure": ParcelStatus.EXCEPTION,
    "error": ParcelStatus.EXCEPTION,
}


class EasyPost:
    """The sender `easypost`."""

    source = "easypost"

    def verify(self, request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:  # noqa: ARG002 - no time is signed
        """Check `X-Hmac-Signature: hmac-sha256-hex=<hex>` over the raw body; the key is the NFKD form of the secret."""
        match = _SIGNATURE.fullmatch(request.headers.get("x-hmac-signature", "").strip())
        signatures.check(
            match[1].lower() if match else None, (_sign(secret, request.body) for secret in secrets if secret)
        )

    def identify(self, request: InboundRequest) -> Notice:
        """Tracker events are TRACKING (`external_id`: the tracking number); everything else is IGNORED."""
        event = parse_object(request.body)
        topic, event_id = event.identifier("description"), event.identifier("id")
        created = event.moment("created_at", naive_is_utc=True)
        if not topic.startswith("tracker."):
            return Notice(kind=NoticeKind.IGNORED, topic=topic, event_id=event_id, occurred_at=created)
        tracker = event.child("result")
        return Notice(
            kind=NoticeKind.TRACKING,
            topic=topic,
            event_id=event_id,
            external_id=tracker.identifier("tracking_code"),
            occurred_at=tracker.moment("updated_at", naive_is_utc=True) or created,
        )

    def read_tracking(self, request: InboundRequest) -> TrackingUpdate:
        """Where the parcel is. A status word that is new to us is refused, so that it is parked and seen."""
        event = parse_object(request.body)
        tracker = event.child("result")
        status = _STATUS.get(tracker.text("status"))
        if status is None:
            raise tracker.refuse("status", "a tracker must have a status that is known")
        scans = _scans(tracker)
        status_at = max((scan.occurred_at for scan in scans if scan.status is status), default=None)
        status_at = status_at or tracker.moment("updated_at", naive_is_utc=True)
        if status_at is None:
            raise tracker.refuse("updated_at", "a tracker must have a time")
        return TrackingUpdate(
            source=self.source,
            account=request.account,
            event_id=event.identifier("id"),
            carrier=tracker.text("carrier"),
            tracking_number=tracker.identifier("tracking_code"),
            status=status,
            status_at=status_at,
            estimated_delivery_at=tracker.moment("est_delivery_date", naive_is_utc=True),
            scans=scans,
        )


def _sign(secret: str, body: bytes) -> bytes:
    return signatures.hmac_sha256(unicodedata.normalize("NFKD", secret), body).hex().encode()


def _scans(tracker: Fields) -> tuple[TrackingScan, ...]:
    """The scans in order of time; a scan that carries no time is no fact and is left out."""
    found = []
    for detail in tracker.children("tracking_details"):
        occurred_at = detail.moment("datetime", naive_is_utc=True)
        if occurred_at is None:
            continue
        place = detail.child("tracking_location")
        country = place.text("country").upper()
        found.append(
            TrackingScan(
                status=_STATUS.get(detail.text("status"), ParcelStatus.UNKNOWN),
                occurred_at=occurred_at,
                detail=detail.word("status_detail"),
                city=place.text("city"),
                country=country if _COUNTRY.fullmatch(country) else "",
            )
        )
    return tuple(sorted(found, key=lambda scan: scan.occurred_at))
