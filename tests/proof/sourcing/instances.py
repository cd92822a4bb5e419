"""Requests as a retailer with warehouses and stores in the United States has them; seeded.

One node in eight is a warehouse: it has most SKUs, picks cheaply, and gives units away at no cost. Stores have a third
of the SKUs in small numbers, pick dearly, and lose a markdown or a sale with each unit. Units weigh two kilograms in
the middle, as household goods do. Rates are near those of ground parcels of 2025: five to seven dollars for a parcel,
and up to 1.6 for each kilogram.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from random import Random

from oms.domain.canonical import ShipTo
from oms.domain.sourcing.request import Calendar, Candidate, NodeCosts, SourcingRequest, WantedLine, Zone

AT = datetime(2026, 3, 3, 15, 30, tzinfo=UTC)
TARIFF = (
    Zone(name="2", up_to_km=250.0, transit_days=1, base=495, per_kg=((0, 38),)),
    Zone(name="4", up_to_km=1000.0, transit_days=2, base=560, per_kg=((0, 62),)),
    Zone(name="6", up_to_km=2300.0, transit_days=4, base=640, per_kg=((0, 105),)),
    Zone(name="8", up_to_km=20_038.0, transit_days=5, base=730, per_kg=((0, 158),)),
)
CITIES = (
    (40.7, -74.0), (34.1, -118.2), (41.9, -87.6), (29.8, -95.4), (33.4, -112.1), (40.0, -75.2), (29.4, -98.5),
    (32.7, -117.2), (32.8, -96.8), (37.3, -121.9), (30.3, -97.7), (30.3, -81.7), (40.0, -83.0), (39.8, -86.2),
    (35.2, -80.8), (47.6, -122.3), (39.7, -105.0), (38.9, -77.0), (42.4, -71.1), (36.2, -86.8), (42.3, -83.0),
    (45.5, -122.7), (36.2, -115.1), (35.1, -90.0), (38.3, -85.8), (39.3, -76.6), (43.0, -87.9), (35.1, -106.6),
    (32.2, -110.9), (33.7, -84.4), (39.1, -94.6), (25.8, -80.2), (44.9, -93.2), (41.3, -96.0), (27.9, -82.5),
    (36.0, -78.6), (29.9, -90.1), (41.5, -81.7), (40.8, -111.9), (38.6, -90.2),
)  # fmt: skip
EASTERN = Calendar(time_zone="America/New_York", cut_off="14:00", holidays=("2026-01-01", "2026-07-03"))
PACIFIC = Calendar(time_zone="America/Los_Angeles", cut_off="13:00", holidays=("2026-01-01", "2026-07-03"))


def instance(seed: int, lines: int, nodes: int, *, joint: bool) -> SourcingRequest:
    """A request of this size. `joint`: larger quantities, less stock, and capacities that bind."""
    draw = Random(f"{seed}/{lines}x{nodes}/{joint}")
    wanted = [_line(draw, number, joint=joint) for number in range(lines)]
    latitude, longitude = draw.choice(CITIES)
    candidates = [_node(draw, number, wanted, joint=joint) for number in range(nodes)]
    for line in wanted:  # every line can be filled by some node
        if not any(node.available.get(line.sku, 0) >= line.quantity for node in candidates):
            node = draw.randrange(nodes)
            candidates[node] = replace(candidates[node], available={**candidates[node].available, line.sku: 9})
    return SourcingRequest(
        lines=tuple(wanted),
        ship_to=ShipTo(
            country="US", latitude=latitude + draw.uniform(-1, 1), longitude=longitude + draw.uniform(-1, 1)
        ),
        candidates=tuple(candidates),
        at=AT,
        tariff=TARIFF,
        extra_parcel=draw.choice((75, 150, 250)),
    )


def _line(draw: Random, number: int, *, joint: bool) -> WantedLine:
    quantity = draw.choice((1, 1, 1, 2, 3, 4, 6) if joint else (1, 1, 1, 1, 2, 2, 3))
    return WantedLine(
        line_id=str(number + 1),
        sku=f"SKU{number + 1}",
        quantity=quantity,
        grams=min(20_000, max(60, round(draw.lognormvariate(7.7, 0.7)))),
    )


def _node(draw: Random, number: int, lines: list[WantedLine], *, joint: bool) -> Candidate:
    warehouse = number % 8 == 0
    latitude, longitude = draw.choice(CITIES)
    available: dict[str, int] = {}
    for line in lines:
        if draw.random() < (0.85 if warehouse else 0.35):
            available[line.sku] = draw.randint(4, 40) if warehouse else draw.randint(1, 6)
    units_left = None
    if joint and draw.random() < 0.5:
        units_left = draw.randint(20, 80) if warehouse else draw.randint(4, 20)
    markdown = {} if warehouse else {line.sku: draw.choice((0, 40, 80, 150, 300)) for line in lines}
    return Candidate(
        node_id=f"{'DC' if warehouse else 'ST'}{number:02}",
        country="US",
        latitude=latitude + draw.uniform(-0.5, 0.5),
        longitude=longitude + draw.uniform(-0.5, 0.5),
        available=available,
        calendar=EASTERN if longitude > -100 else PACIFIC,
        units_left=units_left,
        load=draw.randint(0, 1000),
        costs=NodeCosts(
            per_parcel=draw.randint(60, 110) if warehouse else draw.randint(120, 260),
            per_line=draw.randint(25, 45) if warehouse else draw.randint(60, 140),
            per_unit=markdown,
        ),
    )
