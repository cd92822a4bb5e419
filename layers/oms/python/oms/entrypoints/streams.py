"""The stream of the event log in: commits relayed one by one, in order, none holding up the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import UnknownEventError
from oms.entrypoints import use_cases, wiring
from oms.entrypoints.telemetry import correlate, count, flush, logger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from oms.domain.commit import Commit

FORGOTTEN: Final = frozenset({"TrimmedDataAccessException", "ResourceNotFoundException"})
"""What a stream answers that will never again have the records: it keeps them for a day."""


def relay_stream(event: Mapping[str, Any]) -> dict[str, Any]:
    """Relay a batch.

    A record that fails is handed to the retry queue, where it is tried again and in the end parked, and the shard goes
    on. Only when even that fails does the batch come again from this record on.
    """
    relay, again = use_cases.relay_commit(), ""
    followed: dict[str, tuple[Mapping[str, Any], Commit]] = {}
    for number, image in _commits(event):
        try:
            commit = wiring.read_commit(image)
            correlate(commit.summary.get("order_id", commit.stream))
            relay.follow(commit)
            followed[number] = image, commit
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not hold up the shard
            if not _later(image, error):
                again = number
                break
    try:
        relay.publish([commit for _, commit in followed.values()])
    except Exception as error:  # noqa: BLE001 - nor must this: each commit publishes again what it has to say
        logger.warning("public events will be published again", extra={"error": type(error).__name__})
        again = next((number for number, (image, _) in followed.items() if not _later(image, error)), again)
    count("CommitsRelayed", len(followed))
    flush()
    return {"batchItemFailures": [{"itemIdentifier": again}] if again else []}


def _commits(event: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(sequence number, image) of the commits of a batch."""
    for record in event["Records"]:
        image = record["dynamodb"].get("NewImage")
        if record["eventName"] == "INSERT" and image and wiring.is_commit(image):
            yield record["dynamodb"]["SequenceNumber"], image


def _later(image: Mapping[str, Any], error: Exception) -> bool:
    """Have it relayed again from the log; False when the retry queue does not take it: the batch comes again."""
    logger.warning("commit will be relayed again", extra={"error": type(error).__name__})
    try:
        wiring.relay_later(image["pk"]["S"], image["sk"]["S"])
    except Exception:  # noqa: BLE001 - whatever it is, the stream has another try
        logger.exception("the retry queue does not take it")
    else:
        return True
    return False


def list_unpromised(event: Mapping[str, Any]) -> dict[str, Any]:
    """Have orders listed that were placed and not promised meanwhile: the second reader, minutes behind the first.

    What fails makes the batch come again. A commit that cannot be read is the relay's to park.
    """
    placed = []
    for _, image in _commits(event):
        try:
            placed.append(wiring.read_commit(image))
        except UnknownEventError:
            logger.warning("a commit that cannot be read")
    count("OrdersUnpromised", use_cases.list_unpromised()(placed))
    flush()
    return {"batchItemFailures": []}


def relay_again(pk: str, sk: str) -> None:
    """Relay a commit from the log itself; raises what it meets."""
    image = wiring.log().image(pk, sk)
    if image is not None:
        commit = wiring.read_commit(image)
        correlate(commit.summary.get("order_id", commit.stream))
        use_cases.relay_commit()(commit)


def recover(batch: Mapping[str, Any]) -> bool:
    """Hand the commits of a batch that the stream gave up on to the retry queue; False when the stream forgot them.

    `batch` is what Lambda sends to an on-failure destination: the place in the stream, not the records. Raises whatever
    else keeps the stream from being read: the message comes again.
    """
    client = wiring.client("dynamodbstreams")
    found = False
    try:
        iterator = client.get_shard_iterator(
            StreamArn=batch["streamArn"],
            ShardId=batch["shardId"],
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=batch["startSequenceNumber"],
        )["ShardIterator"]
        for image in _images(client, iterator, int(batch["endSequenceNumber"])):
            found = True
            if wiring.is_commit(image):
                wiring.relay_later(image["pk"]["S"], image["sk"]["S"])
    except client.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in FORGOTTEN:
            raise
        logger.warning("the stream cannot be read back", extra={"code": code})
        return False
    return found


def _images(client: Any, iterator: str | None, last: int) -> Iterator[Mapping[str, Any]]:
    """New images up to the sequence number `last`.

    The batch's own size says nothing of how many records stand between: those that the event source filters out are in
    the stream too, and a page ends at 1 MB or before.
    """
    while iterator:
        page = client.get_records(ShardIterator=iterator)
        for record in page["Records"]:
            if int(record["dynamodb"]["SequenceNumber"]) > last:
                return
            if "NewImage" in record["dynamodb"]:
                yield record["dynamodb"]["NewImage"]
            if int(record["dynamodb"]["SequenceNumber"]) == last:
                return
        iterator = page.get("NextShardIterator")
