"""Queues and streams in: one record at a time, each failing alone."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

from oms.application.intake import RELAY, Taken
from oms.domain.errors import MalformedPayloadError, OmsError
from oms.domain.frozen import frozen
from oms.entrypoints import streams, use_cases, wiring
from oms.entrypoints.telemetry import correlate, count, flush, logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_RECEIVES: Final = int(os.environ.get("MAX_RECEIVES", "5"))
"""As the queue's redrive policy says: on its last try a delivery is parked with its reason instead of raised."""
QUEUE_NAMES: Final = ("INTAKE_QUEUE", "AMAZON_QUEUE", "TRACKING_QUEUE", "PAYMENTS_QUEUE")
FIRST_WAIT_S: Final = 5
LONGEST_WAIT_S: Final = 900


@frozen
class Message:
    """A message as SQS hands it to a function: `queue` is the name of the queue, `receives` counts this time."""

    message_id: str
    body: str
    queue: str
    receives: int
    receipt_handle: str


def _received(record: Mapping[str, Any]) -> Message:
    return Message(
        message_id=record["messageId"],
        body=record["body"],
        queue=record["eventSourceARN"].rpartition(":")[2],
        receives=int(record["attributes"]["ApproximateReceiveCount"]),
        receipt_handle=record["receiptHandle"],
    )


def run_sqs(event: Mapping[str, Any], handle: Callable[[Message], Any]) -> dict[str, Any]:
    """Hand each message to `handle`; those that raise come again, alone."""
    failed = []
    for record in event["Records"]:
        try:
            handle(_received(record))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other messages are not at fault
            logger.warning("message failed", extra={"id": record["messageId"], "error": type(error).__name__})
            failed.append({"itemIdentifier": record["messageId"]})
    flush()
    return {"batchItemFailures": failed}


def take_delivery(received: Message) -> Taken:
    """Process one delivery message, claim checks opened."""
    message = json.loads(received.body)
    if "claim" in message:
        message = json.loads(wiring.claims().get(message["claim"]))
    return take(message, received)


def take_amazon(received: Message) -> Taken:
    """Process one notification that Amazon put on our queue: the queue's policy says that only Amazon can."""
    return take(_from_amazon(received.body), received)


def _from_amazon(body: str) -> dict[str, Any]:
    """The delivery message of a notification, which says itself whose it is."""
    try:
        account = json.loads(body)["Payload"]["OrderChangeNotification"]["SellerId"]
    except (ValueError, KeyError, TypeError):
        account = "unknown"
    return {"source": "amazon", "account": str(account), "headers": {}, "body": body}


def came_by(received: Message, variable: str) -> bool:
    """The message was read from the queue whose URL the environment variable holds."""
    return os.environ[variable].endswith(f"/{received.queue}")


def take(message: dict[str, Any], received: Message) -> Taken:
    """Process a message; raises when it should come again."""
    correlate(None)
    source = str(message.get("source", ""))[:40]
    try:
        taken = use_cases.take_delivery()(message, last_try=received.receives >= MAX_RECEIVES)
    except OmsError as error:
        wait = _again_soon(received, int(str(error.context.get("retry_after") or 0)))
        logger.warning(
            "delivery will come again",
            extra={"source": source, "code": error.code, "reason": str(error), "wait_s": wait},
        )
        raise
    if taken.order_id:
        correlate(taken.order_id)
    logger.info(
        "delivery", extra={"source": source, "outcome": taken.outcome, "topic": taken.topic, "code": taken.code}
    )
    count(f"Deliveries{taken.outcome.capitalize()}")
    return taken


def _again_soon(received: Message, at_least: int) -> int:
    """Seconds until the message comes again: what it waits for is usually there in a moment, not in minutes."""
    wait = max(FIRST_WAIT_S, FIRST_WAIT_S * int(3 ** (received.receives - 1)), at_least)
    wait = min(wait, LONGEST_WAIT_S)
    url = next(
        (os.environ[each] for each in QUEUE_NAMES if os.environ.get(each, "").endswith(f"/{received.queue}")), None
    )
    if url:
        wiring.client("sqs").change_message_visibility(
            QueueUrl=url, ReceiptHandle=received.receipt_handle, VisibilityTimeout=wait
        )
    return wait


def park_dead_letter(received: Message) -> Taken:
    """A message that its consumer could not process at all, now kept with the others that need a person.

    What the stream could not deliver is not lost with it: the commits are in the log, and are relayed from there.
    """
    message = _message(received.body)
    if "DDBStreamBatchInfo" in message and streams.recover(message["DDBStreamBatchInfo"]):
        return Taken("recovered")
    if "claim" in message:
        message = json.loads(wiring.claims().get(message["claim"]))
    elif (
        "NotificationType" in message
    ):  # Amazon puts these on the queue itself: without the rest they cannot be replayed
        message = _from_amazon(received.body)
    count("DeliveriesDeadLettered")
    if "invoice" in message:
        message = {"body": received.body}
    if "tell" in message:
        from oms.entrypoints import telling

        telling.park(message, received.queue)
        return Taken("quarantined")
    error = MalformedPayloadError("its consumer failed on every try", queue=received.queue)
    source = RELAY if set(message) == {"pk", "sk"} else ""
    return use_cases.take_delivery().park({"source": source, "account": "", "headers": {}, **message}, error)


def _message(body: str) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except ValueError:
        message = None
    return message if isinstance(message, dict) else {"body": body}
