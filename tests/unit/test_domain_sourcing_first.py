"""First plans, from what a bound suggests and of the fewest parcels, against answers worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from oms.domain.sourcing.bounds import Room
from oms.domain.sourcing.fewest import fewest
from oms.domain.sourcing.fill import fill
from oms.domain.sourcing.terms import Limit, Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.domain.sourcing.terms import Cell

# plans from what a bound suggests


def filled(
    need: Sequence[int], cells: Sequence[Sequence[Cell]], rooms: Sequence[Room] = (), **changed: object
) -> tuple[dict[tuple[int, int], int], int] | None:
    given = {"fixed": (100, 50, 70), "suggested": 0, "split": True, **changed}
    fixed, suggested = given.pop("fixed"), given.pop("suggested")
    found = fill(need, cells, fixed, rooms, suggested, **given)  # type: ignore[arg-type]
    return None if found is None else (found.units, found.used)


ROW: tuple[Cell, ...] = ((0, 3, 10, 5), (1, 3, 20, 5), (2, 3, 30, 1))


def test_a_line_comes_from_where_it_costs_least_with_the_parcel() -> None:
    # 135, 115, 161
    assert filled((3,), (ROW,)) == ({(0, 1): 3}, 0b10)
    assert filled((3,), (ROW,), suggested=0b001) == ({(0, 0): 3}, 0b1)
    assert filled((3,), (ROW,), suggested=0b100) == ({(0, 2): 3}, 0b100)
    # the second line finds the site of the first in use
    assert filled((3, 1), (ROW, ((0, 1, 1, 0), (1, 1, 40, 0)))) == ({(0, 1): 3, (1, 1): 1}, 0b10)


def test_a_part_is_taken_where_no_site_has_all() -> None:
    row = ((0, 2, 10, 5), (1, 2, 20, 5))
    # by unit: 62.5 and 47.5; the rest has its second parcel
    assert filled((3,), (row,)) == ({(0, 1): 2, (0, 0): 1}, 0b11)
    assert filled((3,), (row,), split=False) is None
    assert filled((5,), (row,)) is None
    assert filled((0, 1), ((), ((2, 1, 1, 1),))) == ({(1, 2): 1}, 0b100)


def test_limits_are_shared() -> None:
    rooms = (Room(1, frozenset((0, 1)), 4),)
    two = (ROW, ROW)
    assert filled((3, 3), two, rooms) == ({(0, 1): 3, (1, 0): 3}, 0b11)
    narrow = (Room(1, frozenset((0,)), 2), Room(1, frozenset((0, 1)), 9))
    assert filled((3,), (ROW[1:2],), narrow) is None
    assert filled((3, 3), two, (Room(1, frozenset((0,)), 0),)) == ({(0, 0): 3, (1, 0): 3}, 0b1)
    # with limits, lines that one site alone fills come first, then the larger ones
    one_place = (((1, 3, 1, 0), (2, 3, 1, 0)), ((1, 2, 1, 0),))
    assert filled((3, 2), one_place, (Room(1, frozenset((0, 1)), 3),)) == ({(1, 1): 2, (0, 2): 3}, 0b110)
    assert filled((1, 3), ((ROW[0], ROW[1]), (ROW[0], ROW[1])), (Room(1, frozenset((0, 1)), 3),)) == (
        {(1, 1): 3, (0, 0): 1},
        0b11,
    )


def test_prices_of_limits_count_as_costs() -> None:
    rooms = (Room(1, frozenset((0,)), 3), Room(1, frozenset((0,)), 3))
    # 115 + 3 × 6 and 115 + 3 × 7, against 135
    assert filled((3,), (ROW,), rooms, prices=(6, 0)) == ({(0, 1): 3}, 0b10)
    assert filled((3,), (ROW,), rooms, prices=(3, 4)) == ({(0, 0): 3}, 0b1)


def test_whole_parts_of_a_guide_come_first() -> None:
    guide = {(0, 2): 2.0000004, (0, 0): 0.9999999}
    assert filled((3,), (ROW,), guide=guide) == ({(0, 0): 1, (0, 2): 2}, 0b101)
    assert filled((3,), (ROW,), guide={(0, 2): 1.9}) == ({(0, 2): 1, (0, 1): 2}, 0b110)
    assert filled((3,), (ROW,), guide={(0, 2): 2.0}, split=False) == ({(0, 1): 3}, 0b10)
    assert filled((3,), (ROW,), guide={(0, 2): 3.0}, split=False) == ({(0, 2): 3}, 0b100)
    assert filled((3,), (ROW,), guide={(0, 2): 4.0}) == ({(0, 1): 3}, 0b10)
    # what is due once has been paid: 2 × 10 against 2 × 9.9 + 5
    again = (((0, 3, 100, 50), (1, 3, 99, 50)),)
    assert filled((3,), again, fixed=(0, 0), guide={(0, 0): 1.0}) == ({(0, 0): 3}, 0b1)


def test_a_guide_keeps_to_the_limits() -> None:
    assert filled((3,), (ROW,), (Room(1, frozenset((0,)), 2),), guide={(0, 1): 3.0}) == ({(0, 1): 2, (0, 2): 1}, 0b110)


def test_without_limits_lines_are_filled_in_their_order() -> None:
    cells = (((0, 1, 0, 0), (1, 1, 5, 0)), ((0, 3, 9, 0), (1, 3, 0, 0)))
    assert filled((1, 3), cells, fixed=(10, 12)) == ({(0, 0): 1, (1, 1): 3}, 0b11)


def test_costs_are_whole_numbers_of_any_size() -> None:
    assert filled((1,), (((0, 1, 10**20 + 1, 0), (1, 1, 10**20, 0)),), fixed=(0, 0)) == ({(0, 1): 1}, 0b10)


# the fewest parcels


def counted(need: tuple[int, ...], *rows: Sequence[tuple[int, int]], **changed: object) -> int:
    """`rows` are (site, units at most) by line; sites cost 1, 2, 3, …"""
    cells = tuple([tuple([(site, most, 0, 0) for site, most in row]) for row in rows])
    made = Model(
        need=need,
        grams=(0,) * len(need),
        fixed=tuple(range(1, 21)),
        cells=cells,
        limits=(),
        curves={},
        split=True,
        most=20,
        shift=0,
        first=0,
    )
    return fewest(replace(made, **changed))  # type: ignore[arg-type]


def test_the_fewest_sites_and_the_cheapest_of_these() -> None:
    assert counted((1, 1), [(0, 1), (2, 1)], [(1, 1), (2, 1), (3, 1)]) == 0b100
    assert counted((1, 1), [(0, 1), (2, 1)], [(1, 1), (3, 1)]) == 0b011
    assert counted((1, 1), [(0, 1), (2, 1)], [(1, 1), (3, 1)], fixed=(9, 9, 1, 1)) == 0b1100
    assert counted((1,), [(0, 1), (1, 1)]) == 0b1
    assert counted((1, 1), [(0, 1)], [(1, 1)], most=2) == 0b11
    assert counted((1, 1), [(0, 1)], [(1, 1)], most=1) == 0


def test_parts_of_a_line_come_together() -> None:
    assert counted((3,), [(0, 1), (1, 2), (2, 2)]) == 0b011
    assert counted((3,), [(0, 1), (1, 1), (2, 2)]) == 0b101
    assert counted((4,), [(0, 1), (1, 2), (2, 2)]) == 0b110
    assert counted((3,), [(0, 1), (2, 3)]) == 0b100
    assert counted((9,), [(0, 1), (1, 2), (2, 2)]) == 0
    assert counted((2, 2), [(0, 2), (1, 2)], [(0, 1), (2, 1)]) == 0b101


def test_limits_are_looked_at_too() -> None:
    both = ([(0, 2), (1, 2), (2, 2)], [(0, 2), (1, 2), (2, 2)])
    assert counted((2, 2), *both) == 0b001
    assert counted((2, 2), *both, limits=(Limit(0, (0, 1), 3),)) == 0b010
    assert counted((2, 2), *both, limits=(Limit(0, (0, 1), 3), Limit(1, (0, 1), 1))) == 0b100
    tight = (Limit(0, (0, 1), 3), Limit(1, (0, 1), 1), Limit(2, (0, 1), 2))
    assert counted((2, 2), *both, limits=tight) == 0b011
    assert counted((2, 2), *both, limits=tight, fixed=(1, 9, 1)) == 0b101
    # what a site has counts where its limit is wider, and where it has none
    uneven = ([(0, 1), (1, 2), (2, 2)], [(0, 2), (1, 1)])
    assert counted((2, 2), *uneven, limits=(Limit(0, (0, 1), 9),)) == 0b011
    assert counted((2, 2), *uneven, limits=(Limit(1, (0, 1), 0),)) == 0b101
    assert counted((2, 2), *uneven, limits=(Limit(0, (0, 1), 1), Limit(1, (0, 1), 2))) == 0b111


def test_twelve_sites_are_looked_at_together() -> None:
    rows = [[(site, 1)] for site in range(12)]
    assert counted((1,) * 12, *rows) == 0xFFF
    assert counted((1,) * 13, *rows, [(12, 1)]) == 0
    assert counted((1,), [(site, 1) for site in range(13)], fixed=(5,) * 11 + (3, 1)) == 1 << 11
