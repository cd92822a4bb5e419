"""The APIs of shops that stand each at a URL of their own: Shopify's REST Admin API, and WooCommerce's.

Rules: https://shopify.dev/docs/api/admin-rest/usage/rate-limits (429 with `Retry-After`),
https://shopify.dev/docs/api/admin-rest/usage/pagination (the `Link` header names the next page),
https://woocommerce.github.io/woocommerce-rest-api-docs/#authentication-over-https (Basic, over HTTPS alone).
"""

from __future__ import annotations

import base64
import re
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from oms.domain.errors import OrderNotFoundError, UpstreamError, UpstreamRefusedError
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.adapters.rest import Answer, RestClient

_URL: Final = re.compile(r"https://[A-Za-z0-9.-]{1,200}(:[0-9]{1,5})?(/[\w./-]{0,200})?", re.ASCII)
_HERE: Final = re.compile(r"http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?", re.ASCII)
_NEXT: Final = re.compile(r'<([^<>]{1,8000})>\s*;\s*rel="?next"?', re.ASCII)
_OK: Final = range(200, 300)
_NO_CONTENT: Final = 204
"""BigCommerce's word for an empty list."""
_NOT_FOUND: Final = frozenset({404, 410})
_SERVER_ERROR: Final = 500
_TRY_LATER: Final = frozenset({408, 429})


def shop_url(source: str, credentials: Mapping[str, str]) -> str:
    """Where the account's shop is; raises UpstreamRefusedError when it is not said, or not over HTTPS."""
    url = credentials.get("url", "").rstrip("/")
    if not url:
        raise UpstreamRefusedError("the credentials are incomplete", vendor=source, missing=["url"])
    if not _URL.fullmatch(url) and not _HERE.fullmatch(url):
        raise UpstreamRefusedError("the shop's URL is not one of HTTPS", vendor=source)
    return url


@frozen(show=False)
class Sent:
    """A call as it goes out but for what authorizes it."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@frozen(kw_only=False, show=False)
class ShopSession:
    """Calls under one shop's authorization."""

    rest: RestClient
    headers: Mapping[str, str]

    def send(self, call: Sent) -> Answer:
        """The answer, whatever its status."""
        headers = {**call.headers, **self.headers, "accept": "application/json"}
        return self.rest.send(call.method, call.path, query=call.query, headers=headers, body=call.body)

    def ask(self, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None) -> dict[str, Any]:  # noqa: ARG002 - TikTok needs it
        """The object of the answer, with `next_page_info` where a page names the next; a list as its `items`."""
        return read_answer(self.send(Sent(method="GET", path=path, query=query)), self.rest.vendor)


class ShopifyApi:
    """The API of a shop of `shopify`."""

    def __init__(self, rest: RestClient) -> None:
        self._rest = rest

    def open(self, credentials: Mapping[str, str], paths: Sequence[str]) -> ShopSession:  # noqa: ARG002 - Amazon needs them
        """Raises UpstreamRefusedError when a credential is missing."""
        (token,) = needed("shopify", credentials, "access_token")
        return ShopSession(self._rest, {"x-shopify-access-token": token})


class WooCommerceApi:
    """The API of a shop of `woocommerce`."""

    def __init__(self, rest: RestClient) -> None:
        self._rest = rest

    def open(self, credentials: Mapping[str, str], paths: Sequence[str]) -> ShopSession:  # noqa: ARG002 - Amazon needs them
        """Raises UpstreamRefusedError when a credential is missing."""
        key, secret = needed("woocommerce", credentials, "consumer_key", "consumer_secret")
        basic = base64.b64encode(f"{key}:{secret}".encode()).decode()
        return ShopSession(self._rest, {"authorization": f"Basic {basic}"})


def needed(vendor: str, credentials: Mapping[str, str], *names: str) -> list[str]:
    """These credentials; raises UpstreamRefusedError when one is missing."""
    missing = [name for name in names if not credentials.get(name)]
    if missing:
        raise UpstreamRefusedError("the credentials are incomplete", vendor=vendor, missing=missing)
    return [credentials[name] for name in names]


def read_answer(answer: Answer, vendor: str, wait: float | None = None) -> dict[str, Any]:
    """The object of the answer, a list as its `items`; `wait` is when to come again where `Retry-After` is not said.

    Raises OrderNotFoundError, UpstreamError, UpstreamRefusedError.
    """
    context: dict[str, Any] = {"vendor": vendor, "vendor_status": answer.status}
    if answer.status == _NO_CONTENT:
        return {"items": []}
    if answer.status in _OK:
        try:
            if answer.body.lstrip()[:1] == b"[":
                return {"items": answer.array()}
            document = answer.document()
        except ValueError:
            raise UpstreamError("the vendor's answer cannot be read", **context) from None
        return {**document, **_next(answer.headers.get("link", ""))}
    if answer.status in _TRY_LATER or answer.status >= _SERVER_ERROR:
        raise UpstreamError("the vendor asks to try later", retry_after=answer.retry_after() or wait, **context)
    if answer.status in _NOT_FOUND:
        raise OrderNotFoundError("the vendor knows no such order", **context)
    raise UpstreamRefusedError("the vendor refused", **context)


def _next(link: str) -> dict[str, str]:
    """The cursor of the next page: only that is taken of the URL, which need not be ours to call."""
    found = _NEXT.search(link)
    cursor = parse_qs(urlsplit(found[1]).query).get("page_info", [""])[0] if found else ""
    return {"next_page_info": cursor} if cursor else {}
