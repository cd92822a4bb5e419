"""Stories of looking: lists, pages, reports, status links; they change little, and nothing twice."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from moto.dynamodb.models.dynamo_type import DynamoType

from oms.entrypoints import wiring
from tests.proof.sweep import stores
from tests.proof.sweep.people import EAST, FORM, MAIN, Api, Console, hold, parked, place, scan, ship, site, spread, work

if TYPE_CHECKING:
    from tests.proof.sweep.world import World

TALK = {"host": "localhost", "content-type": "application/json", "accept": "application/json"}
TODAY = "since=2026-11-25T00:00:00Z&until=2026-11-25T12:00:00Z"


def _shop(w: World) -> str:
    """A shop with one order shipped, one on hold, one alert and one input in quarantine."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    order_id = place(w, "s-1", {"MUG-01": 1})
    w.settle()
    ship(w, work(w, MAIN), "EZ1")
    w.settle()
    scan(w, "EZ1", "02")
    scan(w, "EZ1", "02", id="evt_more")
    w.deliver("shopify", "11")
    place(w, "s-2", {"MUG-01": 1})
    hold(w, site("s-2"), "hold")
    w.settle()
    w.watch(timedelta(days=9))
    return order_id


def read_by_api(w: World) -> None:
    """Everything that can be read."""
    order_id = _shop(w)
    customer = w.get(f"/orders/{order_id}")["customer_id"]
    found = ("status=shipped", "status=on_hold", "channel=site", f"customer={customer}", "sku=MUG-01", "number=S-1")
    for query in (*found, "tracking=EZ1"):
        assert w.get(f"/orders?{query}&{TODAY}")["orders"], query
    assert w.get(f"/orders/{order_id}/timeline")["facts"]
    assert w.get("/alerts")["alerts"]
    assert w.schedule("ReportSales", {"day": "2026-11-25"})["rows"] == 1
    assert w.get("/reports/sales", role="finance")["sales"]
    w.get("/stock/MUG-01")
    (parked_id,) = parked(w)
    assert w.get(f"/quarantine/{parked_id}", role="service")["code"]
    assert Api(w).replay(parked_id) == 422


def read_at_the_console(w: World) -> None:
    """Every page of the console, and its forms."""
    order_id = _shop(w)
    console = Console(w)
    assert w.http("GET", "/console/login", role="").status == 200
    (parked_id,) = parked(w)
    customer = w.get(f"/orders/{order_id}")["customer_id"]
    pages = (
        "orders",
        f"orders?status=shipped&{TODAY}",
        f"orders?customer={customer}&{TODAY}",
        f"orders?number=1001&{TODAY}",
        f"orders/{order_id}",
        "alerts",
        "quarantine",
        f"quarantine/{parked_id}",
    )
    for page in pages:
        console.page(f"/console/{page}")
    held = site("s-2")
    (hold_id,) = [each["hold_id"] for each in w.get(f"/orders/{held}")["holds"]]
    release = f"/console/orders/{held}/holds/{hold_id}/release"
    assert console.submit(f"/console/orders/{held}", release) == 303
    w.settle()
    assert console.replay(parked_id) == 422
    assert w.http("POST", "/console/logout", headers={**FORM, "cookie": console.cookie}, role="").status == 303


def customer_looks(w: World) -> None:
    """Where is my order: by link, by number and address, with the wrong address, and by an assistant."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    order_id = place(w, "s-1", {"MUG-01": 1})
    w.settle()
    link = w.post(f"/orders/{order_id}/status-link", key="link", role="shop")
    assert w.http("GET", link["path"], role="").status == 200
    assert w.http("GET", "/status", role="").status == 200
    asked = {"number": "S-1", "email": "mara.lind@example.com"}
    found = w.http("POST", "/status/lookup", asked, role="")
    assert w.http("GET", found.document["path"], role="").status == 200
    assert w.http("POST", "/status/lookup", {**asked, "email": "nobody@example.com"}, role="").status == 404
    page = w.http("POST", "/status/lookup", headers=FORM, body=urlencode(asked).encode(), role="")
    assert page.status == 303
    looked_up = _assistant(w, "look_up_order", **asked)
    assert looked_up["order"]["number"] == "S-1"
    assert _assistant(w, "track_parcels", token=looked_up["token"])["parcels"] == []


def _assistant(w: World, tool: str, **arguments: str) -> Any:
    """What a tool answers."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    reply = w.http("POST", "/mcp", message, headers=TALK, role="")
    assert reply.status == 200, reply
    return reply.document["result"]["structuredContent"]


