"""What goes back for units of a return, in minor units: their exact value, less the fee, never beyond what is theirs.

    worth     value of the units whose price has not gone back, as `charging` has it: parts always sum
    fee       once per return, and a part of what units of a line are worth (half up); together at most `worth`
    room      what was taken, gift cards included, less what went back and what the customer keeps is worth; at most
              what may still go back to the tender, which what it lost in a dispute may not; what is disputed waits
    amount    worth - fee, at most room; the rest is `withheld`

`room` is why nothing goes back twice: what the channel or a person gave back without naming units counts against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.frozen import frozen
from oms.domain.ids import derive
from oms.domain.order.charging import captured_upfront, header_total, line_total, owed, refund_value
from oms.domain.order.events import LineUnits, RefundSucceeded
from oms.domain.order.exchanging import exchanged
from oms.domain.order.folding import evolve
from oms.domain.order.refunding import requested
from oms.domain.order.return_facts import ReturnCredited, ReturnUnits
from oms.domain.order.stakes import not_lost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.events import OrderEvent
    from oms.domain.order.return_state import Return
    from oms.domain.order.state import Line, Order

REASON: Final = "return"
_WHOLE: Final = 10_000


@frozen
class Credit:
    """What goes back. `lines`: units whose price goes back now, of those that were asked for."""

    lines: Mapping[str, int]
    amount: int
    fee: int
    withheld: int
    shipping: int


def credit_of(order: Order, known: Return, units: Mapping[str, int], amount: int | None = None) -> Credit:
    """For so many units by line of a return; a person may say the `amount`, which is at most what they are worth."""
    lines = {
        line_id: count
        for line_id, asked in units.items()
        if (count := min(asked, order.lines[line_id].ledger.gone - _paid_back(order, line_id))) > 0
    }
    worth = refund_value(order, lines)
    fee = worth - amount if amount is not None else min(worth, _fee(order, known, lines))
    room = _room(order, lines)
    paid = max(0, min(worth - fee, room))
    shipping = _shipping(order, known, lines)
    left = min(not_lost(order), _room(order, lines, shipping=shipping)) - paid
    return Credit(lines=lines, amount=paid, fee=fee, withheld=worth - fee - paid, shipping=max(0, min(shipping, left)))


def _fee(order: Order, known: Return, lines: Mapping[str, int]) -> int:
    """The part of each line's worth, and what is taken once, with the first money."""
    fee = 0 if known.credited else known.terms.fee
    for line_id, count in lines.items():
        points = known.lines[line_id].fee_basis_points
        fee += (2 * refund_value(order, {line_id: count}) * points + _WHOLE) // (2 * _WHOLE)
    return fee


def _paid_back(order: Order, line_id: str) -> int:
    """Units whose price went back: as refunds name them, or as the channel took them back with one of its own."""
    taken = sum(
        refund.returned.get(line_id, 0)
        for refund in order.payment.refunds.values()
        if refund.counts and refund.origin == "channel"
    )
    line = order.lines[line_id]
    return min(line.refunded + taken, line.ledger.gone)


def _room(order: Order, lines: Mapping[str, int], *, shipping: int = 0) -> int:
    """What may go back if the price of these units does, and so much of shipping."""
    upfront = captured_upfront(order) >= owed(order) and captured_upfront(order) > 0
    charged = {line_id: line.ledger.live if upfront else line.ledger.gone for line_id, line in order.lines.items()}
    price = sum(_value(order, line, 0, charged[line_id]) for line_id, line in order.lines.items())
    header = header_total(order.placed) if any(charged.values()) else 0
    kept = sum(
        _value(order, line, _paid_back(order, line_id) + lines.get(line_id, 0), charged[line_id])
        for line_id, line in order.lines.items()
    )
    back = sum(known.shipping for known in order.returns.values())
    taken = order.payment.captured + min(order.placed.gift_cards, price + header)
    return min(not_lost(order), taken - order.payment.refunding - kept - max(0, header - back - shipping))


def _value(order: Order, line: Line, start: int, stop: int) -> int:
    """What units number `start` to `stop` of a line are worth: dear ones are given back first."""
    if stop <= start:
        return 0
    base, rest = divmod(line_total(line.placed, tax_included=order.placed.tax_included), line.placed.quantity)
    return base * (stop - start) + min(stop, rest) - min(start, rest)


def _shipping(order: Order, known: Return, lines: Mapping[str, int]) -> int:
    """What shipping cost, when the terms say so and the price of all that was ordered has gone back with these."""
    whole = all(
        _paid_back(order, line_id) + lines.get(line_id, 0) >= line.ledger.live for line_id, line in order.lines.items()
    )
    done = any(each.shipping for each in order.returns.values())
    if not known.terms.shipping or not whole or done:
        return 0
    placed = order.placed
    return placed.shipping + (0 if placed.tax_included else placed.shipping_tax)


def credited(
    order: Order, known: Return, units: Mapping[str, int], cause: str, amount: int | None = None
) -> tuple[OrderEvent, ...]:
    """The events that give it back. `cause`: once by it. Empty for no units."""
    units = {line_id: count for line_id, count in units.items() if count > 0}
    if not units:
        return ()
    credit = credit_of(order, known, units, amount)
    if known.exchanges:
        return exchanged(order, known, units, cause, credit)
    refund_id = derive("rfd", order.order_id, known.return_id, cause) if credit.lines else ""
    shipping_id = derive("rfd", order.order_id, known.return_id, cause, "shipping") if credit.shipping else ""
    named = tuple([LineUnits(line_id=line_id, quantity=count) for line_id, count in credit.lines.items()])
    events: list[OrderEvent] = [
        ReturnCredited(
            return_id=known.return_id,
            refund_id=refund_id,
            amount=credit.amount,
            lines=tuple([ReturnUnits(line_id=line_id, quantity=count) for line_id, count in units.items()]),
            fee=credit.fee,
            withheld=credit.withheld,
            shipping=credit.shipping,
            shipping_refund_id=shipping_id,
        )
    ]
    if refund_id:
        events += requested(order, refund_id, credit.amount, reason=REASON, lines=named)
        if not credit.amount:
            events.append(RefundSucceeded(refund_id=refund_id))
    if credit.shipping:
        state = order
        for event in events:
            state = evolve(event, state)
        events += requested(state, shipping_id, credit.shipping, reason="return shipping")
    return tuple(events)
