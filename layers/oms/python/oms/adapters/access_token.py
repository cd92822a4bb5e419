"""Access tokens of OAuth 2.0 (RFC 6749): asked for, kept until shortly before they end, replaced when refused early."""

from __future__ import annotations

import base64
import threading
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from oms.adapters.shop_api import read_answer
from oms.domain.errors import UpstreamError, UpstreamRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oms.adapters.rest import Answer, RestClient

_EARLY: Final = 60.0
_UNAUTHORIZED: Final = 401
_DENIED: Final = frozenset({_UNAUTHORIZED, 403})


class AccessToken:
    """One token. Thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""  # nosec B105 # none yet
        self._expires_at = 0.0

    def get(self, log_in: Callable[[], Mapping[str, Any]]) -> str:
        """The token; `log_in` answers with `access_token` and `expires_in`."""
        with self._lock:
            if self._clock() >= self._expires_at:
                answer = log_in()
                token, lifetime = answer.get("access_token"), answer.get("expires_in")
                if not isinstance(token, str) or not token:
                    raise UpstreamError("the vendor's answer cannot be read", field="access_token")
                seconds = float(lifetime) if isinstance(lifetime, int) else 0.0
                self._token, self._expires_at = token, self._clock() + max(0.0, seconds - _EARLY)
            return self._token

    def used(self, log_in: Callable[[], Mapping[str, Any]], call: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        """What `call` answers with the token; one that is refused before its time is replaced once."""
        token = self.get(log_in)
        try:
            return call(token)
        except UpstreamRefusedError as refusal:
            if refusal.context.get("vendor_status") not in _DENIED:
                raise
        self.forget(token)
        return call(self.get(log_in))

    def answered(self, log_in: Callable[[], Mapping[str, Any]], call: Callable[[str], Answer]) -> Answer:
        """The answer with the token, whatever its status; one that is refused before its time is replaced once."""
        token = self.get(log_in)
        answer = call(token)
        if answer.status != _UNAUTHORIZED:
            return answer
        self.forget(token)
        return call(self.get(log_in))

    def forget(self, token: str) -> None:
        """Drop a token that was refused before its time."""
        with self._lock:
            if self._token == token:
                self._expires_at = 0.0


def ask(
    rest: RestClient, path: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The answer of a token endpoint."""
    sent = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json", **(headers or {})}
    return read_answer(rest.send("POST", path, headers=sent, body=urlencode(form).encode()), rest.vendor)


def basic(name: str, password: str) -> str:
    """The header of RFC 7617."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
