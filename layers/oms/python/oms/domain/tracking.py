"""The canonical words for where a parcel is, and for a provider's payment events."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - the codec resolves these annotations at run time
from enum import StrEnum
from typing import Final

from oms.domain.frozen import frozen


class ParcelStatus(StrEnum):
    """Where a parcel is; carriers' codes are mapped onto these."""

    UNKNOWN = "unknown"
    PRE_TRANSIT = "pre_transit"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    DELIVERED = "delivered"
    EXCEPTION = "exception"
    RETURN_TO_SENDER = "return_to_sender"
    CANCELLED = "cancelled"


DECISIVE: Final = frozenset(
    {
        ParcelStatus.AVAILABLE_FOR_PICKUP,
        ParcelStatus.DELIVERED,
        ParcelStatus.EXCEPTION,
        ParcelStatus.RETURN_TO_SENDER,
        ParcelStatus.CANCELLED,
    }
)
"""Statuses on which somebody may have to act: a commit says so. The others tell where a parcel is on its way, and are
kept as facts, which need no decision and so no reading of the order."""


@frozen
class TrackingScan:
    """One scan: what happened when (UTC), and roughly where (no street)."""

    status: ParcelStatus
    occurred_at: datetime
    detail: str = ""
    city: str = ""
    country: str = ""


@frozen
class TrackingUpdate:
    """A carrier's word on one parcel: its present status and the scans known so far.

    `event_id` is stable over redeliveries. `status_at` is the time of the scan that set `status`.
    """

    source: str
    account: str
    event_id: str
    carrier: str
    tracking_number: str
    status: ParcelStatus
    status_at: datetime
    estimated_delivery_at: datetime | None = None
    scans: tuple[TrackingScan, ...] = ()
