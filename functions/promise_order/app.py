"""Workflow step: screen, choose nodes, bind the stock and make the promise in one transaction"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.application.promise import authorization_of, workflow_cause
from oms.entrypoints import use_cases

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    if event.get("screen"):
        return use_cases.screen_and_promise()(event["order_id"], event)
    held = authorization_of(event.get("authorization"))
    return use_cases.promise_order()(event["order_id"], workflow_cause(event, "promise"), held)
