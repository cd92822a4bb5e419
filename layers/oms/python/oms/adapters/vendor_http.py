"""Channels' APIs: runs the requests of a connector, of its lists, and of what it tells, against the vendor's API."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, runtime_checkable

from oms.adapters.amazon_api import AmazonApi
from oms.adapters.bigcommerce_api import BigCommerceApi
from oms.adapters.ebay_api import EbayApi
from oms.adapters.etsy_api import EtsyApi
from oms.adapters.magento_api import MagentoApi
from oms.adapters.mercadolibre_api import MercadoLibreApi
from oms.adapters.meta_api import MetaApi
from oms.adapters.rest import RestClient, Timeouts
from oms.adapters.shop_api import Sent, ShopifyApi, WooCommerceApi, shop_url
from oms.adapters.tiktok_api import TikTokApi
from oms.adapters.walmart_api import WalmartApi
from oms.domain.errors import NotFoundError, UpstreamRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from oms.adapters.rest import Answer
    from oms.domain.inbound import Notice

MAX_PAGES: Final = 50
"""Of what belongs to one order."""
MAX_LIST_PAGES: Final = 400
SHOPS: Final = ("shopify", "woocommerce", "magento")

BASE_URLS: Final[Mapping[str, str]] = {
    "tiktok-shop": "https://open-api.tiktokglobalshop.com",
    "amazon": "https://sellingpartnerapi-na.amazon.com",
    "amazon-auth": "https://api.amazon.com",
    "bigcommerce": "https://api.bigcommerce.com",
    "ebay": "https://api.ebay.com",
    "walmart": "https://marketplace.walmartapis.com",
    "etsy": "https://api.etsy.com",
    "mercadolibre": "https://api.mercadolibre.com",
    "mercadopago": "https://api.mercadopago.com",
    "meta-commerce": "https://graph.facebook.com",
}
"""Where the vendors are. A key `<source>:<account>` overrides for one account (Amazon: another region)."""


class Fetch(Protocol):
    """A question to the vendor's API (the connector's FetchRequest)."""

    @property
    def name(self) -> str:
        """Under which the answer is filed."""

    @property
    def path(self) -> str:
        """Relative to the vendor's base URL."""

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameters, without those of authentication."""

    @property
    def body(self) -> Mapping[str, Any] | None:
        """What is posted; None for a GET."""


F = TypeVar("F", bound=Fetch)


class Fetcher(Protocol[F]):
    """The part of a connector that is needed here."""

    def fetches(self, notice: Notice) -> Sequence[F]:
        """What to fetch for a notice."""

    def next_page(self, request: F, document: Mapping[str, Any]) -> F | None:
        """The request for the next page, or None."""


class Pager(Protocol[F]):
    """How pages follow one another."""

    def next_page(self, request: F, document: Mapping[str, Any]) -> F | None:
        """The request for the next page, or None."""


class Session(Protocol):
    """An account's authorization."""

    def ask(self, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None) -> dict[str, Any]:
        """The whole answer."""


@runtime_checkable
class Sending(Protocol):
    """An account's authorization, for calls that change something."""

    def send(self, call: Sent) -> Answer:
        """The answer, whatever its status; an access token that is refused early is replaced once."""


@runtime_checkable
class Waiting(Protocol):
    """A vendor that says in a header of its own when there are calls again."""

    def wait(self, answer: Answer) -> float | None:
        """Seconds; None when the answer does not say."""


class Told(Protocol):
    """A call that changes something (a connector's Call)."""

    @property
    def method(self) -> str:
        """HTTP's."""

    @property
    def path(self) -> str:
        """Relative to the vendor's base URL."""

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameters, without those of authentication."""

    @property
    def body(self) -> Mapping[str, Any] | None:
        """What is sent as JSON, if anything."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Those beside authentication."""


class Api(Protocol):
    """A vendor's API."""

    def open(self, credentials: Mapping[str, str], paths: Sequence[str]) -> Session:
        """A session for these paths; raises UpstreamRefusedError when a credential is missing."""


