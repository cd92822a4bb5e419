"""Each vendor refuses a call too many in words of its own, and its adapter reads in them when there are calls again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from infra.local.sandbox import Sandbox, Settings
from infra.local.sandbox.accounts import credentials as more
from infra.local.sandbox.channels import of_account
from infra.local.sandbox.limits import QUOTAS
from oms.adapters.rest import Timeouts
from oms.adapters.vendor_http import BASE_URLS, VendorApi
from oms.application.telling import AskedToWaitError, made, not_yet
from oms.channels.outward import Call, Later, outward, sources
from oms.channels.shopify_out import read_levels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PATIENT: Final = Timeouts(connect=5, read=10, total=20)
SPEED: Final = 2.0
READS: Final = {
    "shopify": "/admin/api/2025-07/orders/1.json",
    "woocommerce": "/wp-json/wc/v3/orders/1",
    "bigcommerce": "/v2/orders/1",
    "magento": "/rest/V1/orders/1",
    "ebay": "/sell/fulfillment/v1/order/1",
    "walmart": "/v3/orders/1",
    "etsy": "/receipts/1",
    "amazon": "/orders/v0/orders/1",
    "tiktok-shop": "/order/202309/orders",
    "mercadolibre": "/orders/1/shipments",
    "meta-commerce": "/1",
}
"""A call of each that asks for an order, as its connector words it."""
WAITS: Final[Mapping[str, tuple[float, float] | None]] = {
    "shopify": (1, 1),
    "bigcommerce": (0.05, 0.1),
    "ebay": None,
    "walmart": (0.2, 0.5),
    "etsy": (1, 1),
    "amazon": (1, 1),
    "tiktok-shop": None,
    "mercadolibre": None,
    "meta-commerce": (60, 60),
}
"""Seconds that the refusal of a drained account asks to wait, least and most; None: the vendor does not say."""
UNLIMITED: Final = ("woocommerce", "magento")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Vendors whose seconds are a half."""
    with Sandbox(Settings(limits=SPEED)) as running:
        yield running


def api(sandbox: Sandbox, account: str = "") -> VendorApi:
    settings, url = of_account(sandbox.settings, account), sandbox.base_url
    known = {
        **more(settings, url),
        "shopify": {"url": url, "access_token": settings.shopify_access_token},
        "woocommerce": {
            "url": url,
            "consumer_key": settings.woocommerce_key,
            "consumer_secret": settings.woocommerce_secret,
        },
        "tiktok-shop": {
            "app_key": settings.tiktok_app_key,
            "app_secret": settings.tiktok_app_secret,
            "access_token": settings.tiktok_access_token,
        },
        "amazon": {
            "client_id": settings.amazon_client_id,
            "client_secret": settings.amazon_client_secret,
            "refresh_token": settings.amazon_refresh_token,
        },
    }
    return VendorApi(lambda source, _: known[source], dict.fromkeys(BASE_URLS, url), PATIENT)


def ask(vendors: VendorApi, source: str) -> int:
    """The status; raises what the vendor's refusal becomes."""
    query = {"ids": "1"} if source == "tiktok-shop" else {}
    return made(vendors, source, "main", Call(name="order", method="GET", path=READS[source], query=query)).status


def test_every_channel_has_a_limit_or_none_of_its_own() -> None:
    assert set(QUOTAS) == set(WAITS)
    assert set(WAITS) | set(UNLIMITED) == set(READS) == set(sources())


@pytest.mark.parametrize("source", sorted(WAITS))
def test_a_call_too_many_is_put_off_for_as_long_as_the_vendor_says(sandbox: Sandbox, source: str) -> None:
    vendors = api(sandbox)
    assert ask(vendors, source) < 500
    sandbox.limits.drain(source)
    before = len(sandbox.calls)
    with pytest.raises(AskedToWaitError) as refused:
        ask(vendors, source)
    said, wanted = refused.value.wait_s, WAITS[source]
    if wanted is None:
        assert said is None
    else:
        assert said is not None
        assert wanted[0] <= said <= wanted[1]
    (call,) = sandbox.calls[before:]
    assert (call["vendor"], call["fault"]) == (source, "limited"), "what was refused is in the record"


@pytest.mark.parametrize("source", ["shopify", "bigcommerce", "walmart", "etsy", "amazon"])
def test_after_that_there_are_calls_again(sandbox: Sandbox, source: str) -> None:
    vendors = api(sandbox)
    ask(vendors, source) if source in ("walmart", "amazon", "etsy") else None  # logs in
    sandbox.limits.drain(source)
    with pytest.raises(AskedToWaitError) as refused:
        ask(vendors, source)
    time.sleep((refused.value.wait_s or 0) + 0.05)
    assert ask(vendors, source) < 500


@pytest.mark.parametrize("source", UNLIMITED)
def test_hosts_set_the_limits_of_shops_that_have_none(sandbox: Sandbox, source: str) -> None:
    vendors = api(sandbox)
    sandbox.limits.drain(source)
    assert {ask(vendors, source) for _ in range(3)} == {404}


def test_shopify_says_it_of_graphql_within_an_answer_of_200(sandbox: Sandbox) -> None:
    body = {"query": "query { productVariants(first: 1) { nodes { sku } } }", "variables": {"query": 'sku:"A"'}}
    call = Call(name="levels", method="POST", path="/admin/api/2025-07/graphql.json", body=body)
    vendors = api(sandbox)
    sandbox.limits.drain("shopify")
    reply = made(vendors, "shopify", "main", call)
    later = read_levels(reply)
    assert reply.status == 200
    assert isinstance(later, Later)
    assert 0 < (not_yet(later).wait_s or 0) <= 10 / (100 * SPEED) + 0.1


def test_an_account_has_calls_of_its_own(sandbox: Sandbox) -> None:
    first, other = api(sandbox), api(sandbox, "other")
    assert ask(first, "etsy") == ask(other, "etsy") == 404
    sandbox.limits.drain("etsy", "other")
    with pytest.raises(AskedToWaitError):
        ask(other, "etsy")
    assert ask(first, "etsy") == 404


@pytest.mark.parametrize(("source", "said"), [("etsy", 1.0), ("ebay", None), ("mercadolibre", None)])
def test_a_login_too_many_is_put_off_too(sandbox: Sandbox, source: str, said: float | None) -> None:
    """The call itself was not made: nothing is in doubt."""
    sandbox.limits.drain(source, "late")
    with pytest.raises(AskedToWaitError) as refused:
        ask(api(sandbox, "late"), source)
    assert refused.value.wait_s == said


@pytest.mark.parametrize("source", sorted(WAITS))
def test_our_own_limits_are_within_the_vendors(source: str) -> None:
    """What is told goes by our own: no more in the long run than the slowest operation of a vendor allows."""
    ours = 1000 / outward(source).limit.interval_ms
    told = [quota for quota in QUOTAS[source] if quota.name not in ("getOrders", "graphql", "getOrderItems")]
    assert ours <= max(quota.per_s for quota in told) or source in ("ebay", "meta-commerce")


def test_nothing_is_limited_unless_it_is_asked_for() -> None:
    with Sandbox(Settings()) as free:
        free.limits.drain("etsy")
        assert ask(api(free), "etsy") == 404
