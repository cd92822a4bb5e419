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


# ---------------------------------------------------------------- Meta


def of_meta(made: Shop, **changes: Any) -> Shop:
    """The shop with its order's document changed; `items`, `cancellations` and `refunds` are its edges."""
    kept = made.vendor.shelf.get("1001")
    edges = {name: changes.pop(name) for name in ("items", "cancellations", "refunds") if name in changes}
    made.vendor.shelf.put("1001", {**kept, **edges, "order": {**kept["order"], **changes}})
    return made


def refunding(patch: pytest.MonkeyPatch, amount: int, lines: dict[str, int] | None = None) -> Shop:
    """A shipped order of which so much is to be given back."""
    made = shipped(patch, "meta-commerce")
    made.story.refund(lines, amount)
    return made


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def test_meta_is_told_each_parcel_with_its_units(monkeypatch: pytest.MonkeyPatch) -> None:
    made = in_two(monkeypatch, "meta-commerce", location="2153613121365")
    assert [made.say(made.message("fulfillment", place)).word for place in (1, 0)] == ["sent", "sent"]
    second, first = made.vendor.told.bodies
    assert (first["items"], second["items"]) == ([{"item_id": "1", "quantity": 2}], [{"item_id": "2", "quantity": 1}])
    assert first["tracking_info"] == {"carrier": "dhl", "tracking_number": "TRK 1"}
    assert first["fulfillment"] == {"fulfillment_location_id": "2153613121365"}
    assert first["idempotency_key"] != second["idempotency_key"]


def test_an_order_that_meta_still_checks_is_acknowledged_later_and_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = of_meta(shipped(monkeypatch, "meta-commerce"), order_status={"state": "FB_PROCESSING"})
    assert made.say(made.message("acknowledgement")).word == "waiting"
    assert made.queue[0][1] == 900
    assert made.say(made.message("fulfillment")).word == "sent", "the account need not wait"
    of_meta(made, order_status={"state": "CREATED"})
    assert made.drain() == ["sent"]


