"""What is taken as decided, on numbers so small that every plan can be looked at."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product
from random import Random
from typing import TYPE_CHECKING

from oms.domain.sourcing.bounds import bound
from oms.domain.sourcing.fixing import decided
from oms.domain.sourcing.state import SCALE, begun, committed, opened, trimmed
from oms.domain.sourcing.terms import Limit, Model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oms.domain.sourcing.bounds import Bound
    from oms.domain.sourcing.state import State

Plan = dict[tuple[int, int], int]
SITES = 3


def problems() -> Iterator[tuple[Model, State, Bound]]:
    """A model of two lines, what is left of it with perhaps a site in use, and a bound of that."""
    draw = Random(5)
    for _ in range(300):
        need = (draw.randint(1, 3), draw.randint(0, 3))
        split = draw.random() < 0.7
        cells = [
            tuple([(site, most, draw.randint(0, 9), draw.randint(0, 9)) for site in range(SITES)
                   if (most := draw.randint(0, units)) and (split or most == units)])
            for units in need
        ]  # fmt: skip
        limits = [Limit(site, (0, 1), draw.randint(1, 4)) for site in range(2) if draw.random() < 0.6]
        fixed = tuple([draw.randint(0, 30) for _ in range(SITES)])
        model = Model(
            need=need, grams=(0, 0), fixed=fixed, cells=tuple(cells), limits=tuple(limits), curves={}, split=split,
            most=SITES, shift=0, first=0,
        )  # fmt: skip
        start = begun(model)
        state = trimmed(opened(start, draw.randrange(SITES)) if draw.random() < 0.6 else start, model)
        if state is None:
            continue
        offers = [draw.randint(0, 90) << SCALE for _ in need] if draw.random() < 0.5 else ()
        found = bound(state.need, state.cells, state.fixed, state.rooms, offers)
        if found is not None:
            yield model, state, found


def plans(state: State, model: Model) -> Iterator[tuple[int, Plan]]:
    """Every plan of what is left, with its value."""
    ways = []
    for line, row in enumerate(state.cells):
        counts = product(*[range(most + 1) for _, most, _, _ in row])
        ways.append(
            [
                {(line, cell[0]): count for cell, count in zip(row, each, strict=True) if count}
                for each in counts
                if sum(each) == state.need[line] and (model.split or sum(map(bool, each)) <= 1)
            ]
        )
    for parts in product(*ways):
        plan = {key: count for part in parts for key, count in part.items()}
        if all(
            sum(n for (line, at), n in plan.items() if at == r.site and line in r.lines) <= r.left for r in state.rooms
        ):
            value = state.paid + sum(state.fixed[site] for site in {site for _, site in plan})
            for (line, site), count in plan.items():
                _, _, unit, piece = next(cell for cell in state.cells[line] if cell[0] == site)
                value += count * unit + piece
            yield value, plan


def whole(state: State, plan: Plan) -> Plan:
    """With the units that are committed."""
    return {key: plan.get(key, 0) + state.units.get(key, 0) for key in {*plan, *state.units}}


def test_every_plan_that_is_good_enough_is_still_one() -> None:
    seen = 0
    for model, state, found in problems():
        base = state.paid + found.value
        values = sorted({value for value, _ in plans(state, model)})
        for value in values[:4]:
            good = [plan for each, plan in plans(state, model) if each <= value]
            after = decided(state, state, model, found, value - base)
            assert after is not None
            left = [whole(after, plan) for _, plan in plans(after, model)]
            for plan in good:
                assert plan in left
                fresh = after.used & ~state.used
                assert {site for site in range(SITES) if fresh >> site & 1} <= used(plan)
                seen += 1
            assert any(each == value for each, _ in plans(after, model))
    assert seen > 500


def used(plan: Plan) -> set[int]:
    return {site for _, site in plan}


def test_as_much_is_decided_as_the_bound_allows() -> None:
    """By the definition: what a choice loses at these offers and prices against what there is to spare."""
    for model, state, found in problems():
        for spare in (0, 3 << SCALE, 11 << SCALE, 40 << SCALE):
            after = decided(state, state, model, found, spare)
            if after is None:
                continue
            for site, slack in enumerate(found.slack):
                free = not state.used >> site & 1
                cells = {line: cell for line, row in enumerate(after.cells) for cell in row if cell[0] == site}
                assert not (free and slack > spare) or not cells
                assert not (free and -slack > spare) or after.used >> site & 1
                for line, (_, most, _, _) in cells.items():
                    if after.units:
                        continue
                    extra = sum(p for r, p in zip(state.rooms, found.prices, strict=True) if r.site == site)
                    _, before, unit, piece = next(cell for cell in state.cells[line] if cell[0] == site)
                    margin = Fraction(found.offers[line], state.need[line]) - unit - extra
                    lacking = max(0, slack) if free else 0
                    may = [n for n in range(1, before + 1) if piece - n * margin + lacking <= spare]
                    able = max(may, default=0)
                    # a whole line is given whole, or not at all
                    assert most == (able if model.split or not able else before)


def test_nothing_to_decide_is_the_same_state() -> None:
    for model, state, found in problems():
        assert decided(state, state, model, found, 1 << 60) is state


def test_units_that_a_better_plan_must_have_are_committed() -> None:
    """3 units at 1 where the parcel is paid, or at 9 elsewhere: a plan that may lose 10 has 2 of them here."""
    model = Model(
        need=(3,), grams=(0,), fixed=(5, 0), cells=(((0, 3, 1, 0), (1, 3, 9, 0)),), limits=(), curves={}, split=True,
        most=2, shift=0, first=0,
    )  # fmt: skip
    state = opened(begun(model), 0)
    found = replace(bound_of(state), offers=[27 << SCALE], slack=[-(24 << SCALE), 0])
    after = decided(state, state, model, found, 10 << SCALE)
    assert after == trimmed(committed(state, model, 0, 0, 2), model)
    whole_lines = replace(model, split=False)
    after = decided(state, state, whole_lines, found, 10 << SCALE)
    assert after == trimmed(committed(state, whole_lines, 0, 0, 3), whole_lines)
    assert decided(state, state, model, found, 24 << SCALE) is state


def bound_of(state: State) -> Bound:
    found = bound(state.need, state.cells, state.fixed, state.rooms)
    assert found is not None
    return found
