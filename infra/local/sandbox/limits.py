"""What vendors allow an account: as many calls as each documents, and its own words for who calls more often.

| vendor | here | source (read 2026-11) |
|---|---|---|
| Shopify | REST: a bucket of 40, 2 a second; GraphQL: 100 points a second, 2,000 at once; a call is 10 here | https://shopify.dev/docs/api/admin-rest/usage/rate-limits, https://shopify.dev/docs/apps/build/apis/graphql-admin/rate-limits (standard plan) |
| BigCommerce | 150 in 30 seconds | https://docs.bigcommerce.com/developer/docs/overview/api-fundamentals/rate-limits (smallest plan) |
| Walmart | 60 a minute, each operation by itself | https://developer.walmart.com/us-marketplace/docs/rate-limiting |
| Etsy | 10 a second | https://developers.etsy.com/documentation/essentials/rate-limits (its limit by the day is not imitated) |
| Amazon | each operation by itself, as its usage plan says | https://developer-docs.amazon.com/sp-api/docs/orders-api-v0-reference, https://developer-docs.amazon.com/sp-api/reference/patchlistingsitem-1 |
| eBay | limits by the day alone: 5,000 calls, the default of an API that names no other | https://developer.ebay.com/develop/get-started/api-call-limits |
| Mercado Libre | 25 a second: made up, no number is published | https://developers.mercadolivre.com.br/rate-limit-erro-429 |
| TikTok Shop | 50 a second: made up, "by load" | https://partner.tiktokshop.com/docv2/page/rate-limits |
| Meta | 200 an hour for each user of the application, of which there is one | https://developers.facebook.com/docs/graph-api/overview/rate-limiting (platform limits) |
| WooCommerce, Magento | none of their own: their hosts set them | https://developer.adobe.com/commerce/webapi/get-started/rate-limiting |

Kept as token buckets, for each account by itself. Time may run faster in them (`Settings.limits`), so that a
demonstration is not one of waiting; what is told of waits is in the caller's time.
"""  # noqa: E501 - a table

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from infra.local.sandbox.core import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infra.local.sandbox.core import Request, Vendor

_LIMITED: Final = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Calls that match "<METHOD> <path>": `burst` at once, `per_s` in the long run, each worth `cost`."""

    name: str
    match: re.Pattern[str]
    burst: float
    per_s: float
    cost: float = 1.0


def _quota(name: str, match: str, burst: float, per_s: float, cost: float = 1.0) -> Quota:
    return Quota(name=name, match=re.compile(match), burst=burst, per_s=per_s, cost=cost)


_ORDER: Final = r"/orders/v0/orders/[^/]+"
QUOTAS: Final[Mapping[str, Sequence[Quota]]] = {
    "shopify": (_quota("graphql", r"/graphql\.json$", 2000, 100, 10), _quota("rest", "", 40, 2)),
    "bigcommerce": (_quota("store", "", 150, 5),),
    "walmart": (
        _quota("token", r"/v3/token$", 60, 1),
        _quota("stock", "/v3/inventory", 60, 1),
        _quota("ship", "/shipping$", 60, 1),
        _quota("cancel", "/cancel$", 60, 1),
        _quota("refund", "/refund$", 60, 1),
        _quota("acknowledge", "/acknowledge$", 60, 1),
        _quota("read", "^GET", 60, 1),
    ),
    "etsy": (_quota("key", "", 10, 10),),
    "amazon": (
        _quota("getOrders", r"^GET /orders/v0/orders$", 20, 0.0167),
        _quota("getOrder", rf"^GET {_ORDER}$", 30, 0.5),
        _quota("getOrderItems", rf"^GET {_ORDER}/orderItems", 30, 0.5),
        _quota("getOrderAddress", rf"^GET {_ORDER}/address", 30, 0.5),
        _quota("getOrderBuyerInfo", rf"^GET {_ORDER}/buyerInfo", 30, 0.5),
        _quota("confirmShipment", rf"^POST {_ORDER}/shipmentConfirmation", 10, 2),
        _quota("getListingsItem", "^GET /listings/", 10, 5),
        _quota("patchListingsItem", "^PATCH /listings/", 10, 5),
        _quota("createRestrictedDataToken", "/restrictedDataToken$", 10, 1),
    ),
    "ebay": (_quota("fulfillment", "/sell/fulfillment/", 5000, 5000 / 86_400), _quota("rest", "", 5000, 5000 / 86_400)),
    "mercadolibre": (_quota("seller", "", 25, 25),),
    "tiktok-shop": (_quota("shop", "", 50, 50),),
    "meta-commerce": (_quota("user", "", 200, 200 / 3600),),
}
"""By vendor; the first that matches counts, and what none matches is not limited."""


@dataclass(slots=True)
class _Bucket:
    full: float
    at: float


@dataclass(slots=True)
class Limits:
    """The buckets of all accounts. `speed`: how many times faster time runs in them; 0: nothing is limited."""

    now: Callable[[], float]
    speed: float
    _buckets: dict[tuple[str, str, str], _Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refused(self, vendor: Vendor, account: str, request: Request) -> Reply | None:
        """The vendor's refusal of one call too many; None: it may be made, and is counted."""
        quota = _of(vendor.name, request) if self.speed else None
        if quota is None:
            return None
        with self._lock:
            now = self.now()
            bucket = self._buckets.setdefault((vendor.name, account, quota.name), _Bucket(quota.burst, now))
            gained = (now - bucket.at) * quota.per_s * self.speed
            bucket.full, bucket.at = min(quota.burst, bucket.full + gained), now
            if bucket.full >= quota.cost:
                bucket.full -= quota.cost
                return None
            wait = (quota.cost - bucket.full) / (quota.per_s * self.speed)
            short = _Short(quota=quota, left=bucket.full, wait_s=wait, now=now, speed=self.speed)
        return _WORDED.get(vendor.name, _plainly)(short, vendor.problem(_LIMITED))

    def drain(self, vendor: str, account: str = "") -> None:
        """The account has made all the calls that it may."""
        with self._lock:
            for quota in QUOTAS.get(vendor, ()):
                self._buckets[vendor, account, quota.name] = _Bucket(0.0, self.now())