@pytest.mark.parametrize("state", ["IN_PROGRESS", "COMPLETED"])
def test_an_order_that_meta_has_acknowledged_by_itself_is_known(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    made = of_meta(Shop(monkeypatch, "meta-commerce"), order_status={"state": state})
    assert made.say(made.message("acknowledgement")).word == "already"
    assert made.told == []


def test_a_parcel_that_somebody_told_meta_by_hand_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shipped(monkeypatch, "meta-commerce")
    shipment = {"id": "491", "tracking_info": {"tracking_number": "trk-1", "carrier": "dhl"}}
    made.faults.append(says(200, {"data": [shipment]}))
    assert made.say(made.message("fulfillment")).word == "already"


def test_meta_is_told_units_however_the_messages_come(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Shop(monkeypatch, "meta-commerce", cancellation_reason="OUT_OF_STOCK")
    made.story.cancel({"1": 1})
    made.story.cancel({"1": 1})
    assert made.say(made.message("cancellation", 1)).word == "sent"
    assert made.say(made.message("cancellation", 0)).word == "already"
    (body,) = made.vendor.told.bodies
    assert body["items"] == [{"item_id": "1", "quantity": 2}]
    assert body["cancel_reason"] == {"reason_code": "OUT_OF_STOCK"}


def test_what_meta_refused_takes_a_new_key_when_a_person_sends_it_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    made = of_meta(shipped(monkeypatch, "meta-commerce"), items=[{"id": "9", "quantity": 1}])
    assert made.say(made.message("fulfillment")).word == "parked"
    (entry,) = made.parked
    assert entry.detail["vendor_code"] == "2361003"
    of_meta(made, items=[{"id": "1", "quantity": 2}, {"id": "2", "quantity": 1}])
    assert made.say(entry.message).word == "sent", "the old key would be refused again"
    assert made.say(entry.message).word == "known"


def test_what_may_have_arrived_keeps_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    made = refunding(monkeypatch, 1000, {"1": 1})
    made.faults.extend([fine, lost, fine, says(400, {"error": {"code": 100}})])
    assert made.say(made.message("refund")).word == "waiting"
    assert made.drain() == ["parked"]
    assert made.say(made.parked[0].message).word == "sent"
    assert len(made.told) == 1, "the same key again is no second refund"


def test_a_refund_is_done_with_when_meta_names_it_with_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    made = refunding(monkeypatch, 1000, {"1": 1})
    assert made.say(made.message("refund")).word == "sent"
    (refund,) = made.story.order.payment.refunds.values()
    assert refund.open


@pytest.mark.parametrize(
    ("amount", "lines", "items"),
    [
        (2500, None, None),
        (1000, {"1": 1}, [{"item_id": "1", "item_refund_amount": euros("10.00")}]),
        (333, None, [{"item_id": "1", "item_refund_amount": euros("3.33")}]),
        (
            2400,
            None,
            [
                {"item_id": "1", "item_refund_amount": euros("20.00")},
                {"item_id": "2", "item_refund_amount": euros("4.00")},
            ],
        ),
    ],
)
def test_a_refund_of_an_order_without_tax_is_exact(
    monkeypatch: pytest.MonkeyPatch, amount: int, lines: dict[str, int] | None, items: Any
) -> None:
    made = refunding(monkeypatch, amount, lines)
    assert made.say(made.message("refund")).word == "sent"
    (body,) = made.vendor.told.bodies
    assert (body["reason_code"], body.get("items")) == ("REFUND_REASON_OTHER", items)


def test_a_second_refund_takes_what_items_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"id": "498", "items": {"data": [{"id": "1", "refund_subtotal": euros("15.00")}]}}
    made = of_meta(refunding(monkeypatch, 800), refunds=[given])
    assert made.say(made.message("refund")).word == "sent"
    amounts = [each["item_refund_amount"]["amount"] for each in made.vendor.told.bodies[0]["items"]]
    assert amounts == ["5.00", "3.00"]


DETAILS = {"total_amount": euros("25.00")}
ITEMS = [{"id": "1", "quantity": 2, "price_per_unit": euros("10.00")}]


@pytest.mark.parametrize(
    "change",
    [
        {"estimated_payment_details": {**DETAILS, "tax": euros("1.00")}},
        {"estimated_payment_details": {**DETAILS, "facebook_paid_amount": euros("3.00")}},
        {"estimated_payment_details": {"total_amount": {"amount": "25.00", "currency": "USD"}}},
        {"estimated_payment_details": {"total_amount": euros("25.001")}},
        {"items": [{**ITEMS[0], "price_per_unit": euros("x")}]},
        {"items": [{**ITEMS[0], "promotion_details": {"data": [{"applied_amount": euros("1.00")}]}}]},
        {"items": [{**ITEMS[0], "quantity": 1, "price_per_unit": euros("9.99")}]},
    ],
)
def test_a_refund_that_meta_could_make_another_of_is_before_a_person(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    made = of_meta(refunding(monkeypatch, 1000, {"1": 1}), **change)
    assert made.say(made.message("refund")).word == "parked"
    assert made.told == []


@pytest.mark.parametrize(("code", "word"), [(4, "waiting"), (2, "waiting"), (190, "waiting"), (100, "parked")])
def test_what_meta_says_by_a_code(monkeypatch: pytest.MonkeyPatch, code: int, word: str) -> None:
    made = shipped(monkeypatch, "meta-commerce")
    made.faults.extend([fine, says(400, {"error": {"code": code, "message": "of a buyer"}})])
    assert made.say(made.message("fulfillment")).word == word
    assert "of a buyer" not in repr(made.parked)
    assert word == "parked" or made.drain()[-1] == "sent"


def test_metas_limits_say_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shipped(monkeypatch, "meta-commerce")
    usage = '{"1": [{"estimated_time_to_regain_access": 2}]}'
    made.faults.append(says(400, {"error": {"code": 80_004}}, x_business_use_case_usage=usage))
    assert made.say(made.message("fulfillment")).wait_s == 120.0


# ---------------------------------------------------------------- Mercado Libre

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
