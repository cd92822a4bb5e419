"""When somebody should look at an order, and its row in lists."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from oms.domain.canonical import ContactKey
from oms.domain.order import commands as cmd
from oms.domain.order.promising import wanted_units
from oms.domain.order.status import NextStep, next_step
from oms.domain.order.summary import due_at, is_patient, open_fulfillment_orders, summarize
from tests.support.builders import IN_CHANNEL, Story, line, minutes, paid, snapshot
from tests.support.money import shipped

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = minutes(0)
PROMISED = minutes(60 * 24 * 3)


def in_channel(*, lines: int = 1) -> Story:
    story = Story()
    story.place(*(line(str(number), 2) for number in range(1, lines + 1)), plan=IN_CHANNEL)
    return story


def promised() -> Story:
    story = in_channel()
    story.promise()
    return story


def on_its_way() -> Story:
    return shipped(Story(), line("1", 2))


def in_part() -> Story:
    story = promised()
    story.ship({"1": 1})
    return story


def held(kind: str) -> Story:
    story = in_channel()
    story.hold(kind=kind)
    return story


def waiting() -> Story:
    story = in_channel()
    story.promise({}, {"1": 2})
    return story


def refunding() -> Story:
    story = promised()
    story.ship()
    story.refund(amount=1)
    return story


def refund_submitted() -> Story:
    story = on_its_way()
    story.refund(amount=1)
    story.refund_outcome(next(iter(story.order.payment.refunds)), "submitted")
    return story


def delivered_with_an_open_refund() -> Story:
    story = refund_submitted()
    story.deliver_all()
    return story


def unpaid() -> Story:
    story = Story()
    story.sync(snapshot(), IN_CHANNEL)
    return story


def closed() -> Story:
    story = on_its_way()
    story.deliver_all()
    return story


def cancelled() -> Story:
    story = in_channel()
    story.cancel()
    story.refund_outcome(next(iter(story.order.payment.refunds)), "succeeded")
    return story


@pytest.mark.parametrize(
    ("story", "due"),
    [
        (in_channel, NOW + timedelta(minutes=2)),
        (lambda: held("manual"), NOW + timedelta(days=1)),
        (lambda: held("unknown_sku"), NOW + timedelta(minutes=15)),
        (waiting, NOW + timedelta(hours=1)),
        (refunding, NOW + timedelta(days=1)),
        (delivered_with_an_open_refund, NOW + timedelta(days=1)),
        (promised, PROMISED),
        (in_part, PROMISED),
        (on_its_way, PROMISED + timedelta(days=3)),
        (unpaid, NOW + timedelta(days=1)),
        (closed, None),
        (cancelled, None),
    ],
)
def test_when_somebody_should_look(story: Callable[[], Story], due: datetime | None) -> None:
    assert due_at(story().order, NOW) == due
    usual = story in (promised, in_part, on_its_way)
    assert is_patient(story().order) is usual, "only what the promise says may wait for a look now and then"


@pytest.mark.parametrize("story", [promised, on_its_way])
def test_what_is_late_is_looked_at_soon_and_not_in_the_past(story: Callable[[], Story]) -> None:
    late = PROMISED + timedelta(days=10)
    assert due_at(story().order, late) == late + timedelta(minutes=2)


def test_the_whole_row_of_an_order_that_was_promised_in_part() -> None:
    story = Story()
    story.place(line("1", 2), line("2", 3, 500), plan=IN_CHANNEL, external_id="1001", stock=9)
    story.promise({"WH1": {"1": 1}}, {"1": 1, "2": 3})
    story.hold("2", kind="fraud")
    assert summarize(story.order, NOW) == {
        "order_id": story.order_id,
        "number": "#1001",
        "channel": "shopify",
        "account": "shop-1",
        "placed_at": "2026-03-01T12:00:00+00:00",
        "currency": "EUR",
        "total": 3500,
        "units": 5,
        "stage": "on_hold",
        "status": "confirmed",
        "fulfillment": "backordered",
        "payment": "captured",
        "holds": ["fraud"],
        "due_at": "2026-03-01T13:00:00+00:00",
        "promised_by": "2026-03-04T12:00:00+00:00",
        "skus": ["SKU-1", "SKU-2"],
        "work": {story.fulfillment_order(): ["WH1", "released"]},
        "waiting": ["SKU-1", "SKU-2"],
        "owed": {"SKU-1": 1, "SKU-2": 3},
    }


def test_the_row_of_a_customers_order_that_costs_nothing() -> None:
    story = Story()
    story.sync(paid(snapshot(line("1", 1, 0))), customer_id="cus_1")
    row = summarize(story.order, NOW)
    assert (row["customer"], row["total"], row["next"]) == ("cus_1", 0, "promise")
    assert not {"holds", "work", "promised_by", "waiting", "waited"} & set(row)


def test_the_row_says_what_the_order_no_longer_waits_for() -> None:
    story = in_channel(lines=3)
    story.promise({}, {"1": 2, "2": 2, "3": 2})
    before = story.order
    story.promise({"WH1": {"3": 2, "1": 2}})
    row = summarize(story.order, NOW, before)
    assert (row["waiting"], row["waited"]) == (["SKU-2"], ["SKU-1", "SKU-3"])


def test_an_order_that_nobody_looks_at_has_no_time_for_it() -> None:
    assert "due_at" not in summarize(closed().order, NOW)


def test_what_warehouses_work_on() -> None:
    story = in_channel(lines=3)
    for number in ("1", "2", "3"):
        story.promise({"WH1": {number: 2}})
    first, second, third = (story.fulfillment_order(number) for number in (1, 2, 3))
    assert open_fulfillment_orders(story.order) == (first, second, third)
    story.do(cmd.AcceptFulfillmentOrder(command_id="a", fulfillment_order_id=second))
    story.ship(number=1)
    assert open_fulfillment_orders(story.order) == (second, third)
    story.do(cmd.RejectFulfillmentOrder(command_id="r", fulfillment_order_id=third, reason="no_capacity"))
    assert open_fulfillment_orders(story.order) == (second,)


def test_an_order_that_waits_for_a_look_now_and_then_says_so() -> None:
    assert summarize(promised().order, NOW)["patient"] is True
    assert "patient" not in summarize(waiting().order, NOW)


def test_an_order_with_something_to_do_is_not_patient() -> None:
    story = Story()
    story.place(line("1", 2))
    story.promise()
    story.ship({"1": 1})
    assert next_step(story.order) is NextStep.SETTLE
    assert story.order.promised_by is not None
    assert not is_patient(story.order)
    story.settle()
    assert is_patient(story.order)


def test_a_line_without_units_wants_no_promise() -> None:
    story = in_channel(lines=2)
    story.cancel({"1": 2})
    assert wanted_units(story.order) == {"2": 2}


def test_a_contact_is_kept_under_its_customer_and_the_time_of_placing() -> None:
    placed = in_channel().order
    key = ContactKey(customer_id=placed.placed.customer_id, placed_at=placed.placed.placed_at, order_id=placed.order_id)
    assert placed.contact_key == key
