"""The demo's shops, told: they have the orders that they deliver, and keep a record of what they were told."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import urllib3

from infra.local import recorded as rec
from infra.local.connect import tell
from infra.local.demo import ACCOUNTS
from infra.local.engine import ROOT
from infra.local.sandbox.shopify_told import LOCATION
from infra.local.sandbox.tiktok_told import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from infra.local.system import System

TOLD: Final[dict[str, dict[str, Any]]] = {
    "shopify": {"location": str(LOCATION)},
    "woocommerce": {},
    "bigcommerce": {"location": "1"},
    "magento": {},
    "ebay": {
        "tell": ["fulfillment", "cancellation", "refund"],
        "cancellation_reason": "OUT_OF_STOCK_OR_CANNOT_FULFILL",
    },
    "walmart": {
        "tell": ["acknowledgement", "fulfillment", "cancellation", "refund"],
        "cancellation_reason": "SELLER_CANCEL_OUT_OF_STOCK",
        "refund_reason": "ItemNotAsAdvertised",
    },
    "etsy": {},
    "amazon": {"tell": ["fulfillment"], "carriers": {"UPS": "UPS"}},
    "tiktok-shop": {
        "tell": ["fulfillment", "cancellation"],
        "carriers": PROVIDERS,
        "cancellation_reason": "seller_cancel_reason_out_of_stock",
    },
    "meta-commerce": {"cancellation_reason": "OUT_OF_STOCK"},
}
"""Channels that are told what they have words for, with what that takes; levels that go SKU by SKU are left out.

Mercado Libre is not told: the orders of the demo go by its own labels, and it knows of their parcels by itself.
"""
WHOLE: Final = ("shopify", "woocommerce")
"""Those whose deliveries are whole orders; of the others the sandbox has what is fetched."""
PATIENCE_S: Final = 180.0
_OK: Final = range(200, 300)


def open_shops(system: System) -> None:
    """Each shop has the newest state of the orders that it is going to deliver, and is to be told of them."""
    for source, settings in TOLD.items():
        tell(system, source, ACCOUNTS.get(source, "main"), settings)
        for order_id, order in newest(source).items():
            _put(system, {"vendor": source, "id": order_id, "order": order})


def newest(source: str) -> dict[str, dict[str, Any]]:
    """The newest state of each order that the samples of a channel deliver whole, by its id."""
    found: dict[str, dict[str, Any]] = {}
    files = (ROOT / "events" / "channels" / source).glob("*.json") if source in WHOLE else ()
    for file in sorted(files):
        order = _order(rec.read(source, file).body)
        known = found.get(str(order.get("id")))
        if "line_items" in order and (known is None or _changed(order) >= _changed(known)):
            found[str(order["id"])] = order
    return found


def _order(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _changed(order: dict[str, Any]) -> str:
    return str(order.get("updated_at") or order.get("date_modified_gmt") or "")


def _put(system: System, given: dict[str, Any]) -> None:
    answer = urllib3.request("POST", f"{system.sandbox_url}/_sandbox/orders", json=given)
    if answer.status not in _OK:
        raise RuntimeError(f"the sandbox did not take an order: {answer.status}")


def record(system: System) -> list[dict[str, Any]]:
    """What shops were told and took, by their own record."""
    answer = urllib3.request("GET", f"{system.sandbox_url}/_sandbox/record")
    told: list[dict[str, Any]] = answer.json()["told"]
    return told


def tracking_came_back(
    system: System, orders: Iterable[dict[str, Any]], shipped: Container[str], say: Callable[[str, str], None]
) -> bool:
    """Whether each parcel that was `shipped` of these shops' orders was told, once; waits for those that may be yet."""
    wanted = Counter(
        (order["channel"], parcel["tracking_number"])
        for order in orders
        if order["channel"] in TOLD
        for parcel in order["parcels"]
        if parcel["tracking_number"] in shipped
    )
    deadline = time.monotonic() + PATIENCE_S
    while True:
        told = record(system)
        parcels = Counter((each["vendor"], each["tracking"]) for each in told if each["kind"] == "fulfillment")
        got = Counter({parcel: count for parcel, count in parcels.items() if parcel in wanted})
        if got == wanted or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    for source in TOLD:
        kinds = Counter(each["kind"] for each in told if each["vendor"] == source)
        say("told", f"{source}, by its own record: {', '.join(f'{kind} {n}' for kind, n in sorted(kinds.items()))}")
    for missing in sorted((wanted - got).elements()):
        say("told", f"{missing[0]} was not told of the parcel {missing[1]}")
    for twice in sorted((got - wanted).elements()):
        say("told", f"{twice[0]} was told twice of the parcel {twice[1]}")
    say("told", f"tracking numbers that went back: {sum(got.values())} of {sum(wanted.values())}, each once")
    return got == wanted
