"""Deciding on exchanges: the value of a return pays for an order of its own, instead of going back.

    value     what the return would give back: its units' worth less the fee (`return_money`)
    total     of the other order: at what the units are worth where nothing else is said, else at list prices
    moved     min(value, total): stays with the tenders that took it, and is a payment of the other order
    rest      value - moved, goes back as any refund; total - moved is to be paid

What the other order gives back of it later goes back from those tenders, out of what was moved: goods are not
credited a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.errors import InvalidInputError, NotExchangeableError, RefundExceedsCapturedError
from oms.domain.ids import derive, order_id
from oms.domain.order.charging import line_total, refund_value
from oms.domain.order.exchange_facts import (
    CreditedUnits,
    ExchangeGivenBack,
    MovedPart,
    ReplacementLine,
    ReplacementPlaced,
    ReturnExchanged,
    WantedLine,
)
from oms.domain.order.folding import evolve
from oms.domain.order.refunding import refund_parts, requested
from oms.domain.order.return_state import Return, find
from oms.domain.order.state import EXCHANGED
from oms.domain.order.tenders import tender_at

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from oms.domain.order.events import OrderEvent
    from oms.domain.order.exchange_commands import GiveBackExchange, RecordReplacement
    from oms.domain.order.return_money import Credit
    from oms.domain.order.state import Order

ACCOUNT: Final = "exchanges"
"""Of the channel `site`: orders that returns pay for."""


def check_wanted(order: Order, wanted: tuple[WantedLine, ...], lines: Collection[str]) -> None:
    """Raises NotExchangeableError (the channel holds the money), InvalidInputError (other lines, no units)."""
    if wanted and order.placed.payment.in_channel:
        raise NotExchangeableError("the channel holds the order's money: exchange it there", why="in_channel")
    named = [each.line_id for each in wanted]
    if set(named) - set(lines) or len(set(named)) < len(named) or any(each.quantity <= 0 for each in wanted):
        raise InvalidInputError("an exchange names lines of the return, each once, and units", lines=sorted(named))


def priced(order: Order, wanted: WantedLine) -> tuple[ReplacementLine, int]:
    """(the line of the other order, what it costs). Its tax is at the rate of the line that comes back."""
    placed, included = order.lines[wanted.line_id].placed, order.placed.tax_included
    whole = line_total(placed, tax_included=included)
    if wanted.unit_price is None:
        worth = refund_value(order, {wanted.line_id: wanted.quantity})
        tax = _half_up(placed.tax * worth, whole)
        net = worth if included else worth - tax
    else:
        net = wanted.unit_price * wanted.quantity
        tax = _half_up(placed.tax * net, whole if included else whole - placed.tax)
    unit_price = -(-net // wanted.quantity)
    line = ReplacementLine(
        line_id=wanted.line_id,
        sku=wanted.sku,
        quantity=wanted.quantity,
        unit_price=unit_price,
        discount=unit_price * wanted.quantity - net,
        tax=tax,
        title=wanted.title,
    )
    return line, net + (0 if included else tax)


def _half_up(amount: int, whole: int) -> int:
    return (2 * amount + whole) // (2 * whole) if whole > 0 else 0


def exchanged(
    order: Order, known: Return, units: Mapping[str, int], cause: str, credit: Credit
) -> tuple[OrderEvent, ...]:
    """The value of these units of a return moves, once; what the other goods do not cost goes back."""
    found = [priced(order, each) for each in known.wanted]
    moved = min(credit.amount, sum(cost for _, cost in found))
    rest = credit.amount - moved
    rest_id = derive("rfd", order.order_id, known.return_id, cause, "rest") if rest else ""
    event = ReturnExchanged(
        return_id=known.return_id,
        replacement=order_id("site", ACCOUNT, known.return_id),
        amount=moved,
        units=tuple(
            [
                CreditedUnits(line_id=line_id, quantity=count, priced=credit.lines.get(line_id, 0))
                for line_id, count in units.items()
            ]
        ),
        parts=tuple(
            [
                MovedPart(refund_id=_moved_id(order, known, number), tender=number, amount=part)
                for number, part in refund_parts(order, moved)
            ]
        ),
        lines=tuple([line for line, _ in found]),
        fee=credit.fee,
        withheld=credit.withheld,
        refunded=rest,
        refund_id=rest_id,
    )
    if not rest:
        return (event,)
    return (event, *requested(evolve(event, order), rest_id, rest, reason="return"))


def record_replacement(order: Order, command: RecordReplacement) -> tuple[OrderEvent, ...]:
    """The other order was placed, once."""
    known = find(order, command.return_id)
    return (ReplacementPlaced(return_id=known.return_id),) if known.replacement_due else ()


def give_back(order: Order, command: GiveBackExchange) -> tuple[OrderEvent, ...]:
    """The other order gives an amount back, once by its refund. Raises RefundExceedsCapturedError beyond what moved."""
    known = find(order, command.return_id)
    if out_of(order, known, command.refund_id):
        return ()
    left = {
        refund.tender: refund.amount
        for refund in order.payment.refunds.values()
        if refund.origin == EXCHANGED and refund.refund_id in _moved_ids(order, known)
    }
    for refund in order.payment.refunds.values():
        if refund.out_of == known.return_id and refund.counts:
            left[refund.tender] = left.get(refund.tender, 0) - refund.amount
    if command.amount > sum(left.values()):
        raise RefundExceedsCapturedError("more than the return pays for", refundable=sum(left.values()))
    parts, amount = [], command.amount
    for number, most in left.items():
        part = min(amount, most)
        amount -= part
        tender = tender_at(order.payment, number)
        if part > 0:
            refund_id = derive("rfd", order.order_id, command.refund_id, str(number))
            done = tender is not None and tender.on_invoice
            parts.append(MovedPart(refund_id=refund_id, tender=number, amount=part, done=done))
    return (ExchangeGivenBack(return_id=known.return_id, parts=tuple(parts)),) if parts else ()


def out_of(order: Order, known: Return, refund_id: str) -> int:
    """What was asked back for a refund of the other order; 0 when nothing was."""
    ids = {derive("rfd", order.order_id, refund_id, str(each.number)) for each in order.payment.tenders}
    return sum(order.payment.refunds[each].amount for each in ids & set(known.refunds))


def _moved_ids(order: Order, known: Return) -> set[str]:
    return {_moved_id(order, known, each.number) for each in order.payment.tenders}


def _moved_id(order: Order, known: Return, tender: int) -> str:
    return derive("rfd", order.order_id, known.return_id, EXCHANGED, str(tender))
