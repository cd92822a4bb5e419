"""Stories of returns: asked for by customers and staff, labelled, scanned, received, looked at, settled by people."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.entrypoints import wiring
from tests.proof.sweep.people import EAST, MAIN, pay, place, scan, ship, work

if TYPE_CHECKING:
    from tests.proof.sweep.world import World

_RULES: Final[list[dict[str, Any]]] = [
    {"name": "final", "when": {"categories": ["final"]}, "then": {"returnable": "final_sale"}},
    {
        "name": "faulty",
        "when": {"reasons": ["defective"]},
        "then": {
            "refund_at": "scan",
            "label": "merchant",
            "label_account": "easypost/main",
            "return_node": MAIN,
            "send_within_days": 10,
        },
    },
    {"name": "asked", "when": {"reasons": ["other"]}, "then": {"approve": "ask"}},
    {"name": "all", "then": {"fee": {"amounts": {"EUR": 300}}}},
]


_MUG: Final = {"line_id": "1", "sku": "MUG-01", "quantity": 1}


def returned_with_a_label(w: World) -> None:
    """A customer asks by the link; a label is bought; the first scan pays; a store looks at it. Once each."""
    order_id, token = _delivered(w, {"MUG-01": 2})
    shown = w.get(f"/status/{token}/returns?reason=defective", role="")
    assert [each["returnable"] for each in shown["lines"]] == [2]
    asked = _ask(w, token, "r-1", 2, "defective")
    w.settle()
    known = w.get(f"/status/{token}/returns", role="")["returns"][0]
    assert known["label_url"], known
    scan(w, known["tracking_number"], "02")
    w.settle()
    _inspect(w, asked["return_id"], EAST, _found(2))
    w.settle()
    assert w.get(f"/returns/{asked['return_id']}", role="warehouse")["status"] == "settled"
    assert w.get(f"/orders/{order_id}", role="service")["money"]["refunded"] == 2000
    told = w.schedule("ReportSales", {"day": w.now.date().isoformat()})
    assert told["returns"]["rows"] == 1, told


def returned_in_parts(w: World) -> None:
    """Asked for by staff, received, looked at in two goes; what is damaged a person decides on."""
    order_id, _ = _delivered(w, {"MUG-01": 3})
    path = f"/orders/{order_id}/returns"
    asked = w.post(path, _lines(3, "size"), key="r-1", role="service", status=201)
    return_id = asked["return_id"]
    travels = {"carrier": "DHL", "tracking_number": "BACK1"}
    w.post(f"{path}/{return_id}/label", travels, key="l-1", role="service")
    w.post(f"/returns/{return_id}/receive", {"node_id": EAST}, key="rc-1", role="warehouse")
    _inspect(w, return_id, EAST, _found(1), key="i-1")
    # Its workflow dies before its first step, and the watchdog starts it again.
    w.drain_stream()
    w.executions.clear()
    w.watch(timedelta(minutes=3))
    broken = {**_found(1)[0], "condition": "damaged", "disposition": "refurbish"}
    _inspect(w, return_id, EAST, [broken], key="i-2", last=True)
    w.settle()
    body = {"reason": "scratched", "lines": [{"line_id": "1", "quantity": 1}], "amount": 400}
    w.post(f"{path}/{return_id}/settle", body, key="st-1", role="finance")
    w.settle()
    assert w.get(f"/orders/{order_id}", role="service")["money"]["refunded"] == 700 + 400


def exchanged_and_cancelled(w: World) -> None:
    """The first scan places the same goods again, paid by the return; cancelled, they are paid back to the card."""
    order_id, _ = _delivered(w, {"MUG-01": 2})
    body = {**_lines(1, "defective"), "resolution": "exchange", "wanted": [_MUG]}
    return_id = w.post(f"/orders/{order_id}/returns", body, key="r-1", role="service", status=201)["return_id"]
    w.settle()
    scan(w, w.get(f"/returns/{return_id}", role="service")["tracking_number"], "02")
    w.settle()
    other = w.get(f"/returns/{return_id}", role="service")["replacement"]
    assert (other["amount"], other["placed"]) == (1000, True)
    assert w.get(f"/orders/{order_id}", role="service")["money"]["refunded"] == 1000
    placed = w.get(f"/orders/{other['order_id']}", role="service")
    assert (placed["number"], placed["money"]["captured"]) == ("S-1-R1-X", 1000)
    w.post(f"/orders/{other['order_id']}/cancel", {"reason": "changed"}, key="cx-1", role="service")
    w.settle()
    paid = [(each["amount"], each["status"]) for each in w.get(f"/returns/{return_id}", role="service")["refunds"]]
    assert paid == [(1000, "succeeded")], paid


def returns_that_people_end(w: World) -> None:
    """One is approved by a person and never sent, one rejected, one cancelled."""
    order_id, _ = _delivered(w, {"MUG-01": 3})
    path = f"/orders/{order_id}/returns"
    asked = [
        w.post(path, _lines(1, "other"), key=f"r-{number}", role="service", status=201)["return_id"]
        for number in range(3)
    ]
    w.post(f"{path}/{asked[0]}/approve", key="a-1", role="service")
    w.post(f"{path}/{asked[1]}/reject", {"reason": "worn"}, key="x-1", role="service")
    w.post(f"{path}/{asked[2]}/cancel", {"reason": "kept"}, key="c-1", role="service")
    w.settle()
    w.watch(timedelta(days=31))
    stands = [w.get(f"/returns/{each}", role="service")["status"] for each in asked]
    assert stands == ["expired", "rejected", "cancelled"], stands


def goods_that_nobody_announced(w: World) -> None:
    """A parcel is found by the order's number, another by its own number, and one by nothing until somebody calls."""
    order_id, _ = _delivered(w, {"MUG-01": 3})
    arrival = {"node_id": EAST, **_lines(1, "size")}
    del arrival["resolution"]
    made = w.post("/returns/arrivals", {**arrival, "order_number": "S-1"}, key="ar-1", role="warehouse", status=201)
    _inspect(w, made["return_id"], EAST, _found(1), key="i-1")
    told = w.post("/returns/arrivals", {"node_id": EAST, "tracking_number": "EZ1"}, key="ar-2", role="warehouse")
    assert told == {"candidates": [order_id]}
    seen = {"node_id": EAST, "serial": "NOBODYS", "sku": "MUG-01"}
    waits = w.post("/returns/arrivals", seen, key="ar-3", role="warehouse", status=202)["unmatched"]
    assert [each["kind"] for each in w.get("/alerts")["alerts"]] == ["return_unmatched"]
    assert [each["unmatched_id"] for each in w.get("/returns/unmatched")["unmatched"]] == [waits["unmatched_id"]]
    body = {"order_id": order_id, "lines": arrival["lines"]}
    path = f"/returns/unmatched/{waits['unmatched_id']}/match"
    made = w.post(path, body, key="m-1", role="warehouse", status=201)
    assert w.get("/returns/unmatched")["unmatched"] == []
    _inspect(w, made["return_id"], EAST, _found(1), key="i-2")
    w.settle()


