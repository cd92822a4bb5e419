"""Schedule: yesterday's orders, units and revenue by channel and currency; why units came back"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from oms.entrypoints import use_cases, use_cases_returns

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    day = event.get("day")
    asked = date.fromisoformat(day) if day else None
    return {**use_cases.report_sales()(asked), "returns": use_cases_returns.report_returns()(asked)}
