"""The steps of the promise: screen, verify the payment, source, and bind stock with the promise in one transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from oms.domain import ids
from oms.domain.commit import Cause
from oms.domain.errors import ContentionError, InsufficientStockError, InvalidTransitionError
from oms.domain.frozen import frozen
from oms.domain.order.changing import UNKNOWN_SKU
from oms.domain.order.charging import payable
from oms.domain.order.commands import PromiseOrder, RecordAuthorization, ScreenOrder
from oms.domain.order.promising import wanted_units
from oms.domain.order.status import NextStep, next_step, payment_cleared
from oms.domain.payments import AuthorizationResult, AuthorizationState
from oms.domain.screening import match_rules
from oms.domain.sourcing.request import SourcingRequest, WantedLine
from oms.domain.stock import MAX_POSITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oms.application.orders import Loaded, Orders
    from oms.application.ports import Clock, PaymentProvider, Reference, Stock
    from oms.domain.order.commands import Command
    from oms.domain.order.events import NodeUnits
    from oms.domain.order.state import Order
    from oms.domain.sourcing.request import SourcingPlan

REPLANS: Final = 6
"""Plans made anew because stock that a plan counted on was taken meanwhile."""


def _step_id(step: str, loaded: Loaded) -> str:
    """A step's command id: the step at this point of the log. Run again after it committed, it finds nothing to do."""
    return ids.command_id(step, loaded.history.stream, str(loaded.history.number))


@frozen(kw_only=False)
class ScreenOrderStep:
    """Ask the screening rules, and let go of lines whose SKU has become known."""

    orders: Orders
    reference: Reference

    def __call__(self, order_id: str, cause: Cause) -> dict[str, Any]:
        """{'proceed': some line may go on, 'cleared': the money is held or not needed, so nobody has to be asked}."""
        rules = self.reference.policy("screening").get("rules", [])

        def command(loaded: Loaded) -> Command:
            order = loaded.order
            unknown = self._unknown_skus(order) if order else set()
            return ScreenOrder(
                command_id=_step_id("screen", loaded),
                holds=match_rules(order, rules) if order else (),
                known_skus=self.reference.known_skus(unknown) if unknown else frozenset(),
            )

        order = self.orders.execute(order_id, command, cause).order
        proceed = next_step(order) is NextStep.PROMISE or bool(wanted_units(order))
        return {"proceed": proceed, "cleared": payment_cleared(order)}

    @staticmethod
    def _unknown_skus(order: Order) -> set[str]:
        held = [hold for hold in order.active_holds if hold.kind == UNKNOWN_SKU]
        return {order.lines[line_id].placed.sku for hold in held for line_id in hold.lines}


@frozen(kw_only=False)
class AuthorizePaymentStep:
    """Ask the provider that holds the money.

    What it says travels with the workflow and is committed with the promise; a refusal is committed here.
    """

    orders: Orders
    providers: Mapping[str, PaymentProvider]

    def __call__(self, order_id: str, cause: Cause) -> dict[str, Any]:
        """{'state': authorized | captured | pending | declined, 'amount': minor units}."""
        order = self.orders.get(order_id)
        if payment_cleared(order):
            return {"state": AuthorizationState.AUTHORIZED.value, "amount": order.payment.authorized}
        plan = order.placed.payment
        if plan.in_channel or order.payment.voided:
            return {"state": AuthorizationState.PENDING.value, "amount": 0}
        result = self.providers[plan.provider].verify_authorization(
            plan.reference, payable(order.placed), order.placed.currency, f"authorize:{order_id}"
        )
        if result.state is AuthorizationState.DECLINED:
            self.orders.execute(
                order_id,
                lambda loaded: RecordAuthorization(command_id=_step_id("authorize", loaded), authorization=result),
                cause,
            )
        return {"state": result.state.value, "amount": result.amount}


@frozen(kw_only=False)
class PromiseOrderStep:
    """Choose nodes over the stock as it is now, and bind it together with the promise made on it."""

    orders: Orders
    stock: Stock
    reference: Reference
    sourcing: Callable[[SourcingRequest], SourcingPlan]
    now: Clock

    def __call__(self, order_id: str, cause: Cause, authorization: AuthorizationResult | None) -> dict[str, Any]:
        """{'promised': units bound, 'short': units that wait}.

        Large orders are bound in several transactions, each whole in itself. Raises ContentionError when stock was
        taken from under every plan.
        """
        replans = REPLANS
        while replans:
            try:
                outcome = self.orders.execute(order_id, lambda loaded: self._plan(loaded, authorization), cause)
            except (InsufficientStockError, InvalidTransitionError):
                replans -= 1
                continue
            order = outcome.order
            if not outcome.events or next_step(order) is not NextStep.PROMISE:
                bound = sum(line.ledger.allocated + line.ledger.gone for line in order.lines.values())
                short = sum(line.ledger.backordered for line in order.lines.values())
                return {"promised": bound, "short": short}
        raise ContentionError("stock was taken from under every plan", order_id=order_id)

    def _plan(self, loaded: Loaded, authorization: AuthorizationResult | None) -> Command:
        order = loaded.order
        wanted = wanted_units(order) if order else {}
        plan = self._source(order, wanted) if order and wanted else None
        units = _first_positions(plan.units) if plan else ()
        complete = plan is None or len(units) == len(plan.units)
        return PromiseOrder(
            command_id=_step_id("promise", loaded),
            units=units,
            # What does not fit into this transaction is open still, and planned again in the next.
            short=plan.short if plan and complete else (),
            promised_by=plan.promised_by if plan else self.now(),
            authorization=authorization,
            decision=plan.decision if plan else {},
        )

    def _source(self, order: Order, wanted: Mapping[str, int]) -> SourcingPlan:
        lines = tuple(
            WantedLine(line_id=line_id, sku=order.lines[line_id].placed.sku, quantity=units)
            for line_id, units in wanted.items()
        )
        units: dict[str, int] = {}
        for line in lines:
            units[line.sku] = units.get(line.sku, 0) + line.quantity
        available: dict[str, dict[str, int]] = {}
        for position in self.stock.to_promise(units):
            at_node = available.setdefault(position.node_id, {})
            at_node[position.sku] = at_node.get(position.sku, 0) + position.promisable
        candidates = tuple(
            replace(node, excluded="rejected this order") if node.node_id in order.rejected_nodes else node
            for node in self.reference.nodes(available)
        )
        request = SourcingRequest(lines=lines, ship_to=order.placed.ship_to, candidates=candidates, at=self.now())
        return self.sourcing(request)


def _first_positions(units: tuple[NodeUnits, ...]) -> tuple[NodeUnits, ...]:
    """As many units as touch `MAX_POSITIONS` positions."""
    positions: set[tuple[str, str]] = set()
    kept = []
    for part in units:
        positions.add((part.sku, part.node_id))
        if len(positions) > MAX_POSITIONS:
            break
        kept.append(part)
    return tuple(kept)


def workflow_cause(payload: Mapping[str, Any], step: str) -> Cause:
    """The cause of what a workflow step commits."""
    return Cause(kind="workflow", ref=str(payload.get("cause", "")), actor=step)
