"""Schedule: look again at where planned orders are bound, before their warehouses are told"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.entrypoints import use_cases
from oms.entrypoints.telemetry import count, flush

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

RESERVE_MS: Final = 30_000
"""Kept to end a run."""


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    told = use_cases.reoptimize_orders()(more=lambda: context.get_remaining_time_in_millis() > RESERVE_MS)
    count("OrdersMoved", told["moved"])
    count("MovesLost", told["lost"])
    count("ReoptimizationSaved", told["saved"])
    flush()
    return told
