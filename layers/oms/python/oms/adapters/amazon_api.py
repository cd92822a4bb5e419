"""Amazon's Selling Partner API: calls under Login with Amazon (LWA).

Rules: https://developer-docs.amazon.com/sp-api/docs/connect-to-the-selling-partner-api (refresh token against an access
token of one hour; no AWS signature since 2 October 2023), https://developer-docs.amazon.com/sp-api/docs/tokens-api-use-case-guide
(buyers' addresses and names need a restricted data token per resource), usage plans (429 and `x-amzn-RateLimit-Limit`,
the sustained calls per second).
"""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from oms.domain.errors import OrderNotFoundError, UpstreamError, UpstreamRefusedError
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from oms.adapters.rest import Answer, RestClient
    from oms.adapters.shop_api import Sent

_TOKEN_PATH: Final = "/auth/o2/token"  # noqa: S105 - a path
_LIST_PATH: Final = "/orders/v0/orders"
_RESTRICTED_PATH: Final = "/tokens/2021-03-01/restrictedDataToken"
_RESTRICTED: Final = re.compile(r"/orders/v0/orders/[^/]+/(address|buyerInfo|orderItems/buyerInfo)")
_EARLY: Final = 60.0
_OK: Final = range(200, 300)
_DENIED: Final = frozenset({401, 403})
_NOT_FOUND: Final = 404
_SERVER_ERROR: Final = 500
_LIMITED: Final = 429
_TRY_LATER: Final = frozenset({408, _LIMITED})
_MAX_WAIT: Final = 3600.0


class AmazonApi:
    """The API of `amazon` for one account; holds its access token."""

    def __init__(self, rest: RestClient, login: RestClient, clock: Callable[[], float]) -> None:
        self._rest = rest
        self._login = login
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""  # nosec B105 # none yet
        self._expires_at = 0.0

    def open(self, credentials: Mapping[str, str], paths: Sequence[str]) -> AmazonSession:
        """A session for these paths; raises UpstreamRefusedError when a credential is missing."""
        missing = [name for name in ("client_id", "client_secret", "refresh_token") if not credentials.get(name)]
        if missing:
            raise UpstreamRefusedError("the credentials are incomplete", vendor="amazon", missing=missing)
        restricted = [path for path in paths if _RESTRICTED.fullmatch(path)]
        return AmazonSession(self, credentials, restricted, [])

    def get(self, path: str, query: Mapping[str, str], token: str) -> dict[str, Any]:
        """One GET with an access token or a restricted data token."""
        return _read(self._rest.send("GET", path, query=query, headers=_headers(token)))

    def send(self, call: Sent, token: str) -> Answer:
        """One call that may change something; its answer, whatever its status."""
        headers = {**call.headers, **_headers(token)}
        return self._rest.send(call.method, call.path, query=call.query, headers=headers, body=call.body)

    def access_token(self, credentials: Mapping[str, str]) -> str:
        """The access token of one hour, fetched again shortly before it ends."""
        with self._lock:
            if self._clock() >= self._expires_at:
                form = {"grant_type": "refresh_token"}
                form |= {name: credentials[name] for name in ("refresh_token", "client_id", "client_secret")}
                headers = {"content-type": "application/x-www-form-urlencoded"}
                answer = _read(self._login.send("POST", _TOKEN_PATH, headers=headers, body=urlencode(form).encode()))
                self._token, lifetime = _text(answer, "access_token"), answer.get("expires_in")
                seconds = float(lifetime) if isinstance(lifetime, int) else 0.0
                self._expires_at = self._clock() + max(0.0, seconds - _EARLY)
            return self._token

    def forget_token(self) -> None:
        """Drop a token that was refused before its time."""
        with self._lock:
            self._expires_at = 0.0

    def restricted_token(self, paths: Sequence[str], token: str) -> str:
        """A token that also opens the buyer's data under `paths`."""
        body = json.dumps({"restrictedResources": [{"method": "GET", "path": path} for path in paths]}).encode()
        headers = {**_headers(token), "content-type": "application/json"}
        return _text(
            _read(self._rest.send("POST", _RESTRICTED_PATH, headers=headers, body=body)), "restrictedDataToken"
        )


