"""Stories of orders that are edited after they were placed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import wiring
from tests.proof.sweep.people import MAIN, pay, place, ship, spread, work

if TYPE_CHECKING:
    from tests.proof.sweep.world import World

_MUNICH = {"country": "DE", "region": "BY", "postal_code": "80331", "latitude": 48.14, "longitude": 11.57}
_ADDRESS = {"name": "Mara Lind", "lines": ["Musterplatz 3"], "city": "München", "postal_code": "80331", "country": "DE"}


def order_edited(w: World) -> None:
    """A card order gets something cheaper, and another address."""
    order_id = _card_order(w)
    swap: dict[str, Any] = {
        "add": [{"sku": "LAMP-OAK", "quantity": 1}],
        "remove": [{"line_id": "1", "quantity": 1}],
        "ship_to": _MUNICH,
        "address": _ADDRESS,
        "reason": "called",
    }
    told = _preview(w, order_id, swap)
    assert told["money"]["total"] == {"before": 2000, "after": 1800, "change": -200}, told
    assert told["stock"]["complete"], told
    edited = w.post(f"/orders/{order_id}/edits", {**swap, "basis": told["basis"]}, key="swap", role="service")
    assert (edited["total"], edited["stage"]) == (1800, "released"), edited
    late = w.http("POST", f"/orders/{order_id}/edits", {**swap, "basis": told["basis"]}, key="late", role="service")
    assert (late.status, late.document["code"], late.document["changed"]) == (409, "edit_outdated", "order"), late
    w.settle()
    each = work(w, MAIN)
    assert each["deliver_to"]["city"] == "München", each
    ship(w, each, "EZ1")
    w.settle()
    for number in range(2, 4):
        rows = w.get(f"/fulfillment-orders?node={MAIN}", role="warehouse")["fulfillment_orders"]
        if rows:
            ship(w, work(w, MAIN), f"EZ{number}")
            w.settle()
    money = w.get(f"/orders/{order_id}")["money"]
    assert money["captured"] == money["chargeable"] == 1800, money


def _card_order(w: World) -> str:
    """Two mugs, paid and bound; there are lamps on the shelf, and shirts to come."""
    w.product("MUG-01", "LAMP-OAK", "TEE-BLK-M")
    w.cloud.enter("manage_stock", w.patch)
    for sku, price in {"MUG-01": 1000, "LAMP-OAK": 800, "TEE-BLK-M": 700}.items():
        wiring.reference().put("product", sku, {"sku": sku, "list_prices": {"EUR": price}})
    w.receive("opening", MUG_01=(MAIN, 5), LAMP_OAK=(MAIN, 40))
    supply = {"supply_id": "PO-1", "kind": "expected", "sku": "TEE-BLK-M", "node_id": MAIN, "quantity": 3}
    w.post("/stock/inbound", {**supply, "due": "2026-12-09T08:00:00Z"}, key="PO-1", role="warehouse", status=201)
    spread(w, "LAMP-OAK")
    order_id = place(w, "s-1", {"MUG-01": 2}, pay(w, 2000))
    w.settle()
    return order_id


def edit_at_a_busy_node(w: World) -> None:
    """Nobody has asked yet from where an unpaid order would come: its edit is the first to look at a node's day."""
    w.product("MUG-01", "LAMP-OAK")
    w.cloud.enter("manage_stock", w.patch)
    wiring.reference().put("product", "LAMP-OAK", {"sku": "LAMP-OAK", "list_prices": {"EUR": 1000}})
    row = {"node_id": MAIN, "country": "DE", "latitude": 50.1, "longitude": 8.9, "daily_orders": 9}
    wiring.reference().put("node", MAIN, row)
    wiring.reference().keep_network()
    order_id = place(w, "s-1", {"MUG-01": 2}, {"provider": "in_channel", "state": "pending", "captured": 0})
    w.settle()
    version = w.get(f"/orders/{order_id}")["version"]
    swap = {"add": [{"sku": "LAMP-OAK", "quantity": 1}], "remove": [{"line_id": "1", "quantity": 1}]}
    told = _preview(w, order_id, swap)
    assert (told["money"]["total"]["change"], told["stock"]["complete"]) == (0, False), told
    dearer = w.http("POST", f"/orders/{order_id}/edits/preview", {"add": swap["add"]}, role="service")
    assert (dearer.status, dearer.document["code"]) == (409, "edit_in_channel"), dearer
    assert w.get(f"/orders/{order_id}")["version"] == version


def _preview(w: World, order_id: str, asked: dict[str, Any]) -> Any:
    reply = w.http("POST", f"/orders/{order_id}/edits/preview", asked, role="service")
    assert reply.status == 200, reply
    return reply.document


def edit_that_is_short(w: World) -> None:
    """More than was paid, of which nobody has any: refused, unless it may wait; and then taken off again."""
    order_id = _card_order(w)
    more: dict[str, Any] = {"add": [{"sku": "TEE-BLK-M", "quantity": 2}]}
    told = _preview(w, order_id, more)
    assert [part["quantity"] for part in told["stock"]["short"]] == [2], told
    assert told["money"]["payment"]["to_authorize"] == 1400, told
    path, basis = f"/orders/{order_id}/edits", told["basis"]
    refused = w.http("POST", path, {**more, "basis": basis}, key="more", role="service")
    assert (refused.status, refused.document["code"]) == (409, "insufficient_stock"), refused
    waits = {**more, "allow_backorder": True}
    known = w.get(f"/orders/{order_id}")["version"]
    edited = w.post(path, {**waits, "basis": basis}, key="waits", role="service")
    assert [hold["kind"] for hold in edited["holds"] if hold["active"]] == ["payment_due"], edited
    assert edited["version"] == known + 1
    line = edited["lines"][-1]["line_id"]
    less: dict[str, Any] = {"remove": [{"line_id": line, "quantity": 2}]}
    told = _preview(w, order_id, less)
    edited = w.post(path, {**less, "basis": told["basis"]}, key="less", role="service")
    assert not any(hold["active"] for hold in edited["holds"]), edited
