"""A day of a channel held against ours, over ports in memory: what differs is named, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oms.application.compare_day import NAMED
from oms.domain import ids
from tests.support.polled import Shop

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.fixture
def shop() -> Shop:
    return Shop()


DAY = "2026-03-03"
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


def compared(shop: Shop) -> Mapping[str, Any]:
    (report,) = shop.rows("channel_day")
    return report


def test_a_day_that_agrees_is_told_in_figures_and_to_nobody(shop: Shop) -> None:
    for number in (1, 2):
        shop.deliver(shop.vendor.put(number, NOON))
    shop.deliver(shop.vendor.put(3, NOON - timedelta(days=1)))
    assert shop.compare("shopify", "main", DAY) == 0
    report = compared(shop)
    figures = {"orders": 2, "cancelled": 0, "refunded": 0}
    amounts = {"EUR": {"total": 2000, "cancelled": 0, "refunded": 0}}
    assert report["channel"] == report["oms"] == {**figures, "amounts": amounts}
    assert not shop.rows("alert")
    assert not shop.queue


def test_a_missing_order_is_fetched_and_told(shop: Shop) -> None:
    shop.vendor.put(1, NOON)
    assert shop.compare("shopify", "main", DAY) == 1
    assert compared(shop)["named"]["missing"] == ["1"]
    assert shop.rows("alert")[0]["kind"] == "channel_differs"
    assert shop.take() == ["1"]
    assert shop.compare("shopify", "main", DAY) == 0


def test_an_order_that_the_channel_does_not_know_is_told(shop: Shop) -> None:
    shop.deliver(shop.vendor.put(1, NOON))
    del shop.vendor.orders["1"]
    assert shop.compare("shopify", "main", DAY) == 1
    (phantom,) = compared(shop)["named"]["phantoms"]
    assert phantom == {"external_id": "1", "order_id": ids.order_id("shopify", "main", "1")}


def test_an_order_that_a_list_leaves_out_is_no_phantom(shop: Shop) -> None:
    shop.deliver(shop.vendor.put(1, NOON))
    shop.vendor.unlisted.add("1")
    assert shop.compare("shopify", "main", DAY) == 0


def test_an_order_that_our_list_has_not_yet_is_not_missing(shop: Shop) -> None:
    shop.deliver(shop.vendor.put(1, NOON))
    shop.views.store.items.clear()
    assert shop.compare("shopify", "main", DAY) == 0


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"total_price": "12.00"}, {"total": {"channel": 1200, "oms": 1000}}),
        ({"currency": "USD"}, {"currency": {"channel": "USD", "oms": "EUR"}}),
        ({"cancelled_at": NOON.isoformat()}, {"cancelled": {"channel": True, "oms": False}}),
        (
            {"refunds": [{"id": 5, "transactions": [{"kind": "refund", "status": "success", "amount": "4.00"}]}]},
            {"refunded": {"channel": 400, "oms": 0}},
        ),
    ],
)
def test_what_differs_is_named_with_both_sides(
    shop: Shop, change: Mapping[str, Any], difference: Mapping[str, Any]
) -> None:
    shop.deliver(shop.vendor.put(1, NOON))
    shop.vendor.orders["1"] |= change
    assert shop.compare("shopify", "main", DAY) == 1
    (found,) = compared(shop)["named"]["differing"]
    assert found == {"external_id": "1", "order_id": ids.order_id("shopify", "main", "1"), **difference}


def test_an_order_that_has_changed_since_is_taken_again_and_not_compared(shop: Shop) -> None:
    shop.deliver(shop.vendor.put(1, NOON))
    shop.vendor.put(1, NOON + timedelta(hours=1), NOON, total_price="12.00")
    assert shop.compare("shopify", "main", DAY) == 0
    assert compared(shop)["behind"] == 1
    assert shop.take() == ["1"]


def test_of_many_only_some_are_named_and_all_are_counted(shop: Shop) -> None:
    for number in range(NAMED + 5):
        shop.vendor.put(number + 1, NOON)
    assert shop.compare("shopify", "main", DAY) == NAMED + 5
    assert len(compared(shop)["named"]["missing"]) == NAMED
    assert len(shop.queue) == NAMED + 5
    assert max(delay for _, delay in shop.queue) <= 900


def test_yesterday_is_compared_once_two_hours_after_its_end(shop: Shop) -> None:
    shop.turn()  # on the second of March, which was not wholly ours
    shop.turn(datetime(2026, 3, 3, 23, 50, tzinfo=UTC) - shop.now())
    assert not shop.rows("channel_day")
    compared_at = [shop.now() for _ in range(20) if shop.turn().get("compared")]
    assert compared_at == [datetime(2026, 3, 4, 2, tzinfo=UTC)]
    assert compared(shop)["day"] == DAY


def test_after_an_outage_every_day_is_compared_when_what_was_found_is_taken(shop: Shop) -> None:
    shop.turn()
    shop.vendor.put(1, NOON)
    shop.turn(timedelta(days=4))
    assert shop.take() == ["1"]
    while shop.turn().get("compared"):
        pass
    assert [row["day"] for row in reversed(shop.rows("channel_day"))] == [f"2026-03-{day:02}" for day in (3, 4, 5)]
    assert not shop.rows("alert")


def test_a_day_that_cannot_be_compared_is_compared_later(shop: Shop) -> None:
    shop.turn()
    shop.turn(datetime(2026, 3, 4, 1, 50, tzinfo=UTC) - shop.now())
    shop.vendor.refuses_days = True
    assert shop.turn()["failed"] == 1
    assert not shop.rows("channel_day")
    shop.vendor.refuses_days = False
    assert shop.turn()["compared"] == 1
    assert shop.mark["failures"] == 0
