"""How a channel lists its orders: what is asked, how pages follow, and what an entry says.

An entry is read for two ends. Whoever looks for orders that were never delivered needs its identity and its time of
last change (`listed`); whoever compares a day needs its money (`told`), which may be unreadable without harm to the
first. Personal data in an entry is not read.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from oms.channels.base import FetchRequest
    from oms.channels.payload import Fields

LISTING: Final = "listing"
"""Name of the requests that list orders; those of a second list begin with it."""


class By(StrEnum):
    """The time that a list is limited by."""

    UPDATED = "updated"
    PLACED = "placed"


@frozen
class Span:
    """From `since` to `until`, whole seconds, aware UTC. A list may give the moments at both ends, or more."""

    since: datetime
    until: datetime


@frozen
class Listed:
    """An order as a list names it; its times are those that its snapshot will have as `placed_at` and `revision`."""

    external_id: str
    placed_at: datetime
    updated_at: datetime


@frozen
class Told:
    """The money of an entry, in minor units of `currency`; None where the list does not say."""

    currency: str
    total: int | None
    cancelled: bool
    refunded: int | None


class Lister(Protocol):
    """One channel's lists. Raises the InvalidInputError family for what cannot be read, never anything else."""

    longest: timedelta
    """Of the span of one list: what was read to its end need not be read again after a refusal."""

    def requests(self, by: By, span: Span) -> Sequence[FetchRequest]:
        """The first page of each list that together hold every order of the span."""

    def next_page(self, request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
        """The request for the next page, or None at the end."""

    def entries(self, document: Mapping[str, Any]) -> Sequence[Fields]:
        """What a page holds."""

    def listed(self, entry: Fields) -> Listed | None:
        """The order; None for what is no order yet, and is not delivered as one either."""

    def told(self, entry: Fields) -> Told:
        """Its money."""


def instant(at: datetime) -> str:
    """ISO 8601 with a Z, whole seconds."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
