"""The best plan of a small request, by looking at every plan there is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from tests.proof.sourcing.evaluator import Verdict, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oms.domain.sourcing.policy import SourcingPolicy
    from oms.domain.sourcing.request import SourcingRequest, WantedLine


@dataclass(frozen=True)
class Best:
    """The least objective, the fewest parcels of the plans that have it, the lines that wait, and whether in time."""

    objective: object
    parcels: int
    short: tuple[str, ...]
    kept: bool


def _ways(line: WantedLine, nodes: list[str]) -> Iterator[dict[tuple[str, str], int]]:
    for counts in product(range(line.quantity + 1), repeat=len(nodes)):
        if sum(counts) == line.quantity:
            yield {(line.line_id, node): count for node, count in zip(nodes, counts, strict=True) if count}


def best(request: SourcingRequest, policy: SourcingPolicy) -> Best:
    """By the rules of docs/sourcing.md: which lines wait, then the date, then the objective, then parcels."""
    plans: list[Verdict] = []
    kept: list[WantedLine] = []
    nodes = [node.node_id for node in request.candidates]
    for line in request.lines:
        found = _plans(request, policy, [*kept, line], nodes)
        if found:
            plans = found
            kept.append(line)
    short = tuple(line.line_id for line in request.lines if line not in kept)
    if not plans:
        return Best(0, 0, short, kept=True)
    in_time = plans
    if request.promise is not None:
        in_time = [plan for plan in plans if plan.arrives is None or plan.arrives <= request.promise]
    on_time = bool(in_time)
    if not in_time:
        earliest = min(plan.arrives for plan in plans if plan.arrives)
        in_time = [plan for plan in plans if plan.arrives == earliest]
    least = min((plan.objective, plan.parcels) for plan in in_time)
    return Best(least[0], least[1], short, kept=on_time)


def _plans(
    request: SourcingRequest, policy: SourcingPolicy, lines: list[WantedLine], nodes: list[str]
) -> list[Verdict]:
    found = []
    for parts in product(*[list(_ways(line, nodes)) for line in lines]):
        verdict = evaluate(request, policy, {key: count for part in parts for key, count in part.items()})
        if not verdict.problems:
            found.append(verdict)
    return found
