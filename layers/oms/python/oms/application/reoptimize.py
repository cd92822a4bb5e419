"""Look again at where planned orders are bound, all of them at once, before their warehouses are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.application.offering import offered
from oms.application.orders import loaded_after
from oms.application.planning import SOURCING
from oms.domain import ids
from oms.domain.commit import Cause
from oms.domain.errors import (
    ContentionError,
    InsufficientStockError,
    InvalidCursorError,
    InvalidTransitionError,
    LedgerImbalanceError,
    SourcingInputError,
    UnknownEventError,
    VersionConflictError,
)
from oms.domain.frozen import frozen
from oms.domain.offers import Offer
from oms.domain.order.commands import MoveLines
from oms.domain.order.releasing import movable, planned_units, release_at
from oms.domain.order.status import Stage, stage
from oms.domain.sourcing.batch import Batch, BatchOrder
from oms.domain.sourcing.moving import kept_move, trades
from oms.domain.sourcing.releasing import last_release
from oms.domain.stock import MAX_POSITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from oms.application.orders import Loaded, Orders
    from oms.application.planning import PlanOrder
    from oms.application.ports import Clock, Views
    from oms.domain.order.events import NodeUnits
    from oms.domain.order.state import Order
    from oms.domain.sourcing.deciding import Asked
    from oms.domain.sourcing.moving import PricedMove, Trade
    from oms.domain.sourcing.request import Candidate, SourcingRequest

PAGE: Final = 100
MOST: Final = 400
"""Orders of one run: so many are read and traded within the life of a function."""
BACK: Final = timedelta(days=45)
"""Orders placed before are left where they are."""
LARGEST: Final = 20
"""Lines of an order that may trade."""
MOST_COMMITS: Final = 8
KIND: Final = "reoptimization"
"""Of the rows that tell of runs."""
KEEP_DAYS: Final = 90
LOST: Final = (VersionConflictError, InsufficientStockError, InvalidTransitionError, ContentionError)
"""Somebody else was first: released, cancelled, promised. The next run sees what is there then."""
CAUSE: Final = Cause(kind="watchdog", ref="reoptimize_orders", actor="reoptimize")


@frozen(kw_only=False)
class Bound:
    """An order that may trade: as it was read, where it is bound, and what sourcing would be asked for it."""

    loaded: Loaded
    order: Order
    units: tuple[NodeUnits, ...]
    asked: Asked

    @property
    def promise(self) -> datetime:
        """The earliest of its parcels' dates: none of its lines may come later."""
        return min(each.promised_by for each in movable(self.order))

    @property
    def group(self) -> tuple[str, str, str]:
        """Those of one group see the same stock and go by one rule."""
        return self.order.placed.channel, self.order.placed.account, self.asked.rule.name