def _of(vendor: str, request: Request) -> Quota | None:
    line = f"{request.method} {request.path}"
    return next((quota for quota in QUOTAS.get(vendor, ()) if quota.match.search(line)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Short:
    """A call too many: what is left, and the seconds of the caller's until it may be made."""

    quota: Quota
    left: float
    wait_s: float
    now: float
    speed: float


# ---------------------------------------------------------------- each in its own words


def _plainly(_: _Short, problem: Mapping[str, Any]) -> Reply:
    """429 and nothing more: eBay, TikTok Shop, Mercado Libre."""
    return Reply(status=_LIMITED, document=problem)


def _shopify(short: _Short, problem: Mapping[str, Any]) -> Reply:
    """GraphQL says it within an answer of 200: https://shopify.dev/docs/api/usage/response-codes"""
    if short.quota.name == "graphql":
        status = {
            "maximumAvailable": short.quota.burst,
            "currentlyAvailable": int(short.left),
            "restoreRate": short.quota.per_s * short.speed,
        }
        cost = {"requestedQueryCost": short.quota.cost, "actualQueryCost": None, "throttleStatus": status}
        error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
        return Reply(document={"errors": [error], "extensions": {"cost": cost}})
    used = f"{int(short.quota.burst - short.left)}/{int(short.quota.burst)}"
    headers = {"retry-after": f"{ceil(short.wait_s):.1f}", "x-shopify-shop-api-call-limit": used}
    return Reply(status=_LIMITED, document=problem, headers=headers)


def _bigcommerce(short: _Short, problem: Mapping[str, Any]) -> Reply:
    headers = {
        "x-rate-limit-requests-left": "0",
        "x-rate-limit-requests-quota": f"{short.quota.burst:.0f}",
        "x-rate-limit-time-window-ms": f"{short.quota.burst / short.quota.per_s / short.speed * 1000:.0f}",
        "x-rate-limit-time-reset-ms": f"{ceil(short.wait_s * 1000)}",
    }
    return Reply(status=_LIMITED, document=problem, headers=headers)


def _walmart(short: _Short, problem: Mapping[str, Any]) -> Reply:
    until = ceil((short.now + short.wait_s) * 1000)
    headers = {"x-current-token-count": "0", "x-next-replenish-time": f"{until}"}
    return Reply(status=_LIMITED, document=problem, headers=headers)


def _etsy(short: _Short, problem: Mapping[str, Any]) -> Reply:
    headers = {
        "x-limit-per-second": f"{short.quota.per_s:.0f}",
        "x-remaining-this-second": "0",
        "retry-after": f"{ceil(short.wait_s)}",
    }
    return Reply(status=_LIMITED, document=problem, headers=headers)


def _amazon(short: _Short, problem: Mapping[str, Any]) -> Reply:
    headers = {"x-amzn-ratelimit-limit": f"{short.quota.per_s * short.speed:.4f}"}
    return Reply(status=_LIMITED, document=problem, headers=headers)


def _meta(short: _Short, problem: Mapping[str, Any]) -> Reply:
    """Status 400, a code of the Graph API, and the minutes in a header."""
    usage = {"type": "commerce", "call_count": 100, "total_cputime": 0, "total_time": 0}
    minutes = {"estimated_time_to_regain_access": ceil(short.wait_s / 60)}
    headers = {"x-business-use-case-usage": json.dumps({"2233445566": [{**usage, **minutes}]})}
    return Reply(status=400, document=problem, headers=headers)


_WORDED: Final[Mapping[str, Callable[[_Short, Mapping[str, Any]], Reply]]] = {
    "shopify": _shopify,
    "bigcommerce": _bigcommerce,
    "walmart": _walmart,
    "etsy": _etsy,
    "amazon": _amazon,
    "meta-commerce": _meta,
}
