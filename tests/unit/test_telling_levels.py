"""Levels of channels whose stock is kept by SKU: what they are asked and told, and what they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from oms.channels.outward import calls_of, kinds, levels, sources
from oms.domain.channel_dues import Kind
from tests.support.telling import Shop, fine, says

if TYPE_CHECKING:
    from collections.abc import Mapping

CHANNELS = ("bigcommerce", "magento", "ebay", "walmart")


def told(made: Shop, units: Mapping[str, int]) -> str:
    """How the message of these levels ended."""
    for sku, count in units.items():
        made.available[sku] = count
        made.reference.put("product", sku, {"sku": sku})
    at = made.now.isoformat()
    of = {"source": made.source, "account": "main", "skus": sorted(units)}
    return made.say({"tell": "levels", "kind": "stock", "at": at, "seen_at": at, **of}).word


def stock(made: Shop) -> Any:
    return getattr(made.sandbox, made.source).stock


@pytest.mark.parametrize("source", CHANNELS)
def test_skus_that_the_channel_does_not_have_are_left_out(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    made = Shop(monkeypatch, source, location="7")
    stock(made).missing.add("B")
    assert told(made, {"A": 5, "B": 6, "C": 0}) == "sent"
    assert stock(made).levels == {"A": 5, "C": 0}
    assert made.parked == []


@pytest.mark.parametrize("source", CHANNELS)
def test_where_the_channel_has_none_of_them_it_is_told_nothing(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    made = Shop(monkeypatch, source, location="7")
    stock(made).missing.add("B")
    assert told(made, {"B": 6}) == "sent"
    assert made.told == []


@pytest.mark.parametrize("source", CHANNELS)
@pytest.mark.parametrize("status", [400, 409, 422])
def test_levels_that_are_refused_are_before_a_person(monkeypatch: pytest.MonkeyPatch, source: str, status: int) -> None:
    made = Shop(monkeypatch, source, location="7")
    made.faults.extend([*([] if source == "walmart" else [fine]), says(status)])
    assert told(made, {"A": 5}) == "parked"
    (entry,) = made.parked
    assert (entry.code, entry.detail["skus"]) == ("upstream_refused", ["A"])


@pytest.mark.parametrize("source", [source for source in sources() if Kind.STOCK in kinds(source)])
def test_a_message_of_levels_fits_what_an_account_may_call_at_once(source: str) -> None:
    from oms.channels.outward import outward

    assert calls_of(source, levels(source).most) <= outward(source).limit.burst


def test_a_sku_that_is_told_alone_takes_a_call_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Shop(monkeypatch, "walmart")
    assert told(made, {f"S{number}": number for number in range(10)}) == "sent"
    assert told(made, {f"T{number}": number for number in range(10)}) == "sent"
    assert told(made, {"U": 1}) == "waiting", "twenty calls are all that may be made at once"
    assert len(made.calls) == 20


@pytest.mark.parametrize("location", [None, "", "main"])
def test_bigcommerce_has_to_be_told_where(monkeypatch: pytest.MonkeyPatch, location: Any) -> None:
    made = Shop(monkeypatch, "bigcommerce", **({} if location is None else {"location": location}))
    assert told(made, {"A": 5}) == "parked"
    assert made.calls == []


def test_a_level_of_bigcommerce_is_of_the_location(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Shop(monkeypatch, "bigcommerce", location="7")
    told(made, {"A": 5})
    assert made.bodies[-1] == {"items": [{"location_id": 7, "sku": "A", "quantity": 5}]}


@pytest.mark.parametrize(("settings", "code"), [({}, "default"), ({"location": "east"}, "east")])
def test_a_level_of_magento_is_of_a_source(monkeypatch: pytest.MonkeyPatch, settings: Any, code: str) -> None:
    made = Shop(monkeypatch, "magento", **settings)
    told(made, {"A": 5, "B": 0})
    items = made.bodies[-1]["sourceItems"]
    assert [(each["sku"], each["quantity"], each["status"]) for each in items] == [("A", 5, 1), ("B", 0, 0)]
    assert {each["source_code"] for each in items} == {code}


def test_woocommerce_finds_a_sku_with_a_comma_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Shop(monkeypatch, "woocommerce")
    made.sandbox.woocommerce.told.whole.add("B,C")
    assert told(made, {"A": 5, "B,C": 6}) == "sent"
    assert made.sandbox.woocommerce.told.levels == {"A": 5, "B,C": 6}
    alone = Shop(monkeypatch, "woocommerce")
    alone.sandbox.woocommerce.told.whole.add("B,C")
    assert told(alone, {"B,C": 6}) == "sent"
    assert len(alone.calls) == 2


def test_a_sku_with_a_comma_is_asked_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Shop(monkeypatch, "magento")
    assert told(made, {"A": 5, "B,C": 6}) == "sent"
    assert stock(made).levels == {"A": 5, "B,C": 6}
    alone = Shop(monkeypatch, "magento")
    assert told(alone, {"B,C": 6}) == "sent"
    assert len(alone.calls) == 2


@pytest.mark.parametrize(
    "offer",
    [{"status": "UNPUBLISHED"}, {"status": "PUBLISHED", "format": "AUCTION"}, {}],
)
def test_what_ebay_does_not_sell_at_a_price_is_left_out(monkeypatch: pytest.MonkeyPatch, offer: dict[str, Any]) -> None:
    made = Shop(monkeypatch, "ebay")
    made.faults.append(says(200, {"offers": [{"offerId": "1", **offer}]}))
    assert told(made, {"A": 5}) == "sent"
    assert made.told == []


def test_every_offer_of_a_sku_has_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Shop(monkeypatch, "ebay")
    offers = [{"offerId": each, "status": "PUBLISHED", "format": "FIXED_PRICE"} for each in ("1", "2")]
    made.faults.append(says(200, {"offers": offers}))
    told(made, {"A": 5})
    (request,) = made.bodies[-1]["requests"]
    assert request == {
        "sku": "A",
        "shipToLocationAvailability": {"quantity": 5},
        "offers": [{"offerId": "1", "availableQuantity": 5}, {"offerId": "2", "availableQuantity": 5}],
    }


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ({"statusCode": 400, "errors": [{"errorId": 25004}]}, "parked"),
        ({"statusCode": 200, "errors": [{"errorId": 25004}]}, "parked"),
        ({"statusCode": None}, "parked"),
        ({"statusCode": 500}, "waiting"),
        ({"statusCode": 200, "warnings": [{"errorId": 1}]}, "sent"),
    ],
)
def test_ebay_says_of_each_sku_whether_it_was_set(
    monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], word: str
) -> None:
    made = Shop(monkeypatch, "ebay")
    made.faults.extend([fine, says(207, {"responses": [{"sku": "A", **answer}]})])
    assert told(made, {"A": 0}) == word
