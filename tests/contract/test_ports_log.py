"""The Log and Stock ports on DynamoDB: what their docstrings promise, and what they make of every way of failing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.httpsession import URLLib3Session

from infra.local.engine import REGION, Engine, free_port
from oms.adapters import dynamodb_log, keys
from oms.adapters.compact import pack
from oms.adapters.dynamodb_log import DynamoLog, DynamoStock
from oms.adapters.shards import COLLISIONS
from oms.application.orders import Orders, stream_of
from oms.domain import ids
from oms.domain.commit import Cause, Commit
from oms.domain.errors import (
    ContentionError,
    DuplicateOrderNumberError,
    InsufficientStockError,
    PaymentAlreadyUsedError,
    SerialInUseError,
    SerialNotShippedError,
    UnknownEventError,
    VersionConflictError,
)
from oms.domain.holding import DueHold
from oms.domain.movements import MovementKind
from oms.domain.order.commands import PlaceHold
from oms.domain.serials import Serial
from oms.domain.stock import StockDelta, StockMoved, StockMovement
from tests.support.builders import paid, snapshot, sync_command

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.engine

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAUSE = Cause(kind="api", ref="request:1", actor="shop")
Answer = Callable[[Any], Any]


class _Raw:
    """What botocore reads a body from."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body


@dataclass
class Faults:
    """Answers in the place of DynamoDB's, one for each of the next calls of an operation."""

    client: Any
    session: URLLib3Session = field(default_factory=URLLib3Session)
    plans: dict[str, list[Answer]] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client.meta.events.register("before-send.dynamodb.*", self._meet)

    def _meet(self, request: Any, **_: Any) -> Any:
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        self.sent.append(operation)
        waiting = self.plans.get(operation, [])
        return waiting.pop(0)(request) if waiting else None

    def plan(self, operation: str, *answers: Answer) -> None:
        self.plans.setdefault(operation, []).extend(answers)

    def lost(self, request: Any) -> Any:
        """DynamoDB did it, and nobody hears of it."""
        self.session.send(request.prepare() if hasattr(request, "prepare") else request)
        raise ConnectionClosedError(endpoint_url=request.url)


def refused(code: str, status: int = 400, **more: Any) -> Answer:
    """An error of DynamoDB's."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "injected", **more}

    def answer(request: Any) -> AWSResponse:
        headers: Any = HeadersDict({"content-type": "application/x-amz-json-1.0"})
        return AWSResponse(request.url, status, headers, _Raw(json.dumps(body).encode()))

    return answer


def cancelled(*codes: str) -> Answer:
    reasons = [{"Code": code} for code in codes]
    return refused("TransactionCanceledException", CancellationReasons=reasons)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An engine with the two tables."""
    state = tmp_path_factory.mktemp("log-engine")
    with Engine(state=state, port=free_port(), api_port=free_port(), persist=False) as engine:
        for table in ("events", "stock"):
            engine.client("dynamodb").create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            )
        yield engine.endpoint


@pytest.fixture
def client(endpoint: str) -> Any:
    """A client that retries as the functions' does."""
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"mode": "standard", "total_max_attempts": 4}),
    )


@pytest.fixture
def faults(client: Any) -> Faults:
    return Faults(client)


@pytest.fixture
def log(client: Any, monkeypatch: pytest.MonkeyPatch) -> DynamoLog:
    monkeypatch.setattr(dynamodb_log, "_BACKOFF_S", 0.001)
    return DynamoLog(client, "events", "stock")


@pytest.fixture
def stream(request: pytest.FixtureRequest) -> str:
    """A stream, and a SKU, that no other test has."""
    return f"stock#{request.node.name}"


def commit(log: DynamoLog, stream: str, quantity: int = 1, **changes: Any) -> Commit:
    """The next commit of a stream."""
    history = log.read(stream)
    number = history.number + 1
    movement = StockMovement(sku=stream, node_id="n", kind=MovementKind.RECEIPT, quantity=quantity, reason="x")
    fields: dict[str, Any] = {"events": (StockMoved(movements=(movement,)),), "cause": CAUSE, **changes}
    command_id = f"cmd_{number}_{quantity}"
    at = T0 + timedelta(seconds=number)
    return Commit(stream=stream, number=number, command_id=command_id, at=at, previous=history.head, **fields)


def delta(sku: str, units: int) -> StockDelta:
    """Units received, or taken for an order."""
    taken = StockDelta(sku=sku, node_id="n", available=units, reserved=-units)
    return StockDelta(sku=sku, node_id="n", on_hand=units, available=units) if units > 0 else taken


def position(client: Any, sku: str) -> StockDelta:
    (found,) = DynamoStock(client, "stock").positions([sku])
    return found


