"""Schedule, and the stream of the log minutes later: find what stands still or is over, move it on or tell a person"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import streams, use_cases
from oms.entrypoints.telemetry import count, flush

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    if "Records" in event:
        return streams.list_unpromised(event)
    counts = use_cases.redrive_overdue()()
    holds = use_cases.expire_holds()()
    counts |= {"holds_expired": holds["expired"], "holds_unread": holds["unread"]}
    for name, value in counts.items():
        count(f"Watchdog{name.title().replace('_', '')}", value)
    flush()
    return counts
