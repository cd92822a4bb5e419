"""Bodies of the promise service."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from oms.entrypoints.requests.common import Body, Name, ShipToBody, Units


class CartLineBody(Body):
    """Units of a SKU in a cart."""

    sku: Name
    quantity: Units


class DestinationBody(ShipToBody):
    """Where a cart goes."""

    city: Annotated[str, Field(max_length=200)] = ""


class CartBody(Body):
    """POST /promises: no shipping methods means those that rules of sourcing tell apart, and any other."""

    lines: Annotated[list[CartLineBody], Field(min_length=1, max_length=100)]
    ship_to: DestinationBody
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    channel: Annotated[str, Field(pattern="^[a-z0-9_-]{1,60}$")] = "site"
    account: Annotated[str, Field(min_length=1, max_length=60)] = "main"
    total: Annotated[int, Field(ge=0, le=10**15)] = 0
    shipping_methods: Annotated[list[Name], Field(max_length=10)] = []
