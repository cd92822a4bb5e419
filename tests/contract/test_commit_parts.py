"""Commits that are too long for one item: in parts, and read as if they were not. Over DynamoDB as moto has it."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from oms.adapters import commit_item
from oms.adapters.commit_item import commit_from_item, commit_to_item, commit_to_items, joined
from oms.adapters.dynamodb_log import DynamoLog
from oms.adapters.dynamodb_scan import DynamoScan
from oms.adapters.dynamodb_series import DynamoSeriesLog
from oms.domain.codec import event_to_plain
from oms.domain.commit import GENESIS, Cause, Commit, StoredCommit, Unreadable, chain_hash, verify_chain
from oms.domain.errors import CommitTooLargeError, DuplicateOrderNumberError, UnknownEventError, VersionConflictError
from oms.domain.order.decider import decide
from oms.entrypoints import wiring
from tests.support.aws import REGION
from tests.support.builders import T0, line, paid, snapshot, sync_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oms.domain.order.commands import SyncOrder

STREAM = "order#ord_1"


def placing(lines: int, title: int = 0) -> Commit:
    """The first commit of an order whose titles no packer can shorten."""
    each = [
        line(str(number), title=base64.b64encode(hashlib.sha512(str(number).encode()).digest())[:title].decode())
        for number in range(lines)
    ]
    command: SyncOrder = sync_command(paid(snapshot(*each)))
    return Commit(
        stream=STREAM,
        number=1,
        command_id=command.command_id,
        cause=Cause(kind="webhook", ref="1", actor="shopify"),
        at=T0,
        events=decide("ord_1", None, command),
        previous=GENESIS,
        summary={"order_id": "ord_1"},
    )


def following(commit: Commit) -> Commit:
    """A short one behind it."""
    head = chain_hash(commit, [event_to_plain(event) for event in commit.events])
    return replace(commit, number=2, command_id="cmd_2", events=commit.events[1:2], previous=head)


def size(item: dict[str, Any]) -> int:
    """As DynamoDB counts it, near enough."""
    return sum(len(name) + len(next(iter(value.values()))) for name, value in item.items())


def test_an_ordinary_commit_is_one_item_as_it_always_was() -> None:
    commit = placing(500, 60)
    assert commit_to_items(commit) == [commit_to_item(commit)]


def test_ten_thousand_lines_are_a_few_items_that_are_taken() -> None:
    commit = placing(10_000, 80)
    items = commit_to_items(commit)
    assert [item["sk"]["S"] for item in items] == [
        "c#00000001",
        *[f"c#00000001#p{n:02d}" for n in range(1, len(items))],
    ]
    assert len(items) > 1
    assert max(map(size, items)) < 400_000
    (whole,) = joined(items)
    assert commit_from_item(whole) == commit


def test_what_no_transaction_takes_is_refused_by_its_own_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit_item, "PIECE", 10)
    with pytest.raises(CommitTooLargeError):
        commit_to_items(placing(3))


def test_a_commit_of_which_a_part_is_missing_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit_item, "PIECE", 100)
    items = commit_to_items(placing(3))
    (torn,) = joined(items[:-1])
    with pytest.raises(UnknownEventError):
        commit_from_item(torn)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Tables, and pieces so short that a few lines need several."""
    monkeypatch.setattr(commit_item, "PIECE", 100)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    with mock_aws():
        made = boto3.client("dynamodb", region_name=REGION)
        for table in ("events", "stock"):
            made.create_table(
                TableName=table,
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk")],
                BillingMode="PAY_PER_REQUEST",
            )
        yield made


def keys_of(client: Any) -> list[str]:
    return [item["sk"]["S"] for item in client.scan(TableName="events")["Items"]]


def test_a_long_commit_is_read_as_it_was_appended(client: Any) -> None:
    log, first = DynamoLog(client, "events", "stock"), placing(5)
    second = following(first)
    log.append(first, unique=["number#s#1"])
    log.append(second)
    history = log.read(STREAM)
    assert history.commits == (first, second)
    assert history.number == 2
    stored = [each for each in log.stored(STREAM) if isinstance(each, StoredCommit)]
    assert verify_chain(STREAM, stored, history.head) == 0


@pytest.mark.parametrize("unique", [(), ("number#s#1",)])
def test_who_loses_the_number_leaves_no_part(client: Any, unique: tuple[str, ...]) -> None:
    log, first = DynamoLog(client, "events", "stock"), placing(5)
    log.append(replace(first, events=first.events[1:2]))
    with pytest.raises(VersionConflictError):
        log.append(first, unique=unique)
    assert keys_of(client) == ["c#00000001"]


def test_a_key_that_is_taken_refuses_a_long_commit(client: Any) -> None:
    log, first = DynamoLog(client, "events", "stock"), placing(5)
    log.append(replace(first, stream="order#ord_2"), unique=["number#s#1"])
    with pytest.raises(DuplicateOrderNumberError):
        log.append(first, unique=["number#s#1"])
    assert log.read(STREAM).number == 0


def test_who_reads_everything_reads_it_whole(client: Any) -> None:
    log, first = DynamoLog(client, "events", "stock"), placing(5)
    second = following(first)
    log.append(first)
    log.append(second)
    client.put_item(TableName="events", Item={**commit_to_items(first)[0], "pk": {"S": "order#torn"}})
    pages = DynamoScan(client, "events", "stock").log_pages({0: None}, 1)
    found = [each for page in pages for each in page.commits]
    assert [each.commit for each in found if isinstance(each, StoredCommit)] == [first, second]
    assert [each.stream for each in found if isinstance(each, Unreadable)] == ["order#torn"]


def test_who_follows_the_stream_reads_the_parts_from_the_log(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    log, first = DynamoLog(client, "events", "stock"), placing(5)
    log.append(first)
    monkeypatch.setattr(wiring, "log", lambda: log)
    head, *parts = client.scan(TableName="events")["Items"]
    assert parts
    assert not any(wiring.is_commit(part) for part in parts)
    assert wiring.is_commit(head)
    image = {**head, "z": {"B": base64.b64encode(head["z"]["B"]).decode()}}
    assert wiring.read_commit(json.loads(json.dumps(image))) == first


def test_the_end_of_a_stream_and_one_of_it_are_read_without_the_rest(client: Any) -> None:
    log, first = DynamoSeriesLog(client, "events", "stock"), placing(5)
    assert (log.newest(STREAM).number, log.newest(STREAM).head) == (0, GENESIS)
    assert log.one(STREAM, 1) is None
    log.append(first)
    assert log.newest(STREAM) == log.read(STREAM), "its parts stand behind it"
    second = following(first)
    log.append(second)
    assert log.newest(STREAM).commits == (second,)
    assert log.newest(STREAM).head == log.read(STREAM).head
    assert (log.one(STREAM, 1), log.one(STREAM, 2), log.one(STREAM, 3)) == (first, second, None)