def stock_moves(w: World) -> None:
    """Goods come in, are counted, damaged, written off and set aside; one key comes with two bodies."""
    w.product("MUG-01", "LAMP-OAK")
    w.receive("opening", MUG_01=(MAIN, 9), LAMP_OAK=(MAIN, 9))
    for kind, quantity in (("adjustment", -1), ("damage", 2), ("write_off", 1), ("safety", 2)):
        movement = {"sku": "MUG-01", "node_id": MAIN, "kind": kind, "quantity": quantity}
        w.post("/stock/movements", {"movements": [movement]}, key=kind, role="warehouse", status=201)
    other = {"movements": [{"sku": "MUG-01", "node_id": MAIN, "kind": "receipt", "quantity": 5}]}
    reused = w.http("POST", "/stock/movements", other, key="damage", role="warehouse")
    assert reused.status == 422, reused
    w.settle()
    w.get("/stock/MUG-01")


def stock_is_counted(w: World) -> None:
    """Units travel between nodes; a count finds fewer than an order has bound, and a second one finds them."""
    w.product("MUG-01", "LAMP-OAK")
    w.receive("opening", MUG_01=(MAIN, 9), LAMP_OAK=(MAIN, 3))
    place(w, "s-1", {"MUG-01": 4})
    w.settle()
    out = {"sku": "MUG-01", "node_id": MAIN, "kind": "transfer_out", "quantity": 3, "to_node_id": EAST}
    arrived = {"sku": "MUG-01", "node_id": EAST, "kind": "transfer_in", "quantity": 2, "into": "qc"}
    lost = {"sku": "MUG-01", "node_id": EAST, "kind": "transfer_loss", "quantity": 1, "code": "lost"}
    for key, movements in (("out", [out]), ("arrived", [arrived, lost])):
        w.post("/stock/movements", {"movements": movements}, key=key, role="warehouse", status=201)
    few = {"counts": [{"sku": "MUG-01", "node_id": MAIN, "counted": 3, "code": "cycle"}]}
    (told,) = w.post("/stock/counts", few, key="few", role="warehouse", status=201)["counts"]
    assert (told["missing"], told["look_at_node"]) == (1, MAIN), told
    w.settle()
    assert [each["kind"] for each in w.get("/alerts")["alerts"]] == ["stock_missing"]
    asked = {"skus": ["MUG-01", "LAMP-OAK"]}
    shown = w.http("POST", "/availability", asked, role="shop").document["availability"]
    assert [each["available"] for each in shown] == [0, 3]
    seen = {"on_hand": 4, "counts": 1}
    found = {"counts": [{"sku": "MUG-01", "node_id": MAIN, "counted": 6, "seen": seen}]}
    w.post("/stock/counts", found, key="found", role="warehouse", status=201)
    late = w.http("POST", "/stock/counts", found, key="late", role="warehouse")
    assert (late.status, late.document["code"]) == (409, "count_outdated"), late
    w.settle()
    assert w.get("/stock/MUG-01")["available"] == 2


def supply_is_expected(w: World) -> None:
    """Forty are due and come later, in two parts; of another supply nothing comes."""
    w.product("MUG-01")

    def tell(key: str, **told: Any) -> dict[str, Any]:
        body = {"supply_id": "PO-1", **told}
        lot: dict[str, Any] = w.post("/stock/inbound", body, key=key, role="warehouse", status=201)
        return lot

    due: dict[str, Any] = {"kind": "expected", "sku": "MUG-01", "node_id": MAIN, "due": "2026-12-09T08:00:00Z"}
    tell("expected", **due, quantity=40)
    tell("other", **due, supply_id="PO-2", quantity=5)
    tell("later", kind="changed", due="2026-12-16T08:00:00Z")
    tell("none", supply_id="PO-2", kind="cancelled")
    assert tell("part", kind="received", quantity=25, into="qc")["quantity"] == 15
    (lot,) = w.get("/stock/MUG-01")["inbound"]
    assert (lot["supply_id"], lot["quantity"], lot["due"]) == ("PO-1", 15, "2026-12-16T08:00:00+00:00")
    assert tell("rest", kind="received", quantity=15)["status"] == "received"
    more = {"supply_id": "PO-1", "kind": "received", "quantity": 1}
    late = w.http("POST", "/stock/inbound", more, key="more", role="warehouse")
    assert (late.status, late.document["code"]) == (409, "invalid_transition"), late
    w.settle()
    shown = w.get("/stock/MUG-01")
    assert (shown["available"], shown["positions"][0]["qc"], shown["inbound"]) == (15, 25, [])


