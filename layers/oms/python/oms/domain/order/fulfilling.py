"""Deciding on the warehouse's and the carrier's word."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.domain.errors import (
    FulfillmentOrderNotFoundError,
    InvalidInputError,
    InvalidTransitionError,
    ParcelNotFoundError,
    TooManyPositionsError,
)
from oms.domain.ids import derive
from oms.domain.order.events import (
    FulfillmentOrderAccepted,
    FulfillmentOrderRejected,
    NodeUnits,
    OrderEvent,
    ParcelStatusChanged,
    ShipmentShipped,
    ShippedParcel,
)
from oms.domain.order.scanning import packed
from oms.domain.order.state import FulfillmentOrderStatus
from oms.domain.order.status import payment_cleared, payment_status
from oms.domain.stock import MAX_POSITIONS
from oms.domain.tracking import ParcelStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oms.domain.order.commands import (
        AcceptFulfillmentOrder,
        ParcelToShip,
        RecordTracking,
        RejectFulfillmentOrder,
        ShipFulfillmentOrder,
    )
    from oms.domain.order.events import LineUnits
    from oms.domain.order.state import FulfillmentOrder, Order, Parcel
    from oms.domain.serials import Serial

REJECT_REASONS: Final = frozenset({"no_capacity", "not_found", "damaged"})
_WORKABLE: Final = (FulfillmentOrderStatus.RELEASED, FulfillmentOrderStatus.ACCEPTED)

_RANK: Final = {
    ParcelStatus.UNKNOWN: 0,
    ParcelStatus.PRE_TRANSIT: 1,
    ParcelStatus.IN_TRANSIT: 2,
    ParcelStatus.EXCEPTION: 3,
    ParcelStatus.OUT_FOR_DELIVERY: 4,
    ParcelStatus.AVAILABLE_FOR_PICKUP: 5,
    ParcelStatus.CANCELLED: 6,
    ParcelStatus.RETURN_TO_SENDER: 7,
    ParcelStatus.DELIVERED: 8,
}


def _workable(order: Order, fulfillment_order_id: str) -> FulfillmentOrder:
    known = order.fulfillment_orders.get(fulfillment_order_id)
    if known is None:
        raise FulfillmentOrderNotFoundError("no such fulfillment order", fulfillment_order_id=fulfillment_order_id)
    if known.status not in _WORKABLE:
        raise InvalidTransitionError(f"the fulfillment order is {known.status}", status=known.status.value)
    return known


def accept(order: Order, command: AcceptFulfillmentOrder) -> tuple[OrderEvent, ...]:
    """The warehouse takes it; once is enough."""
    known = _workable(order, command.fulfillment_order_id)
    if known.status is FulfillmentOrderStatus.ACCEPTED:
        return ()
    return (FulfillmentOrderAccepted(fulfillment_order_id=known.fulfillment_order_id),)


def reject(order: Order, command: RejectFulfillmentOrder) -> tuple[OrderEvent, ...]:
    """What remains of it is open again; the node is left out of the next sourcing of this order.

    Of a large one, as many lines as one transaction can free: it is rejected when the last of them are.
    """
    if command.reason not in REJECT_REASONS:
        raise InvalidInputError("unknown reason", reason=command.reason, allowed=sorted(REJECT_REASONS))
    known = _workable(order, command.fulfillment_order_id)
    units: list[NodeUnits] = []
    positions: set[tuple[str, str]] = set()
    for line_id, count in known.remaining.items():
        part = order.bound_at(known, line_id, count)
        positions |= part.places
        if units and len(positions) > MAX_POSITIONS:
            break
        units.append(part)
    return (
        FulfillmentOrderRejected(
            fulfillment_order_id=known.fulfillment_order_id,
            node_id=known.node_id,
            reason=command.reason,
            units=tuple(units),
        ),
    )


def ship(order: Order, command: ShipFulfillmentOrder) -> tuple[OrderEvent, ...]:
    """Parcels leave. Part of the fulfillment order is enough, and of a large one all that one transaction can take.

    Raises TooManyPositionsError for more, InvalidInputError for empty parcels or one tracking number twice,
    InvalidTransitionError for more units than remain (they were cancelled, or shipped before), when the order is held
    and when its payment no longer stands, SerialsDoNotFitError and SerialInUseError for units that have serial numbers.
    """
    known = _workable(order, command.fulfillment_order_id)
    if not payment_cleared(order):
        raise InvalidTransitionError("the payment does not stand", payment=payment_status(order).value)
    numbers = [parcel.tracking_number for parcel in command.parcels]
    taken = {parcel.tracking_number for parcel in order.parcels.values()}
    if not numbers or len(set(numbers)) != len(numbers) or taken & set(numbers):
        raise InvalidInputError("each parcel needs a tracking number of its own")
    shipment_id = derive("shp", known.fulfillment_order_id, command.command_id)
    packing = _Packing(order, known)
    parcels = [
        ShippedParcel(
            parcel_id=derive("pcl", shipment_id, parcel.tracking_number),
            carrier=parcel.carrier,
            tracking_number=parcel.tracking_number,
            units=packing.pack(parcel),
        )
        for parcel in command.parcels
    ]
    _fits(parcels)
    return (
        ShipmentShipped(
            shipment_id=shipment_id,
            fulfillment_order_id=known.fulfillment_order_id,
            node_id=known.node_id,
            parcels=tuple(parcels),
        ),
    )


class _Packing:
    """What is left of a fulfillment order while its parcels are packed."""

    def __init__(self, order: Order, known: FulfillmentOrder) -> None:
        self._order = order
        self._remaining = dict(known.remaining)
        self._left = known
        self._held = order.held_lines
        self._out = {each for line in order.lines.values() for each in line.serials}

    def pack(self, parcel: ParcelToShip) -> tuple[NodeUnits, ...]:
        """The units of a parcel. Raises what `ship` raises for them."""
        named = dict(parcel.serials)
        units = [self._take(part, named.pop(part.line_id, ())) for part in parcel.lines]
        if not units:
            raise InvalidInputError("a parcel needs at least one line", tracking_number=parcel.tracking_number)
        if named:
            raise InvalidInputError("serial numbers are of lines of the parcel", lines=sorted(named))
        return tuple(units)

    def _take(self, part: LineUnits, serials: tuple[Serial, ...]) -> NodeUnits:
        remaining = self._remaining.get(part.line_id, 0)
        if part.quantity <= 0:
            raise InvalidInputError("a quantity must be positive", line=part.line_id)
        if part.quantity > remaining:
            raise InvalidTransitionError("more than remains to be shipped", line=part.line_id, remaining=remaining)
        if part.line_id in self._held:
            raise InvalidTransitionError("the line is on hold", line=part.line_id)
        self._remaining[part.line_id] -= part.quantity
        units = self._order.bound_at(self._left, part.line_id, part.quantity)
        if self._left.drawn:
            self._left = self._left.without([units])
        named = packed(self._order.lines[part.line_id], part.quantity, serials, self._out)
        return replace(units, serials=named) if named else units


def _fits(parcels: Iterable[ShippedParcel]) -> None:
    units = [each for parcel in parcels for each in parcel.units]
    positions = {place for each in units for place in each.places}
    serials = sum(len(each.serials) for each in units)
    if len(positions) + serials > MAX_POSITIONS:
        what = "a shipment takes at most so many SKUs and serial numbers"
        raise TooManyPositionsError(what, limit=MAX_POSITIONS, skus=len(positions), serials=serials)


def find_parcel(order: Order, tracking_number: str) -> Parcel:
    """The parcel with this number; raises ParcelNotFoundError."""
    for parcel in order.parcels.values():
        if parcel.tracking_number == tracking_number:
            return parcel
    raise ParcelNotFoundError("no parcel of this order has this tracking number")


def record_tracking(order: Order, command: RecordTracking) -> tuple[OrderEvent, ...]:
    """The newest scan by the carrier's own time wins, equal times by how far along they are; delivered is final.

    So any order of arrival ends the same. A scan that changes no status changes nothing here.
    """
    parcel = find_parcel(order, command.tracking_number)
    if parcel.status is ParcelStatus.DELIVERED:
        return ()
    known = (parcel.status_at, _RANK[parcel.status])
    told = (command.occurred_at, _RANK[command.status])
    later = known[0] is None or (told[0], told[1]) > (known[0], known[1])
    if command.status is not ParcelStatus.DELIVERED and (not later or command.status is parcel.status):
        return ()
    return (
        ParcelStatusChanged(
            parcel_id=parcel.parcel_id,
            status=command.status,
            occurred_at=command.occurred_at,
            estimated_delivery_at=command.estimated_delivery_at,
        ),
    )
