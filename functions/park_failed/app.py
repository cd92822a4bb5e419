"""Dead-letter queues: what no consumer could process is kept in quarantine, where people look"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import queues

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return queues.run_sqs(event, queues.park_dead_letter)
