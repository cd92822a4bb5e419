"""The same request to HiGHS, as a mixed-integer program written from the request alone. Costs in minor units.

Rates must not bend with weight. Whole lines are binary; split ones are units with a binary for what is due once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import highspy

from tests.proof.sourcing.evaluator import crosses, departure, kilometres, zone_of

if TYPE_CHECKING:
    from oms.domain.sourcing.request import Candidate, SourcingRequest, WantedLine


@dataclass(frozen=True)
class Answer:
    """Units by (line id, node id), and the CPU seconds of the solver alone."""

    units: dict[tuple[str, str], int]
    seconds: float


def solve(request: SourcingRequest, *, split: bool) -> Answer:
    """The plan of least cost, proved: gap 0, one thread."""
    solver = _solver()
    nodes = [node for node in request.candidates if not node.excluded and departure(request.at, node) is not None]
    used = {node.node_id: _binary(solver, _parcel(request, node)) for node in nodes}
    given: dict[tuple[str, str], Any] = {}
    for line in request.lines:
        for node in nodes:
            most = min(line.quantity, node.available.get(line.sku, 0))
            if most and (split or most == line.quantity) and set(line.needs) <= set(node.capabilities):
                given[line.line_id, node.node_id] = _give(
                    solver, request, line, node, most, used[node.node_id], split=split
                )
        solver.addConstr(
            sum(units for (line_id, _), units in given.items() if line_id == line.line_id) == line.quantity
        )
    for node in nodes:
        here = [units for (_, node_id), units in given.items() if node_id == node.node_id]
        if node.units_left is not None and here:
            solver.addConstr(sum(here) <= node.units_left * used[node.node_id])
    begun = time.process_time()
    solver.run()
    seconds = time.process_time() - begun
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    amounts = {key: round(solver.val(units)) for key, units in given.items()}
    return Answer({key: count for key, count in amounts.items() if count}, seconds)


def _solver() -> Any:
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)  # noqa: FBT003 - as HiGHS has it
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("mip_rel_gap", 0.0)
    solver.setOptionValue("mip_abs_gap", 0.0)
    return solver


def _binary(solver: Any, cost: float) -> Any:
    return solver.addVariable(0, 1, cost, highspy.HighsVarType.kInteger)


def _parcel(request: SourcingRequest, node: Candidate) -> float:
    zone = zone_of(request, node, kilometres(request, node))
    return float(zone.base + node.costs.per_parcel + request.extra_parcel)


def _give(
    solver: Any, request: SourcingRequest, line: WantedLine, node: Candidate, most: int, used: Any, *, split: bool
) -> Any:
    """Units of a line from a node, as an expression."""
    zone = zone_of(request, node, kilometres(request, node))
    assert len(zone.per_kg) == 1
    unit = node.costs.per_unit.get(line.sku, 0) + line.grams * zone.per_kg[0][1] / 1000
    unit += line.duty if crosses(request, node) else 0
    if not split:
        whole = _binary(solver, unit * line.quantity + node.costs.per_line)
        solver.addConstr(whole <= used)
        return line.quantity * whole
    part = _binary(solver, float(node.costs.per_line))
    units = solver.addVariable(0, most, unit, highspy.HighsVarType.kInteger)
    solver.addConstr(units <= most * part)
    solver.addConstr(part <= used)
    return 1 * units
