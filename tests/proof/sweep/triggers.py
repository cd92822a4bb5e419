"""What hands the functions their work, and hands it over again when it was not done: the log's stream, the queues."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from oms.entrypoints import wiring
from tests.proof.sweep import stores
from tests.proof.sweep.events import sqs_event, stream_event, stream_failure
from tests.proof.sweep.tap import Killed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.proof.sweep.cloud import SweepCloud

    Invoke = Callable[[str, Any], Any]

STREAM_TRIES: Final = 6
"""Once, and five retries: `MaximumRetryAttempts` of the template."""
BATCH: Final = 100


@dataclass
class Stream:
    """The event log's stream: it stays at the record that failed, and gives up on it at last."""

    cloud: SweepCloud
    invoke: Invoke
    _seen: int = 0
    lost: bool = False
    """Somebody saw to it that commits were never relayed."""
    _tries: int = 0
    _read_late: int = 0

    def late(self) -> None:
        """The second reader, minutes behind: what was placed since its last batch."""
        found = [each for each in self._records()[self._read_late :] if _passes(each) and _places(each)]
        self._read_late = len(self._records())
        for _ in range(STREAM_TRIES if found else 0):
            try:
                if not self.invoke("RedriveOverdue", stream_event(found, self._arn()))["batchItemFailures"]:
                    return
            except (Exception, Killed):  # noqa: BLE001 - the batch comes again, whatever it was
                continue

    def step(self) -> bool:
        """Hand over the next batch, filtered as the template says; False when there is none."""
        found = self._records()[self._seen :]
        commits = [each for each in found if _passes(each)][:BATCH]
        if not commits:
            self._seen += len(found)
            return False
        try:
            answer = self.invoke("RelayCommits", stream_event(commits, self._arn()))
            failures = answer["batchItemFailures"]
            first = failures[0]["itemIdentifier"] if failures else ""
        except (Exception, Killed):  # noqa: BLE001 - the batch comes again, whatever it was
            first = commits[0]["dynamodb"]["SequenceNumber"]
        if not first:
            self._after(commits[-1])
            return True
        if first != commits[0]["dynamodb"]["SequenceNumber"]:
            self._tries = 0
        self._seen = self._place(first)
        self._tries += 1
        if self._tries == STREAM_TRIES:
            self.give_up(len(commits))
        return True

    def give_up(self, size: int = BATCH) -> None:
        """Skip the batch at which it stands, and say so to the on-failure destination."""
        batch = [each for each in self._records()[self._seen :] if _passes(each)][:size]
        body = json.dumps(stream_failure(batch, self._arn(), self._shard.id))
        wiring.client("sqs").send_message(QueueUrl=self.cloud.names["FailedInvocations"], MessageBody=body)
        self._after(batch[-1])

    def lose(self) -> None:
        """What is in the log now is never relayed."""
        self._seen, self.lost = len(self._records()), True

    def _after(self, record: Mapping[str, Any]) -> None:
        self._seen, self._tries = self._place(record["dynamodb"]["SequenceNumber"]) + 1, 0

    def _place(self, sequence: str) -> int:
        return int(sequence) - int(self._shard.starting_sequence_number)

    @property
    def _shard(self) -> Any:
        return stores.table(self.cloud.names["EventsTable"]).stream_shard

    def _arn(self) -> str:
        table = stores.table(self.cloud.names["EventsTable"])
        return f"{table.table_arn}/stream/{table.latest_stream_label}"

    def _records(self) -> list[dict[str, Any]]:
        return [each.to_json() for each in self._shard.items]


def _places(record: Mapping[str, Any]) -> bool:
    key = record["dynamodb"]["Keys"]
    return bool(key["pk"]["S"].startswith("order#") and key["sk"]["S"] == "c#00000001")


def _passes(record: Mapping[str, Any]) -> bool:
    return bool(record["eventName"] == "INSERT" and record["dynamodb"]["Keys"]["sk"]["S"].startswith("c#"))


@dataclass
class Queues:
    """The queues: a message that failed comes back when its time has come, and is moved when it has come too often."""

    cloud: SweepCloud
    invoke: Invoke
    consumers: Mapping[str, tuple[str, ...]]

    def step(self) -> bool:
        """Hand over one batch of the first queue that has one."""
        sqs = wiring.client("sqs")
        for name, (function,) in self.consumers.items():
            url = self.cloud.names[name]
            if not any(each.visible for each in stores.queue(url)._messages):
                continue
            got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]).get("Messages")
            if not got:
                continue
            try:
                answer = self.invoke(function, sqs_event(got, self.cloud.queue_arn(name)))
                failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            except (Exception, Killed):  # noqa: BLE001 - all of the batch comes again
                failed = {each["MessageId"] for each in got}
            for each in got:
                if each["MessageId"] not in failed:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            return True
        return False

    def waiting(self) -> list[Any]:
        """Every message that is in a queue, as moto keeps it."""
        return [each for name in self.consumers for each in stores.queue(self.cloud.names[name])._messages]
