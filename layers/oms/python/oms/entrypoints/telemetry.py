"""Logs and metrics of every function, a line of JSON each. Nothing personal is ever logged.

The order id is the correlation id. Metrics leave in CloudWatch's embedded metric format. Functions write both many
times per order, so this is a formatter over the standard `logging` and not a library of many options.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from datetime import UTC, datetime
from typing import Any, Final

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""Attributes that every log record has; the others were given as `extra`."""


class JsonLines(logging.Formatter):
    """A log record as a line of JSON, with what was given as `extra`."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service
        self.correlation_id: str | None = None

    def format(self, record: logging.LogRecord) -> str:
        """Level, place, message, time in UTC, service, then what is known besides."""
        line: dict[str, Any] = {
            "level": record.levelname,
            "location": f"{record.funcName}:{record.lineno}",
            "message": record.getMessage(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "service": self.service,
        }
        if self.correlation_id:
            line["correlation_id"] = self.correlation_id
        if trace := os.environ.get("_X_AMZN_TRACE_ID"):
            line["xray_trace_id"] = trace.partition("Root=")[2].partition(";")[0]
        line.update((name, value) for name, value in vars(record).items() if name not in _STANDARD)
        if record.exc_info and record.exc_info[0]:
            line["exception_name"] = record.exc_info[0].__name__
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class _Stdout(logging.Handler):
    """To whatever standard output is when a line is written: from there Lambda takes it to CloudWatch."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            _write(self.format(record))
        except Exception:  # noqa: BLE001 - a line that cannot be written must not fail what it tells of
            self.handleError(record)


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Metrics:
    """Counts of one invocation, under the one dimension `service`."""

    def __init__(self, *, namespace: str, service: str) -> None:
        self._namespace = namespace
        self._service = service
        self._counts: dict[str, int] = {}

    def add_metric(self, *, name: str, value: int) -> None:
        """Add to a count."""
        self._counts[name] = self._counts.get(name, 0) + value

    def flush_metrics(self) -> None:
        """Print the counts, if any, and begin again."""
        if not self._counts:
            return
        directive = {
            "Namespace": self._namespace,
            "Dimensions": [["service"]],
            "Metrics": [{"Name": name, "Unit": "Count"} for name in self._counts],
        }
        about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
        _write(json.dumps({"_aws": about, "service": self._service, **self._counts}))
        self._counts = {}


lines: Final = JsonLines("oms")
metrics: Final = Metrics(namespace="OMS", service="oms")
logger: Final = logging.getLogger("oms")


def _write_json() -> None:
    handler = _Stdout()
    handler.setFormatter(lines)
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False  # Lambda's own handler would write each line again


def correlate(order_id: str | None) -> None:
    """Every line from now on is about this order; None: about none."""
    lines.correlation_id = order_id


def count(name: str, value: int = 1) -> None:
    """Count something; it leaves with `flush`."""
    metrics.add_metric(name=name, value=value)


def flush() -> None:
    """Send what was counted in this invocation."""
    metrics.flush_metrics()


_write_json()
