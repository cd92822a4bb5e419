"""Lots: units of a SKU at a node that were made together and are best before the same day.

Who binds units of a position that knows lots draws them from the lot that is best before the earliest day (first
expired, first out; those without a day last). What a lot is best before stands in its name, so that it needs no master
data and no second read. From that day on, in UTC, nothing more of a lot is promised: its units stay on the book, as
available ones that nobody is offered, until somebody writes them off.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final

from oms.domain.errors import InvalidInputError
from oms.domain.segments import LOT

if TYPE_CHECKING:
    from datetime import datetime

NEVER: Final = date(9999, 12, 31)
"""Where a lot has no such day: it sorts behind all that have."""
_NUMBER: Final = re.compile(r"[A-Za-z0-9._/-]{1,60}", re.ASCII)


def lot_segment(number: str, best_before: date | None) -> str:
    """The segment of a lot; raises InvalidInputError for what is no number of one."""
    if not _NUMBER.fullmatch(number):
        raise InvalidInputError("a lot's number is 1 to 60 letters, digits, and . _ / -", lot=number[:60])
    return f"{LOT}{(best_before or NEVER).isoformat()}:{number}"


def day(told: str | None) -> date | None:
    """A day as it is written, YYYY-MM-DD; raises InvalidInputError."""
    try:
        return date.fromisoformat(told) if told else None
    except ValueError:
        raise InvalidInputError("not a day", value=told) from None


def lot_of(segment: str) -> tuple[str, date | None]:
    """A lot's number, and what it is best before."""
    told, _, number = segment.removeprefix(LOT).partition(":")
    day = date.fromisoformat(told)
    return number, None if day == NEVER else day


def is_over(segment: str, today: date) -> bool:
    """Nothing more of it is promised."""
    _, best_before = lot_of(segment)
    return best_before is not None and best_before <= today


def first_expired(segments: list[str], now: datetime) -> list[str]:
    """Lots that may be promised, in the order in which they are drawn from."""
    today = now.date()
    return sorted(each for each in segments if not is_over(each, today))
