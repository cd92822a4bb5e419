"""Warehouses and carriers of the demo: what is released is shipped, what is shipped is scanned and delivered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from infra.local import recorded as rec
from infra.local.engine import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.system import System

NODES: Final = ("us-east", "us-west", "de-main", "jp-east")
SCANS: Final = (
    "02-tracker-updated-in-transit.json",
    "04-tracker-updated-delivered.json",
    "03-tracker-updated-out-for-delivery.json",
    "02-tracker-updated-in-transit.json",
)
"""As they arrive: the delivery before the scan that led to it, and one scan twice."""


@dataclass(slots=True)
class Warehouse:
    """All nodes of the demo."""

    system: System
    secret: str
    say: Callable[[str, str], None]
    shipped: list[str] = field(default_factory=list)
    """Tracking numbers that no carrier has scanned yet."""
    handed_over: set[str] = field(default_factory=set)
    """All tracking numbers of this run."""

    def ship_released(self) -> int:
        """Accept and ship every fulfillment order that is released; how many."""
        count = 0
        for node in NODES:
            for status in ("released", "accepted"):
                reply = self.system.call("GET", f"/fulfillment-orders?node={node}&status={status}", role="warehouse")
                for row in reply.document["fulfillment_orders"]:
                    count += self._ship(row["fulfillment_order_id"], node)
        return count

    def _ship(self, fulfillment_order_id: str, node: str) -> int:
        path = f"/fulfillment-orders/{fulfillment_order_id}"
        work = self.system.call("GET", path, role="warehouse").document
        if work["status"] not in ("released", "accepted") or any(line["on_hold"] for line in work["lines"]):
            return 0
        self.system.call("POST", f"{path}/accept", {}, role="warehouse", key=f"demo-accept-{fulfillment_order_id}")
        tracking = f"EZ{abs(hash_of(fulfillment_order_id)) % 10**12:012d}"
        lines = [{"line_id": line["line_id"], "quantity": line["quantity"]} for line in work["lines"]]
        parcel = {"carrier": "UPS" if node.startswith("us") else "DHL", "tracking_number": tracking, "lines": lines}
        reply = self._post(f"{path}/shipments", {"parcels": [parcel]}, f"demo-ship-{fulfillment_order_id}")
        if reply is None:
            return 0
        units = sum(line["quantity"] for line in lines)
        self.say("warehouse", f"{node} shipped {work['number']}: {units} units, {parcel['carrier']} {tracking}")
        self.shipped.append(tracking)
        self.handed_over.add(tracking)
        return 1

    def _post(self, path: str, document: Any, key: str) -> Any:
        reply = self.system.call("POST", path, document, role="warehouse", key=key)
        return reply.document if reply.status == 200 else None  # noqa: PLR2004 - cancelled meanwhile, perhaps

    def deliver_shipped(self) -> None:
        """The carrier's webhooks for what left."""
        numbers, self.shipped = self.shipped, []
        for number in numbers:
            for scan in SCANS:
                file = ROOT / "events" / "carriers" / "easypost" / scan
                rec.send(self.system, rec.read("easypost", file, {"tracking_number": number}), "main", self.secret)


def hash_of(text: str) -> int:
    """A number that the text always gives."""
    return int.from_bytes(text.encode()[-12:], "big")
