"""What a refund of Meta's is made of, so that it comes to the very amount: Meta adds tax to what items give back.

https://developers.facebook.com/documentation/ads-commerce/commerce-platform/order-management/cancellation-refund-api:
without items it is the whole order; `item_refund_amount` is "before any tax", up to the full value of the item. Of an
order with tax, or that Meta paid a part of, no other refund than the whole can be told beforehand.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from oms.channels.outward import part, refuse, rows
from oms.domain.money import format_minor, minor_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.channel_message import Message

FIELDS: Final = (
    "id,estimated_payment_details,items.limit(500){id,quantity,price_per_unit,promotion_details},"
    "cancellations.limit(100){id},refunds.limit(100){id,items.limit(500){id,refund_subtotal}}"
)
"""Of the order, in one answer."""
_OTHER: Final = "REFUND_REASON_OTHER"
_MOST: Final = 10**15


def refunded(message: Message, order: Mapping[str, Any]) -> dict[str, Any]:
    """The body; raises UpstreamRefusedError for an amount that cannot be told so that it is exact."""
    details = part(order, "estimated_payment_details")
    total = _minor(part(details, "total_amount"), message)
    before = rows(part(order, "refunds"), "data")
    if _minor(part(details, "facebook_paid_amount"), message):
        raise refuse("a refund of what the channel paid a part of cannot be exact")
    if message.amount == total and not before and not rows(part(order, "cancellations"), "data"):
        return {"reason_code": _OTHER}
    if _minor(part(details, "tax"), message):
        raise refuse("a part of an order with tax cannot be refunded exactly")
    return {"items": _spread(message, order), "reason_code": _OTHER}


def _spread(message: Message, order: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The amount over the items that it is of, else over all, each up to what is left of its value."""
    given: dict[str, int] = {}
    for each in rows(part(order, "refunds"), "data"):
        for item in rows(part(each, "items"), "data"):
            item_id = str(item.get("id"))
            given[item_id] = given.get(item_id, 0) + _minor(part(item, "refund_subtotal"), message)
    wanted = {each.line_id for each in message.lines}
    left, items = message.amount, []
    for item in rows(part(order, "items"), "data"):
        item_id, quantity = str(item.get("id")), item.get("quantity")
        if rows(part(item, "promotion_details"), "data") or not isinstance(quantity, int):
            raise refuse("an item whose price was lowered cannot be refunded exactly")
        room = quantity * _minor(part(item, "price_per_unit"), message) - given.get(item_id, 0)
        share = min(left, room) if not wanted or item_id in wanted else 0
        if share > 0:
            left -= share
            amount = {"amount": format_minor(share, message.currency), "currency": message.currency}
            items.append({"item_id": item_id, "item_refund_amount": amount})
    if left:
        raise refuse("the refund is more than what its items have left", units=len(items))
    return items


def _minor(amount: Mapping[str, Any], message: Message) -> int:
    """In minor units of the order's currency; 0 for what is not told. Raises UpstreamRefusedError."""
    if not amount:
        return 0
    try:
        value = Decimal(str(amount.get("amount"))).scaleb(minor_digits(message.currency))
    except InvalidOperation:
        value = Decimal("NaN")
    readable = value.is_finite() and abs(value) < _MOST and value == value.to_integral_value()
    if not readable or amount.get("currency") != message.currency:
        raise refuse("an amount of the order cannot be read in its currency", currency=message.currency)
    return int(value)
