"""When a parcel leaves a node, and when it is with the customer."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from oms.domain.sourcing.request import Calendar

FURTHEST_DAYS: Final = 400
"""A node that hands nothing over within these days hands nothing over."""


def leaves(at: datetime, calendar: Calendar | None, handling_days: int) -> datetime | None:
    """When a parcel decided on at `at` leaves, None when the node stays closed; in the calendar's time zone.

    Without a calendar: `handling_days` later. With one: the working day that counts is the day of `at` when it is a
    working day and `at` is not after its cut-off, else the next one; the parcel leaves at the cut-off of the working
    day that is `handling_days` working days after it.
    """
    if calendar is None:
        return at.astimezone(UTC) + timedelta(days=handling_days)
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(calendar.time_zone)
    cut_off = time.fromisoformat(calendar.cut_off)
    here = at.astimezone(zone)
    day = here.date()
    if here.time() > cut_off:
        day += timedelta(days=1)
    left = handling_days
    for _ in range(FURTHEST_DAYS + handling_days * 7):
        if day.weekday() in calendar.workdays and day.isoformat() not in calendar.holidays:
            if not left:
                return datetime.combine(day, cut_off, zone)
            left -= 1
        day += timedelta(days=1)
    return None


def arrives(leaving: datetime, transit_days: int) -> datetime:
    """When it is there: the same time of day, `transit_days` later; in UTC."""
    return (leaving + timedelta(days=transit_days)).astimezone(UTC)
