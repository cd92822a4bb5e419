"""Logs and metrics of every function. The order id is the correlation id; nothing personal is ever logged."""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger(service="oms")
metrics = Metrics(namespace="OMS", service="oms")


def count(name: str, value: int = 1) -> None:
    """Count something; it leaves with `flush`."""
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def flush() -> None:
    """Send what was counted in this invocation."""
    if metrics.metric_set:
        metrics.flush_metrics()
