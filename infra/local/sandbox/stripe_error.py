"""Stripe's errors: https://docs.stripe.com/api/errors"""

from __future__ import annotations

from typing import Any


class StripeError(Exception):
    """An answer other than success; `stored` says whether an idempotency key remembers it."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        code: str = "",
        param: str = "",
        decline: str = "",
        stored: bool = True,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.stored = stored
        facts = {"type": kind, "code": code, "message": message, "param": param, "decline_code": decline}
        self.document: dict[str, Any] = {"error": {key: value for key, value in facts.items() if value}}


def invalid(message: str, param: str = "", code: str = "") -> StripeError:
    """A request that fails validation: not executed, so not stored."""
    return StripeError(400, "invalid_request_error", message, param=param, code=code, stored=False)


def wrong_state(message: str) -> StripeError:
    """A payment intent that is not in a state for this."""
    return StripeError(400, "invalid_request_error", message, code="payment_intent_unexpected_state")


def missing(kind: str, ref: str) -> StripeError:
    """No such object."""
    return StripeError(
        404, "invalid_request_error", f"No such {kind}: '{ref}'", code="resource_missing", param="id", stored=False
    )
