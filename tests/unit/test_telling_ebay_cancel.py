"""A seller's cancellation of an eBay order: of all of it, for a reason, unless the buyer asked or it is cancelled."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.telling import ORDERS, Shop, fine, lost, says

if TYPE_CHECKING:
    from oms.application.telling import Outcome

REASON = "OUT_OF_STOCK_OR_CANNOT_FULFILL"


def due(patch: pytest.MonkeyPatch, **order: Any) -> Shop:
    made = Shop(patch, "ebay", cancellation_reason=REASON)
    made.sandbox.ebay.shelf.put("1001", {**deepcopy(ORDERS["ebay"]), **order})
    made.story.cancel()
    return made


def said(made: Shop) -> Outcome:
    return made.say(made.message("cancellation"))


PAYMENTS = [{"paymentDate": "2026-11-21T10:40:00.000Z"}, {"paymentDate": "2026-11-20T10:40:00.000Z"}, {}]


@pytest.mark.parametrize(
    ("order", "more"),
    [
        ({}, {"buyerPaid": False}),
        ({"orderPaymentStatus": "PENDING", "paymentSummary": {"payments": PAYMENTS}}, {"buyerPaid": False}),
        ({"orderPaymentStatus": "PAID"}, {"buyerPaid": True}),
        (
            {"orderPaymentStatus": "PAID", "paymentSummary": {"payments": PAYMENTS}},
            {"buyerPaid": True, "buyerPaidDate": {"value": "2026-11-20T10:40:00.000Z"}},
        ),
    ],
)
def test_the_channel_is_told_whether_the_buyer_has_paid(
    monkeypatch: pytest.MonkeyPatch, order: dict[str, Any], more: dict[str, Any]
) -> None:
    made = due(monkeypatch, legacyOrderId="1001", **order)
    assert said(made).word == "sent"
    assert made.bodies[-1] == {"legacyOrderId": "1001", "cancelReason": REASON, **more}
    assert made.told == [{"vendor": "ebay", "kind": "cancellation", "order": "1001", "whole": True}]


def request(initiator: str, **more: Any) -> dict[str, Any]:
    return {"cancelInitiator": initiator, "cancelRequestId": "7", **more}


@pytest.mark.parametrize(
    ("state", "requests", "word"),
    [
        ("CANCELED", [], "already"),
        ("CANCELED", [request("Buyer")], "already"),
        ("IN_PROGRESS", [request("Seller")], "already"),
        ("IN_PROGRESS", [request("Seller", cancelRequestState="REJECTED"), request("Buyer")], "parked"),
        ("IN_PROGRESS", [request("Buyer")], "parked"),
        ("NONE_REQUESTED", [request("Buyer", cancelRequestState="REJECTED")], "sent"),
    ],
)
def test_what_the_order_shows_is_not_told_again(
    monkeypatch: pytest.MonkeyPatch, state: str, requests: list[dict[str, Any]], word: str
) -> None:
    made = due(monkeypatch, cancelStatus={"cancelState": state, "cancelRequests": requests})
    assert said(made).word == word
    assert len(made.told) == (word == "sent")


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (200, {"orderEligibilityResult": {"failureReason": ["CANCEL_WINDOW_ELAPSED"]}}, "CANCEL_WINDOW_ELAPSED"),
        (200, {"orderEligibilityResult": {"failureReason": "late"}}, None),
        (200, {}, None),
        (400, {"errors": [{"errorId": 1616}]}, "1616"),
        (409, {}, None),
    ],
)
def test_an_order_that_is_not_eligible_is_before_a_person(
    monkeypatch: pytest.MonkeyPatch, status: int, answer: dict[str, Any], code: str | None
) -> None:
    made = due(monkeypatch)
    made.faults.extend([fine, says(status, answer)])
    assert said(made).word == "parked"
    (entry,) = made.parked
    assert (entry.code, entry.detail.get("vendor_code")) == ("upstream_refused", code)


def test_a_cancellation_that_does_not_show_yet_is_not_made_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    made = due(monkeypatch)
    made.faults.extend([fine, lost, says(200, ORDERS["ebay"])])
    assert said(made).word == "waiting"
    assert made.drain() == ["parked"]
    assert made.parked[0].detail["vendor_code"] == "CANCELLATION_EXIST"
    assert len(made.told) == 1


def test_money_of_a_cancelled_order_goes_back_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Shop(monkeypatch, "ebay")
    made.story.promise()
    made.story.ship(tracking="TRK")
    made.story.refund(lines={"1": 1})
    cancelled = {"cancelState": "CANCELED", "cancelRequests": [request("Seller")]}
    made.sandbox.ebay.shelf.put("1001", {**deepcopy(ORDERS["ebay"]), "cancelStatus": cancelled})
    assert made.say(made.message("refund")).word == "parked"
    assert made.told == []
