"""Buyers of one SKU at one node, all at once: each order is promised by the product's own step, commit included."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from oms.adapters.commit_item import commit_from_item, commit_to_item
from oms.adapters.dynamodb_log import DynamoLog, DynamoStock
from oms.adapters.reshape import Reshape
from oms.adapters.shards import Shards, row_from_item
from oms.application.holds import StockHolds
from oms.application.orders import Orders, stream_of
from oms.application.planning import PlanOrder
from oms.application.promise import PromiseOrderStep, workflow_cause
from oms.application.stock import MoveStock
from oms.domain import ids
from oms.domain.commit import GENESIS, Cause, Commit
from oms.domain.errors import OmsError
from oms.domain.movements import MovementKind
from oms.domain.order.decider import decide
from oms.domain.order.evolve import fold
from oms.domain.order.summary import summarize
from oms.domain.sourcing.deciding import decide_sourcing
from oms.domain.stock import COMPONENTS, StockMovement, event_deltas
from tests.proof.hot.limits import LimitedTables
from tests.proof.hot.moments import Moments
from tests.proof.memory import MemoryOpenWork, MemoryReference
from tests.support.builders import T0, line, paid, snapshot, sync_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tests.proof.memory.tables import Item, Key

SKU: Final = "SKU-1"
NODE: Final = "WH1"
CONCURRENCY: Final = 1000
"""Functions at a time: Lambda's default quota of an account."""
OWN_S: Final = 0.010
"""What a function computes for one promise."""
AGAIN_S: Final = 1.0
"""After which the workflow tries a step again that failed."""
MOST_AGAIN: Final = 60
CAUSE: Final = Cause(kind="api", ref="r:k", actor="warehouse")


def _placed_commit(order_id: str) -> Commit:
    """The commit that places an order of one unit."""
    command = sync_command(paid(snapshot(line())))
    events = decide(order_id, None, command)
    order = fold(order_id, events)
    if order is None:
        raise ValueError(order_id)
    return Commit(
        stream=stream_of(order_id),
        number=1,
        command_id=command.command_id,
        cause=CAUSE,
        at=T0,
        events=events,
        previous=GENESIS,
        summary=summarize(order, T0, None),
    )


class _Alone(Reshape):
    """Never spreads."""

    def heat(self, *_: Any) -> None:
        """Nothing."""


