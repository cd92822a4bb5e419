"""The kits of all channels, from their samples in events/, and that of the shop that the how-to writes."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from infra.local import recorded
from infra.local.sandbox import adobe, ebay, etsy, mercadolibre
from infra.local.signing import signed
from oms.channels.layouts import LAYOUTS
from oms.channels.payload import parse_object
from oms.channels.registry import CONNECTORS, SOURCES, connector, lister
from tests.support.amazon_2026 import item, kinds, order
from tests.support.connector_rules.kit import Delivery, Kit
from tests.support.template import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Build = Callable[[], Kit]

EVENTS: Final = ROOT / "events"
CARRIES: Final = ("shopify", "woocommerce", "webhook")
"""Deliveries of these are where the orders are."""
_SECRETS: Final[Mapping[str, tuple[str, str]]] = {
    "tiktok-shop": ("app:secret", "app:another"),
    "magento": (adobe.CLIENT_ID, "another_client"),
    "etsy": (etsy.SIGNING_SECRET, f"whsec_{base64.b64encode(b'another').decode()}"),
    "webhook": (etsy.SIGNING_SECRET, f"whsec_{base64.b64encode(b'another').decode()}"),
    "mercadolibre": (f"{mercadolibre.SELLER}:token", f"{mercadolibre.SELLER}:another"),
    "meta-commerce": ("app-secret:verify", "another:verify"),
}
"""What signs, and what somebody else has; where it is not said, a text."""


_ELSEWHERE: Final[Mapping[str, tuple[Delivery, ...]]] = {
    "shopify": (Delivery(name="products/update", headers={"x-shopify-topic": "products/update"}, body=b'{"id": 1}'),),
    "webhook": (Delivery(name="stock.changed", headers={"webhook-id": "m9"}, body=b'{"type": "stock.changed"}'),),
}
"""Topics that nothing is done for, of channels whose samples have none."""


def names() -> list[str]:
    """Every connector that the rules are held against."""
    return [*SOURCES, "corner-shop"]


@cache
def kit(name: str) -> Kit:
    """The kit of a connector; raises KeyError."""
    if name == "corner-shop":
        from tests.support.corner_shop.kit import corner_shop

        return corner_shop()
    secret, stranger = _SECRETS.get(name, ("s3cret", "another"))
    keys = {"magento": [adobe.public_key()], "ebay": [ebay.public_key()]}.get(name, [])
    amazon = name == "amazon"
    return Kit(
        name=name,
        connector=connector(name),
        lister=lister(name) if name in CONNECTORS else None,
        layouts=LAYOUTS.get(name, ()),
        deliveries=[*deliveries(name, EVENTS / "channels" / name), *_ELSEWHERE.get(name, ())],
        orders=_amazon() if amazon else files(EVENTS / ("channels" if name in CARRIES else "sandbox") / name),
        secrets=[] if amazon else [secret, *keys],
        # Who signs for everybody has one key: that of another vendor signs nothing of it.
        strangers=[] if amazon else [stranger, *({"ebay": [adobe.public_key()]}.get(name, keys))],
        sign=lambda body, now: signed(name, body, secret, now),
        sealed=name not in {"amazon", "mercadolibre"},
        respelled=name == "ebay",
        strict=name == "webhook",
        minor=name == "webhook",
        totalled=name != "walmart",
        one_time=name == "meta-commerce",
        full=name in {"woocommerce", "bigcommerce"},
        pages=_pages(name) if name in CONNECTORS else {},
    )


def deliveries(source: str, folder: Path) -> list[Delivery]:
    """The recorded deliveries of a folder."""
    found = [recorded.read(source, file) for file in sorted(folder.glob("*.json"))]
    return [Delivery(name=each.name, headers=each.headers, body=each.body) for each in found]


def files(folder: Path) -> list[tuple[str, bytes]]:
    """The files of a folder."""
    return [(file.name, file.read_bytes()) for file in sorted(folder.glob("*.json"))]


def _amazon() -> list[tuple[str, bytes]]:
    """Its documents are files of their own: those of one order side by side."""
    found = []
    for folder in sorted((EVENTS / "sandbox" / "amazon").iterdir()):
        load = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.json")}
        more = [load.pop(name) for name in sorted(load) if name.startswith("items-page")]
        parts = {**load, "items": [load["items"], *more]} if more else load
        found.append((folder.name, json.dumps(parts).encode()))
    taxes = {"TAX": "1.80", "TAX_ITEM": "1.50", "TAX_SHIPPING": "0.30", "DISCOUNT": "2.00", "DISCOUNT_SHIPPING": "1.00"}
    brought = kinds(ITEM="20.00", SHIPPING="4.00", GIFT_WRAP="1.00", **taxes)
    document = order("24.80", item(1, 3, brought), status="SHIPPED")
    return [found[0], ("version 2026-01-01", json.dumps(document).encode()), *found[1:]]


def _order(name: str) -> dict[str, Any]:
    """An order as a list of its channel has it."""
    if name in CARRIES:
        bodies = [
            json.loads(each.body) for each in deliveries(name, EVENTS / "channels" / name) if each.body[:1] == b"{"
        ]
        return next(each for each in bodies if "line_items" in each)
    document = json.loads((_amazon() if name == "amazon" else files(EVENTS / "sandbox" / name))[0][1])
    if name == "meta-commerce":
        parts = {edge: {"data": document.get(edge, [])} for edge in ("items", "cancellations", "refunds")}
        return {**document["order"], **parts}
    if name == "tiktok-shop":
        order: dict[str, Any] = document["data"]["orders"][0]
        return order
    found = document.get("order", document)
    unwrapped: dict[str, Any] = found.get("payload", found)
    return unwrapped


def _pages(name: str) -> Mapping[str, Mapping[str, Any]]:
    """A last page, and one that would be followed for ever."""
    order = _order(name)
    cursors = {"before": "a", "after": "b"}
    found: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
        "shopify": ({"orders": [order]}, {"orders": [order], "next_page_info": "x"}),
        "woocommerce": ({"items": [order]}, {"items": [order] * 100}),
        "tiktok-shop": ({"data": {"orders": [order]}}, {"data": {"orders": [order], "next_page_token": "x"}}),
        "amazon": ({"payload": {"Orders": [order]}}, {"payload": {"Orders": [order], "NextToken": "x"}}),
        "bigcommerce": ({"items": [order]}, {"items": [order] * 250}),
        "magento": ({"items": [order], "total_count": 1}, {"items": [order] * 100, "total_count": 1000}),
        "ebay": ({"orders": [order], "total": 1}, {"orders": [order], "total": 9}),
        "walmart": (
            {"list": {"meta": {}, "elements": {"order": [order]}}},
            {"list": {"meta": {"nextCursor": "?hasMoreElements=true&x=1"}, "elements": {"order": [order]}}},
        ),
        "etsy": ({"results": [order], "count": 1}, {"results": [order], "count": 9}),
        "mercadolibre": (
            {"results": [order], "paging": {"total": 1}},
            {"results": [order] * 50, "paging": {"total": 500}},
        ),
        "meta-commerce": (
            {"data": [order], "paging": {"cursors": cursors}},
            {"data": [order], "paging": {"cursors": cursors, "next": "https://x.example/"}},
        ),
    }
    last, stuck = found[name]
    pages = {"last": last, "stuck": stuck}
    return {which: parse_object(json.dumps(page).encode()).values for which, page in pages.items()}
