"""What bodies of the staff API have in common. Unknown fields are refused, types are strict."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

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


class ShipToBody(Body):
    """Where it goes, and nothing that names a person."""

    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    region: Annotated[str, Field(max_length=200)] = ""
    postal_code: Annotated[str, Field(max_length=20)] = ""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
