"""Stories of orders: from every channel, through warehouses and carriers, with money at a provider."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from oms.domain import ids
from oms.entrypoints import wiring
from tests.proof.sweep.people import (
    EAST,
    MAIN,
    OTHER_EMAIL,
    accept,
    cancel,
    hold,
    pay,
    place,
    reject,
    scan,
    ship,
    site,
    spread,
    work,
)

if TYPE_CHECKING:
    from tests.proof.sweep.world import World


def channel_order(w: World) -> None:
    """A Shopify order, its update from another address, an early scan, shipped, delivered, refunded in the channel."""
    w.product("TEE-BLK-M", "MUG-01")
    w.receive("opening", TEE_BLK_M=(EAST, 5), MUG_01=(EAST, 5))
    w.deliver("shopify", "01")
    w.deliver("shopify", "06", email=OTHER_EMAIL)
    w.settle()
    each = work(w, EAST)
    accept(w, each)
    scan(w, "EZ1", "02")
    w.drain()
    ship(w, each, "EZ1")
    w.settle()
    for sample in ("04", "03", "02"):
        scan(w, "EZ1", sample)
    w.settle()
    w.deliver("shopify", "09")
    w.settle()


def card_order(w: World) -> None:
    """Paid by card: shipped in two parcels, each captured; a unit comes back."""
    w.product("MUG-01", "LAMP-OAK")
    w.receive("opening", MUG_01=(MAIN, 5), LAMP_OAK=(MAIN, 5))
    order_id = place(w, "s-1", {"MUG-01": 2, "LAMP-OAK": 2}, pay(w, 4000))
    w.settle()
    each = work(w, MAIN)
    ship(w, each, "EZ1", units=1)
    w.settle()
    ship(w, work(w, MAIN), "EZ2")
    w.settle()
    scan(w, "EZ1", "04")
    scan(w, "EZ2", "04")
    w.settle()
    line = w.get(f"/orders/{order_id}")["lines"][0]["line_id"]
    back = {"lines": [{"line_id": line, "quantity": 1}], "restock": True, "reason": "requested_by_customer"}
    w.post(f"/orders/{order_id}/refunds", back, key="refund", role="service")
    w.settle()


def provider_refund(w: World) -> None:
    """Money that the provider gives back by itself: first pending, then paid."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    payment = pay(w, 1000, payment_method="pm_card_pendingRefund")
    place(w, "s-1", {"MUG-01": 1}, payment)
    w.settle()
    ship(w, work(w, MAIN), "EZ1")
    w.settle()
    w.vendors.post("/v1/refunds", {"payment_intent": payment["reference"], "amount": "400"})
    w.settle()
    w.vendors.sandbox.stripe.settle_refunds()
    w.settle()


def declined_card(w: World) -> None:
    """No money, no goods; then a bank that has to be asked first."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    declined = pay(w, 1000, payment_method="pm_card_chargeDeclined", confirm="false")
    place(w, "s-1", {"MUG-01": 1}, declined)
    w.settle()
    waiting = pay(w, 1000, payment_method="pm_card_authenticationRequired")
    place(w, "s-2", {"MUG-01": 1}, waiting)
    w.settle()
    w.vendors.sandbox.stripe.authenticate(waiting["reference"])
    w.settle()


def voided(w: World) -> None:
    """Cancelled before it left: the money is let go; of what the provider took by itself, a part goes back."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    order_id = place(w, "s-1", {"MUG-01": 2}, pay(w, 2000))
    w.settle()
    cancel(w, order_id, "cancel")
    w.settle()
    order_id = place(w, "s-2", {"MUG-01": 2}, pay(w, 2000, capture_method="automatic"))
    w.settle()
    cancel(w, order_id, "cancel")
    w.settle()


