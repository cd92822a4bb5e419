"""Runs in the engine's Lambda workers, put before their script: measures each invocation of a handler.

Standard library only, and nothing is imported while a handler runs. CPU is user and system time of the whole process,
which does nothing else meanwhile; writing the record down is not in it.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_state: dict[str, Any] = {"cold": True}


def oms_measured(handler: Callable[[Any, Any], Any], event: Any, context: Any) -> Any:
    """What the handler gives, its CPU and wall time written to the file that OMS_COST_RECORDS names."""
    cold, _state["cold"] = _state["cold"], False
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        return handler(event, context)
    finally:
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        trigger, size = oms_trigger(event)
        record = {
            "call": "lambda.Invoke",
            "by": os.environ["AWS_SDK_UA_APP_ID"],
            "at": time.time(),
            "trigger": trigger,
            "size": size,
            "cpu_ms": cpu * 1000,
            "wall_ms": wall * 1000,
            "cold": cold,
        }
        oms_write(json.dumps(record))


def oms_trigger(event: Any) -> tuple[str, int]:
    """(kind of event source, records) of an invocation's event."""
    if not isinstance(event, dict):
        return "other", 1
    if "requestContext" in event:
        return "http", 1
    records = event.get("Records")
    if records:
        source = str(records[0].get("eventSource", ""))
        return {"aws:sqs": "sqs", "aws:dynamodb": "stream"}.get(source, "other"), len(records)
    return ("workflow", 1) if "cause" in event else ("other", 1)


def oms_write(line: str) -> None:
    """Append a line, whole."""
    if "file" not in _state:
        _state["file"] = os.open(os.environ["OMS_COST_RECORDS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(_state["file"], line.encode() + b"\n")
