"""Two that act at once: before every call that the first one makes, the second one does all that it does.

In process over moto, with the adapters of the product: what the interleaver proves over ports in memory, the real
conditions of the real writes have to keep here. `duel(DUELS[name])` gives what is wrong, as a sweep does.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aws_lambda_powertools.event_handler.api_gateway import BaseRouter

from oms.domain import ids
from tests.proof.sweep.forks import Violation, fork, tell
from tests.proof.sweep.people import MAIN, pay, place, ship, site, work
from tests.proof.sweep.run import unsound
from tests.proof.sweep.world import World, world

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proof.sweep.tap import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """`before` has happened. `one` is interrupted at each of its calls by the whole of `other`."""

    name: str
    before: Callable[[World], None]
    one: Callable[[World], object]
    other: Callable[[World], object]


def duel(given: Duel) -> list[Violation]:
    """What is wrong at the end, wherever the other one came between; what is wrong without that, too."""
    found: list[Violation] = []
    out: int | None = None
    try:
        with world() as w:
            given.before(w)

            def interrupt(_: Call) -> None:
                nonlocal out
                out = fork(found)
                if out is not None:
                    w.tap.before_call = None
                    meanwhile(w, lambda: given.other(w))

            w.tap.before_call = interrupt
            given.one(w)
            w.tap.before_call = None
            if out is None:
                given.other(w)
            w.tap.fired = True
            w.settle()
            found = unsound(w) if out is not None else found + unsound(w)
    except Exception:
        if out is None:
            raise
        found = [("I8", traceback.format_exc(limit=-4))]
    if out is not None:
        tell(out, found)
    return found


def meanwhile(w: World, act: Callable[[], object]) -> None:
    """Somebody acts while a function is about to make a call; then it goes on, as if nothing had been."""
    function, call = w.tap.function, w.tap.leave()
    event, context = BaseRouter.current_event, BaseRouter.lambda_context
    act()
    BaseRouter.current_event, BaseRouter.lambda_context = event, context
    w.cloud.enter(w.folder(function), w.patch)
    w.tap.come_back(function, call)


# ---- who they are


def _two_for_one(w: World) -> None:
    """Two orders that wait for their promise, and one unit."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 1))
    w.settle()
    for key in ("s-1", "s-2"):
        place(w, key, {"MUG-01": 1})
    w.drain_stream()


def _promised(w: World) -> None:
    """Two units paid by card, in the hands of the warehouse."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    place(w, "s-1", {"MUG-01": 2}, pay(w, 2000))
    w.settle()


def _captured(w: World) -> None:
    """... shipped, and paid for."""
    _promised(w)
    ship(w, work(w, MAIN), "EZ1")
    w.settle()


def _ask(path: str, document: object, key: str, role: str) -> Callable[[World], object]:
    """A request, whatever the answer."""
    return lambda w: w.http("POST", path, document, key=key, role=role)


def _refund(key: str) -> Callable[[World], object]:
    return _ask(f"/orders/{site('s-1')}/refunds", {"amount": 1200, "reason": "late"}, key, "finance")


def _ship(w: World) -> object:
    number = ids.fulfillment_order_id(site("s-1"), 1)
    parcels = [{"carrier": "DHL", "tracking_number": "EZ1", "lines": [{"line_id": "1", "quantity": 2}]}]
    return w.http("POST", f"/fulfillment-orders/{number}/shipments", {"parcels": parcels}, key="ship", role="warehouse")


DUELS: Final = {
    each.name: each
    for each in (
        Duel(name="last_unit", before=_two_for_one, one=World.execute, other=World.execute),
        Duel(
            name="cancel_ship",
            before=_promised,
            one=_ask(f"/orders/{site('s-1')}/cancel", {"reason": "changed my mind"}, "cancel", "service"),
            other=_ship,
        ),
        Duel(name="refund_refund", before=_captured, one=_refund("first"), other=_refund("second")),
    )
}
