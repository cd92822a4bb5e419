"""All orders of a batch to HiGHS at once: the joint program and its linear relaxation, written from the batch alone.

Of each order: units of a line at a node, whether the line is in its parcel, whether there is a parcel. Shared: stock of
a SKU at a node, units and orders that a node can do. Costs are minor units. Rates must not bend with weight.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import highspy
import numpy as np

from oms.domain.sourcing.request import SourcingRequest
from tests.proof.sourcing.evaluator import crosses, departure, kilometres, zone_of

if TYPE_CHECKING:
    from oms.domain.sourcing.batch import Batch


@dataclass
class Program:
    """Columns and rows of min cost × x, rows within their limits, 0 ≤ x ≤ upper."""

    cost: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    rows: list[list[tuple[int, float]]] = field(default_factory=list)
    units: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """(order id, line id, node id) to the column of its units."""
    constant: float = 0.0

    def column(self, cost: float, upper: float) -> int:
        self.cost.append(cost)
        self.upper.append(upper)
        return len(self.cost) - 1

    def row(self, entries: list[tuple[int, float]], low: float, high: float) -> None:
        self.rows.append(entries)
        self.low.append(low)
        self.high.append(high)


@dataclass(frozen=True)
class Joint:
    """Minor units: of the best plan found (None for the relaxation's own), of the bound; CPU seconds of the solver."""

    value: float
    bound: float
    seconds: float


def program(batch: Batch, *, split: bool) -> Program:
    """The batch as numbers."""
    made = Program()
    stock: dict[tuple[str, str], list[tuple[int, float]]] = {}
    parcels: dict[str, list[tuple[int, float]]] = {}
    for order in batch.orders:
        request = SourcingRequest(
            lines=order.lines, ship_to=order.ship_to, candidates=batch.candidates, at=batch.at, promise=order.promise,
            tariff=batch.tariff, extra_parcel=batch.extra_parcel, union=batch.union,
        )  # fmt: skip
        _order(made, request, order.order_id, stock, parcels, split=split)
    for node in batch.candidates:
        for (sku, node_id), entries in stock.items():
            if node_id == node.node_id:
                made.row(entries, -highspy.kHighsInf, node.available[sku])
        here = [entry for (_, node_id), entries in stock.items() if node_id == node.node_id for entry in entries]
        if node.units_left is not None:
            made.row(here, -highspy.kHighsInf, node.units_left)
        if node.orders_left is not None:
            made.row(parcels.get(node.node_id, []), -highspy.kHighsInf, node.orders_left)
    return made


def _order(
    made: Program,
    request: SourcingRequest,
    order_id: str,
    stock: dict[tuple[str, str], list[tuple[int, float]]],
    parcels: dict[str, list[tuple[int, float]]],
    *,
    split: bool,
) -> None:
    filled: dict[str, list[tuple[int, float]]] = {line.line_id: [] for line in request.lines}
    for node in request.candidates:
        zone = zone_of(request, node, kilometres(request, node))
        leaving = departure(request.at, node)
        if node.excluded or leaving is None or node.orders_left == 0:
            continue
        if request.promise is not None and (request.promise - leaving).total_seconds() < zone.transit_days * 86_400:
            continue
        used = -1
        for line in request.lines:
            most = min(line.quantity, node.available.get(line.sku, 0))
            if not most or (most < line.quantity and not split) or set(line.needs) - set(node.capabilities):
                continue
            if used < 0:
                used = made.column(zone.base + node.costs.per_parcel + request.extra_parcel, 1)
                parcels.setdefault(node.node_id, []).append((used, 1.0))
            rate = zone.per_kg[0][1] if zone.per_kg else 0
            unit = node.costs.per_unit.get(line.sku, 0) + line.grams * rate / 1000
            unit += line.duty if crosses(request, node) else 0
            part = made.column(node.costs.per_line, 1)
            amount = made.column(unit, most)
            made.units[order_id, line.line_id, node.node_id] = amount
            made.row([(amount, 1.0), (part, -float(most))], -highspy.kHighsInf if split else 0.0, 0.0)
            made.row([(part, 1.0), (used, -1.0)], -highspy.kHighsInf, 0.0)
            filled[line.line_id].append((amount, 1.0))
            stock.setdefault((line.sku, node.node_id), []).append((amount, 1.0))
    for line in request.lines:
        made.row(filled[line.line_id], line.quantity, line.quantity)
    made.constant -= request.extra_parcel


def solve(made: Program, *, whole: bool, seconds: float = 60.0, gap: float = 0.0) -> Joint:
    """The relaxation, or with `whole` the program itself for so long, or to this gap (a share)."""
    solver = highspy.Highs()
    for name, value in {
        "output_flag": False, "threads": 1, "mip_rel_gap": gap, "mip_abs_gap": 0.0, "time_limit": seconds,
    }.items():  # fmt: skip
        solver.setOptionValue(name, value)
    solver.passModel(_model(made, whole=whole))
    begun = time.process_time()
    solver.run()
    spent = time.process_time() - begun
    info = solver.getInfo()
    if not whole:
        assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal, solver.getModelStatus()
        return Joint(info.objective_function_value, info.objective_function_value, spent)
    return Joint(info.objective_function_value, info.mip_dual_bound, spent)


def _model(made: Program, *, whole: bool) -> Any:
    linear = highspy.HighsLp()
    linear.num_col_, linear.num_row_ = len(made.cost), len(made.rows)
    linear.offset_ = made.constant
    linear.col_cost_, linear.col_upper_ = np.array(made.cost), np.array(made.upper)
    linear.col_lower_ = np.zeros(len(made.cost))
    linear.row_lower_, linear.row_upper_ = np.array(made.low, float), np.array(made.high, float)
    linear.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    linear.a_matrix_.start_ = np.cumsum([0, *map(len, made.rows)])
    linear.a_matrix_.index_ = np.array([column for row in made.rows for column, _ in row])
    linear.a_matrix_.value_ = np.array([value for row in made.rows for _, value in row])
    if whole:
        linear.integrality_ = [highspy.HighsVarType.kInteger] * len(made.cost)
    return linear
