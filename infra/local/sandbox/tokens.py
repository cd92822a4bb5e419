"""Access tokens that an imitated vendor hands out, and who logs in for them."""

from __future__ import annotations

import base64
import contextlib
import hmac
import re
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from infra.local.sandbox.core import Clock, Request

_MARK: Final = re.compile(r"~([a-z0-9]{1,40})")
_CARRIERS: Final = (
    *("authorization", "x-shopify-access-token", "x-auth-token", "x-amz-access-token"),
    *("wm_sec.access_token", "x-api-key", "x-tts-access-token"),
)
_LOGINS: Final = frozenset({"/auth/o2/token", "/oauth/token", "/v3/public/oauth/token", "/identity/v1/oauth2/token"})


class Tokens:
    """The tokens of one vendor, each of one kind."""

    def __init__(self, clock: Clock, lifetime: float, account: str = "") -> None:
        self._clock = clock
        self.lifetime = lifetime
        self._account = account
        self._known: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def issue(self, kind: str) -> str:
        """A new token."""
        with self._lock:
            token = marked(f"{kind}.{len(self._known) + 1}.{int(self._clock.now() * 1000)}", self._account)
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


def marked(secret: str, account: str) -> str:
    """A credential of this account: it says itself whose it is."""
    return f"{secret}~{account}" if account else secret


def account_of(request: Request) -> str:
    """Whose credentials the call carries; empty for the first account's."""
    carried = [request.headers.get(name, "") for name in _CARRIERS]
    scheme, _, basic = carried[0].partition(" ")
    if scheme == "Basic":
        with contextlib.suppress(ValueError):
            carried.append(base64.b64decode(basic).decode("utf-8", "replace"))
    if request.path in _LOGINS:
        carried += request.form().values()
    found = next(filter(None, map(_MARK.search, carried)), None)
    return found[1] if found else ""


def is_basic(request: Request, name: str, password: str) -> bool:
    """Does the call log in with this name and password?"""
    expected = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
    return hmac.compare_digest(expected.encode(), request.headers.get("authorization", "").encode())


def bearer(request: Request) -> str:
    """The token of the call."""
    return request.headers.get("authorization", "").removeprefix("Bearer ")
