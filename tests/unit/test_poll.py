"""Polling a channel over ports in memory: what is found, how far the mark goes, and what stops it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oms.application import poll as polls
from oms.application.messages import listed_notice
from oms.application.orders import Orders
from oms.application.poll import EVERY, LAG, PATIENCE, PollChannels
from oms.channels import shopify_list
from oms.domain import ids
from oms.domain.errors import (
    MalformedPayloadError,
    UnknownEventError,
    UpstreamError,
    UpstreamRefusedError,
)
from tests.proof.memory import MemoryMarks
from tests.support.polled import T0, Shop

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def shop() -> Shop:
    return Shop()


# ---------------------------------------------------------------- finding


def test_an_order_that_was_never_delivered_is_found_within_a_quarter_of_an_hour(shop: Shop) -> None:
    shop.turn()
    order_id = shop.vendor.put(1, shop.now() + timedelta(seconds=1))
    began = shop.now()
    while not shop.queue:
        shop.turn()
    assert shop.now() - began <= timedelta(minutes=15)
    assert timedelta(minutes=15) > EVERY + LAG
    assert shop.take() == [order_id]
    assert "missed" not in shop.turn()
    assert not shop.queue


def test_every_page_is_read_and_an_order_on_two_is_one(shop: Shop) -> None:
    for number in range(1, 8):
        shop.vendor.put(number, T0)
    counts = shop.turn()
    assert (counts["listed"], counts["missed"]) == (7, 7)
    assert len(shop.vendor.asked) == 4
    assert [delay for _, delay in shop.queue] == [0, 2, 4, 6, 8, 10, 12]


def test_a_delivery_has_a_few_minutes_to_come_by_itself(shop: Shop) -> None:
    shop.turn()
    shop.vendor.put(1, shop.now() + EVERY - timedelta(minutes=2))
    assert "listed" not in shop.turn()
    shop.deliver("1")
    assert shop.turn() == {"listed": 1}


def test_an_older_state_is_taken_again_and_a_newer_one_is_not(shop: Shop) -> None:
    shop.vendor.put(1, T0)
    shop.turn()
    shop.take()
    shop.vendor.put(1, shop.now(), T0)
    assert shop.turn() == {"listed": 1, "behind": 1}
    shop.vendor.orders["1"]["updated_at"] = (shop.now() + timedelta(minutes=1)).isoformat()
    shop.take()  # what is fetched is newer than what was listed
    assert "behind" not in shop.turn()


def test_what_is_found_twice_is_the_same_event(shop: Shop) -> None:
    shop.vendor.put(1, T0 + timedelta(minutes=5))
    shop.turn()
    shop.turn()  # the first is still on its way
    first, second = (listed_notice(message) for message, _ in shop.queue)
    assert first == second
    shop.take()
    assert len(shop.world.order_ids()) == 1


def test_an_entry_that_cannot_be_read_holds_up_no_other(shop: Shop) -> None:
    shop.vendor.put(1, T0, id=None)
    shop.vendor.put(2, T0, total_price="prose")
    shop.vendor.put(3, T0)
    assert shop.turn() == {"listed": 2, "missed": 2, "unreadable": 1}
    assert shop.mark["failures"] == 0


def test_an_order_that_newer_code_wrote_holds_up_no_other(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        shop.vendor.put(number, T0)
    load = Orders.load

    def refuse(self: Orders, order_id: str, at: datetime | None = None) -> Any:
        if order_id == ids.order_id("shopify", "main", "1"):
            raise UnknownEventError("written by newer code")
        return load(self, order_id, at)

    monkeypatch.setattr(Orders, "load", refuse)
    assert shop.turn() == {"listed": 2, "missed": 1}


# ---------------------------------------------------------------- the mark


def test_the_mark_moves_when_all_is_queued_and_not_before(shop: Shop) -> None:
    shop.turn()
    mark = shop.mark
    shop.vendor.put(1, shop.now())
    shop.refuses = True
    with pytest.raises(ConnectionError):
        shop.turn()
    assert shop.mark == mark
    shop.refuses = False
    shop.turn()
    assert shop.mark["until"] > mark["until"]
    assert shop.take() == ["1"]


def test_a_poll_that_dies_before_its_mark_is_repeated_and_changes_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.vendor.put(1, T0)

    class DiedError(BaseException):
        pass

    def die(*_: Any) -> bool:
        raise DiedError

    with monkeypatch.context() as patch:
        patch.setattr(MemoryMarks, "save", die)
        with pytest.raises(DiedError):
            shop.turn()
    assert shop.take() == ["1"]
    assert shop.turn() == {"listed": 1}
    assert len(shop.world.order_ids()) == 1


def test_an_hour_is_looked_back_the_first_time(shop: Shop) -> None:
    shop.vendor.put(1, T0 - timedelta(minutes=50))
    shop.vendor.put(2, T0 - timedelta(hours=3))
    shop.turn()
    assert shop.take() == ["1"]


def test_what_was_missed_for_days_is_found_span_by_span(shop: Shop) -> None:
    shop.turn()
    began = shop.now()
    for day in range(1, 4):
        shop.vendor.put(day, began + timedelta(days=day, hours=-1))
    shop.turn(timedelta(days=3))
    assert shop.take() == ["1", "2", "3"]
    spans = [query for query in shop.vendor.asked if "updated_at_min" in query]
    longest = max(
        datetime.fromisoformat(query["updated_at_max"]) - datetime.fromisoformat(query["updated_at_min"])
        for query in spans
    )
    assert longest <= shopify_list.longest + polls.OVERLAP


def test_each_span_that_is_done_stays_done_when_the_next_is_refused(shop: Shop) -> None:
    shop.turn()
    mark = shop.mark["until"]

    def refuse(_: int) -> None:
        if len(shop.vendor.asked) > 3:
            raise UpstreamError("later")

    shop.vendor.before = refuse
    assert shop.turn(timedelta(days=3))["failed"] == 1
    assert shop.mark["until"] > mark
    assert shop.mark["failures"] == 1


def test_a_poll_that_was_overtaken_moves_nothing_back(shop: Shop) -> None:
    """The scheduler fires twice: the second begins while the first reads, and ends before it."""
    shop.vendor.put(1, T0)

    def again(page: int) -> None:
        shop.vendor.before = lambda _: None
        shop.world.clock += EVERY
        shop.poll("shopify", "main")

    shop.vendor.before = again
    shop.turn()
    assert shop.mark["until"] == (T0 + 2 * EVERY - LAG).isoformat()
    shop.take()
    assert len(shop.world.order_ids()) == 1


def test_too_much_for_one_poll_shortens_the_next_until_it_fits(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polls, "MOST", 3)
    for number in range(30):
        shop.vendor.put(number + 1, T0 - timedelta(seconds=100 * number))
    seen: set[str] = set()
    for _ in range(12):
        shop.turn()
        seen |= set(shop.take())
    assert len(seen) == 30
    assert "listed" not in shop.turn(timedelta(hours=1))
    assert shop.mark["width_s"] > 60


def test_orders_that_are_never_taken_do_not_stop_the_mark(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """They stand in quarantine, each under its own event."""
    monkeypatch.setattr(polls, "MOST", 3)
    for number in range(20):
        shop.vendor.put(number + 1, T0)
    for _ in range(12):
        shop.turn()
    assert shop.mark["until"] == (shop.now() - LAG).isoformat()


def test_a_poll_without_time_stops_at_an_order_and_goes_on_in_the_next(shop: Shop) -> None:
    for number in range(5):
        shop.vendor.put(number + 1, T0)
    shop.world.clock += EVERY
    left = iter([True, True])
    counts = shop.poll("shopify", "main", lambda: next(left, False))
    assert counts["missed"] == 2
    while shop.turn().get("missed"):
        shop.take()
    assert len(shop.world.order_ids()) == 5


# ---------------------------------------------------------------- a vendor that refuses


def test_a_limit_is_kept_and_the_mark_stays(shop: Shop) -> None:
    shop.turn()
    mark = shop.mark["until"]
    shop.vendor.put(1, shop.now())

    def limit(_: int) -> None:
        raise UpstreamError("too many requests", retry_after=1500.0)

    shop.vendor.before = limit
    assert shop.turn() == {"failed": 1}
    assert shop.mark["until"] == mark
    shop.vendor.before = lambda _: None
    assert shop.turn() == {"waiting": 1}
    assert shop.turn() == {"waiting": 1}
    assert shop.turn()["missed"] == 1


def test_a_vendor_that_is_down_is_asked_less_often_and_somebody_is_told_after_an_hour(shop: Shop) -> None:
    shop.turn()

    def down(_: int) -> None:
        raise UpstreamError("no answer from the vendor")

    shop.vendor.before = down
    began, asked, told = shop.now(), 0, None
    for _ in range(36):
        counts = shop.turn()
        asked += counts.get("failed", 0)
        if told is None and counts.get("stuck"):
            told = shop.now()
    assert asked < 18
    assert told is not None
    assert timedelta(minutes=10) * PATIENCE <= told - began <= timedelta(hours=3)
    (alert,) = shop.rows("alert")
    assert (alert["kind"], alert["code"], alert["account"]) == ("channel_not_polled", "upstream_unavailable", "main")
    shop.vendor.before = lambda _: None
    shop.vendor.put(1, began)
    for _ in range(4):
        shop.turn()
    assert shop.take() == ["1"]
    assert (shop.mark["failures"], shop.mark["not_before"]) == (0, "")


@pytest.mark.parametrize(
    "error", [UpstreamRefusedError("the vendor refused"), MalformedPayloadError("the page has no orders")]
)
def test_a_refusal_is_told_at_once(shop: Shop, error: Exception) -> None:
    def refuse(_: int) -> None:
        raise error

    shop.vendor.before = refuse
    assert shop.turn() == {"failed": 1, "stuck": 1}
    assert len(shop.rows("alert")) == 1
    shop.turn()
    assert len(shop.rows("alert")) == 1


def test_one_account_that_breaks_does_not_hold_up_the_others(shop: Shop) -> None:
    broken: list[tuple[str, str]] = []

    def poll(source: str, account: str, more: Callable[[], bool]) -> dict[str, int]:
        if account == "b":
            raise ConnectionError
        return {"listed": 2}

    accounts = [("amazon", "b"), ("easypost", "x"), ("shopify", "a"), ("shopify", "c")]
    every = PollChannels(
        lambda: accounts,
        poll,  # type: ignore[arg-type]
        frozenset({"amazon", "shopify"}),
        lambda source, account, _: broken.append((source, account)),
        shop.now,
    )
    assert every() == {"polls": 3, "broken": 1, "listed": 4}
    assert broken == [("amazon", "b")]


def test_each_account_is_first_now_and_then(shop: Shop) -> None:
    first: list[str] = []

    def poll(source: str, account: str, more: Callable[[], bool]) -> dict[str, int]:
        first.append(account)
        return {}

    accounts = [("shopify", name) for name in "abc"]
    every = PollChannels(lambda: accounts, poll, frozenset({"shopify"}), lambda *_: None, shop.now)  # type: ignore[arg-type]
    for _ in range(3):
        every()
        shop.world.clock += EVERY
    assert sorted(first[::3]) == ["a", "b", "c"]
