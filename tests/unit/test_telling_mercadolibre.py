"""What is particular to Mercado Libre that is told: modes of shipments, and stock by listing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.telling import Shop, fine, in_two, lost, says, shipped

if TYPE_CHECKING:
    from collections.abc import Mapping


FOLLOWED = {"tracking_urls": {"DHL": "https://track.example/{number}"}}


def by(made: Shop, **changes: Any) -> Shop:
    """The shop with its order's shipment changed."""
    kept = made.vendor.shelf.get("1001")
    made.vendor.shelf.put("1001", {**kept, "shipment": {**kept["shipment"], **changes}})
    return made


def test_mercado_libre_is_told_of_its_first_mode_by_version_two(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shipped(monkeypatch, "mercadolibre", **FOLLOWED)
    assert made.say(made.message("fulfillment")).word == "sent"
    (body,) = made.vendor.told.bodies
    payload = body.pop("payload")
    assert body == {
        "tracking_number": "TRK 1",
        "tracking_url": "https://track.example/TRK%201",
        "status": "shipped",
        "substatus": None,
    }
    assert (payload["service_id"], payload["date"][-6:]) == (154, "+00:00")


def test_a_shipment_of_the_sellers_own_kind_is_changed_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    made = by(shipped(monkeypatch, "mercadolibre"), logistic={"mode": "custom"})
    made.faults.extend([fine, lost])
    assert made.say(made.message("fulfillment")).word == "waiting"
    assert made.drain() == ["already"]
    assert made.calls[1] == "PUT /shipments/44100000901"
    assert made.vendor.told.bodies == [{"status": "shipped", "tracking_number": "TRK 1", "receiver_id": 778899001}]


def test_what_goes_by_mercado_libres_label_it_knows_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    made = by(shipped(monkeypatch, "mercadolibre"), logistic={"mode": "me2"})
    assert made.say(made.message("fulfillment")).word == "already"
    assert (made.told, made.parked) == ([], [])


@pytest.mark.parametrize(
    "change",
    [
        {"logistic": {"mode": "not_specified"}},
        {"source": {"site_id": "MLX"}},
        {"status": "cancelled"},
        {"id": None},
        {"logistic": {"mode": "custom"}, "destination": {"receiver_id": None}},
    ],
)
def test_a_shipment_that_mercado_libre_cannot_be_told_of_is_before_a_person(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    made = by(shipped(monkeypatch, "mercadolibre", **FOLLOWED), **change)
    assert made.say(made.message("fulfillment")).word == "parked"
    assert made.told == []


@pytest.mark.parametrize("settings", [{}, {"tracking_urls": {"DHL": "https://track.example/"}}])
def test_a_carrier_whose_parcels_nobody_can_follow_is_before_a_person(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    made = shipped(monkeypatch, "mercadolibre", **settings)
    assert made.say(made.message("fulfillment")).word == "parked"
    assert made.parked[0].detail["vendor_field"] == "tracking_urls"


def test_a_second_parcel_of_a_shipment_is_before_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    made = in_two(monkeypatch, "mercadolibre", **FOLLOWED)
    assert [made.say(made.message("fulfillment", place)).word for place in (0, 1)] == ["sent", "parked"]
    assert [each["tracking"] for each in made.told] == ["TRK 1"]


def stocked(patch: pytest.MonkeyPatch, listings: Mapping[str, str], **known: Any) -> tuple[Shop, dict[str, Any]]:
    """A seller with listings `known` and 5 units of A, 7 of B; the message that their movement makes."""
    made = Shop(patch, "mercadolibre", listings=listings)
    made.vendor.told.listings.update(known)
    made.available.update(A=5, B=7)
    for sku in ("A", "B"):
        made.reference.put("product", sku, {"sku": sku})
    at = made.now.isoformat()
    of = {"source": "mercadolibre", "account": "main", "skus": ["A", "B"], "at": at, "seen_at": at}
    return made, {"tell": "levels", "kind": "stock", **of}


FULL = {"shipping": {"logistic_type": "fulfillment"}}


@pytest.mark.parametrize(
    ("listings", "known", "levels"),
    [
        ({"A": "MLA1", "B": "MLA2"}, {"MLA1": {}, "MLA2": {}}, {"MLA1": 5, "MLA2": 7}),
        ({"A": "MLA1", "B": "MLA2"}, {"MLA1": {}, "MLA2": FULL}, {"MLA1": 5}),
        ({"B": "MLA2"}, {"MLA1": {}, "MLA2": {}}, {"MLA2": 7}),
        ({}, {"MLA1": {}}, {}),
    ],
)
def test_listings_are_told_what_of_them_can_be_sold(
    monkeypatch: pytest.MonkeyPatch, listings: Mapping[str, str], known: Any, levels: Mapping[str, int]
) -> None:
    made, message = stocked(monkeypatch, listings, **known)
    assert made.say(message).word == "sent"
    assert made.vendor.told.levels == levels


@pytest.mark.parametrize("fault", [lost, says(409), says(503), says(429, retry_after="7")])
def test_levels_of_listings_arrive_after_a_fault(monkeypatch: pytest.MonkeyPatch, fault: Any) -> None:
    made, message = stocked(monkeypatch, {"A": "MLA1", "B": "MLA2"}, MLA1={}, MLA2={})
    made.faults.extend([fine, fine, fault])
    assert made.say(message).word == "waiting"
    made.available["B"] = 6
    assert made.drain()[-1] == "sent"
    assert made.vendor.told.levels == {"MLA1": 5, "MLA2": 6}


@pytest.mark.parametrize(
    ("listings", "known"),
    [
        ({"A": "MLA1"}, {}),
        ({"A": "MLA1"}, {"MLA1": {"variations": [{"id": 178900101}]}}),
        ({"A": "MLA1", "B": "MLA1"}, {"MLA1": {}}),
    ],
)
def test_a_listing_that_cannot_be_told_is_before_a_person(
    monkeypatch: pytest.MonkeyPatch, listings: Mapping[str, str], known: Any
) -> None:
    made, message = stocked(monkeypatch, listings, **known)
    assert made.say(message).word == "parked"
    assert made.parked[0].detail["vendor_field"] == "listings"
    assert made.told == []
