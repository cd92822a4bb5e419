"""The past stays readable: what was known when, by which cause, and that nobody has changed it since."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.e2e import people
from tests.e2e.support import PERSON
from tests.proof.invariants.privacy import named

if TYPE_CHECKING:
    from tests.e2e.support import Oms


def _after(commit: dict[str, Any], seconds: float = 0) -> str:
    at = datetime.fromisoformat(commit["at"]) + timedelta(seconds=seconds)
    return at.isoformat().replace("+", "%2B")


def test_an_order_is_shown_as_it_was_known_at_an_instant(oms: Oms) -> None:
    order = oms.place_released({oms.sku("past", us_east=5): 2})
    order_id = order["order_id"]
    oms.ship(order["fulfillment_orders"][0])
    now = oms.until(order_id, stage="shipped")
    placed, promised, shipped = oms.commits(order_id)
    assert oms.order(order_id, _after(placed, -0.001)) == {}
    assert (
        oms.order(order_id, _after(placed))["stage"],
        oms.order(order_id, _after(promised, -0.000001))["stage"],
    ) == (
        "placed",
        "placed",
    )
    then = oms.order(order_id, _after(promised))
    assert (then["stage"], then["lines"][0]["units"], then["parcels"]) == ("released", {"allocated": 2}, [])
    assert {**oms.order(order_id, _after(shipped)), "version": 0} == {**now, "version": 0}


def test_every_commit_names_its_cause(oms: Oms) -> None:
    key = oms.unique("cause")
    order = oms.place_released({oms.sku("cause", us_east=5): 1})
    oms.post(f"/orders/{order['order_id']}/cancel", {"reason": "second thoughts"}, "service", key)
    causes = [commit["cause"] for commit in oms.commits(order["order_id"])]
    assert [(each["kind"], each["actor"]) for each in causes] == [
        ("api", "shop"),
        ("workflow", "promise"),
        ("api", "service"),
    ]
    assert causes[2]["ref"].endswith(key)
    decision = oms.events(order["order_id"], "LinesReserved")[0]["decision"]
    assert (decision["chosen"], decision["policy"]) == (["us-east"], "nearest-complete/1")
    assert {each["node"]: each["has_all"] for each in decision["candidates"]}["us-east"] is True


def test_the_audit_finds_a_person_wherever_one_is_named() -> None:
    assert len(people.canaries()) > 40
    for text in (PERSON["email"], PERSON["shipping"]["lines"][0], PERSON["phone"]):  # type: ignore[index]
        assert list(named("a log", [f"order of {text}"], people.canaries()))
    assert not list(named("a log", ["order ord_1 of cus_1"], people.canaries()))


def test_personal_data_is_in_contacts(oms: Oms) -> None:
    """Else the audit would find nothing for the wrong reason."""
    order_id = oms.place({oms.sku("person"): 1})
    (item,) = [each for each in oms.scan_table("ContactsTable") if each["sk"]["S"].endswith(f"#{order_id}")]
    assert item["pk"]["S"] == oms.order(order_id)["customer_id"]
    assert json.loads(item["body"]["S"])["email"] == PERSON["email"]
