"""Requests whose answers are known: `known.json` has the whole plan of each, and how long the search took.

`python -m tests.proof.sourcing.known` writes it. Small ones are few enough plans to look at them all (`brute.py`);
large ones make the search branch. What weakens a bound or a branch leaves plans as they are, and shows in the effort.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

from oms.domain.canonical import ShipTo
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.policy import CHEAPEST, POLICIES, SourcingPolicy, Weights
from oms.domain.sourcing.request import Calendar, Candidate, NodeCosts, SourcingRequest, WantedLine, Zone
from tests.proof.sourcing.instances import AT, instance

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE: Final = Path(__file__).with_name("known.json")
KINDS: Final = ("plain", "split", "capacity", "bent", "policies", "mixed")
SMALL: Final = 12
"""Of each kind."""
LARGE: Final = {
    "plain": (1, 2, 7, 10, 13, 19, 20, 27, 31, 36, 42, 46, 55, 67, 80),
    "split": (0, 5, 27, 30, 40, 57, 62, 74),
    "capacity": (3, 7, 9, 10, 13, 15, 22, 23, 24, 33, 34, 38, 39, 45, 51, 65, 68, 78, 87),
    "bent": (13, 16, 18, 23, 34, 41, 48, 54, 55, 60, 71, 88, 89),
    "policies": (0, 1, 4, 15, 19, 34, 35, 36, 49, 52, 53, 55, 67, 74, 75, 79),
    "cut": (1, 2, 7, 8, 9, 15, 21, 23, 24, 26, 31, 35, 39, 42, 44, 68, 71, 77, 83, 86),
}
"""Of each kind, those that make the search branch, and need no longer than a few hundredths of a second."""
_SIZES: Final = {
    "plain": ((10, 15), (20, 25), (6, 40)),
    "split": ((4, 12), (6, 8), (3, 10)),
    "capacity": ((4, 12), (5, 8), (4, 6)),
    "bent": ((3, 8), (4, 6), (5, 5)),
    "policies": ((4, 10), (5, 8), (3, 12)),
    "cut": ((6, 10), (20, 25), (4, 12)),
}
"""Of large ones: (lines, nodes)."""
_MANY: Final = 20
"""Lines that are not split, or the search would take too long."""
PLACES: Final = ((52.5, 13.4), (52.0, 12.9), (48.9, 2.3), (40.4, -3.7), (47.4, 8.5))
CALENDARS: Final = (
    None,
    Calendar(time_zone="Europe/Berlin", cut_off="09:00"),
    Calendar(time_zone="America/New_York", holidays=("2026-03-03", "2026-03-04"), workdays=(0, 1, 2, 3, 4, 5)),
)


def names() -> list[str]:
    """Of all requests: size, kind, number."""
    small = [f"small/{kind}/{number}" for kind in KINDS for number in range(SMALL)]
    return small + [f"large/{kind}/{number}" for kind, numbers in LARGE.items() for number in numbers]


def asked(name: str) -> tuple[SourcingRequest, SourcingPolicy]:
    """The request of this name, and the policy it is decided by."""
    size, kind, number = name.split("/")
    draw = Random(name)
    made = _small(draw, kind) if size == "small" else _large(draw, kind, int(number))
    return made, _policy(draw, kind, int(number))


def answered(name: str) -> dict[str, Any]:
    """What the engine says, as JSON values."""
    plan = source(*asked(name))
    return {
        "units": [[part.line_id, part.node_id, part.quantity] for part in plan.units],
        "short": [part.line_id for part in plan.short],
        "by": plan.promised_by.isoformat(),
        "kept": plan.kept,
        "cost": plan.cost,
        "terms": [[each.node_id, each.freight, each.handling, each.duty, each.stock] for each in plan.terms],
        "proof": [plan.proof.objective, plan.proof.bound, plan.proof.effort],
        "candidates": [[each["node"], each["km"], each["has_all"]] for each in plan.decision["candidates"]],
        "excluded": plan.decision["excluded"],
    }


def read() -> Mapping[str, dict[str, Any]]:
    """The answers by the names of their requests."""
    known: dict[str, dict[str, Any]] = json.loads(FILE.read_text("utf-8"))
    return known


def _policy(draw: Random, kind: str, number: int) -> SourcingPolicy:
    if kind == "plain":
        return replace(CHEAPEST, split_lines=False, max_parcels=draw.choice((None, None, 2, 3, 4)))
    if kind == "cut":
        return replace(CHEAPEST, split_lines=number % 2 == 0, effort=draw.randint(1, 5))
    if kind not in ("policies", "mixed"):
        return CHEAPEST
    policies = list(POLICIES.values())
    if number % 6 < len(policies):
        policy = policies[number % 6]
    else:
        weights = Weights(
            money=draw.randint(1, 3),
            parcel=draw.randint(0, 300_000),
            reach=draw.randint(0, 2),
            piece=draw.randint(0, 90_000),
            carry=draw.randint(0, 2),
            load=draw.randint(0, 200),
        )
        policy = SourcingPolicy(name="drawn", version=1, weights=weights)
    return replace(policy, split_lines=draw.random() < 0.7, max_parcels=draw.choice((None, None, 1, 2, 3)))


def _large(draw: Random, kind: str, number: int) -> SourcingRequest:
    lines, nodes = _SIZES[kind][number % 3]
    made = instance(number, lines, nodes, joint=kind != "plain" and lines < _MANY)
    if kind in ("capacity", "cut") and lines < _MANY:
        candidates = [replace(node, units_left=draw.randint(2, 6)) for node in made.candidates]
        shared = [replace(line, sku="SKU1") if line.line_id == "2" else line for line in made.lines]
        return replace(made, candidates=tuple(candidates), lines=tuple(shared))
    if kind == "bent":
        return replace(made, tariff=tuple([replace(zone, per_kg=_bends(draw)) for zone in made.tariff]))
    return made


def _bends(draw: Random) -> tuple[tuple[int, int], ...]:
    first = draw.randint(800, 3000)
    return ((first, draw.randint(20, 200)), (first + draw.randint(500, 5000), draw.randint(20, 200)), (0, 90))


def _small(draw: Random, kind: str) -> SourcingRequest:
    mixed = kind in ("mixed", "policies")
    skus = ("A", "B") if kind in ("capacity", "mixed") else ("A", "B", "C")
    count = draw.choice((2, 3))
    lines = [
        WantedLine(
            line_id=str(number),
            sku=draw.choice(skus) if kind in ("capacity", "mixed") else skus[number],
            quantity=draw.choice((1, 2, 3) if count == 2 else (1, 2, 2)),
            grams=draw.randint(0, 1500),
            needs=draw.choice(((), (), ("cold",))) if kind == "mixed" else (),
            duty=draw.randint(0, 300) if mixed else 0,
        )
        for number in range(count)
    ]
    tariff = [
        Zone(
            name=name,
            up_to_km=km,
            transit_days=days,
            base=draw.randint(0, 500),
            per_kg=_bends(draw) if kind == "bent" or (mixed and draw.random() < 0.3) else ((0, draw.randint(0, 300)),),
        )
        for name, km, days in (("near", 300.0, 1), ("far", 1200.0, 2), ("rest", 20_038.0, 4))
    ]
    return SourcingRequest(
        lines=tuple(lines),
        ship_to=draw.choice((ShipTo(country="DE", latitude=52.53, longitude=13.38), ShipTo(country="FR"))),
        candidates=tuple([_node(draw, kind, number) for number in range(3)]),
        at=AT,
        promise=AT + timedelta(days=draw.choice((1, 3, 5))) if mixed and draw.random() < 0.6 else None,
        tariff=tuple(tariff),
        extra_parcel=draw.randint(0, 400),
        union=draw.choice(((), ("DE", "CH", "FR"))) if mixed else (),
    )


def _node(draw: Random, kind: str, number: int) -> Candidate:
    mixed = kind == "mixed"
    latitude, longitude = draw.choice(PLACES)
    stock = (3, 3, 2, 0) if kind == "plain" else (0, 1, 2, 3, 5)
    return Candidate(
        node_id=f"N{number}",
        country=draw.choice(("DE", "CH")),
        latitude=latitude,
        longitude=longitude,
        available={sku: draw.choice(stock) for sku in ("A", "B", "C")},
        handling_days=draw.choice((0, 1, 2)),
        excluded=draw.choice(("", "", "", "", "shut")) if mixed else "",
        capabilities=draw.choice((("cold",), ("cold", "hazmat"), ())) if mixed else (),
        calendar=draw.choice(CALENDARS),
        units_left=draw.choice((1, 2, 3, 4, None)) if kind in ("capacity", "mixed") else None,
        orders_left=draw.choice((None, None, 3, 1, 0)) if mixed else None,
        load=draw.randint(0, 1000),
        costs=NodeCosts(
            per_parcel=draw.randint(0, 300), per_line=draw.randint(0, 200), per_unit={"A": draw.randint(0, 300)}
        ),
    )


def main() -> None:
    """Write the answers: one line each, so that a change of one is seen as one."""
    lines = [f"{json.dumps(name)}: {json.dumps(answered(name), separators=(',', ':'))}" for name in names()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