@dataclass
class Sale:
    """`spreads` False keeps the position in its one row."""

    buyers: int
    units: int
    seed: int = 1
    spreads: bool = True
    concurrency: int = CONCURRENCY
    moments: Moments = field(default_factory=Moments)
    attempts: int = 0
    sold: int = 0
    refused: int = 0
    stranded: int = 0
    gave_up: int = 0
    last_sold: float = 0.0
    widest: int = 1
    free: int = 0
    """Units available, summed over rows, at this instant."""

    def __post_init__(self) -> None:
        # A stream is looked at a few times until its buyer writes to it.
        placed = lru_cache(4 * self.concurrency)(self._placed)
        self.tables = LimitedTables(self.moments, random.Random(self.seed), placed)
        self.template = _placed_commit("ord_0")
        self.reference = MemoryReference()
        self.reference.put("node", NODE, {"node_id": NODE, "country": "DE", "latitude": 52.5, "longitude": 13.4})
        self.reference.put("product", SKU, {"sku": SKU})
        self.waiting = iter(range(self.buyers))

    def _placed(self, pk: str) -> Mapping[str, Item]:
        """An order's stream as it was before its promise: made when it is asked for."""
        if not pk.startswith("order#"):
            return {}
        summary = {**self.template.summary, "order_id": pk.removeprefix("order#")}
        item = commit_to_item(replace(self.template, stream=pk, summary=summary))
        return {item["sk"]["S"]: item}

    def now(self) -> datetime:
        """The instant, as commits carry it."""
        return T0 + timedelta(hours=1, seconds=self.moments.now)

    def run(self) -> dict[str, Any]:
        """The figures."""
        log = DynamoLog(self.tables, "events", "stock", wait=self.moments.wait)
        opening = [StockMovement(sku=SKU, node_id=NODE, kind=MovementKind.RECEIPT, quantity=self.units)]
        self.tables.watch = self._watch
        self.moments.spawn(lambda: self._open(MoveStock(log, self.reference, self.now), opening))
        self.moments.run()
        began = self.moments.now
        self.tables.sent = self._sent
        for number in range(min(self.concurrency, self.buyers)):
            self.moments.spawn(self._function(number))
        state = random.getstate()
        random.seed(self.seed)  # the adapter's jitter
        try:
            self.moments.run()
        finally:
            random.setstate(state)
        return self._figures(began)

    @staticmethod
    def _open(move: MoveStock, movements: Sequence[StockMovement]) -> None:
        move("opening", movements, CAUSE)

    def _function(self, number: int) -> Any:
        """A warm function: its own memory, one order after the other."""
        tables, wait = self.tables, self.moments.wait
        shards = Shards(tables, "stock", lambda: self.moments.now)
        log = DynamoLog(tables, "events", "stock", shards, wait)
        if not self.spreads:
            log.reshape = _Alone(shards, log.read, lambda *_: None)
        stock = DynamoStock(tables, "stock", shards)
        plan = PlanOrder(stock, self.reference, MemoryOpenWork(), decide_sourcing)
        step = PromiseOrderStep(Orders(log, self.now), plan, self.now, StockHolds(log, self.now))
        chance = random.Random(self.seed * 100_003 + number)

        def work() -> None:
            wait(0.02 * chance.random())
            for buyer in self.waiting:
                self._buy(step, ids.order_id("shopify", "shop-1", str(buyer)), chance)

        return work

    def _buy(self, step: PromiseOrderStep, order_id: str, chance: random.Random) -> None:
        for _ in range(MOST_AGAIN):
            self.moments.wait(OWN_S * (0.7 + 0.6 * chance.random()))
            try:
                step(order_id, workflow_cause({"cause": "sale"}, "promise"), None)
            except (OmsError, ClientError):
                self.moments.wait(AGAIN_S * chance.random())
            else:
                return
        self.gave_up += 1

    # ---------------------------------------------------------------- what is seen from outside

    def _sent(self, keys_: Sequence[Key]) -> None:
        """A transaction of an order that binds stock is tried."""
        of_order = keys_[0][1].startswith("order#")
        self.attempts += of_order and any(table == "stock" for table, _, _ in keys_)

    def _watch(self, key: Key, item: Item | None) -> None:
        """Before an item is written."""
        table, pk, sk = key
        if item is None:
            return
        if table == "stock":
            old = self.tables.data.get((table, pk), {}).get(sk, {})
            self.free += _available(item) - _available(old)
            self.widest = max(self.widest, int(item.get("shards", {"N": "1"})["N"]))
        elif pk.startswith("order#"):
            events = commit_from_item(item).events
            bound = sum(delta.reserved for event in events for delta in event_deltas(event))
            if bound:
                self.sold += bound
                self.last_sold = self.moments.now
            else:
                self.refused += 1
                self.stranded += self.free > 0

    def _figures(self, began: float) -> dict[str, Any]:
        rows = [row_from_item(each) for each in self.tables.scan(TableName="stock")["Items"]]
        whole = {name: sum(getattr(each, name) for each in rows) for name in COMPONENTS}
        unsound = [each for each in rows if not each.balanced or min(each.changes.values(), default=0) < 0]
        if unsound or whole["reserved"] != self.sold or whole["on_hand"] != self.units:
            raise RuntimeError(f"stock does not add up: {whole}, sold {self.sold}, {unsound}")
        seconds = self.last_sold - began
        return {
            "buyers": self.buyers,
            "attempts": self.attempts,
            "sold": self.sold,
            "oversold": max(0, self.sold - self.units),
            "refused": self.refused,
            "stranded": self.stranded,
            "gave_up": self.gave_up,
            "reservations_per_s": round(self.sold / seconds) if seconds else 0,
            "shards": self.widest,
            "seconds": round(seconds, 3),
            "all_answered_s": round(self.moments.now - began, 3),
            **self.tables.spent,
        }


def _available(item: Mapping[str, Any]) -> int:
    return int(item.get("available", {"N": "0"})["N"])
