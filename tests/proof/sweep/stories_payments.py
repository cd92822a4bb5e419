"""Stories of orders paid at Adyen and PayPal: captured in parts, given back, decided later, taken back."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

from infra.local.sandbox import core
from tests.proof.sweep.people import MAIN, cancel, pay, place, ship, work

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tests.proof.sweep.world import World


def adyen_order(w: World) -> None:
    """Paid at Adyen: two parcels, each captured when Adyen says so; a unit goes back. Another is let go."""
    _stocked(w)
    order_id = place(w, "s-1", {"MUG-01": 3}, _at_adyen(w, 3000))
    w.settle()
    _two_parcels(w)
    _give_back(w, order_id, 700)
    order_id = place(w, "s-2", {"MUG-01": 1}, _at_adyen(w, 1000))
    w.settle()
    cancel(w, order_id, "cancel")
    w.settle()


def adyen_takes_back(w: World) -> None:
    """A refused card, too little money; a capture that Adyen takes back, and a refund."""
    _stocked(w)
    place(w, "s-1", {"MUG-01": 1}, _at_adyen(w, 1000, "sandbox_refused"))
    place(w, "s-2", {"MUG-01": 1}, _at_adyen(w, 999))
    w.settle()
    place(w, "s-3", {"MUG-01": 1}, _at_adyen(w, 1000, "sandbox_capture_fails"))
    w.settle()
    ship(w, work(w, MAIN), "EZ1")
    w.settle()
    order_id = place(w, "s-4", {"MUG-01": 1}, _at_adyen(w, 1000, "sandbox_refund_fails"))
    w.settle()
    ship(w, work(w, MAIN), "EZ2")
    w.settle()
    _give_back(w, order_id, 400)
    w.vendors.sandbox.adyen.settle()
    w.settle()


def paypal_order(w: World) -> None:
    """Paid at PayPal: two parcels, each captured; more goes back than one capture can bear. Another is let go."""
    _stocked(w)
    order_id = place(w, "s-1", {"MUG-01": 3}, _at_paypal(w, 3000))
    w.settle()
    _two_parcels(w)
    _give_back(w, order_id, 2500)
    order_id = place(w, "s-2", {"MUG-01": 1}, _at_paypal(w, 1000))
    w.settle()
    cancel(w, order_id, "cancel")
    w.settle()


def paypal_decides_later(w: World) -> None:
    """A capture and a refund that PayPal decides later, a refund by hand, and a capture that the bank takes back."""
    _stocked(w)
    order_id = place(w, "s-1", {"MUG-01": 2}, _at_paypal(w, 2000, "refund_pending"))
    place(w, "s-2", {"MUG-01": 1}, _at_paypal(w, 1000, "capture_pending"))
    place(w, "s-3", {"MUG-01": 1}, _at_paypal(w, 1000, "declined"))
    w.settle()
    for tracking in ("EZ1", "EZ2"):
        ship(w, work(w, MAIN), tracking)
        w.settle()
    paypal = w.vendors.sandbox.paypal
    paypal.settle()
    w.settle()
    _give_back(w, order_id, 500)
    paypal.settle()
    w.settle()
    first, second = [each for order in paypal.orders.values() for each in order.of("capture")]
    paypal.refund(first.ref, 200)
    w.settle()
    paypal.reverse(second.ref)
    w.settle()


def two_tenders(w: World) -> None:
    """A card and PayPal: two parcels, each captured of both; more goes back than the first took. Another is let go."""
    _stocked(w)
    card, rest = pay(w, 1500), _at_paypal(w, 1500)
    order_id = place(w, "s-1", {"MUG-01": 3}, payments=[{**card, "amount": 1500}, rest])
    w.settle()
    _two_parcels(w)
    _give_back(w, order_id, 2000)
    card, rest = pay(w, 400), _at_paypal(w, 600, "declined")
    order_id = place(w, "s-2", {"MUG-01": 1}, payments=[{**card, "amount": 400}, {**rest, "amount": 600}])
    w.settle()
    cancel(w, order_id, "cancel")
    w.settle()


def on_invoice(w: World) -> None:
    """Half is credit: granted by a person, paid by the bank, given back in part; a card comes in place of the rest."""
    _stocked(w)
    credit = {"provider": "on_invoice", "reference": "PO-7", "terms_days": 30}
    order_id = place(w, "s-1", {"MUG-01": 2}, payments=[{**pay(w, 1200), "amount": 1200}, credit])
    w.settle()
    (held,) = w.get(f"/orders/{order_id}", role="finance")["holds"]
    assert held["kind"] == "credit"
    w.post(f"/orders/{order_id}/holds/{held['hold_id']}/release", key="grant", role="finance")
    w.settle()
    ship(w, work(w, MAIN), "EZ1")
    w.settle()
    paid = {"kind": "received", "reference": "BANK-1", "amount": 500}
    w.post(f"/orders/{order_id}/payments", paid, key="paid", role="finance")
    more = {**pay(w, 300), "amount": 300}
    w.post(f"/orders/{order_id}/payments", more, key="card", role="service")
    w.settle()
    _give_back(w, order_id, 1400)


def a_card_ends(w: World) -> None:
    """A card's authorization ends before its goods leave: nothing ships until another card pays in its place."""
    _stocked(w)
    _one_clock(w)
    order_id = place(w, "s-1", {"MUG-01": 1}, pay(w, 1000))
    w.settle()
    w.watch(timedelta(days=6, hours=12))
    w.watch(timedelta(hours=13))
    (held,) = w.get(f"/orders/{order_id}", role="finance")["holds"]
    assert (held["kind"], held["active"]) == ("payment_expired", True)
    w.vendors.sandbox.stripe.expire()
    w.settle()
    w.post(f"/orders/{order_id}/payments", {**pay(w, 1000), "amount": 1000}, key="card", role="service")
    w.settle()
    ship(w, work(w, MAIN), "EZ1")
    w.settle()


