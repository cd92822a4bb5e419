"""Etsy's Open API v3: GETs of one shop.

Rules: https://developers.etsy.com/documentation/essentials/authentication (access tokens of an hour; a refresh token is
good for 90 days and for many uses, whatever new one comes with each answer: an account is connected again before they
end), https://developers.etsy.com/documentation/essentials/requests (`x-api-key` is the application's key and its shared
secret).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from oms.adapters.access_token import AccessToken, ask
from oms.adapters.shop_api import Sent, needed, read_answer
from oms.domain.errors import UpstreamRefusedError
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from oms.adapters.rest import Answer, RestClient

_TOKEN_PATH: Final = "/v3/public/oauth/token"  # noqa: S105 - a path
_SHOP: Final = re.compile(r"[0-9]{1,20}", re.ASCII)


class EtsyApi:
    """The API of `etsy` for one account; holds its access token."""

    def __init__(self, rest: RestClient, clock: Callable[[], float]) -> None:
        self._rest = rest
        self._token = AccessToken(clock)

    def open(self, credentials: Mapping[str, str], paths: Sequence[str]) -> EtsySession:  # noqa: ARG002 - Amazon needs them
        """Raises UpstreamRefusedError when a credential is missing."""
        names = ("shop_id", "client_id", "shared_secret", "refresh_token")
        shop, client, secret, refresh = needed("etsy", credentials, *names)
        if not _SHOP.fullmatch(shop):
            raise UpstreamRefusedError("the shop's id is none", vendor="etsy")
        return EtsySession(self._rest, self._token, shop, client, secret, refresh)


@frozen(kw_only=False, show=False)
class EtsySession:
    """Calls of one shop."""

    rest: RestClient
    token: AccessToken
    shop: str
    client: str
    secret: str
    refresh: str

    def send(self, call: Sent) -> Answer:
        """The answer, whatever its status."""

        def made(token: str) -> Answer:
            headers = {**call.headers, **self._headers(token)}
            path = f"/v3/application/shops/{self.shop}{call.path}"
            return self.rest.send(call.method, path, query=call.query, headers=headers, body=call.body)

        return self.token.answered(self._log_in, made)

    def ask(self, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None) -> dict[str, Any]:  # noqa: ARG002 - TikTok needs it
        """The object of the answer."""

        def call(token: str) -> dict[str, Any]:
            headers = self._headers(token)
            where = f"/v3/application/shops/{self.shop}{path}"
            return read_answer(self.rest.send("GET", where, query=query, headers=headers), self.rest.vendor)

        return self.token.used(self._log_in, call)

    def _headers(self, token: str) -> dict[str, str]:
        key = f"{self.client}:{self.secret}"
        return {"authorization": f"Bearer {token}", "x-api-key": key, "accept": "application/json"}

    def _log_in(self) -> dict[str, Any]:
        form = {"grant_type": "refresh_token", "client_id": self.client, "refresh_token": self.refresh}
        return ask(self.rest, _TOKEN_PATH, form)
