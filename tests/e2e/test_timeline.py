"""The past stays readable: what was known when, by which cause, and that nobody has changed it since."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from oms.adapters.dynamodb_log import commit_to_item
from oms.domain.commit import GENESIS, Cause, Commit
from oms.domain.stock import MovementKind, StockMoved, StockMovement
from tests.e2e import audit, people
from tests.e2e.support import PERSON

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


def _chain(*quantities: int) -> list[Any]:
    items: list[dict[str, Any]] = []
    for number, quantity in enumerate(quantities, start=1):
        movement = StockMovement(sku="A", node_id="n", kind=MovementKind.RECEIPT, quantity=quantity)
        commit = Commit(
            stream="stock#m",
            number=number,
            command_id=f"cmd_{number}",
            cause=Cause(kind="api", ref="r"),
            at=datetime.fromisoformat("2026-01-01T00:00:00+00:00"),
            events=(StockMoved(movements=(movement,)),),
            previous=items[-1]["h"]["S"] if items else GENESIS,
        )
        items.append(commit_to_item(commit))
    return items


def test_the_audit_finds_a_changed_a_removed_and_a_repeated_commit() -> None:
    sound = _chain(1, 2, 3)
    assert not audit.broken_chains({"stock#m": sound})
    changed = [sound[0], {**sound[1], "ev": {"S": sound[1]["ev"]["S"].replace("2", "9")}}, sound[2]]
    assert audit.broken_chains({"stock#m": changed}) == ["stock#m is broken at commit 2"]
    assert audit.broken_chains({"stock#m": [sound[0], sound[2]]}) == ["stock#m is broken at commit 2"]
    again = _chain(1, 1)
    again[1]["id"] = again[0]["id"]
    assert "stock#m ran a command twice" in audit.broken_chains({"stock#m": again})


def test_the_audit_finds_stock_that_its_history_does_not_explain() -> None:
    streams: dict[str, Any] = {"stock#m": _chain(1, 2)}
    position = {"pk": {"S": "A"}, "sk": {"S": "n#0"}, "on_hand": {"N": "3"}, "available": {"N": "3"}}
    assert not audit.unlike_history(streams, [position])
    assert audit.unlike_history(streams, [])
    assert audit.unlike_history(streams, [position, {**position, "pk": {"S": "B"}}])
    assert len(audit.unlike_history(streams, [{**position, "available": {"N": "2"}}])) == 2


def test_the_audit_finds_a_person_wherever_one_is_named() -> None:
    assert len(people.canaries()) > 40
    for text in (PERSON["email"], PERSON["shipping"]["lines"][0], PERSON["phone"]):  # type: ignore[index]
        assert audit.named_in("a log", [f"order of {text}"])
    assert not audit.named_in("a log", ["order ord_1 of cus_1"])


def test_personal_data_is_in_contacts(oms: Oms) -> None:
    """Else the audit would find nothing for the wrong reason."""
    order_id = oms.place({oms.sku("person"): 1})
    (item,) = [each for each in oms.scan_table("ContactsTable") if each["pk"]["S"] == order_id]
    assert json.loads(item["body"]["S"])["email"] == PERSON["email"]
