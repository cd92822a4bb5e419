"""What is particular to Meta's shops that are told: keys, orders that it still checks, refunds that are exact."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.telling import Shop, fine, in_two, lost, says, shipped


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
