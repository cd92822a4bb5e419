"""The body of a cart: what it may say, and what is refused by its path."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oms.application.quoting import Cart
from oms.domain.canonical import ShipTo
from oms.domain.errors import InvalidInputError
from oms.entrypoints.requests.promises import read_cart

CART: dict[str, Any] = {
    "lines": [{"sku": " MUG-01 ", "quantity": 2}],
    "ship_to": {"country": "DE", "postal_code": "10115"},
    "currency": "EUR",
}


def read(**changes: Any) -> Cart:
    return read_cart(json.dumps({**CART, **changes}).encode())


def test_what_is_left_out_has_its_default() -> None:
    where = ShipTo(country="DE", postal_code="10115")
    assert read(total=None) == Cart(lines=(("MUG-01", 2),), ship_to=where, currency="EUR")


def test_all_of_it() -> None:
    to = {"country": "us", "postal_code": "07 a", "region": "NJ", "city": "Newark", "latitude": 40.7, "longitude": -74}
    found = read(ship_to=to, channel="shopify", account="b2b", total=10**15, shipping_methods=["express", "std"])
    assert found.ship_to == ShipTo(country="US", postal_code="07 A", region="NJ", latitude=40.7, longitude=-74)
    assert (found.city, found.channel, found.account, found.total) == ("Newark", "shopify", "b2b", 10**15)
    assert found.methods == ("express", "std")


def line(**fields: Any) -> dict[str, Any]:
    return {"lines": [{"sku": "A", "quantity": 1, **fields}]}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"lines": []}, "lines"),
        ({"lines": None}, "lines"),
        ({"lines": [{"sku": "A", "quantity": 1}] * 101}, "lines"),
        (line(quantity=0), "lines.0.quantity"),
        (line(quantity=1_000_001), "lines.0.quantity"),
        (line(quantity="1"), "lines.0.quantity"),
        (line(quantity=None), "lines.0.quantity"),
        (line(sku=""), "lines.0.sku"),
        (line(sku="x" * 201), "lines.0.sku"),
        (line(price=1), "lines.0.price"),
        ({"ship_to": {}}, "ship_to.country"),
        ({"ship_to": {"country": "DE", "latitude": 50}}, "ship_to.longitude"),
        ({"ship_to": {"country": "DE", "street": "x"}}, "ship_to.street"),
        ({"currency": None}, "currency"),
        ({"channel": "Amazon"}, "channel"),
        ({"account": ""}, "account"),
        ({"account": "x" * 61}, "account"),
        ({"total": -1}, "total"),
        ({"total": 10**15 + 1}, "total"),
        ({"shipping_methods": [""]}, "shipping_methods"),
        ({"shipping_methods": ["x"] * 11}, "shipping_methods"),
        ({"shipping_methods": "x"}, "shipping_methods"),
        ({"coupon": "x"}, "coupon"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        read(**changes)
    assert str(refusal.value.context["path"]).replace("[0]", ".0") == path


def test_no_cart_at_all() -> None:
    for raw in (b"", b"[]", b"{"):
        with pytest.raises(InvalidInputError):
            read_cart(raw)
