"""What bodies of the staff API have in common. Unknown fields are refused, types are strict."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from oms.domain.serials import NUMBER

Text = Annotated[str, Field(max_length=500)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Units = Annotated[int, Field(ge=1, le=1_000_000)]


class Body(BaseModel):
    """Base. Built when first used: a function that starts for one call does not build the bodies of all others."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class Empty(Body):
    """A call without a body."""


class LineQuantity(Body):
    """Units of a line."""

    line_id: Name
    quantity: Units


class SerialBody(Body):
    """A unit by its serial number; `sku` where the line is a kit with several components that have some."""

    serial: Annotated[str, Field(pattern=NUMBER)]
    sku: Annotated[str, Field(max_length=200)] = ""


class NamedUnits(LineQuantity):
    """Units of a line, by their serial numbers if they have any."""

    serials: Annotated[list[SerialBody], Field(max_length=90)] = []


class ShipToBody(Body):
    """Where it goes, and nothing that names a person."""

    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    region: Annotated[str, Field(max_length=200)] = ""
    postal_code: Annotated[str, Field(max_length=20)] = ""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
