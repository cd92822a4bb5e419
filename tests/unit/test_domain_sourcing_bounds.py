"""Bounds and mixtures by their own definitions: what the prices say is added up again, and each proves the other."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from random import Random
from typing import TYPE_CHECKING

import pytest

from oms.domain.sourcing.bounds import NEVER, Room, bound
from oms.domain.sourcing.columns import MOST_LINES, Mixture, mix
from oms.domain.sourcing.joint import solve
from oms.domain.sourcing.state import SCALE, begun, bent, trimmed
from oms.domain.sourcing.terms import Model, model, sites
from tests.proof.sourcing import known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.domain.sourcing.bounds import Bound
    from oms.domain.sourcing.terms import Cell

Given = tuple["Sequence[int]", "Sequence[Sequence[Cell]]", "Sequence[int]", "Sequence[Room]"]

KNOWN = known.read()
KINDS = ("large/split", "large/capacity", "large/bent", "small/capacity")
NAMES = [name for name in known.names() if name.startswith(KINDS) and KNOWN[name]["units"]]


def made(name: str) -> Model:
    request, policy = known.asked(name)
    lines = [line for line in request.lines if line.line_id not in KNOWN[name]["short"]]
    return model(request, policy, lines, sites(request)[0])


def given(of: Model) -> Given:
    state = trimmed(begun(of), of)
    assert state is not None
    lined, _ = bent(state, of)
    return lined.need, lined.cells, lined.fixed, lined.rooms


def ceiling(part: int, whole: int) -> int:
    return -(-part // whole)


def checked(found: Bound, need: Sequence[int], cells: Sequence[Sequence[Cell]], fixed: Sequence[int],
            rooms: Sequence[Room]) -> None:  # fmt: skip
    """What the offers and prices come to by the formula of `bounds`, and that no offer can rise."""
    slack = list(fixed)
    for room, price in zip(rooms, found.prices, strict=True):
        assert price >= 0
        slack[room.site] -= price * room.left
    for line, row in enumerate(cells):
        offer = found.offers[line]
        earning, tight = [], []
        for site, most, unit, piece in row:
            extra = sum(p for r, p in zip(rooms, found.prices, strict=True) if r.site == site and line in r.lines)
            whole = most * (unit + extra) + piece
            earned = ceiling(most * offer, need[line]) - whole
            slack[site] -= max(0, earned)
            if whole * need[line] // most <= offer:
                earning.append((earned, site))
                tight.append((site, most))
        assert sorted(found.earning[line]) == sorted(earning)
        assert not need[line] or sum(most for site, most in tight if found.slack[site] <= 0) >= need[line]
    assert found.slack == slack
    assert found.value == sum(found.offers) + sum(min(0, each) for each in slack)


@pytest.mark.parametrize("name", NAMES)
def test_a_bound_is_what_its_prices_say_and_below_every_plan(name: str) -> None:
    of = made(name)
    numbers = given(of)
    found = bound(*numbers)
    assert found is not None
    checked(found, *numbers)
    plan = solve(of, 100)
    assert ceiling(found.value, 1 << SCALE) <= plan.value
    again = bound(*numbers, [each // 2 for each in found.offers])
    assert again is not None
    checked(again, *numbers)


def tiny(draw: Random) -> Given:
    """Numbers so small that each division is rounded by much."""
    need = tuple([draw.randint(1, 4) for _ in range(draw.randint(1, 2))])
    cells = [
        tuple([(site, draw.randint(1, units), draw.randint(0, 9), draw.randint(0, 9)) for site in range(3)])
        for units in need
    ]
    rooms = [Room(site, frozenset(range(len(need))), draw.randint(1, 5)) for site in range(2) if draw.random() < 0.5]
    return need, cells, [draw.randint(0, 30) for _ in range(3)], rooms


def least(numbers: Given) -> int | None:
    """The value of the best plan, of all there are."""
    need, cells, fixed, rooms = numbers
    ways = [
        [counts for counts in product(*[range(most + 1) for _, most, _, _ in row]) if sum(counts) == units]
        for units, row in zip(need, cells, strict=True)
    ]
    values = []
    for plan in product(*ways):
        if any(sum(counts[room.site] for counts in plan) > room.left for room in rooms):
            continue
        used = {site for counts in plan for site, count in enumerate(counts) if count}
        value = sum(fixed[site] for site in used)
        for counts, row in zip(plan, cells, strict=True):
            value += sum(count * unit + piece for count, (_, _, unit, piece) in zip(counts, row, strict=True) if count)
        values.append(value)
    return min(values, default=None)


def test_no_plan_is_below_its_bound_from_whatever_offers() -> None:
    draw = Random(1)
    for _ in range(400):
        numbers = tiny(draw)
        optimum = least(numbers)
        for offers in ((), [draw.randint(0, 60) for _ in numbers[0]]):
            found = bound(*numbers, offers)
            if found is not None:
                checked(found, *numbers)
                assert optimum is None or found.value <= optimum


def parcels(name: str) -> tuple[Mixture, Given]:
    of = made(name)
    numbers = given(of)
    found = bound(*numbers)
    assert found is not None
    return mix(*numbers, found.offers, {}, NEVER), numbers


def earned(site: int, offers: Sequence[int], numbers: Given) -> Fraction:
    """The most a parcel of the site earns at these offers, in parts of units: the best units first, within limits."""
    need, cells, _, rooms = numbers
    asked = []
    for line, row in enumerate(cells):
        for at, most, unit, piece in row:
            if at == site:
                asked.append((Fraction(offers[line], need[line]) - unit - Fraction(piece, most), line, most))
    left = [room.left for room in rooms]
    total = Fraction(0)
    for each, line, most in sorted(asked, reverse=True):
        under = [number for number, room in enumerate(rooms) if room.site == site and line in room.lines]
        count = min([most, *[left[number] for number in under]])
        if each > 0:
            total += each * count
            for number in under:
                left[number] -= count
    return total


@pytest.mark.parametrize("name", NAMES)
def test_a_mixture_and_its_offers_prove_each_other_the_best(name: str) -> None:
    """Linear programs: a plan in parts that costs what its dual earns is the least, and the dual the most."""
    mixture, numbers = parcels(name)
    need, cells, fixed, _ = numbers
    cost = sum(fixed[site] * much for site, much in mixture.sites.items())
    for line, row in enumerate(cells):
        given_units = 0.0
        for site, most, unit, piece in row:
            units = mixture.units.get((line, site), 0.0)
            assert -1e-6 <= units <= most + 1e-6
            given_units += units
            cost += units * (unit + piece / most)
        assert given_units == pytest.approx(need[line])
    assert all(0 < much <= 1 + 1e-6 for much in mixture.sites.values())
    over = [fixed[site] - earned(site, mixture.offers, numbers) for site in range(len(fixed))]
    worth = sum(mixture.offers) + sum(each for each in over if each < 0)
    assert cost == pytest.approx(float(worth), rel=1e-6)


TWO: tuple[tuple[Cell, ...], ...] = (((0, 2, 10, 4), (1, 2, 20, 0)), ((0, 1, 5, 0), (1, 1, 1, 0)))


def test_offers_rise_until_sites_earn_what_they_cost() -> None:
    """Line 1 pays from 24 at site 0 and from 40 at site 1; line 2 from 5 and from 1. Site 0 costs 20, site 1 costs 6.

    In turns: 24 and 1; 40 (site 0 lacks 4) and 5 (site 1 lacks 2); 42, and site 1 lacks nothing.
    """
    found = bound((2, 1), TWO, (20, 6), ())
    assert found is not None
    assert (found.offers, found.slack, found.value) == ([42, 5], [2, 0], 47)
    assert found.earning == [[(18, 0), (2, 1)], [(4, 1), (0, 0)]]


def test_there_is_no_bound_where_there_is_no_plan() -> None:
    assert bound((3,), (((0, 2, 1, 0),),), (5,), ()) is None
    assert bound((3,), ((),), (5,), ()) is None


def test_a_limit_has_the_price_of_its_last_unit() -> None:
    """Two lines of 2 units at 1 each, where 3 units are left, or at 9 each elsewhere: a unit of the limit saves 8."""
    rooms = (Room(0, frozenset((0, 1)), 3),)
    cells: tuple[tuple[Cell, ...], ...] = (((0, 2, 1, 0), (1, 2, 9, 0)),) * 2
    found = bound((2, 2), cells, (0, 0), rooms, (18, 18))
    assert found is not None
    assert (found.offers, found.prices, found.slack, found.value) == ([18, 18], [8], [-24, 0], 12)
    # the second line has its units for 4 each elsewhere: 3 are saved
    cells = (cells[0], ((0, 2, 1, 0), (1, 2, 4, 0)))
    found = bound((2, 2), cells, (0, 0), rooms, (18, 8))
    assert found is not None
    assert (found.offers, found.prices, found.slack, found.value) == ([18, 8], [3], [-9 - 10, 0], 7)
    # four units are left: the limit is worth nothing
    found = bound((2, 2), cells, (0, 0), (Room(0, frozenset((0, 1)), 4),), (18, 8))
    assert found is not None
    assert (found.prices, found.value) == ([0], 26 - 16 - 6)


def test_of_many_lines_the_plan_stands_for_the_mixture() -> None:
    count = MOST_LINES + 1
    need, cells = (1,) * count, (((0, 1, 5, 0),),) * count
    plan = {(line, 0): 1 for line in range(count)}
    assert mix(need, cells, (9,), (), [7] * count, plan, NEVER) == Mixture([7] * count, {}, dict.fromkeys(plan, 1.0))


def test_forty_lines_are_mixed() -> None:
    count = MOST_LINES
    need, cells = (1,) * count, (((0, 1, 5, 0),),) * count
    fewer = mix(need, cells, (9,), (), [7] * count, {}, NEVER)
    assert fewer.sites == {0: pytest.approx(1.0)}
    assert sum(fewer.offers) == pytest.approx(5 * 40 + 9, abs=40)


def test_what_costs_nothing_is_mixed_too() -> None:
    mixture = mix((2,), (((0, 2, 0, 0),),), (0,), (), [0], {}, NEVER)
    assert mixture.offers == [0]
    assert mixture.units == {(0, 0): pytest.approx(2.0)}
