"""The path whose price is measured: a Shopify order of 3 lines, promised, shipped in one parcel, scanned three times.

What is sent is made here, for whatever drives the system; every order has ids, a customer and SKUs of its own number.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from infra.local import recorded as rec
from oms.domain import ids
from tests.support.template import ROOT

EVENTS: Final = ROOT / "events"
SAMPLE: Final = "14-orders-create-us-west-paid.json"
SCANS: Final = ("02", "03", "04")
"""In transit, out for delivery, delivered: samples of events/carriers/easypost."""
STEPS: Final = ("place", "ship", "in transit", "out for delivery", "delivered")
BEFORE_SCANS: Final = len(STEPS) - len(SCANS)
LINES: Final = 3
CATALOGUE: Final = 240
"""SKUs that orders take turns with, so that neighbours share none."""
NODE: Final = "us-west"
_FIRST: Final = 7_100_000_000_000
_SHARED: Final = ("number", "order_number")


def sku(number: int) -> str:
    """The `number`-th SKU of the catalogue."""
    return f"COST-{number % CATALOGUE:04d}"


@dataclass(frozen=True, slots=True)
class Journey:
    """One order's way."""

    number: int

    @property
    def external_id(self) -> str:
        """What Shopify calls it."""
        return str(_FIRST + self.number)

    @property
    def order_id(self) -> str:
        """What we call it."""
        return ids.order_id("shopify", "main", self.external_id)

    @property
    def fulfillment_order_id(self) -> str:
        """Its only one."""
        return ids.fulfillment_order_id(self.order_id, 1)

    @property
    def tracking(self) -> str:
        """The parcel's number."""
        return f"EZ{self.number:09d}"

    @property
    def skus(self) -> tuple[str, ...]:
        """What is bought, a unit of each."""
        return tuple(sku(self.number * LINES + place) for place in range(LINES))

    @property
    def line_ids(self) -> tuple[str, ...]:
        """The order's lines."""
        return tuple(f"{self.external_id}{place}" for place in range(LINES))

    def placed(self) -> rec.Recorded:
        """The webhook that says it was placed."""
        sample = _sample()
        body: dict[str, Any] = json.loads(sample.body)
        lines = [
            {**line, "id": int(line_id), "admin_graphql_api_id": f"gid://shopify/LineItem/{line_id}", "sku": sku_}
            for line, line_id, sku_ in zip(body["line_items"], self.line_ids, self.skus, strict=True)
        ]
        customer = {**body["customer"], "id": 9_000_000_000 + self.number, "email": f"buyer.{self.number}@example.com"}
        body |= {
            "id": int(self.external_id),
            "admin_graphql_api_id": f"gid://shopify/Order/{self.external_id}",
            "name": f"#C{self.number}",
            "line_items": lines,
            "customer": customer,
        }
        body |= {"email": customer["email"], "contact_email": customer["email"]}
        event = f"cost-{self.number}"
        headers = {**sample.headers, "x-shopify-event-id": event, "x-shopify-webhook-id": event}
        return rec.Recorded(name=str(self.number), source="shopify", headers=headers, body=json.dumps(body).encode())

    def shipment(self) -> dict[str, Any]:
        """The warehouse's word: all of it, in one parcel."""
        lines = [{"line_id": line_id, "quantity": 1} for line_id in self.line_ids]
        return {"parcels": [{"carrier": "USPS", "tracking_number": self.tracking, "lines": lines}]}

    def scan(self, number: str) -> rec.Recorded:
        """The carrier's word, one of SCANS."""
        file = next((EVENTS / "carriers" / "easypost").glob(f"{number}-*"))
        return rec.read("easypost", file, {"tracking_number": self.tracking})


@cache
def _sample() -> rec.Recorded:
    return rec.read("shopify", EVENTS / "channels" / "shopify" / SAMPLE)
