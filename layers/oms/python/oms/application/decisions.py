"""Why an order ships from where it does: each sourcing as it was decided, explained, and made again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from oms.domain.errors import OrderNotFoundError, RecordAlteredError
from oms.domain.frozen import frozen
from oms.domain.order.events import (
    HoldPlaced,
    LinesBackordered,
    LinesCancelled,
    LinesMoved,
    LinesReserved,
    OrderEdited,
)
from oms.domain.order.evolve import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from oms.application.orders import Orders
    from oms.application.ports import Policies, Reference
    from oms.domain.commit import Commit
    from oms.domain.order.events import NodeUnits
    from oms.domain.order.state import Order

SOURCING = "sourcing"


@frozen(kw_only=False)
class ShowDecisions:
    """Reads the order's log, the rules' version and the nodes that its decisions name."""

    orders: Orders
    policies: Policies
    reference: Reference

    def __call__(self, order_id: str) -> list[dict[str, Any]]:
        """Newest first: {'commit', 'at', 'decision', 'recomputed', 'explained'}.

        `recomputed` is `same`; `different`, when what was kept does not give what was decided; or `not_kept`, when not
        all of what it was made from was kept. `explained` is text, empty without a recomputation. Raises
        OrderNotFoundError.
        """
        history = self.orders.load(order_id).history
        if not history.commits:
            raise OrderNotFoundError("no such order", order_id=order_id)
        found = []
        before: Order | None = None
        for commit in history.commits:
            for decision, then in decided(commit, before):
                again = self._again(decision, commit, then) if then else ("not_kept", "")
                told = {"decision": decision, "recomputed": again[0], "explained": again[1]}
                found.append({"commit": commit.number, "at": commit.at.isoformat(), **told})
            before = fold(order_id, commit.events, before)
        return found[::-1]

    def _again(self, decision: Mapping[str, Any], commit: Commit, before: Order) -> tuple[str, str]:
        from oms.domain.sourcing.deciding import restored
        from oms.domain.sourcing.engine import source
        from oms.domain.sourcing.explain import explain
        from oms.domain.sourcing.moving import explain_move, is_move, move_again
        from oms.domain.sourcing.record import record
        from oms.domain.sourcing.rules import find_rule

        network = self.reference.kept_network(str(decision.get("network", "")))
        stored = self.policies.version(SOURCING, number) if (number := int(decision.get("rules", 0))) else {}
        if network is None or stored is None:
            return "not_kept", ""
        try:
            rule = find_rule(stored, str(decision.get("rule", "")))
            request = restored(decision, before, network, rule)
            if is_move(decision):
                same = move_again(decision, request, datetime.fromisoformat(decision["promise"]))
                return "same" if same else "different", explain_move(decision)
        except (KeyError, ValueError, RecordAlteredError):
            return "not_kept", ""
        plan = source(request, rule.policy)
        bound = _bound(commit)
        told = all(decision.get(name) == value for name, value in plan.decision.items())
        same = told and bound in ((), plan.units[: len(bound)])
        return "same" if same else "different", explain(record(request, rule.policy, plan))


def decided(commit: Commit, before: Order | None) -> Iterator[tuple[Mapping[str, Any], Order | None]]:
    """Each decision of a commit, and the order that it was made on: with what the commit had changed of it by then."""
    for event in commit.events:
        if isinstance(event, (LinesReserved, LinesMoved, LinesBackordered, HoldPlaced)) and event.decision:
            yield event.decision, before
        if isinstance(event, (OrderEdited, LinesCancelled)):
            before = fold(before.order_id, (event,), before) if before else None


def decisions_of(commit: Commit) -> Iterator[Mapping[str, Any]]:
    """The decisions that a commit keeps: one at most, as a rule."""
    for event in commit.events:
        if isinstance(event, (LinesReserved, LinesMoved, LinesBackordered, HoldPlaced)) and event.decision:
            yield event.decision


def _bound(commit: Commit) -> tuple[NodeUnits, ...]:
    return tuple(units for event in commit.events if isinstance(event, LinesReserved) for units in event.units)
