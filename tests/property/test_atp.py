"""Available to promise over time, held to its definition."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from hypothesis import given
from hypothesis import strategies as st

from oms.domain.atp import Commitment, Horizon, Promisable, atp
from oms.domain.stock import StockDelta
from oms.domain.supply import Lot, LotStatus
from tests.support.builders import minutes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

HORIZON: Final = Horizon(start=minutes(0), end=minutes(20))
TIMES: Final = st.integers(-3, 25).map(minutes)
INSIDE: Final = st.integers(0, 20).map(minutes)
POSITIONS: Final = st.builds(
    lambda units, short: StockDelta(sku="A", node_id="N", on_hand=units, available=units, short=short),
    st.integers(0, 10),
    st.sampled_from([0, 0, 0, 2]),
)
LOTS: Final = st.lists(
    st.builds(
        lambda units, due, status: Lot(supply_id="s", sku="A", node_id="N", quantity=units, due=due, status=status),
        st.integers(1, 9),
        TIMES,
        st.sampled_from([LotStatus.EXPECTED, LotStatus.EXPECTED, LotStatus.CANCELLED]),
    ),
    max_size=5,
)
OWED: Final = st.lists(
    st.builds(lambda units, due: Commitment(quantity=units, due=due), st.integers(1, 6), TIMES), max_size=5
)


def at(found: Sequence[Promisable], when: datetime) -> int:
    return [each.quantity for each in found if each.at <= when][-1]


def cumulative(position: StockDelta, inbound: Sequence[Lot], owed: Sequence[Commitment], when: datetime) -> int:
    """The definition, word by word."""
    comes = sum(
        each.quantity for each in inbound if each.status is LotStatus.EXPECTED and HORIZON.start <= each.due <= when
    )
    return position.promisable + comes - sum(each.quantity for each in owed if each.due <= when)


def least(position: StockDelta, inbound: Sequence[Lot], owed: Sequence[Commitment], when: datetime) -> int:
    later = [minutes(number) for number in range(21) if minutes(number) >= when]
    return min(cumulative(position, inbound, owed, each) for each in later)


@given(POSITIONS, LOTS, OWED, INSIDE)
def test_it_is_the_least_of_all_later_balances(
    position: StockDelta, inbound: list[Lot], owed: list[Commitment], when: datetime
) -> None:
    assert at(atp(position, inbound, owed, HORIZON), when) == max(0, least(position, inbound, owed, when))


@given(POSITIONS, LOTS, OWED)
def test_it_begins_now_and_only_rises(position: StockDelta, inbound: list[Lot], owed: list[Commitment]) -> None:
    found = atp(position, inbound, owed, HORIZON)
    assert found[0].at == HORIZON.start
    assert all(HORIZON.start <= each.at <= HORIZON.end for each in found)
    for one, next_ in pairwise(found):
        assert one.at < next_.at
        assert 0 <= one.quantity < next_.quantity


@given(POSITIONS, LOTS, OWED, INSIDE)
def test_what_it_says_can_be_promised_and_not_one_unit_more(
    position: StockDelta, inbound: list[Lot], owed: list[Commitment], when: datetime
) -> None:
    can = at(atp(position, inbound, owed, HORIZON), when)
    kept = least(position, inbound, owed, when) >= 0
    promised = [*owed, Commitment(quantity=can, due=when)]
    assert (least(position, inbound, promised, when) >= 0) == kept
    one_more = [*owed, Commitment(quantity=can + 1, due=when)]
    assert least(position, inbound, one_more, when) < 0


@given(POSITIONS, LOTS, OWED, INSIDE, st.integers(1, 9), INSIDE)
def test_more_supply_or_earlier_supply_takes_nothing_away(
    position: StockDelta, inbound: list[Lot], owed: list[Commitment], when: datetime, units: int, due: datetime
) -> None:
    more = Lot(supply_id="m", sku="A", node_id="N", quantity=units, due=due)
    earlier = replace(more, due=max(HORIZON.start, due - timedelta(minutes=5)))
    found = [at(atp(position, lots, owed, HORIZON), when) for lots in (inbound, [*inbound, more], [*inbound, earlier])]
    assert found == sorted(found)


def test_a_promise_for_today_does_not_take_what_is_owed_tomorrow() -> None:
    """Ten on hand, eight owed at 10, twenty due at 15: two now, twenty-two then."""
    position = StockDelta(sku="A", node_id="N", on_hand=10, available=10)
    lot = Lot(supply_id="s", sku="A", node_id="N", quantity=20, due=minutes(15))
    found = atp(position, [lot], [Commitment(quantity=8, due=minutes(10))], HORIZON)
    assert found == (Promisable(at=minutes(0), quantity=2), Promisable(at=minutes(15), quantity=22))


def test_what_is_overdue_is_owed_at_once_and_not_counted_on() -> None:
    position = StockDelta(sku="A", node_id="N", on_hand=10, available=10)
    late = Lot(supply_id="s", sku="A", node_id="N", quantity=20, due=minutes(-1))
    assert atp(position, [late], [Commitment(quantity=3, due=minutes(-1))], HORIZON) == (
        Promisable(at=minutes(0), quantity=7),
    )