def old_refund(w: World) -> None:
    """A refund out of goodwill that was asked for a day ago: the provider forgot the key, so it is looked for first."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    order_id = place(w, "s-1", {"MUG-01": 2}, pay(w, 2000))
    w.settle()
    ship(w, work(w, MAIN), "EZ1")
    w.settle()
    w.post(f"/orders/{order_id}/refunds", {"amount": 700, "goodwill": "late"}, key="refund", role="finance")
    w.drain_stream()
    w.executions.clear()
    w.watch(timedelta(hours=21))


def cancelled_in_the_channel(w: World) -> None:
    """Promised, then cancelled by the shopper in the shop."""
    w.product("SCARF-WOOL", "BOTTLE-750")
    w.receive("opening", SCARF_WOOL=(MAIN, 5), BOTTLE_750=(MAIN, 5))
    w.deliver("shopify", "07")
    w.settle()
    w.deliver("shopify", "08")
    w.settle()


def woocommerce_order(w: World) -> None:
    """On hold until paid, then partly refunded; all by updates of one document."""
    w.product("BAG-CANVAS", "SOCK-3PK")
    w.receive("opening", BAG_CANVAS=(MAIN, 5), SOCK_3PK=(MAIN, 5))
    for sample in ("02", "03", "04"):
        w.deliver("woocommerce", sample)
        w.settle()


def thin_notices(w: World) -> None:
    """TikTok Shop and Amazon say only that there is something; Amazon's API is down at first."""
    w.product("SCARF-WOOL")
    w.receive("opening", SCARF_WOOL=(MAIN, 5))
    w.deliver("tiktok-shop", "01")
    w.settle()
    w.vendors.sandbox.add_fault(match="amazon", status=503, retry_after=7)
    w.deliver("amazon", "03")
    w.settle()


def unknown_products(w: World) -> None:
    """Lines whose SKU nobody knows wait; the watchdog sees that it has become known."""
    w.product("NOTE-A5")
    w.receive("opening", NOTE_A5=(MAIN, 9))
    w.deliver("shopify", "10")
    w.settle()
    w.product("TEE-RED-XL")
    w.receive("red", TEE_RED_XL=(MAIN, 3))
    w.watch(timedelta(minutes=16))


def held(w: World) -> None:
    """Held before anything happens, then released."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    order_id = place(w, "s-1", {"MUG-01": 1}, pay(w, 1000))
    hold_id = hold(w, order_id, "hold")
    w.settle()
    w.post(f"/orders/{order_id}/holds/{hold_id}/release", key="release", role="service")
    w.settle()
    w.post(f"/orders/{order_id}/status-link", key="link", role="service")


def hurried(w: World) -> None:
    """Accepted and shipped before anybody has relayed the first of it."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    place(w, "s-1", {"MUG-01": 1})
    w.settle()
    each = work(w, MAIN)
    accept(w, each)
    ship(w, each, "EZ1")
    w.settle()


def backorder(w: World) -> None:
    """More than there is: the rest waits, and goods that come in wake it; what a cancellation frees wakes another."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 1))
    place(w, "s-1", {"MUG-01": 3}, pay(w, 3000))
    w.settle()
    place(w, "s-2", {"MUG-01": 1})
    w.settle()
    w.receive("later", MUG_01=(MAIN, 2))
    w.settle()
    cancel(w, site("s-1"), "cancel")
    w.settle()


def cancelled_at_two_nodes(w: World) -> None:
    """A line that two warehouses share loses a unit; a second order holds what else is there."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 4))
    w.receive("second", MUG_01=(EAST, 3))
    order_id = place(w, "s-1", {"MUG-01": 5})
    place(w, "s-2", {"MUG-01": 2})
    w.settle()
    line = w.get(f"/orders/{order_id}")["lines"][0]["line_id"]
    one = {"reason": "too many", "lines": [{"line_id": line, "quantity": 1}]}
    w.post(f"/orders/{order_id}/cancel", one, key="one", role="service")
    w.settle()


def rejected(w: World) -> None:
    """A warehouse cannot: once for lack of hands, once because the goods are not there."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 2))
    w.receive("second", MUG_01=(EAST, 2))
    place(w, "s-1", {"MUG-01": 2})
    w.settle()
    reject(w, work(w, MAIN), "no_capacity")
    w.settle()
    reject(w, work(w, EAST), "not_found")
    w.settle()


def out_of_order(w: World) -> None:
    """An update before its create, and an order's second payment event before its first."""
    w.product("BAG-CANVAS", "MUG-02")
    w.receive("opening", BAG_CANVAS=(MAIN, 2), MUG_02=(MAIN, 4))
    w.deliver("shopify", "12")
    w.settle()
    w.deliver("shopify", "13")
    w.settle()
    assert w.get(f"/orders/{ids.order_id('shopify', 'main', '6305000000108')}")["stage"] == "released"


