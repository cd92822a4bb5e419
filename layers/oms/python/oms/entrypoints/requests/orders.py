"""Bodies of what changes an order."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from oms.entrypoints.requests.common import Body, LineQuantity, Name, NamedUnits, SerialBody, Text


class CancelBody(Body):
    """POST /orders/{id}/cancel: no lines means everything that has not been handed over."""

    reason: Text = ""
    lines: Annotated[list[LineQuantity], Field(max_length=90)] = []


class HoldBody(Body):
    """POST /orders/{id}/holds: no lines means the whole order; what is left out, the kind says."""

    kind: Annotated[str, Field(min_length=1, max_length=40)] = "manual"
    reason: Text = ""
    lines: Annotated[list[Name], Field(max_length=500)] = []
    expires_in: Annotated[int, Field(ge=1, le=366 * 86_400)] | None = None
    """Seconds."""
    expires_at: AwareDatetime | None = None
    on_expiry: Literal["release", "cancel", "escalate"] | None = None


class ReleaseBody(Body):
    """POST /orders/{id}/holds/{hold_id}/release."""

    reason: Text = ""


class RefundBody(Body):
    """POST /orders/{id}/refunds: an amount in minor units, or the value of lines, and where those went.

    With `goodwill` it is an amount for no units, and says what it makes up for.
    """

    amount: Annotated[int, Field(ge=1, le=10**15)] | None = None
    currency: Annotated[str, Field(max_length=3)] = ""
    reason: Text = ""
    lines: Annotated[list[NamedUnits], Field(max_length=90)] = []
    restock: bool = False
    disposition: Literal["restock", "qc", "refurbish", "damaged", "scrap", "vendor"] | None = None
    goodwill: Literal["late", "packaging", "information", "service", "price_match", "loyalty", "other"] | None = None


class ReturnedSerialsOfLine(Body):
    """Units of a line that came back."""

    line_id: Name
    serials: Annotated[list[SerialBody], Field(min_length=1, max_length=90)]


class ReturnedSerialsBody(Body):
    """POST /orders/{id}/returned-serials: which units came back without being named, 90 at most in all."""

    lines: Annotated[list[ReturnedSerialsOfLine], Field(min_length=1, max_length=90)]


class PaymentBody(Body):
    """POST /orders/{id}/payments: one more payment of the order, or (`received`) money that came for its invoice.

    Amounts in minor units. `reference`: the provider's of its payment, the purchase order of an invoice, the bank's of
    money that was received.
    """

    kind: Literal["tender", "received"] = "tender"
    provider: Literal["stripe", "adyen", "paypal", "on_invoice"] = "on_invoice"
    reference: Annotated[str, Field(pattern="^[A-Za-z0-9_./-]{1,200}$")]
    amount: Annotated[int, Field(ge=1, le=10**15)]
    currency: Annotated[str, Field(max_length=3)] = ""
    terms_days: Annotated[int, Field(ge=0, le=365)] = 0
