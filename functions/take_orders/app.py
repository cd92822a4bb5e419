"""Queues of channels' deliveries and of Amazon's notifications: orders and refunds, taken in"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import queues

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handle(received: queues.Message) -> None:
    from_amazon = queues.came_by(received, "AMAZON_QUEUE")
    (queues.take_amazon if from_amazon else queues.take_delivery)(received)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return queues.run_sqs(event, handle)
