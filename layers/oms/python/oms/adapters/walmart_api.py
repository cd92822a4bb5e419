"""Walmart's Marketplace API: GETs under a seller's key.

Rules: https://developer.walmart.com/us-marketplace/reference/tokenapi (an access token of 15 minutes for client id and
secret; each call has an id of its own) and https://developer.walmart.com/us-marketplace/docs/rate-limiting (429 says in
a header of its own, in milliseconds since 1970, when there are calls again).
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any, Final

from oms.adapters.access_token import AccessToken, ask, basic
from oms.adapters.shop_api import Sent, needed, read_answer
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from oms.adapters.rest import Answer, RestClient

_TOKEN_PATH: Final = "/v3/token"  # noqa: S105 - a path
_LIST_PATH: Final = "/v3/orders"
_NOT_FOUND: Final = 404
_MILLISECONDS: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_MAX_WAIT: Final = 3600.0


class WalmartApi:
    """The API of `walmart` for one account; holds its access token."""

    def __init__(self, rest: RestClient, clock: Callable[[], float]) -> None:
        self._rest = rest
        self._clock = clock
        self._token = AccessToken(clock)

    def open(self, credentials: Mapping[str, str], paths: Sequence[str]) -> WalmartSession:  # noqa: ARG002 - Amazon needs them
        """Raises UpstreamRefusedError when a credential is missing."""
        client, secret = needed("walmart", credentials, "client_id", "client_secret")
        return WalmartSession(self._rest, self._clock, self._token, basic(client, secret))


@frozen(kw_only=False, show=False)
class WalmartSession:
    """Calls under one seller's key."""

    rest: RestClient
    clock: Callable[[], float]
    token: AccessToken
    authorization: str

    def send(self, call: Sent) -> Answer:
        """The answer, whatever its status."""

        def made(token: str) -> Answer:
            headers = {**call.headers, **self._headers(), "wm_sec.access_token": token}
            return self.rest.send(call.method, call.path, query=call.query, headers=headers, body=call.body)

        return self.token.answered(self._log_in, made)

    def ask(self, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None) -> dict[str, Any]:  # noqa: ARG002 - TikTok needs it
        """The object of the answer; a list of nothing, which is 404, as an empty one."""

        def call(token: str) -> dict[str, Any]:
            headers = {**self._headers(), "wm_sec.access_token": token}
            answer = self.rest.send("GET", path, query=query, headers=headers)
            if path == _LIST_PATH and answer.status == _NOT_FOUND:
                return {"list": {}}
            return read_answer(answer, self.rest.vendor, self.wait(answer))

        return self.token.used(self._log_in, call)

    def _log_in(self) -> dict[str, Any]:
        headers = {**self._headers(), "authorization": self.authorization}
        return ask(self.rest, _TOKEN_PATH, {"grant_type": "client_credentials"}, headers)

    def _headers(self) -> dict[str, str]:
        call = {"wm_svc.name": "Walmart Marketplace", "wm_qos.correlation_id": str(uuid.uuid4())}
        return {**call, "accept": "application/json"}

    def wait(self, answer: Answer) -> float | None:
        """As a header of its own says, bounded to an hour."""
        until = answer.headers.get("x-next-replenish-time", answer.headers.get("x-next-replenishment-time", ""))
        if not _MILLISECONDS.fullmatch(until):
            return None
        return min(max(int(until) / 1000 - self.clock(), 0.0), _MAX_WAIT)
