"""The command line's own parts: what it reads from files, how it signs, how an account is connected."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from infra.local import recorded as rec
from infra.local.connect import connect
from infra.local.engine import ROOT
from infra.local.import_ import read_rows
from oms.application.senders import sender

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = ROOT / "events"
SIGNED = {
    "shopify": "channels/shopify/01-orders-create-us-paid.json",
    "woocommerce": "channels/woocommerce/02-order-created-gb.json",
    "tiktok-shop": "channels/tiktok-shop/01-order-status-us.json",
    "easypost": "carriers/easypost/01-tracker-created.json",
    "stripe": "payments/stripe/08-refund-created.json",
}


@pytest.mark.parametrize("kind", ["products", "nodes", "stock"])
def test_the_demo_shop_has_no_wrong_row(kind: str) -> None:
    rows, problems = read_rows(kind, (EVENTS / "demo" / f"{kind}.csv").read_text().splitlines())
    assert not problems
    assert len(rows) >= {"products": 50, "nodes": 4, "stock": 100}[kind]


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


def test_good_rows_are_read_beside_wrong_ones() -> None:
    rows, problems = read_rows("stock", ["sku,node_id,quantity", "A,n,3", "B,n,x", "C,n,5"])
    assert [row["movement"].sku for row in rows] == ["A", "C"]
    assert problems == ["line 3: quantity is not a whole number: 'x'"]


def test_missing_columns_are_named() -> None:
    assert read_rows("nodes", ["node_id,name"])[1] == ["line 1: columns are missing: country, handling_days"]


@pytest.mark.parametrize("source", SIGNED)
def test_what_the_player_signs_the_receiver_accepts(source: str) -> None:
    recorded = rec.read(source, EVENTS / SIGNED[source], {"tracking_number": "EZ1"})
    secret = "app:secret" if source == "tiktok-shop" else "sécret"
    now = datetime(2026, 11, 23, tzinfo=UTC)
    headers = rec.sign(recorded, secret, at=now.timestamp())
    request = rec.Recorded(name="", source=source, headers=headers, body=recorded.body).request("main")
    sender(source).verify(request, ["another", secret], now)


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
