"""Schedule: yesterday's orders, units and revenue by channel and currency"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from oms.entrypoints import use_cases

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    day = event.get("day")
    return use_cases.report_sales()(date.fromisoformat(day) if day else None)
