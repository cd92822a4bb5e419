"""Available to promise over time: how much may be promised for delivery at a time to come.

The cumulative rule with look-ahead (APICS Dictionary, "cumulative available-to-promise"): what is there and what comes
up to a time, less what is owed up to it, is carried on; then each time is lowered to the least of all later ones, so
that a promise for today never takes what is owed tomorrow.

    cumulative(t) = promisable now + Σ lots due ≤ t - Σ commitments due ≤ t
    atp(t) = max(0, min over u ≥ t of cumulative(u))

atp never falls over time. The two steps are described in https://docs.infor.com/ln/10.3.in/en-us/lnolh/help/cp/onlinemanual/000332.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.frozen import frozen
from oms.domain.supply import LotStatus

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from oms.domain.stock import StockDelta
    from oms.domain.supply import Lot


@frozen
class Commitment:
    """Units promised for a time and not bound to stock: what is reserved has left `available` already."""

    quantity: int
    due: datetime


@frozen
class Horizon:
    """From `start`, which is now, up to `end`."""

    start: datetime
    end: datetime


@frozen
class Promisable:
    """From `at` on, until the next entry, `quantity` may be promised."""

    at: datetime
    quantity: int


def atp(
    position: StockDelta, inbound: Iterable[Lot], commitments: Iterable[Commitment], horizon: Horizon
) -> tuple[Promisable, ...]:
    """What may be promised, from the horizon's start on; an entry for each time at which it rises.

    `inbound` and `commitments` are of the position, or of all positions that were summed into it. A lot that is overdue
    does not count, until somebody says when it comes; a commitment that is overdue is owed at once.
    """
    changes: dict[datetime, int] = {horizon.start: position.promisable}
    for lot in inbound:
        if lot.status is LotStatus.EXPECTED and horizon.start <= lot.due <= horizon.end:
            changes[lot.due] = changes.get(lot.due, 0) + lot.quantity
    for owed in commitments:
        due = max(owed.due, horizon.start)
        if due <= horizon.end:
            changes[due] = changes.get(due, 0) - owed.quantity
    cumulative: list[tuple[datetime, int]] = []
    level = 0
    for at in sorted(changes):
        level += changes[at]
        cumulative.append((at, level))
    least = level
    found: list[Promisable] = []
    for at, level in reversed(cumulative):
        least = min(least, level)
        found.append(Promisable(at=at, quantity=max(0, least)))
    found.reverse()
    return tuple(each for index, each in enumerate(found) if index == 0 or each.quantity > found[index - 1].quantity)
