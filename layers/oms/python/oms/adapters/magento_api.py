"""A Magento shop's REST API: calls of an integration.

Rules: https://developer.adobe.com/commerce/webapi/get-started/authentication/gs-authentication-oauth (OAuth 1.0a with
HMAC-SHA256: what an integration has by default since 2.4.4) and RFC 5849, 3.4 (what is signed). A shop that is set to
take the access token alone needs no more than that.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from oms.adapters.shop_api import Sent, needed, read_answer
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from oms.adapters.rest import Answer, RestClient

_OAUTH: Final = ("consumer_key", "consumer_secret", "access_token_secret")


def signed_text(url: str, query: Mapping[str, str], oauth: Mapping[str, str], method: str = "GET") -> str:
    """What is signed where the body is no form: method, URL and sorted parameters, each percent-encoded by RFC 3986."""
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in [*query.items(), *oauth.items()])
    parameters = "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join((method, _encoded(_base(url)), _encoded(parameters)))


def _base(url: str) -> str:
    """The URL as it is signed: scheme and host in lower case, no default port."""
    parts = urlsplit(url)
    host, scheme = (parts.hostname or "").lower(), parts.scheme.lower()
    port = f":{parts.port}" if parts.port and (scheme, parts.port) not in {("https", 443), ("http", 80)} else ""
    return f"{scheme}://{host}{port}{parts.path}"


def _encoded(text: str) -> str:
    return quote(text, safe="-._~")


class MagentoApi:
    """The API of a shop of `magento`."""

    def __init__(self, rest: RestClient, url: str, clock: Callable[[], float]) -> None:
        self._rest = rest
        self._url = url
        self._clock = clock

    def open(self, credentials: Mapping[str, str], paths: Sequence[str]) -> MagentoSession:  # noqa: ARG002 - Amazon needs them
        """Raises UpstreamRefusedError when a credential is missing."""
        whole = any(credentials.get(name) for name in _OAUTH)
        needed("magento", credentials, "access_token", *(_OAUTH if whole else ()))
        return MagentoSession(self._rest, self._url, self._clock, credentials, whole)


@frozen(kw_only=False, show=False)
class MagentoSession:
    """Calls under one integration's token."""

    rest: RestClient
    url: str
    clock: Callable[[], float]
    credentials: Mapping[str, str]
    signed: bool

    def send(self, call: Sent) -> Answer:
        """The answer, whatever its status."""
        authorization = self._authorization(call.path, call.query, call.method)
        headers = {**call.headers, "authorization": authorization, "accept": "application/json"}
        return self.rest.send(call.method, call.path, query=call.query, headers=headers, body=call.body)

    def ask(self, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None) -> dict[str, Any]:  # noqa: ARG002 - TikTok needs it
        """The object of the answer."""
        return read_answer(self.send(Sent(method="GET", path=path, query=query)), self.rest.vendor)

    def _authorization(self, path: str, query: Mapping[str, str], method: str) -> str:
        known = self.credentials
        if not self.signed:
            return f"Bearer {known['access_token']}"
        oauth = {
            "oauth_consumer_key": known["consumer_key"],
            "oauth_nonce": secrets.token_hex(16),
            "oauth_signature_method": "HMAC-SHA256",
            "oauth_timestamp": str(int(self.clock())),
            "oauth_token": known["access_token"],
            "oauth_version": "1.0",
        }
        key = f"{_encoded(known['consumer_secret'])}&{_encoded(known['access_token_secret'])}"
        message = signed_text(f"{self.url}{path}", query, oauth, method)
        mac = hmac.new(key.encode(), message.encode(), "sha256").digest()
        oauth["oauth_signature"] = base64.b64encode(mac).decode()
        return "OAuth " + ", ".join(f'{name}="{_encoded(value)}"' for name, value in sorted(oauth.items()))
