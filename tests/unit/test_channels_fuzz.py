"""Random damage to our own samples: whatever comes out is sound, whatever is refused is refused with a type of ours."""

from __future__ import annotations

import copy
import json
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from oms.channels import site
from oms.channels.registry import CONNECTORS, connector
from oms.domain.canonical import Normalized, NormalizedRefund, ShipTo, sum_parts
from oms.domain.errors import InvalidInputError
from oms.domain.inbound import InboundRequest, Notice, NoticeKind
from tests.unit.test_channels_site import document

EVENTS = Path(__file__).parents[2] / "events"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DELIVERIES = [
    (path.parent.name, json.loads(path.read_text("utf-8")))
    for path in sorted((EVENTS / "channels").glob("*/*.json"))
    if path.parent.name != "site"
]
TIKTOK = [json.loads(path.read_text("utf-8")) for path in sorted((EVENTS / "sandbox" / "tiktok-shop").glob("*.json"))]
AMAZON = [
    {
        part: json.loads((folder / f"{part}.json").read_text("utf-8"))
        for part in ("order", "items", "address", "buyerInfo")
    }
    for folder in sorted((EVENTS / "sandbox" / "amazon").iterdir())
    if not (folder / "items-page-2.json").exists()
]
WHOLE = {
    source: [
        (path.stem, json.loads(path.read_text("utf-8"), parse_float=Decimal))
        for path in sorted((EVENTS / "sandbox" / source).glob("*.json"))
    ]
    for source in ("bigcommerce", "magento", "ebay", "walmart", "etsy", "mercadolibre", "meta-commerce")
}

SINGLE = {"ebay", "walmart", "etsy"}
"""Channels whose orders are one document."""

SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 0, 1, 2**53 + 1, 10**20, 10**400])
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["", "0", "-0.01", "1e5", "NaN", "9" * 40, "\x00", "\ud800", "é", "١", "GBP", "XYZ", "2026-01-01"]
    )
    | st.sampled_from([[], {}, [[]], [{}], {"id": 1}]).map(copy.deepcopy)
)


@st.composite
def damage(draw: st.DrawFn, value: Any) -> Any:
    """`value` with up to three of its nodes replaced, removed or repeated."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        node = value
        for _ in range(draw(st.integers(0, 6))):
            if not isinstance(node, (dict, list)) or not node:
                break
            key: Any = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
            parent, node = node, node[key]
            if not isinstance(node, (dict, list)) or draw(st.booleans()):
                _hit(draw, parent, key)
                break
    return value


def _hit(draw: st.DrawFn, parent: Any, key: Any) -> None:
    how = draw(st.integers(0, 3))
    if how == 0:
        del parent[key]
    elif how == 1 and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[key]))
    else:
        parent[key] = draw(SCALARS)


def _check(found: Normalized | NormalizedRefund) -> None:
    if isinstance(found, Normalized):
        assert sum_parts(found.order) == found.order.total
        _no_floats(found.order)
        json.dumps(repr(found)).encode()  # no lone surrogates: everything can be stored


def _no_floats(value: Any) -> None:
    assert not isinstance(value, float)
    if isinstance(value, ShipTo):
        return
    if is_dataclass(value):
        for field in fields(value):
            _no_floats(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            _no_floats(item)
    elif isinstance(value, str):
        value.encode()


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_deliveries(data: st.DataObject) -> None:
    source, sample = data.draw(st.sampled_from(DELIVERIES))
    body = data.draw(damage(sample["body"])) if isinstance(sample["body"], dict) else sample["body"]
    headers = {key: data.draw(st.just(value) | st.text(max_size=9)) for key, value in sample["headers"].items()}
    request = InboundRequest(account="a", headers=headers, body=json.dumps(body).encode())
    try:
        notice = connector(source).identify(request)
        if notice.kind in {NoticeKind.ORDER, NoticeKind.REFUND}:
            _check(connector(source).normalize(request, notice))
        for fetch in connector(source).fetches(notice):
            assert ".." not in fetch.path
    except InvalidInputError as refusal:
        json.dumps(refusal.context)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_documents(data: st.DataObject) -> None:
    documents: dict[str, Any]
    kind = data.draw(st.sampled_from(["tiktok-shop", "amazon", *WHOLE]))
    if kind in SINGLE:
        source, (external_id, order) = kind, data.draw(st.sampled_from(WHOLE[kind]))
        page = data.draw(damage({"order": order} if kind == "walmart" else order))
        documents = {"order": [page]}
    elif kind in WHOLE:
        source, (external_id, parts) = kind, data.draw(st.sampled_from(WHOLE[kind]))
        documents = {}
        whole = kind == "meta-commerce"
        for name, part in data.draw(damage(parts)).items():
            page = part if isinstance(part, dict) else {"data" if whole or name == "refunds" else "items": part}
            documents[name] = [page]
        if kind == "mercadolibre":
            refunds = {"items": documents.get("refunds", [{}])[0].get("data")}
            documents = {"order": [*documents.get("order", []), *documents.get("shipment", []), refunds]}
    elif kind == "tiktok-shop":
        source, page = "tiktok-shop", data.draw(st.sampled_from(TIKTOK))
        external_id = page["data"]["orders"][0]["id"]
        documents = {"orders": [data.draw(damage(page))]}
    else:
        source, parts = "amazon", data.draw(st.sampled_from(AMAZON))
        external_id = parts["order"]["payload"]["AmazonOrderId"]
        documents = {name: [page] for name, page in data.draw(damage(parts)).items() if isinstance(page, dict)}
    notice = Notice(kind=NoticeKind.FETCH, topic="t", event_id="e", external_id=external_id)
    try:
        _check(connector(source).assemble("a", notice, documents))
    except InvalidInputError as refusal:
        json.dumps(refusal.context)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_orders_of_the_site(data: st.DataObject) -> None:
    body = data.draw(damage(document()))
    try:
        found, _ = site.read_order(body, account="a", external_id="k", now=NOW)
        _check(found)
    except InvalidInputError as refusal:
        json.dumps(refusal.context)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(CONNECTORS)), st.binary(max_size=200), st.dictionaries(st.text(), st.text()))
def test_any_bytes(source: str, body: bytes, headers: dict[str, str]) -> None:
    topics = {"x-shopify-topic": "orders/create", "x-wc-webhook-topic": "order.created"}
    request = InboundRequest(account="a", headers=headers | topics, body=body)
    try:
        connector(source).identify(request)
    except InvalidInputError as refusal:
        json.dumps(refusal.context)
