"""What channels never deliver is found: the poller, the queue and intake in process, over moto and the sandbox."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from infra.local import recorded as rec
from infra.local.sandbox.untold import untold
from oms.adapters.dynamodb_marks import DynamoMarks
from oms.application.poll import EVERY, LAG
from oms.channels.registry import CONNECTORS
from oms.domain import ids
from oms.entrypoints import wiring
from tests.proof.invariants import check
from tests.proof.sweep.duels import meanwhile
from tests.proof.sweep.evidence import evidence
from tests.proof.sweep.people import parked
from tests.proof.sweep.tap import Killed
from tests.proof.sweep.vendors import CREDENTIALS, MORE, SELLER, recorded_of
from tests.proof.sweep.world import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proof.sweep.tap import Call
    from tests.proof.sweep.world import World

SOURCES: Final = list(CONNECTORS)


@pytest.fixture
def w() -> Iterator[World]:
    """A shop whose accounts were polled before; at the end nothing is lost, doubled or left standing."""
    with world() as made:
        made.connect(MORE)
        turn(made)
        yield made
        made.settle()
        assert check(evidence(made)) == []


def turn(w: World, wait: timedelta = EVERY) -> dict[str, int]:
    """The schedule's next poll, and what follows from it."""
    w.now += wait
    counts: dict[str, int] = w.schedule("PollChannels")
    w.settle()
    return counts


def order_of(webhook: rec.Recorded) -> str:
    return rec.foresee(webhook, SELLER if webhook.source == "amazon" else "main").order_id


def commits(w: World, order_id: str) -> int:
    items = w.cloud.items("EventsTable")
    return sum(item["pk"]["S"] == f"order#{order_id}" and item["sk"]["S"].startswith("c#") for item in items)


def send(w: World, webhook: rec.Recorded) -> None:
    """The webhook comes after all."""
    if webhook.source == "amazon":
        queue = w.cloud.names["AmazonQueue"]
        wiring.client("sqs").send_message(QueueUrl=queue, MessageBody=webhook.body.decode())
    else:
        w._webhook(webhook)


@pytest.mark.parametrize("source", SOURCES)
def test_an_order_whose_webhook_never_comes_is_found_within_a_quarter_of_an_hour(w: World, source: str) -> None:
    webhook = w.keep_to_itself(source, w.now + timedelta(seconds=1), "101")
    began, order_id = w.now, order_of(webhook)
    while not commits(w, order_id):
        turn(w)
    assert w.now - began <= timedelta(minutes=15)
    assert timedelta(minutes=15) > EVERY + LAG
    order = w.get(f"/orders/{order_id}")
    assert (order["channel"], order["stage"]) == (source, "on_hold")  # the catalogue knows none of its products
    assert parked(w) == []


@pytest.mark.parametrize("source", SOURCES)
def test_a_webhook_that_comes_a_day_after_the_poll_changes_nothing(w: World, source: str) -> None:
    webhook = w.keep_to_itself(source, w.now, "101")
    turn(w)
    order_id = order_of(webhook)
    before = w.get(f"/orders/{order_id}")
    w.now += timedelta(days=1)
    send(w, webhook)
    w.settle()
    assert w.get(f"/orders/{order_id}") == before


@pytest.mark.parametrize("source", SOURCES)
def test_what_was_delivered_is_not_fetched_again(w: World, source: str) -> None:
    webhook = w.keep_to_itself(source, w.now, "101")
    send(w, webhook)
    w.settle()
    before = commits(w, order_of(webhook))
    counts = turn(w)
    assert counts["listed"] == 1
    assert not {"missed", "behind"} & counts.keys()
    assert commits(w, order_of(webhook)) == before


def test_a_cancellation_that_was_never_delivered_is_found(w: World) -> None:
    given = untold("shopify", w.now, "101")
    webhook = w.keep_to_itself("shopify", w.now, "101")
    turn(w)
    later = (w.now + timedelta(minutes=1)).isoformat()
    changed = {**given["order"], "updated_at": later, "cancelled_at": later, "cancel_reason": "customer"}
    w.vendors.put_order({**given, "order": changed})
    assert turn(w)["behind"] == 1
    assert w.get(f"/orders/{order_of(webhook)}")["stage"] == "cancelled"


def test_an_order_moved_to_the_trash_unheard_is_cancelled(w: World) -> None:
    given = untold("woocommerce", w.now, "101")
    webhook = w.keep_to_itself("woocommerce", w.now, "101")
    turn(w)
    later = f"{w.now + timedelta(minutes=1):%Y-%m-%dT%H:%M:%S}"
    w.vendors.put_order({**given, "order": {**given["order"], "status": "trash", "date_modified_gmt": later}})
    turn(w)
    assert w.get(f"/orders/{order_of(webhook)}")["stage"] == "cancelled"


def test_a_poll_that_dies_before_its_mark_is_repeated_and_changes_nothing(w: World) -> None:
    webhook = w.keep_to_itself("shopify", w.now, "101")

    save = DynamoMarks.save

    def die(self: DynamoMarks, name: str, *rest: Any) -> bool:
        if "shopify" in name:
            raise Killed
        return save(self, name, *rest)

    w.now += EVERY
    with w.patch.context() as patch:
        patch.setattr(DynamoMarks, "save", die)
        with pytest.raises(Killed):
            w.invoke("PollChannels", {})
    w.settle()
    before = commits(w, order_of(webhook))
    assert before
    turn(w)
    assert commits(w, order_of(webhook)) == before


