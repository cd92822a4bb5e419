"""Rest (I8) and poison (I9): nothing is left to do, and what cannot be done is set aside with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.order.evolve import fold
from oms.domain.order.ledger import Place
from oms.domain.order.status import NextStep, Stage, next_step, stage, units_at
from oms.domain.order.tendering import look_at
from tests.proof.invariants.evidence import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from typing import Any

    from oms.domain.order.state import Order
    from tests.proof.invariants.evidence import Parked
    from tests.proof.invariants.log import Life


def drained(pending: Mapping[str, int]) -> Iterator[Finding]:
    """I8: queues are empty and no workflow runs."""
    for name, count in pending.items():
        if count:
            yield Finding(invariant="I8", detail=f"{count} still in {name}")


def at_rest(order: Order) -> Iterator[Finding]:
    """I8: the order waits for nothing that the system itself could do, and whose time has come."""
    step = next_step(order)
    if step is not NextStep.NONE:
        yield Finding(invariant="I8", detail=f"{order.order_id} is stuck before {step.value}")


def all_at_rest(orders: Iterable[Order], waiting: Collection[str] = ()) -> Iterator[Finding]:
    """I8 of every order but those that may wait."""
    for order in orders:
        if order.order_id not in waiting:
            yield from at_rest(order)


def driven(started: Iterable[Mapping[str, Any]], lives: Mapping[str, Life]) -> Iterator[Finding]:
    """I8: what is done stays done. The watchdog starts nothing that the log, as it read it, did not ask for."""
    for each in started:
        kind, _, rest = str(each["cause"]).partition(":")
        life = lives.get(each["order_id"])
        if kind != "watchdog" or life is None:
            continue
        number = int(rest.partition(":")[0])
        events = [event for stored in life.stored[:number] for event in stored.commit.events]
        order = fold(each["order_id"], events)
        if order is None or each["step"] not in _asked(order):
            yield Finding(invariant="I8", detail=f"{each['order_id']} was driven to {each['step']} at commit {number}")


def _asked(order: Order) -> Collection[str]:
    """The next step; what waits for goods, or stands on hold, may be promised at any time.

    Of money that is held until a known time, the provider may be asked.
    """
    waits = units_at(order, Place.BACKORDERED) or stage(order) is Stage.ON_HOLD
    step = next_step(order)
    if step is not NextStep.NONE:
        return (step.value,)
    ends = (NextStep.SETTLE.value,) if look_at(order) else ()
    return (*ends, NextStep.PROMISE.value) if waits else ends


def set_aside(
    quarantine: Mapping[str, Parked], poison: Mapping[str, str], dead_letters: Mapping[str, int]
) -> Iterator[Finding]:
    """I9: poison is in quarantine with its code, every entry says why, and nothing lies where nobody looks."""
    for parked_id, code in poison.items():
        entry = quarantine.get(parked_id)
        if entry is None:
            yield Finding(invariant="I9", detail=f"{parked_id} ({code}) is not in quarantine")
        elif entry.code != code:
            yield Finding(invariant="I9", detail=f"{parked_id} is in quarantine for {entry.code}, not for {code}")
    for parked_id, entry in quarantine.items():
        if not entry.code or not entry.reason:
            yield Finding(invariant="I9", detail=f"{parked_id} is in quarantine without a reason")
    for name, count in dead_letters.items():
        if count:
            yield Finding(invariant="I9", detail=f"{count} in {name}, and not in quarantine")
