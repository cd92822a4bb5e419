"""The stream of the event log in: commits relayed one by one, in order, none holding up the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import wiring
from oms.entrypoints.telemetry import count, flush, logger

if TYPE_CHECKING:
    from collections.abc import Mapping


def relay_image(image: Mapping[str, Any]) -> None:
    """Relay the commit of a stream image; raises what it meets."""
    commit = wiring.read_commit(image)
    logger.set_correlation_id(commit.summary.get("order_id", commit.stream))
    wiring.relay_commit()(commit)


def relay_stream(event: Mapping[str, Any]) -> dict[str, Any]:
    """Relay a batch.

    A record that fails is handed to the retry queue, where it is tried again and in the end parked, and the shard goes
    on. Only when even that fails does the batch come again from this record on.
    """
    relayed = 0
    for record in event["Records"]:
        image = record["dynamodb"].get("NewImage")
        if record["eventName"] != "INSERT" or not image or not wiring.is_commit(image):
            continue
        try:
            relay_image(image)
            relayed += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not hold up the shard
            logger.warning("commit will be relayed again", extra={"error": type(error).__name__})
            try:
                wiring.relay_later(image["pk"]["S"], image["sk"]["S"])
            except Exception:  # noqa: BLE001 - nor must this: the batch comes again from here
                logger.exception("the retry queue does not take it")
                flush()
                return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
    count("CommitsRelayed", relayed)
    flush()
    return {"batchItemFailures": []}


def relay_again(pk: str, sk: str) -> None:
    """Relay a commit from the log itself; raises what it meets."""
    image = wiring.log().image(pk, sk)
    if image is not None:
        relay_image(image)


def recover(batch: Mapping[str, Any]) -> bool:
    """Hand the commits of a batch that the stream gave up on to the retry queue; False when the stream forgot them.

    `batch` is what Lambda sends to an on-failure destination: the place in the stream, not the records.
    """
    client = wiring.client("dynamodbstreams")
    try:
        iterator = client.get_shard_iterator(
            StreamArn=batch["streamArn"],
            ShardId=batch["shardId"],
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=batch["startSequenceNumber"],
        )["ShardIterator"]
        records = client.get_records(ShardIterator=iterator, Limit=int(batch["batchSize"]))["Records"]
    except client.exceptions.ClientError as error:
        logger.warning("the stream cannot be read back", extra={"error": type(error).__name__})
        return False
    last = int(batch["endSequenceNumber"])
    images = [each["dynamodb"]["NewImage"] for each in records if int(each["dynamodb"]["SequenceNumber"]) <= last]
    for image in images:
        if wiring.is_commit(image):
            wiring.relay_later(image["pk"]["S"], image["sk"]["S"])
    return bool(images)
