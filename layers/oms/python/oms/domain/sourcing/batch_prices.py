"""Prices for what orders of a batch share, and a first plan by them.

Prices are those of the Lagrangian dual, by a subgradient: in each round every order takes its best way with prices,
one after the other, what it takes gets dearer at once, and at the end of the round all gets cheaper by as much as there
is of it. Steps get smaller by a fixed share. So nothing is proved about them: they say where to look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.domain.sourcing.batch_market import Market
    from oms.domain.sourcing.batch_ways import Needs, Way

ROUNDS: Final = 30
FIRST: Final = 12
"""The first step, for a unit too many: the mean cost of an order over this."""
KEPT: Final = (92, 100)
"""Of a step, in the next round."""
SEEKING: Final = 10
"""Rounds from one search for ways that are not listed to the next."""


def find_prices(market: Market) -> None:
    """Set the prices of a market in which nobody has anything yet."""
    price, most = market.price, list(market.left)
    step = max(1, sum([job.alone for job in market.jobs]) // max(1, len(market.jobs)) // FIRST)
    met: list[int] = []
    for turn in range(ROUNDS):
        if not turn % SEEKING:
            for number in sorted(market.unlisted):
                market.seek(number, hard=False)
            met = sorted({resource for ways in market.ways for way in ways for resource, _ in way[1]})
        for ways in market.ways:
            for resource, units in _taken(ways, price):
                price[resource] += units * step
        for resource in met:
            price[resource] = max(0, price[resource] - most[resource] * step)
        step = step * KEPT[0] // KEPT[1]
    market.asked += ROUNDS * len(market.jobs)


def _taken(ways: Sequence[Way], price: Sequence[int]) -> Needs:
    """What the best way with these prices needs."""
    best: Needs = ()
    least: int | None = None
    for way in ways:
        value, needs, _ = way
        if least is not None and value >= least:
            break
        for resource, units in needs:
            value += units * price[resource]
        if least is None or value < least:
            least, best = value, needs
    return best


def begin(market: Market) -> None:
    """Orders take their best way with prices that is left, those first that lose most by not getting their best."""
    turns = []
    for number, ways in enumerate(market.ways):
        values = sorted([market.priced(way) for way in ways])[:2]
        turns.append((values[0] - values[-1] if len(values) > 1 else -market.never, number))
    for _, number in sorted(turns):
        fitting = [way for way in market.ways[number] if market.fits(way)]
        if fitting:
            market.place(number, min(fitting, key=market.priced))
