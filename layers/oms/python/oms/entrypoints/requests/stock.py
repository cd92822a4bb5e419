"""Bodies of movements, counts, feeds, supply and availability."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from oms.entrypoints.requests.common import Body, Name, Text

Code = Literal[
    "unspecified", "purchase", "production", "return", "opening", "found", "lost", "theft", "data_entry", "handling",
    "transport", "defect", "expired", "wrong_item", "scrapped", "vendor", "donated", "demand", "policy", "suspicion",
    "passed", "replenishment", "rebalancing", "closing", "miscounted", "cycle", "stocktake", "spot_check",
]  # fmt: skip


class LotBody(Body):
    """A lot of a SKU, as it is printed on its units."""

    number: Annotated[str, Field(pattern="^[A-Za-z0-9._/-]{1,60}$")]
    best_before: Annotated[str, Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None


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
        "pool_fill",
        "pool_release",
    ]
    quantity: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)]
    reason: Text = ""
    code: Code = "unspecified"
    into: Literal["available", "qc", "damaged"] = "available"
    to_node_id: Annotated[str, Field(max_length=200)] = ""
    pool: Annotated[str, Field(max_length=60)] = ""
    lot: LotBody | None = None


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
    lot: LotBody | None = None


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


class AvailabilityBody(Body):
    """POST /availability: no nodes means all that are active, no channel what is there for any."""

    skus: Annotated[list[Name], Field(min_length=1, max_length=100)]
    node_ids: Annotated[list[Name], Field(max_length=200)] = []
    channel: Annotated[str, Field(max_length=60)] = ""
    account: Annotated[str, Field(max_length=60)] = ""