@pytest.mark.parametrize("source", SOURCES)
def test_a_vendor_that_limits_us_is_left_alone_and_nothing_is_lost(w: World, source: str) -> None:
    webhook = w.keep_to_itself(source, w.now, "101")
    other = w.keep_to_itself("amazon" if source != "amazon" else "shopify", w.now, "102")
    w.vendors.sandbox.add_fault(match=f"^{source} .*(orders?|receipts)", status=429, retry_after=900)
    counts = turn(w)
    assert counts["failed"] == 1
    assert not commits(w, order_of(webhook))
    assert commits(w, order_of(other))
    assert turn(w)["waiting"] == 1
    assert turn(w)["missed"] == 1
    assert commits(w, order_of(webhook))


def test_a_fetch_that_is_refused_for_a_while_comes_again(w: World) -> None:
    webhook = w.keep_to_itself("shopify", w.now, "101")
    w.vendors.sandbox.add_fault(match=r"shopify GET .*/orders/\d+", status=429, retry_after=2, times=2)
    turn(w)
    assert commits(w, order_of(webhook))


def test_a_listed_order_that_cannot_be_read_stands_in_quarantine_once(w: World) -> None:
    given = untold("shopify", w.now, "101")
    w.vendors.put_order({**given, "order": {**given["order"], "total_price": "1.00"}})
    for _ in range(3):
        turn(w)
    (parked_id,) = parked(w)
    entry = w.get(f"/quarantine/{parked_id}", role="service")
    assert (entry["code"], entry["topic"]) == ("totals_mismatch", "listed")
    assert entry["message"]["body"] == json.dumps(
        {"external_id": given["id"], "updated_at": given["order"]["updated_at"]}
    )
    w.vendors.put_order(given)
    w.record.delivered(recorded_of("shopify", given), "main", acked=True)
    reply = w.http("POST", f"/quarantine/{parked_id}/replay", role="service", key="replay")
    assert reply.status == 200
    w.settle()
    assert commits(w, ids.order_id("shopify", "main", given["id"]))


def test_refused_credentials_are_told_and_other_accounts_are_polled(w: World) -> None:
    w.patch.setitem(CREDENTIALS["woocommerce"], "consumer_secret", "wrong")
    w.connect()
    webhook = w.keep_to_itself("shopify", w.now, "101")
    counts = turn(w)
    assert (counts["failed"], counts["stuck"], counts["missed"]) == (1, 1, 1)
    (alert,) = w.get("/alerts")["alerts"]
    assert (alert["kind"], alert["source"], alert["code"]) == ("channel_not_polled", "woocommerce", "upstream_refused")
    assert commits(w, order_of(webhook))


def test_orders_that_only_one_side_has_are_told(w: World) -> None:
    """A day later: one that the channel has no longer, one that was never listed as changed, one of another total."""
    w.now += timedelta(days=1)
    at = w.now
    for digits in ("101", "102"):
        w.keep_to_itself("shopify", w.now, digits)
    turn(w)
    w.vendors.put_order({"vendor": "shopify", "id": "6399000000101", "order": None})
    w.keep_to_itself("shopify", w.now - timedelta(hours=2), "103")
    given = untold("shopify", at, "102")
    w.vendors.put_order({**given, "order": {**given["order"], "total_price": "999.00"}})
    turn(w, timedelta(hours=18))
    assert turn(w)["differences"] == 3
    (alert,) = w.get("/alerts")["alerts"]
    assert alert["kind"] == "channel_differs"
    assert [each["external_id"] for each in alert["named"]["phantoms"]] == ["6399000000101"]
    assert alert["named"]["missing"] == ["6399000000103"]
    (differing,) = alert["named"]["differing"]
    assert (differing["external_id"], differing["total"]["channel"]) == ("6399000000102", 99900)
    assert commits(w, ids.order_id("shopify", "main", "6399000000103"))


@pytest.mark.parametrize("source", [source for source in SOURCES if source not in MORE])  # they come the same way
def test_a_webhook_at_any_moment_of_a_poll_leaves_one_order(source: str) -> None:
    """Before a call of the poll, or of the intake that follows, the webhook comes and is taken whole.

    Channels are polled by the same calls: before each of them for one channel or another.
    """
    channels = [each for each in SOURCES if each not in MORE]
    at, more = channels.index(source), True
    while more:
        with world() as w:
            turn(w)
            more = _interrupted(w, source, at)
            w.settle()
            assert check(evidence(w)) == []
            placed = [item for item in w.cloud.items("EventsTable") if item["sk"]["S"] == "c#00000001"]
            assert len(placed) == 1
        at += len(channels)
    assert at > 10


def _interrupted(w: World, source: str, at: int) -> bool:
    """False when there is no such call any more."""
    webhook = w.keep_to_itself(source, w.now, "101")
    w.now += EVERY
    count = 0

    def come() -> None:
        send(w, webhook)
        w.drain()

    def interrupt(call: Call) -> None:
        nonlocal count
        if call.function not in ("PollChannels", "TakeOrders"):
            return
        count += 1
        if count == at + 1:
            w.tap.before_call = None
            meanwhile(w, come)

    w.tap.before_call = interrupt
    w.schedule("PollChannels")
    w.drain()
    w.tap.before_call = None
    return count > at
