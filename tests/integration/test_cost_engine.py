"""The tap on the running engine: what it writes down of an order is what the order costs, and what becomes of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.proof.cost.follow import within
from tests.proof.cost.ledger import TRUTH, Record, Tally
from tests.proof.cost.live import Live, live
from tests.proof.cost.path import Journey
from tests.proof.cost.phases import APART, bursts
from tests.proof.cost.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.engine, pytest.mark.slow]
WARM, ALONE = [Journey(number) for number in range(4)], Journey(4)


@pytest.fixture(scope="module")
def driven() -> Iterator[tuple[Live, list[Record]]]:
    """A system that has delivered some orders at once, and then one alone, with what was written down of that one."""
    with live() as running:
        running.load(WARM)
        running.load([ALONE])
        bursts(running, WARM, clients=4)
        began = time.time()
        running.walk(ALONE)
        running.quiet()
        yield running, within(running.follower.records, began, time.time(), APART)


def test_units_are_those_that_the_engine_itself_says(driven: tuple[Live, list[Record]]) -> None:
    tally = Tally(driven[1], 1)
    assert tally.wru(*TRUTH, "views") == tally.told() > 0
    assert tally.failed() == 0


def test_every_service_and_function_on_the_way_is_there(driven: tuple[Live, list[Record]]) -> None:
    tally = Tally(driven[1], 1)
    requests = tally.requests()
    assert {"apigateway", "lambda", "sqs", "states", "dynamodb_calls"} <= requests.keys()
    assert "events" not in requests, "no rule of the template asks for an event of this order"
    assert requests["apigateway"] == 5
    assert {"ReceiveWebhook", "TakeOrders", "RelayCommits", "PromiseOrder"} <= tally.invocations().keys()
    assert tally.transitions() > 0


def test_cpu_of_each_invocation_is_measured(driven: tuple[Live, list[Record]]) -> None:
    invoked = [each for each in driven[1] if each.call == "lambda.Invoke"]
    assert all(each.cpu_ms > 0 for each in invoked)


def test_every_order_arrived_once(driven: tuple[Live, list[Record]]) -> None:
    running, _ = driven
    log, stock = running.table("EventsTable"), running.table("StockTable")
    found = judge(running.sent, running.loaded, log, stock)
    assert (found.orders, found.lost, found.duplicated, found.oversold) == (5, 0, 0, 0)


def test_an_order_too_few_or_too_many_is_counted(driven: tuple[Live, list[Record]]) -> None:
    running, _ = driven
    log, stock = running.table("EventsTable"), running.table("StockTable")
    missing = Journey(99)
    sent = {**running.sent, missing.order_id: missing}
    assert judge(sent, running.loaded, log, stock).lost == 1
    del sent[ALONE.order_id]
    assert judge(sent, running.loaded, log, stock).duplicated == 1
    assert judge(running.sent, dict.fromkeys(running.loaded, 0), log, stock).oversold == 15
