"""Lists on DynamoDB: few writes, and everything is found all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from oms.adapters import keys, order_lists
from oms.adapters.aws import make_client
from oms.adapters.dynamodb_contacts import DynamoContacts
from oms.adapters.dynamodb_log import DynamoLog
from oms.adapters.dynamodb_views import WALK_EVERY, WALKED_DAYS, DynamoViews, walked_at
from oms.domain.canonical import Contact, ContactKey
from oms.domain.commit import GENESIS, Cause, Commit
from oms.domain.errors import InvalidCursorError
from oms.domain.order import events as ev
from tests.support import template

if TYPE_CHECKING:
    from collections.abc import Iterator

T0 = datetime(2026, 3, 10, 12, tzinfo=UTC)
TABLE = "views"
CONTACTS = "contacts"
EVENTS = "events"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """DynamoDB with the tables as the template makes them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        made = make_client("dynamodb")
        wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        for name, logical in ((TABLE, "ViewsTable"), (CONTACTS, "ContactsTable"), (EVENTS, "EventsTable")):
            properties = template.resources()[logical]["Properties"]
            made.create_table(TableName=name, **{each: properties[each] for each in wanted if each in properties})
        yield made


@pytest.fixture
def views(client: Any) -> DynamoViews:
    return DynamoViews(client, TABLE, CONTACTS, EVENTS)


@pytest.fixture
def contacts(client: Any) -> DynamoContacts:
    return DynamoContacts(client, CONTACTS)


def commit(order_id: str, number: int = 2, *events: Any, at: datetime = T0, **summary: Any) -> Commit:
    """A commit that says so of an order which was placed `at`."""
    row = {
        "order_id": order_id,
        "number": f"N-{order_id}",
        "channel": "site",
        "placed_at": at.isoformat(),
        "total": 100,
        "stage": "released",
        "skus": ["A"],
        **summary,
    }
    return Commit(
        stream=f"order#{order_id}",
        number=number,
        command_id=f"cmd_{order_id}_{number}",
        cause=Cause(kind="api", ref="r"),
        at=at,
        events=events,
        previous=GENESIS,
        summary=row,
    )


def listed(views: DynamoViews, by: str, value: str, *, days: int = 31, limit: int = 10) -> list[str]:
    """All pages."""
    found: list[str] = []
    cursor, since, until = "", T0 - timedelta(days=days), T0 + timedelta(hours=1)
    while True:
        rows, cursor = views.list_orders(by, value, since, until, limit, cursor)
        assert len(rows) <= limit
        found += [row["order_id"] for row in rows]
        if not cursor:
            return found


def test_orders_of_many_days_are_walked_newest_first_and_each_once(views: DynamoViews) -> None:
    placed = {f"ord_{index}": T0 - timedelta(days=index % 7, minutes=index) for index in range(40)}
    for index, (order_id, at) in enumerate(placed.items()):
        channel, skus = ("site", "shopify")[index % 2], ["A", "B"][: 1 + index % 2]
        views.project(commit(order_id, at=at, channel=channel, skus=skus))
    newest_first = sorted(placed, key=lambda each: placed[each], reverse=True)
    even, odd = (({each for each in placed if int(each[4:]) % 2 == rest}) for rest in (0, 1))
    for limit in (1, 7, 100):
        assert listed(views, "all", "", limit=limit) == newest_first
        assert listed(views, "channel", "site", limit=limit) == [each for each in newest_first if each in even]
        assert listed(views, "sku", "B", limit=limit) == [each for each in newest_first if each in odd]
        assert listed(views, "stage", "released", limit=limit) == newest_first
    assert listed(views, "stage", "shipped") == []


def test_a_walk_that_finds_little_says_how_far_it_came(views: DynamoViews, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_lists, "PAGES", 3)
    for back in range(12):
        views.project(commit(f"ord_{back}", at=T0 - timedelta(days=back), channel="rare" if back == 11 else "site"))
    rows, cursor = views.list_orders("channel", "rare", T0 - timedelta(days=31), T0, 10, "")
    assert (rows, bool(cursor)) == ([], True)
    assert listed(views, "channel", "rare") == ["ord_11"]


def key_of(order_id: str, customer_id: str, at: datetime) -> ContactKey:
    return ContactKey(customer_id=customer_id, placed_at=at, order_id=order_id)


def test_a_customers_orders_are_listed_by_the_keys_of_contacts(views: DynamoViews, contacts: DynamoContacts) -> None:
    placed = {f"ord_{index}": T0 - timedelta(days=index % 7, minutes=index) for index in range(23)}
    for index, (order_id, at) in enumerate(placed.items()):
        who = ("cus_1", "cus_2")[index % 2]
        contacts.put(key_of(order_id, who, at), "2026", Contact(email="anna@example.com"))
        views.project(commit(order_id, at=at, customer=who))
    contacts.erase(key_of("ord_4", "cus_1", placed["ord_4"]), T0)
    contacts.put(key_of("ord_1", "cus_1", placed["ord_1"]), "2026", Contact())  # whose order is another customer's
    contacts.put(key_of("ord_x", "cus_1", T0), "2026", Contact())  # which never became an order
    newest_first = sorted(placed, key=lambda each: placed[each], reverse=True)
    for limit in (1, 3, 12, 100):
        for who, rest in (("cus_1", 0), ("cus_2", 1)):
            mine = [each for each in newest_first if int(each[4:]) % 2 == rest]
            assert listed(views, "customer", who, limit=limit) == mine
    assert listed(views, "customer", "cus_1", days=2) == [
        each for each in newest_first if int(each[4:]) % 2 == 0 and placed[each] >= T0 - timedelta(days=2)
    ]
    assert listed(views, "customer", "cus_3") == []


