"""A first plan for a batch, and prices: orders bid against each other for what they share (Bertsekas 1988).

An order without nodes takes the ones that are cheapest for it with prices. Where those are taken it outbids whoever bid
least: by what the second best would cost it more, and a little. The least bid that holds is the price.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from oms.domain.sourcing.batch_jobs import choose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.domain.sourcing.batch_jobs import Row
    from oms.domain.sourcing.batch_market import Market, Needs

STEP: Final = 1000
"""A bid rises by the mean cost of an order over this, at least."""
BIDS: Final = 6
"""For each order, at most."""


def auction(market: Market, quits: int) -> None:
    """Place jobs; who would pay `quits` more than it costs alone gets nothing here."""
    jobs = market.jobs
    if not jobs:
        return
    step = max(1, sum([job.alone for job in jobs]) // len(jobs) // STEP)
    waiting = deque(range(len(jobs)))
    for _ in range(BIDS * len(jobs)):
        if not waiting:
            break
        number = waiting.popleft()
        job = jobs[number]
        fixed, rows = market.priced(number)
        value, nodes = choose(fixed, rows, job.tables, job.most)
        if value - job.first - job.alone > quits:
            continue
        needs = market.needed(number, nodes)
        bids = _bids(market, number, value, needs, (fixed, rows), (step, quits))
        outbid = _outbid(market, needs)
        if outbid is None:
            continue
        for each in outbid:
            if market.at[each] is not None:
                market.release(each)
                waiting.append(each)
        market.place(number, nodes)
        for resource, bid in bids.items():
            holders = market.holders[resource]
            holders[number] = bid
            if market.left[resource] <= 0:
                market.price[resource] = max(market.price[resource], min(holders.values()))


def _bids(
    market: Market, number: int, value: int, needs: Needs, priced: tuple[Row, Sequence[Row]], limits: tuple[int, int]
) -> Needs:
    """What the job is ready to pay for a unit of each: for stock that gets short, what going without it costs."""
    job = market.jobs[number]
    fixed, rows = priced
    step, quits = limits
    bids = {}
    for resource, units in needs.items():
        bid = market.price[resource]
        if market.left[resource] < units:
            bid += step
        if resource < market.units_at and market.left[resource] <= units:
            sku, node = divmod(resource, market.nodes)
            without = [
                [*row[:node], market.never, *row[node + 1 :]] if each == sku else row
                for row, each in zip(rows, job.skus, strict=True)
            ]
            bid += (min(choose(fixed, without, job.tables, job.most)[0] - value, quits)) // units
        bids[resource] = bid
    return bids


def _outbid(market: Market, needs: Needs) -> list[int] | None:
    """Who has to give way, the least bids first; None when even that is not enough."""
    given: dict[int, None] = {}
    for resource, units in needs.items():
        room = market.left[resource] + sum([market.needs[each].get(resource, 0) for each in given])
        if room >= units:
            continue
        holders = market.holders[resource]
        for each in sorted(holders, key=lambda each: (holders[each], each)):
            if each not in given:
                given[each] = None
                room += market.needs[each][resource]
                if room >= units:
                    break
        if room < units:
            return None
    return list(given)