@frozen(kw_only=False)
class ReoptimizeOrders:
    """Each trade is one transaction: the commits of its orders, each on its next number, and the stock of all nodes.

    Whoever releases, cancels or promises at the same time wins or loses as a whole. A run that ends early says where
    (`next`), and the next one goes on there.
    """

    orders: Orders
    views: Views
    plan: PlanOrder
    now: Clock

    def __call__(self, more: Callable[[], bool] = lambda: True) -> dict[str, Any]:
        """{'at', 'looked', 'unread', 'movable', 'moved', 'trades', 'lost', 'saved', 'next'}; `saved` in minor units.

        Nothing is read but the rules while none of them has releases wait. An order that cannot be read, or planned on,
        stays and does not stop the others.
        """
        now = self.now()
        told: dict[str, Any] = {"at": now.isoformat(), "looked": 0, "unread": 0, "movable": 0, "moved": 0}
        told |= {"trades": 0, "lost": 0, "saved": 0, "next": ""}
        document = self.plan.reference.policy(SOURCING).get("document", {})
        if not any(rule.get("release") for rule in document.get("rules", ())):
            return told
        rows, told["next"] = self._rows(now, more)
        told["looked"] = len(rows)
        for group in self._groups(rows, now, more, told):
            try:
                self._trade(group, now, more, told)
            except SourcingInputError:
                told["unread"] += len(group)
        if told["looked"]:
            self.views.put_row(KIND, told["at"], told, keep_days=KEEP_DAYS)
        return told

    def _groups(
        self, rows: Iterable[Mapping[str, Any]], now: datetime, more: Callable[[], bool], told: dict[str, Any]
    ) -> list[list[Bound]]:
        groups: dict[tuple[str, str, str], list[Bound]] = {}
        for row in rows:
            if not more():
                break
            try:
                bound = self._bound(row["order_id"], now)
            except (UnknownEventError, LedgerImbalanceError, SourcingInputError):
                told["unread"] += 1
                continue
            if bound is not None:
                told["movable"] += 1
                groups.setdefault(bound.group, []).append(bound)
        return list(groups.values())

    def _rows(self, now: datetime, more: Callable[[], bool]) -> tuple[list[Mapping[str, Any]], str]:
        """Planned orders from where the last run ended, and where this one does."""
        last, _ = self.views.list_rows(KIND, 1, "")
        cursor = str(last[0].get("next", "")) if last else ""
        rows: list[Mapping[str, Any]] = []
        while len(rows) < MOST and more():
            page = (Stage.PLANNED.value, now - BACK, now, PAGE)
            try:
                found, cursor = self.views.list_orders("stage", *page, cursor)
            except InvalidCursorError:  # of orders that are too old by now
                found, cursor = self.views.list_orders("stage", *page, "")
            rows.extend(found)
            if not cursor:
                break
        return rows, cursor

    def _bound(self, order_id: str, now: datetime) -> Bound | None:
        """The order as its log has it, if it may trade."""
        loaded = self.orders.load(order_id)
        order = loaded.order
        if order is None or stage(order) is not Stage.PLANNED or order.rejected_nodes:
            return None
        units, due = planned_units(order), release_at(order)
        lines = {part.line_id: part.quantity for part in units}
        whole = 0 < len(lines) == len(units) <= LARGEST
        if not whole or due is None or due <= now or any(part.drawn or part.components for part in units):
            return None
        return Bound(loaded, order, units, self.plan.ask(order, lines, now, Offer([], now)))

    def _trade(self, group: Sequence[Bound], now: datetime, more: Callable[[], bool], told: dict[str, Any]) -> None:
        offer = self._offer(group, now)
        first = group[0].order
        asked = self.plan.ask(first, {part.line_id: part.quantity for part in group[0].units}, now, offer)
        candidates = self._priced(asked.request.candidates, group)
        missing = {(at.sku, at.node_id) for at in offer.positions if at.short}
        nodes = {node.node_id for node in candidates}
        known = {
            each.order.order_id: each
            for each in group
            if all(part.node_id in nodes and (part.sku, part.node_id) not in missing for part in each.units)
        }
        batch = _batch(known, replace(asked.request, candidates=candidates))
        loaded = {key: bound.loaded for key, bound in known.items()}
        elsewhere: set[str] = set()
        for trade in trades(batch, {key: bound.units for key, bound in known.items()}, asked.rule.policy):
            if not more():
                return
            orders = {move.order_id for move in trade.moves}
            if not elsewhere.isdisjoint(orders):
                elsewhere |= orders  # it follows on a trade that was not made
                continue
            commands = []
            for move in trade.moves:
                bound, then = known[move.order_id], loaded[move.order_id]
                own = replace(bound.asked.request, candidates=candidates, promise=bound.promise)
                made = kept_move(trade, move, own, asked.rule, asked.network_id)
                until = last_release(_open(own), {part.node_id for part in move.after}, bound.promise)
                commands.append((then, _command(then, move, offer, until, made)))
            if not self._commit(trade, commands, first.placed.channel, loaded, told):
                elsewhere |= orders

    def _priced(self, candidates: Iterable[Candidate], group: Iterable[Bound]) -> tuple[Candidate, ...]:
        """Nodes with what giving away a unit costs, also of SKUs of which they have no more than the orders hold."""
        skus = dict.fromkeys(part.sku for each in group for part in each.units)
        unit = {known.candidate.node_id: known.per_unit for known in self.plan.reference.network().nodes}
        return tuple(
            replace(node, costs=replace(node.costs, per_unit=dict.fromkeys(skus, unit[node.node_id])))
            if unit.get(node.node_id)
            else node
            for node in candidates
        )

    def _offer(self, group: Iterable[Bound], now: datetime) -> Offer:
        """What the group's account may take of their SKUs, beside what they have."""
        units: dict[str, int] = {}
        placed = None
        for each in group:
            placed = each.order.placed
            for part in each.units:
                units[part.sku] = units.get(part.sku, 0) + part.quantity
        if placed is None:
            return Offer([], now)
        return offered(self.plan.stock.to_promise(units), self.plan.reference, placed.channel, placed.account, now)

    def _commit(
        self,
        trade: Trade,
        commands: Sequence[tuple[Loaded, MoveLines]],
        channel: str,
        loaded: dict[str, Loaded],
        told: dict[str, Any],
    ) -> bool:
        """Whether the trade was made."""
        places = {place for move in trade.moves for part in (*move.before, *move.after) for place in part.places}
        if len(commands) > MOST_COMMITS or len(places) + len(commands) > MAX_POSITIONS:
            return False
        try:
            done = self.orders.execute_together(
                commands, CAUSE, lambda deltas: self.plan.buffers().kept(deltas, channel)
            )
        except LOST:
            told["lost"] += 1
            return False
        for outcome in done:
            after = loaded_after(outcome)
            if after is not None:
                loaded[outcome.order.order_id] = after
        told["moved"] += len(done)
        told["trades"] += 1
        told["saved"] += trade.saved
        return True


def _batch(known: Mapping[str, Bound], request: SourcingRequest) -> Batch:
    return Batch(
        orders=tuple(
            BatchOrder(
                order_id=order_id,
                lines=bound.asked.request.lines,
                ship_to=bound.order.placed.ship_to,
                promise=bound.promise,
            )
            for order_id, bound in known.items()
        ),
        candidates=request.candidates,
        at=request.at,
        tariff=request.tariff,
        extra_parcel=request.extra_parcel,
        union=request.union,
    )


def _open(request: SourcingRequest) -> SourcingRequest:
    """With nodes that are full by what the orders hold there."""
    return replace(request, candidates=tuple(replace(node, orders_left=None) for node in request.candidates))


def _command(loaded: Loaded, move: PricedMove, offer: Offer, until: datetime, decision: Mapping[str, Any]) -> MoveLines:
    stays = {(part.line_id, part.node_id) for part in move.before}
    moved = offer.draw(part for part in move.after if (part.line_id, part.node_id) not in stays)
    rest = [part for part in move.after if (part.line_id, part.node_id) in stays]
    return MoveLines(
        command_id=ids.command_id("move", loaded.history.stream, str(loaded.history.number)),
        units=(*moved, *rest),
        release_at=until,
        decision=decision,
    )
