"""What is to be charged, captured and given back, in minor units. Formulas are exact; the parts always sum.

The value of a line's units: with T = net (+ tax when prices exclude it) over q units, b = T // q and r = T % q, the
first r units (the dear ones) are worth b + 1 and the others b (largest remainder over equal weights). Shipped units are
taken from the low end, cancelled ones from the high end, so that

    value(shipped) + value(cancelled) = T   once every unit is one or the other.

Refunded units are dear as long as dear ones are left; a refund that fails gives its dear ones back.

What belongs to no line (shipping, fees, tips, duties and their taxes) is charged with the first shipment. What gift
cards paid is used up first: the provider is charged for what is handed over beyond it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.domain.frozen import frozen
from oms.domain.order.stakes import sendable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.events import OrderPlaced, PlacedLine
    from oms.domain.order.state import Order, Refund

WITHOUT_SHIPMENT: Final = "digital"
"""Stands where a shipment id would, for units that were provided without one; later ones have a number behind it."""


@frozen
class DueCapture:
    """A capture to make. `final`: nothing more will be captured of this authorization."""

    shipment_id: str
    amount: int
    final: bool


def line_total(line: PlacedLine, *, tax_included: bool) -> int:
    """What the customer pays for the whole line."""
    return line.unit_price * line.quantity - line.discount + (0 if tax_included else line.tax)


def units_value(line: PlacedLine, start: int, stop: int, *, tax_included: bool) -> int:
    """What units number `start` to `stop` (half open) of the line are worth."""
    base, rest = divmod(line_total(line, tax_included=tax_included), line.quantity)
    return base * (stop - start) + min(stop, rest) - min(start, rest)


def header_total(placed: OrderPlaced) -> int:
    """What the order costs beside its lines."""
    taxes = 0 if placed.tax_included else placed.shipping_tax + placed.fee_tax
    return placed.shipping + placed.fees + placed.tips + placed.duties + taxes


def payable(placed: OrderPlaced) -> int:
    """What the order's payment has to cover: the total without what gift cards paid."""
    return placed.total - placed.gift_cards


def owed(order: Order) -> int:
    """What the order's payment has to cover of the units that are not cancelled."""
    return max(0, chargeable(order) - order.placed.gift_cards)


def chargeable(order: Order) -> int:
    """What the customer pays, by whatever tender, for the units that are not cancelled; 0 when all are."""
    if all(line.ledger.live == 0 for line in order.lines.values()):
        return 0
    included = order.placed.tax_included
    goods = (units_value(line.placed, 0, line.ledger.live, tax_included=included) for line in order.lines.values())
    return header_total(order.placed) + sum(goods)


def cancelled_value(before: Order, after: Order) -> int:
    """What the cancellation that led from `before` to `after` took off the price."""
    return chargeable(before) - chargeable(after)


def captured_upfront(order: Order) -> int:
    """What was captured otherwise than shipment by shipment."""
    return order.payment.captured - sum(amount for key, amount in order.payment.captures.items() if key)


def refundable(order: Order) -> int:
    """What may still be given back."""
    return order.payment.captured - order.payment.refunding


def dear_left(order: Order, line_id: str) -> int:
    """Dear units of a line that no refund has used."""
    placed = order.lines[line_id].placed
    used = sum(refund.dear.get(line_id, 0) for refund in order.payment.refunds.values() if refund.counts)
    return line_total(placed, tax_included=order.placed.tax_included) % placed.quantity - used


def refund_value(order: Order, lines: Mapping[str, int]) -> int:
    """What the next `lines` (line id: units) to be refunded are worth."""
    value = 0
    for line_id, units in lines.items():
        placed = order.lines[line_id].placed
        base = line_total(placed, tax_included=order.placed.tax_included) // placed.quantity
        value += base * units + min(units, dear_left(order, line_id))
    return value


def due_captures(order: Order) -> tuple[DueCapture, ...]:
    """Captures to make for what has shipped, oldest first. Empty for payments that we do not hold."""
    if order.placed.payment.in_channel or captured_upfront(order) or order.payment.voided:
        return ()
    included = order.placed.tax_included
    charged = dict.fromkeys(order.lines, 0)
    header, covered = header_total(order.placed), order.placed.gift_cards
    left = order.payment.authorized - order.payment.captured - sum(order.payment.submitted.values())
    asked = {*order.payment.captures, *order.payment.submitted, *order.payment.undone}
    due: list[DueCapture] = []
    for shipment_id, units in order.handovers.items():
        amount, header = header, 0
        for line_id, count in units.items():
            start = charged[line_id]
            amount += units_value(order.lines[line_id].placed, start, start + count, tax_included=included)
            charged[line_id] += count
        by_card = min(covered, amount)
        covered -= by_card
        amount = min(amount - by_card, left)
        if shipment_id not in asked and amount > 0:
            due.append(DueCapture(shipment_id=shipment_id, amount=amount, final=False))
            left -= amount
    complete = all(line.ledger.gone == line.ledger.live for line in order.lines.values())
    return (*due[:-1], replace(due[-1], final=True)) if due and complete else tuple(due)


def void_due(order: Order) -> bool:
    """The provider holds money, or may yet come to, for an order of which nothing is left to pay.

    A payment that nobody has verified is let go as well: the shopper may have authorized it all the same.
    """
    payment = order.payment
    return (
        not order.placed.payment.in_channel
        and bool(order.placed.payment.reference or payment.authorized)
        and not payment.voided
        and payment.captured == 0
        and not payment.submitted
        and not payment.undone
        and payable(order.placed) > 0
        and owed(order) == 0
    )


def due_refunds(order: Order) -> tuple[Refund, ...]:
    """Refunds that we are to make at the provider; not those whose money is at stake in a dispute."""
    if order.placed.payment.in_channel:
        return ()
    return tuple(refund for refund in sendable(order) if refund.amount)


def money_due(order: Order) -> bool:
    """A call to the provider is due."""
    answers = order.disputes.due_answers
    return bool(due_captures(order)) or void_due(order) or bool(due_refunds(order)) or bool(answers)