@frozen(kw_only=False, show=False)
class AmazonSession:
    """Calls under one seller's authorization: GETs for one order or for a list, and what is told of an order."""

    api: AmazonApi
    credentials: Mapping[str, str]
    restricted: Sequence[str]
    held: list[str]

    def ask(self, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None) -> dict[str, Any]:  # noqa: ARG002 - TikTok needs it
        """The whole answer (`payload`); a token that ended early is replaced once."""
        if path == _LIST_PATH:
            query = {**query, "MarketplaceIds": self._marketplaces()}
        try:
            return self.api.get(path, query, self._token(path))
        except UpstreamRefusedError as refusal:
            if refusal.context.get("vendor_status") not in _DENIED:
                raise
            self.api.forget_token()
            self.held.clear()
            return self.api.get(path, query, self._token(path))

    def send(self, call: Sent) -> Answer:
        """The answer, whatever its status; a token that ended early is replaced once."""
        answer = self.api.send(call, self.api.access_token(self.credentials))
        if answer.status not in _DENIED:
            return answer
        self.api.forget_token()
        return self.api.send(call, self.api.access_token(self.credentials))

    def wait(self, answer: Answer) -> float | None:
        """What the sustained rate says, of an answer that says there are no calls left."""
        return _wait(answer) if answer.status == _LIMITED else None

    def _marketplaces(self) -> str:
        """Where the seller sells, separated by commas: a list is of these, and of all accounts the login opens."""
        found = self.credentials.get("marketplace_ids", "")
        if not found:
            raise UpstreamRefusedError("the credentials are incomplete", vendor="amazon", missing=["marketplace_ids"])
        return found

    def _token(self, path: str) -> str:
        token = self.api.access_token(self.credentials)
        if path not in self.restricted:
            return token
        if not self.held:
            self.held.append(self.api.restricted_token(self.restricted, token))
        return self.held[0]


def _headers(token: str) -> dict[str, str]:
    return {"x-amz-access-token": token, "accept": "application/json", "user-agent": "oms/0.1 (Language=Python)"}


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise UpstreamError("the vendor's answer cannot be read", vendor="amazon", field=key)
    return value


def _read(answer: Answer) -> dict[str, Any]:
    context: dict[str, Any] = {"vendor": "amazon", "vendor_status": answer.status}
    if answer.status in _OK:
        try:
            return answer.document()
        except ValueError:
            raise UpstreamError("the vendor's answer cannot be read", **context) from None
    context["vendor_code"] = _code(answer.document_or_empty())
    if answer.status in _TRY_LATER or answer.status >= _SERVER_ERROR:
        raise UpstreamError("the vendor asks to try later", retry_after=_wait(answer), **context)
    if answer.status == _NOT_FOUND:
        raise OrderNotFoundError("the vendor knows no such order", **context)
    raise UpstreamRefusedError("the vendor refused", **context)


def _code(document: Mapping[str, Any]) -> str:
    """The error code: `errors[0].code` of the SP-API, `error` of LWA. Their messages are not repeated."""
    errors = document.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    code = first.get("code") or document.get("error")
    return code if isinstance(code, str) and re.fullmatch(r"[\w.-]{1,100}", code, re.ASCII) else ""


def _wait(answer: Answer) -> float | None:
    """`Retry-After`, else the time in which the sustained rate gives one more call."""
    asked = answer.retry_after()
    rate = answer.headers.get("x-amzn-ratelimit-limit", "")
    if asked is not None or not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", rate, re.ASCII) or float(rate) == 0:
        return asked
    return min(1 / float(rate), _MAX_WAIT)
