"""What an order's exchanges are after its events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from oms.domain.order import exchange_facts as ev
from oms.domain.order.charging import dear_left
from oms.domain.order.folding import evolve
from oms.domain.order.return_state import Exchange
from oms.domain.order.state import EXCHANGED, Order, Refund, RefundStatus

if TYPE_CHECKING:
    from collections.abc import Iterable


@evolve.register(ev.ReturnExchanged)
def _(event: ev.ReturnExchanged, state: Order) -> Order:
    known = state.returns[event.return_id]
    priced = {each.line_id: each.priced for each in event.units if each.priced}
    dear = {line_id: min(units, dear_left(state, line_id)) for line_id, units in priced.items()}
    refunds = dict(state.payment.refunds)
    for index, part in enumerate(event.parts):
        refunds[part.refund_id] = Refund(
            refund_id=part.refund_id,
            amount=part.amount,
            status=RefundStatus.SUCCEEDED,
            reason="exchange",
            origin=EXCHANGED,
            lines={} if index else priced,
            dear={} if index else dear,
            tender=part.tender,
        )
    lines, back = dict(state.lines), dict(known.lines)
    for each in event.units:
        lines[each.line_id] = replace(lines[each.line_id], refunded=lines[each.line_id].refunded + each.priced)
        back[each.line_id] = replace(back[each.line_id], credited=back[each.line_id].credited + each.quantity)
    known = replace(
        known,
        lines=back,
        exchange=Exchange(order_id=event.replacement, amount=event.amount, lines=event.lines),
        refunds=(*known.refunds, *([event.refund_id] if event.refund_id else [])),
        fees=known.fees + event.fee,
        withheld=known.withheld + event.withheld,
    )
    payment = replace(state.payment, refunds=refunds)
    return replace(state, lines=lines, payment=payment, returns={**state.returns, event.return_id: known})


@evolve.register(ev.ReplacementPlaced)
def _(event: ev.ReplacementPlaced, state: Order) -> Order:
    known = state.returns[event.return_id]
    exchange = replace(known.exchange, placed=True) if known.exchange else None
    return replace(state, returns={**state.returns, event.return_id: replace(known, exchange=exchange)})


@evolve.register(ev.ExchangeGivenBack)
def _(event: ev.ExchangeGivenBack, state: Order) -> Order:
    known = state.returns[event.return_id]
    refunds = {**state.payment.refunds, **_given_back(event.parts, event.return_id)}
    asked = (*known.refunds, *(part.refund_id for part in event.parts))
    returns = {**state.returns, event.return_id: replace(known, refunds=asked)}
    return replace(state, payment=replace(state.payment, refunds=refunds), returns=returns)


def _given_back(parts: Iterable[ev.MovedPart], return_id: str) -> dict[str, Refund]:
    return {
        part.refund_id: Refund(
            refund_id=part.refund_id,
            amount=part.amount,
            status=RefundStatus.SUCCEEDED if part.done else RefundStatus.REQUESTED,
            reason="exchange",
            tender=part.tender,
            out_of=return_id,
        )
        for part in parts
    }
