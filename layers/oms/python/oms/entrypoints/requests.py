"""Bodies of the staff API. Unknown fields are refused, types are strict."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(max_length=500)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Units = Annotated[int, Field(ge=1, le=1_000_000)]


class Body(BaseModel):
    """Base. Built when first used: a function that starts for one call does not build the bodies of all others."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


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
    """POST /orders/{id}/refunds: an amount in minor units, or the value of lines, and where those went."""

    amount: Annotated[int, Field(ge=1, le=10**15)] | None = None
    currency: Annotated[str, Field(max_length=3)] = ""
    reason: Text = ""
    lines: Annotated[list[LineQuantity], Field(max_length=90)] = []
    restock: bool = False
    disposition: Literal["restock", "qc", "damaged", "scrap", "vendor"] | None = None


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


Code = Literal[
    "unspecified", "purchase", "production", "return", "opening", "found", "lost", "theft", "data_entry", "handling",
    "transport", "defect", "expired", "wrong_item", "scrapped", "vendor", "donated", "demand", "policy", "suspicion",
    "passed", "replenishment", "rebalancing", "closing", "miscounted", "cycle", "stocktake", "spot_check",
]  # fmt: skip


class MovementBody(Body):
    """One stock movement."""

    sku: Name
    node_id: Name
    kind: Literal[
        "receipt",
        "adjustment",
        "damage",
        "write_off",
        "safety",
        "qc_hold",
        "qc_release",
        "qc_reject",
        "transfer_out",
        "transfer_in",
        "transfer_loss",
    ]
    quantity: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)]
    reason: Text = ""
    code: Code = "unspecified"
    into: Literal["available", "qc", "damaged"] = "available"
    to_node_id: Annotated[str, Field(max_length=200)] = ""


class MovementsBody(Body):
    """POST /stock/movements."""

    movements: Annotated[list[MovementBody], Field(min_length=1, max_length=90)]


class SeenBody(Body):
    """The position as the counter knew it."""

    on_hand: Annotated[int, Field(ge=0, le=1_000_000_000)]
    counts: Annotated[int, Field(ge=0, le=1_000_000_000)]


class CountBody(Body):
    """What was found at one position."""

    sku: Name
    node_id: Name
    counted: Annotated[int, Field(ge=0, le=1_000_000_000)]
    seen: SeenBody | None = None
    code: Literal["unspecified", "cycle", "stocktake", "spot_check"] = "unspecified"
    reason: Text = ""


class CountsBody(Body):
    """POST /stock/counts."""

    counts: Annotated[list[CountBody], Field(min_length=1, max_length=90)]


class StockFeedBody(Body):
    """PUT /stock/feed: rows are checked one by one, so that one that is wrong does not hold up the others."""

    source: Annotated[str, Field(min_length=1, max_length=40)]
    rows: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=500)]


class SupplyBody(Body):
    """POST /stock/inbound: what is told of a lot."""

    supply_id: Name
    kind: Literal["expected", "changed", "received", "cancelled"]
    sku: Annotated[str, Field(max_length=200)] = ""
    node_id: Annotated[str, Field(max_length=200)] = ""
    quantity: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    due: Annotated[str, Field(max_length=40)] = ""
    into: Literal["available", "qc", "damaged"] = "available"
    reason: Text = ""


class HoldLineBody(Body):
    """Units to hold; without a node, wherever they are."""

    sku: Name
    quantity: Units
    node_id: Annotated[str, Field(max_length=200)] = ""


class ShipToBody(Body):
    """Where it goes, and nothing that names a person."""

    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    region: Annotated[str, Field(max_length=200)] = ""
    postal_code: Annotated[str, Field(max_length=20)] = ""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None


class StockHoldBody(Body):
    """POST /stock/holds: all of the lines, or none, for so many seconds."""

    kind: Literal["checkout", "quote"] = "checkout"
    channel: Annotated[str, Field(pattern="^[a-z0-9_-]{1,60}$")] = "site"
    ttl_s: Annotated[int, Field(ge=1, le=7_776_000)]
    lines: Annotated[list[HoldLineBody], Field(min_length=1, max_length=40)]
    ship_to: ShipToBody | None = None


class ExtendBody(Body):
    """POST /stock/holds/{id}/extend: so many seconds from now on."""

    ttl_s: Annotated[int, Field(ge=1, le=7_776_000)]


class AvailabilityBody(Body):
    """POST /availability: no nodes means all that are active, no channel what is there for any."""

    skus: Annotated[list[Name], Field(min_length=1, max_length=100)]
    node_ids: Annotated[list[Name], Field(max_length=200)] = []
    channel: Annotated[str, Field(max_length=60)] = ""


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


class LookUpBody(Body):
    """POST /status/lookup."""

    number: Annotated[str, Field(min_length=1, max_length=100)]
    email: Annotated[str, Field(min_length=3, max_length=320)]


class Empty(Body):
    """A call without a body."""
