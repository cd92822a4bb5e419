"""When units that are short can be with the customer, from supply that is expected: first come, first served.

    from when on there are enough = the first time at which atp ≥ what the line wants,
        over what is left now, what is expected by then, and less what others wait for who came first
    with the customer = the latest arrival, at that time, from the nodes that expect supply by then

Of all nodes that may ship the line together: which of them will is decided when the units are there. Of a kit, each of
its components by itself.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from oms.domain.atp import Commitment, Horizon, atp
from oms.domain.kits import parts_of
from oms.domain.sourcing.terms import sites
from oms.domain.stock import StockDelta

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oms.domain.order.events import LineUnits, NodeUnits
    from oms.domain.sourcing.request import Candidate, SourcingRequest, WantedLine
    from oms.domain.supply import Lot

FURTHEST: Final = timedelta(days=400)
NOW: Final = datetime.min.replace(tzinfo=UTC)
LATE: Final = timedelta(days=1)
"""A lot that is not received so long after it was due is not counted on, until somebody says when it comes."""


def expected_dates(
    request: SourcingRequest,
    bound: Iterable[NodeUnits],
    short: Sequence[LineUnits],
    lots: Mapping[str, Sequence[Lot]],
    owed: Mapping[str, int | None],
) -> dict[str, datetime]:
    """By line of `short`, of those for which supply is expected.

    `bound` is what is bound now of the same request. `owed` are the units by SKU that others wait for who came first,
    None when there are too many of them to say. A kit comes when the last of its components does.
    """
    lines = {line.line_id: line for line in request.lines}
    taken: dict[tuple[str, str], int] = {}
    for units in bound:
        for sku, count in units.parts:
            taken[sku, units.node_id] = taken.get((sku, units.node_id), 0) + count
    wanted: dict[str, int] = {}
    found = {}
    for part in short:
        line = lines[part.line_id]
        able = {node.node_id: node for node in request.candidates if _may(node, line)}
        arrivals = []
        for sku, count in parts_of(line.sku, line.components, part.quantity):
            wanted[sku] = wanted.get(sku, 0) + count
            left = sum(max(0, node.available.get(sku, 0) - taken.get((sku, at), 0)) for at, node in able.items())
            coming = [lot for lot in lots.get(sku, ()) if lot.node_id in able]
            at = _enough(left, coming, owed.get(sku), wanted[sku], request.at)
            if at != NOW:
                arrivals.append(at and _arrives(request, [able[lot.node_id] for lot in coming if lot.due <= at], at))
        known = [each for each in arrivals if each]
        if known and len(known) == len(arrivals):
            found[part.line_id] = max(known)
    return found


def _may(node: Candidate, line: WantedLine) -> bool:
    return not node.excluded and set(line.needs) <= set(node.capabilities)


def _enough(left: int, coming: Sequence[Lot], ahead: int | None, wanted: int, now: datetime) -> datetime | None:
    """From when on there are enough; NOW when no supply has to come for it, None when nobody knows."""
    if ahead is None:
        return None
    start = now - LATE
    steps = atp(
        StockDelta(sku="", node_id="", available=left),
        coming,
        [Commitment(quantity=ahead, due=start)],
        Horizon(start=start, end=now + FURTHEST),
    )
    at = next((each.at for each in steps if each.quantity >= wanted), None)
    return NOW if at == start else at


def _arrives(request: SourcingRequest, nodes: Iterable[Candidate], at: datetime) -> datetime | None:
    """The latest arrival from these nodes of what is decided on at `at`, whatever their capacity is today."""
    then = tuple({node.node_id: replace(node, orders_left=None, units_left=None) for node in nodes}.values())
    return max((site.arrives for site in sites(replace(request, at=at, candidates=then))[0]), default=None)
