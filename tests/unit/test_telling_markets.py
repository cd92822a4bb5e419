"""What is particular to markets that are told: how they know a parcel again, whose names they use, what they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from oms.channels.carriers_out import known_as
from tests.support.telling import Shop, fine, in_two, lost, says, shipped

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.mark.parametrize(
    ("carriers", "known"),
    [({"DHL": "DHL_PAKET"}, "DHL_PAKET"), ({"dhl": 7}, "7"), ({"UPS": "UPS"}, ""), ({"dhl": None}, ""), ([], "")],
)
def test_a_carrier_has_the_name_that_the_account_says(carriers: Any, known: str) -> None:
    assert known_as("dhl", {"carriers": carriers}) == known


# ---------------------------------------------------------------- Amazon


def test_amazon_knows_each_parcel_by_its_place_in_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    made = in_two(monkeypatch, "amazon")
    words = [made.say(made.message("fulfillment", place)).word for place in (1, 0)]
    assert words == ["sent", "sent"]
    told = {reference: (each["trackingNumber"], each["orderItems"]) for (_, reference), each in packages(made).items()}
    assert told == {
        "1001": ("TRK 1", [{"orderItemId": "1", "quantity": 2}]),
        "1002": ("TRK 2", [{"orderItemId": "2", "quantity": 1}]),
    }


def packages(made: Shop) -> Mapping[tuple[str, str], Any]:
    found: Mapping[tuple[str, str], Any] = made.vendor.told.packages
    return found


@pytest.mark.parametrize(
    ("settings", "carrier"),
    [
        ({}, {"carrierCode": "Other", "carrierName": "dhl"}),
        ({"carriers": {"DHL": "DHL eCommerce"}}, {"carrierCode": "DHL eCommerce"}),
    ],
)
def test_amazon_is_told_a_carrier_by_its_code_or_by_its_name(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], carrier: dict[str, str]
) -> None:
    made = shipped(monkeypatch, "amazon", **settings)
    made.say(made.message("fulfillment"))
    (package,) = packages(made).values()
    assert {name: value for name, value in package.items() if name.startswith("carrier")} == carrier
    assert package["shipDate"].endswith("Z")


def test_a_package_whose_answer_was_lost_is_told_amazon_again_as_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shipped(monkeypatch, "amazon")
    made.faults.extend([fine, lost, fine, lost])
    assert made.say(made.message("fulfillment")).word == "waiting"
    assert made.drain() == ["waiting", "sent"]
    assert sum(call.startswith("POST") for call in made.calls) == 3
    assert (list(packages(made)), len(made.told)) == ([("1001", "1001")], 1)


def test_amazon_says_its_rate_and_so_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shipped(monkeypatch, "amazon")
    made.faults.extend([fine, says(429, x_amzn_ratelimit_limit="0.05")])
    outcome = made.say(made.message("fulfillment"))
    assert (outcome.word, outcome.wait_s) == ("waiting", 20.0)
    assert made.drain()[-1] == "sent"


def test_what_amazon_refuses_is_before_a_person_with_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shipped(monkeypatch, "amazon")
    made.faults.extend([fine, says(400, {"errors": [{"code": "InvalidInput", "message": "of a buyer"}]})])
    assert made.say(made.message("fulfillment")).word == "parked"
    (entry,) = made.parked
    assert (entry.detail["vendor_status"], entry.detail["vendor_code"]) == (400, "InvalidInput")
    assert "of a buyer" not in repr(entry)


def test_an_order_without_a_marketplace_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shipped(monkeypatch, "amazon")
    made.faults.append(says(200, {"payload": {}}))
    assert made.say(made.message("fulfillment")).word == "waiting"
    assert made.drain() == ["sent"]


# ---------------------------------------------------------------- TikTok Shop

TIKTOK: dict[str, Any] = {"carriers": {"DHL": "7001"}, "cancellation_reason": "seller_cancel_reason_out_of_stock"}


def with_order(made: Shop, **changes: Any) -> Shop:
    """The shop with its order changed."""
    made.vendor.shelf.put("1001", {**made.vendor.shelf.get("1001"), **changes})
    return made


def test_tiktok_is_told_each_parcel_with_its_line_items(monkeypatch: pytest.MonkeyPatch) -> None:
    made = in_two(monkeypatch, "tiktok-shop", **TIKTOK)
    assert [made.say(made.message("fulfillment", place)).word for place in (0, 1)] == ["sent", "sent"]
    assert made.vendor.told.bodies == [
        {"order_line_item_ids": ["1"], "shipping_provider_id": "7001", "tracking_number": "TRK 1"},
        {"order_line_item_ids": ["2"], "shipping_provider_id": "7001", "tracking_number": "TRK 2"},
    ]


def test_where_tiktok_makes_the_packages_that_of_the_units_is_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    made = with_order(
        in_two(monkeypatch, "tiktok-shop", **TIKTOK),
        recipient_address={"region_code": "ID"},
        line_items=[{"id": "1", "package_id": "51"}, {"id": "2", "package_id": "52"}],
    )
    assert made.say(made.message("fulfillment", 0)).word == "sent"
    assert made.calls[-1] == "POST /fulfillment/202309/packages/51/ship"
    assert made.vendor.told.bodies == [{"self_shipment": {"shipping_provider_id": "7001", "tracking_number": "TRK 1"}}]


@pytest.mark.parametrize("package", ["51", ""])
def test_a_parcel_that_is_no_package_there_is_before_a_person(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    items = [{"id": "1", "package_id": package}, {"id": "2", "package_id": package}]
    made = with_order(
        in_two(monkeypatch, "tiktok-shop", **TIKTOK), recipient_address={"region_code": "ID"}, line_items=items
    )
    assert made.say(made.message("fulfillment", 0)).word == "parked"
    assert made.told == []


def test_a_carrier_that_the_account_does_not_name_is_not_told_tiktok(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shipped(monkeypatch, "tiktok-shop")
    assert made.say(made.message("fulfillment")).word == "parked"
    assert made.parked[0].detail["vendor_field"] == "carriers"


@pytest.mark.parametrize(("number", "word"), [("trk1", "already"), ("OTHER", "parked")])
def test_a_parcel_with_tiktoks_own_label_is_known_there(
    monkeypatch: pytest.MonkeyPatch, number: str, word: str
) -> None:
    items = [{"id": "1", "package_id": "51", "tracking_number": number}]
    made = with_order(shipped(monkeypatch, "tiktok-shop", **TIKTOK), shipping_type="TIKTOK", line_items=items)
    assert made.say(made.message("fulfillment")).word == word
    assert made.told == []


def test_tiktok_is_told_line_items_once_however_the_messages_come(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Shop(monkeypatch, "tiktok-shop", **TIKTOK)
    made.story.cancel({"2": 1})
    made.story.cancel({"1": 2})
    assert made.say(made.message("cancellation", 1)).word == "sent"
    assert made.told[0]["whole"]
    assert made.say(made.message("cancellation", 0)).word in ("already", "nothing")
    assert len(made.told) == 1


def test_tiktok_is_told_the_rest_of_what_is_cancelled_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Shop(monkeypatch, "tiktok-shop", **TIKTOK)
    made.story.cancel({"2": 1})
    assert made.say(made.message("cancellation", 0)).word == "sent"
    made.story.cancel({"1": 2})
    assert made.say(made.message("cancellation", 1)).word == "sent"
    assert [each["order_line_item_ids"] for each in made.vendor.told.bodies] == [["2"], ["1"]]


@pytest.mark.parametrize(
    ("status", "kind", "word"),
    [
        ("CANCELLATION_REQUEST_PENDING", "BUYER_CANCEL", "sent"),
        ("CANCELLATION_REQUEST_CANCEL", "BUYER_CANCEL", "sent"),
        ("CANCELLATION_REQUEST_SUCCESS", "BUYER_CANCEL", "already"),
        ("CANCELLATION_REQUEST_PENDING", "CANCEL", "already"),
    ],
)
def test_what_tiktok_has_cancelled_by_itself_is_known_there(
    monkeypatch: pytest.MonkeyPatch, status: str, kind: str, word: str
) -> None:
    made = Shop(monkeypatch, "tiktok-shop", **TIKTOK)
    made.story.cancel()
    items = [{"order_line_item_id": "1"}, {"order_line_item_id": "2"}]
    known = {"cancel_id": "4035", "cancel_status": status, "cancel_type": kind, "cancel_line_items": items}
    made.faults.append(says(200, {"code": 0, "data": {"cancellations": [known]}}))
    assert made.say(made.message("cancellation")).word == word


@pytest.mark.parametrize(
    ("code", "word"),
    [(36009002, "waiting"), (36009003, "waiting"), (36009007, "waiting"), (25001021, "parked"), ("no", "waiting")],
)
@pytest.mark.parametrize("at", [0, 1])
def test_what_tiktok_says_within_an_answer(monkeypatch: pytest.MonkeyPatch, code: Any, word: str, at: int) -> None:
    made = shipped(monkeypatch, "tiktok-shop", **TIKTOK)
    made.faults.extend([*[fine] * at, says(200, {"code": code, "message": "of a buyer"})])
    assert made.say(made.message("fulfillment")).word == word
    if word == "waiting":
        assert made.drain()[-1] == "sent"
    else:
        (entry,) = made.parked
        assert entry.detail["vendor_code"] == "25001021"
        assert "of a buyer" not in repr(entry)
