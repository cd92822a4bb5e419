"""The canonical words for where a parcel is, and for a provider's payment events."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingScan:
    """One scan: what happened when (UTC), and roughly where (no street)."""

    status: ParcelStatus
    occurred_at: datetime
    detail: str = ""
    city: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
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
