"""Stock as somebody may plan on it: with the pools that are for them, and without lots that are over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.offers import Offer, has_pools
from oms.domain.pools import POLICY, read_pools

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from oms.application.ports import Reference
    from oms.domain.stock import StockDelta


def offered(rows: Sequence[StockDelta], reference: Reference, channel: str, account: str, now: datetime) -> Offer:
    """What an account of a channel may take. The rules of pools are read only where there are pools."""
    if not has_pools(rows):
        return Offer(rows, now)
    return Offer(rows, now, read_pools(reference.policy(POLICY)).access(channel, account, now))
