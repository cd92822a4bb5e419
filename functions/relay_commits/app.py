"""Stream of the event log, and the queue of commits to relay again: views, workflows, public events"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from oms.entrypoints import queues, streams

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext


def again(record: SQSRecord) -> None:
    key = json.loads(record.body)
    streams.relay_again(key["pk"], key["sk"])


def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    if event["Records"][0]["eventSource"] == "aws:sqs":
        return queues.run_sqs(event, context, again)
    return streams.relay_stream(event)
