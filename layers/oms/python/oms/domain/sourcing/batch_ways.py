"""The ways in which an order of a batch can have its parts, cheapest first.

A way costs something and needs so much of what orders share. With prices on that, the best way of an order is found by
going through its list until the ways without prices cost more than the best with them: a few of some dozen.
"""

from __future__ import annotations

from heapq import nsmallest
from itertools import islice
from typing import TYPE_CHECKING, Final

from oms.domain.sourcing.batch_jobs import EXACT, partitions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from oms.domain.sourcing.batch_jobs import Job

KEPT: Final = 48
"""Ways of an order, at most."""
LOOKED_AT: Final = 4_000
"""Ways of an order that are looked at for that, at most."""
Needs = tuple[tuple[int, int], ...]
"""(resource, units); each resource once."""
Way = tuple[int, Needs, tuple[int, ...]]
"""(cost, needs, the node of each part)."""


def listed(job: Job) -> bool:
    """Few enough parts for all partitions into parcels to be gone through."""
    return len(job.rows) <= EXACT or job.tables is not None


def cheapest(job: Job, never: int) -> list[tuple[int, tuple[int, ...]]]:
    """(cost, nodes) of the cheapest ways, without what is shared."""
    parcels = _parcels(job, never)
    found: list[tuple[int, tuple[int, ...], tuple[int, ...]]] = []
    limit, left = never, LOOKED_AT
    for parts in partitions(len(job.rows), job.most):
        options = [parcels[part] for part in parts]
        if not all(options):
            continue
        more = [(cost, parts, nodes) for cost, nodes in islice(_filled(options, limit), left)]
        if more:
            found += more
            left -= len(more)
            if len(found) > KEPT:
                found = nsmallest(KEPT, found)
                limit = found[-1][0]
    return [(cost - job.first, _at(len(job.rows), parts, nodes)) for cost, parts, nodes in sorted(found)]


def _at(lines: int, parts: Sequence[int], nodes: Sequence[int]) -> tuple[int, ...]:
    """The node of each line."""
    if len(nodes) == 1:
        return (nodes[0],) * lines
    at = [0] * lines
    for part, node in zip(parts, nodes, strict=True):
        for line in range(lines):
            if part >> line & 1:
                at[line] = node
    return tuple(at)


def _parcels(job: Job, never: int) -> list[list[tuple[int, int]]]:
    """By subset of parts: (cost, node) of it as one parcel, cheapest first."""
    whole = [{node: cost for node, cost in enumerate(job.fixed) if cost < never}]
    for row in job.rows:
        whole += [{node: cost + row[node] for node, cost in parcel.items() if row[node] < never} for parcel in whole]
    if job.tables is not None:
        whole = [
            {node: cost + more[node] for node, cost in parcel.items() if more[node] < never}
            for parcel, more in zip(whole, job.tables, strict=True)
        ]
    return [sorted([(cost, node) for node, cost in parcel.items()]) for parcel in whole]


def _filled(options: Sequence[Sequence[tuple[int, int]]], limit: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """(cost, nodes): parcels each from its own node, for no more than `limit` in all."""
    if len(options) == 1:
        for cost, node in options[0]:
            if cost > limit:
                return
            yield cost, (node,)
        return
    others = options[1:]
    least = sum([parcel[0][0] for parcel in others])
    for cost, node in options[0]:
        if cost + least > limit:
            return
        for more, nodes in _filled(others, limit - cost):
            if node not in nodes:
                yield cost + more, (node, *nodes)
