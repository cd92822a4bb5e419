"""A plan for a batch made better: an order takes better nodes, whom it displaces moves on, and so on.

A chain is kept when it lowers the sum of all costs, else undone. It starts where prices say that there is something to
gain, and follows the move that costs least by them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oms.domain.sourcing.batch_market import Market

DEPTH: Final = 6
"""Moves in a chain, after the first."""
WIDTH: Final = 16
"""Holders of a resource that are looked at."""
PASSES: Final = 12
STARTS: Final = 3
"""Ways to begin a chain that are tried for a job."""
STARTS_WITHOUT: Final = 20
"""The same for a job that has no nodes."""


@frozen(kw_only=False)
class _Move:
    change: int
    number: int
    nodes: tuple[int, ...]


Before = dict[int, "tuple[int, ...] | None"]
"""Who moved in a chain, with the nodes before."""


def improve(market: Market) -> Iterator[Before]:
    """Chains from every job, again where something has changed for it, until none is found; each when it is done."""
    for resource, left in enumerate(market.left):
        if left > 0:
            market.price[resource] = 0
    clock = 1
    changed = dict.fromkeys([sku for job in market.jobs for sku in job.skus], 1)
    tried = [0] * len(market.jobs)
    for _ in range(PASSES):
        before = clock
        for number, job in enumerate(market.jobs):
            if max([changed[sku] for sku in job.skus]) <= tried[number]:
                continue
            moved = _chains(market, number)
            clock += 1
            tried[number] = clock
            if moved:
                clock += 1
                changed.update([(sku, clock) for each in moved for sku in market.jobs[each].skus])
                yield moved
        if max(changed.values(), default=0) <= before:
            break


def _chains(market: Market, number: int) -> Before:
    """Who moved, by a chain that begins with this job; none when no way was found to begin."""
    blocked: set[int] = set()
    for _ in range(STARTS if market.at[number] is not None else STARTS_WITHOUT):
        moved = _chain(market, number, blocked)
        if moved is not None:
            return moved
    return {}


def _chain(market: Market, number: int, avoided: set[int]) -> Before | None:
    """Who moved; nobody when this job has nothing to gain. None when it had, and what was in the way is `avoided`."""
    before, was = market.cost[number], market.at[number]
    if was is not None:
        market.release(number)
    value, nodes = market.best(number, avoided, hard=False)
    if value >= before:
        if was is not None:
            market.place(number, was)
        return {}
    done: Before = {number: was}
    market.place(number, nodes)
    blocked = market.stock_of(number)
    change = market.cost[number] - before
    short = first = market.overdrawn(number)
    while short and len(done) <= DEPTH:
        if market.left[short[-1]] >= 0:
            short = short[:-1]
            continue
        move = _displaced(market, short[-1], done, blocked)
        if move is None or change + move.change >= 0:
            break
        done[move.number] = market.at[move.number]
        change -= market.cost[move.number]
        market.release(move.number)
        market.place(move.number, move.nodes)
        change += market.cost[move.number]
        blocked |= market.stock_of(move.number)
        short = short + market.overdrawn(move.number)
    if change < 0 and all(market.left[resource] >= 0 for resource in short):
        return done
    _undo(market, done)
    avoided.update(first[-1:])
    return None if first else {}


def _undo(market: Market, done: Before) -> None:
    for each in done:
        market.release(each)
    for each, nodes in done.items():
        if nodes is not None:
            market.place(each, nodes)


def _displaced(market: Market, resource: int, done: Before, blocked: set[int]) -> _Move | None:
    """The holder that is cheapest to send elsewhere, by what is left or, for the next in the chain, by prices."""
    best: tuple[int, int, int, tuple[int, ...]] | None = None
    last = len(done) >= DEPTH
    for each in [each for each in market.holders[resource] if each not in done][:WIDTH]:
        before, was = market.cost[each], market.at[each]
        market.release(each)
        free, nodes = market.best(each, blocked, hard=True)
        options = [(free - before, 0, each, nodes)] if free < market.never else []
        if not last:
            guess, others = market.best(each, blocked, hard=False)
            if guess < min(free, market.never):
                options.append((guess - before, 1, each, others))
        if was is not None:
            market.place(each, was)
        best = min([option for option in (best, *options) if option is not None], default=None)
    return None if best is None else _Move(best[0], best[2], best[3])
