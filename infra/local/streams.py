"""DynamoDB streams to Lambda as AWS does it, in place of the engine's own poller.

services/lambda_svc.py `_poll_dynamodb_streams` invokes the function on the one thread that also polls every queue, and
ignores partial batch responses, retry limits, bisecting, batching windows and the on-failure destination of a failed
batch. Here each mapping has its own worker, one batch at a time (a table is one shard), and all five are kept.
"""

from __future__ import annotations

import importlib
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BACKOFF: Final = 0.5
"""Seconds before a failed batch is tried again."""
WINDOW_SCALE: Final = float(os.environ.get("STREAM_WINDOW_SCALE", "1"))
"""By how much batching windows are longer than the template says: tests are in more of a hurry than a shop."""


@dataclass(slots=True)
class Progress:
    """What a mapping has gone through with the batch it is stuck at."""

    attempts: int = 0
    limit: int | None = None
    not_before: float = 0.0
    gathering_since: float = 0.0
    """When the first wanted record of the batch that a window is open for was seen; 0 when none was."""
    looked: int = 0
    """Position up to which records were looked at for this batch."""
    wanted: int = 0
    """How many of them pass the filter."""


@dataclass(slots=True)
class StreamPoller:
    """Reads every table's stream for every mapping, and invokes the function."""

    lambda_svc: Any
    dynamodb: Any
    progress: dict[str, Progress] = field(default_factory=dict)

    def poll(self) -> bool:
        """Start a batch for each mapping that has records and none in flight; say whether any was started."""
        started = False
        for account, region, mapping in self.lambda_svc._iter_all_esms():
            if ":dynamodb:" not in mapping.get("EventSourceArn", "") or not mapping.get("Enabled", True):
                continue
            account_token = self.lambda_svc._request_account_id.set(account)
            region_token = self.lambda_svc._request_region.set(region)
            try:
                started |= self._start(mapping)
            finally:
                self.lambda_svc._request_account_id.reset(account_token)
                self.lambda_svc._request_region.reset(region_token)
        return started

    def _start(self, mapping: dict[str, Any]) -> bool:
        uuid, svc = mapping["UUID"], self.lambda_svc
        progress = self.progress.setdefault(uuid, Progress())
        if svc._esm_inflight.get(uuid, 0) or progress.not_before > time.monotonic():
            return False
        function, _ = svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
        table = mapping["EventSourceArn"].split("/stream/")[0].rpartition("/")[2]
        live = self.dynamodb._tables.get(table)
        if function is None or not live or live.get("LatestStreamArn") != mapping["EventSourceArn"]:
            return False
        position = self._position(mapping, table)
        if self._gathering(progress, mapping, table, position):
            return False
        limit = max(progress.looked - position, 0) or mapping.get("BatchSize", 100)
        records = self.dynamodb.stream_records_since(table, position, min(progress.limit or limit, limit))
        if not records:
            return False
        svc._dispatch_esm_batch(uuid, self._run, mapping, function, position, records)
        return True

    def _gathering(self, progress: Progress, mapping: dict[str, Any], table: str, position: int) -> bool:
        """The window is open and the batch not full: only records that pass the filter count.

        What is tried again does not wait a second time.
        """
        window = float(mapping.get("MaximumBatchingWindowInSeconds", 0)) * WINDOW_SCALE
        if not window or progress.attempts or progress.limit:
            return False
        size = int(mapping.get("BatchSize", 100))
        progress.looked = max(progress.looked, position)
        more = self.dynamodb.stream_records_since(table, progress.looked, size)
        progress.looked += len(more)
        progress.wanted += len(self.lambda_svc._apply_filter_criteria(list(more), mapping)) if more else 0
        if not progress.wanted:
            return not more
        progress.gathering_since = progress.gathering_since or time.monotonic()
        return progress.wanted < size and time.monotonic() - progress.gathering_since < window

    def _position(self, mapping: Mapping[str, Any], table: str) -> int:
        start: int = self.dynamodb.stream_start_position(table)
        with self.lambda_svc._dynamodb_stream_positions_lock:
            positions = self.lambda_svc._dynamodb_stream_positions
            if mapping["UUID"] not in positions:
                latest = mapping.get("StartingPosition", "LATEST") != "TRIM_HORIZON"
                positions[mapping["UUID"]] = self.dynamodb.stream_end_position(table) if latest else start
            return max(int(positions[mapping["UUID"]]), start)

    def _run(
        self, mapping: dict[str, Any], function: dict[str, Any], position: int, records: Sequence[dict[str, Any]]
    ) -> None:
        wanted = self.lambda_svc._apply_filter_criteria(list(records), mapping)
        result = self.lambda_svc._execute_function(function, {"Records": wanted}) if wanted else {"body": None}
        done = self._done(mapping, records, result)
        if done == len(records):
            mapping["LastProcessingResult"] = "OK"
            self._advance(mapping, position + done)
            return
        mapping["LastProcessingResult"] = "PROBLEM: Function call failed"
        self.lambda_svc.logger.warning(
            "stream: %s failed on %s, %d of %d records done: %s",
            mapping["FunctionName"],
            mapping["EventSourceArn"],
            done,
            len(records),
            result.get("log") or result.get("body"),
        )
        self._retry(mapping, function, position, records, done, result)

    def _done(self, mapping: Mapping[str, Any], records: Sequence[dict[str, Any]], result: Mapping[str, Any]) -> int:
        """How many records, from the first on, need not be delivered again."""
        if result.get("error") or result.get("throttle"):
            return 0
        body = result.get("body")
        if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []) or not isinstance(body, dict):
            return len(records)
        failed = {failure.get("itemIdentifier") for failure in body.get("batchItemFailures") or []}
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        if failed - set(numbers):
            return 0  # an identifier that is none of ours, or none at all, fails the whole batch
        return min((numbers.index(number) for number in failed), default=len(records))

    def _retry(
        self,
        mapping: dict[str, Any],
        function: dict[str, Any],
        position: int,
        records: Sequence[dict[str, Any]],
        done: int,
        result: Mapping[str, Any],
    ) -> None:
        left = len(records) - done
        if done:
            self._advance(mapping, position + done)
        progress = self.progress[mapping["UUID"]]
        if left > 1 and mapping.get("BisectBatchOnFunctionError"):
            progress.limit = (left + 1) // 2
        else:
            progress.attempts += 1
        most = int(mapping.get("MaximumRetryAttempts", -1))
        oldest = float(records[done]["dynamodb"].get("ApproximateCreationDateTime", time.time()))
        age = int(mapping.get("MaximumRecordAgeInSeconds", -1))
        exhausted, aged = 0 <= most < progress.attempts, 0 < age < time.time() - oldest
        if exhausted or aged:
            reason = "RetryAttemptsExhausted" if exhausted else "RecordAgeExceeded"
            self.lambda_svc._send_ddb_stream_failure_record(
                mapping, function, list(records[done:]), mapping["EventSourceArn"], result, reason
            )
            self._advance(mapping, position + len(records))
            return
        progress.not_before = time.monotonic() + BACKOFF

    def _advance(self, mapping: Mapping[str, Any], position: int) -> None:
        self.progress[mapping["UUID"]] = Progress()
        with self.lambda_svc._dynamodb_stream_positions_lock:
            self.lambda_svc._dynamodb_stream_positions[mapping["UUID"]] = position


def install() -> None:
    """Put this poller in place of the engine's."""
    lambda_svc: Any = importlib.import_module("ministack.services.lambda_svc")
    poller = StreamPoller(lambda_svc, importlib.import_module("ministack.services.dynamodb"))
    lambda_svc._poll_dynamodb_streams = poller.poll
