"""Who may not, or not so much."""

from __future__ import annotations

from oms.domain.errors.base import OmsError


class AuthenticationError(OmsError):
    """The sender is not who it says, or cannot prove it."""

    code = "unauthenticated"


class SignatureError(AuthenticationError):
    """The signature is missing or does not match the raw body."""

    code = "bad_signature"


class ReplayWindowError(AuthenticationError):
    """The signed timestamp lies outside the accepted window."""

    code = "outside_replay_window"


class InvalidTokenError(AuthenticationError):
    """A status link or session that is forged, altered or expired."""

    code = "invalid_token"


class ForbiddenError(OmsError):
    """The caller's role does not allow this."""

    code = "forbidden"


class OwnDraftError(ForbiddenError):
    """A draft is approved by somebody else than who saved it."""

    code = "own_draft"


class HoldApprovalError(ForbiddenError):
    """Such a hold is released by another role, or by somebody else than who placed it."""

    code = "hold_needs_approval"


class GoodwillLimitError(ForbiddenError):
    """More than the role gives out of goodwill on an order; `left` says how much it still may."""

    code = "goodwill_limit"


class PayloadTooLargeError(OmsError):
    """The body is over the size limit."""

    code = "payload_too_large"


class IdempotencyKeyError(OmsError):
    """The Idempotency-Key cannot be honoured."""

    code = "idempotency_key"


class IdempotencyKeyMissingError(IdempotencyKeyError):
    """A write came without an Idempotency-Key."""

    code = "idempotency_key_missing"


class IdempotencyKeyReusedError(IdempotencyKeyError):
    """The same key came with another request."""

    code = "idempotency_key_reused"


class RateLimitedError(OmsError):
    """Too many attempts in the window."""

    code = "rate_limited"
    retryable = True
