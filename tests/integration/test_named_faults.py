"""Faults that no other test names: one small test each, in process over the world of the fault sweep."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from infra.local import recorded as rec
from oms.domain.canonical import MAX_LINES
from oms.entrypoints import wiring
from tests.proof.invariants import check
from tests.proof.sweep.events import Reply, http_event, sqs_event
from tests.proof.sweep.evidence import evidence, note
from tests.proof.sweep.people import BERLIN, EAST, MAIN, SHOPPER, accept, cancel, parked, place, scan, ship, site, work
from tests.proof.sweep.world import SECRETS, world
from tests.support import template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proof.sweep.world import World

SINCE: Final = "since=2026-11-01T00:00:00Z&until=2026-12-30T00:00:00Z"


@pytest.fixture
def w() -> Iterator[World]:
    """A shop with goods at two nodes; at the end nothing is lost, doubled or left standing."""
    with world() as made:
        made.product("TEE-BLK-M", "MUG-01", "SCARF-WOOL", "BOTTLE-750")
        made.receive("opening", TEE_BLK_M=(EAST, 5), MUG_01=(EAST, 5), SCARF_WOOL=(MAIN, 5), BOTTLE_750=(MAIN, 5))
        made.settle()
        yield made
        made.settle()
        assert check(evidence(made)) == []


def order_body(**changes: Any) -> dict[str, Any]:
    """A site order of one mug at 10.00; `line` changes its line."""
    line = {"sku": "MUG-01", "quantity": 1, "unit_price": 1000, **changes.pop("line", {})}
    return {
        "number": "N-1",
        "currency": "EUR",
        "lines": [line],
        "total": 1000,
        "ship_to": BERLIN,
        "contact": SHOPPER,
        "payment": {"provider": "in_channel", "state": "paid", "captured": 1000},
        **changes,
    }


def send(w: World, path: str, text: str, role: str, key: str = "k") -> Reply:
    """A body as it stands, sent once; what was asked is written down as the catalogue spells it."""
    function, route = w.routes.find("POST", path)
    headers = {"idempotency-key": key}
    reply = Reply(w.invoke(function, http_event(route, "POST", path, {}, headers, text.encode(), role)))
    if reply.status < 300:
        asked = unicodedata.normalize("NFC", json.dumps(json.loads(text), ensure_ascii=False))
        note(w.record, "POST", path, json.loads(asked), headers, reply)
    return reply


def post_order(w: World, text: str, key: str = "k") -> Reply:
    return send(w, "/orders", text, "shop", key)


def written(name: str, literal: str) -> str:
    """The text of an order in which `@` stands for a literal that Python would not write."""
    body = order_body(line={name: "@"}) if name == "quantity" else order_body(**{name: "@"})
    return json.dumps(body).replace('"@"', literal)


def orders(w: World, channel: str) -> list[Any]:
    return list(w.get(f"/orders?channel={channel}&{SINCE}")["orders"])


def log_of(w: World) -> list[tuple[str, str]]:
    """Every item of the log."""
    return sorted((each["pk"]["S"], each["sk"]["S"]) for each in w.cloud.items("EventsTable"))


# ---------------------------------------------------------------- F03, F04: event ids


@pytest.mark.parametrize("newer_first", [False, True])
def test_one_event_id_with_two_bodies_is_two_snapshots_of_one_order(w: World, *, newer_first: bool) -> None:
    later: dict[str, Any] = {"updated_at": "2026-11-24T23:00:00Z", "note": "ring twice"}
    for changes in ({}, later)[:: -1 if newer_first else 1]:
        w.deliver("shopify", "01", **changes)
        w.settle()
    (order,) = orders(w, "shopify")
    history = w.get(f"/orders/{order['order_id']}/timeline")["commits"]
    types = [event["type"] for each in history for event in each["events"]]
    assert types.count("OrderPlaced") == 1
    assert types.count("LinesReserved") == 1


def test_one_scan_id_with_two_bodies_is_the_first(w: World) -> None:
    order_id = place(w, "s-1", {"MUG-01": 1})
    w.settle()
    ship(w, work(w, EAST), "EZ1")
    w.settle()
    scan(w, "EZ1", "02", id="evt_same")
    scan(w, "EZ1", "03", id="evt_same")
    w.settle()
    assert len(w.get(f"/orders/{order_id}/timeline")["facts"]) == 1


# ---------------------------------------------------------------- F28, F29: tokens


def test_identity_does_not_rest_on_the_tokens_of_transactions(w: World) -> None:
    sources = (template.ROOT / "layers").rglob("*.py")
    assert [each.name for each in sources if "ClientRequestToken" in each.read_text(encoding="utf-8")] == []
    movement = {"movements": [{"sku": "MUG-01", "node_id": EAST, "kind": "receipt", "quantity": 3}]}
    for wait in (timedelta(), timedelta(minutes=11), timedelta(days=1), timedelta(days=91)):
        w.now += wait
        w.post("/stock/movements", movement, key="again", role="warehouse", status=201)
    assert w.get("/stock/MUG-01")["available"] == 8
    w.record.received["MUG-01", EAST] = 8


# ---------------------------------------------------------------- F36 to F42: hostile input

QUANTITIES: Final = ("0", "-1", "-0", "1.5", "1e308", "1e999", str(2**63), "9" * 39, "true", '"1"', "null", "NaN", "[]")
AMOUNTS: Final = ("10.00", "0.30000000000000004", "1e3", '"10,00"', '"1000"', "-1000", str(10**19), "true", "Infinity")


def test_a_hostile_quantity_is_refused(w: World) -> None:
    for quantity in QUANTITIES:
        assert post_order(w, written("quantity", quantity)).status == 422, quantity
        movement = {"movements": [{"sku": "MUG-01", "node_id": EAST, "kind": "receipt", "quantity": "@"}]}
        text = json.dumps(movement).replace('"@"', quantity)
        assert send(w, "/stock/movements", text, "warehouse").status == 422, quantity
    assert w.get("/stock/MUG-01")["available"] == 5


def test_money_that_is_no_integer_of_minor_units_is_refused(w: World) -> None:
    for amount in AMOUNTS:
        for field in ("total", "shipping"):
            assert post_order(w, written(field, amount)).status == 422, (field, amount)


def test_an_order_is_in_one_known_currency(w: World) -> None:
    for currency in ("XYZ", "E", "", "EURO"):
        assert post_order(w, json.dumps(order_body(currency=currency))).status == 422, currency
    for currency in ("JPY", "KWD"):
        reply = post_order(w, json.dumps(order_body(currency=currency, number=currency)), currency)
        assert reply.status == 201, reply
        shown = w.get(f"/orders/{reply.document['order_id']}")
        assert (shown["currency"], shown["total"]) == (currency, 1000)


def test_a_sku_composed_or_decomposed_is_one_product(w: World) -> None:
    w.product("CAFÉ-01")
    w.receive("cups", CAFÉ_01=(MAIN, 2))
    for key, sku in (("k1", "CAFE\u0301-01"), ("k2", "CAFÉ-01")):
        reply = post_order(w, json.dumps(order_body(number=key, line={"sku": sku})), key)
        assert reply.status == 201
        w.settle()
        assert w.get(f"/orders/{site(key)}")["stage"] == "released"
    assert w.get("/stock/CAFÉ-01")["available"] == 0


@pytest.mark.parametrize("name", ["🧣 Zoë", "\u202eevil", "\ud800", "a\u0000b", "x" * 10_000])
def test_any_name_is_kept_or_refused_and_breaks_nothing(w: World, name: str) -> None:
    body = order_body(contact={**SHOPPER, "name": name}, line={"title": name})
    reply = post_order(w, json.dumps(body))
    assert reply.status in (201, 422), reply
    w.settle()
    if reply.status == 201:
        assert w.http("GET", f"/orders/{site('k')}", role="service").status == 200
        assert w.get(f"/orders/{site('k')}")["stage"] == "released"


def test_an_order_of_more_positions_than_a_transaction_takes_is_promised_whole(w: World) -> None:
    skus = [f"P-{number:03d}" for number in range(120)]
    w.product(*skus)
    for start in (0, 60):
        goods = {sku.replace("-", "_"): (MAIN, 1) for sku in skus[start : start + 60]}
        w.receive(f"goods-{start}", **goods)
    order_id = place(w, "s-1", dict.fromkeys(skus, 1))
    w.settle()
    assert w.get(f"/orders/{order_id}")["stage"] == "released"


def test_an_order_of_20000_lines_is_refused_clean(w: World) -> None:
    lines = [{"sku": "MUG-01", "quantity": 1, "unit_price": 1000}] * 20_000
    reply = post_order(w, json.dumps(order_body(lines=lines, total=20_000_000)))
    assert (reply.status, reply.document["code"]) == (422, "too_many_lines")
    assert reply.document["limit"] == MAX_LINES
    assert [pk for pk, _ in log_of(w) if pk.startswith("order#")] == []


@pytest.mark.parametrize(
    "body",
    [
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        json.dumps({str(number): number for number in range(100_000)}),
        '{"number": "N-1", "number": "N-2"}',
        "\x1f\x08 as gzip begins",
        "number=N-1&total=1",
    ],
    ids=["deep", "many keys", "a key twice", "compressed", "a form"],
)
def test_a_body_that_is_no_order_is_refused(w: World, body: str) -> None:
    assert post_order(w, body).status in (413, 422)
    recorded = rec.Recorded(name="", source="shopify", headers={"X-Shopify-Topic": "orders/create"}, body=body.encode())
    headers = rec.sign(recorded, SECRETS["shopify"], w.now.timestamp())
    assert w.http("POST", "/webhooks/shopify/main", headers=headers, body=body.encode(), role="").status == 200
    w.settle()
    assert len(parked(w)) == 1


# ---------------------------------------------------------------- F43 to F49: queues


def test_all_of_a_batch_fail_and_none_is_lost(w: World) -> None:
    for number in range(10):
        order = 6_305_000_000_900 + number
        w.deliver("shopify", "12", id=order, admin_graphql_api_id=f"gid://shopify/Order/{order}", name=f"#{order}")
    with w.outage("dynamodb.Query"):
        w.drain()
    assert len(w.queues.waiting()) == 10
    w.settle()
    assert len(orders(w, "shopify")) == 10


def test_a_poison_message_does_not_hold_up_its_batch(w: World) -> None:
    wiring.client("sqs").send_message(QueueUrl=w.cloud.names["IntakeQueue"], MessageBody="no JSON")
    w.deliver("shopify", "01")
    w.drain()
    assert len(orders(w, "shopify")) == 1
    assert len(w.queues.waiting()) == 1
    w.settle()
    assert len(parked(w)) == 1


def test_no_queue_is_relied_on_for_order_or_for_once(w: World) -> None:
    queues = [each for _, each in template.of_type(template.resources(), "AWS::SQS::Queue")]
    assert [each for each in queues if each.get("FifoQueue")] == []
    w.deliver("shopify", "01")
    w.settle()
    before = log_of(w)
    for wait in (timedelta(minutes=6), timedelta(days=1)):
        w.now += wait
        w.deliver("shopify", "01")
        w.settle()
    assert log_of(w) == before


def test_a_second_consumer_of_the_same_message_changes_nothing(w: World) -> None:
    w.deliver("shopify", "01")
    queue = w.cloud.names["IntakeQueue"]
    got = wiring.client("sqs").receive_message(QueueUrl=queue, AttributeNames=["All"])["Messages"]
    event = sqs_event(got, w.cloud.queue_arn("IntakeQueue"))
    assert w.invoke("TakeOrders", event) == {"batchItemFailures": []}
    before = log_of(w)
    assert w.invoke("TakeOrders", event) == {"batchItemFailures": []}
    assert log_of(w) == before


def test_dead_letters_redriven_after_ten_days_meet_the_order_as_it_is(w: World) -> None:
    w.deliver("shopify", "07")
    w.settle()
    with w.outage("dynamodb.Query"):
        w.deliver("shopify", "08")
        w.settle()
    (parked_id,) = parked(w)
    (order,) = orders(w, "shopify")
    each = work(w, MAIN)
    accept(w, each)
    ship(w, each, "EZ1")
    w.settle()
    w.now += timedelta(days=10)
    assert w.post(f"/quarantine/{parked_id}/replay", key="late", role="service")["outcome"] == "taken"
    w.settle()
    shown = w.get(f"/orders/{order['order_id']}")
    assert shown["stage"] == "shipped"
    assert shown["fulfillment_status"] == "shipped"


def test_every_consumer_says_what_failed_in_the_shape_that_lambda_reads(w: World) -> None:
    found = template.resources()
    mappings = dict(template.of_type(found, "AWS::Lambda::EventSourceMapping"))
    assert all(each["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for each in mappings.values())
    message = {"MessageId": "m1", "ReceiptHandle": "r1", "Body": "no JSON", "MD5OfBody": ""}
    message["Attributes"] = {"ApproximateReceiveCount": "1"}  # type: ignore[assignment]
    for queue, (function,) in w.queues.consumers.items():
        answer = w.invoke(function, sqs_event([message], w.cloud.queue_arn(queue)))
        assert set(answer) == {"batchItemFailures"}, function
        assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] in ([], ["m1"]), function
    for parked_id in parked(w):  # what `ParkFailed` was given here was in no queue
        w.http("POST", f"/quarantine/{parked_id}/replay", {}, role="service", key=parked_id)


# ---------------------------------------------------------------- F50, F53 to F56: the stream, reads, workflows


def test_the_whole_stream_read_again_changes_nothing(w: World) -> None:
    place(w, "s-1", {"MUG-01": 1})
    w.settle()
    ship(w, work(w, EAST), "EZ1")
    w.settle()
    log, views = log_of(w), sorted(map(str, w.cloud.items("ViewsTable")))
    said = {each.event_id for each in w.published}
    w.stream._seen = 0
    w.settle()
    assert log_of(w) == log
    assert sorted(map(str, w.cloud.items("ViewsTable"))) == views
    assert {each.event_id for each in w.published} == said


def test_the_truth_is_never_read_stale(w: World) -> None:
    order_id = place(w, "s-1", {"MUG-01": 2})
    w.settle()
    ship(w, work(w, EAST), "EZ1", units=1)
    cancel(w, order_id, "cancel")
    w.settle()
    scan(w, "EZ1", "04")
    w.settle()
    truth = {w.cloud.names[each] for each in ("EventsTable", "StockTable", "ContactsTable")}
    reads = [
        each
        for each in w.tap.calls
        if each.operation in ("Query", "GetItem") and each.asked["TableName"] in truth and not _facts(each.asked)
    ]
    assert {each.function for each in reads} >= {"PromiseOrder", "FulfillOrders", "ChangeOrder", "PlaceOrder"}
    assert [each.origin for each in reads if not each.asked.get("ConsistentRead")] == []


def _facts(asked: Any) -> bool:
    """Scans beside the log: shown to people, decided on by nobody."""
    return bool(asked.get("ExpressionAttributeValues", {}).get(":prefix", {}).get("S") == "s#")


def test_the_same_start_again_and_again_does_nothing_more(w: World) -> None:
    order_id = place(w, "s-1", {"MUG-01": 1})
    w.settle()
    before = log_of(w)
    start = next(each for each in w.started if each["order_id"] == order_id)
    for wait in (timedelta(), timedelta(minutes=5), timedelta(days=91)):
        w.now += wait
        w.executions.extend([start, start])
        w.settle()
    assert log_of(w) == before


def test_no_workflow_waits_for_a_callback() -> None:
    text = (template.ROOT / "infra/workflows/b2c_order.asl.json").read_text(encoding="utf-8")
    assert re.findall(r"waitForTaskToken|\.sync|\"Wait\"", text) == []


# ---------------------------------------------------------------- F59: clocks


def test_a_clock_that_jumps_ten_minutes_either_way_changes_no_order(w: World) -> None:
    order_id = place(w, "s-1", {"MUG-01": 2})
    w.settle()
    w.now -= timedelta(minutes=10)
    ship(w, work(w, EAST), "EZ1", units=1)
    w.settle()
    w.now += timedelta(minutes=20)
    cancel(w, order_id, "cancel")
    w.settle()
    w.now -= timedelta(minutes=10)
    scan(w, "EZ1", "04")
    w.settle()
    commits = w.get(f"/orders/{order_id}/timeline")["commits"]
    assert [each["number"] for each in commits] == list(range(1, len(commits) + 1))
    assert w.get(f"/orders/{order_id}")["stage"] == "delivered"
    (row,) = orders(w, "site")
    assert row["stage"] == "delivered"


def test_an_order_dated_in_milliseconds_or_years_ahead_is_refused(w: World) -> None:
    for at in ("1795597200000", '"2036-11-25T09:00:00Z"', '"2026-11-25T09:06:00Z"', '"2026-11-25T09:00:00"'):
        assert post_order(w, written("placed_at", at)).status == 422
    assert post_order(w, json.dumps(order_body(placed_at="2026-11-25T09:04:00Z"))).status == 201
