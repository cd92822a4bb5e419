"""Bodies of returns."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from oms.entrypoints.requests.common import Body, LineQuantity, Name, SerialBody, Text, Units

Reason = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")]
Disposition = Literal["restock", "qc", "refurbish", "damaged", "scrap", "vendor"]


class AskedLineBody(LineQuantity):
    """Units of a line, and why they come back: a code of the policy's."""

    reason: Reason


class WantedBody(LineQuantity):
    """What is wanted for a line of a return, by exchange."""

    sku: Annotated[str, Field(min_length=1, max_length=200)]


class AskReturnBody(Body):
    """POST /orders/{id}/returns and POST /status/{token}/returns."""

    lines: Annotated[list[AskedLineBody], Field(min_length=1, max_length=90)]
    resolution: Literal["refund", "exchange"] = "refund"
    wanted: Annotated[list[WantedBody], Field(max_length=90)] = []


class StaffReturnBody(AskReturnBody):
    """POST /orders/{id}/returns: `override` allows what the policy does not."""

    override: bool = False


class WhyBody(Body):
    """POST /orders/{id}/returns/{id}/reject, …/cancel."""

    reason: Text = ""


class TravelsBody(Body):
    """POST /orders/{id}/returns/{id}/label: the parcel that it travels in."""

    carrier: Name
    tracking_number: Name


class SettleReturnBody(Body):
    """POST /orders/{id}/returns/{id}/settle: units that are paid for, for `amount` in minor units if it is said."""

    reason: Text
    lines: Annotated[list[LineQuantity], Field(max_length=90)] = []
    amount: Annotated[int, Field(ge=0, le=10**15)] | None = None


class ReceiveBody(Body):
    """POST /returns/{id}/receive."""

    node_id: Name


class FoundUnits(LineQuantity):
    """Units as they were found, by their serial numbers if they have any."""

    serials: Annotated[list[SerialBody], Field(max_length=90)] = []
    condition: Literal["ok", "damaged", "wrong_item", "missing"] = "ok"
    disposition: Disposition | None = None


class InspectBody(Body):
    """POST /returns/{id}/inspect: `last` says that what is not named is missing."""

    node_id: Name
    lines: Annotated[list[FoundUnits], Field(max_length=90)] = []
    last: bool = False


class ArrivalBody(Body):
    """POST /returns/arrivals: goods without a return, and what can be read on them. Without lines they only wait."""

    node_id: Name
    order_id: Annotated[str, Field(max_length=40)] = ""
    order_number: Annotated[str, Field(max_length=200)] = ""
    tracking_number: Annotated[str, Field(max_length=200)] = ""
    serial: Annotated[str, Field(max_length=60)] = ""
    sku: Annotated[str, Field(max_length=200)] = ""
    quantity: Units = 1
    lines: Annotated[list[AskedLineBody], Field(max_length=90)] = []


class MatchBody(Body):
    """POST /returns/unmatched/{id}/match."""

    order_id: Name
    lines: Annotated[list[AskedLineBody], Field(min_length=1, max_length=90)]
