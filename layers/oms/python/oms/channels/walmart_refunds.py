"""Refunds of Walmart's order lines: https://developer.walmart.com/us-marketplace/docs/refund-orders

A line's refund lists charges with negative amounts, their taxes beside them. `isFullRefund` takes all charges of a line
back; lines of one request are all refunded in full, or all in part; and a line of which the whole price goes back in
part loses its shipping, too (https://developer.walmart.com/us-marketplace/reference/refundorderlines, `isFullRefund`).
So a refund is in full when it comes to all charges of its lines, else in part and of less than each price; one that is
neither is put before a person.

Our refund's id stands in `refundComments`. A line may show one refund alone: after a call that nobody answered another
one on the line hides whether ours is there, and a person looks.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, Final

from oms.channels.outward import Call, Done, doubt, minor, number, part, refuse, rows
from oms.domain.money import allocate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from oms.domain.channel_message import Message

REASON: Final = "refund_reason"
_PRODUCT: Final = "PRODUCT"


def made(message: Message, order: Mapping[str, Any]) -> str:
    """What the order's reader calls the message's refund; empty when it shows none."""
    for line, at, refund in _shown(order):
        if message.refund_id in str(refund.get("refundComments") or ""):
            return str(refund.get("refundId") or f"line:{line}:{at}")
    return ""


def tell_refund(message: Message, order: Mapping[str, Any], reason: str) -> Call | Done:
    """The refund, unless a line shows it; raises UpstreamRefusedError for one that cannot be exact."""
    if ref := made(message, order):
        return Done(ref=ref, already=True)
    wanted = {each.line_id: each.quantity for each in message.lines}
    every = {str(each.get("lineNumber")): each for each in rows(part(order, "orderLines"), "orderLine")}
    lines = {line_id: each for line_id, each in every.items() if line_id in wanted or not wanted}
    if not lines or len(lines) < len(wanted):
        raise refuse("lines of the refund are not in the channel's order", missing=len(wanted) - len(lines))
    refunded = {line for line, _, _ in _shown(order)} & set(lines)
    if message.doubtful and refunded:
        raise doubt("a line shows another refund, which may hide ours", vendor="walmart")
    whole = sum(sum(_money(charge, message.currency)) for line in lines.values() for charge in _charges(line))
    if whole == message.amount and not refunded:
        told = [_refunded(message, line, reason, _all(line, message.currency), full=True) for line in lines.values()]
    else:
        told = list(_in_part(message, lines, wanted, reason))
    body = {"orderRefund": {"purchaseOrderId": message.external_id, "orderLines": {"orderLine": told}}}
    return Call(name="told", method="POST", path=f"/v3/orders/{message.external_id}/refund", body=body)


def _in_part(
    message: Message, lines: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, int], reason: str
) -> Iterator[dict[str, Any]]:
    """The amount by what the units of each line cost, and of that the part that is tax."""
    prices = {line_id: _price(line, message.currency) for line_id, line in lines.items()}
    ordered = {line_id: _ordered(line) for line_id, line in lines.items()}
    # Each by its units' part of its line, over a common denominator.
    every = prod(ordered.values())
    weights = [
        sum(_money(price, message.currency)) * wanted.get(line_id, ordered[line_id]) * every // ordered[line_id]
        for line_id, price in prices.items()
    ]
    shares = allocate(message.amount, weights)
    for (line_id, price), share in zip(prices.items(), shares, strict=True):
        if not share:
            continue
        net, tax = _money(price, message.currency)
        less, of_tax = allocate(share, [net, tax])
        if less >= net:
            raise refuse("a price goes back as a whole, and not all that was charged with it")
        yield _refunded(message, lines[line_id], reason, [(price, less, of_tax)], full=False)


def _refunded(
    message: Message,
    line: Mapping[str, Any],
    reason: str,
    charges: Sequence[tuple[Mapping[str, Any], int, int]],
    *,
    full: bool,
) -> dict[str, Any]:
    listed = [{"refundReason": reason, "charge": _taken_back(message, *charge)} for charge in charges]
    refund = {"refundComments": message.refund_id, "refundCharges": {"refundCharge": listed}}
    return {"lineNumber": line.get("lineNumber"), "isFullRefund": full, "refunds": {"refund": [refund]}}


def _taken_back(message: Message, charge: Mapping[str, Any], amount: int, tax: int) -> dict[str, Any]:
    back = {
        "chargeType": charge.get("chargeType"),
        "chargeName": charge.get("chargeName"),
        "chargeAmount": {"currency": message.currency, "amount": number(-amount, message.currency)},
    }
    if not tax:
        return back
    of_tax = {"currency": message.currency, "amount": number(-tax, message.currency)}
    return {**back, "tax": {"taxName": part(charge, "tax").get("taxName"), "taxAmount": of_tax}}


def _shown(order: Mapping[str, Any]) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """(line, place on it, refund), in the order in which `walmart_order.read_refunds` counts them."""
    for line in rows(part(order, "orderLines"), "orderLine"):
        single = [part(line, "refund")] if part(line, "refund") else []
        for at, refund in enumerate([*single, *rows(part(line, "refunds"), "refund")], 1):
            yield str(line.get("lineNumber")), at, refund


def _charges(line: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return rows(part(line, "charges"), "charge")


def _all(line: Mapping[str, Any], currency: str) -> list[tuple[Mapping[str, Any], int, int]]:
    return [(charge, *_money(charge, currency)) for charge in _charges(line)]


def _price(line: Mapping[str, Any], currency: str) -> Mapping[str, Any]:
    """The charge for the goods; raises UpstreamRefusedError where there is none, or several."""
    prices = [each for each in _charges(line) if each.get("chargeType") == _PRODUCT]
    if len(prices) != 1 or _money(prices[0], currency)[0] <= 0:
        raise refuse("a line has not one price", prices=len(prices))
    return prices[0]


def _ordered(line: Mapping[str, Any]) -> int:
    amount = str(part(line, "orderLineQuantity").get("amount") or "")
    if not amount.isdecimal() or not int(amount):
        raise refuse("a line's quantity cannot be read")
    return int(amount)


def _money(charge: Mapping[str, Any], currency: str) -> tuple[int, int]:
    """(amount, tax) of a charge."""
    amount = part(charge, "chargeAmount").get("amount") or 0
    return minor(amount, currency), minor(part(charge, "tax", "taxAmount").get("amount") or 0, currency)
