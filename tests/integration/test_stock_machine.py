"""The machine of random movements, counts and orders over the engine's tables: what holds in memory holds there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from infra.local.engine import REGION, Engine, free_port
from oms.adapters.dynamodb_log import DynamoLog, DynamoStock
from oms.adapters.dynamodb_scan import DynamoScan
from oms.domain.commit import StoredCommit
from oms.domain.stock import StockDelta
from tests.property.test_stock import StockMachine
from tests.support import template

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.engine

EXAMPLES = 12
STEPS = 30


class Tables:
    """What is stored in an engine's tables, read when it is asked for after something was written."""

    def __init__(self, dynamodb: Any, name: str) -> None:
        found = template.resources()
        events, stock = f"{name}-events", f"{name}-stock"
        for table, logical in ((events, "EventsTable"), (stock, "StockTable")):
            wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
            properties = found[logical]["Properties"]
            dynamodb.create_table(TableName=table, **{key: properties[key] for key in wanted if key in properties})
        self.log = _Told(DynamoLog(dynamodb, events, stock), self._forget)
        self.stock = DynamoStock(dynamodb, stock)
        self._scan = DynamoScan(dynamodb, events, stock)
        self._positions: dict[str, dict[str, StockDelta]] | None = None
        self._streams: dict[str, Any] | None = None

    def _forget(self) -> None:
        self._positions = self._streams = None

    @property
    def positions(self) -> dict[str, dict[str, StockDelta]]:
        """Every position, by SKU and node."""
        if self._positions is None:
            self._positions = {}
            for row in (row for page in self._scan.stock_pages() for row in page):
                assert isinstance(row, StockDelta)
                self._positions.setdefault(row.sku, {})[row.node_id] = row
        return self._positions

    @property
    def streams(self) -> dict[str, Any]:
        """Every stream's stored commits."""
        if self._streams is None:
            found: dict[str, list[StoredCommit]] = {}
            for page in self._scan.log_pages({0: None}, 1):
                for stored in page.commits:
                    assert isinstance(stored, StoredCommit)
                    found.setdefault(stored.commit.stream, []).append(stored)
            self._streams = {name: SimpleNamespace(stored=tuple(commits)) for name, commits in found.items()}
        return self._streams


class _Told:
    """A log that says when it was written to."""

    def __init__(self, log: DynamoLog, written: Any) -> None:
        self._log = log
        self._written = written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def append(self, *args: Any, **kwargs: Any) -> None:
        try:
            self._log.append(*args, **kwargs)
        finally:
            self._written()


@pytest.fixture(scope="module")
def dynamodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An engine's DynamoDB."""
    state = tmp_path_factory.mktemp("machine-engine")
    with Engine(state=state, port=free_port(), api_port=free_port(), persist=False) as engine:
        make: Any = boto3.client
        yield make(
            "dynamodb",
            endpoint_url=engine.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(parameter_validation=False),
        )


def test_no_way_through_a_warehouse_breaks_what_holds(dynamodb: Any) -> None:
    begun = 0
    written: list[int] = []

    class OnEngine(StockMachine):
        def ports(self) -> tuple[Any, Any, Any]:
            nonlocal begun
            begun += 1
            tables = Tables(dynamodb, f"machine-{begun}")
            return tables, tables.log, tables.stock

        def teardown(self) -> None:
            written.append(len(self.store.streams))

    few = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(OnEngine, settings=few)
    assert begun >= EXAMPLES
    assert sum(written) > 10 * EXAMPLES, "little was written"


def test_a_row_that_somebody_changed_is_seen(dynamodb: Any) -> None:
    tables = Tables(dynamodb, "machine-changed")

    class Changed(StockMachine):
        def ports(self) -> tuple[Any, Any, Any]:
            return tables, tables.log, tables.stock

    machine = Changed()
    machine.opens()
    machine.positions_are_what_happened()
    key = {"pk": {"S": "A"}, "sk": {"S": "N1#0"}}
    one = {":one": {"N": "1"}}
    dynamodb.update_item(
        TableName="machine-changed-stock", Key=key, UpdateExpression="ADD on_hand :one", ExpressionAttributeValues=one
    )
    tables._forget()
    with pytest.raises(AssertionError):
        machine.positions_are_what_happened()
