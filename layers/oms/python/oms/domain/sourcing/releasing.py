"""When units that are bound are released to their warehouses: at once, unless the order's rule has it wait.

    release = min(decided + what the rule allows, over the plan's nodes: last − 15 minutes)
    last    = the cut-off that counts; without a calendar, decided + what the promise leaves beside the node's arrival

So nothing that waits is a day later than it would be at once. A node without a calendar counts its days from the
decision by the clock: what such a node is the last to deliver is released at once.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

from oms.domain.sourcing.dates import leaves
from oms.domain.sourcing.terms import sites

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from oms.domain.sourcing.request import SourcingRequest
    from oms.domain.sourcing.rules import Rule
    from oms.domain.sourcing.terms import Site

MARGIN: Final = timedelta(minutes=15)
"""Before the last instant that keeps the promise: whoever releases looks each minute, and may have to try again."""


def release_time(
    request: SourcingRequest, nodes: Collection[str], promised_by: datetime, rule: Rule
) -> datetime | None:
    """Until when the release of units decided on at `request.at` waits; None when it does not."""
    if not rule.release_minutes:
        return None
    until = min(request.at + timedelta(minutes=rule.release_minutes), last_release(request, nodes, promised_by))
    return until if until > request.at else None


def last_release(request: SourcingRequest, nodes: Collection[str], promised_by: datetime) -> datetime:
    """The last instant at which all these nodes can be told, and the promise is kept; it may have passed."""
    known = {site.node.node_id: site for site in sites(request)[0]}
    return min(_last(known[node], request.at, promised_by) for node in nodes) - MARGIN


def _last(site: Site, at: datetime, promised_by: datetime) -> datetime:
    cut_off = leaves(at, site.node.calendar, 0) if site.node.calendar else None
    return cut_off.astimezone(UTC) if cut_off else at + (promised_by - site.arrives)
