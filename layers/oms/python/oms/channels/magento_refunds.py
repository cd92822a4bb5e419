"""A credit memo of Magento that comes to an amount.

The shop works out what units come to, by its own proportions; only `adjustment_positive` and `adjustment_negative`,
which are in the shop's base currency, are the caller's. So the units of a refund are worked out here as the shop does
it, and adjusted to the amount; what it could round otherwise, a part of a line that has no whole minor units, is put
before a person. A memo of no units is one of all that is left
(`CreditmemoFactory::getQtyToRefund` of https://github.com/magento/magento2): such a refund is a person's, too. Shipping
is left out: what of it goes back is in the adjustment.

Our refund's id stands in a comment that the buyer does not see, where it is found again. The fields:
https://developer.adobe.com/commerce/webapi/rest/tutorials/orders/order-issue-refund
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from oms.channels.magento import search
from oms.channels.outward import Call, Done, found, minor, number, refuse, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from oms.channels.outward import Reply
    from oms.domain.channel_message import Message

_CANCELLED_MEMO: Final = 3
_MOST: Final = 100
_ADDED: Final = ("row_total", "tax_amount", "discount_tax_compensation_amount")


def asks_refund(message: Message) -> Sequence[Call]:
    """The order, its credit memos and its invoices."""
    of = search([("order_id", "eq", message.external_id)], _MOST)
    return [
        Call(name="order", method="GET", path=f"/rest/V1/orders/{message.external_id}"),
        Call(name="memos", method="GET", path="/rest/V1/creditmemos", query=of),
        Call(name="invoices", method="GET", path="/rest/V1/invoices", query=of),
    ]


def tell_refund(message: Message, settings: Mapping[str, Any], answers: Mapping[str, Reply]) -> Call | Done:
    """The memo, unless it is there; raises UpstreamRefusedError for one that cannot be exact."""
    memos = rows(found(answers, "memos"), "items")
    for memo in memos:
        if any(message.refund_id in str(each.get("comment") or "") for each in rows(memo, "comments")):
            return Done(ref=str(memo.get("entity_id") or ""), already=True)
    order = found(answers, "order")
    if {order.get("order_currency_code"), order.get("base_currency_code")} != {message.currency}:
        raise refuse("the buyer paid in another currency than the shop's", currency=message.currency)
    adjusted = message.amount - _value(message, order)
    body: dict[str, Any] = {
        "items": [{"order_item_id": int(each.line_id), "qty": each.quantity} for each in message.lines],
        "notify": settings.get("notify") is not False,
        "comment": {"comment": message.refund_id, "is_visible_on_front": 0},
        "arguments": {
            "shipping_amount": 0,
            "adjustment_positive": number(max(0, adjusted), message.currency),
            "adjustment_negative": number(max(0, -adjusted), message.currency),
        },
    }
    if settings.get("api_refund") is False:
        return Call(name="told", method="POST", path=f"/rest/V1/order/{message.external_id}/refund", body=body)
    invoice = _invoice(message, rows(found(answers, "invoices"), "items"), memos)
    return Call(name="told", method="POST", path=f"/rest/V1/invoice/{invoice}/refund", body={**body, "isOnline": True})


def _value(message: Message, order: Mapping[str, Any]) -> int:
    """What the units come to, with tax and less discounts."""
    if not message.lines:
        raise refuse("the channel has no word for a refund of no units")
    items = {str(each.get("item_id")): each for each in rows(order, "items")}
    total = 0
    for line in message.lines:
        item = items.get(line.line_id, {})
        if item.get("parent_item_id") or item.get("product_type") in (None, "bundle") or _fixed_tax(item, message):
            raise refuse("the channel works out what these units come to by rules of its own", units=line.quantity)
        total += sum(_share(part, line.quantity, item) for part in _parts(item, message.currency))
    return total


def _parts(item: Mapping[str, Any], currency: str) -> Iterator[int]:
    yield from (minor(item.get(name) or 0, currency) for name in _ADDED)
    yield -abs(minor(item.get("discount_amount") or 0, currency))


def _fixed_tax(item: Mapping[str, Any], message: Message) -> bool:
    return minor(item.get("weee_tax_applied_row_amount") or 0, message.currency) != 0


def _share(part: int, units: int, item: Mapping[str, Any]) -> int:
    """Of all units of a line; exactly, or not at all."""
    every = _units(item.get("qty_ordered"))
    if units > every or part * units % every:
        raise refuse("what these units come to is no whole amount", units=units)
    return part * units // every


def _invoice(message: Message, invoices: Sequence[Mapping[str, Any]], memos: Sequence[Mapping[str, Any]]) -> int:
    """The first that was paid online and has all the units left: of one with fewer the shop would take fewer."""
    for invoice in invoices:
        gone: dict[str, int] = {}
        for memo in memos:
            if memo.get("invoice_id") == invoice.get("entity_id") and memo.get("state") != _CANCELLED_MEMO:
                for each in rows(memo, "items"):
                    ref = str(each.get("order_item_id"))
                    gone[ref] = gone.get(ref, 0) + _units(each.get("qty"))
        has = {str(each.get("order_item_id")): _units(each.get("qty")) for each in rows(invoice, "items")}
        covered = all(has.get(each.line_id, 0) - gone.get(each.line_id, 0) >= each.quantity for each in message.lines)
        if covered and invoice.get("transaction_id"):
            return _units(invoice.get("entity_id"))
    raise refuse("no one invoice that was paid online has these units", invoices=len(invoices))


def _units(value: Any) -> int:
    if isinstance(value, (int, Decimal)) and value == int(value):
        return int(value)
    raise refuse("a quantity of the channel's cannot be read")
