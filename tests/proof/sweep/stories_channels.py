"""Stories of what channels do not tell: orders that are never delivered, and those that a channel has no longer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from oms.domain import ids
from tests.proof.sweep.people import EAST, MAIN
from tests.proof.sweep.vendors import CREDENTIALS
from tests.proof.sweep.world import SECRETS

if TYPE_CHECKING:
    from tests.proof.sweep.world import World

SOURCES = ("shopify", "woocommerce", "tiktok-shop", "amazon")


def _turn(w: World, wait: timedelta = timedelta(minutes=10)) -> None:
    w.now += wait
    w.schedule("PollChannels")
    w.settle()


def never_delivered(w: World) -> None:
    """Every channel keeps an order to itself; polls find it. The webhooks come a day later and change nothing."""
    w.product("TEE-BLK-M", "BOTTLE-750", "SCARF-WOOL", "MUG-01")
    w.receive("opening", TEE_BLK_M=(EAST, 9), BOTTLE_750=(EAST, 9), SCARF_WOOL=(MAIN, 9), MUG_01=(MAIN, 9))
    late = [w.keep_to_itself(source, w.now) for source in SOURCES]
    for _ in range(3):
        _turn(w)
    for each in late:
        if each.source != "amazon":
            w._webhook(each)
    w.settle()


def a_day_is_compared(w: World) -> None:
    """Of a day's orders, one is unknown to its channel by the next, and one was never delivered nor listed as new."""
    shop = {"current": SECRETS["shopify"], "api": CREDENTIALS["shopify"]}
    w.cloud.secret("ConnectionsSecret", {"shopify/main": shop})
    _turn(w)
    w.now += timedelta(days=1)
    w.keep_to_itself("shopify", w.now, "101")
    for _ in range(2):
        _turn(w)
    w.vendors.put_order({"vendor": "shopify", "id": "6399000000101", "order": None})
    w.keep_to_itself("shopify", w.now - timedelta(hours=3), "103")
    _turn(w, timedelta(hours=18))
    for _ in range(2):
        _turn(w)
    found = {each["kind"] for each in w.get("/alerts")["alerts"]}
    assert "channel_differs" in found, found
    assert w.get(f"/orders/{ids.order_id('shopify', 'main', '6399000000103')}")["number"] == "#9103"