def test_a_label_goes_with_the_contact_and_is_no_order(views: DynamoViews, contacts: DynamoContacts) -> None:
    where = key_of("ord_1", "cus_1", T0)
    contacts.put(where, "2026", Contact(email="anna@example.com"))
    views.project(commit("ord_1", customer="cus_1"))
    contacts.put_label(where, "rma_1_1", "https://labels.example/1")
    assert contacts.label(where, "rma_1_1") == "https://labels.example/1"
    assert contacts.label(where, "rma_1_2") == ""
    assert listed(views, "customer", "cus_1") == ["ord_1"]
    contacts.erase(where, T0)
    assert contacts.label(where, "rma_1_1") == ""


def test_who_lists_asks_for_no_more_than_the_keys_of_contacts(
    views: DynamoViews, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The role allows nothing else: see `personal_data` in tests/support/template_checks.py."""
    asked: list[dict[str, Any]] = []

    def query(**made: Any) -> dict[str, Any]:
        asked.append(made)
        return {"Items": []}

    monkeypatch.setattr(client, "query", query)
    assert listed(views, "customer", "cus_1", limit=25) == []
    (made,) = asked
    assert (made["TableName"], made["ProjectionExpression"], made["Select"]) == (
        CONTACTS,
        "pk, sk",
        "SPECIFIC_ATTRIBUTES",
    )
    assert not {"FilterExpression", "ExpressionAttributeNames", "IndexName"} & set(made)


def test_a_contact_is_found_by_the_number_of_its_order(
    client: Any, views: DynamoViews, contacts: DynamoContacts
) -> None:
    log = DynamoLog(client, EVENTS, stock_table="")
    lines = (ev.PlacedLine(line_id="1", sku="A", quantity=1, unit_price=100),)
    for order_id, who, days in (("ord_1", "cus_1", 3), ("ord_2", "", 0)):
        at = T0 - timedelta(days=days)
        placed = ev.OrderPlaced(
            channel="site",
            account="main",
            external_id=order_id,
            number="N-1",
            placed_at=at,
            currency="EUR",
            total=100,
            lines=lines,
            payment=ev.PaymentPlan(provider="in_channel"),
            customer_id=who,
        )
        contacts.put(key_of(order_id, who, at), "2026", Contact(name=order_id))
        begun = commit(order_id, 1, placed, at=at, **({"customer": who} if who else {}))
        log.append(replace(begun, summary={**begun.summary, "number": "N-1"}))
    found = views.contacts_of("N-1")
    assert found == [key_of("ord_2", "", T0), key_of("ord_1", "cus_1", T0 - timedelta(days=3))]
    assert [contact.name for contact in map(contacts.get, found) if contact] == ["ord_2", "ord_1"]
    assert views.contacts_of("N-2") == []
    assert listed(views, "customer", "ord_2") == []


def test_a_stage_that_needs_attention_is_an_index_and_left_with_it(views: DynamoViews) -> None:
    views.project(commit("ord_1", 2, stage="on_hold"))
    assert listed(views, "stage", "on_hold") == ["ord_1"]
    views.project(commit("ord_1", 3, stage="released"))
    assert listed(views, "stage", "on_hold") == []
    assert listed(views, "stage", "released") == ["ord_1"]


def test_an_older_commit_changes_nothing(views: DynamoViews) -> None:
    views.project(commit("ord_1", 3, stage="shipped"))
    views.project(commit("ord_1", 2, stage="on_hold"))
    assert listed(views, "stage", "shipped") == ["ord_1"]
    assert listed(views, "stage", "on_hold") == []


def test_an_order_to_be_promised_at_once_has_its_row_with_its_promise(views: DynamoViews) -> None:
    placed = commit("ord_1", 1, stage="placed", next="promise", due_at=(T0 + timedelta(minutes=2)).isoformat())
    views.project(placed)
    assert listed(views, "all", "") == []
    assert views.unlisted({"ord_1": T0}) == ["ord_1"]
    views.project(placed, late=True)
    assert listed(views, "stage", "placed") == ["ord_1"]
    assert views.unlisted({"ord_1": T0}) == []
    assert [row["order_id"] for row in views.overdue(T0 + timedelta(minutes=3), 10)] == ["ord_1"]
    views.project(commit("ord_1", 2))
    assert listed(views, "stage", "released") == ["ord_1"]
    assert views.overdue(T0 + timedelta(minutes=3), 10) == []


@pytest.mark.parametrize("changes", [{"stage": "awaiting_payment"}, {"stage": "on_hold"}, {"next": ""}])
def test_an_order_that_waits_has_its_row_at_once(views: DynamoViews, changes: dict[str, str]) -> None:
    summary: dict[str, Any] = {"stage": "placed", "next": "promise", **changes}
    views.project(commit("ord_1", 1, **summary))
    assert listed(views, "all", "") == ["ord_1"]


def test_every_partition_of_the_last_days_is_walked_once_a_day() -> None:
    turns = [walked_at(T0 + timedelta(minutes=minute)) for minute in range(24 * 60)]
    walked = [each for each in turns if each]
    assert len(walked) == len(set(walked)) == WALKED_DAYS * keys.DAY_SHARDS
    assert len(walked) * WALK_EVERY == len(turns)
    days = {each.split("#")[1] for each in walked}
    assert {(T0 - timedelta(days=back)).strftime("%Y-%m-%d") for back in range(1, WALKED_DAYS)} <= days


def test_a_promise_that_is_not_kept_is_found_by_the_walk(views: DynamoViews) -> None:
    due = T0 + timedelta(days=2)
    views.project(commit("ord_1", patient=True, due_at=due.isoformat()))
    views.project(commit("ord_2", patient=True, due_at=(due + timedelta(days=9)).isoformat()))
    # In the minutes between two slices only the index is read, in which neither order stands.
    day = [due + timedelta(hours=1, minutes=minute) for minute in range(24 * 60)]
    turns = [at for at in day if walked_at(at)]
    assert [row["order_id"] for at in (*turns, *day[:WALK_EVERY]) for row in views.overdue(at, 10)] == ["ord_1"]
    views.postpone("ord_1", T0, 2, due + timedelta(days=5), 1)
    assert not [row for at in turns for row in views.overdue(at, 10)]
    (row,) = views.overdue(due + timedelta(days=5), 10)
    assert (row["order_id"], row["tries"], row["commit"]) == ("ord_1", 1, 2)
    views.postpone("ord_1", T0, 1, None, 0)  # of a commit that is no longer shown
    assert views.overdue(due + timedelta(days=5), 10)
    views.postpone("ord_1", T0, 2, None, 0)
    assert views.overdue(due + timedelta(days=5), 10) == []


def _work(*, done: bool = False) -> tuple[ev.NodeUnits, ...]:
    return () if done else (ev.NodeUnits(line_id="1", sku="A", node_id="n", quantity=1),)


def test_an_orders_only_work_stands_in_its_row(views: DynamoViews, client: Any) -> None:
    reserved = ev.LinesReserved(units=_work(), fulfillment_orders={"ful_1": "n"}, promised_by=T0)
    views.project(commit("ord_1", 2, reserved, work={"ful_1": ["n", "released"]}, promised_by=T0.isoformat()))
    ((found,), cursor) = views.list_fulfillment_orders("n", "released", 10, "")
    assert (found["fulfillment_order_id"], found["order_id"], found["status"], cursor) == (
        "ful_1",
        "ord_1",
        "released",
        "",
    )
    assert len(client.scan(TableName=TABLE)["Items"]) == 1
    views.project(commit("ord_1", 3, work={"ful_1": ["n", "shipped"]}, stage="shipped"))
    assert views.list_fulfillment_orders("n", "released", 10, "") == ([], "")
    (row,), _ = views.list_orders("all", "", T0 - timedelta(days=1), T0, 10, "")
    assert "fulfillment_order" not in row


def test_work_of_an_order_in_parts_has_rows_of_its_own(views: DynamoViews) -> None:
    first = ev.LinesReserved(units=_work(), fulfillment_orders={"ful_1": "n"}, promised_by=T0)
    views.project(commit("ord_1", 2, first, work={"ful_1": ["n", "released"]}, promised_by=T0.isoformat()))
    second = ev.LinesReserved(units=_work(), fulfillment_orders={"ful_2": "m"}, promised_by=T0)
    both = {"ful_1": ["n", "released"], "ful_2": ["m", "released"]}
    views.project(commit("ord_1", 3, second, work=both, promised_by=T0.isoformat()))
    for node, each in (("n", "ful_1"), ("m", "ful_2")):
        (found,), _ = views.list_fulfillment_orders(node, "released", 10, "")
        assert found["fulfillment_order_id"] == each
    accepted = ev.FulfillmentOrderAccepted(fulfillment_order_id="ful_1")
    views.project(commit("ord_1", 4, accepted, work={**both, "ful_1": ["n", "accepted"]}, promised_by=T0.isoformat()))
    assert views.list_fulfillment_orders("n", "released", 10, "") == ([], "")
    assert len(views.list_fulfillment_orders("n", "accepted", 10, "")[0]) == 1
    assert len(views.list_fulfillment_orders("m", "released", 10, "")[0]) == 1


@pytest.mark.parametrize("cursor", ["x", "!!", "W10", "WyJhIiwgImIiXQ", order_lists.close_cursor("2030-01-01")])
def test_a_cursor_of_somebody_else_is_refused(views: DynamoViews, cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        views.list_orders("all", "", T0 - timedelta(days=1), T0, 10, cursor)
