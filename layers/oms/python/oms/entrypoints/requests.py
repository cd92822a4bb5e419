"""Bodies of the staff API. Unknown fields are refused, types are strict."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(max_length=500)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Units = Annotated[int, Field(ge=1, le=1_000_000)]


class Body(BaseModel):
    """Base."""

    model_config = ConfigDict(extra="forbid", strict=True)


class LineQuantity(Body):
    """Units of a line."""

    line_id: Name
    quantity: Units


class CancelBody(Body):
    """POST /orders/{id}/cancel: no lines means everything that has not been handed over."""

    reason: Text = ""
    lines: Annotated[list[LineQuantity], Field(max_length=90)] = []


class HoldBody(Body):
    """POST /orders/{id}/holds: no lines means the whole order."""

    kind: Literal["manual", "fraud", "address", "credit"] = "manual"
    reason: Text = ""
    lines: Annotated[list[Name], Field(max_length=500)] = []


class RefundBody(Body):
    """POST /orders/{id}/refunds: an amount in minor units, or the value of lines."""

    amount: Annotated[int, Field(ge=1, le=10**15)] | None = None
    currency: Annotated[str, Field(max_length=3)] = ""
    reason: Text = ""
    lines: Annotated[list[LineQuantity], Field(max_length=90)] = []
    restock: bool = False


class RejectBody(Body):
    """POST /fulfillment-orders/{id}/reject."""

    reason: Literal["no_capacity", "not_found", "damaged"]


class ParcelBody(Body):
    """A parcel that was handed over."""

    carrier: Name
    tracking_number: Annotated[str, Field(min_length=1, max_length=100)]
    lines: Annotated[list[LineQuantity], Field(min_length=1, max_length=90)]


class ShipmentBody(Body):
    """POST /fulfillment-orders/{id}/shipments."""

    parcels: Annotated[list[ParcelBody], Field(min_length=1, max_length=90)]


class MovementBody(Body):
    """One stock movement."""

    sku: Name
    node_id: Name
    kind: Literal["receipt", "adjustment", "damage", "write_off", "safety"]
    quantity: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)]
    reason: Text = ""


class MovementsBody(Body):
    """POST /stock/movements."""

    movements: Annotated[list[MovementBody], Field(min_length=1, max_length=90)]


class LookUpBody(Body):
    """POST /status/lookup."""

    number: Annotated[str, Field(min_length=1, max_length=100)]
    email: Annotated[str, Field(min_length=3, max_length=320)]


class Empty(Body):
    """A call without a body."""
