"""Bodies of what a warehouse says."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from oms.entrypoints.requests.common import Body, Name, NamedUnits


class RejectBody(Body):
    """POST /fulfillment-orders/{id}/reject."""

    reason: Literal["no_capacity", "not_found", "damaged"]


class ParcelBody(Body):
    """A parcel that was handed over."""

    carrier: Name
    tracking_number: Annotated[str, Field(min_length=1, max_length=100)]
    lines: Annotated[list[NamedUnits], Field(min_length=1, max_length=90)]


class ShipmentBody(Body):
    """POST /fulfillment-orders/{id}/shipments."""

    parcels: Annotated[list[ParcelBody], Field(min_length=1, max_length=90)]
