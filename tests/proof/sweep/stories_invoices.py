"""Stories of bookkeeping: what is sold is invoiced, what is given back credited, each under one number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.entities import POLICY
from oms.entrypoints import wiring
from tests.proof.sweep.people import MAIN, pay, place, ship, work

if TYPE_CHECKING:
    from tests.proof.sweep.world import World

SELLER = {"entity_id": "main", "series": "INV", "name": "Laden GmbH", "country": "DE", "tax_ids": ["VAT DE123456789"]}


def invoiced_and_credited(w: World) -> None:
    """An order is shipped before anybody sells it, then refunded in part: both documents, and none twice by hand."""
    w.cloud.names["Invoicing"] = "true"
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 9))
    payment = pay(w, 2000)
    first = place(w, "i-1", {"MUG-01": 2}, payment)
    w.settle()
    ship(w, work(w, MAIN), "EZ-I1")
    w.settle()
    assert w.get(f"/orders/{first}/invoices", role="finance")["invoices"] == [], "nobody sells it yet"
    w.cloud.enter("manage_stock", w.patch)
    wiring.reference().put("policy", POLICY, {"rules": [SELLER]})
    asked = {"amount": 700, "currency": "EUR", "reason": "scratched"}
    w.post(f"/orders/{first}/refunds", asked, key="ref", role="service", status=201)
    w.settle()
    listed = w.get(f"/orders/{first}/invoices", role="finance")["invoices"]
    assert [(each["number"][-6:], each["kind"], each["gross"]) for each in listed] == [
        ("000001", "invoice", 2000),
        ("000002", "credit_note", 700),
    ]
    shown = w.get(f"/invoices/{listed[1]['number']}", role="finance")
    assert shown["amends"] == [listed[0]["number"]]
    again = w.http("POST", f"/orders/{first}/invoices", None, role="finance")
    assert (again.status, again.document["invoices"]) == (200, listed)
