"""Two customers and one order: the functions as they are, over moto, while both come at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.proof.invariants import check
from tests.proof.sweep.duels import meanwhile
from tests.proof.sweep.evidence import evidence
from tests.proof.sweep.people import EAST, OTHER_EMAIL
from tests.proof.sweep.world import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proof.sweep.tap import Call
    from tests.proof.sweep.world import World

SINCE: Final = "since=2026-11-01T00:00:00Z&until=2026-12-30T00:00:00Z"
FIRST_EMAIL: Final = "maya.okafor@example.com"


@pytest.fixture
def w() -> Iterator[World]:
    """A shop with goods; at the end nothing is lost, doubled or left standing."""
    with world() as made:
        made.product("TEE-BLK-M", "MUG-01")
        made.receive("opening", TEE_BLK_M=(EAST, 5), MUG_01=(EAST, 5))
        made.settle()
        yield made
        made.settle()
        assert check(evidence(made)) == []


@pytest.mark.parametrize("newer_first", [False, True])
def test_two_first_snapshots_at_once_with_two_addresses_leave_one_contact(w: World, *, newer_first: bool) -> None:
    """The second does all that it does when the first is about to append."""
    older: dict[str, Any] = {"id": 9001, "updated_at": "2026-11-24T22:00:00Z"}
    newer = {**older, "updated_at": "2026-11-24T23:00:00Z", "email": OTHER_EMAIL}
    loser, winner = (newer, older) if newer_first else (older, newer)

    met: list[Call] = []

    def come_between() -> None:
        w.deliver("shopify", "01", **winner)
        w.drain()

    def interrupt(call: Call) -> None:
        appends = call.operation == "PutItem" and call.asked["TableName"] == w.cloud.names["EventsTable"]
        if call.function == "TakeOrders" and appends and not met:
            met.append(call)
            meanwhile(w, come_between)

    w.tap.before_call = interrupt
    w.deliver("shopify", "01", **loser)
    w.settle()
    assert met
    (row,) = w.get(f"/orders?channel=shopify&{SINCE}")["orders"]
    order = w.get(f"/orders/{row['order_id']}")
    (kept,) = [each for each in w.cloud.items("ContactsTable") if "body" in each]
    assert kept["pk"]["S"] == order["customer_id"]
    assert json.loads(kept["body"]["S"])["email"] == OTHER_EMAIL
    customers = {each["pk"]["S"] for each in w.cloud.items("ContactsTable")}
    assert len(customers) == 2
    for customer in customers:
        found = w.get(f"/orders?customer={customer}&{SINCE}")["orders"]
        assert len(found) == (customer == order["customer_id"])
    asked = {"number": order["number"], "email": OTHER_EMAIL}
    assert w.http("POST", "/status/lookup", asked, role="").status == 200
    assert w.http("POST", "/status/lookup", {**asked, "email": FIRST_EMAIL}, role="").status == 404
    (work_id,) = [each["fulfillment_order_id"] for each in order["fulfillment_orders"]]
    assert w.get(f"/fulfillment-orders/{work_id}", role="warehouse")["deliver_to"]


def test_an_order_moves_to_no_other_customer_and_its_guest_is_asked_for_the_newest_address(w: World) -> None:
    w.deliver("shopify", "01")
    w.deliver("shopify", "06", email=OTHER_EMAIL)
    w.settle()
    (row,) = w.get(f"/orders?channel=shopify&{SINCE}")["orders"]
    order = w.get(f"/orders/{row['order_id']}")
    (kept,) = w.cloud.items("ContactsTable")
    assert kept["pk"]["S"] == order["customer_id"]
    assert [each["order_id"] for each in w.get(f"/orders?customer={order['customer_id']}&{SINCE}")["orders"]] == [
        row["order_id"]
    ]
    asked = {"number": order["number"], "email": OTHER_EMAIL}
    assert w.http("POST", "/status/lookup", asked, role="").status == 200
    for wrong in ({"email": FIRST_EMAIL}, {"number": "#0"}):
        before = len(w.tap.calls)
        assert w.http("POST", "/status/lookup", {**asked, **wrong}, role="").status == 404
        reads = [each for each in w.tap.calls[before:] if each.asked.get("TableName") == w.cloud.names["ContactsTable"]]
        assert [each.operation for each in reads] == ["GetItem"]
