"""What lists and the watchdog need of an order, carried by each of its commits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.domain.kits import parts_of
from oms.domain.order.changing import UNKNOWN_SKU
from oms.domain.order.holding_back import hold_expiry
from oms.domain.order.ledger import Place
from oms.domain.order.releasing import release_at
from oms.domain.order.return_state import return_due_at
from oms.domain.order.state import FulfillmentOrderStatus
from oms.domain.order.status import (
    NextStep,
    Stage,
    fulfillment_status,
    next_step,
    order_status,
    payment_status,
    stage,
    units_at,
)
from oms.domain.order.tendering import ending, look_at
from oms.domain.stock import MAX_POSITIONS

if TYPE_CHECKING:
    from datetime import datetime

    from oms.domain.order.state import Order

STEP_PATIENCE: Final = timedelta(minutes=2)
"""A step that the system itself can take and has not taken by then is re-driven."""
BACKORDER_PATIENCE: Final = timedelta(hours=1)
HOLD_PATIENCE: Final = timedelta(minutes=15)
REFUND_PATIENCE: Final = timedelta(days=1)
DELIVERY_GRACE: Final = timedelta(days=3)
DISPUTE_NOTICE: Final = timedelta(days=3)
"""Before a dispute has to be answered, somebody is told, and each day from then on."""
REST_PATIENCE: Final = timedelta(days=1)
"""An order that waits for somebody outside, or for a person, is looked at this often: nothing stands still unseen."""


MAX_SKUS: Final = 500
"""SKUs that an order is found by in lists: its row must stay small."""


def due_at(order: Order, at: datetime) -> datetime | None:
    """When somebody should look at the order if nothing happens before; None when it is closed or cancelled."""
    return _due_at(order, at, next_step(order), stage(order))


def _due_at(order: Order, at: datetime, step: NextStep, word: Stage) -> datetime | None:
    due = _due_beside(order, at, step, word)
    if order.returns and (look := return_due_at(order, at, at + REST_PATIENCE)):
        due = min(due, look) if due else look
    set_before = [each for each in (release_at(order), look_at(order), hold_expiry(order)) if each is not None]
    return min(due, max(min(set_before), at)) if due and set_before else due


def _due_beside(order: Order, at: datetime, step: NextStep, word: Stage) -> datetime | None:
    """The same, but for what is to be released, for holds and for authorizations that end."""
    if step is not NextStep.NONE:
        return at + STEP_PATIENCE
    if word is Stage.ON_HOLD and any(hold.kind == UNKNOWN_SKU for hold in order.active_holds):
        return at + HOLD_PATIENCE
    if units_at(order, Place.BACKORDERED):
        return min(at + BACKORDER_PATIENCE, wake_at(order, at) or at + BACKORDER_PATIENCE)
    if any(refund.open for refund in order.payment.refunds.values()):
        return at + REFUND_PATIENCE
    promised, answer_by = _promised(order, word), order.disputes.respond_by
    times = [max(promised, at + STEP_PATIENCE)] if promised else []
    times += [max(answer_by - DISPUTE_NOTICE, at + REST_PATIENCE)] if answer_by else []
    if times:
        return min(times)
    return None if word in (Stage.CLOSED, Stage.CANCELLED) else at + REST_PATIENCE


def wake_at(order: Order, at: datetime) -> datetime | None:
    """The next time that was set, after `at`: to look for what is backordered, give up, release, renew, end a hold."""
    waiting = [line for line in order.lines.values() if line.ledger.backordered]
    times = [line.cancel_at for line in waiting] + ([order.retry_at] if waiting else [])
    times += [release_at(order), look_at(order), hold_expiry(order)]
    return min((each for each in times if each is not None and each > at), default=None)


def _promised(order: Order, word: Stage) -> datetime | None:
    """Until when warehouses and carriers have the order's goods, while they have."""
    if word in (Stage.PLANNED, Stage.RELEASED, Stage.PARTIALLY_SHIPPED):
        return order.promised_by
    return order.promised_by + DELIVERY_GRACE if word is Stage.SHIPPED and order.promised_by else None


def is_patient(order: Order) -> bool:
    """The order goes its usual way, and is due only when its promise is not kept: a look now and then is enough."""
    return _is_patient(order, next_step(order), stage(order))


def _is_patient(order: Order, step: NextStep, word: Stage) -> bool:
    timed = release_at(order) or hold_expiry(order)
    returns = any(known.open for known in order.returns.values())
    if step is not NextStep.NONE or units_at(order, Place.BACKORDERED) or timed or returns:
        return False
    promised, ends = _promised(order, word), look_at(order)
    if promised is None or any(refund.open for refund in order.payment.refunds.values()):
        return False
    waits = any(each.final or each.renewing for each in ending(order))
    return ends is None or (ends >= promised and not waits)


def summarize(order: Order, at: datetime, before: Order | None = None) -> dict[str, Any]:
    """The order's row in lists, as JSON values; empty values left out. `before` tells what it no longer waits for."""
    step, word = next_step(order), stage(order)
    due = _due_at(order, at, step, word)
    placed = order.placed
    open_work = {
        known.fulfillment_order_id: [known.node_id, known.status.value] for known in order.fulfillment_orders.values()
    }
    waiting, before_waiting = _waiting_skus(order), _waiting_skus(before) if before else {}
    told = set(waiting) if len(waiting) <= MAX_POSITIONS else set(waiting) - set(before_waiting)
    skus = sorted({line.placed.sku for line in order.lines.values() if line.placed.sku})
    row = {
        "order_id": order.order_id,
        "number": placed.number,
        "channel": placed.channel,
        "account": placed.account,
        "customer": placed.customer_id,
        "placed_at": placed.placed_at.isoformat(),
        "currency": placed.currency,
        "total": placed.total,
        "units": sum(line.ledger.live for line in order.lines.values()),
        "stage": word.value,
        "status": order_status(order).value,
        "fulfillment": fulfillment_status(order).value,
        "payment": payment_status(order).value,
        "holds": [hold.kind for hold in order.active_holds],
        "returns": {known.number: known.status.value for known in order.returns.values()},
        "next": step.value,
        "due_at": due.isoformat() if due else "",
        "promised_by": order.promised_by.isoformat() if order.promised_by else "",
        "patient": _is_patient(order, step, word),
        "skus": skus[:MAX_SKUS],
        "skus_left": max(0, len(skus) - MAX_SKUS),
        "work": open_work,
        # Of very many, those that this commit added: the others were told by theirs.
        "waiting": sorted(told),
        "owed": {sku: waiting[sku] for sku in told},
        "waited": sorted(set(before_waiting) - set(waiting)),
    }
    return {name: value for name, value in row.items() if value or name == "total"}


def _waiting_skus(order: Order) -> dict[str, int]:
    """Units that wait, by SKU. What a line waits for is stock: of a kit, its components."""
    units: dict[str, int] = {}
    for line in order.lines.values():
        if line.ledger.backordered:
            for sku, count in parts_of(line.placed.sku, line.placed.components, line.ledger.backordered):
                units[sku] = units.get(sku, 0) + count
    return units


def open_fulfillment_orders(order: Order) -> tuple[str, ...]:
    """Fulfillment orders that a warehouse still has to work on, or will have to."""
    return tuple(
        known.fulfillment_order_id
        for known in order.fulfillment_orders.values()
        if known.planned or known.status in (FulfillmentOrderStatus.RELEASED, FulfillmentOrderStatus.ACCEPTED)
    )
