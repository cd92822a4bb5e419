"""What orders that are planned could trade, before their release: only what costs less, and nobody is served later.

The exchanges are those of `batch.exchanges`, which lower the objective of the orders' rule. Of these, a trade is one
that also costs less in money, worked out by an evaluator of its own (`whatif.weigh`), of which every order is still
with its customer by its promise, and for which there is enough when those before it are done. `explain_move` tells of
one, and `move_again` works it out from what the order's log keeps.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import RecordAlteredError, UnknownNodeError
from oms.domain.frozen import frozen
from oms.domain.order.events import NodeUnits
from oms.domain.sourcing.batch import exchanges
from oms.domain.sourcing.whatif import Past, weigh

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from oms.domain.sourcing.batch import Batch, Move
    from oms.domain.sourcing.policy import SourcingPolicy
    from oms.domain.sourcing.request import SourcingRequest
    from oms.domain.sourcing.rules import Rule
    from oms.domain.sourcing.whatif import Figures

Places = dict[str, str]
"""Node by line: an order that trades has each line at one."""


@frozen(kw_only=False)
class PricedMove:
    """An order's units before and after, and what they cost in minor units, beside each other."""

    order_id: str
    before: tuple[NodeUnits, ...]
    after: tuple[NodeUnits, ...]
    cost: tuple[int, int]


@frozen(kw_only=False)
class Trade:
    """Moves that are made together or not at all; `saved` is positive, in minor units."""

    moves: tuple[PricedMove, ...]
    saved: int


def trades(batch: Batch, current: Mapping[str, Sequence[NodeUnits]], policy: SourcingPolicy) -> list[Trade]:
    """What pays, one after the other; `batch.candidates` have what is left beside what the orders hold."""
    held = {order.order_id: _places(current.get(order.order_id, ())) for order in batch.orders}
    requests = {order.order_id: batch.request(order) for order in batch.orders}
    left = _Left(batch)
    found = []
    for exchange in exchanges(batch, current, policy):
        if any(_places(move.before) != held[move.order_id] for move in exchange.moves):
            continue  # it follows on one that was left out
        moves = [_priced(move, requests[move.order_id]) for move in exchange.moves]
        kept = [each for each in moves if each is not None]
        saved = sum(before - after for before, after in (each.cost for each in kept))
        if saved > 0 and len(kept) == len(moves) and left.take(kept):
            held.update({each.order_id: _places(each.after) for each in kept})
            found.append(Trade(tuple(kept), saved))
    return found


def _priced(move: Move, request: SourcingRequest) -> PricedMove | None:
    """None for one that would be with its customer after the promise."""
    before, after = (_weighed(units, request) for units in (move.before, move.after))
    late = after.late or after.waiting
    return None if late else PricedMove(move.order_id, move.before, move.after, (before.cost, after.cost))


def _weighed(units: Sequence[NodeUnits], request: SourcingRequest) -> Figures:
    return weigh(Past(request=request, units=tuple(units), due=request.promise), units)


def _places(units: Iterable[NodeUnits]) -> Places:
    return {part.line_id: part.node_id for part in units}


class _Left:
    """What nodes have left of stock, and of orders that they can do, beside what is held."""

    def __init__(self, batch: Batch) -> None:
        self._units = Counter({(sku, n.node_id): units for n in batch.candidates for sku, units in n.available.items()})
        self._orders = {node.node_id: node.orders_left for node in batch.candidates if node.orders_left is not None}

    def take(self, moves: Sequence[PricedMove]) -> bool:
        """The moves are made, if there is enough for all of them together."""
        units: Counter[tuple[str, str]] = Counter()
        orders: Counter[str] = Counter()
        for move in moves:
            for parts, sign in ((move.before, 1), (move.after, -1)):
                for part in parts:
                    units[part.sku, part.node_id] += sign * part.quantity
                for node in {part.node_id for part in parts} & self._orders.keys():
                    orders[node] += sign
        enough = all(self._units[place] + count >= 0 for place, count in units.items() if count < 0)
        if not enough or any(self._orders[node] + count < 0 for node, count in orders.items() if count < 0):
            return False
        for place, count in units.items():
            self._units[place] += count
        for node, count in orders.items():
            self._orders[node] += count
        return True


# ---------------------------------------------------------------- what is kept of it, and told


KIND: Final = "moved"
"""Tells the decision on a move from those of a sourcing."""


def kept_move(trade: Trade, move: PricedMove, request: SourcingRequest, rule: Rule, network_id: str) -> dict[str, Any]:
    """What the order's log keeps of its part of a trade. Costs are in minor units; `saved` is the whole trade's."""
    had: dict[str, dict[str, int]] = {}
    for part in (*move.before, *move.after):
        at_node = had.setdefault(part.node_id, {})
        at_node[part.sku] = max(at_node.get(part.sku, 0), part.quantity)
    skus = list(dict.fromkeys(line.sku for line in request.lines))
    return {
        "kind": KIND,
        "policy": f"{rule.policy.name}/{rule.policy.version}",
        "rule": rule.name,
        "rules": rule.version,
        "network": network_id,
        "at": request.at.isoformat(),
        "lines": {line.line_id: [line.quantity, line.grams, line.duty, *line.needs] for line in request.lines},
        "have": {node: [at_node.get(sku, 0) for sku in skus] for node, at_node in had.items()},
        "before": _places(move.before),
        "after": _places(move.after),
        "promise": request.promise.isoformat() if request.promise else "",
        "cost": list(move.cost),
        "saved": trade.saved,
        "with": [each.order_id for each in trade.moves if each.order_id != move.order_id],
    }


def is_move(decision: Mapping[str, Any]) -> bool:
    """It is a decision on a move."""
    return decision.get("kind") == KIND


def move_again(decision: Mapping[str, Any], request: SourcingRequest, promise: datetime | None) -> bool:
    """What is told of the costs follows from the rest, and the promise is kept. Raises RecordAlteredError."""
    request = replace(request, promise=promise)
    try:
        before, after = (_weighed(_units(decision[name], request), request) for name in ("before", "after"))
        return [before.cost, after.cost] == decision["cost"] and not after.late and not after.waiting
    except (KeyError, TypeError, AttributeError, UnknownNodeError) as error:
        raise RecordAlteredError("this decision does not keep what it was made from") from error


def _units(places: Mapping[str, str], request: SourcingRequest) -> tuple[NodeUnits, ...]:
    return tuple(
        NodeUnits(line_id=line.line_id, sku=line.sku, node_id=places[line.line_id], quantity=line.quantity)
        for line in request.lines
    )


def explain_move(decision: Mapping[str, Any]) -> str:
    """For people."""
    before, after = decision["before"], decision["after"]
    moved = [f"line {line} from {before[line]} to {node}" for line, node in after.items() if before[line] != node]
    was, now = decision["cost"]
    lines = [
        f"Moved before its release, by {decision['policy']} (rule {decision['rule']} of version {decision['rules']}).",
        f"{', '.join(moved)}.",
        f"Cost {was} before, {now} after, in minor units; by its promise of {decision['promise']} as before.",
    ]
    if decision["with"]:
        lines.append(f"In one trade with {', '.join(decision['with'])}, which saves {decision['saved']} together.")
    return "\n".join(lines)
