"""The product over ports in memory: its use cases, wired as the composition root wires them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from oms.application.customers import Customers
from oms.application.feed import TakeStockFeed
from oms.application.holds import ExpireHolds, ExtendHold, HoldStock, ReleaseHold, StockHolds
from oms.application.intake import ReplayParked, SyncSnapshot, TakeDelivery
from oms.application.orders import stream_of
from oms.application.payment_events import TakePaymentEvent
from oms.application.planning import PlanOrder
from oms.application.promise import (
    AuthorizePaymentStep,
    PromiseOrderStep,
    ScreenAndPromise,
    ScreenOrderStep,
    workflow_cause,
)
from oms.application.relay import RelayCommit
from oms.application.reoptimize import ReoptimizeOrders
from oms.application.settle import SettlePaymentStep
from oms.application.stock import CountStock, MoveStock
from oms.application.supply import TakeSupply
from oms.application.tracking import ShowOrder, TakeTracking
from oms.application.watchdog import ListUnpromised, RedriveOverdue
from oms.domain.commit import Cause
from oms.domain.order.status import NextStep
from oms.domain.payments import AuthorizationResult, AuthorizationState
from oms.domain.sourcing.engine import source
from tests.proof.interleave.gate import Gate
from tests.proof.interleave.remember import RememberingLog, RememberingOrders, remembered_decision, remembered_step
from tests.proof.memory import (
    MemoryBus,
    MemoryContacts,
    MemoryFeed,
    MemoryLog,
    MemoryOpenWork,
    MemoryPayments,
    MemoryQuarantine,
    MemoryQueue,
    MemoryReference,
    MemoryStock,
    MemoryViews,
    MemoryWorkflows,
    Store,
)
from tests.support.builders import minutes, nowhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from oms.domain.commit import Commit
    from oms.domain.order.state import Order

NODES: Final = (("WH1", 52.5), ("WH2", 48.1), ("WH3", 41.0))
SKUS: Final = ("SKU-1", "SKU-2")
ROUNDS: Final = 10
"""Bursts of one order after which it should have come to rest."""


class NoVendors:
    """No delivery here needs a vendor to be asked."""

    def fetch(self, *_: Any) -> dict[str, list[dict[str, Any]]]:
        """Never."""
        raise NotImplementedError

    def pages(self, *_: Any) -> Iterator[Mapping[str, Any]]:
        """Never."""
        raise NotImplementedError


class Uses:
    """Use cases over one set of ports."""

    def __init__(self, ports: Ports, now: Callable[[], datetime]) -> None:
        log, views, providers = ports.log, ports.views, {"stripe": ports.payments}
        self.payments = ports.payments
        self.orders = orders = RememberingOrders(log, now)
        self.stock = ports.stock
        self.sync = SyncSnapshot(orders, ports.contacts, ports.reference, Customers(lambda: "key"), nowhere)
        self.show = ShowOrder(orders, log)
        tracking = TakeTracking(orders, log, views)
        events = TakePaymentEvent(orders, views, providers)
        self.take = TakeDelivery(self.sync, orders, tracking, events, NoVendors(), ports.quarantine, now)
        self.replay = ReplayParked(self.take, ports.quarantine, lambda _pk, _sk: None, lambda _message: None)
        self.authorize = AuthorizePaymentStep(orders, providers, now)
        holds = StockHolds(log, now)
        plan = PlanOrder(ports.stock, ports.reference, ports.work, remembered_decision)
        self.promise = PromiseOrderStep(orders, plan, now, holds)
        self.usual = ScreenAndPromise(ScreenOrderStep(orders, ports.reference), self.promise)
        self.expire_holds = ExpireHolds(holds, ports.stock, now)
        self.hold = HoldStock(holds, ports.stock, ports.reference, source, self.expire_holds)
        self.extend_hold = ExtendHold(holds)
        self.release_hold = ReleaseHold(holds)
        self.holds = holds
        self.stock = ports.stock
        self.settle = SettlePaymentStep(orders, providers, now)
        self.supply = TakeSupply(log, ports.reference, now)
        self.plan = plan
        self.reoptimize = ReoptimizeOrders(orders, views, plan, now)
        self.move = MoveStock(log, ports.reference, now)
        self.count = CountStock(log, ports.stock, ports.reference, now)
        self.feed = TakeStockFeed(log, ports.feed, ports.reference, now)
        self.views = views
        self.project = views.project
        self.relay = RelayCommit(views, ports.workflows, ports.bus)
        self.list_unpromised = ListUnpromised(views)
        self.watchdog = RedriveOverdue(orders, views, ports.workflows, ports.quarantine, ports.queue.send, now)

    def burst(self, payload: Mapping[str, Any]) -> str:
        """One execution of the workflow `b2c_order`; the state that it ended in."""
        order_id = payload["order_id"]
        if payload["step"] in (NextStep.SETTLE.value, NextStep.RETURN.value):
            self.settle(order_id, workflow_cause(payload, "settle"))
            return "settled"
        if payload["step"] == NextStep.CANCEL.value:
            self.promise(order_id, workflow_cause(payload, "promise"), None)
            return "promised"
        told = self.usual(order_id, payload)
        if not told["authorize"]:
            return "promised" if told["promised"] or told["short"] else "waiting"
        told = self.authorize(order_id, workflow_cause(payload, "authorize"))
        if told["state"] not in ("authorized", "captured"):
            return "waiting"
        ends = datetime.fromisoformat(told["expires_at"]) if "expires_at" in told else None
        held = AuthorizationResult(state=AuthorizationState(told["state"]), amount=told["amount"], expires_at=ends)
        self.promise(order_id, workflow_cause(payload, "promise"), held)
        return "promised"


@dataclass(slots=True, kw_only=True)
class Ports:
    """One of each."""

    log: MemoryLog
    stock: MemoryStock
    feed: MemoryFeed
    work: MemoryOpenWork
    views: MemoryViews
    quarantine: MemoryQuarantine
    payments: MemoryPayments
    contacts: MemoryContacts
    reference: MemoryReference
    workflows: MemoryWorkflows
    queue: MemoryQueue
    bus: MemoryBus


@dataclass(slots=True)
class Without:
    """Mechanisms that are taken out of a world."""

    log: type[MemoryLog] = RememberingLog
    stock: type[MemoryStock] = MemoryStock
    contacts: type[MemoryContacts] = MemoryContacts
    quarantine: type[MemoryQuarantine] = MemoryQuarantine
    own_times: bool = True
    """False: the time of arrival stands for the sender's own time of a change."""
    own_ids: bool = True
    """False: the provider's events do not carry our ids of refunds."""