def test_what_was_appended_is_read_back(log: DynamoLog, stream: str) -> None:
    assert (log.read(stream).commits, log.read(stream).number) == ((), 0)
    written = []
    for quantity in (1, 2, 3):
        written.append(commit(log, stream, quantity, summary={"order_id": "o", "text": "Zürich 東京"}))
        log.append(written[-1])
    history = log.read(stream)
    assert history.commits == tuple(written)
    assert history.number == 3
    assert history.find("cmd_2_2") == written[1]
    assert history.find("cmd_9") is None
    assert commit(log, stream).previous == history.head != written[0].previous


def test_a_taken_number_is_a_conflict_and_changes_nothing(log: DynamoLog, client: Any, stream: str) -> None:
    first = commit(log, stream, 1)
    log.append(first, stock=[delta(stream, 5)])
    with pytest.raises(VersionConflictError):
        log.append(replace(first, command_id="cmd_other"))
    with pytest.raises(VersionConflictError):
        log.append(replace(first, command_id="cmd_other"), stock=[delta(stream, 7)])
    assert log.read(stream).commits == (first,)
    assert position(client, stream).on_hand == 5


def test_too_little_stock_refuses_the_commit_and_says_where(log: DynamoLog, client: Any, stream: str) -> None:
    log.append(commit(log, stream), stock=[delta(stream, 2)])
    with pytest.raises(InsufficientStockError) as refusal:
        log.append(commit(log, stream), stock=[delta(stream, -3)])
    assert refusal.value.context["positions"] == [
        {"sku": stream, "node": "n", "needs": {"available": -3, "reserved": 3}, "has": {"available": 2}}
    ]
    with pytest.raises(InsufficientStockError):
        log.append(commit(log, stream), stock=[delta(f"{stream} unknown", -1)])
    assert log.read(stream).number == 1
    assert position(client, stream) == StockDelta(sku=stream, node_id="n", on_hand=2, available=2)
    log.append(commit(log, stream), stock=[delta(stream, -2)])
    assert position(client, stream) == StockDelta(sku=stream, node_id="n", on_hand=2, reserved=2)


def test_a_conflict_comes_before_everything_else_that_failed(log: DynamoLog, stream: str) -> None:
    first = commit(log, stream)
    log.append(first, unique=[f"number#{stream}"])
    other = f"{stream} other"
    log.append(commit(log, other))
    late = replace(first, stream=other, command_id="cmd_late")
    with pytest.raises(VersionConflictError):
        log.append(late, stock=[delta(f"{stream} none", -1)], unique=[f"number#{stream}"])


def test_a_key_belongs_to_one_stream(log: DynamoLog, stream: str) -> None:
    keys = [f"number#{stream}", f"payment#stripe#{stream}"]
    log.append(commit(log, stream), unique=keys)
    log.append(commit(log, stream), unique=keys)
    other = f"{stream} other"
    for key, refusal in ((keys[0], DuplicateOrderNumberError), (keys[1], PaymentAlreadyUsedError)):
        with pytest.raises(refusal):
            log.append(commit(log, other), unique=[key])
    assert log.read(other).number == 0


def test_a_unit_is_out_with_one_order_until_it_is_back(log: DynamoLog, stream: str) -> None:
    other, keys = f"{stream} other", [Serial(stream, "S1").key, Serial(stream, "S2").key]
    log.append(commit(log, stream), unique=keys)
    with pytest.raises(SerialInUseError) as refusal:
        log.append(commit(log, other), unique=[keys[0], f"{keys[0]}0", keys[1]])
    assert refusal.value.context["serials"] == [{"sku": stream, "serial": "S1"}, {"sku": stream, "serial": "S2"}]
    with pytest.raises(SerialNotShippedError):
        log.append(commit(log, other), released=keys[:1])
    with pytest.raises(InsufficientStockError):  # what is short comes first
        log.append(commit(log, other), stock=[delta(stream, -1)], released=keys[:1])
    assert log.read(other).number == 0
    log.append(commit(log, stream), released=keys[:1])
    log.append(commit(log, other), unique=keys[:1])
    with pytest.raises(SerialInUseError):
        log.append(commit(log, stream), unique=keys[:1])


def test_a_fact_is_kept_once_and_is_no_commit(log: DynamoLog, stream: str) -> None:
    assert log.put_fact(stream, "b", {"n": 1})
    assert not log.put_fact(stream, "b", {"n": 2})
    assert log.put_fact(stream, "a", {"n": 3})
    assert log.facts(stream) == [{"n": 3}, {"n": 1}]
    assert log.read(stream).number == 0