def held_longer(w: World) -> None:
    """Authorizations at PayPal and Adyen that end before their goods leave are renewed, once, and captured."""
    _stocked(w)
    _one_clock(w)
    place(w, "s-1", {"MUG-01": 1}, _at_paypal(w, 1000))
    place(w, "s-2", {"MUG-01": 1}, _at_adyen(w, 1000))
    w.settle()
    w.watch(timedelta(days=27, hours=12))
    for _ in range(2):  # a day's look at orders on their usual way, and one more if a fault met the first
        w.watch(timedelta(days=1))
    for tracking in ("EZ1", "EZ2"):
        ship(w, work(w, MAIN), tracking)
        w.settle()
    renewed = [each["vendor"] for each in w.vendors.sandbox.effects if each["kind"] == "extend"]
    assert sorted(renewed) == ["adyen", "paypal"], renewed


def _one_clock(w: World) -> None:
    """Providers go by the story's time."""

    def now() -> float:
        return w.now.timestamp()

    w.patch.setattr(core, "time", SimpleNamespace(time=now))


def _stocked(w: World) -> None:
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 9))


def _two_parcels(w: World) -> None:
    ship(w, work(w, MAIN), "EZ1", units=1)
    w.settle()
    ship(w, work(w, MAIN), "EZ2")
    w.settle()


def _give_back(w: World, order_id: str, amount: int) -> None:
    w.post(f"/orders/{order_id}/refunds", {"amount": amount, "reason": "late"}, key=f"refund-{amount}", role="finance")
    w.settle()


def _at_adyen(w: World, amount: int, method: str = "scheme") -> Mapping[str, Any]:
    """The shopper pays; what the order then says of it."""
    settings = w.vendors.sandbox.settings
    body = {
        "amount": {"currency": "EUR", "value": amount},
        "merchantAccount": settings.adyen_merchant,
        "paymentMethod": {"type": method},
    }
    made = w.vendors.call("/v71/payments", {"x-api-key": settings.adyen_key}, body)
    return {"provider": "adyen", "reference": made["pspReference"]}


def _at_paypal(w: World, amount: int, course: str = "") -> Mapping[str, Any]:
    """The payer approves an order; what ours then says of it."""
    money = {"currency_code": "EUR", "value": f"{amount // 100}.00"}
    body = {
        "intent": "AUTHORIZE",
        "purchase_units": [{"amount": money}],
        "payment_source": {"sandbox": {"course": course}},
    }
    token = w.vendors.sandbox.paypal.tokens.issue("merchant")
    made = w.vendors.call("/v2/checkout/orders", {"authorization": f"Bearer {token}"}, body)
    return {"provider": "paypal", "reference": made["id"]}