def _delivered(w: World, lines: dict[str, int]) -> tuple[str, str]:
    """An order that was paid, shipped and delivered, under the rules above; its id, and its customer's link."""
    w.product(*lines)
    w.cloud.enter("manage_stock", w.patch)
    node = {"node_id": MAIN, "name": "Berlin", "country": "DE", "city": "Berlin", "street": "Lagerstr. 1"}
    wiring.reference().put("node", MAIN, {**node, "latitude": 52.5, "longitude": 13.4})
    body = {"expected_version": 0, "document": {"rules": _RULES}}
    reply = w.http("PUT", "/policies/returns", body, role="admin", key="rules")
    assert reply.status in (200, 201), reply
    assert w.get("/policies/returns", role="service")["version"] == 1
    w.receive("opening", MUG_01=(MAIN, 9))
    order_id = place(w, "s-1", lines, pay(w, 1000 * sum(lines.values())))
    w.settle()
    ship(w, work(w, MAIN), "EZ1")
    scan(w, "EZ1", "04")
    w.settle()
    link = w.post(f"/orders/{order_id}/status-link", key="link", role="service")
    return order_id, link["path"].removeprefix("/status/")


def _lines(units: int, reason: str) -> dict[str, Any]:
    return {"lines": [{"line_id": "1", "quantity": units, "reason": reason}], "resolution": "refund"}


def _ask(w: World, token: str, key: str, units: int, reason: str) -> dict[str, Any]:
    asked: dict[str, Any] = w.post(f"/status/{token}/returns", _lines(units, reason), key=key, role="", status=201)
    return asked


def _found(units: int) -> list[dict[str, Any]]:
    return [{"line_id": "1", "quantity": units, "disposition": "restock"}]


def _inspect(w: World, return_id: str, node: str, lines: list[dict[str, Any]], key: str = "i-1", **more: Any) -> None:
    body = {"node_id": node, "lines": lines, **more}
    w.post(f"/returns/{return_id}/inspect", body, key=key, role="warehouse")
