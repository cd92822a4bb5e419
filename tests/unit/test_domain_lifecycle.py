from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oms.domain.order.fulfilling import _RANK
from oms.domain.order.ledger import MOVES, Place
from oms.domain.order.state import FULFILLMENT_ORDER_MOVES, REFUND_MOVES, FulfillmentOrderStatus, RefundStatus
from oms.domain.order.status import LIFECYCLE, OrderStatus
from oms.domain.tracking import ParcelStatus
from tests.support.lifecycle import DOC, render

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

TABLES = [
    (Place, MOVES, Place.OPEN, {Place.RETURNED, Place.CANCELLED}),
    (OrderStatus, LIFECYCLE, OrderStatus.PENDING, {OrderStatus.CANCELLED}),
    (
        FulfillmentOrderStatus,
        FULFILLMENT_ORDER_MOVES,
        FulfillmentOrderStatus.PLANNED,
        {FulfillmentOrderStatus.SHIPPED, FulfillmentOrderStatus.REJECTED, FulfillmentOrderStatus.CANCELLED},
    ),
    (RefundStatus, REFUND_MOVES, RefundStatus.REQUESTED, {RefundStatus.FAILED}),
]


@pytest.mark.parametrize(("states", "moves", "first", "final"), TABLES)
def test_every_state_is_in_the_table_and_reachable_and_only_the_final_ones_end(
    states: type[StrEnum],
    moves: Mapping[StrEnum, frozenset[StrEnum]],
    first: StrEnum,
    final: set[StrEnum],
) -> None:
    reached = {first}
    frontier = {first}
    while frontier:
        frontier = {target for source in frontier for target in moves[source]} - reached
        reached |= frontier

    assert reached == set(states) == set(moves)
    assert {state for state, targets in moves.items() if not targets} == final
    assert all(state not in targets for state, targets in moves.items())


def test_a_unit_that_has_left_is_never_promised_or_cancelled_again() -> None:
    gone = {Place.SHIPPED, Place.DELIVERED, Place.RETURNED}
    for source in gone:
        assert MOVES[source] <= gone


def test_every_parcel_status_has_a_rank_of_its_own_and_delivered_is_the_highest() -> None:
    assert set(_RANK) == set(ParcelStatus)
    assert sorted(_RANK.values()) == list(range(len(_RANK)))
    assert max(_RANK, key=_RANK.__getitem__) is ParcelStatus.DELIVERED


def test_the_page_is_drawn_from_the_tables() -> None:
    assert DOC.read_text(encoding="utf-8") == render(), "draw it again, its head says how"
