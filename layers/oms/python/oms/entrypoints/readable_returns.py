"""What happened to a return, in words that staff can read. Part of `readable`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.domain.order import exchange_facts as xf
from oms.domain.order import return_facts as ret
from oms.entrypoints.pages import money, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def _lines(lines: Iterable[ret.ReturnUnits | ret.ReturnedLine]) -> str:
    return ", ".join(f"{each.quantity} × line {each.line_id}" for each in lines)


def _requested(event: ret.ReturnRequested) -> str:
    why = ", ".join(dict.fromkeys(words(each.reason) for each in event.lines))
    asks = f"; a person is asked ({words(event.terms.ask)})" if event.terms.ask else ""
    return f"Return {event.number} asked for by {event.origin}: {_lines(event.lines)} ({why}){asks}"


def _inspected(event: ret.ReturnInspected) -> str:
    found = ", ".join(
        f"{each.quantity} × line {each.line_id} {words(each.condition.value)}"
        + (f", {words(each.disposition.value)}" if each.disposition else "")
        for each in event.lines
    )
    return f"Looked at in {event.node_id}: {found}"


def _credited(event: ret.ReturnCredited, currency: str) -> str:
    less = [
        f"{money(amount, currency)} {what}"
        for amount, what in ((event.fee, "fee"), (event.withheld, "went back before or was never taken"))
        if amount
    ]
    more = f", and {money(event.shipping, currency)} for shipping" if event.shipping else ""
    return f"{money(event.amount, currency)} for {_lines(event.lines)}{more}" + (
        f" (less {', '.join(less)})" if less else ""
    )


RETURNS: Final[Mapping[type[Any], Callable[[Any, str], str]]] = {
    ret.ReturnRequested: lambda e, _c: _requested(e),
    ret.ReturnApproved: lambda e, _c: f"Return approved by {e.by}, to be sent by {e.expires_at:%d %b %Y}",
    ret.ReturnRejected: lambda e, _c: f"Return rejected: {e.reason}",
    ret.ReturnLabelled: lambda e, _c: f"Return travels as {e.carrier} {e.tracking_number}",
    ret.ReturnInTransit: lambda _e, _c: "Return is on its way",
    ret.ReturnReceived: lambda e, _c: f"Return arrived at {e.node_id}",
    ret.ReturnInspected: lambda e, _c: _inspected(e),
    ret.ReturnCredited: _credited,
    ret.ReturnSettled: lambda e, _c: "Return settled" + (f": {e.reason}" if e.reason else ""),
    ret.ReturnCancelled: lambda e, _c: "Return cancelled" + (f": {e.reason}" if e.reason else ""),
    ret.ReturnExpired: lambda _e, _c: "Return was not sent in time",
    xf.ReturnExchanged: lambda e, c: f"{money(e.amount, c)} of the return pays for other goods, order {e.replacement}",
    xf.ReplacementPlaced: lambda _e, _c: "The order for the exchange was placed",
    xf.ExchangeGivenBack: lambda e, c: f"{money(sum(p.amount for p in e.parts), c)} of the exchange goes back",
    ret.ReturnShrunk: lambda e, _c: f"Came back otherwise, out of the return: {_lines(e.lines)}",
}
