"""Which accounts are told what, as the policy `outbound` says it, remembered for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from oms.domain.channel_dues import POLICY, read_accounts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from oms.application.ports import Clock, Reference
    from oms.domain.channel_dues import Account

KEEP: Final = timedelta(seconds=60)
"""A change of who is told takes effect within it."""


class OutboundAccounts:
    """One read a minute at most: it is asked for with every batch of commits."""

    def __init__(self, reference: Reference, now: Clock) -> None:
        self._reference = reference
        self._now = now
        self._read_at: datetime | None = None
        self._known: Mapping[tuple[str, str], Account] = {}

    def __call__(self) -> Mapping[tuple[str, str], Account]:
        """By source and account."""
        now = self._now()
        if self._read_at is None or not timedelta() <= now - self._read_at < KEEP:
            self._known = read_accounts(self._reference.policy(POLICY))
            self._read_at = now
        return self._known
