"""The lists of orders of all channels: our adapter and connectors against the sandbox, over HTTP."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from infra.local.sandbox import Sandbox, Settings
from infra.local.sandbox.accounts import credentials as more
from infra.local.sandbox.untold import untold
from oms.adapters.rest import Timeouts
from oms.adapters.vendor_http import BASE_URLS, VendorApi
from oms.channels.listing import By, Span
from oms.channels.registry import CONNECTORS, connector, lister
from oms.domain.errors import OrderNotFoundError, UpstreamError, UpstreamRefusedError
from oms.domain.inbound import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LISTS = re.compile("orders?|receipts")
PATIENT = Timeouts(connect=5, read=10, total=20)
NOW = datetime.now(UTC).replace(microsecond=0)
SPAN = Span(since=NOW - timedelta(hours=2), until=NOW - timedelta(minutes=3))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Pages of two, so that lists have several."""
    with Sandbox(Settings(list_page=2)) as running:
        yield running


def credentials(sandbox: Sandbox) -> dict[str, dict[str, str]]:
    settings = sandbox.settings
    return {
        "shopify": {"url": sandbox.base_url, "access_token": settings.shopify_access_token},
        "woocommerce": {
            "url": sandbox.base_url,
            "consumer_key": settings.woocommerce_key,
            "consumer_secret": settings.woocommerce_secret,
        },
        "tiktok-shop": {
            "app_key": settings.tiktok_app_key,
            "app_secret": settings.tiktok_app_secret,
            "access_token": settings.tiktok_access_token,
            "shop_cipher": "ROW_demo",
        },
        "amazon": {
            "client_id": settings.amazon_client_id,
            "client_secret": settings.amazon_client_secret,
            "refresh_token": settings.amazon_refresh_token,
            "marketplace_ids": "ATVPDKIKX0DER,A1PA6795UKMFR9",
        },
        **more(settings, sandbox.base_url),
    }


def api(sandbox: Sandbox, **changes: Mapping[str, str]) -> VendorApi:
    known = credentials(sandbox)
    urls = dict.fromkeys(BASE_URLS, sandbox.base_url)
    return VendorApi(lambda source, _: {**known[source], **changes.get(source, {})}, urls, PATIENT, sandbox.clock.now)


def put(sandbox: Sandbox, given: Mapping[str, Any]) -> None:
    assert urllib3.request("POST", f"{sandbox.base_url}/_sandbox/orders", json=dict(given)).status == 200


def listed(vendors: VendorApi, source: str, by: By = By.UPDATED, span: Span = SPAN) -> list[str]:
    lists = lister(source)
    pages = list(vendors.pages(source, "main", lists, lists.requests(by, span)))
    found = [lists.listed(entry) for page in pages for entry in lists.entries(page)]
    return [each.external_id for each in found if each is not None]


@pytest.mark.parametrize("source", list(CONNECTORS))
def test_every_order_of_a_span_is_listed_page_by_page_and_no_other(sandbox: Sandbox, source: str) -> None:
    vendors = api(sandbox)
    wanted = []
    for number in range(5):
        given = untold(source, SPAN.since + timedelta(minutes=20 * number), f"10{number}")
        put(sandbox, given)
        wanted.append(given["id"])
    put(sandbox, untold(source, SPAN.since - timedelta(hours=1), "200"))
    for by in By:
        assert listed(vendors, source, by) == wanted
    calls = [call["path"] for call in sandbox.calls if call["vendor"] == source and LISTS.search(call["path"])]
    # WooCommerce has two lists, as has Mercado Libre; Walmart three, of which two are of nothing.
    expected = {"woocommerce": 4, "bigcommerce": 2, "magento": 2, "walmart": 10, "mercadolibre": 4}
    assert len(calls) == expected.get(source, 6)
    vendors.close()


@pytest.mark.parametrize("source", list(CONNECTORS))
def test_an_order_that_was_listed_can_be_fetched(sandbox: Sandbox, source: str) -> None:
    vendors = api(sandbox)
    given = untold(source, SPAN.since, "101")
    put(sandbox, given)
    notice = Notice(kind=NoticeKind.FETCH, topic="listed", event_id="1", external_id=given["id"])
    who = connector(source)
    order = who.assemble("main", notice, vendors.fetch(source, "main", who, notice)).order
    assert (order.external_id, order.revision) == (given["id"], SPAN.since)
    put(sandbox, {**given, "order": None})
    with pytest.raises(OrderNotFoundError):
        vendors.fetch(source, "main", who, notice)
    vendors.close()