@dataclass(slots=True)
class World:
    """One shop. `racing` are the use cases as workers have them; `calm` run undisturbed, before and after."""

    store: Store = field(default_factory=Store)
    gate: Gate = field(default_factory=Gate)
    without: Without = field(default_factory=Without)
    clock: datetime = field(default_factory=partial(minutes, 60))
    arrived: int = 0
    """Inputs that have arrived, for worlds that go by that."""
    calm: Uses = field(init=False)
    racing: Uses = field(init=False)
    payments: MemoryPayments = field(init=False)
    _marked: datetime = field(init=False)

    def __post_init__(self) -> None:
        reference = MemoryReference(self.store)
        for node, latitude in NODES:
            row = {"node_id": node, "country": "DE", "latitude": latitude, "longitude": 13.0}
            reference.put("node", node, row)
        for sku in SKUS:
            reference.put("product", sku, {"sku": sku})
        self.payments = MemoryPayments(self.store)
        self._marked = self.clock
        self.wire()

    def product(self, sku: str, **fields: Any) -> None:
        """One more product; a kit with `components`, which are made known too."""
        reference = MemoryReference(self.store)
        reference.put("product", sku, {"sku": sku, **fields})
        for part in fields.get("components", {}):
            reference.put("product", part, {"sku": part})

    def wire(self) -> None:
        """Make the use cases anew, after a mechanism was taken out."""
        self.calm = Uses(self._ports(None), self.now)
        self.racing = Uses(self._ports(self.gate), self.now)

    def _ports(self, gate: Gate | None) -> Ports:
        store = self.store
        return Ports(
            log=self.without.log(store, gate),
            stock=self.without.stock(store, gate),
            feed=MemoryFeed(store, gate),
            work=MemoryOpenWork(store, gate),
            views=MemoryViews(store, gate),
            quarantine=self.without.quarantine(store, gate),
            payments=MemoryPayments(store, gate),
            contacts=self.without.contacts(store, gate),
            reference=MemoryReference(store),
            workflows=MemoryWorkflows(store, gate),
            queue=MemoryQueue(store, gate),
            bus=MemoryBus(store, gate),
        )

    def now(self) -> datetime:
        """Stands still while workers race; moved on by hand."""
        return self.clock

    def mark(self) -> None:
        """Every schedule begins here."""
        self.store.mark()
        self._marked = self.clock

    def back(self) -> None:
        """As it was at `mark`."""
        self.store.back()
        self.clock = self._marked
        self.arrived = 0
        self.gate.schedule = None

    def arrival(self) -> datetime:
        """A time later than any before, in the order of arrival."""
        self.arrived += 1
        return minutes(1000 + self.arrived)

    def order(self, order_id: str) -> Order:
        """As it stands."""
        return self.calm.orders.get(order_id)

    def commits(self, order_id: str) -> tuple[Commit, ...]:
        """Of an order."""
        known = self.store.streams.get(stream_of(order_id))
        return known.history.commits if known else ()

    def order_ids(self) -> list[str]:
        """Every order's."""
        return [stream.removeprefix("order#") for stream in self.store.streams if stream.startswith("order#")]

    def drive(self, order_id: str) -> Order | None:
        """Bring an order to rest as workflows do; stops when nothing is to be done, or after `ROUNDS`."""
        order = self.calm.orders.load(order_id).order
        for round_ in range(ROUNDS):
            step = remembered_step(order) if order else NextStep.NONE
            if step is NextStep.NONE:
                break
            self.calm.burst({"order_id": order_id, "step": step.value, "cause": f"drive:{round_}"})
            order = self.calm.orders.load(order_id).order
        return order

    def recover(self) -> None:
        """Faults have stopped: the stream brings every commit, what it starts runs, the watchdog runs, until rest."""
        store = self.store
        relayed: set[tuple[str, int]] = set()
        for _ in range(ROUNDS):
            before = self._size()
            self._relay_all(relayed)
            self._run_started()
            self.calm.list_unpromised([each.history.commits[0] for each in store.streams.values()])
            for message in store.take(store.queued):
                self.calm.take(message, last_try=True)
            self.calm.watchdog()
            self._run_started()
            self.clock += timedelta(hours=2)
            if self._size() == before and not store.queued:
                return

    def _size(self) -> int:
        return sum(len(each.stored) for each in self.store.streams.values()) + len(self.store.parked)

    def _relay_all(self, relayed: set[tuple[str, int]]) -> None:
        for stream in list(self.store.streams.values()):
            for commit in stream.history.commits:
                key = (commit.stream, commit.number)
                if key not in relayed:
                    relayed.add(key)
                    self.calm.relay(commit)

    def _run_started(self) -> None:
        for _, payload in self.store.take(self.store.started):
            self.calm.burst(payload)


def webhook(body: Mapping[str, Any], source_: str = "stripe", **headers: str) -> dict[str, Any]:
    """A delivery as its queue carries it."""
    return {"source": source_, "account": "acct_1", "headers": headers, "body": json.dumps(body)}


def cause(ref: str, kind: str = "webhook") -> Cause:
    """Why a commit is made."""
    return Cause(kind=kind, ref=ref, actor="test")


def order_stream(order_id: str) -> str:
    """The order's stream."""
    return stream_of(order_id)
