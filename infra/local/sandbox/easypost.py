"""An imitation of EasyPost's API, as far as labels for returns go: a shipment is made, found by reference, bought once.

Each label that is bought is noted in the record: buying twice would show there.
"""

from __future__ import annotations

import base64
import hmac
import re
from typing import TYPE_CHECKING, Any, Final

from infra.local.sandbox.core import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.sandbox.core import Request, Settings
    from infra.local.sandbox.record import Record

_SHIPMENT: Final = re.compile(r"/v2/shipments/([A-Za-z0-9_]{1,100})(/buy)?")
_NEEDED: Final = ("street1", "city", "country")


class EasyPostVendor:
    """One account, with two carriers."""

    name = "easypost"

    def __init__(self, settings: Settings, record: Record) -> None:
        self._settings = settings
        self._record = record
        self.shipments: dict[str, dict[str, Any]] = {}

    def handles(self, path: str) -> bool:
        """Everything of shipments."""
        return path == "/v2/shipments" or path.startswith("/v2/shipments/")

    def answer(self, request: Request) -> Reply:
        """Make, find or buy a shipment."""
        wanted = "Basic " + base64.b64encode(f"{self._settings.easypost_key}:".encode()).decode()
        if not hmac.compare_digest(wanted.encode(), request.headers.get("authorization", "").encode()):
            return _error(401, "APIKEY.INACTIVE")
        if request.path == "/v2/shipments" and request.method == "POST":
            return self._make(request.json().get("shipment") or {})
        match = _SHIPMENT.fullmatch(request.path)
        known = self._find(match[1]) if match else None
        if match is None or known is None:
            return _error(404, "NOT_FOUND")
        if request.method == "GET" and not match[2]:
            return Reply(document=known)
        if request.method == "POST" and match[2]:
            return self._buy(known, request.json())
        return _error(405, "METHOD_NOT_ALLOWED")

    def problem(self, status: int) -> Mapping[str, Any]:
        """A code."""
        return {"error": {"code": "SANDBOX", "message": f"sandbox answers {status}", "errors": []}}

    def _find(self, wanted: str) -> dict[str, Any] | None:
        """By id, or by reference."""
        return next((each for each in self.shipments.values() if wanted in (each["id"], each["reference"])), None)

    def _make(self, asked: Mapping[str, Any]) -> Reply:
        there, back = asked.get("to_address") or {}, asked.get("from_address") or {}
        missing = [name for name in _NEEDED if not there.get(name) or not back.get(name)]
        if missing or not (asked.get("parcel") or {}).get("weight"):
            return _error(422, "SHIPMENT.INVALID_PARAMS")
        number = len(self.shipments) + 1
        swapped = (back, there) if asked.get("is_return") else (there, back)
        made: dict[str, Any] = {
            "id": f"shp_{number:032x}",
            "object": "Shipment",
            "reference": asked.get("reference"),
            "is_return": bool(asked.get("is_return")),
            "to_address": swapped[0],
            "from_address": swapped[1],
            "rates": [
                {"id": f"rate_{number:030x}{place:02}", "carrier": carrier, "service": "Ground", "rate": rate}
                for place, (carrier, rate) in enumerate((("UPS", "9.10"), ("USPS", "6.45")), start=1)
            ],
            "selected_rate": None,
            "postage_label": None,
            "tracking_code": None,
        }
        self.shipments[str(made["id"])] = made
        return Reply(status=201, document=made)

    def _buy(self, known: dict[str, Any], asked: Mapping[str, Any]) -> Reply:
        rate = next((each for each in known["rates"] if each["id"] == (asked.get("rate") or {}).get("id")), None)
        if known["postage_label"]:
            return _error(422, "SHIPMENT.POSTAGE.EXISTS")
        if rate is None:
            return _error(422, "SHIPMENT.POSTAGE.NO_RATE")
        number = known["id"].removeprefix("shp_").lstrip("0")
        known["selected_rate"] = rate
        known["tracking_code"] = f"EZRETURN{number:0>4}"
        known["postage_label"] = {"label_url": f"https://labels.example/{known['id']}.png"}
        self._record.tell(vendor=self.name, kind="label", reference=known["reference"], carrier=rate["carrier"])
        return Reply(document=known)


def _error(status: int, code: str) -> Reply:
    return Reply(status=status, document={"error": {"code": code, "message": "see the code", "errors": []}})
