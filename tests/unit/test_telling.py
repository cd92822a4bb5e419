"""Shops are told once, whatever becomes of calls and workers: by the shop's own record."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oms.application.telling import LONGEST_DELAY_S, PATIENCE, SETTLED_S
from oms.channels import shopify_out
from oms.channels.outward import Again, kinds, sources
from oms.domain.channel_dues import Kind
from oms.domain.gate import THRESHOLD
from oms.domain.outbox import LEASE, MAX_TRIES
from tests.support.telling import STOCK_SETTINGS, VENDORS, Shop, fine, lost, says, unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

STOCK = {
    **dict.fromkeys(("shopify", "woocommerce", "bigcommerce", "magento", "ebay", "amazon", "tiktok-shop"), 1),
    "walmart": 0,
}
"""Calls that ask, of one SKU, of every channel that is told its stock."""
READS = {
    ("shopify", "fulfillment"): 2,
    ("shopify", "refund"): 2,
    ("shopify", "cancellation"): 1,
    ("woocommerce", "fulfillment"): 0,
    ("woocommerce", "refund"): 1,
    ("woocommerce", "cancellation"): 0,
    ("bigcommerce", "fulfillment"): 2,
    ("bigcommerce", "cancellation"): 0,
    ("bigcommerce", "refund"): 2,
    ("magento", "fulfillment"): 1,
    ("magento", "cancellation"): 1,
    ("magento", "refund"): 3,
    ("ebay", "fulfillment"): 1,
    ("ebay", "cancellation"): 1,
    ("ebay", "refund"): 1,
    ("walmart", "acknowledgement"): 1,
    ("walmart", "fulfillment"): 1,
    ("walmart", "cancellation"): 1,
    ("walmart", "refund"): 1,
    ("etsy", "fulfillment"): 1,
    ("amazon", "fulfillment"): 1,
    ("tiktok-shop", "fulfillment"): 1,
    ("tiktok-shop", "cancellation"): 1,
    ("meta-commerce", "acknowledgement"): 1,
    ("meta-commerce", "fulfillment"): 1,
    ("meta-commerce", "cancellation"): 1,
    ("meta-commerce", "refund"): 1,
    ("mercadolibre", "fulfillment"): 1,
}
"""What is asked first, of everything that a channel can be told."""
TOLD = pytest.mark.parametrize(("source", "kind"), list(READS))


REASONS = {"cancellation_reason": "SELLER_CANCEL_OUT_OF_STOCK"}
UNSEEN = {("ebay", "refund")}
"""What shows in the channel, but not whose it is."""


def shop(patch: pytest.MonkeyPatch, source: str, kind: str = "fulfillment", **settings: Any) -> Shop:
    """One thing of this kind is due."""
    said: dict[str, Any] = {**REASONS, "carriers": {"DHL": "7001"}}
    said |= {"tracking_urls": {"DHL": "https://track.example/{number}"}}
    said |= {"refund_reason": "ItemNotAsAdvertised"} if source == "walmart" else {}
    made = Shop(patch, source, **{**said, **settings})
    if kind == "cancellation":
        made.story.cancel()
    elif kind != "acknowledgement":
        made.story.promise()
        made.story.ship(tracking="TRK")
        if kind == "refund":
            made.story.refund(lines={"1": 1})
    return made


def effects(made: Shop, kind: str) -> int:
    return sum(each["kind"] == kind for each in made.told)


@TOLD
def test_a_shop_is_told_once_however_often_the_message_comes(
    monkeypatch: pytest.MonkeyPatch, source: str, kind: str
) -> None:
    made = shop(monkeypatch, source, kind)
    message = made.message(kind)
    assert [made.say(message).word for _ in range(3)] == ["sent", "known", "known"]
    assert effects(made, kind) == 1
    assert (made.queue, made.parked) == ([], [])
    assert len(made.calls) == READS[source, kind] + 1


NOT_LET_IN = says(401)
FAULTS = (lost, unreachable, says(503), says(502), says(429, retry_after="7"), NOT_LET_IN)
TOKENS = ("ebay", "walmart", "etsy", "amazon", "mercadolibre")
"""Channels whose access token is replaced when it is refused."""


@TOLD
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_a_call_that_fails_is_made_again_and_the_effect_is_one(
    monkeypatch: pytest.MonkeyPatch, source: str, kind: str, fault: Callable[..., Any], at: int
) -> None:
    if at > READS[source, kind]:
        return
    made = shop(monkeypatch, source, kind)
    made.faults.extend([*[fine] * at, fault])
    renewed = fault is NOT_LET_IN and source in TOKENS
    assert made.say(made.message(kind)).word == ("sent" if renewed else "waiting")
    unseen = fault is lost and (source, kind) in UNSEEN and at == READS[source, kind]
    assert renewed or made.drain()[-1] in (("parked",) if unseen else ("sent", "already", "nothing"))
    assert effects(made, kind) == 1
    assert [each.code for each in made.parked] == (["outbound_in_doubt"] if unseen else [])


def test_what_nobody_answered_is_not_asked_about_before_it_has_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop(monkeypatch, "shopify")
    made.faults.extend([fine, fine, lost])
    outcome = made.say(made.message("fulfillment"))
    assert outcome.wait_s >= SETTLED_S
    assert made.drain() == ["already"]


def test_every_word_of_every_channel_is_tried_here() -> None:
    by_listing = {"mercadolibre"}  # tried in test_telling_mercadolibre
    assert {source for source in sources() if Kind.STOCK in kinds(source)} == {*STOCK, *by_listing}
    known = {(source, kind.value) for source in sources() for kind in kinds(source) if kind is not Kind.STOCK}
    assert known == set(READS)


def test_two_workers_do_not_send_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop(monkeypatch, "shopify")
    message = made.message("fulfillment")
    words: list[str] = []

    def meanwhile(reached: Callable[[], Any]) -> Any:
        words.append(made.say(message).word)
        return reached()

    made.faults.extend([fine, fine, meanwhile])
    words.append(made.say(message).word)
    assert words == ["waiting", "sent"]
    assert made.queue[0][1] >= LEASE.total_seconds()
    assert made.drain() == ["known"]
    assert effects(made, "fulfillment") == 1


@TOLD
def test_a_worker_that_dies_after_it_sent_leaves_no_second_effect(
    monkeypatch: pytest.MonkeyPatch, source: str, kind: str
) -> None:
    made = shop(monkeypatch, source, kind)

    class Killed(BaseException):
        """The process is gone."""

    def killed(reached: Callable[[], Any]) -> Any:
        reached()
        raise Killed

    made.faults.extend([*[fine] * READS[source, kind], killed])
    message = made.message(kind)
    with pytest.raises(Killed):
        made.say(message)
    assert made.say(message).word == "waiting", "it may still be alive"
    assert made.drain()[-1] in (("parked",) if (source, kind) in UNSEEN else ("sent", "already"))
    assert effects(made, kind) == 1


def test_where_a_shop_cannot_tell_a_person_is_asked_and_sends_it_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop(monkeypatch, "shopify")
    monkeypatch.setattr(shopify_out, "again", lambda _: Again.NEVER)
    made.faults.extend([fine, fine, lost])
    made.say(made.message("fulfillment"))
    assert made.drain() == ["parked"]
    (entry,) = made.parked
    assert (entry.source, entry.account, entry.topic, entry.code) == (
        "outbound",
        "shopify/main",
        "fulfillment",
        "outbound_in_doubt",
    )
    assert entry.detail["number"] == "#1001"
    assert made.say(made.message("fulfillment")).word == "known", "nobody but a person sends it again"
    assert made.say(entry.message).word == "already"
    assert made.say(entry.message).word == "known"


def test_what_a_shop_refuses_is_before_a_person_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop(monkeypatch, "shopify")
    made.sandbox.shopify.shelf.put("1001", None)
    assert made.say(made.message("fulfillment")).word == "parked"
    (entry,) = made.parked
    assert (entry.code, entry.detail["vendor_status"]) == ("upstream_refused", 404)
    assert made.queue == []


def test_a_refused_message_that_is_replayed_and_refused_again_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop(monkeypatch, "shopify")
    made.faults.extend([fine, fine, says(422)] * 2)
    made.say(made.message("fulfillment"))
    (first,) = made.parked
    assert made.say(first.message).word == "parked"
    (second,) = made.parked
    assert second.message["after"] > first.message["after"]
    assert made.say(second.message).word == "sent"


def test_a_shop_that_is_down_is_left_alone_and_no_message_loses_a_try(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop(monkeypatch, "woocommerce")
    message = made.message("fulfillment")
    made.faults.extend([says(503)] * THRESHOLD)
    made.say(message)
    for _ in range(THRESHOLD - 1):
        ((waiting, wait),) = made.queue
        made.queue.clear()
        made.now += timedelta(seconds=wait)
        made.say(waiting)
    before = len(made.calls)
    assert made.say(message).word == "waiting"
    assert len(made.calls) == before, "the gate is shut"
    row = made.outbox.load(made.story.due[-1].message_id)
    assert row is not None
    assert row["tries"] == THRESHOLD
    assert made.drain()[-1] == "known"
    assert effects(made, "fulfillment") == 1


def test_too_many_tries_are_before_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop(monkeypatch, "shopify")
    made.faults.extend([unreachable] * 100)
    made.say(made.message("fulfillment"))
    assert made.drain(60)[-1] == "parked"
    (entry,) = made.parked
    assert (entry.code, entry.detail["tries"]) == ("upstream_unavailable", MAX_TRIES)


def test_a_shop_that_asks_to_wait_for_days_is_before_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop(monkeypatch, "shopify")
    made.faults.extend([says(429)] * 20)
    message = made.message("fulfillment")
    assert made.say(message).word == "waiting"
    made.queue.clear()
    made.now += PATIENCE
    assert made.say(message).word == "parked"


def test_a_wait_is_no_longer_than_a_queue_can_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop(monkeypatch, "shopify")
    made.faults.append(says(429, retry_after="3000"))
    made.say(made.message("fulfillment"))
    assert made.queue[0][1] == LONGEST_DELAY_S
    assert made.drain(5)[:2] == ["waiting", "waiting"], "the gate knows how long it is"


def test_who_is_not_to_be_told_any_more_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop(monkeypatch, "shopify", tell=["refund"])
    assert made.say(made.message("fulfillment")).word == "nothing"
    assert made.calls == []


def test_a_refund_is_in_the_order_as_the_shop_made_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop(monkeypatch, "shopify", "refund")
    made.say(made.message("refund"))
    (refund,) = made.story.order.payment.refunds.values()
    assert (refund.status.value, refund.refund_ref) == ("succeeded", "10110")


# ---------------------------------------------------------------- stock


def levels_of(made: Shop) -> dict[str, int]:
    vendor = getattr(made.sandbox, VENDORS.get(made.source, made.source))
    kept: dict[str, int] = (vendor.stock if hasattr(vendor, "stock") else vendor.told).levels
    return kept


def moved(made: Shop, **units: int) -> dict[str, Any]:
    """Levels, and the message that their movement makes."""
    for name, count in units.items():
        made.available[name] = count
        made.reference.put("product", name, {"sku": name})
    at = made.now.isoformat()
    return {
        "tell": "levels",
        "kind": "stock",
        "source": made.source,
        "account": "main",
        "skus": sorted(units),
        "at": at,
        "seen_at": at,
    }


@pytest.mark.parametrize("source", STOCK)
def test_a_level_is_what_it_is_when_it_is_told(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    made = Shop(monkeypatch, source, **STOCK_SETTINGS.get(source, {"location": "4242"}))
    first = moved(made, A=5, B=7)
    made.now += timedelta(seconds=1)
    second = moved(made, A=4)
    made.now += timedelta(seconds=5)
    assert made.say(second).word == "sent"
    assert (made.say(first).count, made.say(first).word) == (1, "known")
    assert levels_of(made) == {"A": 4, "B": 7}
    assert made.looks == 2, "A was told by a later read than the first message asks for"


@pytest.mark.parametrize("source", STOCK)
@pytest.mark.parametrize("fault", [lost, unreachable, says(503), says(429, retry_after="7"), NOT_LET_IN])
@pytest.mark.parametrize("at", [0, 1])
def test_levels_arrive_after_a_fault(
    monkeypatch: pytest.MonkeyPatch, source: str, fault: Callable[..., Any], at: int
) -> None:
    if at > STOCK[source]:
        return
    made = Shop(monkeypatch, source, **STOCK_SETTINGS.get(source, {"location": "4242"}))
    made.faults.extend([*[fine] * at, fault])
    renewed = fault is NOT_LET_IN and source in TOKENS
    assert made.say(moved(made, A=5)).word == ("sent" if renewed else "waiting")
    made.available["A"] = 3
    assert made.say(moved(made, A=3)).word == "sent" if renewed else made.drain()[-1] == "sent"
    assert levels_of(made) == {"A": 3}


def test_a_level_that_did_not_change_is_not_told_until_the_next_day(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Shop(monkeypatch, "woocommerce")
    made.say(moved(made, A=5))
    made.now += timedelta(minutes=1)
    calls = len(made.calls)
    assert made.say(moved(made, A=5)).word == "known"
    assert len(made.calls) == calls
    made.now += timedelta(days=1)
    assert made.say(moved(made, A=5)).word == "sent"


def test_one_worker_at_a_time_tells_an_account_its_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Shop(monkeypatch, "woocommerce")
    message = moved(made, A=5)
    words: list[str] = []

    def meanwhile(reached: Callable[[], Any]) -> Any:
        made.available["A"] = 2
        words.append(made.say({**message, "skus": ["A"]}).word)
        return reached()

    made.faults.extend([fine, meanwhile])
    words.append(made.say(message).word)
    assert words == ["waiting", "sent"]
    made.now += timedelta(seconds=10)
    assert made.say(moved(made, A=2)).word == "sent"
    assert made.sandbox.woocommerce.told.levels == {"A": 2}


def test_an_account_without_a_location_is_before_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Shop(monkeypatch, "shopify")
    assert made.say(moved(made, A=5)).word == "parked"
    (entry,) = made.parked
    assert entry.detail["skus"] == ["A"]


def test_skus_that_the_catalogue_does_not_have_are_told_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Shop(monkeypatch, "woocommerce")
    message = {**moved(made), "skus": ["NOBODYS"]}
    assert made.say(message).word == "known"
    assert made.calls == []


# ---------------------------------------------------------------- words of single channels


@pytest.mark.parametrize("source", ["woocommerce", "bigcommerce", "magento", "ebay"])
def test_where_a_channel_has_no_word_for_some_units_a_person_tells_it(
    monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    made = Shop(monkeypatch, source)
    made.story.cancel({"1": 1})
    assert made.say(made.message("cancellation")).word == "parked"
    assert made.calls == []


def test_walmart_is_told_units_however_the_messages_come(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Shop(monkeypatch, "walmart", cancellation_reason="SELLER_CANCEL_OUT_OF_STOCK")
    made.story.cancel({"1": 1})
    made.story.cancel({"1": 1})
    assert made.say(made.message("cancellation", 1)).word == "sent"
    assert made.say(made.message("cancellation", 0)).word == "already"
    assert [each["units"] for each in made.told] == [2]


@pytest.mark.parametrize("source", ["walmart", "ebay"])
def test_a_cancellation_without_a_reason_is_not_told(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    made = Shop(monkeypatch, source)
    made.story.cancel()
    assert made.say(made.message("cancellation")).word == "parked"
    assert made.calls == []


def test_shopify_cancels_units_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Shop(monkeypatch, "shopify")
    made.story.cancel({"1": 1})
    made.faults.extend([fine, lost])
    assert made.say(made.message("cancellation")).word == "waiting"
    assert made.drain() == ["already"]
    assert effects(made, "cancellation") == 1


@pytest.mark.parametrize(("carrier", "provider"), [("UPS", "ups"), ("royal_mail", "royalmail"), ("Sparrow", "")])
def test_bigcommerce_links_the_numbers_of_carriers_that_it_knows(
    monkeypatch: pytest.MonkeyPatch, carrier: str, provider: str
) -> None:
    made = Shop(monkeypatch, "bigcommerce")
    made.story.promise()
    made.story.ship(tracking="TRK", carrier=carrier)
    assert made.say(made.message("fulfillment")).word == "sent"
    told = made.bodies[-1]
    assert (told["shipping_method"], told["shipping_provider"], told["order_address_id"]) == (carrier, provider, 7)


def test_a_parcel_to_several_addresses_is_before_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop(monkeypatch, "bigcommerce")
    order = made.sandbox.bigcommerce.shelf.get("1001")
    assert order is not None
    made.sandbox.bigcommerce.shelf.put(
        "1001", {**order, "products": [{"id": 1, "order_address_id": 7}, {"id": 2, "order_address_id": 8}]}
    )
    assert made.say(made.message("fulfillment")).word == "parked"


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"errors": [{"message": "x", "extensions": {"code": "THROTTLED"}}]}, "waiting"),
        ({"errors": [{"message": "x", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}, "waiting"),
        ({"errors": [{"message": "x", "extensions": {"code": "ACCESS_DENIED"}}]}, "parked"),
        ({"data": {"fulfillmentCreate": {"userErrors": [{"field": ["fulfillment"], "message": "x"}]}}}, "parked"),
        ({"data": {"fulfillmentCreate": {"fulfillment": None, "userErrors": []}}}, "waiting"),
    ],
)
def test_what_shopify_says_within_an_answer(monkeypatch: pytest.MonkeyPatch, body: Any, word: str) -> None:
    made = shop(monkeypatch, "shopify")
    made.faults.extend([fine, fine, says(200, body)])
    assert made.say(made.message("fulfillment")).word == word


def test_shopify_says_when_there_are_points_again(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = {"requestedQueryCost": 10, "throttleStatus": {"currentlyAvailable": 4, "restoreRate": 2.0}}
    body = {"errors": [{"extensions": {"code": "THROTTLED"}}], "extensions": {"cost": cost}}
    made = shop(monkeypatch, "shopify")
    made.faults.extend([fine, fine, says(200, body)])
    assert made.say(made.message("fulfillment")).wait_s == 3.0


def test_a_refund_takes_back_what_payments_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop(monkeypatch, "shopify", "refund")
    sale = {"id": 5, "kind": "sale", "status": "success", "gateway": "card", "amount": "6.00"}
    card = {"id": 6, "kind": "capture", "status": "success", "gateway": "gift", "amount": "25.00"}
    back = {"id": 7, "kind": "refund", "status": "success", "gateway": "card", "amount": "1.00", "parent_id": 5}
    failed_ = {"id": 8, "kind": "sale", "status": "failure", "gateway": "card", "amount": "99.00"}
    made.faults.extend([fine, says(200, {"transactions": [sale, card, back, failed_]})])
    made.say(made.message("refund"))
    assert made.told[0]["amounts"] == ["5.00", "5.00"]


@pytest.mark.parametrize("change", [{"presentment_currency": "USD"}, {"currency": "USD"}, {"total_price": "3.00"}])
def test_a_refund_that_cannot_be_exact_is_before_a_person(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    made = shop(monkeypatch, "shopify", "refund")
    order = made.sandbox.shopify.shelf.get("1001")
    assert order is not None
    made.sandbox.shopify.shelf.put("1001", {**order, **change})
    assert made.say(made.message("refund")).word == "parked"
    assert made.told == []


def test_parcels_may_go_to_the_tracking_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop(monkeypatch, "woocommerce", tracking_plugin=True)
    parcel = {"tracking_id": "ab", "tracking_number": "TRK"}
    made.faults.extend([says(200), says(201, parcel)])
    assert made.say(made.message("fulfillment")).word == "sent"
    assert made.calls == [
        "GET /wp-json/wc-shipment-tracking/v3/orders/1001/shipment-trackings",
        "POST /wp-json/wc-shipment-tracking/v3/orders/1001/shipment-trackings",
    ]


def test_an_expired_token_is_replaced_within_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop(monkeypatch, "walmart")
    made.faults.append(says(401))
    assert made.say(made.message("fulfillment")).word == "sent"
    assert effects(made, "fulfillment") == 1


@pytest.mark.parametrize("numbers", [7, [], None])
def test_tracking_numbers_in_a_shape_of_their_own_are_none(monkeypatch: pytest.MonkeyPatch, numbers: Any) -> None:
    made = shop(monkeypatch, "shopify")
    order = {"id": 1001, "fulfillments": [{"id": 3, "status": "success", "tracking_numbers": numbers}]}
    made.faults.append(says(200, {"order": order}))
    assert made.say(made.message("fulfillment")).word == "sent"


def test_a_vendor_may_say_in_a_header_of_its_own_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop(monkeypatch, "bigcommerce")
    made.faults.append(says(429, x_rate_limit_time_reset_ms="15500"))
    assert made.say(made.message("fulfillment")).wait_s == 15.5
