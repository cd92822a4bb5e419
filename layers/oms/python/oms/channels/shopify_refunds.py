"""Shopify's refunds: https://shopify.dev/docs/api/admin-rest/latest/resources/refund

A refund's note is free text and may name a person, so no `reason` is taken from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.canonical import ChannelRefund, RefundedLine, Restock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.channels.payload import Fields

_RESTOCK: Final = {"cancel": Restock.CANCEL, "return": Restock.RETURN}
"""`no_restock` and `legacy_restock` say nothing of where the unit is: Restock.NONE."""
_MOVING: Final = frozenset({"success", "pending"})
"""Transactions that give money back. A pending one counts: the channel has promised it, and sends no second
`refunds/create` when it succeeds."""


def read_id(fields: Fields, key: str) -> str:
    """The id of a resource; `admin_graphql_api_id` where present, as `id` may have been rounded (over 2^53)."""
    gid = fields.text("admin_graphql_api_id").rpartition("/")[2]
    return gid if gid.isascii() and gid.isdigit() else fields.identifier(key)


def read_refund(body: Fields) -> tuple[ChannelRefund, str]:
    """A refund delivered alone, and its currency.

    Its transactions are in the buyer's currency; the shop's currency is told by the refunded lines. Where the two
    differ the amount in shop currency is not in this payload: MalformedPayloadError, and `orders/updated` brings it.
    """
    shop = ""
    for line in body.children("refund_line_items"):
        shop = shop or line.child("subtotal_set").child("shop_money").text("currency_code")
    shop = shop or body.child("total_duties_set").child("shop_money").text("currency_code")
    paid = {entry.currency("currency") for entry in _transactions(body)}
    currency = shop or next(iter(paid), "")
    if paid - {currency}:
        raise body.refuse("transactions", "the refund is in another currency than the order")
    amount = sum(entry.money("amount", currency, None) for entry in _transactions(body))
    return _refund(body, amount), currency


def read_refunds(body: Fields, currency: str, *, tax_included: bool) -> list[ChannelRefund]:
    """The refunds of an order, those that say nothing (no money, no unit) left out."""
    refunds = [
        _refund(entry, _amount(entry, currency, tax_included=tax_included)) for entry in body.children("refunds")
    ]
    return [refund for refund in refunds if refund.amount or refund.lines]


def _transactions(refund: Fields) -> Sequence[Fields]:
    return [
        entry
        for entry in refund.children("transactions")
        if entry.text("kind") == "refund" and entry.text("status") in _MOVING
    ]


def _amount(refund: Fields, currency: str, *, tax_included: bool) -> int:
    """What went back, in shop currency.

    Transactions in the buyer's currency are replaced by the sum of what was refunded in shop currency: lines with their
    tax, shipping (`refund_shipping_lines` since 2024-10, before that an adjustment of kind `shipping_refund`), duties,
    less the adjustments, which are what the calculated amount exceeds the actual one by.
    """
    entries = _transactions(refund)
    if all(entry.text("currency").upper() in {currency, ""} for entry in entries):
        return sum(entry.money("amount", currency, None) for entry in entries)
    total = 0
    for line in refund.children("refund_line_items"):
        total += shop_money(line, "subtotal_set", currency)
        total += 0 if tax_included else shop_money(line, "total_tax_set", currency)
    for line in refund.children("refund_shipping_lines"):
        total += shop_money(line, "subtotal_amount_set", currency)
    for duty in refund.children("duties"):
        total += shop_money(duty, "amount_set", currency)
    for adjustment in refund.children("order_adjustments"):
        total -= shop_money(adjustment, "amount_set", currency) + shop_money(adjustment, "tax_amount_set", currency)
    return total


def _refund(fields: Fields, amount: int) -> ChannelRefund:
    if amount < 0:
        raise fields.refuse("transactions", "a refund is negative")
    lines = []
    for entry in fields.children("refund_line_items"):
        quantity = entry.integer("quantity", 0)
        if quantity < 0:
            raise entry.refuse("quantity", "a refunded quantity is negative")
        if quantity and not entry.child("line_item").has("tip"):
            lines.append(
                RefundedLine(
                    line_ref=line_id(entry),
                    quantity=quantity,
                    restock=read_restock(entry),
                )
            )
    return ChannelRefund(refund_ref=read_id(fields, "id"), amount=amount, lines=tuple(lines))


def read_restock(entry: Fields) -> Restock:
    """Where the units of a refunded line are."""
    return _RESTOCK.get(entry.text("restock_type"), Restock.NONE)


def line_id(entry: Fields) -> str:
    """The order line that a refunded line speaks of."""
    line = entry.child("line_item")
    return read_id(line, "id") if line.has("admin_graphql_api_id") else entry.identifier("line_item_id")


def shop_money(fields: Fields, key: str, currency: str) -> int:
    """The amount of a money bag in shop currency; 0 when absent."""
    money = fields.child(key).child("shop_money")
    if not money.has("amount"):
        return 0
    if money.currency("currency_code") != currency:
        raise money.refuse("currency_code", "an amount is not in the order's currency")
    return money.money("amount", currency)
