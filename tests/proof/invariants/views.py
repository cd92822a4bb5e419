"""Lists and reads (I13, and I4's "visibly waiting"): rows are held against the log, never the other way round."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from oms.domain.order.status import (
    NextStep,
    OrderStatus,
    Stage,
    fulfillment_status,
    next_step,
    order_status,
    payment_status,
    stage,
)
from oms.domain.order.summary import open_fulfillment_orders
from tests.proof.invariants.books import CANCELLED
from tests.proof.invariants.evidence import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from oms.domain.order.state import Order
    from tests.proof.invariants.evidence import Row, Seen
    from tests.proof.invariants.log import Life

ENDED: Final = frozenset({OrderStatus.CLOSED, OrderStatus.CANCELLED})


def shown_of(order: Order) -> dict[str, Any]:
    """What a list must show of the order now, whichever commit it was taken from."""
    placed = order.placed
    shown = {
        "order_id": order.order_id,
        "number": placed.number,
        "channel": placed.channel,
        "account": placed.account,
        "currency": placed.currency,
        "total": placed.total,
        "units": sum(line.placed.quantity - line.ledger.cancelled for line in order.lines.values()),
        "stage": stage(order).value,
        "status": order_status(order).value,
        "fulfillment": fulfillment_status(order).value,
        "payment": payment_status(order).value,
        "holds": [hold.kind for hold in order.holds.values() if hold.active],
    }
    return {name: value for name, value in shown.items() if value or name == "total"}


def order_row(life: Life, row: Row | None, order_id: str) -> Iterator[Finding]:
    """I13 and I4 of one order's row."""
    if life.order is None:
        return
    if row is None:
        at_once = len(life.stored) == 1 and stage(life.order) is Stage.PLACED
        if not (at_once and next_step(life.order) is NextStep.PROMISE):  # else its row comes with its promise
            yield Finding(invariant="I13", detail=f"{order_id} is in no list")
        return
    if row.number > len(life.stored):
        yield Finding(
            invariant="I7", detail=f"{order_id} has {len(life.stored)} commits, its row was made of commit {row.number}"
        )
        return
    wanted = shown_of(life.order)
    told = {name: row.row.get(name) for name in wanted}
    extra = {name for name in ("holds", "units") if name not in wanted and row.row.get(name)}
    if told != wanted or extra:
        unlike = {name: (told[name], value) for name, value in wanted.items() if told[name] != value}
        detail = f"{order_id} row of commit {row.number} of {len(life.stored)}: {unlike or extra}"
        yield Finding(invariant="I13", detail=detail)
    if order_status(life.order) not in ENDED and not row.due:
        yield Finding(invariant="I4", detail=f"{order_id} stands still and nobody will look at it")
    if life.books is not None and wanted.get("units", 0) != sum(
        sum(line) - line[CANCELLED] for line in life.books.units.values()
    ):
        yield Finding(invariant="I13", detail=f"{order_id} shows {wanted.get('units')} units, its events say otherwise")


def work_rows(lives: Mapping[str, Life], rows: Sequence[Row]) -> Iterator[Finding]:
    """I13: warehouses see the fulfillment orders that they have to work on, and no other."""
    wanted: dict[str, tuple[str, str]] = {}
    for life in lives.values():
        if life.order is not None:
            for each in open_fulfillment_orders(life.order):
                known = life.order.fulfillment_orders[each]
                wanted[each] = (known.node_id, known.status.value)
    shown = [row.row["fulfillment_order"] for row in rows if row.open]
    listed = {each["fulfillment_order_id"]: (each["node_id"], each["status"]) for each in shown}
    for key in wanted.keys() - listed.keys():
        yield Finding(invariant="I13", detail=f"{key} is open work that no list shows")
    for each in shown:
        key, at = each["fulfillment_order_id"], listed[each["fulfillment_order_id"]]
        if key not in wanted and each["order_id"] in lives:
            yield Finding(invariant="I13", detail=f"{key} is listed as {at} and is not open")
        elif key in wanted and at != wanted[key]:
            yield Finding(invariant="I13", detail=f"{key} is listed as {at}, it is {wanted[key]}")
    if len(listed) != len(shown):
        yield Finding(invariant="I13", detail="a fulfillment order is listed twice")


def rows_show(lives: Mapping[str, Life], rows: Sequence[Row], broken: Collection[str] = ()) -> Iterator[Finding]:
    """I13 of everything listed: of these orders (rows of others are not looked at)."""
    found = {row.order_id: row for row in rows if row.order_id}
    sound = {order_id: life for order_id, life in lives.items() if f"order#{order_id}" not in broken}
    for order_id, life in sound.items():
        yield from order_row(life, found.get(order_id), order_id)
    yield from work_rows(sound, rows)


def none_without_order(lives: Collection[str], rows: Sequence[Row]) -> Iterator[Finding]:
    """I4: no list shows an order that the log does not have."""
    for row in rows:
        if row.order_id and row.order_id not in lives:
            yield Finding(invariant="I4", detail=f"{row.sk} is listed and not in the log: {json.dumps(dict(row.row))}")


def seen(reads: Sequence[Seen]) -> Iterator[Finding]:
    """I13: who was told of a commit sees it from then on."""
    for each in reads:
        if each.version < each.acked:
            yield Finding(invariant="I13", detail=f"{each.order_id} was read at {each.version} after {each.acked}")