def test_a_history_of_many_pages_is_whole(log: DynamoLog, stream: str, faults: Faults) -> None:
    """Over 1 MB: more than one Query."""
    digests = (hashlib.sha512(str(each).encode()).hexdigest() for each in range(1800))
    padding = {"padding": "".join(digests)}  # which compression can only halve
    for quantity in range(1, 31):
        log.append(commit_after(log, stream, quantity, padding))
    before = len(faults.sent)
    history = log.read(stream)
    assert [each.number for each in history.commits] == list(range(1, 31))
    assert [each.events[0].movements[0].quantity for each in history.commits] == list(range(1, 31))
    assert faults.sent[before:].count("Query") > 2
    for fact in range(30):
        log.put_fact(stream, f"{fact:03}", padding)
    assert len(log.facts(stream)) == 30


def commit_after(log: DynamoLog, stream: str, quantity: int, summary: dict[str, Any]) -> Commit:
    """A commit without reading the history first."""
    at = T0 + timedelta(seconds=quantity)
    template = commit(log, f"{stream} none", quantity, summary=summary)
    return replace(template, stream=stream, number=quantity, command_id=f"cmd_{quantity}", at=at)


def test_an_unknown_event_is_refused_not_skipped(log: DynamoLog, client: Any, stream: str) -> None:
    log.append(commit(log, stream))
    item = log.image(stream, "c#00000001")
    assert item is not None
    newer = pack({"ev": [{"type": "OrderTeleported", "v": 1}]})
    client.put_item(TableName="events", Item={**item, "sk": {"S": "c#00000002"}, "z": {"B": newer}})
    with pytest.raises(UnknownEventError):
        log.read(stream)


# ---- failing


def test_a_lost_answer_to_a_plain_append_is_a_conflict_with_oneself(
    log: DynamoLog, stream: str, faults: Faults
) -> None:
    """The SDK sent it again by itself: the number is taken, by this very commit."""
    faults.plan("PutItem", faults.lost)
    mine = commit(log, stream)
    with pytest.raises(VersionConflictError):
        log.append(mine)
    assert faults.sent.count("PutItem") == 2
    assert log.read(stream).find(mine.command_id) == mine


def test_a_lost_answer_to_a_transaction_moves_stock_once(
    log: DynamoLog, client: Any, stream: str, faults: Faults
) -> None:
    faults.plan("TransactWriteItems", faults.lost, faults.lost)
    mine = commit(log, stream)
    try:
        log.append(mine, stock=[delta(stream, 4)])
    except VersionConflictError:
        assert log.read(stream).find(mine.command_id) == mine
    assert faults.sent.count("TransactWriteItems") == 3
    assert position(client, stream).on_hand == 4


@pytest.mark.parametrize("operation", ["PutItem", "TransactWriteItems"])
def test_a_command_whose_answer_was_lost_is_recorded_once(log: DynamoLog, faults: Faults, operation: str) -> None:
    order = paid(replace(snapshot(), external_id=f"lost {operation}"))
    order_id = ids.order_id(order.source, order.account, order.external_id)
    orders = Orders(log, lambda: T0)
    unique = [f"number#{order_id}"] if operation == "TransactWriteItems" else []
    faults.plan(operation, faults.lost)
    outcome = orders.execute(order_id, sync_command(order), CAUSE, unique=unique)
    assert outcome.order.order_id == order_id
    faults.plan("PutItem", faults.lost, faults.lost)
    hold = PlaceHold(command_id=f"cmd_hold_{operation}", hold_id="sth_1", kind="manual")
    assert orders.execute(order_id, hold, CAUSE).order.holds.keys() == {"sth_1"}
    assert orders.execute(order_id, hold, CAUSE).replayed
    commands = [each.command_id for each in log.read(stream_of(order_id)).commits]
    assert len(commands) == len(set(commands)) == 2


@pytest.mark.parametrize("times", [1, 3, COLLISIONS - 1])
def test_transactions_that_collide_are_tried_again(
    log: DynamoLog, client: Any, stream: str, faults: Faults, times: int
) -> None:
    faults.plan("TransactWriteItems", *[cancelled("None", "TransactionConflict")] * times)
    log.append(commit(log, stream), stock=[delta(stream, 1)])
    assert faults.sent.count("TransactWriteItems") == times + 1
    assert position(client, stream).on_hand == 1


def test_transactions_that_keep_colliding_end_in_contention(log: DynamoLog, stream: str, faults: Faults) -> None:
    faults.plan("TransactWriteItems", *[cancelled("TransactionConflict", "None")] * COLLISIONS)
    with pytest.raises(ContentionError):
        log.append(commit(log, stream), stock=[delta(stream, 1)])
    assert log.read(stream).number == 0


