"""Schedule: find what has stopped moving, move it on or put it before a person"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import wiring
from oms.entrypoints.telemetry import count, flush

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    counts = wiring.redrive_overdue()()
    for name, value in counts.items():
        count(f"Watchdog{name.title().replace('_', '')}", value)
    flush()
    return counts
