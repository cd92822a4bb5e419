"""What is particular to markets that are told: how they know a parcel again, whose names they use, what they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from oms.channels.carriers_out import known_as
from tests.support.telling import Shop, fine, lost, says

if TYPE_CHECKING:
    from collections.abc import Mapping


def shipped(patch: pytest.MonkeyPatch, source: str, **settings: Any) -> Shop:
    """An order whose three units left in one parcel."""
    made = Shop(patch, source, **settings)
    made.story.promise()
    made.story.ship(tracking="TRK 1")
    return made


def in_two(patch: pytest.MonkeyPatch, source: str, **settings: Any) -> Shop:
    """An order whose lines left one after the other."""
    made = Shop(patch, source, **settings)
    made.story.promise()
    made.story.ship({"1": 2}, tracking="TRK 1")
    made.story.ship({"2": 1}, tracking="TRK 2")
    return made


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
