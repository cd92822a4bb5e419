"""Input that could not be processed, kept with its reason so that it can be shown, fixed and replayed."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@frozen
class Parked:
    """One quarantined input. `message` is the queue message as it came (body included): personal data."""

    parked_id: str
    source: str
    account: str
    topic: str
    code: str
    reason: str
    parked_at: datetime
    message: Mapping[str, Any]
    detail: Mapping[str, Any] = field(default_factory=dict)
    """The typed error's context: amounts, ids, never a person."""
    waits_for: str = ""
    """What must exist first, when that is the reason: an order (its id), a parcel (`tracking#<number>`), the order of a
    payment (`payment#<reference>`). Replayed by the watchdog when it does."""
