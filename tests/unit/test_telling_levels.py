"""Levels of channels whose stock is kept by SKU: what they are asked and told, and what they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from oms.channels.outward import Level, Reply, calls_of, kinds, levels, sources
from oms.domain.channel_dues import Kind
from oms.domain.errors import UpstreamRefusedError
from tests.support.telling import STOCK_SETTINGS, VENDORS, Shop, fine, says

if TYPE_CHECKING:
    from collections.abc import Mapping

CHANNELS = ("bigcommerce", "magento", "ebay", "walmart", "amazon", "tiktok-shop")
LOCATION = {"location": "7"}


def told(made: Shop, units: Mapping[str, int]) -> str:
    """How the message of these levels ended."""
    for sku, count in units.items():
        made.available[sku] = count
        made.reference.put("product", sku, {"sku": sku})
    at = made.now.isoformat()
    of = {"source": made.source, "account": "main", "skus": sorted(units)}
    return made.say({"tell": "levels", "kind": "stock", "at": at, "seen_at": at, **of}).word


def stock(made: Shop) -> Any:
    return getattr(made.sandbox, VENDORS.get(made.source, made.source)).stock


@pytest.mark.parametrize("source", CHANNELS)
def test_skus_that_the_channel_does_not_have_are_left_out(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    made = Shop(monkeypatch, source, **STOCK_SETTINGS.get(source, LOCATION))
    stock(made).missing.add("B")
    assert told(made, {"A": 5, "B": 6, "C": 0}) == "sent"
    assert stock(made).levels == {"A": 5, "C": 0}
    assert made.parked == []


@pytest.mark.parametrize("source", CHANNELS)
def test_where_the_channel_has_none_of_them_it_is_told_nothing(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    made = Shop(monkeypatch, source, **STOCK_SETTINGS.get(source, LOCATION))
    stock(made).missing.add("B")
    assert told(made, {"B": 6}) == "sent"
    assert made.told == []


@pytest.mark.parametrize("source", CHANNELS)
@pytest.mark.parametrize("status", [400, 409, 422])
def test_levels_that_are_refused_are_before_a_person(monkeypatch: pytest.MonkeyPatch, source: str, status: int) -> None:
    made = Shop(monkeypatch, source, **STOCK_SETTINGS.get(source, LOCATION))
    made.faults.extend([*([] if source == "walmart" else [fine]), says(status)])
    assert told(made, {"A": 5}) == "parked"
    (entry,) = made.parked
    assert (entry.code, entry.detail["skus"]) == ("upstream_refused", ["A"])


def test_kits_of_what_moved_are_told_too_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever moves a component moves what is for sale of its kits; a kit that moves moves nothing else."""
    made = Shop(monkeypatch, "bigcommerce", **LOCATION)
    made.reference.put("product", "SET", {"sku": "SET", "components": {"MUG": 2, "TRAY": 1}})
    for part in ("MUG", "TRAY"):
        made.reference.put("kits_of", part, {"kits": ["SET"]})
    made.available["SET"] = 2
    made.faults.extend([says(503)])
    assert told(made, {"MUG": 5, "TRAY": 9}) == "waiting"
    assert sorted(message["skus"] for message, _ in made.queue) == [["MUG", "TRAY"], ["SET"]]
    assert sorted(made.drain()) == ["sent", "sent"]
    assert stock(made).levels == {"MUG": 5, "TRAY": 9, "SET": 2}
    assert told(made, {"SET": 1}) == "sent"
    assert made.queue == []


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


@pytest.mark.parametrize("settings", [{}, {"seller": "A2SELLER"}, {"marketplace": "ATVPDKIKX0DER"}])
def test_amazon_has_to_be_told_whose_listings_and_where(
    monkeypatch: pytest.MonkeyPatch, settings: Mapping[str, Any]
) -> None:
    made = Shop(monkeypatch, "amazon", **settings)
    assert told(made, {"A": 5}) == "parked"
    assert made.calls == []


