"""Outbound webhooks: who wants what, signatures, when to try again, when to leave an endpoint alone, when to end."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from oms.channels import signatures, webhook
from oms.domain.errors import InvalidInputError, SignatureError
from oms.domain.inbound import InboundRequest, NoticeKind
from oms.domain.outbound import (
    WAITS_S,
    Delivery,
    Health,
    State,
    Subscription,
    asked_for,
    body_of,
    check_kinds,
    deferred,
    delivery_from_plain,
    delivery_to_plain,
    excerpt,
    is_hopeless,
    next_due,
    nodes_of,
    opened,
    secret_of,
    webhook_id,
)

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
SAMPLES = Path(__file__).parents[2] / "events" / "public"
MADE = Subscription(
    subscription_id="whs_1",
    url="https://erp.example.com/hook",
    event_types=("OrderPlaced.v1", "StockMoved.v1"),
    created_at=NOW,
    changed_at=NOW,
    changed_by="admin",
    key="k",
)


def sample(kind: str) -> dict[str, Any]:
    """What the bus has of an event."""
    parsed: dict[str, Any] = json.loads((SAMPLES / f"{kind}.json").read_text(encoding="utf-8"))
    return dict(parsed.get("detail", parsed))


# ---------------------------------------------------------------- signatures


def test_a_signature_is_that_of_the_specification() -> None:
    """The example of the libraries of Standard Webhooks: its secret, id, time, body and signature."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    (key,) = signatures.standard_keys([secret])
    told = signatures.sign_standard("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, [key])
    assert told == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_signature_is_what_a_few_lines_of_hmac_make() -> None:
    secret = secret_of("a master", "whs_1", 3)
    raw = base64.b64decode(secret.removeprefix("whsec_"))
    assert len(raw) == 32
    body = b'{"type":"ping"}'
    digest = hmac.new(raw, b"whm_1.1764234000." + body, hashlib.sha256).digest()
    told = signatures.sign_standard("whm_1", 1764234000, body, list(signatures.standard_keys([secret])))
    assert told == f"v1,{base64.b64encode(digest).decode()}"


def test_our_own_receiver_takes_what_we_sign_with_either_secret_of_a_rotation() -> None:
    rotating = replace(MADE, generation=2, previous_until=NOW + timedelta(hours=1))
    body = body_of("ping", {"occurred_at": NOW.isoformat()}).encode()
    old, new = secret_of("m", "whs_1", 1), secret_of("m", "whs_1", 2)
    assert rotating.secrets("m", NOW) == [new, old]
    keys = list(signatures.standard_keys(rotating.secrets("m", NOW)))
    headers = {
        "webhook-id": "whm_1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": signatures.sign_standard("whm_1", int(NOW.timestamp()), body, keys),
    }
    request = InboundRequest(account="main", headers=headers, body=body)
    for secret in (old, new):
        webhook.verify(request, [secret], NOW)
    assert webhook.identify(request).kind is NoticeKind.PING
    assert rotating.secrets("m", NOW + timedelta(hours=1)) == [new]
    with pytest.raises(SignatureError):
        webhook.verify(request, [secret_of("m", "whs_2", 2)], NOW)
    with pytest.raises(SignatureError):
        webhook.verify(replace(request, body=body + b" "), [new], NOW)


def test_secrets_differ_by_subscription_generation_and_deployment() -> None:
    made = {secret_of(master, each, number) for master in "ab" for each in ("whs_1", "whs_11") for number in (1, 2, 11)}
    assert len(made) == 12


# ---------------------------------------------------------------- who wants what


def test_only_subscribed_events_are_wanted() -> None:
    assert MADE.wants("OrderPlaced.v1", sample("OrderPlaced.v1"))
    assert not MADE.wants("OrderHeld.v1", sample("OrderHeld.v1"))


def test_a_filter_leaves_out_events_that_name_another() -> None:
    detail = {"channel": "shopify"}
    only = replace(MADE, channels=("amazon", "ebay"))
    assert not only.wants("OrderPlaced.v1", detail)
    assert only.wants("OrderPlaced.v1", {"channel": "ebay"})
    assert only.wants("StockMoved.v1", {"movements": [{"node_id": "a"}]}), "stock has no channel to leave out"
    at = replace(MADE, node_ids=("de-main",))
    assert at.wants("StockMoved.v1", {"movements": [{"node_id": "us"}, {"node_id": "us", "to_node_id": "de-main"}]})
    assert not at.wants("StockMoved.v1", {"movements": [{"node_id": "us"}]})
    assert at.wants("OrderPlaced.v1", detail), "an order that is placed has no node yet"


def test_nodes_are_found_wherever_an_event_names_them() -> None:
    detail = {
        "node_id": "a",
        "movements": [{"node_id": "b", "to_node_id": "c"}],
        "fulfillment_orders": [{"node_id": "d"}],
    }
    assert nodes_of(detail) == {"a", "b", "c", "d"}
    assert nodes_of({}) == set()


def test_the_bus_is_asked_for_what_enabled_subscriptions_want() -> None:
    other = replace(MADE, subscription_id="whs_2", event_types=("OrderHeld.v1", "OrderPlaced.v1"))
    assert asked_for([MADE, other]) == ["OrderHeld.v1", "OrderPlaced.v1", "StockMoved.v1"]
    assert asked_for([MADE, replace(other, state=State.DISABLED)]) == ["OrderPlaced.v1", "StockMoved.v1"]
    assert asked_for([]) == []


def test_event_types_are_those_that_are_published() -> None:
    assert check_kinds(["StockMoved.v1", "StockMoved.v1", "OrderHeld.v1"]) == ("StockMoved.v1", "OrderHeld.v1")
    for wrong in ([], ["OrderPlaced"], ["OrderPlaced.v1", "*"]):
        with pytest.raises(InvalidInputError):
            check_kinds(wrong)


def test_a_body_is_the_same_text_whatever_the_order_of_its_fields() -> None:
    detail = {**sample("OrderPlaced.v1"), "event_id": "order#1:1:0"}
    again = dict(reversed(detail.items()))
    assert body_of("OrderPlaced.v1", detail) == body_of("OrderPlaced.v1", again)
    told = json.loads(body_of("OrderPlaced.v1", detail))
    assert (told["type"], told["timestamp"], told["data"]) == ("OrderPlaced.v1", detail["occurred_at"], detail)


def test_an_id_is_of_the_event_and_the_subscription() -> None:
    assert (
        webhook_id("whs_1", "order#1:1:0")
        == Delivery(subscription_id="whs_1", event_id="order#1:1:0", body="").webhook_id
    )
    assert len({webhook_id(each, event) for each in ("whs_1", "whs_2") for event in ("a:1:0", "a:1:1")}) == 4
    assert "." not in webhook_id("whs_1", "order#1:1:0"), "the signed text is parted by dots"


# ---------------------------------------------------------------- again, and no more


def test_attempts_follow_the_schedule_of_the_specification() -> None:
    """Immediately, 5 s, 5 min, 30 min, 2, 5, 10, 14, 20, 24 h, and a tenth more at most; then no more."""
    assert sum(WAITS_S) == timedelta(hours=75, minutes=35, seconds=5).total_seconds()
    delivery, at = Delivery(subscription_id="whs_1", event_id="e", body=""), NOW
    waits = []
    while (due := next_due(delivery, at)) is not None:
        waits.append((due - at).total_seconds())
        at, delivery = due, replace(delivery, attempt=delivery.attempt + 1, due=due)
    assert len(waits) == 9
    for wait, least in zip(waits, WAITS_S[1:], strict=True):
        assert least <= wait <= least * 1.1
    assert delivery.attempt == 10


def test_what_failed_together_does_not_come_back_together() -> None:
    dues = {
        next_due(Delivery(subscription_id="whs_1", event_id=f"e{each}", body="", attempt=4), NOW) for each in range(50)
    }
    assert len(dues) > 40


def test_an_endpoint_may_ask_for_more_time_but_not_for_ever() -> None:
    delivery = Delivery(subscription_id="whs_1", event_id="e", body="")
    assert next_due(delivery, NOW, 120.0) == NOW + timedelta(seconds=120)
    assert next_due(delivery, NOW, 1e9) == NOW + timedelta(days=1)
    short = next_due(replace(delivery, attempt=5), NOW, 1.0)
    assert short is not None
    assert short >= NOW + timedelta(hours=5)


def test_an_endpoint_is_left_alone_after_five_failures_in_a_row() -> None:
    waits = [opened(failures, NOW) for failures in range(12)]
    assert waits[:5] == [None] * 5
    assert [(each - NOW).total_seconds() for each in waits[5:] if each] == [30, 60, 120, 240, 480, 900, 900]
    assert opened(10_000, NOW) == NOW + timedelta(minutes=15)


def test_what_waits_for_an_endpoint_comes_back_within_the_minute_after_and_is_the_same_attempt() -> None:
    until = NOW + timedelta(minutes=8)
    for number in range(20):
        delivery = Delivery(subscription_id="whs_1", event_id=f"e{number}", body="", attempt=3)
        again = deferred(delivery, until)
        assert again.attempt == 3
        assert again.due is not None
        assert until <= again.due < until + timedelta(minutes=1)


def test_an_endpoint_is_given_up_after_three_days_of_nothing_but_failures() -> None:
    since = NOW - timedelta(days=3)
    assert is_hopeless(Health(failures=10, failing_since=since), NOW)
    assert not is_hopeless(Health(failures=9, failing_since=since), NOW), "too few to say so"
    assert not is_hopeless(Health(failures=999, failing_since=since + timedelta(seconds=1)), NOW)
    assert not is_hopeless(Health(), NOW)


def test_one_event_that_fails_by_its_whole_schedule_is_enough_to_give_an_endpoint_up() -> None:
    last = NOW + timedelta(seconds=sum(WAITS_S))
    assert is_hopeless(Health(failures=len(WAITS_S), failing_since=NOW), last)


def test_an_answer_is_kept_short_and_clean() -> None:
    assert excerpt(b"  out\x00of \x1b[31mstock\r\n\tnow\xff ") == "out of [31mstock now\ufffd"
    assert len(excerpt(b"a" * 100_000)) == 160
    assert excerpt(b"") == ""


@pytest.mark.parametrize("due", [None, NOW])
def test_a_delivery_is_what_was_queued(due: datetime | None) -> None:
    delivery = Delivery(subscription_id="whs_1", event_id="e", body='{"a":"ü"}', attempt=4, due=due)
    assert delivery_from_plain(json.loads(json.dumps(delivery_to_plain(delivery)))) == delivery
