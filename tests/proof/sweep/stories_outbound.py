"""Stories of webhooks to the merchant's other systems: subscribed to, delivered, refused, ended, sent again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import commit_item
from oms.channels import signatures
from oms.domain.outbound import webhook_id
from tests.proof.sweep.people import MAIN, place, ship, work

if TYPE_CHECKING:
    from tests.proof.sweep.world import World

ERP: Final = "https://erp.example.com/hook"
WMS: Final = "https://wms.example.com/hook"
ORDERS: Final = ["OrderPlaced.v1", "OrderPromised.v1", "ShipmentShipped.v1"]
BASE: Final = "/webhook-subscriptions"


def _subscribe(w: World, key: str, url: str, *kinds: str) -> dict[str, Any]:
    return dict(w.post(BASE, {"url": url, "event_types": list(kinds)}, key=key, status=201))


def _told(w: World, url: str) -> set[str]:
    """Ids of the messages that an endpoint took."""
    return {sent.headers["webhook-id"] for sent, status in w.vendors.hooks if sent.url == url and status < 300}


def _wanted(w: World, subscription_id: str, *kinds: str) -> set[str]:
    return {webhook_id(subscription_id, each.event_id) for each in w.published if each.kind in kinds}


def _opened(w: World) -> None:
    w.product("MUG-01", "LAMP-OAK")
    w.receive("opening", MUG_01=(MAIN, 9), LAMP_OAK=(MAIN, 9))
    w.settle()


def webhooks_are_sent(w: World) -> None:
    """Two systems are told of an order; one cannot be reached at first, and is given another secret meanwhile."""
    _opened(w)
    erp = _subscribe(w, "erp", ERP, *ORDERS)
    wms = _subscribe(w, "wms", WMS, "StockMoved.v1")
    told = w.post(f"{BASE}/{erp['subscription_id']}/ping", key="ping")
    assert told["delivered"] or w.tap.fired, told
    body = {"url": WMS, "event_types": ["StockMoved.v1", "ShipmentShipped.v1"], "expected_version": 1}
    changed = w.http("PUT", f"{BASE}/{wms['subscription_id']}", body, key="change")
    assert (changed.status, changed.document["version"]) == (200, 2), changed
    w.vendors.answers[ERP] = [503, 503]
    place(w, "s-1", {"MUG-01": 2})
    w.drain()
    other = w.post(f"{BASE}/{erp['subscription_id']}/secret", {"overlap_hours": 1}, key="rotate")["secret"]
    w.settle()
    ship(w, work(w, MAIN), "EZ1")
    w.receive("more", LAMP_OAK=(MAIN, 1))
    w.settle()
    assert _wanted(w, erp["subscription_id"], *ORDERS) <= _told(w, ERP)
    assert _wanted(w, wms["subscription_id"], "ShipmentShipped.v1") <= _told(w, WMS)
    sent = next(each for each, _ in w.vendors.hooks if each.url == ERP and " " in each.headers["webhook-signature"])
    at = datetime.fromtimestamp(int(sent.headers["webhook-timestamp"]), UTC)
    for secret in (erp["secret"], other):
        signatures.check_standard(sent.headers, sent.body, list(signatures.standard_keys([secret])), at)
    assert [each["event_types"] for each in w.get(BASE)["subscriptions"]]
    assert w.get(f"{BASE}/{erp['subscription_id']}")["health"]["failures"] == 0
    assert w.schedule("DeliverWebhooks")["asked_for"] == [
        "OrderPlaced.v1",
        "OrderPromised.v1",
        "ShipmentShipped.v1",
        "StockMoved.v1",
    ]


def webhooks_are_sent_again(w: World) -> None:
    """An endpoint is gone; when it is back, it is sent what it missed: from a time on, and from an event on."""
    whole = commit_item.PIECE
    w.patch.setattr(commit_item, "PIECE", 30)  # so that this commit has parts, which a replay reads too
    _opened(w)
    w.patch.setattr(commit_item, "PIECE", whole)
    wms = _subscribe(w, "wms", WMS, "StockMoved.v1")["subscription_id"]
    w.vendors.gone.add(WMS)
    w.now += timedelta(minutes=1)
    began = w.now
    w.receive("gone", MUG_01=(MAIN, 1))
    w.settle()
    shown = w.get(f"{BASE}/{wms}")
    assert (shown["state"], shown["reason"]) == ("disabled", "gone"), shown
    assert {each["kind"] for each in w.get("/alerts")["alerts"]} >= {"webhook_stopped"}
    w.receive("missed", MUG_01=(MAIN, 1))
    w.settle()
    w.post(f"{BASE}/{wms}/disable", key="off")
    refused = w.http("POST", f"{BASE}/{wms}/replays", {"since": began.isoformat()}, key="too soon")
    assert (refused.status, refused.document["code"]) == (409, "webhook_disabled"), refused
    w.vendors.gone.discard(WMS)
    w.post(f"{BASE}/{wms}/enable", key="on")
    first = w.post(f"{BASE}/{wms}/replays", {"since": began.isoformat()}, key="since", status=202)
    w.settle()
    row = w.get(f"{BASE}/{wms}/replays/{first['replay_id']}")
    assert (row["state"], row["sent"] >= 2) == ("finished", True), row
    opening = min(each.event_id for each in w.published if _skus(each.detail) == {"MUG-01", "LAMP-OAK"})
    assert webhook_id(wms, opening) not in _told(w, WMS)
    w.left_ms = 0
    w.post(f"{BASE}/{wms}/replays", {"event_id": opening}, key="from", status=202)
    w.settle()
    w.left_ms = 900_000
    assert _wanted(w, wms, "StockMoved.v1") == _told(w, WMS)
    w.post(f"{BASE}/{wms}/disable", key="end")


def _skus(detail: Any) -> set[str]:
    return {each["sku"] for each in json.loads(json.dumps(detail)).get("movements", ())}
