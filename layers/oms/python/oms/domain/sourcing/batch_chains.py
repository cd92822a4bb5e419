"""A plan for a batch made better: an order takes a better way, whom it displaces moves on, and so on.

A chain is kept when it lowers the sum of all costs, else undone. At each step the holders of what is short are asked
what moving on would cost them, by what is left and by prices, and the cheapest of them are tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from oms.domain.sourcing.batch_market import Market
    from oms.domain.sourcing.batch_ways import Way

TRIED: Final = (5, 3, 2, 2, 1, 1)
"""Moves that are tried at each step of a chain, after the first."""
STARTS: Final = 8
"""Ways to begin a chain that are tried for a job."""
STARTS_WITHOUT: Final = 50
"""The same for a job that has no way."""
LOOKS: Final = 150
"""Holders that are asked for one way, about."""
PASSES: Final = 6
Before = dict[int, "Way | None"]
"""Who moved, with the way before."""


def improve(market: Market) -> Iterator[Before]:
    """Chains from every job, again where something has changed for it, until none is found; each when it is done."""
    clock = 1
    changed = dict.fromkeys([sku for job in market.jobs for sku in job.skus], 1)
    tried = [0] * len(market.jobs)
    for _ in range(PASSES):
        before = clock
        for number, job in enumerate(market.jobs):
            if max([changed[sku] for sku in job.skus]) <= tried[number]:
                continue
            moved = _chain(market, number)
            clock += 1
            tried[number] = clock
            if moved:
                clock += 1
                changed.update([(sku, clock) for each in moved for sku in market.jobs[each].skus])
                yield moved
        if max(changed.values(), default=0) <= before:
            break


def _chain(market: Market, number: int) -> Before:
    """Who moved, by a chain that begins with this job; nobody when none was found."""
    if market.way[number] is not None:
        return _begun(market, number, STARTS)
    market.seek(number, hard=True)
    moved = _begun(market, number, STARTS_WITHOUT)
    if not moved:
        market.widen(number)
        moved = _begun(market, number, STARTS_WITHOUT)
    return moved


def _begun(market: Market, number: int, most: int) -> Before:
    """Who moved, by the first chain that pays of those with so many beginnings."""
    base = market.cost[number]
    was = market.release(number)
    better = [way for way in market.ways[number] if way[0] < base]
    starts = sorted([(_short(market, way), place) for place, way in enumerate(better)])
    for way in [better[place] for _, place in starts[:most]]:
        end = market.asked + LOOKS
        moved: Before = {number: was}
        market.place(number, way)
        if _close(market, moved, _overdrawn(market, way), way[0] - base, end):
            return moved
        market.release(number)
    if was is not None:
        market.place(number, was)
    return {}


def _close(market: Market, moved: Before, over: Sequence[int], change: int, end: int) -> bool:
    """Whether others could move so that nothing is overdrawn and the sum falls; undone when not."""
    over = [resource for resource in over if market.left[resource] < 0]
    if not over:
        return change < 0
    depth = len(moved)
    if depth > len(TRIED) or market.asked >= end:
        return False
    for _, number, _, way in _moves(market, moved, over[-1], change)[: TRIED[depth - 1]]:
        was = market.release(number)
        if was is not None:
            moved[number] = was
            market.place(number, way)
            if _close(market, moved, [*over, *_overdrawn(market, way)], change + way[0] - was[0], end):
                return True
            market.release(number)
            market.place(number, was)
            del moved[number]
    return False


def _moves(market: Market, moved: Before, resource: int, change: int) -> list[tuple[int, int, int, Way]]:
    """(cost, job, place, way) by which holders of a resource could move on and leave a gain; cheapest first."""
    price, never = market.price, market.never
    stock = [each for number in moved for each, _ in (market.way[number] or (0, (), ()))[1] if each < market.units_at]
    for each in stock:
        price[each] += never
    found = []
    for number in market.holders[resource]:
        if number in moved:
            continue
        cost = market.cost[number]
        value, guess, free = _look(market, number, cost - change)
        if free is not None:
            found.append((free[0] - cost, number, 0, free))
        if guess is not None and guess is not free and len(moved) < len(TRIED):
            found.append((value - cost, number, 1, guess))
    for each in stock:
        price[each] -= never
    found.sort()
    return found


def _look(market: Market, number: int, below: int) -> tuple[int, Way | None, Way | None]:
    """(its cost, the best way where what is short has its price, the best for which there is enough), under a cost.

    What the job has counts as left.
    """
    market.asked += 1
    left, price, own = market.left, market.price, market.way[number]
    for resource, units in own[1] if own is not None else ():
        left[resource] += units
    guess = free = None
    least = below
    for way in market.ways[number]:
        value = way[0]
        if value >= below:
            break
        enough = True
        for resource, units in way[1]:
            if left[resource] < units:
                value += units * price[resource]
                enough = False
        if value < least or (enough and value == least):
            least, guess = value, way
        if enough:
            free = way
            break
    for resource, units in own[1] if own is not None else ():
        left[resource] -= units
    return least, guess, free


def _short(market: Market, way: Way) -> int:
    """What a way costs, where what is short has its price."""
    left, price = market.left, market.price
    return way[0] + sum([units * price[resource] for resource, units in way[1] if left[resource] < units])


def _overdrawn(market: Market, way: Way) -> list[int]:
    return [resource for resource, _ in way[1] if market.left[resource] < 0]
