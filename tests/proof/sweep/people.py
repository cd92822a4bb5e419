"""Whom the stories tell of: a shop, its shoppers, a warehouse, a carrier, staff at the console."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from oms.domain import ids
from oms.entrypoints import wiring
from tests.proof.sweep.cloud import STAFF

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.proof.sweep.events import Reply
    from tests.proof.sweep.world import World

EAST: Final = "us-east"
MAIN: Final = "de-main"
SHOPPER: Final[dict[str, Any]] = {
    "name": "Mara Lind",
    "email": "mara.lind@example.com",
    "shipping": {"name": "Mara Lind", "lines": ["Beispielweg 12"], "city": "Berlin", "country": "DE"},
}
OTHER_EMAIL: Final = "maya.o@elsewhere.example"
"""Where a shopper is reached after a change in the shop."""
BERLIN: Final = {"country": "DE", "region": "BE", "postal_code": "10115", "latitude": 52.5, "longitude": 13.4}
CARD: Final = {
    "currency": "eur",
    "capture_method": "manual",
    "payment_method": "pm_card_visa",
    "payment_method_options[card][request_multicapture]": "if_available",
    "confirm": "true",
}
FORM: Final = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}


def pay(w: World, amount: int, **fields: str) -> dict[str, Any]:
    """The shopper pays at the provider; what the order then says of it."""
    intent = w.vendors.post("/v1/payment_intents", {**CARD, "amount": str(amount), **fields})
    return {"provider": "stripe", "reference": intent["id"]}


def place(w: World, key: str, lines: Mapping[str, int], payment: Mapping[str, Any] | None = None, **more: Any) -> str:
    """An order of the merchant's own site at 10.00 a unit; its id."""
    total = sum(lines.values()) * 1000
    body = {
        "number": key.upper(),
        "currency": "EUR",
        "lines": [{"sku": sku, "quantity": units, "unit_price": 1000} for sku, units in lines.items()],
        "total": total,
        "ship_to": BERLIN,
        "contact": SHOPPER,
        "payment": payment or {"provider": "in_channel", "state": "paid", "captured": total},
        **more,
    }
    if "payments" in more:
        del body["payment"]
    return str(w.post("/orders", body, key=key, role="shop", status=201)["order_id"])


def site(key: str) -> str:
    """The id of a site order."""
    return ids.order_id("site", "main", key)


def work(w: World, node: str, status: str = "released") -> dict[str, Any]:
    """The first open fulfillment order of a node, as the warehouse sees it."""
    rows = w.get(f"/fulfillment-orders?node={node}&status={status}", role="warehouse")["fulfillment_orders"]
    found: dict[str, Any] = w.get(f"/fulfillment-orders/{rows[0]['fulfillment_order_id']}", role="warehouse")
    return found


def accept(w: World, each: Mapping[str, Any]) -> None:
    """The warehouse takes the work."""
    number = each["fulfillment_order_id"]
    w.post(f"/fulfillment-orders/{number}/accept", key=f"accept-{number}", role="warehouse")


def reject(w: World, each: Mapping[str, Any], reason: str) -> None:
    """The warehouse cannot."""
    number = each["fulfillment_order_id"]
    w.post(f"/fulfillment-orders/{number}/reject", {"reason": reason}, key=f"reject-{number}", role="warehouse")


def ship(w: World, each: Mapping[str, Any], tracking: str, units: int = 99) -> None:
    """One parcel with up to `units` of every line that remains."""
    number = each["fulfillment_order_id"]
    lines = [{"line_id": line["line_id"], "quantity": min(units, line["quantity"])} for line in each["lines"]]
    parcels = [{"carrier": "DHL", "tracking_number": tracking, "lines": lines}]
    path = f"/fulfillment-orders/{number}/shipments"
    w.post(path, {"parcels": parcels}, key=f"ship-{tracking}", role="warehouse")


def scan(w: World, tracking: str, sample: str, **changes: Any) -> None:
    """The carrier tells of a parcel: `02` in transit, `03` out for delivery, `04` delivered."""
    w.deliver("easypost", sample, {"tracking_number": tracking}, **changes)


def cancel(w: World, order_id: str, key: str) -> None:
    """Cancel everything that has not left."""
    w.post(f"/orders/{order_id}/cancel", {"reason": "changed my mind"}, key=key, role="service")


def hold(w: World, order_id: str, key: str) -> str:
    """Stop an order; the hold."""
    document = w.post(f"/orders/{order_id}/holds", {"kind": "fraud"}, key=key, role="service")
    return str(next(each["hold_id"] for each in document["holds"] if each["active"]))


def spread(w: World, *skus: str) -> None:
    """So many wanted these that their positions were spread over four rows."""
    w.cloud.enter("manage_stock", w.patch)
    for sku in skus:
        wiring.log().reshape.heat({(sku, MAIN): 1}, w.now)


def parked(w: World) -> list[str]:
    """What stands in quarantine."""
    return [each["parked_id"] for each in w.get("/quarantine", role="service")["quarantine"]]


@dataclass
class Api:
    """Somebody who replays by the API."""

    w: World

    def replay(self, parked_id: str) -> int:
        """Try an input again."""
        path = f"/quarantine/{parked_id}/replay"
        return self.w.http("POST", path, {}, role="service", key=f"replay-{parked_id}").status


@dataclass
class Console:
    """Somebody at the console, signed in when first needed."""

    w: World
    cookie: str = field(default="", repr=False)

    def sign_in(self) -> None:
        """With a name and a password; once more when the page says that it were too many tries."""
        user, password = STAFF
        body = urlencode({"username": user, "password": password, "next": "/console/orders"}).encode()
        reply = self.w.http("POST", "/console/login", headers=FORM, body=body, role="")
        if reply.status == 429:
            reply = self.w.http("POST", "/console/login", headers=FORM, body=body, role="")
        assert reply.status == 303, reply
        self.cookie = reply.cookies[0].partition(";")[0]

    def page(self, path: str) -> Reply:
        """A page."""
        if not self.cookie:
            self.sign_in()
        reply = self.w.http("GET", path, headers={"cookie": self.cookie, "accept": "text/html"}, role="")
        assert reply.status == 200, (path, reply)
        return reply

    def submit(self, page: str, action: str) -> int:
        """Send the form of a page."""
        text = self.page(page).text
        form = text[text.index(f'action="{action}"') :]
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form.partition("</form>")[0]))
        headers = {**FORM, "cookie": self.cookie}
        return self.w.http("POST", action, headers=headers, body=urlencode(fields).encode(), role="").status

    def replay(self, parked_id: str) -> int:
        """Try an input again."""
        return self.submit(f"/console/quarantine/{parked_id}", f"/console/quarantine/{parked_id}/replay")
