"""Channel buffers: which rule counts, what a channel may plan on, and on what condition it takes it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.domain.buffers import MAX_RULES, NO_BUFFERS, Buffers, read_buffers
from oms.domain.errors import InvalidInputError
from oms.domain.stock import KeepingDelta, StockDelta

NAMES = st.sampled_from(("a", "b", "*"))
RULES = st.dictionaries(st.tuples(NAMES, NAMES, NAMES), st.integers(0, 9))
ASKED = st.tuples(*[st.sampled_from(("a", "b", "c"))] * 3)


def rule(units: Any, **names: Any) -> dict[str, Any]:
    return {**names, "units": units}


@pytest.mark.parametrize(
    ("rules", "units"),
    [
        ([], 0),
        ([rule(1)], 1),
        ([rule(1), rule(2, channel="shop")], 2),
        ([rule(2, channel="shop"), rule(3, node_id="N1")], 3),
        ([rule(3, node_id="N1", channel="shop"), rule(4, sku="A")], 4),
        ([rule(4, sku="A"), rule(0, sku="A", node_id="*", channel="shop")], 0),
        ([rule(9, sku="B"), rule(9, node_id="N2"), rule(9, channel="other")], 0),
    ],
)
def test_the_closest_rule_counts(rules: list[dict[str, Any]], units: int) -> None:
    assert read_buffers({"rules": rules}).of("A", "N1", "shop") == units


@given(RULES, ASKED)
def test_a_rule_is_closer_by_sku_then_node_then_channel(
    rules: dict[tuple[str, str, str], int], asked: tuple[str, str, str]
) -> None:
    fitting = [each for each in rules if all(name in ("*", wanted) for name, wanted in zip(each, asked, strict=True))]
    closest = max(fitting, key=lambda each: tuple(name != "*" for name in each), default=None)
    assert Buffers(rules).of(*asked) == (rules[closest] if closest else 0)


def test_no_document_is_no_buffer() -> None:
    assert read_buffers({}) is NO_BUFFERS
    assert NO_BUFFERS.of("A", "N1", "shop") == 0


@pytest.mark.parametrize(
    "document",
    [
        {"rules": {}},
        {"rules": [None]},
        {"rules": [rule(1, node="N1")]},
        {"rules": [rule(-1)]},
        {"rules": [rule("1")]},
        {"rules": [rule(1.0)]},
        {"rules": [rule(10**10)]},
        {"rules": [{"sku": "A"}]},
        {"rules": [rule(1, sku=7)]},
        {"rules": [rule(1, sku="A"), rule(2, sku="A", channel="*")]},
        {"rules": [rule(1, sku=str(number)) for number in range(MAX_RULES + 1)]},
    ],
)
def test_what_cannot_be_read_is_refused_and_not_left_out(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        read_buffers(document)


def test_a_channel_plans_on_what_it_may_take() -> None:
    buffers = read_buffers({"rules": [rule(3, channel="shop"), rule(0, channel="shop", node_id="N3")]})
    positions = [StockDelta(sku="A", node_id=node, on_hand=5, available=5) for node in ("N1", "N2", "N3")]
    positions[1] = StockDelta(sku="A", node_id="N2", on_hand=2, available=2)
    assert [each.promisable for each in buffers.offered(positions, "shop")] == [2, 0, 5]
    assert buffers.offered(positions, "site") == positions


def test_what_is_taken_leaves_the_buffer_and_what_comes_back_is_free_to_come() -> None:
    buffers = read_buffers({"rules": [rule(3, channel="shop")]})
    taken = StockDelta(sku="A", node_id="N1", available=-2, reserved=2)
    back = StockDelta(sku="B", node_id="N1", available=2, reserved=-2)
    kept = buffers.kept([taken, back], "shop")
    assert kept == [KeepingDelta(sku="A", node_id="N1", available=-2, reserved=2, keep=3), back]
    assert kept[0].changes == taken.changes
    assert buffers.kept([taken, back], "site") == [taken, back]
