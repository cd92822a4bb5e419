"""Refunds go back through channels that hold the money: of the amount that is owed, once, or before a person."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from oms.channels.outward import minor
from oms.domain.errors import UpstreamRefusedError
from tests.support.telling import ORDERS, Shop, fine, lost, magento_item, says

if TYPE_CHECKING:
    from collections.abc import Mapping


def owed(
    patch: pytest.MonkeyPatch,
    source: str,
    lines: Mapping[str, int] | None = None,
    amount: int | None = None,
    **more: Any,
) -> Shop:
    """A refund is due; of one unit of the first line unless otherwise said."""
    settings = {"refund_reason": "ItemNotAsAdvertised"} if source == "walmart" else {}
    made = Shop(patch, source, **settings, **more)
    made.story.promise()
    made.story.ship(tracking="TRK")
    made.story.refund(lines={"1": 1} if lines is None and amount is None else lines, amount=amount)
    return made


def has(made: Shop, **changes: Any) -> None:
    """The channel's order is another one."""
    vendor = getattr(made.sandbox, made.source)
    vendor.shelf.put("1001", {**deepcopy(ORDERS[made.source]), **changes})


def parked(made: Shop) -> str:
    assert made.say(made.message("refund")).word == "parked"
    assert made.told == []
    (entry,) = made.parked
    return str(entry.code)


def paid(made: Shop) -> list[str]:
    assert made.say(made.message("refund")).word == "sent"
    assert made.parked == []
    (told,) = made.told
    return list(told["amounts"])


MARKETS = ("bigcommerce", "magento", "ebay", "walmart")


@pytest.mark.parametrize("source", MARKETS)
def test_the_order_has_the_channels_id_of_the_refund(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    made = owed(monkeypatch, source)
    assert [float(each) for each in paid(made)] == [10.0]
    (refund,) = made.story.order.payment.refunds.values()
    (kept,) = getattr(made.sandbox, source).refunds.refunds["1001"]
    number = "entity_id" if source == "magento" else "refundId" if source in ("ebay", "walmart") else "id"
    assert (refund.status.value, refund.refund_ref) == ("succeeded", str(kept[number]))


@pytest.mark.parametrize("source", ["bigcommerce", "magento", "walmart"])
def test_a_refund_whose_answer_was_lost_is_found_with_its_id(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    made = owed(monkeypatch, source)
    asked = {"bigcommerce": 2, "magento": 3, "walmart": 1}[source]
    made.faults.extend([*[fine] * asked, lost])
    made.say(made.message("refund"))
    assert made.drain() == ["already"]
    (refund,) = made.story.order.payment.refunds.values()
    assert refund.refund_ref.isdecimal()


@pytest.mark.parametrize("source", MARKETS)
@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_a_refund_that_is_refused_is_before_a_person(monkeypatch: pytest.MonkeyPatch, source: str, status: int) -> None:
    made = owed(monkeypatch, source)
    asked = {"bigcommerce": 2, "magento": 3, "walmart": 1, "ebay": 1}[source]
    made.faults.extend([*[fine] * asked, says(status, {"errors": [{"errorId": 7}]})])
    assert parked(made) == "upstream_refused"
    assert made.parked[0].detail["vendor_status"] == status


@pytest.mark.parametrize("source", MARKETS)
def test_a_second_refund_is_one_of_its_own(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    made = owed(monkeypatch, source)
    made.story.refund(lines={"1": 1})
    words = [made.say(made.message("refund", place)).word for place in (0, 1, 0, 1)]
    assert words == ["sent", "sent", "known", "known"]
    assert len(made.told) == 2


# ---------------------------------------------------------------- eBay


def test_ebay_is_told_a_refund_again_when_its_order_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    made = owed(monkeypatch, "ebay")
    made.faults.extend([fine, says(503)])
    assert made.say(made.message("refund")).word == "waiting"
    assert made.drain() == ["sent"]
    assert len(made.told) == 1


def test_a_persons_word_for_a_refund_in_doubt_holds_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = owed(monkeypatch, "ebay")
    made.faults.extend([fine, lost])
    made.say(made.message("refund"))
    assert made.drain() == ["parked"]
    (entry,) = made.parked
    made.faults.extend([fine, lost])
    assert made.say(entry.message).word == "waiting"
    assert made.drain() == ["parked"], "nobody has vouched for a third"
    assert len(made.told) == 2


def test_ebay_is_told_of_one_line_or_of_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    amount = {"value": "10.00", "currency": "EUR"}
    of_a_line = owed(monkeypatch, "ebay")
    paid(of_a_line)
    assert of_a_line.bodies[-1] == {
        "reasonForRefund": "OTHER_ADJUSTMENT",
        "refundItems": [{"lineItemId": "1", "refundAmount": amount}],
    }
    several = owed(monkeypatch, "ebay", {"1": 1, "2": 1}, refund_reason="BUYER_RETURN")
    paid(several)
    assert several.bodies[-1] == {
        "reasonForRefund": "BUYER_RETURN",
        "orderLevelRefundAmount": {"value": "15.00", "currency": "EUR"},
    }


def test_taxes_that_ebay_collected_are_not_the_sellers_to_give_back(monkeypatch: pytest.MonkeyPatch) -> None:
    made = owed(monkeypatch, "ebay")
    has(made, lineItems=[{"lineItemId": "1", "ebayCollectAndRemitTaxes": [{"taxType": "STATE_SALES_TAX"}]}])
    assert parked(made) == "upstream_refused"


def test_a_refund_that_ebay_cannot_pay_is_before_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    made = owed(monkeypatch, "ebay")
    made.faults.extend([fine, says(200, {"refundStatus": "FAILED"})])
    assert parked(made) == "upstream_refused"


# ---------------------------------------------------------------- BigCommerce


@pytest.mark.parametrize(
    "methods",
    [
        None,
        "card",
        ["card", [7]],
        [[]],
        [[{"provider_id": "stripe", "amount": 9.99, "offline": False}]],
        [[{"provider_id": "stripe", "amount": 10, "offline": True}]],
        [[{"provider_id": "stripe", "amount": 10}]],
        [[{"provider_id": "storecredit", "amount": 10, "offline": False}]],
        [[{"provider_id": "stripe", "amount": "ten", "offline": False}]],
    ],
)
def test_a_shop_that_cannot_pay_all_of_it_by_itself_does_not(monkeypatch: pytest.MonkeyPatch, methods: Any) -> None:
    made = owed(monkeypatch, "bigcommerce")
    made.faults.extend([fine, says(201, {"data": {"refund_methods": methods}})])
    assert parked(made) == "upstream_refused"


def test_a_refund_goes_to_where_the_money_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    made = owed(monkeypatch, "bigcommerce")
    card = {"provider_id": "stripe", "amount": 7.5, "offline": False}
    credit = {"provider_id": "storecredit", "amount": 2.5, "offline": False}
    made.faults.extend([fine, says(201, {"data": {"refund_methods": [[{**credit, "amount": 10}], [card, credit]]}})])
    assert paid(made) == ["10.0"]
    assert made.bodies[-1]["payments"] == [card, credit]


@pytest.mark.parametrize("found_again", [True, False])
def test_a_declined_refund_is_before_a_person(monkeypatch: pytest.MonkeyPatch, *, found_again: bool) -> None:
    made = owed(monkeypatch, "bigcommerce")
    (refund_id,) = made.story.order.payment.refunds
    declined = {"id": 5, "reason": refund_id, "payments": [{"is_declined": True}]}
    answers = [says(200, {"data": [declined]})] if found_again else [fine, fine, says(201, {"data": declined})]
    made.faults.extend(answers)
    assert parked(made) == "upstream_refused"


# ---------------------------------------------------------------- Magento


def magento(made: Shop, *items: dict[str, Any], **order: Any) -> None:
    before = ORDERS["magento"]["order"]
    has(made, order={**before, **order, **({"items": list(items)} if items else {})})


@pytest.mark.parametrize(("worth", "adjusted"), [(26.0, (0.0, 3.0)), (20.0, (0.0, 0.0)), (15.0, (2.5, 0.0))])
def test_a_credit_memo_is_adjusted_to_the_amount(
    monkeypatch: pytest.MonkeyPatch, worth: float, adjusted: tuple[float, float]
) -> None:
    made = owed(monkeypatch, "magento")
    magento(made, magento_item(1, 2, worth))
    assert paid(made) == ["10.00"]
    arguments = made.bodies[-1]["arguments"]
    assert (arguments["adjustment_positive"], arguments["adjustment_negative"]) == adjusted
    assert made.calls[-1] == "POST /rest/V1/invoice/10011/refund"
    assert made.bodies[-1]["isOnline"] is True


def test_taxes_and_discounts_are_in_what_units_come_to(monkeypatch: pytest.MonkeyPatch) -> None:
    made = owed(monkeypatch, "magento")
    taxed = {"tax_amount": 3.2, "discount_amount": 4.8, "discount_tax_compensation_amount": 0.6}
    magento(made, magento_item(1, 2, 21.0, **taxed))
    assert paid(made) == ["10.00"]


@pytest.mark.parametrize(
    "item",
    [
        {"row_total": 20.01},
        {"discount_amount": 0.01},
        {"product_type": "bundle"},
        {"parent_item_id": 9},
        {"weee_tax_applied_row_amount": 0.5},
        {"qty_ordered": 2.5},
        {"qty_ordered": None},
        {"row_total": "much"},
        {"item_id": 9},
    ],
)
def test_a_credit_memo_that_the_shop_could_round_is_before_a_person(
    monkeypatch: pytest.MonkeyPatch, item: dict[str, Any]
) -> None:
    made = owed(monkeypatch, "magento")
    magento(made, magento_item(1, 2, 20.0) | item)
    assert parked(made) == "upstream_refused"


@pytest.mark.parametrize("currency", ["order_currency_code", "base_currency_code"])
def test_a_credit_memo_in_two_currencies_is_before_a_person(monkeypatch: pytest.MonkeyPatch, currency: str) -> None:
    made = owed(monkeypatch, "magento")
    magento(made, **{currency: "USD"})
    assert parked(made) == "upstream_refused"


def test_a_credit_memo_of_no_units_would_be_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parked(owed(monkeypatch, "magento", {}, 500)) == "upstream_refused"


PAID_ONLINE = {"entity_id": 10011, "transaction_id": "t", "items": [{"order_item_id": 1, "qty": 2}]}


@pytest.mark.parametrize(
    ("invoice", "memo"),
    [
        ({"transaction_id": None}, {}),
        ({"items": [{"order_item_id": 2, "qty": 2}]}, {}),
        ({}, {"items": [{"order_item_id": 1, "qty": 2}]}),
    ],
)
def test_without_an_invoice_that_was_paid_online_nothing_is_paid(
    monkeypatch: pytest.MonkeyPatch, invoice: dict[str, Any], memo: dict[str, Any]
) -> None:
    made = owed(monkeypatch, "magento")
    before = {"entity_id": 1, "order_id": 1001, "invoice_id": 10011, "state": 2, "items": [], **memo}
    has(made, invoices=[{**PAID_ONLINE, **invoice}], creditmemos=[before])
    assert parked(made) == "upstream_refused"


def test_a_cancelled_credit_memo_took_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = owed(monkeypatch, "magento")
    before = {"entity_id": 1, "order_id": 1001, "invoice_id": 10011, "state": 3}
    has(made, creditmemos=[{**before, "items": [{"order_item_id": 1, "qty": 2}]}])
    assert paid(made) == ["10.00"]


def test_a_refund_may_only_be_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    made = owed(monkeypatch, "magento", api_refund=False)
    has(made, invoices=[])
    assert paid(made) == ["10.00"]
    assert made.calls[-1] == "POST /rest/V1/order/1001/refund"
    assert "isOnline" not in made.bodies[-1]


# ---------------------------------------------------------------- Walmart


def charge(kind: str, amount: float, tax: float = 0) -> dict[str, Any]:
    taxed = {"taxName": "Tax1", "taxAmount": {"currency": "EUR", "amount": tax}} if tax else None
    return {"chargeType": kind, "chargeName": kind, "chargeAmount": {"currency": "EUR", "amount": amount}, "tax": taxed}


def walmart(made: Shop, first: list[dict[str, Any]], **more: Any) -> None:
    lines = deepcopy(ORDERS["walmart"]["orderLines"]["orderLine"])
    lines[0] |= {"charges": {"charge": first}, **more}
    has(made, orderLines={"orderLine": lines})


def test_a_part_of_a_price_goes_back_with_its_tax(monkeypatch: pytest.MonkeyPatch) -> None:
    made = owed(monkeypatch, "walmart")
    walmart(made, [charge("PRODUCT", 18.0, 2.0), charge("SHIPPING", 5.0)])
    paid(made)
    (line,) = made.bodies[-1]["orderRefund"]["orderLines"]["orderLine"]
    (refund,) = line["refunds"]["refund"]
    (told,) = refund["refundCharges"]["refundCharge"]
    assert (line["lineNumber"], line["isFullRefund"], told["refundReason"]) == ("1", False, "ItemNotAsAdvertised")
    assert told["charge"]["chargeAmount"] == {"currency": "EUR", "amount": -9.0}
    assert told["charge"]["tax"]["taxAmount"] == {"currency": "EUR", "amount": -1.0}


def test_all_that_was_charged_goes_back_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    made = owed(monkeypatch, "walmart", {"1": 2}, 2000)
    walmart(made, [charge("PRODUCT", 14.0, 2.0), charge("SHIPPING", 4.0)])
    assert paid(made) == ["20.0"]
    (line,) = made.bodies[-1]["orderRefund"]["orderLines"]["orderLine"]
    assert line["isFullRefund"] is True


def test_an_amount_is_shared_by_what_units_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    made = owed(monkeypatch, "walmart", {"1": 1, "2": 1}, 900)
    assert paid(made) == ["6.0", "3.0"]


def test_an_amount_of_no_line_is_shared_by_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert paid(owed(monkeypatch, "walmart", {}, 250)) == ["2.0", "0.5"]


@pytest.mark.parametrize(
    "charges",
    [
        [charge("PRODUCT", 10.0), charge("SHIPPING", 4.0)],
        [charge("PRODUCT", 9.0), charge("SHIPPING", 4.0)],
        [charge("PRODUCT", 10.0), charge("PRODUCT", 10.0)],
        [charge("SHIPPING", 20.0)],
        [],
    ],
)
def test_a_whole_price_without_all_that_was_charged_is_before_a_person(
    monkeypatch: pytest.MonkeyPatch, charges: list[dict[str, Any]]
) -> None:
    made = owed(monkeypatch, "walmart", {"1": 2}, 1000)
    walmart(made, charges)
    assert parked(made) == "upstream_refused"


@pytest.mark.parametrize("amount", ["0", "two", None])
def test_a_quantity_that_cannot_be_read_is_before_a_person(monkeypatch: pytest.MonkeyPatch, amount: Any) -> None:
    made = owed(monkeypatch, "walmart")
    walmart(made, [charge("PRODUCT", 20.0)], orderLineQuantity={"amount": amount})
    assert parked(made) == "upstream_refused"


def test_a_line_that_walmart_does_not_have_is_before_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    made = owed(monkeypatch, "walmart")
    walmart(made, [charge("PRODUCT", 20.0)], lineNumber="9")
    assert parked(made) == "upstream_refused"


def test_a_refund_that_another_may_hide_is_before_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    made = owed(monkeypatch, "walmart")
    made.faults.extend([fine, says(502)])
    made.say(made.message("refund"))
    walmart(made, [charge("PRODUCT", 20.0)], refund={"refundId": "8", "refundComments": "by hand"})
    assert made.drain() == ["parked"]
    assert made.parked[0].code == "outbound_in_doubt"
    assert made.told == []


def test_a_refund_without_an_id_is_called_as_the_order_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    made = owed(monkeypatch, "walmart")
    (refund_id,) = made.story.order.payment.refunds
    walmart(made, [charge("PRODUCT", 20.0)], refund={"refundComments": refund_id})
    assert made.say(made.message("refund")).word == "already"
    (refund,) = made.story.order.payment.refunds.values()
    assert refund.refund_ref == "line:1:1"


def test_a_refund_without_a_reason_is_not_told_walmart(monkeypatch: pytest.MonkeyPatch) -> None:
    made = owed(monkeypatch, "walmart")
    made.reference.put("policy", "outbound", {"accounts": {"walmart/main": {"tell": ["refund"]}}})
    assert parked(made) == "upstream_refused"
    assert made.calls == []


def test_an_amount_that_is_none_is_refused() -> None:
    with pytest.raises(UpstreamRefusedError):
        minor({"amount": 1}, "EUR")