def waits_for_its_release(w: World) -> None:
    """Orders whose release waits: they move to where they cost less, one is cancelled, one released when it is due."""
    w.product("MUG-01", "LAMP-OAK")
    w.cloud.enter("manage_stock", w.patch)
    calendar = {"time_zone": "UTC", "cut_off": "22:00", "workdays": list(range(7))}
    places = {MAIN: (50.1, 8.9, {"per_parcel": 900}), EAST: (40.7, -74.2, {"daily_orders": 9})}
    for node, (latitude, longitude, more) in places.items():
        row = {"node_id": node, "country": "DE", "latitude": latitude, "longitude": longitude, **calendar, **more}
        wiring.reference().put("node", node, row)
    zone = {"name": "all", "up_to_km": 21_000, "transit_days": 2, "base": 0, "per_kg": []}
    wiring.reference().put("tariff", "main", {"zones": [zone]})
    wiring.reference().keep_network()
    w.receive("opening", MUG_01=(MAIN, 40), LAMP_OAK=(MAIN, 5))
    spread(w, "MUG-01")
    rest = {"name": "rest", "then": {"policy": "cheapest"}, "release": {"wait_minutes": 60}}
    body = {"expected_version": 0, "document": {"rules": [rest]}}
    w.http("PUT", "/policies/sourcing", body, key="one")
    moves = place(w, "s-1", {"MUG-01": 1, "LAMP-OAK": 1})
    gone = place(w, "s-2", {"MUG-01": 1})
    w.settle()
    assert w.get("/orders?status=planned")["orders"]
    w.receive("more", MUG_01=(EAST, 2), LAMP_OAK=(EAST, 1))
    w.settle()
    w.schedule("ReoptimizeOrders")
    w.settle()
    cancel(w, gone, "cancel")
    w.settle()
    told = [each["decision"] for each in w.get(f"/orders/{moves}/decision")["decisions"]]
    assert [each.get("kind") for each in told] == ["moved", None], told
    w.get("/reports/reoptimizations", role="finance")
    w.watch(timedelta(hours=1))
    ship(w, work(w, EAST), "EZ1")
    w.settle()
    assert w.get(f"/orders/{moves}")["stage"] == "shipped"


def hot_position(w: World) -> None:
    """Everything that happens to a position of several rows; a count puts it together, and so do calm hours."""
    w.product("SCARF-WOOL", "BOTTLE-750", "MUG-01")
    w.receive("opening", SCARF_WOOL=(MAIN, 40), BOTTLE_750=(MAIN, 40), MUG_01=(MAIN, 40))
    spread(w, "SCARF-WOOL", "BOTTLE-750", "MUG-01")
    w.deliver("shopify", "07")
    w.settle()
    w.deliver("shopify", "08")
    for key in ("s-1", "s-2", "s-3"):
        place(w, key, {"MUG-01": 3})
    w.settle()
    w.schedule("ReconcileStock")
    cancel(w, site("s-1"), "cancel")
    w.settle()
    ship(w, work(w, MAIN), "EZ1")
    w.settle()
    basket = {"ttl_s": 60, "lines": [{"sku": "MUG-01", "quantity": 2}]}
    for key in ("h-1", "h-2"):
        w.post("/stock/holds", basket, key=key, role="shop", status=201)
    w.watch(timedelta(minutes=3))
    lost = {"sku": "MUG-01", "node_id": MAIN, "kind": "adjustment", "quantity": -25, "code": "lost"}
    w.post("/stock/movements", {"movements": [lost]}, key="lost", role="warehouse", status=201)
    assert w.get("/stock/MUG-01")["available"] == 9
    counted = {"counts": [{"sku": "MUG-01", "node_id": MAIN, "counted": 11}]}
    w.post("/stock/counts", counted, key="count", role="warehouse", status=201)
    assert w.get("/stock/MUG-01")["available"] == 8
    w.now += timedelta(hours=1)
    place(w, "s-4", {"SCARF-WOOL": 39, "MUG-01": 9})
    w.settle()
    rows = {item["pk"]["S"]: item for item in w.cloud.items("StockTable") if item["sk"]["S"].endswith("#0")}
    # Nobody tries again what a calm hour was for: there will be another.
    assert w.tap.fired or not [sku for sku in ("SCARF-WOOL", "MUG-01") if "shards" in rows[sku]], rows
