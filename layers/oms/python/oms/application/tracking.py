"""Take in a carrier's word on a parcel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from oms.application.orders import stream_of
from oms.carriers.registry import carrier
from oms.domain import ids
from oms.domain.codec import from_plain, to_plain
from oms.domain.commit import Cause
from oms.domain.errors import ParcelNotFoundError
from oms.domain.frozen import frozen
from oms.domain.order.commands import RecordTracking
from oms.domain.order.evolve import fold
from oms.domain.order.fulfilling import find_parcel, record_tracking
from oms.domain.order.return_commands import RecordReturnScan
from oms.domain.tracking import DECISIVE, ParcelStatus, TrackingScan, TrackingUpdate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from oms.application.orders import Loaded, Orders
    from oms.application.ports import Log, Views
    from oms.domain.inbound import InboundRequest
    from oms.domain.order.state import Order

FACT: Final = "tracking"


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


def _command(update: TrackingUpdate) -> RecordTracking:
    scan = effective_scan(update)
    return RecordTracking(
        command_id=ids.command_id("tracking", update.source, update.account, update.event_id),
        tracking_number=update.tracking_number,
        status=scan.status,
        occurred_at=scan.occurred_at,
        estimated_delivery_at=update.estimated_delivery_at,
    )


def with_scans(order: Order, facts: Iterable[Mapping[str, Any]]) -> Order:
    """The order with its parcels where the carrier saw them last, told by its log and by the scans kept beside it.

    In whatever order the facts come: `record_tracking` takes the newest by the carrier's own time.
    """
    for fact in facts:
        if fact.get("kind") != FACT:
            continue
        events = record_tracking(order, _command(from_plain(TrackingUpdate, fact["update"])))
        order = fold(order.order_id, events, order) or order
    return order


@frozen(kw_only=False)
class ShowOrder:
    """An order as people see it: what was decided, and where its parcels were seen."""

    orders: Orders
    log: Log

    def __call__(self, order_id: str, at: datetime | None = None) -> Loaded:
        """The order now, or as it was known at an instant: when a scan came is not kept, so then without scans."""
        loaded = self.orders.load(order_id, at)
        under_way = loaded.order and any(
            parcel.status is not ParcelStatus.DELIVERED for parcel in loaded.order.parcels.values()
        )
        if at is not None or loaded.order is None or not under_way:
            return loaded
        return replace(loaded, order=with_scans(loaded.order, self.log.facts(loaded.history.stream)))


@frozen(kw_only=False)
class TakeTracking:
    """A carrier's delivery: a commit when somebody may have to act on it, else a fact, without reading the order."""

    orders: Orders
    log: Log
    views: Views

    def __call__(self, source: str, request: InboundRequest) -> str:
        """The order it was for; raises ParcelNotFoundError, which may pass when the scan overtook the shipment."""
        update = carrier(source).read_tracking(request)
        found = self.views.orders_with("tracking", update.tracking_number)
        if not found and (returning := self.views.orders_with("return", update.tracking_number)):
            return self._returning(returning[0], update)
        if not found:
            raise ParcelNotFoundError(
                "no parcel has this tracking number", source=source, tracking_number=update.tracking_number
            )
        command = _command(update)
        if len(found) == 1 and command.status not in DECISIVE:
            self._keep(found[0], update)
            return found[0]
        loaded = self._meant(found, update.tracking_number)
        order_id = loaded.history.stream.partition("#")[2]
        if command.status not in DECISIVE:
            self._keep(order_id, update)
            return order_id
        cause = Cause(kind="carrier", ref=update.event_id, actor=source)
        if not self.orders.execute(order_id, command, cause, loaded=loaded).events:
            self._keep(order_id, update)
        return order_id

    def _returning(self, order_id: str, update: TrackingUpdate) -> str:
        """The word on a parcel that comes back: a commit when it sets the return going, and then its money too."""
        scan = effective_scan(update)
        command = RecordReturnScan(
            command_id=ids.command_id("return-scan", update.source, update.account, update.event_id),
            tracking_number=update.tracking_number,
            status=scan.status,
            occurred_at=scan.occurred_at,
        )
        cause = Cause(kind="carrier", ref=update.event_id, actor=update.source)
        self.orders.execute(order_id, command, cause)
        return order_id

    def _keep(self, order_id: str, update: TrackingUpdate) -> None:
        """Once by its event; of the scans only the one that counts, since each comes again with every later update."""
        kept = replace(update, scans=(effective_scan(update),))
        fact = {"kind": FACT, "update": to_plain(kept)}
        self.log.put_fact(stream_of(order_id), f"{update.source}#{update.event_id}", fact)

    def _meant(self, found: Iterable[str], tracking_number: str) -> Loaded:
        """The order whose parcel this is.

        Carriers use numbers again: an undelivered parcel is meant before a delivered one, a newer order before an old.
        """
        candidates = []
        for order_id in found:
            loaded = self.orders.load(order_id)
            if loaded.order is not None:
                delivered = find_parcel(loaded.order, tracking_number).status is ParcelStatus.DELIVERED
                candidates.append((delivered, loaded))
        return min(candidates, key=lambda each: each[0])[1]