def test_amazon_keeps_what_else_its_listing_says_and_reads_a_sku_of_any_letters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Shop(monkeypatch, "amazon", **STOCK_SETTINGS["amazon"])
    assert told(made, {"TEE/red 50%": 5}) == "sent"
    assert stock(made).levels == {"TEE/red 50%": 5}
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": 5}]
    patch = {"op": "merge", "path": "/attributes/fulfillment_availability", "value": value}
    answers = {"A": Reply(status=200, document={"productTypes": [{"productType": "HOME"}]})}
    (call,) = levels("amazon").tell_levels([Level(sku="A", units=5)], STOCK_SETTINGS["amazon"], answers, "k")
    assert call.body == {"productType": "HOME", "patches": [patch]}
    assert (call.method, call.path) == ("PATCH", "/listings/2021-08-01/items/A2SELLER/A")


def test_what_amazon_keeps_itself_is_not_told() -> None:
    kept = {"fulfillmentAvailability": [{"fulfillmentChannelCode": "AMAZON_NA"}]}
    answers = {"A": Reply(status=200, document=kept), "B": Reply(status=200, document={})}
    wanted = [Level(sku="A", units=5), Level(sku="B", units=6)]
    calls = levels("amazon").tell_levels(wanted, STOCK_SETTINGS["amazon"], answers, "k")
    assert [(each.name, each.body and each.body["productType"]) for each in calls] == [("B", "PRODUCT")]


def test_amazon_may_refuse_what_it_took() -> None:
    said = {"status": "INVALID", "issues": [{"code": "90220", "message": "quantity is required", "severity": "ERROR"}]}
    with pytest.raises(UpstreamRefusedError) as refused:
        levels("amazon").read_levels(Reply(status=200, document=said))
    assert refused.value.context["vendor_code"] == "90220"


def tiktok(*warehouses: str, **product: Any) -> Mapping[str, Reply]:
    sku = {"id": "171", "seller_sku": "A", "inventory": [{"warehouse_id": each, "quantity": 1} for each in warehouses]}
    other = {"id": "172", "seller_sku": "A-2", "inventory": []}
    data = {"products": [{"id": "17", "status": "ACTIVATE", "skus": [sku, other], **product}], "next_page_token": ""}
    return {"A": Reply(status=200, document={"code": 0, "data": data})}


@pytest.mark.parametrize(
    ("warehouses", "settings", "where"),
    [(("70",), {}, "70"), (("70", "71"), {"location": "71"}, "71"), ((), {"location": "71"}, "71")],
)
def test_a_tiktok_sku_is_set_where_it_is_kept(
    warehouses: tuple[str, ...], settings: Mapping[str, Any], where: str
) -> None:
    asked = tiktok(*warehouses)
    (call,) = levels("tiktok-shop").tell_levels([Level(sku="A", units=5)], settings, asked, "k")
    assert call.path == "/product/202309/products/17/inventory/update"
    assert call.body == {"skus": [{"id": "171", "inventory": [{"warehouse_id": where, "quantity": 5}]}]}


@pytest.mark.parametrize("warehouses", [(), ("70", "71")])
def test_where_tiktok_keeps_it_has_to_be_clear(warehouses: tuple[str, ...]) -> None:
    with pytest.raises(UpstreamRefusedError):
        levels("tiktok-shop").tell_levels([Level(sku="A", units=5)], {}, tiktok(*warehouses), "k")


def test_a_listing_that_is_no_more_has_no_stock() -> None:
    gone = tiktok("70", status="DELETED")
    assert levels("tiktok-shop").tell_levels([Level(sku="A", units=5)], {}, gone, "k") == []


def test_tiktok_names_what_it_refuses_within_a_good_answer() -> None:
    said = {"code": 0, "data": {"errors": [{"code": 12052023, "message": "no", "detail": {"sku_id": "171"}}]}}
    with pytest.raises(UpstreamRefusedError) as refused:
        levels("tiktok-shop").read_levels(Reply(status=200, document=said))
    assert refused.value.context["vendor_code"] == "12052023"