def dates_of_backorders(w: World) -> None:
    """A cart is asked for, its order waits for supply; the supply comes later, and the customer is told once."""
    w.product("MUG-01", "LAMP-OAK")
    w.cloud.enter("manage_stock", w.patch)
    row = {"node_id": MAIN, "country": "DE", "latitude": 50.1, "longitude": 8.9, "daily_orders": 9}
    wiring.reference().put("node", MAIN, row)
    wiring.reference().keep_network()
    w.receive("opening", LAMP_OAK=(MAIN, 40))
    rest = {"name": "rest", "when": {}, "then": {"policy": "cheapest"}, "after": {"short": "backorder"}}
    assert _save(w, "one", 0, rest).status in (200, 201)

    def tell(key: str, **told: Any) -> None:
        w.post("/stock/inbound", {"supply_id": "PO-1", **told}, key=key, role="warehouse", status=201)
        w.settle()
        w.watch(timedelta(minutes=61))  # whom a fault kept from looking at once

    due: dict[str, Any] = {"sku": "MUG-01", "node_id": MAIN, "due": "2026-12-09T08:00:00Z"}
    tell("expected", kind="expected", quantity=3, **due)
    cart: dict[str, Any] = {
        "lines": [{"sku": "MUG-01", "quantity": 2}, {"sku": "LAMP-OAK", "quantity": 1}],
        "ship_to": {"country": "DE", "postal_code": "10115", "latitude": 52.53, "longitude": 13.38},
        "currency": "EUR",
    }
    spread(w, "LAMP-OAK")
    asked = w.http("POST", "/promises", cart, role="shop")
    (option,) = asked.document["options"]
    assert "cost" not in option, option
    order_id = place(w, "s-1", {"MUG-01": 2, "LAMP-OAK": 1})
    w.settle()
    told = w.get(f"/orders/{order_id}")
    (waits,) = [each["expected_at"] for each in told["lines"] if each["sku"] == "MUG-01"]
    assert (told["promised_by"][:10], waits) == (option["delivered_by"][:10], option["short"][0]["expected_at"]), told
    again = w.http("POST", "/promises", {**cart, "lines": cart["lines"][:1]}, role="service").document["options"][0]
    assert (again["short"][0]["expected_at"], again["cost"]) == (None, 0), again
    tell("later", kind="changed", due="2026-12-16T08:00:00Z")
    moved = [each for each in w.get(f"/orders/{order_id}/timeline")["commits"] if "PromiseDateMoved" in str(each)]
    assert len(moved) == 1, moved
    tell("come", kind="received", quantity=3)
    assert w.get(f"/orders/{order_id}")["fulfillment_status"] == "allocated"


def stock_is_held(w: World) -> None:
    """A quote becomes an order, which needs less than was held; a basket is given up, and another one forgotten."""
    w.product("MUG-01", "LAMP-OAK")
    w.receive("opening", MUG_01=(MAIN, 5), LAMP_OAK=(MAIN, 1))

    def held(key: str, ttl_s: int, lines: list[dict[str, Any]], **more: Any) -> str:
        body = {"ttl_s": ttl_s, "lines": lines, **more}
        return str(w.post("/stock/holds", body, key=key, role="shop", status=201)["hold_id"])

    mug = {"sku": "MUG-01", "quantity": 2}
    quote = held("quote", 2_592_000, [mug, {"sku": "LAMP-OAK", "quantity": 1}], kind="quote")
    basket = held("basket", 7200, [{**mug, "node_id": MAIN}])
    forgotten = held("forgotten", 3600, [{**mug, "quantity": 1}])
    late = w.http("POST", "/stock/holds", {"ttl_s": 60, "lines": [mug]}, key="late", role="shop")
    assert (late.status, late.document["code"], late.document["skus"]) == (409, "insufficient_stock", ["MUG-01"]), late
    place(w, "s-1", {"MUG-01": 2}, hold_id=quote)
    w.post(f"/stock/holds/{basket}/release", key="give-up", role="shop")
    w.settle()
    assert w.get("/stock/LAMP-OAK")["available"] == 1
    w.now += timedelta(hours=2)
    assert w.get(f"/stock/holds/{forgotten}")["status"] == "expired"
    w.schedule("RedriveOverdue")
    w.settle()
    shown = [w.get(f"/stock/holds/{each}")["status"] for each in (quote, basket, forgotten)]
    assert shown == ["claimed", "released", "expired"], shown
    position = w.get("/stock/MUG-01")["positions"][0]
    assert (position["available"], position["reserved"]) == (3, 2), position
    again = held("quick", 600, [{**mug, "quantity": 3}])
    longer = w.post(f"/stock/holds/{again}/extend", {"ttl_s": 1800}, key="longer", role="shop")
    assert longer["status"] == "open", longer


