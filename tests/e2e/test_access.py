"""Who may do what: every route against every role, and every way of not being anybody."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from infra.local import recorded as rec
from infra.local.connect import connect
from infra.local.engine import ROOT
from oms.adapters.secrets_manager import LOOK_AGAIN_S
from tests.e2e.support import EVENTS, ROLES

if TYPE_CHECKING:
    from tests.e2e.support import Oms

ORDER = "/orders/ord_00000000000000000000000000"
WORK = "/fulfillment-orders/ful_00000000000000000000000000_1"
PARKED = "/quarantine/qrn_00000000000000000000000000"
DRAFT = "/drafts/drf_00000000000000000000000000"
STOCK_HOLD = "/stock/holds/sth_00000000000000000000000000"
WEBHOOK = "/webhook-subscriptions/whs_00000000000000000000000000"
READERS = {"service", "warehouse", "finance", "sales", "shop"}
RETURN = f"rma_{'0' * 26}_1"
ALLOWED: dict[tuple[str, str], set[str]] = {
    ("POST", "/orders"): {"shop", "sales"},
    ("GET", "/orders?status=placed"): READERS,
    ("GET", ORDER): READERS,
    ("GET", f"{ORDER}/timeline"): READERS,
    ("GET", f"{ORDER}/decision"): READERS,
    ("GET", f"{ORDER}/ledger"): {"finance", "service"},
    ("GET", f"{ORDER}/disputes"): {"finance", "service"},
    ("POST", f"{ORDER}/disputes/dp_1/evidence"): {"service", "finance"},
    ("POST", f"{ORDER}/disputes/dp_1/accept"): {"finance"},
    ("GET", f"{ORDER}/invoices"): {"finance", "service"},
    ("POST", f"{ORDER}/invoices"): {"finance"},
    ("GET", "/invoices/DE-2026-000001"): {"finance", "service"},
    ("GET", "/alerts"): READERS,
    ("GET", "/reports/sales"): {"finance", "sales"},
    ("GET", "/reports/returns"): {"finance", "sales", "service", "warehouse"},
    ("GET", "/reports/reoptimizations"): {"finance", "sales"},
    ("POST", f"{ORDER}/edits"): {"finance", "sales", "service"},
    ("POST", f"{ORDER}/edits/preview"): {"finance", "sales", "service"},
    ("POST", f"{ORDER}/cancel"): {"service", "sales", "shop"},
    ("POST", f"{ORDER}/holds"): {"service", "finance", "sales"},
    ("POST", f"{ORDER}/holds/hld_1/release"): {"service", "finance", "sales"},
    ("POST", f"{ORDER}/payments"): {"service", "finance", "sales", "shop"},
    ("POST", f"{ORDER}/refunds"): {"service", "finance"},
    ("POST", f"{ORDER}/returned-serials"): {"service", "warehouse"},
    ("POST", f"{ORDER}/returns"): {"service", "shop"},
    **{
        ("POST", f"{ORDER}/returns/{RETURN}/{verb}"): {"service", "finance"}
        for verb in ("approve", "reject", "cancel", "label", "settle")
    },
    ("GET", f"/returns/{RETURN}"): {"service", "warehouse", "finance"},
    ("POST", f"/returns/{RETURN}/receive"): {"warehouse"},
    ("POST", f"/returns/{RETURN}/inspect"): {"warehouse"},
    ("POST", "/returns/arrivals"): {"warehouse"},
    ("GET", "/returns/unmatched"): {"service", "warehouse"},
    ("POST", "/returns/unmatched/unm_1/match"): {"service", "warehouse"},
    ("POST", f"{ORDER}/status-link"): {"service", "sales", "shop"},
    ("GET", "/fulfillment-orders?node=us-east"): {"warehouse", "service"},
    ("GET", WORK): {"warehouse", "service"},
    ("POST", f"{WORK}/accept"): {"warehouse"},
    ("POST", f"{WORK}/reject"): {"warehouse"},
    ("POST", f"{WORK}/shipments"): {"warehouse"},
    ("GET", "/stock/MUG-01"): {"warehouse", "service", "sales", "shop"},
    ("POST", "/stock/movements"): {"warehouse"},
    ("POST", "/stock/counts"): {"warehouse"},
    ("POST", "/stock/inbound"): {"warehouse"},
    ("PUT", "/stock/feed"): {"warehouse"},
    ("POST", "/stock/holds"): {"shop"},
    ("GET", STOCK_HOLD): {"shop", "sales", "service", "warehouse"},
    ("POST", f"{STOCK_HOLD}/extend"): {"shop"},
    ("POST", f"{STOCK_HOLD}/release"): {"shop"},
    ("GET", "/drafts"): {"sales", "finance", "service"},
    ("POST", "/drafts"): {"sales"},
    ("GET", DRAFT): {"sales", "finance", "service"},
    ("PUT", DRAFT): {"sales"},
    ("POST", f"{DRAFT}/approve"): {"finance"},
    ("POST", f"{DRAFT}/reject"): {"finance"},
    ("POST", f"{DRAFT}/discard"): {"sales"},
    ("POST", f"{DRAFT}/place"): {"sales"},
    ("POST", "/promises"): {"service", "sales", "shop"},
    ("POST", "/availability"): {"warehouse", "service", "sales", "shop"},
    ("GET", "/policies/sourcing"): set(),
    ("PUT", "/policies/sourcing"): set(),
    ("GET", "/policies/sourcing/versions"): set(),
    ("POST", "/policies/sourcing/rollback"): set(),
    ("GET", "/quarantine"): {"service"},
    ("GET", PARKED): {"service"},
    ("POST", f"{PARKED}/replay"): {"service"},
    ("GET", "/policies/integrations"): {"service", "warehouse", "finance", "sales"},
    ("PUT", "/policies/integrations"): set(),
    ("GET", "/policies/returns"): {"service", "warehouse", "finance"},
    ("PUT", "/policies/returns"): set(),
    ("GET", "/webhook-subscriptions"): set(),
    ("POST", "/webhook-subscriptions"): set(),
    ("GET", WEBHOOK): set(),
    ("PUT", WEBHOOK): set(),
    **{("POST", f"{WEBHOOK}/{verb}"): set() for verb in ("enable", "disable", "secret", "ping", "replays")},
    ("GET", f"{WEBHOOK}/replays/whr_00000000000000000000000000"): set(),
}
"""Beside `admin`, who may do everything."""
BODIES: dict[str, dict[str, Any]] = {
    f"{WORK}/reject": {"reason": "damaged"},
    f"{WORK}/shipments": {
        "parcels": [{"carrier": "x", "tracking_number": "y", "lines": [{"line_id": "1", "quantity": 1}]}]
    },
}
KNOWN = ("hld_1", "MUG-01", "DE-2026-000001", "unm_1", "dp_1")
"""Values of paths that are no ids of ours."""
ROUTES = pytest.mark.parametrize(("method", "path"), ALLOWED, ids=lambda value: value.replace("0000000000", "0"))


def _protected_routes() -> set[tuple[str, str]]:
    template = yaml_parse((ROOT / "template.yaml").read_text())
    events = [
        event["Properties"]
        for resource in template["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "HttpApi"
    ]
    return {(each["Method"], each["Path"]) for each in events if each.get("Auth", {}).get("Authorizer") != "NONE"}


def test_the_table_names_every_route_that_is_not_public(oms: Oms) -> None:
    def shape(path: str) -> tuple[str, ...]:
        parts = path.partition("?")[0].split("/")
        return tuple("{}" if "_0" in part or part[:1] == "{" or part in KNOWN else part for part in parts)

    named = {(method, shape(path)) for method, path in ALLOWED}
    assert named == {(method, shape(path)) for method, path in _protected_routes()}


@ROUTES
def test_a_role_may_do_what_the_table_says(oms: Oms, method: str, path: str) -> None:
    for role in ROLES:
        body = BODIES.get(path, {})
        key = oms.unique("key") if method == "POST" else ""
        reply = oms.system.call(method, path, None if method == "GET" else body, role=role, key=key)
        assert reply.status < 500, (role, reply)
        assert (reply.status != 403) == (role in ALLOWED[method, path] | {"admin"}), (role, reply)
        if reply.status == 403:
            assert reply.document["code"] == "forbidden"


@ROUTES
def test_nobody_is_let_in_without_a_genuine_token(oms: Oms, method: str, path: str) -> None:
    token = oms.system.token("admin")
    head, payload, signature = token.split(".")
    flipped = ("A" if signature[9] != "A" else "B").join((signature[:9], signature[10:]))
    for header in ("", f"Bearer {head}.{payload}.{flipped}", f"Bearer {head}.{payload}.", "Bearer x", f"Basic {token}"):
        headers = {"authorization": header} if header else {}
        reply = oms.system.call(method, path, headers={**headers, "idempotency-key": "k"}, body=b"{}")
        assert reply.status == 401, (header[:20], reply)


@pytest.mark.parametrize(
    "source",
    [
        *("shopify", "woocommerce", "tiktok-shop", "bigcommerce", "walmart", "etsy", "ebay"),
        *("mercadolibre", "meta-commerce", "easypost", "stripe", "adyen", "paypal"),
    ],
)
def test_a_delivery_that_nobody_signed_is_refused_and_not_queued(oms: Oms, source: str) -> None:
    oms.quiet()
    before = len(oms.scan_table("EventsTable")), len(oms.parked())
    folder = {"easypost": "carriers", **dict.fromkeys(("stripe", "adyen", "paypal"), "payments")}.get(
        source, "channels"
    )
    file = max((EVENTS / folder / source).glob("*.json"))  # the first of some are pings
    delivery = rec.read(source, file)
    secret = {"tiktok-shop": "app:wrong", "etsy": "whsec_d3Jvbmc="}.get(source, "wrong")
    genuine = rec.sign(delivery, secret)
    for headers in (genuine, delivery.headers):
        reply = oms.system.call("POST", f"/webhooks/{source}/main", headers=headers, body=delivery.body)
        assert (reply.status, reply.document["code"]) == (401, "bad_signature")
    unknown = oms.system.call("POST", f"/webhooks/{source}/never-connected", headers=genuine, body=delivery.body)
    assert unknown.status == 401
    assert oms.waiting_messages() == 0
    assert (len(oms.scan_table("EventsTable")), len(oms.parked())) == before


def test_a_signed_body_that_was_changed_or_is_old_is_refused(oms: Oms) -> None:
    file = min((EVENTS / "channels" / "shopify").glob("*.json"))
    delivery = rec.read("shopify", file)
    headers = rec.sign(delivery, "demo-shopify")
    changed = json.dumps(json.loads(delivery.body), indent=1).encode()
    assert oms.system.call("POST", "/webhooks/shopify/main", headers=headers, body=changed).status == 401
    event = rec.read("stripe", min((EVENTS / "payments" / "stripe").glob("*.json")))
    old = rec.sign(event, oms.sandbox.settings.webhook_secret, at=1_700_000_000)
    reply = oms.system.call("POST", "/webhooks/stripe/main", headers=old, body=event.body)
    assert (reply.status, reply.document["code"]) == (401, "outside_replay_window")


def test_a_rotated_secret_is_taken_at_once_and_the_one_before_for_a_while(oms: Oms) -> None:
    delivery = rec.read("shopify", min((EVENTS / "channels" / "shopify").glob("*.json")))

    def statuses(*secrets: str) -> list[int]:
        time.sleep(LOOK_AGAIN_S)
        return [rec.send(oms.system, delivery, "rotated", secret)[0] for secret in secrets]

    connect(oms.system, "shopify", "rotated", "first")
    assert statuses("first", "second") == [200, 401]
    connect(oms.system, "shopify", "rotated", "second")
    assert statuses("second", "first") == [200, 200]
    connect(oms.system, "shopify", "rotated", "third")
    assert statuses("third", "second", "first") == [200, 200, 401]


def test_nobody_may_claim_to_be_amazon_over_http(oms: Oms) -> None:
    file = min((EVENTS / "channels" / "amazon").glob("*.json"))
    reply = oms.system.call("POST", "/webhooks/amazon/main", body=rec.read("amazon", file).body)
    assert reply.status == 404
    assert oms.system.call("POST", "/webhooks/nobody/main", body=b"{}").status == 404
    assert oms.system.call("POST", "/webhooks/shopify/a%20b", body=b"{}").status == 404
