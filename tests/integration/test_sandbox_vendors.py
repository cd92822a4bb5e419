"""The vendors' API adapter against the sandbox, with the connectors and the samples that the demo uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.local.sandbox import Sandbox, Settings
from oms.adapters.rest import Timeouts
from oms.adapters.vendor_http import VendorApi
from oms.channels.registry import connector
from oms.domain.errors import NotFoundError, OrderNotFoundError, UpstreamError, UpstreamRefusedError
from oms.domain.inbound import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SAMPLES = Path(__file__).parents[2] / "events/sandbox"
TIKTOK_ORDERS = sorted(file.stem for file in (SAMPLES / "tiktok-shop").glob("*.json"))
AMAZON_ORDERS = sorted(folder.name for folder in (SAMPLES / "amazon").iterdir())
ONE = {"tiktok-shop": TIKTOK_ORDERS[0], "amazon": AMAZON_ORDERS[0]}
PATIENT = Timeouts(connect=5, read=10, total=20)
HASTY = Timeouts(connect=5, read=0.5, total=20)
CREDENTIALS: dict[str, dict[str, str]] = {
    "tiktok-shop": {
        "app_key": "sandbox_app",
        "app_secret": "sandbox_app_secret",
        "access_token": "sandbox_tiktok_token",
        "shop_cipher": "ROW_demo",
    },
    "amazon": {
        "client_id": "sandbox_client",
        "client_secret": "sandbox_client_secret",
        "refresh_token": "sandbox_refresh_token",
    },
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Settings(samples=SAMPLES)) as running:
        yield running


def vendors(
    sandbox: Sandbox, credentials: Mapping[str, Mapping[str, str]] = CREDENTIALS, timeouts: Timeouts = PATIENT
) -> VendorApi:
    urls = dict.fromkeys(("tiktok-shop", "amazon", "amazon-auth"), sandbox.base_url)
    return VendorApi(lambda source, _: credentials.get(source, {}), urls, timeouts, clock=sandbox.clock.now)


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[VendorApi]:
    found = vendors(sandbox)
    yield found
    found.close()


def notice(order: str) -> Notice:
    return Notice(kind=NoticeKind.FETCH, topic="order", event_id="evt_1", external_id=order)


def fetch(api: VendorApi, source: str, order: str) -> dict[str, list[dict[str, object]]]:
    return api.fetch(source, "main", connector(source), notice(order))


@pytest.mark.parametrize("order", TIKTOK_ORDERS)
def test_a_tiktok_order_is_fetched_signed_and_assembled(api: VendorApi, order: str) -> None:
    channel = connector("tiktok-shop")
    found = channel.assemble("main", notice(order), fetch(api, "tiktok-shop", order))
    assert order in repr(found)


@pytest.mark.parametrize("order", AMAZON_ORDERS)
def test_an_amazon_order_is_fetched_with_its_pages_and_assembled(api: VendorApi, order: str) -> None:
    channel = connector("amazon")
    found = channel.assemble("main", notice(order), fetch(api, "amazon", order))
    assert order in repr(found)


def test_pages_follow_in_order(sandbox: Sandbox, api: VendorApi) -> None:
    paged = next(name for name in AMAZON_ORDERS if (SAMPLES / "amazon" / name / "items-page-2.json").is_file())
    documents = fetch(api, "amazon", paged)
    assert [len(documents[name]) for name in ("order", "items", "address", "buyerInfo")] == [1, 2, 1, 1]
    assert "NextToken" not in json.dumps(documents["items"][-1])


def test_one_access_token_lasts_for_its_hour_and_one_restricted_token_per_order(
    sandbox: Sandbox, api: VendorApi
) -> None:
    for order in AMAZON_ORDERS:
        fetch(api, "amazon", order)
    paths = [call["path"] for call in sandbox.calls]
    assert paths.count("/auth/o2/token") == 1
    assert paths.count("/tokens/2021-03-01/restrictedDataToken") == len(AMAZON_ORDERS)
    sandbox.clock.advance(3600)
    fetch(api, "amazon", AMAZON_ORDERS[0])
    assert [call["path"] for call in sandbox.calls].count("/auth/o2/token") == 2


def test_a_token_that_ended_early_is_replaced(sandbox: Sandbox, api: VendorApi) -> None:
    fetch(api, "amazon", AMAZON_ORDERS[0])
    sandbox.amazon.expire_tokens()
    assert fetch(api, "amazon", AMAZON_ORDERS[0])["address"]


@pytest.mark.parametrize("source", ["tiktok-shop", "amazon"])
def test_an_order_the_vendor_does_not_know_may_come_yet(api: VendorApi, source: str) -> None:
    with pytest.raises(OrderNotFoundError) as caught:
        fetch(api, source, {"amazon": "999-0000000-0000000", "tiktok-shop": "999000000000000000"}[source])
    assert caught.value.retryable


@pytest.mark.parametrize("source", ["tiktok-shop", "amazon"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_limit_or_an_outage_says_when_to_try_again(
    sandbox: Sandbox, api: VendorApi, source: str, status: int
) -> None:
    sandbox.add_fault(match=f"^{source} GET", status=status, retry_after=3)
    with pytest.raises(UpstreamError) as caught:
        fetch(api, source, ONE[source])
    assert (caught.value.retryable, caught.value.context["retry_after"]) == (True, 3.0)


@pytest.mark.parametrize("source", ["tiktok-shop", "amazon"])
@pytest.mark.parametrize("fault", [{"delay": 0.9}, {"drop": "before"}, {"drop": "after"}])
def test_silence_and_broken_connections_are_retryable(sandbox: Sandbox, source: str, fault: dict[str, object]) -> None:
    api = vendors(sandbox, timeouts=HASTY)
    sandbox.add_fault(match=f"^{source} GET", **fault)
    with pytest.raises(UpstreamError) as caught:
        fetch(api, source, ONE[source])
    assert caught.value.retryable
    assert caught.value.__cause__ is None
    api.close()


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ("tiktok-shop", "app_secret"),
        ("tiktok-shop", "access_token"),
        ("amazon", "client_secret"),
        ("amazon", "refresh_token"),
    ],
)
def test_wrong_credentials_are_refused_without_being_repeated(sandbox: Sandbox, source: str, field: str) -> None:
    wrong = {source: {**CREDENTIALS[source], field: "very_wrong_secret"}}
    api = vendors(sandbox, wrong)
    with pytest.raises(UpstreamRefusedError) as caught:
        fetch(api, source, ONE[source])
    assert not caught.value.retryable
    assert "very_wrong_secret" not in f"{caught.value} {caught.value.context}"
    assert "very_wrong_secret" not in json.dumps(sandbox.calls)
    api.close()


@pytest.mark.parametrize("source", ["tiktok-shop", "amazon"])
def test_missing_credentials_are_named(sandbox: Sandbox, source: str) -> None:
    with pytest.raises(UpstreamRefusedError) as caught:
        fetch(vendors(sandbox, {}), source, ONE[source])
    assert caught.value.context["missing"]


def test_a_clock_that_is_wrong_is_refused_by_the_vendor(sandbox: Sandbox) -> None:
    urls = {"tiktok-shop": sandbox.base_url}
    api = VendorApi(lambda source, _: CREDENTIALS[source], urls, PATIENT, clock=lambda: sandbox.clock.now() - 301)
    with pytest.raises(UpstreamRefusedError):
        fetch(api, "tiktok-shop", TIKTOK_ORDERS[0])
    api.close()


def test_one_account_may_live_elsewhere(sandbox: Sandbox) -> None:
    api = VendorApi(
        lambda source, _: CREDENTIALS[source], {"tiktok-shop:main": sandbox.base_url}, PATIENT, clock=sandbox.clock.now
    )
    assert fetch(api, "tiktok-shop", TIKTOK_ORDERS[0])
    api.close()


def test_a_channel_without_an_api_is_not_found(api: VendorApi) -> None:
    with pytest.raises(NotFoundError):
        api.fetch("pigeon", "main", connector("shopify"), notice("1"))
