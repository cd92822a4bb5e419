"""Workflow step: orders that returns pay for, and labels that they are due"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.application.promise import workflow_cause
from oms.entrypoints import use_cases_returns

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    order_id = event["order_id"]
    replaced = use_cases_returns.place_replacements()(order_id, workflow_cause(event, "replace"))
    return {**replaced, **use_cases_returns.label_returns()(order_id, workflow_cause(event, "label"))}
