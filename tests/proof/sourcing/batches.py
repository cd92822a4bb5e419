"""Many orders over one stock, as a retailer has them at the end of a day; seeded.

Nodes, weights and rates are those of `instances`. SKUs sell as ranks do, the tenth two fifths as often as the first. Of
each there are only so many units as orders ask for and `SPARE` more, half of them in warehouses, and half of the
stores can pack only so much today: what is best for one order is mostly taken by another.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

from oms.domain.canonical import ShipTo
from oms.domain.sourcing.batch import Batch, BatchOrder
from oms.domain.sourcing.request import Calendar, Candidate, NodeCosts, WantedLine
from tests.proof.sourcing.instances import AT, CITIES, EASTERN, PACIFIC, TARIFF

SPARE = 0.2
LINES = (1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5)
QUANTITIES = (*(1,) * 23, 2, 2)


def batch(seed: int, orders: int, nodes: int, skus: int = 0) -> Batch:
    """A batch of this size; three SKUs for ten orders unless told."""
    draw = Random(f"{seed}/{orders}x{nodes}/{skus}")
    grams = [
        min(20_000, max(60, round(draw.lognormvariate(7.7, 0.7)))) for _ in range(skus or max(3, orders * 3 // 10))
    ]
    weights = [1 / (rank + 4) ** 0.8 for rank in range(len(grams))]
    made = [_order(draw, number, grams, weights) for number in range(orders)]
    places = [draw.choice(CITIES) for _ in range(nodes)]
    candidates = tuple(_node(draw, number, place, len(grams)) for number, place in enumerate(places))
    asked: dict[str, int] = {}
    for order in made:
        for line in order.lines:
            asked[line.sku] = asked.get(line.sku, 0) + line.quantity
    return Batch(
        orders=tuple(made), candidates=_stocked(draw, candidates, asked), at=AT, tariff=TARIFF, extra_parcel=150
    )


def _order(draw: Random, number: int, grams: list[int], weights: list[float]) -> BatchOrder:
    wanted = dict.fromkeys(draw.choices(range(len(grams)), weights, k=draw.choice(LINES)))
    latitude, longitude = draw.choice(CITIES)
    return BatchOrder(
        order_id=f"O{number:05}",
        lines=tuple(
            WantedLine(line_id=str(place), sku=f"SKU{sku}", quantity=draw.choice(QUANTITIES), grams=grams[sku])
            for place, sku in enumerate(wanted, start=1)
        ),
        ship_to=ShipTo(
            country="US", latitude=latitude + draw.uniform(-1, 1), longitude=longitude + draw.uniform(-1, 1)
        ),
        promise=AT + timedelta(days=draw.choice((7, 8, 9))) if draw.random() < 0.3 else None,
    )


def _node(draw: Random, number: int, place: tuple[float, float], skus: int) -> Candidate:
    warehouse = number % 8 == 0
    calendar: Calendar = EASTERN if place[1] > -100 else PACIFIC
    return Candidate(
        node_id=f"{'DC' if warehouse else 'ST'}{number:02}",
        country="US",
        latitude=place[0] + draw.uniform(-0.5, 0.5),
        longitude=place[1] + draw.uniform(-0.5, 0.5),
        available={},
        calendar=calendar,
        load=draw.randint(0, 1000),
        costs=NodeCosts(
            per_parcel=draw.randint(60, 110) if warehouse else draw.randint(120, 260),
            per_line=draw.randint(25, 45) if warehouse else draw.randint(60, 140),
            per_unit={} if warehouse else {f"SKU{sku}": draw.choice((0, 40, 80, 150, 300)) for sku in range(skus)},
        ),
    )


def _stocked(draw: Random, nodes: tuple[Candidate, ...], asked: dict[str, int]) -> tuple[Candidate, ...]:
    """With what orders ask for and a little more, here and there."""
    having: list[dict[str, int]] = [{} for _ in nodes]
    weights = [6 if number % 8 == 0 else 1 for number in range(len(nodes))]
    for sku, units in sorted(asked.items()):
        spread = sorted(set(draw.choices(range(len(nodes)), weights, k=8)))
        for _ in range(round(units * (1 + SPARE) + 0.5)):
            place = draw.choices(spread, [weights[each] for each in spread])[0]
            having[place][sku] = having[place].get(sku, 0) + 1
    stocked = []
    for number, (node, available) in enumerate(zip(nodes, having, strict=True)):
        tight = number % 8 != 0 and draw.random() < 0.5
        held = sum(available.values())
        stocked.append(
            replace(
                node,
                available=available,
                units_left=max(1, held * 11 // 20) if tight else None,
                orders_left=max(1, held * 9 // 20) if tight and draw.random() < 0.5 else None,
            )
        )
    return tuple(stocked)
