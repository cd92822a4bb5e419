"""What became of a world, by natural key: what must not depend on how often, when and through which faults it came.

Everything is counted from the log and from the provider's record; instants and commit numbers are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.domain.order.ledger import Place
from oms.domain.order.state import FulfillmentOrderStatus
from oms.domain.order.status import fulfillment_status, order_status, payment_status, stage
from tests.proof.invariants import stock
from tests.proof.invariants.stock import PARTS, balanced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from oms.domain.commit import StoredCommit
    from oms.domain.order.state import Order
    from oms.domain.stock import StockDelta
    from tests.proof.invariants.evidence import PaymentRecord


def order_facts(order: Order, world: str) -> dict[str, Any]:
    """One order: ledgers, statuses, money, refunds, holds, work and parcels."""
    placed, payment = order.placed, order.payment
    return {
        "number": placed.number.removesuffix(f"-{world}"),
        "customer": placed.customer_id,
        "placed": (placed.currency, placed.total, placed.tax_included, placed.ship_to, placed.shipping_method),
        "status": order_status(order).value,
        "stage": stage(order).value,
        "goods": fulfillment_status(order).value,
        "payment": payment_status(order).value,
        "money": (payment.captured, payment.refunded, payment.refunding, payment.voided),
        "refunds": sorted((each.amount, each.status.value, each.origin) for each in payment.refunds.values()),
        "lines": {
            line_id: (
                line.placed.sku,
                {place.value: line.ledger.at(place) for place in Place if line.ledger.at(place)},
                line.refunded,
                line.conflicted,
            )
            for line_id, line in order.lines.items()
        },
        "holds": sorted((hold.kind, hold.active, hold.lines) for hold in order.holds.values()),
        "work": sorted(
            (each.node_id, each.status.value, tuple(sorted(each.remaining.items())))
            for each in order.fulfillment_orders.values()
            if each.status is not FulfillmentOrderStatus.CANCELLED  # whether it was promised before it was cancelled
        ),
        "parcels": sorted(
            (parcel.tracking_number.replace(world, ""), parcel.status.value) for parcel in order.parcels.values()
        ),
        "revision": order.revision[0] if order.revision and placed.channel != "site" else None,
    }


def stock_facts(streams: Mapping[str, Sequence[StoredCommit]]) -> dict[tuple[str, str], tuple[int, ...]]:
    """What the orders did at each position, by their events."""
    return {position: tuple(counts) for position, counts in stock.history(streams).items() if any(counts)}


def money_facts(records: Mapping[str, PaymentRecord], intents: Mapping[str, str]) -> dict[str, tuple[int, int, int]]:
    """(authorized, captured, refunded) at the provider, by order."""
    return {
        number: (records[ref].authorized, records[ref].captured, records[ref].refunded)
        for number, ref in intents.items()
        if ref in records
    }


def differences(clean: Mapping[str, Any], found: Mapping[str, Any], about: str = "") -> list[str]:
    """Every fact that is not as in the clean run, in words."""
    unlike = []
    for key in sorted(clean.keys() | found.keys(), key=str):
        wanted, got = clean.get(key), found.get(key)
        if wanted == got:
            continue
        if isinstance(wanted, dict) and isinstance(got, dict):
            unlike += differences(wanted, got, f"{about}{key} ")
        else:
            unlike.append(f"{about}{key}: {got} instead of {wanted}")
    return unlike


def unlike_stock(
    streams: Mapping[str, Sequence[StoredCommit]],
    before: Mapping[tuple[str, str], StockDelta],
    after: Mapping[tuple[str, str], StockDelta],
) -> Iterator[str]:
    """I1: stock moved as these events say, and not otherwise; each position is in balance."""
    yield from map(str, balanced(after))
    told = stock_facts(streams)
    for position, at in after.items():
        was = before.get(position)
        moved = tuple(getattr(at, name) - (getattr(was, name) if was else 0) for name in PARTS)
        if moved != told.get(position, (0,) * len(PARTS)):
            yield f"I1: {position} moved by {moved}, events say {told.get(position)}"