@pytest.mark.parametrize("times", [1, COLLISIONS - 1])
def test_a_plain_append_waits_for_a_transaction_on_its_number(
    log: DynamoLog, stream: str, faults: Faults, times: int
) -> None:
    faults.plan("PutItem", *[refused("TransactionConflictException")] * times)
    log.append(commit(log, stream))
    assert log.read(stream).number == 1
    faults.plan("PutItem", *[refused("TransactionConflictException")] * COLLISIONS)
    with pytest.raises(ContentionError):
        log.append(commit(log, stream))
    assert log.read(stream).number == 1


def test_two_streams_go_on_together_or_not_at_all(log: DynamoLog, client: Any, stream: str) -> None:
    log.append(commit(log, stream), stock=[delta(stream, 2)])
    mine, theirs = commit(log, f"{stream} order"), commit(log, f"{stream} hold")
    log.append(mine, stock=[delta(stream, -1)], beside=[theirs])
    assert [log.read(each.stream).number for each in (mine, theirs)] == [1, 1]
    late = commit(log, f"{stream} other order")
    with pytest.raises(VersionConflictError) as refused:
        log.append(late, stock=[delta(stream, -1)], unique=[f"number#{stream}"], beside=[theirs])
    assert refused.value.context["stream"] == theirs.stream
    with pytest.raises(InsufficientStockError):
        log.append(late, stock=[delta(stream, -2)], beside=[commit(log, theirs.stream)])
    assert log.read(late.stream).number == 0
    assert position(client, stream).available == 1
    log.append(late, unique=[f"number#{stream}"], beside=[commit(log, theirs.stream)])
    assert log.read(theirs.stream).number == 2


def test_an_open_hold_is_found_once_its_time_is_over_and_is_no_position(
    log: DynamoLog, client: Any, stream: str
) -> None:
    hold = DueHold(hold_id="sth_1", due=T0, skus=("A", "B"))
    log.append(commit(log, stream), due=[hold])
    stock = DynamoStock(client, "stock")
    assert hold not in stock.due_holds(T0 - timedelta(microseconds=1), 50)
    assert hold in stock.due_holds(T0, 50)
    assert stock.positions(keys.held_pks()) == []
    later = replace(hold, due=T0 + timedelta(hours=1))
    log.append(commit(log, stream), due=[replace(hold, open=False), later])
    assert [each for each in stock.due_holds(later.due, 50) if each.hold_id == hold.hold_id] == [later]


@pytest.mark.parametrize(
    ("codes", "refusal"),
    [
        (("ConditionalCheckFailed", "ConditionalCheckFailed", "ConditionalCheckFailed"), VersionConflictError),
        (("None", "ConditionalCheckFailed", "None"), DuplicateOrderNumberError),
        (("None", "None", "ConditionalCheckFailed"), InsufficientStockError),
        (("TransactionConflict", "None", "ConditionalCheckFailed"), InsufficientStockError),
        (("ConditionalCheckFailed", "TransactionConflict", "None"), VersionConflictError),
    ],
)
def test_mixed_reasons_become_the_right_refusal(
    log: DynamoLog, stream: str, faults: Faults, codes: tuple[str, ...], refusal: type[Exception]
) -> None:
    faults.plan("TransactWriteItems", cancelled(*codes))
    with pytest.raises(refusal):
        log.append(commit(log, stream), stock=[delta(stream, -1)], unique=["number#1"])
    assert log.read(stream).number == 0


@pytest.mark.parametrize(
    ("code", "status"),
    [("ProvisionedThroughputExceededException", 400), ("ThrottlingException", 400), ("InternalServerError", 500)],
)
def test_every_call_survives_throttling_and_server_errors(
    log: DynamoLog, client: Any, stream: str, faults: Faults, code: str, status: int
) -> None:
    operations = ("Query", "PutItem", "TransactWriteItems", "GetItem")
    for operation in operations:
        faults.plan(operation, refused(code, status))
    log.append(commit(log, stream))
    log.append(commit(log, stream, 2), stock=[delta(stream, 3)])
    assert log.put_fact(stream, "f", {})
    assert log.image(stream, "c#00000002")
    assert (log.read(stream).number, position(client, stream).on_hand) == (2, 3)
    assert not any(faults.plans.values())


def test_throttling_that_does_not_end_is_an_error_and_writes_nothing(
    log: DynamoLog, stream: str, faults: Faults
) -> None:
    faults.plan("PutItem", *[refused("ThrottlingException")] * 4)
    mine = commit(log, stream)
    with pytest.raises(ClientError):
        log.append(mine)
    assert log.read(stream).number == 0
