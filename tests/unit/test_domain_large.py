"""What an order of more lines than a transaction takes is decided on, bit by bit."""

from __future__ import annotations

import pytest

from oms.domain.commit import GENESIS, Cause, Commit
from oms.domain.errors import TooManyPositionsError
from oms.domain.order import commands as cmd
from oms.domain.order import events as ev
from oms.domain.order.changing import MAX_CANCELLED
from oms.domain.order.state import FulfillmentOrderStatus
from oms.domain.order.status import NextStep, Stage, next_step, stage
from oms.domain.order.summary import MAX_SKUS, summarize
from oms.domain.public_events import MAX_TOLD, public_events
from oms.domain.stock import MAX_POSITIONS, stock_deltas
from tests.support.builders import T0, Story, line, minutes, units_of

COUNT = 2 * MAX_POSITIONS + 5


@pytest.fixture
def story() -> Story:
    made = Story()
    made.place(*(line(str(number), quantity=2) for number in range(COUNT)))
    return made


def part(story: Story, start: int) -> dict[str, int]:
    """The next ninety lines, whole."""
    return dict.fromkeys(list(story.order.lines)[start : start + MAX_POSITIONS], 2)


def test_later_units_join_what_a_node_has_not_begun(story: Story) -> None:
    for start in range(0, COUNT, MAX_POSITIONS):
        story.promise({"WH1": part(story, start)})
    (known,) = story.order.fulfillment_orders.values()
    assert len(known.remaining) == COUNT
    assert stage(story.order) is Stage.RELEASED


def test_what_a_node_has_begun_is_left_as_it_is(story: Story) -> None:
    story.promise({"WH1": part(story, 0)})
    (first,) = story.order.fulfillment_orders
    story.do(cmd.AcceptFulfillmentOrder(command_id="accept", fulfillment_order_id=first))
    story.promise({"WH1": part(story, MAX_POSITIONS)})
    assert [len(each.remaining) for each in story.order.fulfillment_orders.values()] == [MAX_POSITIONS] * 2


def test_an_ordinary_order_gets_one_of_each_promise() -> None:
    story = Story()
    story.place(line("1"), line("2"))
    story.promise({"WH1": {"1": 1}}, short={"2": 1})
    story.promise({"WH1": {"2": 1}})
    assert len(story.order.fulfillment_orders) == 2


def test_a_rejection_frees_what_one_transaction_can(story: Story) -> None:
    for start in range(0, COUNT, MAX_POSITIONS):
        story.promise({"WH1": part(story, start)})
    (known,) = story.order.fulfillment_orders
    for left in (COUNT - MAX_POSITIONS, COUNT - 2 * MAX_POSITIONS, 0):
        reject = cmd.RejectFulfillmentOrder(command_id=f"r{left}", fulfillment_order_id=known, reason="no_capacity")
        events = story.do(reject)
        assert len(stock_deltas(events)) <= MAX_POSITIONS
        rest = story.order.fulfillment_orders[known]
        assert len(rest.remaining) == left
        assert (rest.status is FulfillmentOrderStatus.REJECTED) is (left == 0)
        assert story.order.rejected_nodes[:1] == ("WH1",)
        assert next_step(story.order) is NextStep.PROMISE
    assert not any(each.reserved for each in story.stock.of.values())


def test_a_shipment_takes_what_one_transaction_can(story: Story) -> None:
    for start in range(0, COUNT, MAX_POSITIONS):
        story.promise({"WH1": part(story, start)})
    (known,) = story.order.fulfillment_orders

    def ship(count: int) -> cmd.ShipFulfillmentOrder:
        lines = units_of(dict.fromkeys(list(story.order.lines)[:count], 1))
        parcel = cmd.ParcelToShip(carrier="DHL", tracking_number=f"T{count}", lines=lines)
        return cmd.ShipFulfillmentOrder(command_id=f"s{count}", fulfillment_order_id=known, parcels=(parcel,))

    with pytest.raises(TooManyPositionsError):
        story.do(ship(MAX_POSITIONS + 1))
    assert len(stock_deltas(story.do(ship(MAX_POSITIONS)))) == MAX_POSITIONS


def test_what_frees_no_stock_is_cancelled_by_so_many_lines() -> None:
    story = Story()
    story.place(*(line(str(number)) for number in range(MAX_CANCELLED + 1)))
    _, event = story.cancel()
    assert isinstance(event, ev.LinesCancelled)
    assert len(event.lines) == MAX_CANCELLED


def test_nothing_leaves_while_it_is_being_cancelled(story: Story) -> None:
    story.promise({"WH1": part(story, 0)})
    story.promise({"WH1": part(story, MAX_POSITIONS)})
    story.cancel()
    assert story.order.held_lines == story.order.lines.keys()
    assert next_step(story.order) is NextStep.CANCEL
    rounds = 0
    while story.order.cancelling:
        rounds += 1
        story.do(cmd.CancelRest(command_id=f"rest-{rounds}"))
    assert stage(story.order) is Stage.CANCELLED
    assert rounds == 1
    assert not any(each.reserved for each in story.stock.of.values())


def test_a_summary_stays_small() -> None:
    story = Story()
    story.place(*(line(str(number)) for number in range(MAX_SKUS + 7)))
    row = summarize(story.order, T0)
    assert (len(row["skus"]), row["skus_left"]) == (MAX_SKUS, 7)
    lines = list(story.order.lines)
    for start in range(0, 270, 90):
        before = story.order
        story.promise({}, short=dict.fromkeys(lines[start : start + 90], 1))
        row = summarize(story.order, T0, before)
        assert len(row["waiting"]) == 90, "of very many, those that this commit added"
    before = story.order
    story.cancel({lines[0]: 1})
    row = summarize(story.order, T0, before)
    assert "waiting" not in row
    assert row["waited"] == [before.lines[lines[0]].placed.sku]


def test_an_event_for_others_tells_of_so_many_lines() -> None:
    story = Story()
    story.place(*(line(str(number)) for number in range(MAX_TOLD + 2)))
    events = tuple(story.events)
    cause = Cause(kind="api", ref="1")
    commit = Commit(
        stream="order#1", number=1, command_id="c", cause=cause, at=minutes(0), events=events, previous=GENESIS
    )
    (_, _, told), *_ = public_events(commit)
    assert (len(told["lines"]), told["lines_left"]) == (MAX_TOLD, 2)
