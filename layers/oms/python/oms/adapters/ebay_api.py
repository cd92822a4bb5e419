"""eBay's REST APIs: GETs under a seller's authorization, and public keys under the application's.

Rules: https://developer.ebay.com/api-docs/static/oauth-refresh-token-request.html (a refresh token of 18 months, access
tokens of two hours), https://developer.ebay.com/api-docs/static/oauth-client-credentials-grant.html and
https://developer.ebay.com/api-docs/commerce/notification/resources/public_key/methods/getPublicKey (to be kept about
an hour, and not asked for with every notification).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.adapters.access_token import AccessToken, ask, basic
from oms.adapters.published_keys import TIMEOUTS, PublishedKeys
from oms.adapters.shop_api import Sent, needed, read_answer
from oms.domain.errors import UpstreamError
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from oms.adapters.rest import Answer, RestClient

_TOKEN_PATH: Final = "/identity/v1/oauth2/token"  # noqa: S105 - a path
_PUBLIC_SCOPE: Final = "https://api.ebay.com/oauth/api_scope"
_OLD_API, _OLD_SCHEME = "/post-order/", "IAF"
"""It takes the same tokens by another word: https://developer.ebay.com/api-docs/static/oauth-trad-apis.html"""
_UNAUTHORIZED: Final = 401
KEEP_KEYS_S: Final = 3600.0
"""How long eBay wants a key to be kept."""


class EbayApi:
    """The API of `ebay` for one account; holds its access token."""

    def __init__(self, rest: RestClient, clock: Callable[[], float]) -> None:
        self._rest = rest
        self._token = AccessToken(clock)

    def open(self, credentials: Mapping[str, str], paths: Sequence[str]) -> EbaySession:  # noqa: ARG002 - Amazon needs them
        """Raises UpstreamRefusedError when a credential is missing."""
        client, secret, refresh = needed("ebay", credentials, "client_id", "client_secret", "refresh_token")
        return EbaySession(self._rest, self._token, basic(client, secret), refresh)


@frozen(kw_only=False, show=False)
class EbaySession:
    """Calls under one seller's authorization."""

    rest: RestClient
    token: AccessToken
    authorization: str
    refresh: str

    def send(self, call: Sent) -> Answer:
        """The answer, whatever its status."""

        def made(token: str) -> Answer:
            scheme = _OLD_SCHEME if call.path.startswith(_OLD_API) else "Bearer"
            headers = {**call.headers, "authorization": f"{scheme} {token}", "accept": "application/json"}
            return self.rest.send(call.method, call.path, query=call.query, headers=headers, body=call.body)

        return self.token.answered(self._log_in, made)

    def ask(self, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None) -> dict[str, Any]:  # noqa: ARG002 - TikTok needs it
        """The object of the answer."""

        def call(token: str) -> dict[str, Any]:
            headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
            return read_answer(self.rest.send("GET", path, query=query, headers=headers), self.rest.vendor)

        return self.token.used(self._log_in, call)

    def _log_in(self) -> dict[str, Any]:
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh}
        return ask(self.rest, _TOKEN_PATH, form, {"authorization": self.authorization})


def ebay_keys(base_url: str, credentials: Callable[[], Mapping[str, str]], clock: Callable[[], float]) -> PublishedKeys:
    """The public keys, as an application may read them."""
    token = AccessToken(clock)

    def fetch(rest: RestClient, path: str) -> Answer:
        client, secret = needed("ebay", credentials(), "client_id", "client_secret")
        form = {"grant_type": "client_credentials", "scope": _PUBLIC_SCOPE}
        bearer = token.get(lambda: ask(rest, _TOKEN_PATH, form, {"authorization": basic(client, secret)}))
        headers = {"authorization": f"Bearer {bearer}", "accept": "application/json"}
        answer = rest.send("GET", path, headers=headers)
        if answer.status == _UNAUTHORIZED:
            token.forget(bearer)  # the key is asked for again with the next delivery
        return answer

    return PublishedKeys("ebay", base_url, TIMEOUTS, clock, fetch=fetch, read=_key, keep_s=KEEP_KEYS_S)


def _key(answer: Answer) -> str:
    try:
        key = answer.document().get("key")
    except ValueError:
        key = None
    if not isinstance(key, str):
        raise UpstreamError("the vendor's answer cannot be read", vendor="ebay", field="key")
    return key.strip()
