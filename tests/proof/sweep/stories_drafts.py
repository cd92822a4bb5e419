"""Stories of sales representatives: drafts, who agrees to their prices, and the orders that they become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import wiring
from tests.proof.sweep.people import BERLIN, MAIN, SHOPPER, place

if TYPE_CHECKING:
    from tests.proof.sweep.world import World


def _offer(number: str, price: int) -> dict[str, Any]:
    return {
        "number": number,
        "currency": "EUR",
        "lines": [{"sku": "MUG-01", "quantity": 2, "unit_price": price}],
        "total": 2 * price,
        "ship_to": BERLIN,
        "contact": SHOPPER,
        "payment": {"provider": "in_channel", "state": "paid", "captured": 2 * price},
    }


def offer_approved_and_placed(w: World) -> None:
    """A price that needs consent: rejected, saved again, approved, placed; another draft is discarded."""
    w.product("MUG-01")
    wiring.reference().put("product", "MUG-01", {"sku": "MUG-01", "list_prices": {"EUR": 1200}})
    w.receive("opening", MUG_01=(MAIN, 5))
    draft = w.post("/drafts", {"order": _offer("R-1", 900)}, key="d-1", role="sales", status=201)
    assert (draft["status"], draft["overrides"][0]["list_price"]) == ("waiting", 1200)
    path = f"/drafts/{draft['draft_id']}"
    refused = w.http("POST", f"{path}/place", {"expected_revision": 1}, role="sales")
    assert (refused.status, refused.document["code"]) == (409, "approval_needed")
    w.post(f"{path}/reject", {"expected_revision": 1, "reason": "too low"}, key="no", role="finance")
    again = {"order": _offer("R-1", 1000), "expected_revision": 1}
    assert w.http("PUT", path, again, key="d-2", role="sales").document["revision"] == 2
    w.post(f"{path}/approve", {"expected_revision": 2}, key="yes", role="finance")
    order = w.post(f"{path}/place", {"expected_revision": 2}, key="", role="sales", status=201)
    w.settle()
    assert w.get(path, role="sales")["order"]["number"] == "R-1"
    assert w.get(f"/orders/{order['order_id']}")["total"] == 2000
    other = w.post("/drafts", {"order": _offer("R-2", 1200)}, key="d-3", role="sales", status=201)
    assert other["status"] == "open"
    w.post(f"/drafts/{other['draft_id']}/discard", key="gone", role="sales")
    w.settle()
    assert {each["status"] for each in w.get("/drafts", role="sales")["drafts"]} == {"placed", "discarded"}


def taxes_reckoned(w: World) -> None:
    """An order that asks for its taxes, and a draft that tells none: both have them, once, whoever dies."""
    w.product("MUG-01")
    vat = {"country": "DE", "tax": "VAT"}
    rates = [{**vat, "rate": "19"}, {**vat, "rate": "7", "tax_class": "food"}]
    wiring.reference().put("product", "MUG-01", {"sku": "MUG-01", "list_prices": {"EUR": 1000}, "tax_class": "food"})
    wiring.reference().put("policy", "tax_rates", {"places": {"DE": []}})
    wiring.reference().put("policy", "tax_rates/DE", {"rates": rates})
    w.receive("opening", MUG_01=(MAIN, 5))
    order_id = place(w, "s-1", {"MUG-01": 1}, tax_included=True, taxes={})
    w.settle()
    order = w.get(f"/orders/{order_id}", role="sales")
    (line,), (rate,) = order["lines"], order["taxes"]["rates"]
    assert (order["total"], line["tax"], line["tax_class"]) == (1000, 65, "food")
    assert (rate["jurisdiction"], rate["rate"], rate["amount"]) == ("DE", "7", 65)
    draft = w.post("/drafts", {"order": _offer("R-1", 1000)}, key="d-1", role="sales", status=201)
    assert (draft["total"], draft["tax"], draft["taxes"]["rates"][0]["rate"]) == (2140, 140, "7")
    placed = w.post(f"/drafts/{draft['draft_id']}/place", {"expected_revision": 1}, key="", role="sales", status=201)
    w.settle()
    assert w.get(f"/orders/{placed['order_id']}", role="sales")["total"] == 2140
