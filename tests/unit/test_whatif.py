"""What-if over the log: it decides again what was decided, and has nothing to write with."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.whatif import lines, what_if
from oms.application.whatif import WhatIf, read_scenario
from oms.domain.canonical import ShipTo
from oms.domain.commit import Cause, Commit
from oms.domain.errors import InvalidInputError
from oms.domain.order import events as ev
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.policy import NEAREST_COMPLETE
from oms.domain.sourcing.request import SourcingRequest, WantedLine
from oms.domain.sourcing.whatif import Tally
from tests.proof.memory import MemoryEverything, MemoryLog, MemoryReference, Store
from tests.support import template

if TYPE_CHECKING:
    from oms.domain.sourcing.request import SourcingPlan

AT = datetime(2026, 3, 3, 15, 30, tzinfo=UTC)
BERLIN = ShipTo(country="DE", latitude=52.5, longitude=13.4)
NODES = {
    "berlin": {"node_id": "berlin", "country": "DE", "latitude": 52.5, "longitude": 13.3},
    "hamburg": {"node_id": "hamburg", "country": "DE", "latitude": 53.5, "longitude": 10.0},
    "lyon": {"node_id": "lyon", "country": "FR", "latitude": 45.7, "longitude": 4.8},
}
SCENARIO = {
    "policy": {"name": "cheapest", "version": 1, "weights": {"money": 1}},
    "tariff": [
        {"name": "near", "up_to_km": 100, "transit_days": 1, "base": 900},
        {"name": "far", "up_to_km": 20038, "transit_days": 3, "base": 500, "per_kg": [[0, 100]]},
    ],
    "extra_parcel": 10,
    "grams": {"A": 1000},
    "costs": {"lyon": {"per_parcel": 7}},
}


def promised(store: Store, number: int, stock: dict[str, dict[str, int]], wanted: dict[str, int]) -> SourcingPlan:
    """An order in the log, placed and promised as the workflow does it."""
    order_id = f"ord_{number}"
    want = tuple(WantedLine(line_id=sku.lower(), sku=sku, quantity=units) for sku, units in wanted.items())
    nodes = MemoryReference(store).nodes(stock)
    plan = source(SourcingRequest(lines=want, ship_to=BERLIN, candidates=nodes, at=AT), NEAREST_COMPLETE)
    placed = ev.OrderPlaced(
        channel="site",
        account="main",
        external_id=str(number),
        number=str(number),
        placed_at=AT,
        currency="EUR",
        total=0,
        lines=tuple(
            ev.PlacedLine(line_id=line.line_id, sku=line.sku, quantity=line.quantity, unit_price=0) for line in want
        ),
        payment=ev.PaymentPlan(provider="in_channel"),
        ship_to=BERLIN,
    )
    bound = ev.LinesReserved(
        units=plan.units, fulfillment_orders={}, promised_by=plan.promised_by, decision=dict(plan.decision)
    )
    waits = (ev.LinesBackordered(lines=plan.short),) if plan.short else ()
    log = MemoryLog(store)
    for place, events in enumerate(((placed,), (bound, *waits)), start=1):
        history = log.read(f"order#{order_id}")
        commit = Commit(
            stream=history.stream,
            number=place,
            command_id=f"{order_id}/{place}",
            cause=Cause(kind="system", ref="test"),
            at=AT,
            events=events,
            previous=history.head,
        )
        log.append(commit)
    return plan


@pytest.fixture
def store() -> Store:
    made = Store()
    made.reference["node"] = dict(NODES)
    promised(made, 1, {"berlin": {"A": 1}, "hamburg": {"A": 5}}, {"A": 1})
    promised(made, 2, {"berlin": {"A": 1}, "hamburg": {"A": 5}, "lyon": {"A": 5}}, {"A": 2})
    promised(made, 3, {"berlin": {"A": 1, "B": 1}, "lyon": {"A": 1}}, {"A": 2, "B": 1})
    promised(made, 4, {"lyon": {"A": 1}}, {"A": 1, "B": 2})
    return made


def run(store: Store, scenario: dict[str, Any], parts: int = 1) -> dict[str, Any]:
    whole, left_out = Tally(), 0
    for part in range(parts):
        one = WhatIf(MemoryEverything(store), MemoryReference(store))(read_scenario(scenario), (part,), parts)
        whole.merge(one.tally)
        left_out += one.left_out
    return {**whole.report(), "left_out": left_out}


def test_orders_of_the_log_under_another_policy(store: Store) -> None:
    report = run(store, SCENARIO)
    assert (report["orders"], report["changed"], report["left_out"]) == (4, 1, 0)
    # 1: Berlin 900, then Hamburg 500 + 100. 2: Hamburg 500 + 200. 3: Berlin and Lyon, nothing else. 4: Lyon, B waits.
    third, fourth = 900 + 500 + 100 + 7 + 10, 500 + 100 + 7
    assert report["cost"]["before"] == 900 + 700 + third + fourth
    assert report["cost"]["change"] == 600 - 900
    assert report["parcels"]["before"] == report["parcels"]["after"] == 5
    assert report["waiting"]["before"] == report["waiting"]["after"] == 2
    assert next(lines(report)) == "4 promises, 1 otherwise, 0 left out"


def test_the_policy_that_decided_changes_nothing(store: Store) -> None:
    weights = {"parcel": 10**36, "reach": 10**24, "piece": 10**14, "carry": 1}
    same = {**SCENARIO, "policy": {"name": "nearest-complete", "version": 1, "weights": weights, "effort": 20}}
    report = run(store, same)
    assert report["changed"] == 0
    assert report["cost"]["change"] == report["metres"]["change"] == 0


@pytest.mark.parametrize("parts", [2, 3, 7])
def test_parts_of_the_log_add_up(store: Store, parts: int) -> None:
    assert run(store, SCENARIO, parts) == run(store, SCENARIO)


def test_nothing_is_written(store: Store) -> None:
    before = copy.deepcopy(store)
    run(store, SCENARIO)
    assert store == before


def test_a_promise_on_a_node_that_is_gone_is_left_out(store: Store) -> None:
    del store.reference["node"]["lyon"]
    report = run(store, SCENARIO)
    assert (report["orders"], report["left_out"]) == (2, 2)


@pytest.mark.parametrize(
    "document", [{}, {"policy": "cheapest"}, {"policy": {"name": "x", "version": 1, "weights": {}}}, {"policy": None}]
)
def test_what_is_no_scenario_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        read_scenario(document)


class OnlyReads:
    """A DynamoDB client that has nothing in it, and no call beside these two."""

    def __init__(self) -> None:
        self.called: set[str] = set()

    def scan(self, **asked: Any) -> dict[str, Any]:
        self.called.add(f"Scan {asked['TableName']}")
        return {"Items": []}

    def query(self, **asked: Any) -> dict[str, Any]:
        self.called.add(f"Query {asked['TableName']}")
        return {"Items": []}


def policy_of(found: template.Resources) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = found["ReadsForWhatIf"]["Properties"]["PolicyDocument"]["Statement"]
    return statements


def test_the_command_calls_what_its_policy_allows() -> None:
    client = OnlyReads()
    outputs = {"EventsTable": "EventsTable", "StockTable": "StockTable", "ReferenceTable": "ReferenceTable"}
    what_if(client, outputs)(read_scenario(SCENARIO))
    allowed = {
        f"{action.removeprefix('dynamodb:')} {each['Resource']['Fn::GetAtt'][0]}"
        for each in policy_of(template.resources())
        for action in each["Action"]
        if action.startswith("dynamodb:")
    }
    assert client.called == allowed


def test_its_policy_has_nothing_to_write_with() -> None:
    reads = {"dynamodb:Scan", "dynamodb:Query", "kms:Decrypt"}
    for each in policy_of(template.resources()):
        assert each["Effect"] == "Allow"
        assert set(each["Action"]) <= reads
        assert "*" not in str(each["Resource"])
