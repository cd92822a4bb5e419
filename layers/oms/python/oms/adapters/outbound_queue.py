"""The queue of deliveries: each is a message of its own, and one subscription's do not keep another's waiting."""

from __future__ import annotations

import json
import math
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import ContentionError
from oms.domain.outbound import delivery_to_plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from oms.domain.outbound import Delivery

MOST_DELAY: Final = timedelta(minutes=15)
"""Of SQS. What is due later comes before, and is sent again: a message that waits hidden would count as in flight, of
which a queue has 120,000, and the deliveries of one dead endpoint would end those of all."""
_BATCH: Final = 10
_BYTES: Final = 900_000
"""SQS takes 1 MiB in one call."""
_TRIES: Final = 3


class SqsDeliveries:
    """DeliveryQueue port.

    The message group of a standard queue is what it is fair by: of a subscription whose deliveries take long, others
    are handed out first. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
    """

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def deliver(self, deliveries: Sequence[Delivery], now: datetime) -> None:
        """In tens; those that are refused again."""
        entries = [
            {
                "Id": str(number),
                "MessageBody": json.dumps({"deliver": delivery_to_plain(each)}, ensure_ascii=True),
                "MessageGroupId": each.subscription_id,
                **_delay(each.due, now),
            }
            for number, each in enumerate(deliveries)
        ]
        for batch in _batches(entries):
            self._send(batch)

    def _send(self, batch: list[dict[str, Any]]) -> None:
        for attempt in range(_TRIES):
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=batch)
            refused = {each["Id"] for each in answer.get("Failed", ())}
            if not refused:
                return
            batch = [each for each in batch if each["Id"] in refused]
            time.sleep(0.1 * 2**attempt)
        raise ContentionError("the queue kept refusing deliveries", refused=len(batch))

    def replay(self, message: Mapping[str, Any], delay_s: int = 0) -> None:
        """A group of its own by the replay: it waits for no delivery."""
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=json.dumps({"replay": message}),
            MessageGroupId=message["replay_id"],
            **({"DelaySeconds": delay_s} if delay_s else {}),
        )


def _delay(due: datetime | None, now: datetime) -> dict[str, int]:
    if due is None or due <= now:
        return {}
    return {"DelaySeconds": math.ceil(min(due - now, MOST_DELAY).total_seconds())}


def _batches(entries: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for entry in entries:
        length = len(entry["MessageBody"])
        if batch and (len(batch) == _BATCH or size + length > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch
