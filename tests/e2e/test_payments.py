"""Promise 3 on the engine: the provider's own record says that money moved once, and adds up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.support import at_once, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.support import Oms

MOVES = ("authorize", "capture", "release", "refund")


@pytest.fixture(autouse=True)
def _calm(oms: Oms) -> Iterator[None]:
    """Each test begins and ends without faults."""
    yield
    oms.sandbox.faults.clear()
    oms.sandbox.webhooks.early_every = oms.sandbox.webhooks.twice_every = 0


@pytest.fixture
def silent(oms: Oms) -> Iterator[None]:
    """No webhook tells what the provider's answer should have told."""
    url, oms.sandbox.webhooks.url = oms.sandbox.webhooks.url, ""
    yield
    oms.sandbox.webhooks.url = url


def _paid(oms: Oms, units: int = 3, price: int = 1000, **more: Any) -> tuple[dict[str, Any], str]:
    """(a released order that is paid by card, its payment intent); 7.01 of shipping."""
    sku = oms.sku("card", us_east=20)
    intent = oms.pay(units * price + 701)
    payment = {"provider": "stripe", "reference": intent}
    return oms.place_released({sku: units}, price, shipping=701, payment=payment, **more), intent


def _shipped(oms: Oms, units: int = 3) -> tuple[dict[str, Any], str]:
    """(an order that was shipped and captured, its payment intent)."""
    order, intent = _paid(oms, units)
    assert oms.ship(order["fulfillment_orders"][0]).status == 200
    return oms.until(order["order_id"], payment_status="captured"), intent


def test_what_ships_is_captured_and_nothing_else(oms: Oms) -> None:
    order, intent = _paid(oms, units=3, price=1001)
    work, line = order["fulfillment_orders"][0], order["lines"][0]["line_id"]
    assert (order["payment_status"], oms.moved(intent, "capture")) == ("authorized", [])

    assert oms.ship(work, {line: 1}).status == 200
    oms.until(order["order_id"], payment_status="partially_captured")
    assert oms.moved(intent, "capture") == [1001 + 701]

    assert oms.ship(work, {line: 2}).status == 200
    order = oms.until(order["order_id"], payment_status="captured")
    assert oms.moved(intent, "capture") == [1001 + 701, 2 * 1001]
    assert sum(oms.moved(intent, "capture")) == order["total"] == order["money"]["captured"]
    assert (order["stage"], oms.moved(intent, "release")) == ("shipped", [])


def test_what_was_cancelled_is_released_with_the_last_capture(oms: Oms) -> None:
    order, intent = _paid(oms)
    line = order["lines"][0]["line_id"]
    reply = oms.post(f"/orders/{order['order_id']}/cancel", {"lines": [{"line_id": line, "quantity": 1}]})
    assert reply.document["money"]["chargeable"] == 2701
    assert oms.ship(reply.document["fulfillment_orders"][0]).status == 200
    oms.until(order["order_id"], payment_status="captured")
    assert oms.moved(intent, "capture") == [2701]
    assert oms.moved(intent, "release") == [1000]


def test_a_refund_by_lines_brings_money_and_units_back_once(oms: Oms) -> None:
    order, intent = _shipped(oms)
    sku, line = order["lines"][0]["sku"], order["lines"][0]["line_id"]
    path, key = f"/orders/{order['order_id']}/refunds", oms.unique("refund")
    body = {"lines": [{"line_id": line, "quantity": 2}], "restock": True, "reason": "requested_by_customer"}
    before = oms.stock(sku)["us-east"]
    assert {reply.status for reply in at_once(lambda _: oms.post(path, body, "service", key), range(4))} == {200}
    order = oms.until(order["order_id"], payment_status="partially_refunded")
    oms.quiet(order["order_id"])
    assert oms.moved(intent, "refund") == [2000] == [order["money"]["refunded"]]
    assert order["lines"][0]["units"] == {"shipped": 1, "returned": 2}
    after = oms.stock(sku)["us-east"]
    assert (after["on_hand"], after["available"]) == (before["on_hand"] + 2, before["available"] + 2)


def test_a_refund_above_what_was_captured_moves_nothing(oms: Oms) -> None:
    order, intent = _shipped(oms)
    path = f"/orders/{order['order_id']}/refunds"
    reply = oms.post(path, {"amount": 3702})
    assert (reply.status, reply.document["code"]) == (409, "refund_exceeds_captured")
    other = oms.post(path, {"amount": 100, "currency": "EUR"})
    assert (other.status, other.document["code"]) == (409, "currency_mismatch")

    statuses = [reply.status for reply in at_once(lambda _: oms.post(path, {"amount": 1000}), range(8), threads=8)]
    assert sorted(statuses) == [200] * 3 + [409] * 5
    order = oms.until(order["order_id"], money__refunded=3000)
    oms.quiet(order["order_id"])
    assert oms.moved(intent, "refund") == [1000] * 3
    assert oms.order(order["order_id"])["money"]["refundable"] == 701


def test_webhooks_that_come_early_and_twice_make_no_second_refund(oms: Oms) -> None:
    oms.sandbox.webhooks.early_every, oms.sandbox.webhooks.twice_every = 1, 1
    order, intent = _shipped(oms)
    oms.post(f"/orders/{order['order_id']}/refunds", {"amount": 1500})
    oms.post(f"/orders/{order['order_id']}/refunds", {"amount": 1500})
    order = oms.until(order["order_id"], money__refunded=3000)
    oms.quiet(order["order_id"])
    assert oms.moved(intent, "refund") == [1500, 1500]
    refunds = oms.order(order["order_id"])["money"]["refunds"]
    assert [(each["amount"], each["status"], each["origin"]) for each in refunds] == [(1500, "succeeded", "oms")] * 2
    assert len({each["reference"] for each in refunds}) == 2
    sent = [each for each in oms.sandbox.record.webhooks if each["type"] == "refund.created"]
    assert len(sent) >= 4
    assert {each["early"] for each in sent[-4:]} == {True}


def test_a_refund_made_at_the_provider_is_taken_in_once(oms: Oms) -> None:
    """Told of by several events, each twice: first pending, then succeeded."""
    oms.sandbox.webhooks.twice_every = 1
    sku, intent = oms.sku("desk", us_east=5), oms.pay(1000, payment_method="pm_card_pendingRefund")
    order = oms.place_released({sku: 1}, payment={"provider": "stripe", "reference": intent})
    oms.ship(order["fulfillment_orders"][0])
    oms.until(order["order_id"], payment_status="captured")
    oms.provider_post("/v1/refunds", {"payment_intent": intent, "amount": "400"})
    eventually(lambda: oms.order(order["order_id"])["money"]["refunds"], what="the pending refund is known")
    oms.sandbox.stripe.settle_refunds()
    order = oms.until(order["order_id"], money__refunded=400)
    oms.quiet(order["order_id"])
    refunds = oms.order(order["order_id"])["money"]["refunds"]
    assert [(each["amount"], each["status"], each["origin"]) for each in refunds] == [(400, "succeeded", "provider")]
    assert len(oms.events(order["order_id"], "RefundRequested")) == 1


def test_an_intent_that_carries_the_shops_own_order_number_is_found_by_its_payment(oms: Oms) -> None:
    """Shops write their own number into `metadata[order_id]`: it is not ours."""
    sku, intent = oms.sku("meta", us_east=2), oms.pay(1000, **{"metadata[order_id]": "1234"})
    order = oms.place_released({sku: 1}, payment={"provider": "stripe", "reference": intent})
    oms.ship(order["fulfillment_orders"][0])
    oms.until(order["order_id"], payment_status="captured")
    oms.provider_post("/v1/refunds", {"payment_intent": intent, "amount": "400", "metadata[order_id]": "1234"})
    oms.until(order["order_id"], money__refunded=400)


@pytest.mark.parametrize("when", ["after", "before"])
def test_a_lost_answer_to_a_capture_captures_once(oms: Oms, silent: None, when: str) -> None:
    """Of a part, so that the provider would gladly capture it again."""
    order, intent = _paid(oms)
    line = order["lines"][0]["line_id"]
    oms.sandbox.add_fault(match="POST /v1/payment_intents/.*/capture", drop=when, times=2)
    assert oms.ship(order["fulfillment_orders"][0], {line: 1}).status == 200
    oms.until(order["order_id"], payment_status="partially_captured")
    oms.quiet(order["order_id"])
    assert oms.moved(intent, "capture") == [1701]


def test_a_lost_answer_to_a_refund_refunds_once(oms: Oms, silent: None) -> None:
    order, intent = _shipped(oms)
    oms.sandbox.add_fault(match="POST /v1/refunds", drop="after", times=2)
    oms.post(f"/orders/{order['order_id']}/refunds", {"amount": 900})
    oms.until(order["order_id"], money__refunded=900)
    oms.quiet(order["order_id"])
    assert oms.moved(intent, "refund") == [900]


def test_an_outage_at_capture_is_survived_by_the_watchdog(oms: Oms) -> None:
    order, intent = _paid(oms)
    oms.sandbox.add_fault(match="stripe", status=503, times=0)
    with oms.failing():
        assert oms.ship(order["fulfillment_orders"][0]).status == 200
    assert oms.order(order["order_id"])["payment_status"] == "authorized"
    with oms.failing():
        assert oms.watch(order["order_id"])["driven"] >= 1
    oms.sandbox.faults.clear()
    oms.watch(order["order_id"])
    oms.until(order["order_id"], payment_status="captured")
    assert oms.moved(intent, "capture") == [3701]


def test_a_declined_card_reserves_nothing(oms: Oms) -> None:
    sku = oms.sku("declined", us_east=5)
    intent = oms.pay(1000, payment_method="pm_card_chargeDeclined", confirm="false")
    order_id = oms.place({sku: 1}, payment={"provider": "stripe", "reference": intent})
    order = oms.until(order_id, payment_status="declined")
    oms.quiet(order_id)
    assert (order["stage"], order["lines"][0]["units"]) == ("awaiting_payment", {"open": 1})
    assert oms.stock(sku)["us-east"]["reserved"] == 0
    assert [oms.moved(intent, kind) for kind in MOVES] == [[], [], [], []]


def test_a_payment_over_too_little_reserves_nothing(oms: Oms) -> None:
    sku = oms.sku("little", us_east=5)
    order_id = oms.place({sku: 1}, payment={"provider": "stripe", "reference": oms.pay(999)})
    oms.until(order_id, payment_status="declined")
    assert oms.stock(sku)["us-east"]["reserved"] == 0


def test_a_payment_that_waits_for_its_shopper_goes_on_when_the_bank_says_yes(oms: Oms) -> None:
    sku = oms.sku("bank", us_east=5)
    intent = oms.pay(1000, payment_method="pm_card_authenticationRequired")
    order_id = oms.place({sku: 1}, payment={"provider": "stripe", "reference": intent})
    oms.quiet(order_id, but=[order_id])
    assert oms.order(order_id)["stage"] == "awaiting_payment"
    assert oms.stock(sku)["us-east"]["reserved"] == 0
    assert oms.sandbox.stripe.authenticate(intent)
    oms.until(order_id, stage="released", payment_status="authorized")


def test_what_is_cancelled_before_shipping_is_voided(oms: Oms) -> None:
    order, intent = _paid(oms)
    assert oms.post(f"/orders/{order['order_id']}/cancel").status == 200
    oms.until(order["order_id"], payment_status="voided", stage="cancelled")
    oms.quiet(order["order_id"])
    assert oms.moved(intent, "release") == [3701]
    assert oms.moved(intent, "capture") == oms.moved(intent, "refund") == []


def test_what_the_provider_took_by_itself_goes_back_when_cancelled(oms: Oms) -> None:
    sku, intent = oms.sku("auto", us_east=5), oms.pay(2000, capture_method="automatic")
    order = oms.place_released({sku: 2}, payment={"provider": "stripe", "reference": intent})
    assert (order["payment_status"], oms.moved(intent, "capture")) == ("captured", [2000])
    line = order["lines"][0]["line_id"]
    oms.post(f"/orders/{order['order_id']}/cancel", {"lines": [{"line_id": line, "quantity": 1}]})
    order = oms.until(order["order_id"], money__refunded=1000)
    assert oms.ship(order["fulfillment_orders"][0]).status == 200
    oms.quiet(order["order_id"])
    assert (oms.moved(intent, "capture"), oms.moved(intent, "refund")) == ([2000], [1000])


def test_what_a_gift_card_paid_is_not_asked_of_the_card(oms: Oms) -> None:
    sku, intent = oms.sku("gift", us_east=5), oms.pay(600)
    order = oms.place_released({sku: 1}, gift_cards=400, payment={"provider": "stripe", "reference": intent})
    assert oms.ship(order["fulfillment_orders"][0]).status == 200
    oms.until(order["order_id"], payment_status="captured")
    oms.quiet(order["order_id"])
    assert oms.moved(intent, "capture") == [600]
    assert oms.post(f"/orders/{order['order_id']}/refunds", {"amount": 601}).status == 409
