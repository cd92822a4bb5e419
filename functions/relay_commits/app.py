"""Stream of the event log, and the queue of commits to relay again: views, workflows, public events"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from oms.entrypoints import queues, streams

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def again(received: queues.Message) -> None:
    key = json.loads(received.body)
    streams.relay_again(key["pk"], key["sk"])


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    if event["Records"][0]["eventSource"] == "aws:sqs":
        return queues.run_sqs(event, again)
    return streams.relay_stream(event)
