"""Random operations leave the positions as an account by hand has them; ten million: `make bench NAME=stock_drift`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from oms.domain.stock import StockDelta, StockMoved, stock_deltas
from tests.proof.drift.run import Play

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_no_unit_of_difference_after_many_operations() -> None:
    drift = Play(1).run(40_000)
    assert (drift.units, drift.disagreements) == (0, 0)
    assert drift.refused > 1000
    assert len(drift.kinds) == 25, drift.kinds


@pytest.mark.parametrize("component", ["on_hand", "available", "reserved", "damaged", "qc", "in_transit"])
def test_one_unit_too_many_is_seen(component: str) -> None:
    wrong: list[StockDelta] = []

    def once_wrong(events: Sequence[object]) -> Sequence[StockDelta]:
        right = stock_deltas(events)
        if wrong or not right or not isinstance(events[0], StockMoved) or right[0].on_hand < 1:
            return right
        wrong.append(replace(right[0], **{component: getattr(right[0], component) + 1}))
        return [*wrong, *right[1:]]

    assert Play(2, once_wrong).run(2_000).units
