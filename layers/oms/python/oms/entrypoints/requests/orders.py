"""Bodies of what changes an order."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from oms.entrypoints.requests.common import Body, LineQuantity, Name, Text


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
