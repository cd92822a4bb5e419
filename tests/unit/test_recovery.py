"""What must not be lost when much goes wrong at once: records of a stream, waiting orders, inputs that wait."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from oms.application.relay import WAKE, RelayCommit
from oms.application.watchdog import RedriveOverdue
from oms.domain.commit import Cause, Commit
from oms.domain.movements import MovementKind
from oms.domain.stock import StockMoved, StockMovement
from oms.entrypoints import streams, wiring

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BATCH = {
    "streamArn": "arn",
    "shardId": "shard",
    "startSequenceNumber": "1",
    "endSequenceNumber": "9",
    "batchSize": 3,
}


def record(number: int, sk: str) -> dict[str, Any]:
    image = {"pk": {"S": "order#1"}, "sk": {"S": sk}}
    return {"dynamodb": {"SequenceNumber": str(number), "NewImage": image}}


@dataclass
class Stream:
    """Pages of records; `refusal` is what the stream answers instead."""

    pages: list[list[dict[str, Any]]] = field(default_factory=list)
    refusal: str = ""

    class exceptions:  # noqa: N801 - as a client names them
        ClientError = ClientError

    def get_shard_iterator(self, **_: Any) -> dict[str, str]:
        if self.refusal:
            raise ClientError({"Error": {"Code": self.refusal, "Message": ""}}, "GetShardIterator")
        return {"ShardIterator": "0"}

    def get_records(self, *, ShardIterator: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        page = int(ShardIterator)
        following = {"NextShardIterator": str(page + 1)} if page + 1 < len(self.pages) else {}
        return {"Records": self.pages[page], **following}


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr(wiring, "relay_later", lambda _, sk: sent.append(sk))
    return sent


def test_a_lost_batch_is_read_back_to_its_end(later: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch counts commits; in the stream stand facts and removals between them, and pages end anywhere."""
    removed = {"dynamodb": {"SequenceNumber": "3"}}
    stream = Stream(
        [
            [record(1, "c#1"), record(2, "s#x"), removed],
            [],
            [record(4, "s#y"), record(6, "c#2")],
            [record(9, "c#3"), record(10, "c#4")],
        ]
    )
    monkeypatch.setattr(wiring, "client", lambda _: stream)
    assert streams.recover(BATCH)
    assert later == ["c#1", "c#2", "c#3"]


@pytest.mark.parametrize("code", ["TrimmedDataAccessException", "ResourceNotFoundException"])
def test_what_the_stream_forgot_is_told(code: str, later: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "client", lambda _: Stream(refusal=code))
    assert not streams.recover(BATCH)
    assert later == []


def test_a_stream_that_is_busy_is_asked_again(later: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "client", lambda _: Stream(refusal="LimitExceededException"))
    with pytest.raises(ClientError):
        streams.recover(BATCH)
    assert later == []


class Crowd:
    """Views of a shop where every SKU is waited for, by overlapping crowds."""

    def project(self, commit: Commit) -> None:
        pass

    def waiting_orders(self, sku: str, limit: int) -> list[str]:
        return [f"ord_{(int(sku) * 10 + each)}" for each in range(limit)]


@dataclass
class Started:
    orders: list[str] = field(default_factory=list)

    def start(self, _: str, payload: Mapping[str, Any]) -> None:
        self.orders.append(payload["order_id"])

    def publish(self, _: Any) -> None:
        pass


def test_one_commit_wakes_no_more_than_fits_into_one_invocation() -> None:
    movements = tuple(
        StockMovement(sku=str(sku), node_id="n", kind=MovementKind.RECEIPT, quantity=1) for sku in range(90)
    )
    commit = Commit(
        stream="stock#1",
        number=1,
        command_id="c",
        cause=Cause(kind="api", ref="r"),
        at=NOW,
        events=(StockMoved(movements=movements),),
        previous="",
    )
    started = Started()
    RelayCommit(Crowd(), started, started)(commit)  # type: ignore[arg-type]  # what it needs of them
    assert len(started.orders) == len(set(started.orders)) == WAKE


class Parked:
    """Two inputs that wait; the first cannot be read."""

    def __init__(self) -> None:
        self.later: list[str] = []
        self.removed: list[str] = []

    def waiting(self, *_: Any) -> list[dict[str, str]]:
        return [{"parked_id": each, "waits_for": "payment#pi"} for each in ("a", "b")]

    def get(self, parked_id: str) -> Any:
        if parked_id == "a":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "GetObject")
        return self

    message = {"source": "stripe"}  # noqa: RUF012 - read only

    def look_again(self, parked_id: str, _: datetime) -> None:
        self.later.append(parked_id)

    def remove(self, parked_id: str) -> None:
        self.removed.append(parked_id)


class Idle:
    def overdue(self, *_: Any) -> list[Any]:
        return []

    def orders_with(self, *_: str) -> list[str]:
        return ["ord_1"]


def test_an_input_that_cannot_be_read_does_not_stop_the_others() -> None:
    parked, idle = Parked(), Idle()
    queued: list[Any] = []
    watchdog = RedriveOverdue(idle, idle, idle, parked, queued.append, lambda: NOW)  # type: ignore[arg-type]  # what it needs of them
    assert watchdog()["replayed"] == 1
    assert (parked.later, parked.removed, len(queued)) == (["a"], ["b"], 1)
