"""Runs in the engine's process (OMS_ENGINE_PLUGINS): writes down every call that a function makes, with its units.

A function is known by the application id in its SDK's user agent, which its worker gets from the environment: nothing
is added to what a function does. Items before and after a write are read from the engine's memory, on the event loop
that the write itself runs on. Records go to the file that OMS_COST_RECORDS names, those of the workers too.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.proof.cost import stored, worker
from tests.proof.cost.ledger import BROKEN, Record, line_of, requests_of
from tests.proof.cost.units import Meter, Table, table_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Reply = tuple[int, dict[str, str], Any]
    Handler = Callable[[str, str, dict[str, str], bytes, Any], Awaitable[Reply]]

_APP: Final = re.compile(r"\bapp/([\w-]+)")
_CALL: Final = "result = handler_fn(event, context)"
_MEASURED: Final = "result = oms_measured(handler_fn, event, context)"
WRITES: Final = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})


def install() -> None:
    """Stand before every service, every worker and every execution; with OMS_COST_CPU_ALONE, before workers alone."""
    if os.environ.get("OMS_COST_CPU_ALONE"):
        _measure_workers()
        return
    app = importlib.import_module("ministack.app")
    for service, handler in list(app.SERVICE_HANDLERS.items()):
        app.SERVICE_HANDLERS[service] = _Tapped(service, handler)
    _measure_workers()
    _count_transitions()


def logical(name: str) -> str:
    """The template's name of a function or table: `<stack>-<name>-<random>`."""
    parts = name.split("-")
    return parts[1] if len(parts) > 1 else name


class _Tapped:
    """A service's handler, written down when a function calls it."""

    def __init__(self, service: str, handler: Handler) -> None:
        self._service = service
        self._handler = handler
        self._dynamodb = importlib.import_module("ministack.services.dynamodb") if service == "dynamodb" else None
        self._tables: dict[str, Table] = {}
        self._meter = Meter(self._tables, self._look)

    async def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Reply:
        """Handle."""
        found = _APP.search(headers.get("user-agent", ""))
        if found is None:
            return await self._handler(method, path, headers, body, query)
        if found[1] == stored.APP and self._dynamodb is not None:
            count = stored.store(self._dynamodb, json.loads(body))
            return 200, {"content-type": "application/json"}, json.dumps({"items": count}).encode()
        operation = headers.get("x-amz-target", "").rpartition(".")[2] or method
        asked = json.loads(body) if headers.get("x-amz-target") and body else {}
        if self._dynamodb is not None:
            try:
                return await self._priced(found[1], operation, asked, (method, path, headers, query))
            except Exception as error:  # the function that called would take it for its own, and try again
                worker.oms_write(Record(call=BROKEN, step=repr(error)).dump())
                raise
        reply = await self._handler(method, path, headers, body, query)
        _write(found[1], self._service, operation, asked)
        return reply

    async def _priced(self, by: str, operation: str, asked: dict[str, Any], rest: tuple[Any, ...]) -> Reply:
        method, path, headers, query = rest
        for name in _named(asked):
            if name not in self._tables:
                self._tables[name] = self._table(name)
        stood = self._meter.before(operation, asked)
        raw = json.dumps({**asked, "ReturnConsumedCapacity": "INDEXES"}).encode()
        status, told, answer = await self._handler(method, path, headers, raw, query)
        document = json.loads(answer)
        charges = self._meter.after(operation, asked, document if status < 300 else None, stood)
        consumed = document.pop("ConsumedCapacity", ())
        units = consumed if isinstance(consumed, list) else [consumed]
        said = sum(each["CapacityUnits"] for each in units if each) if operation in WRITES else 0.0
        _write(by, "dynamodb", operation, asked, lines=tuple(map(line_of, charges)), told=said)
        clean = json.dumps(document, ensure_ascii=False).encode()
        return status, {**told, "x-amz-crc32": str(zlib.crc32(clean) & 0xFFFFFFFF)}, clean

    def _table(self, name: str) -> Table:
        assert self._dynamodb is not None
        return table_of(logical(name).removesuffix("Table").lower(), self._dynamodb._tables[name])

    def _look(self, table: str, key: Mapping[str, Any]) -> Mapping[str, Any] | None:
        assert self._dynamodb is not None
        item: Mapping[str, Any] | None = self._dynamodb._get_item_by_key(self._dynamodb._tables[table], key)
        return item


def _named(asked: Mapping[str, Any]) -> list[str]:
    """Tables that a request names."""
    if "TableName" in asked:
        return [asked["TableName"]]
    items = [part for each in asked.get("TransactItems", ()) for part in each.values()]
    return [*asked.get("RequestItems", {}), *(each["TableName"] for each in items)]


def _write(by: str, service: str, operation: str, asked: Mapping[str, Any], **more: Any) -> None:
    requests = requests_of({"states": "stepfunctions"}.get(service, service), operation, asked)
    record = Record(call=f"{service}.{operation}", by=by, at=time.time(), requests=requests, **more)
    worker.oms_write(record.dump())


def _measure_workers() -> None:
    """Name each worker's function to its SDK, and measure each of its invocations."""
    runtime: Any = importlib.import_module("ministack.core.lambda_runtime")
    script: str = runtime._PYTHON_WORKER_SCRIPT
    if script.count(_CALL) != 1:
        raise RuntimeError("the engine's worker no longer calls its handler as it did")
    source = Path(worker.__file__).read_text(encoding="utf-8")
    runtime._PYTHON_WORKER_SCRIPT = source + script.replace(_CALL, _MEASURED)
    spawn = runtime.Worker._spawn

    def named(self: Any) -> None:
        known = self.config.get("Environment", {}).get("Variables", {})
        name = logical(self.func_name)
        told = {"AWS_SDK_UA_APP_ID": name, "OMS_COST_RECORDS": os.environ["OMS_COST_RECORDS"]}
        self.config = {**self.config, "Environment": {"Variables": {**known, **told}}}
        spawn(self)

    runtime.Worker._spawn = named


def _count_transitions() -> None:
    """Write down each execution with the states that it entered."""
    machines: Any = importlib.import_module("ministack.services.stepfunctions")
    run = machines._run_execution

    def counted(arn: str) -> None:
        began = time.perf_counter()
        run(arn)
        took = (time.perf_counter() - began) * 1000
        events = (machines._executions.get(arn) or {}).get("events", ())
        entered = sum(str(each.get("type", "")).endswith("StateEntered") for each in events)
        record = Record(call="states.Execution", at=time.time(), transitions=entered, wall_ms=took)
        worker.oms_write(record.dump())

    machines._run_execution = counted
