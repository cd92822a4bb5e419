"""Workflow step: ask the provider that holds the money of an order, and before it who knows its risk, if anybody"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.application.promise import workflow_cause
from oms.entrypoints import use_cases, wiring_fraud

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    score = wiring_fraud.score_order() if event.get("score") else None
    return use_cases.authorize_payment()(event["order_id"], workflow_cause(event, "authorize"), score)
