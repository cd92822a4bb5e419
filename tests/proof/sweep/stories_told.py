"""Stories of what channels are told: parcels, cancellations, refunds, stock; and of what a channel will not hear."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from oms.domain import ids
from oms.entrypoints import wiring
from tests.proof.sweep.people import EAST, MAIN, Api, Console, cancel, parked, ship, work

if TYPE_CHECKING:
    from tests.proof.sweep.world import World

SKUS = ("LAMP-OAK", "TEE-WHT-M", "TEE-BLK-S", "NOTE-A5", "PEN-SET")
ALL = ["fulfillment", "cancellation", "refund", "stock"]
ORDERS = ["fulfillment", "cancellation", "refund"]


def _told(w: World, accounts: dict[str, Any]) -> None:
    """The shop, and which accounts are told what."""
    w.cloud.enter("manage_stock", w.patch)
    wiring.reference().put("policy", "outbound", {"accounts": accounts})
    w.product(*SKUS)
    for key, node in (("opening-east", EAST), ("opening-main", MAIN)):
        w.receive(key, **{sku.replace("-", "_"): (node, 9) for sku in SKUS})
    w.settle()


def _placed(w: World, source: str) -> str:
    """An order that its channel has, delivered."""
    recorded = w.keep_to_itself(source, w.now)
    w._webhook(recorded)
    w.settle()
    return ids.order_id(source, "main", str(json.loads(recorded.body)["id"]))


def _ship(w: World, order_id: str, tracking: str) -> None:
    """All of an order, from wherever it lies."""
    order = w.get(f"/orders/{order_id}")
    for place, each in enumerate(order["fulfillment_orders"]):
        if each["status"] == "released":
            ship(w, work(w, each["node_id"]), f"{tracking}{place}")
            w.settle()


def parcels_are_told(w: World) -> None:
    """An order of each shop is shipped; each shop has the tracking number, once."""
    _told(w, {"shopify/main": {"tell": ORDERS}, "woocommerce/main": {"tell": ORDERS}})
    for source in ("shopify", "woocommerce"):
        _ship(w, _placed(w, source), f"OUT-{source[:1].upper()}")
    told = [(each["vendor"], each["kind"]) for each in w.vendors.sandbox.told]
    assert sorted(set(told)) == [("shopify", "fulfillment"), ("woocommerce", "fulfillment")], told


def cancellations_are_told(w: World) -> None:
    """Staff cancel an order of each shop, which gives the money back."""
    _told(w, {"shopify/main": {"tell": ORDERS}, "woocommerce/main": {"tell": ORDERS}})
    for source in ("shopify", "woocommerce"):
        order_id = _placed(w, source)
        cancel(w, order_id, f"cancel-{source}")
        w.settle()
        refunds = w.get(f"/orders/{order_id}")["money"]["refunds"]
        assert [each["status"] for each in refunds] == ["succeeded"], refunds
    told = sorted((each["vendor"], each["kind"]) for each in w.vendors.sandbox.told)
    assert told == [(vendor, kind) for vendor in ("shopify", "woocommerce") for kind in ("cancellation", "refund")]


def levels_are_told(w: World) -> None:
    """Movements become levels, and those that nothing changed are not told again."""
    _told(w, {"shopify/main": {"tell": ALL, "location": "4242"}, "woocommerce/main": {"tell": ALL}})
    w.now += timedelta(seconds=30)
    w.receive("more", LAMP_OAK=(MAIN, 5))
    w.settle()
    for shop in (w.vendors.sandbox.shopify, w.vendors.sandbox.woocommerce):
        assert shop.told.levels == {**dict.fromkeys(SKUS, 18), "LAMP-OAK": 23}, shop.told.levels


def a_refusal_is_replayed(w: World) -> None:
    """A shop does not know an order that is shipped, until somebody mends that; both ways of replaying it."""
    _told(w, {"shopify/main": {"tell": ORDERS}})
    order_id = _placed(w, "shopify")
    shelf = w.vendors.sandbox.shopify.shelf
    ((number, order),) = shelf.all().items()
    shelf.put(number, None)
    _ship(w, order_id, "OUT-R")
    for by in (Api(w), Console(w)):
        for parked_id in parked(w):
            by.replay(parked_id)
        w.settle()
        shelf.put(number, order)
    w.settle()
    for parked_id in parked(w):
        Api(w).replay(parked_id)
    w.settle()
    assert parked(w) == []
    assert {each["kind"] for each in w.vendors.sandbox.told} == {"fulfillment"}


def nobody_is_let_in(w: World) -> None:
    """A shop's credentials are gone for as long as a message is tried, and a message cannot be read at all."""
    _told(w, {"shopify/main": {"tell": ORDERS}})
    order_id = _placed(w, "shopify")
    shop = w.vendors.sandbox.shopify
    w.patch.setattr(shop, "answer", lambda _: _unauthorized())
    _ship(w, order_id, "OUT-N")
    broken = {"tell": "out_broken", "kind": "fulfillment", "source": "shopify", "account": "main"}
    wiring.client("sqs").send_message(QueueUrl=w.cloud.names["OutboundQueue"], MessageBody=json.dumps(broken))
    w.settle()


def _unauthorized() -> Any:
    from infra.local.sandbox.core import Reply

    return Reply(status=401, document={"errors": "[API] Invalid API key or access token"})
