"""Workflow step: labels that returns are due"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.application.promise import workflow_cause
from oms.entrypoints import use_cases_returns

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return use_cases_returns.label_returns()(event["order_id"], workflow_cause(event, "label"))
