"""What grows with what is stored is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.bench.growth import LIMITS, MEMORY_LIMITS, compare
from tests.proof.cost import million
from tests.proof.cost.stored import copies
from tests.proof.memory import MemoryViews
from tests.proof.memory.store import Step

if TYPE_CHECKING:
    import pytest

FLAT: dict[str, Any] = dict.fromkeys(LIMITS, 10.0) | {"lost": 0, "duplicated": 0, "oversold": 0}


def test_equal_sizes_are_flat() -> None:
    assert compare([FLAT, FLAT], LIMITS)["flat"]


def test_each_figure_that_grows_is_named() -> None:
    for name in LIMITS:
        result = compare([FLAT, FLAT | {name: 13.0}], LIMITS)
        assert (result["flat"], result["above"]) == (False, [name])


def test_a_lost_order_is_not_flat() -> None:
    assert not compare([FLAT, FLAT | {"lost": 1}], LIMITS)["flat"]


def test_a_copy_has_ids_of_its_own_and_shares_the_rest() -> None:
    row = {"pk": {"S": "order#ord_ABC"}, "row": {"S": '{"number": "#C7", "parcel": "EZ7"}'}, "body": {"B": "xxx"}}
    (first, second) = copies([row], ("ABC", "7100", "EZ7", "#C7"), range(2))
    assert first["pk"] != second["pk"] != row["pk"]
    assert first["row"] == {"S": '{"number": "#OLD0", "parcel": "OLD000000000"}'}
    assert first["body"] is row["body"]


def test_operations_in_memory_are_the_same_with_some_hundred_orders_more() -> None:
    found = million.grow([2, 400], orders=2)
    ratios = compare(list(found.values()), MEMORY_LIMITS)["ratios"]
    assert ratios["operations_per_order"] == 1
    assert found["400"]["operations"]["log.append"] > 0


def test_a_step_that_looks_at_everything_stored_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    orders_with = MemoryViews.orders_with

    def thorough(self: MemoryViews, kind: str, value: str) -> list[str]:
        for order_id in list(self.store.streams):
            self.store.streams.get(order_id)
            if self.pause is not None:
                self.pause(Step("views.look", (), {}), lambda: None)
        return orders_with(self, kind, value)

    monkeypatch.setattr(MemoryViews, "orders_with", thorough)
    found = million.grow([2, 400], orders=1)
    assert "operations_per_order" in compare(list(found.values()), MEMORY_LIMITS)["above"]
