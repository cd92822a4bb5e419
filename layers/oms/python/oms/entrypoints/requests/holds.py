"""Bodies of holds of stock."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from oms.entrypoints.requests.common import Body, Name, ShipToBody, Units


class HoldLineBody(Body):
    """Units to hold; without a node, wherever they are."""

    sku: Name
    quantity: Units
    node_id: Annotated[str, Field(max_length=200)] = ""


class StockHoldBody(Body):
    """POST /stock/holds: all of the lines, or none, for so many seconds."""

    kind: Literal["checkout", "quote"] = "checkout"
    channel: Annotated[str, Field(pattern="^[a-z0-9_-]{1,60}$")] = "site"
    account: Annotated[str, Field(min_length=1, max_length=60)] = "main"
    ttl_s: Annotated[int, Field(ge=1, le=7_776_000)]
    lines: Annotated[list[HoldLineBody], Field(min_length=1, max_length=40)]
    ship_to: ShipToBody | None = None


class ExtendBody(Body):
    """POST /stock/holds/{id}/extend: so many seconds from now on."""

    ttl_s: Annotated[int, Field(ge=1, le=7_776_000)]
