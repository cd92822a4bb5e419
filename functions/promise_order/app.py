"""Workflow step: screen, choose nodes, bind the stock and make the promise in one transaction"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.application.promise import workflow_cause
from oms.domain.payments import AuthorizationResult, AuthorizationState
from oms.entrypoints import use_cases

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    if event.get("screen"):
        return use_cases.screen_and_promise()(event["order_id"], event)
    told = event.get("authorization")
    held = AuthorizationResult(state=AuthorizationState(told["state"]), amount=told["amount"]) if told else None
    return use_cases.promise_order()(event["order_id"], workflow_cause(event, "promise"), held)
