"""The path in one process over moto: exact units and requests in seconds, without CPU, latency or concurrency.

"One at a time" drives each order alone to its end; "in bursts" drives all of them through each step together, so that
queues and the stream hand over full batches.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from oms.entrypoints import use_cases, wiring
from tests.proof.cost.ledger import Record, line_of, requests_of, requests_of_invocation
from tests.proof.cost.path import BEFORE_SCANS, CATALOGUE, NODE, SCANS, STEPS, Journey, sku
from tests.proof.cost.units import Meter, table_of
from tests.proof.cost.worker import oms_trigger
from tests.proof.sweep import cloud as clouds
from tests.proof.sweep.tap import Tap
from tests.proof.sweep.world import World, world
from tests.support.template import of_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

STOCK: Final = 1000
PLACE: Final = {"country": "US", "latitude": "39.5296", "longitude": "-119.8138"}


class Warm:
    """What each function keeps while it is warm: the world's functions share a process, as they do not on AWS."""

    def __init__(self) -> None:
        self.function = ""
        self._kept: dict[tuple[object, ...], Any] = {}

    def install(self, w: World) -> None:
        """Stand in for the caches of `wiring` and `use_cases`, one set for each function."""
        for module in (wiring, use_cases):
            for name, made in list(vars(module).items()):
                if hasattr(made, "cache_clear") and name != "client":
                    w.patch.setattr(module, name, self._keeping(name, made.__wrapped__))

    def _keeping(self, name: str, make: Callable[..., Any]) -> Callable[..., Any]:
        def kept(*given: object) -> Any:
            key = (self.function, name, *given)
            if key not in self._kept:
                self._kept[key] = make(*given)
            return self._kept[key]

        return kept


class Accounts:
    """Writes down what the world's functions do."""

    def __init__(self, w: World, warm: Warm) -> None:
        self.records: list[Record] = []
        self.step = ""
        self.broken: list[Exception] = []
        self._w = w
        self._warm = warm
        tables = {w.cloud.names[name]: table_of(name.removesuffix("Table").lower(), properties)
                  for name, properties in of_type(w.cloud.found, "AWS::DynamoDB::Table")}  # fmt: skip
        self._meter = Meter(tables, self._look)

    def install(self) -> None:
        """Stand around the tap, and around invocations."""
        from botocore.client import BaseClient

        tapped = BaseClient._make_api_call  # type: ignore[attr-defined]
        invoke, run = World.invoke, self._w._machines["b2c_order"]

        def called(client: Any, operation: str, asked: dict[str, Any]) -> Any:
            if not self._w.tap.function:
                return tapped(client, operation, asked)
            return self._called(lambda: tapped(client, operation, asked), client, operation, asked)

        def invoked(w: World, function: str, event: Any) -> Any:
            self._warm.function = function
            trigger, size = oms_trigger(event)
            requests = requests_of_invocation(trigger)
            self._note(call="lambda.Invoke", by=function, trigger=trigger, size=size, requests=requests)
            return invoke(w, function, event)

        assert run is not None
        execute = run.run

        def executed(given: Any) -> Any:
            done = execute(given)
            self._note(call="states.Execution", transitions=len(done.path))
            return done

        self._w.patch.setattr(BaseClient, "_make_api_call", called)
        self._w.patch.setattr(World, "invoke", invoked)
        for source in (self._w.stream, self._w.queues):
            self._w.patch.setattr(source, "invoke", self._w.invoke)
        self._w.patch.setattr(run, "run", executed)

    def _called(self, call: Callable[[], Any], client: Any, operation: str, asked: dict[str, Any]) -> Any:
        service, by = client.meta.service_model.service_name, self._w.tap.function
        billed = service == "dynamodb"
        before = self._meter.before(operation, asked) if billed else []
        answer = None
        try:
            answer = call()
            return answer
        finally:
            try:
                charges = self._meter.after(operation, asked, answer, before) if billed else []
                requests = requests_of(service, operation, asked)
                lines = tuple(map(line_of, charges))
                self._note(call=f"{service}.{operation}", by=by, requests=requests, lines=lines)
            except Exception as error:  # the function under it would take it for its own, and try again
                self.broken.append(error)
                raise

    def _look(self, table: str, key: Mapping[str, Any]) -> Mapping[str, Any] | None:
        function, self._w.tap.function = self._w.tap.function, ""
        try:
            answer = wiring.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True)
        finally:
            self._w.tap.function = function
        found: Mapping[str, Any] | None = answer.get("Item")
        return found

    def _note(self, **what: Any) -> None:
        if self.step:
            self.records.append(Record(at=time.time(), step=self.step, **what))


def walk(w: World, journey: Journey, step: str) -> None:
    """One step of an order's way; what follows from it is not awaited."""
    number = journey.fulfillment_order_id
    match STEPS.index(step):
        case 0:
            w._webhook(journey.placed())
        case 1:
            path = f"/fulfillment-orders/{number}/shipments"
            w.post(path, journey.shipment(), key=f"ship-{number}", role="warehouse")
        case place:
            w._webhook(journey.scan(SCANS[place - BEFORE_SCANS]))


@contextmanager
def shop() -> Iterator[tuple[World, Accounts]]:
    """A warm world with stock; nothing is written down until a step begins."""
    with world(Tap()) as w:
        w.cloud.enter("manage_stock", w.patch)
        wiring.client("events").delete_rule(Name=clouds.EVERYBODY, EventBusName=w.cloud.names["EventBus"])
        wiring.reference().put("node", NODE, {"node_id": NODE, **PLACE})
        w.product(*(sku(number) for number in range(CATALOGUE)))
        for first in range(0, CATALOGUE, 40):
            units = {sku(number).replace("-", "_"): (NODE, STOCK) for number in range(first, first + 40)}
            w.receive(f"opening-{first}", **units)
        w.settle()
        warm = Warm()
        warm.install(w)
        accounts = Accounts(w, warm)
        accounts.install()
        yield w, accounts


def drive(w: World, accounts: Accounts, journeys: Sequence[Journey], *, bursts: bool) -> list[Record]:
    """Drive orders to their end, and give what was written down; raises AssertionError when one is not delivered."""
    accounts.records = []
    for group in [journeys] if bursts else [[each] for each in journeys]:
        for step in STEPS:
            accounts.step = step
            for journey in group:
                walk(w, journey, step)
            w.settle()
    accounts.step = ""
    if accounts.broken:
        raise accounts.broken[0]
    for journey in journeys:
        shown = w.get(f"/orders/{journey.order_id}")
        assert shown["stage"] == "closed", (journey, shown["stage"])
    return accounts.records
