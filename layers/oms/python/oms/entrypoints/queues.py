"""Queues and streams in: one record at a time, each failing alone."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from oms.application.intake import RELAY, Taken
from oms.domain.errors import MalformedPayloadError, OmsError
from oms.entrypoints import streams, wiring
from oms.entrypoints.telemetry import count, flush, logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

MAX_RECEIVES: Final = int(os.environ.get("MAX_RECEIVES", "5"))
"""As the queue's redrive policy says: on its last try a delivery is parked with its reason instead of raised."""
QUEUE_NAMES: Final = ("INTAKE_QUEUE", "AMAZON_QUEUE", "TRACKING_QUEUE", "PAYMENTS_QUEUE")
FIRST_WAIT_S: Final = 5
LONGEST_WAIT_S: Final = 900


def run_sqs(event: dict[str, Any], context: Any, handle: Callable[[SQSRecord], Any]) -> Any:
    """Hand each record to `handle`; those that raise come again, alone."""
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    result = process_partial_response(event=event, record_handler=handle, processor=processor, context=context)
    flush()
    return result


def take_delivery(record: SQSRecord) -> Taken:
    """Process one delivery message, claim checks opened."""
    message = json.loads(record.body)
    if "claim" in message:
        message = json.loads(wiring.claims().get(message["claim"]))
    return take(message, record)


def take_amazon(record: SQSRecord) -> Taken:
    """Process one notification that Amazon put on our queue: the queue's policy says that only Amazon can."""
    try:
        document = json.loads(record.body)
        account = document["Payload"]["OrderChangeNotification"]["SellerId"]
    except (ValueError, KeyError, TypeError):
        account = "unknown"
    message = {"source": "amazon", "account": str(account), "headers": {}, "body": record.body}
    return take(message, record)


def came_by(record: SQSRecord, variable: str) -> bool:
    """The record was read from the queue whose URL the environment variable holds."""
    return os.environ[variable].endswith(f"/{record.event_source_arn.rpartition(':')[2]}")


def take(message: dict[str, Any], record: SQSRecord) -> Taken:
    """Process a message; raises when it should come again."""
    logger.set_correlation_id(None)
    receives = int(record.attributes.approximate_receive_count)
    source = str(message.get("source", ""))[:40]
    try:
        taken = wiring.take_delivery()(message, last_try=receives >= MAX_RECEIVES)
    except OmsError as error:
        wait = _again_soon(record, receives, int(str(error.context.get("retry_after") or 0)))
        logger.warning(
            "delivery will come again",
            extra={"source": source, "code": error.code, "reason": str(error), "wait_s": wait},
        )
        raise
    if taken.order_id:
        logger.set_correlation_id(taken.order_id)
    logger.info(
        "delivery", extra={"source": source, "outcome": taken.outcome, "topic": taken.topic, "code": taken.code}
    )
    count(f"Deliveries{taken.outcome.capitalize()}")
    return taken


def _again_soon(record: SQSRecord, receives: int, at_least: int) -> int:
    """Seconds until the message comes again: what it waits for is usually there in a moment, not in minutes."""
    wait = max(FIRST_WAIT_S, FIRST_WAIT_S * int(3 ** (receives - 1)), at_least)
    wait = min(wait, LONGEST_WAIT_S)
    name = record.event_source_arn.rpartition(":")[2]
    url = next((os.environ[each] for each in QUEUE_NAMES if os.environ.get(each, "").endswith(f"/{name}")), None)
    if url:
        wiring.client("sqs").change_message_visibility(
            QueueUrl=url, ReceiptHandle=record.receipt_handle, VisibilityTimeout=wait
        )
    return wait


def park_dead_letter(record: SQSRecord) -> Taken:
    """A message that its consumer could not process at all, now kept with the others that need a person.

    What the stream could not deliver is not lost with it: the commits are in the log, and are relayed from there.
    """
    message = _message(record.body)
    if "DDBStreamBatchInfo" in message and streams.recover(message["DDBStreamBatchInfo"]):
        return Taken("recovered")
    if "claim" in message:
        message = json.loads(wiring.claims().get(message["claim"]))
    origin = record.event_source_arn.rpartition(":")[2]
    error = MalformedPayloadError("its consumer failed on every try", queue=origin)
    count("DeliveriesDeadLettered")
    source = RELAY if set(message) == {"pk", "sk"} else ""
    return wiring.take_delivery().park({"source": source, "account": "", "headers": {}, **message}, error)


def _message(body: str) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except ValueError:
        message = None
    return message if isinstance(message, dict) else {"body": body}
