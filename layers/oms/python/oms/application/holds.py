"""Hold stock for a buyer for a time, let go of it, and write down that its time is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.application.exactly_once import Aggregate, Asked, Read, run_once
from oms.application.offering import offered
from oms.application.stock import check_known
from oms.domain import ids
from oms.domain.buffers import POLICY, read_buffers
from oms.domain.commit import Cause
from oms.domain.errors import IdempotencyKeyReusedError, InsufficientStockError, StockHoldNotFoundError
from oms.domain.frozen import frozen
from oms.domain.holding import HeldUnits, due_marks, expire, extend, fold_hold, make_hold, release
from oms.domain.kits import parts_of, stock_skus
from oms.domain.sourcing.request import SourcingRequest, WantedLine
from oms.domain.stock import stock_deltas

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta

    from oms.application.ports import Clock, Log, Reference, Stock
    from oms.domain.buffers import Buffers
    from oms.domain.canonical import ShipTo
    from oms.domain.commit import Commit
    from oms.domain.history import History
    from oms.domain.holding import HoldEvent, HoldKind, StockHold
    from oms.domain.kits import Components
    from oms.domain.offers import Offer
    from oms.domain.sourcing.request import SourcingPlan
    from oms.domain.stock import StockDelta

REPLANS: Final = 4
"""Choices of nodes made anew because stock that they counted on was taken meanwhile."""
SWEPT: Final = 250
"""Due holds looked at in one run, of each of four partitions."""
REAPED: Final = 25
"""Due holds looked at, of each partition, before somebody is told that too little is left."""
SWEEP: Final = Cause(kind="watchdog", ref="expire_holds", actor="watchdog")


def stream_of_hold(hold_id: str) -> str:
    """The event stream of a hold of stock."""
    return f"hold#{hold_id}"


@frozen
class LoadedHold:
    """A hold and the stream it was folded from; `hold` is None when the stream is empty."""

    hold: StockHold | None
    history: History


@frozen
class WantedUnits:
    """Units of a SKU; without a node, wherever they are."""

    sku: str
    quantity: int
    node_id: str = ""


@frozen
class HoldRequest:
    """All of `wanted`, or nothing, for so long. `ship_to` is for choosing nodes, `account` for pools of the channel."""

    kind: HoldKind
    channel: str
    wanted: tuple[WantedUnits, ...]
    lasts: timedelta
    ship_to: ShipTo | None = None
    account: str = "main"


@frozen(kw_only=False)
class StockHolds:
    """Holds of stock over the log."""

    log: Log
    now: Clock

    def load(self, hold_id: str) -> LoadedHold:
        """As it stands."""
        history = self.log.read(stream_of_hold(hold_id))
        return LoadedHold(hold=fold_hold(history.events()), history=history)

    def get(self, hold_id: str) -> StockHold:
        """Raises StockHoldNotFoundError."""
        hold = self.load(hold_id).hold
        if hold is None:
            raise StockHoldNotFoundError("no such hold", hold_id=hold_id)
        return hold

    def execute(
        self,
        hold_id: str,
        command_id: str,
        cause: Cause,
        decide: Callable[[StockHold | None, datetime], tuple[HoldEvent, ...]],
        on: Callable[[Sequence[StockDelta]], Sequence[StockDelta]] = tuple,
    ) -> tuple[StockHold, bool]:
        """The hold after a command, and whether it changed anything now; once by the command's id.

        `on` says on what conditions stock moves.

        Raises what `decide` raises, StockHoldNotFoundError, InsufficientStockError, IdempotencyKeyReusedError,
        ContentionError.
        """

        def read() -> Read[StockHold]:
            loaded = self.load(hold_id)
            return Read(state=loaded.hold, history=loaded.history)

        def append(commit: Commit, before: StockHold | None, after: StockHold) -> Commit:
            self.log.append(commit, stock=on(stock_deltas(commit.events)), due=due_marks(before, after))
            return commit

        aggregate = Aggregate(
            read=read,
            fold=fold_hold,
            append=append,
            now=self.now,
            missing=StockHoldNotFoundError,
            named={"hold_id": hold_id},
        )
        ran = run_once(aggregate, lambda _: Asked(command_id=command_id, decide=decide), cause)
        return ran.state, ran.commit is not None


@frozen(kw_only=False)
class ExpireHolds:
    """Write down of holds whose time is over that it is: their units are free from that commit on, once."""

    holds: StockHolds
    stock: Stock
    now: Clock

    def __call__(self, limit: int = SWEPT, skus: frozenset[str] | None = None) -> dict[str, int]:
        """{'expired', 'unread': holds that could not be looked at}; of these SKUs only, when some are given.

        Somebody who claims, extends or lets go of a hold meanwhile wins or loses by the number of its next commit.
        """
        counts = {"expired": 0, "unread": 0}
        for due in self.stock.due_holds(self.now(), limit):
            if skus is not None and skus.isdisjoint(due.skus):
                continue
            try:
                _, changed = self.holds.execute(due.hold_id, ids.command_id("expire_hold", due.hold_id), SWEEP, expire)
            except Exception:  # noqa: BLE001 - whatever it is, the next hold has its turn; this one comes again
                counts["unread"] += 1
            else:
                counts["expired"] += changed
        return counts


@frozen(kw_only=False)
class HoldStock:
    """Hold units for a buyer: all that is wanted, or none."""

    holds: StockHolds
    stock: Stock
    reference: Reference
    sourcing: Callable[[SourcingRequest], SourcingPlan]
    expire_holds: ExpireHolds

    def __call__(self, key: str, request: HoldRequest, cause: Cause) -> tuple[StockHold, bool]:
        """The hold, and whether it was made now.

        Holds whose time is over do not stand in the way: before anybody is refused, they are let go of. Raises
        InsufficientStockError (`skus` names those of which too little is left), InvalidInputError (fields that do not
        fit, unknown node or SKU), IdempotencyKeyReusedError.
        """
        nodes = {each.node_id for each in request.wanted if each.node_id}
        made_of = check_known(self.reference, nodes, {each.sku for each in request.wanted})
        hold_id = ids.derive("sth", key)
        skus = frozenset(stock_skus(made_of))

        def decide(hold: StockHold | None, now: datetime) -> tuple[HoldEvent, ...]:
            if hold is not None:
                raise IdempotencyKeyReusedError("this Idempotency-Key was used for another request")
            units = self._choose(request, made_of, now)
            return (make_hold(hold_id, request.kind, request.channel, units, now, request.lasts),)

        def on(deltas: Sequence[StockDelta]) -> Sequence[StockDelta]:
            return self._buffers().kept(deltas, request.channel)

        left = REPLANS
        while True:
            left -= 1
            try:
                return self.holds.execute(hold_id, ids.command_id("hold_stock", key), cause, decide, on)
            except InsufficientStockError as error:
                if not left:
                    raise _short(error, made_of) from error
                if left == REPLANS - 1:
                    self.expire_holds(REAPED, skus)

    def _choose(self, request: HoldRequest, made_of: Mapping[str, Components], now: datetime) -> list[HeldUnits]:
        """Units by node: those that name their node, the others as sourcing would. Drawn from pools as by orders."""
        rows = self.stock.positions(stock_skus(made_of))
        offer = offered(rows, self.reference, request.channel, request.account, now)
        return offer.hold(self._at_nodes(request, made_of, now, self._available(request.channel, offer)))

    def _at_nodes(
        self,
        request: HoldRequest,
        made_of: Mapping[str, Components],
        now: datetime,
        available: Mapping[str, Mapping[str, int]],
    ) -> list[HeldUnits]:
        candidates = self.reference.nodes(available)
        left = {each.node_id: dict(each.available) for each in candidates if not each.excluded}
        chosen = []
        for each in request.wanted:
            if not each.node_id:
                continue
            at_node = left.setdefault(each.node_id, {})
            held = HeldUnits(sku=each.sku, node_id=each.node_id, quantity=each.quantity, components=made_of[each.sku])
            for sku, units in held.parts:
                at_node[sku] = at_node.get(sku, 0) - units
                if at_node[sku] < 0:
                    raise InsufficientStockError("not enough stock", skus=[each.sku], nodes=[each.node_id])
            chosen.append(held)
        free = tuple(
            WantedLine(line_id=str(index), sku=each.sku, quantity=each.quantity, components=made_of[each.sku])
            for index, each in enumerate(request.wanted)
            if not each.node_id
        )
        if not free:
            return chosen
        plan = self.sourcing(
            SourcingRequest(lines=free, ship_to=request.ship_to, candidates=self.reference.nodes(left), at=now)
        )
        if plan.short:
            short = {part.line_id for part in plan.short}
            raise InsufficientStockError(
                "not enough stock", skus=sorted({each.sku for each in free if each.line_id in short})
            )
        return chosen + [
            HeldUnits(sku=part.sku, node_id=part.node_id, quantity=part.quantity, components=part.components)
            for part in plan.units
        ]

    def _buffers(self) -> Buffers:
        return read_buffers(self.reference.policy(POLICY))

    def _available(self, channel: str, offer: Offer) -> dict[str, dict[str, int]]:
        available: dict[str, dict[str, int]] = {}
        for position in self._buffers().offered(offer.positions, channel):
            at_node = available.setdefault(position.node_id, {})
            units = position.promisable + offer.pooled(position)
            at_node[position.sku] = at_node.get(position.sku, 0) + units
        return available


def _short(error: InsufficientStockError, made_of: Mapping[str, Components]) -> InsufficientStockError:
    """The refusal as a buyer's shop is told it: which SKUs of those that it asked for, whoever found out."""
    positions: Any = error.context.get("positions", ())
    lacking = {each["sku"] for each in positions}
    asked = [sku for sku, components in made_of.items() if lacking & {part for part, _ in parts_of(sku, components)}]
    skus: Any = error.context.get("skus") or sorted(asked)
    return InsufficientStockError("not enough stock", skus=skus)


@frozen(kw_only=False)
class ExtendHold:
    """Give a buyer more time."""

    holds: StockHolds

    def __call__(self, hold_id: str, key: str, lasts: timedelta, cause: Cause) -> tuple[StockHold, bool]:
        """The hold, and whether it changed now. Raises the refusals of `holding.extend`."""
        command_id = ids.command_id("extend_hold", hold_id, key)
        return self.holds.execute(hold_id, command_id, cause, lambda hold, now: extend(hold, now, lasts))


@frozen(kw_only=False)
class ReleaseHold:
    """Let go of a hold; whoever asks again is told what became of it."""

    holds: StockHolds

    def __call__(self, hold_id: str, key: str, cause: Cause) -> tuple[StockHold, bool]:
        """The hold, and whether it changed now. Raises the refusals of `holding.release`."""
        return self.holds.execute(hold_id, ids.command_id("release_hold", hold_id, key), cause, release)