def nightly_report(w: World) -> None:
    """Yesterday's sales, twice, by the schedule."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    place(w, "s-1", {"MUG-01": 2})
    w.settle()
    w.now += timedelta(days=1)
    for _ in range(2):
        w.schedule("ReportSales")


def stock_is_proved(w: World) -> None:
    """Every night; then a row and a commit are tampered with, which is found piece by piece, and both are put back."""
    w.product("MUG-01", "LAMP-OAK")
    w.receive("opening", MUG_01=(MAIN, 5), LAMP_OAK=(MAIN, 5))
    place(w, "s-1", {"MUG-01": 2})
    w.settle()
    ship(w, work(w, MAIN), "EZ1")
    w.settle()
    w.schedule("ReconcileStock")
    w.now += timedelta(days=1)
    row = stores.tamper(w.cloud.names["StockTable"], lambda item: item["pk"]["S"] == "LAMP-OAK", _one_more)
    commit = stores.tamper(w.cloud.names["EventsTable"], lambda item: item["sk"]["S"] == "c#00000002", None)
    w.left_ms = 0
    state = w.schedule("ReconcileStock")["state"]
    for _ in range(20):
        if state != "unfinished":
            break
        state = w.schedule("ReconcileStock", {"continue": True})["state"]
    w.left_ms = 900_000
    row()
    commit()
    w.settle()
    w.now += timedelta(days=1)
    w.schedule("ReconcileStock")
    rows = [json.loads(item["row"]["S"]) for item in w.cloud.items("ViewsTable") if item["pk"]["S"] == "reconciliation"]
    assert [(row["drift"], row["broken"]) for row in rows] == [(0, 0), (2, 1), (0, 0)]


def _one_more(row: dict[str, Any]) -> None:
    row["on_hand"] = DynamoType({"N": str(int(row["on_hand"].value) + 1)})


def rules_of_sourcing(w: World) -> None:
    """Rules are saved, refused and rolled back; orders split, wait until they are cancelled, or go before a person."""
    w.product("MUG-01", "LAMP-OAK")
    w.cloud.enter("manage_stock", w.patch)
    row = {"node_id": MAIN, "country": "DE", "latitude": 50.1, "longitude": 8.9, "daily_orders": 2, "per_parcel": 90}
    wiring.reference().put("node", MAIN, row)
    wiring.reference().keep_network()
    w.receive("opening", MUG_01=(MAIN, 2))
    lamps = {
        "name": "lamps",
        "when": {"skus": ["LAMP-OAK"]},
        "then": {"policy": "nearest"},
        "after": {"short": "person"},
    }
    after = {"short": "split", "cancel_after_days": 2}
    rest = {"name": "rest", "when": {}, "then": {"policy": "cheapest"}, "after": after}
    saved = _save(w, "one", 0, lamps, {**rest, "after": {"short": "backorder"}})
    assert (saved.status, saved.document["version"]) in ((201, 1), (200, 1)), saved
    assert _save(w, "two", 1, lamps, rest).document["version"] == 2
    late = _save(w, "late", 1, rest)
    assert (late.status, late.document["code"]) == (409, "policy_outdated"), late
    refused = _save(w, "bad", 2, rest, lamps)
    assert [each["rules"] for each in refused.document["problems"]] == [["lamps", "rest"], ["lamps"]], refused
    waits = place(w, "s-1", {"MUG-01": 3})
    asks = place(w, "s-2", {"LAMP-OAK": 1})
    w.settle()
    shown = w.get(f"/orders/{waits}")
    assert shown["lines"][0]["units"] == {"allocated": 2, "backordered": 1}, shown["lines"]
    assert [each["kind"] for each in w.get(f"/orders/{asks}")["holds"]] == ["sourcing"]
    for order_id, rule in ((waits, "rest"), (asks, "lamps")):
        (told,) = w.get(f"/orders/{order_id}/decision")["decisions"]
        assert (told["recomputed"], told["decision"]["rule"], told["decision"]["rules"]) == ("same", rule, 2), told
    back = w.post("/policies/sourcing/rollback", {"expected_version": 2, "to_version": 1}, key="back", status=201)
    assert (back["version"], back["rolled_back_to"]) == (3, 1)
    assert w.get("/policies/sourcing")["document"] == w.get("/policies/sourcing?version=1")["document"]
    assert [each["version"] for each in w.get("/policies/sourcing/versions?limit=2")["versions"]] == [3, 2]
    w.watch(timedelta(days=2))
    assert w.get(f"/orders/{waits}")["lines"][0]["units"] == {"allocated": 2, "cancelled": 1}


def _save(w: World, key: str, expected: int, *rules: Any) -> Any:
    body = {"expected_version": expected, "document": {"rules": list(rules)}}
    return w.http("PUT", "/policies/sourcing", body, key=key)
