"""Reference data as the engine takes it: defaults, what cannot be read, and the id of its content."""

from __future__ import annotations

from typing import Any

import pytest

from oms.domain.sourcing.network import (
    NO_ZONE,
    UNREADABLE,
    network_id,
    read_network,
    read_nodes,
    read_product,
    read_tariff,
)
from oms.domain.sourcing.request import ESTIMATE, FREE, Calendar, Zone

ROW: dict[str, Any] = {"node_id": "n", "latitude": 50, "longitude": 8}
ALL: dict[str, Any] = {
    "name": "all", "up_to_km": 21_000, "transit_days": 2, "base": 5, "per_kg": [[1000, 3], [0, 2]]
}  # fmt: skip


def test_a_row_of_an_earlier_import_has_its_defaults() -> None:
    (known,) = read_nodes([ROW])
    node = known.having({"A": 3}, 7)
    assert (node.available, node.handling_days, node.calendar, node.costs) == ({"A": 3}, 1, None, FREE)
    assert (node.orders_left, node.load, node.capabilities, node.excluded) == (None, 0, (), "")


def test_a_row_is_read_whole() -> None:
    row = {**ROW, "capabilities": ["hazmat"], "time_zone": "Europe/Berlin", "cut_off": "12:30", "workdays": [0, 5],
           "holidays": ["2026-12-25"], "daily_orders": 10, "per_parcel": 3, "per_line": 2, "per_unit": 4, "zone": "all",
           "country": "DE", "handling_days": 0}  # fmt: skip
    (known,) = read_nodes([row])
    node = known.having({"A": 3, "B": 1}, 4)
    holidays = ("2026-12-25",)
    assert node.calendar == Calendar(time_zone="Europe/Berlin", cut_off="12:30", workdays=(0, 5), holidays=holidays)
    assert (node.costs.per_parcel, node.costs.per_line, node.costs.per_unit) == (3, 2, {"A": 4, "B": 4})
    assert (node.orders_left, node.load, node.zone, node.capabilities) == (6, 400, "all", ("hazmat",))
    assert (known.having({}, 11).orders_left, known.having({}, 11).load) == (0, 1000)


def test_a_node_that_takes_nothing_is_full() -> None:
    (known,) = read_nodes([{**ROW, "daily_orders": 0}])
    assert (known.having({}).orders_left, known.having({}).load) == (0, 1000)


@pytest.mark.parametrize(
    "wrong",
    [
        {"latitude": "north"},
        {"latitude": float("nan")},
        {"time_zone": "Moon/Crater"},
        {"time_zone": "Europe/Berlin", "cut_off": "25:00"},
        {"time_zone": "Europe/Berlin", "holidays": ["Christmas"]},
        {"per_unit": -1},
        {"per_parcel": -1},
        {"daily_orders": -1},
        {"handling_days": 10**6},
        {"capabilities": 7},
    ],
)
def test_what_cannot_be_read_is_left_out_and_the_others_stay(wrong: dict[str, Any]) -> None:
    first, second = read_nodes([{**ROW, **wrong}, {**ROW, "node_id": "m"}])
    assert (first.candidate.node_id, first.candidate.excluded) == ("n", UNREADABLE)
    assert not second.candidate.excluded


def test_a_zone_that_there_is_not_excludes_its_node() -> None:
    made = read_network(
        [{**ROW, "zone": "moon"}, {**ROW, "node_id": "m", "zone": "all", "active": False}], {"zones": [ALL]}
    )
    assert [known.candidate.excluded for known in made.nodes] == [NO_ZONE, "inactive"]
    assert made.tariff == (
        Zone(name="all", up_to_km=21_000.0, transit_days=2, base=5, per_kg=((1000, 3), (0, 2))),
    )  # fmt: skip


def test_without_a_tariff_it_is_the_estimate() -> None:
    assert read_tariff(None) == read_tariff({}) == ESTIMATE


def test_the_id_is_of_the_content() -> None:
    tariff = {"zones": [ALL]}
    same = network_id([dict(reversed(ROW.items()))], tariff)
    assert network_id([ROW], tariff) == same == read_network([ROW], tariff).network_id
    others = {network_id([{**ROW, "handling_days": 2}], tariff), network_id([ROW], None), network_id([], tariff)}
    assert len(others | {same}) == 4


def test_who_is_limited_and_what_is_asked_for() -> None:
    rows = [
        {**ROW, "daily_orders": 1},
        {**ROW, "node_id": "b", "daily_orders": 1, "active": False},
        {**ROW, "node_id": "c"},
    ]
    made = read_network(rows, None)
    assert (made.limited(), made.has_capabilities) == (("n",), False)
    assert read_network([{**ROW, "capabilities": ["hazmat"]}], None).has_capabilities
    assert [each.orders_left for each in made.candidates({}, {"n": 5})] == [0, 1, None]


@pytest.mark.parametrize("row", [{}, {"weight_g": -1}, {"weight_g": "x"}, {"needs": "hazmat"}, {"duty": 0.5}])
def test_a_product_of_which_nothing_sound_is_known(row: dict[str, Any]) -> None:
    assert (read_product(row).grams, read_product(row).needs, read_product(row).duty) == (0, (), 0)
