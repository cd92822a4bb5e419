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
from oms.domain.order.tenders import capture_key, captured_of, left_of, of_tender, upfront_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.events import OrderPlaced, PlacedLine
    from oms.domain.order.state import Order, Payment, Refund
    from oms.domain.order.tenders import Tendered

WITHOUT_SHIPMENT: Final = "digital"
"""Stands where a shipment id would, for units that were provided without one; later ones have a number behind it."""


@frozen
class DueCapture:
    """A capture to make. `final`: nothing more will be captured of this authorization."""

    shipment_id: str
    amount: int
    final: bool
    tender: int = 1


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
    return sum(upfront_of(order.payment, each.number) for each in order.payment.tenders)


def overpaid_by(order: Order, after: Order) -> int:
    """What goes back of itself for a cancellation that led to `after`: what was paid before for what is cancelled.

    Of several tenders, of which some are paid before and others when goods leave, what is more than is owed now.
    """
    if not captured_upfront(order):
        return 0
    amount = min(cancelled_value(order, after), refundable(order))
    if len(order.payment.tenders) > 1 or any(each.on_invoice or each.exchange for each in order.payment.tenders):
        amount = min(amount, refundable(order) - owed(after))
    return max(0, amount)


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
    """Captures to make for what has shipped, oldest first, each shipment's by tender (`tenders`).

    Empty for payments that we do not hold. What was paid otherwise (on invoice, or captured whole by the provider
    itself) covers its share of a shipment without a capture. Together they never take more than is still to be paid:
    what a later tender has taken for units that were cancelled since pays for what an earlier one would.
    """
    payment = order.payment
    if order.placed.payment.in_channel or payment.voided:
        return ()
    asked = {*payment.captures, *payment.submitted, *payment.undone}
    if not order.handovers.keys() - asked and len(payment.tenders) == 1:
        return ()
    covers = _paid_otherwise(order)
    left = {each.number: _left_to_take(order, each) for each in payment.tenders}
    unpaid = _unpaid(order)
    due: list[DueCapture] = []
    for shipment_id, amount in _charged_by(order).items():
        keys = {number: capture_key(shipment_id, number) for number in left}
        rest = amount - sum(_asked_for(payment, key) for key in keys.values())
        for number, key in keys.items():
            paid = max(0, min(rest, covers[number]))
            share = 0 if key in asked else max(0, min(rest - paid, left[number], unpaid))
            rest -= paid + share
            covers[number] -= paid
            left[number] -= share
            unpaid -= share
            if share:
                due.append(DueCapture(shipment_id=shipment_id, amount=share, final=False, tender=number))
    if not all(line.ledger.gone == line.ledger.live for line in order.lines.values()):
        return tuple(due)
    last = {each.tender: each for each in due}
    return tuple(replace(each, final=True) if last[each.tender] is each else each for each in due)


def _charged_by(order: Order) -> dict[str, int]:
    """By shipment, oldest first, what is to be paid for it beyond what gift cards paid."""
    included = order.placed.tax_included
    charged = dict.fromkeys(order.lines, 0)
    header, covered = header_total(order.placed), order.placed.gift_cards
    amounts = {}
    for shipment_id, units in order.handovers.items():
        amount, header = header, 0
        for line_id, count in units.items():
            start = charged[line_id]
            amount += units_value(order.lines[line_id].placed, start, start + count, tax_included=included)
            charged[line_id] += count
        by_card = min(covered, amount)
        covered -= by_card
        amounts[shipment_id] = amount - by_card
    return amounts


def _unpaid(order: Order) -> int:
    """What is to be paid of the units that are not cancelled, beyond what was taken or asked for."""
    taken = order.payment.captured - settled_back(order) + sum(order.payment.submitted.values())
    return max(0, owed(order) - taken)


def _paid_otherwise(order: Order) -> dict[int, int]:
    """By tender, what pays without a capture; what refunds settled before an edit pays for nothing."""
    payment, settled = order.payment, settled_back(order)
    found = {}
    for each in payment.tenders:
        covers = each.amount if each.on_invoice else upfront_of(payment, each.number)
        gone = min(covers, settled)
        settled -= gone
        found[each.number] = covers - gone
    return found


def _left_to_take(order: Order, tender: Tendered) -> int:
    """What may still be captured of it; of one that was captured whole, what an edit had raised since."""
    payment = order.payment
    if tender.on_invoice:
        return 0
    if not upfront_of(payment, tender.number):
        return left_of(payment, tender)
    return max(0, tender.authorized - captured_of(payment, tender.number)) if order.edits else 0


def _asked_for(payment: Payment, key: str) -> int:
    """What was asked for under a key, whatever became of it."""
    open_or_taken = payment.captures.get(key, 0) + payment.submitted.get(key, 0)
    return open_or_taken + payment.undone.get(key, 0)


def due_voids(order: Order) -> tuple[int, ...]:
    """Tenders that hold money, or may yet come to, of which nothing is to be taken any more.

    Of an order of which nothing is left to pay that is one that nobody has verified as well: the shopper may have
    authorized it all the same. Of several tenders, one that the others made needless is let go once all has left.
    """
    payment = order.payment
    if order.placed.payment.in_channel or (payable(order.placed) <= 0 and not (order.edits and payment.authorized)):
        return ()
    over = owed(order) == 0
    done = all(line.ledger.gone == line.ledger.live for line in order.lines.values()) and len(payment.tenders) > 1
    if not over and not done:
        return ()
    needed = {each.tender for each in due_captures(order)}
    return tuple(
        each.number
        for each in payment.tenders
        if not each.on_invoice
        and not each.voided
        and not any(of_tender(asked, each.number) for asked in (payment.captures, payment.submitted, payment.undone))
        and (each.reference or each.authorized if over else each.authorized and each.number not in needed)
    )


def settled_back(order: Order) -> int:
    """Of what refunds took, or still may, what had been paid too much before an edit raised the price."""
    return min(order.payment.refunding, order.payment.settled)


def void_due(order: Order) -> bool:
    """An authorization is to be let go."""
    return bool(due_voids(order))


def due_checks(order: Order) -> tuple[int, ...]:
    """Tenders that were added and whose provider was not asked."""
    return tuple(each.number for each in order.payment.tenders if each.unasked)


def due_refunds(order: Order) -> tuple[Refund, ...]:
    """Refunds that we are to make at the provider; not those whose money is at stake in a dispute."""
    if order.placed.payment.in_channel:
        return ()
    return tuple(refund for refund in sendable(order) if refund.amount)


def money_due(order: Order) -> bool:
    """A call to the provider is due."""
    due = due_captures(order) or due_voids(order) or due_refunds(order) or due_checks(order)
    return bool(due or order.disputes.due_answers)
