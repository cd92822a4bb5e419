"""What Amazon is told of parcels: each package by its reference; told again it is edited, and recorded once."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from infra.local.sandbox.core import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.sandbox.core import Request
    from infra.local.sandbox.lists import Document
    from infra.local.sandbox.record import Record

_CONFIRM = re.compile(r"/orders/v0/orders/([A-Za-z0-9-]{1,64})/shipmentConfirmation")
_NEEDED = ("packageReferenceId", "carrierCode", "trackingNumber", "shipDate", "orderItems")


class AmazonTold:
    """One seller's packages."""

    def __init__(self, record: Record, order: Callable[[str], Document | None]) -> None:
        self._record = record
        self._order = order
        self._lock = threading.Lock()
        self.packages: dict[tuple[str, str], Document] = {}
        """By order and reference, as last told."""

    def answer(self, request: Request) -> Reply | None:
        """The answer; None for what is not told but read."""
        found = _CONFIRM.fullmatch(request.path)
        if found is None or request.method != "POST":
            return None
        if self._order(found[1]) is None:
            return _error(404, "NotFound", "The order was not found.")
        body = request.json()
        package = body.get("packageDetail", {})
        reference = package.get("packageReferenceId")
        if not isinstance(reference, str) or not re.fullmatch(r"[1-9][0-9]{0,17}", reference):
            return _error(400, "InvalidInput", "PackageReferenceId: is invalid, must be a positive numeric value.")
        missing = [name for name in _NEEDED if not package.get(name)]
        if package.get("carrierCode") == "Other" and not package.get("carrierName"):
            missing.append("carrierName")
        if missing or not body.get("marketplaceId"):
            return _error(400, "InvalidInput", f"Missing: {', '.join(missing)}")
        self._keep(found[1], reference, package)
        return Reply(status=204, document={}, raw=b"")

    def _keep(self, order_id: str, reference: str, package: Document) -> None:
        with self._lock:
            edited = (order_id, reference) in self.packages
            self.packages[order_id, reference] = package
        if not edited:
            units = sum(each["quantity"] for each in package["orderItems"])
            what = {"order": order_id, "tracking": package["trackingNumber"], "units": units}
            self._record.tell(vendor="amazon", kind="fulfillment", **what)


def _error(status: int, code: str, message: str) -> Reply:
    return Reply(status=status, document={"errors": [{"code": code, "message": message, "details": ""}]})
