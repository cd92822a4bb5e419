"""Stock feeds in: messages with rows, and word of files that were dropped."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

from oms.application.feed import MAX_ROWS, Feed
from oms.domain import ids
from oms.domain.codec import to_plain
from oms.domain.errors import InvalidInputError, MalformedPayloadError
from oms.domain.feed import check_source
from oms.domain.parked import Parked
from oms.entrypoints import use_cases, wiring
from oms.entrypoints.telemetry import count, logger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from oms.entrypoints.queues import Message

SOURCE: Final = "stock_feed"
"""Under which what cannot be read is kept."""
RESERVE_MS: Final = 120_000
"""Kept to put a file down, or to end it."""
GRACE_S: Final = 60
AGAIN_S: Final = 5


class UnfinishedError(Exception):
    """The message comes again, to go on with its file. Not a failure."""


def take(received: Message, context: LambdaContext) -> None:
    """Take in a message: rows, or word of a file. What can never be read is parked with its reason."""
    _come_again(received, context.get_remaining_time_in_millis() // 1000 + GRACE_S)
    try:
        said = _object(received.body)
        if "rows" in said:
            _take_rows(said)
            return
        dropped = list(_dropped(said))
    except InvalidInputError as error:
        _park(received, error)
        return
    for key, etag, size in dropped:
        done = use_cases.take_feed_file()(
            wiring.feed_file(key, etag, size), lambda: context.get_remaining_time_in_millis() > RESERVE_MS
        )
        logger.info("stock feed", extra={name: value for name, value in done.items() if not isinstance(value, list)})
        if done["state"] == "unfinished":
            _come_again(received, AGAIN_S)
            raise UnfinishedError
        _count(done)
        if done["state"] != "finished":
            count("StockFeedsRefused")


def _object(body: str) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except ValueError as error:
        raise MalformedPayloadError("the message is no JSON") from error
    if not isinstance(said, dict):
        raise MalformedPayloadError("the message is no JSON object")
    return said


def _take_rows(said: Mapping[str, Any]) -> None:
    source, rows = said.get("source"), said["rows"]
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_ROWS:
        raise MalformedPayloadError("a message holds 1 to 500 rows", limit=MAX_ROWS)
    feed = feed_of(str(source), said)
    tally = use_cases.take_stock_feed().said(feed, numbered(rows))
    told = tally.document(0)
    logger.info("stock feed", extra={**told, "source": feed.source, "rows": len(rows)})
    _count(told)
    if told["errors"]:
        use_cases.feed_reports().of_message(feed, tally)


def feed_of(source: str, said: Any) -> Feed:
    """The feed that says this, the same when it says it again; raises InvalidInputError."""
    text = json.dumps(said, sort_keys=True)
    return Feed(source=check_source(source), feed_id=hashlib.sha256(text.encode()).hexdigest()[:32])


def numbered(rows: Sequence[Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows with their numbers; what is no object says nothing."""
    return ((number, each if isinstance(each, dict) else {}) for number, each in enumerate(rows, start=1))


def _dropped(said: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """(key, ETag, size) of each file; none of S3's test when the notification is set up."""
    if said.get("Event") == "s3:TestEvent":
        return
    try:
        for record in said["Records"]:
            of = record["s3"]["object"]
            yield unquote_plus(of["key"]), of["eTag"], int(of["size"])
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedPayloadError("the message holds neither rows nor word of a file") from error


def _count(told: Mapping[str, Any]) -> None:
    count("StockFeedRowsAccepted", told["accepted"])
    count("StockFeedRowsUnchanged", told["unchanged"])
    count("StockFeedRowsStale", told["stale"])
    count("StockFeedRowsErrors", told["errors"])


def _come_again(received: Message, seconds: int) -> None:
    """When the message is seen again if this invocation does not end it: a queue's own time is that of the longest."""
    client = wiring.client("sqs")
    try:
        client.change_message_visibility(
            QueueUrl=os.environ["STOCK_FEED_QUEUE"], ReceiptHandle=received.receipt_handle, VisibilityTimeout=seconds
        )
    except client.exceptions.ReceiptHandleIsInvalid:  # somebody else has it by now: what is taken twice counts once
        logger.warning("message is not ours any more", extra={"id": received.message_id})


def _park(received: Message, error: InvalidInputError) -> None:
    body = received.body
    count("DeliveriesQuarantined")
    wiring.quarantine().park(
        Parked(
            parked_id=ids.derive("qrn", SOURCE, body),
            source=SOURCE,
            account="",
            topic="",
            code=error.code,
            reason=str(error),
            parked_at=wiring.now(),
            message={"source": SOURCE, "account": "", "headers": {}, "body": body},
            detail=to_plain(error.context),
        )
    )
