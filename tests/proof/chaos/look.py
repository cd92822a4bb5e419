"""What is stored of one world, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oms.adapters import keys
from oms.domain.order.summary import open_fulfillment_orders

if TYPE_CHECKING:
    from oms.domain.commit import StoredCommit
    from oms.domain.order.state import Order
    from tests.proof.invariants.evidence import Row
    from tests.proof.invariants.log import Life


@dataclass(slots=True)
class Look:
    """What is stored of one world."""

    streams: dict[str, list[StoredCommit]]
    lives: dict[str, Life]
    rows: list[Row]
    contacts: set[tuple[str, str]]
    bodies: dict[str, str]
    """Personal data by order id."""
    parked: dict[str, Row]
    """Entries of the quarantine that were not there before, by their ids."""


def typed(key: tuple[str, str]) -> dict[str, Any]:
    """A key of a table."""
    pk, sk = key
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def row_key(order: Order) -> tuple[str, str]:
    """Where the order's row stands."""
    placed_at = keys.instant(order.placed.placed_at)
    return keys.day_pk(placed_at, order.order_id), keys.at_sk(placed_at, order.order_id)


def work(life: Life) -> list[tuple[str, str]]:
    """Where the rows of its open work stand."""
    if life.order is None:
        return []
    known = life.order.fulfillment_orders
    return [(keys.work_pk(known[each].node_id), each) for each in open_fulfillment_orders(life.order)]
