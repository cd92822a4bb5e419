"""Stripe's Idempotency-Key: https://docs.stripe.com/api/idempotent_requests

The status and body of the first call are kept once its execution has begun, whatever they are, for 24 hours. The same
key with other parameters is an error; a call with the key of one still running is a conflict.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from infra.local.sandbox.stripe_error import StripeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.sandbox.core import Reply, Request

KEPT_SECONDS = 24 * 3600
MAX_KEY = 255


@dataclass(slots=True)
class _Entry:
    fingerprint: str
    created: float
    reply: Reply | None = None


class IdempotencyKeys:
    """The keys of one account: of Stripe, or of another vendor that keeps them otherwise."""

    def __init__(
        self,
        now: Callable[[], float],
        *,
        kept: float = KEPT_SECONDS,
        longest: int = MAX_KEY,
        header: str = "idempotency-key",
    ) -> None:
        self._now = now
        self._kept = kept
        self._longest = longest
        self._header = header
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    def begin(self, request: Request) -> Reply | None:
        """Claim the request's key; the kept reply when it was used before. Raises StripeError."""
        key = request.headers.get(self._header, "")
        if not key:
            return None
        if len(key) > self._longest:
            raise StripeError(400, "invalid_request_error", "Idempotency key is too long", stored=False)
        fingerprint = _fingerprint(request)
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or self._now() - entry.created >= self._kept:
                self._entries[key] = _Entry(fingerprint, self._now())
                return None
            if entry.fingerprint != fingerprint:
                message = "Keys for idempotent requests can only be used with the same parameters"
                raise StripeError(400, "idempotency_error", message, stored=False)
            if entry.reply is None:
                raise StripeError(
                    409,
                    "idempotency_error",
                    "Another request uses this key",
                    code="idempotency_key_in_use",
                    stored=False,
                )
            return replace(entry.reply, headers={**entry.reply.headers, "idempotent-replayed": "true"})

    def keep(self, request: Request, reply: Reply) -> None:
        """Remember the reply, or another one in its place."""
        with self._lock:
            if entry := self._entries.get(request.headers.get(self._header, "")):
                entry.reply = reply

    def forget(self, request: Request) -> None:
        """Release a key whose call was refused before it was executed."""
        with self._lock:
            self._entries.pop(request.headers.get(self._header, ""), None)


def _fingerprint(request: Request) -> str:
    return hashlib.sha256(f"{request.method} {request.path}\n".encode() + request.body).hexdigest()
