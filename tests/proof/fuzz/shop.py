"""What requests are sent into: a shop with orders at every stage, and the names that they may be found by."""

from __future__ import annotations

import re
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from infra.local import recorded as rec
from infra.local.demo import EVENTS, Demo
from infra.local.engine import Engine, free_port
from infra.local.run import start
from infra.local.sandbox.core import Settings
from infra.local.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.system import System

STAGES: Final = ("awaiting_payment", "on_hold", "backordered", "released", "partially_shipped", "shipped", "cancelled")
PER_STAGE: Final = 6
SENDERS: Final = {
    "shopify": "channels/shopify",
    "woocommerce": "channels/woocommerce",
    "tiktok-shop": "channels/tiktok-shop",
    "bigcommerce": "channels/bigcommerce",
    "magento": "channels/magento",
    "ebay": "channels/ebay",
    "walmart": "channels/walmart",
    "etsy": "channels/etsy",
    "mercadolibre": "channels/mercadolibre",
    "meta-commerce": "channels/meta-commerce",
    "webhook": "channels/webhook",
    "easypost": "carriers/easypost",
    "stripe": "payments/stripe",
}
SAMPLES: Final = 6
PATIENCE_S: Final = 60
ADMIN: Final = "admin"
SAME_ORIGIN: Final = {"sec-fetch-site": "same-origin"}
_FORM: Final = re.compile(r'<form [^>]*method="post" action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
_FIELD: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A running system. `known` holds values by the name of the path parameter that they fit."""

    system: System
    known: dict[str, list[str]]
    holds: list[tuple[str, str]]
    """(order id, hold id) of the active ones."""
    lines: dict[str, list[str]]
    """Line ids by the id of an order or fulfillment order."""
    deliveries: list[rec.Recorded]
    """Of senders that sign."""
    cookie: str
    """The value of a console session's cookie."""
    forms: dict[str, dict[str, str]]
    """Hidden fields of that session's forms by the path that they are sent to."""


@contextmanager
def opened() -> Iterator[Shop]:
    """A shop on an engine of its own, with the demo's orders in it."""
    with (
        tempfile.TemporaryDirectory() as state,
        Sandbox(Settings()) as sandbox,
        Engine(state=Path(state), port=free_port(), api_port=free_port(), persist=False) as engine,
    ):
        system = start(engine, sandbox)
        demo = Demo(system, lambda _topic, _text: None)
        demo.load_shop()
        demo.place()
        demo.deliver()
        settle(system)
        yield look_around(system)


def settle(system: System) -> None:
    """Wait until there is something of every kind, and stop an order for good."""
    deadline = time.monotonic() + PATIENCE_S
    while not (
        _rows(system, "released") and _rows(system, "backordered") and _read(system, "/quarantine")["quarantine"]
    ):
        if time.monotonic() > deadline:
            raise RuntimeError("the demo's orders do not get on")
        time.sleep(0.2)
    for row in _rows(system, "released")[:2]:
        held = {"kind": "fraud", "reason": "address and card differ"}
        reply = system.call("POST", f"/orders/{row['order_id']}/holds", held, role=ADMIN, key=f"hold {row['order_id']}")
        if reply.status != 200:
            raise RuntimeError(f"a hold was answered {reply.status}: {reply.document}")


def _samples(folder: str) -> list[Path]:
    return sorted((EVENTS / folder).glob("*.json"))[:SAMPLES]


def _rows(system: System, stage: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _read(system, f"/orders?status={stage}")["orders"]
    return found


def _read(system: System, path: str) -> Any:
    reply = system.call("GET", path, role=ADMIN)
    if reply.status != 200:
        raise RuntimeError(f"{path} was answered {reply.status}: {reply.document}")
    return reply.document


def look_around(system: System) -> Shop:
    """Learn what there is."""
    orders = [
        _read(system, f"/orders/{row['order_id']}") for stage in STAGES for row in _rows(system, stage)[:PER_STAGE]
    ]
    works = [work for order in orders for work in order["fulfillment_orders"]]
    parked = [row["parked_id"] for row in _read(system, "/quarantine")["quarantine"]]
    link = system.call("POST", f"/orders/{orders[0]['order_id']}/status-link", {}, role=ADMIN, key="fuzz-link")
    cookie = sign_in(system)
    return Shop(
        system=system,
        known={
            "order_id": [order["order_id"] for order in orders],
            "fulfillment_order_id": [work["fulfillment_order_id"] for work in works],
            "parked_id": parked,
            "sku": sorted({line["sku"] for order in orders for line in order["lines"]}),
            "token": [link.document["path"].rpartition("/")[2]],
            "account": ["main"],
        },
        holds=[(order["order_id"], hold["hold_id"]) for order in orders for hold in order["holds"] if hold["active"]],
        lines={
            **{order["order_id"]: [line["line_id"] for line in order["lines"]] for order in orders},
            **{work["fulfillment_order_id"]: [line["line_id"] for line in work["lines"]] for work in works},
        },
        deliveries=[rec.read(source, file) for source, folder in SENDERS.items() for file in _samples(folder)],
        cookie=cookie,
        forms=forms(
            system, cookie, [*(f"orders/{o['order_id']}" for o in orders), *(f"quarantine/{p}" for p in parked)]
        ),
    )


def sign_in(system: System) -> str:
    """The cookie of a console session."""
    password, _ = system.sign_in(ADMIN, "admin-fuzz")
    answer = system.call(
        "POST",
        "/console/login",
        body=urlencode({"username": "admin-fuzz", "password": password}).encode(),
        headers={**SAME_ORIGIN, "content-type": "application/x-www-form-urlencoded"},
    )
    cookies = {name.lower(): value for name, value in answer.headers.items()}.get("set-cookie", "")
    if not cookies.startswith("oms_session="):
        raise RuntimeError(f"the console's sign-in was answered {answer.status}")
    return cookies.partition("=")[2].partition(";")[0]


def forms(system: System, cookie: str, pages: list[str]) -> dict[str, dict[str, str]]:
    """Hidden fields by path, read from the console's pages."""
    found: dict[str, dict[str, str]] = {}
    for page in pages:
        url = f"{system.api_url}/console/{page}"
        answer = system._pool.request("GET", url, headers={"cookie": f"oms_session={cookie}"})
        for path, content in _FORM.findall(answer.data.decode()):
            if hidden := {unescape(name): unescape(value) for name, value in _FIELD.findall(content)}:
                found[unescape(path)] = hidden
    return found
