"""Ports in memory and their adapters on DynamoDB and S3 give the same answers and the same refusals."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest
from botocore.config import Config

from infra.local.engine import REGION, Engine, free_port
from oms.adapters import dynamodb_reference, dynamodb_work
from oms.adapters.dynamodb_contacts import DynamoContacts
from oms.adapters.dynamodb_feed import DynamoFeed
from oms.adapters.dynamodb_log import DynamoLog, DynamoStock
from oms.adapters.dynamodb_marks import DynamoMarks
from oms.adapters.dynamodb_policies import DynamoPolicies
from oms.adapters.dynamodb_reference import DynamoReference
from oms.adapters.dynamodb_scan import DynamoScan
from oms.adapters.dynamodb_views import DynamoViews
from oms.adapters.dynamodb_work import DynamoOpenWork
from oms.adapters.s3 import S3Checkpoint, S3Claims, S3Quarantine
from oms.domain.commit import Commit, StoredCommit
from oms.domain.movements import MovementKind
from oms.domain.stock import StockDelta, StockMoved, StockMovement, stock_deltas
from tests.proof.memory import (
    MemoryCheckpoint,
    MemoryClaims,
    MemoryContacts,
    MemoryEverything,
    MemoryFeed,
    MemoryLog,
    MemoryMarks,
    MemoryOpenWork,
    MemoryPolicies,
    MemoryQuarantine,
    MemoryReference,
    MemoryStock,
    MemoryViews,
    Store,
    twins,
)
from tests.proof.memory.twins import DifferenceError, Twins
from tests.support import template
from tests.support.builders import T0

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.engine

OPERATIONS: Final = {
    "log": 2000,
    "stock": 600,
    "feed": 1000,
    "contacts": 1400,
    "reference": 1700,
    "policies": 400,
    "rows": 1700,
    "orders": 900,
    "quarantine": 500,
    "claims": 100,
    "marks": 200,
}
TABLES: Final = ("EventsTable", "StockTable", "ContactsTable", "ReferenceTable", "ViewsTable")
BUCKET: Final = "twins"


@dataclass
class Both:
    """Every port twice, all over one store and one engine's tables of their own name."""

    dynamodb: Any
    s3: Any
    name: str
    store: Store = field(default_factory=Store)

    def __post_init__(self) -> None:
        found = template.resources()
        for table in TABLES:
            wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
            properties = found[table]["Properties"]
            request = {key: properties[key] for key in wanted if key in properties}
            self.dynamodb.create_table(TableName=self.table(table), **request)

    def table(self, logical: str) -> str:
        return f"{self.name}-{logical}"

    def log(self) -> Twins:
        adapter = DynamoLog(self.dynamodb, self.table("EventsTable"), self.table("StockTable"))
        return Twins(MemoryLog(self.store, faithful=True), adapter)

    def stock(self) -> Twins:
        return Twins(MemoryStock(self.store), DynamoStock(self.dynamodb, self.table("StockTable")))

    def feed(self) -> Twins:
        adapter = DynamoFeed(self.dynamodb, self.table("EventsTable"), self.table("StockTable"))
        return Twins(MemoryFeed(self.store), adapter)

    def contacts(self) -> Twins:
        adapter = DynamoContacts(self.dynamodb, self.table("ContactsTable"))
        return Twins(MemoryContacts(self.store, faithful=True), adapter)

    def reference(self) -> Twins:
        return Twins(MemoryReference(self.store), DynamoReference(self.dynamodb, self.table("ReferenceTable")))

    def policies(self) -> Twins:
        return Twins(MemoryPolicies(self.store), DynamoPolicies(self.dynamodb, self.table("ReferenceTable")))

    def work(self) -> Twins:
        return Twins(MemoryOpenWork(self.store), DynamoOpenWork(self.dynamodb, self.table("ViewsTable")))

    def views(self) -> Twins:
        return Twins(MemoryViews(self.store, faithful=True), self.lists())

    def lists(self) -> DynamoViews:
        return DynamoViews(self.dynamodb, *map(self.table, ("ViewsTable", "ContactsTable", "EventsTable")))

    def everything(self) -> tuple[MemoryEverything, DynamoScan]:
        adapter = DynamoScan(self.dynamodb, self.table("EventsTable"), self.table("StockTable"))
        return MemoryEverything(self.store, faithful=True), adapter

    def quarantine(self) -> Twins:
        adapter = S3Quarantine(self.s3, BUCKET, self.lists())
        return Twins(MemoryQuarantine(self.store, faithful=True), adapter)

    def marks(self) -> Twins:
        return Twins(MemoryMarks(self.store, faithful=True), DynamoMarks(self.dynamodb, self.table("ViewsTable")))

    def claims(self) -> Twins:
        return Twins(MemoryClaims(self.store), S3Claims(self.s3, BUCKET))


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """An engine's DynamoDB and S3."""
    state = tmp_path_factory.mktemp("twins-engine")
    with Engine(state=state, port=free_port(), api_port=free_port(), persist=False) as engine:
        dynamodb, s3 = (_client(engine.endpoint, service) for service in ("dynamodb", "s3"))
        s3.create_bucket(Bucket=BUCKET)
        yield dynamodb, s3


