"""The command line's own parts: what it reads from files, how it signs, how an account is connected."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from infra.local import recorded as rec
from infra.local.connect import THEIRS, _secret, connect
from infra.local.engine import ROOT
from infra.local.import_rows import read_rows, tariff_of
from infra.local.sandbox import adobe, ebay, etsy
from infra.local.sandbox.mercadolibre import SELLER
from oms.application.senders import sender

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = ROOT / "events"
SIGNED = {
    "shopify": "channels/shopify/01-orders-create-us-paid.json",
    "woocommerce": "channels/woocommerce/02-order-created-gb.json",
    "tiktok-shop": "channels/tiktok-shop/01-order-status-us.json",
    "bigcommerce": "channels/bigcommerce/01-order-created-us.json",
    "magento": "channels/magento/01-order-saved-us.json",
    "ebay": "channels/ebay/01-order-confirmation-us.json",
    "walmart": "channels/walmart/01-order-updates-po-created-us.json",
    "etsy": "channels/etsy/01-order-paid-us.json",
    "mercadolibre": "channels/mercadolibre/01-order-paid-br.json",
    "meta-commerce": "channels/meta-commerce/01-order-created-us.json",
    "easypost": "carriers/easypost/01-tracker-created.json",
    "stripe": "payments/stripe/08-refund-created.json",
}


@pytest.mark.parametrize("kind", ["products", "nodes", "tariff", "stock", "tax_rates"])
def test_the_demo_shop_has_no_wrong_row(kind: str) -> None:
    rows, problems = read_rows(kind, (EVENTS / "demo" / f"{kind}.csv").read_text().splitlines())
    assert not problems
    assert len(rows) >= {"products": 50, "nodes": 4, "tariff": 4, "stock": 100, "tax_rates": 100}[kind]


@pytest.mark.parametrize(
    ("kind", "row", "problem"),
    [
        ("products", "A,Mug,1.5,1,1,1", "line 2: weight_g is not a whole number"),
        ("products", ",Mug,1,1,1,1", "line 2: sku must have 1 to 200 characters"),
        ("products", "A,Mug,-1,1,1,1", "line 2: weight_g must be 0 to 10000000"),
        ("nodes", "n,Name,DE,91,0,1", "line 2: latitude must lie between -90 and 90"),
        ("nodes", "n,Name,DEU,1,0,1", "line 2: country must have 1 to 2 characters"),
        ("nodes", "n,Name,DE,north,0,1", "line 2: latitude is not a number"),
        ("stock", "A,n,0", "line 2: the quantity does not fit the kind of movement"),
        ("stock", "A,n,-4", "line 2: the quantity does not fit the kind of movement"),
    ],
)
def test_a_wrong_row_is_named_by_its_line(kind: str, row: str, problem: str) -> None:
    columns = {
        "products": "sku,title,weight_g,length_mm,width_mm,height_mm",
        "nodes": "node_id,name,country,latitude,longitude,handling_days",
        "stock": "sku,node_id,quantity",
    }[kind]
    rows, problems = read_rows(kind, [columns, row])
    assert rows == []
    assert len(problems) == 1
    assert problems[0].startswith(problem)


NODE_COLUMNS = "node_id,name,country,latitude,longitude,handling_days"


def node_row(columns: str, values: str) -> tuple[list[dict[str, Any]], list[str]]:
    return read_rows("nodes", [f"{NODE_COLUMNS},{columns}", f"n,Name,DE,50,8,1,{values}"])


def test_a_node_has_what_sourcing_needs_of_it() -> None:
    columns = "capabilities,time_zone,cut_off,workdays,holidays,daily_orders,per_parcel,per_line,per_unit,zone"
    (row,), problems = node_row(columns, "hazmat|cold_chain,Europe/Berlin,14:00,mon|sat,2026-12-25,40,150,20,5,local")
    assert not problems
    assert {name: row[name] for name in columns.split(",")} == {
        "capabilities": ["cold_chain", "hazmat"], "time_zone": "Europe/Berlin", "cut_off": "14:00", "workdays": [0, 5],
        "holidays": ["2026-12-25"], "daily_orders": 40, "per_parcel": 150, "per_line": 20, "per_unit": 5,
        "zone": "local",
    }  # fmt: skip
    (bare,), problems = node_row(columns, ",,,,,,,,,")
    assert not problems
    assert not set(bare) & set(columns.split(","))


@pytest.mark.parametrize(
    ("columns", "values", "problem"),
    [
        ("capabilities", "Hazmat!", "capabilities are small letters"),
        ("time_zone", "Moon/Crater", "a calendar that cannot be read"),
        ("time_zone,cut_off", "Europe/Berlin,2 pm", "a cut-off time that is not HH:MM"),
        ("time_zone,holidays", "Europe/Berlin,Christmas", "a calendar that cannot be read"),
        ("time_zone,workdays", "Europe/Berlin,monday", "workdays are mon|tue"),
        ("cut_off", "14:00", "cut_off, workdays and holidays need a time_zone"),
        ("daily_orders", "many", "daily_orders is not a whole number"),
        ("per_parcel", "-1", "per_parcel must be 0"),
    ],
)
def test_a_node_that_nobody_could_source_from_is_refused(columns: str, values: str, problem: str) -> None:
    rows, problems = node_row(columns, values)
    assert rows == []
    assert problems[0].startswith(f"line 2: {problem}")


def test_a_tariff_is_read_zone_by_zone() -> None:
    columns = "zone,up_to_km,transit_days,base,up_to_g,per_kg"
    lines = [columns, "near,300,1,100,2000,50", "near,300,1,100,,40", "far,21000,5,900,,"]
    rows, problems = read_rows("tariff", lines)
    assert not problems
    near = {"name": "near", "up_to_km": 300, "transit_days": 1, "base": 100, "per_kg": [[2000, 50], [0, 40]]}
    far = {"name": "far", "up_to_km": 21000, "transit_days": 5, "base": 900, "per_kg": []}
    assert tariff_of(rows) == {"zones": [near, far]}
    priced, problems = read_rows("tariff", [f"{columns},price", "near,300,1,100,2000,50,390", "near,300,1,100,,40,390"])
    assert (problems, tariff_of(priced)) == ([], {"zones": [{**near, "price": 390}]})
    for wrong, problem in (
        (["near,300,1,100,2000,50"], "rates ascend, and the last has no end: near"),
        (["far,900,1,1,,", "near,300,1,1,,"], "zones stand in ascending order: near"),
        (["near,300,1,100,2000,50", "near,300,2,100,,40"], "zone near is told in two ways"),
    ):
        assert read_rows("tariff", [columns, *wrong])[1] == [problem]
    assert read_rows("tariff", [columns]) == ([], []), "back to the estimate"


def test_products_say_what_they_need() -> None:
    columns = "sku,title,weight_g,length_mm,width_mm,height_mm,needs,duty"
    (row,), problems = read_rows("products", [columns, "A,Paint,900,1,1,1,hazmat|cold_chain,30"])
    assert (problems, row["needs"], row["duty"]) == ([], ["cold_chain", "hazmat"], 30)
    assert read_rows("products", [columns, "A,Paint,900,1,1,1,haz mat,"])[1]


def test_good_rows_are_read_beside_wrong_ones() -> None:
    rows, problems = read_rows("stock", ["sku,node_id,quantity", "A,n,3", "B,n,x", "C,n,5"])
    assert [row["movement"].sku for row in rows] == ["A", "C"]
    assert problems == ["line 3: quantity is not a whole number: 'x'"]


def test_missing_columns_are_named() -> None:
    assert read_rows("nodes", ["node_id,name"])[1] == ["line 1: columns are missing: country, handling_days"]


@pytest.mark.parametrize("source", SIGNED)
def test_what_the_player_signs_the_receiver_accepts(source: str) -> None:
    recorded = rec.read(source, EVENTS / SIGNED[source], {"tracking_number": "EZ1"})
    fixed = {
        "tiktok-shop": "app:secret",
        "magento": adobe.CLIENT_ID,
        "etsy": etsy.SIGNING_SECRET,
        "mercadolibre": f"{SELLER}:tökén",
    }
    secret = fixed.get(source, "sécret")
    published = {"magento": [adobe.public_key()], "ebay": [ebay.public_key()]}.get(source, [])
    now = datetime(2026, 11, 23, tzinfo=UTC)
    headers = rec.sign(recorded, secret, at=now.timestamp())
    request = rec.Recorded(name="", source=source, headers=headers, body=recorded.body).request("main")
    sender(source).verify(request, ["another", secret, *published], now)


@pytest.mark.parametrize(
    ("source", "name", "topic"),
    [
        ("shopify", "webhook-2024-10-orders.create.json", "orders/create"),
        ("shopify", "webhook-itaka-orders.cancelled-HKD.json", "orders/cancelled"),
        ("shopify", "webhook-2024-10-fulfillment_orders.merged.json", "fulfillment_orders/merged"),
        ("shopify", "webhookdb-shopify_order-order-L507.json", "orders/updated"),
        ("woocommerce", "docs-v3_orders-L1213.json", "order.updated"),
        ("woocommerce", "webhook-coupon.created.json", "coupon.created"),
    ],
)
def test_a_topic_is_read_from_the_files_name(source: str, name: str, topic: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text('{"id": 1}')
    header = {"shopify": "x-shopify-topic", "woocommerce": "x-wc-webhook-topic"}[source]
    assert rec.read(source, file).headers[header] == topic


class _System:
    """Secrets in memory."""

    api_url = "http://127.0.0.1:1"
    outputs: ClassVar = {"AmazonQueueArn": "arn:aws:sqs:us-east-1:000000000000:amazon"}

    def __init__(self) -> None:
        self.document: dict[str, Any] = {}

    def make_keys(self) -> None:
        pass

    def read_secret(self, output: str) -> dict[str, Any]:
        return self.document

    def write_secret(self, output: str, document: dict[str, Any]) -> None:
        self.document = document


def test_connecting_again_rotates_the_secret_and_keeps_the_one_before() -> None:
    system: Any = _System()
    assert connect(system, "shopify", "my-shop", "one", {"token": "t"}) == f"{system.api_url}/webhooks/shopify/my-shop"
    connect(system, "shopify", "my-shop", "one")
    assert system.document["shopify/my-shop"] == {"current": "one", "previous": "", "api": {"token": "t"}}
    connect(system, "shopify", "my-shop", "two")
    assert system.document["shopify/my-shop"] == {"current": "two", "previous": "one", "api": {"token": "t"}}


def test_amazon_is_connected_by_its_queue() -> None:
    system: Any = _System()
    assert connect(system, "amazon", "A1", "") == system.outputs["AmazonQueueArn"]


def test_what_a_vendor_signs_with_itself_is_not_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    monkeypatch.delenv("SECRET", raising=False)
    for source in THEIRS:
        with pytest.raises(ValueError, match=source):
            _secret(source)
    monkeypatch.setenv("SECRET", "given")
    assert {_secret(source) for source in THEIRS} == {"given"}


def test_what_cannot_sign_is_registered_with_its_token() -> None:
    system: Any = _System()
    where = connect(system, "mercadolibre", "main", "1122334455:a token&")
    assert where.endswith("/webhooks/mercadolibre/main?token=a%20token%26")
    assert "token" not in connect(system, "meta-commerce", "main", "app-secret:verify-token")
