"""When what is backordered comes: dates from supply, who is first, and customers told once when a date moves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from oms.application.relay import WAKE
from oms.application.status import customer_view
from oms.domain.order.events import LinesBackordered, LinesReserved, PromiseDateMoved
from oms.domain.order.ledger import Place
from oms.domain.public_events import public_events
from oms.domain.sourcing.expecting import LATE
from oms.domain.supply import SupplyChange, SupplyKind
from oms.entrypoints import pages
from oms.entrypoints.documents import order_document
from oms.entrypoints.status_api import _shown
from tests.proof.interleave.story import SKU, ask, at, cancel, receive, take_in
from tests.proof.interleave.world import World, cause
from tests.support.builders import line, paid, snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from oms.domain.commit import Commit

OTHER: Final = "SKU-2"


class Shop:
    """Orders and supply, and what follows each commit, run by hand."""

    def __init__(self) -> None:
        self.world = World()
        self.followed: set[tuple[str, int]] = set()
        self.told = 0

    def supply(self, kind: str, supply_id: str = "PO-1", **fields: Any) -> None:
        """What is told of a lot, and what follows."""
        self.told += 1
        change = SupplyChange(supply_id=supply_id, kind=SupplyKind(kind), **fields)
        self.world.calm.supply(f"k{self.told}", change, cause(f"k{self.told}", "api"))
        self.follow()

    def expect(self, days: float, units: int, supply_id: str = "PO-1", node: str = "WH1", sku: str = SKU) -> datetime:
        """A lot; when it is due."""
        due = self.world.clock + timedelta(days=days)
        self.supply("expected", supply_id, sku=sku, node_id=node, quantity=units, due=due)
        return due

    def order(self, *lines: Any, number: str = "1001") -> str:
        """An order, promised as far as can be."""
        self.world.clock += timedelta(minutes=1)
        told = snapshot(*(lines or (line("1", 2, sku=SKU),)), external_id=number, placed_at=self.world.clock)
        order_id = take_in(self.world.calm, paid(told), f"create {number}").order_id
        self.world.drive(order_id)
        self.follow()
        return order_id

    def follow(self) -> None:
        """The stream brings what it has not brought yet; what that starts runs."""
        for _ in range(3):
            for stream in list(self.world.store.streams.values()):
                for commit in stream.history.commits:
                    if (commit.stream, commit.number) not in self.followed:
                        self.followed.add((commit.stream, commit.number))
                        self.world.calm.relay(commit)
            for _name, payload in self.world.store.take(self.world.store.started):
                self.world.calm.burst(payload)

    def date(self, order_id: str, line_id: str = "1") -> datetime | None:
        return self.world.order(order_id).lines[line_id].expected_at

    def moves(self, order_id: str) -> list[PromiseDateMoved]:
        return [
            each
            for commit in self.world.commits(order_id)
            for each in commit.events
            if isinstance(each, PromiseDateMoved)
        ]

    def last(self, order_id: str) -> Commit:
        return self.world.commits(order_id)[-1]


@pytest.fixture
def shop() -> Shop:
    return Shop()


def days_on(due: datetime, days: int) -> datetime:
    """Berlin orders: a day of handling and one on the way from WH1, three from WH2."""
    return due + timedelta(days=1 + days)


def test_a_backorder_carries_the_day_on_which_supply_can_be_with_the_customer(shop: Shop) -> None:
    due = shop.expect(5, 2)
    order_id = shop.order()
    (event,) = [each for each in shop.last(order_id).events if isinstance(each, LinesBackordered)]
    assert event.expected_at == {"1": days_on(due, 1)}
    assert shop.date(order_id) == days_on(due, 1)
    ((_, kind, detail),) = list(public_events(shop.last(order_id)))
    assert (kind, detail["lines"][0]["expected_at"]) == ("OrderBackordered.v1", days_on(due, 1).isoformat())


def test_staff_and_the_customer_see_it_while_it_waits(shop: Shop) -> None:
    due = shop.expect(5, 2)
    order_id = shop.order()
    order = shop.world.order(order_id)
    day = days_on(due, 1)
    assert order_document(order, 2)["lines"][0]["expected_at"] == day.isoformat()
    assert customer_view(order)["lines"][0]["expected_at"] == day.date().isoformat()
    page = pages.page("status.html", **_shown(customer_view(order)))
    assert f"waiting for stock, expected {pages.day(day.date().isoformat())}" in str(page.body)
    shop.supply("received", quantity=2)
    order = shop.world.order(order_id)
    assert order_document(order, 3)["lines"][0]["expected_at"] is None
    assert "expected_at" not in customer_view(order)["lines"][0]


def test_without_supply_or_with_too_little_there_is_no_date(shop: Shop) -> None:
    assert shop.date(shop.order()) is None
    shop.expect(5, 3)
    assert shop.date(shop.order(line("1", 4, sku=SKU), number="1002")) is None


def test_who_came_first_is_served_first(shop: Shop) -> None:
    first_lot = shop.expect(5, 3)
    second_lot = shop.expect(9, 2, "PO-2")
    first, second, third = (shop.order(number=str(number)) for number in (1, 2, 3))
    assert shop.date(first) == days_on(first_lot, 1)
    assert shop.date(second) == days_on(second_lot, 1), "one of the first lot is left, and one is not two"
    assert shop.date(third) is None, "five are expected, and four are owed"
    ask(shop.world.calm, first, cancel(first, "c"))
    shop.follow()
    for order_id in (second, third):  # as the watchdog has them looked at
        shop.world.calm.burst({"order_id": order_id, "step": "promise", "cause": "watchdog"})
        shop.follow()
    assert (shop.date(second), shop.date(third)) == (days_on(first_lot, 1), days_on(second_lot, 1))


def test_what_is_on_hand_counts_with_what_comes_and_several_nodes_give(shop: Shop) -> None:
    receive(shop.world, SKU, "WH1", 1)
    due = shop.expect(5, 1, node="WH2")
    assert shop.date(shop.order()) == days_on(due, 3)
    assert shop.date(shop.order(number="1002")) is None


def test_lines_of_one_sku_share_what_comes(shop: Shop) -> None:
    early, late = shop.expect(5, 2), shop.expect(7, 2, "PO-2")
    order_id = shop.order(line("1", 2, sku=SKU), line("2", 2, sku=SKU), line("3", 1, sku=OTHER))
    dates = [shop.date(order_id, each) for each in "123"]
    assert dates == [days_on(early, 1), days_on(late, 1), None]


def test_a_kit_comes_with_the_last_of_its_components(shop: Shop) -> None:
    shop.world.product("GIFT", components={"MUG": 2, "NOTE": 1})
    receive(shop.world, "NOTE", "WH1", 1)
    first = shop.order(line("1", 2, sku="GIFT"), number="1")
    mugs = shop.expect(5, 8, sku="MUG")
    second = shop.order(line("1", 2, sku="GIFT"), number="2")
    assert (shop.date(first), shop.date(second)) == (None, None), "one note is there, and none is expected"
    notes = shop.expect(7, 3, "PO-2", sku="NOTE")
    assert (shop.date(first), shop.date(second)) == (days_on(notes, 1), days_on(notes, 1))
    shop.supply("received", "PO-2", quantity=3)
    assert (shop.date(first), shop.date(second)) == (days_on(mugs, 1), days_on(mugs, 1)), "notes are there"


def test_a_date_that_moves_is_told_once(shop: Shop) -> None:
    due = shop.expect(5, 2)
    order_id = shop.order()
    later = due + timedelta(days=3)
    shop.supply("changed", due=later)
    (moved,) = shop.moves(order_id)
    assert [(each.before, each.after) for each in moved.lines] == [(days_on(due, 1), days_on(later, 1))]
    ((event_id, kind, detail),) = list(public_events(shop.last(order_id)))
    assert (kind, detail["lines"]) == (
        "PromiseDateMoved.v1",
        [
            {
                "line_id": "1",
                "before": days_on(due, 1).isoformat(),
                "expected_at": days_on(later, 1).isoformat(),
            }
        ],
    )
    number = len(shop.world.commits(order_id))
    assert event_id == f"order#{order_id}:{number}:0"
    shop.followed.clear()  # the stream brings everything again
    shop.follow()
    assert len(shop.world.commits(order_id)) == number


def test_a_supply_that_is_cancelled_leaves_no_date_and_one_that_comes_ends_the_wait(shop: Shop) -> None:
    shop.expect(5, 2)
    order_id = shop.order()
    shop.supply("cancelled")
    assert shop.date(order_id) is None
    assert [each.lines[0].after for each in shop.moves(order_id)] == [None]
    due = shop.expect(8, 2, "PO-2")
    assert shop.date(order_id) == days_on(due, 1)
    shop.supply("received", "PO-2", quantity=2)
    assert isinstance(shop.last(order_id).events[0], LinesReserved)
    assert at(shop.world.order(order_id), Place.ALLOCATED) == 2
    assert len(shop.moves(order_id)) == 2


def test_within_a_day_nothing_is_told(shop: Shop) -> None:
    due = shop.expect(5, 2)
    order_id = shop.order()
    shop.supply("changed", due=due + timedelta(hours=1))
    assert shop.moves(order_id) == []


def test_a_lot_that_is_late_is_counted_on_for_a_day(shop: Shop) -> None:
    due = shop.expect(1, 2)
    order_id = shop.order()
    payload = {"order_id": order_id, "step": "promise", "cause": "watchdog"}
    shop.world.clock = due + LATE - timedelta(seconds=1)
    shop.world.calm.burst(payload)
    assert shop.moves(order_id) == []
    shop.world.clock += timedelta(seconds=1)
    for _ in range(2):
        shop.world.calm.burst(payload)
    (moved,) = shop.moves(order_id)
    assert (moved.lines[0].before, moved.lines[0].after) == (days_on(due, 1), None)


def test_a_change_wakes_so_many_and_no_more(shop: Shop) -> None:
    shop.expect(5, 2 * WAKE + 10)
    orders = [shop.order(number=str(number)) for number in range(WAKE + 3)]
    shop.supply("changed", due=shop.world.clock + timedelta(days=9))
    moved: Sequence[str] = [each for each in orders if shop.moves(each)]
    assert moved == orders[:WAKE]
    for order_id in orders[WAKE:]:  # the watchdog has the others looked at
        shop.world.calm.burst({"order_id": order_id, "step": "promise", "cause": "watchdog"})
        assert len(shop.moves(order_id)) == 1
