"""Mercado Libre's API, and Mercado Pago's for what was paid: calls under one seller's authorization.

Rules: https://developers.mercadolibre.com.ar/en_us/authentication-and-authorization (an access token of six hours, in
the header) and https://developers.mercadolibre.com.ar/en_us/shipment-handling (`x-format-new`). A refresh token is good
for one use and would have to be kept anew by whoever used it, which functions that run side by side cannot: an
application of the seller's own has its tokens by its client credentials. An `access_token` that somebody else renews
is taken as it is.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from oms.adapters.shop_api import needed, read_answer
from oms.domain.errors import UpstreamError, UpstreamRefusedError
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from oms.adapters.rest import Answer, RestClient
    from oms.adapters.shop_api import Sent

_VENDOR: Final = "mercadolibre"
_TOKEN_PATH: Final = "/oauth/token"  # noqa: S105 - a path
_LIST_PATH: Final = "/orders/search"
_PAYMENTS: Final = "/v1/payments/"
_EARLY: Final = 60.0
_UNAUTHORIZED: Final = 401
_DENIED: Final = frozenset({_UNAUTHORIZED, 403})


class MercadoLibreApi:
    """The API of `mercadolibre` for one account; holds its access token."""

    def __init__(self, rest: RestClient, money: RestClient, clock: Callable[[], float]) -> None:
        self._rest = rest
        self._money = money
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""  # nosec B105 # none yet
        self._expires_at = 0.0

    def open(self, credentials: Mapping[str, str], paths: Sequence[str]) -> MercadoLibreSession:  # noqa: ARG002 - Amazon needs them
        """Raises UpstreamRefusedError when a credential is missing."""
        needed(_VENDOR, credentials, "user_id")
        if not credentials.get("access_token"):
            needed(_VENDOR, credentials, "client_id", "client_secret")
        return MercadoLibreSession(self, credentials)

    def get(self, path: str, query: Mapping[str, str], token: str) -> dict[str, Any]:
        """One GET, of the API that has the path; a list as its `items`."""
        rest = self._money if path.startswith(_PAYMENTS) else self._rest
        headers = {"authorization": f"Bearer {token}", "accept": "application/json", "x-format-new": "true"}
        return read_answer(rest.send("GET", path, query=query, headers=headers), _VENDOR)

    def send(self, call: Sent, token: str) -> Answer:
        """One call that may change something, in the form that its page shows; its answer, whatever its status."""
        headers = {**call.headers, "authorization": f"Bearer {token}", "accept": "application/json"}
        return self._rest.send(call.method, call.path, query=call.query, headers=headers, body=call.body)

    def access_token(self, credentials: Mapping[str, str]) -> str:
        """The one that was given, or of the application, fetched again shortly before it ends."""
        if given := credentials.get("access_token"):
            return given
        with self._lock:
            if self._clock() >= self._expires_at:
                form = {"grant_type": "client_credentials"}
                form |= {name: credentials[name] for name in ("client_id", "client_secret")}
                headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
                sent = self._rest.send("POST", _TOKEN_PATH, headers=headers, body=urlencode(form).encode())
                answer = read_answer(sent, _VENDOR)
                token, lifetime = answer.get("access_token"), answer.get("expires_in")
                if not isinstance(token, str) or not token:
                    raise UpstreamError("the vendor's answer cannot be read", vendor=_VENDOR, field="access_token")
                seconds = float(lifetime) if isinstance(lifetime, int) else 0.0
                self._token, self._expires_at = token, self._clock() + max(0.0, seconds - _EARLY)
            return self._token

    def forget_token(self) -> None:
        """Drop a token that was refused before its time."""
        with self._lock:
            self._expires_at = 0.0


@frozen(kw_only=False, show=False)
class MercadoLibreSession:
    """Calls of one seller."""

    api: MercadoLibreApi
    credentials: Mapping[str, str]

    def ask(self, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None) -> dict[str, Any]:  # noqa: ARG002 - TikTok needs it
        """The whole answer; a token that ended early is replaced once."""
        if path == _LIST_PATH:
            query = {**query, "seller": self.credentials["user_id"]}
        try:
            return self.api.get(path, query, self.api.access_token(self.credentials))
        except UpstreamRefusedError as refusal:
            if refusal.context.get("vendor_status") not in _DENIED or self.credentials.get("access_token"):
                raise
            self.api.forget_token()
            return self.api.get(path, query, self.api.access_token(self.credentials))

    def send(self, call: Sent) -> Answer:
        """The answer, whatever its status; a token that ended early is replaced once."""
        answer = self.api.send(call, self.api.access_token(self.credentials))
        if answer.status != _UNAUTHORIZED or self.credentials.get("access_token"):
            return answer
        self.api.forget_token()
        return self.api.send(call, self.api.access_token(self.credentials))
