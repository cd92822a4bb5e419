"""The parts of the engine one by one, against answers worked out by hand or by trying all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import product

import pytest

from oms.domain.sourcing.bounds import Room
from oms.domain.sourcing.dates import arrives, leaves
from oms.domain.sourcing.engine import _effort, _fillable, _proof
from oms.domain.sourcing.fixing import _at_least, _at_most
from oms.domain.sourcing.policy import CHEAPEST, Weights
from oms.domain.sourcing.request import Calendar, Candidate, NodeCosts, Proof, SourcingRequest, WantedLine, Zone
from oms.domain.sourcing.state import SCALE, begun, bent, capped, closed, committed, opened, trimmed
from oms.domain.sourcing.terms import Curve, Limit, Model, model, sites, zone_at
from tests.support.builders import BERLIN, T0

# dates


def test_without_a_calendar_days_are_days_and_times_are_in_utc() -> None:
    at = datetime.fromisoformat("2026-03-01T23:30:00-05:00")
    left = leaves(at, None, 2)
    assert left is not None
    assert left.isoformat() == "2026-03-04T04:30:00+00:00"
    assert arrives(at, 3).isoformat() == "2026-03-05T04:30:00+00:00"
    assert left.tzinfo is arrives(at, 3).tzinfo is UTC


def test_the_day_after_the_cut_off_is_the_next_one() -> None:
    every_day = Calendar(time_zone="UTC", cut_off="12:00", workdays=(0, 1, 2, 3, 4, 5, 6))
    assert leaves(T0, every_day, 0) == T0
    assert leaves(T0 + timedelta(seconds=1), every_day, 0) == T0 + timedelta(days=1)


@pytest.mark.parametrize(("handling", "days"), [(0, 399), (1, 399 + 7), (50, 399 + 7 * 50)])
def test_how_far_ahead_a_working_day_is_looked_for(handling: int, days: int) -> None:
    """The first working days are those after all holidays: one day earlier and it is found, one later and it is not."""
    opening = T0 + timedelta(days=days - handling)
    for moved, found in ((0, True), (1, False)):
        shut = [(T0 + timedelta(days=each)).date().isoformat() for each in range(days - handling + moved)]
        calendar = Calendar(time_zone="UTC", cut_off="12:00", workdays=tuple(range(7)), holidays=tuple(shut))
        expected = opening + timedelta(days=handling)
        assert leaves(T0, calendar, handling) == (expected if found else None)


# terms


@pytest.mark.parametrize(("grams", "freight"), [(0, 0), (1, 3), (10, 30), (11, 35), (20, 80), (21, 81), (1000, 1060)])
def test_freight_is_the_sum_over_brackets(grams: int, freight: int) -> None:
    assert Curve(((10, 3), (20, 5), (0, 1))).at(grams) == freight


ZONES = (
    Zone(name="a", up_to_km=100.0, transit_days=1, base=7, per_kg=((0, 2),)),
    Zone(name="b", up_to_km=500.0, transit_days=2, base=9, per_kg=((2000, 3), (0, 4))),
)


def test_the_zone_is_the_first_that_reaches_so_far() -> None:
    assert [zone_at(ZONES, km).name for km in (0.0, 100.0, 100.1, 500.0, 500.1)] == ["a", "a", "b", "b", "b"]


LINES = (
    WantedLine(line_id="1", sku="A", quantity=3, grams=500, duty=5),
    WantedLine(line_id="2", sku="A", quantity=1, grams=100),
    WantedLine(line_id="3", sku="B", quantity=2, grams=450, needs=("cold",)),
)


def node(node_id: str, latitude: float, country: str, stock: dict[str, int]) -> Candidate:
    return Candidate(node_id=node_id, country=country, latitude=latitude, longitude=13.38, available=stock)


def asked() -> SourcingRequest:
    here = replace(
        node("x", 52.53, "DE", {"A": 3, "B": 2}),
        capabilities=("cold",),
        units_left=5,
        costs=NodeCosts(per_parcel=20, per_line=6, per_unit={"A": 8}),
    )
    there = replace(node("y", 50.53, "CH", {"A": 2, "B": 9}), load=40, units_left=6)
    return SourcingRequest(lines=LINES, ship_to=BERLIN, candidates=(there, here), at=T0, tariff=ZONES, extra_parcel=11)


def test_a_request_as_numbers() -> None:
    request = asked()
    found, excluded, located = sites(request)
    assert ([site.node.node_id for site in found], excluded, located) == (["x", "y"], {}, "channel")
    assert [(round(site.km), site.zone.name, site.abroad) for site in found] == [(0, "a", False), (222, "b", True)]
    assert [site.arrives - T0 for site in found] == [timedelta(days=2), timedelta(days=3)]
    weights = Weights(money=2, parcel=300, reach=5, piece=70, carry=3, load=13)
    made = model(request, replace(CHEAPEST, weights=weights), LINES, found)
    metres = 222_390
    # 2 × 7 ties are below 32, the next power of two
    assert (made.shift, made.most, made.split, made.first) == (5, 2, True, 2 * 1000 * 11 << 5)
    assert (made.need, made.grams) == ((3, 1, 2), (500, 100, 450))
    assert made.fixed == (
        (2 * 1000 * (7 + 20 + 11) + 300 << 5) + 7,
        (2 * 1000 * (9 + 11) + 300 + 5 * metres << 5) + 7,
    )
    piece_x, piece_y = 2 * 1000 * 6 + 70 << 5, (70 + 3 * metres << 5) + 1
    assert made.cells == (
        (
            (0, 3, 2 * (1000 * 8 + 2 * 500) << 5, piece_x),
            (1, 2, 2 * 1000 * 5 + 13 * 40 << 5, piece_y),
        ),
        ((0, 1, 2 * (1000 * 8 + 2 * 100) << 5, piece_x), (1, 1, 13 * 40 << 5, piece_y)),
        ((0, 2, 2 * 2 * 450 << 5, piece_x),),
    )
    # 2,500 grams are over the first bracket of zone b
    assert made.curves == {1: Curve(((2000, 2 * 3 << 5), (0, 2 * 4 << 5)))}
    assert made.limits == (Limit(0, (0, 1, 2), 5), Limit(0, (0, 1), 3), Limit(1, (0, 1), 2))


def test_whole_lines_come_from_where_all_of_one_is() -> None:
    request = asked()
    found, _, _ = sites(request)
    made = model(request, replace(CHEAPEST, split_lines=False, max_parcels=1), LINES, found)
    assert [[cell[0] for cell in row] for row in made.cells] == [[0], [0, 1], [0]]
    assert (made.split, made.most) == (False, 1)
    assert model(request, replace(CHEAPEST, max_parcels=9), LINES, found).most == 2
    light = model(request, CHEAPEST, [replace(each, grams=333) for each in LINES], found)
    assert light.curves == {}
    assert light.cells[1][1][2] == 3 * 333 << light.shift


def test_duty_is_due_between_countries_that_are_not_both_in_the_union() -> None:
    for union, abroad in ((("CH",), True), (("DE",), True), (("CH", "DE"), False)):
        assert [site.abroad for site in sites(replace(asked(), union=union))[0]] == [False, abroad]
    nowhere = sites(replace(asked(), ship_to=None))
    assert [(site.km, site.abroad, site.zone.name) for site in nowhere[0]] == [(20_038.0, False, "b")] * 2
    assert nowhere[2] == "unknown"


def test_a_node_may_name_its_zone_and_a_zone_may_carry_for_nothing() -> None:
    free = Zone(name="free", up_to_km=20_038.0, transit_days=9)
    named = replace(asked(), tariff=(*ZONES, free))
    named = replace(named, candidates=tuple([replace(each, zone="free") for each in named.candidates]))
    found, _, _ = sites(named)
    assert [site.zone.name for site in found] == ["free", "free"]
    assert [row[0][2] for row in model(named, CHEAPEST, LINES[1:], found).cells] == [8000 << 5, 0]


def test_what_a_node_cannot_handle_keeps_no_other_line_from_it() -> None:
    found, _, _ = sites(asked())
    cold_first = (LINES[2], LINES[1])
    assert [[cell[0] for cell in row] for row in model(asked(), CHEAPEST, cold_first, found).cells] == [[0], [0, 1]]


def test_a_node_that_stays_closed_keeps_no_other_from_shipping() -> None:
    shut = replace(asked().candidates[0], node_id="s", calendar=Calendar(time_zone="UTC", workdays=()))
    found, excluded, _ = sites(replace(asked(), candidates=(shut, *asked().candidates)))
    assert ([site.node.node_id for site in found], excluded) == (["x", "y"], {"s": "closed"})


@pytest.mark.parametrize(
    ("sku", "quantity", "needs", "split", "may"),
    [
        ("A", 5, (), True, True),  # 3 and 2
        ("A", 6, (), True, False),
        ("A", 3, (), False, True),
        ("A", 4, (), False, False),
        ("B", 2, ("cold",), True, True),
        ("B", 3, ("cold",), True, False),
        ("B", 1, ("hazmat",), True, False),
        ("B", 8, (), True, True),  # 2, and 6 of the 9 that are there
        ("B", 9, (), True, False),
        ("B", 6, (), False, True),
        ("B", 7, (), False, False),
        ("C", 1, (), True, False),
    ],
)
def test_a_line_that_no_nodes_can_fill_is_known_at_once(
    sku: str,
    quantity: int,
    needs: tuple[str, ...],
    *,
    split: bool,
    may: bool,
) -> None:
    line = WantedLine(line_id="9", sku=sku, quantity=quantity, needs=needs)
    found, _, _ = sites(asked())
    assert _fillable([line], found, replace(CHEAPEST, split_lines=split)) == ([line] if may else [])


def test_lines_of_one_sku_are_filled_in_their_order() -> None:
    lines = [WantedLine(line_id=str(number), sku="A", quantity=count) for number, count in enumerate((3, 3, 1, 2))]
    found, _, _ = sites(asked())
    assert [line.quantity for line in _fillable(lines, found, CHEAPEST)] == [3, 1]


# the proof


def test_the_gap_is_what_may_be_better() -> None:
    assert (Proof(objective=9, bound=7, effort=1).gap, Proof(objective=9, bound=7, effort=1).proved) == (2, False)
    assert (Proof(objective=9, bound=9, effort=1).gap, Proof(objective=9, bound=9, effort=1).proved) == (0, True)


def test_effort_is_shared_out_over_what_one_look_takes() -> None:
    row = [(site, 1, 0, 0) for site in range(100)]
    for lines, effort in ((1, 4000), (4, 4000), (5, 3200), (8, 2000), (3000, 5)):
        assert _effort(replace(MODEL, cells=(tuple(row),) * lines), CHEAPEST) == effort
    assert _effort(replace(MODEL, cells=(tuple(row),) * 8), replace(CHEAPEST, effort=1)) == 1


@pytest.mark.parametrize(
    ("value", "bound", "proof"),
    [
        (1000 * 16 + 5, 1000 * 16 + 5, (900, 900)),
        (1000 * 16 + 5, 1000 * 16 + 6, (900, 900)),
        # below it: as many ties as there can be are taken off
        (1000 * 16 + 5, 1000 * 16 + 4, (900, 899)),
        (1000 * 16 + 5, 999 * 16 + 15, (900, 899)),
        (1000 * 16 + 5, 999 * 16 + 14, (900, 898)),
        (1000 * 16 + 5, 100 * 16 + 15, (900, 0)),
        (1000 * 16 + 5, 3, (900, 0)),
    ],
)
def test_a_proof_is_without_ties_and_without_the_first_extra_parcel(
    value: int, bound: int, proof: tuple[int, int]
) -> None:
    told = _proof(replace(MODEL, shift=4, first=100 * 16), value, bound, 7)
    assert ((told.objective, told.bound), told.effort) == (proof, 7)


# what is left to decide


MODEL = Model(
    need=(3, 2),
    grams=(10, 20),
    fixed=(100, 50, 70),
    cells=(((0, 3, 5, 1), (1, 2, 4, 2)), ((0, 2, 6, 3), (2, 1, 7, 4))),
    limits=(Limit(0, (0, 1), 4), Limit(1, (0,), 2)),
    curves={0: Curve(((20, 2), (0, 1)))},
    split=True,
    most=2,
    shift=0,
    first=0,
)


def test_nothing_is_decided_at_first() -> None:
    state = begun(MODEL)
    assert state.need == (3, 2)
    assert state.cells[0] == ((0, 3, 5 << SCALE, 1 << SCALE), (1, 2, 4 << SCALE, 2 << SCALE))
    assert state.fixed == (100 << SCALE, 50 << SCALE, 70 << SCALE)
    assert state.rooms == (Room(0, frozenset((0, 1)), 4), Room(1, frozenset((0,)), 2))
    assert (state.used, state.paid, state.grams, state.units, state.offers, state.bound) == (0, 0, {0: 0}, {}, (), 0)


def test_a_site_is_used_or_gives_nothing_or_little() -> None:
    state = begun(MODEL)
    used = opened(state, 1)
    assert (used.used, used.paid, used.fixed[:2]) == (2, 50 << SCALE, (100 << SCALE, 0))
    assert [[cell[0] for cell in row] for row in closed(state, 0).cells] == [[1], [2]]
    fewer = capped(state, 0, 0, 2)
    assert [cell[:2] for cell in fewer.cells[0]] == [(0, 2), (1, 2)]
    assert fewer.cells[1] == state.cells[1]
    assert [cell[:2] for cell in capped(state, 0, 1, 9).cells[0]] == [(0, 3), (1, 2)]
    assert [cell[:2] for cell in capped(state, 0, 0, 0).cells[0]] == [(1, 2)]


def test_units_are_committed_and_more_may_follow() -> None:
    state = committed(begun(MODEL), MODEL, 0, 0, 2)
    assert (state.need, state.used, state.grams, state.units) == ((1, 2), 1, {0: 20}, {(0, 0): 2})
    assert state.paid == 100 + 2 * 5 + 1 << SCALE
    assert state.cells[0] == ((0, 1, 5 << SCALE, 0), (1, 2, 4 << SCALE, 2 << SCALE))
    assert [room.left for room in state.rooms] == [2, 2]
    more = committed(state, MODEL, 0, 0, 1)
    assert (more.paid - state.paid, more.units, more.grams) == (5 << SCALE, {(0, 0): 3}, {0: 30})
    other = committed(more, MODEL, 1, 2, 1)
    assert (other.need, other.used, other.grams, [room.left for room in other.rooms]) == ((0, 1), 5, {0: 30}, [1, 2])
    assert other.paid - more.paid == 70 + 7 + 4 << SCALE
    second = committed(begun(MODEL), MODEL, 0, 1, 1)
    assert ([room.left for room in second.rooms], second.grams) == ([4, 1], {0: 0})


def test_what_no_plan_can_take_is_trimmed() -> None:
    state = begun(MODEL)
    tight = replace(state, rooms=(Room(0, frozenset((0, 1)), 2), Room(0, frozenset((1,)), 1)))
    kept = trimmed(tight, MODEL)
    assert kept is not None
    assert [[cell[:2] for cell in row] for row in kept.cells] == [[(0, 2), (1, 2)], [(0, 1), (2, 1)]]
    assert trimmed(replace(tight, rooms=(Room(0, frozenset((0, 1)), 0),)), MODEL) is None
    assert trimmed(replace(state, rooms=(Room(0, frozenset(), -1),)), MODEL) is None
    assert trimmed(replace(state, need=(-1, 2)), MODEL) is None
    assert trimmed(replace(state, used=0b111), MODEL) is None
    full = trimmed(replace(state, used=0b011), MODEL)
    assert full is not None
    assert [[cell[0] for cell in row] for row in full.cells] == [[0, 1], [0]]
    done = trimmed(replace(state, need=(0, 2)), MODEL)
    assert done is not None
    assert done.cells[0] == ()
    whole = trimmed(state, replace(MODEL, split=False))
    assert whole is not None
    assert [[cell[:2] for cell in row] for row in whole.cells] == [[(0, 3)], [(0, 2)]]


@pytest.mark.parametrize("rates", [((20, 2), (0, 1)), ((20, 1), (0, 3)), ((15, 1), (40, 4), (0, 2)), ((70, 1), (0, 2))])
@pytest.mark.parametrize("first", [0, 1, 2])
def test_a_line_below_freight_touches_it_and_is_never_above(rates: tuple[tuple[int, int], ...], first: int) -> None:
    curve = Curve(rates)
    changed = replace(MODEL, curves={0: curve})
    state = begun(changed)
    state = committed(state, changed, 0, 0, first) if first else state
    lined, sure = bent(state, changed)
    begins, ends = 10 * first, 10 * first + (3 - first) * 10 + 2 * 20
    start = sure if first else lined.fixed[0] - state.fixed[0]
    slope = (lined.cells[1][0][2] - state.cells[1][0][2]) // 20
    assert (lined.cells[0][0][2] - state.cells[0][0][2]) == slope * 10
    assert slope >> SCALE == (curve.at(ends) - curve.at(begins)) // (ends - begins)
    gaps = [(curve.at(grams) << SCALE) - start - slope * (grams - begins) for grams in range(begins, ends + 1)]
    assert min(gaps) == 0
    assert lined.cells[0][1] == state.cells[0][1]
    assert (lined.fixed[1:], lined.paid) == (state.fixed[1:], state.paid)
    if first:
        assert lined.fixed == state.fixed
    else:
        assert sure == 0


def test_freight_of_what_is_decided_is_sure() -> None:
    state = begun(MODEL)
    for line, units in ((0, 3), (1, 2)):
        state = committed(state, MODEL, line, 0, units)
    lined, sure = bent(state, MODEL)
    assert sure == 20 * 2 + 50 << SCALE
    assert lined.cells == state.cells


# what every better plan has in common


MARGINS = list(product((-7, -3, -1, 0, 1, 2, 5, 9), (1, 2, 3, 5), (0, 1, 4, 10), (0, 1, 3, 8, 20)))


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_what_a_better_plan_may_have_at_most(most: int) -> None:
    """Each count of units loses `piece` and what its share of the margin lacks; it may not lose over the spare."""
    for margin, need, piece, spare in MARGINS:
        may = [each for each in range(1, most + 1) if piece - Fraction(each * margin, need) <= spare]
        assert _at_most(margin, need, most, piece, spare) == max(may, default=0)


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_what_a_better_plan_must_have_at_least(most: int) -> None:
    """The bound has all units that gain; each count below loses what the rest would gain, none loses it all."""
    for margin, need, piece, spare in MARGINS:
        gain = Fraction(most * margin, need) - piece
        if margin <= 0 or gain <= spare:
            least = 0
        else:
            least = min(each for each in range(1, most + 1) if Fraction((most - each) * margin, need) <= spare)
        assert _at_least(margin, need, most, piece, spare) == least
