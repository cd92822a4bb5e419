"""Where the search branches, and what it takes a plan to be worth, on numbers that can be followed by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oms.domain.sourcing.bounds import NEVER, Bound
from oms.domain.sourcing.columns import Mixture
from oms.domain.sourcing.fill import Filled
from oms.domain.sourcing.joint import Split, _doubtful, _Looked, _Search, _suggested, _undecided, solve
from oms.domain.sourcing.state import SCALE, begun, committed, opened
from oms.domain.sourcing.terms import Curve, Limit, Model

MODEL = Model(
    need=(3, 2),
    grams=(10, 20),
    fixed=(100, 50, 70),
    cells=(((0, 3, 5, 1), (1, 2, 4, 2)), ((0, 2, 6, 3), (2, 2, 7, 0))),
    limits=(),
    curves={0: Curve(((20, 2), (0, 1)))},
    split=True,
    most=2,
    shift=0,
    first=0,
)


def found(slack: list[int], *earning: list[tuple[int, int]]) -> Bound:
    return Bound(0, [0] * len(earning), [], slack, list(earning))


def mixture(sites: dict[int, float] | None = None, units: dict[tuple[int, int], float] | None = None) -> Mixture:
    return Mixture([0, 0], sites or {}, units or {})


def test_sites_that_earn_their_cost_are_suggested_until_each_line_pays_one() -> None:
    rows = ([(5, 0)], [(3, 1), (4, 2)], [(9, 3)], [(7, 0), (8, 1)])
    assert _suggested(found([0, 0, -1, 2], *rows), 0) == 0b101
    # a site in use is paid by the second line; the third pays none that has earned its cost
    assert _suggested(found([0, 0, -1, 2], *rows), 0b10010) == 0b10011
    assert _suggested(found([1, 1, 1, 1], *rows), 0) == 0
    # what a line alone pays comes first
    assert _suggested(found([0, 0], [(9, 0), (1, 1)], [(5, 1)]), 0) == 0b10


def test_the_site_nearest_to_half_is_doubtful() -> None:
    state = begun(MODEL)
    none = found([0, 0, 0], [], [])
    assert _doubtful(state, none, mixture({0: 0.2, 1: 0.6, 2: 0.45})) == (2, 0.45)
    assert _doubtful(opened(state, 2), none, mixture({0: 0.2, 1: 0.6, 2: 0.45})) == (1, 0.6)
    assert _doubtful(state, none, mixture({2: 0.75, 1: 0.25})) == (1, 0.25)
    assert _doubtful(state, none, mixture({1: 1.0})) == (1, 1.0)


def test_then_the_site_that_earns_most_is() -> None:
    state = begun(MODEL)
    rows = [(5, 0), (1, 1)], [(2, 1), (9, 2), (2, 2)]
    assert _doubtful(state, found([0, 0, 1], *rows), mixture()) == (0, 1.0)
    assert _doubtful(state, found([0, 0, 0], *rows), mixture()) == (2, 1.0)
    assert _doubtful(opened(state, 2), found([0, -3, 0], *rows), mixture({2: 0.5})) == (0, 1.0)
    # as much: the nearer one
    assert _doubtful(state, found([0, 0, 1], [(3, 0), (1, 1)], [(2, 1)]), mixture()) == (0, 1.0)
    assert _doubtful(state, found([1, 1, 1], *rows), mixture()) == (-1, 1.0)


def test_the_share_of_what_is_due_once_that_saves_most_is_undecided() -> None:
    state = begun(MODEL)
    # shares: 1/3 of 1, 1/2 of 2, 1/4 of 3, and half of nothing
    units = {(0, 0): 1.0, (0, 1): 1.0, (1, 0): 1.5, (1, 2): 1.0}
    assert _undecided(state, state, mixture(units=units)) == (0, 1)
    assert _undecided(state, state, mixture(units={**units, (0, 1): 2.0})) == (1, 0)
    # nothing is between: the most units
    assert _undecided(state, state, mixture(units={(0, 0): 3.0, (1, 2): 2.0})) == (0, 0)
    assert _undecided(state, state, mixture(units={(0, 0): 0.0000001, (1, 2): 2.0})) == (1, 2)
    done = replace(state, need=(0, 2))
    assert _undecided(done, done, mixture(units=units)) == (1, 0)
    done = replace(state, need=(0, 0))
    assert _undecided(done, done, mixture(units=units)) == (-1, -1)


def test_a_site_is_tried_in_the_likelier_way_first() -> None:
    state = begun(MODEL)
    for much, first in ((0.6, 1), (0.5, 0), (0.4, 0)):
        looked = _Looked(state, found([0, 0, 0], [], []), mixture({0: much}), 0, 0)
        parts = _Search(MODEL, 9)._parts(state, looked)
        assert [part.used for part in parts] == [first, 1 - first]
        assert parts[first].cells == ((MODEL_CELL,), state.cells[1][1:])


MODEL_CELL = begun(MODEL).cells[0][1]


@pytest.mark.parametrize(("split", "key", "least"), [(True, (0, 1), 1), (True, (1, 2), 1), (False, (0, 0), 3)])
def test_units_are_given_or_not_given(*, split: bool, key: tuple[int, int], least: int) -> None:
    model = replace(MODEL, split=split)
    state = begun(model)
    for site in range(3):
        state = opened(state, site)
    line, site = key
    looked = _Looked(state, found([0, 0, 0], [], []), mixture(units={key: 1.5}), 0, 0)
    given, without = _Search(model, 9)._parts(state, looked)
    assert given == committed(state, model, line, site, least)
    assert [cell[:2] for cell in without.cells[line]] == [cell[:2] for cell in state.cells[line] if cell[0] != site]


def test_units_without_anything_due_once_are_halved() -> None:
    model = replace(MODEL, need=(3, 5), cells=(MODEL.cells[0], ((2, 5, 7, 0),)))
    state = opened(begun(model), 2)
    looked = _Looked(state, found([0, 0, 0], [], []), mixture(units={(1, 2): 5.0}), 0, 0)
    given, less = _Search(model, 9)._parts(state, looked)
    assert given.units == {(1, 2): 3}
    assert [cell[:2] for cell in less.cells[1]] == [(2, 2)]


def test_a_plan_is_worth_what_its_sites_lines_and_freight_come_to() -> None:
    search = _Search(MODEL, 9)
    state = begun(MODEL)
    plan = Filled({(0, 0): 3, (1, 0): 1, (1, 2): 1}, 0b101)
    units = 100 + 3 * 5 + 1 + 6 + 3 + 70 + 7
    assert search._worth(state, plan) == units + (20 * 2 + 30) << SCALE
    state = committed(state, MODEL, 0, 0, 1)
    rest = Filled({(0, 0): 2, (1, 0): 1, (1, 2): 1}, 0b101)
    assert search._worth(state, rest) == units + (20 * 2 + 30) << SCALE
    assert search._worth(begun(MODEL), Filled({(0, 1): 2}, 0b10)) == 50 + 2 * 4 + 2 << SCALE


def test_a_plan_is_kept_when_it_is_better_and_has_not_too_many_parcels() -> None:
    search = _Search(replace(MODEL, most=1), 9)
    state = committed(begun(MODEL), MODEL, 0, 0, 1)
    search._keep(state, Filled({(0, 0): 2, (1, 2): 2}, 0b101))
    assert (search.value, search.units) == (NEVER, None)
    search._keep(state, Filled({(0, 0): 2, (1, 0): 2}, 0b1))
    assert search.units == {(0, 0): 3, (1, 0): 2}
    assert search.value == 100 + 16 + 15 + 20 * 2 + 50 << SCALE


def test_only_what_cannot_be_better_is_beaten() -> None:
    """Plans are whole numbers: one below the best may be behind a bound of as much, and not behind one of more."""
    search = _Search(MODEL, 9)
    search.value = 10 << SCALE
    assert not search._beaten(9 << SCALE)
    assert search._beaten((9 << SCALE) + 1)


def test_a_whole_search() -> None:
    """All from site 0 costs 100 + 3 × 5 + 1 + 2 × 6 + 3 and 20 × 2 + 50 of freight."""
    assert solve(MODEL, 100) == Split({(0, 0): 3, (1, 0): 2}, 221, 221, 4)
    # where site 0 gives 4 units: line 2 from site 2 costs 70 + 14 instead of 15 and 40 of freight
    made = solve(replace(MODEL, limits=(Limit(0, (0, 1), 4),)), 100)
    assert (made.units, made.value, made.bound) == ({(0, 0): 3, (1, 2): 2}, 250, 250)
    assert solve(replace(MODEL, need=(9, 2)), 100) == Split(None, NEVER, NEVER, 0)
    # a suggested plan stands when there is no time to look
    assert solve(MODEL, 0, 0b101) == Split({(0, 0): 3, (1, 2): 2}, 250, 0, 0)
    assert solve(MODEL, 0) == Split(None, NEVER, 0, 0)
    # from the suggested sites alone, in parts where they may be
    assert solve(MODEL, 0, 0b010) == Split(None, NEVER, 0, 0)
    parts = replace(MODEL, need=(3, 0), cells=(((0, 2, 1, 0), (1, 2, 1, 0)), ()), curves={})
    assert solve(parts, 0, 0b011).units == {(0, 0): 2, (0, 1): 1}