@pytest.mark.parametrize("source", list(CONNECTORS))
def test_a_limit_says_when_to_come_again(sandbox: Sandbox, source: str) -> None:
    sandbox.add_fault(match=f"^{source} .*{LISTS.pattern}", status=429, retry_after=7)
    vendors = api(sandbox)
    with pytest.raises(UpstreamError) as caught:
        listed(vendors, source)
    assert caught.value.retryable
    assert caught.value.context["retry_after"] == 7
    vendors.close()


WRONG = {
    "shopify": ["access_token"],
    "woocommerce": ["consumer_key", "consumer_secret"],
    "tiktok-shop": ["app_key", "app_secret", "access_token"],
    "amazon": ["client_id", "client_secret", "refresh_token"],
    "bigcommerce": ["store_hash", "access_token"],
    "magento": ["consumer_key", "consumer_secret", "access_token", "access_token_secret"],
    "ebay": ["client_id", "client_secret", "refresh_token"],
    "walmart": ["client_id", "client_secret"],
    "etsy": ["shop_id", "client_id", "shared_secret", "refresh_token"],
    "mercadolibre": ["user_id", "client_id", "client_secret"],
    "meta-commerce": ["account_id", "access_token"],
}


@pytest.mark.parametrize(("source", "name"), [(source, name) for source, names in WRONG.items() for name in names])
@pytest.mark.parametrize("value", ["", "wrong"])
def test_credentials_that_are_not_right_are_refused(sandbox: Sandbox, source: str, name: str, value: str) -> None:
    vendors = api(sandbox, **{source: {name: value}})
    with pytest.raises(UpstreamRefusedError):
        listed(vendors, source)
    vendors.close()


def test_amazon_lists_the_marketplaces_that_it_is_told(sandbox: Sandbox) -> None:
    put(sandbox, untold("amazon", SPAN.since, "101"))
    for told, count in (("A1PA6795UKMFR9", 1), ("ATVPDKIKX0DER", 0)):
        vendors = api(sandbox, amazon={"marketplace_ids": told})
        assert len(listed(vendors, "amazon")) == count
        vendors.close()
    with pytest.raises(UpstreamRefusedError):
        listed(api(sandbox, amazon={"marketplace_ids": ""}), "amazon")


def test_amazon_refuses_a_list_that_ends_now(sandbox: Sandbox) -> None:
    vendors = api(sandbox)
    with pytest.raises(UpstreamRefusedError):
        listed(vendors, "amazon", span=Span(since=SPAN.since, until=datetime.now(UTC).replace(microsecond=0)))
    vendors.close()


@pytest.mark.parametrize("source", ["ebay", "walmart", "etsy"])
def test_a_token_that_ended_early_is_replaced_once(sandbox: Sandbox, source: str) -> None:
    vendors = api(sandbox)
    put(sandbox, untold(source, SPAN.since, "101"))
    assert len(listed(vendors, source)) == 1
    tokens = {"ebay": sandbox.ebay.tokens, "walmart": sandbox.walmart.tokens, "etsy": sandbox.etsy.tokens}[source]
    logins = sum("token" in call["path"] for call in sandbox.calls)
    tokens.expire()
    assert len(listed(vendors, source)) == 1
    assert len(listed(vendors, source)) == 1
    assert sum("token" in call["path"] for call in sandbox.calls) == logins + 1
    vendors.close()


def test_an_order_in_the_trash_is_listed_too(sandbox: Sandbox) -> None:
    vendors = api(sandbox)
    given = untold("woocommerce", SPAN.since, "101")
    put(sandbox, {**given, "order": {**given["order"], "status": "trash"}})
    assert listed(vendors, "woocommerce") == [given["id"]]
    vendors.close()


def test_an_order_that_changes_while_pages_are_read_hides_no_other(sandbox: Sandbox) -> None:
    vendors = api(sandbox)
    for number in range(4):
        put(sandbox, untold("shopify", SPAN.since + timedelta(minutes=number), f"10{number}"))
    lists = lister("shopify")
    pages = vendors.pages("shopify", "main", lists, lists.requests(By.UPDATED, SPAN))
    found = [entry.identifier("id") for entry in lists.entries(next(pages))]
    put(sandbox, untold("shopify", NOW, "100"))
    found += [entry.identifier("id") for page in pages for entry in lists.entries(page)]
    assert found == [f"639900000010{number}" for number in range(4)]
    vendors.close()
