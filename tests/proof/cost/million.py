"""The path over ports in memory, where a million orders fit: does any step look at more as more is stored?

The functions are the real ones, behind the real composition root; only what it hands out is kept in memory. Counted are
the operations of ports, and the CPU of functions without any SDK.

`python -m tests.proof.cost.million ORDERS SIZE …` drives so many orders at each size; a million takes 3 GB.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import Counter, deque
from contextlib import contextmanager
from dataclasses import fields
from itertools import islice
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from oms.adapters.commit_item import commit_to_item
from oms.entrypoints import wiring
from tests.proof.cost.inprocess import PLACE, Warm, walk
from tests.proof.cost.path import CATALOGUE, NODE, STEPS, Journey, sku
from tests.proof.memory import (
    MemoryContacts,
    MemoryLog,
    MemoryOpenWork,
    MemoryReference,
    MemoryStock,
    MemoryViews,
    Store,
)
from tests.proof.sweep.events import sqs_event, stream_event
from tests.proof.sweep.tap import Tap
from tests.proof.sweep.triggers import Queues, Stream
from tests.proof.sweep.world import World, world
from tests.support import functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from oms.domain.commit import Commit
    from oms.domain.holding import DueHold
    from oms.domain.stock import StockDelta
    from oms.domain.supply import Lot
    from tests.proof.memory.store import Step

QUEUES: Final = {"INTAKE_QUEUE": "TakeOrders", "TRACKING_QUEUE": "TakeTracking"}
UNITS: Final = 1000
STREAM_BATCH: Final = 25
WARM: Final = 10


class Counted:
    """A shop over one store. `operations` are those of ports, `cpu_s` that of functions."""

    def __init__(self, w: World) -> None:
        self.w = w
        self.store = Store()
        self.operations: Counter[str] = Counter()
        self.cpu_s = 0.0
        self.appended: deque[Commit] = deque()
        self.queues: dict[str, deque[Mapping[str, Any]]] = {name: deque() for name in QUEUES}
        self._serial = 0

    def pause(self, step: Step, call: Callable[[], Any]) -> Any:
        """Count an operation, and what it gives or is given."""
        self.operations[step.op] += 1
        answer = call()
        if step.op == "log.read":
            self.operations["commits read"] += len(answer.commits)
        elif step.op == "stock.positions":
            self.operations["positions read"] += len(answer)
        return answer

    def install(self) -> None:
        """Stand in for what the composition root hands out, and for what drives the functions."""
        counted, patch, store = self, self.w.patch, self.store

        class Log(MemoryLog):
            """Whose commits the stream brings."""

            __slots__ = ()

            def append(
                self,
                commit: Commit,
                *,
                stock: Sequence[StockDelta] = (),
                unique: Sequence[str] = (),
                released: Sequence[str] = (),
                lots: Sequence[Lot] = (),
                due: Sequence[DueHold] = (),
                beside: Sequence[Commit] = (),
            ) -> None:
                """See the port."""
                super().append(commit, stock=stock, unique=unique, released=released, lots=lots, due=due, beside=beside)
                counted.appended += [commit, *beside]

        ports = {
            "log": Log(store, self.pause),
            "stock": MemoryStock(store, self.pause),
            "views": MemoryViews(store, self.pause),
            "open_work": MemoryOpenWork(store, self.pause),
            "contacts": MemoryContacts(store, self.pause),
            "reference": MemoryReference(store, self.pause),
            "workflows": SimpleNamespace(start=self._start),
            "bus": SimpleNamespace(publish=self._publish),
        }
        Warm().install(self.w)
        for name, port in ports.items():
            patch.setattr(wiring, name, lambda port=port: port)
        patch.setattr(wiring, "queue", lambda name: SimpleNamespace(send=self.queues[name].append))
        load = functions.load
        patch.setattr(functions, "load", lambda name: SimpleNamespace(handler=self._timed(load(name).handler)))
        patch.setattr(Stream, "step", lambda _: self._stream())
        patch.setattr(Queues, "step", lambda _: self._poll())
        patch.setattr(Queues, "waiting", lambda _: [])

    def _timed(self, handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def timed(event: Any, context: Any) -> Any:
            began = time.process_time()
            try:
                return handler(event, context)
            finally:
                self.cpu_s += time.process_time() - began

        return timed

    def _start(self, name: str, payload: Mapping[str, Any]) -> None:
        self.operations["workflows.start"] += 1
        self.w.executions.append(dict(payload))

    def _publish(self, events: Sequence[Any]) -> None:
        self.operations["bus.publish"] += 1
        self.operations["events published"] += len(events)

    def _stream(self) -> bool:
        """The next batch of commits."""
        batch = [self.appended.popleft() for _ in range(min(STREAM_BATCH, len(self.appended)))]
        if batch:
            self.w.invoke("RelayCommits", stream_event([self._record(commit) for commit in batch], "arn:stream"))
        return bool(batch)

    def _record(self, commit: Commit) -> dict[str, Any]:
        self._serial += 1
        change = {"Keys": {}, "NewImage": commit_to_item(commit), "SequenceNumber": str(self._serial)}
        return {"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": change}

    def _poll(self) -> bool:
        for name, waiting in self.queues.items():
            if waiting:
                body = json.dumps(waiting.popleft())
                message = {"MessageId": "m", "ReceiptHandle": "r", "Body": body, "MD5OfBody": ""}
                attributes = {"ApproximateReceiveCount": "1"}
                event = sqs_event([{**message, "Attributes": attributes}], f"arn:aws:sqs:eu-central-1:1:{name}")
                answer = self.w.invoke(QUEUES[name], event)
                assert not answer["batchItemFailures"]
                return True
        return False

    def drive(self, journeys: Sequence[Journey]) -> dict[str, Any]:
        """Orders one after the other; operations and CPU per order."""
        self.operations.clear()
        self.cpu_s = 0.0
        for journey in journeys:
            for step in STEPS:
                walk(self.w, journey, step)
                self.w.drain()
        count = len(journeys)
        found = {name: round(times / count, 3) for name, times in sorted(self.operations.items())}
        cpu = round(self.cpu_s * 1000 / count, 3)
        for journey in journeys:
            assert MemoryViews(self.store).row_of(journey.order_id)["stage"] == "closed", journey
        return {"operations": found, "operations_per_order": round(sum(found.values()), 3), "cpu_ms_per_order": cpu}


@contextmanager
def memory_shop() -> Iterator[Counted]:
    """A shop with stock and no order."""
    with world(Tap()) as w:
        shop = Counted(w)
        shop.install()
        wiring.reference().put("node", NODE, {"node_id": NODE, **PLACE})
        for number in range(CATALOGUE):
            wiring.reference().put("product", sku(number), {"sku": sku(number)})
        for first in range(0, CATALOGUE, 40):
            units = {sku(number).replace("-", "_"): (NODE, UNITS) for number in range(first, first + 40)}
            w.receive(f"opening-{first}", **units)
        w.drain()
        try:
            yield shop
        finally:
            gc.unfreeze()


def fill(store: Store, journey: Journey, first: int, last: int) -> None:
    """Copies of a delivered order, each under ids of its own in every table in which it is; contents are shared."""
    old = (journey.order_id.removeprefix("ord_"), journey.tracking, f"#C{journey.number}")
    plans = [plan for table in _tables(store) for plan in _plans(table, old)]
    for number in range(first, last):
        new = (f"{number:026d}", f"OLD{number:09d}", f"#OLD{number}")
        for table, outer, inner, value in plans:
            key = _renamed(outer, old, new)
            if inner is None:
                table[key] = value
            else:
                table.setdefault(key, {})[_renamed(inner, old, new)] = value
    gc.collect()
    gc.freeze()  # what is stored is no garbage: looking through it would be counted as CPU of the functions


def _tables(store: Store) -> list[dict[Any, Any]]:
    named = (getattr(store, each.name) for each in fields(store))
    return [table for table in named if isinstance(table, dict)]


def _plans(table: dict[Any, Any], old: Sequence[str]) -> list[tuple[dict[Any, Any], Any, Any, Any]]:
    """(table, key, inner key or None, value) of everything under the order's ids."""
    found: list[tuple[dict[Any, Any], Any, Any, Any]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            found += [
                (table, key, inner, kept) for inner, kept in value.items() if _about(key, old) or _about(inner, old)
            ]
        elif _about(key, old):
            found.append((table, key, None, value))
    return found


def _about(key: Any, old: Sequence[str]) -> bool:
    parts = key if isinstance(key, tuple) else (key,)
    return any(token in part for part in parts if isinstance(part, str) for token in old)


def _renamed(key: Any, old: Sequence[str], new: Sequence[str]) -> Any:
    if isinstance(key, tuple):
        return tuple(_renamed(part, old, new) for part in key)
    if isinstance(key, str):
        for token, replacement in zip(old, new, strict=True):
            key = key.replace(token, replacement)
    return key


def grow(sizes: Sequence[int], orders: int) -> dict[str, dict[str, Any]]:
    """What an order takes, by how many are stored."""
    found: dict[str, dict[str, Any]] = {}
    with memory_shop() as shop:
        journeys = iter(Journey(number) for number in range(WARM + orders * len(sizes)))
        warm = list(islice(journeys, WARM))
        shop.drive(warm)
        there = 0
        for size in sizes:
            fill(shop.store, warm[0], there, size)
            there = size
            found[str(size)] = shop.drive(list(islice(journeys, orders)))
    return found


if __name__ == "__main__":
    print(json.dumps(grow([int(each) for each in sys.argv[2:]], int(sys.argv[1]))))
