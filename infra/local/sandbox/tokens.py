"""Access tokens that an imitated vendor hands out, and who logs in for them."""

from __future__ import annotations

import base64
import hmac
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.local.sandbox.core import Clock, Request


class Tokens:
    """The tokens of one vendor, each of one kind."""

    def __init__(self, clock: Clock, lifetime: float) -> None:
        self._clock = clock
        self.lifetime = lifetime
        self._known: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def issue(self, kind: str) -> str:
        """A new token."""
        with self._lock:
            token = f"{kind}.{len(self._known) + 1}.{int(self._clock.now() * 1000)}"
            self._known[token] = (kind, self._clock.now() + self.lifetime)
            return token

    def holds(self, token: str, kind: str) -> bool:
        """Is it one of this kind that has not ended?"""
        known, until = self._known.get(token, ("", 0.0))
        return known == kind and self._clock.now() < until

    def expire(self) -> None:
        """Every token ends now, before its time."""
        with self._lock:
            self._known = {token: (kind, 0.0) for token, (kind, _) in self._known.items()}


def is_basic(request: Request, name: str, password: str) -> bool:
    """Does the call log in with this name and password?"""
    expected = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
    return hmac.compare_digest(expected.encode(), request.headers.get("authorization", "").encode())


def bearer(request: Request) -> str:
    """The token of the call."""
    return request.headers.get("authorization", "").removeprefix("Bearer ")