class VendorApi:
    """The vendors' APIs. Keep one per process: it holds connections and access tokens.

    `credentials(source, account)` gives, for `tiktok-shop`: app_key, app_secret, access_token, shop_cipher (optional);
    for `amazon`: client_id, client_secret, refresh_token, and to list orders marketplace_ids; for `shopify`: url,
    access_token; for `woocommerce`: url, consumer_key, consumer_secret; for `bigcommerce`: store_hash, access_token;
    for `magento`: url, access_token, and unless the shop takes the token alone consumer_key, consumer_secret,
    access_token_secret; for `ebay`: client_id, client_secret, refresh_token; for `walmart`: client_id, client_secret;
    for `etsy`: shop_id, client_id, shared_secret, refresh_token; for `mercadolibre`: user_id, and client_id and
    client_secret, or access_token; for `meta-commerce`: account_id, access_token, app_secret (optional).
    """

    def __init__(
        self,
        credentials: Callable[[str, str], Mapping[str, str]],
        base_urls: Mapping[str, str] | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._credentials = credentials
        self._base_urls = {**BASE_URLS, **(base_urls or {})}
        self._timeouts = timeouts
        self._clock = clock
        self._clients: dict[str, RestClient] = {}
        self._apis: dict[tuple[str, str], Api] = {}

    def fetch(
        self, source: str, account: str, connector: Fetcher[F], notice: Notice
    ) -> dict[str, list[dict[str, Any]]]:
        """Every document the connector asks for, by name, its pages in order.

        Raises OrderNotFoundError (the vendor knows no such order yet), UpstreamError (with `retry_after` when the
        vendor said when) and UpstreamRefusedError.
        """
        requests = connector.fetches(notice)
        session = self._open(source, account, requests)
        return {first.name: list(_pages(session, first, connector.next_page, source, MAX_PAGES)) for first in requests}

    def pages(self, source: str, account: str, lister: Pager[F], requests: Sequence[F]) -> Iterator[dict[str, Any]]:
        """The pages of these lists, each fetched when it is asked for; raises as `fetch`."""
        session = self._open(source, account, requests)
        for first in requests:
            yield from _pages(session, first, lister.next_page, source, MAX_LIST_PAGES)

    def tell(self, source: str, account: str, call: Told) -> tuple[int, dict[str, Any], float | None]:
        """(status, document, seconds to wait if the vendor said so) of a call, whatever its status.

        A list is the `items` of its document, a number or text its `value`; it is empty for what is no JSON. Raises
        UpstreamError when nobody answered, with `sent` False when nothing can have arrived; UpstreamRefusedError when a
        credential is missing.
        """
        session = self._open(source, account, [call])
        if not isinstance(session, Sending):
            raise NotFoundError("nothing can be told to this source", source=source[:32])
        headers, body = dict(call.headers), None
        if call.body is not None:
            headers, body = {**headers, "content-type": "application/json"}, json.dumps(call.body).encode()
        sent = Sent(method=call.method, path=call.path, query=call.query, headers=headers, body=body)
        answer = session.send(sent)
        try:
            value = answer.value()
        except ValueError:
            value = {}
        document = value if isinstance(value, dict) else {"items" if isinstance(value, list) else "value": value}
        own = session.wait(answer) if isinstance(session, Waiting) else None
        return answer.status, document, answer.retry_after() or own

    def close(self) -> None:
        """Close the pooled connections."""
        for client in self._clients.values():
            client.close()

    def _open(self, source: str, account: str, requests: Sequence[Fetch | Told]) -> Session:
        credentials = self._credentials(source, account)
        api = self._shop(source, credentials) if source in SHOPS else self._api(source, account)
        return api.open(credentials, [request.path for request in requests])

    def _shop(self, source: str, credentials: Mapping[str, str]) -> Api:
        """Shops are each at a place of their own, which may change."""
        url = shop_url(source, credentials)
        if url not in self._clients:
            self._clients[url] = RestClient(source, url, self._timeouts)
        if source == "magento":
            return MagentoApi(self._clients[url], url, self._clock)
        return ShopifyApi(self._clients[url]) if source == "shopify" else WooCommerceApi(self._clients[url])

    def _api(self, source: str, account: str) -> Api:
        if (source, account) not in self._apis:
            rest = self._client(source, account)
            match source:
                case "tiktok-shop":
                    self._apis[source, account] = TikTokApi(rest, self._clock)
                case "amazon":
                    login = self._client("amazon-auth", account)
                    self._apis[source, account] = AmazonApi(rest, login, self._clock)
                case "bigcommerce":
                    self._apis[source, account] = BigCommerceApi(rest)
                case "ebay":
                    self._apis[source, account] = EbayApi(rest, self._clock)
                case "walmart":
                    self._apis[source, account] = WalmartApi(rest, self._clock)
                case "etsy":
                    self._apis[source, account] = EtsyApi(rest, self._clock)
                case "mercadolibre":
                    money = self._client("mercadopago", account)
                    self._apis[source, account] = MercadoLibreApi(rest, money, self._clock)
                case "meta-commerce":
                    self._apis[source, account] = MetaApi(rest)
                case _:
                    raise NotFoundError("no API is known for this source", source=source[:32])
        return self._apis[source, account]

    def _client(self, source: str, account: str) -> RestClient:
        base_url = self._base_urls.get(f"{source}:{account}") or self._base_urls.get(source)
        if base_url is None:
            raise NotFoundError("no API is known for this source", source=source[:32])
        if base_url not in self._clients:
            self._clients[base_url] = RestClient(source.removesuffix("-auth"), base_url, self._timeouts)
        return self._clients[base_url]


def _pages(
    session: Session, first: F, after: Callable[[F, Mapping[str, Any]], F | None], vendor: str, limit: int
) -> Iterator[dict[str, Any]]:
    request: F | None = first
    for _ in range(limit):
        if request is None:
            return
        document = session.ask(request.path, request.query, request.body)
        yield document
        request = after(request, document)
    if request is not None:
        raise UpstreamRefusedError("the vendor's pages do not end", vendor=vendor, limit=limit)
