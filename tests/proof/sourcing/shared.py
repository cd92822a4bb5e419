"""Whether the plans of many orders together take no more than there is: no code of the engine."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING

from tests.proof.sourcing.evaluator import evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.events import NodeUnits
    from oms.domain.sourcing.batch import Batch
    from oms.domain.sourcing.policy import SourcingPolicy


def weigh(
    batch: Batch, policy: SourcingPolicy, units: Mapping[str, tuple[NodeUnits, ...]]
) -> tuple[Fraction, Fraction, list[str]]:
    """Money in minor units, the objective, and every rule that is broken."""
    money, objective, found = Fraction(0), Fraction(0), []
    stock: Counter[tuple[str, str]] = Counter()
    packed: Counter[str] = Counter()
    parcels: Counter[str] = Counter()
    for order in batch.orders:
        parts = units[order.order_id]
        given: Counter[tuple[str, str]] = Counter()
        for part in parts:
            given[part.line_id, part.node_id] += part.quantity
            stock[part.sku, part.node_id] += part.quantity
            packed[part.node_id] += part.quantity
        parcels.update({part.node_id for part in parts})
        verdict = evaluate(batch.request(order), policy, given)
        money += verdict.money
        objective += verdict.objective
        found += [f"{order.order_id}: {problem}" for problem in verdict.problems]
        wrong = [part for part in parts if part.sku != {line.line_id: line.sku for line in order.lines}[part.line_id]]
        found += [f"{order.order_id}: another SKU on {part.line_id}" for part in wrong]
    for node in batch.candidates:
        taken = {sku: count for (sku, node_id), count in stock.items() if node_id == node.node_id}
        found += [f"{node.node_id} lacks {sku}" for sku, count in taken.items() if count > node.available.get(sku, 0)]
        if node.units_left is not None and packed[node.node_id] > node.units_left:
            found.append(f"{node.node_id} is over its units")
        if node.orders_left is not None and parcels[node.node_id] > node.orders_left:
            found.append(f"{node.node_id} is over its orders")
    return money, objective, found
