"""Queues, workflows and the bus."""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from oms.domain.errors import ContentionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from oms.adapters.s3 import S3Claims

MAX_MESSAGE_BYTES: Final = 900_000
"""SQS takes 1 MiB; what is larger goes by claim check."""
_NOT_TAKEN: Final = re.compile("[\ud800-\udfff\ufffe\uffff]")
"""What SQS refuses in a message and JSON lets stand; control characters are escaped by JSON itself."""
_BUS_BATCH: Final = 10
_BUS_BYTES: Final = 200_000
"""EventBridge counted 256 kB a call before it took 1 MB: what keeps to the smaller limit passes everywhere."""
_ENTRY_OVERHEAD: Final = 200
_BUS_TRIES: Final = 3
RULE_DESCRIPTION: Final = "Events that webhooks are subscribed to; kept by ManageWebhooks and DeliverWebhooks"
RULES_KEPT_S: Final = 10.0
"""A new rule of the bus is heeded within this time."""


class SqsQueue:
    """Queue port."""

    def __init__(self, client: Any, url: str, claims: S3Claims) -> None:
        self._client = client
        self._url = url
        self._claims = claims

    def send(self, message: Mapping[str, Any], delay_s: int = 0) -> None:
        """Send; a body that makes the message too large is kept in S3 first, under the hash of its bytes."""
        text = _NOT_TAKEN.sub(_escaped, json.dumps(message, ensure_ascii=False))
        if len(text.encode("utf-8", "surrogatepass")) > MAX_MESSAGE_BYTES:
            raw = json.dumps(message, ensure_ascii=True).encode()
            key = f"claims/{hashlib.sha256(raw).hexdigest()}.json"
            self._claims.put(key, raw)
            text = json.dumps({"claim": key})
        self._client.send_message(
            QueueUrl=self._url, MessageBody=text, **({"DelaySeconds": delay_s} if delay_s else {})
        )


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


class StepFunctions:
    """Workflows port."""

    def __init__(self, client: Any, arns: Mapping[str, str]) -> None:
        self._client = client
        self._arns = arns

    def start(self, name: str, payload: Mapping[str, Any]) -> None:
        """Start an execution of the machine called `name`; Express takes no notice of execution names."""
        self._client.start_execution(stateMachineArn=self._arns[name], input=json.dumps(payload))


class EventBridgeBus:
    """Bus port. Every event put on a bus is billed, so only those are put that some rule of the bus asks for."""

    def __init__(self, client: Any, bus: str, source: str) -> None:
        self._client = client
        self._bus = bus
        self._source = source
        self._asked: frozenset[str] | None = frozenset()
        self._asked_until = 0.0

    def publish(self, events: Sequence[tuple[str, str, Mapping[str, Any]]]) -> None:
        """Publish in tens, and again only those entries that were refused."""
        asked = self._kinds()
        entries = [
            {
                "EventBusName": self._bus,
                "Source": self._source,
                "DetailType": kind,
                "Detail": json.dumps({**detail, "event_id": event_id}, ensure_ascii=False),
            }
            for event_id, kind, detail in events
            if asked is None or kind in asked
        ]
        for batch in _batches(entries):
            self._publish(batch)

    def _kinds(self) -> frozenset[str] | None:
        """Detail types that the rules of the bus name; None for all: a rule that names none, or rules nobody tells."""
        if time.monotonic() >= self._asked_until:
            try:
                self._asked = self._ruled()
            except (ClientError, BotoCoreError):
                return None
            self._asked_until = time.monotonic() + RULES_KEPT_S
        return self._asked

    def _ruled(self) -> frozenset[str] | None:
        kinds: set[str] = set()
        asked: dict[str, str] = {"EventBusName": self._bus}
        while True:
            page = self._client.list_rules(**asked)
            for rule in page["Rules"]:
                if rule.get("State") == "DISABLED":
                    continue
                named = json.loads(rule.get("EventPattern") or "{}").get("detail-type", [{}])
                if not all(isinstance(each, str) for each in named):
                    return None
                kinds.update(named)
            if "NextToken" not in page:
                return frozenset(kinds)
            asked["NextToken"] = page["NextToken"]

    def _publish(self, entries: list[dict[str, Any]]) -> None:
        for _ in range(_BUS_TRIES):
            answer = self._client.put_events(Entries=entries)
            if not answer["FailedEntryCount"]:
                return
            entries = [
                entry for entry, result in zip(entries, answer["Entries"], strict=True) if result.get("ErrorCode")
            ]
        raise ContentionError("the bus kept refusing events", refused=len(entries))


class EventBridgeRule:
    """Rule port. The template makes the rule, disabled; what it asks for is data, and changes between deployments."""

    def __init__(self, client: Any, bus: str, name: str, source: str) -> None:
        self._client = client
        self._bus = bus
        self._name = name
        self._source = source

    def ask_for(self, kinds: Sequence[str]) -> None:
        """Its targets stay as they are. A disabled rule needs a pattern too."""
        pattern = {"source": [self._source], "detail-type": list(kinds) or ["nothing"]}
        self._client.put_rule(
            Name=self._name,
            EventBusName=self._bus,
            EventPattern=json.dumps(pattern),
            State="ENABLED" if kinds else "DISABLED",
            Description=RULE_DESCRIPTION,
        )


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
