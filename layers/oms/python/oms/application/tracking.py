"""Take in a carrier's word on a parcel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from oms.application.orders import stream_of
from oms.carriers.registry import carrier
from oms.domain import ids
from oms.domain.codec import to_plain
from oms.domain.commit import Cause
from oms.domain.errors import ParcelNotFoundError
from oms.domain.order.commands import RecordTracking
from oms.domain.order.fulfilling import find_parcel
from oms.domain.tracking import ParcelStatus, TrackingScan

if TYPE_CHECKING:
    from oms.application.orders import Orders
    from oms.application.ports import Log, Views
    from oms.domain.inbound import InboundRequest
    from oms.domain.order.state import Order
    from oms.domain.tracking import TrackingUpdate


def effective_scan(update: TrackingUpdate) -> TrackingScan:
    """The scan that says where the parcel is: a delivery if there was one, else the newest with a known status."""
    own = TrackingScan(status=update.status, occurred_at=update.status_at)
    scans = [own, *(scan for scan in update.scans if scan.status is not ParcelStatus.UNKNOWN)]
    delivered = [scan for scan in scans if scan.status is ParcelStatus.DELIVERED]
    return (
        min(delivered, key=lambda scan: scan.occurred_at)
        if delivered
        else max(scans, key=lambda scan: scan.occurred_at)
    )


@dataclass(frozen=True, slots=True)
class TakeTracking:
    """A carrier's delivery: a commit when it moves the parcel on, a fact when it only adds a scan."""

    orders: Orders
    log: Log
    views: Views

    def __call__(self, source: str, request: InboundRequest) -> str:
        """The order it was for; raises ParcelNotFoundError, which may pass when the scan overtook the shipment."""
        update = carrier(source).read_tracking(request)
        order = self._find(update)
        scan = effective_scan(update)
        command = RecordTracking(
            command_id=ids.command_id("tracking", source, request.account, update.event_id),
            tracking_number=update.tracking_number,
            status=scan.status,
            occurred_at=scan.occurred_at,
            estimated_delivery_at=update.estimated_delivery_at,
        )
        cause = Cause(kind="carrier", ref=update.event_id, actor=source)
        outcome = self.orders.execute(order.order_id, command, cause)
        if not outcome.events:
            fact = {"kind": "tracking", "update": to_plain(update)}
            self.log.put_fact(stream_of(order.order_id), f"{source}#{update.event_id}", fact)
        return order.order_id

    def _find(self, update: TrackingUpdate) -> Order:
        """The order whose parcel this is.

        Carriers use numbers again: an undelivered parcel is meant before a delivered one, a newer order before an old.
        """
        found = []
        for order_id in self.views.orders_with("tracking", update.tracking_number):
            order = self.orders.get(order_id)
            found.append((find_parcel(order, update.tracking_number).status is ParcelStatus.DELIVERED, order))
        if not found:
            raise ParcelNotFoundError(
                "no parcel has this tracking number", source=update.source, tracking_number=update.tracking_number
            )
        return min(found, key=lambda each: each[0])[1]