def _client(endpoint: str, service: str) -> Any:
    make: Any = boto3.client
    return make(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(parameter_validation=False, s3={"addressing_style": "path"}),
    )


@pytest.fixture
def both(clients: tuple[Any, Any], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Both:
    for module, name in (
        (dynamodb_reference, "KEEP_S"),
        (dynamodb_reference, "KEEP_PRODUCTS_S"),
        (dynamodb_work, "KEEP_S"),
    ):
        monkeypatch.setattr(module, name, -1.0)  # what a warm function remembers is not under test
    return Both(*clients, "".join(each if each.isalnum() else "-" for each in request.node.name))


def repeat(count: int, twins_: Twins, operation: Callable[[random.Random, Twins], None], seed: int = 1) -> None:
    rng = random.Random(seed)
    while twins_.count < count:
        operation(rng, twins_)
    assert twins_.count >= count


def test_these_are_ten_thousand_operations() -> None:
    assert sum(OPERATIONS.values()) >= 10_000


def test_log_and_stock(both: Both) -> None:
    log, stock = both.log(), both.stock()
    rng = random.Random(1)
    while log.count < OPERATIONS["log"]:
        twins.log_operation(rng, log)
        if rng.random() < OPERATIONS["stock"] / OPERATIONS["log"]:
            twins.stock_operation(rng, stock)
    repeat(OPERATIONS["stock"], stock, twins.stock_operation)
    assert log.refused == {
        "VersionConflictError",
        "InsufficientStockError",
        "StockChangedError",
        "DuplicateOrderNumberError",
        "PaymentAlreadyUsedError",
        "SerialInUseError",
        "SerialNotShippedError",
    }


def test_feeds(both: Both) -> None:
    log, feed, stock = both.log(), both.feed(), both.stock()
    rng = random.Random(1)
    while log.count + feed.count < OPERATIONS["feed"]:
        twins.feed_operation(rng, log, feed)
        twins.stock_operation(rng, stock)
    assert log.refused >= {"StockChangedError", "DuplicateOrderNumberError"}
    assert sum(bool(marks) for marks in both.store.marks.values()) > 5


def test_contacts(both: Both) -> None:
    repeat(OPERATIONS["contacts"], both.contacts(), twins.contact_operation)


def test_reference(both: Both) -> None:
    repeat(OPERATIONS["reference"], both.reference(), twins.reference_operation)


def test_policies(both: Both) -> None:
    policies, reference = both.policies(), both.reference()
    rng = random.Random(1)
    while policies.count < OPERATIONS["policies"]:
        twins.policy_operation(rng, policies)
        reference.do("policy", rng.choice(twins.POLICIES))
    assert policies.refused == {"VersionConflictError"}


def test_rows(both: Both) -> None:
    views = both.views()
    repeat(OPERATIONS["rows"], views, twins.row_operation)
    assert views.refused == {"InvalidCursorError"}
    assert views.listed > 1000


def test_orders(both: Both) -> None:
    commits = twins.lives(random.Random(1), 40)
    twins.keep_contacts(both.contacts(), commits)
    for commit in commits:
        if commit.number == 1:
            both.log().do("append", commit)
    views = both.views()
    repeat(OPERATIONS["orders"], views, lambda rng, each: twins.order_operation(rng, each, commits))
    for commit in commits:
        views.do("project", commit)
    counted = both.work().do("open_orders", ["WH1", "WH2", "WH3", "nowhere"])
    assert counted["nowhere"] == 0
    assert sum(counted.values()) > 5
    for commit in commits[::7]:
        row = commit.summary
        own = (datetime.fromisoformat(row["placed_at"]), row["order_id"])
        both.work().do("owed", "SKU-1", *own, 100)
        both.work().do("owed", "SKU-2", *own, 2)
    repeat(views.count + 100, views, lambda rng, each: twins.order_operation(rng, each, commits), seed=2)
    assert views.listed > 500


def test_quarantine(both: Both) -> None:
    quarantine = both.quarantine()
    repeat(OPERATIONS["quarantine"], quarantine, twins.parked_operation)
    assert quarantine.refused == {"QuarantineNotFoundError"}
    assert quarantine.listed > 200


def test_marks(both: Both) -> None:
    marks = both.marks()
    told: list[Any] = []

    def operation(rng: random.Random, each: Twins) -> None:
        told.append(twins.mark_operation(rng, each))

    repeat(OPERATIONS["marks"], marks, operation)
    assert {True, False} <= {each for each in told if isinstance(each, bool)}


def test_claims(both: Both) -> None:
    claims = both.claims()
    rng = random.Random(1)
    for number in range(OPERATIONS["claims"] // 2):
        key = f"claims/{rng.randrange(10)}"
        claims.do("put", key, rng.randbytes(rng.randrange(1000)) + bytes([number]))
        claims.do("get", key)


def test_everything_is_read_through_once_and_in_order(both: Both) -> None:
    log = both.log()
    repeat(600, log, twins.log_operation)
    large = StockMovement(sku="A", node_id="N", kind=MovementKind.RECEIPT, quantity=1)
    for number in range(12):  # more than a page of each part
        told = replace(large, reason=random.Random(number).randbytes(150_000).hex())
        commit = Commit(
            stream=f"stock#large-{number % 3}",
            number=number // 3 + 1,
            command_id=f"large-{number}",
            cause=twins.CAUSE,
            at=T0,
            events=(StockMoved(movements=(told,)),),
            previous=log.memory.read(f"stock#large-{number % 3}").head,
        )
        log.do("append", commit, stock=stock_deltas(commit.events))
    memory, adapter = both.everything()
    rows = [sorted((row for page in each.stock_pages() for row in page), key=repr) for each in (memory, adapter)]
    here, there = ([row for row in each if isinstance(row, StockDelta) and row.changes] for each in rows)
    assert here == there
    parts = 2
    pages = list(adapter.log_pages(dict.fromkeys(range(parts)), parts))
    assert len(pages) > parts
    assert [page.mark is None for page in pages].count(True) == parts
    seen = [commit for page in sorted(pages, key=lambda each: each.part) for commit in page.commits]
    streams = list(dict.fromkeys(each.commit.stream for each in seen if isinstance(each, StoredCommit)))
    assert set(streams) == set(both.store.streams)
    together = [commit for stream in streams for commit in memory.stream(stream)]
    assert [(each.commit, each.hash) for each in seen if isinstance(each, StoredCommit)] == [
        (each.commit, each.hash) for each in together
    ]
    for stream in streams:
        assert [repr(each) for each in adapter.stream(stream)] == [repr(each) for each in memory.stream(stream)]
    later = next(page for page in pages if page.mark is not None)
    rest = list(adapter.log_pages({later.part: later.mark}, parts))
    following = [page for page in pages if page.part == later.part]
    assert [page.commits for page in rest] == [page.commits for page in following[following.index(later) + 1 :]]


def test_a_run_is_put_down_and_taken_up(both: Both) -> None:
    for checkpoint in (MemoryCheckpoint(), S3Checkpoint(both.s3, BUCKET, "checkpoints/run.json.gz")):
        assert checkpoint.load() is None
        checkpoint.save({"accounts": [["A", "ü", [1, None]]]})
        checkpoint.save({"accounts": []})
        assert checkpoint.load() == {"accounts": []}
        checkpoint.clear()
        checkpoint.clear()
        assert checkpoint.load() is None


@pytest.mark.parametrize(
    ("flag", "port", "operation"),
    [
        ("checks_number", "log", twins.log_operation),
        ("checks_stock", "log", twins.log_operation),
        ("checks_keep", "log", twins.log_operation),
        ("checks_unique", "log", twins.log_operation),
        ("checks_revision", "contacts", twins.contact_operation),
    ],
)
def test_a_port_that_forgets_a_condition_is_seen(
    both: Both, flag: str, port: str, operation: Callable[[random.Random, Twins], None]
) -> None:
    setattr(both.store, flag, False)
    with pytest.raises(DifferenceError):
        repeat(2000, getattr(both, port)(), operation)


def test_a_list_that_shows_an_older_commit_is_seen(both: Both) -> None:
    both.store.checks_row = False
    commits = twins.lives(random.Random(1), 12)
    with pytest.raises(DifferenceError):
        repeat(2000, both.views(), lambda rng, each: twins.order_operation(rng, each, commits))
