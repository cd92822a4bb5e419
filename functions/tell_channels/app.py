"""Queue of messages to channels: each is told what happened here, once"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import queues, telling

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return queues.run_sqs(event, telling.tell)
