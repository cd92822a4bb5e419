"""Queues, workflows and the bus."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import ContentionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from oms.adapters.s3 import S3Claims

MAX_MESSAGE_BYTES: Final = 900_000
"""SQS takes 1 MiB; what is larger goes by claim check."""
_BUS_BATCH: Final = 10
_BUS_BYTES: Final = 200_000
"""EventBridge counted 256 kB a call before it took 1 MB: what keeps to the smaller limit passes everywhere."""
_ENTRY_OVERHEAD: Final = 200
_BUS_TRIES: Final = 3


class SqsQueue:
    """Queue port."""

    def __init__(self, client: Any, url: str, claims: S3Claims) -> None:
        self._client = client
        self._url = url
        self._claims = claims

    def send(self, message: Mapping[str, Any]) -> None:
        """Send; a body that makes the message too large is kept in S3 first, under the hash of its bytes."""
        text = json.dumps(message, ensure_ascii=False)
        if len(text.encode("utf-8", "surrogatepass")) > MAX_MESSAGE_BYTES:
            raw = json.dumps(message, ensure_ascii=True).encode()
            key = f"claims/{hashlib.sha256(raw).hexdigest()}.json"
            self._claims.put(key, raw)
            text = json.dumps({"claim": key})
        self._client.send_message(QueueUrl=self._url, MessageBody=text)


class StepFunctions:
    """Workflows port."""

    def __init__(self, client: Any, arns: Mapping[str, str]) -> None:
        self._client = client
        self._arns = arns

    def start(self, name: str, payload: Mapping[str, Any]) -> None:
        """Start an execution of the machine called `name`; Express takes no notice of execution names."""
        self._client.start_execution(stateMachineArn=self._arns[name], input=json.dumps(payload))


class EventBridgeBus:
    """Bus port."""

    def __init__(self, client: Any, bus: str, source: str) -> None:
        self._client = client
        self._bus = bus
        self._source = source

    def publish(self, events: Sequence[tuple[str, str, Mapping[str, Any]]]) -> None:
        """Publish in tens, and again only those entries that were refused."""
        entries = [
            {
                "EventBusName": self._bus,
                "Source": self._source,
                "DetailType": kind,
                "Detail": json.dumps({**detail, "event_id": event_id}, ensure_ascii=False),
            }
            for event_id, kind, detail in events
        ]
        for batch in _batches(entries):
            self._publish(batch)

    def _publish(self, entries: list[dict[str, Any]]) -> None:
        for _ in range(_BUS_TRIES):
            answer = self._client.put_events(Entries=entries)
            if not answer["FailedEntryCount"]:
                return
            entries = [
                entry for entry, result in zip(entries, answer["Entries"], strict=True) if result.get("ErrorCode")
            ]
        raise ContentionError("the bus kept refusing events", refused=len(entries))


def _batches(entries: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Entries as one PutEvents call takes them: ten, and not too large together."""
    batch: list[dict[str, Any]] = []
    size = 0
    for entry in entries:
        bytes_ = len(entry["Detail"].encode()) + _ENTRY_OVERHEAD
        if batch and (len(batch) == _BUS_BATCH or size + bytes_ > _BUS_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += bytes_
    if batch:
        yield batch
