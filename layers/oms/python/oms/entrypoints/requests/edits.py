"""Bodies of edits of an order."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from oms.entrypoints.requests.common import Body, LineQuantity, Name, ShipToBody, Text, Units

Amount = Annotated[int, Field(ge=0, le=10**15)]
Short = Annotated[str, Field(max_length=200)]


class AddedBody(Body):
    """Units to be added, in minor units of the order's currency: of a SKU, or more of a line."""

    sku: Short = ""
    line_id: Short = ""
    quantity: Units
    unit_price: Amount | None = None
    discount: Amount = 0
    tax: Amount | None = None
    title: Short = ""


class AddressBody(Body):
    """Where the parcel goes; kept apart from the order."""

    name: Short = ""
    company: Short = ""
    lines: Annotated[list[Short], Field(max_length=6)] = []
    city: Short = ""
    region: Short = ""
    postal_code: Annotated[str, Field(max_length=20)] = ""
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    phone: Annotated[str, Field(max_length=50)] = ""


class EditBody(Body):
    """POST /orders/{id}/edits/preview. What is left out stays as it is; `ship_to` and `address` come together."""

    add: Annotated[list[AddedBody], Field(max_length=90)] = []
    remove: Annotated[list[LineQuantity], Field(max_length=90)] = []
    ship_to: ShipToBody | None = None
    address: AddressBody | None = None
    shipping_method: Short | None = None
    shipping: Amount | None = None
    shipping_tax: Amount | None = None
    reason: Text = ""
    allow_backorder: bool = False


class ApplyBody(EditBody):
    """POST /orders/{id}/edits: the same, and the basis of its preview."""

    basis: Name
