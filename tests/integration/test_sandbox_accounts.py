"""Accounts of the sandbox: told apart by their credentials, each with shops and a record of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from infra.local.engine import ROOT
from infra.local.sandbox import Sandbox, Settings
from infra.local.sandbox.accounts import credentials
from infra.local.sandbox.channels import of_account
from infra.local.sandbox.faults import FaultPlan
from oms.adapters.rest import Timeouts
from oms.adapters.vendor_http import BASE_URLS, VendorApi
from oms.channels.outward import Call

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENT = Timeouts(connect=5, read=10, total=20)
SHIP: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "etsy": ("/receipts/3400000101/tracking", {"tracking_code": "T1", "carrier_name": "ups"}),
    "ebay": (
        "/sell/fulfillment/v1/order/26-20001-10001/shipping_fulfillment",
        {"trackingNumber": "T1", "shippingCarrierCode": "UPS", "lineItems": [{"quantity": 1}]},
    ),
    "bigcommerce": ("/v2/orders/4001/shipments", {"tracking_number": "T1", "items": [{"quantity": 1}]}),
    "magento": ("/rest/V1/order/2001/ship", {"items": [{"qty": 1}], "tracks": [{"track_number": "T1"}]}),
    "meta-commerce": (
        "/3565497390170101/shipments",
        {"idempotency_key": "k1", "tracking_info": {"carrier": "UPS", "tracking_number": "T1"}},
    ),
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Settings(samples=ROOT / "events" / "sandbox")) as running:
        yield running


def ship(sandbox: Sandbox, source: str, account: str) -> int:
    known = credentials(of_account(sandbox.settings, account), sandbox.base_url)
    vendors = VendorApi(lambda asked, _: known[asked], dict.fromkeys(BASE_URLS, sandbox.base_url), PATIENT)
    path, body = SHIP[source]
    return vendors.tell(source, "main", Call(name="ship", method="POST", path=path, body=body))[0]


@pytest.mark.parametrize("source", sorted(SHIP))
def test_the_same_order_of_two_accounts_is_two_orders(sandbox: Sandbox, source: str) -> None:
    """Meta takes a key once: of each account."""
    for account in ("", "one", "two"):
        assert ship(sandbox, source, account) < 300
    told = [(each["vendor"], each["kind"], each.get("account", "")) for each in sandbox.told]
    assert told == [(source, "fulfillment", account) for account in ("", "one", "two")]
    assert {each["account"] for each in sandbox.calls if "account" in each} == {"one", "two"}


def test_amazon_is_told_a_level_by_a_change_of_a_part(sandbox: Sandbox) -> None:
    settings = of_account(sandbox.settings, "one")
    names = ("client_id", "client_secret", "refresh_token")
    known = {name: str(getattr(settings, f"amazon_{name}")) for name in names}
    vendors = VendorApi(lambda *_: known, dict.fromkeys(BASE_URLS, sandbox.base_url), PATIENT)
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": 7}]
    body = {"productType": "HOME", "patches": [{"op": "merge", "path": "/attributes/x", "value": value}]}
    path = "/listings/2021-08-01/items/A2/MUG-01"
    call = Call(name="level", method="PATCH", path=path, query={"marketplaceIds": "ATVPDKIKX0DER"}, body=body)
    assert vendors.tell("amazon", "main", call)[0] == 200
    (told,) = sandbox.told
    assert (told["vendor"], told["sku"], told["units"], told["account"]) == ("amazon", "MUG-01", 7, "one")


def test_credentials_of_nobody_are_refused(sandbox: Sandbox) -> None:
    known = credentials(of_account(sandbox.settings, "one"), sandbox.base_url)
    known["bigcommerce"]["access_token"] = "wrong~one"
    vendors = VendorApi(lambda asked, _: known[asked], dict.fromkeys(BASE_URLS, sandbox.base_url), PATIENT)
    path, body = SHIP["bigcommerce"]
    assert vendors.tell("bigcommerce", "main", Call(name="ship", method="POST", path=path, body=body))[0] == 401
    assert not sandbox.told


def test_a_fault_by_chance_meets_some_calls() -> None:
    plan = FaultPlan(lambda: 0.0)
    plan.add([{"match": "etsy", "times": 0, "chance": 0.3, "status": 503}])
    met = [plan.pick("etsy", "GET", "/") is not None for _ in range(1000)]
    assert 200 < sum(met) < 400
    assert plan.pick("ebay", "GET", "/") is None
