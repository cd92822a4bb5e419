"""Queue of stock feeds: rows, and files that were dropped, taken in; a long file is gone on with"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import feeds, queues

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return queues.run_sqs(event, lambda received: feeds.take(received, context))
